"""A deal's log against the books of its parts: whole lives, event for event; and nothing can be altered, left
out or put in without its being found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from web3 import Web3

from chain.bindings import contract, read
from chain.events import Watch, watch
from chain.history import Event
from chain.kinds import world_of
from chain.ledger import read_ledger
from chain.network import LocalChain, start_anvil
from chain.reconcile import balances
from chain.replay import Replayed
from chain.replay import replay as replayed
from finance.settlement import claim_token, kpi_payment, netting, treasury_books
from finance.settlement.bond_books import BondBooks
from finance.settlement.claim_token import TokenBooks
from finance.settlement.netting import INTEREST_ONE
from finance.settlement.payment_books import PaymentBooks
from finance.settlement.world import World
from tests.chain.bond_life import BEFORE_THE_OFFERING, Life, whole_life
from tests.chain.swap_life import BEFORE, SwapLife, project_life, rain_life


@dataclass
class Lived:
    """A life that is over, as its log has it."""

    life: SwapLife | Life
    events: Sequence[Event]
    block: int
    time: int

    def world(self) -> World:
        return world_of(self.life.record, self.life.record.load_deal())

    @property
    def watch(self) -> Watch:
        return watch(self.life.record)

    def again(self, events: Sequence[Event] | None = None) -> Replayed:
        return replayed(self.world(), self.life.record, self.events if events is None else events)

    def holds(self, events: Sequence[Event]) -> bool:
        """Whether a log is what the deal gives and its contracts hold."""
        made = self.again(events)
        return made.holds and all(b.expected == b.actual for b in self.balances(made))

    def balances(self, made: Replayed) -> Any:
        return balances(self.w3, made.world, self.watch, self.block)

    @property
    def w3(self) -> Web3:
        return self.life.w3


def lived(life: SwapLife | Life) -> Lived:
    ledger = read_ledger(life.w3, life.record)
    events = [event for event in ledger.events if event.tx != life.record.tx]
    return Lived(life, events, ledger.to_block, ledger.time)


LIVES: dict[str, tuple[int, Callable[[LocalChain], SwapLife | Life]]] = {
    "project": (BEFORE["bloom-wind-prs"], project_life),
    "rain": (BEFORE["water-utility-rainfall-swap"], rain_life),
    "bond": (BEFORE_THE_OFFERING, lambda chain: whole_life(chain, 420_000)),
    "unreported": (BEFORE_THE_OFFERING, lambda chain: whole_life(chain, None)),
}


@pytest.fixture(scope="module", params=LIVES)
def any_life(request: pytest.FixtureRequest) -> Iterator[Lived]:
    """Those that Ganache has seen are lived again by the reconciliations of test_chain_reconcile and
    test_swap_reconcile."""
    start, live = LIVES[request.param]
    with start_anvil(timestamp=start) as chain:
        yield lived(live(chain))


@pytest.fixture(scope="module")
def bond() -> Iterator[Lived]:
    start, live = LIVES["bond"]
    with start_anvil(timestamp=start) as chain:
        yield lived(live(chain))


@pytest.fixture(scope="module")
def project() -> Iterator[Lived]:
    with start_anvil(timestamp=BEFORE["bloom-wind-prs"]) as chain:
        yield lived(project_life(chain))


def test_every_event_follows_from_the_deal_and_what_people_did(any_life: Lived) -> None:
    made = any_life.again()
    assert made.unexplained is None
    assert made.differences == []
    assert [event for step in made.steps for event in step.events] == list(any_life.events)
    for check in any_life.balances(made):
        assert check.expected == check.actual, check.name


def test_parts_hold_what_their_contracts_say(any_life: Lived) -> None:
    """Accounts and claims, at the last block and its time."""
    life, block, w3 = any_life.life, any_life.block, any_life.w3
    world, at = any_life.again().world, life.record.addresses
    if isinstance(life, Life):
        bond, said = (
            world.books("bond", BondBooks),
            contract(w3, "KpiBond", life.record.addresses["bond"]).functions,
        )
        assert (bond.life.state, bond.life.coupons_paid) == (
            read(said.state(), block),
            read(said.couponsPaid(), block),
        )
    else:
        same_accounts(any_life, world.books("swap", PaymentBooks))
    if "token" not in at:
        return
    token, books = contract(w3, "SecurityToken", at["token"]).functions, world.books("token", TokenBooks)
    assert len(books.accounts) >= 3
    for holder in books.accounts:
        assert books.units_of(holder) == read(token.balanceOf(holder), block)
        assert books.claimable(holder) == read(token.claimable(holder), block)


def same_accounts(any_life: Lived, swap: PaymentBooks) -> None:
    life, block, w3 = any_life.life, any_life.block, any_life.w3
    assert isinstance(life, SwapLife)
    at = life.record.addresses
    on_chain = contract(w3, "KpiPayment", at["swap"]).functions
    for side in kpi_payment.Side:
        account, mine = read(on_chain.accountOf(side), block), swap.ledger.accounts[side]
        debt = swap.debt(side, any_life.time)
        assert (mine.balance, mine.credit, mine.deadline, debt.principal, debt.interest // INTEREST_ONE) == (
            account["balance"],
            account["credit"],
            account["deadline"],
            account["principal"],
            account["interest"],
        )


@pytest.fixture(scope="module")
def rain() -> Iterator[Lived]:
    with start_anvil(timestamp=BEFORE["water-utility-rainfall-swap"]) as chain:
        yield lived(rain_life(chain))


@pytest.fixture(params=["project", "bond", "rain"])
def one(request: pytest.FixtureRequest) -> Lived:
    found: Lived = request.getfixturevalue(request.param)
    return found


def test_no_number_can_be_altered(one: Lived) -> None:
    tried, unnoticed = 0, set()
    for number, event in enumerate(one.events):
        for name, value in event.arguments.items():
            if not isinstance(value, int):
                continue
            changed_to = not value if isinstance(value, bool) else value + 1
            other = replace(event, arguments={**event.arguments, name: changed_to})
            changed = [*one.events[:number], other, *one.events[number + 1 :]]
            if one.holds(changed):
                unnoticed.add((event.name, name, event.arguments.get("period")))
            tried += 1
    assert tried > 60
    # What a report said before the panel corrected it, nothing else in the log goes by.
    ruled = [e.arguments["period"] for e in one.events if e.name == "ReportRuled"]
    assert unnoticed == {("ReportSubmitted", "value", period) for period in ruled}


def test_no_event_can_be_left_out_or_come_twice(one: Lived) -> None:
    unnoticed = set()
    for number, event in enumerate(one.events):
        without = [*one.events[:number], *one.events[number + 1 :]]
        if one.holds(without):
            unnoticed.add(event.name)
        twice = [*one.events[: number + 1], *one.events[number:]]
        assert not one.holds(twice), f"{event.source} {event.name} twice"
    # Their money alone is seen then: a gift, with which the contract does the same, in time.
    assert unnoticed <= {"RevenueReceived", "BondFunded"}


def test_no_two_events_can_change_places(one: Lived) -> None:
    """Of one transaction; two acts of people that do not touch each other may."""
    found = 0
    for number in range(len(one.events) - 1):
        first, other = one.events[number : number + 2]
        if first.tx == other.tx:
            found += 1
            turned = [*one.events[:number], other, first, *one.events[number + 2 :]]
            assert not one.holds(turned), f"{first.name}, {other.name}"
    assert found > 15


def a_unit_more(function: Callable[..., Any]) -> Callable[..., Any]:
    def changed(*given: Any) -> Any:
        each, paid = function(*given)
        return each, paid + 1 if paid else paid

    return changed


def rounded_up(debt: Any, rate: int, seconds: int) -> Any:
    after = netting.Debt(debt.principal, debt.interest)
    more = -(-debt.principal * rate * seconds // (365 * 86_400 * 10**18)) * INTEREST_ONE
    return replace(after, interest=debt.interest + more)


def test_books_that_are_wrong_are_found(project: Lived, monkeypatch: pytest.MonkeyPatch) -> None:
    """By one unit, by one rounding, by one order of two events."""
    assert project.again().holds
    with monkeypatch.context() as patch:
        patch.setattr(claim_token, "per_unit", a_unit_more(claim_token.per_unit))
        assert not project.again().holds
    with monkeypatch.context() as patch:
        patch.setattr(netting, "accrue", rounded_up)
        assert not project.again().holds
    with monkeypatch.context() as patch:
        spend = treasury_books.TreasuryBooks._spend

        def late(self: Any, world: World, period: int) -> int:
            held = list(world._done.emitted)
            answer = spend(self, world, period)
            world._done.emitted[len(held) :] = world._done.emitted[len(held) :][::-1]
            return answer

        patch.setattr(treasury_books.TreasuryBooks, "_spend", late)
        assert not project.again().holds
