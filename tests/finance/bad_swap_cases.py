"""Mistakes in swaps: (deal, edits, field, value, part of the reason) by name."""

from __future__ import annotations

BLOOM, WATER = "bloom-wind-prs", "water-utility-rainfall-swap"
RULE = "{rule: replacement_cost}"

BAD_SWAPS: dict[str, tuple[str, list[tuple[str, str]], str, str, str]] = {
    "last fixing for ten years": (
        BLOOM,
        [(RULE, "{rule: last_fixing}")],
        "parts.swap.close_out.rule",
        "last_fixing",
        "walk away from years to come",
    ),
    "last fixing for five years": (
        WATER,
        [(RULE, "{rule: last_fixing}")],
        "parts.swap.close_out.rule",
        "last_fixing",
        "or say why",
    ),
    "still waiting at the next pay date": (
        BLOOM,
        [("cure_days: {value: 10,", "cure_days: {value: 90,")],
        "parts.swap.cure_days",
        "90",
        "shorter than the 90 days from one pay date to the next",
    ),
    "a reason that nothing asks for": (
        BLOOM,
        [(RULE, "{rule: replacement_cost, why: because}")],
        "parts.swap.close_out.why",
        "because",
        "belongs to the rule last_fixing only",
    ),
    "a KPI for a rule without": (
        WATER,
        [(RULE, "{rule: replacement_cost, kpi: rainfall}")],
        "parts.swap.close_out.kpi",
        "rainfall",
        "belongs to the rule model_value only",
    ),
    "on sale when the swap must have begun": (
        BLOOM,
        [
            ("  closes: {value: 2017-05-31,", "  closes: {value: 2017-06-01,"),
            ("    issue_date: {value: 2017-05-31,", "    issue_date: {value: 2017-06-01,"),
        ],
        "parts.offering.closes",
        "2017-06-01",
        "when parts.swap must have begun",
    ),
}
