"""Rules of the oracle policy: majorities, deadlines, and silence that never pays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction

from finance.terms.canonical import plain
from finance.terms.deal import CouponStep, Deal
from finance.terms.kpi_rules import redeemed
from finance.terms.payoffs import payoff_term, steps_of
from finance.terms.problems import InputError
from finance.terms.rule_parts import (
    MAX_DAYS,
    Finding,
    count,
    kpi_rules,
    majority,
    money,
    policies,
    schedule_of,
)
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
    for _, _, rule in kpi_rules(deal):
        if rule.kpi in deal.kpis and rule.kpi not in deal.oracle:
            yield ("oracle", rule.kpi), "is required: a claim depends on this KPI"


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


def deadlines(deal: Deal) -> Iterator[Finding]:
    """The report must be settled by the first pay date that needs it: KpiOracle ends all disputes of a period
    once its four windows have passed."""
    for here, bond, rule in kpi_rules(deal):
        if rule.kpi not in deal.kpis or rule.kpi not in deal.oracle:
            continue
        periods, policy, schedule = deal.kpis[rule.kpi].periods, deal.oracle[rule.kpi], schedule_of(bond)
        if rule.period > len(periods) or schedule is None:
            continue
        windows = (policy.reporting_days, policy.late_days, policy.dispute_days, policy.ruling_days)
        if any(scaled(window.value, 0) is None or not 0 <= window.value <= MAX_DAYS for window in windows):
            continue
        try:
            needed = schedule[rule.reach(schedule)[0]].end
        except ValueError:
            continue
        end = periods[rule.period - 1].end
        settled = end + timedelta(days=1 + sum(int(window.value) for window in windows))
        if settled > needed:
            at_maturity = needed == bond.maturity.value
            loc = ("parts", here[1], "maturity") if at_maturity else (*here, "period")
            reason = f"dates out of order: the KPI of the period to {end} may be settled as late as {settled}"
            yield loc, reason if at_maturity else f"{reason}, after the pay date {needed} that needs it"


def _controller(deal: Deal, bond: str) -> str | None:
    """Which side of a bond controls the data; None where its issuer is not known, its own problem."""
    try:
        return deal.controller_of(bond)
    except (InputError, KeyError):
        return None


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
        for there, bond, rule in kpi_rules(deal):
            if rule.kpi != here[1]:
                continue
            if isinstance(rule, CouponStep):
                yield (*here, "missing", "rule"), "a coupon step needs the rule worst_for_data_controller"
                continue
            amounts = [payoff_term(step).value for step in steps_of(rule)]
            value = missing.amount.value
            controller = _controller(deal, there[1])
            if controller == "issuer" and value < max(amounts):
                yield (
                    loc,
                    "silence would pay the issuer, who controls the data: "
                    f"at least {plain(max(amounts))} is needed",
                )
            if controller == "holders" and value > min(amounts):
                yield (
                    loc,
                    "silence would pay the holders, who control the data: "
                    f"at most {plain(min(amounts))} is allowed",
                )
            if -Fraction(value) > (redeemed(deal, bond) if rule.pays == "at_maturity" else 0):
                yield loc, "holders would owe more than the principal they are repaid"


RULES = (
    oracle_keys,
    oracle_quorum,
    oracle_panel,
    oracle_numbers,
    deadlines,
    silence,
)
