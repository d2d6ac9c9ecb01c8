"""The deal file as a model: every term, party, KPI, claim, payment rule and source of a deal.

A `Deal` made by `load_deal` is consistent (finance.terms.checks); one built by hand is only well-typed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, PrivateAttr, StringConstraints

from finance.terms.bond import (
    AmountPoint,
    CouponStep,
    KpiBond,
    OutcomePayment,
    RatePoint,
    RateTier,
    Tier,
    TierBounds,
)
from finance.terms.canonical import canonical_json, sha256_hex
from finance.terms.problems import InputError
from finance.terms.processes import Process
from finance.terms.swap import KpiPayment, RevenueShare
from finance.terms.values import (
    Day,
    DayTerm,
    Key,
    NumbersTerm,
    NumberTerm,
    Provenance,
    Strict,
    Term,
    Text,
    TextTerm,
)

__all__ = [
    "AmountPoint", "CouponStep", "Deal", "Kpi", "KpiBond", "KpiPayment", "OraclePolicy", "OutcomePayment",
    "RatePoint", "RateTier", "RevenueShare", "Tier", "TierBounds",
]  # fmt: skip

SCHEMA = "penstock/deal/1"

Claim = Annotated[KpiBond | KpiPayment | RevenueShare, Field(discriminator="kind")]

Role = Literal[
    "issuer", "holder", "data_controller", "agent", "panel", "verifier",
    "operator", "lender", "payer", "payee",
]  # fmt: skip
InvestorClass = Literal["retail", "professional", "institutional"]
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
    parameters: dict[str, NumberTerm | NumbersTerm | TextTerm] = Field(default_factory=dict)


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
    currency. `late_days` follow the reporting window: what went wrong in it can still be put right, and the
    panel be asked for the value of a period that nobody reported.
    """

    nodes: NumberTerm
    quorum: NumberTerm
    max_spread: NumberTerm
    method: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*/[0-9]+$")]
    reporting_days: NumberTerm
    late_days: NumberTerm
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
    offering: Offering | None = None
    oracle: dict[Key, OraclePolicy] = Field(default_factory=dict)

    _file: Path | None = PrivateAttr(default=None)
    _hash: str | None = PrivateAttr(default=None)

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
        """ "0x" and the sha256 of `canonical_json` in UTF-8: what is written on chain. Taken once."""
        if self._hash is None:
            self._hash = sha256_hex(self.canonical_json)
        return self._hash

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, with the fields of `update` in place of its own; not checked. `deep`: of its parts too."""
        copied = super().model_copy(update=update, deep=deep)
        copied._hash = None
        return copied

    @property
    def data_controller(self) -> Literal["issuer", "holders"]:
        """Which side of the claim produces the data, and so must not gain by withholding it."""
        controllers = [party for party in self.parties.values() if "data_controller" in party.roles]
        return "issuer" if any("issuer" in party.roles for party in controllers) else "holders"

    @property
    def kind(self) -> str:
        """The kind of the claim that all others hang on: its modules price, deploy and show the deal. A
        revenue share hangs on its KPI payment."""
        return leading(claim.kind for claim in self.claims.values())

    @property
    def bond(self) -> KpiBond:
        """The deal's bond. Raises InputError when it has none."""
        found = next((claim for claim in self.claims.values() if isinstance(claim, KpiBond)), None)
        if found is None:
            raise InputError(f"{self.file or self.id}: has no bond, and this needs one")
        return found

    @property
    def sale(self) -> Offering:
        """The offering. Raises InputError when the deal has none."""
        if self.offering is None:
            raise InputError(f"{self.file or self.id}: has no offering, and this needs one")
        return self.offering

    @property
    def swap(self) -> KpiPayment:
        """The deal's KPI payment. Raises InputError when it has none."""
        found = next((claim for claim in self.claims.values() if isinstance(claim, KpiPayment)), None)
        if found is None:
            raise InputError(f"{self.file or self.id}: has no KPI payment, and this needs one")
        return found

    @property
    def share(self) -> RevenueShare | None:
        """The claim on what a project's revenue leaves, if the deal has one."""
        return next((claim for claim in self.claims.values() if isinstance(claim, RevenueShare)), None)

    def parameter(self, name: str) -> Any:
        """The value of the asset's parameter `name`. Raises InputError when the deal does not give it."""
        if name not in self.asset.parameters:
            raise InputError(f"{self.file or self.id}: asset.parameters.{name} = (missing): is required")
        return self.asset.parameters[name].value

    def number(self, name: str) -> float:
        """The asset's parameter `name` where it is a number, in the unit of its name. Raises InputError
        when there is none.
        """
        value = self.parameter(name)
        if not isinstance(value, Decimal):
            raise InputError(f"{self.file or self.id}: asset.parameters.{name} = {value}: must be a number")
        return float(value)

    def numbers(self) -> list[tuple[str, Decimal | date | str, str, str]]:
        """Every input as (path, value, "sourced" or "assumed", citation or reason), in the file's order;
        values in the units of their fields.

        An input is a number, date or text that is stated with its origin. The measurement periods of a KPI
        are one input, for they are one schedule; it is assumed if any of them is.
        """
        return [row for row, _ in self.inputs()]

    def inputs(self) -> list[tuple[tuple[str, Decimal | date | str, str, str], str | None]]:
        """Each row of `numbers`, values in the units of their fields, with the key of its source, or None; of
        a schedule, its first period's.
        """
        rows: list[tuple[tuple[str, Decimal | date | str, str, str], str | None]] = []
        for path, item in walk(self):
            if isinstance(item, Term):
                kind = "sourced" if item.is_sourced else "assumed"
                rows.append(((".".join(path), item.value, kind, self._origin(item)), item.source))
            elif isinstance(item, Kpi):
                first, last, count = item.periods[0], item.periods[-1], len(item.periods)
                span = f"{first.start} to {last.end}" + (f", {count} periods" if count > 1 else "")
                kind = "sourced" if all(each.is_sourced for each in item.periods) else "assumed"
                text = "; ".join(dict.fromkeys(map(self._origin, item.periods)))
                rows.append(((".".join((*path, "periods")), span, kind, text), item.periods[0].source))
        return rows

    def _origin(self, item: Provenance) -> str:
        source = self.sources.get(str(item.source)) if item.is_sourced else None
        if source is None:
            return item.citation
        return f"{source.citation} ({item.note})" if item.note else source.citation

    def assumed(self) -> tuple[int, int]:
        """How many of the deal's inputs (see `numbers`) are assumed, and how many there are: the one count
        that every command, report and page shows.
        """
        kinds = [kind for _, _, kind, _ in self.numbers()]
        return kinds.count("assumed"), len(kinds)

    def __eq__(self, other: object) -> bool:
        return self.terms_hash == other.terms_hash if isinstance(other, Deal) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.terms_hash)


def leading(kinds: Iterable[str]) -> str:
    """The kind that a deal of claims of these kinds is of: of its first one that hangs on no other."""
    return next(kind for kind in kinds if kind != "revenue_share")


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
