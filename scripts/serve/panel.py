"""The demonstration's panel: it rules on every challenged report by recomputing it from the raw data.

Real panellists are people. Here their keys are those of a local chain, and what they do is what an engineer
would: run the method again on the series behind the report, and believe no result that a node claims.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chain.bindings import contract, decode_log, event_abis, read
from chain.deploy import PANEL_KEYS
from chain.network import local_account
from chain.sender import Sender
from finance.settlement.median import median
from oracle import evidence
from oracle.chain_view import STATUS
from oracle.method import bundle_method
from oracle.observation import Domain, Ruling, Verdict, report_evidence
from oracle.panel import assemble, sign_ruling
from oracle.relay import send_ruling
from oracle.verifier import ReportRecord, load_report

log = logging.getLogger("penstock.serve.panel")
CHALLENGED = STATUS.index("challenged")


@dataclass(frozen=True)
class PanelFeed:
    """A feed that the panel rules on: its contract and id, its panel, and the folder with its reports."""

    oracle: str
    id: str
    members: tuple[str, ...]
    quorum: int
    folder: Path


class Panel:
    """Rules on the feeds it is given. `sender` brings the rulings; anybody may."""

    def __init__(self, sender: Sender, delay_seconds: float = 4.0) -> None:
        self._sender, self._delay = sender, delay_seconds
        self._feeds: dict[str, PanelFeed] = {}
        self._challenged: dict[tuple[str, int], float] = {}
        self._next_block = 0
        self._lock = threading.RLock()

    def add(self, judged: PanelFeed) -> None:
        self._feeds[judged.id] = judged

    def look(self, at_once: bool = False) -> None:
        """Rule on what was challenged at least `delay_seconds` ago, or on everything `at_once`, as before the
        clock moves past the panel's time."""
        with self._lock:
            for key in self._news():
                self._challenged.setdefault(key, time.monotonic())
            for (feed, period), since in list(self._challenged.items()):
                if at_once or time.monotonic() - since >= self._delay:
                    del self._challenged[feed, period]
                    self._try(feed, period)

    def _try(self, feed: str, period: int) -> None:
        try:
            self.rule(feed, period)
        except Exception:
            # The contract knows what to do about a panel that stays silent.
            log.exception("no ruling on period %s of %s", period + 1, feed)

    def _news(self) -> list[tuple[str, int]]:
        """Feed and period of every challenge since the last look."""
        w3, events = self._sender.w3, event_abis("KpiOracle")
        head = w3.eth.block_number
        first = min(self._next_block, head)  # a chain that was taken back is read again from there
        topic = next(topic for topic, entry in events.items() if entry["name"] == "ReportChallenged")
        wanted: Any = {
            "address": sorted({judged.oracle for judged in self._feeds.values()}),
            "fromBlock": first,
            "toBlock": head,
            "topics": ["0x" + topic.hex()],
        }
        found = [decode_log(log, events) for log in w3.eth.get_logs(wanted)] if self._feeds else []
        self._next_block = head + 1
        named = [(each[1]["feed"], int(each[1]["period"])) for each in found if each is not None]
        return [key for key in named if key[0] in self._feeds]

    def rule(self, feed: str, period: int) -> Verdict | None:
        """Rule on a challenged report now; None if there is nothing to rule on or nothing to go by.

        A report that lies within what the raw data give stands; another one is corrected to their median.
        """
        judged = self._feeds[feed]
        with self._lock:
            if not self._is_challenged(judged, period):
                return None
            held = self._report(judged, period)
            file = judged.folder / f"report-{period}-{held['version']}.json"
            if not file.exists():
                log.warning("no evidence of period %s of %s: the panel stays silent", period + 1, feed)
                return None
            record = load_report(file)
            values = sorted(raw_values(record, judged.folder))
            roots = report_evidence([item.evidence for item in record.observations])
            if roots != held["evidence"]:
                log.warning("period %s of %s: the evidence is of another report; no ruling", period + 1, feed)
                return None
            stands = values[0] <= held["value"] <= values[-1]
            verdict = Verdict.STANDS if stands else Verdict.CORRECTED
            value = held["value"] if stands else median(values)
            ruling = Ruling(feed, period, held["version"], held["evidence"], verdict, value, roots)
            self._bring(judged, ruling)
            log.info("ruled on period %s of %s: %s, %s", period + 1, feed, verdict.name.lower(), value)
            return verdict

    def _bring(self, judged: PanelFeed, ruling: Ruling) -> None:
        domain = Domain(chain_id=self._sender.w3.eth.chain_id, contract=judged.oracle)
        keys = [local_account(PANEL_KEYS + place) for place in range(judged.quorum)]
        signatures = [sign_ruling(ruling, domain, key) for key in keys]
        ordered = assemble(ruling, domain, signatures, judged.members, judged.quorum)
        send_ruling(self._sender, judged.oracle, ruling, ordered)

    def _is_challenged(self, judged: PanelFeed, period: int) -> bool:
        return bool(self._report(judged, period)["status"] == CHALLENGED)

    def _report(self, judged: PanelFeed, period: int) -> dict[str, Any]:
        functions = contract(self._sender.w3, "KpiOracle", judged.oracle).functions
        found: dict[str, Any] = read(functions.reportOf(judged.id, period))
        return found


def raw_values(record: ReportRecord, folder: Path) -> list[int]:
    """The KPI integer that the raw data behind each observation give, whatever the node has signed."""
    bundles = [evidence.load(folder / "evidence" / item.evidence) for item in record.observations]
    return [bundle_method(bundle).raw_value(bundle) for bundle in bundles]
