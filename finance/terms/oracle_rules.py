"""Rules of the oracle policy: majorities, deadlines, and what holds without a report."""

from __future__ import annotations

from collections.abc import Iterator

from finance.terms.deal import Deal
from finance.terms.rule_parts import MAX_DAYS, Finding, count, majority, money, policies
from finance.terms.values import scaled

MAX_NODES = 32  # signers fit one bitmap word: contracts/interfaces/IKpiOracle.sol


LEAST_NODES = 3  # of two nodes neither can be told from a liar


def liars(nodes: int) -> int:
    """How many nodes may lie without moving the median out of the honest range: f = floor((nodes - 1) / 3),
    and never fewer than one. A quorum of 2f + 1 keeps an honest value at, or on either side of, the median
    (contracts/oracle/FeedChecks.sol). Of 3 nodes all 3 must sign then; from 4 on f of them can be silent.
    """
    return max(1, (nodes - 1) // 3)


def oracle_keys(deal: Deal) -> Iterator[Finding]:
    for key in deal.oracle:
        if key not in deal.kpis:
            yield ("oracle", key), f"unknown KPI (known: {', '.join(deal.kpis) or 'none'})"


def oracle_quorum(deal: Deal) -> Iterator[Finding]:
    for here, policy in policies(deal):
        wrong = [
            *count((*here, "nodes"), policy.nodes, LEAST_NODES, MAX_NODES),
            *majority((*here, "quorum"), policy.quorum, policy.nodes, "nodes"),
        ]
        yield from wrong
        bad = liars(int(policy.nodes.value))
        if not wrong and policy.quorum.value <= 2 * bad:
            lie = "a node that lies" if bad == 1 else f"{bad} nodes that lie"
            reason = f"is too small: {lie} could set the value; at least {2 * bad + 1} is needed"
            yield (*here, "quorum"), reason


def oracle_panel(deal: Deal) -> Iterator[Finding]:
    for here, policy in policies(deal):
        yield from count((*here, "panel_size"), policy.panel_size, 1, MAX_NODES)
        yield from majority((*here, "panel_quorum"), policy.panel_quorum, policy.panel_size, "panellists")


def oracle_numbers(deal: Deal) -> Iterator[Finding]:
    for here, policy in policies(deal):
        for name in ("reporting_days", "late_days", "dispute_days", "ruling_days"):
            yield from count((*here, name), getattr(policy, name), 1, MAX_DAYS)
        if policy.late_days.value < policy.dispute_days.value:
            yield (
                (*here, "late_days"),
                "must not be below dispute_days: a report can be completed while disputed",
            )
        for name in ("challenge_bond", "challenge_reward"):
            yield from money(deal, (*here, name), getattr(policy, name), sign=1)
        kpi = deal.kpis.get(here[1])
        if policy.max_spread.value <= 0:
            yield (*here, "max_spread"), "must be greater than 0"
        elif kpi is not None and scaled(policy.max_spread.value, kpi.decimals) is None:
            yield (*here, "max_spread"), f"has more than the KPI's {kpi.decimals} decimals"


def silence(deal: Deal) -> Iterator[Finding]:
    """A stated amount for a missing report goes with the rule `amount`."""
    for here, policy in policies(deal):
        missing, loc = policy.missing, (*here, "missing", "amount")
        if missing.rule == "worst_for_data_controller":
            if missing.amount is not None:
                yield loc, "belongs to the rule `amount` only"
        elif missing.amount is None:
            yield loc, "is required by the rule `amount`"
        else:
            yield from money(deal, loc, missing.amount)


RULES = (oracle_keys, oracle_quorum, oracle_panel, oracle_numbers, silence)
