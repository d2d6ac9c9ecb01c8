"""The events of a swap deal as acts of the pure replay in finance.settlement, and what that makes of them.

An event counts here for what somebody did and when: settled, paid in, withdrew, called, closed out, paid the
period. What came of it (amounts fixed, netted, paid, owed, distributed) is worked out from the deal and the
oracle's reports alone, so it can be compared with what the chain shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from web3 import Web3

from chain.bindings import contract, read
from chain.events import Event
from chain.swap.ledger import Key, SwapLedger, key
from finance.settlement import kpi_payment, treasury
from finance.settlement.kpi_payment import (
    Activation,
    CloseOut,
    Funding,
    MarginCall,
    Settlement,
    Side,
    Termination,
    Withdrawal,
)
from finance.settlement.swap_terms import SwapTerms
from finance.settlement.treasury import (
    Ledger,
    PartyWithdrawal,
    Pay,
    PayRest,
    Return,
    Revenue,
    TreasuryTerms,
)
from finance.settlement.widths import SettlementError

STATUS = ("none", "pending", "challenged", "final", "missing")
"""IKpiOracle.Status"""


@dataclass(frozen=True)
class Report:
    """A feed's report of a period as the oracle has it; `value` is None unless it is final."""

    status: str
    value: int | None


@dataclass
class Reports:
    """The oracle's reports at a block, read once each. `feeds`: the swap's, then that of the model value."""

    w3: Web3
    oracle: str
    feeds: list[str]
    block: int
    _known: dict[tuple[int, int], Report] = field(default_factory=dict, repr=False)

    def of(self, period: int, feed: int = 0) -> Report:
        """The report of `period` of a feed; final, missing, or on the way."""
        if (feed, period) not in self._known:
            function = contract(self.w3, "KpiOracle", self.oracle).functions.reportOf
            found: dict[str, Any] = read(function(self.feeds[feed], period), self.block)
            status = STATUS[found["status"]]
            self._known[feed, period] = Report(status, found["value"] if status == "final" else None)
        return self._known[feed, period]


@dataclass(frozen=True)
class Transition:
    """One act of the replay: the event on chain that tells of it (of a plain transfer to the treasury: the
    currency's), and the books before and after it."""

    event: Event
    act: treasury.TreasuryAct
    before: Ledger
    after: Ledger

    @property
    def swap(self) -> tuple[kpi_payment.Ledger, kpi_payment.Ledger]:
        """The swap's books before and after."""
        assert self.before.swap is not None
        assert self.after.swap is not None
        return self.before.swap, self.after.swap


class Replay:
    """The life of a deal as it should have gone.

    `transitions` by the key of the event that tells of them; `nested` has the swap's events that belong to a
    payment of the treasury; `refused` says which act the contracts would not have allowed, after which
    nothing is expected any more.
    """

    def __init__(self, terms: SwapTerms, ledger: SwapLedger, reports: Reports) -> None:
        self.terms, self.ledger, self.reports = terms, ledger, reports
        self.treasury = self._treasury_terms()
        self.transitions: dict[Key, Transition] = {}
        self.refused: str | None = None
        start = ledger.record.time
        self.books = Ledger(at=start, swap=kpi_payment.Ledger(at=start))
        self.nested = {key(event) for pair in self._nested() for event in pair if event is not None}
        for event, act in self._acts():
            try:
                after = self._apply(self.books, act)
            except SettlementError as error:
                self.refused = f"block {event.block}, {event.source} {event.name}: {error}"
                break
            self.transitions[key(event)] = Transition(event, act, self.books, after)
            self.books = after

    @property
    def swap(self) -> kpi_payment.Ledger:
        """The swap's books after all acts."""
        assert self.books.swap is not None
        return self.books.swap

    def belonging(self, event: Event) -> tuple[Event | None, Event | None]:
        """The swap's withdrawal and funding that belong to a PeriodPaid or MoneyReturned of the treasury."""
        return self._parts.get(key(event), (None, None))

    # -- acts

    def _acts(self) -> Iterator[tuple[Event, treasury.TreasuryAct]]:
        gifts = {key(m.event): m.amount for m in self.ledger.strays if m.to == self._treasury_address}
        for event in self.ledger.events:
            if key(event) in self.nested:
                continue
            if key(event) in gifts:
                yield event, Revenue(event.time, gifts[key(event)])
            found = self._swap_act(event) if event.source == "swap" else self._treasury_act(event)
            if found is not None:
                yield event, found

    def _swap_act(self, event: Event) -> kpi_payment.SwapAct | None:
        at, a = event.time, event.arguments
        match event.name:
            case "PaymentActivated":
                return Activation(at)
            case "PeriodSettled":
                return Settlement(at, self.reports.of(a["period"]).value)
            case "Funded":
                return Funding(at, Side(a["side"]), a["amount"])
            case "Withdrawn":
                return Withdrawal(at, Side(a["side"]), self._by_party(event))
            case "MarginCalled":
                return MarginCall(at, Side(a["side"]))
            case "ClosedOut":
                return CloseOut(at, self._model_value(a["period"]))
            case "AgreedTermination":
                return Termination(at, self._proposed(event))
        return None

    def _treasury_act(self, event: Event) -> treasury.TreasuryAct | None:
        at, a = event.time, event.arguments
        if event.source != "treasury":
            return None
        match event.name:
            case "RevenueReceived":
                return Revenue(at, self.ledger.moved(event))
            case "PeriodPaid":
                last = self.treasury is not None and a["period"] == len(self.treasury.periods)
                return PayRest(at) if last else Pay(at)
            case "Withdrawn":
                return PartyWithdrawal(at, treasury.Party(a["party"]))
            case "MoneyReturned":
                return Return(at)
        return None

    def _by_party(self, event: Event) -> bool:
        """Whether the party itself withdrew; a party that is a contract is called in its transaction."""
        return event.arguments["to"] in self.ledger.callers.get(event.tx, ())

    def _model_value(self, period: int) -> int | None:
        return self.reports.of(period, 1).value if len(self.reports.feeds) > 1 else None

    def _proposed(self, event: Event) -> int:
        """The amount of the proposal that was accepted; 0 if nobody made it."""
        a = event.arguments
        for offer in self.ledger.of("swap", "TerminationProposed"):
            if (offer.arguments["side"], offer.arguments["id"]) == (a["proposer"], a["id"]):
                return int(offer.arguments["amount"])
        return 0

    def _nested(self) -> Iterator[tuple[Event | None, Event | None]]:
        yield from self._parts.values()

    @cached_property
    def _parts(self) -> dict[Key, tuple[Event | None, Event | None]]:
        found = {}
        for paid in self.ledger.of("treasury", "PeriodPaid"):
            a = paid.arguments
            # Withdrawn by a stranger just before it in the same transaction, the treasury collects nothing.
            collected = self.ledger.before(paid, "swap", "Withdrawn") if a["collected"] else None
            funded = self.ledger.after(paid, "swap", "Funded") if a["swap"] else None
            found[key(paid)] = (collected, funded)
        for returned in self.ledger.of("treasury", "MoneyReturned"):
            took = returned.arguments["collected"]
            found[key(returned)] = (self.ledger.before(returned, "swap", "Withdrawn") if took else None, None)
        return found

    # -- transitions

    @property
    def _treasury_address(self) -> str | None:
        return self.ledger.record.addresses.get("treasury")

    def _treasury_terms(self) -> TreasuryTerms | None:
        """What the treasury spends, once its token is issued."""
        begun = next(self.ledger.of("treasury", "TreasuryActivated"), None)
        if begun is None or self.terms.project is None:
            return None
        periods = tuple(
            treasury.Period(p.pay_date, p.operating_cost, p.debt_service) for p in self.terms.project.periods
        )
        return TreasuryTerms(periods, begun.arguments["units"], self.terms.payment)

    def _apply(self, books: Ledger, act: treasury.TreasuryAct) -> Ledger:
        """As treasury.apply, and for a swap without a treasury, or before its token is issued."""
        if self.treasury is not None:
            return treasury.apply(self.treasury, books, act)
        if isinstance(act, Revenue):
            return replace(books, at=act.at, balance=books.balance + act.amount)
        assert books.swap is not None
        if isinstance(act, Return):
            return treasury.returned(self.terms.payment, replace(books, at=act.at))
        if isinstance(act, Pay | PayRest | PartyWithdrawal):
            raise SettlementError(f"{act}: the claim token has not been issued")
        swap = kpi_payment.apply(self.terms.payment, books.swap, act)
        collects = isinstance(act, Withdrawal) and act.side == Side.PAYEE
        inward = swap.last if collects and self._treasury_address is not None else 0
        return replace(books, at=act.at, swap=swap, balance=books.balance + inward)
