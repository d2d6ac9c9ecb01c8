"""What the API and the pages say about a deployment: its state, KPIs, payments and holders' money.

Money is in whole minor units as text, times are unix seconds. A KPI's `value` is in its unit; `raw` is the
integer on chain, value times 10^decimals. What is the oracle's is in api.models.oracle."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.models import Address, AsOf, Currency, Hash, Minor, Resource, Trace

Measure = Literal["money", "units", "rate", "number", "time", "text"]
"""How the value of a fact is meant: minor units, units of the token, 1e18 = 100 % a year, a number, unix
seconds."""


class Fact(Resource):
    """A figure of a deployment's state, with the log it comes from where there is one log."""

    name: str
    title: str
    value: str
    measure: Measure
    trace: Trace | None = None


class NextStep(Resource):
    """What comes next. `time`: when it can or must happen; `due`: it can be done now, by anyone, with
    `action` (a name that POST /v1/transactions/prepare takes), where one does it."""

    what: str
    title: str
    time: int
    due: bool
    action: str | None = None
    kpi: str | None = None
    period: int | None = None


class StateView(Resource):
    """Where a deployment stands, by the chain's clock. `state`: announced, offering, sold or failed while
    its offering is not settled; then of a bond active, defaulted, accelerated or redeemed, of a swap active,
    defaulted, matured, closed_out or terminated, and ended when a project's treasury is closed. `sentence`
    says it in words; `steps`: what comes next, what can be done now first, then by time."""

    state: str
    title: str
    sentence: str
    since: Trace | None = None
    time: int = Field(description="The chain's clock, unix seconds.")
    facts: list[Fact]
    steps: list[NextStep]


class ContractView(Resource):
    """A contract of the deployment. `part`: its key in the deal, or the name of a shared one; `shared`: other
    deals use it too."""

    role: str
    part: str
    name: str
    address: Address
    shared: bool


class WalletView(Resource):
    """Who is who on chain. `name`: the deal's party in that role, where the deal names one."""

    role: str
    index: int | None = None
    name: str | None = None
    address: Address


class DeploymentRow(Resource):
    """A deployment in the list."""

    id: str
    deal: str
    title: str
    kind: str
    state: str
    state_title: str
    terms_hash: Hash
    chain_id: int
    currency: Currency
    block: int
    time: int
    tx: Hash
    next: str | None = None
    next_time: int | None = None


class DeploymentView(Resource):
    """A deal on a chain. `shifted_days`: by how much its dates were moved; 0 is as in the deal file."""

    id: str
    deal: str
    title: str
    summary: str
    kind: str
    instrument: str = Field(description="What it is, in words.")
    terms_hash: Hash
    chain_id: int
    client: str
    currency: Currency
    block: int
    time: int
    tx: Hash
    shifted_days: int
    shifted_from: Hash | None = None
    state: StateView
    contracts: list[ContractView]
    wallets: list[WalletView]
    actions: list[str] = Field(description="Names that POST /v1/transactions/prepare takes for it.")
    collections: list[str] = Field(description="Lists under /v1/deployments/{id}/ that it has.")
    as_of: AsOf | None = None


# -- KPIs


class CurvePoint(Resource):
    """A knot of a payoff: from `x` (KPI's unit; null: from the lowest) the payoff is `y`, or a line to the
    next."""

    x: float | None
    y: str


class TierView(Resource):
    """A range of KPI values, from `low` (inclusive) to below `high`, in the KPI's unit; null is without
    bound."""

    low: float | None
    high: float | None
    y: str


class CurveView(Resource):
    """What a KPI decides. `effect`: rate (y is added to the coupon rate, 1e18 = 100 % a year) or amount (y
    in minor units). `positive`: who gains by a positive y. `missing`: what holds without a report. `fixing`:
    of a bond."""

    effect: Literal["rate", "amount"]
    kind: Literal["step", "linear"]
    points: list[CurvePoint]
    tiers: list[TierView]
    missing: str
    positive: str
    scope: str = Field(description="What y refers to: the full issue, or one period of the swap.")
    fixing: int | None = None
    period: int | None = Field(default=None, description="The KPI period (from 0) it goes by; null: each.")


class Quantiles(Resource):
    """What is expected of a value that is still to come."""

    mean: float
    p05: float
    p25: float
    p50: float
    p75: float
    p95: float
    basis: str | None = Field(default=None, description="How it was computed.")


PeriodStatus = Literal["future", "running", "awaited", "pending", "challenged", "final", "missing"]
"""future, running: the measurement is not over; awaited: a report is due; the rest as the oracle has it."""


class KpiPeriod(Resource):
    """One measurement period: its report, or what is expected. `y`: what its value gives by the first
    curve."""

    period: int
    start: int
    end: int
    report_until: int
    status: PeriodStatus
    value: float | None = None
    raw: str | None = None
    version: int | None = None
    final_at: int | None = None
    used: bool = False
    y: str | None = None
    forecast: Quantiles | None = None
    trace: Trace | None = None


class KpiView(Resource):
    """A KPI of a deployment: what it is, what it decides, and every period of it."""

    kpi: str
    title: str
    unit: str
    decimals: int
    direction: Literal["higher_is_better", "lower_is_better"]
    feed: Hash
    method: str
    minimum: float
    maximum: float
    curves: list[CurveView]
    periods: list[KpiPeriod]
    forecast_note: str | None = None


# -- money


class PaymentView(Resource):
    """A payment to or from holders or parties. `status`: paid (with its log); owed: settled, and `unpaid` of
    it is what could not be paid then; nothing: it came to nothing (no money, with its log); due, late or
    expected: to come.

    `amount` is what was or will be due; null: it waits for a KPI, and `low` and `high` bound it. What is not
    issued yet is for the full issue. `payer` and `payee`: issuer, holders, project or others, and the parties
    of a swap by their keys in the deal."""

    kind: str
    index: int | None = None
    title: str
    date: int
    status: Literal["paid", "owed", "nothing", "due", "expected", "late"]
    amount: Minor | None = None
    per_unit: Minor | None = None
    low: Minor | None = None
    high: Minor | None = None
    payer: str
    payee: str
    interest: Minor | None = None
    principal: Minor | None = None
    premium: Minor | None = Field(default=None, description="Beside the principal, of a bond that is called.")
    outcome: Minor | None = None
    late: Minor | None = Field(default=None, description="Late interest, a part of the amount.")
    unpaid: Minor | None = Field(
        default=None, description="Of a settlement: could not be paid then, and was added to what is owed."
    )
    note: str | None = None
    trace: Trace | None = None


class SettlementView(Resource):
    """A period of a swap. `amount` is signed: positive, the payer pays the payee. |amount| = netted + paid +
    unpaid: set off against what the other side owed, paid out of the balance, and added to what is owed.
    Before it is settled, `amount` is what its report makes due now, or null."""

    period: int
    start: int
    end: int
    pay_date: int
    status: Literal["settled", "due", "expected", "ended"]
    kpi: float | None = None
    missing: bool = False
    fixed: Minor
    amount: Minor | None = None
    netted: Minor | None = None
    paid: Minor | None = None
    unpaid: Minor | None = None
    trace: Trace | None = None


# -- reconciliation


class ReconciliationSum(Resource):
    """Everything paid of one kind, expected by the terms and actual on chain."""

    kind: str
    expected: Minor
    actual: Minor
    difference: Minor


class ReconciliationCheck(Resource):
    """An equation over the whole deal."""

    name: str
    expected: Minor
    actual: Minor
    difference: Minor


class DifferenceView(Resource):
    """Where the contracts differ from the deal."""

    field: str
    expected: str
    actual: str


class ReconciliationView(Resource):
    """Every payment twice, by the terms and by the chain. `ok`: no difference of a single minor unit;
    `rows`: payments compared; `different`: those that differ; `unclaimed`: earned by holders and not claimed
    yet."""

    ok: bool
    block: int
    time: int
    payments: list[ReconciliationSum]
    checks: list[ReconciliationCheck]
    rows: int
    different: int
    unclaimed: Minor
    deployment: list[DifferenceView]
    notes: list[str]
