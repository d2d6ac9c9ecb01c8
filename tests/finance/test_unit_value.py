"""The worth of a unit since issue: QuantLib's price, coupons by hand, no jump on a pay date, silence."""

from __future__ import annotations

import json
import random
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from finance.pricing.prepared import PreparedBond
from finance.pricing.worth import SettledReport, settled_by, stated_reports, unit_value
from finance.settlement.bond import replay
from finance.terms import InputError
from finance.terms.bond import KpiBond
from finance.terms.schedule import day_after, unix
from scripts.cli import main
from tests.finance.deal_variants import BOOK, book_deal, file_of
from tests.finance.test_one_price import a_day_before, fixed_bond, quantlib_dirty, random_bond

DC, KEY = "dc-water-eib-2016", ("runoff-reduction", 0)
FINAL = unix(date(2021, 1, 20))
DAY = timedelta(days=1)


def dc() -> PreparedBond:
    return PreparedBond.of(book_deal(DC))


def final(value: int | None, at: int = FINAL) -> dict[tuple[str, int], SettledReport]:
    return {KEY: SettledReport(at, value)}


def test_a_fixed_bond_by_hand() -> None:
    """Two years of 4 % twice a year on 10,000: after a year and a half, 600 were paid and 10,200 come."""
    bond = PreparedBond.of(fixed_bond(date(2024, 3, 1), date(2026, 3, 1), "semiannual", "30/360", "0.04"))
    found = unit_value(bond, {}, date(2025, 9, 1))
    assert (found.paid, found.coming) == (Decimal(600), pytest.approx(10_000, abs=1e-9))
    middle = unit_value(bond, {}, date(2025, 12, 1))
    assert (middle.paid, middle.coming) == (Decimal(600), pytest.approx(10_200 * 1.02**-0.5, abs=1e-9))
    assert middle.worth == middle.paid + Decimal(repr(middle.coming))


def test_fixed_bonds_are_quantlibs_price_and_what_was_paid(seed: int) -> None:
    """Schedules of every frequency and day count; coupons by the exact fraction of the year, rounded down."""
    rng = random.Random(seed)
    for _ in range(60):
        deal = random_bond(rng)
        terms = deal.only(KpiBond)
        day, rate = a_day_before(terms.maturity.value, deal, rng), rng.uniform(-0.02, 0.15)
        found = unit_value(PreparedBond.of(deal), {}, day, rate)
        assert found.coming == pytest.approx(100 * quantlib_dirty(deal, day, rate), abs=1e-5), (
            terms,
            day,
            rate,
        )
        coupons = [p for p in terms.schedule if p.end <= day]
        by_hand = sum(10_000 * float(terms.coupon.rate.value) * p.numerator / p.denominator for p in coupons)
        assert float(found.paid) == pytest.approx(by_hand, abs=2e-6 * (1 + len(coupons)))


@pytest.mark.parametrize("name", BOOK)
def test_no_payment_makes_it_jump(name: str) -> None:
    """The day before a payment it is what it is on the day, but for a day's discount of what then comes."""
    bond = PreparedBond.of(book_deal(name))
    reports = stated_reports(bond.deal, bond.claim.kpis)
    flows = bond.flows
    for end in flows.dates:
        before, after = (unit_value(bond, reports, day) for day in (end - DAY, end))
        assert settled_by(bond, reports, end - DAY).keys() == settled_by(bond, reports, end).keys()
        passed = flows.clock.time(end) - flows.clock.time(end - DAY)
        discount = (1 + bond.coupon / flows.frequency) ** (-flows.frequency * passed)
        comes = float(after.paid - before.paid) + after.coming
        assert after.paid > before.paid
        assert before.coming == pytest.approx(comes * discount, rel=1e-9)


@pytest.mark.parametrize("name", BOOK)
def test_at_the_end_it_is_what_the_settlement_paid(name: str) -> None:
    """To the minor unit, and nothing comes."""
    bond = PreparedBond.of(book_deal(name))
    terms, reports = bond.claim.terms, stated_reports(bond.deal, bond.claim.kpis)
    known = [
        reports[rule.kpi, f.kpi_period].value for rule, f in zip(bond.claim.rules, terms.fixings, strict=True)
    ]
    paid = sum(payment.per_unit for payment in replay(terms, terms.hard_cap, known))
    found = unit_value(bond, reports, bond.flows.dates[-1])
    assert (found.paid * 10**terms.currency_decimals, found.coming) == (paid, 0.0)
    assert unit_value(bond, reports, date(2060, 1, 1)).worth == found.worth


@pytest.mark.parametrize(("value", "outcome"), [(500_000, 132), (300_000, 0), (100_000, -132), (None, 132)])
def test_a_report_counts_from_when_it_is_settled(value: int | None, outcome: int) -> None:
    """3.3 of 25 million is 132 a unit of 1,000. Silence costs the issuer, who controls the data."""
    bond, day = dc(), date(2021, 1, 20)
    without = unit_value(bond, {}, day)
    last = 1017.15 + outcome
    assert unit_value(bond, final(value), day - DAY - DAY) == unit_value(bond, {}, day - DAY - DAY)
    on_time = unit_value(bond, final(value), day)
    time = bond.flows.clock.time(date(2021, 4, 1)) - bond.flows.clock.time(day)
    assert on_time.paid == without.paid == Decimal("137.2")
    assert on_time.coming == pytest.approx(last * (1 + 0.0343 / 2) ** (-2 * time), abs=1e-8)
    assert unit_value(bond, final(value), date(2021, 4, 1)).paid == Decimal("1154.35") + outcome


def test_the_second_of_the_settlement_decides() -> None:
    bond, day = dc(), date(2021, 1, 20)
    end = unix(day_after(day))
    middle, none = (unit_value(bond, reports, day).coming for reports in (final(500_000, end), {}))
    assert unit_value(bond, final(500_000, end + 1), day).coming == none != middle


def test_a_dispute_that_lasts_leaves_the_report_open() -> None:
    """Beyond the windows a report is final or missing, so one must be there, if only as settled later."""
    bond, day = dc(), date(2021, 3, 1)
    late = final(500_000, unix(date(2021, 3, 20)))
    assert settled_by(bond, late, day) == late
    chances = unit_value(bond, late, day).coming
    assert (
        unit_value(bond, final(100_000), day).coming
        < chances
        < unit_value(bond, late, date(2021, 3, 20)).coming
    )
    with pytest.raises(
        InputError, match="period 1: is required: by the end of 2021-03-01 it is final or missing"
    ):
        unit_value(bond, {}, day)
    with pytest.raises(
        InputError, match="is not settled by the end of 2021-04-01, and the payment of 2021-04-01"
    ):
        unit_value(bond, final(500_000, unix(date(2021, 5, 1))), date(2021, 4, 1))


@pytest.mark.parametrize(
    ("key", "report", "says"),
    [
        (("rain", 0), SettledReport(FINAL, 1), "report of rain, period 1: the bond of .* hangs on none"),
        (("runoff-reduction", 1), SettledReport(FINAL, 1), "period 2: the bond of .* hangs on none"),
        (KEY, SettledReport(unix(date(2020, 12, 31)), 1), "settled before the period's end"),
        (KEY, SettledReport(FINAL, 1_000_001), "outside the KPI's bounds"),
    ],
)
def test_reports_that_cannot_be(key: Any, report: SettledReport, says: str) -> None:
    with pytest.raises(InputError, match=says):
        unit_value(dc(), {key: report}, date(2021, 2, 20))


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["price", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_says_the_same(tmp_path: Path) -> None:
    table = tmp_path / "settled.csv"
    table.write_text("kpi,period,settled_at,value\nrunoff-reduction,1,2021-01-20T00:00:00Z,missing\n")
    deal, day = str(file_of(DC)), date(2021, 2, 20)
    said = json.loads(
        run(deal, "--at", "2021-02-20", "--settled", str(table), "--yield", "0.03", "--json")[1]
    )
    found = unit_value(dc(), final(None), day, 0.03)
    assert (said["unit_value"], said["paid"], said["coming"]) == (
        str(found.worth),
        "137.200000",
        found.coming,
    )
    code, out, _ = run(deal, "--at", "2021-02-20")
    stated = unit_value(dc(), stated_reports(dc().deal, [KEY[0]]), day)
    assert code == 0
    assert f"{stated.worth:,.2f}" in out
    assert "those that the deal file states" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--settled", "x.csv"], "--settled: needs --at"),
        (["--at", "2021-02-20", "--settled", "absent.csv"], "absent.csv: cannot be read: No such file"),
        (["--at", "2021-02-20", "--seed", "1"], "--at: is a closed form"),
        (["--at", "2021-02-20", "--csv", "x.csv"], "--at: is a closed form"),
    ],
)
def test_what_the_command_refuses(arguments: list[str], says: str) -> None:
    code, _, err = run(str(file_of(DC)), *arguments)
    assert (code, err.count("\n")) == (2, 1)
    assert says in err
