"""What the API and the pages say about the oracle: reports, evidence, disputes, nodes and twins."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.models import Address, Hash, Minor, Resource, Trace

ReportStatus = Literal["pending", "challenged", "final", "missing"]
"""By the chain's clock: pending can be challenged; missing: voided by the panel."""


class ObservationView(Resource):
    """What one node signed of a report. `evidence`: root of its bundle; `href`: where the bundle is, if held
    here. `culprit`: why it does not recompute, when somebody has had the report repeated."""

    signer: Address
    signer_index: int
    url: str | None = None
    value: float | None = None
    raw: str | None = None
    observed_at: int | None = None
    evidence: Hash | None = None
    href: str | None = None
    culprit: str | None = None


class LeftOut(Resource):
    """A node that is not in a report, and why the relay left it out (where the relay says)."""

    signer: Address | None = None
    signer_index: int | None = None
    url: str | None = None
    reason: str


class DisputeView(Resource):
    """A challenge of a report, and how it ended; or a petition to the panel for a period that nobody reported
    (`version` and `value` are null). `status`: open until the panel rules or its time is over (silent: all is
    as before, and the bond goes back); restated: nodes corrected themselves, or completed the report;
    replaced: somebody else had committed to it first. `value`: as reported; `ruled`: the panel's.
    `credited`: what the challenger can withdraw or has withdrawn: bond and reward, or the bond; null while
    it is open."""

    kpi: str
    period: int
    version: int | None
    status: Literal["open", "ruled", "silent", "restated", "replaced"]
    challenger: Address
    evidence: Hash
    value: float | None
    rule_until: int
    challenged: Trace
    verdict: Literal["stands", "corrected", "void"] | None = None
    ruled: float | None = None
    ruling: Trace | None = None
    credited: Minor | None = None
    bond: Minor
    reward: Minor
    unpaid: Minor | None = Field(
        default=None,
        description="What the oracle owes the challenger now, of all its disputes; null: not asked.",
    )


class ReportView(Resource):
    """A report on chain. `status` is by the chain's clock; superseded: a restatement has taken its place.
    `settled` is the value that counts (the panel's, if it ruled), null while there is none. `in_force`: it
    is the newest version. `can_challenge` until `final_at`. `recomputable`: its evidence is held here."""

    kpi: str
    period: int
    version: int
    status: Literal["pending", "challenged", "final", "missing", "superseded"]
    in_force: bool
    value: float
    raw: str
    settled: float | None = None
    evidence: Hash
    supersedes: Hash | None = None
    final_at: int
    can_challenge: bool
    used: bool
    used_trace: Trace | None = None
    observations: list[ObservationView]
    left_out: list[LeftOut]
    recomputable: bool
    dispute: DisputeView | None = None
    trace: Trace


class EvidenceFile(Resource):
    """A file of a bundle, and where to get it."""

    name: str
    bytes: int
    sha256: Hash
    keccak256: Hash
    href: str


class EvidenceView(Resource):
    """An evidence bundle, intact: every byte was compared with `root` before this was answered."""

    root: Hash
    kpi: str
    period: int
    version: int
    gauge: str = Field(description="The node's instrument or copy of the data.")
    value: float
    raw: str
    period_start: int
    period_end: int
    method: str
    files: list[EvidenceFile]


class CheckView(Resource):
    """One thing that was looked at. `node`: the signer it is about, if one."""

    name: str
    ok: bool
    detail: str
    node: Address | None = None


class CulpritView(Resource):
    """A node whose observation does not hold, and the first reason."""

    node: Address
    signer_index: int | None = None
    reason: str


class RecomputeView(Resource):
    """A report repeated from its raw data: signatures, hashes, the method run again, the nodes held beside
    each other, and what the chain holds. `evidence`: root of a bundle that does recompute, to challenge
    with."""

    deployment: str
    kpi: str
    period: int
    version: int
    ok: bool
    holds: bool = Field(
        description="The value that counts, the middle one, is of a node whose observation holds."
    )
    value: float
    honest: float | None = Field(default=None, description="Median of the observations that do follow.")
    checks: list[CheckView]
    culprits: list[CulpritView]
    evidence: Hash | None = None
    block: int
    time: int
    seconds: float


class RoundView(Resource):
    """A round of the relay: the nodes' answers as one report, ready to be sent by whoever has a wallet. `to`
    and `data` are those of the transaction. Nothing is on chain before it is sent."""

    deployment: str
    kpi: str
    period: int
    version: int
    value: float
    raw: str
    evidence: Hash
    observations: list[ObservationView]
    left_out: list[LeftOut]
    chain_id: int
    to: Address
    data: str = Field(pattern=r"^0x([0-9a-f]{2})*$")


class FeedView(Resource):
    """An oracle feed: its rules, its reward pool, and what it waits for next. Windows in seconds."""

    deployment: str
    deal: str
    kpi: str
    title: str
    feed: Hash
    contract: Address
    method: str
    signers: list[Address]
    quorum: int
    panel: list[Address]
    panel_quorum: int
    reporting_window: int
    late_window: int
    dispute_window: int
    ruling_window: int
    challenge_bond: Minor
    challenge_reward: Minor
    reward_pool: Minor | None = None
    periods: int
    reported: int
    status: str = Field(description="In words: what it waits for.")
    next_period: int | None = None
    next_time: int | None = None


class OracleNodeView(Resource):
    """A node of a feed. `health`: up, down, wrong (another answers there), or unknown (no address known, or
    not asked yet). `faults`: what the node itself says is injected, for demonstrations. `signed`,
    `left_out`: of the `reports` made so far; `share_left_out` is the latter over `reports`, null before the
    first."""

    deployment: str
    kpi: str
    address: Address
    signer_index: int
    url: str | None = None
    health: Literal["up", "down", "wrong", "unknown"] = "unknown"
    error: str | None = None
    faults: list[str] = Field(default_factory=list)
    checked: int | None = Field(default=None, description="When it was last asked, by our clock.")
    last_seen: int | None = Field(default=None, description="When it last answered, by our clock.")
    milliseconds: float | None = None
    method: str | None = None
    twin: str | None = None
    twin_version: str | None = None
    engine: str | None = None
    reports: int = 0
    signed: int = 0
    left_out: int = 0
    share_left_out: float | None = None


class TwinEvidence(Resource):
    """A bundle that a version of a twin made."""

    deployment: str
    kpi: str
    period: int
    evidence: Hash


class TwinView(Resource):
    """A version of a twin: what computes it, and where it was used. `engine`: what does the arithmetic here,
    or did in the evidence; `current`: nodes of this release use it."""

    twin: str
    version: str
    method: str
    method_hash: Hash
    description: str
    engine: str
    tolerance: str
    current: bool
    deals: list[str]
    evidence: list[TwinEvidence]
