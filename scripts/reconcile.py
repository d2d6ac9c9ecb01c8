"""`penstock reconcile`: expected and actual payments of a deployed deal, to the minor unit."""

from __future__ import annotations

from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from chain.reconcile import Reconciliation
    from chain.swap.result import SwapReconciliation

MOST_HOLDERS = 20

app = typer.Typer(add_completion=False)


@app.command()
def reconcile(
    deployment: Annotated[Path, typer.Argument(help="Deployment record, as written by `penstock deploy`.")],
    network: Annotated[
        str, typer.Option(help="anvil, ganache, development, or the URL of a node.", metavar="NAME_OR_URL")
    ] = "development",
    block: Annotated[int | None, typer.Option(help="As of this block (default: the latest).")] = None,
    csv: Annotated[Path | None, typer.Option(help="Also write the rows to this file.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON; amounts in minor units.")] = False,
) -> None:
    """Compare what the deal promises with what the chain shows, per holder and period.

    Exit 0 if every difference is zero, 1 if not (with the rows that differ).
    """
    from chain.network import connect
    from chain.reconcile import Reconciliation
    from chain.reconcile import reconcile as run
    from chain.swap.reconcile import reconcile_swap
    from chain.swap.records import SwapRecord, load_any_record
    from scripts.swap_deployment import show_swap_result

    record = load_any_record(deployment)
    w3 = connect(network, record.chain_id)
    if isinstance(record, SwapRecord):
        result: Reconciliation | SwapReconciliation = reconcile_swap(w3, record, block=block)
    else:
        result = run(w3, record, block=block)
    if csv is not None:
        result.frame().to_csv(csv, index=False)
    if json:
        print(dumps(result.as_json(), indent=2, ensure_ascii=False))
    elif isinstance(result, Reconciliation):
        show_result(result)
    else:
        show_swap_result(result)
    if not result.ok:
        raise typer.Exit(1)


def show_result(result: Reconciliation) -> None:
    """The sums per kind, the holders, the equations, and every row that differs."""
    from chain.network import when
    from chain.reconciliation import verdict
    from finance.report.table import Table
    from scripts.console import show

    decimals = result.currency_decimals

    def money(amount: int) -> str:
        whole, part = divmod(abs(amount), 10**decimals)
        return f"{'-' if amount < 0 else ''}{whole:,}.{part:0{decimals}d}"

    sums = result.payments()
    amounts = ("expected", "actual", "difference")
    payments = Table(
        f"{result.deal} at block {result.block} ({when(result.time)}), bond {result.state}",
        ("payment", *amounts),
        tuple((kind, *(money(each[name]) for name in amounts)) for kind, each in sums.items()),
        numeric=frozenset(amounts),
        notes=(
            *(f"{r}: {r.status}, value {'none' if r.value is None else r.value}" for r in result.reports),
            f"claimed {money(sums['total']['claimed'])}, unclaimed {money(sums['total']['unclaimed'])}",
            *result.notes,
        ),
    )
    shown = sorted(result.holders, key=lambda h: (h.difference == 0, -h.expected))[:MOST_HOLDERS]
    accounts = ("expected", "claimed", "unclaimed", "difference")
    left_out = len(result.holders) - len(shown)
    holders = Table(
        "Holders",
        ("holder", "units", *accounts),
        tuple((h.holder, f"{h.units:,}", *(money(getattr(h, name)) for name in accounts)) for h in shown),
        numeric=frozenset({"units", *accounts}),
        notes=(f"and {left_out} more holders: --json or --csv show them",) if left_out else (),
    )
    show(payments, holders)
    for difference in result.deployment:
        print(difference)
    for item in result.differences:
        print(f"differs by {item.difference} minor units: {item}")
    print(verdict(result.ok, bool(result.rows), result.not_yet))


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
