"""Compiled contracts: ABI and bytecode by name, compiled again when the sources have changed.

There is one compiler configuration, `brownie-config.yaml`, and one place for the result, `build/contracts`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from chain.errors import ToolchainError
from finance.registry import Registry

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
SET_UP = 'run "make setup"'


THEIRS: Final[Registry[dict[str, Any]]] = Registry({}, "penstock.artifacts")
"""Contracts that other packages bring, compiled: abi, bytecode and deployedBytecode, by their names."""


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def source_digest(root: Path = ROOT) -> str:
    """SHA-256 over everything the bytecode depends on: the Solidity sources, the compiler settings of
    brownie-config.yaml and the locked versions of compiler and contract library."""
    digest = hashlib.sha256()
    files = sorted((root / "contracts").rglob("*.sol"))
    for path in [*files, root / "brownie-config.yaml", root / "package-lock.json"]:
        if path.exists():
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_stale(root: Path = ROOT) -> bool:
    """True when `build/contracts` is not known to come from the sources as they are now."""
    stamp = root / "build" / "penstock-sources.sha256"
    built = next((root / "build" / "contracts").glob("*.json"), None)
    return built is None or not stamp.exists() or stamp.read_text() != source_digest(root)


LACKS = "not found: contracts/"
"""What the compiler says where it was not given a source."""


def _brownie(root: Path) -> list[str]:
    here = Path(sys.executable).parent
    beside = f"{here}{os.pathsep}{root / '.venv' / 'bin'}"
    program = shutil.which("brownie", path=beside) or shutil.which("brownie")
    if program is None:
        raise ToolchainError(f"brownie, which compiles the contracts, is not installed: {SET_UP}")
    if not (root / "node_modules" / "@openzeppelin" / "contracts").is_dir():
        raise ToolchainError(f"node_modules/@openzeppelin/contracts is missing: {SET_UP}")
    return [program, "compile"]


@contextmanager
def _one_at_a_time(root: Path) -> Iterator[None]:
    """Two processes that compile into one folder would mix their results, so the second one waits."""
    (root / "build").mkdir(exist_ok=True)
    with open(root / "build" / "penstock-compile.lock", "w") as handle:
        try:
            import fcntl
        except ImportError:  # Windows: no lock, as before
            yield
            return
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _project(root: Path, beside: Path, anew: bool) -> Path:
    """What brownie needs of the project, in a folder of its own: it writes over what others are reading. With
    what it made the last time, which it does not make again, unless all is made `anew`."""
    for name in ("contracts",) if anew else ("contracts", "build/contracts"):
        if (root / name).is_dir():
            shutil.copytree(root / name, beside / name)
    shutil.copy(root / "brownie-config.yaml", beside)
    (beside / "node_modules").symlink_to((root / "node_modules").resolve())
    return beside


def _publish(made: Path, to: Path) -> None:
    """Put artifacts in their place, each at once; others go."""
    to.mkdir(parents=True, exist_ok=True)
    names = {path.name for path in made.glob("*.json")}
    for name in names:
        os.replace(made / name, to / name)
    for path in to.glob("*.json"):
        if path.name not in names:
            path.unlink()


def ensure_compiled(root: Path = ROOT, say: Callable[[str], None] = _say) -> bool:
    """Compile the contracts if their sources have changed since the last time; True if it did.

    Raises ToolchainError when the tools are missing or the compiler finds errors (with its words).
    """
    if not is_stale(root):
        return False
    with _one_at_a_time(root):
        if not is_stale(root):
            return False
        digest = source_digest(root)
        say("compiling the contracts ...")
        # A source that has changed may import one that has not, which brownie does not give the compiler.
        _make(root, anew=False) or _make(root, anew=True)
        (root / "build" / "penstock-sources.sha256").write_text(digest)
        _load.cache_clear()
        error_abis.cache_clear()
    return True


def _make(root: Path, anew: bool) -> bool:
    """Compile and publish; False if that lacks a source of the project, which it has `anew`. Raises
    ToolchainError."""
    environment = dict(os.environ)
    environment.setdefault("SOLCX_BINARY_PATH", str(root / ".toolchain" / "solcx"))
    with TemporaryDirectory(dir=root / "build", prefix="compile-") as beside:
        done = subprocess.run(
            _brownie(root),
            cwd=_project(root, Path(beside), anew),
            env=environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        output = done.stdout + done.stderr
        if not anew and LACKS in output:
            return False
        # brownie compile exits 0 whatever the compiler says.
        if done.returncode or "CompilerError" in output or "Traceback" in output or "ERROR" in output:
            raise ToolchainError(f"the contracts do not compile:\n{output[-4000:]}")
        _publish(Path(beside) / "build" / "contracts", root / "build" / "contracts")
    return True


@lru_cache(maxsize=256)
def _load(path: Path, _changed: int) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def artifact(name: str, root: Path = ROOT) -> dict[str, Any]:
    """The whole brownie artifact of contract `name`: abi, bytecode, deployedBytecode, compiler, ...

    Compiles nothing; raises ToolchainError if there is no such artifact, here or in another package.
    """
    path = root / "build" / "contracts" / f"{name}.json"
    try:
        return _load(path, path.stat().st_mtime_ns)
    except OSError:
        if name in THEIRS:
            return THEIRS[name]
        raise ToolchainError(f"there is no compiled contract {name} in build/contracts: {SET_UP}") from None


def abi(name: str) -> list[dict[str, Any]]:
    """The ABI of contract or interface `name`."""
    found: list[dict[str, Any]] = artifact(name)["abi"]
    return found


def bytecode(name: str) -> str:
    """The creation bytecode of contract `name`, 0x-prefixed; raises ToolchainError for an interface or an
    unlinked library."""
    code = artifact(name).get("bytecode") or ""
    if not code or "_" in code:
        raise ToolchainError(f"{name} has no code to deploy: an interface, abstract, or to be linked")
    return code if code.startswith("0x") else "0x" + code


def compiler() -> dict[str, Any]:
    """Version and settings the deal factory was compiled with, for the deployment record."""
    found = artifact("DealFactory").get("compiler") or {}
    return {
        "version": str(found.get("version", "unknown")),
        "evm_version": str(found.get("evm_version", "unknown")),
        "optimizer_runs": (found.get("optimizer") or {}).get("runs"),
        "sources": "sha256:" + source_digest(),
    }


@lru_cache(maxsize=1)
def error_abis() -> list[dict[str, Any]]:
    """Every custom error any compiled contract declares, once each."""
    seen: dict[str, dict[str, Any]] = {}
    ours = [_load(path, path.stat().st_mtime_ns) for path in sorted((BUILD / "contracts").glob("*.json"))]
    for made in (*ours, *THEIRS.values()):
        for entry in made["abi"]:
            if entry.get("type") == "error":
                seen.setdefault(json.dumps([entry["name"], [i["type"] for i in entry["inputs"]]]), entry)
    return list(seen.values())
