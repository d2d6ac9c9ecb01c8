#!/usr/bin/env python3
"""Ask the registry whether the locked packages install on every Python they are for; nothing is installed.

Every package must come as a wheel, but for a few that are plain Python. Answers are kept until a lock
changes; where no registry answers this says so and is skipped, which fails under PENSTOCK_STRICT.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STAMP = ROOT / ".toolchain" / "stamps" / "resolver"
sys.path.insert(0, str(ROOT))

from tools.bootstrap import RUNS, TESTS  # noqa: E402

PLAIN_PYTHON = frozenset({"julian", "pygments-lexer-solidity"})
"""Published as source only; needs no compiler."""
AWAY = re.compile(
    r"Failed to fetch|error sending request|[Cc]onnect(ion)? (error|refused)|dns error|timed out"
)
PLANS = [
    (lock, minor)
    for lock, (first, last) in (("run", RUNS), ("test", TESTS))
    for minor in range(first, last + 1)
]


def lock_file(lock: str) -> Path:
    return ROOT / "requirements" / f"{lock}.lock"


def complaint(plan: tuple[str, int]) -> str:
    """What uv says against installing a lock on Python 3.`minor`; empty if nothing."""
    lock, minor = plan
    names = set(re.findall(r"^([a-z0-9_.-]+)==", lock_file(lock).read_text(), re.M)) - PLAIN_PYTHON
    wheels = [word for name in sorted(names) for word in ("--only-binary", name)]
    with tempfile.TemporaryDirectory() as target:
        command = [
            sys.executable,
            "-m",
            "uv",
            "pip",
            "install",
            "--dry-run",
            "-q",
            "--system-certs",
            "--no-deps",
        ]
        command += ["--python-version", f"3.{minor}", *wheels, "--target", target]
        command += ["--require-hashes", "-r", str(lock_file(lock))]
        done = subprocess.run(command, capture_output=True, text=True)
    return done.stderr.strip() if done.returncode else ""


def main() -> int:
    digest = hashlib.sha256(Path(__file__).read_bytes() + repr(PLANS).encode())
    for lock in ("run", "test"):
        digest.update(lock_file(lock).read_bytes())
    if STAMP.is_file() and STAMP.read_text() == digest.hexdigest():
        return 0
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(complaint, PLANS))
    wrong = [(*plan, words) for plan, words in zip(PLANS, said, strict=True) if words]
    if wrong and all(AWAY.search(words) for _, _, words in wrong):
        print(
            f"resolver: skipped, no package registry answers: {wrong[0][2].splitlines()[-1]}", file=sys.stderr
        )
        return int(bool(os.environ.get("PENSTOCK_STRICT")))
    for lock, minor, words in wrong:
        print(
            f"resolver: requirements/{lock}.lock does not install on Python 3.{minor}:\n{words}",
            file=sys.stderr,
        )
    if not wrong:
        STAMP.parent.mkdir(parents=True, exist_ok=True)
        STAMP.write_text(digest.hexdigest())
        print("resolver: " + ", ".join(f"{lock}.lock on 3.{minor}" for lock, minor in PLANS))
    return int(bool(wrong))


if __name__ == "__main__":
    raise SystemExit(main())
