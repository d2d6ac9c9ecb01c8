"""A vehicle and its tranches in plain words, from the terms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import reduce
from typing import Any

from api.instruments.words import (
    Outcome,
    PlainWords,
    Ruling,
    Say,
    Write,
    kpi_number,
    often,
    silence_words,
)
from finance.report.waterfall_words import Teller
from finance.terms import Deal
from finance.terms.spv import Covenant
from finance.terms.tranche import Tranche
from finance.terms.values import NumberTerm


class InLanguage:
    """Writes a waterfall in the reader's language."""

    def __init__(self, deal: Deal, say: Say, write: Write) -> None:
        self._say, self.write, self.code = say, write, deal.currency.code

    def say(self, message: str, /, **values: Any) -> str:
        return self._say(message, **values)

    def deal(self, text: str) -> str:
        return self._say.deal(text)

    def money(self, amount: Decimal) -> str:
        return self.write.amount(amount, self.code, 0 if amount == amount.to_integral_value() else 2)

    def percent(self, fraction: Decimal) -> str:
        return self.write.plain_percent(fraction)

    def number(self, value: Decimal) -> str:
        return self.write.stated(value)

    def joined(self, words: Sequence[str]) -> str:
        *others, last = words
        if not others:
            return last
        first = reduce(lambda one, another: self._say("{one}, {another}", one=one, another=another), others)
        return self._say("{first} and {last}", first=first, last=last)


def told(deal: Deal, say: Say, write: Write) -> Teller:
    """Who tells a deal's waterfall in the reader's language."""
    return Teller(deal, InLanguage(deal, say, write))


def spv_words(deal: Deal, say: Say, write: Write) -> PlainWords:
    """What a vehicle does, for whoever holds a tranche of it."""
    return _SpvWords(deal, say, write).words()


class _SpvWords:
    def __init__(self, deal: Deal, say: Say, write: Write) -> None:
        self.deal, self.say, self.write = deal, say, write
        self.teller = told(deal, say, write)
        self.spv, self.names = self.teller.spv, self.teller.names
        self.tranches = deal.having(Tranche)

    def money(self, amount: Decimal) -> str:
        return self.teller.write.money(amount)

    def words(self) -> PlainWords:
        say = self.say
        size = sum((each.principal.value for each in self.tranches.values()), Decimal(0))
        return PlainWords(
            what=say.plural(
                "A part of what one source of revenue brings to a company that does nothing else.",
                "A part of what {count} sources of revenue bring to a company that does nothing else.",
                len(self.spv.lines),
            ),
            gets=list(self.gets()),
            loses=list(self.loses()),
            rulings=list(self.rulings()),
            facts=[
                (say("Size of the issue"), f"{self.deal.currency.code} {self.write.short(size)}"),
                (say("Sources of revenue"), str(len(self.spv.lines))),
                (say("Tranches"), str(len(self.tranches))),
                (say("Last period ends"), self.write.day_text(self.spv.schedule.until.value)),
            ],
        )

    def gets(self) -> Iterator[str]:
        say, schedule = self.say, self.spv.schedule
        for key, each in self.tranches.items():
            about = {"tranche": self.names[key], "nominal": self.money(each.denomination.value)}
            if each.rate is None:
                yield say("{tranche}, in units of {nominal}: what the steps leave for it.", **about)
                continue
            yield say(
                "{tranche}, in units of {nominal}: {rate} a year on what is not repaid, {often}, from "
                "{start} to {end}.",
                **about,
                rate=self.write.plain_percent(each.rate.value),
                often=often(schedule.frequency, say),
                start=self.write.day_text(schedule.from_.value),
                end=self.write.day_text(schedule.until.value),
            )
        yield say.plural(
            "What comes in is spent by one step, which nobody can change.",
            "What comes in is spent by {count} steps, in order, which nobody can change.",
            len(self.spv.steps),
        )
        for key, pot in self.spv.pots.items():
            if pot.opening.value:
                yield say(
                    "“{pot}” holds {amount} before it begins.",
                    pot=self.names[key],
                    amount=self.money(pot.opening.value),
                )

    def loses(self) -> Iterator[str]:
        say = self.say
        yield say(
            "If less comes in than is due, whoever stands later in the steps waits, and in the end loses it: "
            "nobody else pays for the vehicle."
        )
        for key in self.spv.covenants:
            turned = [
                number for number, step in enumerate(self.spv.steps, 1) if key in (*step.while_, *step.unless)
            ]
            if turned:
                yield say(
                    "While “{covenant}” has failed, money goes other ways (steps {steps}).",
                    covenant=self.names[key],
                    steps=", ".join(map(str, turned)),
                )

    def rulings(self) -> Iterator[Ruling]:
        """What each covenant on a KPI decides."""
        for key, test in self.spv.covenants.items():
            limit = test.least or test.most
            on_kpi = isinstance(test.value, str) and test.value in self.spv.measures and test.per is None
            if on_kpi and isinstance(limit, NumberTerm):
                yield self._ruling(key, test, self.spv.measures[str(test.value)].kpi, limit.value)

    def _ruling(self, key: str, test: Covenant, measure: str, limit: Decimal) -> Ruling:
        say = self.say
        bound = kpi_number(self.deal.kpis[measure], limit, self.write, say)
        if test.least is not None:
            passed, failed = say("{bound} or more", bound=bound), say("below {bound}", bound=bound)
        else:
            passed, failed = say("{bound} or less", bound=bound), say("above {bound}", bound=bound)
        name = self.names[key]
        return Ruling(
            kpi=measure,
            what=say("Each period it decides whether “{covenant}” stands.", covenant=name),
            outcomes=[
                Outcome(failed, say("“{covenant}” fails.", covenant=name), "loss"),
                Outcome(passed, say("“{covenant}” is passed.", covenant=name), "gain"),
            ],
            silence=silence_words(self.deal, say),
        )
