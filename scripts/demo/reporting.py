"""The KPI's way on chain in the demonstration: real node processes, a relay, faults, disputes, silence."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chain.bindings import read
from chain.deploy import NODE_KEYS, PANEL_KEYS
from chain.network import local_account, reach_time, when
from finance.settlement.median import median
from finance.settlement.terms import FeedTerms
from oracle import evidence
from oracle.kpi import to_decimal
from oracle.local import LOCAL_RELAY, prepare_nodes
from oracle.method import bundle_method
from oracle.observation import Domain, Ruling, Verdict, report_evidence
from oracle.panel import assemble, sign_ruling
from oracle.processes import RunningNode, run_nodes
from oracle.relay import run_relay, send_challenge, send_ruling
from oracle.verifier import Verification, verify_report
from scripts.demo.company import Company, Reading
from scripts.demo.narrator import Narrator

LIAR, SLEEPER = 1, 3
"""Signer indices: the node that lies and the node that is down."""
LIE_OF_SPREAD = 0.5
"""What a lying node adds to the KPI, as a part of the spread of a report: within it, so that only the median
stops it."""
HOUR = 3_600


@dataclass(frozen=True)
class Crew:
    """A set of node processes: those that answer, and what is wrong with which on purpose. `look` tells, in
    words, which do not run though they should, and starts them again where somebody keeps them."""

    nodes: Sequence[RunningNode]
    faults: dict[str, str]
    look: Callable[[], list[str]] = list

    @property
    def urls(self) -> list[str]:
        return [node.url for node in self.nodes]


@contextmanager
def crew(
    rpc: str,
    folder: Path,
    terms: FeedTerms,
    data: Mapping[str, Any],
    lies: Mapping[int, float],
    down: Sequence[int] = (),
    unit: str = "",
) -> Iterator[Crew]:
    """Start a feed's nodes as processes with the given lies, and kill those in `down`. `rpc`: URL of their
    chain; `data`: what oracle.local.prepare_nodes takes for the feed's method; `unit`: of the KPI, to say
    what a lie is.
    """
    files = prepare_nodes(
        folder,
        terms,
        **data,
        rpc=rpc,
        faults={index: {"lie": lie} for index, lie in lies.items()},
        keys=[bytes(local_account(NODE_KEYS + i).key) for i in range(terms.nodes)],
    )
    with run_nodes(files) as nodes:
        faults = {
            nodes[i].address: f"lies by {_sign(lie, unit)}, with forged evidence" for i, lie in lies.items()
        }
        for index in down:
            os.kill(nodes[index].pid, signal.SIGTERM)
            faults[nodes[index].address] = "is down (process killed)"
        yield Crew(nodes, faults)


def _sign(lie: float, unit: str) -> str:
    if unit:
        return f"{lie:+,.0f} {unit}" if abs(lie) >= 10 else f"{lie:+g} {unit}"
    return f"{lie:+.2f}" if abs(lie) >= 0.1 else f"{lie:+g}"


class Starting:
    """Crews that start in the background, because a node takes seconds to load its twin; all are stopped at
    the end. `at_once`: how many start at the same time (None: any), in the order in which they are begun.

    >>> with Starting() as starting:  # doctest: +SKIP
    ...     later = starting.begin(crew(...))
    ...     nodes = later()  # waits
    """

    def __init__(self, at_once: int | None = None) -> None:
        self._stack = ExitStack()
        self._pool = ThreadPoolExecutor(at_once)

    def __enter__(self) -> Starting:
        self._stack.enter_context(self._pool)
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def begin(self, context: AbstractContextManager[Crew]) -> Callable[[], Crew]:
        """Enter `context` in a thread; the returned function waits for it and gives what it gave."""
        future = self._pool.submit(context.__enter__)

        def leave() -> None:
            if not future.cancel() and future.exception() is None:
                context.__exit__(None, None, None)

        self._stack.callback(leave)
        return future.result


def to_reporting_time(life: Company, reading: Reading) -> int:
    """Move the clock to an hour after the measurement period; the time."""
    at = reading.ends + HOUR
    reach_time(life.w3, at)
    return at


def report(life: Company, reading: Reading, urls: Sequence[str], folder: Path) -> dict[str, Any]:
    """One relay round: collect, choose a quorum, submit; the report record."""
    return run_relay(
        life.relay,
        life.record.addresses["oracle"],
        reading.id,
        reading.period,
        urls,
        folder,
        key=LOCAL_RELAY,
        timeout_seconds=60,
    )


def verify(life: Company, record: Mapping[str, Any]) -> Verification:
    """Anybody's check of a report: the method again on the evidence, signatures, chain."""
    return verify_report(record["file"], w3=life.w3)


@dataclass(frozen=True)
class Told:
    """A report that was told of: `sound` if what counts is inside what honest nodes said, and if computing it
    again `exposed` just those who lied (reasons by node; None where it was not). Of a dispute its `facts`."""

    record: dict[str, Any]
    sound: bool
    exposed: dict[str, str] | None
    facts: dict[str, Any] = field(default_factory=dict)


def told_report(
    life: Company,
    reading: Reading,
    origin: str,
    crew: Crew,
    folder: Path,
    narrator: Narrator,
    first: bool,
) -> Told:
    """A report, told as it happens; and of the `first` of a KPI what is wrong with its nodes, and what
    anybody finds who computes it again. `origin`: where its values come from, in words."""
    feed = reading.feed
    record = report(life, reading, crew.urls, folder)
    value = to_decimal(int(record["value"]), feed.decimals)
    honest = [int(i["value"]) for i in record["observations"] if i["signer"] not in crew.faults]
    inside = min(honest) <= int(record["value"]) <= max(honest)
    if first:
        nodes = list(record["signers"])
        for address, fault in crew.faults.items():
            narrator.say(f"fault injected: node {nodes.index(address)} {fault}")
    narrator.say(
        f"{when(reading.ends)[:10]}  report on {feed.kpi}, period {reading.period + 1} ({origin}): "
        f"{len(record['observations'])} of {feed.nodes} signed, median {value}",
        inside,
    )
    if not first:
        return Told(record, inside, None)
    found = verify(life, record)
    as_expected = set(found.culprits) == {a for a, fault in crew.faults.items() if "lies" in fault}
    line = f"computed again from the evidence: {len(found.culprits)} of them does not hold"
    narrator.say(line, as_expected)
    return Told(record, inside and as_expected, dict(found.culprits))


def told_dispute(
    life: Company, reading: Reading, crew: Crew, folder: Path, narrator: Narrator, shown: Callable[[int], str]
) -> Told:
    """A captured quorum reports a wrong value; a citizen recomputes and challenges; the panel corrects it.
    `shown`: a value in words."""
    quorum = reading.feed.quorum
    # Whoever captures a quorum also decides which answers are brought on chain.
    record = report(life, reading, crew.urls[:quorum], folder)
    found = verify(life, record)
    wrong = int(record["value"])
    narrator.say(
        f"{when(reading.ends)[:10]}  {quorum} of {len(crew.nodes)} nodes collude: {shown(wrong)} is pending "
        f"as {reading.feed.kpi}, period {reading.period + 1}"
    )
    narrator.say(
        f"a citizen re-runs the evidence: {len(found.culprits)} nodes do not recompute", not found.ok
    )
    right, root = recomputed(record)
    sent = challenge(life, reading, root)
    narrator.say(
        f"the citizen stakes {life.money.words(int(sent['bond']))} and challenges the pending report"
    )
    paid = int(correct(life, reading, right, root)["paid"])
    narrator.say(f"the panel signs a corrected value, {shown(right)}; it is final at once", True)
    narrator.say(f"bond and reward are paid to the citizen: {life.money.words(paid)}", True)
    facts = {
        "kpi": reading.feed.kpi,
        "period": reading.period + 1,
        "wrong_value": str(wrong),
        "corrected_value": str(right),
        "culprits": dict(found.culprits),
        "paid_to_challenger": str(paid),
    }
    exposed = found.culprits.keys() == crew.faults.keys()
    return Told({**record, "corrected": str(right)}, exposed, dict(found.culprits), facts)


def challenge(life: Company, reading: Reading, evidence_root: str) -> dict[str, Any]:
    """A citizen stakes the bond against the pending report."""
    oracle = life.record.addresses["oracle"]
    return send_challenge(life.citizen, oracle, reading.id, reading.period, evidence_root)


def correct(life: Company, reading: Reading, value: int, evidence_root: str) -> dict[str, Any]:
    """The panel's quorum signs the corrected value; anybody brings it; the citizen takes bond and reward."""
    at, feed = life.record, reading.feed
    held = read(life.oracle.functions.reportOf(reading.id, reading.period))
    ruling = Ruling(
        feed=reading.id,
        period=reading.period,
        version=held["version"],
        report=held["evidence"],
        verdict=Verdict.CORRECTED,
        value=value,
        evidence=evidence_root,
    )
    domain = Domain(chain_id=at.chain_id, contract=at.addresses["oracle"])
    keys = [local_account(PANEL_KEYS + i) for i in range(feed.panel_quorum)]
    signatures = [sign_ruling(ruling, domain, key) for key in keys]
    ordered = assemble(ruling, domain, signatures, at.wallets.panel, feed.panel_quorum)
    sent = send_ruling(life.relay, at.addresses["oracle"], ruling, ordered)
    withdraw = life.oracle.functions.withdraw(at.addresses["currency"], life.citizen.address)
    before = life.balance(life.citizen.address)
    life.citizen.send(withdraw, "withdraw challenge credit")
    return {**sent, "paid": life.balance(life.citizen.address) - before}


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
