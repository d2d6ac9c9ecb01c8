#!/usr/bin/env python3
"""Set Penstock up in this folder: environment, pinned packages, chain, compiler.

Needs Python >= 3.11 and Node.js >= 20 and nothing else; standard library only. Each step is
skipped when its inputs have not changed since it last finished, so a second run does nothing.
With the argument `schemathesis` also that fuzzer of web interfaces, in an environment of its own.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
SCHEMATHESIS = ROOT / ".toolchain" / "schemathesis"
STAMPS = ROOT / ".toolchain" / "stamps"
SOLC_VERSION = "0.8.37"
MIN_PYTHON, MIN_NODE = (3, 11), 20

# Runs at every start of the environment's Python, so that `.venv/bin/brownie` finds the compiler
# and the local chains from any shell, without writing into the user's home folder.
ENVIRONMENT_HOOK = (
    "import os, sys; _r = os.path.dirname(sys.prefix); "
    "os.environ.setdefault('SOLCX_BINARY_PATH', os.path.join(_r, '.toolchain', 'solcx')); "
    "_b = os.path.join(_r, 'node_modules', '.bin'); "
    "os.environ['PATH'] = os.environ.get('PATH', '') if _b in os.environ.get('PATH', '') "
    "else _b + os.pathsep + os.environ.get('PATH', '')\n"
)


def fail(message: str) -> None:
    print(f"penstock set-up: {message}", file=sys.stderr)
    raise SystemExit(2)


def check_python() -> None:
    if sys.version_info < MIN_PYTHON:
        have = ".".join(map(str, sys.version_info[:3]))
        fail(
            f"Python >= 3.11 is needed and {sys.executable} is {have}. "
            "Install a newer one, or name it: make PYTHON=python3.12 demo"
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        fail("Python's venv module is missing (on Debian and Ubuntu: apt-get install python3-venv)")


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
    if subprocess.run(uv, cwd=ROOT, capture_output=True).returncode:
        # Slower, but honours a local pip configuration (mirrors, proxies).
        run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *locked)


def install_python_packages() -> None:
    run(sys.executable, "-m", "venv", "--clear", VENV)
    pip("--require-hashes", "-r", "requirements/bootstrap.lock")
    install_locked("project", PYTHON)
    site = next((VENV / "lib").glob("python*/site-packages"), VENV / "Lib" / "site-packages")
    (site / "penstock_environment.pth").write_text(ENVIRONMENT_HOOK)


def install_penstock() -> None:
    pip("--no-deps", "--no-build-isolation", "-e", ".")


def install_node_packages() -> None:
    # Not `npm ci`: it insists that the lock lists Foundry's optional packages for every platform, while
    # a registry mirror may carry only some. `install` takes the locked versions and hashes all the same.
    run("npm", "install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error")


def install_schemathesis() -> None:
    # It needs a hypothesis much newer than the one eth-brownie holds.
    run(sys.executable, "-m", "venv", "--clear", SCHEMATHESIS)
    install_locked("schemathesis", SCHEMATHESIS / PYTHON.relative_to(VENV))


def install_compiler() -> None:
    target = ROOT / ".toolchain" / "solcx" / f"solc-v{SOLC_VERSION}"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    target.symlink_to(Path("..") / ".." / "tools" / "solc-js.cjs")
    run(target, "--version")


def main() -> None:
    check_python()
    check_node()
    locks = [ROOT / "requirements" / name for name in ("project.lock", "bootstrap.lock")]
    step("python packages", locks, PYTHON, install_python_packages)
    command = PYTHON.parent / ("penstock.exe" if os.name == "nt" else "penstock")
    step("penstock itself", [ROOT / "pyproject.toml"], command, install_penstock)
    step("node packages", [ROOT / "package-lock.json"], ROOT / "node_modules" / "solc", install_node_packages)
    compiler = ROOT / ".toolchain" / "solcx" / f"solc-v{SOLC_VERSION}"
    step("solidity compiler", [ROOT / "tools" / "solc-js.cjs"], compiler, install_compiler)
    if "schemathesis" in sys.argv[1:]:
        lock = ROOT / "requirements" / "schemathesis.lock"
        step("schemathesis", [lock], SCHEMATHESIS / PYTHON.relative_to(VENV), install_schemathesis)


if __name__ == "__main__":
    main()
