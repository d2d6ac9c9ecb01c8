"""`penstock oracle ensemble`: the distribution of a twin's KPI, stored and drawn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scripts.console import plain_console

if TYPE_CHECKING:
    from finance.terms import Deal


def ensemble(
    deal_file: Annotated[Path, typer.Argument(metavar="DEAL", help="deal file")],
    n: Annotated[int, typer.Option(min=2, max=100_000, help="number of SWMM pairs")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="seed of all draws")] = 2016,
    workers: Annotated[int, typer.Option(min=1, max=64, help="processes")] = 2,
    target: Annotated[Path | None, typer.Option("--out", help="default deals/twins/DEAL.KPI.json")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="also draw the distribution against the tiers (PNG)")
    ] = None,
    plot_only: Annotated[bool, typer.Option(help="draw from the stored file; run no ensemble")] = False,
) -> None:
    """Run the deal's twin with uncertain works, ground, gauge and weather; store the KPI's distribution."""
    from datetime import UTC, datetime

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from finance.settlement.terms import settlement_terms
    from finance.terms import InputError, load_deal
    from oracle.twins.ensemble import ensemble as run
    from oracle.twins.rain import tmy3_rain
    from oracle.twins.stormwater import METHOD, TWIN
    from oracle.twins.stormwater_parameters import scenario

    deal = load_deal(deal_file)
    feed = next((f for f in settlement_terms(deal).feeds if f.method == METHOD), None)
    if deal.asset.twin != TWIN or feed is None:
        raise InputError(f"{deal_file}: asset.twin = {deal.asset.twin}: this command runs the {TWIN} twin")
    path = target or deal_file.parent / "twins" / f"{deal.id}.{feed.kpi}.json"
    area = deal.number("impervious_area_acres")
    rain = tmy3_rain(datetime.fromtimestamp(feed.period_starts[0], UTC).year)
    if plot_only:
        result = _stored(path)
    else:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=plain_console(stderr=True)) as progress:
            task = progress.add_task("SWMM pairs", total=n)
            result = run(
                scenario("twin", area),
                rain,
                n=n,
                seed=seed,
                workers=workers,
                progress=lambda done: progress.update(task, completed=done),
            )
        result = {"deal": deal.id, "kpi": feed.kpi, **result}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result, indent=1) + "\n")
    if plot:
        _plot(deal, result, plot)
    drawn = f"n {result['n']}, seed {result['seed']}, mean {result['mean']}, sd {result['sd']}"
    print(f"{path}: simulated, {drawn}")
    if plot:
        print(plot)


def _stored(path: Path) -> dict[str, Any]:
    from finance.terms import InputError

    try:
        data = json.loads(path.read_text())
        if data["label"] != "simulated" or not data["values"]:
            raise ValueError("not an ensemble")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: cannot be used: {error}") from None
    return dict(data)


def _plot(deal: Deal, result: dict[str, Any], path: Path) -> None:
    from datetime import UTC, datetime

    from finance.settlement.terms import RATE_DECIMALS, Effect, settlement_terms
    from oracle.kpi import to_decimal
    from oracle.twins.plot import plot_ensemble
    from oracle.twins.rain import tmy3_rain
    from oracle.twins.stormwater import run_pair
    from oracle.twins.stormwater_parameters import scenario

    terms = settlement_terms(deal)
    index, feed = next((i, f) for i, f in enumerate(terms.feeds) if f.kpi == result["kpi"])
    fixing = next(f for f in terms.fixings if f.feed == index)
    labels = []
    for knot in fixing.curve.knots:
        if fixing.effect is Effect.RATE:
            labels.append(f"{float(to_decimal(knot.y, RATE_DECIMALS)) * 10_000:+g} bp a year")
            continue
        amount = float(to_decimal(abs(knot.y), terms.currency_decimals)) / 1_000_000
        payer = "issuer pays" if knot.y > 0 else "investors pay"
        labels.append(f"{payer} {deal.currency.code} {amount:g}M" if knot.y else "no payment")
    area = deal.number("impervious_area_acres")
    rain = tmy3_rain(datetime.fromtimestamp(feed.period_starts[0], UTC).year)
    marks = {
        name: run_pair(scenario(name, area), rain).reduction for name in ("low", "published", "twin", "high")
    }
    plot_ensemble(
        result,
        [float(to_decimal(knot.x, feed.decimals)) for knot in fixing.curve.knots[1:]],
        labels,
        path,
        title=f"{deal.title}\nSimulated, not measured: {result['n']} SWMM pairs; lines are single runs",
        scenarios=marks,
    )
