"""`penstock bench`: run a benchmark, with its rivals in the same run."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

# One line per benchmark: a function of `repeat`, which returns a dictionary with `results`, a list of
# benchmarks.measure.line.
REGISTER: dict[str, str] = {
    "pricing": "benchmarks.pricing:run",
    "bonds": "benchmarks.bond_marks:run",
    "generation": "benchmarks.generation:run",
    "securitisation": "benchmarks.securitisation:run",
    "waterfall": "benchmarks.waterfall:run",
    "index": "benchmarks.index:run",
    "serving": "benchmarks.serving:run",
    "demo": "benchmarks.demo:run",
    "clean": "benchmarks.demo:run_clean",
    "start": "benchmarks.start:run",
}
ROOT = Path(__file__).resolve().parents[1]

app = typer.Typer(add_completion=False)


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help=f"One of: {', '.join(REGISTER)}.", metavar="NAME")],
    repeat: Annotated[int, typer.Option(min=1, help="Repetitions after the warm-up.")] = 5,
    check: Annotated[bool, typer.Option("--check", help="Exit with 1 when a mark is missed.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Run a benchmark and show its numbers beside its rivals' and its marks."""
    from scripts.console import show, show_json, working

    with working(f"Benchmark {name}, {repeat} repetitions after the warm-up"):
        outcome = _run(name, repeat)
    if json:
        show_json(outcome)
    else:
        show(results_table(outcome))
    missed = [row["what"] for row in outcome["results"] if row["met"] is False]
    if check and missed:
        print(f"missed: {'; '.join(missed)}", file=sys.stderr)
        raise typer.Exit(1)


def _run(name: str, repeat: int) -> dict[str, Any]:
    from finance.terms.problems import InputError

    if name not in REGISTER:
        raise InputError(f"benchmark {name}: must be one of {', '.join(REGISTER)}")
    if not (ROOT / "benchmarks").is_dir():
        raise InputError(f"{ROOT / 'benchmarks'}: not found: benchmarks run from the project's folder")
    if str(ROOT) not in sys.path:  # `benchmarks` is not part of the installed package
        sys.path.insert(0, str(ROOT))
    module, function = REGISTER[name].split(":")
    outcome: dict[str, Any] = getattr(import_module(module), function)(repeat)
    return outcome


def results_table(outcome: dict[str, Any]) -> Any:
    """The results as a table: value, unit, mark and whether it was met."""
    from finance.report.table import Table

    rows = []
    for row in outcome["results"]:
        mark = "" if row["mark"] is None else f"{row['bound']} {row['mark']:g}"
        met = "" if row["met"] is None else ("met" if row["met"] else "MISSED")
        rows.append(
            (row["what"], f"{row['value']:.4g}", row["unit"], mark or ("rival" if row["rival"] else ""), met)
        )
    where = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in outcome["machine"].items())
    return Table(
        f"Benchmark {outcome['benchmark']}",
        ("Measured", "Value", "Unit", "Mark", ""),
        tuple(rows),
        frozenset({"Value"}),
        (outcome["note"], f"{where}; {outcome['repeat']} repetitions."),
    )


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
