"""A whole deal and its record for the API's description: a small issue of a bond of the deal book."""

from __future__ import annotations

import json
from typing import Any

from api.models.examples import (
    CHAIN_ID,
    CURRENCY,
    DEPLOYED,
    DEPLOYER,
    FEED_ID,
    NODE,
    OFFERING,
    ORACLE,
    PANELLIST,
    TERMS_HASH,
    TOKEN,
)
from finance.terms import parse_deal
from finance.terms.reader import read_deal_text

DEAL_FILE = """\
schema: penstock/deal/2
id: dc-water-eib-2016
title: DC Water Environmental Impact Bond, small issue
summary: Pays more if the works cut runoff by more than expected, and less if they cut it by less.
sources:
  pfs: {title: DC Water Environmental Impact Bond (project fact sheet), publisher: Urban Institute}
currency: {code: USD, minor_units: 2, token_decimals: 6}
parties:
  issuer:
    name: District of Columbia Water and Sewer Authority
    roles: [issuer, data_controller]
    source: pfs
  investors: {name: Anybody, roles: [holder], assumed: a public offering}
asset:
  id: rock-creek-project-a
  title: Green infrastructure in the Rock Creek sewershed
  kind: stormwater
  twin: stormwater
  parameters:
    impervious_area_acres: {value: 20, source: pfs}
kpis:
  runoff-reduction:
    title: Runoff reduction
    unit: fraction
    decimals: 6
    direction: higher_is_better
    pnl_line: outcome payment
    data_stream: flow monitoring of the sewershed
    baseline: runoff on the same rain without the works
    bounds:
      minimum: {value: -1, assumed: a broken gauge below}
      maximum: {value: 1, assumed: runoff cannot fall below zero}
    periods:
      - {start: 2020-01-01, end: 2020-12-31, assumed: one year}
    process:
      kind: normal
      interval: {low: {value: 0.186, source: pfs}, high: {value: 0.413, source: pfs}}
      probability: {value: 0.95, assumed: the middle tier}
parts:
  bond:
    kind: kpi_bond
    title: Environmental Impact Bond, small issue
    token: token
    principal: {value: 10000, assumed: ten units}
    denomination: {value: 1000, assumed: a retail denomination}
    issue_price: {value: 1.00, assumed: sold at par}
    issue_date: {value: 2016-09-29, source: pfs}
    interest_from: {value: 2016-10-01, assumed: coupons in April and October}
    maturity: {value: 2021-04-01, source: pfs}
    coupon:
      rate: {value: 0.0343, source: pfs}
      frequency: semiannual
      day_count: 30/360
      business_days: unadjusted
    outcome_payment:
      kpi: runoff-reduction
      period: 1
      pays: at_maturity
      tiers:
        - {below: {value: 0.186, source: pfs}, inclusive: false, amount: {value: -1320, source: pfs}}
        - from: {value: 0.186, source: pfs}
          to: {value: 0.413, source: pfs}
          inclusive: both
          amount: {value: 0, source: pfs}
        - {above: {value: 0.413, source: pfs}, inclusive: false, amount: {value: 1320, source: pfs}}
    grace_days: {value: 10, assumed: none published}
    cure_days: {value: 30, assumed: none published}
    late_rate: {value: 0.0543, assumed: two points over the coupon}
  token:
    kind: claim_token
    symbol: DCW16B
    eligible_classes: [retail, professional, institutional]
    blocked_countries: []
  offering:
    kind: offering
    sells: token
    opens: {value: 2016-09-15, assumed: two weeks}
    closes: {value: 2016-09-29, assumed: on the issue date}
    soft_cap: {value: 7000, assumed: most of it}
    hard_cap: {value: 10000, assumed: all of it}
oracle:
  runoff-reduction:
    nodes: {value: 4, assumed: tolerates one that lies}
    quorum: {value: 3, assumed: three of four}
    max_spread: {value: 0.25, assumed: wider than a gauge's error}
    method: swmm-paired-rain/1
    reporting_days: {value: 35, assumed: none published}
    late_days: {value: 15, assumed: none published}
    dispute_days: {value: 14, assumed: none published}
    ruling_days: {value: 21, assumed: none published}
    challenge_bond: {value: 10000, assumed: none published}
    challenge_reward: {value: 5000, assumed: none published}
    panel_size: {value: 3, assumed: none published}
    panel_quorum: {value: 2, assumed: none published}
    missing: {rule: worst_for_data_controller}
"""

TERMS: dict[str, Any] = json.loads(parse_deal(read_deal_text(DEAL_FILE.encode())).canonical_json)
"""The same as it is hashed."""

RECORD: dict[str, Any] = {
    "schema": "penstock/deployment/3",
    "deal": "dc-water-eib-2016",
    "terms_hash": TERMS_HASH,
    "chain_id": CHAIN_ID,
    "client": "anvil/v1.7.1",
    **DEPLOYED,
    "feeds": {"runoff-reduction": FEED_ID},
    "gas": 1_266_394,
    "parts": {
        "token": {
            "kind": "token",
            "address": TOKEN,
            "implementation": "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512",
        },
        "offering": {
            "kind": "offering",
            "address": OFFERING,
            "implementation": "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0",
        },
        "bond": {
            "kind": "bond",
            "address": "0x8b66E9E03a96E0a6753eAC6898892BF01d20d8c6",
            "implementation": "0xCf7Ed3AccA5a467e9e704C703E8D87F634fB0Fc9",
        },
    },
    "shared": {
        "oracle": ORACLE,
        "registry": "0x5FbDB2315678afecb367f032d93F642f64180aa3",
        "currency": CURRENCY,
        "factory": "0x5FC8d32690cc91D4c39d9d3abcBD16989F875707",
    },
    "wallets": {
        "deployer": DEPLOYER,
        "issuer": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
        "agent": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
        "nodes": [
            NODE,
            "0x8C3229EC621644789d7F61FAa82c6d0E5F97d43D",
            "0x9586A4833970847aef259aD5BFB7aa8901DDf746",
            "0xC4c81D5C1851702d27d602aA8ff830A7689F17cc",
        ],
        "panel": [
            PANELLIST,
            "0xaAda98978453263132587D0805C4A17376Af9F13",
            "0xCD5691EA878D262516be278cb46f2fd7fF132083",
        ],
    },
    "compiler": {
        "version": "0.8.37+commit.f401782d",
        "evm_version": "shanghai",
        "optimizer_runs": 20000,
        "sources": "sha256:6e1a4cf37c46f7405d855957d7e521306e4149c2b42d922fa8b92048dc3bffb6",
    },
    "terms": TERMS,
}
