"""The currency that an act takes of who acts: allowed to the part that takes it, as long as that takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
from web3.contract.contract import ContractFunction
from web3.types import TxReceipt

from chain.acting import Acting, tried
from chain.bindings import read
from chain.errors import ContractError, NetworkError
from chain.network import start_anvil
from chain.possible import ASK, possible
from chain.sender import Sender
from finance.settlement.acts import ANYONE, Act, Call, Done, table
from finance.settlement.widths import SettlementError
from finance.settlement.world import NOBODY, Books, World
from tests.chain.bond_life import BEFORE_THE_OFFERING, THOUSAND, Life, small_deal

Spent = tuple[World, Act, Done]


@pytest.fixture(scope="module")
def life() -> Iterator[Life]:
    """An offering in a currency that is wary of changed allowances."""
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        made, _ = Sender(chain.w3, chain.accounts[0]).deploy("WaryCurrency", 6)
        yield Life(chain, small_deal(), made.address)


@pytest.fixture
def acting(life: Life) -> Acting:
    """With an investor, a, who has money for a unit and has allowed nobody any."""
    life.verify(life.a)
    life.send(life.deployer, life.currency.mint(life.a, THOUSAND))
    for spender in ("offering", "issuer"):
        allow(life, 0, spender)
    return Acting(life.w3, life.record, {"a": life.a})


def allow(life: Life, amount: int, spender: str = "offering") -> None:
    """From nothing."""
    life.send(life.a, life.currency.approve(place(life, spender), amount))


def allowed(life: Life, spender: str = "offering") -> int:
    return int(read(life.currency.allowance(life.a, place(life, spender))))


def place(life: Life, name: str) -> str:
    return life.issuer if name == "issuer" else life.record.addresses[name]


def buying(life: Life, acting: Acting) -> Spent:
    """A unit bought, by the books."""
    world = acting.deal.look()
    act = Act(life.a, "offering", "subscribe", {"units": 1}, world.at, world.block)
    done = tried(world, act)
    assert done is not None
    return world, act, done


class Cut(Sender):
    """A sender that is cut off by an error before it sends an operation, or just after, and if `for_good`
    sends nothing more."""

    def __init__(
        self, life: Life, error: BaseException, operation: str, after: bool = False, for_good: bool = False
    ) -> None:
        super().__init__(life.w3, life.a)
        self.error, self.operation, self.after, self.for_good = error, operation, after, for_good
        self.off = False

    def send(
        self,
        function: ContractFunction,
        operation: str | None = None,
        gas: int | None = None,
        value: int = 0,
        most: int | None = None,
    ) -> TxReceipt:
        if self.off and self.for_good:
            raise NetworkError("cut off")
        now = operation == self.operation and not self.off
        self.off |= now
        if now and not self.after:
            raise self.error
        sent = super().send(function, operation, gas, value, most)
        if now:
            raise self.error
        return sent


def test_an_allowance_is_raised_by_way_of_none(life: Life, acting: Acting) -> None:
    allow(life, 2)
    acting.act("a", "offering.subscribe", units=1)
    assert read(life.token.balanceOf(life.a)) == 1
    assert allowed(life) == 0


def test_the_part_that_is_called_takes_it_wherever_it_goes(life: Life, acting: Acting) -> None:
    """As of a kind whose part hands on at once what it takes."""
    world, act, done = buying(life, acting)
    handed_on = replace(done, flows=[replace(flow, payee=life.issuer) for flow in done.flows])
    before = read(life.token.balanceOf(life.a))
    acting.send(world, act, handed_on, acting.senders["a"])
    assert read(life.token.balanceOf(life.a)) == before + 1
    assert (allowed(life), allowed(life, "issuer")) == (0, 0)


@pytest.mark.parametrize("before", [0, 2])
@pytest.mark.parametrize(
    ("operation", "after"), [("offering.subscribe", False), ("approve", True), ("approve", False)]
)
@pytest.mark.parametrize("error", [NetworkError("no receipt"), KeyboardInterrupt(), ContractError("No", {})])
def test_what_breaks_off_leaves_what_was_allowed_before(
    life: Life, acting: Acting, error: BaseException, operation: str, after: bool, before: int
) -> None:
    allow(life, before)
    with pytest.raises(type(error)) as raised:
        acting.send(*buying(life, acting), Cut(life, error, operation, after))
    assert raised.value is error
    assert allowed(life) == before


def test_what_cannot_be_restored_hides_no_error(life: Life, acting: Acting) -> None:
    error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt) as raised:
        acting.send(*buying(life, acting), Cut(life, error, "offering.subscribe", for_good=True))
    assert raised.value is error
    assert allowed(life) == THOUSAND


@dataclass
class Bell(Books):
    """Anybody's, in any deal."""

    ACTS: ClassVar = table(Call("ring", ANYONE, "make it ring"))
    SHARED: ClassVar[bool] = True

    key: str = "bell"

    def ring(self, world: World, by: str) -> None:
        raise SettlementError("the books do not know whether it rings")


def test_the_contract_is_asked_where_a_part_serves_other_deals_too() -> None:
    world = World({"bell": Bell()}, {"bell": NOBODY})
    assert [each.now for each in possible(world)] == [ASK]
    assert tried(world, Act("", "bell", "ring", {}, world.at)) is None
