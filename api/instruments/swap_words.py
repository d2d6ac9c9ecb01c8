"""A KPI payment (a proxy revenue swap is one) and a share of the project behind it in plain words, from the
terms."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from api.instruments.words import (
    Outcome,
    PlainWords,
    Ruling,
    Say,
    Write,
    kpi_number,
    silence_words,
    tier_words,
)
from finance.terms import Deal
from finance.terms.payment_form import payment_form
from finance.terms.payoffs import payoff_term, steps_of
from finance.terms.swap import KpiPayment
from finance.terms.tiers import TierBounds
from finance.terms.treasury import Treasury


def swap_words(deal: Deal, say: Say, write: Write) -> PlainWords:
    """What a swap does, for the holder of a unit of the project's revenue, or for its two parties."""
    return _SwapWords(deal, say, write).words()


class _SwapWords:
    def __init__(self, deal: Deal, say: Say, write: Write) -> None:
        self.deal, self.say, self.write = deal, say, write
        self.swap, self.share, self.form = (
            deal.only(KpiPayment),
            deal.only_or_none(Treasury),
            payment_form(deal),
        )
        self.kpi = deal.kpis[self.swap.kpi]
        self.payer, self.payee = (
            say.deal(deal.parties[key].name) for key in (self.swap.payer, self.swap.payee)
        )

    def amount(self, value: Decimal) -> str:
        return self.write.amount(value, self.deal.currency.code, 0)

    def sized(self, value: Decimal) -> str:
        return f"{self.deal.currency.code} {self.write.short(value)}"

    @property
    def days(self) -> tuple[str, str]:
        """First and last day that are measured."""
        periods = self.kpi.periods
        return self.write.day_text(periods[0].start), self.write.day_text(periods[-1].end)

    def words(self) -> PlainWords:
        return self.of_share(self.share) if self.share is not None else self.of_parties()

    # -- a unit of a project's revenue

    def of_share(self, share: Treasury) -> PlainWords:
        say = self.say
        return PlainWords(
            what=say("A share of what a project earns, steadied by a swap with {payer}.", payer=self.payer),
            gets=list(self.share_gets(share)),
            loses=list(self.share_loses(share)),
            rulings=[self.ruling()],
            facts=[
                (say("Project"), self.payee),
                (say("Swap provider"), self.payer),
                (say("Units"), self.write.stated(share.units.value)),
                (say("Price of a unit"), self.amount(share.unit_price.value)),
                (say("Payments until"), self.days[1]),
            ],
        )

    def share_gets(self, share: Treasury) -> Iterator[str]:
        say, periods = self.say, len(self.kpi.periods)
        start, end = self.days
        yield say(
            "You pay {price} for one of {units} units.",
            price=self.amount(share.unit_price.value),
            units=self.write.stated(share.units.value),
        )
        yield say(
            "After each of {count} periods, from {start} to {end}, each unit gets its equal part of what "
            "is left of the "
            "project's revenue.",
            count=periods,
            start=start,
            end=end,
        )
        yield say(
            "First come operating cost ({cost} a period), then debt service ({debt}), then what the "
            "project owes on the "
            "swap; the rest is yours.",
            cost=self.series(share.operating_cost.value),
            debt=self.series(share.debt_service.value),
        )
        yield say(
            "The swap makes the revenue steadier: {payer} pays a fixed amount of {fixed} a period and "
            "takes what is measured ({kpi}) in exchange.",
            payer=self.payer,
            fixed=self.series(self.swap.fixed.value),
            kpi=say.deal(self.kpi.title),
        )

    def share_loses(self, share: Treasury) -> Iterator[str]:
        say = self.say
        yield say(
            "The price of a unit, {price}, does not come back at the end. What you get are the payments of "
            "each period, and "
            "they can add up to less.",
            price=self.amount(share.unit_price.value),
        )
        yield say(
            "You get nothing for a period whose revenue does not cover the costs, the debt and the swap; "
            "what is missing "
            "is made up first out of later periods."
        )
        if self.deal.asset.kind == "wind":
            yield say(
                "The swap goes by what the project should have earned by wind and hub price, not by what "
                "it did earn. "
                "A broken turbine, or a worse price at its own node, is your loss."
            )
        else:
            yield say(
                "The swap goes by what is measured, not by what the project did earn. The difference is "
                "your loss, or "
                "your gain."
            )
        yield say(
            "In good periods the project pays more to {payer} than it gets: you give up the best for fewer "
            "of the worst.",
            payer=self.payer,
        )
        yield say(
            "If {payer} fails to pay, it owes at least its collateral of {amount}; "
            "nothing beyond that is sure.",
            payer=self.payer,
            amount=self.sized(self.swap.collateral.payer.value),
        )

    # -- two parties

    def of_parties(self) -> PlainWords:
        say = self.say
        return PlainWords(
            what=self.what(),
            gets=list(self.gets()),
            loses=[self.who_loses(), *self.security()],
            rulings=[self.ruling()],
            facts=[
                (say("Payer"), self.payer),
                (say("Payee"), self.payee),
                (say("Measured"), say.deal(self.kpi.title)),
                (say("Periods"), str(len(self.kpi.periods))),
                (say("Payments until"), self.days[1]),
            ],
            for_holders=False,
        )

    def what(self) -> str:
        say, sides = self.say, {"payer": self.payer, "payee": self.payee}
        if self.form.is_charge:
            return say(
                "{payer} pays {payee} a charge that the measurement changes; nothing of it is sold to "
                "investors.",
                **sides,
            )
        if self.form.is_swap:
            return say(
                "An exchange of payments between {payer} and {payee}; nothing of it is sold to investors.",
                **sides,
            )
        return say(
            "A payment between {payer} and {payee} that the measurement decides; nothing of it is sold to "
            "investors.",
            **sides,
        )

    def gets(self) -> Iterator[str]:
        say, fixed = self.say, self.swap.fixed.value
        (start, end), count = self.days, len(self.kpi.periods)
        if self.form.is_charge:
            payoffs = [payoff_term(step).value for step in steps_of(self.swap)]
            yield say(
                "After each of {count} periods, from {start} to {end}, {payer} pays {payee}.",
                count=count,
                start=start,
                end=end,
                payer=self.payer,
                payee=self.payee,
            )
            yield say(
                "The charge is {fixed} a period; by the measurement it is {least} at least and {most} "
                "at most.",
                fixed=self.series(fixed),
                least=self.amount(min(fixed) + min(payoffs)),
                most=self.amount(max(fixed) + max(payoffs)),
            )
            return
        if count == 1:
            yield say("One side pays the other once, by what is measured until {end}.", end=end)
        else:
            yield say(
                "After each of {count} periods, from {start} to {end}, one side pays the other.",
                count=count,
                start=start,
                end=end,
            )
        if any(fixed):
            yield say(
                "The amount is {fixed} a period (below zero: {payee} pays), and what the measurement adds.",
                fixed=self.series(fixed),
                payee=self.payee,
            )

    def security(self) -> Iterator[str]:
        """What stands behind the payments, and what it costs not to pay."""
        say, posted = self.say, self.swap.collateral
        days = self.write.stated(self.swap.cure_days.value)
        if not (posted.payer.value or posted.payee.value):
            yield say(
                "No collateral stands behind the payments. Who does not pay within {days} days of a call "
                "is in default: it owes for the rest of the term, and is paid nothing for it.",
                days=days,
            )
            return
        yield say(
            "Collateral stands behind the payments: {payer} keeps {one}, {payee} {other}.",
            payer=self.payer,
            payee=self.payee,
            one=self.sized(posted.payer.value),
            other=self.sized(posted.payee.value),
        )
        if self.form.is_swap:
            yield say(
                "Who does not restore it within {days} days is in default: it pays for the rest of the "
                "swap, at least its collateral, and is paid nothing for it.",
                days=days,
            )
        else:
            yield say(
                "Who does not restore it within {days} days is in default: it pays for the rest of the "
                "term, at least its collateral, and is paid nothing for it.",
                days=days,
            )

    def who_loses(self) -> str:
        if self.form.is_charge:
            if self.rises:
                return self.say("The less is measured, the less {payee} gets.", payee=self.payee)
            return self.say("The more is measured, the less {payee} gets.", payee=self.payee)
        sides = {"payer": self.payer, "payee": self.payee}
        if self.rises:
            return self.say("{payer} loses by high readings and {payee} by low ones.", **sides)
        return self.say("{payer} loses by low readings and {payee} by high ones.", **sides)

    @property
    def rises(self) -> bool:
        """Whether a higher KPI makes the payer pay more."""
        steps = steps_of(self.swap)
        return payoff_term(steps[-1]).value > payoff_term(steps[0]).value

    def series(self, values: list[Decimal]) -> str:
        """One amount, or from the least to the most of a list."""
        low, high = min(values), max(values)
        if low == high:
            return self.amount(low)
        return self.say("{low} to {high}", low=self.amount(low), high=self.amount(high))

    def ruling(self) -> Ruling:
        say = self.say
        start, end = self.days
        if len(self.kpi.periods) == 1:
            what = say(
                "{kpi}, measured from {start} to {end}. The measurement decides the payment.",
                kpi=say.deal(self.kpi.title),
                start=start,
                end=end,
            )
        else:
            what = say(
                "{kpi}, measured {count} times from {start} to {end}. Each measurement decides the payment "
                "of its period.",
                kpi=say.deal(self.kpi.title),
                count=len(self.kpi.periods),
                start=start,
                end=end,
            )
        fixed = self.swap.fixed.value
        outcomes = []
        for step in steps_of(self.swap):
            if isinstance(step, TierBounds):
                when = tier_words(step, self.kpi, say, self.write)
            else:
                when = say("at {value}", value=kpi_number(self.kpi, step.kpi.value, self.write, say))
            totals = [payoff_term(step).value + each for each in fixed]
            outcomes.append(self.outcome(when, totals))
        if self.one_for_one:
            outcomes.insert(1, self.break_even(fixed))
        return Ruling(self.swap.kpi, what, outcomes, silence_words(self.deal, say))

    @property
    def one_for_one(self) -> bool:
        """Whether the payment falls by one for each unit of the KPI, as in a swap of revenue."""
        line = self.swap.line or []
        return len(line) == 2 and all(point.kpi.value == -point.amount.value for point in line)

    def break_even(self, fixed: list[Decimal]) -> Outcome:
        words = self.say("Nobody pays: the fixed amount and the measurement are equal.")
        return Outcome(self.say("at {value}", value=self.series(fixed)), words, "even")

    def outcome(self, when: str, totals: list[Decimal]) -> Outcome:
        """What the payee gets (above zero) or pays at this point, by the least and the most of the fixed
        amounts."""
        say = self.say
        if not any(totals):
            return Outcome(when, say("Nobody pays."), "even")
        if min(totals) >= 0:
            return Outcome(
                when,
                say(
                    "{payer} pays {payee} {amount}.",
                    payer=self.payer,
                    payee=self.payee,
                    amount=self.series(totals),
                ),
                "gain",
            )
        if max(totals) <= 0:
            return Outcome(
                when,
                say(
                    "{payee} pays {payer} {amount}.",
                    payer=self.payer,
                    payee=self.payee,
                    amount=self.series([-total for total in totals]),
                ),
                "loss",
            )
        return Outcome(when, say("Either may pay, by the season."), "even")
