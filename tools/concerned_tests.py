"""Which test files concern a function: those that were seen to call it, else those that import its module."""

from __future__ import annotations

import ast
import json
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / ".toolchain" / "calls.json"
Calls = dict[str, dict[str, Any]]
"""By test file: its `digest`, its `seconds`, and by file of ours the functions that it `calls`."""


class KnownCalls:
    """What was seen of the test files of some folders below `root`, kept until they change."""

    def __init__(self, root: Path, folders: list[str]) -> None:
        self._digests = {
            path.relative_to(root).as_posix(): sha256(path.read_bytes()).hexdigest()
            for folder in folders
            for path in sorted((root / folder).glob("test_*.py"))
        }
        self._kept: Calls = json.loads(KEPT.read_text()) if KEPT.exists() else {}

    @property
    def calls(self) -> Calls:
        """Of the files as they are now."""
        found = {test: self._kept.get(test, {}) for test in self._digests}
        return {test: seen for test, seen in found.items() if seen.get("digest") == self._digests[test]}

    @property
    def unknown(self) -> list[str]:
        """Test files that are still to be run, under tools/calls.py."""
        return [test for test in self._digests if test not in self.calls]

    def add(self, found: Calls) -> None:
        for test, seen in found.items():
            self._kept[test] = seen | {"digest": self._digests[test]}
        KEPT.write_text(json.dumps(self._kept))


def callers(file: str, function: str, calls: Calls, most: float) -> list[str]:
    """The test files that call a function, and then those that call anything of its file, for a function may
    have been called before them, by an import: those named like it and the quickest first, as many as take
    `most` seconds in all, but at least one."""
    stem = Path(file).stem
    found = [test for test, seen in calls.items() if file in seen["calls"]]
    found.sort(
        key=lambda test: (
            function not in calls[test]["calls"][file],
            stem not in test,
            calls[test]["seconds"],
        )
    )
    spent = accumulate(calls[test]["seconds"] for test in found)
    return [test for test, seconds in zip(found, spent, strict=True) if seconds < most] or found[:1]


def imported(path: Path) -> set[str]:
    """Names of modules that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def nearest(module: str, folders: tuple[str, ...]) -> list[str]:
    """Test files that reach a module by imports, those of its name and the shortest way first."""
    rooms = ("api", "chain", "finance", "oracle", "scripts", "tests")
    paths = [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    files = {p.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."): p for p in paths}
    by_name = {name.rsplit(".", 1)[-1]: name for name in files if name.startswith("tests.")}
    reach: dict[str, set[str]] = {}
    for name, path in files.items():
        reach[name] = {by_name.get(n, n) for n in imported(path)}
    package = module.removesuffix(".__init__")
    distance = {module: 0, package: 0}
    edge = {module, package}
    while edge:
        users = {name for name, uses in reach.items() if uses & edge and name not in distance}
        users |= {name.removesuffix(".__init__") for name in users}
        step = max(distance.values()) + 1
        distance |= {name: step for name in users if name not in distance}
        edge = users
    stem = package.rsplit(".", 1)[-1]
    wanted = [
        (
            stem not in name,
            distance[name],
            files[name].stat().st_size,
            files[name].relative_to(ROOT).as_posix(),
        )
        for name in files
        if name in distance
        and files[name].name.startswith("test_")
        and name.replace(".", "/").startswith(folders)
    ]
    return [file for *_, file in sorted(wanted)]
