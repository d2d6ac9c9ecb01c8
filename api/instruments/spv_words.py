"""A vehicle in plain words, from its terms."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from api.instruments.words import PlainWords, Say, Write, silence_words
from finance.terms import Deal
from finance.terms.spv import Spv
from finance.terms.tranche import Tranche


def vehicle_words(deal: Deal, say: Say, write: Write) -> PlainWords:
    """What its tranches are, give and can cost."""
    return _VehicleWords(deal, say, write).words()


class _VehicleWords:
    def __init__(self, deal: Deal, say: Say, write: Write) -> None:
        self.deal, self.say, self.write = deal, say, write
        self.spv, self.tranches = deal.only(Spv), deal.having(Tranche)

    def money(self, amount: Decimal) -> str:
        digits = 0 if amount == amount.to_integral_value() else 2
        return self.write.amount(amount, self.deal.currency.code, digits)

    def words(self) -> PlainWords:
        say, spv = self.say, self.spv
        first = min(self.tranches.values(), key=lambda each: each.rate is None)
        size = sum((each.principal.value for each in self.tranches.values()), Decimal(0))
        return PlainWords(
            what=say(
                "A share of what {name} takes in from {count} payers, in a fixed order.",
                name=say.deal(spv.title),
                count=len(spv.lines),
            ),
            gets=list(self.gets()),
            loses=list(self.loses()),
            facts=[
                (say("Size of the issue"), f"{self.deal.currency.code} {self.write.short(size)}"),
                (say("Price of a unit"), self.money(first.denomination.value * first.issue_price.value)),
                (say("Maturity"), self.write.day_text(spv.schedule.until.value)),
            ],
        )

    def gets(self) -> Iterator[str]:
        say = self.say
        for each in self.tranches.values():
            name, nominal = say.deal(each.title), self.money(each.denomination.value)
            if each.rate is None:
                yield say("{name}: a unit gets its part of what is left when all others are paid.", name=name)
                continue
            yield say(
                "{name}: {rate} a year on what is not repaid of {nominal} a unit, and {nominal} back.",
                name=name,
                rate=self.write.plain_percent(each.rate.value),
                nominal=nominal,
            )
        for pot in self.spv.pots.values():
            if pot.opening.value:
                yield say(
                    "{amount} stand before you: {pot}.",
                    amount=self.money(pot.opening.value),
                    pot=say.deal(pot.title),
                )

    def loses(self) -> Iterator[str]:
        say = self.say
        yield say(
            "If less comes in than is due and what stands before you is used up, you get less, or later."
        )
        yield say("Nobody but the vehicle owes you anything.")
        if self.spv.measures:
            yield silence_words(self.deal, say)
