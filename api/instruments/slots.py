"""What the oracle holds for each measurement period, worked out from its events and the chain's clock,
exactly as KpiOracle does: a report becomes final, or missing, without a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from chain.event_tables import VERDICTS
from chain.events import Event
from finance.settlement.terms import FeedTerms

Status = Literal["none", "pending", "challenged", "final", "missing"]
"""IKpiOracle.Status"""

VOID = VERDICTS.index("void")


@dataclass(frozen=True)
class Submission:
    """A report as it was brought. `signers`: indices in the order of their values."""

    event: Event
    version: int
    value: int
    evidence: str
    final_at: int
    signers: tuple[int, ...]
    supersedes: str | None


@dataclass
class Slot:
    """A period of a feed at the time `now`: all that was reported, challenged, ruled and used."""

    feed: FeedTerms
    feed_id: str
    period: int
    now: int
    submissions: list[Submission] = field(default_factory=list)
    challenge: Event | None = None
    ruling: Event | None = None
    settled: Event | None = None
    uses: list[Event] = field(default_factory=list)

    @property
    def start(self) -> int:
        return self.feed.period_starts[self.period]

    @property
    def end(self) -> int:
        return self.feed.period_ends[self.period]

    @property
    def report_until(self) -> int:
        """Last second in which a report is taken."""
        return self.end + self.feed.reporting_window

    @property
    def rule_until(self) -> int | None:
        """Until when the panel can rule; None without a challenge."""
        return None if self.challenge is None else self.challenge.time + self.feed.ruling_window

    @property
    def last(self) -> Submission | None:
        """The newest version."""
        return self.submissions[-1] if self.submissions else None

    @property
    def status(self) -> Status:
        """As KpiOracle.statusOf at `now`."""
        if self.last is None:
            return "missing" if self.now > self.report_until else "none"
        if self.ruling is not None:
            return "missing" if self.ruling.arguments["verdict"] == VOID else "final"
        if self.rule_until is not None:
            return "final" if self.now >= self.rule_until else "challenged"
        return "final" if self.now >= self.last.final_at else "pending"

    @property
    def is_settled(self) -> bool:
        """Whether it is final or missing: nothing changes it any more (but a restatement that nobody has
        used)."""
        return self.status in ("final", "missing")

    @property
    def final_at(self) -> int | None:
        """When it becomes, or became, final unless something happens; None without a report."""
        if self.last is None:
            return None
        if self.ruling is not None:
            return self.ruling.time
        return self.last.final_at if self.rule_until is None else self.rule_until

    @property
    def value(self) -> int | None:
        """The report's value, or the panel's, times 10^decimals; None when there is none or it is void."""
        if self.last is None or self.status == "missing":
            return None
        return int(self.last.value if self.ruling is None else self.ruling.arguments["value"])

    @property
    def settled_value(self) -> int | None:
        """The value that contracts settle on; None unless it is final."""
        return self.value if self.status == "final" else None


Slots = Mapping[tuple[str, int], Slot]
"""By KPI and period (from 0)."""


def slots(events: Iterable[Event], feeds: Sequence[FeedTerms], ids: Mapping[str, str], now: int) -> Slots:
    """Every period of every feed. `events`: those of the deployment, in order; `ids`: feed ids by KPI."""
    made = {
        (feed.kpi, period): Slot(feed, ids[feed.kpi], period, now)
        for feed in feeds
        if feed.kpi in ids
        for period in range(len(feed.period_ends))
    }
    kpis = {feed: kpi for kpi, feed in ids.items()}
    for event in events:
        if event.source != "oracle" or "period" not in event.arguments:
            continue
        slot = made.get((kpis.get(event.arguments["feed"], ""), event.arguments["period"]))
        if slot is not None:
            _enter(slot, event)
    return made


def _enter(slot: Slot, event: Event) -> None:
    a = event.arguments
    match event.name:
        case "ReportSubmitted":
            signers = tuple(byte - 1 for byte in int(a["signers"]).to_bytes(32, "little") if byte)
            before = None if int(a["supersedes"], 16) == 0 else a["supersedes"]
            slot.submissions.append(
                Submission(event, a["version"], a["value"], a["evidence"], a["finalAt"], signers, before)
            )
        case "ReportChallenged":
            slot.challenge = event
        case "ReportRuled":
            slot.ruling = event
        case "ChallengeSettled":
            slot.settled = event
        case "ReportUsed":
            slot.uses.append(event)
