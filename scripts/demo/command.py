"""`penstock demo`: a deal from its file to the last claim."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from threading import Event, current_thread, main_thread
from typing import Annotated

import typer

DEFAULT_DEAL = Path(__file__).resolve().parents[2] / "deals" / "dc-water-eib-2016.yaml"
OWN = ("oracle", "summary.json", "report.html", "deployment.json")
"""What the command writes into the output folder, and so may replace."""

app = typer.Typer(add_completion=False)


class Outcome(StrEnum):
    """Which works the twin is given; the KPI always comes out of SWMM."""

    PUBLISHED = "published"
    TWIN = "twin"
    HIGH = "high"
    LOW = "low"


class Client(StrEnum):
    """Which local chain to start."""

    ANVIL = "anvil"
    GANACHE = "ganache"


@app.command()
def demo(
    deal: Annotated[Path, typer.Argument(help="Deal file.")] = DEFAULT_DEAL,
    out: Annotated[Path, typer.Option(help="Folder for summary.json, report.html and the evidence.")] = Path(
        "demo-out"
    ),
    outcome: Annotated[
        Outcome, typer.Option(help="Works in the twin: as published (nearly 20 %), as designed, more, fewer.")
    ] = Outcome.PUBLISHED,
    chain: Annotated[Client, typer.Option(help="Local chain to start.")] = Client.ANVIL,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the nodes' gauge errors.")] = 2020,
    what_ifs: Annotated[
        bool, typer.Option("--what-ifs/--no-what-ifs", help="Also live the disputed and the silent life.")
    ] = True,
    default: Annotated[
        bool,
        typer.Option("--default", help="Half way, pay nothing until long after it is a default."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON and nothing else.")] = False,
) -> None:
    """Run a deal end to end on a chain started here: price, deploy, sell, coupons, oracle, outcome,
    redemption, claims, and reconcile to the minor unit.

    Exit 0 if every difference is zero, 1 if not.
    """
    from json import dumps

    from finance.terms import load_deal
    from scripts.console import plain_console, show_json
    from scripts.demo import conductor, report
    from scripts.demo.narrator import Narrator

    terms = load_deal(deal)
    narrator = Narrator(plain_console(), quiet=json)
    told = Event()
    try:
        with _noting_interrupts(told), _unfinished(out) as folder:
            options = conductor.Options(folder, outcome.value, chain.value, seed, what_ifs, default)
            done = conductor.tell(terms, options, narrator)
            done.life.record.save(folder / "deployment.json")
            report.write_report(done, folder / "report.html")
            content = report.summary(done)
            (folder / "summary.json").write_text(dumps(content, indent=2) + "\n")
    except BaseException as error:
        # One that falls into a destructor is lost there, and the run goes on without the nodes it ended.
        if not (told.is_set() or isinstance(error, KeyboardInterrupt)):
            raise
        typer.echo(f"interrupted: nothing of this run is kept, and {out} is as it was", err=True)
        raise typer.Exit(130) from None
    if json:
        show_json(content)
    else:
        _finish(content, out, narrator)
    if not content["ok"]:
        raise typer.Exit(1)


@contextmanager
def _noting_interrupts(told: Event) -> Iterator[None]:
    """Ctrl-C is noted besides being raised; where it is ignored it stays so."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or current_thread() is not main_thread():
        yield
        return

    def note(_number: int, _frame: object) -> None:
        told.set()
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _unfinished(out: Path) -> Iterator[Path]:
    """A folder to work in, whose contents come into `out` when all is done: a run that is interrupted leaves
    what an earlier one left there. Whatever else is in `out` stays.
    """
    new = not out.exists()
    folder = out / ".unfinished"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
        for name in OWN:
            path = out / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
            if (folder / name).exists():  # a fixed bond has no oracle
                (folder / name).replace(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if new and not any(out.iterdir()):
            out.rmdir()


def _finish(content: dict, out: Path, narrator: object) -> None:
    """The closing table."""
    from finance.report.table import Table
    from scripts.console import show

    scale = 10 ** content["currency"]["decimals"]
    lives = {"main": content["payments"], **{w["name"]: w["payments"] for w in content["what_ifs"]}}
    rows = tuple(
        (
            life,
            kind,
            f"{int(s['expected']) / scale:,.2f}",
            f"{int(s['actual']) / scale:,.2f}",
            s["difference"],
        )
        for life, kinds in lives.items()
        for kind, s in kinds.items()
    )
    columns = ("Life", "Payment", "Expected", "Actual", "Difference")
    verdict = "every difference is 0" if content["ok"] else "there are differences"
    show(
        Table(
            f"{content['title']}: {verdict}",
            columns,
            rows,
            frozenset(columns[2:]),
            (
                f"Amounts in {content['currency']['code']} (test money), differences in minor units. "
                f"{content['seconds']:.0f} s.",
                f"{out / 'report.html'}  {out / 'summary.json'}",
            ),
        )
    )


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
