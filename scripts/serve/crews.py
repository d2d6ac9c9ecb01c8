"""Sets of node processes for the demonstration's deals: started in the background, in order, and stopped at
the end."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from chain.deploy import NODE_KEYS
from chain.network import local_account
from finance.settlement.terms import FeedTerms
from finance.terms import Deal
from oracle.local import NodeFiles, prepare_nodes
from oracle.processes import RunningNode, kept_nodes
from scripts.demo.reporting import Crew

SEED = 2020
Later = Callable[[], Crew]
"""Waits for a crew that starts in the background."""


@dataclass(frozen=True)
class Staff:
    """What a set of nodes is made of. `lies`: by position, in the KPI's unit; `down`: positions that are
    stopped at once."""

    deal: Deal
    terms: FeedTerms
    lies: Mapping[int, float] = field(default_factory=dict)
    down: Sequence[int] = ()


@contextmanager
def staffed(rpc: str, staff: Staff, folder: Path, stop: Event, crews: dict[str, Crew]) -> Iterator[Crew]:
    """Run the nodes, with the faults that were asked for, on the chain at `rpc`; `stop` ends their start.
    While they run they are in `crews`, by the deal's id."""
    files = prepare_nodes(
        folder,
        staff.terms,
        deal=staff.deal,
        seed=SEED,
        rpc=rpc,
        faults={place: {"lie": lie} for place, lie in staff.lies.items()},
        keys=[bytes(local_account(NODE_KEYS + place).key) for place in range(staff.terms.nodes)],
    )
    with kept_nodes(files, stop=stop) as kept:
        for place in staff.down:
            kept.put_down(place)
        crews[staff.deal.id] = Crew(kept.running, _faults(staff, kept.running), kept.look)
        try:
            yield crews[staff.deal.id]
        finally:
            del crews[staff.deal.id]


@contextmanager
def captured(staff: Staff, honest: Later, source: Path, folder: Path, stop: Event) -> Iterator[Crew]:
    """Run the nodes of `honest` once more, with the same keys and data from `source`, but the first quorum of
    them lying."""
    crew = honest()
    files = []
    for place, lie in staff.lies.items():
        shutil.copytree(
            source / f"node-{place}", folder / f"node-{place}", ignore=shutil.ignore_patterns("state")
        )
        config = folder / f"node-{place}" / "node.json"
        config.write_text(
            json.dumps({**json.loads(config.read_text()), "fault": {"lie": lie}}, indent=2) + "\n"
        )
        files.append(NodeFiles(config, crew.nodes[place].address))
    with kept_nodes(files, stop=stop) as kept:
        yield Crew(kept.running, _faults(staff, kept.running), kept.look)


def _faults(staff: Staff, nodes: Sequence[RunningNode]) -> dict[str, str]:
    unit = staff.deal.kpis[staff.terms.kpi].unit
    faults = {nodes[place].address: f"lies by {lie:+,g} {unit}" for place, lie in staff.lies.items()}
    return faults | {nodes[place].address: "is down (process stopped)" for place in staff.down}
