"""KpiOracle: reports, disputes and rewards of a deal's feeds. Observations and signatures are not said, and a
challenger's commitment names no feed; the books take such acts as they are told of."""

from __future__ import annotations

from typing import Any

from chain.history import Event, History
from chain.parts.base import PartKind, Rebuilt, Said, Table, said
from finance.settlement.feed_report import VERDICTS, unpacked
from finance.settlement.world import World


def _where(a: Said) -> dict[str, Any]:
    return {"feed": a["feed"], "period": a["period"]}


def _submitted(a: Said, _world: World) -> Rebuilt:
    said = {"version": a["version"], "value": a["value"], "evidence": a["evidence"]}
    yield "", "told_report", {**_where(a), **said, "signers": list(unpacked(a["signers"]))}


def _challenged(a: Said, _world: World) -> Rebuilt:
    yield a["challenger"], "told_challenge", {**_where(a), "evidence": a["evidence"]}


def _petitioned(a: Said, _world: World) -> Rebuilt:
    yield a["petitioner"], "told_petition", {**_where(a), "evidence": a["evidence"]}


def _ruled(a: Said, _world: World) -> Rebuilt:
    said = {"verdict": a["verdict"], "value": a["value"], "evidence": a["evidence"]}
    yield "", "told_ruling", {**_where(a), **said}


def _settled(a: Said, _world: World) -> Rebuilt:
    yield "", "settle_silent_panel", _where(a)


def _used(a: Said, world: World) -> Rebuilt:
    if a["consumer"] not in world.addresses.values():
        yield a["consumer"], "consume", _where(a)


def _funded(a: Said, _world: World) -> Rebuilt:
    yield a["from"], "fund_rewards", {"feed": a["feed"], "amount": a["amount"]}


def _released(a: Said, _world: World) -> Rebuilt:
    yield "", "release_rewards", {"feed": a["feed"]}


APART = frozenset({"FeedCreated"})
"""Events of which the books know nothing: feeds are there from the beginning."""

ACTS_OF = {
    "ReportSubmitted": _submitted,
    "ReportChallenged": _challenged,
    "PeriodPetitioned": _petitioned,
    "ReportRuled": _ruled,
    "ChallengeSettled": _settled,
    "ReportUsed": _used,
    "RewardsFunded": _funded,
    "RewardsReleased": _released,
}


def _kpi(log: History, event: Event) -> str:
    return next(kpi for kpi, feed in log.record.feeds.items() if feed == event.arguments["feed"])


def _of_feed(event: str, *same: str, **more: Any) -> Table:
    """With the KPI's id instead of the feed's."""
    return said(event, kpi=_kpi, period="period", **{name: name for name in same}, **more)


def _signers(_log: History, event: Event) -> tuple[int, ...]:
    return unpacked(event.arguments["signers"])


def _verdict(_log: History, event: Event) -> str:
    return VERDICTS[event.arguments["verdict"]]


REPORT = "version", "value", "evidence"
TABLES = {
    "reports": _of_feed("ReportSubmitted", *REPORT, "supersedes", final_at="finalAt", signers=_signers),
    "challenges": _of_feed("ReportChallenged", "version", "challenger", "evidence"),
    "petitions": _of_feed("PeriodPetitioned", "petitioner", "evidence"),
    "rulings": _of_feed("ReportRuled", *REPORT, verdict=_verdict),
}
MEASURED = frozenset(
    {
        "ReportSubmitted",
        "ReportChallenged",
        "PeriodPetitioned",
        "ReportRuled",
        "ChallengeSettled",
        "ReportUsed",
    }
)
KIND = PartKind(
    "KpiOracle", ACTS_OF, apart=APART, helper="FeedChecks", cloned=False, tables=TABLES, measured=MEASURED
)
