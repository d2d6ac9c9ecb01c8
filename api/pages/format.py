"""Numbers, money and dates as readers of a language write them; money exactly, from integers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

from babel.dates import format_date, format_datetime
from babel.numbers import format_compact_decimal, format_decimal, format_percent
from markupsafe import Markup

from api.models import Currency

MINUS = "−"
_DAY = {"en": "d MMM y", "ko": "y년 M월 d일"}
_MOMENT = {"en": "d MMM y, HH:mm", "ko": "y년 M월 d일 HH:mm"}


LAST = 253_402_300_799
"""What is later, as a contract may be told, is shown as the last day that there is."""
EXACT = Context(prec=120)
"""For the largest whole numbers of a chain, which have 78 digits."""


def major(minor: int | str, decimals: int) -> Decimal:
    """Minor units as an amount of the currency, exactly."""
    return Decimal(int(minor)).scaleb(-decimals, EXACT)


class Format:
    """Writes values in one language."""

    def __init__(self, language: str) -> None:
        self.language = language

    def number(self, value: Decimal | float | int, digits: int = 2) -> str:
        """1234567.5 as 1,234,567.50; a value that rounds to nothing has no sign."""
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        with localcontext(EXACT):
            rounded = Decimal(str(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)
            return _minus(format_decimal(rounded + 0, pattern, locale=self.language))

    def amount(self, value: Decimal | float | int, code: str, digits: int = 2) -> str:
        """USD 428,750.00"""
        return f"{code} {self.number(value, digits)}"

    def money(self, minor: int | str, currency: Currency, digits: int = 2, sign: bool = False) -> str:
        """Minor units as USD 428,750.00, rounded to `digits`; `sign` writes + before what is positive."""
        value = major(minor, currency.decimals)
        text = self.amount(value, currency.code, digits)
        return f"+{text}" if sign and value > 0 else text

    def short(self, value: Decimal | float | int) -> str:
        """25000000 as 25 million."""
        with localcontext(EXACT):
            text = format_compact_decimal(
                Decimal(str(value)), format_type="long", locale=self.language, fraction_digits=2
            )
        return _minus(text)

    def short_money(self, minor: int | str, currency: Currency) -> str:
        """Minor units as USD 3.3 million."""
        return f"{currency.code} {self.short(major(minor, currency.decimals))}"

    def percent(self, fraction: Decimal | float, digits: int = 2) -> str:
        """0.0343 as 3.43%."""
        pattern = "#,##0" + ("." + "0" * digits if digits else "") + "%"
        with localcontext(EXACT):
            return _minus(format_percent(Decimal(str(fraction)) + 0, pattern, locale=self.language))

    def plain_percent(self, fraction: Decimal) -> str:
        """A stated fraction with the digits it has: 0.186 as 18.6%."""
        return _minus(format_percent(fraction, "#,##0.############%", locale=self.language))

    def stated(self, value: Decimal) -> str:
        """A stated number with the digits it has."""
        return _minus(format_decimal(value, "#,##0.############", locale=self.language))

    def day(self, moment: int | date) -> Markup:
        """A date as a <time>; unix seconds count in UTC."""
        value = _moment(moment).date() if isinstance(moment, int) else moment
        return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), self.day_text(value))

    def day_text(self, moment: int | date) -> str:
        value = _moment(moment).date() if isinstance(moment, int) else moment
        return format_date(value, _DAY[self.language], locale=self.language)

    def time(self, moment: int) -> Markup:
        """A moment to the minute, UTC."""
        value = _moment(moment)
        text = format_datetime(value, _MOMENT[self.language], locale=self.language)
        return Markup('<time datetime="{}">{} UTC</time>').format(value.isoformat(), text)

    def kpi(self, value: Decimal | float | int, unit: str, digits: int = 2) -> str:
        """A KPI value with its unit: 0.2968 of a fraction as 29.68%; money by its code first."""
        if unit == "fraction":
            return self.percent(value, digits)
        if len(unit) == 3 and unit.isupper():
            return self.amount(value, unit, 0 if abs(float(value)) >= 1000 else digits)
        return f"{self.number(value, digits)} {unit}"

    def kpi_scaled(self, value: int | str, decimals: int, unit: str, digits: int = 2) -> str:
        """A KPI value as the oracle writes it (times 10^decimals)."""
        return self.kpi(major(value, decimals), unit, digits)


def short_hash(value: str) -> str:
    """0x1234…abcd"""
    return value if len(value) <= 14 else f"{value[:6]}…{value[-4:]}"


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(min(seconds, LAST), UTC)


def _minus(text: str) -> str:
    return text.replace("-", MINUS)
