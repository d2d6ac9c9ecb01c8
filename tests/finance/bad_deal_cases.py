"""Mistakes in the rest of the good deal file: (edits, field, value, part of the reason) by name."""

from __future__ import annotations

MISSING = "missing: {rule: worst_for_data_controller}"

BAD_DEALS: dict[str, tuple[list[tuple[str, str]], str, str, str]] = {
    "a title that wipes the terminal": (
        [("title: DC Water Environmental Impact Bond, Series 2016B", r'title: "DC Water\e[2J\e[32m valid"')],
        "title",
        r"DC Water\x1b[2J\x1b[32m valid",
        "holds U+001B",
    ),
    "a party whose name is shown backwards": (
        [("{name: Transfer agent,", r'{name: "\u202eTransfer agent",')],
        "parties.agent.name",
        r"\u202eTransfer agent",
        "holds U+202E",
    ),
    "a unit that ends a line": (
        [("unit: fraction", r'unit: "frac\x85tion"')],
        "kpis.runoff-reduction.unit",
        "frac tion",
        "holds U+0085",
    ),
    "missing section": ([("parts:\n", "part:\n")], "parts", "(missing)", "is required"),
    "a sale of what is no claim": (
        [("    sells: token\n", "    sells: bond\n")],
        "parts.offering.sells",
        "bond",
        "is a kpi_bond, and a claim_token is wanted",
    ),
    "a sale of nothing that is there": (
        [("    sells: token\n", "    sells: shares\n")],
        "parts.offering.sells",
        "shares",
        "no such part (a claim_token is wanted; known: token)",
    ),
    "unknown KPI of the oracle": (
        [("oracle:\n  runoff-reduction:", "oracle:\n  rainfall:")],
        "oracle.rainfall",
        "{nodes:",
        "unknown KPI",
    ),
    "probability in percent": (
        [("probability: {value: 0.95", "probability: {value: 95")],
        "kpis.runoff-reduction.process.probability",
        "95",
        "must lie between 0 and 1",
    ),
    "offering closes first": (
        [("closes: {value: 2016-09-29", "closes: {value: 2016-09-01")],
        "parts.offering.closes",
        "2016-09-01",
        "dates out of order",
    ),
    "measurement ends first": (
        [("end: 2020-12-31", "end: 2019-12-31")],
        "kpis.runoff-reduction.periods.0.end",
        "2019-12-31",
        "dates out of order",
    ),
    "currency decimals": (
        [("minor_units: 2", "minor_units: 0")],
        "currency.minor_units",
        "0",
        "USD has 2 decimals (ISO 4217)",
    ),
    "yen with decimals": (
        [("code: USD", "code: JPY")],
        "currency.minor_units",
        "2",
        "JPY has 0 decimals (ISO 4217)",
    ),
    "unknown currency": ([("code: USD", "code: USX")], "currency.code", "USX", "ISO 4217"),
    "token decimals": (
        [("token_decimals: 6", "token_decimals: 7")],
        "currency.token_decimals",
        "7",
        "must be 6, 8 or 18",
    ),
    "period without origin": (
        [(", assumed: the sources give no dates of the monitoring year}", "}")],
        "kpis.runoff-reduction.periods.0",
        "{start:",
        "neither sourced nor assumed",
    ),
    "unknown source of a party": (
        [("roles: [holder], source: pfs", "roles: [holder], source: press")],
        "parties.investors.source",
        "press",
        "no such key in `sources`",
    ),
    "quorum is half": (
        [("quorum: {value: 3", "quorum: {value: 2")],
        "oracle.runoff-reduction.quorum",
        "2",
        "not a majority of the 4 nodes",
    ),
    "one of three can set the value": (
        [("nodes: {value: 4", "nodes: {value: 3"), ("quorum: {value: 3", "quorum: {value: 2")],
        "oracle.runoff-reduction.quorum",
        "2",
        "too small: a node that lies could set the value; at least 3 is needed",
    ),
    "two of seven can set the value": (
        [("nodes: {value: 4", "nodes: {value: 7"), ("quorum: {value: 3", "quorum: {value: 4")],
        "oracle.runoff-reduction.quorum",
        "4",
        "too small: 2 nodes that lie could set the value; at least 5 is needed",
    ),
    "two nodes": (
        [("nodes: {value: 4", "nodes: {value: 2"), ("quorum: {value: 3", "quorum: {value: 2")],
        "oracle.runoff-reduction.nodes",
        "2",
        "from 3 to 32",
    ),
    "late window shorter than disputes": (
        [("late_days: {value: 15", "late_days: {value: 13")],
        "oracle.runoff-reduction.late_days",
        "13",
        "must not be below dispute_days",
    ),
    "quorum above nodes": (
        [("quorum: {value: 3", "quorum: {value: 5")],
        "oracle.runoff-reduction.quorum",
        "5",
        "more than the 4 nodes",
    ),
    "part of a node": (
        [("nodes: {value: 4", "nodes: {value: 4.5")],
        "oracle.runoff-reduction.nodes",
        "4.5",
        "whole number from 3 to 32",
    ),
    "panel quorum": (
        [("panel_quorum: {value: 2", "panel_quorum: {value: 1")],
        "oracle.runoff-reduction.panel_quorum",
        "1",
        "not a majority of the 3 panellists",
    ),
    "silence pays the issuer": (
        [(MISSING, "missing: {rule: amount, amount: {value: 0, assumed: none}}")],
        "oracle.runoff-reduction.missing.amount",
        "0",
        "silence would pay the issuer",
    ),
    "silence pays the holders": (
        [
            ("roles: [issuer, data_controller]", "roles: [issuer]"),
            ("roles: [holder]", "roles: [holder, data_controller]"),
            (MISSING, "missing: {rule: amount, amount: {value: 0, assumed: none}}"),
        ],
        "oracle.runoff-reduction.missing.amount",
        "0",
        "silence would pay the holders",
    ),
    "no data controller": (
        [("roles: [issuer, data_controller]", "roles: [issuer]")],
        "parties",
        "{issuer:",
        "exactly one party must have the role data_controller",
    ),
    "neutral data controller": (
        [
            ("roles: [issuer, data_controller]", "roles: [issuer]"),
            ("roles: [agent]", "roles: [agent, data_controller]"),
        ],
        "parties.agent.roles",
        "[agent, data_controller]",
        "either the issuer or the holders",
    ),
    "schema version": (
        [("penstock/deal/2", "penstock/deal/9")],
        "schema",
        "penstock/deal/9",
        "penstock/deal/2",
    ),
    "country": (
        [("blocked_countries: []", "blocked_countries: [XX]")],
        "parts.token.blocked_countries.0",
        "XX",
        "ISO 3166-1",
    ),
    "investor class": (
        [("eligible_classes: [retail,", "eligible_classes: [public,")],
        "parts.token.eligible_classes.0",
        "public",
        "'retail'",
    ),
    "soft cap above hard cap": (
        [("soft_cap: {value: 25000000", "soft_cap: {value: 26000000")],
        "parts.offering.soft_cap",
        "26000000",
        "greater than the hard cap",
    ),
    "hard cap is not the issue": (
        [("hard_cap: {value: 25000000", "hard_cap: {value: 26000000")],
        "parts.offering.hard_cap",
        "26000000",
        "must equal the principal 25000000",
    ),
    "too large for the chain": (
        [("challenge_bond: {value: 10000,", "challenge_bond: {value: 1e35,")],
        "oracle.runoff-reduction.challenge_bond",
        "1" + "0" * 35,
        "too large for the chain",
    ),
    "process both ways": (
        [
            (
                "    process:\n      kind: normal\n",
                "    process:\n      kind: normal\n      sd: {value: 1, assumed: x}\n",
            )
        ],
        "kpis.runoff-reduction.process",
        "{kind: normal",
        "needs `interval` with `probability`, or `mean` with `sd`",
    ),
    "duplicate key": (
        [("symbol: DCW16B", "symbol: DCW16B\n    symbol: OTHER")],
        "",
        "",
        "not YAML: duplicate key 'symbol' (line",
    ),
    "alias": ([("symbol: DCW16B", "symbol: *name")], "", "", "not YAML: aliases"),
    "not YAML": ([("currency: {code: USD", "currency: {code: [USD")], "", "", "not YAML:"),
    "tabs": ([("currency: {", "\tcurrency: {")], "", "", "not YAML:"),
}
