"""A bond or loan in plain words, from its terms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from api.instruments.words import (
    Outcome,
    PlainWords,
    Ruling,
    Say,
    Write,
    kpi_number,
    often,
    party,
    silence_words,
    tier_words,
)
from finance.settlement.accrual import interest
from finance.settlement.bond import payments
from finance.settlement.payoff_curve import maximum, minimum
from finance.settlement.terms import RATE_DECIMALS, Effect, Fixing, SettlementTerms, settlement_terms
from finance.terms import Deal
from finance.terms.bond import CouponStep, KpiBond, OutcomePayment
from finance.terms.payoffs import Step, steps_of
from finance.terms.tiers import TierBounds

DAY = 86_400


def bond_words(deal: Deal, say: Say, write: Write) -> PlainWords:
    """What a bond is, gives and can cost, for one unit of it."""
    return _BondWords(deal, say, write).words()


class _BondWords:
    def __init__(self, deal: Deal, say: Say, write: Write) -> None:
        self.deal, self.say, self.write = deal, say, write
        self.bond = deal.only(KpiBond)
        self.terms: SettlementTerms = settlement_terms(deal)

    def money(self, minor: int) -> str:
        amount = Decimal(minor).scaleb(-self.terms.currency_decimals)
        digits = 0 if amount == amount.to_integral_value() else 2
        return self.write.amount(amount, self.deal.currency.code, digits)

    def words(self) -> PlainWords:
        say = self.say
        issuer = party(self.deal, "issuer", say)
        nominal, price = self.money(self.terms.unit_principal), self.money(self.terms.unit_price)
        return PlainWords(
            what=say("A loan to {issuer}, cut into units of {nominal}.", issuer=issuer, nominal=nominal),
            gets=list(self.gets()),
            loses=list(self.loses()),
            rulings=[self.ruling(rule, fixing) for rule, fixing in self.rules()],
            facts=[
                (say("Size of the issue"), self.sized(self.bond.principal.value)),
                (say("Price of a unit"), price),
                (say("Interest"), say("{rate} a year", rate=" → ".join(self.rates()))),
                (say("Maturity"), self.write.day_text(self.bond.maturity.value)),
            ],
        )

    def rates(self) -> Iterator[str]:
        """The stated rates, one after the other."""
        return (self.write.plain_percent(rate) for _, _, rate in self.bond.stated_rates)

    def sized(self, amount: Decimal) -> str:
        return f"{self.deal.currency.code} {self.write.short(amount)}"

    def rules(self) -> Iterator[tuple[CouponStep | OutcomePayment, Fixing]]:
        return zip(self.bond.kpi_rules, self.terms.fixings, strict=True)

    def gets(self) -> Iterator[str]:
        say, write, terms, bond = self.say, self.write, self.terms, self.bond
        nominal = self.money(terms.unit_principal)
        first = terms.periods[0]
        rate = write.plain_percent(bond.coupon.rate.value)
        (_, first_end, _), *later = bond.stated_rates
        begins, ends = write.day_text(bond.interest_from.value), write.day_text(bond.maturity.value)
        back = [period for period in terms.periods if period.repayment]
        per_coupon = self.money(
            interest(terms.unit_principal, terms.rate, first.numerator, first.denominator)
        )
        if bond.coupon.frequency == "once":
            yield say(
                "Each unit pays {amount} interest on {end}: {rate} a year.",
                amount=per_coupon,
                end=ends,
                rate=rate,
            )
        elif len(back) == 1 and not later:
            yield say(
                "Each unit pays {amount} interest {often}, from {start} to {end}: {rate} a year, {count} "
                "payments.",
                amount=per_coupon,
                often=often(bond.coupon.frequency, say),
                start=begins,
                end=ends,
                rate=rate,
                count=len(terms.periods),
            )
        else:
            yield say(
                "Each unit pays {rate} interest a year on what is not repaid yet, {often}, from {start} to "
                "{end}.",
                rate=rate,
                often=often(bond.coupon.frequency, say),
                start=begins,
                end=write.day_text(first_end),
            )
        for start, end, rate_then in later:
            yield say(
                "From {start} to {end} the interest is {rate} a year.",
                start=write.day_text(start),
                end=write.day_text(end),
                rate=write.plain_percent(rate_then),
            )
        if len(back) == 1:
            yield say(
                "The nominal value of each unit, {nominal}, comes back on {end}.", nominal=nominal, end=ends
            )
        else:
            yield say(
                "The nominal value of each unit, {nominal}, comes back in {count} parts, from {first} to "
                "{last}.",
                nominal=nominal,
                count=len(back),
                first=write.day_text(back[0].pay_date),
                last=write.day_text(back[-1].pay_date),
            )
        yield from self.calls()
        yield from self.best()

    def calls(self) -> Iterator[str]:
        """How the issuer may end it early, if it may."""
        if self.bond.call is None:
            return
        first, *later = self.bond.call.prices
        yield self.say(
            "The issuer may repay it early, from {day} on, if it says so {days} days before: then each unit "
            "gets back what is not repaid yet at {price} of it, beside the interest to that day.",
            day=self.write.day_text(first.from_.value),
            days=self.bond.call.notice_days.value,
            price=self.write.plain_percent(first.price.value),
        )
        for each in later:
            yield self.say(
                "From {day} on it is {price}.",
                day=self.write.day_text(each.from_.value),
                price=self.write.plain_percent(each.price.value),
            )

    def best(self) -> Iterator[str]:
        """What measurements can add, if anything."""
        if not self.terms.fixings:
            return
        _, plain, high = self.reach
        if high > plain:
            yield self.say(
                "Measurements can add up to {amount} for each unit.", amount=self.money(high - plain)
            )

    def loses(self) -> Iterator[str]:
        say, terms = self.say, self.terms
        if not terms.fixings:
            yield say("Nothing is measured that could change a payment.")
        else:
            low, plain, _ = self.reach
            if low >= plain:
                yield say("No measurement can make you get less than the stated interest and nominal value.")
            else:
                yield say(
                    "Measurements can cost you up to {amount} for each unit of {nominal}: with the worst "
                    "of them you "
                    "get {low} in all, instead of {plain}.",
                    amount=self.money(plain - low),
                    nominal=self.money(terms.unit_principal),
                    low=self.money(low),
                    plain=self.money(plain),
                )
                if low < terms.unit_price:
                    yield say(
                        "That is less than the {price} a unit costs.", price=self.money(terms.unit_price)
                    )
        yield say(
            "Nobody guarantees the payments. If the issuer has not paid {grace} days after a due date, the "
            "bond is in "
            "default; {cure} days later holders can call everything due, and share what there is.",
            grace=terms.grace_seconds // DAY,
            cure=terms.cure_seconds // DAY,
        )
        yield say(
            "Before the end you get money back only by selling to another verified holder, at whatever price."
        )

    def total(self, values: Sequence[int]) -> int:
        """What a unit of the full issue is paid in all when the fixings give these values."""
        return sum(payment.per_unit for payment in payments(self.terms, self.terms.hard_cap, values))

    @property
    def reach(self) -> tuple[int, int, int]:
        """What a unit is paid in all at worst, when no measurement changes anything, and at best."""
        curves = [fixing.curve for fixing in self.terms.fixings]
        plain = [0] * len(curves)
        return (
            self.total(list(map(minimum, curves))),
            self.total(plain),
            self.total(list(map(maximum, curves))),
        )

    def ruling(self, rule: CouponStep | OutcomePayment, fixing: Fixing) -> Ruling:
        say, write = self.say, self.write
        kpi = self.deal.kpis[rule.kpi]
        period = kpi.periods[rule.period - 1]
        first, last = (write.day_text(self.terms.periods[i].pay_date) for i in (fixing.first, fixing.last))
        measured = say(
            "measured from {start} to {end}",
            start=write.day_text(period.start),
            end=write.day_text(period.end),
        )
        title = say.deal(kpi.title)
        if fixing.effect is Effect.AMOUNT:
            what = say(
                "{kpi}, {measured}. It decides a payment on {day}.", kpi=title, measured=measured, day=first
            )
        else:
            what = say(
                "{kpi}, {measured}. It decides the interest paid from {first} to {last}.",
                kpi=title,
                measured=measured,
                first=first,
                last=last,
            )
        values = [knot.y for knot in fixing.curve.knots]
        outcomes = [
            self.outcome(self.when(step, rule.kpi), value, fixing)
            for step, value in zip(steps_of(rule), values, strict=True)
        ]
        return Ruling(rule.kpi, what, outcomes, silence_words(self.deal, say))

    def when(self, step: Step, kpi: str) -> str:
        measure = self.deal.kpis[kpi]
        if isinstance(step, TierBounds):
            return tier_words(step, measure, self.say, self.write)
        return self.say("at {value}", value=kpi_number(measure, step.kpi.value, self.write, self.say))

    def outcome(self, when: str, value: int, fixing: Fixing) -> Outcome:
        """What a value of a fixing (minor units for the full issue, or a rate) means for a unit."""
        say = self.say
        if value == 0:
            return Outcome(when, say("Nothing changes."), "even")
        others = [0] * len(self.terms.fixings)
        mine = list(others)
        mine[self.terms.fixings.index(fixing)] = value
        change = self.money(abs(self.total(mine) - self.total(others)))
        tone, sign = ("gain", "+") if value > 0 else ("loss", "−")
        if fixing.effect is Effect.AMOUNT:
            whole = self.sized(Decimal(abs(value)).scaleb(-self.terms.currency_decimals))
            words = (
                say(
                    "The issuer pays {amount} more for each unit, {whole} in all.", amount=change, whole=whole
                )
                if value > 0
                else say("You get {amount} less for each unit; {whole} in all.", amount=change, whole=whole)
            )
            return Outcome(when, words, tone, sign + change)
        points = self.write.stated(Decimal(abs(value)).scaleb(4 - RATE_DECIMALS))
        words = (
            say("Interest is {points} basis points a year higher.", points=points)
            if value > 0
            else say("Interest is {points} basis points a year lower.", points=points)
        )
        return Outcome(when, words, tone, sign + change)
