"""The deal file as a model: every term, party, KPI, claim, payment rule and source of a deal.

A `Deal` made by `load_deal` is consistent (finance.terms.checks); one built by hand is only well-typed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Field, PrivateAttr, StringConstraints

from finance.terms.canonical import canonical_json, sha256_hex
from finance.terms.processes import Process
from finance.terms.values import Day, DayTerm, Key, NumberTerm, Provenance, Strict, Term, Text, TextTerm

if TYPE_CHECKING:
    from finance.terms.schedule import AccrualPeriod

SCHEMA = "penstock/deal/1"

Role = Literal["issuer", "holder", "data_controller", "agent", "panel", "verifier", "operator"]
InvestorClass = Literal["retail", "professional", "institutional"]
Inclusive = Literal["both", "from", "to", "neither"]
# A unit of time or representation, not a fact about the deal, so it needs no source.
Count = Annotated[int, Field(strict=True, ge=0, le=99)]


class Source(Strict):
    """A publication that facts are taken from."""

    title: Text
    publisher: Text | None = None
    date: Day | None = None
    url: Text | None = None

    @property
    def citation(self) -> str:
        parts = [self.publisher, self.title, self.date.isoformat() if self.date else None]
        return ", ".join(part for part in parts if part)


class Currency(Strict):
    """Settlement currency. `minor_units` are its ISO 4217 decimals, `token_decimals` those of its token on
    chain.
    """

    code: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    minor_units: Count
    token_decimals: Count


class Party(Strict):
    """Who takes part, in which roles. `assumed` says why a party that no source names is there."""

    name: Text
    roles: Annotated[list[Role], Field(min_length=1)]
    source: Text | None = None
    assumed: Text | None = None


class Asset(Strict):
    """The physical thing, and the kind of twin that mirrors it (a builder in oracle.twins), if any."""

    id: Key
    title: Text
    kind: Key
    twin: Key | None = None
    parameters: dict[str, NumberTerm | TextTerm] = Field(default_factory=dict)


class Bounds(Strict):
    """Values a KPI can take at all; an observation outside is refused."""

    minimum: NumberTerm
    maximum: NumberTerm


class MeasurementPeriod(Provenance):
    """One measurement period, first to last day, both inclusive."""

    start: Day
    end: Day


class Kpi(Strict):
    """A period fact about the asset: what it is, how it is written on chain, and what is expected of it."""

    title: Text
    unit: Text
    decimals: Annotated[int, Field(strict=True, ge=0, le=18)]
    direction: Literal["higher_is_better", "lower_is_better"]
    pnl_line: Text
    data_stream: Text
    baseline: Text
    bounds: Bounds
    periods: Annotated[list[MeasurementPeriod], Field(min_length=1)]
    process: Process


class TierBounds(Strict):
    """One tier of a step payoff: KPI `below` a bound, `from` one `to` another, or `above` one.

    `inclusive` says whether the tier owns its bound: true or false for `below` and `above`; both, from, to or
    neither for `from`/`to`.
    """

    below: NumberTerm | None = None
    from_: NumberTerm | None = Field(default=None, alias="from")
    to: NumberTerm | None = None
    above: NumberTerm | None = None
    inclusive: bool | Inclusive


class Tier(TierBounds):
    """A tier and its `amount` for the whole issue, positive when the issuer pays holders."""

    amount: NumberTerm


class RateTier(TierBounds):
    """A tier and the `rate` that it adds to the coupon, a fraction a year (0.0025 is 25 basis points)."""

    rate: NumberTerm


class AmountPoint(Strict):
    """A point of a payoff line: the `amount` for the whole issue at a `kpi` value."""

    kpi: NumberTerm
    amount: NumberTerm


class RatePoint(Strict):
    """A point of a payoff line: the `rate` added to the coupon at a `kpi` value."""

    kpi: NumberTerm
    rate: NumberTerm


class CouponStep(Strict):
    """A change of the coupon that a KPI report decides; `period` counts the KPI's periods from 1.

    It holds for the coupon periods that begin on or after `from` and before `until` (default: to the end).
    The payoff is `tiers`, or a `line` that runs straight between its points and flat beyond them.
    """

    kpi: Text
    period: Annotated[int, Field(strict=True, ge=1)]
    from_: DayTerm = Field(alias="from")
    until: DayTerm | None = None
    tiers: Annotated[list[RateTier], Field(min_length=1)] | None = None
    line: Annotated[list[RatePoint], Field(min_length=1)] | None = None

    def reach(self, schedule: tuple[AccrualPeriod, ...]) -> tuple[int, int]:
        """First and last coupon period, from 0, whose rate it changes; raises ValueError if there is none."""
        until = self.until.value if self.until is not None else date.max
        inside = [i for i, period in enumerate(schedule) if self.from_.value <= period.start < until]
        if not inside:
            raise ValueError("no coupon period begins in the dates given")
        return inside[0], inside[-1]


class Coupon(Strict):
    """The coupon; `rate` is a fraction a year (0.0343 is 3.43 %), which `steps` may change.

    `once` is one coupon at maturity.
    """

    rate: NumberTerm
    frequency: Literal["annual", "semiannual", "quarterly", "monthly", "once"]
    day_count: Text
    business_days: Text
    steps: Annotated[list[CouponStep], Field(min_length=1)] | None = None


class OutcomePayment(Strict):
    """A two-way payment that depends on a KPI; `period` counts the KPI's periods from 1.

    It is paid at maturity, or on the coupon `date`. The payoff is `tiers`, or a `line` that runs straight
    between its points and flat beyond them.
    """

    kpi: Text
    period: Annotated[int, Field(strict=True, ge=1)]
    pays: Literal["at_maturity", "on_date"]
    date: DayTerm | None = None
    tiers: Annotated[list[Tier], Field(min_length=1)] | None = None
    line: Annotated[list[AmountPoint], Field(min_length=1)] | None = None

    def reach(self, schedule: tuple[AccrualPeriod, ...]) -> tuple[int, int]:
        """The coupon period, from 0, on whose pay date it is paid (twice); raises ValueError if there is
        none.
        """
        last = len(schedule) - 1
        if self.pays == "at_maturity" or self.date is None:
            return last, last
        ends = [period.end for period in schedule]
        if self.date.value not in ends:
            raise ValueError("is not a pay date of the coupon")
        return ends.index(self.date.value), ends.index(self.date.value)


class LinearAmortisation(Strict):
    """Equal repayments on every pay date from `from` to maturity; the last one takes what does not divide."""

    kind: Literal["linear"]
    from_: DayTerm = Field(alias="from")


class Instalment(Strict):
    """A repayment: the `fraction` of the original principal that falls due on a pay date."""

    date: DayTerm
    fraction: NumberTerm


class ScheduledAmortisation(Strict):
    """Repayments on listed pay dates; the rest falls due at maturity."""

    kind: Literal["schedule"]
    instalments: Annotated[list[Instalment], Field(min_length=1)]


Amortisation = Annotated[LinearAmortisation | ScheduledAmortisation, Field(discriminator="kind")]


class TermReading(Strict):
    """One way to read the life of the bond, in years; reports show the yields under each."""

    years: NumberTerm
    note: Text


class KpiBond(Strict):
    """A bond or loan whose coupon or redemption may bend with KPIs; without either it is a fixed bond.

    Money in units of the currency, dates at 00:00 UTC. Without `amortisation` it is repaid at maturity.
    """

    kind: Literal["kpi_bond"]
    title: Text
    symbol: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,11}$")]
    principal: NumberTerm
    denomination: NumberTerm
    issue_price: NumberTerm
    issue_date: DayTerm
    interest_from: DayTerm
    maturity: DayTerm
    final_maturity: DayTerm | None = None
    coupon: Coupon
    amortisation: Amortisation | None = None
    outcome_payment: OutcomePayment | None = None
    grace_days: NumberTerm
    cure_days: NumberTerm
    term_readings: list[TermReading] = Field(default_factory=list)

    @property
    def kpi_rules(self) -> list[CouponStep | OutcomePayment]:
        """Everything that a KPI decides: coupon steps in the file's order, then the outcome payment."""
        return [*(self.coupon.steps or []), *([self.outcome_payment] if self.outcome_payment else [])]


# One more kind of claim is one more class here: `KpiBond | OtherClaim` with discriminator="kind".
Claim = KpiBond


class Offering(Strict):
    """Primary issue: subscription window (`closes` is exclusive), caps in money, and who may buy."""

    opens: DayTerm
    closes: DayTerm
    soft_cap: NumberTerm
    hard_cap: NumberTerm
    eligible_classes: Annotated[list[InvestorClass], Field(min_length=1)]
    blocked_countries: list[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]] = Field(
        default_factory=list
    )


class MissingReport(Strict):
    """What holds when no report arrives.

    `worst_for_data_controller`: the amount of the curve that is worst for whoever controls the data;
    `amount`: a stated outcome payment for the whole issue, at least as bad for them.
    """

    rule: Literal["worst_for_data_controller", "amount"]
    amount: NumberTerm | None = None


class OraclePolicy(Strict):
    """How one KPI gets on chain: nodes, quorum, deadlines in days, challenge money in units of the
    currency.
    """

    nodes: NumberTerm
    quorum: NumberTerm
    max_spread: NumberTerm
    method: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*/[0-9]+$")]
    reporting_days: NumberTerm
    dispute_days: NumberTerm
    ruling_days: NumberTerm
    challenge_bond: NumberTerm
    challenge_reward: NumberTerm
    panel_size: NumberTerm
    panel_quorum: NumberTerm
    missing: MissingReport


class Deal(Strict):
    """A deal. Equal to another when their terms are, wherever the files lie."""

    schema_id: Literal["penstock/deal/1"] = Field(alias="schema")
    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$", max_length=64)]
    title: Text
    summary: Text
    sources: dict[Key, Source]
    currency: Currency
    parties: dict[Key, Party]
    asset: Asset
    kpis: dict[Key, Kpi] = Field(default_factory=dict)
    claims: Annotated[dict[Key, Claim], Field(min_length=1)]
    offering: Offering
    oracle: dict[Key, OraclePolicy] = Field(default_factory=dict)

    _file: Path | None = PrivateAttr(default=None)

    @property
    def file(self) -> Path | None:
        """Where the deal was read from; None when it was made in memory. Not a term."""
        return self._file

    @property
    def canonical_json(self) -> str:
        """The terms as canonical JSON: sorted keys, no spaces, numbers as shortest plain strings, ISO
        dates.
        """
        return canonical_json(self.model_dump(mode="python", by_alias=True, exclude_none=True))

    @property
    def terms_hash(self) -> str:
        """ "0x" and the sha256 of `canonical_json` in UTF-8: what is written on chain."""
        return sha256_hex(self.canonical_json)

    @property
    def data_controller(self) -> Literal["issuer", "holders"]:
        """Which side of the claim produces the data, and so must not gain by withholding it."""
        controllers = [party for party in self.parties.values() if "data_controller" in party.roles]
        return "issuer" if any("issuer" in party.roles for party in controllers) else "holders"

    def numbers(self) -> list[tuple[str, Decimal | date | str, str, str]]:
        """Every stated fact as (path, value, "sourced" or "assumed", citation or reason), in the file's
        order.
        """
        rows: list[tuple[str, Decimal | date | str, str, str]] = []
        for path, item in walk(self):
            if not isinstance(item, Provenance):
                continue
            if item.is_sourced:
                source = self.sources.get(str(item.source))
                text = source.citation if source else str(item.source)
                text = f"{text} ({item.note})" if item.note else text
            else:
                text = item.citation
            kind = "sourced" if item.is_sourced else "assumed"
            if isinstance(item, Term):
                rows.append((".".join(path), item.value, kind, text))
            elif isinstance(item, MeasurementPeriod):
                rows.append((".".join((*path, "start")), item.start, kind, text))
                rows.append((".".join((*path, "end")), item.end, kind, text))
        return rows

    def __eq__(self, other: object) -> bool:
        return self.terms_hash == other.terms_hash if isinstance(other, Deal) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.terms_hash)


def walk(item: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], BaseModel]]:
    """Every model inside `item` with its path in the file, outermost first."""
    if isinstance(item, BaseModel):
        yield path, item
        for name, value in item.__dict__.items():
            field = type(item).model_fields.get(name)
            yield from walk(value, (*path, (field.alias if field else None) or name))
    elif isinstance(item, dict):
        for key, value in item.items():
            yield from walk(value, (*path, str(key)))
    elif isinstance(item, list):
        for index, value in enumerate(item):
            yield from walk(value, (*path, str(index)))
