"""The treasury of a project in a deal file: it spends the project's revenue by priority."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from finance.terms.part import Issue, Link, Part, Whole
from finance.terms.values import DayTerm, Key, NumbersTerm, NumberTerm, Text

GAS_OF_A_PERIOD = 26_000
"""At least (tests/chain/test_chain_gas.py)."""


class Treasury(Part):
    """A project's treasury: out of its revenue it pays costs, debt service and the KPI payment `swap`, and
    shares what is left each period among whoever holds the claim `token`.

    `operating_cost` and `debt_service` list amounts of consecutive periods and start over when they are
    through; a list as long as the periods states each. Periods and pay dates are the swap's. `title` names
    the share of the revenue that is sold; `issuer` sells it, by default the only party with that role.
    """

    called: ClassVar[str] = "treasury"
    people: ClassVar[tuple[str, ...]] = ("issuer", "operator", "lender")
    handed_on: ClassVar[tuple[str, ...]] = ("operator", "lender")
    gas: ClassVar[int] = 450_000

    kind: Literal["treasury"]
    title: Text
    issuer: Key | None = None
    token: Annotated[Key, Link("claim_token", "pays")]
    swap: Annotated[Key, Link("kpi_payment", "is hedged by")]
    units: NumberTerm
    unit_price: NumberTerm
    issue_date: DayTerm
    operator: Key
    lender: Key
    operating_cost: NumbersTerm
    debt_service: NumbersTerm

    def least_gas(self, deal: Whole) -> int:
        """By its periods, which are the swap's."""
        kpi = deal.kpis.get(getattr(deal.parts.get(self.swap), "kpi", ""))
        return self.gas + GAS_OF_A_PERIOD * len(kpi.periods if kpi else [])

    @property
    def issue(self) -> Issue:
        """What is sold of it."""
        price = self.unit_price.value
        return Issue(
            "units times price,",
            self.units.value * price,
            "unit price",
            price,
            self.issue_date.value,
            "the whole issue is offered",
            price,
        )
