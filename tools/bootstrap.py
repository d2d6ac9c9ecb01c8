#!/usr/bin/env python3
"""Set Penstock up in this folder: environment, pinned packages, chain, compiler.

Needs Python 3.11 to 3.14 and Node.js >= 20 and nothing else; standard library only. Each step is
skipped when its inputs have not changed since it last finished, so a second run does nothing.
Arguments: `tests` for the tools of `make test` too (kept up to date from then on), `schemathesis` or
`halmos` for that tool in an environment of its own, `--named` when the user has chosen this Python, so that
no other is looked for.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
APART = ("schemathesis", "halmos")
"""Tools in environments of their own: schemathesis needs a hypothesis much newer than the one eth-brownie
holds, halmos a z3 of its own, and it is AGPL."""
STAMPS = ROOT / ".toolchain" / "stamps"
SOLC_VERSION = "0.8.37"
MIN_NODE = 20

# First and last minor version of Python 3 for which the locked packages have wheels; tools/resolver.py asks
# the registry. immutables, which eth-brownie needs, stops at 3.13, and pyrevm of the tests at 3.12.
RUNS, WITH_BROWNIE, TESTS = (11, 14), (11, 13), (11, 12)
PYTHONS = ("python3.13", "python3.12", "python3.11", "python3.14")
PROBE = "import ensurepip, sys, venv; print(sys.version_info[0], sys.version_info[1])"

# Runs at every start of the environment's Python, so that `.venv/bin/brownie` finds the compiler
# and the local chains from any shell, without writing into the user's home folder.
ENVIRONMENT_HOOK = (
    "import os, sys; _r = os.path.dirname(sys.prefix); "
    "os.environ.setdefault('SOLCX_BINARY_PATH', os.path.join(_r, '.toolchain', 'solcx')); "
    "_b = os.path.join(_r, 'node_modules', '.bin'); "
    "os.environ['PATH'] = os.environ.get('PATH', '') if _b in os.environ.get('PATH', '') "
    "else _b + os.pathsep + os.environ.get('PATH', '')\n"
)


def fail(message: str) -> NoReturn:
    print(f"penstock set-up: {message}", file=sys.stderr)
    raise SystemExit(2)


@functools.lru_cache(maxsize=None)  # noqa: UP033 - old Pythons read this file too, to say that they are old
def minor_version(python: str) -> int | None:
    """Minor version of a Python 3 that can make environments; None if it is not there or cannot."""
    try:
        done = subprocess.run([python, "-c", PROBE], capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    major, _, minor = done.stdout.strip().partition(" ")
    return int(minor) if done.returncode == 0 and major == "3" else None


def base_of_environment() -> list[str]:
    """The Python of the environment that is here, so that set-up does not go to and fro between two."""
    settings = VENV / "pyvenv.cfg"
    lines = settings.read_text().splitlines() if settings.is_file() else []
    return [
        value.strip()
        for key, _, value in (line.partition("=") for line in lines)
        if key.strip() == "executable"
    ]


def choose_python(tests: bool, named: bool) -> str:
    """The Python to set up with: this one, unless it cannot and another can; fails if there is none."""
    here = [sys.executable] if named else [*base_of_environment(), sys.executable, *PYTHONS]
    for first, last in [TESTS] if tests else [WITH_BROWNIE, RUNS]:
        for python in here:
            version = minor_version(python)
            if version is not None and first <= version <= last:
                return python
    first, last = TESTS if tests else RUNS
    have = ".".join(map(str, sys.version_info[:3]))
    lacks = minor_version(sys.executable) is None and sys.version_info >= (3, first)
    why = (
        f"{sys.executable} lacks its venv module (on Debian and Ubuntu: apt-get install python3-venv)"
        if lacks
        else f"{sys.executable} is {have}"
    )
    others = "" if named else ", and no other that is looked for on PATH (python3.11, ...) does"
    fail(
        f"{'the tools of make test need' if tests else 'Penstock needs'} Python 3.{first} to 3.{last}: "
        f"{why}{others}. "
        f"Install one, or name it: make PYTHON=python3.{last} {'test' if tests else 'demo'}"
    )


def check_node() -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        fail(
            "Node.js >= 20 with npm is needed (it brings the local chain and the Solidity compiler) and "
            f"{'node' if node is None else 'npm'} is not on PATH. See https://nodejs.org"
        )
    text = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(text.lstrip("v").split(".")[0]) < MIN_NODE:
        fail(f"Node.js >= {MIN_NODE} is needed and {node} is {text}")


def run(*command: str | Path) -> None:
    done = subprocess.run([str(c) for c in command], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout[-4000:], done.stderr[-4000:], sep="\n", file=sys.stderr)
        fail(f"this step failed: {' '.join(map(str, command))}")


def step(name: str, inputs: list[Path], product: Path, action: Callable[[], None]) -> None:
    """Run `action` unless `product` exists and `inputs` are as they were when it last finished."""
    digest = hashlib.sha256(ENVIRONMENT_HOOK.encode() + sys.version.encode())
    for path in inputs:
        digest.update(path.read_bytes())
    stamp = STAMPS / name.replace(" ", "-")
    if product.exists() and stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    print(f"set-up: {name} ...", end=" ", flush=True)
    start = time.monotonic()
    stamp.unlink(missing_ok=True)
    action()
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(digest.hexdigest())
    print(f"{time.monotonic() - start:.0f} s", flush=True)


def pip(*arguments: str) -> None:
    run(PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", *arguments)


def install_locked(lock: str, python: Path) -> None:
    """Install a lock file's packages into the environment of `python`."""
    locked = ["--require-hashes", "-r", f"requirements/{lock}.lock"]
    uv = [str(PYTHON), "-m", "uv", "pip", "install", "-q", "--system-certs", "--python", str(python), *locked]
    # Once, for ten to twenty seconds; else each start pays a second for it wherever bytecode is not kept.
    uv.append("--compile-bytecode")
    if subprocess.run(uv, cwd=ROOT, capture_output=True).returncode:
        # Slower, but honours a local pip configuration (mirrors, proxies).
        run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *locked)


def install_python_packages() -> None:
    run(sys.executable, "-m", "venv", "--clear", VENV)
    pip("--require-hashes", "-r", "requirements/bootstrap.lock")
    install_locked("run", PYTHON)
    if sys.version_info[1] > WITH_BROWNIE[1]:
        print(f"without brownie, which has no wheels for Python 3.{sys.version_info[1]};", end=" ")
    site = next((VENV / "lib").glob("python*/site-packages"), VENV / "Lib" / "site-packages")
    (site / "penstock_environment.pth").write_text(ENVIRONMENT_HOOK)


def install_test_tools() -> None:
    install_locked("test", PYTHON)


def install_penstock() -> None:
    pip("--no-deps", "--no-build-isolation", "-e", ".")


def install_node_packages() -> None:
    # Not `npm ci`: it insists that the lock lists Foundry's optional packages for every platform, while
    # a registry mirror may carry only some. `install` takes the locked versions and hashes all the same.
    run("npm", "install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error")


def python_of(tool: str) -> Path:
    return ROOT / ".toolchain" / tool / PYTHON.relative_to(VENV)


def install_apart(tool: str) -> None:
    run(sys.executable, "-m", "venv", "--clear", ROOT / ".toolchain" / tool)
    install_locked(tool, python_of(tool))


def install_compiler() -> None:
    target = ROOT / ".toolchain" / "solcx" / f"solc-v{SOLC_VERSION}"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    target.symlink_to(Path("..") / ".." / "tools" / "solc-js.cjs")
    run(target, "--version")


def main() -> int:
    words = set(sys.argv[1:])
    python = choose_python("tests" in words, "--named" in words)
    if os.path.realpath(python) != os.path.realpath(sys.executable):
        return subprocess.call([python, __file__, "--named", *words])
    command = PYTHON.parent / ("penstock.exe" if os.name == "nt" else "penstock")
    ruff = command.with_name(command.name.replace("penstock", "ruff"))
    tests = "tests" in words or (
        ruff.exists() and sys.version_info[1] <= TESTS[1]
    )  # once there, kept up to date
    check_node()
    locks = [ROOT / "requirements" / name for name in ("run.lock", "bootstrap.lock")]
    step("python packages", locks, PYTHON, install_python_packages)
    step("penstock itself", [ROOT / "pyproject.toml"], command, install_penstock)
    if tests:
        locks.append(ROOT / "requirements" / "test.lock")
        step("test tools", locks, ruff, install_test_tools)
    step("node packages", [ROOT / "package-lock.json"], ROOT / "node_modules" / "solc", install_node_packages)
    compiler = ROOT / ".toolchain" / "solcx" / f"solc-v{SOLC_VERSION}"
    step("solidity compiler", [ROOT / "tools" / "solc-js.cjs"], compiler, install_compiler)
    for tool in words.intersection(APART):
        lock = ROOT / "requirements" / f"{tool}.lock"
        step(tool, [lock], python_of(tool), functools.partial(install_apart, tool))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
