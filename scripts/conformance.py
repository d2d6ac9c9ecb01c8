"""`penstock conformance`: run an engine over published reference cases and compare event by event."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from finance.actus.conformance import TypeResult
    from finance.report.table import Table

DEFAULT_FOLDER = Path("../shared/data/actus")

app = typer.Typer(
    help="Check engines against published reference cases.", no_args_is_help=True, add_completion=False
)


@app.callback()
def _conformance() -> None:
    # A callback keeps this a group while it has one command.
    pass


@app.command()
def actus(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of JSON files of cases.", show_default=False)
    ],
    types: Annotated[
        list[str] | None,
        typer.Option("--type", help="Only this contract type, or file without ending; may be repeated."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """ACTUS cases: per contract type passed and failed, and the first event that differs of each failure."""
    from finance.actus.conformance import run_folder
    from finance.actus.contracts import CONTRACT_TYPES
    from finance.actus.errors import ActusError
    from scripts.console import show, show_json, working

    with working(f"Reference cases in {folder}"):
        results, others = run_folder(folder, types or [])
    if not results:
        raise ActusError(f"{folder}: no reference case of {', '.join(types or CONTRACT_TYPES)}")
    passed = sum(result.passed for result in results.values())
    failed = sum(result.failed for result in results.values())
    if json:
        show_json(
            {
                "folder": str(folder),
                "passed": passed,
                "failed": failed,
                "types": {name: _plain(result) for name, result in sorted(results.items())},
                "types_not_covered": dict(sorted(others.items())),
            }
        )
    else:
        show(*_tables(results, others, passed, failed))
    if failed:
        raise typer.Exit(1)


def _plain(result: TypeResult) -> dict[str, Any]:
    return {
        "passed": result.passed,
        "failed": result.failed,
        "values_to_last_digit": result.to_last_digit,
        "failures": result.failures,
    }


def _tables(results: dict[str, TypeResult], others: dict[str, int], passed: int, failed: int) -> list[Table]:
    from finance.report.table import Table

    rows = [(name, str(r.passed), str(r.failed)) for name, r in sorted(results.items())]
    tables = [
        Table(
            title="ACTUS reference cases",
            columns=("type", "passed", "failed"),
            rows=(*rows, ("all", str(passed), str(failed))),
            numeric=frozenset({"passed", "failed"}),
            notes=tuple(
                f"{count} cases of {name} not run: no such type here" for name, count in others.items()
            ),
        )
    ]
    failures = [f for r in results.values() for f in r.failures]
    if failures:
        columns = ("case", "event", "at", "what", "expected", "actual")
        tables.append(
            Table(
                title="First event that differs",
                columns=columns,
                rows=tuple(tuple(str(f[name]) for name in columns) for f in failures),
                numeric=frozenset({"event"}),
            )
        )
    return tables


def main(folder: str = str(DEFAULT_FOLDER)) -> None:
    """Entry of `brownie run conformance main [DIR]`."""
    actus(Path(folder))


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
