"""Rules of the oracle policy: majorities, deadlines, and silence that never pays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction

from finance.terms.canonical import plain
from finance.terms.deal import Deal
from finance.terms.rule_parts import MAX_DAYS, Finding, bonds, count, majority, money, policies
from finance.terms.values import scaled

MAX_NODES = 32  # signers fit one bitmap word: contracts/interfaces/IKpiOracle.sol


def oracle_keys(deal: Deal) -> Iterator[Finding]:
    for key in deal.oracle:
        if key not in deal.kpis:
            yield ("oracle", key), f"unknown KPI (known: {', '.join(deal.kpis)})"
    for _, bond in bonds(deal):
        kpi = bond.outcome_payment.kpi
        if kpi in deal.kpis and kpi not in deal.oracle:
            yield ("oracle", kpi), "is required: a claim depends on this KPI"


def oracle_quorum(deal: Deal) -> Iterator[Finding]:
    for here, policy in policies(deal):
        yield from count((*here, "nodes"), policy.nodes, 1, MAX_NODES)
        yield from majority((*here, "quorum"), policy.quorum, policy.nodes, "nodes")


def oracle_panel(deal: Deal) -> Iterator[Finding]:
    for here, policy in policies(deal):
        yield from count((*here, "panel_size"), policy.panel_size, 1, MAX_NODES)
        yield from majority((*here, "panel_quorum"), policy.panel_quorum, policy.panel_size, "panellists")


def oracle_numbers(deal: Deal) -> Iterator[Finding]:
    for here, policy in policies(deal):
        for name in ("reporting_days", "dispute_days", "ruling_days"):
            yield from count((*here, name), getattr(policy, name), 1, MAX_DAYS)
        for name in ("challenge_bond", "challenge_reward"):
            yield from money(deal, (*here, name), getattr(policy, name), sign=1)
        kpi = deal.kpis.get(here[1])
        if policy.max_spread.value <= 0:
            yield (*here, "max_spread"), "must be greater than 0"
        elif kpi is not None and scaled(policy.max_spread.value, kpi.decimals) is None:
            yield (*here, "max_spread"), f"has more than the KPI's {kpi.decimals} decimals"


def deadlines(deal: Deal) -> Iterator[Finding]:
    """The report must be settled, challenge and ruling included, by the day it is needed."""
    for here, bond in bonds(deal):
        payment = bond.outcome_payment
        if payment.kpi not in deal.kpis or payment.kpi not in deal.oracle:
            continue
        periods, policy = deal.kpis[payment.kpi].periods, deal.oracle[payment.kpi]
        if payment.period > len(periods):
            continue
        end = periods[payment.period - 1].end
        windows = (policy.reporting_days, policy.dispute_days, policy.ruling_days)
        if any(scaled(window.value, 0) is None or not 0 <= window.value <= MAX_DAYS for window in windows):
            continue
        settled = end + timedelta(days=1 + sum(int(window.value) for window in windows))
        if settled > bond.maturity.value:
            yield (
                (*here, "maturity"),
                f"dates out of order: the KPI of the period to {end} may be settled as late as {settled}",
            )


def silence(deal: Deal) -> Iterator[Finding]:
    """Law 4: a missing report costs whoever controls the data at least as much as any report could."""
    for here, policy in policies(deal):
        missing, loc = policy.missing, (*here, "missing", "amount")
        if missing.rule == "worst_for_data_controller":
            if missing.amount is not None:
                yield loc, "belongs to the rule `amount` only"
            continue
        if missing.amount is None:
            yield loc, "is required by the rule `amount`"
            continue
        yield from money(deal, loc, missing.amount)
        for _, bond in bonds(deal):
            if bond.outcome_payment.kpi != here[1]:
                continue
            amounts = [tier.amount.value for tier in bond.outcome_payment.tiers]
            value = missing.amount.value
            if deal.data_controller == "issuer" and value < max(amounts):
                yield (
                    loc,
                    "silence would pay the issuer, who controls the data: "
                    f"at least {plain(max(amounts))} is needed",
                )
            if deal.data_controller == "holders" and value > min(amounts):
                yield (
                    loc,
                    "silence would pay the holders, who control the data: "
                    f"at most {plain(min(amounts))} is allowed",
                )
            if -Fraction(value) > bond.principal.value:
                yield loc, "holders would owe more than the principal they are repaid"


RULES = (
    oracle_keys,
    oracle_quorum,
    oracle_panel,
    oracle_numbers,
    deadlines,
    silence,
)
