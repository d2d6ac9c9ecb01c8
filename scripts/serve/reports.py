"""How the reports of one feed come on chain in the demonstration's world, and what has become of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from web3.contract import Contract

from chain.bindings import read
from chain.network import reach_time
from chain.sender import Sender
from finance.settlement.terms import FeedTerms
from oracle.chain_view import STATUS
from oracle.local import LOCAL_RELAY
from oracle.relay import RelayError, run_relay
from scripts.demo.reporting import HOUR
from scripts.serve.panel import Panel

log = logging.getLogger("penstock.serve.reports")
RELAY_SECONDS = 60


class NotReportedError(RuntimeError):
    """The nodes give no report although they should: the world waits for it."""


@dataclass(frozen=True)
class Reports:
    """The reports of one feed. `urls` gives the nodes that are asked about a period, by its number from 0;
    `folder` takes the reports and their evidence."""

    oracle: Contract
    feed: str
    terms: FeedTerms
    relay: Sender
    folder: Path
    urls: Callable[[int], Sequence[str]]
    panel: Panel
    ended: set[int] = field(default_factory=set)
    """Periods that are settled, whichever way."""

    def bring(self, period: int) -> None:
        """One relay round, unless there is a report already. Raises NotReportedError if the nodes give none:
        in this world that is an accident, on which nothing may be settled."""
        if self.status(period) != "none":
            return
        try:
            run_relay(
                self.relay,
                self.oracle.address,
                self.feed,
                period,
                self.urls(period),
                self.folder,
                key=LOCAL_RELAY,
                timeout_seconds=RELAY_SECONDS,
            )
        except RelayError as error:
            log.warning("no report of %s, period %s: %s", self.terms.kpi, period + 1, error)
            raise NotReportedError(
                f"the nodes gave no report of {self.terms.kpi}, period {period + 1}: {error}"
            ) from None

    def await_ends(self, now: int) -> None:
        """See to it that the reports which nobody challenged are final, of whose dispute window the end has
        come; what is challenged is ruled on first. Raises NotReportedError while there is none."""
        for period, ends in enumerate(self.terms.period_ends):
            if ends + HOUR + self.terms.dispute_window > now:
                break
            if period in self.ended:
                continue
            self.bring(period)
            if self.status(period) == "challenged":
                self.panel.rule(self.feed, period)
            status = self.status(period)
            if status in ("pending", "challenged"):
                final_at = read(self.oracle.functions.reportOf(self.feed, period))["finalAt"]
                reach_time(self.oracle.w3, final_at)
                if status == "challenged":
                    self.relay.send(self.oracle.functions.settleSilentPanel(self.feed, period))
            self.ended.add(period)

    def status(self, period: int) -> str:
        return STATUS[read(self.oracle.functions.statusOf(self.feed, period))]
