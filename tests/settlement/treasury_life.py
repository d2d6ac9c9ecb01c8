"""A real claim token, treasury and swap to live in, one act at a time, and their books by the replay."""

from __future__ import annotations

from typing import Any

from eth_abi import abi
from eth_utils import function_signature_to_4byte_selector

from finance.settlement import kpi_payment
from finance.settlement.kpi_payment import (
    CloseOut,
    Funding,
    MarginCall,
    PaymentTerms,
    Settlement,
    Withdrawal,
)
from finance.settlement.kpi_payment import (
    Ledger as SwapLedger,
)
from finance.settlement.netting import INTEREST_ONE
from finance.settlement.treasury import (
    Ledger,
    PartyWithdrawal,
    Pay,
    PayRest,
    Revenue,
    TreasuryAct,
    TreasuryTerms,
)
from tests.settlement.engine import CURVE, Deployed
from tests.settlement.treasuries import START

SOURCE = "tests/solidity/utils/TreasuryReplay.sol"
NO_ADDRESS = "0x" + "00" * 20
NO_FEED = b"\0" * 32
SWAP_TYPE = (
    "(address,address,address,address,bytes32,bytes32,uint32,uint64,uint8,uint8,bool,bool,uint64,int128,int128,"
    f"uint128[2],(uint64,int128)[],{CURVE})"
)
START_TYPES = ["uint64", "(uint64,uint96,uint96)[]", SWAP_TYPE, "uint64[]"]
PAIR = "uint256[2]"
BOOKS_TYPE = f"(uint256,{PAIR},{PAIR},{PAIR},uint256,uint256,uint256,bool,uint256,uint256{f',{PAIR}' * 5})"


def swap_tuple(terms: PaymentTerms | None) -> tuple[Any, ...]:
    """IKpiPayment.Terms without addresses and feeds, which the contract fills in; none: of no periods."""
    zeros = (NO_ADDRESS,) * 4 + (NO_FEED,) * 2
    if terms is None:
        return (*zeros, 0, 0, 0, 0, False, False, 0, 0, 0, [0, 0], [], (0, []))
    return (
        *zeros,
        terms.cure_period,
        terms.late_rate,
        int(terms.data_controller),
        int(terms.close_out_rule),
        terms.limited_recourse,
        True,
        terms.start_by,
        terms.missing_payoff,
        terms.missing_value,
        list(terms.required),
        [(p.pay_date, p.fixed_amount) for p in terms.periods],
        (int(terms.curve.shape), [(k.x, k.y) for k in terms.curve.knots]),
    )


class TreasuryLife:
    """TreasuryReplay, deployed once; `start` begins a new life in it."""

    def __init__(self) -> None:
        needs = ("SecurityToken", "RevenueTreasury", "KpiPayment")
        self._chain = Deployed(SOURCE, "TreasuryReplay", needs=needs)

    def _call(self, name: str, types: list[str], values: list[Any], is_static: bool = False) -> bytes:
        selector = function_signature_to_4byte_selector(f"{name}({','.join(types)})")
        return self._chain.call(selector + abi.encode(types, values), is_static=is_static)

    def start(self, terms: TreasuryTerms) -> None:
        periods = [(p.pay_date, p.operating_cost, p.debt_service) for p in terms.periods]
        self._chain.warp(START)
        ends = [] if terms.swap is None else [p.end for p in terms.swap.periods]
        self._call("start", START_TYPES, [terms.units, periods, swap_tuple(terms.swap), ends])

    def do(self, act: TreasuryAct) -> None:
        """Raises Reverted when a contract refuses."""
        self._chain.warp(act.at)
        match act:
            case Revenue():
                self._call("revenue", ["uint256"], [act.amount])
            case Pay():
                self._call("pay", [], [])
            case PayRest():
                self._call("payRest", [], [])
            case PartyWithdrawal():
                self._call("withdraw", ["uint8"], [int(act.party)])
            case Settlement():
                self._call("settle", ["int128", "bool"], [act.kpi or 0, act.kpi is None])
            case Funding():
                self._call("fund", ["uint8", "uint256"], [int(act.side), act.amount])
            case Withdrawal():
                self._call("withdrawFromSwap", ["uint8"], [int(act.side)])
            case MarginCall():
                self._call("callMargin", ["uint8"], [int(act.side)])
            case CloseOut():
                self._call("closeOut", ["int128", "bool"], [act.value or 0, act.value is None])
            case _:
                raise AssertionError(f"{act}: of no kind that a treasury knows")

    def books(self) -> tuple[Any, ...]:
        (answer,) = abi.decode([BOOKS_TYPE], self._call("books", [], [], is_static=True))
        return tuple(answer)


def swap_books(terms: PaymentTerms, ledger: SwapLedger, at: int) -> tuple[Any, ...]:
    """The swap's part of TreasuryReplay.Books, by the replay."""
    accounts = ledger.accounts
    debts = [kpi_payment.debt_at(terms, account, at) for account in accounts]
    return (
        int(kpi_payment.state_at(terms, ledger, at)),
        len(ledger.amounts),
        tuple(a.balance for a in accounts),
        tuple(a.credit for a in accounts),
        tuple(d.principal for d in debts),
        tuple(d.principal + d.interest // INTEREST_ONE for d in debts),
        tuple(a.deadline for a in accounts),
    )


def expected(terms: TreasuryTerms, ledger: Ledger) -> tuple[Any, ...]:
    """TreasuryReplay.Books by the replay; without a swap its part is all zero."""
    nothing = (0, 0)
    swap: tuple[Any, ...] = (0, 0, nothing, nothing, nothing, nothing, nothing)
    if terms.swap is not None and ledger.swap is not None:
        swap = swap_books(terms.swap, ledger.swap, ledger.at)
    return (
        ledger.balance,
        ledger.arrears,
        ledger.credits,
        ledger.withdrawn,
        ledger.periods_paid,
        2 if ledger.closed else 1,
        sum(run.per_unit for run in ledger.runs),
        ledger.closed,
        *swap,
    )
