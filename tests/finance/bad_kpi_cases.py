"""Mistakes in what KPIs decide and in repayments: (deal, edits, field, value, part of the reason) by name."""

from __future__ import annotations

Edits = list[tuple[str, str]]

ENEL, ATLANTA, BUSES, HONG_KONG = (
    "enel-slb-2019",
    "atlanta-eib-2019",
    "singapore-ebus-loan",
    "hksar-tokenised-green-bond-2023",
)
STEP = "parts.bond.coupon.steps.0"
BELOW = (
    "- {below: {value: 0.55, source: diplomat}, inclusive: false, rate: {value: 0.0025, source: diplomat}}"
)
ABOVE = "- {above: {value: 0.55, source: diplomat}, inclusive: true, rate: {value: 0, source: diplomat}}"
TIERS = f"          tiers:\n            {BELOW}\n            {ABOVE}\n"
REPORTED = "the first interest period after the assurance report of spring 2022"
FROM = f"          from: {{value: 2022-09-10, assumed: {REPORTED}}}\n"
SECOND_STEP = f"        - kpi: renewable-share\n          period: 1\n{FROM}{TIERS}"

BONUS = "parts.bond.outcome_payment"
NOTHING = "inclusive: false, amount: {value: 0, source: epic}"
PAY_DATE = "      date: {value: 2025-01-31, source: epic, note: after 6 years}\n"
AT_MATURITY: Edits = [("pays: on_date", "pays: at_maturity"), (PAY_DATE, "")]
READING = "    term_readings: [{years: {value: 1, assumed: x}, note: a year}]\n"


def rate(value: str) -> Edits:
    """The step-up of Enel with another rate."""
    return [("rate: {value: 0.0025,", f"rate: {{value: {value},")]


def line(*points: tuple[str, str]) -> Edits:
    """Enel's step as a line."""
    rows = ", ".join(
        f"{{kpi: {{value: {kpi}, assumed: x}}, rate: {{value: {rate}, assumed: x}}}}" for kpi, rate in points
    )
    return [(TIERS, f"          line: [{rows}]\n")]


def instalments(*parts: tuple[str, str]) -> Edits:
    """Atlanta's bond repaid by a schedule."""
    rows = ", ".join(
        f"{{date: {{value: {day}, assumed: x}}, fraction: {{value: {part}, assumed: x}}}}"
        for day, part in parts
    )
    return [
        ("    grace_days:", f"    amortisation: {{kind: schedule, instalments: [{rows}]}}\n    grace_days:")
    ]


BAD_KPI_RULES: dict[str, tuple[str, Edits, str, str, str]] = {
    # --- coupon steps
    "unknown KPI of a step": (
        ENEL,
        [("- kpi: renewable-share", "- kpi: renewables")],
        f"{STEP}.kpi",
        "renewables",
        "unknown KPI (known: renewable-share)",
    ),
    "step of a period that is not there": (
        ENEL,
        [("          period: 1", "          period: 2")],
        f"{STEP}.period",
        "2",
        "the KPI has 1 period(s), counted from 1",
    ),
    "step that reaches no period": (
        ENEL,
        [("from: {value: 2022-09-10", "from: {value: 2024-09-10")],
        f"{STEP}.from",
        "2024-09-10",
        "no coupon period begins in the dates given",
    ),
    "step between two periods": (
        ENEL,
        [(FROM, FROM.replace("09-10", "09-11") + "          until: {value: 2023-03-10, assumed: x}\n")],
        f"{STEP}.from",
        "2022-09-11",
        "no coupon period begins in the dates given",
    ),
    "until before from": (
        ENEL,
        [(FROM, f"{FROM}          until: {{value: 2022-03-10, assumed: x}}\n")],
        f"{STEP}.until",
        "2022-03-10",
        "dates out of order: not after `from` 2022-09-10",
    ),
    "tiers and line": (
        ENEL,
        [(TIERS, f"{TIERS}{line(('0.5', '0'))[0][1]}")],
        STEP,
        "{kpi: renewable-share",
        "must have exactly one of `tiers` and `line`",
    ),
    "neither tiers nor line": (
        ENEL,
        [(TIERS, "")],
        STEP,
        "{kpi: renewable-share",
        "must have exactly one of `tiers` and `line`",
    ),
    "outcome without tiers": (
        ATLANTA,
        [
            ("      tiers:  ", "      line:  "),
            ("{below: {value: 6.52, source: epic}, inclusive: false,", "{kpi: {value: 6.52, source: epic},"),
            ("{above: {value: 6.52, source: epic}, inclusive: true,", "{kpi: {value: 6.52, source: epic},"),
        ],
        f"{BONUS}.line.1.kpi",
        "6.52",
        "points out of order: not greater than 6.52",
    ),
    "line out of order": (
        ENEL,
        line(("0.6", "0"), ("0.5", "0.0025")),
        f"{STEP}.line.1.kpi",
        "0.5",
        "points out of order: not greater than 0.6",
    ),
    "point outside the bounds": (
        ENEL,
        line(("0.5", "0.0025"), ("60", "0")),
        f"{STEP}.line.1.kpi",
        "60",
        "the unit is a fraction: 60 % is 0.6",
    ),
    "point too fine": (
        ENEL,
        line(("0.5", "0.0025"), ("0.6000001", "0")),
        f"{STEP}.line.1.kpi",
        "0.6000001",
        "more decimals than the KPI's 6",
    ),
    "point without rate": (
        ENEL,
        [
            (old, new.replace(", rate: {value: 0.0025, assumed: x}", ""))
            for old, new in line(("0.5", "0.0025"))
        ],
        f"{STEP}.line.0.rate",
        "(missing)",
        "is required",
    ),
    "step in words": (
        ENEL,
        rate("a quarter"),
        f"{STEP}.tiers.0.rate.value",
        "a quarter",
        "must be a number",
    ),
    "step in percent": (
        ENEL,
        rate("25"),
        f"{STEP}.tiers.0.rate",
        "25",
        "looks like a percentage: rates are fractions, 25 % is 0.25",
    ),
    "step too fine": (
        ENEL,
        rate("0.0025000000000000001"),
        f"{STEP}.tiers.0.rate",
        "0.0025000000000000001",
        "more than 18 decimals",
    ),
    "coupon below zero": (
        ENEL,
        rate("-0.03"),
        STEP,
        "{kpi: renewable-share",
        "could make the coupon -0.0035, which is below zero",
    ),
    "late rate below the stepped coupon": (
        ENEL,
        [("late_rate: {value: 0.0465", "late_rate: {value: 0.0289")],
        "parts.bond.late_rate",
        "0.0289",
        "is below the coupon, which can be 0.029",
    ),
    "coupon below zero by two steps": (
        ENEL,
        [*rate("-0.02"), ("    grace_days:", f"{SECOND_STEP.replace('0.0025', '-0.02')}    grace_days:")],
        "parts.bond.coupon.steps.1",
        "{kpi: renewable-share",
        "could make the coupon -0.0135, which is below zero",
    ),
    "coupon of 100 %": (
        ENEL,
        rate("0.98"),
        STEP,
        "{kpi: renewable-share",
        "could make the coupon 1.0065: rates are fractions, 1 is 100 % a year",
    ),
    "step needed before its report": (
        ENEL,
        [("from: {value: 2022-09-10", "from: {value: 2021-09-10")],
        f"{STEP}.period",
        "1",
        "may be settled as late as 2022-06-26, after the pay date 2022-03-10 that needs it",
    ),
    "amount for a missing step": (
        ENEL,
        [("{rule: worst_for_data_controller}", "{rule: amount, amount: {value: 1, assumed: x}}")],
        "oracle.renewable-share.missing.rule",
        "amount",
        "a coupon step needs the rule worst_for_data_controller",
    ),
    # --- outcome payments
    "negative dated outcome": (
        ATLANTA,
        [(NOTHING, NOTHING.replace("value: 0", "value: -1"))],
        f"{BONUS}.tiers.0.amount",
        "-1",
        "must not be negative before maturity",
    ),
    "outcome on no pay date": (
        ATLANTA,
        [("date: {value: 2025-01-31", "date: {value: 2025-02-28")],
        f"{BONUS}.date",
        "2025-02-28",
        "is not a pay date of the coupon",
    ),
    "dated outcome without date": (
        ATLANTA,
        [(PAY_DATE, "")],
        f"{BONUS}.date",
        "(missing)",
        "is required by `pays: on_date`",
    ),
    "date at maturity": (
        ATLANTA,
        AT_MATURITY[:1],
        f"{BONUS}.date",
        "2025-01-31",
        "belongs to `pays: on_date` only",
    ),
    "dated outcome needed before its report": (
        ATLANTA,
        [("end: 2024-10-31", "end: 2024-12-31")],
        f"{BONUS}.period",
        "1",
        "may be settled as late as 2025-03-28, after the pay date 2025-01-31 that needs it",
    ),
    "outcome takes more than is redeemed": (
        ATLANTA,  # twenty repayments of 701,000
        [
            *AT_MATURITY,
            (NOTHING, NOTHING.replace("value: 0", "value: -701001")),
            (
                "    grace_days:",
                "    amortisation: {kind: linear, from: {value: 2019-07-31, assumed: x}}\n    grace_days:",
            ),
        ],
        f"{BONUS}.tiers.0.amount",
        "-701001",
        "holders would owe more than the principal they are repaid",
    ),
    "outcome in words": (
        ATLANTA,
        [(NOTHING, NOTHING.replace("value: 0", "value: none"))],
        f"{BONUS}.tiers.0.amount.value",
        "none",
        "must be a number",
    ),
    # --- repayments
    "amortisation from no pay date": (
        BUSES,
        [("from: {value: 2026-04-01,", "from: {value: 2026-04-02,")],
        "parts.bond.amortisation.from",
        "2026-04-02",
        "is not a pay date of the coupon",
    ),
    "amortisation of no kind": (
        BUSES,
        [("kind: linear", "kind: annuity")],
        "parts.bond.amortisation.kind",
        "annuity",
        "'linear', 'schedule'",
    ),
    "instalment on no pay date": (
        ATLANTA,
        instalments(("2020-01-30", "0.1")),
        "parts.bond.amortisation.instalments",
        "[{date:",
        "2020-01-30 is not a pay date of the coupon",
    ),
    "instalment of nothing": (
        ATLANTA,
        instalments(("2020-01-31", "0")),
        "parts.bond.amortisation.instalments.0.fraction",
        "0",
        "greater than 0 and at most 1",
    ),
    "instalment in percent": (
        ATLANTA,
        instalments(("2020-01-31", "0.1"), ("2021-01-31", "5")),
        "parts.bond.amortisation.instalments.1.fraction",
        "5",
        "greater than 0 and at most 1 (0.05 is 5 % of the principal)",
    ),
    "instalments above the principal": (
        ATLANTA,
        instalments(("2020-01-31", "0.6"), ("2021-01-31", "0.6")),
        "parts.bond.amortisation.instalments",
        "[{date:",
        "add up to more than the principal",
    ),
    "instalments above the principal at maturity": (
        ATLANTA,
        instalments(("2020-01-31", "0.6"), ("2029-01-31", "0.6")),
        "parts.bond.amortisation.instalments",
        "[{date:",
        "add up to more than the principal",
    ),
    "nothing left for the maturity": (
        ATLANTA,
        instalments(("2020-01-31", "0.4"), ("2021-01-31", "0.6")),
        "parts.bond.amortisation.instalments",
        "[{date:",
        "nothing is left for the maturity",
    ),
    "instalment in words": (
        ATLANTA,
        instalments(("2020-01-31", "half")),
        "parts.bond.amortisation.instalments.0.fraction.value",
        "half",
        "must be a number",
    ),
    # --- term readings, schedules
    "readings of a bond with steps": (
        ENEL,
        [("    grace_days:", f"{READING}    grace_days:")],
        "parts.bond.term_readings",
        "[{years:",
        "belong to a bond with regular coupons, no steps, and principal and outcome at maturity",
    ),
    "readings of a dated outcome": (
        ATLANTA,
        [("    grace_days:", f"{READING}    grace_days:")],
        "parts.bond.term_readings",
        "[{years:",
        "belong to a bond with regular coupons",
    ),
    "readings of one coupon": (
        HONG_KONG,
        [("    grace_days:", f"{READING}    grace_days:")],
        "parts.bond.term_readings",
        "[{years:",
        "belong to a bond with regular coupons",
    ),
    "a coupon of no days": (
        HONG_KONG,
        [
            ("interest_from: {value: 2023-02-16", "interest_from: {value: 2023-03-30"),
            ("maturity: {value: 2024-02-16", "maturity: {value: 2023-03-31"),
            ("ACT/365F", "30/360"),
        ],
        "parts.bond.maturity",
        "2023-03-31",
        "2023-03-30 to 2023-03-31 is no day of interest by 30/360",
    ),
    "too many periods": (
        ATLANTA,
        [("frequency: semiannual", "frequency: monthly"), ("2029-01-31", "2049-01-31")],
        "parts.bond.maturity",
        "2049-01-31",
        "360 coupon periods: more than 240 do not fit on chain",
    ),
    # --- parts that belong together
    "data controller of nothing": (
        HONG_KONG,
        [("roles: [holder]", "roles: [holder, data_controller]")],
        "parties.investors.roles",
        "[holder, data_controller]",
        "nothing is measured here, so there is no data to control",
    ),
    "KPI without a twin": (
        ENEL,
        [("  twin: reported\n", "")],
        "asset.twin",
        "(missing)",
        "is required: KPIs decide payments",
    ),
}
