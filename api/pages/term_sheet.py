"""A deal's terms as readers look them up: every stated fact, with its source or why it is assumed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from api.i18n import N_, Translator
from api.pages.format import Format
from finance.terms import Deal
from finance.terms.deal import walk
from finance.terms.sections import MeasurementPeriod, Party
from finance.terms.values import Provenance, Term

# Words for the fields of a deal file. A field without words is shown as it is written there.
FIELDS = {
    "principal": N_("Size of the issue"),
    "denomination": N_("Nominal value of a unit"),
    "issue_price": N_("Issue price, of nominal value"),
    "issue_date": N_("Issue date"),
    "interest_from": N_("Interest from"),
    "maturity": N_("Maturity"),
    "final_maturity": N_("Final maturity"),
    "coupon": N_("Coupon"),
    "rate": N_("Rate"),
    "later_rates": N_("Later rate"),
    "steps": N_("Step"),
    "from": N_("from"),
    "until": N_("until"),
    "to": N_("to"),
    "below": N_("below"),
    "above": N_("above"),
    "date": N_("Date"),
    "amount": N_("Amount"),
    "kpi": N_("Measured value"),
    "tiers": N_("Range"),
    "line": N_("Point"),
    "outcome_payment": N_("Outcome payment"),
    "call": N_("Call by the issuer"),
    "notice_days": N_("Notice, days"),
    "prices": N_("Price"),
    "amortisation": N_("Repayment"),
    "instalments": N_("Instalment"),
    "fraction": N_("Part"),
    "grace_days": N_("Grace period, days"),
    "cure_days": N_("Cure period, days"),
    "term_readings": N_("Reading of the term"),
    "years": N_("Years"),
    "bounds": N_("Possible values"),
    "minimum": N_("Least"),
    "maximum": N_("Most"),
    "process": N_("Expectation"),
    "interval": N_("Interval"),
    "low": N_("Low"),
    "high": N_("High"),
    "probability": N_("Probability"),
    "mean": N_("Mean"),
    "means": N_("Means"),
    "sd": N_("Standard deviation"),
    "sds": N_("Standard deviations"),
    "parameters": N_("Parameter"),
    "opens": N_("Opens"),
    "closes": N_("Closes"),
    "soft_cap": N_("Least that must be sold"),
    "hard_cap": N_("Most that is sold"),
    "least_price": N_("Lowest price"),
    "most_price": N_("Highest price"),
    "tick": N_("From one price to the next"),
    "quote_days": N_("Longest life of a quote, days"),
    "nodes": N_("Measuring nodes"),
    "quorum": N_("Signatures needed"),
    "max_spread": N_("Widest spread of readings"),
    "reporting_days": N_("Time to report, days"),
    "late_days": N_("Time to put a report right, days"),
    "dispute_days": N_("Time to challenge, days"),
    "ruling_days": N_("Time to rule, days"),
    "challenge_bond": N_("Stake of a challenger"),
    "challenge_reward": N_("Reward of a challenger who is right"),
    "panel_size": N_("Panel members"),
    "panel_quorum": N_("Panel votes needed"),
    "missing": N_("Without a report"),
    "pay_lag_days": N_("Payment after the period, days"),
    "fixed": N_("Fixed amount of a period"),
    "collateral": N_("Collateral"),
    "payer": N_("Payer"),
    "payee": N_("Payee"),
    "late_rate": N_("Interest on late payments, a year"),
    "covenant_dscr": N_("Debt service cover to be kept"),
    "units": N_("Units"),
    "unit_price": N_("Price of a unit"),
    "operating_cost": N_("Operating cost of a period"),
    "debt_service": N_("Debt service of a period"),
    "schedule": N_("Periods"),
    "lag_days": N_("Run after the period, days"),
    "lines": N_("Revenue"),
    "expected": N_("Due in a period"),
    "receivable": N_("Loan"),
    "repayment": N_("Repayment"),
    "equal_from": N_("Equal parts from period"),
    "fractions": N_("Parts by period"),
    "measured": N_("Follows a measurement"),
    "at": N_("All of it at"),
    "is": N_("Then"),
    "rows": N_("Row"),
    "pots": N_("Held apart"),
    "opening": N_("At the beginning"),
    "payables": N_("Owed"),
    "due": N_("Falls due"),
    "facilities": N_("Loan beside the notes"),
    "balance": N_("Balance at first"),
    "covenants": N_("Covenant"),
    "least": N_("Least"),
    "most": N_("Most"),
    "cured_by": N_("Passes in a row that cure it"),
    "within_days": N_("Time to cure it, days"),
    "weights": N_("Weights"),
    "limit": N_("At most"),
    "total": N_("Sum"),
    "less": N_("Less"),
}
ROLES = {
    "issuer": N_("Issuer"),
    "holder": N_("Holder"),
    "data_controller": N_("Has the data"),
    "agent": N_("Transfer agent"),
    "panel": N_("Panel"),
    "verifier": N_("Verifier"),
    "operator": N_("Operator"),
    "lender": N_("Lender"),
    "payer": N_("Payer"),
    "payee": N_("Payee"),
}
_MONEY = {
    "principal", "denomination", "amount", "soft_cap", "hard_cap", "challenge_bond", "challenge_reward",
    "fixed", "unit_price", "operating_cost", "debt_service", "opening", "expected", "balance", "total",
    "less", "due", "least_price", "most_price", "tick",
}  # fmt: skip
_PERCENT = {"rate", "late_rate", "probability", "fraction", "issue_price"}
_OF_KPI = {
    "below",
    "above",
    "from",
    "to",
    "low",
    "high",
    "minimum",
    "maximum",
    "max_spread",
    "mean",
    "sd",
    "kpi",
}


@dataclass(frozen=True)
class Line:
    """A stated fact. `kind`: sourced or assumed; `words`: the citation or the reason; `url`: the source's."""

    label: str
    value: str
    kind: str
    words: str
    url: str | None = None


@dataclass(frozen=True)
class Group:
    """Facts about one thing."""

    title: str
    lines: Sequence[Line]


@dataclass(frozen=True)
class TermSheet:
    """A deal's facts, and how many of its inputs are sourced and assumed."""

    groups: Sequence[Group]
    sourced: int
    assumed: int


def term_sheet(deal: Deal, say: Translator, write: Format) -> TermSheet:
    """Every stated fact of a deal in the order of its file, in the reader's language."""
    groups: dict[tuple[str, ...], list[Line]] = {}
    for path, item in walk(deal):
        if isinstance(item, Party):
            roles = ", ".join(say(ROLES[role]) for role in item.roles)
            line = _line(deal, item, roles, say.deal(item.name), say)
            groups.setdefault(("parties",), []).append(line)
        elif isinstance(item, Term):
            key = path[:2] if path[0] in ("parts", "kpis", "oracle") else path[:1]
            rest = path[len(key) :]
            label = label_of(rest, say, _titles(deal, path, len(key), say))
            line = _line(deal, item, label, _value(deal, path, item.value, say, write), say)
            groups.setdefault(key, []).append(line)
    for name, kpi in deal.kpis.items():
        groups.setdefault(("kpis", name), []).insert(0, _periods(deal, kpi.periods, say, write))
    found = [Group(_title(deal, key, say), lines) for key, lines in groups.items()]
    assumed, count = deal.assumed()
    return TermSheet(found, count - assumed, assumed)


def _title(deal: Deal, key: tuple[str, ...], say: Translator) -> str:
    match key:
        case ("parties",):
            return say("Parties")
        case ("asset",):
            return say.deal(deal.asset.title)
        case ("kpis", name):
            return say("What is measured: {kpi}", kpi=say.deal(deal.kpis[name].title))
        case ("oracle", name):
            return say("How it is reported: {kpi}", kpi=say.deal(deal.kpis[name].title))
        case ("parts", name):
            part = deal.parts[name]
            title, called = getattr(part, "title", None), type(part).called
            return say(called[:1].upper() + called[1:]) if title is None else say.deal(title)
    return " ".join(key)


def _titles(deal: Deal, path: Sequence[str], first: int, say: Translator) -> dict[int, str]:
    """What the file calls what it lists by name, by its place in the path from `first` on."""
    found: dict[int, str] = {}
    item: Any = deal
    for place, step in enumerate(path):
        named = isinstance(item, dict)
        item = item[int(step)] if isinstance(item, list) else _inside(item, step)
        title = getattr(item, "title", None)
        if named and place >= first and title is not None:
            found[place - first] = say.deal(title)
    return found


def label_of(path: Sequence[str], say: Translator, titles: Mapping[int, str] = MappingProxyType({})) -> str:
    """parts.x.outcome_payment.tiers.0.amount as "Outcome payment, range 1, amount"; by `titles` what stands
    in their places."""
    words: list[str] = []
    for place, part in enumerate(path):
        if place in titles:
            words.append(titles[place])
        elif part.isdigit():
            words[-1] = f"{words[-1]} {int(part) + 1}"
        elif part != "parameters":
            name = part.replace("_", " ")
            words.append(say(FIELDS[part]) if part in FIELDS else say(name) if say.knows(name) else name)
    first, *rest = words
    return " · ".join([first, *rest])


def _line(deal: Deal, item: Provenance | Party, label: str, value: str, say: Translator) -> Line:
    note = getattr(item, "note", None)
    if item.source is None:
        return Line(label, value, "assumed", str(item.assumed))
    source = deal.sources.get(item.source)
    words = source.citation if source else item.source
    # A deal file may come from anybody: only what a browser opens as a page is a link.
    url = source.url if source and source.url and source.url.startswith(("https://", "http://")) else None
    return Line(label, value, "sourced", f"{words} ({note})" if note else words, url)


def _periods(deal: Deal, periods: Sequence[MeasurementPeriod], say: Translator, write: Format) -> Line:
    span = say(
        "{start} to {end}", start=write.day_text(periods[0].start), end=write.day_text(periods[-1].end)
    )
    label = say.plural("{count} measurement period", "{count} measurement periods", len(periods))
    return _line(deal, periods[0], label, span, say)


def _value(deal: Deal, path: Sequence[str], value: Any, say: Translator, write: Format) -> str:
    """A fact with its unit, as far as the field tells it."""
    if isinstance(value, date):
        return write.day_text(value)
    if isinstance(value, list):
        shown = list(_each(deal, path, value, say, write))
        return ", ".join(shown) if len(shown) <= 12 else say("{count} values", count=len(shown))
    if not isinstance(value, Decimal):
        return str(value)
    field = next(part for part in reversed(path) if not part.isdigit())
    if field in _MONEY or "collateral" in path:
        return write.amount(value, deal.currency.code, 0 if value == value.to_integral_value() else 2)
    unit = _unit(deal, path) if field in _OF_KPI else None
    if unit == "fraction" or field in _PERCENT:
        return write.plain_percent(value)
    return (
        say("{number} {unit}", number=write.stated(value), unit=say.deal(unit))
        if unit
        else write.stated(value)
    )


def _each(
    deal: Deal, path: Sequence[str], values: Sequence[Decimal], say: Translator, write: Format
) -> Iterator[str]:
    for value in values:
        yield _value(deal, path, value, say, write)


def _inside(item: Any, step: str) -> Any:
    """What a model or a mapping has under a name of the file."""
    if isinstance(item, dict):
        return item[step]
    fields = type(item).model_fields
    return getattr(item, next((name for name, field in fields.items() if field.alias == step), step))


def _unit(deal: Deal, path: Sequence[str]) -> str | None:
    """The unit of the KPI that a field is about."""
    if path[0] in ("kpis", "oracle"):
        return deal.kpis[path[1]].unit
    named: str | None = None
    item: Any = deal
    for step in path:  # the KPI that what holds the field names, or what holds that
        named = getattr(item, "kpi", named) if isinstance(getattr(item, "kpi", None), str) else named
        item = item[int(step)] if isinstance(item, list) else _inside(item, step)
    return None if named is None else deal.kpis[named].unit
