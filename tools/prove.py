#!/usr/bin/env python3
"""Prove what must hold of the settlement libraries, for all arguments, and refute broken versions of them.

Each proof is a `check_` function in tests/prove, run by halmos on the compiled library; its questions are
answered by tools/prove_solver.py, whose own laws are proved first. A broken version is the library with one
line replaced, of which the same proof must find a counterexample: else it proves nothing. A proof that does
not hold, a broken version that passes, a loop that is not run to its end and a solver out of time all fail.

Arguments: words of which one must be in a property's name, to run only those.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from bootstrap import python_of
from forge import ROOT, native_forge

WORK = Path("cache") / "prove"
LIBRARIES = Path("contracts") / "settlement"
WORDS = "all words of 256 bits"
NEEDS = "up to 6 needs, all words of 256 bits"
KNOTS = "up to 4 knots, all of int128"
TWO_KNOTS = "up to 2 knots, all of int128"
STEP = "one step, all amounts up to MOST"
LISTED = "one step of up to 2 claims, all amounts up to MOST"
SHARES = "up to {} needs, all amounts up to MOST"
SECONDS = 600
"""How long one proof may take."""
PASSED, COUNTEREXAMPLE = 0, 1
"""What halmos says of a check."""


@dataclass(frozen=True)
class Broken:
    """The library with `new` in place of `old`, which is there exactly once."""

    how: str
    old: str
    new: str


@dataclass(frozen=True)
class Property:
    """`check` is the function of tests/prove/<proof>Proof.sol that says it of a library."""

    proof: str
    check: str
    bounds: str
    broken: Broken

    @property
    def name(self) -> str:
        return f"{self.proof}.{self.check}"

    @property
    def library(self) -> str:
        return "Waterfall" if self.proof.startswith("Waterfall") else self.proof


PROPERTIES = (
    Property(
        "Accrual", "interest", WORDS,
        Broken("rounded up", "denominator);", "denominator) + 1;"),
    ),
    Property(
        "Accrual", "rises", WORDS,
        Broken("no principal bears one", "denominator);", "denominator) + (principal == 0 ? 1 : 0);"),
    ),
    Property(
        "ProRata", "perUnit", WORDS,
        Broken("dust is paid out", "paid = each * units;", "paid = amount;"),
    ),
    Property(
        "ProRata", "scalesDown", WORDS,
        Broken("rounded up", "= product / ofUnits;", "= (product + ofUnits - 1) / ofUnits;"),
    ),
    Property(
        "Waterfall", "conservation", NEEDS,
        Broken(
            "the first payment is not taken off",
            ": left;\n            left -= paid[i];",
            ": left;\n            if (i > 0) left -= paid[i];",
        ),
    ),
    Property(
        "Waterfall", "needs", NEEDS,
        Broken("a need gets all that is left", "needs[i] < left ? needs[i] : left", "left"),
    ),
    Property(
        "PayoffCurve", "stepWithin", KNOTS,
        Broken("a step pays one more", "return knots[i].y;", "return knots[i].y + 1;"),
    ),
    Property(
        "PayoffCurve", "stepRises", KNOTS,
        Broken("after the last knot the first one's", "return knots[last].y;", "return knots[0].y;"),
    ),
    Property(
        "PayoffCurve", "lineWithin", TWO_KNOTS,
        Broken("a line begins at its end", "int256(left.y) + _floorDiv", "int256(right.y) + _floorDiv"),
    ),
    Property(
        "WaterfallAllot", "inSequence", SHARES.format(6),
        Broken("paid beyond the budget", "if (more > left) more = left;", ""),
    ),
    Property(
        "WaterfallAllot", "proRata", SHARES.format(3),
        Broken("paid beyond the budget", "if (more > left) more = left;", ""),
    ),
    Property(
        "WaterfallStep", "payInSequence", LISTED,
        Broken("what is paid is still owed", "if (op == Op.Pay) r.x[owed] -= change;", ""),
    ),
    Property(
        "WaterfallStep", "prepay", LISTED,
        Broken("what is due is prepaid too", "needs[i] -= uint256(r.x[r.owed + claim]);", ""),
    ),
    Property(
        "WaterfallStep", "rest", LISTED,
        Broken("the pot keeps what it pays", "r.x[uint8(step >> 8)] -= change;", ""),
    ),
    Property(
        "WaterfallStep", "move", STEP,
        Broken("what is moved does not arrive", "r.x[target] += int256(amount);", ""),
    ),
    Property(
        "WaterfallStep", "draw", STEP,
        Broken("drawn and not owed", "? balance + amount :", "? balance :"),
    ),
    Property(
        "WaterfallStep", "repay", STEP,
        Broken("repaid beyond the balance", "? MOST - balance : balance;", "? MOST - balance : amount;"),
    ),
    Property(
        "WaterfallStep", "fallDue", STEP.replace("one step", "one claim on a loan"),
        Broken("more is due than the loan", "if (due > balance) due = balance;", ""),
    ),
    Property(
        "WaterfallStep", "test", STEP,
        Broken("an age in place of what is owed", "r.x[r.ages + number] =", "r.x[r.owed + number] ="),
    ),
)  # fmt: skip


def version(prop: Property, broken: bool) -> Path:
    """The folder in which the libraries lie as they are, or with the one of `prop` broken."""
    name = prop.name if broken else "libraries"
    folder = WORK / name
    shutil.rmtree(ROOT / folder / "settlement", ignore_errors=True)
    shutil.copytree(ROOT / LIBRARIES, ROOT / folder / "settlement")
    if broken:
        file = ROOT / folder / "settlement" / f"{prop.library}.sol"
        text = file.read_text()
        if text.count(prop.broken.old) != 1:
            raise SystemExit(f"prove: {prop.broken.old!r} is not once in {LIBRARIES / file.name}")
        file.write_text(text.replace(prop.broken.old, prop.broken.new))
    return folder


def environment(folder: Path) -> dict[str, str]:
    """Where forge finds the libraries and writes; halmos keeps a folder in HOME."""
    path = os.pathsep.join([str(native_forge().parent), os.environ["PATH"]])
    forge = {"FOUNDRY_PROFILE": "prove", "FOUNDRY_REMAPPINGS": f"settlement/={folder}/settlement/"}
    forge |= {"FOUNDRY_OUT": f"{folder}/out", "FOUNDRY_CACHE_PATH": f"{folder}/cache"}
    return {**os.environ, **forge, "PATH": path, "HOME": str(ROOT / WORK), "TMPDIR": str(ROOT / WORK / "tmp")}


def build(folder: Path) -> None:
    command = ["forge", "build", "--ast", "--extra-output", "storageLayout", "metadata"]
    done = subprocess.run(command, cwd=ROOT, env=environment(folder), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"prove: {folder} does not compile\n{done.stdout}{done.stderr}")


def run(prop: Property, folder: Path) -> tuple[str, float]:
    """`proved`, `refuted`, or why it is neither, and after how many seconds."""
    python = python_of("halmos")
    result = ROOT / folder / f"{prop.name}.json"
    result.unlink(missing_ok=True)
    command = [str(python.with_name("halmos")), "--forge-build-out", f"{folder}/out", "--no-status"]
    command += ["--contract", f"{prop.proof}Proof", "--match-test", rf"^check_{prop.check}\("]
    command += ["--loop", "16", "--early-exit", "--json-output", str(result), "--solver-threads", "1"]
    command += ["--solver-command", f"{python} {ROOT / 'tools' / 'prove_solver.py'}"]
    command += ["--solver-timeout-branching", "100ms", "--solver-timeout-assertion", f"{SECONDS}s"]
    start = time.monotonic()
    with (ROOT / folder / f"{prop.name}.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(folder), stdout=log, stderr=subprocess.STDOUT
        )
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            process.terminate()  # halmos ends its solvers
            process.wait()
            return "out of time", time.monotonic() - start
    seconds = time.monotonic() - start
    if not result.exists():
        return f"no result, see {log.name}", seconds
    checks = [check for found in json.loads(result.read_text())["test_results"].values() for check in found]
    if len(checks) != 1:
        return f"not run, see {log.name}", seconds
    [check] = checks
    if check["exitcode"] == PASSED and not check["num_bounded_loops"]:
        return "proved", seconds
    if check["exitcode"] == COUNTEREXAMPLE and check["num_models"]:
        return "refuted", seconds
    return f"undecided, see {log.name}", seconds


def laws() -> tuple[str, float]:
    start = time.monotonic()
    solver = [str(python_of("halmos")), "tools/prove_solver.py", "--laws"]
    done = subprocess.run(solver, cwd=ROOT)
    return "not proved" if done.returncode else "proved", time.monotonic() - start


def row(*cells: str) -> None:
    print(
        " | ".join(f"{cell:<{width}}" for cell, width in zip(cells, (30, 42, 16, 40, 0), strict=True)),
        flush=True,
    )


def main() -> int:
    chosen = [p for p in PROPERTIES if not sys.argv[1:] or any(word in p.name for word in sys.argv[1:])]
    (ROOT / WORK / "tmp").mkdir(parents=True, exist_ok=True)
    whole = version(PROPERTIES[0], broken=False)
    build(whole)

    def both(prop: Property) -> tuple[tuple[str, float], tuple[str, float]]:
        folder = version(prop, broken=True)
        build(folder)
        return run(prop, whole), run(prop, folder)

    row("property", "bounds", "proved in s", "broken version", "refuted in s")
    said, seconds = laws()
    row("laws of the solver", WORDS, f"{seconds:.0f}" if said == "proved" else said, "-", "-")
    failed = said != "proved"
    with ThreadPoolExecutor(2) as pool:
        for prop, (proof, refutation) in zip(chosen, pool.map(both, chosen), strict=True):
            failed |= proof[0] != "proved" or refutation[0] != "refuted"
            held = f"{proof[1]:.0f}" if proof[0] == "proved" else proof[0]
            fell = f"{refutation[1]:.0f}" if refutation[0] == "refuted" else refutation[0].upper()
            row(prop.name, prop.bounds, held, prop.broken.how, fell)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
