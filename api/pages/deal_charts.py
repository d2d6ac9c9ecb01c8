"""What the charts of a deal page draw, as JSON: numbers in units that readers know, labels in their language.

A chart is for the eye: its numbers are floats. The tables behind it are exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from api.i18n import Translator, plain
from api.models import Currency
from api.models.deployment import CurveView, KpiPeriod, KpiView, PaymentView, SettlementView
from api.models.oracle import ReportView
from api.pages.chain_words import PERIODS, coded, payment_words, y_words
from api.pages.format import Format
from finance.terms.payment_form import PaymentForm

HOLDERS = ("holders", "holder", "payee")
OPEN = ("pending", "challenged")


@dataclass(frozen=True)
class Chart:
    """`kind`: a function of charts.js; `sentence` says in words what it shows."""

    kind: str
    data: dict[str, Any]
    sentence: str


@dataclass(frozen=True)
class Formatter:
    """What is needed to write: the language's words and numbers, and the deal's currency."""

    say: Translator
    write: Format
    currency: Currency

    def major(self, minor: str | int) -> float:
        return int(minor) / 10**self.currency.decimals

    def value(self, kpi: KpiView, value: float) -> str:
        return value_words(value, kpi.unit, self.say, self.write)


def value_words(value: float, unit: str, say: Translator, write: Format) -> str:
    """A KPI value with its unit in the reader's language."""
    if unit == "fraction" or (len(unit) == 3 and unit.isupper()):
        return write.kpi(value, unit, 1 if unit == "fraction" else 2)
    return say("{number} {unit}", number=write.number(value), unit=say.deal(unit))


def tone_of(y: int, curve: CurveView) -> str:
    """Gain, loss or even for holders (or the payee) by a payoff."""
    if y == 0:
        return "even"
    return "gain" if (y > 0) == (curve.positive in HOLDERS) else "loss"


def kpi_chart(
    kpi: KpiView, settlements: Sequence[SettlementView], reports: Sequence[ReportView], formatter: Formatter
) -> Chart | None:
    """A KPI against what it decides, with what was reported and what is expected."""
    if not kpi.periods:
        return None
    return _gauge(kpi, reports, formatter) if len(kpi.periods) == 1 else _track(kpi, settlements, formatter)


def _reach(values: Sequence[float], least: float, most: float) -> tuple[float, float]:
    """A range that shows all values with some room, inside what is possible."""
    low, high = min(values), max(values)
    room = 0.18 * (high - low or abs(high) or 1.0)
    return max(low - room, least), min(high + room, most)


def _bands(kpi: KpiView, period: int) -> CurveView | None:
    """The curve that decides by a period, if it is a step."""
    found = [c for c in kpi.curves if c.kind == "step" and c.period in (None, period)]
    return found[0] if found else None


def _gauge(kpi: KpiView, reports: Sequence[ReportView], formatter: Formatter) -> Chart:
    (period,) = kpi.periods
    curve = _bands(kpi, period.period)
    tiers = curve.tiers if curve else []
    forecast = period.forecast
    observed = [
        {"value": each.value, "culprit": each.culprit is not None}
        for report in reports
        if report.in_force
        for each in report.observations
        if each.value is not None
    ]
    values = [bound for tier in tiers for bound in (tier.low, tier.high) if bound is not None]
    values += [forecast.p05, forecast.p95] if forecast else []
    values += [period.value] if period.value is not None else []
    values += [each["value"] for each in observed]
    low, high = _reach(values or [kpi.minimum, kpi.maximum], kpi.minimum, kpi.maximum)
    data = {
        "unit": kpi.unit,
        "low": low,
        "high": high,
        "tiers": [
            {
                "low": tier.low,
                "high": tier.high,
                "tone": tone_of(int(tier.y), curve),
                "label": y_words(
                    int(tier.y), curve.effect, formatter.currency, formatter.say, formatter.write
                ),
            }
            for tier in tiers
            if curve
        ],
        "forecast": forecast.model_dump(exclude={"basis"}) if forecast else None,
        "value": period.value,
        "value_label": coded(PERIODS, period.status, formatter.say)[0] if period.value is not None else "",
        "observations": observed,
    }
    return Chart("gauge", data, _sentence(kpi, period, formatter))


def _sentence(kpi: KpiView, period: KpiPeriod, formatter: Formatter) -> str:
    say, title = formatter.say, formatter.say.deal(kpi.title)
    words = [
        say("{kpi} has not been reported.", kpi=title)
        if period.value is None
        else say(
            "{kpi} reported: {value} ({status}); each node's reading is a thin line.",
            kpi=title,
            value=formatter.value(kpi, period.value),
            status=coded(PERIODS, period.status, say)[0],
        )
    ]
    if period.forecast is not None:
        words.append(
            say(
                "Expected is {median}; nine times in ten it lies between {low} and {high} (grey line).",
                median=formatter.value(kpi, period.forecast.p50),
                low=formatter.value(kpi, period.forecast.p05),
                high=formatter.value(kpi, period.forecast.p95),
            )
        )
    words.append(say("The coloured ranges are what decides."))
    return " ".join(words)


def _track(kpi: KpiView, settlements: Sequence[SettlementView], formatter: Formatter) -> Chart:
    say, write = formatter.say, formatter.write
    values: list[float] = []
    for period in kpi.periods:
        values += [period.value] if period.value is not None else []
        values += [period.forecast.p05, period.forecast.p95] if period.forecast else []
    level = [
        {"start": each.start, "end": each.end, "value": formatter.major(each.fixed)}
        for each in settlements
        if _one_for_one(kpi)
    ]
    values += [each["value"] for each in level]
    fixed = {each.period: formatter.major(each.fixed) for each in settlements} if level else {}
    steps = [(period, curve) for period in kpi.periods if (curve := _bands(kpi, period.period))]
    values += [
        bound
        for _, curve in steps
        for tier in curve.tiers
        for bound in (tier.low, tier.high)
        if bound is not None
    ]
    low, high = _reach(values or [kpi.minimum, kpi.maximum], kpi.minimum, kpi.maximum)
    known = [period for period in kpi.periods if period.value is not None]
    data = {
        "unit": kpi.unit,
        "periods": [
            {
                "start": period.start,
                "end": period.end,
                "value": period.value,
                "open": period.status in OPEN,
                "tone": _side(period, fixed),
                "p05": period.forecast.p05 if period.forecast else None,
                "p25": period.forecast.p25 if period.forecast else None,
                "p50": period.forecast.p50 if period.forecast else None,
                "p75": period.forecast.p75 if period.forecast else None,
                "p95": period.forecast.p95 if period.forecast else None,
                "title": "\n".join(
                    (
                        f"{write.day_text(period.start)} – {write.day_text(period.end - 1)}",
                        plain(formatter.value(kpi, period.value)) if period.value is not None else "",
                        coded(PERIODS, period.status, say)[0],
                    )
                ),
            }
            for period in kpi.periods
        ],
        "tiers": [
            {
                "start": period.start,
                "end": period.end,
                "low": low if tier.low is None else max(tier.low, low),
                "high": high if tier.high is None else min(tier.high, high),
                "tone": tone_of(int(tier.y), curve),
            }
            for period, curve in steps
            for tier in curve.tiers
        ],
        "level": level,
    }
    counts = {"title": say.deal(kpi.title), "known": len(known), "count": len(kpi.periods)}
    sentence = say("{title}: {known} of {count} periods are reported (dots). ", **counts)
    if any(period.forecast for period in kpi.periods):
        sentence += say(
            "The grey bands are what is expected of the others: half of the time inside the darker one, nine "
            "times in ten inside the lighter. "
        )
    if level:
        sentence += say(
            "The line is the fixed amount of the swap: below it (blue) the project is paid, above it "
            "(orange) it pays."
        )
    return Chart("track", data, sentence)


def _side(period: KpiPeriod, fixed: dict[int, float]) -> str | None:
    """Whether a period's value makes the project receive or pay, where a fixed amount divides them."""
    if period.value is None or period.period not in fixed:
        return None
    return "gain" if period.value < fixed[period.period] else "loss"


def _one_for_one(kpi: KpiView) -> bool:
    """Whether a swap pays one less for each unit of the KPI, so that nobody pays at its fixed amount."""
    line = next((curve.points for curve in kpi.curves if curve.kind == "linear"), [])
    return (
        len(kpi.unit) == 3
        and len(line) >= 2
        and all(point.x is not None and (int(point.y) < 0) == (point.x > 0) for point in line if int(point.y))
    )


def _sum(payment: PaymentView, formatter: Formatter) -> str:
    """What a payment is, or from what to what it may be."""
    if payment.amount is not None:
        return formatter.write.money(payment.amount, formatter.currency)
    low, high = (
        formatter.write.money(each or 0, formatter.currency, 0) for each in (payment.low, payment.high)
    )
    return formatter.say("{low} to {high}", low=low, high=high)


def payments_chart(payments: Sequence[PaymentView], formatter: Formatter) -> Chart | None:
    """Payments to holders by date. A repayment in one sum would make all others invisible; it is left out,
    and the sentence says so."""
    say = formatter.say
    rows = [each for each in payments if each.payee == "holders"]
    whole = [each for each in rows if each.kind == "redemption"]
    if not any(each.principal for each in rows if each.kind != "redemption"):  # repaid in one sum
        rows = [each for each in rows if each.kind != "redemption"]
    else:
        whole = []
    paid = sum(each.status == "paid" for each in rows)
    sentence = say("{paid} of {count} payments have been made (filled bars).", paid=paid, count=len(rows))
    nothing = sum(each.status == "nothing" for each in rows)
    if nothing:
        sentence += " " + say("{count} came to nothing (no bar).", count=nothing)
    open_ = [each for each in rows if each.amount is None and (each.low is None or each.high is None)]
    if open_:
        sentence += " " + say("What is still to come depends on revenue and is not drawn.")
    rows = [each for each in rows if each not in open_]
    if len(rows) < 2:
        return None
    data = {
        "code": formatter.currency.code,
        "rows": [
            {
                "date": each.date,
                "paid": each.status == "paid",
                "amount": formatter.major(each.amount if each.amount is not None else each.low or 0),
                "low": formatter.major(each.low) if each.low is not None else None,
                "high": formatter.major(each.high) if each.high is not None else None,
                "title": "\n".join(
                    (
                        plain(payment_words(each, say)),
                        formatter.write.day_text(each.date),
                        _sum(each, formatter),
                    )
                ),
            }
            for each in rows
        ],
    }
    if any(each.low is not None for each in rows):
        sentence += " " + say("Where a measurement decides, a line runs from the least to the most.")
    for each in whole:
        sentence += " " + say(
            "The repayment of the nominal value on {day} is not drawn.",
            day=formatter.write.day_text(each.date),
        )
    return Chart("payments", data, sentence)


def settlements_chart(
    form: PaymentForm,
    project: bool,
    settlements: Sequence[SettlementView],
    up: str,
    down: str,
    formatter: Formatter,
) -> Chart | None:
    """Amounts between two sides by period, which may go both ways. `project`: the payee is one whose revenue
    is shared out."""
    say = formatter.say
    done = [each for each in settlements if each.amount is not None]
    if not done:
        return None
    settled = [each for each in done if each.status == "settled"]
    data = {
        "code": formatter.currency.code,
        "up": plain(up),
        "down": plain(down),
        "rows": [
            {
                "date": each.pay_date,
                "amount": formatter.major(each.amount),
                "settled": each.status == "settled",
                "low": None,
                "high": None,
                "title": "\n".join(
                    (
                        say("Period {number}", number=each.period + 1),
                        formatter.write.day_text(each.pay_date),
                        formatter.write.money(each.amount, formatter.currency, 0),
                    )
                ),
            }
            for each in done
            if each.amount is not None
        ],
    }
    amounts = [int(each.amount or 0) for each in settled]
    total, missed = sum(amounts), sum(int(each.unpaid or 0) for each in settled)
    net = formatter.write.short_money(abs(total), formatter.currency)
    counts = {
        "count": len(settled),
        "ups": sum(amount > 0 for amount in amounts),
        "downs": sum(amount < 0 for amount in amounts),
        "net": say("{amount} to it", amount=net) if total >= 0 else say("{amount} from it", amount=net),
    }
    if not form.two_way:
        sentence = say(
            "{count} periods are settled; in all {net} fell due to the payee.", count=len(settled), net=net
        )
    elif not project:
        sentence = say(
            "{count} periods are settled: {ups} times an amount was due to the payee, {downs} times from it. "
            "In all {net} fell due.",
            **counts,
        )
    else:
        sentence = say(
            "{count} periods are settled: {ups} times an amount was due to the project, {downs} times from "
            "it. In all {net} fell due.",
            **counts,
        )
    if missed:
        sentence += " " + say(
            "Of these amounts {missed} could not be paid on their days, and were added to what is owed.",
            missed=formatter.write.short_money(missed, formatter.currency),
        )
    return Chart("settlements", data, sentence)
