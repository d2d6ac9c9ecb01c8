"""What each KPI report decides: its tiers with their chances, and the money that hangs on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from finance.pricing.closed import knot_chances
from finance.pricing.flows import RATE_SCALE, KpiFlow
from finance.pricing.process import KpiProcess
from finance.pricing.simulate import kpi_time, law
from finance.pricing.value import Valuation
from finance.settlement.payoff_curve import Shape
from finance.settlement.terms import Effect
from finance.terms.bond import KpiBond
from finance.terms.payoffs import label, steps_of


@dataclass(frozen=True)
class Decision:
    """One report, `number` of its KPI from 1, measured from `measured[0]` to `measured[1]`.

    `flows` are the payments it decides, all through one curve. `law` is the KPI's distribution seen from the
    start of interest. `edges` are the KPI values, in its unit, at which tiers begin (the first has none) or
    lines bend. `labels`, `chances` and `payoffs` are those of tiers, or `labels` and `payoffs` of a line's
    points (then `chances` is empty). A payoff is a fraction a year for a `rate`, else money; `amounts` is the
    money that each payoff makes of all payments, `expected` what is expected of them, in units of the
    currency.
    """

    kpi: str
    number: int
    measured: tuple[date, date]
    effect: Effect
    shape: Shape
    law: KpiProcess
    flows: tuple[KpiFlow, ...]
    edges: tuple[float, ...]
    labels: tuple[str, ...]
    chances: tuple[float, ...]
    payoffs: tuple[float, ...]
    expected: float

    @property
    def tiered(self) -> bool:
        """Whether the payoff is in tiers, not along a line."""
        return self.shape == Shape.STEP

    @property
    def scale(self) -> float:
        """Money per unit of payoff, over all payments."""
        return float(sum(flow.scale for flow in self.flows)) * _grain(self.effect, self.flows[0])

    @property
    def amounts(self) -> tuple[float, ...]:
        """Money of each payoff over all payments."""
        return tuple(payoff * self.scale for payoff in self.payoffs)

    @property
    def expected_payoff(self) -> float:
        """Expected payoff: a fraction a year, or money."""
        return self.expected / self.scale

    @property
    def paid(self) -> tuple[date, date]:
        """The first and the last day on which the report moves a payment."""
        return self.flows[0].paid, self.flows[-1].paid


def decisions(valuation: Valuation) -> tuple[Decision, ...]:
    """What each report decides, in the order of the deal file; none for a fixed bond."""
    deal, flows = valuation.deal, valuation.flows
    bond = deal.only(KpiBond)
    found, at = [], 0
    for rule, fixing in zip(bond.kpi_rules, valuation.claim.terms.fixings, strict=True):
        kpi = deal.kpis[rule.kpi]
        period = kpi.periods[rule.period - 1]
        own = flows.kpi_flows[at : at + fixing.last - fixing.first + 1]
        expected = valuation.closed_form.amounts[at : at + len(own)]
        at += len(own)
        process = law(valuation.outlook[rule.kpi], kpi_time(flows.start, own[0].observed))
        stepped, knots = fixing.curve.shape == Shape.STEP, fixing.curve.knots
        grain = _grain(fixing.effect, own[0])
        found.append(
            Decision(
                kpi=rule.kpi,
                number=rule.period,
                measured=(period.start, period.end),
                effect=fixing.effect,
                shape=fixing.curve.shape,
                law=process,
                flows=own,
                edges=tuple(knot.x / 10**kpi.decimals for knot in (knots[1:] if stepped else knots)),
                labels=tuple(label(step, kpi.unit == "fraction") for step in steps_of(rule)),
                chances=tuple(map(float, knot_chances(own[0], process))) if stepped else (),
                payoffs=tuple(knot.y / grain for knot in knots),
                expected=float(np.sum(expected)),
            )
        )
    return tuple(found)


def _grain(effect: Effect, flow: KpiFlow) -> float:
    """How many of the curve's `y` make one unit of payoff: 100 % a year, or a unit of the currency."""
    return RATE_SCALE if effect is Effect.RATE else 1 / flow.scale


def payoff_at(decision: Decision, kpi: Sequence[float] | np.ndarray) -> np.ndarray:
    """The payoff at KPI values, same shape: a fraction a year, or money."""
    first = decision.flows[0]
    return np.asarray(
        first.amounts(np.asarray(kpi, dtype=np.float64)) / first.scale / _grain(decision.effect, first)
    )
