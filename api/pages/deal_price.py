"""The price section of a deal page: what it is worth now, how reports moved it, how likely outcomes are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from api.i18n import plain
from api.instruments import instrument_of
from api.instruments.valued import Valued
from api.instruments.words import PlainWords, Ruling
from api.jobs import Jobs
from api.models.deployment import KpiView
from api.models.valuation import LivePrice, ReportEffect, TierChance
from api.pages.chain_words import y_words
from api.pages.deal_charts import Chart, Formatter, value_words
from api.pages.term_sheet import label_of
from finance.swaps.holders import Owed
from finance.terms import Deal

Realised = Mapping[tuple[str, int], int | None]
CERTAIN = 0.9999
"""A chance above this says that a report has decided."""


@dataclass(frozen=True)
class Move:
    """How a report moved the value."""

    title: str
    before: str
    after: str
    by: str
    tone: str


@dataclass(frozen=True)
class NoPrice:
    """Why there is no price; `soon`: there will be one in some seconds."""

    why: str
    soon: bool = False


@dataclass(frozen=True)
class PriceSection:
    """`figures`: (label, value, note)."""

    figures: Sequence[tuple[str, str, str | None]]
    moves: Sequence[Move]
    chances: Chart | None
    chance_rows: Sequence[Sequence[str]]
    basis: str
    assumed: Sequence[str] = field(default_factory=list)


def price_section(
    deal: Deal,
    ready: Valued | None,
    kpis: Sequence[KpiView],
    known: Realised,
    today: date,
    jobs: Jobs,
    words: PlainWords,
    formatter: Formatter,
    owes: Owed | None = None,
) -> PriceSection | NoPrice:
    """The section, or why there is none."""
    say = formatter.say
    if ready is None:
        return NoPrice(say("There is no valuation of deals like this one here."))
    price = ready.price(known, today, jobs, owes)
    if price.state == "over":
        return NoPrice(say("Nothing is left to be paid, so there is no price."))
    if price.state == "computing":
        waits = say("The value is being computed; this takes some seconds the first time.")
        return NoPrice(waits, soon=True)
    moves = [_move(deal, price.last_report, formatter)] if price.last_report else []
    pending = _pending(kpis)
    if pending:
        supposed = ready.price({**known, **pending}, today, jobs, owes)
        if supposed.last_report:
            moves.insert(0, _move(deal, supposed.last_report, formatter, pending=True))
    figures = _figures(deal, price, words.for_holders, formatter)
    chart, rows = _chances(price.tiers, words.rulings, formatter)
    assumed = [_assumption(each, formatter) for each in price.assumed]
    return PriceSection(figures, moves, chart, rows, _basis(price, formatter), assumed)


def _basis(price: LivePrice, formatter: Formatter) -> str:
    rate = formatter.write.percent(price.rate)
    if price.basis.startswith("closed form"):
        return formatter.say(
            "by a formula over the distribution of what is measured, discounted at {rate}", rate=rate
        )
    return formatter.say("by simulation of what is measured, discounted at {rate}", rate=rate)


def _assumption(words: str, formatter: Formatter) -> str:
    """kpis.runoff-reduction.process.probability: WHY as "Expectation · Probability: WHY"."""
    path, colon, why = words.partition(": ")
    if not colon or not path.startswith("kpis."):
        return formatter.say.deal(words)
    label = label_of(path.split(".")[2:], formatter.say)
    return formatter.say("{what}: {about}", what=label, about=formatter.say.deal(why))


def _pending(kpis: Sequence[KpiView]) -> dict[tuple[str, int], int | None]:
    """Reports that can still be challenged."""
    return {
        (kpi.kpi, period.period): int(period.raw)
        for kpi in kpis
        for period in kpi.periods
        if period.status in ("pending", "challenged") and period.raw is not None
    }


def _figures(
    deal: Deal, price: LivePrice, for_holders: bool, formatter: Formatter
) -> list[tuple[str, str, str | None]]:
    say, write = formatter.say, formatter.write
    found: list[tuple[str, str, str | None]] = []
    day = say("on {day}", day=write.day_text(price.day))
    if price.price is not None:
        each = float(instrument_of(deal.kind).unit(deal)) / 100 * price.price
        title = say("Value of a unit")
        if price.clean is not None:
            note = say("{price} with accrued interest", price=write.number(price.price))
            clean = say("Value of 100 nominal, without accrued interest")
            found.append((clean, write.number(price.clean), note))
            title = say("Value of a unit, with accrued interest")
        found.append((title, write.amount(each, deal.currency.code), day))
    if price.value is not None:
        low, high = price.low, price.high
        spread: str | None = None
        if low is not None and high is not None:
            spread = say(
                "nine times in ten {low} to {high}",
                low=write.short_money(low, formatter.currency),
                high=write.short_money(high, formatter.currency),
            )
        title = (
            say("Coming swap payments, to the project")
            if for_holders
            else say("Coming payments, to the payee")
        )
        found.append((title, write.short_money(price.value, formatter.currency), spread))
    found.append((say("Discounted at"), write.percent(price.rate), say("a year")))
    return found


def _move(deal: Deal, effect: ReportEffect, formatter: Formatter, pending: bool = False) -> Move:
    say, write = formatter.say, formatter.write
    kpi = deal.kpis[effect.kpi]
    title = say.deal(kpi.title)
    value = say("no report") if effect.value is None else value_words(effect.value, kpi.unit, say, write)
    period = kpi.periods[effect.period]
    span = f"{write.day_text(period.start)} – {write.day_text(period.end)}"
    words = (
        say(
            "If the pending report of {value} becomes final ({kpi}, {span}):",
            value=value,
            kpi=title,
            span=span,
        )
        if pending
        else say("How the last report moved it: {value} ({kpi}, {span})", value=value, kpi=title, span=span)
    )
    if effect.before is not None and effect.after is not None and effect.moved is not None:
        moved = effect.moved
        before, after, by = write.number(effect.before), write.number(effect.after), write.number(moved)
        words = say("{what} Per 100 nominal, with accrued interest.", what=words)
    else:
        moved = float(effect.value_moved or 0)
        before, after, by = (  # minor units, perhaps with a fraction
            write.short_money(round(float(each or 0)), formatter.currency)
            for each in (effect.value_before, effect.value_after, effect.value_moved)
        )
    tone = "gain" if moved > 0 else "loss" if moved < 0 else "even"
    return Move(words, before, after, f"+{by}" if moved > 0 else by, tone)


def _chances(
    tiers: Sequence[TierChance], rulings: Sequence[Ruling], formatter: Formatter
) -> tuple[Chart | None, list[list[str]]]:
    if len(tiers) < 2 or not rulings or len(rulings[0].outcomes) != len(tiers):
        return None, []
    if max(tier.probability for tier in tiers) > CERTAIN:
        return None, []
    names = [outcome.when for outcome in rulings[0].outcomes]
    say, write = formatter.say, formatter.write
    rows, cells = [], []
    for name, tier in zip(names, tiers, strict=True):
        y = int(tier.y)
        then = y_words(y, tier.effect, formatter.currency, say, write)
        rows.append(
            {
                "label": plain(name),
                "chance": tier.probability,
                "tone": "gain" if y > 0 else "loss" if y < 0 else "even",
            }
        )
        cells.append([name, then, write.percent(tier.probability, 1)])
    best = max(range(len(tiers)), key=lambda place: tiers[place].probability)
    sentence = say(
        "The likeliest range is {range}, with a chance of {chance}.",
        range=names[best],
        chance=write.percent(tiers[best].probability, 1),
    )
    return Chart("chances", {"rows": rows}, sentence), cells
