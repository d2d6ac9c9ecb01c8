"""The vehicle of a deal: its treasury, the lines that pay into it and the waterfall that spends it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from finance.terms.amounts import Amount, Name, Repayment, names_in
from finance.terms.part import Part, Sides, Whole
from finance.terms.schedule import AccrualPeriod, coupon_schedule, months_after
from finance.terms.values import DayTerm, Key, NumbersTerm, NumberTerm, Strict, Text

GAS_OF_A_NUMBER, GAS_OF_A_NAME, GAS_OF_A_PARTY, GAS_OF_A_PAIR = 5_000, 1_200, 21_000, 6_000
"""At least, of a number for a period, of what has a name or is a step, of who pays in or is paid, and of two
who are paid, none of whom is the other (tests/chain/test_chain_gas.py)."""


Named = AfterValidator(lambda each: dict(sorted(each.items())))
"""By name in the alphabet: the terms hash knows no other order, so none may matter."""


class Schedule(Strict):
    """The treasury's periods, whole ones from one day to another. Each is run `lag_days` after its end."""

    from_: DayTerm = Field(alias="from")
    until: DayTerm
    frequency: Literal["annual", "semiannual", "quarterly", "monthly"]
    day_count: Literal["30/360", "ACT/360", "ACT/365F"]
    lag_days: NumberTerm


class Receivable(Strict):
    """A loan that the vehicle has bought: who pays its line owes interest at `rate` a year on what is not
    repaid of `principal`, by the treasury's schedule and day count, and repays it."""

    principal: NumberTerm
    rate: NumberTerm
    repayment: Repayment


class Measured(Strict):
    """Money that follows a KPI: the measure `by` whose value it is in proportion to, and that value `at`
    which all of it is due; below 0 nothing is."""

    by: Key
    at: NumberTerm


class Line(Strict):
    """A source of revenue. Only the party `payer` may pay it in; without one anybody may, and then no amount
    of the waterfall can name it, so that nobody can choose what is tested. What is to come of it: what its
    `receivable` owes, or `expected` amounts of consecutive periods, which start over, and which may be
    `measured`: without a report as is worst for whoever controls the data. `data_stream`: what tells how much
    it is. The treasury takes what is paid in, and covenants
    can compare it with what was due.
    """

    title: Text
    payer: Key | None = None
    data_stream: Text
    receivable: Receivable | None = None
    expected: NumbersTerm | None = None
    measured: Measured | None = None


class Measure(Strict):
    """A KPI that the waterfall reads, as what it is called there: its value of the period with the same
    number. Without a report the covenants on it fail."""

    kpi: Text


class Pot(Strict):
    """Money that is kept apart: `opening` is in it before the treasury begins, and goes back to the party
    `funder` if it never does."""

    title: Text
    opening: NumberTerm
    funder: Key | None = None


class Payable(Strict):
    """What the party `payee` is owed: so much falls `due` each period, without it nothing. What is not paid
    `carries` over, or lapses. `late`: it falls due on revenue after the last period too."""

    title: Text
    payee: Key
    due: Amount | None = None
    carries: bool = True
    late: bool = False


class Facility(Strict):
    """A loan by the party `payee` beside the tranches, with its `balance` at first; `interest` falls due each
    period, and `repayment`, an amount too, without which all is due in the last one."""

    title: Text
    payee: Key
    balance: NumberTerm
    interest: Amount | None = None
    repayment: Amount | None = None


class Covenant(Strict):
    """A test that `value`, or its ratio to `per`, must be at least `least` or at most `most`. It stands
    failed until it has been passed `cured_by` times in a row (left out: once; 0: never), the last of them
    `within_days` of the fail, if that is given."""

    title: Text
    value: Amount
    per: Amount | None = None
    least: Amount | None = None
    most: Amount | None = None
    cured_by: NumberTerm | None = None
    within_days: NumberTerm | None = None


class Step(Strict):
    """A step of the waterfall; exactly one of the first eight fields says which.

    `pay` claims what they are owed, `prepay` loans before it is due, `rest`: give claims what is there; out
    of the pot `from`, by `order` (`weights`: one for each). `move` from this pot to the pot `to`; `draw` on a
    loan, or `repay` it, by moving money from pot to pot; `write_down` loans, the first of them first; `test`
    a covenant. At most `limit`; taken while all covenants in `while` stand failed and none in `unless`;
    `when`: in periods, after the last one, or always.
    """

    pay: Annotated[list[Name], Field(min_length=1)] | None = None
    prepay: Annotated[list[Name], Field(min_length=1)] | None = None
    rest: Annotated[list[Name], Field(min_length=1)] | None = None
    move: Key | None = None
    draw: Key | None = None
    repay: Key | None = None
    write_down: Annotated[list[Name], Field(min_length=1)] | None = None
    test: Key | None = None
    from_: Key | None = Field(alias="from", default=None)
    to: Key | None = None
    order: Literal["sequence", "pro_rata", "weights"] = "sequence"
    weights: NumbersTerm | None = None
    limit: Amount | None = None
    while_: list[Key] = Field(alias="while", default_factory=list)
    unless: list[Key] = Field(default_factory=list)
    when: Literal["periods", "always", "after"] = "periods"
    note: Text | None = None

    VERBS: ClassVar[tuple[str, ...]] = (
        "pay", "prepay", "rest", "move", "draw", "repay", "write_down", "test",
    )  # fmt: skip

    @property
    def verbs(self) -> list[str]:
        """Those of the first eight fields that are given."""
        return [name for name in self.VERBS if getattr(self, name) is not None]


class Spv(Part):
    """A vehicle's treasury. Each period it takes the revenue of its `lines` and spends it by the `steps`, in
    order, on what it owes: `payables`, the deal's tranches that name it, `facilities`. `pots` hold money
    beside the cash; `covenants` decide which steps are taken. `measures` are KPIs that they read. `issuer`
    gets what the tranches are sold for, by default the only party with that role.

    How it is spent, to the unit: docs/spv.md.
    """

    called: ClassVar[str] = "vehicle"
    leads: ClassVar[bool] = True
    people: ClassVar[tuple[str, ...]] = ("issuer",)
    handed_on: ClassVar[tuple[str, ...]] = ("payee",)
    gas: ClassVar[int] = 1_150_000

    kind: Literal["spv"]
    title: Text
    issuer: Key | None = None
    schedule: Schedule
    lines: Annotated[dict[Key, Line], Field(min_length=1), Named]
    measures: Annotated[dict[Key, Measure], Named] = Field(default_factory=dict)
    pots: Annotated[dict[Key, Pot], Named] = Field(default_factory=dict)
    payables: Annotated[dict[Key, Payable], Named] = Field(default_factory=dict)
    facilities: Annotated[dict[Key, Facility], Named] = Field(default_factory=dict)
    covenants: Annotated[dict[Key, Covenant], Named] = Field(default_factory=dict)
    steps: Annotated[list[Step], Field(min_length=1)]

    @property
    def periods(self) -> tuple[AccrualPeriod, ...]:
        """Of the schedule; raises ValueError when the dates do not fit."""
        s = self.schedule
        return coupon_schedule(s.from_.value, s.until.value, s.frequency, s.day_count)

    @property
    def named(self) -> list[tuple[str, str]]:
        payers = [line.payer for line in self.lines.values()] + [pot.funder for pot in self.pots.values()]
        found = [("payer", key) for key in payers if key is not None]
        return list(dict.fromkeys([*found, *(("payee", key) for key in self.payees.values())]))

    @property
    def payees(self) -> dict[str, str]:
        """The party that is paid each payable and facility."""
        owed = {key: each.payee for key, each in self.payables.items()}
        return owed | {key: each.payee for key, each in self.facilities.items()}

    def sides(self, deal: Whole) -> Sides | None:
        """Whoever pays in, is paid, or holds."""
        if not self.measures:
            return None
        issuers = deal.in_role("issuer") if self.issuer is None else [self.issuer]
        known = frozenset((*issuers, *deal.in_role("holder"), *(key for _, key in self.named)))
        return Sides(known, "somebody who pays in or is paid")

    def least_gas(self, deal: Whole) -> int:
        """By its periods, the amounts that differ from one to the next, its steps and parties."""
        owed = [part for part in deal.parts.values() if part.served]
        named = {name for _, amount in self.amounts() for name in names_in(amount)}
        differ = {
            line.receivable.model_dump_json(exclude_none=True)
            for key, line in self.lines.items()
            if line.receivable is not None and f"{key}.due" in named
        }
        numbers = len(self.periods) * (1 + 2 * (len(differ) + len(owed)))  # a date is half a number
        names = len(self.lines) + len(self.pots) + len(self.payees) + len(self.covenants) + len(self.steps)
        names += len(owed)
        paid = len(set(self.payees.values())) + len(owed)
        of_parties = GAS_OF_A_PARTY * (len(self.lines) + paid) + GAS_OF_A_PAIR * paid**2
        return self.gas + GAS_OF_A_NUMBER * numbers // 2 + GAS_OF_A_NAME * names + of_parties

    def keep_dates(self, moved: dict[str, Any], days: int) -> None:
        """Its end keeps its distance from its beginning in months, since periods are whole."""
        begins, ends = self.schedule.from_.value, self.schedule.until.value
        if begins.day != ends.day:
            return
        later: date = moved["schedule"]["from"]["value"]
        months = 12 * (ends.year - begins.year) + ends.month - begins.month
        moved["schedule"]["until"]["value"] = months_after(later, months)

    def amounts(self) -> Iterator[tuple[tuple[str, ...], Amount]]:
        """Every amount of its waterfall, outermost, with its place in the section."""
        for group, fields in (
            ("payables", ("due",)),
            ("facilities", ("interest", "repayment")),
            ("covenants", ("value", "per", "least", "most")),
        ):
            for key, each in getattr(self, group).items():
                for field in fields:
                    if (amount := getattr(each, field)) is not None:
                        yield (group, key, field), amount
        for number, step in enumerate(self.steps):
            if step.limit is not None:
                yield ("steps", str(number), "limit"), step.limit
