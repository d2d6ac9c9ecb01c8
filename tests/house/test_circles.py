"""No files that import each other in a loop: at the top, inside a function, or for types alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("api", "chain", "finance", "oracle", "scripts")


def modules(root: Path) -> dict[str, Path]:
    """Every file by the name it is imported by; a package's by the package's."""
    files = [path for room in ROOMS for path in sorted((root / room).rglob("*.py"))]
    return {
        ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): file
        for file in files
    }


def imported(file: Path, known: dict[str, Path]) -> Iterator[str]:
    """The files that one imports: of `from package import name` the package's, unless `name` is a file."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            for each in node.names:
                inner = f"{node.module}.{each.name}"
                yield inner if inner in known else node.module


def order(root: Path) -> list[str]:
    """All files, each after what it imports. Raises CycleError."""
    known = modules(root)
    edges = {name: {each for each in imported(file, known) if each != name} for name, file in known.items()}
    return list(TopologicalSorter(edges).static_order())


def test_no_circle_of_files() -> None:
    assert len(order(ROOT)) > 400


def test_a_circle_is_found(tmp_path: Path) -> None:
    """Also one that is closed inside a function only."""
    for name, text in {
        "chain/one.py": "from chain.two import x",
        "chain/two.py": "def late():\n    from chain import one",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "chain/__init__.py").write_text("")
    with pytest.raises(CycleError, match="cycle"):
        order(tmp_path)
