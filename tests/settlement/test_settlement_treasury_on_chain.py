"""Whole random lives of a real claim token, treasury and swap against the replay, event by event.

Each event goes to both. Either both refuse it, or both accept it and all their books are then the same to the
minor unit; nothing else passes.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from eth_abi import abi
from eth_utils import function_signature_to_4byte_selector

from finance.settlement import SettlementError, kpi_payment
from finance.settlement.kpi_payment import (
    CloseOut,
    Funding,
    Ledger,
    MarginCall,
    PaymentTerms,
    Settlement,
    Withdrawal,
)
from finance.settlement.netting import INTEREST_ONE
from finance.settlement.treasury import (
    Books,
    Event,
    PartyWithdrawal,
    Pay,
    PayRest,
    Revenue,
    TreasuryTerms,
    step,
)
from tests.settlement.engine import CURVE, Deployed, Reverted
from tests.settlement.treasuries import START, begun, random_event, random_terms

SOURCE = "tests/solidity/utils/TreasuryReplay.sol"
NO_ADDRESS = "0x" + "00" * 20
NO_FEED = b"\0" * 32
SWAP_TYPE = (
    "(address,address,address,address,bytes32,bytes32,uint32,uint64,uint8,uint8,bool,bool,uint64,int128,int128,"
    f"uint128[2],(uint64,int128)[],{CURVE})"
)
START_TYPES = ["uint64", "(uint64,uint96,uint96)[]", SWAP_TYPE, "uint64[]"]
PAIR = "uint256[2]"
BOOKS_TYPE = f"(uint256,{PAIR},{PAIR},{PAIR},uint256,uint256,uint256,bool,uint256,uint256{f',{PAIR}' * 5})"


def swap_tuple(terms: PaymentTerms | None) -> tuple[Any, ...]:
    """IKpiPayment.Terms without addresses and feeds, which the contract fills in; none: of no periods."""
    zeros = (NO_ADDRESS,) * 4 + (NO_FEED,) * 2
    if terms is None:
        return (*zeros, 0, 0, 0, 0, False, False, 0, 0, 0, [0, 0], [], (0, []))
    return (
        *zeros,
        terms.cure_period,
        terms.late_rate,
        int(terms.data_controller),
        int(terms.close_out_rule),
        terms.limited_recourse,
        True,
        terms.start_by,
        terms.missing_payoff,
        terms.missing_value,
        list(terms.required),
        [(p.pay_date, p.fixed_amount) for p in terms.periods],
        (int(terms.curve.shape), [(k.x, k.y) for k in terms.curve.knots]),
    )


class Life:
    """TreasuryReplay, deployed once; `start` begins a new life in it."""

    def __init__(self) -> None:
        needs = ("SecurityToken", "RevenueTreasury", "KpiPayment")
        self._chain = Deployed(SOURCE, "TreasuryReplay", needs=needs)

    def _call(self, name: str, types: list[str], values: list[Any], is_static: bool = False) -> bytes:
        selector = function_signature_to_4byte_selector(f"{name}({','.join(types)})")
        return self._chain.call(selector + abi.encode(types, values), is_static=is_static)

    def start(self, terms: TreasuryTerms) -> None:
        periods = [(p.pay_date, p.operating_cost, p.debt_service) for p in terms.periods]
        self._chain.warp(START)
        ends = [] if terms.swap is None else [p.end for p in terms.swap.periods]
        self._call("start", START_TYPES, [terms.units, periods, swap_tuple(terms.swap), ends])

    def do(self, event: Event) -> None:
        """Raises Reverted when a contract refuses."""
        self._chain.warp(event.at)
        match event:
            case Revenue():
                self._call("revenue", ["uint256"], [event.amount])
            case Pay():
                self._call("pay", [], [])
            case PayRest():
                self._call("payRest", [], [])
            case PartyWithdrawal():
                self._call("withdraw", ["uint8"], [int(event.party)])
            case Settlement():
                self._call("settle", ["int128", "bool"], [event.kpi or 0, event.kpi is None])
            case Funding():
                self._call("fund", ["uint8", "uint256"], [int(event.side), event.amount])
            case Withdrawal():
                self._call("withdrawFromSwap", ["uint8"], [int(event.side)])
            case MarginCall():
                self._call("callMargin", ["uint8"], [int(event.side)])
            case CloseOut():
                self._call("closeOut", ["int128", "bool"], [event.value or 0, event.value is None])
            case _:
                raise AssertionError(f"{event}: of no kind that a treasury knows")

    def books(self) -> tuple[Any, ...]:
        (answer,) = abi.decode([BOOKS_TYPE], self._call("books", [], [], is_static=True))
        return tuple(answer)


def swap_books(terms: PaymentTerms, ledger: Ledger, at: int) -> tuple[Any, ...]:
    """The swap's part of TreasuryReplay.Books, by the replay."""
    accounts = ledger.accounts
    debts = [kpi_payment.debt_at(terms, account, at) for account in accounts]
    return (
        int(kpi_payment.state_at(terms, ledger, at)),
        len(ledger.amounts),
        tuple(a.balance for a in accounts),
        tuple(a.credit for a in accounts),
        tuple(d.principal for d in debts),
        tuple(d.principal + d.interest // INTEREST_ONE for d in debts),
        tuple(a.deadline for a in accounts),
    )


def expected(terms: TreasuryTerms, books: Books) -> tuple[Any, ...]:
    """TreasuryReplay.Books by the replay; without a swap its part is all zero."""
    nothing = (0, 0)
    swap: tuple[Any, ...] = (0, 0, nothing, nothing, nothing, nothing, nothing)
    if terms.swap is not None and books.swap is not None:
        swap = swap_books(terms.swap, books.swap, books.at)
    return (
        books.balance,
        books.arrears,
        books.credits,
        books.withdrawn,
        books.periods_paid,
        2 if books.closed else 1,
        sum(run.per_unit for run in books.runs),
        books.closed,
        *swap,
    )


@pytest.fixture(scope="module")
def life() -> Life:
    return Life()


def test_lives_on_chain_are_the_replays(life: Life, seed: int, cases: int) -> None:
    rng = Random(f"{seed}/treasury on chain")
    accepted: dict[str, int] = {}
    refused: dict[str, int] = {}
    kinds = {"Revenue", "Pay", "PayRest", "PartyWithdrawal", "Settlement", "Funding", "Withdrawal"}
    kinds |= {"MarginCall", "CloseOut"}
    least = max(60, cases // 100)
    # A close-out is rare: go on until one has been seen.
    for case in range(20 * least):
        if case >= least and accepted.keys() >= kinds:
            break
        scale = rng.choice((1, 10 ** rng.randint(1, 18)))
        terms = random_terms(rng, scale)
        life.start(terms)
        books = begun(terms)
        for _ in range(50):
            event = random_event(rng, terms, books, scale)
            where = f"PENSTOCK_SEED={seed}, case {case}: {event} on {books} of {terms}"
            try:
                life.do(event)
            except Reverted:
                with pytest.raises(SettlementError):
                    step(terms, books, event)
                refused[type(event).__name__] = refused.get(type(event).__name__, 0) + 1
                continue
            books = step(terms, books, event)
            assert life.books() == expected(terms, books), where
            accepted[type(event).__name__] = accepted.get(type(event).__name__, 0) + 1
    assert accepted.keys() >= kinds, accepted
    assert refused.keys() >= {"Pay", "PayRest", "Settlement", "MarginCall", "CloseOut"}, refused
    # A comparison that only ever sees refusals shows nothing.
    assert accepted["Pay"] > 50
    assert sum(accepted.values()) > sum(refused.values())


def test_a_difference_of_one_unit_is_caught(life: Life) -> None:
    """The comparison itself can fail."""
    terms = random_terms(Random(1))
    life.start(terms)
    books = begun(terms)
    life.do(Revenue(START, 7))
    assert life.books() == expected(terms, step(terms, books, Revenue(START, 7)))
    assert life.books() != expected(terms, step(terms, books, Revenue(START, 8)))
