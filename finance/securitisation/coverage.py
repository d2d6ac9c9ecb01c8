"""Over-collateralisation and interest coverage of each class of notes, as exact rationals.

    OC of class k = collateral / balances of classes 1 to k
    IC of class k = interest of the collateral / interest due on classes 1 to k

with the most senior class first. The tests and the cures are those of ORE's cash-flow CBO
(OpenSourceRisk/Engine, QuantExt/qle/pricingengines/cbomcengine.cpp, icocCureAmount; QuantExt is built on
QuantLib), which computes in doubles and so may not tell a ratio just below its threshold from one at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from finance.securitisation.pool import Amount, amount, exact
from finance.terms.problems import InputError


@dataclass(frozen=True)
class NoteClass:
    """A class of notes by its `name`: `balance` in currency, `rate` of interest for the period that is tested
    (a fraction of the balance: a quarter of 4 % a year is 0.01), and the least ratios `oc` and `ic`; None: no
    such test.
    """

    name: str
    balance: Amount
    rate: Amount = 0
    oc: Amount | None = None
    ic: Amount | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "balance", amount("balance", self.balance))
        object.__setattr__(self, "rate", exact("rate", self.rate))
        for name in ("oc", "ic"):
            least = getattr(self, name)
            if least is not None and not exact(name, least) > 0:
                raise InputError(f"{name} = {least}: must be a ratio above 0")


@dataclass(frozen=True)
class CoverageResult:
    """The ratios `oc` and `ic` of the class `name`, None where nothing is due, and the cure.

    `oc_passed`, `ic_passed`: whether each is at or above its threshold; without a threshold it is passed.
    `cure`: how much of the class, in currency, has to be redeemed for both tests to be passed, at most its
    balance; 0 when they are, and where it bears no interest, for which redeeming it saves none.
    """

    name: str
    oc: Fraction | None
    ic: Fraction | None
    oc_passed: bool
    ic_passed: bool
    cure: Fraction


def coverage_tests(
    classes: Sequence[NoteClass], collateral: Amount, interest: Amount
) -> tuple[CoverageResult, ...]:
    """Both tests of each of `classes`, the most senior first.

    `collateral` is the balance of the pool and `interest` what it pays in the period, both in currency (ORE
    takes it before senior fees; give it after them where the terms say so).

    >>> senior = NoteClass("A", 100, oc=1)
    >>> result = coverage_tests([senior], Fraction("99.881"), 5)[0]
    >>> str(result.oc), result.oc_passed, str(result.cure)
    ('99881/100000', False, '119/1000')
    """
    held, earned = amount("collateral", collateral), amount("interest", interest)
    balance, due, results = Fraction(), Fraction(), []
    for each in classes:
        own, rate = Fraction(each.balance), Fraction(each.rate)
        balance, due = balance + own, due + own * rate
        oc, ic = held / balance if balance else None, earned / due if due else None
        short = Fraction()
        if each.oc is not None:
            short = max(short, balance - held / exact("oc", each.oc))
        if each.ic is not None and rate > 0:
            short = max(short, (due - earned / exact("ic", each.ic)) / rate)
        results.append(
            CoverageResult(each.name, oc, ic, _met(oc, each.oc), _met(ic, each.ic), min(short, own))
        )
    return tuple(results)


def _met(ratio: Fraction | None, least: Amount | None) -> bool:
    return ratio is None or least is None or ratio >= exact("threshold", least)
