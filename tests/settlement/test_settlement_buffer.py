"""A liquidity buffer lived by its books: what selling to it brings, and what people would gain by it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from finance.settlement.acts import Act
from finance.settlement.feed_report import Status, StoredReport
from finance.settlement.liquidity_buffer import LiquidityBufferBooks
from finance.settlement.oracle_feed import FeedBooks
from finance.settlement.trade_desk import Quote
from finance.settlement.widths import SettlementError
from finance.terms import DealFileError, load_deal, parse_deal
from finance.terms.reader import read_deal_yaml
from tests.kinds.deals import shown
from tests.kinds.lives import HOLDERS, STRANGER, Kept
from tests.settlement.twins import DAY, person

ADA, BEN = HOLDERS
SPONSOR = person("lender.bank")
PAR, POINT = 1000 * 10**6, 10 * 10**6


class Sold(Kept):
    """The issue is sold and the first mark is at a point below par; the sponsor has paid in."""

    def __init__(self) -> None:
        (file,) = shown("liquidity_buffer")
        super().__init__(load_deal(file), {})
        self.buffer = self.world.books("buffer", LiquidityBufferBooks)
        self.config = self.oracle.feeds[self.buffer.terms.feed]
        for date in self.dates:
            if date < self.config.period_ends[0]:
                self.reach(date)
        self.mark(0, PAR - POINT)

    def report(self, period: int, value: int) -> int:
        """Reported a day after its end: when it is final."""
        final = self.config.period_ends[period] + DAY + self.config.dispute_window
        self.oracle.reports[self.buffer.terms.feed, period] = StoredReport(
            value, final_at=final, version=1, signers=7, stored=Status.PENDING
        )
        return final

    def mark(self, period: int, value: int) -> None:
        self.reach(self.report(period, value) + 1)
        assert self.buffer.marked == period + 1

    def sell(self, by: str, units: int, **other: object) -> int:
        quote = replace(self.buffer.quote(self.world, units, nonce=self.world.at), **other)
        return self.take(by, quote, units)

    def take(self, by: str, quote: Quote, units: int) -> int:
        given = {"quote": quote.struct, "signature": "0x", "units": units}
        self.world, done = self.world.tried(Act(by, "desk", "fill", given, self.world.at, self.world.block))
        self.buffer = self.world.books("buffer", LiquidityBufferBooks)
        self.oracle = self.world.books("oracle", FeedBooks)
        return int(done.result)

    def refused(self, by: str, units: int, **other: object) -> None:
        with pytest.raises(SettlementError):
            self.sell(by, units, **other)


@pytest.fixture
def life() -> Sold:
    return Sold()


def test_a_seller_gets_the_mark_less_the_discount(life: Sold) -> None:
    """990 of worth since issue, of which a first half-year of 2.65 % was paid: 990 - 13.25, less 1.5 %."""
    token = life.buffer.token(life.world)
    assert token.earned == 13_250_000
    bid = (990_000_000 - 13_250_000) * 985 // 1000
    assert (life.buffer.bid(life.world), life.buffer.status(life.world)) == (bid, "open")
    before = life.world.money[ADA]
    assert life.sell(ADA, 10) == 10 * bid == life.world.money[ADA] - before
    assert life.buffer.token(life.world).units_of(life.world.addresses["buffer"]) == 10


def test_a_payment_before_or_after_the_sale_is_the_same_to_the_seller(life: Sold) -> None:
    """But for the discount on what is paid: a unit that has earned more is worth so much less."""
    bid, value = life.buffer.bid(life.world), life.buffer.value_now(life.world)
    token = life.buffer.token(life.world)
    life.world.do(
        Act(STRANGER, "token", "distribute", {"amount": token.supply * POINT}, life.world.at, 10**6)
    )
    assert life.buffer.value_now(life.world) == value - POINT
    assert bid - POINT <= life.buffer.bid(life.world) <= bid - POINT * 985 // 1000
    life.refused(ADA, 1, price=bid)  # what was right before is too much now


def test_who_knows_the_next_value_sells_no_more_at_the_old_one(life: Sold) -> None:
    """From the second in which a period ends until its report is final; in the second before, it buys."""
    end = life.config.period_ends[1]
    life.world.at = end - 1
    assert life.sell(ADA, 1)
    quote = life.buffer.quote(life.world, 1, nonce=7)
    life.world.at = end
    assert (life.buffer.bid(life.world), life.buffer.status(life.world)) == (0, "waiting")
    with pytest.raises(SettlementError):
        life.take(ADA, quote, 1)  # one that was made before, too
    final = life.report(1, PAR // 2)
    life.world.at = final - 1
    assert not life.world.takes(Act(ADA, "buffer", "mark", {}, life.world.at, life.world.block))
    life.world.at = final + 1
    life.refused(ADA, 1, price=life.buffer.value_now(life.world))  # final, and not marked yet
    life.reach(final + 1)
    worth = (PAR // 2 - life.buffer.token(life.world).earned) * 985 // 1000
    assert life.sell(ADA, 1) == worth


def test_without_a_report_it_stays_closed_and_the_sponsor_gains_nothing_but_time(life: Sold) -> None:
    missing = life.buffer.terms.settled[1]
    life.reach(missing)
    assert (life.buffer.marked, life.buffer.bid(life.world)) == (2, 0)
    assert life.buffer.status(life.world) == "missing"
    life.refused(ADA, 1)
    assert not life.world.takes(Act(SPONSOR, "buffer", "release", {}, life.world.at, life.world.block))
    life.mark(2, PAR)
    assert life.sell(ADA, 1)


def test_a_stale_mark_buys_nothing_and_says_so(life: Sold) -> None:
    """After the last period nothing newer is measured: the age alone closes it."""
    for period in (1, 2, 3):
        life.mark(period, PAR)
    last = life.config.period_ends[3]
    life.world.at = last + 200 * DAY - 1
    assert life.buffer.status(life.world) == "open"
    life.world.at += 1
    assert (life.buffer.status(life.world), life.buffer.bid(life.world)) == ("stale", 0)
    assert life.buffer.age(life.world) == 200 * DAY
    life.refused(ADA, 1)


def test_no_trade_moves_the_mark_and_wash_sales_end_at_the_cap(life: Sold) -> None:
    """Whoever buys below and sells to it takes at most the units of one mark."""
    bid = life.buffer.bid(life.world)
    life.refused(ADA, 3001)
    assert life.sell(ADA, 3000)
    assert (life.buffer.room(life.world), life.buffer.bid(life.world)) == (0, bid)
    life.refused(BEN, 1)
    life.mark(1, PAR)
    assert life.buffer.room(life.world) == 3000


@pytest.mark.parametrize("other", ["price", "earned", "side", "maker"])
def test_a_quote_that_it_would_not_make_is_refused(life: Sold, other: str) -> None:
    quote = life.buffer.quote(life.world, 1)
    changed: dict[str, object] = {
        "price": quote.price + 1,
        "earned": quote.earned + 1,  # as if it had earned more: costs more now
        "side": type(quote.side).SELLS,
        "maker": ADA,
    }
    life.refused(ADA, 1, **{other: changed[other]})
    assert life.sell(ADA, 1, price=quote.price - 1) == quote.price - 1  # who asks for less gets less


def test_the_sponsor_gets_nothing_back_while_it_is_offered_and_all_after(life: Sold) -> None:
    life.sell(ADA, 100)
    now = life.world.at
    for call, by in (("release", SPONSOR), ("release", STRANGER)):
        assert not life.world.takes(Act(by, "buffer", call, {}, now, life.world.block))
    brought = life.buffer.funded
    for date in life.dates:
        if date > now:
            life.reach(date)
    held = life.world.held("buffer")
    assert (held, life.buffer.is_over(life.world)) == (0, True)
    # The units went on earning: what they were paid more than they cost is the sponsor's.
    assert life.world.money[SPONSOR] > 0
    assert brought == life.buffer.terms.facility


def test_units_that_have_earned_more_than_the_mark_says_are_worth_nothing(life: Sold) -> None:
    token = life.buffer.token(life.world)
    life.world.do(Act(STRANGER, "token", "distribute", {"amount": token.supply * PAR}, life.world.at, 10**6))
    assert (life.buffer.bid(life.world), life.buffer.value_now(life.world)) == (0, 0)
    life.refused(ADA, 1, price=1)


def test_only_the_sponsor_pays_in_and_nobody_else_takes_out(life: Sold) -> None:
    fund = Act(STRANGER, "buffer", "fund", {"amount": 1}, life.world.at, life.world.block)
    assert not life.world.takes(fund)
    assert life.world.takes(replace(fund, by=SPONSOR))
    life.world.at = life.buffer.terms.until
    assert not life.world.takes(replace(fund, by=SPONSOR, at=life.world.at))
    release = replace(fund, call="release", arguments={}, at=life.world.at)
    (released,) = life.world.tried(release)[1].flows
    assert (released.payee, released.what) == (SPONSOR, "released")


@pytest.mark.parametrize(
    ("where", "value", "reason"),
    [
        (("parts", "buffer", "sponsor"), "issuer", "the party has not the role lender"),
        (("parts", "buffer", "kpi"), "value", "unknown KPI"),
        (("parts", "buffer", "discount", "value"), 1, "must be a fraction from 0 to below 1"),
        (("parts", "buffer", "most_units", "value"), 0, "must be a whole number from 1"),
        (("kpis", "unit-value", "decimals"), 4, "must be the currency's 6: it is money"),
        (("kpis", "unit-value", "unit"), "fraction", "must be USD: it is the value of a unit"),
        (("parties", "issuer", "roles"), ["issuer", "lender", "data_controller"], "controls the data"),
    ],
)
def test_bad_buffers_are_refused(where: tuple[str, ...], value: object, reason: str) -> None:
    (file,) = shown("liquidity_buffer")
    tree = read_deal_yaml(file)
    if reason == "controls the data":
        tree["parts"]["buffer"]["sponsor"] = "issuer"
    at = tree
    for step in where[:-1]:
        at = at[step]
    at[where[-1]] = value
    with pytest.raises(DealFileError, match=reason):
        parse_deal(tree)
