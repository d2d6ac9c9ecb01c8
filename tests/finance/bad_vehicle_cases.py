"""Mistakes in vehicles and tranches: (deal, edits, field, value, part of the reason) by name."""

from __future__ import annotations

from tests.kinds.deals import HEDGED

POOL, SAVINGS = "viveracqua-hydrobond-2014", "siheung-efficiency-abs"
SPV = "parts.efficiency"
REPAID = "{equal_from: {value: 4, source: ifr, note: amortises from the second year on}}\n  notes-units"

BRIDGE = (
    "    facilities:\n"
    "      bridge: {title: Bridge, payee: aggregator, balance: {value: 1000, assumed: illustrative}}\n"
)

BAD_VEHICLES: dict[str, tuple[str, list[tuple[str, str]], str, str, str]] = {
    "half a period": (
        SAVINGS,
        [("until: {value: 2034-01-01", "until: {value: 2033-07-01")],
        f"{SPV}.schedule",
        "{from:",
        "not a whole number of annual periods",
    ),
    "a name that nobody has": (
        SAVINGS,
        [("less: [reserve]}", "less: [reserves]}")],
        f"{SPV}.steps.6.limit",
        "{total:",
        "reserves: the waterfall has no such name",
    ),
    "a claim that nobody has": (
        SAVINGS,
        [("{pay: [verification]}", "{pay: [verifier]}")],
        f"{SPV}.steps.0",
        "{pay:",
        "verifier: no claim (known: operation, verification, residual, senior.interest, senior.principal)",
    ),
    "a step that does two things": (
        SAVINGS,
        [("{test: performance}", "{test: performance, pay: [verification]}")],
        f"{SPV}.steps.1",
        "{test:",
        "needs exactly one of pay, prepay,",
    ),
    "a move to nowhere": (
        SAVINGS,
        [("{move: reserve, to: cash, when: after}", "{move: reserve, when: after}")],
        f"{SPV}.steps.10.to",
        "(missing)",
        "the pot to which `move` moves money",
    ),
    "weights without a way": (
        SAVINGS,
        [("{pay: [verification]}", "{pay: [verification], weights: {value: [1], assumed: why}}")],
        f"{SPV}.steps.0.weights",
        "[1]",
        "required by the order `weights`",
    ),
    "money that stays for ever": (
        SAVINGS,
        [("      - {rest: [residual], when: after}\n", "")],
        f"{SPV}.steps",
        "[",
        "leave money in cash for ever",
    ),
    "what is spoken of in no amount": (
        SAVINGS,
        [("less: [reserve]}", "less: 5}")],
        f"{SPV}.steps.6.limit.less",
        "5",
        "must be a list",
    ),
    "a test of anybody's money": (
        SAVINGS,
        [("        payer: buildings\n", "")],
        f"{SPV}.payables.operation.due",
        "{share:",
        "reads the line buildings, into which anybody may pay",
    ),
    "a test that whoever is paid decides": (
        SAVINGS,
        [
            ("        value: savings\n", "        value: factories\n"),
            ("        payer: factories\n", "        payer: aggregator\n"),
        ],
        f"{SPV}.covenants.performance",
        "factories",
        "reads what aggregator pays in, and decides whether aggregator is paid operation: it could choose",
    ),
    "a test that whoever lends decides": (
        SAVINGS,
        [
            ("        value: savings\n", "        value: factories\n"),
            ("        payer: factories\n", "        payer: aggregator\n"),
            ("    covenants:\n", f"{BRIDGE}    covenants:\n"),
            ("{pay: [operation], unless: [performance]", "{pay: [bridge.principal], unless: [performance]"),
        ],
        f"{SPV}.covenants.performance",
        "factories",
        "reads what aggregator pays in, and decides whether aggregator is paid bridge: it could choose",
    ),
    "whoever measures is paid by silence": (
        SAVINGS,
        [("{pay: [operation], unless: [performance]", "{pay: [operation], while: [performance]")],
        f"{SPV}.payables.operation",
        "{title:",
        "is paid while performance fails, as it does without a report",
    ),
    "what is called as what is written off": (
        SAVINGS,
        [("    payables:\n", "    payables:\n      losses: {title: Losses, payee: verifier}\n")],
        f"{SPV}",
        "{kind:",
        "losses: stands for two things",
    ),
    "a KPI that nothing tests": (
        SAVINGS,
        [("        value: savings\n", "        value: senior.balance\n")],
        f"{SPV}.measures.savings",
        "{kpi:",
        "must be tested by covenants as their `value`",
    ),
    "a KPI that counts as money": (
        SAVINGS,
        [("less: [reserve]}", "less: [savings]}")],
        f"{SPV}.steps.6.limit",
        "{total:",
        "reads the KPI savings",
    ),
    "a KPI of too few years": (
        SAVINGS,
        [("      - {start: 2033-01-01, end: 2033-12-31, assumed: illustrative}\n", ""), (", 0.082]", "]")],
        f"{SPV}.measures.savings.kpi",
        "savings",
        "has 9 periods, and the vehicle has 10",
    ),
    "both at least and at most": (
        SAVINGS,
        [("        cured_by:", "        most: {value: 0.2, assumed: why}\n        cured_by:")],
        f"{SPV}.covenants.performance",
        "savings",
        "needs `least` or `most`, and not both",
    ),
    "a year and a half to the first run": (
        SAVINGS,
        [("lag_days: {value: 150", "lag_days: {value: 500")],
        f"{SPV}.schedule.lag_days",
        "500",
        "must be a whole number from 0 to 365",
    ),
    "half an issue": (
        SAVINGS,
        [("soft_cap: {value: 18000000000", "soft_cap: {value: 9000000000")],
        "parts.senior-sale.soft_cap",
        "9000000000",
        "must be the hard cap: all is sold, or nothing",
    ),
    "a repayment of what is owed no amount": (
        SAVINGS,
        [("    principal: {value: 3000000000", "    deferral: true\n    principal: {value: 3000000000")],
        "parts.residual.deferral",
        "true",
        "what is residual is owed no amount",
    ),
    "two ways to repay": (
        POOL,
        [
            (
                REPAID,
                "{equal_from: {value: 4, source: ifr}, fractions: {value: [1], source: ifr}}\n  notes-units",
            )
        ],
        "parts.notes.repayment",
        "{equal_from:",
        "needs `equal_from` or `fractions`, and not both",
    ),
    "from a period that is not there": (
        POOL,
        [
            (
                REPAID,
                "{equal_from: {value: 41, source: ifr}}\n  notes-units",
            )
        ],
        "parts.notes.repayment",
        "{equal_from:",
        "must be the number of a period, from 1 to 40",
    ),
    "somebody who is not there": (
        POOL,
        [("funder: veneto-sviluppo}", "funder: veneto}")],
        "parts.hydrobond.pots.reserve.funder",
        "veneto",
        "unknown party",
    ),
    "a period that is run before its report stands": (
        SAVINGS,
        [("lag_days: {value: 150,", "lag_days: {value: 114,")],
        f"{SPV}.measures.savings.kpi",
        "savings",
        "its period 1 may settle as late as 2025-04-25, and is run on 2025-04-25",
    ),
    "a pot that nobody fills": (
        POOL,
        [(", funder: veneto-sviluppo}", "}")],
        "parts.hydrobond.pots.reserve.funder",
        "(missing)",
        "is required",
    ),
    "a sale that closes as the first period ends": (
        POOL,
        [
            ("closes: {value: 2014-07-22", "closes: {value: 2015-01-10"),
            ("issue_date: {value: 2014-07-22", "issue_date: {value: 2015-01-10"),
        ],
        "parts.notes.issue_date",
        "2015-01-10",
        "after hydrobond's first period begins",
    ),
    "a swap that no step pays": (
        SAVINGS,
        [*HEDGED[SAVINGS], ("      - {pay: [cover.owed]}\n", "")],
        f"{SPV}.steps",
        "[",
        "pay the KPI payment cover nothing",
    ),
    "a swap of full recourse": (
        SAVINGS,
        [*HEDGED[SAVINGS], ("limited_recourse: true", "limited_recourse: false")],
        "parts.cover.limited_recourse",
        "false",
        "must be true",
    ),
    "a swap that asks a vehicle for collateral": (
        SAVINGS,
        [*HEDGED[SAVINGS], ("payee: {value: 0,", "payee: {value: 1,")],
        "parts.cover.collateral.payee",
        "1",
        "must be 0",
    ),
    "a swap whose provider may hold a period up until it settles again": (
        SAVINGS,
        [*HEDGED[SAVINGS], ("cure_days: {value: 20,", "cure_days: {value: 365,")],
        "parts.cover",
        "{kind: kpi_payment",
        "may still wait for the swap's provider when the swap settles again",
    ),
    "a swap that settles after the vehicle's last period": (
        SAVINGS,
        [*HEDGED[SAVINGS], ("pay_lag_days: {value: 120,", "pay_lag_days: {value: 151,")],
        "parts.cover",
        "{kind: kpi_payment",
        "and the last period is due",
    ),
    "a swap that begins before the vehicle is sold": (
        SAVINGS,
        [*HEDGED[SAVINGS], ("closes: {value: 2023-12-28,", "closes: {value: 2024-01-01,")],
        "parts.senior-sale.closes",
        "2024-01-01",
        "when parts.cover must have begun",
    ),
}
