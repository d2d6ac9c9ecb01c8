"""What tests of disputes share: stakes of conftest's `feed`, and short words for its oracle."""

from __future__ import annotations

from eth_utils import keccak

from tests.contracts.material import MILLION

BOND, REWARD = 10_000 * MILLION, 5_000 * MILLION
REASON = keccak(text="the gauge was blocked")


def challenge(feed, who, version=0, period=0):
    return feed.oracle.challenge(feed.feed, period, version, REASON, {"from": who})


def status(feed, period=0):
    return feed.oracle.statusOf(feed.feed, period)


def credit(feed, base, account):
    return feed.oracle.creditOf(base.currency, account)
