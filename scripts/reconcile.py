"""`penstock reconcile`: expected and actual payments of a deployed deal, to the minor unit."""

from __future__ import annotations

from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scripts.accounts import NetworkOption

if TYPE_CHECKING:
    from chain.reconciliation import Reconciliation, ReportState
    from finance.report.table import Table
    from finance.terms import Deal
    from finance.terms.sections import Currency

MOST_HOLDERS = 20
AMOUNTS = ("expected", "actual", "difference")
app = typer.Typer(add_completion=False)


@app.command()
def reconcile(
    deployment: Annotated[Path, typer.Argument(help="Deployment record, as written by `penstock deploy`.")],
    network: NetworkOption = "development",
    block: Annotated[int | None, typer.Option(help="As of this block (default: the latest).")] = None,
    csv: Annotated[Path | None, typer.Option(help="Also write the rows to this file.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON; amounts in minor units.")] = False,
) -> None:
    """Compare what the deal promises with what the chain shows, per holder and period.

    Exit 0 if every difference is zero, 1 if not (with the rows that differ). Of a deployment that is not the
    record's, and so cannot be lived again, the differences from it are shown: exit 1.
    """
    from chain.network import connect
    from chain.reconcile import reconcile as reconciled
    from chain.records import load_record

    record = load_record(deployment)
    w3 = connect(network, record.chain_id)
    result = reconciled(w3, record, block=block)
    if csv is not None:
        result.frame().to_csv(csv, index=False)
    if json:
        print(dumps(result.as_json(), indent=2, ensure_ascii=False))
    else:
        _show(result, record.load_deal())
    if not result.ok:
        raise typer.Exit(1)


def _show(result: Reconciliation, deal: Deal) -> None:
    """The sums per kind, the parties, the holders, the equations, and everything that differs; money in the
    deal's currency."""
    from chain.network import when
    from chain.parts import words_of
    from chain.reconciliation import difference_words, verdict
    from finance.report.table import Table
    from finance.report.text import minor_units, token_money
    from oracle.kpi import kpi_text
    from scripts.console import show

    currency = deal.currency

    def shown(item: Any, *names: str) -> list[str]:
        return [minor_units(item[name], currency.token_decimals) for name in names]

    def report(each: ReportState) -> str:
        value = "" if each.value is None else f", value {kpi_text(each.value, deal.kpis[each.kpi].decimals)}"
        return f"{each}: {each.status}{value}"

    states = ", ".join(f"{part} {state}" for part, state in result.states.items())
    earned, held = result.earned(), [check for check in result.checks if not check.difference]
    payments = Table(
        f"{result.deal} at block {result.block} ({when(result.time)}), amounts in {currency.code}: {states}",
        ("payment", *AMOUNTS, "meaning"),
        tuple((kind, *shown(each, *AMOUNTS), words_of(kind)) for kind, each in result.payments().items()),
        numeric=frozenset(AMOUNTS),
        notes=(
            *map(report, result.reports),
            "holders have earned {}: claimed {}, unclaimed {}".format(
                *(token_money(earned[name], currency) for name in ("expected", "claimed", "unclaimed"))
            ),
            f"{len(held)} of {len(result.checks)} equations over the whole deal hold",
            *result.notes,
        ),
    )
    between: list[Any] = [*result.positions, *result.accounts]
    parties = Table(
        f"Parties, amounts in {currency.code}",
        ("party", "wallet", "figure", *AMOUNTS),
        tuple(
            (p.party, p.address, p.figure.replace("_", " "), *shown(_amounts(p), *AMOUNTS))
            for p in between
            if p.expected or p.actual
        ),
        numeric=frozenset(AMOUNTS),
    )
    if result.checks:
        show(payments, *(table for table in (parties, _holders(result, currency)) if table.rows))
    else:  # not lived
        print("\n".join([payments.title.removesuffix(": "), *result.notes]))
    for difference in result.deployment:
        print(difference)
    for item in result.differences:
        print(difference_words(item, currency))
    print(verdict(result.ok, bool(result.rows), result.not_yet))


def _amounts(item: Any) -> dict[str, int]:
    return {name: getattr(item, name) for name in AMOUNTS}


def _holders(result: Reconciliation, currency: Currency) -> Table:
    from finance.report.table import Table
    from finance.report.text import minor_units

    figures = ("expected", "claimed", "unclaimed", "difference")
    some = sorted(result.holders, key=lambda h: (h.difference == 0, -h.expected))[:MOST_HOLDERS]
    left_out = len(result.holders) - len(some)
    return Table(
        f"Holders, amounts in {currency.code}",
        ("holder", "units", *figures),
        tuple(
            (
                h.holder,
                f"{h.units:,}",
                *(minor_units(getattr(h, name), currency.token_decimals) for name in figures),
            )
            for h in some
        ),
        numeric=frozenset({"units", *figures}),
        notes=(f"and {left_out} more holders: --json shows them",) if left_out else (),
    )


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
