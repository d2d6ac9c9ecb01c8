"""Mistakes in a claim of the good deal file: (edits, field, value, part of the reason) by name."""

from __future__ import annotations

TIERS = "parts.bond.outcome_payment.tiers"
LOW = "- {below: {value: 0.186, source: pfs}, inclusive: false, amount: {value: -3300000, source: pfs}}"
MID = "- {from: {value: 0.186, source: pfs}, to: {value: 0.413, source: pfs}, inclusive: both, amount:"
HIGH = "- {above: {value: 0.413, source: pfs}, inclusive: false, amount: {value: 3300000, source: pfs}}"
END = "\noracle:"
"""Of the parts."""


def desk(minimum: str, days: str) -> str:
    """A trade desk at their end."""
    terms = f"minimum: {{value: {minimum}, assumed: x}}, quote_days: {{value: {days}, assumed: x}}"
    return f"\n  desk: {{kind: trade_desk, trades: token, {terms}}}{END}"


def register(uses: str, reviewer: str = "") -> list[tuple[str, str]]:
    """A register of proceeds at their end: the whole issue are 25,000,000."""
    return [(END, f"\n  works: {{kind: proceeds, of: token{reviewer}, uses: {{{uses}}}}}{END}")]


def use(name: str, amount: str) -> str:
    return f"{name}: {{title: x, amount: {{value: {amount}, assumed: x}}}}"


def book(least: str, most: str, tick: str, minimum: str = "1") -> list[tuple[str, str]]:
    """The offering as a book of orders: 25,000 units at par 1,000."""
    prices = {"least_price": least, "most_price": most, "tick": tick, "minimum": minimum}
    terms = [f"    {name}: {{value: {value}, assumed: x}}\n" for name, value in prices.items()]
    return [("    kind: offering\n", f"    kind: offering_book\n{''.join(terms)}")]


BAD_CLAIMS: dict[str, tuple[list[tuple[str, str]], str, str, str]] = {
    "missing field": (
        [("    maturity: {value: 2021-04-01, source: bondbuyer, note: mandatory tender}\n", "")],
        "parts.bond.maturity",
        "(missing)",
        "is required",
    ),
    "late rate below the coupon": (
        [("late_rate: {value: 0.0543", "late_rate: {value: 0.0342")],
        "parts.bond.late_rate",
        "0.0342",
        "is below the coupon, which can be 0.0343",
    ),
    "late rate in per cent": (
        [("late_rate: {value: 0.0543", "late_rate: {value: 5.43")],
        "parts.bond.late_rate",
        "5.43",
        "must be a fraction a year from 0 to below 1: 5.43 % is 0.0543",
    ),
    "unknown field": (
        [("symbol: DCW16B", "symbol: DCW16B\n    ticker: X")],
        "parts.token.ticker",
        "X",
        "unknown field",
    ),
    "comma in a flow text": (
        [("assumed: sold at par}", "assumed: sold at par, as usual}")],
        "parts.bond.issue_price.as usual",
        "(empty)",
        "a text with a comma needs quotes",
    ),
    "overlapping tiers": (
        [(MID, MID.replace("value: 0.186", "value: 0.18"))],
        f"{TIERS}.1",
        "{from: {value: 0.18",
        "tiers 0 and 1 overlap",
    ),
    "overlap in one point": (
        [(HIGH, HIGH.replace("inclusive: false", "inclusive: true"))],
        f"{TIERS}.2",
        "{above:",
        "overlap: both include 0.413; exactly one may",
    ),
    "gapped tiers": (
        [(MID, MID.replace("value: 0.186", "value: 0.19"))],
        f"{TIERS}.1",
        "{from: {value: 0.19",
        "tiers 0 and 1 leave a gap",
    ),
    "gap of one point": (
        [(MID, MID.replace("inclusive: both", "inclusive: to"))],
        f"{TIERS}.1",
        "{from:",
        "leave a gap: neither includes 0.186; exactly one must",
    ),
    "no lowest tier": (
        [(f"        {LOW}\n", "")],
        f"{TIERS}.0",
        "{from:",
        "KPI values below 0.186 fall in no tier",
    ),
    "no highest tier": (
        [(f"        {HIGH}\n", "")],
        f"{TIERS}.1",
        "{from:",
        "KPI values above 0.413 fall in no tier",
    ),
    "tiers out of order": (
        [(f"{HIGH}\n", f"{LOW}\n"), (LOW, HIGH)],
        f"{TIERS}.0",
        "{above:",
        "list tiers in ascending order",
    ),
    "tier of no shape": (
        [(LOW, LOW.replace("below:", "to:"))],
        f"{TIERS}.0",
        "{to:",
        "exactly one of `below`",
    ),
    "inclusive of one bound": (
        [(LOW, LOW.replace("inclusive: false", "inclusive: both"))],
        f"{TIERS}.0.inclusive",
        "both",
        "must be true or false",
    ),
    "inclusive of two bounds": (
        [(MID, MID.replace("inclusive: both", "inclusive: true"))],
        f"{TIERS}.1.inclusive",
        "true",
        "must be both, from, to or neither",
    ),
    "unknown KPI of a claim": (
        [("kpi: runoff-reduction", "kpi: runoff-reductoin")],
        "parts.bond.outcome_payment.kpi",
        "runoff-reductoin",
        "unknown KPI (known: runoff-reduction)",
    ),
    "KPI period that is not there": (
        [("period: 1", "period: 2")],
        "parts.bond.outcome_payment.period",
        "2",
        "the KPI has 1 period",
    ),
    "rate in percent": (
        [("rate: {value: 0.0343", "rate: {value: 3.43")],
        "parts.bond.coupon.rate",
        "3.43",
        "looks like a percentage: rates are fractions, 3.43 % is 0.0343",
    ),
    "negative rate": (
        [("rate: {value: 0.0343", "rate: {value: -0.0343")],
        "parts.bond.coupon.rate",
        "-0.0343",
        "must not be negative",
    ),
    "rate too fine": (
        [("value: 0.0343", "value: 0.0343000000000000001")],
        "parts.bond.coupon.rate",
        "0.0343000000000000001",
        "more than 18 decimals",
    ),
    "tier bound in percent": (
        [("above: {value: 0.413", "above: {value: 41.3"), ("to: {value: 0.413", "to: {value: 41.3")],
        f"{TIERS}.2.above",
        "41.3",
        "the unit is a fraction: 41.3 % is 0.413",
    ),
    "maturity before interest": (
        [("value: 2021-04-01", "value: 2016-04-01")],
        "parts.bond.maturity",
        "2016-04-01",
        "dates out of order: not after interest_from 2016-10-01",
    ),
    "issue after maturity": (
        [("issue_date: {value: 2016-09-29", "issue_date: {value: 2022-09-29")],
        "parts.bond.issue_date",
        "2022-09-29",
        "dates out of order",
    ),
    "final maturity first": (
        [("value: 2046-10-01", "value: 2020-10-01")],
        "parts.bond.final_maturity",
        "2020-10-01",
        "dates out of order",
    ),
    "offering closes after issue": (
        [("closes: {value: 2016-09-29", "closes: {value: 2016-10-29")],
        "parts.offering.closes",
        "2016-10-29",
        "dates out of order: after parts.bond.issue_date",
    ),
    "report after maturity": (
        [("reporting_days: {value: 35", "reporting_days: {value: 45")],
        "parts.bond.maturity",
        "2021-04-01",
        "may be settled as late as 2021-04-06",
    ),
    "stub period": (
        [("value: 2021-04-01", "value: 2021-05-01")],
        "parts.bond.maturity",
        "2021-05-01",
        "not a whole number of semiannual periods",
    ),
    "no such day": (
        [("value: 2021-04-01", "value: 2021-04-31")],
        "parts.bond.maturity.value",
        "2021-04-31",
        "must be a day that exists",
    ),
    "date that is none": (
        [("value: 2021-04-01", "value: April 2021")],
        "parts.bond.maturity.value",
        "April 2021",
        "must be a day that exists, written YYYY-MM-DD",
    ),
    "bare number": (
        [("principal: {value: 25000000, source: pfs}", "principal: 25000000")],
        "parts.bond.principal",
        "25000000",
        "neither sourced nor assumed",
    ),
    "number without origin": (
        [("rate: {value: 0.0343, source: ri}", "rate: {value: 0.0343}")],
        "parts.bond.coupon.rate",
        "0.0343",
        "neither sourced nor assumed",
    ),
    "number with two origins": (
        [("rate: {value: 0.0343, source: ri}", "rate: {value: 0.0343, source: ri, assumed: x}")],
        "parts.bond.coupon.rate",
        "0.0343",
        "cannot be both sourced and assumed",
    ),
    "unknown source": (
        [("rate: {value: 0.0343, source: ri}", "rate: {value: 0.0343, source: bloomberg}")],
        "parts.bond.coupon.rate.source",
        "bloomberg",
        "no such key in `sources`",
    ),
    "tier bound too fine": (
        [
            ("above: {value: 0.413", "above: {value: 0.4130001"),
            ("to: {value: 0.413", "to: {value: 0.4130001"),
        ],
        f"{TIERS}.2.above",
        "0.4130001",
        "more decimals than the KPI's 6",
    ),
    "principal and denomination": (
        [("denomination: {value: 1000,", "denomination: {value: 999,")],
        "parts.bond.principal",
        "25000000",
        "not a multiple of the denomination 999",
    ),
    "part of a cent": (
        [("amount: {value: 3300000,", "amount: {value: 3300000.001,")],
        f"{TIERS}.2.amount",
        "3300000.001",
        "USD has 2 decimals",
    ),
    "more than the principal": (
        [("amount: {value: -3300000,", "amount: {value: -25000001,")],
        f"{TIERS}.0.amount",
        "-25000001",
        "would owe more than the principal",
    ),
    "day count": (
        [("day_count: 30/360", "day_count: ACT/ACT")],
        "parts.bond.coupon.day_count",
        "ACT/ACT",
        "not supported: use one of 30/360, ACT/360, ACT/365F",
    ),
    "business days": (
        [("business_days: unadjusted", "business_days: following")],
        "parts.bond.coupon.business_days",
        "following",
        "not supported",
    ),
    "frequency": (
        [("frequency: semiannual", "frequency: weekly")],
        "parts.bond.coupon.frequency",
        "weekly",
        "'semiannual'",
    ),
    "kind of claim": (
        [("kind: kpi_bond", "kind: warrant")],
        "parts.bond.kind",
        "warrant",
        "'kpi_bond'",
    ),
    "number with a unit": (
        [("principal: {value: 25000000,", "principal: {value: 25m,")],
        "parts.bond.principal.value",
        "25m",
        "must be a number",
    ),
    "number with commas": (
        [("principal: {value: 25000000,", 'principal: {value: "25,000,000",')],
        "parts.bond.principal.value",
        "25,000,000",
        "must be a number",
    ),
    "huge number": (
        [("principal: {value: 25000000,", "principal: {value: 1e999999999,")],
        "parts.bond.principal.value",
        "1E+999999999",
        "more digits than a deal can carry",
    ),
    "term reading": (
        [("years: {value: 4.5,", "years: {value: 4.6,")],
        "parts.bond.term_readings.0.years",
        "4.6",
        "not a whole number of semiannual periods",
    ),
    "trade of more than there is": (
        [(END, desk("25001", "10"))],
        "parts.desk.minimum",
        "25001",
        "must be a whole number from 1 to 25000",
    ),
    "trade of a part of a unit": (
        [(END, desk("1.5", "10"))],
        "parts.desk.minimum",
        "1.5",
        "must be a whole number from 1 to 25000",
    ),
    "quote that lives for nothing": (
        [(END, desk("1", "0"))],
        "parts.desk.quote_days",
        "0",
        "must be a whole number from 1 to 90",
    ),
    "quote that outlives the notice of a recovery": (
        [(END, desk("1", "91"))],
        "parts.desk.quote_days",
        "91",
        "must be a whole number from 1 to 90",
    ),
    "uses of more than the issue": (
        register(f"{use('sewers', '20000000')}, {use('costs', '5000001')}"),
        "parts.works.uses",
        "{sewers:",
        "come to 25000001, and the whole issue is 25000000",
    ),
    "a use of nothing": (
        register(f"{use('sewers', '25000000')}, {use('costs', '0')}"),
        "parts.works.uses.costs.amount",
        "0",
        "must be greater than 0",
    ),
    "no use at all": (register(""), "parts.works.uses", "{}", "must be 1 to 32"),
    "a reviewer who is not there": (
        register(use("sewers", "25000000"), ", reviewer: nobody"),
        "parts.works.reviewer",
        "nobody",
        "unknown party",
    ),
    "a reviewer who reviews itself": (
        register(use("sewers", "25000000"), ", reviewer: issuer"),
        "parts.works.reviewer",
        "issuer",
        "has not the role verifier",
    ),
    "book whose most is no tick": (
        book("990", "1010", "3"),
        "parts.offering.most_price",
        "1010",
        "is no number of ticks 3 above 990",
    ),
    "book upside down": (
        book("1010", "990", "5"),
        "parts.offering.most_price",
        "990",
        "is no number of ticks 5 above 1010",
    ),
    "book of too many prices": (
        book("990", "1054", "1"),
        "parts.offering.tick",
        "1",
        "makes 65 prices from least to most: at most 64",
    ),
    "book without a tick": (book("990", "1010", "0"), "parts.offering.tick", "0", "must be greater than 0"),
    "book finer than its money": (
        book("990", "1010", "0.0000005"),
        "parts.offering.tick",
        "0.0000005",
        "decimals",
    ),
    "book in which par is no price": (
        book("1001", "1010", "1"),
        "parts.offering.least_price",
        "1001",
        "parts.bond is valued at 1000 a unit, which is not in the book's 1001 to 1010",
    ),
    "book of orders above the issue": (
        book("990", "1010", "5", "25001"),
        "parts.offering.minimum",
        "25001",
        "must be a whole number from 1 to 25000",
    ),
    "book of parts of a unit": (
        book("990", "1010", "5", "0.5"),
        "parts.offering.minimum",
        "0.5",
        "must be a whole number from 1 to 25000",
    ),
    "book above its own cap": (
        [*book("990", "1010", "5"), ("soft_cap: {value: 25000000", "soft_cap: {value: 25001000")],
        "parts.offering.soft_cap",
        "25001000",
        "is greater than the hard cap 25000000",
    ),
}
