"""`penstock demo-all`: every deal of the book to its end, a line each."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

DEALS = Path(__file__).resolve().parents[2] / "deals"
DEFAULTS = ("singapore-ebus-loan", "highway-availability")
"""Deals that are also lived with a default: of a bond, and of a stream of payments."""
JOBS = 2

app = typer.Typer(add_completion=False)


@app.command()
def demo_all(
    deals: Annotated[list[Path] | None, typer.Argument(help="Deal files; default: the whole book.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder that gets a folder for each deal; default: nothing is kept.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=16, help="Deals at a time.")] = JOBS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Run every deal of the book to its end on chains started here, with what goes wrong in each, and two
    with a default: a line each, as they end.

    Exit 0 if every difference of every deal is zero, 1 if not.
    """
    began, rows = time.monotonic(), []
    with TemporaryDirectory(prefix="penstock-book-") as folder:
        for row in lived(list(runs(deals)), out or Path(folder), jobs):
            rows.append(row)
            if not as_json:
                typer.echo(line(row))
    good, seconds = sum(row["ok"] for row in rows), time.monotonic() - began
    if as_json:
        typer.echo(json.dumps({"seconds": round(seconds, 1), "lives": rows}, indent=2))
    else:
        typer.echo(f"{good} of {len(rows)} lives end with every difference 0 and no strays; {seconds:.0f} s")
    if good < len(rows):
        raise typer.Exit(1)


def runs(deals: Sequence[Path] | None) -> Iterator[tuple[Path, bool]]:
    """Deal files, and whether somebody defaults: the longest first, since two run side by side."""
    if deals:
        yield from ((file, False) for file in deals)
        return
    book = sorted(DEALS.glob("*.yaml"), key=lambda file: -file.stat().st_size)
    yield from ((file, False) for file in book)
    yield from ((DEALS / f"{name}.yaml", True) for name in DEFAULTS)


def lived(todo: Sequence[tuple[Path, bool]], out: Path, jobs: int) -> Iterator[dict[str, Any]]:
    """Each as it ends."""
    with ThreadPoolExecutor(jobs) as pool:
        for each in as_completed([pool.submit(life, file, default, out) for file, default in todo]):
            yield each.result()


def life(file: Path, default: bool, out: Path) -> dict[str, Any]:
    """A deal lived by a command of its own: what became of it."""
    name = f"{file.stem}{' (default)' * default}"
    began, folder = time.monotonic(), out / name.replace(" ", "-")
    command = [sys.executable, "-m", "scripts", "demo", str(file), "--json", "--out", str(folder)]
    done = subprocess.run(
        [*command, *["--default"] * default], capture_output=True, text=True, cwd=DEALS.parent, check=False
    )
    row = {"deal": name, "ok": done.returncode == 0, "seconds": round(time.monotonic() - began, 1)}
    if done.returncode not in (0, 1) or not done.stdout.startswith("{"):
        why = (done.stderr.strip().splitlines() or ["no summary"])[-1]
        return {**row, "ok": False, "why": why}
    summary = json.loads(done.stdout)
    lives = [summary["payments"], *(each["payments"] for each in summary["what_ifs"])]
    return {
        **row,
        "states": {key: part["state"] for key, part in summary["parts"].items() if part["state"]},
        "lives": len(lives),
        "paid": summary["payments"].get("total", {}).get("actual"),
        "difference": sum(abs(int(kind["difference"])) for each in lives for kind in each.values()),
        "missed": missed(summary),
        "unpaid": [each["part"] for each in summary["unpaid"]],
        "gas": sum(each["count"] * each["mean"] for each in summary["gas"].values()),
    }


def missed(summary: dict[str, Any]) -> list[str]:
    """What did not go as it should: reports that never came, disputes, who fell short."""
    found = [
        f"{kpi}: period {each['period']} missing"
        for kpi, known in summary["kpis"].items()
        for each in known["periods"]
        if each["value"] is None
    ]
    found += [f"{len(summary['disputes'])} disputed"] * bool(summary["disputes"])
    return found + summary["missed"]


def line(row: dict[str, Any]) -> str:
    """A life in one line."""
    verdict = "ok " if row["ok"] else "BAD"
    if "why" in row:
        return f"{verdict} {row['deal']}: {row['why']} ({row['seconds']:.0f} s)"
    states = ", ".join(f"{key} {state}" for key, state in row["states"].items())
    told = [*row["missed"], *(f"{part} late" for part in row["unpaid"])]
    lives = f"{row['lives']} lives, " * (row["lives"] > 1)
    wrong = f"; {', '.join(told)}" * bool(told)
    what = f"{lives}difference {row['difference']}; {states}{wrong}"
    return f"{verdict} {row['deal']}: {what} ({row['seconds']:.0f} s)"


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
