"""Numbers as readers expect them: money, rates, KPI values, and words for how often something happens."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from finance.terms.canonical import plain

if TYPE_CHECKING:
    from finance.pricing.process import KpiProcess
    from finance.terms.sections import Currency, Kpi

Fact = Decimal | date | str | list[Decimal]
OFTEN = {1: "once a year", 2: "twice a year", 4: "four times a year", 12: "monthly"}


def money(amount: Decimal | float, decimals: int = 2) -> str:
    """1234567.5 as 1,234,567.50; a true zero has no sign."""
    text = f"{amount:,.{decimals}f}"
    return text.lstrip("-") if not any(digit in text for digit in "123456789") else text


def minor_units(amount: int, decimals: int) -> str:
    """Minor units of a currency as 1,234.500000, exactly."""
    whole, part = divmod(abs(amount), 10**decimals)
    fraction = f".{part:0{decimals}d}" if decimals else ""
    return f"{'-' if amount < 0 else ''}{whole:,}{fraction}"


def token_money(amount: int, currency: Currency) -> str:
    """Minor units of a deal's currency as its token counts them: USD 1,234.500000, exactly."""
    return f"{currency.code} {minor_units(amount, currency.token_decimals)}"


def change(amount: float, decimals: int = 4) -> str:
    """0.03 as +0.0300; what rounds to zero has a plus."""
    return f"{round(amount, decimals) + 0.0:+.{decimals}f}"


def basis_points(fraction: float | None) -> str:
    """0.000811 as +8.11 bp; what rounds to zero has a plus."""
    return "none" if fraction is None else f"{change(10_000 * fraction, 2)} bp"


def percent(fraction: float | None, decimals: int = 4) -> str:
    """0.0343 as 3.4300 %; a true zero has no sign, and what does not exist is none."""
    return "none" if fraction is None else f"{round(100 * fraction, decimals) + 0.0:.{decimals}f} %"


def points(fraction: float, decimals: int = 4) -> str:
    """0.0343, a difference of percentages, as 3.4300 pp: percentage points."""
    return f"{round(100 * fraction, decimals) + 0.0:.{decimals}f} pp"


def fact(value: Fact) -> str:
    """A stated fact of a deal file as it would be written there: 0.0343, 2016-10-01, a series with commas."""
    if isinstance(value, Decimal):
        return plain(value)
    return ", ".join(map(fact, value)) if isinstance(value, list) else str(value)


def tiny(number: float, decimals: int = 4) -> str:
    """A number that must not read as nothing when it is merely small: 0.00002 as "below 0.0001".

    >>> tiny(0.00002), tiny(0.0), tiny(0.0123)
    ('below 0.0001', '0.0000', '0.0123')
    """
    least = 10.0**-decimals
    return f"below {least:.{decimals}f}" if 0 < number < least / 2 else f"{number:.{decimals}f}"


def often(frequency: float) -> str:
    """How often coupons are paid or interest compounds: 2 as "twice a year"."""
    return OFTEN.get(int(frequency) if frequency == int(frequency) else 0, f"{frequency:g} times a year")


def counted(count: int, noun: str) -> str:
    """1 report, 2 reports."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def joined(parts: list[str]) -> str:
    """a, b and c."""
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)


def kpi_scale(kpi: Kpi) -> tuple[float, str]:
    """By what a KPI is multiplied for readers, and its unit then: a fraction is read in per cent."""
    return (100.0, "%") if kpi.unit == "fraction" else (1.0, kpi.unit)


def kpi_value(kpi: Kpi, value: float, digits: int = 4) -> str:
    """A KPI value with its unit: 0.2995 of a fraction as 29.95 %."""
    scale, unit = kpi_scale(kpi)
    return f"{scale * value:.{digits}g} {unit}"


def kpi_sd(kpi: Kpi, sd: float) -> str:
    """A standard deviation with its unit, which of percentages is percentage points: 0.0579 as 5.79 pp."""
    scale, unit = kpi_scale(kpi)
    return f"{scale * sd:.3g} {'pp' if unit == '%' else unit}"


def kpi_law(kpi: Kpi, process: KpiProcess) -> str:
    """Mean and standard deviation of a KPI with their unit."""
    return f"mean {kpi_value(kpi, process.mean)}, sd {kpi_sd(kpi, process.sd)}"


def initial(text: str) -> str:
    """`text` with a capital at the start, the rest as it is."""
    return text[:1].upper() + text[1:]
