"""A book of orders: the price and the shares as arithmetic, and real contracts lived beside their books."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate, pairwise
from random import Random
from typing import Any

import pytest

from finance.settlement import offering_book
from finance.settlement.offering_book import Order, OrderBooks, cleared, share
from finance.settlement.sale import SaleBooks
from tests.settlement.books_of_orders import BookOfOrders
from tests.settlement.twins import Chain, Difference, Tally, mutate, same_functions

PARTS = {"offering": ("OrderBook", OrderBooks)}
Wanted = list[tuple[int, int]]
"""Units and level of each order."""


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


def lived(chain: Chain, name: str, lives: int) -> Tally:
    """Some random lives."""
    return Tally.of(lambda rng, case: BookOfOrders(chain, rng), f"{name}/book", lives, 120, PARTS)


def test_a_book_lives_as_its_books_say(chain: Chain, seed: int, cases: int) -> None:
    tally = lived(chain, str(seed), max(30, cases // 300))
    assert not tally.missing(PARTS)


def test_every_function_is_an_act() -> None:
    same_functions("OrderBook", OrderBooks, but={"initialize"})


# -- the price and the shares


def shares(wanted: Wanted, levels: int, issue: int) -> tuple[int, list[int]]:
    """The level of the price, and what each order buys."""
    rows: Counter[int] = Counter()
    orders = []
    for units, level in wanted:
        orders.append(Order(units, rows[level], level))
        rows[level] += units
    result, sold = cleared(rows, levels, issue)
    found = [share(each, result, rows[result.level]) for each in orders]
    assert sum(found) == sold
    return result.level, found


def random_orders(rng: Random, levels: int) -> Wanted:
    most = rng.choice((3, 50, 2**40))
    return [(rng.randint(1, most), rng.randrange(levels)) for _ in range(rng.randint(1, 12))]


def test_the_price_is_the_highest_at_which_all_is_wanted(seed: int, cases: int) -> None:
    """Against the definition, level by level; and what is sold is all that is wanted, or the whole issue."""
    rng = Random(f"{seed}/price")
    for _ in range(cases):
        levels, issue = rng.choice((1, 2, 5, 64)), rng.choice((1, 40, 2**41))
        wanted = random_orders(rng, levels)
        at, found = shares(wanted, levels, issue)
        demand = {level: sum(u for u, to in wanted if to >= level) for level in range(levels)}
        assert at == max((level for level in demand if demand[level] >= issue), default=0)
        assert sum(found) == min(issue, demand[0])
        left = issue - sum(u for u, to in wanted if to > at)
        all_at = sum(u for u, to in wanted if to == at)
        for (units, level), got in zip(wanted, found, strict=True):
            if level != at:
                assert got == (units if level > at else 0)
            else:
                assert abs(got * all_at - units * min(left, all_at)) < all_at, (
                    "pro rata, less than a unit off"
                )


def test_a_split_order_gains_nothing(seed: int, cases: int) -> None:
    """In pieces that follow each other it gets what it would get whole, to the unit, and others what they
    would; so dust gains nothing either."""
    rng = Random(f"{seed}/split")
    for _ in range(cases):
        levels, issue = rng.choice((1, 3)), rng.choice((1, 40, 2**41))
        wanted = random_orders(rng, levels)
        which = rng.randrange(len(wanted))
        units, level = wanted[which]
        cuts = sorted({0, units, *(rng.randint(0, units) for _ in range(rng.randint(1, 6)))})
        pieces = [(b - a, level) for a, b in pairwise(cuts)]
        price, whole = shares(wanted, levels, issue)
        other, split = shares([*wanted[:which], *pieces, *wanted[which + 1 :]], levels, issue)
        got = list(accumulate(split))
        assert other == price
        assert sum(split[which : which + len(pieces)]) == whole[which]
        assert split[:which] + split[which + len(pieces) :] == whole[:which] + whole[which + 1 :], got


def test_the_moment_of_an_order_is_worth_no_unit(seed: int, cases: int) -> None:
    """First or last, an order buys the same but for less than a unit of rounding, at the same price."""
    rng = Random(f"{seed}/moment")
    for _ in range(cases):
        levels, issue = rng.choice((1, 3)), rng.choice((1, 40, 2**41))
        mine, *others = random_orders(rng, levels)
        early, late = shares([mine, *others], levels, issue), shares([*others, mine], levels, issue)
        assert early[0] == late[0]
        assert abs(early[1][0] - late[1][-1]) <= 1


def test_to_bid_higher_buys_no_less_and_to_bid_the_least_never_raises_the_price(
    seed: int, cases: int
) -> None:
    """What a bid says is worth: no order gets less for naming more, and whoever names the least, as parties
    must, moves nobody's price."""
    rng = Random(f"{seed}/higher")
    for _ in range(cases):
        levels, issue = rng.choice((2, 5)), rng.choice((1, 40, 2**41))
        wanted = random_orders(rng, levels)
        units, level = wanted[0]
        if level + 1 < levels:
            assert (
                shares([(units, level + 1), *wanted[1:]], levels, issue)[1][0]
                >= shares(wanted, levels, issue)[1][0]
            )
        price, _ = shares(wanted, levels, issue)
        assert shares([*wanted, (rng.randint(1, 99), 0)], levels, issue)[0] == price


def test_orders_at_many_levels_buy_no_more_than_one_at_the_highest(seed: int, cases: int) -> None:
    """Pieces of an order, some of them for less, get no more units than it would whole. They may lower the
    price, which all pay; and whatever is ordered besides never does."""
    rng, cheaper = Random(f"{seed}/levels"), 0
    for _ in range(cases):
        levels, issue = rng.choice((2, 5, 64)), rng.choice((1, 40, 2**41))
        others, level = random_orders(rng, levels), rng.randrange(levels)
        pieces = [
            (rng.randint(1, rng.choice((9, 2**40))), rng.randint(0, level)) for _ in range(rng.randint(1, 5))
        ]
        rng.shuffle(place := [False] * len(others) + [True] * len(pieces))
        row, own = iter(others), iter(pieces)
        spread = [next(own) if mine else next(row) for mine in place]
        price, bought = shares(spread, levels, issue)
        most, whole = shares([*others, (sum(units for units, _ in pieces), level)], levels, issue)
        mine = sum(got for got, is_mine in zip(bought, place, strict=True) if is_mine)
        assert mine <= whole[-1] + len(pieces)  # a unit of rounding for each piece that stands alone
        assert price <= most
        assert shares(others, levels, issue)[0] <= price
        cheaper += price < most
    assert cheaper


def test_parties_leave_to_others_what_meets_the_soft_cap(seed: int, cases: int) -> None:
    """However much parties order of what is above the cap, others who want that much get it."""
    rng, tight = Random(f"{seed}/parties"), 0
    for _ in range(cases):
        levels, issue = rng.choice((1, 3)), rng.choice((2, 40, 2**41))
        soft = rng.randint(1, issue)
        others = random_orders(rng, levels)
        others.append((max(1, soft - sum(units for units, _ in others)), rng.randrange(levels)))
        left, parties = issue - soft, []
        while left and len(parties) < 3:
            parties.append((rng.randint(1, left), 0))
            left -= parties[-1][0]
        wanted = [(each, False) for each in others] + [(each, True) for each in parties]
        rng.shuffle(wanted)
        _, bought = shares([each for each, _ in wanted], levels, issue)
        theirs = sum(got for got, (_, is_party) in zip(bought, wanted, strict=True) if not is_party)
        assert theirs >= soft
        tight += theirs == soft
    assert tight


MUTANTS: list[tuple[Any, str, str, str]] = [
    (offering_book, "cleared", "wanted >= left", "wanted > left"),
    (offering_book, "cleared", "min(wanted, left)", "left"),
    (offering_book, "share", "order.start * result.at_price // ordered_at", "0"),
    (offering_book, "share", "order.level > result.level", "order.level > result.level + 1"),
    (OrderBooks, "state", "at <= terms.closes + SETTLE", "at < terms.closes + SETTLE"),
    (OrderBooks, "is_delivery_over", "at >= self", "at > self"),
    (OrderBooks, "order", "if level or units", "if units"),
    (OrderBooks, "order", "<= self.terms.hard_cap", "< self.terms.hard_cap"),
    (OrderBooks, "order", "DELIVERY_PERIOD - 1", "DELIVERY_PERIOD - 2"),
    (OrderBooks, "rest", "not order.delivered and", "False and"),
    (OrderBooks, "settle", "self.to_deliver and", "False and"),
    (OrderBooks, "_deliver", "if investor in self.terms.parties", "if False"),
    (SaleBooks, "refund", "units * self.price", "units * self.terms.unit_price"),
]
"""A unit, a rounding, a second, an order: of a function, a piece and what takes its place."""


@pytest.mark.slow
@pytest.mark.parametrize(("owner", "name", "old", "new"), MUTANTS, ids=range(len(MUTANTS)))
def test_books_that_are_a_little_wrong_are_found(
    chain: Chain, seed: int, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, old: str, new: str
) -> None:
    """The comparison itself can fail."""
    mutate(monkeypatch, owner, name, old, new)
    with pytest.raises(Difference):
        lived(chain, str(seed), 200)


def test_what_is_due_can_be_done_by_anyone(chain: Chain, seed: int) -> None:
    """The first act that is due is taken, by the contract too, whoever does it, and is due no more."""
    done: Counter[str] = Counter()
    for case in range(100):  # go on until the rarest thing has been seen
        if case >= 10 and len(done) == 3:
            break
        done += BookOfOrders(chain, Random(f"{seed}/due {case}")).kept(120)
    assert done.keys() == {"clear", "deliver", "settle"}, done
