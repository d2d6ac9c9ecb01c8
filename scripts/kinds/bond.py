"""What the commands do for a bond."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Final

from finance.terms.bond import KpiBond
from scripts.kinds import offered
from scripts.options import KpiModel, Outputs

if TYPE_CHECKING:
    import pandas as pd

    from finance.pricing.study import Study
    from finance.terms import Deal

TITLE: Final = "bond"
LIVED: Final = "scripts.kinds.bond_lived"


def price(
    deal: Deal,
    kpi: KpiModel,
    discount: float | None,
    sample: Path | None,
    seed: int | None,
    at: datetime | None,
    settled: Path | None,
    outputs: Outputs,
) -> None:
    """Price, yields, tier probabilities and the expected outcome; or what a unit is worth on a day."""
    from finance.terms import InputError
    from scripts.console import command_line, show, show_json, working

    outputs.checked()
    if sample is not None and kpi is not KpiModel.TWIN:
        raise InputError("--sample: needs --kpi twin")
    if at is not None:
        if seed is not None or replace(outputs, json=False) != Outputs():
            raise InputError(
                "--at: is a closed form, printed as a table or by --json: without other files or --seed"
            )
        _worth(deal, kpi, discount, sample, at.date(), settled, outputs.json)
        return
    if settled is not None:
        raise InputError("--settled: needs --at, a day")
    with working(f"Pricing {_name(deal)}"):
        from finance.pricing.value import DEFAULT_SEED
        from finance.pricing.value import price as value
        from finance.report.files import save_csv
        from finance.report.tables import beside_table, inputs_table, valuation_frame, valuation_tables

        used_seed = DEFAULT_SEED if seed is None else seed
        valuation = value(deal, kpi.value, discount, used_seed, sample)
        if outputs.csv is not None:
            save_csv(valuation_frame(valuation), outputs.csv)
        if outputs.xlsx is not None:
            from finance.report.workbook import save_workbook

            save_workbook(valuation, outputs.xlsx)
        if outputs.plot is not None:
            from finance.report.plots import save_payoff_plot

            save_payoff_plot(valuation, outputs.plot)
        if outputs.html is not None:
            from finance.report.page import save_page

            save_page(valuation, outputs.html, command_line())
        tables = valuation_tables(valuation)
        if kpi is KpiModel.TWIN:
            tables.append(beside_table([value(deal, "interval", discount, used_seed), valuation]))
    if outputs.json:
        show_json(valuation.to_dict())
    else:
        show(*tables, inputs_table(deal, only_assumed=True))


def _worth(
    deal: Deal,
    kpi: KpiModel,
    rate: float | None,
    sample: Path | None,
    day: date,
    file: Path | None,
    json: bool,
) -> None:
    """What one unit has been worth since issue, as the oracle's method unit-value/1 has it."""
    from finance.pricing.prepared import PreparedBond
    from finance.pricing.value import deal_expectation
    from finance.pricing.worth import stated_reports, unit_value
    from finance.report.table import Table
    from oracle.methods.settled_table import read_settled_file
    from scripts.console import show, show_json

    bond = PreparedBond.of(deal)
    known = stated_reports(deal, bond.claim.kpis) if file is None else read_settled_file(file, deal.kpis)
    found = unit_value(bond, known, day, rate, deal_expectation(deal, kpi.value, sample))
    money = {"unit_value": found.worth, "paid": found.paid, "coming": found.coming}
    live = {"dirty": found.live.dirty, "clean": found.live.clean, "accrued": found.live.accrued}
    if json:
        about = {"deal": deal.id, "terms_hash": deal.terms_hash, "day": day.isoformat()}
        exact = {"unit_value": str(found.worth), "paid": str(found.paid), "coming": found.coming}
        show_json({**about, **exact, **live, "discount_yield": found.live.rate})
        return
    code, places = deal.currency.code, deal.currency.minor_units
    rows = [(f"{name.replace('_', ' ')}, {code}", f"{amount:,.{places}f}") for name, amount in money.items()]
    rows += [
        (f"{name}, per 100 outstanding", f"{price:.4f}") for name, price in live.items() if price is not None
    ]
    show(
        Table(
            f"{bond.claim.name}: a unit at the end of {day}",
            ("measure", "value"),
            tuple(rows),
            frozenset({"value"}),
            (
                f"Paid by then, and coming at a yield of {100 * found.live.rate:g} %: the price of a unit "
                "now is the unit value less what its token has earned per unit.",
                "Reports: " + ("those that the deal file states." if file is None else f"{file}."),
            ),
        )
    )


def cashflows(deal: Deal, kpi: KpiModel, discount: float | None, outputs: Outputs) -> None:
    """Per tier and expected, seen by the holders."""
    from scripts.console import show, show_json, working

    outputs.checked()
    with working(f"Cash flows of {_name(deal)}"):
        from finance.pricing.value import plain_rows, price
        from finance.report.files import save_csv
        from finance.report.tables import cashflow_table, inputs_table

        valuation = price(deal, kpi.value, discount)
        if outputs.csv is not None:
            save_csv(valuation.cashflows, outputs.csv)
        if outputs.xlsx is not None:
            from finance.report.workbook import save_workbook

            save_workbook(valuation, outputs.xlsx)
        if outputs.plot is not None:
            from finance.report.plots import cashflow_figure
            from finance.report.style import save

            save(cashflow_figure(valuation), outputs.plot, deal.title)
    if outputs.json:
        show_json(plain_rows(valuation.payments))
    else:
        show(cashflow_table(valuation), inputs_table(deal, only_assumed=True))


def compare(
    deal: Deal, error: float | None, reports: int, risk_price: float, rate: float | None, outputs: Outputs
) -> None:
    """The cost of capital with and without data."""
    from finance.terms import InputError
    from scripts.console import show, show_json, working

    name = deal.file or deal.id
    outputs.checked()
    with working(f"Comparing {_name(deal)} with and without data"):
        import pandas as pd

        from finance.pricing.study import data_prior, deal_cost_of_capital
        from finance.report.files import save_csv
        from finance.report.studies import capital_table

        try:
            data_prior(deal)  # first: where no data help, their error helps nobody either
            if error is None:
                raise InputError("--error: is required of a bond: the sd of a report's error")
            found = deal_cost_of_capital(deal, risk_price, error, reports, rate)
        except InputError as problem:
            raise InputError(f"{name}: {problem}") from None
        if outputs.csv is not None:
            columns = {"without_data": asdict(found.without), "with_data": asdict(found.with_data)}
            save_csv(pd.DataFrame(columns).rename_axis("measure"), outputs.csv, index=True)
        if outputs.xlsx is not None:
            from finance.report.workbook import save_capital_workbook

            save_capital_workbook(found, deal, outputs.xlsx)
    if outputs.json:
        show_json({"deal": deal.id, "terms_hash": deal.terms_hash, **asdict(found), "saving": found.saving})
    else:
        show(capital_table(found))


def sensitivity(
    deal: Deal,
    at: datetime | None,
    rate: float | None,
    spread: float,
    quote: float | None,
    kpi: KpiModel,
    report: list[float] | None,
    error: float | None,
    outputs: Outputs,
) -> None:
    """Prices at a date, spreads, KPI delta and vega, fair coupon, reports."""
    from finance.terms.problems import InputError
    from scripts.console import show, show_json, working

    outputs.checked()
    if report and error is None:
        raise InputError("--report: needs --error, the standard deviation of a report's error")
    if error is not None and not report:
        raise InputError("--error: needs --report, a KPI report that has arrived")
    with working(f"Studying {_name(deal)}"):
        from finance.pricing.study import DateError, price_curves, study
        from finance.pricing.value import deal_expectation
        from finance.report.files import save_csv
        from finance.report.studies import payments_table, reports_table, save_study_plot, study_table
        from finance.report.tables import inputs_table

        day = at.date() if at else None
        if day is not None:
            _check_known(deal, day)
        outlook = deal_expectation(deal, kpi.value)
        used = float(deal.only(KpiBond).coupon.rate.value) if rate is None else rate
        try:
            found = study(deal, outlook, used, spread, day, quote)
        except DateError as problem:
            raise InputError(f"--at {problem}") from None
        tables, content = [study_table(found), payments_table(found)], found.to_dict()
        path = _reports(found, report, error) if report and error is not None else None
        if path is not None:
            tables.append(reports_table(path, deal.kpis[found.flows.kpi_flows[0].kpi]))
            content["reports"] = path.astype(object).where(path.notna(), None).to_dict(orient="records")
        if outputs.csv is not None:
            save_csv(price_curves(found), outputs.csv)
        if outputs.xlsx is not None:
            from finance.report.workbook import save_study_workbook

            save_study_workbook(found, outputs.xlsx, path)
        if outputs.plot is not None:
            save_study_plot(found, outputs.plot)
    if outputs.json:
        show_json(content)
    else:
        show(*tables, inputs_table(deal, only_assumed=True))


def _name(deal: Deal) -> str:
    return deal.file.name if deal.file else deal.id


def _reports(found: Study, reports: list[float], error: float) -> pd.DataFrame:
    """The outcome's price before and after each of `reports`."""
    from finance.pricing.data_value import price_path
    from finance.pricing.engine import joint_report
    from finance.pricing.measures import weights
    from finance.terms.problems import InputError
    from finance.terms.rule_parts import outside_bounds

    joint = joint_report(found.flows)
    if joint is None or found.process is None:
        raise InputError("--report: needs a claim that one KPI report decides")
    kpi = found.deal.kpis[found.flows.kpi_flows[0].kpi]
    for value in reports:
        low, high = kpi.bounds.minimum.value, kpi.bounds.maximum.value
        if not isfinite(value):
            raise InputError(f"--report = {value:g}: must be a finite number")
        if not low <= value <= high:
            raise InputError(f"--report = {value:g}: {outside_bounds(kpi, Decimal(str(value)))}")
    worth = float(weights(found.flows, found.market, found.settle)[1] @ joint)
    left = found.flows.outstanding(found.settle)
    return price_path(found.flows.kpi_flows[0], found.process, reports, error, worth, left)


def _check_known(terms: Deal, day: date) -> None:
    """Raise InputError when a payment after `day` hangs on a KPI that has been measured by then."""
    from finance.pricing.flows import deal_flows
    from finance.terms.problems import InputError

    for flow in deal_flows(terms).kpi_flows:
        if flow.observed <= day < flow.paid:
            raise InputError(
                f"--at {day}: the KPI is observed by {day} (on {flow.observed}), and the deal file does not "
                "hold its report: take an earlier date"
            )


# -- on a chain


def about(deal: Deal) -> Iterator[tuple[str, str]]:
    """What was agreed."""
    from chain.network import when
    from finance.report.text import counted, percent, token_money
    from finance.settlement.terms import SECONDS_PER_DAY, settlement_terms

    terms = settlement_terms(deal)
    issue = token_money(terms.unit_principal * terms.hard_cap, deal.currency)
    first, last = terms.periods[0].pay_date, terms.periods[-1].pay_date
    paid = when(first) if first == last else f"{when(first)} to {when(last)}"
    rates = ", then ".join(percent(float(rate)) for _, _, rate in deal.only(KpiBond).stated_rates)
    bent = f", bent by {counted(len(terms.fixings), 'report')}" if terms.fixings else ""
    yield (
        "agreed",
        f"{terms.name}: {issue} at {rates}, {counted(len(terms.periods), 'coupon')}, paid {paid}{bent}",
    )
    grace, cure = (seconds // SECONDS_PER_DAY for seconds in (terms.grace_seconds, terms.cure_seconds))
    yield (
        "default",
        f"{counted(grace, 'day')} after a payment was due, to be cured within {counted(cure, 'day')}",
    )
    yield "offering", offered(terms, deal.currency)
