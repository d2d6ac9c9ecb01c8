"""What docs/waterfall-vocabulary.md says can be said here is said, with amounts worked out by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from finance.settlement.waterfall_plan import CASH, Amount
from finance.waterfalls import (
    Covenant,
    Due,
    Interest,
    Least,
    Loan,
    Most,
    Op,
    Order,
    Plan,
    Projection,
    Schedule,
    Share,
    Spend,
    Table,
    Total,
    While,
    project,
)
from tests.finance.waterfall_deals import FOR_ALL, PER_CENT

ONE = 10**18
YEARS = ((1, 1),)
PAGE = Path(__file__).resolve().parents[2] / "docs" / "waterfall-vocabulary.md"

Numbers = Sequence[int]


@dataclass(frozen=True)
class Case:
    """`says` of so many periods' tolls: a claim is what it was paid, a covenant whether it stands failed,
    `left CLAIM` what it is still owed, a pot, a balance or a loss what it is afterwards."""

    names: str
    plan: Plan
    lines: Mapping[str, Numbers]
    says: Mapping[str, Sequence[int | bool]]
    facts: Mapping[str, Numbers]


def case(
    names: str,
    tolls: Numbers,
    says: Mapping[str, Sequence[int | bool]],
    *steps: Spend,
    facts: Mapping[str, Numbers] | None = None,
    lines: Mapping[str, Numbers] | None = None,
    **parts: Any,
) -> Case:
    due, income = tuple(range(1, len(tolls) + 1)), {"tolls": tolls, **(lines or {})}
    plan = Plan(due, tuple(income), tuple(facts or {}), steps=steps, **parts)
    return Case(names, plan, income, says, facts or {})


def pay(*claims: str, **how: Any) -> Spend:
    return Spend(Op.PAY, claims, **how)


def shared(*claims: str, op: Op = Op.PAY, **how: Any) -> Spend:
    """As what they need."""
    return Spend(op, claims, order=Order.PRO_RATA, **how)


def prepay(*claims: str, **how: Any) -> Spend:
    return Spend(Op.PREPAY, claims, **how)


def rest(claim: str, **how: Any) -> Spend:
    return Spend(Op.REST, (claim,), **how)


def move(source: str, target: str, limit: Amount | None, *drawn: str, **how: Any) -> Spend:
    return Spend(Op.DRAW if drawn else Op.MOVE, drawn, source, target, limit=limit, **how)


def write_down(limit: Amount, *loans: str) -> Spend:
    return Spend(Op.WRITE_DOWN, loans, limit=limit)


def check(covenant: str, **how: Any) -> Spend:
    return Spend(Op.TEST, target=covenant, **how)


def loan(name: str, balance: int, rate: int = 0, repayment: Amount | None = None) -> Loan:
    """At `rate` per cent a year."""
    interest = yearly(rate * PER_CENT, f"{name}.balance") if rate else None
    return Loan(name, balance, interest, repayment)


def yearly(rate: Amount, *on: Amount) -> Interest:
    return Interest(rate, on, YEARS)


def lacking(target: Amount, pot: str = "reserve") -> Total:
    return Total((target,), (pot,))


FEES = {"claims": (Due("a", 60), Due("b", 40))}
COUPONS = {"loans": (loan("a", 1000, 5), loan("b", 1500, 10))}  # 50 and 150 a year
LOANS = {"loans": (loan("a", 100), loan("b", 300))}
INSTALMENTS = {"loans": (loan("a", 200, 0, 100), loan("b", 400, 0, 300))}
BOOK = Loan("book", 0)
"""A ledger: what is moved as a drawing on it adds up in its balance."""
RATES = {
    "loans": (loan("a", 1000), loan("b", 3000)),
    "claims": tuple(
        Due(f"{name}_{i}", yearly(rate * PER_CENT, f"{name}.balance"))
        for name in "ab"
        for i, rate in enumerate((3, 2))
    ),
}
"""Bonds of two rates: 30 and 20, 90 and 60 a year."""
OVER = {
    "loans": (loan("a", 1000, 10), loan("b", 3000, 10)),
    "claims": tuple(Due(f"{name}_over", yearly(10 * PER_CENT, f"{name}.interest")) for name in "ab"),
}
"""Interest on unpaid interest of 100 and 300: 10 and 30."""
LOW = Covenant("low", "tolls", None, 50)
LOW_FOR_GOOD = replace(LOW, cures=None)

ACTIONS = [
    case("Transfer", [100], {"cash": [70], "reserve": [30]}, move(CASH, "reserve", 30), pots={"reserve": 0}),
    case(
        "TransferAndBook", [100, 20], {"reserve": [30, 60], "book.balance": [30, 60]},
        move(CASH, "reserve", 30, "book.principal"), pots={"reserve": 0}, loans=(BOOK,),
    ),
    case(
        "TransferMultiple", [0], {"cash": [12], "a": [5], "b": [0]}, move("a", CASH, 5), move("b", CASH, 8),
        pots={"a": 10, "b": 7},
    ),
    case(
        "CalcFee CalcAndPayFee", [20, 50], {"fee": [20, 40], "left fee": [10, 0]}, pay("fee"),
        claims=(Due("fee", 30),),
    ),
    case("PayFee", [90], {"a": [30], "b": [20], "cash": [40]}, shared("a", "b", limit=50), **FEES),
    case("PayFeeBySeq", [70], {"a": [60], "b": [10]}, pay("a", "b"), **FEES),
    case(
        "PayFeeResidual", [100], {"fee": [10]}, rest("fee", limit=Share(CASH, 10 * PER_CENT)),
        claims=(Due("fee"),),
    ),
    case(
        "CalcBondInt PayInt AccrueAndPayInt AccrueIntGroup PayIntGroup AccrueAndPayIntGroup", [100],
        {"a.interest": [25], "b.interest": [75], "left b.interest": [75]},
        shared("a.interest", "b.interest"), **COUPONS,
    ),
    case(
        "PayIntBySeq AccrueAndPayIntBySeq", [100], {"a.interest": [50], "b.interest": [50]},
        pay("a.interest", "b.interest"), **COUPONS,
    ),
    case(
        "CalcBondIntBy", [100], {"interest": [60]}, pay("interest"),
        claims=(Due("interest", yearly("rate", "notional")),),
        facts={"rate": [3 * PER_CENT], "notional": [2000]},
    ),
    case("PayIntOverInt", [0, 20], {"a_over": [0, 5], "b_over": [0, 15]}, shared("a_over", "b_over"), **OVER),
    case(
        "PayIntOverIntBySeq", [0, 20], {"a_over": [0, 10], "b_over": [0, 10]}, pay("a_over", "b_over"),
        **OVER,
    ),
    case(
        "PayIntAndBook", [40, 100], {"a.interest": [40, 60], "book.balance": [40, 100], "cash": [0, 40]},
        move(CASH, "interest", "a.interest", "book.principal"), pay("a.interest", source="interest"),
        pots={"interest": 0}, loans=(loan("a", 1000, 5), BOOK),
    ),
    case("PayIntResidual", [70], {"a.interest": [70], "cash": [0]}, rest("a.interest"), **LOANS),
    case("PayIntByRateIndex", [40], {"a_1": [10], "b_1": [30], "a_0": [0]}, shared("a_1", "b_1"), **RATES),
    case("PayIntByRateIndexBySeq", [40], {"a_1": [20], "b_1": [20]}, pay("a_1", "b_1"), **RATES),
    case(
        "CalcBondPrin", [80], {"a.principal": [10], "b.principal": [30]},
        shared("a.principal", "b.principal", op=Op.PREPAY, limit=Share(CASH, 50 * PER_CENT)), **LOANS,
    ),
    case(
        "CalcBondPrin2", [80], {"a.principal": [10], "b.principal": [30]},
        shared("a.principal", "b.principal", op=Op.PREPAY, limit=40), **LOANS,
    ),
    case(
        "PayPrinWithDue PayPrin", [200],
        {"a.principal": [50], "b.principal": [150], "left b.principal": [150]},
        shared("a.principal", "b.principal"), **INSTALMENTS,
    ),
    case(
        "PayPrinBySeq", [200], {"a.principal": [100], "b.principal": [100]},
        pay("a.principal", "b.principal"), **INSTALMENTS,
    ),
    case(
        "PayPrinResidual", [200], {"a.principal": [50], "b.principal": [150]},
        shared("a.principal", "b.principal", op=Op.PREPAY), **LOANS,
    ),
    case(
        "PayIntPrinBySeq AccrueAndPayIntPrinBySeq", [230],
        {"a.interest": [50], "a.principal": [100], "b.interest": [50], "b.principal": [30]},
        pay("a.interest", "a.principal", "b.interest", "b.principal"),
        loans=(loan("a", 1000, 5, 100), loan("b", 1000, 5, 100)),
    ),
    case(
        "PayPrinGroup", [320], {"b.principal": [300], "a.principal": [20]},
        prepay("b.principal", "a.principal"), **LOANS,
    ),
    case(
        "WriteOff WriteOffAndBook", [0, 0], {"a.balance": [70, 40], "a.lost": [30, 60]},
        write_down(30, "a.principal"), **LOANS,
    ),
    case(
        "WriteOffBySeq WriteOffBySeqAndBook", [0], {"a.balance": [0], "b.balance": [280], "b.lost": [20]},
        write_down(120, "a.principal", "b.principal"), **LOANS,
    ),
    case(
        "FundWith", [0], {"cash": [50], "a.balance": [150]}, move("commitment", CASH, 50, "a.principal"),
        pots={"commitment": 80}, **LOANS,
    ),
    case(
        "LiqSupport SupportLiqFacility", [20], {"fee": [30], "lender.balance": [10], "facility": [90]},
        move("facility", CASH, Total(("fee",), (CASH,)), "lender.principal"), pay("fee"),
        pots={"facility": 100}, claims=(Due("fee", 30),), loans=(Loan("lender", 0),),
    ),
    case(
        "LiqRepay", [30], {"lender.interest": [5], "facility": [75], "lender.balance": [25]},
        pay("lender.interest"), Spend(Op.REPAY, ("lender.principal",), CASH, "facility"),
        pots={"facility": 50}, loans=(loan("lender", 50, 10),),
    ),
    case("LiqYield", [100], {"lender": [10]}, rest("lender", limit=10), claims=(Due("lender"),)),
    case(
        "LiqAccrue", [0], {"left commitment_fee": [10], "left lender.interest": [8]},
        pots={"facility": 1000}, claims=(Due("commitment_fee", yearly(PER_CENT, "facility")),),
        loans=(loan("lender", 100, 8),),
    ),
    case(
        "SwapAccrue SwapPay SwapReceive SwapSettle CollectRateCap", [100, 100],
        {"swap": [20, 0], "cash": [80, 190]}, pay("swap"),
        claims=(Due("swap", Total((yearly(5 * PER_CENT, 1000),), (yearly("floating", 1000),))),),
        facts={"floating": [3 * PER_CENT, 6 * PER_CENT]}, lines={"provider": [0, 10]},
    ),
    case(
        "BookBy PDL", [4, 20], {"a.principal": [4, 11], "a.balance": [96, 85], "cash": [0, 9]},
        prepay("a.principal", limit=Total(("a.balance",), ("pool",))), facts={"pool": [90, 85]},
        loans=(loan("a", 100),),
    ),
    case("ByDS", [0, 0], {"left book": [10, 25]}, claims=(Due("book", "lost"),), facts={"lost": [10, 15]}),
    case(
        "Till", [0, 0, 0], {"left book": [10, 25, 20]}, claims=(Due("book", "level", carries=False),),
        facts={"level": [10, 25, 20]},
    ),
    case(
        "ActionWithPre ActionWithPre2 RunTrigger InWF BeginDistributionWF EndCollection EndCollectionWF "
        "trgCondition trgEffects",
        [40, 100, 40], {"a": [40, 0, 100], "b": [0, 40, 0], "low": [True, False, True]}, check("low"),
        pay("a", on=("low",)), pay("b", off=("low",)), covenants=(LOW,),
        claims=(Due("a", 60), Due("b", 40, carries=False)),
    ),
    case(
        "WatchVal trgStmt", [40, 60], {"low": [True, False], "cash": [40, 100]}, check("low"),
        covenants=(LOW,),
    ),
    case(
        "ChangeStatus DealStatusTo IfDealStatus", [60, 40, 100],
        {"a": [60, 0, 0], "b": [0, 40, 80], "low": [False, True, True]}, check("low"),
        pay("a", off=("low",)), pay("b", on=("low",)), covenants=(LOW_FOR_GOOD,), **FEES,
    ),
]  # fmt: skip

FEE_TYPES = [
    case(
        "AnnualRateFee", [100], {"fee": [10]}, pay("fee"),
        claims=(Due("fee", Interest(PER_CENT, ("pool",), ((90, 360),))),), facts={"pool": [4000]},
    ),
    *(
        case(names, [100] * len(paid), {"fee": paid}, pay("fee"), claims=(Due("fee", amount),), facts=facts)
        for names, amount, facts, paid in (
            ("PctFee", Share("tolls", 10 * PER_CENT), {}, [10]),
            ("FixFee", Schedule((30, 0, 0)), {}, [30, 0, 0]),
            ("RecurFee", Schedule((0, 10)), {}, [0, 10, 0, 10]),
            ("NumFee", Share("count", 5 * ONE), {"count": [7]}, [35]),
            ("AmtByTbl", Table("kpi", None, ((0, 5), (50, 9))), {"kpi": [49, 50]}, [5, 9]),
            ("FeeFlow FeeFlowByPoolPeriod FeeFlowByBondPeriod", Schedule((10, 20, 15)), {}, [10, 20, 15]),
            ("ByCollectPeriod", 12, {}, [12, 12]),
            ("Fix", yearly(5 * PER_CENT, "base"), {"base": [400]}, [20]),
            ("RefBal", yearly(5 * PER_CENT, "pool"), {"pool": [400, 600]}, [20, 30]),
            (
                "Floater",
                yearly(Least((6 * PER_CENT, Most((PER_CENT, Total(("index", 2 * PER_CENT)))))), "base"),
                {"base": [100] * 3, "index": [PER_CENT, 5 * PER_CENT, -3 * PER_CENT]},
                [3, 6, 1],
            ),
            (
                "RefRate",
                yearly(Share("index", 50 * PER_CENT), "base"),
                {"base": [100], "index": [8 * PER_CENT]},
                [4],
            ),
            ("CapRate", yearly(Least(("index", 6 * PER_CENT)), "base"),
             {"base": [100, 100], "index": [4 * PER_CENT, 8 * PER_CENT]}, [4, 6]),
            ("FloorRate", yearly(Most(("index", 6 * PER_CENT)), "base"),
             {"base": [100, 100], "index": [4 * PER_CENT, 8 * PER_CENT]}, [6, 8]),
            ("PassDateSpread PassDateLadderSpread",
             yearly(Schedule((5 * PER_CENT, 5 * PER_CENT, 6 * PER_CENT)), "base"),
             {"base": [100] * 3}, [5, 5, 6]),
        )
    ),
    case(
        "TargetBalanceFee", [100, 100], {"fee": [20, 0]}, pay("fee"),
        claims=(Due("fee", Total(("first",), ("second",)), carries=False),),
        facts={"first": [50, 10], "second": [30, 30]},
    ),
    case(
        "WithIoI", [0, 210], {"a_over": [0, 12], "a.interest": [0, 198]}, pay("a_over", "a.interest"),
        claims=(Due("a_over", yearly(12 * PER_CENT, "a.interest")),), loans=(loan("a", 1000, 10),),
    ),
]  # fmt: skip

BONDS = [
    case(
        "Sequential", [120, 50], {"a.principal": [100, 0], "b.principal": [20, 50]},
        prepay("a.principal", "b.principal"), **LOANS,
    ),
    case(
        "PAC", [5, 100], {"a.principal": [5, 45], "a.balance": [95, 50]}, pay("a.principal"),
        loans=(loan("a", 100, 0, Total(("a.balance",), (Schedule((80, 50)), "a.principal"))),),
    ),
    case(
        "AmtByPeriod", [50, 50], {"a.principal": [10, 20]}, pay("a.principal"),
        loans=(loan("a", 100, 0, Schedule((10, 20))),),
    ),
    case(
        "PacAnchor", [70, 30], {"a.principal": [30, 30], "b.principal": [40, 0]},
        prepay("a.principal", limit=Total(("a.balance",), (Schedule((80, 50)),))), prepay("b.principal"),
        prepay("a.principal"), loans=(loan("a", 100), loan("b", 40)),
    ),
    case(
        "Lockout", [30, 30], {"a.principal": [0, 60]}, prepay("a.principal", limit=Schedule((0, FOR_ALL))),
        **LOANS,
    ),
    case(
        "IO", [60, 60], {"io": [5, 2], "a.principal": [55, 45]}, pay("io"), prepay("a.principal"),
        claims=(Due("io", yearly(5 * PER_CENT, "a.balance")),), loans=(loan("a", 100),),
    ),
    case(
        "Z", [30, 20, 200],
        {"a.principal": [30, 20, 0], "left z.interest": [10, 21, 0], "z.interest": [0, 0, 33],
         "z.principal": [0, 0, 100]},
        prepay("a.principal"), pay("z.interest"), prepay("z.principal"),
        loans=(loan("a", 50), Loan("z", 100, yearly(10 * PER_CENT, "z.balance", "z.interest"))),
    ),
    case("Equity", [70, 0], {"equity": [70, 0]}, rest("equity"), claims=(Due("equity"),)),
]  # fmt: skip

FILL: list[tuple[str, Amount, list[int]]] = [
    ("FixReserve TillTarget", 30, [30, 30]),
    ("PctReserve", Share("pool", 10 * PER_CENT), [40, 40]),
    ("Max", Most((30, Share("pool", 10 * PER_CENT))), [40, 40]),
    ("Min", Least((30, Share("pool", 10 * PER_CENT))), [30, 30]),
    ("Either ChangeReserveBalance", While("low", 60, 30), [30, 60]),
]
RESERVES = [
    case(
        names,
        [90, 40],
        {"reserve": reserve},
        check("low"),
        move(CASH, "reserve", lacking(target)),
        pots={"reserve": 0},
        covenants=(LOW,),
        facts={"pool": [400, 300]},
    )
    for names, target, reserve in FILL
]

LIMITS = [
    case(
        "DuePct", [90], {"a": [50], "b": [0]}, pay("a", "b", limit=Share(Total(("a", "b")), 50 * PER_CENT)),
        **FEES,
    ),
    case("DueCapAmt", [90], {"a": [30]}, pay("a", limit=30), **FEES),
    case("KeepBalAmt", [80], {"a": [55], "cash": [25]}, pay("a", limit=Total((CASH,), (25,))), **FEES),
    case("DS", [90], {"a": [12]}, pay("a", limit="cap"), facts={"cap": [12]}, **FEES),
    case(
        "RemainBalPct", [90], {"a.balance": [60]},
        prepay("a.principal", limit=Total(("a.balance",), (Share("pool", 50 * PER_CENT),))),
        facts={"pool": [120]}, **LOANS,
    ),
    case(
        "TillSource", [0], {"cash": [50], "reserve": [30]},
        move("reserve", CASH, Total(("reserve",), (30,))), pots={"reserve": 80},
    ),
    case("Multiple", [90], {"a": [24]}, pay("a", limit=Share("cap", 2 * ONE)), facts={"cap": [12]}, **FEES),
]  # fmt: skip

ORDERS = [
    case("ByName ByCustomNames ByMaturity ByStartDate", [50], {"b": [40], "a": [10]}, pay("b", "a"), **FEES),
    case("BySequential", [70], {"a": [60], "b": [10]}, pay("a", "b"), **FEES),
    case("ByProRata", [50], {"a": [30], "b": [20]}, shared("a", "b"), **FEES),
    case(
        "ByProRataCurBal", [80], {"a.principal": [20], "b.principal": [60]},
        shared("a.principal", "b.principal", op=Op.PREPAY), **LOANS,
    ),
    case(
        "SupportAccount MultiSupport", [20], {"a": [60], "reserve": [0], "other": [10]}, pay("a"),
        pay("a", source="reserve"), pay("a", source="other"), pots={"reserve": 30, "other": 20}, **FEES,
    ),
    case(
        "WithCondition", [40, 60], {"a": [55, 60], "reserve": [15, 15]}, check("low"), pay("a"),
        pay("a", source="reserve", limit=15, on=("low",)), pots={"reserve": 30}, covenants=(LOW,),
        claims=(Due("a", 60, carries=False),),
    ),
]  # fmt: skip

TESTS: list[tuple[str, Covenant, dict[str, Numbers], list[bool]]] = [
    ("IfZero", Covenant("c", "kpi", None, 1), {"kpi": [0, 3]}, [True, False]),
    ("If IfInt", Covenant("c", "kpi", None, 50), {"kpi": [49, 50]}, [True, False]),
    ("IfRate", Covenant("c", "kpi", 200, 25 * PER_CENT), {"kpi": [49, 50]}, [True, False]),
    ("IfBool", Covenant("c", "kpi", None, 0, below=False), {"kpi": [0, 1]}, [False, True]),
    (
        "IfCurve IfIntCurve IfByPeriodCurve", Covenant("c", "kpi", None, Schedule((50, 60))),
        {"kpi": [55, 55]}, [False, True],
    ),
    (
        "IfRateCurve IfRateByPeriodCurve",
        Covenant("c", "kpi", 200, Schedule((25 * PER_CENT, 30 * PER_CENT))), {"kpi": [55, 55]},
        [False, True],
    ),
    (
        "IfIntBetween IfIntIn", Covenant("c", Table("kpi", None, ((3, 1), (6, 0))), None, 0, below=False),
        {"kpi": [2, 3, 5, 6]}, [False, True, True, False],
    ),
    (
        "IfDate IfDateBetween IfDateIn", Covenant("c", Schedule((0, 1, 1, 0)), None, 0, below=False), {},
        [False, True, True, False],
    ),
    ("If2 IfInt2", Covenant("c", "kpi", None, "other"), {"kpi": [4, 6], "other": [5, 5]}, [True, False]),
    ("IfRate2", Covenant("c", "kpi", 10, "other"), {"kpi": [4, 6], "other": [ONE // 2] * 2}, [True, False]),
    ("IfNot", Covenant("c", "kpi", None, 50, below=False), {"kpi": [49, 51]}, [False, True]),
]  # fmt: skip
DRY = Covenant("dry", "rain", None, 10)
EITHER_OF_THEM = Total((While("low", 1, 0), While("dry", 1, 0)))
CONDITIONS = [
    *(
        case(names, [0] * len(failed), {"c": failed}, check("c"), covenants=(covenant,), facts=facts)
        for names, covenant, facts, failed in TESTS
    ),
    case("Always", [5], {"a": [5]}, pay("a"), **FEES),
    case(
        "All", [40, 40, 90], {"fee": [40, 0, 0]}, check("low"), check("dry"),
        rest("fee", on=("low", "dry")), covenants=(LOW, DRY), claims=(Due("fee"),),
        facts={"rain": [9, 11, 9]},
    ),
    case(
        "Any", [40, 90, 90], {"any": [True, True, False]}, check("low"), check("dry"), check("any"),
        covenants=(LOW, DRY, Covenant("any", EITHER_OF_THEM, None, 0, below=False)),
        facts={"rain": [11, 9, 11]},
    ),
]  # fmt: skip

EFFECTS = [
    case(
        "trgStatus trgCurable", [40, 60, 60],
        {"low": [True, False, False], "twice": [True, True, False], "good": [True, True, True]},
        *map(check, ("low", "twice", "good")),
        covenants=(LOW, replace(LOW, name="twice", cures=2), replace(LOW_FOR_GOOD, name="good")),
    ),
    case(
        "EndDistributionWF", [40, 100, 100], {"a": [40, 0, 100], "low": [True, False, False]},
        rest("a", off=("low",)), Spend(Op.REST, ("b",), on=("low",)), check("low"), covenants=(LOW,),
        claims=(Due("a"), Due("b")),
    ),
    case(
        "DoAccrueFee", [40, 40, 60, 60], {"fee": [0, 10, 10, 0]}, check("low"), pay("fee"),
        covenants=(LOW,), claims=(Due("fee", While("low", 10, 0)),),
    ),
    case(
        "AddTrigger", [60, 40, 40], {"low": [False, True, True], "dry": [False, False, True]}, check("low"),
        check("dry", on=("low",)), covenants=(LOW, DRY), facts={"rain": [9, 11, 9]},
    ),
    case(
        "ChangeBondRate", [40, 100], {"a.interest": [40, 80]}, check("low"), pay("a.interest"),
        covenants=(LOW,),
        loans=(Loan("a", 1000, yearly(While("low", 8 * PER_CENT, 4 * PER_CENT), "a.balance")),),
    ),
    case(
        "TriggerEffects RunActions", [90, 40], {"a": [60, 0], "reserve": [0, 10], "b": [30, 30]},
        check("low"), move(CASH, "reserve", 10, on=("low",)), pay("b", on=("low",)), pay("a", off=("low",)),
        pay("b"), pots={"reserve": 0}, covenants=(LOW,), claims=(Due("a", 60, carries=False), Due("b", 30)),
    ),
    case("DoNothing", [40], {"low": [True], "cash": [40]}, check("low"), covenants=(LOW,)),
]  # fmt: skip

CASES = [*ACTIONS, *FEE_TYPES, *BONDS, *RESERVES, *LIMITS, *ORDERS, *CONDITIONS, *EFFECTS]


def told(made: Projection, name: str) -> Sequence[int | bool]:
    if name in made.plan.claim_names:
        return made.paid(name)
    if name in [each.name for each in made.plan.covenants]:
        return made.failed(name)
    return made.after(name.removeprefix("left "))


@pytest.mark.parametrize("each", CASES, ids=[each.names for each in CASES])
def test_what_an_outsider_computes(each: Case) -> None:
    made = project(each.plan, each.lines, each.facts)
    assert {name: told(made, name) for name in each.says} == each.says


def words(text: str) -> list[tuple[str, str]]:
    """Each name of theirs in a text's tables, and its state here."""
    lines = re.findall(r"^\| (`.+?) \| (.+?) \| .+ \|$", text, re.MULTILINE)
    return [(name, state) for names, state in lines for name in re.findall(r"`(\w+)`", names)]


def test_every_word_has_a_state_and_what_can_be_said_is_tried() -> None:
    listed = words(PAGE.read_text(encoding="utf-8"))
    assert {state for _, state in listed} == {"has", "otherwise", "left out"}
    said = {name for name, state in listed if state != "left out"}
    assert said == {name for each in CASES for name in each.names.split()}


def test_the_page_counts_what_it_lists() -> None:
    page = PAGE.read_text(encoding="utf-8")
    sections = re.findall(r"^## [^\n]+: (\d+)\n(.+?)(?=^## )", page, re.MULTILINE | re.DOTALL)
    assert [len(words(section)) for _, section in sections] == [int(count) for count, _ in sections]
    assert sum(int(count) for count, _ in sections) == len(words(page))
