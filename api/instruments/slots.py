"""What has happened to each measurement period at the oracle, in order, and how it stands by the oracle's
books."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

from chain.history import Event
from finance.settlement.feed_report import STATUS, Report, unpacked
from finance.settlement.feed_report import Status as Status_
from finance.settlement.oracle_feed import FeedBooks
from finance.settlement.terms import FeedTerms

Status = Literal["none", "pending", "challenged", "final", "missing"]
"""IKpiOracle.Status"""


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
class Dispute:
    """A challenge of a report, or a petition for one where there is none (`report` is None). `since`: when
    the panel's time began. `replaced`: by somebody who had committed to it before."""

    opened: Event
    report: Submission | None
    since: int
    ruling: Event | None = None
    settled: Event | None = None
    replaced: bool = False

    @property
    def challenger(self) -> str:
        a = self.opened.arguments
        return str(a["challenger"] if self.report is not None else a["petitioner"])


@dataclass
class Slot:
    """A period of a feed at the time `now`: all that was reported, challenged, ruled and used, and the
    `report` as the oracle's books have it."""

    feed: FeedTerms
    feed_id: str
    period: int
    now: int
    report: Report
    submissions: list[Submission] = field(default_factory=list)
    disputes: list[Dispute] = field(default_factory=list)
    ruling: Event | None = None
    uses: list[Event] = field(default_factory=list)

    @property
    def start(self) -> int:
        return self.feed.period_starts[self.period]

    @property
    def end(self) -> int:
        return self.feed.period_ends[self.period]

    @property
    def report_until(self) -> int:
        """Last second in which a report is taken unasked."""
        return self.end + self.feed.reporting_window

    @property
    def missing_at(self) -> int:
        """From when it is missing, if nobody reports it or asks the panel."""
        return self.feed.missing_at(self.period)

    def rule_until(self, dispute: Dispute) -> int:
        """Until when the panel can rule on it."""
        return dispute.since + self.feed.ruling_window

    @property
    def last(self) -> Submission | None:
        """The newest version."""
        return self.submissions[-1] if self.submissions else None

    @property
    def status(self) -> Status:
        """As KpiOracle.statusOf at `now`."""
        return cast(Status, STATUS[self.report.status])

    @property
    def is_settled(self) -> bool:
        """Whether it is final or missing: nothing changes it any more (but a restatement that nobody has
        used)."""
        return self.report.status.settled

    @property
    def final_at(self) -> int | None:
        """When it becomes, or became, final or missing unless something happens; None while a first report
        may come unasked."""
        waits = self.report.status is Status_.NONE and self.now <= self.report_until
        return None if waits else self.report.final_at

    @property
    def value(self) -> int | None:
        """The report's value, or the panel's, times 10^decimals; None when there is none or it is void."""
        there = self.last is not None or self.ruling is not None
        return self.report.value if there and self.report.status is not Status_.MISSING else None

    @property
    def settled_value(self) -> int | None:
        """The value that contracts settle on; None unless it is final."""
        return self.report.settled_value


Slots = Mapping[tuple[str, int], Slot]
"""By KPI and period (from 0)."""


def slots(
    events: Iterable[Event], feeds: Sequence[FeedTerms], ids: Mapping[str, str], oracle: FeedBooks, now: int
) -> Slots:
    """Every period of every feed. `events`: those of the deployment, in order; `ids`: feed ids by KPI;
    `oracle`: its books after them."""
    made = {
        (feed.kpi, period): Slot(
            feed, ids[feed.kpi], period, now, oracle.report_of(ids[feed.kpi], period, now)
        )
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
            signers = unpacked(int(a["signers"]))
            older = None if int(a["supersedes"], 16) == 0 else a["supersedes"]
            slot.submissions.append(
                Submission(event, a["version"], a["value"], a["evidence"], a["finalAt"], signers, older)
            )
        case "ReportChallenged" | "PeriodPetitioned":
            before = slot.disputes[-1] if slot.disputes else None
            since = event.time
            if before is not None and before.settled is not None and before.settled.tx == event.tx:
                before.replaced, since = True, before.since
            report = slot.last if event.name == "ReportChallenged" else None
            slot.disputes.append(Dispute(event, report, since))
        case "ReportRuled":
            slot.ruling = slot.disputes[-1].ruling = event
        case "ChallengeSettled":
            slot.disputes[-1].settled = event
        case "ReportUsed":
            slot.uses.append(event)
