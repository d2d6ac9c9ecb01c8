"""Shared by the oracle tests: the deal's feed, the rain year, a feed on a local chain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEAL = ROOT / "deals" / "dc-water-eib-2016.yaml"
SECONDS_2021 = (1609459200, 1640995200)
"""2021-01-01 and 2022-01-01, 00:00 UTC."""


@pytest.fixture(scope="session")
def deal() -> Any:
    from finance.terms import load_deal

    return load_deal(DEAL)


@pytest.fixture(scope="session")
def feed_terms(deal: Any) -> Any:
    """The deal's feed with a second period, so that a report can be replayed into another one."""
    from finance.settlement.terms import settlement_terms

    terms = settlement_terms(deal).feeds[0]
    assert terms.period_ends == SECONDS_2021[:1]
    return replace(
        terms,
        period_starts=(*terms.period_starts, SECONDS_2021[0]),
        period_ends=(*terms.period_ends, SECONDS_2021[1]),
    )


@pytest.fixture(scope="session")
def area(deal: Any) -> float:
    return float(deal.asset.parameters["impervious_area_acres"].value)


@pytest.fixture(scope="session")
def rain() -> Any:
    from oracle.twins.rain import tmy3_rain

    return tmy3_rain(2020)


@dataclass(frozen=True)
class FeedOnChain:
    """An oracle contract with a feed, and the money for challenges."""

    oracle: str
    feed: str
    currency: str


def create_feed(sender: Any, terms: Any, signers: list[str], panel: list[str], consumer: str) -> FeedOnChain:
    """Deploy a currency and an oracle, and create the feed there."""
    currency, _ = sender.deploy("TestCurrency", "Test dollar", "TUSD", 6)
    oracle, _ = sender.deploy("KpiOracle")
    feed = feed_at(sender, oracle, terms, signers, panel, consumer, currency.address)
    return FeedOnChain(oracle.address, feed, currency.address)


def feed_at(
    sender: Any, oracle: Any, terms: Any, signers: list[str], panel: list[str], consumer: str, currency: str
) -> str:
    from eth_utils import keccak

    config = {
        "deal": keccak(text="a deal"),
        "kpi": terms.kpi.encode().ljust(32, b"\0"),
        "decimals": terms.decimals,
        "minValue": terms.min_value,
        "maxValue": terms.max_value,
        "maxSpread": terms.max_spread,
        "signers": signers,
        "quorum": terms.quorum,
        "methodHash": bytes.fromhex(terms.method_hash[2:]),
        "periodEnds": list(terms.period_ends),
        "reportingWindow": terms.reporting_window,
        "lateWindow": terms.late_window,
        "disputeWindow": terms.dispute_window,
        "rulingWindow": terms.ruling_window,
        "bondCurrency": currency,
        "challengeBond": terms.challenge_bond,
        "challengeReward": terms.challenge_reward,
        "sponsor": consumer,
        "panel": panel,
        "panelQuorum": terms.panel_quorum,
        "consumers": [consumer],
    }
    receipt = sender.send(oracle.functions.createFeed(config))
    (event,) = oracle.events.FeedCreated().process_receipt(receipt)
    return "0x" + event["args"]["feed"].hex()


@pytest.fixture(scope="session")
def bloom() -> Any:
    from finance.terms import load_deal

    return load_deal(ROOT / "deals" / "bloom-wind-prs.yaml")


@pytest.fixture(scope="session")
def wind_terms(bloom: Any) -> Any:
    """The feed of the wind deal's KPI: forty quarters."""
    from finance.settlement.terms import feed_terms

    terms = feed_terms(bloom, "proxy-revenue")
    assert len(terms.period_ends) == 40
    return terms


@pytest.fixture(scope="session")
def one_quarter(wind_terms: Any) -> Any:
    """The feed with its first quarter only: 92 days from 1 June 2017."""
    return replace(
        wind_terms, period_starts=wind_terms.period_starts[:1], period_ends=wind_terms.period_ends[:1]
    )
