"""The real oracle and its books, lived act by act: both do the same, or both refuse."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections import Counter
from random import Random
from types import ModuleType

import pytest
from eth_account import Account

from finance.settlement.feed_config import word
from finance.settlement.feed_report import Verdict
from finance.settlement.oracle_feed import ACTS, FeedBooks
from oracle.observation import Domain, Observation, Ruling, Signature, recover
from oracle.observation import digest as digest_of
from tests.settlement.engine import NOW
from tests.settlement.feed_lives import HASHES, Life
from tests.settlement.signing import OBSERVATION, RULING, Key, digest, domain
from tests.settlement.twins import Chain, Difference, person, same_functions

RARE = {
    "restated", "answered a challenged report", "answered a challenged petition",
    "completed, PENDING, settling 0", "completed, CHALLENGED, settling 0",
    "completed, CHALLENGED, settling 1",
    "replaced in a challenge", "replaced in a petition", "silence on a report", "silence on a petition",
    "used, missing", "used, reported", "reward, whole", "reward, a share",
    *(f"{verdict.name} of a {kind}" for verdict in Verdict for kind in ("report", "petition")),
}  # fmt: skip


NEVER_REFUSED = {"commit_challenge", "withdraw"}


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


def test_an_oracle_lives_as_its_books_say(chain: Chain, seed: int, cases: int) -> None:
    accepted: Counter[tuple[str, str]] = Counter()
    refused: Counter[tuple[str, str]] = Counter()
    seen: Counter[str] = Counter()
    least = max(25, cases // 400)
    for case in range(20 * least):  # go on until the rarest thing has been seen
        if case >= least and seen.keys() >= RARE and min(accepted["oracle", call] for call in ACTS) > 20:
            break
        life = Life(chain, Random(f"{seed}/oracle {case}"))
        life.live(160)
        accepted, refused, seen = accepted + life.accepted, refused + life.refused, seen + life.seen
    assert seen.keys() >= RARE, RARE - seen.keys()
    for call in ACTS:
        assert accepted["oracle", call] > 20, (call, accepted)
        assert refused["oracle", call] > 20 or call in NEVER_REFUSED, (call, refused)
    assert sum(accepted.values()) > sum(refused.values())


def test_every_function_is_an_act() -> None:
    same_functions("KpiOracle", FeedBooks)


def test_signatures_are_those_of_eth_account() -> None:
    """What the lives above are signed with: the project's own digests, and keys that eth_account finds."""
    oracle, key = person("oracle"), Key(0xA0DE)
    said = (HASHES[1], 3, 1, -7, NOW, HASHES[2])
    signed = digest(domain(oracle), OBSERVATION, *said)
    message = Observation(*said).message(Domain(1, oracle))
    assert signed == digest_of(message)
    assert recover(message, Signature(**key.sign(signed))) == key.address
    assert Account.from_key(word(key.secret)).address == key.address
    ruling = (HASHES[1], 3, 1, HASHES[3], Verdict.CORRECTED, -7, HASHES[2])
    assert digest(domain(oracle), RULING, *ruling) == digest_of(Ruling(*ruling).message(Domain(1, oracle)))


MUTANTS = [
    (
        "oracle_feed",
        "pool // (len(config.period_ends) - period)",
        "-(-pool // (len(config.period_ends) - period))",
    ),
    ("oracle_feed", "challenge_bond + reward)", "challenge_bond + reward + 1)"),
    ("oracle_feed", "rewarded=True", "rewarded=False"),
    ("oracle_feed", "order >= made.order", "order > made.order"),
    ("oracle_feed", "final_at=was.final_at", "final_at=made.final_at"),
    ("oracle_feed", "if fuller and made.value == was.value:", "if made.value == was.value:"),
    ("oracle_feed", "if fuller and made.value == was.value:", "if fuller:"),
    (
        "oracle_feed",
        "if fuller and made.value",
        "if fuller and was.stored is not Status.PENDING and made.value",
    ),
    ("oracle_feed", "Status.PENDING if report.signers", "Status.FINAL if report.signers"),
    ("oracle_feed", "COMMITTED_FOR: Final = 3_600", "COMMITTED_FOR: Final = 3_601"),
    (
        "oracle_feed",
        """        self._dispute(world, by, feed, period, order)
        said = {"version": report.version, "challenger": by, "evidence": evidence}
        world.emit(self.key, "ReportChallenged", feed=feed, period=period, **said)
""",
        """        said = {"version": report.version, "challenger": by, "evidence": evidence}
        world.emit(self.key, "ReportChallenged", feed=feed, period=period, **said)
        self._dispute(world, by, feed, period, order)
""",
    ),
    ("feed_report", "CHALLENGED and now >= self", "CHALLENGED and now > self"),
    ("feed_report", "if fuller and is_final:", "if fuller and late:"),
    ("feed_report", "is_final or was.stored is not Status", "was.stored is not Status"),
    ("feed_config", "self.report_until(period) + self.late", "1 + self.report_until(period) + self.late"),
    ("feed_config", "c.quorum > 2 * liars(nodes)", "c.quorum >= 2 * liars(nodes)"),
    ("feed_config", "32 * len(values) + len(tail)", "32 * len(values)"),
    ("median", "(len(values) - 1) // 2", "len(values) // 2"),
]
"""A unit, a rounding, a second, an order: module, a piece of it, and what takes its place."""


def mutated(monkeypatch: pytest.MonkeyPatch, name: str, old: str, new: str) -> type[FeedBooks]:
    """The books with a piece of a module changed."""
    names = ["median", "feed_config", "feed_report", "oracle_acts", "oracle_feed"]
    for each in names[names.index(name) :]:
        module = importlib.import_module(f"finance.settlement.{each}")
        source = inspect.getsource(module)
        if each == name:
            assert source.count(old) == 1, f"{old!r} is in {name} {source.count(old)} times"
            source = source.replace(old, new)
        copy = ModuleType(module.__name__)
        monkeypatch.setitem(sys.modules, module.__name__, copy)
        monkeypatch.setattr(sys.modules["finance.settlement"], each, copy)
        exec(compile(source, module.__name__, "exec"), copy.__dict__)
    found: type[FeedBooks] = sys.modules["finance.settlement.oracle_feed"].FeedBooks
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("name", "old", "new"), MUTANTS, ids=map(str, range(len(MUTANTS))))
def test_books_that_are_a_little_wrong_are_found(
    chain: Chain, seed: int, monkeypatch: pytest.MonkeyPatch, name: str, old: str, new: str
) -> None:
    books = mutated(monkeypatch, name, old, new)
    with pytest.raises(Difference):  # noqa: PT012 - one life after the other
        for case in range(400):
            Life(chain, Random(f"{seed}/wrong {case}"), books).live(160)
