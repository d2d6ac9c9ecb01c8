"""The sections of a deal page, put together for its template: tables as rows of cells, charts, words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from api.i18n import Translator
from api.instruments.words import Ruling
from api.models import Trace
from api.models.deployment import KpiView, PaymentView, SettlementView
from api.models.oracle import LeftOut, ReportView
from api.pages.chain_words import PAID, PERIODS, SETTLED, VERDICTS, coded, payment_words
from api.pages.deal_charts import Chart, Formatter, kpi_chart, payments_chart, settlements_chart
from api.pages.format import short_hash
from finance.terms.deal import Deal
from finance.terms.payment_form import PaymentForm
from finance.terms.sections import Kpi

Row = list[Any]
NEAR = 4
"""Payments made that are shown above the fold; as many to come."""
REPORTS = 3


@dataclass(frozen=True)
class KpiSection:
    """A KPI: what it decides, its chart, and the table behind it."""

    view: KpiView
    terms: Kpi
    rulings: Sequence[Ruling]
    chart: Chart | None
    rows: Sequence[Row]
    basis: str | None


def kpi_section(
    deal: Deal,
    view: KpiView,
    rulings: Sequence[Ruling],
    settlements: Sequence[SettlementView],
    reports: Sequence[ReportView],
    formatter: Formatter,
    ui: Any,
) -> KpiSection:
    rows = []
    for period in view.periods:
        status = coded(PERIODS, period.status, formatter.say)
        f = period.forecast
        measured = (
            ""
            if period.value is None
            else ui.figure_with_trace(formatter.value(view, period.value), period.trace)
        )
        expected = formatter.value(view, f.p50) if f and period.value is None else ""
        range_ = f"{formatter.value(view, f.p05)} – {formatter.value(view, f.p95)}" if expected and f else ""
        span = f"{formatter.write.day_text(period.start)} – {formatter.write.day_text(period.end - 1)}"
        rows.append([span, ui.badge(*status), measured, expected, range_])
    basis = next((period.forecast.basis for period in view.periods if period.forecast), None)
    chart = kpi_chart(view, settlements, [r for r in reports if r.kpi == view.kpi], formatter)
    mine = [ruling for ruling in rulings if ruling.kpi == view.kpi]
    return KpiSection(view, deal.kpis[view.kpi], mine, chart, rows, basis)


@dataclass(frozen=True)
class PaymentSection:
    """Payments to holders: all of them behind the chart, and those near today."""

    chart: Chart | None
    columns: Sequence[tuple[str, str]]
    rows: Sequence[Row]
    near: Sequence[Row]


def payment_section(payments: Sequence[PaymentView], formatter: Formatter, ui: Any) -> PaymentSection | None:
    mine = [each for each in payments if each.payee == "holders"]
    if not mine:
        return None
    say = formatter.say
    columns = [
        (say("What is paid"), "text"),
        (say("Date"), "text"),
        (say("Amount"), "number"),
        (say("For a unit"), "number"),
        (say("Status"), "text"),
    ]
    rows = [_payment(each, formatter, ui) for each in mine]
    done = sum(each.trace is not None for each in mine)
    near = rows[max(0, done - NEAR) : done + NEAR]
    return PaymentSection(payments_chart(payments, formatter), columns, rows, near)


def _payment(each: PaymentView, formatter: Formatter, ui: Any) -> Row:
    write, currency, say = formatter.write, formatter.currency, formatter.say
    if each.amount is not None:
        amount: Any = ui.figure_with_trace(write.money(each.amount, currency), each.trace)
    elif each.low is not None and each.high is not None:
        amount = say(
            "{low} to {high}",
            low=write.money(each.low, currency, 0),
            high=write.money(each.high, currency, 0),
        )
    else:
        amount = say("by what is left")
    per_unit = (
        write.money(each.per_unit, currency, 4 if abs(int(each.per_unit)) < 10**currency.decimals else 2)
        if each.per_unit
        else ""
    )
    return [
        payment_words(each, say),
        write.day(each.date),
        amount,
        per_unit,
        ui.badge(*coded(PAID, each.status, say)),
    ]


@dataclass(frozen=True)
class SettlementSection:
    """`title`: what the payments are; `due`: the column of what a period makes due, and to whom."""

    title: str
    due: str
    chart: Chart | None
    rows: Sequence[Row]


def settlement_section(
    form: PaymentForm | None,
    project: bool,
    settlements: Sequence[SettlementView],
    kpi: KpiView | None,
    up: str,
    down: str,
    formatter: Formatter,
    ui: Any,
) -> SettlementSection | None:
    if not settlements or form is None:
        return None
    write, say = formatter.write, formatter.say
    rows = []
    for each in settlements:
        value = "" if each.kpi is None or kpi is None else formatter.value(kpi, each.kpi)
        amount = "" if each.amount is None else ui.money(each.amount, formatter.currency, True, 0)
        missed = "" if each.unpaid is None else write.money(each.unpaid, formatter.currency, 0)
        status = "owed" if int(each.unpaid or 0) else each.status
        rows.append(
            [
                say("Period {number}", number=each.period + 1),
                write.day(each.pay_date),
                say("none reported") if each.missing else value,
                write.money(each.fixed, formatter.currency, 0),
                ui.figure_with_trace(amount, each.trace) if amount else "",
                missed,
                ui.badge(*coded(SETTLED, status, say)),
            ]
        )
    due = say("Due to the project") if project else say("Due to the payee")
    title = say("Swap payments") if form.is_swap else say("Payments by period")
    chart = settlements_chart(form, project, settlements, up, down, formatter)
    return SettlementSection(title, due, chart, rows)


# -- reports


@dataclass(frozen=True)
class DisputeWords:
    tone: str
    title: str
    words: str
    traces: Sequence[tuple[str, Trace]]


@dataclass(frozen=True)
class ReportSection:
    """A report for readers. `final`: when it becomes or became final, with a note."""

    view: ReportView
    title: str
    status: tuple[str, str]
    value: Any
    settled: str | None
    final: Any
    final_note: str | None
    dispute: DisputeWords | None
    observations: Sequence[Row]
    left_out: Sequence[str] = field(default_factory=list)


def report_section(
    deal: Deal, kpi: KpiView, view: ReportView, formatter: Formatter, ui: Any
) -> ReportSection:
    say, write = formatter.say, formatter.write
    measured = kpi.periods[view.period]
    title = say(
        "{kpi}, {start} to {end}",
        kpi=say.deal(kpi.title),
        start=write.day_text(measured.start),
        end=write.day_text(measured.end - 1),
    )
    if view.version:
        title = say("{title} (version {number})", title=title, number=view.version + 1)
    settled = (
        formatter.value(kpi, view.settled)
        if view.settled is not None and view.settled != view.value
        else None
    )
    note = say("can be challenged until then") if view.can_challenge else None
    return ReportSection(
        view=view,
        title=title,
        status=coded(PERIODS, view.status, say),
        value=ui.figure_with_trace(formatter.value(kpi, view.value), view.trace),
        settled=settled,
        final=write.day(view.final_at) if view.status in ("pending", "final") else "–",
        final_note=note,
        dispute=_dispute(kpi, view, formatter),
        observations=[
            [
                ui.address(each.signer, say("Node {number}", number=each.signer_index + 1)),
                "" if each.value is None else formatter.value(kpi, each.value),
                write.day(each.observed_at) if each.observed_at else "",
                _evidence(each.evidence, each.href, ui),
            ]
            for each in view.observations
        ],
        left_out=[
            say("{what}: {about}", what=_node(each, say), about=say.deal(each.reason))
            for each in view.left_out
        ],
    )


def _node(left: LeftOut, say: Translator) -> str:
    if left.signer_index is not None:
        return say("Node {number}", number=left.signer_index + 1)
    return left.url or left.signer or "–"


def _evidence(root: str | None, href: str | None, ui: Any) -> Any:
    if root is None:
        return ""
    return ui.link(href, short_hash(root)) if href else short_hash(root)


def _dispute(kpi: KpiView, view: ReportView, formatter: Formatter) -> DisputeWords | None:
    say, write = formatter.say, formatter.write
    found = view.dispute
    if found is None:
        return None
    traces = [(say("Challenged on"), found.challenged)]
    if found.ruling is not None:
        traces.append((say("Ruled on"), found.ruling))
    who = short_hash(found.challenger)
    if found.status == "open":
        words = say(
            "{who} has staked {bond} that this value is wrong. The panel rules until {day}.",
            who=who,
            bond=write.money(found.bond, formatter.currency),
            day=write.day_text(found.rule_until),
        )
        return DisputeWords("wait", say("Challenged."), words, traces)
    if found.status == "restated":
        words = say(
            "The report was replaced; {credited} go back to {who}.",
            who=who,
            credited=write.money(found.credited or 0, formatter.currency),
        )
        return DisputeWords("good", say("Corrected by the nodes"), words, traces)
    if found.status == "silent":
        words = say(
            "The panel did not rule in time. The report stands, and the stake goes back to {who}.", who=who
        )
        return DisputeWords("", say("Challenge without a ruling."), words, traces)
    title = coded(VERDICTS, found.verdict or "", say)[0]
    if found.verdict == "stands":
        words = say(
            "The challenge failed; {who} loses the stake of {bond}.",
            who=who,
            bond=write.money(found.bond, formatter.currency),
        )
        return DisputeWords("", title, words, traces)
    value = "" if found.ruled is None else formatter.value(kpi, found.ruled)
    words = say(
        "{who} was right: {credited} go to the challenger, stake and reward together.",
        who=who,
        credited=write.money(found.credited or 0, formatter.currency),
    )
    return DisputeWords("good", f"{title}{': ' if value else ''}{value}", words, traces)


def earlier_rows(sections: Sequence[ReportSection]) -> list[Row]:
    """The reports below the fold, as a table."""
    return [
        [each.title, _badge(each), each.value, each.settled or "", short_hash(each.view.evidence)]
        for each in sections
    ]


def _badge(each: ReportSection) -> str:
    return each.status[0]
