"""Rows of a deployment's lists. Each begins with the log it comes from; money is in minor units as text."""

from __future__ import annotations

from typing import Literal

from api.models import Address, Minor, Resource, Trace, example

_TRACE = {"block": 41, "log": 3, "time": 1491004801, "tx": "0x" + "33" * 32}
_WHO = "0x" + "11" * 20


class DistributionRow(Resource):
    """Money shared among holders. `index`: of a coupon, from 0. paid = per_unit x supply."""

    model_config = example(
        {
            "trace": _TRACE,
            "kind": "coupon",
            "index": 0,
            "payer": _WHO,
            "paid": "428750000000",
            "per_unit": "17150000000",
            "supply": 25,
        }
    )

    trace: Trace
    kind: Literal["coupon", "redemption", "recovery", "revenue", "gift"]
    index: int | None = None
    payer: Address
    paid: Minor
    per_unit: Minor
    supply: int


class ClaimRow(Resource):
    """What a holder took out."""

    model_config = example({"trace": _TRACE, "holder": _WHO, "amount": "51450000000"})

    trace: Trace
    holder: Address
    amount: Minor


class TransferRow(Resource):
    """A movement of units. `kind`: issue, or return of units (redemption of a subscription), or transfer."""

    model_config = example(
        {"trace": _TRACE, "kind": "transfer", "sender": _WHO, "receiver": "0x" + "22" * 20, "units": 40}
    )

    trace: Trace
    kind: Literal["issue", "transfer", "return"]
    sender: Address
    receiver: Address
    units: int


class SubscriptionRow(Resource):
    """Units sold in the offering."""

    model_config = example({"trace": _TRACE, "holder": _WHO, "units": 25, "paid": "25000000000000"})

    trace: Trace
    holder: Address
    units: int
    paid: Minor


class RefundRow(Resource):
    """Units returned after a failed offering."""

    model_config = example({"trace": _TRACE, "holder": _WHO, "units": 25, "amount": "25000000000000"})

    trace: Trace
    holder: Address
    units: int
    amount: Minor


class FundingRow(Resource):
    """Money put in. Of a swap: for which side, and how much of it went to the other side for what was
    owed."""

    model_config = example(
        {
            "trace": _TRACE,
            "side": "payer",
            "payer": _WHO,
            "amount": "560000000000",
            "repaid": "0",
            "posted": "560000000000",
        }
    )

    trace: Trace
    side: Literal["payer", "payee"] | None = None
    payer: Address
    amount: Minor
    repaid: Minor = "0"
    posted: Minor


class SurplusRow(Resource):
    """Money returned to the issuer after the redemption."""

    model_config = example({"trace": _TRACE, "amount": "1000000"})

    trace: Trace
    amount: Minor


class FixingRow(Resource):
    """A report turned into a change of the rate (1e18 = 100 % a year) or an amount for the full issue."""

    model_config = example(
        {
            "trace": _TRACE,
            "fixing": 0,
            "kpi": "runoff-reduction",
            "kpi_period": 0,
            "effect": "amount",
            "kpi_value": 0.42,
            "raw": "420000",
            "missing": False,
            "value": "3300000000000",
        }
    )

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

    model_config = example(
        {"trace": _TRACE, "contract": "bond", "event": "BondActivated", "arguments": {"units": "25000"}}
    )

    trace: Trace
    contract: str
    event: str
    arguments: dict[str, str]


class WithdrawalRow(Resource):
    """Money paid out by the swap or the treasury."""

    model_config = example(
        {"trace": _TRACE, "contract": "payment", "party": "payee", "receiver": _WHO, "amount": "560000000000"}
    )

    trace: Trace
    contract: Literal["payment", "treasury"]
    party: Literal["payer", "payee", "operator", "lender"]
    receiver: Address
    amount: Minor


class MarginRow(Resource):
    """A margin call, or its end. `deadline`: until when it can be met."""

    model_config = example({"trace": _TRACE, "event": "called", "side": "payer", "deadline": 1509494400})

    trace: Trace
    event: Literal["called", "restored"]
    side: Literal["payer", "payee"]
    deadline: int | None = None


class ProposalRow(Resource):
    """An offer to end the swap against a signed amount (positive: the payer pays), or its withdrawal."""

    model_config = example(
        {
            "trace": _TRACE,
            "event": "proposed",
            "side": "payer",
            "number": 1,
            "amount": "100000000000",
            "expiry": 1509494400,
        }
    )

    trace: Trace
    event: Literal["proposed", "withdrawn"]
    side: Literal["payer", "payee"]
    number: int
    amount: Minor | None = None
    expiry: int | None = None


class EndRow(Resource):
    """A close-out or agreed termination; amounts as in a settlement."""

    model_config = example(
        {
            "trace": _TRACE,
            "how": "close_out",
            "amount": "-2650000000000",
            "netted": "0",
            "paid": "1000000000000",
            "unpaid": "1650000000000",
        }
    )

    trace: Trace
    how: Literal["close_out", "termination"]
    amount: Minor
    netted: Minor
    paid: Minor
    unpaid: Minor


class TreasuryPeriodRow(Resource):
    """A payment of the waterfall, in its order. `period` from 0; their number after the last one."""

    model_config = example(
        {
            "trace": _TRACE,
            "period": 0,
            "collected": "560000000000",
            "operating_cost": "1200000000000",
            "debt_service": "1400000000000",
            "swap": "0",
            "holders": "360000000000",
        }
    )

    trace: Trace
    period: int
    collected: Minor
    operating_cost: Minor
    debt_service: Minor
    swap: Minor
    holders: Minor


class RevenueRow(Resource):
    """Revenue received, by line of the project's accounts."""

    model_config = example({"trace": _TRACE, "line": "power sales", "payer": _WHO, "amount": "2300000123457"})

    trace: Trace
    line: str
    payer: Address
    amount: Minor
