"""Reports made of nodes in this process, without a relay or a chain, and small wind data by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finance.settlement.median import median
from finance.settlement.terms import FeedTerms
from oracle.chain_view import ChainState
from oracle.local import NodeFiles
from oracle.node import Node
from oracle.node_config import load_config
from oracle.observation import report_evidence
from oracle.wire import ObservationRequest

FEED, CONTRACT = "0x" + "01" * 32, "0x" + "0a" * 20


def request(terms: FeedTerms, period: int = 0) -> ObservationRequest:
    """A request for the first report of a period of the feed."""
    return ObservationRequest(
        feed=FEED,
        period=period,
        version=0,
        chain_id=1,
        contract=CONTRACT,
    )


@dataclass
class Sky:
    """What a node without a chain is told about it: the time, and the report that is there."""

    time: int = 4_000_000_000
    status: str = "none"
    version: int = 0

    def state(self, chain_id: int, contract: str, feed: str, period: int) -> ChainState:
        return ChainState(self.time, self.status, self.version)


def start(files: NodeFiles, sky: Sky | None = None) -> Node:
    return Node(load_config(files.config), sky or Sky())


def edit(files: NodeFiles, **changes: Any) -> NodeFiles:
    """The node with other fields in its configuration."""
    config = json.loads(files.config.read_text())
    files.config.write_text(json.dumps({**config, **changes}))
    return files


def report_of(nodes: Sequence[Node], terms: FeedTerms, folder: Path, period: int = 0) -> Path:
    """A report file as the relay writes it, with the evidence beside it."""
    wanted = request(terms, period)
    signed = [(index, node, node.observe(wanted)) for index, node in enumerate(nodes)]
    signed.sort(key=lambda item: (item[2].value, item[0]))
    for _, node, observation in signed:
        node.evidence(observation.evidence).save(folder / "evidence")
    keep = {"value", "observed_at", "evidence", "signer", "r", "vs"}
    record = {
        "schema": "penstock/report/1",
        "chain_id": 1,
        "contract": CONTRACT,
        "feed": FEED,
        "kpi": terms.kpi,
        "decimals": terms.decimals,
        "signers": [node.address for node in nodes],
        "quorum": 3,
        "period": period,
        "version": 0,
        "value": str(median([observation.value for _, _, observation in signed])),
        "evidence": report_evidence([observation.evidence for _, _, observation in signed]),
        "observations": [
            {"url": "http://x", "signer_index": index, **observation.model_dump(mode="json", include=keep)}
            for index, _, observation in signed
        ],
    }
    path = folder / "report.json"
    path.write_text(json.dumps(record))
    return path
