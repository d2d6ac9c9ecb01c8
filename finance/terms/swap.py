"""A KPI payment in a deal file: a proxy revenue swap is one, an availability charge another."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from finance.terms.part import Link, Part, Sides, Whole
from finance.terms.tiers import AmountPoint, Tier
from finance.terms.values import Key, NumbersTerm, NumberTerm, Strict, Text

GAS_OF_A_PERIOD, GAS_OF_A_POINT = 14_700, 10_800
"""At least, of a period, of a point of its curve (tests/chain/test_chain_gas.py)."""


class Collateral(Strict):
    """What each side must keep posted, in units of the currency."""

    payer: NumberTerm
    payee: NumberTerm


class CloseOut(Strict):
    """What a side that defaults owes for the periods that had not begun; those that had are settled first.

    `model_value`: what they are worth by the reports of the KPI `kpi`. `replacement_cost`: the amounts
    settled in the last year, for as long as the swap would have run, but not less than the side's collateral.
    `last_fixing`: its collateral, and nothing for the future; for a swap of up to a year, and for a longer
    one only if the deal says `why`. None of them ever pays the side that defaulted.
    """

    rule: Literal["model_value", "last_fixing", "replacement_cost"]
    kpi: Text | None = None
    why: Text | None = None


class KpiPayment(Part):
    """A two-way stream between two parties: each period, `fixed` plus the payoff of the period's KPI report.

    Positive, the payer (a hedge provider) pays the payee (a project). `fixed` lists the amounts of
    consecutive periods and starts over when it is through (four: one for each quarter of a year). Period k of
    the KPI fixes payment k, which falls due `pay_lag_days` after the period has ended. The payoff is `tiers`,
    or a `line` that runs straight between its points and flat beyond them; its amounts add to `fixed`. The
    swap begins before its first period does, with both sides' collateral in place, or not at all.
    `spv`: the vehicle whose treasury is paid, and pays, in the payee's place: of limited recourse and without
    collateral of its own. What it is paid is revenue of a line called as this part is, KEY, and what it owes
    a claim, KEY.owed, which a step of its waterfall pays.
    """

    called: ClassVar[str] = "KPI payment"
    leads: ClassVar[bool] = True
    people: ClassVar[tuple[str, ...]] = ("payer", "payee")
    gas: ClassVar[int] = 325_000

    kind: Literal["kpi_payment"]
    title: Text
    payer: Key
    payee: Key
    kpi: Text
    pay_lag_days: NumberTerm
    fixed: NumbersTerm
    tiers: Annotated[list[Tier], Field(min_length=1)] | None = None
    line: Annotated[list[AmountPoint], Field(min_length=1)] | None = None
    collateral: Collateral
    cure_days: NumberTerm
    late_rate: NumberTerm
    limited_recourse: bool
    close_out: CloseOut
    covenant_dscr: NumberTerm | None = None
    spv: Annotated[Key | None, Link("spv", "hedges")] = None

    def least_gas(self, deal: Whole) -> int:
        """By the periods of its KPI, and the points of its curve."""
        kpi, points = deal.kpis.get(self.kpi), len(self.tiers or self.line or [])
        return self.gas + GAS_OF_A_PERIOD * len(kpi.periods if kpi else []) + GAS_OF_A_POINT * points

    def sides(self, deal: Whole) -> Sides:
        """The two that pay each other."""
        return Sides(frozenset((self.payer, self.payee)), "the payer or the payee")
