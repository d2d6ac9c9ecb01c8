"""A vehicle in a deal file: what was published of the Hydrobonds, minibonds as ACTUS contracts, and what
tranches are worth, against the closed form and by properties."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from finance.actus.contracts import flows
from finance.securitisation.copula import loss_distribution
from finance.securitisation.enhancement import Enhancement, noteholder_loss
from finance.securitisation.planned import planned
from finance.securitisation.pool import Hazard, Issuer, Pool
from finance.securitisation.vehicle import Assumed, protection, value_vehicle
from finance.settlement.spv_books import SpvBooks
from finance.settlement.spv_terms import receivable, vehicle_terms
from finance.terms import Deal, load_deal, parse_deal
from finance.terms.reader import read_deal_yaml
from finance.terms.spv import Spv
from finance.waterfalls import project
from tests.kinds.lives import Kept, periods_of

DEALS = Path(__file__).resolve().parents[2] / "deals"
HYDROBOND = DEALS / "viveracqua-hydrobond-2014.yaml"
SECOND = DEALS / "viveracqua-hydrobond-2016.yaml"
SIHEUNG = DEALS / "siheung-efficiency-abs.yaml"
MILLION = 10**12
"""In minor units."""


def test_what_was_published_of_the_first_series() -> None:
    """EUR 150 million, eight utilities, twenty years, 3.9 %, amortising from the second year; 20 % of
    enhancement: 6 million of cash and 24 million retained, which are 16 % (Reuters IFR, 2014-07-22)."""
    deal = load_deal(HYDROBOND)
    terms = vehicle_terms(deal)
    (notes,) = terms.tranches
    assert notes.units * notes.unit_principal == 150 * MILLION
    assert notes.rate == 39 * 10**15
    assert len(terms.plan.lines) == 8
    assert len(terms.periods) == 40
    assert terms.plan.pots == {"reserve": 6 * MILLION, "retained": 24 * MILLION}
    assert Fraction(sum(terms.plan.pots.values()), 150 * MILLION) == Fraction(1, 5)
    assert Fraction(terms.plan.pots["retained"], 150 * MILLION) == Fraction(4, 25)
    (loan,) = terms.plan.loans
    assert loan.repayment.values[:3] == (0, 0, 0)  # type: ignore[union-attr]
    assert all(loan.repayment.values[3:])  # type: ignore[union-attr]
    assert sum(loan.repayment.values) == 150 * MILLION  # type: ignore[union-attr]


def test_what_was_published_of_the_second_series() -> None:
    """EUR 77 million at 3.6 % by five utilities: 12, 30, 20, 8 and 7 million; July 2034
    (securitisation-services.com); cash for 20 % (Servizi a Rete)."""
    deal = load_deal(SECOND)
    terms, spv = vehicle_terms(deal), deal.only(Spv)
    owed = [line.receivable.principal.value for line in spv.lines.values() if line.receivable]
    assert sorted(owed) == [7_000_000, 8_000_000, 12_000_000, 20_000_000, 30_000_000]
    assert sum(owed) * 10**6 == terms.tranches[0].units * terms.tranches[0].unit_principal == 77 * MILLION
    assert terms.tranches[0].rate == 36 * 10**15
    assert (spv.periods[-1].end.year, spv.periods[-1].end.month) == (2034, 7)
    assert Fraction(terms.plan.pots["retained"], 77 * MILLION) == Fraction(1, 5)


@pytest.mark.parametrize("file", [HYDROBOND, SECOND])
def test_minibonds_are_actus_contracts(file: Path) -> None:
    """Each as a LAM, whose payments are the same but for a minor unit that rounding keeps."""
    deal = load_deal(file)
    spv = deal.only(Spv)
    for line in spv.lines.values():
        loan = line.receivable
        assert loan is not None
        ours = receivable(loan, spv.periods, 6)
        first = next(number for number, (_, back) in enumerate(ours) if back)
        contract = {
            "contractType": "LAM",
            "contractID": line.title,
            "contractRole": "RPA",
            "currency": "EUR",
            "statusDate": f"{spv.periods[0].start}T00:00:00",
            "initialExchangeDate": f"{spv.periods[0].start}T00:00:00",
            "maturityDate": f"{spv.periods[-1].end}T00:00:00",
            "notionalPrincipal": str(loan.principal.value),
            "nominalInterestRate": str(loan.rate.value),
            "dayCountConvention": "30E360",
            "cycleAnchorDateOfInterestPayment": f"{spv.periods[0].end}T00:00:00",
            "cycleOfInterestPayment": "P6ML1",
            "cycleAnchorDateOfPrincipalRedemption": f"{spv.periods[first].end}T00:00:00",
            "cycleOfPrincipalRedemption": "P6ML1",
            "nextPrincipalRedemptionPayment": str(loan.principal.value / (len(ours) - first)),
        }
        paid: dict[Any, float] = {}
        for flow in flows(contract):
            if flow.type in ("IP", "PR", "MD"):
                paid[flow.time.date()] = paid.get(flow.time.date(), 0.0) + flow.payoff
        for period, (interest, back) in zip(spv.periods, ours, strict=True):
            assert paid[period.end] == pytest.approx((interest + back) / 10**6, abs=3e-5)


# -- what tranches are worth


def certain(deal: Deal) -> Assumed:
    return replace(Assumed.of(deal), default_probability=0.0, revenue_sd=0.0)


def test_without_defaults_the_notes_are_worth_their_price() -> None:
    """They pay their coupon in whole half-years, and are discounted at it: 100."""
    for file in (HYDROBOND, SECOND):
        deal = load_deal(file)
        (notes,) = value_vehicle(deal, 2, assumed=certain(deal)).tranches
        assert notes.price == pytest.approx(100, abs=1e-6)
        assert notes.yield_ == pytest.approx(notes.rate, abs=1e-9)
        assert notes.any_loss == notes.expected_loss == 0
        claims = planned(deal)
        due = np.add(claims.paid("notes.interest"), claims.paid("notes.principal")) / 10**6
        assert [*notes.paid, 0] == pytest.approx(due, abs=1e-3)


def bullet(deal_tree: Any, **pots: Decimal) -> Deal:
    """The first series where nothing is repaid before the end, with its pots at other amounts: what it loses
    is then in closed form."""
    tree = deepcopy(deal_tree)
    spv, notes = tree["parts"]["hydrobond"], tree["parts"]["notes"]
    zeros = {"value": [Decimal(0)], "assumed": "all at the end"}
    for line in spv["lines"].values():
        line["receivable"]["repayment"] = {"fractions": zeros}
        line["receivable"]["rate"]["value"] = Decimal(0)
    notes["repayment"], notes["rate"]["value"] = {"fractions": zeros}, Decimal(0)
    spv["payables"]["costs"].pop("due")
    for name, amount in pots.items():
        spv["pots"][name]["opening"]["value"] = amount
        for step in spv["steps"]:
            if step.get("move") == "cash" and step.get("to") == name:
                step["limit"]["total"][0]["value"] = amount
    return parse_deal(tree)


@pytest.mark.parametrize(("reserve", "retained"), [(0, 0), (6, 24), (0, 24), (20, 0)])
def test_a_pool_without_interest_loses_what_the_closed_form_says(
    reserve: int, retained: int, seed: int
) -> None:
    """Without interest or repayments the notes lose what the pool does beyond the pots: the recursion over
    the factor, to four standard errors."""
    tree = read_deal_yaml(HYDROBOND)
    steps = tree["parts"]["hydrobond"]["steps"]
    steps[:] = [step for step in steps if "rest" not in step or "when" in step]
    next(step for step in steps if "prepay" in step).pop("while")  # recoveries go to the notes
    deal = bullet(tree, reserve=Decimal(reserve * 10**6), retained=Decimal(retained * 10**6))
    assumed, count = Assumed.of(deal), 40_000
    (notes,) = value_vehicle(deal, count, seed % 1000).tranches
    hazard = Hazard.of(assumed.default_probability, 10)
    issuer = Issuer(1, hazard, Decimal(str(assumed.recovery)), assumed.asset_correlation)
    pool = Pool.equal(8, 150, issuer)
    law = noteholder_loss(pool, 20.0, Enhancement(reserve=reserve, retained=retained))
    if not reserve and not retained:
        assert law.mean == pytest.approx(loss_distribution(pool, 20.0).mean)
    error = 4 / np.sqrt(count)
    assert notes.any_loss == pytest.approx(law.above(0), abs=error / 2), f"PENSTOCK_SEED={seed}"
    assert notes.expected_loss == pytest.approx(law.mean / 150, abs=error * 0.25), f"PENSTOCK_SEED={seed}"


def test_protection_only_helps_and_more_default_only_harms(seed: int) -> None:
    """On the same paths: each pot more, and each default less, is no loss to noteholders."""
    for file in (HYDROBOND, SECOND):
        deal = load_deal(file)
        steps = [step.tranches[0] for step in protection(deal, 2_000, seed % 1000)]
        for less, more in pairwise(steps):
            assert more.price >= less.price - 1e-9
            assert more.expected_loss <= less.expected_loss + 1e-12
            assert more.any_loss <= less.any_loss
        losses = [
            value_vehicle(deal, 2_000, seed % 1000, replace(Assumed.of(deal), default_probability=chance))
            .tranches[0]
            .expected_loss
            for chance in (0.0, 0.03, 0.061, 0.3)
        ]
        assert losses == sorted(losses)
        assert losses[0] == 0 < losses[-1]


def test_seniors_are_paid_before_the_rest() -> None:
    """Where less comes in, the residual loses before the notes lose anything; wilder revenue is no gain to
    the notes, whose coupon is all that they can get."""
    deal = load_deal(SIHEUNG)
    good = value_vehicle(deal, 2_000, assumed=certain(deal))
    wild = value_vehicle(deal, 2_000, assumed=replace(certain(deal), revenue_sd=1.0))
    assert good.tranches[1].any_loss == 0
    assert wild.tranches[1].price < good.tranches[1].price <= 100 + 1e-9
    tree = read_deal_yaml(SIHEUNG)
    prices = []
    for share in (Decimal(1), Decimal("0.8"), Decimal("0.5")):
        for line in tree["parts"]["efficiency"]["lines"].values():
            line["expected"]["value"] = [int(line["expected"]["value"][0] * share)]
        less = parse_deal(tree)
        found = value_vehicle(less, 2, assumed=certain(less)).tranches
        prices.append([each.price for each in sorted(found, key=lambda each: each.terms.key)])
    (rest, less_rest, no_rest), (one, two, three) = zip(*prices, strict=True)
    assert one == pytest.approx(two)
    assert three < two
    assert rest > less_rest > no_rest >= 0


def test_a_default_in_the_pool_as_it_is_settled(seed: int) -> None:
    """Any utility that pays nothing from any period on: reserve first, then what was retained, noteholders
    whole while both last, and nobody is paid out of nothing."""
    deal = load_deal(HYDROBOND)
    terms, rng = vehicle_terms(deal), Random(seed)
    for _ in range(20):
        gone, since = rng.choice(terms.plan.lines), rng.randrange(40)
        income = {
            name: [0 if name == gone and period >= since else amount for period, amount in enumerate(each)]
            for name, each in zip(terms.plan.lines, terms.expected, strict=True)
        }
        made = project(terms.plan, income)
        reserve, retained = made.after("reserve"), made.after("retained")
        where = f"PENSTOCK_SEED={seed}, {gone} from {since}"
        for period in range(40):
            assert retained[period] >= 24 * MILLION - 100 or reserve[period] < 100, where
        short = made.after("notes.balance")[-1] + made.after("notes.interest")[-1]
        assert short == 0 or retained[-1] + reserve[-1] == 0, where
        came = sum(map(sum, income.values())) + 30 * MILLION
        paid = sum(sum(made.paid(claim)) for claim in terms.plan.claim_names)
        assert paid + sum(made.after(pot)[-1] for pot in terms.plan.pot_names) == came, where


@pytest.mark.parametrize("controller", ["aggregator", "buildings"])
def test_money_that_follows_a_KPI_is_due_by_what_is_reported(controller: str, seed: int) -> None:
    """In proportion; where nobody reports, as is worst for whoever controls the data, a payer or not."""
    tree, rng = read_deal_yaml(SIHEUNG), Random(seed)
    tree["parties"]["aggregator"]["roles"].remove("data_controller")
    tree["parties"][controller]["roles"].append("data_controller")
    deal = parse_deal(tree)
    low, high = next(iter(periods_of(deal).values()))
    reports: dict[tuple[str, int], int | None] = {each: rng.randint(low, high) for each in periods_of(deal)}
    reports["savings", rng.randrange(10)] = None
    life = Kept(deal, reports).live()
    books = life.world.books("efficiency", SpvBooks)
    line = vehicle_terms(deal).plan.lines.index("buildings")
    whole, at = vehicle_terms(deal).expected[line], vehicle_terms(deal).measured[line].at
    silent = high if controller == "buildings" else 0
    for (_, period), value in reports.items():
        owed = Fraction(whole[period] * max(0, silent if value is None else value), at)
        assert books.expected(life.world, line, period) == owed.__floor__(), f"PENSTOCK_SEED={seed}"
    came = sum(books.income.get((period, line), 0) for period in range(10))
    assert came == sum(books.expected(life.world, line, period) for period in range(10))


def shuffled(tree: Any, rng: Random) -> Any:
    """The same file in another order of names; lists stay."""
    if isinstance(tree, dict):
        items = [(key, shuffled(each, rng)) for key, each in tree.items()]
        rng.shuffle(items)
        return dict(items)
    return [shuffled(each, rng) for each in tree] if isinstance(tree, list) else tree


@pytest.mark.parametrize("file", [HYDROBOND, SECOND, SIHEUNG])
def test_the_order_of_names_is_no_term(file: Path, seed: int) -> None:
    """What runs follows from what is hashed."""
    deal, rng = load_deal(file), Random(seed)
    other = parse_deal(shuffled(read_deal_yaml(file), rng))
    assert other.terms_hash == deal.terms_hash
    assert vehicle_terms(other) == vehicle_terms(deal)
    assert other.people == deal.people
