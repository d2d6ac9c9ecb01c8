"""The swap's oracle in the demonstration: node processes, their faults, reports, a challenge and a ruling."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chain.bindings import read
from chain.deploy import NODE_KEYS, PANEL_KEYS
from chain.network import local_account, reach_time
from finance.settlement.median import median
from finance.settlement.swap_terms import swap_terms
from finance.terms import Deal
from oracle import evidence
from oracle.local import LOCAL_RELAY, prepare_nodes
from oracle.method import bundle_method
from oracle.observation import Domain, Ruling, Verdict, report_evidence
from oracle.panel import assemble, sign_ruling
from oracle.processes import run_nodes
from oracle.relay import run_relay, send_challenge, send_ruling
from oracle.verifier import Verification, verify_report
from scripts.demo.reporting import HOUR, Crew
from scripts.demo.swap.life import SwapLife


@contextmanager
def crew(
    rpc: str, deal: Deal, folder: Path, seed: int, lies: Mapping[int, float], down: Sequence[int] = ()
) -> Iterator[Crew]:
    """Start the feed's nodes as processes with the given lies (in the KPI's unit), and kill those in
    `down`. `rpc`: URL of their chain.
    """
    terms = swap_terms(deal).feed
    files = prepare_nodes(
        folder,
        terms,
        deal=deal,
        seed=seed,
        rpc=rpc,
        faults={index: {"lie": lie} for index, lie in lies.items()},
        keys=[bytes(local_account(NODE_KEYS + i).key) for i in range(terms.nodes)],
    )
    unit = deal.kpis[terms.kpi].unit
    with run_nodes(files) as nodes:
        faults = {nodes[i].address: f"lies by {lie:+,.0f} {unit}" for i, lie in lies.items()}
        for index in down:
            os.kill(nodes[index].pid, signal.SIGTERM)
            faults[nodes[index].address] = "is down (process killed)"
        yield Crew(nodes, faults)


def report(life: SwapLife, period: int, urls: Sequence[str], folder: Path) -> dict[str, Any]:
    """After the period has ended: collect, choose a quorum, submit; the report record."""
    end = life.terms.feed.period_ends[period] + HOUR
    reach_time(life.w3, end)
    at = life.record.addresses
    return run_relay(
        life.relay, at["oracle"], life.feed, period, urls, folder, key=LOCAL_RELAY, timeout_seconds=60
    )


def wait_until_final(life: SwapLife, period: int) -> None:
    """Let the dispute window pass."""
    status = read(life.oracle.functions.reportOf(life.feed, period))
    reach_time(life.w3, status["finalAt"])


def verify(life: SwapLife, record: Mapping[str, Any]) -> Verification:
    """Anybody's check of a report: the method again on the evidence, signatures, chain."""
    return verify_report(record["file"], w3=life.w3)


def challenge(life: SwapLife, period: int, root: str) -> dict[str, Any]:
    """A citizen stakes the bond against the pending report."""
    oracle, bond = life.record.addresses["oracle"], life.terms.feed.challenge_bond
    life.approve(life.citizen, oracle, bond)
    return send_challenge(life.citizen, oracle, life.feed, period, root)


def correct(life: SwapLife, period: int, value: int, root: str) -> int:
    """The panel's quorum signs the corrected value, anybody brings it, the citizen takes bond and reward;
    what it got.
    """
    oracle, feed = life.record.addresses["oracle"], life.terms.feed
    held = read(life.oracle.functions.reportOf(life.feed, period))
    ruling = Ruling(life.feed, period, held["version"], held["evidence"], Verdict.CORRECTED, value, root)
    domain = Domain(chain_id=life.record.chain_id, contract=oracle)
    keys = [local_account(PANEL_KEYS + i) for i in range(feed.panel_quorum)]
    signatures = [sign_ruling(ruling, domain, key) for key in keys]
    panel = life.record.wallets.panel
    send_ruling(life.relay, oracle, ruling, assemble(ruling, domain, signatures, panel, feed.panel_quorum))
    before = life.balance(life.citizen.address)
    withdraw = life.oracle.functions.withdraw(life.record.addresses["currency"], life.citizen.address)
    life.citizen.send(withdraw, "withdraw challenge credit")
    return life.balance(life.citizen.address) - before


def recomputed(record: Mapping[str, Any]) -> tuple[int, str]:
    """What an engineer finds who runs the method again on the raw series behind a report: the median of the
    recomputed values, and the root of that evidence. Forged results do not matter here, only raw data do.
    """
    folder = Path(record["file"]).parent / "evidence"
    roots = [item["evidence"] for item in record["observations"]]
    values = sorted(from_raw_data(evidence.load(folder / root)) for root in roots)
    return median(values), report_evidence(roots)


def from_raw_data(bundle: evidence.Bundle) -> int:
    """The KPI integer that a bundle's raw data give, whatever its results claim."""
    return bundle_method(bundle).raw_value(bundle)
