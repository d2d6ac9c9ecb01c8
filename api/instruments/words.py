"""A deal in plain words for those who buy it. An instrument's words are made from the deal's terms by a
function of its own module; these are what they have in common. `say` translates and `write` writes numbers,
both in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from finance.terms import Deal
from finance.terms.sections import Kpi
from finance.terms.tiers import TierBounds


class Say(Protocol):
    """See api.i18n.Translator."""

    def __call__(self, message: str, /, **values: Any) -> str: ...

    def plural(self, one: str, many: str, count: int, /, **values: Any) -> str: ...

    def deal(self, text: str) -> str: ...


class Write(Protocol):
    """See api.pages.format.Format."""

    def amount(self, value: Decimal | float | int, code: str, digits: int = 2) -> str: ...

    def short(self, value: Decimal | float | int) -> str: ...

    def stated(self, value: Decimal) -> str: ...

    def plain_percent(self, fraction: Decimal) -> str: ...

    def day_text(self, moment: int | date) -> str: ...


@dataclass(frozen=True)
class Outcome:
    """What one range of a KPI means. `when`: the range; `then`: what happens; `per_unit`: money a unit gains
    or loses by it in all, if it is one sum; `tone`: gain, loss or even, for who holds."""

    when: str
    then: str
    tone: str
    per_unit: str | None = None


@dataclass(frozen=True)
class Ruling:
    """One measurement and what it decides, range by range. `kpi`: its key in the deal."""

    kpi: str
    what: str
    outcomes: Sequence[Outcome]
    silence: str


@dataclass(frozen=True)
class PlainWords:
    """A deal in words: what it is in a sentence, what you get, when you would lose, what a measurement
    decides, and the facts that stand beside it (label, value). `for_holders`: units of it are sold, so that
    "you" holds one."""

    what: str
    gets: Sequence[str]
    loses: Sequence[str]
    rulings: Sequence[Ruling] = field(default_factory=list)
    for_holders: bool = True
    facts: Sequence[tuple[str, str]] = field(default_factory=list)


def party(deal: Deal, role: str, say: Say) -> str:
    """The name of the party in a role, marked as English where it has no other."""
    found = next((each.name for each in deal.parties.values() if role in each.roles), None)
    return say.deal(found) if found else say(role)


def kpi_number(kpi: Kpi, value: Decimal, write: Write, say: Say) -> str:
    """A stated value of a KPI with its unit."""
    if kpi.unit == "fraction":
        return write.plain_percent(value)
    if len(kpi.unit) == 3 and kpi.unit.isupper():
        return f"{kpi.unit} {write.stated(value)}"
    return say("{number} {unit}", number=write.stated(value), unit=say.deal(kpi.unit))


def tier_words(tier: TierBounds, kpi: Kpi, say: Say, write: Write) -> str:
    """A range of KPI values, saying who owns the bounds."""

    def at(value: Decimal) -> str:
        return kpi_number(kpi, value, write, say)

    if tier.below is not None:
        words = "{bound} or less" if tier.inclusive is True else "below {bound}"
        return _said(say, words, bound=at(tier.below.value))
    if tier.above is not None:
        words = "{bound} or more" if tier.inclusive is True else "above {bound}"
        return _said(say, words, bound=at(tier.above.value))
    assert tier.from_ is not None
    assert tier.to is not None
    words = {
        "both": "{low} to {high}",
        "from": "{low} to below {high}",
        "to": "above {low}, up to {high}",
        "neither": "between {low} and {high}",
    }[str(tier.inclusive)]
    return _said(say, words, low=at(tier.from_.value), high=at(tier.to.value))


# What `_said` looks up, so that catalogues have it.
TIER_WORDS = (
    "{bound} or less", "below {bound}", "{bound} or more", "above {bound}",
    "{low} to {high}", "{low} to below {high}", "above {low}, up to {high}", "between {low} and {high}",
)  # fmt: skip


def _said(say: Say, words: str, **values: Any) -> str:
    return say(words, **values)


def often(frequency: str, say: Say) -> str:
    """How often a coupon is paid."""
    words = {
        "annual": say("once a year"),
        "semiannual": say("twice a year"),
        "quarterly": say("four times a year"),
        "monthly": say("every month"),
        "once": say("once, at the end"),
    }
    return words[frequency]


def silence_words(deal: Deal, say: Say) -> str:
    """Whose worst case holds when no report comes: that of whoever has the data."""
    return say(
        "If no report comes, what is worst for {controller} counts, because it controls the data. Silence "
        "never pays.",
        controller=party(deal, "data_controller", say),
    )
