"""What tests of disputes share: stakes of conftest's `feed`, and short words for its oracle."""

from __future__ import annotations

from eth_abi import encode
from eth_utils import keccak

from tests.contracts.checks import plain
from tests.contracts.material import MILLION, signer_of

BOND, REWARD = 10_000 * MILLION, 5_000 * MILLION
REASON = keccak(text="the gauge was blocked")
SALT = keccak(text="a secret")


def commitment(feed, who, value, period=0, evidence=REASON, salt=SALT):
    """As the interface says: of a challenge, or of a petition where `value` is None."""
    kinds, values = ["address", "bytes32", "uint32"], [str(who), bytes(feed.feed), period]
    if value is not None:
        kinds, values = [*kinds, "int128"], [*values, value]
    return keccak(encode([*kinds, "bytes32", "bytes32"], [*values, evidence, salt]))


def reported(feed, period=0):
    return feed.oracle.reportOf(feed.feed, period)[1]


def report_evidence(feed, period=0):
    """Of the report that is there, by which a ruling says what it is on; zero where none is."""
    return bytes.fromhex(str(feed.oracle.reportOf(feed.feed, period)[2])[2:])


def commit(feed, who, value=None, period=0, salt=SALT):
    """Commit to a challenge of the present report, or of the `value` given."""
    value = reported(feed, period) if value is None else value
    return feed.oracle.commitChallenge(commitment(feed, who, value, period, salt=salt), {"from": who})


def reveal(feed, who, value=None, period=0, salt=SALT):
    value = reported(feed, period) if value is None else value
    return feed.oracle.challenge(feed.feed, period, value, REASON, salt, {"from": who})


def challenge(feed, who, value=None, period=0, salt=SALT):
    """Commit and challenge."""
    commit(feed, who, value, period, salt)
    return reveal(feed, who, value, period, salt)


def petition(feed, who, period=0, salt=SALT):
    """Commit and petition."""
    feed.oracle.commitChallenge(commitment(feed, who, None, period, salt=salt), {"from": who})
    return feed.oracle.petition(feed.feed, period, REASON, salt, {"from": who})


def status(feed, period=0):
    return feed.oracle.statusOf(feed.feed, period)


def credit(feed, base, account):
    return feed.oracle.creditOf(base.currency, account)


def whose(feed, verdict, signed):
    """Whose signature the first one would be, of a ruling of that verdict on the report there is now."""
    held = plain(feed.oracle.reportOf(feed.feed, 0))
    root, signatures = signed
    digest = feed.oracle.rulingDigest(feed.feed, 0, held[4], held[2], verdict, 0, root)
    return signer_of(bytes(digest), *signatures[0][1:])
