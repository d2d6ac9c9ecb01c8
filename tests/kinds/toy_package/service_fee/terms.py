"""The service fee in a deal file, and the KPI payment that it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from finance.terms.part import Part
from finance.terms.swap import CloseOut, Collateral, KpiPayment
from finance.terms.tiers import AmountPoint
from finance.terms.values import Key, NumbersTerm, NumberTerm, Text, shortest

if TYPE_CHECKING:
    from finance.terms import Deal

NOTHING = NumbersTerm(value=[0], assumed="a fee by the unit has no fixed part")


class ServiceFee(Part):
    """The payer pays the payee a `price`, in units of the currency, for each unit of the KPI of a period; due
    `pay_lag_days` after the period has ended. The rest is as in a KPI payment."""

    leads: ClassVar[bool] = True
    people: ClassVar[tuple[str, ...]] = ("payer", "payee")

    kind: Literal["service_fee"]
    title: Text
    payer: Key
    payee: Key
    kpi: Text
    price: NumberTerm
    pay_lag_days: NumberTerm
    collateral: Collateral
    cure_days: NumberTerm
    late_rate: NumberTerm

    def payment(self, deal: Deal) -> KpiPayment:
        """The same as a line from the KPI's least value to its greatest. Raises LookupError for a KPI that
        the deal has not."""
        bounds = deal.kpis[self.kpi].bounds
        same = ("title", "payer", "payee", "kpi", "pay_lag_days", "collateral", "cure_days", "late_rate")
        return KpiPayment(
            kind="kpi_payment",
            fixed=NOTHING,
            line=[AmountPoint(kpi=at, amount=self._at(at)) for at in (bounds.minimum, bounds.maximum)],
            limited_recourse=False,
            close_out=CloseOut(rule="replacement_cost"),
            **{name: getattr(self, name) for name in same},
        )

    def _at(self, kpi: NumberTerm) -> NumberTerm:
        return self.price.model_copy(update={"value": shortest(self.price.value * kpi.value)})

    def problems(self, deal: Deal, here: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
        from finance.terms.checks import check

        if self.kpi not in deal.kpis:
            yield (*here, "kpi"), f"unknown KPI (known: {', '.join(deal.kpis) or 'none'})"
            return
        for loc, reason in check(read(deal)):  # what a payment may not do a fee may not either
            ours = loc[:2] != here or len(loc) == 2 or loc[2] in type(self).model_fields
            yield (loc if ours else (*here, "price")), reason


def read(deal: Deal) -> Deal:
    """The deal with its fees as the payments that they are."""
    return deal.reading({key: fee.payment(deal) for key, fee in deal.having(ServiceFee).items()})
