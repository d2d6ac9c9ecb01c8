"""Whole random lives of a real claim token, treasury and swap against the replay, act by act.

Each act goes to both. Either both refuse it, or both accept it and all their books are then the same to the
minor unit; nothing else passes.
"""

from __future__ import annotations

from random import Random

import pytest

from finance.settlement import SettlementError, kpi_payment
from finance.settlement.kpi_payment import State
from finance.settlement.treasury import Ledger, Pay, Revenue, TreasuryTerms, apply
from tests.settlement.engine import Reverted
from tests.settlement.treasuries import START, begun, random_act, random_terms
from tests.settlement.treasury_life import TreasuryLife, expected


@pytest.fixture(scope="module")
def life() -> TreasuryLife:
    return TreasuryLife()


def _waits_for_reports(terms: TreasuryTerms, books: Ledger, at: int) -> bool:
    """Whether only the contract can know if the swap can settle more, or be closed out: by the reports that
    are there. The books of whole deals know them (test_settlement_project.py)."""
    swap, its = terms.swap, books.swap
    if swap is None or its is None or its.status != State.ACTIVE:
        return False
    default, index = kpi_payment.defaulted_at(its, at), len(its.amounts)
    if default and not kpi_payment.has_begun(swap, index, default):
        return True
    return index < len(swap.periods) and at >= swap.periods[index].pay_date


def test_lives_on_chain_are_the_replays(life: TreasuryLife, seed: int, cases: int) -> None:
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
            act = random_act(rng, terms, books, scale)
            where = f"PENSTOCK_SEED={seed}, case {case}: {act} on {books} of {terms}"
            try:
                life.do(act)
            except Reverted:
                if isinstance(act, Pay) and _waits_for_reports(terms, books, act.at):
                    continue
                with pytest.raises(SettlementError):
                    apply(terms, books, act)
                refused[type(act).__name__] = refused.get(type(act).__name__, 0) + 1
                continue
            books = apply(terms, books, act)
            assert life.books() == expected(terms, books), where
            accepted[type(act).__name__] = accepted.get(type(act).__name__, 0) + 1
    assert accepted.keys() >= kinds, accepted
    assert refused.keys() >= {"Pay", "PayRest", "Settlement", "MarginCall", "CloseOut"}, refused
    # A comparison that only ever sees refusals shows nothing.
    assert accepted["Pay"] > 50
    assert sum(accepted.values()) > sum(refused.values())


def test_a_difference_of_one_unit_is_caught(life: TreasuryLife) -> None:
    """The comparison itself can fail."""
    terms = random_terms(Random(1))
    life.start(terms)
    books = begun(terms)
    life.do(Revenue(START, 7))
    assert life.books() == expected(terms, apply(terms, books, Revenue(START, 7)))
    assert life.books() != expected(terms, apply(terms, books, Revenue(START, 8)))
