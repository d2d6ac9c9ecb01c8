"""What each report decides, read again from the words of the deals and added up by hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from scipy.stats import norm

from finance import price
from finance.pricing.decisions import Decision, decisions, payoff_at
from finance.pricing.process import NormalKpi
from finance.settlement.payoff_curve import Shape
from finance.settlement.terms import Effect
from finance.terms import Deal
from tests.finance.deal_variants import atlanta_along_a_line, book_deal, enel_along_a_line


def decided(deal: Deal, law: NormalKpi | None = None) -> tuple[Decision, ...]:
    return decisions(price(deal, law or "interval"))


def test_the_tiers_of_an_outcome() -> None:
    """DC Water: 3.3 million either way, paid once, in dollars; chances by the normal law of the KPI."""
    law = NormalKpi(0.35, 0.05)
    (one,) = decided(book_deal("dc-water-eib-2016"), law)
    assert (one.kpi, one.number, one.effect, one.shape, one.tiered) == (
        "runoff-reduction", 1, Effect.AMOUNT, Shape.STEP, True,
    )  # fmt: skip
    assert one.law == law
    assert one.edges == (0.186, 0.413001)
    assert one.labels == ("below 18.6 %", "18.6 % to 41.3 % inclusive", "above 41.3 %")
    below, above = norm.cdf((0.1859995 - 0.35) / 0.05), norm.sf((0.4130005 - 0.35) / 0.05)
    assert one.chances == pytest.approx((below, 1 - below - above, above), abs=1e-12)
    assert one.payoffs == one.amounts == (-3.3e6, 0, 3.3e6)
    assert one.scale == 1
    assert one.expected == one.expected_payoff == pytest.approx(3.3e6 * (above - below))
    assert one.paid == (date(2021, 4, 1), date(2021, 4, 1))
    assert one.measured[0] < one.measured[1] < one.paid[0]
    found = payoff_at(one, [0.1859994, 0.1859996, 0.4130004, 0.4130006])
    assert found == pytest.approx([-3.3e6, 0, 0, 3.3e6])


def test_the_tiers_of_a_step() -> None:
    """Enel: 25 basis points of 1.5 billion for four half-years, when the target is missed."""
    law = NormalKpi(0.56, 0.01)
    (one,) = decided(book_deal("enel-slb-2019"), law)
    assert one.effect is Effect.RATE
    assert (one.edges, one.payoffs) == ((0.55,), (0.0025, 0))
    assert one.scale == pytest.approx(1.5e9 * 0.5 * 4)
    assert one.amounts == pytest.approx((7.5e6, 0))
    missed = norm.cdf((0.55 - 0.5e-6 - 0.56) / 0.01)
    assert one.chances == pytest.approx((missed, 1 - missed), abs=1e-9)
    assert one.expected == pytest.approx(7.5e6 * missed)
    assert one.expected_payoff == pytest.approx(0.0025 * missed)
    assert one.paid == (date(2023, 3, 10), date(2024, 9, 10))
    assert payoff_at(one, np.array([0.54, 0.56])) == pytest.approx([0.0025, 0])


def test_seven_reports_of_one_loan() -> None:
    """Singapore: each year's report moves the margin of four quarters; together all that is expected."""
    deal = book_deal("singapore-ebus-loan")
    valuation = price(deal)
    found, terms = decisions(valuation), valuation.claim.terms
    assert [one.number for one in found] == [1, 2, 3, 4, 5, 6, 7]
    assert sum(len(one.flows) for one in found) == len(valuation.flows.kpi_flows)
    assert sum(one.expected for one in found) == pytest.approx(valuation.closed_form.expected, rel=1e-12)
    for one, fixing in zip(found, terms.fixings, strict=True):
        steps = range(fixing.first, fixing.last + 1)
        owed = [terms.unit_principal - sum(p.repayment for p in terms.periods[:k]) for k in steps]
        years = [terms.periods[k].numerator / terms.periods[k].denominator for k in steps]
        money = (
            sum(p * t for p, t in zip(owed, years, strict=True))
            * terms.hard_cap
            / 10**terms.currency_decimals
        )
        assert one.scale == pytest.approx(money, rel=1e-12)
        period = deal.kpis[one.kpi].periods[one.number - 1]
        assert one.measured == (period.start, period.end)
        assert one.paid == (
            valuation.flows.periods[fixing.first].end,
            valuation.flows.periods[fixing.last].end,
        )
        mean, sd = one.law.mean, one.law.sd
        edges = [-0.5e-4, *(edge - 0.5e-4 for edge in one.edges), 1 + 0.5e-4]  # reported from 0 to 1
        assert one.chances == pytest.approx(np.diff(norm.cdf(np.array(edges), mean, sd)), abs=1e-9)
        outside = 1 - sum(one.chances)
        rate = np.dot(one.chances, one.payoffs) + outside * max(one.payoffs)  # silence costs the issuer
        assert one.expected_payoff == pytest.approx(rate, abs=1e-12)


def test_lines_bend_where_the_file_says() -> None:
    (rate,) = decided(enel_along_a_line())
    assert (rate.tiered, rate.chances) == (False, ())
    assert (rate.edges, rate.payoffs) == ((0.5, 0.6), (0.0025, -0.001))
    assert payoff_at(rate, [0.4, 0.52, 0.6, 0.7]) == pytest.approx([0.0025, 0.0018, -0.001, -0.001])
    assert len(rate.labels) == 2
    (amount,) = decided(atlanta_along_a_line())
    assert (amount.edges, amount.payoffs) == ((6.0, 7.0), (0.0, 1e6))
    assert payoff_at(amount, [5.0, 6.25, 7.5]) == pytest.approx([0, 250_000, 1e6])


def test_a_fixed_bond_has_nothing_to_decide() -> None:
    assert decided(book_deal("hksar-tokenised-green-bond-2023")) == ()
