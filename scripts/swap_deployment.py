"""What `penstock deploy` and `penstock reconcile` print for a swap deal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from finance.report.table import Table
from finance.settlement.kpi_payment import CloseOutRule
from finance.settlement.swap_terms import SwapTerms, swap_terms

MOST_HOLDERS = 20

if TYPE_CHECKING:
    from chain.swap.records import SwapRecord
    from chain.swap.result import SwapReconciliation
    from finance.terms import Deal


def money(amount: int, decimals: int) -> str:
    """Minor units as 1,234.500000, exactly."""
    whole, part = divmod(abs(amount), 10**decimals)
    fraction = f".{part:0{decimals}d}" if decimals else ""
    return f"{'-' if amount < 0 else ''}{whole:,}{fraction}"


def summarise_swap(record: SwapRecord, path: Path) -> None:
    """Where a swap deal is, who is who, and what was agreed, for a person."""
    deal = record.load_deal()
    print(f"{record.deal}: deployed on chain {record.chain_id} ({record.client})")
    print(f"  terms hash  {record.terms_hash}")
    print(f"  block       {record.block}, transaction {record.tx}, gas {record.gas:,}")
    for name, address in record.addresses.model_dump(exclude_none=True).items():
        print(f"  {name:<11} {address}")
    for kpi, feed in record.feeds.items():
        print(f"  {'feed':<11} {feed} ({kpi})")
    for name, address, who in _parties(record, deal):
        print(f"  {name:<11} {address}{f' ({who})' if who else ''}")
    print(f"  signers     {len(record.wallets.nodes)} nodes, {len(record.wallets.panel)} panellists")
    for line in _agreed(deal, swap_terms(deal)):
        print(f"  {line}")
    print(f"  record      {path}")


def _parties(record: SwapRecord, deal: Deal) -> Iterator[tuple[str, str, str]]:
    """Role, wallet and name of everybody but who signs for the oracle."""
    keys = {"payer": deal.swap.payer, "payee": deal.swap.payee, "issuer": deal.swap.payee}
    if deal.share is not None:
        keys |= {"operator": deal.share.operator, "lender": deal.share.lender}
    agents = [party.name for party in deal.parties.values() if "agent" in party.roles]
    for role in ("payer", "payee", "issuer", "operator", "lender", "agent"):
        address = getattr(record.wallets, role)
        if address is not None:
            name = deal.parties[keys[role]].name if role in keys else ", ".join(agents)
            yield role, address, name


def _agreed(deal: Deal, terms: SwapTerms) -> Iterator[str]:
    from chain.network import when

    swap, code = terms.payment, deal.currency.code
    first, last = swap.periods[0].pay_date, swap.periods[-1].pay_date
    yield f"agreed      {terms.name}: {len(swap.periods)} periods, paid {when(first)} to {when(last)}"
    posted = [f"{side} {money(need, terms.currency_decimals)} {code}" for side, need in _collateral(terms)]
    rule = {
        CloseOutRule.MODEL_VALUE: "by model value",
        CloseOutRule.LAST_FIXING: "by the last fixing",
        CloseOutRule.REPLACEMENT_COST: "by replacement cost",
    }[swap.close_out_rule]
    limited = ", the payee of limited recourse" if swap.limited_recourse else ""
    yield f"collateral  {', '.join(posted) or 'none'}; close-out {rule}{limited}"
    if terms.project is not None:
        project = terms.project
        price = money(project.unit_price, terms.currency_decimals)
        yield (
            f"offering    {project.hard_cap:,} units of {project.symbol} at {price} {code}, "
            f"{when(project.opens)} to {when(project.closes)}"
        )


def _collateral(terms: SwapTerms) -> list[tuple[str, int]]:
    return [
        (side, need) for side, need in zip(("payer", "payee"), terms.payment.required, strict=True) if need
    ]


def show_swap_result(result: SwapReconciliation) -> None:
    """The sums per kind, parties, holders, the equations, and everything that differs."""
    from chain.network import when
    from chain.reconciliation import verdict
    from chain.swap.rows import KINDS
    from scripts.console import show

    amounts = ("expected", "actual", "difference")

    def shown(amount: int) -> str:
        return money(amount, result.currency_decimals)

    sums = result.payments()
    states = f"swap {result.state}" + (f", treasury {result.treasury}" if result.treasury else "")
    reports = [r.status if r.value is None else str(r.value) for r in result.reports]
    held = [check for check in result.checks if not check.difference]
    payments = Table(
        f"{result.deal} at block {result.block} ({when(result.time)}), {states}",
        ("payment", *amounts, "meaning"),
        tuple((kind, *(shown(each[name]) for name in amounts), KINDS[kind]) for kind, each in sums.items()),
        numeric=frozenset(amounts),
        notes=(
            f"KPI reports of the periods settled: {', '.join(reports) or 'none yet'}",
            f"{len(held)} of {len(result.checks)} equations over the whole deal hold",
            *result.notes,
        ),
    )
    parties = Table(
        "Parties",
        ("party", "wallet", "figure", *amounts),
        tuple(
            (p.party, p.address, p.figure.replace("_", " "), *(shown(getattr(p, name)) for name in amounts))
            for p in result.positions
            if p.expected or p.actual
        ),
        numeric=frozenset(amounts),
    )
    show(payments, parties, *([_holders(result)] if result.holders else []))
    for difference in result.deployment:
        print(difference)
    if result.refused is not None:
        print(f"the deal does not allow what happened in {result.refused}")
    for item in result.differences:
        print(f"differs by {item.difference} minor units: {item}")
    print(verdict(result.ok, bool(result.rows), result.not_yet))


def _holders(result: SwapReconciliation) -> Table:
    accounts = ("expected", "claimed", "unclaimed", "difference")
    some = sorted(result.holders, key=lambda h: (h.difference == 0, -h.expected))[:MOST_HOLDERS]
    left_out = len(result.holders) - len(some)
    return Table(
        "Holders",
        ("holder", "units", *accounts),
        tuple(
            (
                h.holder,
                f"{h.units:,}",
                *(money(getattr(h, name), result.currency_decimals) for name in accounts),
            )
            for h in some
        ),
        numeric=frozenset({"units", *accounts}),
        notes=(f"and {left_out} more holders: --json shows them",) if left_out else (),
    )
