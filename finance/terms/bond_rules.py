"""Rules of bonds: money, rates, schedule, repayment, and what KPIs decide in them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from math import ceil

from finance.terms.bond import CouponStep, KpiBond, OutcomePayment
from finance.terms.canonical import plain
from finance.terms.deal import Deal
from finance.terms.payoffs import payoff_name, payoff_term, steps_of
from finance.terms.problems import InputError
from finance.terms.processes import NormalProcess, SeasonalProcess, TwinProcess
from finance.terms.rule_parts import (
    MAX_DAYS,
    RATE_DECIMALS,
    Finding,
    Loc,
    count,
    money,
    parts_of,
    yearly_rate,
)
from finance.terms.schedule import (
    DAY_COUNTS,
    PERIODS_PER_YEAR,
    AccrualPeriod,
    coupon_schedule,
    days_after,
)
from finance.terms.values import NumberTerm, scaled

MAX_RULES = 32  # one bit each: contracts/instruments/BondChecks.sol
MAX_PERIODS = 240  # bounds the loops of a default: contracts/instruments/BondChecks.sol


def bonds(deal: Deal) -> Iterator[tuple[Loc, KpiBond]]:
    yield from parts_of(deal, KpiBond)


def kpi_rules(deal: Deal) -> Iterator[tuple[Loc, KpiBond, CouponStep | OutcomePayment]]:
    """Every rule by which a KPI bends a bond, with its place in the file."""
    for here, bond in bonds(deal):
        for index, step in enumerate(bond.coupon.steps or []):
            yield (*here, "coupon", "steps", str(index)), bond, step
        if bond.outcome_payment is not None:
            yield (*here, "outcome_payment"), bond, bond.outcome_payment


def schedule_of(bond: KpiBond) -> tuple[AccrualPeriod, ...] | None:
    """The coupon periods, or None where the dates do not fit, which has its own problem."""
    try:
        return bond.schedule
    except ValueError:
        return None


def amounts(deal: Deal) -> Iterator[Finding]:
    for here, bond in bonds(deal):
        for name in ("principal", "denomination"):
            yield from money(deal, (*here, name), getattr(bond, name), positive=True)
        if bond.issue_price.value <= 0:
            yield (*here, "issue_price"), "must be greater than 0 (1 is par)"
        principal, denomination = Fraction(bond.principal.value), bond.denomination.value
        if denomination > 0 and (principal / Fraction(denomination)).denominator != 1:
            yield (*here, "principal"), f"is not a multiple of the denomination {plain(denomination)}"
        if (
            scaled(Fraction(denomination) * Fraction(bond.issue_price.value), deal.currency.token_decimals)
            is None
        ):
            yield (*here, "issue_price"), "makes a price per unit finer than the currency's token can express"


def rate(deal: Deal) -> Iterator[Finding]:
    for here, bond in bonds(deal):
        coupon = (*here, "coupon")
        stated = {(*coupon, "rate"): bond.coupon.rate}
        for index, later in enumerate(bond.coupon.later_rates or []):
            stated[*coupon, "later_rates", str(index), "rate"] = later.rate
        for loc, term in stated.items():
            if term.value < 0:
                yield loc, "must not be negative"
            else:
                yield from _rate(loc, term)


def later_rates(deal: Deal) -> Iterator[Finding]:
    """Each begins with a coupon period after the first, so that no period has two rates."""
    for here, bond in bonds(deal):
        schedule, before = schedule_of(bond), bond.interest_from.value
        begins = {period.start for period in schedule or ()}
        for index, later in enumerate(bond.coupon.later_rates or []):
            loc, day = (*here, "coupon", "later_rates", str(index), "from"), later.from_.value
            if day <= before:
                yield loc, f"dates out of order: not after {before}, when the rate before begins"
            elif schedule is not None and day not in begins:
                yield loc, "no coupon period begins on that day"
            before = max(before, day)


def schedule(deal: Deal) -> Iterator[Finding]:
    for here, bond in bonds(deal):
        coupon = bond.coupon
        known = coupon.day_count in DAY_COUNTS
        if not known:
            yield (*here, "coupon", "day_count"), f"not supported: use one of {', '.join(DAY_COUNTS)}"
        if coupon.business_days != "unadjusted":
            yield (*here, "coupon", "business_days"), "not supported: use unadjusted"
        if coupon.frequency not in PERIODS_PER_YEAR:
            continue  # a malformed frequency has its own problem
        start, maturity = bond.interest_from.value, bond.maturity.value
        if not start < maturity:
            yield (*here, "maturity"), f"dates out of order: not after interest_from {start}"
            continue
        try:
            schedule = coupon_schedule(
                start, maturity, coupon.frequency, coupon.day_count if known else "30/360"
            )
        except ValueError as error:
            yield (*here, "maturity"), str(error)
            continue
        if len(schedule) > MAX_PERIODS:
            yield (
                (*here, "maturity"),
                f"{len(schedule)} coupon periods: more than {MAX_PERIODS} do not fit on chain",
            )


def amortisation(deal: Deal) -> Iterator[Finding]:
    for here, bond in bonds(deal):
        plan, here = bond.amortisation, (*here, "amortisation")
        schedule = schedule_of(bond)
        if plan is None or schedule is None:
            continue
        parts = plan.instalments if plan.kind == "schedule" else []
        wrong = [index for index, part in enumerate(parts) if not 0 < part.fraction.value <= 1]
        for index in wrong:
            loc = (*here, "instalments", str(index), "fraction")
            yield loc, "must be greater than 0 and at most 1 (0.05 is 5 % of the principal)"
        if wrong:
            continue  # their sum means nothing
        unit = Fraction(bond.denomination.value) * 10**deal.currency.token_decimals
        try:
            bond.repayments(int(unit))
        except ValueError as error:
            yield (*here, "from" if plan.kind == "linear" else "instalments"), str(error)


def dates(deal: Deal) -> Iterator[Finding]:
    for here, bond in bonds(deal):
        if not bond.issue_date.value < bond.maturity.value:
            yield (*here, "issue_date"), f"dates out of order: not before the maturity {bond.maturity.value}"
        if bond.final_maturity is not None and bond.final_maturity.value < bond.maturity.value:
            yield (*here, "final_maturity"), f"dates out of order: before the maturity {bond.maturity.value}"


def rest(deal: Deal) -> Iterator[Finding]:
    for here, bond in bonds(deal):
        for name in ("grace_days", "cure_days"):
            yield from count((*here, name), getattr(bond, name), 0, MAX_DAYS)
        yield from yearly_rate((*here, "late_rate"), bond.late_rate)
        if bond.term_readings and not _has_readings(bond):
            reason = "belong to a bond with regular coupons, no steps, and principal and outcome at maturity"
            yield (*here, "term_readings"), reason
            continue
        for index, reading in enumerate(bond.term_readings):
            periods = Fraction(reading.years.value) * PERIODS_PER_YEAR[bond.coupon.frequency]
            if periods <= 0 or periods.denominator != 1:
                yield (
                    (*here, "term_readings", str(index), "years"),
                    f"is not a whole number of {bond.coupon.frequency} periods",
                )


def _has_readings(bond: KpiBond) -> bool:
    """Whether the bond can be read as if it ran for another number of periods."""
    outcome = bond.outcome_payment
    late = outcome is None or outcome.pays == "at_maturity"
    coupon = bond.coupon
    regular = coupon.frequency != "once" and not coupon.steps and not coupon.later_rates
    return regular and late and bond.amortisation is None


def reports(deal: Deal) -> Iterator[Finding]:
    for here, bond in bonds(deal):
        if len(bond.kpi_rules) > MAX_RULES:
            yield (*here, "coupon", "steps"), f"more than {MAX_RULES} steps and outcomes do not fit on chain"
    for here, _, rule in kpi_rules(deal):
        kpi = deal.kpis.get(rule.kpi)
        if rule.kpi not in deal.kpis:
            yield (*here, "kpi"), f"unknown KPI (known: {', '.join(deal.kpis) or 'none'})"
        elif kpi is not None and rule.period > len(kpi.periods):
            yield (*here, "period"), f"the KPI has {len(kpi.periods)} period(s), counted from 1"


def payments(deal: Deal) -> Iterator[Finding]:
    for here, bond, rule in kpi_rules(deal):
        if isinstance(rule, OutcomePayment):
            if rule.pays == "on_date" and rule.date is None:
                yield (*here, "date"), "is required by `pays: on_date`"
            if rule.pays == "at_maturity" and rule.date is not None:
                yield (*here, "date"), "belongs to `pays: on_date` only"
        if isinstance(rule, CouponStep) and rule.until is not None and rule.until.value <= rule.from_.value:
            yield (*here, "until"), f"dates out of order: not after `from` {rule.from_.value}"
            continue
        schedule = schedule_of(bond)
        if schedule is not None:
            try:
                rule.reach(schedule)
            except ValueError as error:
                yield (*here, "date" if isinstance(rule, OutcomePayment) else "from"), str(error)


def payoffs(deal: Deal) -> Iterator[Finding]:
    for here, bond, rule in kpi_rules(deal):
        name = "line" if rule.tiers is None else "tiers"
        for index, step in enumerate(steps_of(rule)):
            loc = (*here, name, str(index), payoff_name(step))
            if isinstance(rule, CouponStep):
                yield from _rate(loc, payoff_term(step))
            else:
                yield from money(deal, loc, payoff_term(step))
                if rule.pays == "at_maturity" and -Fraction(payoff_term(step).value) > redeemed(deal, bond):
                    yield loc, "holders would owe more than the principal they are repaid"


def redeemed(deal: Deal, bond: KpiBond) -> Fraction:
    """What is repaid at maturity, in units of the currency; the whole principal where that is unclear.

    Each unit is repaid by itself, so what its instalments round off is repaid at maturity too.
    """
    schedule, principal = schedule_of(bond), Fraction(bond.principal.value)
    scale = 10**deal.currency.token_decimals
    unit = Fraction(bond.denomination.value) * scale
    if schedule is None or unit <= 0:
        return principal
    try:
        return principal * bond.repayments(int(unit))[-1] / unit
    except ValueError:
        return principal


def _rate(loc: Loc, term: NumberTerm) -> Iterator[Finding]:
    rate = term.value
    if abs(rate) >= 1:
        yield loc, f"looks like a percentage: rates are fractions, {plain(rate)} % is {plain(rate / 100)}"
    elif scaled(rate, RATE_DECIMALS) is None:
        yield loc, f"has more than {RATE_DECIMALS} decimals"


def coupons_stay_in_range(deal: Deal) -> Iterator[Finding]:
    """Whatever the KPIs do, no coupon period may have a rate below zero, nor one of 100 % a year or more.

    Steps of the same periods add up, to the stated rate. Each is taken at its own worst, also where one
    report decides several. Nor may what is late bear less than the coupon can: not paying would be cheaper
    than paying.
    """
    for here, bond in bonds(deal):
        schedule, stated = schedule_of(bond), [rate for _, _, rate in bond.stated_rates]
        if schedule is None or not all(0 <= rate < 1 for rate in stated):
            continue
        lowest = [bond.coupon.rate_on(period.start) for period in schedule]
        highest = list(lowest)
        last_step = [0] * len(schedule)
        for index, step in enumerate(bond.coupon.steps or []):
            rates = [payoff_term(item).value for item in steps_of(step)] or [Decimal(0)]
            try:
                first, last = step.reach(schedule)
            except ValueError:
                continue  # has its own problem, as percentages have
            if max(map(abs, rates)) >= 1:
                continue
            for period in range(first, last + 1):
                lowest[period] += min(rates)
                highest[period] += max(rates)
                last_step[period] = index
        for extreme, period in (
            (min(lowest), lowest.index(min(lowest))),
            (max(highest), highest.index(max(highest))),
        ):
            loc = (*here, "coupon", "steps", str(last_step[period]))
            if extreme < 0:
                yield loc, f"could make the coupon {plain(extreme)}, which is below zero"
            elif extreme >= 1:
                yield loc, f"could make the coupon {plain(extreme)}: rates are fractions, 1 is 100 % a year"
        if bond.late_rate.value < max(highest) < 1:
            yield (*here, "late_rate"), f"is below the coupon, which can be {plain(max(highest))}"


def dated_outcomes(deal: Deal) -> Iterator[Finding]:
    """A payment before maturity can only be taken from what holders are paid on that day."""
    for here, _, rule in kpi_rules(deal):
        if isinstance(rule, OutcomePayment) and rule.pays == "on_date":
            name = "line" if rule.tiers is None else "tiers"
            for index, step in enumerate(steps_of(rule)):
                if payoff_term(step).value < 0:
                    loc = (*here, name, str(index), "amount")
                    yield loc, "must not be negative before maturity: there is no principal to take it from"


def measured(deal: Deal) -> Iterator[Finding]:
    """What decides a bond is measured by a twin, reported, and has a process that prices one."""
    for here, _, rule in kpi_rules(deal):
        if deal.asset.twin is None:
            yield (
                ("asset", "twin"),
                "is required: KPIs decide payments (`reported` for values that a party reports)",
            )
        kpi = deal.kpis.get(rule.kpi)
        if kpi is not None and rule.kpi not in deal.oracle:
            yield ("oracle", rule.kpi), "is required: a claim depends on this KPI"
        if kpi is not None and isinstance(kpi.process, SeasonalProcess | TwinProcess):
            loc = ("kpis", rule.kpi, "process", "kind")
            yield loc, f"prices no bond, and {'.'.join(here)} depends on this KPI"


def call(deal: Deal) -> Iterator[Finding]:
    """Each price begins on a pay date before the maturity, and is no higher than the one before."""
    for here, bond in bonds(deal):
        if bond.call is None:
            continue
        here = (*here, "call")
        yield from count((*here, "notice_days"), bond.call.notice_days, 1, MAX_DAYS)
        schedule, day, price = schedule_of(bond), None, None
        ends = [period.end for period in schedule or ()]
        for index, each in enumerate(bond.call.prices):
            loc, begins, now = (*here, "prices", str(index)), each.from_.value, each.price.value
            if day is not None and begins <= day:
                yield (*loc, "from"), f"dates out of order: not after {day}, when the price before begins"
            elif ends and begins not in ends[:-1]:
                yield (*loc, "from"), "is not a pay date of the coupon before the maturity"
            if not 1 <= now < 2:
                yield (*loc, "price"), "must be at least 1 and below 2: a fraction, 102 % is 1.02"
            elif scaled(now, RATE_DECIMALS) is None:
                yield (*loc, "price"), f"has more than {RATE_DECIMALS} decimals"
            elif price is not None and now > price:
                yield (*loc, "price"), f"is above the price before, {plain(price)}: waiting may not cost more"
            day, price = begins, now


def calls_cover_kpis(deal: Deal) -> Iterator[Finding]:
    """Laws 4 and 5: an issuer may not escape by a call what KPIs decide, be it settled, pending or not yet
    measured. So the price of each pay date pays, beside the principal, at least the most that they could add
    to all later payments."""
    for here, bond in bonds(deal):
        if bond.call is None or not bond.kpi_rules:
            continue
        try:
            prices, most = bond.call_prices, _most_added(deal, bond)
            unit = int(Fraction(bond.denomination.value) * 10**deal.currency.token_decimals)
            back = bond.repayments(unit)
        except (ValueError, KeyError, ZeroDivisionError):
            continue  # has its own problem
        for number, (first, price) in enumerate(prices):
            until = prices[number + 1][0] if number + 1 < len(prices) else len(back) - 1
            needed = max(
                (Fraction(sum(most[i + 1 :]), sum(back[i:])) for i in range(first, until)), default=0
            )
            if price - 1 < needed:
                least = 1 + Fraction(ceil(needed * 10**6), 10**6)
                loc = (*here, "call", "prices", str(number), "price")
                yield (
                    loc,
                    "the issuer could call the bond to escape what KPIs may still add to later payments: "
                    f"at least {float(least):.7g} is needed",
                )


def _most_added(deal: Deal, bond: KpiBond) -> list[int]:
    """The most that KPIs can add to what a unit is paid for each period, above the stated coupon, in minor
    units: each part rounded up, as contracts/instruments/BondChecks.sol does."""
    scale = 10**deal.currency.token_decimals
    unit = int(Fraction(bond.denomination.value) * scale)
    units = Fraction(bond.principal.value) * scale / unit
    schedule, back = bond.schedule, bond.repayments(unit)
    amounts, rates = [0] * len(schedule), [Fraction(0)] * len(schedule)
    for rule in bond.kpi_rules:
        first, last = rule.reach(schedule)
        values = [Fraction(payoff_term(step).value) for step in steps_of(rule)]
        if isinstance(rule, OutcomePayment):
            missing = deal.oracle[rule.kpi].missing.amount
            best = max([*values, *([Fraction(missing.value)] if missing is not None else [])])
            amounts[first] += int(best * scale // units) + 1 if best > 0 else 0
            continue
        for index in range(first, last + 1):
            rates[index] += max(values)
    left = unit
    for index, period in enumerate(schedule):
        if rates[index] > 0:
            amounts[index] += int(left * rates[index] * period.years) + 1
        left -= back[index]
    return amounts


def trends(deal: Deal) -> Iterator[Finding]:
    """The mean of the last report must be one that the oracle would take. It runs straight, so if it is for
    the first and the last bond to begin, it is for all."""
    begins = [bond.interest_from.value for _, bond in bonds(deal)]
    for key, kpi in deal.kpis.items():
        process = kpi.process
        if not isinstance(process, NormalProcess) or process.trend is None:
            continue
        if process.mean is not None:
            mean = Fraction(process.mean.value)
        elif process.interval is not None:
            mean = Fraction(process.interval.low.value + process.interval.high.value) / 2
        else:
            continue
        for begin in sorted({min(begins), max(begins)} if begins else ()):
            end = kpi.periods[-1].end
            years = Fraction((end - begin).days, 365)
            moved = mean + Fraction(process.trend.value) * years
            if not kpi.bounds.minimum.value <= moved <= kpi.bounds.maximum.value:
                loc = ("kpis", key, "process", "trend")
                yield loc, f"moves the mean to {float(moved):.4g} by {end}, outside the KPI's bounds"


def deadlines(deal: Deal) -> Iterator[Finding]:
    """The report must be settled by the first pay date that needs it: KpiOracle ends all disputes of a period
    once its four windows have passed."""
    for here, bond, rule in kpi_rules(deal):
        if rule.kpi not in deal.kpis or rule.kpi not in deal.oracle:
            continue
        periods, policy, schedule = deal.kpis[rule.kpi].periods, deal.oracle[rule.kpi], schedule_of(bond)
        if rule.period > len(periods) or schedule is None:
            continue
        windows = (policy.reporting_days, policy.late_days, policy.dispute_days, policy.ruling_days)
        if any(scaled(window.value, 0) is None or not 0 <= window.value <= MAX_DAYS for window in windows):
            continue
        try:
            needed = schedule[rule.reach(schedule)[0]].end
        except ValueError:
            continue
        end = periods[rule.period - 1].end
        settled = days_after(end, 1 + sum(int(window.value) for window in windows))
        if settled > needed:
            at_maturity = needed == bond.maturity.value
            loc = ("parts", here[1], "maturity") if at_maturity else (*here, "period")
            reason = f"dates out of order: the KPI of the period to {end} may be settled as late as {settled}"
            yield loc, reason if at_maturity else f"{reason}, after the pay date {needed} that needs it"


def _controller(deal: Deal, bond: str) -> str | None:
    """Which side of a bond controls the data; None where its issuer is not known, its own problem."""
    try:
        return deal.controller_of(bond)
    except (InputError, KeyError):
        return None


def silence(deal: Deal) -> Iterator[Finding]:
    """Law 4: a missing report costs whoever controls the data at least as much as any report could."""
    for there, bond, rule in kpi_rules(deal):
        missing = deal.oracle[rule.kpi].missing if rule.kpi in deal.oracle else None
        if missing is None or missing.rule != "amount" or missing.amount is None:
            continue
        here = ("oracle", rule.kpi, "missing")
        if isinstance(rule, CouponStep):
            yield (*here, "rule"), "a coupon step needs the rule worst_for_data_controller"
            continue
        loc, value = (*here, "amount"), missing.amount.value
        amounts = [payoff_term(step).value for step in steps_of(rule)]
        controller = _controller(deal, there[1])
        if controller == "issuer" and value < max(amounts):
            yield (
                loc,
                "silence would pay the issuer, who controls the data: "
                f"at least {plain(max(amounts))} is needed",
            )
        if controller == "holders" and value > min(amounts):
            yield (
                loc,
                "silence would pay the holders, who control the data: "
                f"at most {plain(min(amounts))} is allowed",
            )
        if -Fraction(value) > (redeemed(deal, bond) if rule.pays == "at_maturity" else 0):
            yield loc, "holders would owe more than the principal they are repaid"


RULES = (
    amounts,
    rate,
    later_rates,
    schedule,
    amortisation,
    dates,
    rest,
    measured,
    trends,
    reports,
    payments,
    payoffs,
    coupons_stay_in_range,
    dated_outcomes,
    deadlines,
    silence,
    call,
    calls_cover_kpis,
)
