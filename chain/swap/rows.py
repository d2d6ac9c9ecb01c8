"""Every payment of a swap deal twice: as the replay expects it, and as events and transfers show it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from chain.events import Event
from chain.swap.ledger import key, line_name
from chain.swap.replay import Replay, Transition
from finance.settlement.kpi_payment import Side
from finance.settlement.swap_terms import ProjectTerms
from finance.settlement.treasury import Party

KINDS = {
    "subscription": "paid for units of the claim token",
    "refund": "given back after a failed offering",
    "proceeds": "of the offering, to the issuer",
    "revenue": "paid in by line",
    "sent": "simply sent to a contract of the deal",
    "settlement_to_project": "fixed for a period, from the payer to the payee",
    "settlement_to_provider": "fixed for a period, from the payee to the payer",
    "close_out_to_project": "after a default",
    "close_out_to_provider": "after a default",
    "termination_to_project": "agreed",
    "termination_to_provider": "agreed",
    "paid": "of what was fixed: at once, from the debtor's balance",
    "netted": "of what was fixed: against what the receiver owed",
    "unpaid": "of what was fixed: owed from then on",
    "late_paid": "paid later on what was owed, with interest",
    "interest": "of what was netted and paid late; one row for each side",
    "collateral_posted": "paid in for a side, beyond what it owed",
    "collateral_returned": "withdrawn from a side's balance",
    "withdrawn": "what was due to a party, paid out to it",
    "operating_cost": "credited to the operator",
    "debt_service": "credited to the lender",
    "distribution": "earned by holders, each period",
    "returned": "of the treasury of a failed issue, to the issuer",
    "gift": "distributed to holders by anybody but the treasury",
    "claim": "paid out to holders",
    "carried": "what the treasury holds for the next period, dust of distributions among it",
    "unannounced": "left a contract of the deal without an event that says so",
}
"""What each kind of row means."""

WAYS = (("project", Side.PAYEE, 1), ("provider", Side.PAYER, -1))
"""Where an amount can go: to whom, and with which sign."""


@dataclass(frozen=True)
class Row:
    """One payment: who gets it (or, paid in, whose account it goes to), and its amounts in minor units.

    `period` counts from 1, as people do; None where no period is meant. `units` are a holder's, `detail` is
    the line of revenue, `tx` where it happened.
    """

    kind: str
    party: str
    period: int | None
    expected: int
    actual: int
    tx: str = ""
    units: int = 0
    detail: str = ""

    @property
    def difference(self) -> int:
        return self.actual - self.expected


def fixed_parts(transition: Transition) -> dict[str, int]:
    """How the replay has a fixed amount paid: paid, netted, unpaid; of its magnitude."""
    before, after = transition.swap
    debtor = Side.PAYEE if after.last < 0 else Side.PAYER
    receiver = Side(1 - debtor)
    paid = after.accounts[receiver].credit - before.accounts[receiver].credit
    unpaid = after.accounts[debtor].debt.principal - before.accounts[debtor].debt.principal
    return {"paid": paid, "netted": abs(after.last) - paid - unpaid, "unpaid": unpaid}


class RowMaker:
    """Goes through the events of a deal once; `rows` has the result, the sums are for the checks.

    `unpaid` and `repaid` are, by debtor, what the events add to a debt and take from it; `interest` is the
    replay's part of the latter. `earned` is what each holder should have got by distributions.
    """

    def __init__(self, replay: Replay) -> None:
        self.replay, self.ledger = replay, replay.ledger
        self.project: ProjectTerms | None = replay.terms.project
        record = self.ledger.record
        self.at, self.sides, self.wallets = record.addresses, record.parties, record.wallets
        self.unpaid: dict[Side, int] = defaultdict(int)
        self.repaid: dict[Side, int] = defaultdict(int)
        self.interest: dict[Side, int] = defaultdict(int)
        self.earned: dict[str, int] = defaultdict(int)
        self._credit: dict[Side, int] = defaultdict(int)
        self._posted: dict[Side, int] = defaultdict(int)
        self._accrued: dict[str, int] = defaultdict(int)
        self._strays = {key(move.event): move for move in self.ledger.strays}
        self._shared: set[tuple[int, int]] = set()
        self.rows = [row for event in self.ledger.events for row in self._of(event)]

    def _of(self, event: Event) -> Iterator[Row]:
        if key(event) in self.replay.nested:
            return
        match event.source:
            case "swap":
                yield from self._swap(event)
            case "treasury":
                yield from self._treasury(event)
            case "token":
                yield from self._token(event)
            case "offering":
                yield from self._offering(event)
            case "currency":
                yield from self._stray(event)

    def _transition(self, event: Event) -> Transition | None:
        return self.replay.transitions.get(key(event))

    # -- the swap

    def _swap(self, event: Event) -> Iterator[Row]:
        match event.name:
            case "PeriodSettled":
                yield from self._fixed("settlement", event, event.arguments["period"] + 1)
            case "ClosedOut":
                yield from self._fixed("close_out", event, None)
            case "AgreedTermination":
                yield from self._fixed("termination", event, None)
            case "AmountPaid":
                self._book(event)
            case "Funded":
                yield from self._funded(event, self._transition(event))
            case "Withdrawn":
                side = Side(event.arguments["side"])
                transition = self._transition(event)
                due = 0 if transition is None else transition.swap[0].accounts[side].credit
                yield from self._withdrawn(
                    event, side, due, 0 if transition is None else transition.swap[1].last
                )

    def _fixed(self, what: str, event: Event, period: int | None) -> Iterator[Row]:
        """The amount that was fixed, by where it goes, and how it was paid."""
        transition = self._transition(event)
        expected, actual = 0 if transition is None else transition.swap[1].last, event.arguments["amount"]
        for to, side, sign in WAYS:
            amounts = max(sign * expected, 0), max(sign * actual, 0)
            if any(amounts) or (sign > 0 and expected == actual == 0):
                yield Row(f"{what}_to_{to}", self.sides[side], period, *amounts, event.tx)
        paid = self.ledger.after(event, "swap", "AmountPaid")
        parts = {} if transition is None else fixed_parts(transition)
        receiver = Side.PAYEE if (expected or actual) >= 0 else Side.PAYER
        for name in ("paid", "netted", "unpaid"):
            amounts = parts.get(name, 0), 0 if paid is None else paid.arguments[name]
            if any(amounts):
                yield Row(name, self.sides[receiver], period, *amounts, event.tx)
        if transition is not None:
            self._add_interest(transition, receiver, parts["netted"])

    def _book(self, event: Event) -> None:
        """What an AmountPaid does to the sides' credits and debts, by the event itself."""
        a = event.arguments
        debtor = Side.PAYEE if a["amount"] < 0 else Side.PAYER
        receiver = Side(1 - debtor)
        posted = min(a["paid"], self._posted[debtor])
        self._posted[debtor] -= posted
        self._credit[debtor] -= a["paid"] - posted
        self._credit[receiver] += a["paid"]
        self.unpaid[debtor] += a["unpaid"]
        self.repaid[receiver] += a["netted"]

    def _add_interest(self, transition: Transition, debtor: Side, repaid: int) -> None:
        before, after = (books.accounts[debtor].debt.principal for books in transition.swap)
        self.interest[debtor] += repaid - (before - after) if repaid else 0

    def _funded(
        self, event: Event, transition: Transition | None, amount: int | None = None
    ) -> Iterator[Row]:
        """Money paid in for a side; `amount` is what the replay has paid in, if not what the event says."""
        a = event.arguments
        side = Side(a["side"])
        other = Side(1 - side)
        repaid = 0
        if transition is not None:
            before, after = (books.accounts[other].credit for books in transition.swap)
            repaid = after - before
            self._add_interest(transition, side, repaid)
        amount = a["amount"] if amount is None else amount
        posted = (amount - repaid if transition is not None else 0, self.ledger.moved(event) - a["repaid"])
        self._credit[other] += a["repaid"]
        self._posted[side] += a["amount"] - a["repaid"]
        self.repaid[side] += a["repaid"]
        if repaid or a["repaid"]:
            yield Row("late_paid", self.sides[other], None, repaid, a["repaid"], event.tx)
        if any(posted):
            yield Row("collateral_posted", self.sides[side], None, *posted, event.tx)

    def _withdrawn(
        self, event: Event, side: Side, due: int, total: int, period: int | None = None
    ) -> Iterator[Row]:
        """Money paid out by the swap: `due` and `total` as expected; the credit by the events before it."""
        moved = self.ledger.moved(event)
        credit = self._credit.pop(side, 0)
        self._posted[side] -= moved - credit
        for kind, expected, actual in (
            ("withdrawn", due, credit),
            ("collateral_returned", total - due, moved - credit),
        ):
            if expected or actual:
                yield Row(kind, self.sides[side], period, expected, actual, event.tx)

    # -- the treasury

    def _treasury(self, event: Event) -> Iterator[Row]:
        a = event.arguments
        match event.name:
            case "RevenueReceived":
                moved, line = self.ledger.moved(event), line_name(a["line"])
                yield Row("revenue", a["from"], None, a["amount"], moved, event.tx, detail=line)
            case "PeriodPaid":
                yield from self._period_paid(event, self._transition(event))
            case "Withdrawn":
                transition = self._transition(event)
                party = Party(a["party"])
                due = 0 if transition is None else transition.before.credits[party]
                yield Row("withdrawn", a["to"], None, due, self.ledger.moved(event), event.tx)
            case "MoneyReturned":
                yield from self._returned(event, self._transition(event))

    def _returned(self, event: Event, transition: Transition | None) -> Iterator[Row]:
        collected, _ = self.replay.belonging(event)
        total = 0 if transition is None else transition.swap[1].last
        if collected is not None:
            yield from self._withdrawn(collected, Side.PAYEE, 0, total)
        due = 0 if transition is None else transition.before.balance + total
        yield Row("returned", event.arguments["issuer"], None, due, self.ledger.moved(event), event.tx)

    def _period_paid(self, event: Event, transition: Transition | None) -> Iterator[Row]:
        a, period = event.arguments, event.arguments["period"] + 1
        run = None if transition is None else transition.after.runs[-1]
        collected, funded = self.replay.belonging(event)
        total = 0 if run is None else run.collected
        due = 0 if transition is None else transition.swap[0].accounts[Side.PAYEE].credit
        if collected is not None:
            yield from self._withdrawn(collected, Side.PAYEE, due, total, period)
        elif total:
            yield Row("withdrawn", self.sides[Side.PAYEE], period, total, 0, event.tx)
        paid = (0, 0, 0, 0) if run is None else run.paid
        for kind, party, expected, actual in (
            ("operating_cost", self.wallets.operator, paid[0], a["operatingCost"]),
            ("debt_service", self.wallets.lender, paid[1], a["debtService"]),
        ):
            if expected or actual:
                yield Row(kind, party or "", period, expected, actual, event.tx)
        if funded is not None:
            yield from self._funded(funded, transition, paid[3])
        elif paid[3]:
            yield Row("late_paid", self.sides[Side.PAYER], period, paid[3], 0, event.tx)
        yield from self._distributed(event, 0 if run is None else run.per_unit, period)

    def _distributed(self, event: Event, per_unit: int, period: int) -> Iterator[Row]:
        shared = self.ledger.after(event, "token", "Distributed") if event.arguments["holders"] else None
        if shared is not None:
            self._shared.add(key(shared))
        actual = 0 if shared is None else shared.arguments["perUnit"]
        if per_unit or actual:
            yield from self._earned("distribution", shared or event, per_unit, actual, period)

    def _earned(
        self, kind: str, event: Event, expected: int, actual: int, period: int | None
    ) -> Iterator[Row]:
        """Money per unit, to everybody who holds units just then."""
        for holder, units in self.ledger.holdings_at(event.block, before_log=event.index).items():
            self.earned[holder] += expected * units
            self._accrued[holder] += expected * units
            yield Row(kind, holder, period, expected * units, actual * units, event.tx, units)

    # -- token, offering, and what nobody announced

    def _token(self, event: Event) -> Iterator[Row]:
        a = event.arguments
        if event.name == "Claimed":
            due = self._accrued.pop(a["holder"], 0)
            yield Row("claim", a["holder"], None, due, self.ledger.moved(event), event.tx)
        elif event.name == "Distributed" and key(event) not in self._shared:
            gift = a["payer"] != self.at.treasury
            expected = a["perUnit"] if gift else 0
            yield from self._earned("gift" if gift else "distribution", event, expected, a["perUnit"], None)

    def _offering(self, event: Event) -> Iterator[Row]:
        a, moved = event.arguments, self.ledger.moved(event)
        price = 0 if self.project is None else self.project.unit_price
        match event.name:
            case "Subscribed":
                holder, units = a["investor"], a["units"]
                yield Row("subscription", holder, None, units * price, moved, event.tx, units)
            case "Refunded":
                holder, units = a["holder"], a["units"]
                yield Row("refund", holder, None, units * price, moved, event.tx, units)
            case "OfferingSettled":
                sold = sum(e.arguments["units"] for e in self.ledger.of("offering", "Subscribed"))
                yield Row("proceeds", self.wallets.issuer or "", None, sold * price, moved, event.tx)

    def _stray(self, event: Event) -> Iterator[Row]:
        move = self._strays.get(key(event))
        if move is None:
            return
        inside = {self.at.swap, self.at.treasury, self.at.token, self.at.offering}
        if move.source in inside:
            yield Row("unannounced", move.to, None, 0, move.amount, event.tx)
        else:
            yield Row("sent", move.to, None, move.amount, move.amount, event.tx)
