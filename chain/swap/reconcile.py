"""Expected and actual payments of a swap deal, per kind, party and holder, in minor units: the difference is
0 or it is shown.

Expected comes from the deal alone: the pure replay in finance.settlement, given the oracle's reports and what
people did on chain, in order and with their times (chain.swap.replay). Actual comes from the chain: what its
events announce, the currency's own transfers behind them, and in the end what contracts hold and owe.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from web3 import Web3

from chain.bindings import contract, read
from chain.check import Difference
from chain.events import watch
from chain.network import when
from chain.reconcile import Check, Holder, failed_issue
from chain.replay import log_checks
from chain.swap.check import check_swap_deployment
from chain.swap.ledger import PARTIES, SIDES, SwapLedger, key
from chain.swap.records import SwapRecord
from chain.swap.replay import Replay, Reports
from chain.swap.result import Position, SwapReconciliation
from chain.swap.rows import Row, RowMaker
from chain.swap.world import swap_world
from finance.settlement import kpi_payment
from finance.settlement.kpi_payment import CloseOut, CloseOutRule, Settlement, Side, State, Termination
from finance.settlement.netting import INTEREST_ONE
from finance.settlement.offering import State as Issue
from finance.settlement.swap_terms import SwapTerms, swap_terms
from finance.settlement.treasury import Party
from finance.terms import Deal

FIXINGS = Settlement | CloseOut | Termination
ANNOUNCED = {
    ("swap", "Funded"): "amount",
    ("swap", "Withdrawn"): "amount",
    ("treasury", "RevenueReceived"): "amount",
    ("treasury", "Withdrawn"): "amount",
    ("token", "Distributed"): "paid",
    ("token", "Claimed"): "amount",
    ("offering", "Subscribed"): "paid",
    ("offering", "Refunded"): "amount",
    ("offering", "OfferingSettled"): "proceeds",
}
"""Events that come with a transfer of currency, and their argument that says how much."""
TREASURY_STATES = ("offered", "active", "closed")
"""IRevenueTreasury.State"""


def reconcile_swap(
    w3: Web3,
    record: SwapRecord,
    deal: Deal | None = None,
    block: int | None = None,
    ledger: SwapLedger | None = None,
) -> SwapReconciliation:
    """Reconcile a deployed swap deal at `block` (default: the latest) against `deal` (default: the record's).

    `ledger` is what happened, if it has been read already; else it is read from the chain. What is due and
    nobody has triggered yet is noted. Raises NetworkError if it is another chain, InputError for a deal
    without a swap.
    """
    deployment = check_swap_deployment(w3, record, deal)
    terms = swap_terms(deal or record.load_deal())
    ledger = ledger or SwapLedger.read(w3, record, block)
    return _Reconciler(w3, record, terms, ledger).run(deployment)


class _Reconciler:
    """Holds what the parts of a reconciliation share."""

    def __init__(self, w3: Web3, record: SwapRecord, terms: SwapTerms, ledger: SwapLedger) -> None:
        self.w3, self.record, self.terms, self.ledger = w3, record, terms, ledger
        self.at, self.block = record.addresses, ledger.to_block
        reports = Reports(w3, self.at.oracle, list(record.feeds.values()), self.block)
        self.replay = Replay(terms, ledger, reports)
        self.made = RowMaker(self.replay)
        self.swap = contract(w3, "KpiPayment", self.at.swap).functions
        self.accounts = [read(self.swap.accountOf(side), self.block) for side in Side]
        self.state = State(read(self.swap.state(), self.block))
        self.moves = ledger.moves("currency")
        self.failed = self._issue_failed()

    def run(self, deployment: list[Difference]) -> SwapReconciliation:
        rows = [*self.made.rows, *self._interest(), *self._carried()]
        holders = self._holders()
        by_log, remarks = log_checks(
            self.w3, swap_world(self.record, self.terms), watch(self.record), self.ledger
        )
        return SwapReconciliation(
            deal=self.terms.deal_id,
            terms_hash=self.terms.terms_hash,
            chain_id=self.record.chain_id,
            block=self.block,
            time=self.ledger.time,
            state=self.state.name.lower(),
            treasury=self._treasury_state(),
            currency_decimals=self.terms.currency_decimals,
            reports=[self.replay.reports.of(i) for i in range(len(self.replay.swap.amounts))],
            rows=rows,
            positions=list(self._positions()),
            holders=holders,
            checks=[
                *self._swap_checks(),
                *self._fixing_checks(),
                *self._close_out_checks(),
                *self._money_checks(),
                *self._announced_checks(),
                *self._project_checks(rows, holders),
                *by_log,
            ],
            deployment=deployment,
            refused=self.replay.refused,
            notes=[*self._notes(), *remarks],
            not_yet=list(self._not_yet()),
        )

    def _not_yet(self) -> Iterator[str]:
        """What is still to come, unless the swap has ended or, the issue having failed, never begins."""
        if self.state > State.DEFAULTED or self.failed:
            return
        if self._treasury_state() == TREASURY_STATES[0]:
            yield "the project's offering is not settled"
        settled, periods = len(self.replay.swap.amounts), len(self.terms.payment.periods)
        if settled < periods:
            yield f"{periods - settled} of {periods} periods of the swap are not settled"
        if self.state == State.DEFAULTED:
            yield "the swap, in default, is not closed out"

    def _issue_failed(self) -> bool:
        """Whether the project's units were not sold, so that neither treasury nor swap begins."""
        if self.at.offering is None:
            return False
        offering = contract(self.w3, "Offering", self.at.offering).functions
        return bool(read(offering.state(), self.block) == Issue.FAILED)

    def _balance(self, address: str) -> int:
        money = contract(self.w3, "IERC20", self.at.currency).functions
        return int(read(money.balanceOf(address), self.block))

    def _treasury(self, name: str, *arguments: int) -> int:
        assert self.at.treasury is not None
        treasury = contract(self.w3, "RevenueTreasury", self.at.treasury)
        return int(read(treasury.functions[name](*arguments), self.block))

    def _treasury_state(self) -> str | None:
        return None if self.at.treasury is None else TREASURY_STATES[self._treasury("state")]

    # -- rows that belong to no event

    def _interest(self) -> Iterator[Row]:
        """Interest that a side has paid: what it repaid, less what of its debt's principal is gone."""
        for debtor in Side:
            principal = self.made.unpaid[debtor] - self.accounts[debtor]["principal"]
            expected, actual = self.made.interest[debtor], self.made.repaid[debtor] - principal
            if expected or actual:
                yield Row("interest", self.record.parties[1 - debtor], None, expected, actual)

    def _carried(self) -> Iterator[Row]:
        if self.at.treasury is not None:
            credits = sum(self._treasury("creditOf", party) for party in Party)
            held = self._balance(self.at.treasury) - credits
            yield Row("carried", self.at.treasury, None, self.replay.books.available, held)

    # -- parties and holders

    def _positions(self) -> Iterator[Position]:
        books = self.replay.swap
        for side in Side:
            name, address, account = SIDES[side], self.record.parties[side], self.accounts[side]
            # Whoever paid it in, the money is the side's.
            funded = [e for e in self.ledger.of("swap", "Funded") if e.arguments["side"] == side]
            announced = sum(e.arguments["amount"] for e in funded)
            moved = sum(self.ledger.moved(e) for e in funded)
            received = self._withdrawn("swap", "side", side)
            mine = books.accounts[side]
            owed = kpi_payment.owed(self.terms.payment, books, side, self.ledger.time)
            yield Position(name, address, "paid_in", announced, moved)
            yield Position(name, address, "received", books.withdrawn[side], received)
            held = account["balance"] + account["credit"]
            yield Position(name, address, "held", mine.balance + mine.credit, held)
            yield Position(name, address, "owes", owed, account["principal"] + account["interest"])
        if self.at.treasury is not None:
            yield from self._creditors()

    def _withdrawn(self, source: str, field: str, who: int) -> int:
        """What a contract has really transferred to a party that withdrew."""
        events = (e for e in self.ledger.of(source, "Withdrawn") if e.arguments[field] == who)
        return sum(self.ledger.moved(e) for e in events)

    def _creditors(self) -> Iterator[Position]:
        books = self.replay.books
        for party in Party:
            name = PARTIES[party]
            address = (self.record.wallets.operator, self.record.wallets.lender)[party] or ""
            received = self._withdrawn("treasury", "party", party)
            yield Position(name, address, "received", books.withdrawn[party], received)
            yield Position(name, address, "held", books.credits[party], self._treasury("creditOf", party))
            yield Position(name, address, "owed", books.arrears[party], self._treasury("arrearsOf", party))

    def _holders(self) -> list[Holder]:
        if self.at.token is None:
            return []
        token = contract(self.w3, "SecurityToken", self.at.token).functions
        received: dict[str, int] = defaultdict(int)
        for move in self.moves:
            if move.source == self.at.token:
                received[move.to] += move.amount
        held, earned, handed = self.ledger.holdings_at(), self.made.earned, self.ledger.money_handed_on
        return [
            Holder(
                holder,
                held.get(holder, 0),
                earned[holder] + handed[holder],
                received[holder],
                read(token.claimable(holder), self.block),
            )
            for holder in sorted({*self.ledger.holders, *earned, *received})
        ]

    # -- equations

    def _swap_checks(self) -> Iterator[Check]:
        """The swap's own books against the replay's, at the time of the block."""
        books, time = self.replay.swap, self.ledger.time
        yield Check("swap: periods settled", len(books.amounts), read(self.swap.periodsSettled(), self.block))
        yield Check("swap: state", kpi_payment.state_at(self.terms.payment, books, time), self.state)
        for side in Side:
            mine, account, name = books.accounts[side], self.accounts[side], SIDES[side]
            debt = kpi_payment.debt_at(self.terms.payment, mine, time)
            yield Check(f"swap: {name}: balance", mine.balance, account["balance"])
            yield Check(f"swap: {name}: credit", mine.credit, account["credit"])
            yield Check(f"swap: {name}: principal owed", debt.principal, account["principal"])
            yield Check(f"swap: {name}: interest owed", debt.interest // INTEREST_ONE, account["interest"])
            yield Check(f"swap: {name}: margin deadline", mine.deadline, account["deadline"])
            restored = [e for e in self.ledger.of("swap", "MarginRestored") if e.arguments["side"] == side]
            yield Check(f"swap: {name}: margins restored", self._restored(side), len(restored))

    def _fixing_checks(self) -> Iterator[Check]:
        """What the swap says it has fixed its amounts with, and by when."""
        transitions = self.replay.transitions
        for e in self.ledger.of("swap", "PeriodSettled"):
            a, report = e.arguments, self.replay.reports.of(e.arguments["period"])
            number = a["period"] + 1
            yield Check(f"period {number}: report missing", int(report.value is None), int(a["missing"]))
            if not a["missing"]:
                yield Check(f"period {number}: KPI value", report.value or 0, a["kpi"])
        fixed = [
            transition.swap[1].last
            for transition in transitions.values()
            if isinstance(transition.act, FIXINGS)
        ]
        paid = (e.arguments["amount"] for e in self.ledger.of("swap", "AmountPaid"))
        yield Check("swap: amounts fixed = announced as paid", sum(fixed), sum(paid))
        for e in self.ledger.of("swap", "MarginCalled"):
            transition, side = transitions.get(key(e)), e.arguments["side"]
            due = 0 if transition is None else transition.swap[1].accounts[side].deadline
            yield Check(f"margin called at block {e.block}: deadline", due, e.arguments["deadline"])

    def _close_out_checks(self) -> Iterator[Check]:
        """What the swap says about its close-out."""
        for e in self.ledger.of("swap", "ClosedOut"):
            transition = self.replay.transitions.get(key(e))
            since = 0 if transition is None else kpi_payment.defaulted_at(transition.swap[0], e.time)
            yield Check("close-out: in default since", since, e.arguments["defaultedAt"])
            settled = 0 if transition is None else len(transition.swap[0].amounts)
            yield Check("close-out: instead of periods from", settled, e.arguments["period"])
            by_model = self.terms.payment.close_out_rule == CloseOutRule.MODEL_VALUE
            given = (
                transition is not None
                and isinstance(transition.act, CloseOut)
                and transition.act.value is not None
            )
            missing = int(by_model and not given)
            yield Check("close-out: model value missing", missing, int(e.arguments["missing"]))

    def _restored(self, side: Side) -> int:
        """How often an act of the replay ended a margin call of a side while the swap went on."""
        count = 0
        for transition in self.replay.transitions.values():
            before, after = transition.swap
            ended = before.accounts[side].deadline and not after.accounts[side].deadline
            count += bool(ended and after.status == State.ACTIVE)
        return count

    def _money_checks(self) -> Iterator[Check]:
        """Of each contract, what came in less what went out is what is there."""
        contracts = {"swap": self.at.swap}
        if self.record.project is not None:
            contracts |= self.record.project.model_dump(include={"treasury", "token", "offering"})
        within = 0
        for name, address in contracts.items():
            flow = sum(m.amount * ((m.to == address) - (m.source == address)) for m in self.moves)
            held = self._balance(address)
            within += held
            yield Check(f"money: {name}: in less out = held", flow, held)
        mine = set(contracts.values())
        outside = sum(m.amount * ((m.to in mine) - (m.source in mine)) for m in self.moves)
        yield Check("money: deal: in from outside less out = held", outside, within)
        booked = sum(account["balance"] + account["credit"] for account in self.accounts)
        sent = sum(m.amount for m in self.ledger.strays if m.to == self.at.swap)
        yield Check("money: swap: balances and credits = held", booked + sent, self._balance(self.at.swap))

    def _announced_checks(self) -> Iterator[Check]:
        """What each kind of event announces is what the currency's transfers behind it have moved."""
        for (source, name), argument in ANNOUNCED.items():
            events = list(self.ledger.of(source, name))
            if events:
                announced = sum(e.arguments[argument] for e in events)
                moved = sum(self.ledger.moved(e) for e in events)
                yield Check(f"money: {source} {name}: announced = moved", announced, moved)
        paid = list(self.ledger.of("treasury", "PeriodPaid"))
        if not paid:
            return
        parts = [self.replay.belonging(e) for e in paid]
        collected = sum(self.ledger.moved(withdrawn) for withdrawn, _ in parts)
        funded = sum(self.ledger.moved(fund) for _, fund in parts)
        shared = [
            e.arguments["paid"]
            for e in self.ledger.of("token", "Distributed")
            if e.arguments["payer"] == self.at.treasury
        ]
        for name, moved in (("collected", collected), ("swap", funded), ("holders", sum(shared))):
            announced = sum(e.arguments[name] for e in paid)
            yield Check(f"money: treasury PeriodPaid {name}: announced = moved", announced, moved)
        runs = sum(run.period for run in self.replay.books.runs)
        yield Check("treasury: sum of period numbers", runs, sum(e.arguments["period"] for e in paid))

    def _project_checks(self, rows: list[Row], holders: list[Holder]) -> Iterator[Check]:
        if self.at.token is None or self.at.treasury is None:
            return
        token = contract(self.w3, "SecurityToken", self.at.token).functions
        supply = read(token.totalSupply(), self.block)
        units = [
            sum(e.arguments["units"] for e in self.ledger.of("offering", name))
            for name in ("Subscribed", "Refunded")
        ]
        yield Check("units: sold less taken back = supply", units[0] - units[1], supply)
        for source, name in (("offering", "OfferingSettled"), ("treasury", "TreasuryActivated")):
            for e in self.ledger.of(source, name):
                yield Check(f"units: sold = announced by {source}", units[0], e.arguments["units"])
        yield Check("units: sum of holdings = supply", sum(self.ledger.holdings_at().values()), supply)
        paid_periods = self.replay.books.periods_paid
        yield Check("treasury: periods paid", paid_periods, self._treasury("periodsPaid"))
        state = 0 if self.replay.treasury is None else 1 + self.replay.books.closed
        yield Check("treasury: state", state, self._treasury("state"))
        held = sum(self.replay.books.credits) + self.replay.books.available
        yield Check("treasury: money", held, self._balance(self.at.treasury))
        distributed = sum(e.arguments["paid"] for e in self.ledger.of("token", "Distributed"))
        earned = sum(row.actual for row in rows if row.kind in ("distribution", "gift"))
        yield Check("money: distributed = earned by holders", distributed, earned)
        claimed, unclaimed = sum(h.claimed for h in holders), sum(h.unclaimed for h in holders)
        yield Check("money: distributed = claimed + unclaimed", distributed, claimed + unclaimed)
        there = min(self._balance(self.at.token), unclaimed)
        yield Check("money: the token holds what is unclaimed", unclaimed, there)

    # -- what a reader should know

    def _notes(self) -> Iterator[str]:
        books, time = self.replay.swap, self.ledger.time
        index = len(books.amounts)
        state = kpi_payment.state_at(self.terms.payment, books, time)
        running = state == State.ACTIVE
        if self.failed:
            sold, taken_back = (
                sum(e.arguments["units"] for e in self.ledger.of("offering", name))
                for name in ("Subscribed", "Refunded")
            )
            yield failed_issue(sold, taken_back)
        elif state == State.AGREED:
            by = when(self.terms.payment.start_by)
            yield f"agreed: begins with both sides' collateral by {by}, or lapses"
        if running and time >= self.terms.payment.periods[index].pay_date:
            report = self.replay.reports.of(index)
            yield f"period {index + 1}: due, not settled, its report is {report.status}"
        if state == State.DEFAULTED:
            yield f"in default since {when(kpi_payment.defaulted_at(books, time))}, not closed out"
        for side in Side:
            account = books.accounts[side]
            if running and account.deadline:
                yield f"{SIDES[side]}: margin called, to be met by {when(account.deadline)}"
            owed = kpi_payment.owed(self.terms.payment, books, side, time)
            if owed:
                yield f"{SIDES[side]}: owes {owed} minor units, interest included"
        spending, paid = self.replay.treasury, self.replay.books.periods_paid
        waiting = () if spending is None else spending.periods[paid:]
        if waiting and time >= waiting[0].pay_date:
            yield f"period {paid + 1}: due, not paid by the treasury"
        for move in self.ledger.strays:
            if move.to in (self.at.swap, self.at.token, self.at.offering):
                yield f"{move.amount} minor units sent straight to {move.to}: nobody's"
