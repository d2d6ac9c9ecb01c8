#!/usr/bin/env python3
"""Break the code on purpose, one small change at a time, and see whether the tests notice.

A seeded sample of changes is drawn from each room (a comparison, a sign, a constant, a condition); each is
made in a copy of the tree, and the test files that call the changed function are run on it until one fails.
In finance they are found by running all its tests without a change, when they must pass, and later those that
have changed; in other rooms by their imports. A change that no test notices is a survivor: it wants a test
from outside, or if no test could ever tell it from the original, a line with its reason in
tests/equivalent_mutants.toml. PENSTOCK_SEED repeats a run.

Not one of the mutation libraries: they change everything (hours here) and in one process, where our commands,
nodes and chains are processes of their own.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from queue import Queue
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.concerned_tests import Calls, KnownCalls, callers, nearest  # noqa: E402

ROOMS = {
    "finance/settlement": ("tests/settlement", "tests/finance"),
    "finance/pricing": ("tests/finance",),
    "oracle": ("tests/oracle",),
    "chain": ("tests/chain",),
}
"""What is changed, and where the tests are that should notice."""
MARK = 0.9
EQUIVALENT = ROOT / "tests" / "equivalent_mutants.toml"
SHARED = ("node_modules", "build", ".toolchain", ".venv")
ELSEWHERE = ("oracle", "chain")
"""Rooms whose code runs in processes of its own as well, where calls are not seen: there the tests that reach
a module by imports are run."""
MOST_SECONDS = 300
"""How long the first tests of a mutant may take. One that hangs is noticed, if they take less than half as
long without the change."""
FIRST_FILES = 8
"""Test files that are run first where all are found by imports."""

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Add, ast.Pow: ast.Mult,
}  # fmt: skip
_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    """One change: `line` of `file` said `was` and says `became`."""

    file: str
    line: int
    was: str
    became: str


@dataclass(frozen=True)
class Verdict:
    mutant: Mutant
    how: str  # killed, hung, survived or equivalent
    by: str
    seconds: float


# ---------------------------------------------------------------- changes


def changes(node: ast.AST) -> Iterator[Callable[[ast.AST], None]]:
    """What can be done to a node (of a copy of the tree, in place)."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in _COMPARISONS:
            yield lambda n: setattr(n, "ops", [_COMPARISONS[type(n.ops[0])]()])  # type: ignore[attr-defined]
        case ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in _OPERATORS and not _is_text(node):
            yield lambda n: setattr(n, "op", _OPERATORS[type(n.op)]())  # type: ignore[attr-defined]
        case ast.BoolOp():
            yield lambda n: setattr(n, "op", ast.Or() if isinstance(n.op, ast.And) else ast.And())  # type: ignore[attr-defined]
        case ast.UnaryOp(op=ast.Not() | ast.USub()) if not isinstance(node.operand, ast.Constant):
            yield (
                lambda n: (
                    setattr(n, "operand", ast.UnaryOp(ast.Not(), n.operand))  # type: ignore[attr-defined]
                    if isinstance(n.op, ast.Not)  # type: ignore[attr-defined]
                    else setattr(n, "op", ast.UAdd())
                )
            )
        case ast.Constant(value=bool()):
            yield lambda n: setattr(n, "value", not n.value)  # type: ignore[attr-defined]
        case ast.Constant(value=int() | float()) if node.value + 1 != node.value:  # of a large float it is
            yield lambda n: setattr(n, "value", n.value + 1)  # type: ignore[attr-defined]
        case ast.Call(func=ast.Name(id=name)) if name in _CALLS:
            yield lambda n: setattr(n.func, "id", _CALLS[n.func.id])  # type: ignore[attr-defined]
        case ast.If() | ast.IfExp() if not isinstance(node.test, ast.Compare | ast.BoolOp):
            yield lambda n: setattr(n, "test", ast.UnaryOp(ast.Not(), n.test))  # type: ignore[attr-defined]


def _is_text(node: ast.AST) -> bool:
    parts = [getattr(node, side, None) for side in ("left", "right", "value")]
    return any(
        isinstance(p, ast.JoinedStr) or (isinstance(p, ast.Constant) and isinstance(p.value, str))
        for p in parts
    )


def places(tree: ast.Module) -> Iterator[ast.AST]:
    """Nodes of code that runs: not annotations, texts, imports, defaults of decorators, or type checks."""

    def walk(node: ast.AST) -> Iterator[ast.AST]:
        for field, value in ast.iter_fields(node):
            if field in ("annotation", "returns", "decorator_list", "type_params", "type_comment"):
                continue
            for child in value if isinstance(value, list) else [value]:
                skip = (ast.Import, ast.ImportFrom, ast.Raise, ast.Assert, ast.JoinedStr)
                if not isinstance(child, ast.AST) or isinstance(child, skip):
                    continue
                if isinstance(child, ast.keyword) and ast.unparse(child) == "strict=True":
                    continue  # of zip: an assertion too
                if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                    continue
                if isinstance(child, ast.If) and "__name__" in ast.unparse(child.test):
                    continue
                yield child
                yield from walk(child)

    yield from walk(tree)


def points(path: Path) -> list[tuple[Path, int]]:
    """Where a module can be changed, once for each change: the node's number among its places."""
    tree = ast.parse(path.read_text())
    return [(path, number) for number, node in enumerate(places(tree)) for _ in changes(node)]


def mutant(path: Path, number: int) -> tuple[Mutant, str, str]:
    """The change at a point of a module, the function that it is in, and the module's text after it."""
    source = path.read_text()
    tree = ast.parse(source)
    node: Any = next(n for i, n in enumerate(places(tree)) if i == number)
    was, line = ast.unparse(node).splitlines()[0], node.lineno
    function = enclosing(tree, node)
    where = node.test if isinstance(node, ast.If) else node
    span = where.lineno, where.col_offset, where.end_lineno, where.end_col_offset
    next(iter(changes(node)))(node)
    became = ast.unparse(node).splitlines()[0]
    now = ast.unparse(node.test if isinstance(node, ast.If) else node)
    now = now if isinstance(node, ast.stmt) and not isinstance(node, ast.If) else f"({now})"
    said = f"{source.splitlines()[line - 1].strip()}  [{was}]"
    return Mutant(path.relative_to(ROOT).as_posix(), line, said, became), function, spliced(source, span, now)


def spliced(source: str, span: tuple[int, int, int, int], now: str) -> str:
    """The text with another piece at a span of lines, from 1, and columns in bytes. The rest stays as it is,
    for tests that read it."""
    lines = source.encode().splitlines(keepends=True)
    first, column, last, end = span
    before, after = lines[first - 1][:column], lines[last - 1][end:]
    return b"".join([*lines[: first - 1], before + now.encode() + after, *lines[last:]]).decode()


def enclosing(tree: ast.AST, node: ast.AST, inside: str = "") -> str:
    """The qualified name of the innermost function that a node is part of; "" outside of functions."""
    for child in ast.iter_child_nodes(tree):
        if node is not child and not any(node is each for each in ast.walk(child)):
            continue
        if isinstance(child, ast.FunctionDef | ast.ClassDef) and node is not child:
            within = f"{inside}{child.name}"
            if isinstance(child, ast.ClassDef):
                return enclosing(child, node, f"{within}.")
            return enclosing(child, node, f"{within}.<locals>.") or within
        return enclosing(child, node, inside)
    return ""


# ---------------------------------------------------------------- trials


class Bench:
    """A copy of the tree in which one file at a time is changed."""

    def __init__(self, seed: int, cases: int) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="penstock-mutants-"))
        listed = subprocess.run(
            ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        for name in listed.splitlines():
            if (ROOT / name).is_file():
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.root / name)
        for name in SHARED:
            (self.root / name).symlink_to(ROOT / name)
        data = os.environ.get("PENSTOCK_SHARED_DATA", str(ROOT.parent / "shared" / "data"))
        # The copy's modules come before the installed ones, also in commands and nodes that tests start.
        self.environment = {
            **os.environ, "PYTHONPATH": str(self.root), "PENSTOCK_SEED": str(seed),
            "PENSTOCK_FUZZ_CASES": str(cases), "PENSTOCK_SHARED_DATA": data, "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip

    def close(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)

    def calls(self, folders: list[str]) -> Calls:
        """What each test file of the folders calls. Raises RuntimeError unless they pass."""
        known = KnownCalls(self.root, folders)
        if known.unknown:
            found = self.root / "calls.json"
            self.environment["PENSTOCK_CALLS"] = str(found)
            end, by = self.run(["-p", "tools.calls", *known.unknown], 7_200)
            if end != "passed":
                raise RuntimeError(f"without any change, {by or 'the tests'} {end}: first mend that")
            known.add(json.loads(found.read_text()))
        return known.calls

    def run(self, tests: list[str], seconds: float = MOST_SECONDS) -> tuple[str, str]:
        """How the tests ended: passed, failed (and which), or hung."""
        # Tests that break the code themselves know its text, and would notice any change of it.
        options = ["-p", "no:pytest-brownie", "-x", "-q", "--no-header", "-k", "not a_little_wrong"]
        command = [sys.executable, "-m", "pytest", *options, *tests]
        try:
            done = subprocess.run(
                command, cwd=self.root, env=self.environment, capture_output=True, text=True, timeout=seconds
            )
        except subprocess.TimeoutExpired:
            return "hung", ""
        if done.returncode < 0:  # it was ended: it wanted more memory than there is
            return "hung", ""
        if done.returncode not in (0, 1, 2):  # 2: a test file could not be imported
            raise RuntimeError(
                f"pytest ended with {done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}"
            )
        failed = [
            line.split(" - ")[0] for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))
        ]
        return ("failed" if done.returncode else "passed", failed[0] if failed else "")

    def try_out(self, mutant: Mutant, text: str, tests: list[str], most: float = MOST_SECONDS) -> Verdict:
        target = self.root / mutant.file
        original = target.read_text()
        start = time.monotonic()
        target.write_text(text)
        try:
            end, by = self.run(tests, most)
        finally:
            target.write_text(original)
        how = {"failed": "killed", "hung": "hung", "passed": "survived"}[end]
        if end == "hung" and self.run(tests, most / 2)[0] != "passed":
            how, by = "survived", "the tests take too long to tell"
        return Verdict(mutant, how, by, round(time.monotonic() - start, 1))


Equivalents = dict[tuple[str, str, str], str]


def equivalents() -> Equivalents:
    """Changes that no test can tell from the original, each with its reason."""
    if not EQUIVALENT.exists():
        return {}
    rows = tomllib.loads(EQUIVALENT.read_text())["mutant"]
    return {(row["file"], row["was"], row["became"]): row["reason"] for row in rows}


def sample(room: str, count: int, seed: int) -> list[tuple[Mutant, str, str]]:
    """Changes of a room's modules, drawn with equal chances."""
    found = [point for path in sorted((ROOT / room).rglob("*.py")) for point in points(path)]
    return [mutant(*point) for point in random.Random(f"{seed} {room}").sample(found, min(count, len(found)))]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("rooms", nargs="*", default=list(ROOMS), help=f"of {', '.join(ROOMS)}")
    parser.add_argument("--count", type=int, default=25, help="changes of each room")
    parser.add_argument("--cases", type=int, default=500, help="random cases per settlement function")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="changes tried at a time")
    parser.add_argument("--json", type=Path, help="write the verdicts to this file")
    given = parser.parse_args()
    if unknown := [room for room in given.rooms if room not in ROOMS]:
        parser.error(f"{unknown[0]}: not one of {', '.join(ROOMS)}")
    seed = int(os.environ.get("PENSTOCK_SEED") or random.SystemRandom().randrange(2**32))
    print(f"PENSTOCK_SEED={seed}", flush=True)
    drawn = [(room, *one) for room in given.rooms for one in sample(room, given.count, seed)]
    verdicts = []
    with ExitStack() as stack:
        free: Queue[Bench] = Queue()
        for _ in range(given.jobs):
            bench = Bench(seed, given.cases)
            stack.callback(bench.close)
            free.put(bench)
        pool = stack.enter_context(ThreadPoolExecutor(given.jobs))
        known, rooms = equivalents(), [ROOMS[room] for room in given.rooms if room not in ELSEWHERE]
        calls = bench.calls(list(dict.fromkeys(folder for folders in rooms for folder in folders)))
        for verdict in pool.map(lambda change: judge(free, known, calls, *change), drawn):
            verdicts.append(verdict)
            one = verdict.mutant
            change = f"{one.file}:{one.line}  {one.was} -> {one.became}"
            print(f"{verdict.how:10} {verdict.seconds:6.1f} s  {change}  {verdict.by}", flush=True)
    return report(verdicts, seed, given.json)


def judge(
    free: Queue[Bench], known: Equivalents, calls: Calls, room: str, one: Mutant, function: str, text: str
) -> Verdict:
    """What the tests say of a change, tried in a copy of the tree that is free."""
    if (one.file, one.was, one.became) in known:
        return Verdict(one, "equivalent", "", 0.0)
    mine = {test: seen for test, seen in calls.items() if test.startswith(ROOMS[room])}
    tests = callers(one.file, function, mine, MOST_SECONDS / 3)
    every = callers(one.file, function, mine, MOST_SECONDS * 10)
    # A machine may be as many times as busy as it was; and then it starts slowly.
    most = min(MOST_SECONDS, 60 + 6 * sum(mine[test]["seconds"] for test in tests))
    if not tests:
        every = nearest(one.file.removesuffix(".py").replace("/", "."), ROOMS[room])
        tests, most = every[:FIRST_FILES], MOST_SECONDS
    if not tests:
        return Verdict(one, "survived", "no test reaches it", 0.0)
    rest = [test for test in every if test not in tests]
    bench = free.get()
    try:
        found = bench.try_out(one, text, tests, most)
        if found.how == "survived" and rest:
            again = bench.try_out(one, text, rest, 10 * MOST_SECONDS)
            found = replace(again, seconds=found.seconds + again.seconds)
        return found
    finally:
        free.put(bench)


def report(verdicts: list[Verdict], seed: int, to: Path | None) -> int:
    """Print the score of each room; 1 below the mark."""
    good = True
    for room in dict.fromkeys(next(r for r in ROOMS if v.mutant.file.startswith(r + "/")) for v in verdicts):
        mine = [v for v in verdicts if v.mutant.file.startswith(room + "/") and v.how != "equivalent"]
        killed = sum(v.how in ("killed", "hung") for v in mine)
        score = killed / len(mine) if mine else 1.0
        good &= score >= MARK
        print(f"{room}: {killed} of {len(mine)} killed, {score:.0%} (mark {MARK:.0%})")
    if to is not None:
        to.write_text(json.dumps({"seed": seed, "verdicts": [asdict(v) for v in verdicts]}, indent=1) + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
