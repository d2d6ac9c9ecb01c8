"""Whole projects, from the offering to the last payment: real contracts and their books, lived act by act."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

from finance.settlement import kpi_payment, netting, treasury
from finance.settlement.payment_books import PaymentBooks
from finance.settlement.treasury_books import TreasuryBooks
from tests.settlement.projects import Project
from tests.settlement.twins import Chain, Difference, Tally, mutate, same_functions

PARTS = {"swap": ("KpiPayment", PaymentBooks), "treasury": ("RevenueTreasury", TreasuryBooks)}
INNER = {("treasury", "activate")}
KINDS = ("project", "project", "swap", "treasury")


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


def test_every_function_is_an_act(chain: Chain) -> None:
    same_functions("KpiPayment", PaymentBooks, but={"initialize"})
    same_functions("RevenueTreasury", TreasuryBooks, but={"initialize"})


def lived(chain: Chain, name: str, lives: int) -> Tally:
    """Some random lives."""
    return Tally.of(
        lambda rng, case: Project(chain, rng, KINDS[case % 4]), f"{name}/project", lives, 250, PARTS, INNER
    )


def test_a_project_lives_as_its_books_say(chain: Chain, seed: int, cases: int) -> None:
    tally = lived(chain, str(seed), max(40, cases // 250))
    assert not tally.missing(PARTS, INNER)
    assert tally.accepted.total() > tally.refused.total()


MUTANTS: list[tuple[Any, str, str, str]] = [
    (treasury, "spent", "held_back, to_swap = paid", "to_swap, held_back = paid"),
    (
        treasury,
        "_due_as_well",
        "periods[i].operating_cost + periods[i].debt_service",
        "periods[i].debt_service",
    ),
    (treasury, "per_unit", "each = amount // units", "each = -(-amount // units)"),
    (treasury, "await_swap", "<= kpi_payment.State.DEFAULTED", "< kpi_payment.State.DEFAULTED"),
    (treasury, "_may_still_pay", "== kpi_payment.State.ACTIVE", "is None"),
    (treasury, "_may_still_pay", "at <= ends", "at >= ends"),
    (TreasuryBooks, "_await_swap", 'in ("settle", "close_out")', 'in ("settle",)'),
    (TreasuryBooks, "_await_swap", 'in ("settle", "close_out")', 'in ("close_out",)'),
    (TreasuryBooks, "available", " - sum(self.ledger.credits)", ""),
    (netting, "repay", "left.interest < INTEREST_ONE", "left.interest < 1"),
    (netting, "accrue", "debt.principal) * INTEREST_ONE", "debt.principal) * INTEREST_ONE * 99 // 98"),
    (kpi_payment, "defaulted_at", "at > min(deadlines)", "at >= min(deadlines)"),
    (kpi_payment, "_free", "at < terms.periods", "at <= terms.periods"),
    (PaymentBooks, "fund", "credit - before.accounts", "credit + before.accounts"),
    (PaymentBooks, "_say_restored", "before.accounts[side].deadline and not", "not"),
    (PaymentBooks, "accept_termination", "theirs.expiry < world.at", "theirs.expiry <= world.at"),
    (PaymentBooks, "settle", 'world.emit(self.key, "Matured")', "pass"),
    (
        PaymentBooks,
        "withdraw",
        """            world.emit(self.key, "Withdrawn", side=side, to=to, amount=paid)
            world.move(world.addresses[self.key], to, paid, "withdrawal")
""",
        """            world.move(world.addresses[self.key], to, paid, "withdrawal")
            world.emit(self.key, "Withdrawn", side=side, to=to, amount=paid)
""",
    ),
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
        lived(chain, f"{seed}/wrong", 400)


def test_what_is_due_can_be_done_by_anyone(chain: Chain, seed: int) -> None:
    """The first act that is due is taken, by the contract too, whoever does it, and is due no more."""
    done: Counter[str] = Counter()
    known = {"settle", "close_out", "call_margin", "pay", "pay_rest", "return_money"}
    for case in range(240):  # go on until the rarest thing has been seen
        if case >= 24 and done.keys() >= known:
            break
        done += Project(chain, Random(f"{seed}/due {case}"), KINDS[case % 4]).kept(150)
    assert done.keys() >= known, known - done.keys()
