"""Rows of a deployment's lists. Each begins with the log it comes from; money is in minor units as text."""

from __future__ import annotations

from typing import Literal

from api.models import Address, Hash, Minor, Resource, Trace


class DistributionRow(Resource):
    """Money shared among holders. `index`: of a coupon, from 0. paid = per_unit x supply."""

    trace: Trace
    kind: Literal["coupon", "redemption", "recovery", "revenue", "gift"]
    index: int | None = None
    payer: Address
    paid: Minor
    per_unit: Minor
    supply: int


class ClaimRow(Resource):
    """What a holder took out."""

    trace: Trace
    holder: Address
    amount: Minor


class TransferRow(Resource):
    """A movement of units. `kind`: issue, or return of units (redemption of a subscription), or transfer."""

    trace: Trace
    kind: Literal["issue", "transfer", "return"]
    sender: Address
    receiver: Address
    units: int


class SubscriptionRow(Resource):
    """Units sold in the offering."""

    trace: Trace
    holder: Address
    units: int
    paid: Minor


class OrderRow(Resource):
    """Units ordered at a `price` each or less, and what was paid in for them."""

    trace: Trace
    holder: Address
    order: int
    units: int
    price: Minor
    paid: Minor


class DeliveryRow(Resource):
    """Units that an order has bought."""

    trace: Trace
    holder: Address
    order: int
    units: int


class RefundRow(Resource):
    """Units returned after a failed offering."""

    trace: Trace
    holder: Address
    units: int
    amount: Minor


class TradeRow(Resource):
    """Units that one holder sold another, each for `price`, at a `quote` that its `maker` had signed."""

    trace: Trace
    seller: Address
    buyer: Address
    maker: Address
    units: int
    price: Minor
    paid: Minor
    quote: str


class ProceedsRow(Resource):
    """An entry of the register of proceeds: so much was used for `use`, a key of the deal, as the `document`
    of that hash shows. `review`: none, accepted or objected; `struck` out by the issuer it counts no more."""

    trace: Trace
    entry: int
    use: str
    title: str
    amount: Minor
    document: Hash
    review: str
    struck: bool


class ConsentRow(Resource):
    """Of a consent solicitation: a waiver was `proposed`, a `holder` has `consented` with so many `units` or
    `revoked`, or units enough of a `base` outstanding have consented: `passed`."""

    trace: Trace
    what: str
    waiver: int
    holder: Address | None = None
    units: int | None = None
    base: int | None = None


class OfficeRow(Resource):
    """Of an office: a `candidate` was announced by the keeper, supported by an `appointer` (so many `votes`
    then) or no longer, objected to, or has taken it. `opens`: when it can be taken, unix seconds; 0 where it
    cannot yet."""

    trace: Trace
    part: str
    what: str
    candidate: Address
    appointer: Address | None = None
    votes: int | None = None
    opens: int | None = None


class LiquidityRow(Resource):
    """What a holder gets by selling to a buffer of a sponsor's money: the value of a unit `worth` since issue
    by the report of `period` (from 1), as of `time`, less what units have earned since: `value`; less the
    discount: `bid`, 0 while it buys none. `status` says why: open, stale, waiting (for the next report),
    missing (no report of the period) or over. `age` in seconds, `basis` the root of the report's evidence;
    `room`: units that it would still buy at this mark."""

    trace: Trace | None = None
    part: str
    period: int
    status: Literal["open", "stale", "waiting", "missing", "over"]
    time: int
    age: int
    worth: Minor
    value: Minor
    discount: str
    bid: Minor
    room: int
    cash: Minor
    basis: Hash


class FundingRow(Resource):
    """Money put in. Of a swap: for which side, and how much of it went to the other side for what was
    owed."""

    trace: Trace
    side: Literal["payer", "payee"] | None = None
    payer: Address
    amount: Minor
    repaid: Minor = "0"
    posted: Minor


class SurplusRow(Resource):
    """Money returned to the issuer after the redemption."""

    trace: Trace
    amount: Minor


class FixingRow(Resource):
    """A report turned into a change of the rate (1e18 = 100 % a year) or an amount for the full issue."""

    trace: Trace
    fixing: int
    kpi: str
    kpi_period: int
    effect: Literal["rate", "amount"]
    kpi_value: float | None = None
    raw: str | None = None
    missing: bool
    value: str


class TurnRow(Resource):
    """A turn in the deal's life: settled, activated, defaulted, cured, redeemed, closed and so on."""

    trace: Trace
    contract: str
    event: str
    arguments: dict[str, str]


class WithdrawalRow(Resource):
    """Money paid out by the swap or the treasury."""

    trace: Trace
    contract: Literal["payment", "treasury"]
    party: Literal["payer", "payee", "operator", "lender"]
    receiver: Address
    amount: Minor


class MarginRow(Resource):
    """A margin call, or its end. `deadline`: until when it can be met."""

    trace: Trace
    event: Literal["called", "restored"]
    side: Literal["payer", "payee"]
    deadline: int | None = None


class ProposalRow(Resource):
    """An offer to end the swap against a signed amount (positive: the payer pays), or its withdrawal."""

    trace: Trace
    event: Literal["proposed", "withdrawn"]
    side: Literal["payer", "payee"]
    number: int
    amount: Minor | None = None
    expiry: int | None = None


class EndRow(Resource):
    """A close-out or agreed termination; amounts as in a settlement."""

    trace: Trace
    how: Literal["close_out", "termination"]
    amount: Minor
    netted: Minor
    paid: Minor
    unpaid: Minor


class TreasuryPeriodRow(Resource):
    """A payment of the waterfall, in its order. `period` from 0; their number after the last one."""

    trace: Trace
    period: int
    collected: Minor
    operating_cost: Minor
    debt_service: Minor
    swap: Minor
    holders: Minor


class RevenueRow(Resource):
    """Revenue received, by line of the project's accounts."""

    trace: Trace
    line: str
    payer: Address
    amount: Minor


class PutNoticeRow(Resource):
    """Notice that a holder gave of units that it may sell back on a date of the put, from 0, or what it has
    lapsed to: `what` is given or lapsed, and `units` all that stand then."""

    trace: Trace
    date: int
    holder: Address
    what: str
    units: int


class PutMoneyRow(Resource):
    """Money of a put for one of its dates, from 0: put in by the `payer`, paid to the `holder` for `units`
    sold back, or, where there is neither, given back to its writer."""

    trace: Trace
    date: int
    payer: Address | None = None
    holder: Address | None = None
    units: int | None = None
    amount: Minor


class LineRow(Resource):
    """A line of a vehicle's revenue, as of now. `due`: by the periods that have come due; `arrears`: of it
    not `paid`. `principal` and `rate` (1e18 = 100 % a year) of a receivable."""

    trace: Trace | None = None
    line: str
    title: str
    payer: str | None
    principal: Minor | None = None
    rate: str | None = None
    due: Minor
    paid: Minor
    arrears: Minor
    to_come: Minor


class TrancheRow(Resource):
    """A tranche as of now. `balance`: of its `principal` not repaid, and `factor` their ratio; `lost`: what
    was written off. What is residual has none of them. `paid`: to its holders so far."""

    trace: Trace | None = None
    tranche: str
    title: str
    token: Address
    symbol: str
    rate: str | None = None
    principal: Minor
    units: int
    balance: Minor | None = None
    factor: float | None = None
    interest_owed: Minor | None = None
    lost: Minor | None = None
    paid: Minor


class WaterfallRow(Resource):
    """What a step of a period paid or moved: `step` from 1, from a pot to a claim or a pot."""

    trace: Trace
    period: int
    step: int
    source: str
    target: str
    amount: Minor


class IncomeRow(Resource):
    """The revenue of a line that was spent in a period."""

    trace: Trace
    period: int
    line: str
    amount: Minor


class CovenantRow(Resource):
    """A test of a covenant: of `value`, or its ratio to `divisor`, against the `threshold`, in its own units;
    a ratio of 1 is 1e18. `failed`: whether it stands failed since."""

    trace: Trace
    period: int
    covenant: str
    value: Minor
    divisor: Minor
    threshold: Minor
    failed: bool


class CreditRow(Resource):
    """What a vehicle owed somebody and paid out. `payee`: the party of the deal."""

    trace: Trace
    payee: str
    receiver: Address
    amount: Minor
