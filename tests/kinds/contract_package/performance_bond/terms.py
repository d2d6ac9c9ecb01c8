"""The performance bond in a deal file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from finance.terms.part import Link, Part
from finance.terms.values import Key, NumberTerm, Text

if TYPE_CHECKING:
    from finance.terms import Deal


class PerformanceBond(Part):
    """The payer sets `amount`, in units of the currency, aside before the KPI's only period ends, and has it
    back if the KPI is reported at `target` or above. Otherwise it is the payee's."""

    leads: ClassVar[bool] = True
    people: ClassVar[tuple[str, ...]] = ("payer", "payee")

    kind: Literal["performance_bond"]
    title: Text
    payer: Key
    payee: Key
    kpi: Text
    target: NumberTerm
    amount: NumberTerm

    def problems(self, deal: Deal, here: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
        if self.kpi not in deal.kpis:
            yield (*here, "kpi"), f"unknown KPI (known: {', '.join(deal.kpis) or 'none'})"
        elif len(deal.kpis[self.kpi].periods) != 1:
            yield (*here, "kpi"), "must have one period"
        if self.amount.value <= 0:
            yield (*here, "amount"), "must be above 0"


class FurtherBond(PerformanceBond):
    """Another one of the same works, which is shown with the first."""

    leads: ClassVar[bool] = False

    kind: Literal["further_bond"]  # type: ignore[assignment]
    beside: Annotated[Key, Link("performance_bond", "stands beside")]
