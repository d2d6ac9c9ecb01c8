"""Sets of node processes for the demonstration's deals: started in the background, in order, and stopped at
the end."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from chain.deploy import NODE_KEYS
from chain.network import local_account
from finance.settlement.terms import FeedTerms
from finance.terms import Deal
from oracle.local import prepare_nodes, run_nodes
from scripts.demo.reporting import Crew

SEED = 2020
Later = Callable[[], Crew]
"""Waits for a crew that starts in the background."""


@dataclass(frozen=True)
class Staff:
    """What a set of nodes is made of. `lies`: by position, in the KPI's unit; `down`: positions that are
    stopped at once; `count`: only the first so many are run (None: all)."""

    deal: Deal
    terms: FeedTerms
    lies: Mapping[int, float] = field(default_factory=dict)
    down: Sequence[int] = ()
    count: int | None = None


@contextmanager
def staffed(staff: Staff, folder: Path) -> Iterator[Crew]:
    """Run the nodes, with the faults that were asked for."""
    files = prepare_nodes(
        folder,
        staff.terms,
        deal=staff.deal,
        seed=SEED,
        faults={place: {"lie": lie} for place, lie in staff.lies.items()},
        keys=[bytes(local_account(NODE_KEYS + place).key) for place in range(staff.terms.nodes)],
    )
    with run_nodes(files[: staff.count]) as nodes:
        unit = staff.deal.kpis[staff.terms.kpi].unit
        faults = {nodes[place].address: f"lies by {lie:+,g} {unit}" for place, lie in staff.lies.items()}
        for place in staff.down:
            os.kill(nodes[place].pid, signal.SIGTERM)
            faults[nodes[place].address] = "is down (process stopped)"
        yield Crew(nodes, faults)
