"""Expected and actual payments, per holder and kind, in minor units: the difference is 0 or it is shown.

Expected comes from the deal alone: the pure replays in finance.settlement, run on the KPI values that the
oracle settled and on when money came and who called what when, per unit, times the units a holder had at each
distribution (from the token's Transfer logs).
Actual comes from the chain: what each distribution paid per unit, and, for what holders have received, the
ERC-20 transfers of the currency itself, not our own contracts' events.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from web3 import Web3
from web3.contract import Contract

from chain.bindings import contract, read
from chain.bond_replay import replay_bond
from chain.check import Difference, check_deployment
from chain.event_tables import Distribution
from chain.events import watch
from chain.ledger import Ledger
from chain.reconciliation import (
    KINDS,
    PRIMARY,
    Check,
    Holder,
    Reconciliation,
    ReportState,
    Row,
)
from chain.records import DeploymentRecord
from chain.replay import log_checks
from chain.world import bond_world
from finance.settlement.bond import fixed, outcome, replay
from finance.settlement.bond_life import Settled
from finance.settlement.offering import State as Issue
from finance.settlement.terms import Effect, Fixing, SettlementTerms, settlement_terms
from finance.terms import Deal

STATUS = ("none", "pending", "challenged", "final", "missing")
"""IKpiOracle.Status"""
STATES = ("offered", "active", "defaulted", "accelerated", "redeemed")
"""IKpiBond.State"""
OUTCOME = "outcome payment for the units in issue"


def reconcile(
    w3: Web3, record: DeploymentRecord, deal: Deal | None = None, block: int | None = None
) -> Reconciliation:
    """Reconcile a deployed deal at `block` (default: the latest) against `deal` (default: the record's own).

    Payments that are not due yet are left out. Those due and not made are only noted within their grace
    period and count as expected after it. Raises NetworkError if it is another chain.
    """
    deal = deal or record.load_deal()
    terms = settlement_terms(deal)
    ledger = Ledger.read(w3, record, block)
    return _Reconciler(w3, record, terms, ledger).run(check_deployment(w3, record, deal))


def failed_issue(sold: int, taken_back: int) -> str:
    """What a reader should know of an issue that has failed, in units."""
    given_back = f"{taken_back:,} of the {sold:,} units sold are given back" if sold else "no units were sold"
    return f"the issue has failed; {given_back}"


class _Reconciler:
    """Holds what the parts of a reconciliation share."""

    def __init__(self, w3: Web3, record: DeploymentRecord, terms: SettlementTerms, ledger: Ledger) -> None:
        self.w3, self.record, self.terms, self.ledger = w3, record, terms, ledger
        self.at, self.block = record.addresses, ledger.to_block
        self.token = contract(w3, "SecurityToken", self.at.token)
        self.money = contract(w3, "IERC20", self.at.currency)
        self.moves = ledger.moves("currency")
        self.by_tx: dict[tuple[str, str, str], int] = defaultdict(int)
        for move in self.moves:
            self.by_tx[move.event.tx, move.source, move.to] += move.amount
        bond = contract(w3, "KpiBond", self.at.bond)
        issue = contract(w3, "Offering", self.at.offering)
        oracle = contract(w3, "KpiOracle", self.at.oracle)
        self.state = STATES[read(bond.functions.state(), self.block)]
        self.issue = Issue(read(issue.functions.state(), self.block))
        self.settled: dict[int, Settled] = {}
        self.reports = [self._report(oracle, number) for number in range(len(terms.fixings))]
        self.notes: list[str] = []
        self.sold = sum(e.arguments["units"] for e in ledger.of("offering", "Subscribed"))
        self.taken_back = sum(e.arguments["units"] for e in ledger.of("offering", "Refunded"))
        issued = self.state != "offered" and 0 < self.sold <= terms.hard_cap
        # What waits for a report is only expected once that is settled; until then it stands as missing here,
        # which changes nothing that comes before.
        values = [report.value for report in self.reports]
        self.fixed = fixed(terms, values)
        self.replayed = replay(terms, self.sold, values) if issued else []
        self.redemption = len(terms.periods)
        self.lived = replay_bond(terms, self.sold, self.settled, ledger) if issued else None
        self.bonus_at = {self._paid_in(fixing) for fixing in terms.fixings if fixing.effect is Effect.AMOUNT}

    def _report(self, oracle: Contract, number: int) -> ReportState:
        fixing = self.terms.fixings[number]
        kpi = self.terms.feeds[fixing.feed].kpi
        feed = self.record.feeds.get(kpi)
        if feed is None:  # another deal than was deployed, which the check of the deployment shows
            return ReportState(kpi, fixing.kpi_period + 1, STATUS[0], None)
        report = read(oracle.functions.reportOf(feed, fixing.kpi_period), self.block)
        status = STATUS[report["status"]]
        value = report["value"] if status == "final" else None
        state = ReportState(kpi, fixing.kpi_period + 1, status, value)
        if state.is_settled:
            self.settled[number] = Settled(value, report["finalAt"])
        return state

    def _paid_in(self, fixing: Fixing) -> int:
        """The payment that an amount is part of; the redemption follows the last coupon."""
        return fixing.first if fixing.first + 1 < self.redemption else self.redemption

    def _waits_for(self, index: int) -> list[ReportState]:
        """Open reports that payment `index` goes by."""
        return [
            report
            for fixing, report in zip(self.terms.fixings, self.reports, strict=True)
            if not report.is_settled
            and (
                fixing.first <= index <= fixing.last
                if fixing.effect is Effect.RATE
                else self._paid_in(fixing) == index
            )
        ]

    def run(self, deployment: list[Difference]) -> Reconciliation:
        rows = [*self._primary(), *self._distributions(), *self._not_made()]
        holders = self._holders(rows)
        if any(True for _ in self.ledger.of("bond", "BondAccelerated")):
            self.notes.append(
                "the bond was accelerated: expected is what the deal promised, not what is left"
            )
        if self.issue is Issue.FAILED:
            self.notes.append(failed_issue(self.sold, self.taken_back))
        by_log, remarks = log_checks(
            self.w3, bond_world(self.record, self.terms), watch(self.record), self.ledger
        )
        self.notes += remarks
        return Reconciliation(
            deal=self.terms.deal_id,
            terms_hash=self.terms.terms_hash,
            chain_id=self.record.chain_id,
            block=self.block,
            time=self.ledger.time,
            state=self.state,
            reports=self.reports,
            currency_decimals=self.terms.currency_decimals,
            rows=rows,
            holders=holders,
            checks=[*self._checks(rows, holders), *by_log],
            issuer=self._issuer(),
            deployment=deployment,
            notes=self.notes,
            not_yet=list(self._not_yet()),
        )

    def _not_yet(self) -> Iterator[str]:
        """What is still to come, unless the bond has ended or, its issue having failed, never begins."""
        if self.state == "redeemed" or self.issue is Issue.FAILED:
            return
        if self.state == "offered":
            sold = self.sold - self.taken_back
            yield f"the offering is not settled; {sold:,} of {self.terms.hard_cap:,} units are sold"
        paid = sum(payout.kind == "coupon" for payout in self.ledger.payouts)
        if paid < self.redemption:
            yield f"{self.redemption - paid} of {self.redemption} coupons are not paid"
        yield from (
            f"{report} is not final: {report.status}" for report in self.reports if not report.is_settled
        )
        yield "the bond is not redeemed"

    # -- rows

    def _primary(self) -> Iterator[Row]:
        """Subscriptions and refunds: units times the price, against the money moved in that transaction."""
        for name, kind, key in (("Subscribed", "subscription", "investor"), ("Refunded", "refund", "holder")):
            for e in self.ledger.of("offering", name):
                holder, units = e.arguments[key], e.arguments["units"]
                way = (holder, self.at.offering) if kind == "subscription" else (self.at.offering, holder)
                moved = self.by_tx[e.tx, way[0], way[1]]
                yield Row(holder, kind, None, units, units * self.terms.unit_price, moved, e.tx)

    def _distributions(self) -> Iterator[Row]:
        for payout in self.ledger.payouts:
            held = self.ledger.holdings_at(payout.event.block, before_log=payout.event.index)
            shares = self._shares(payout)
            for holder, units in held.items():
                for kind, period, expected, actual in shares:
                    tx = payout.event.tx
                    yield Row(holder, kind, period, units, expected * units, actual * units, tx)

    def _shares(self, payout: Distribution) -> list[tuple[str, int | None, int, int]]:
        """Kind, period, and expected and actual money per unit, of each part of a distribution."""
        if payout.kind == "gift":  # nobody promised it, and it is the holders' all the same
            return [("gift", None, payout.per_unit, payout.per_unit)]
        if payout.kind == "recovery":
            return [("recovery", None, 0, payout.per_unit)]
        index = payout.index if payout.kind == "coupon" else self.redemption
        lived = self.lived.paid.get(index) if self.lived else None
        if lived is None:  # the deal given allows no such payment: what it would pay in time
            expected: dict[str, int] = {p.kind: p.per_unit for p in self.replayed if p.index == index}
        else:
            p = lived.payment
            expected = self._parts(index, lived.paid // self.sold, p.interest, p.repayment, lived.late)
        parts = (payout.interest, payout.principal, payout.late)
        actual = self._parts(index, payout.per_unit, *parts)
        period = index + 1 if index < self.redemption else None
        return [
            (kind, period, expected.get(kind, 0), actual.get(kind, 0))
            for kind in KINDS
            if expected.get(kind) or actual.get(kind) or kind in self._kinds(index)
        ]

    def _kinds(self, index: int) -> set[str]:
        """What a payment always has, be it zero."""
        always = {"coupon"} if index < self.redemption else set()
        return always | {"outcome"} if index in self.bonus_at else always

    def _parts(self, index: int, per_unit: int, interest: int, principal: int, late: int) -> dict[str, int]:
        """A unit's money by kind, of which the sums are named; divided as `bond.replay` does."""
        back, more = principal // self.sold, late // self.sold
        left = per_unit - back - more
        coupon = interest // self.sold if index in self.bonus_at else left
        return {"coupon": coupon, "principal": back, "outcome": left - coupon, "late": more}

    def _not_made(self) -> Iterator[Row]:
        """Payments the deal's dates call for and the chain does not show."""
        made = {e.arguments["period"] for e in self.ledger.of("bond", "CouponPaid")}
        made |= {self.redemption for _ in self.ledger.of("bond", "BondRedeemed")}
        late = self.lived.open_payments(self.ledger.time) if self.lived else {}
        for payment in self.replayed:
            due = self.terms.periods[min(payment.index, self.redemption - 1)].pay_date
            if payment.index in made or self.ledger.time < due or payment.per_unit == 0:
                continue
            due, more = late.get(payment.index, (due, 0))
            period = payment.index + 1 if payment.index < self.redemption else None
            label = f"{payment.kind} {period}" if period else payment.kind
            waits = self._waits_for(payment.index)
            if waits:
                self.notes += [f"{label}: due, and waits for {r}, which is {r.status}" for r in waits]
            elif self.ledger.time <= due + self.terms.grace_seconds:
                self.notes.append(f"{label}: due, not paid, within its grace period")
            else:
                self.notes.append(f"{label}: due, not paid, past its grace period")
                for holder, units in self.ledger.holdings_at().items():
                    yield Row(holder, payment.kind, period, units, payment.per_unit * units, 0)
                    if more >= self.sold and payment.kind in ("coupon", "principal"):
                        yield Row(holder, "late", period, units, more // self.sold * units, 0)
                late.pop(payment.index, None)  # once for a payment

    # -- holders and totals

    def _holders(self, rows: list[Row]) -> list[Holder]:
        expected: dict[str, int] = defaultdict(int)
        for row in rows:
            if row.kind not in PRIMARY:
                expected[row.holder] += row.expected
        for holder, money in self.ledger.money_handed_on.items():
            expected[holder] += money
        received: dict[str, int] = defaultdict(int)
        for move in self.moves:
            if move.source == self.at.token:
                received[move.to] += move.amount
        held = self.ledger.holdings_at()
        accounts = []
        for holder in sorted({*self.ledger.holders, *expected, *received}):
            unclaimed = read(self.token.functions.claimable(holder), self.block)
            units = held.get(holder, 0)
            accounts.append(Holder(holder, units, expected[holder], received[holder], unclaimed))
        return accounts

    def _checks(self, rows: list[Row], holders: list[Holder]) -> Iterator[Check]:
        supply = read(self.token.functions.totalSupply(), self.block)
        yield Check("units: sold less taken back = supply", self.sold - self.taken_back, supply)
        yield Check("units: sum of holdings = supply", sum(self.ledger.holdings_at().values()), supply)
        at = self.at
        for name, address in (("token", at.token), ("bond", at.bond), ("offering", at.offering)):
            flow = sum(m.amount * ((m.to == address) - (m.source == address)) for m in self.moves)
            held = read(self.money.functions.balanceOf(address), self.block)
            yield Check(f"money: {name}: in less out = held", flow, held)
        distributed = sum(payout.paid for payout in self.ledger.payouts)
        earned = sum(row.actual for row in rows if row.kind not in PRIMARY)
        yield Check("money: distributed = earned by holders", distributed, earned)
        claimed = sum(h.claimed for h in holders)
        unclaimed = sum(h.unclaimed for h in holders)
        yield Check("money: distributed = claimed + unclaimed", distributed, claimed + unclaimed)
        held = read(self.money.functions.balanceOf(at.token), self.block)
        yield Check("money: the token holds what is unclaimed", unclaimed, min(held, unclaimed))
        announced = sum(e.arguments["amount"] for e in self.ledger.of("token", "Claimed"))
        yield Check("money: claims announced = moved to holders", announced, claimed)
        for name, expected, actual in self.lived.compared if self.lived else ():
            yield Check(name, expected, actual)
        yield from self._fixing_checks()

    def _fixing_checks(self) -> Iterator[Check]:
        for event in self.ledger.of("bond", "KpiFixed"):
            number, a = event.arguments["fixing"], event.arguments
            report = self.reports[number]
            about = f"{report.kpi}, period {report.period}, fixing {number + 1}"
            yield Check(f"{about}: KPI value", report.value or 0, a["kpi"])
            yield Check(f"{about}: rate or amount", self.fixed[number], a["value"])
        for name in ("CouponPaid", "BondRedeemed"):
            for event in self.ledger.of("bond", name):
                index = event.arguments.get("period", self.redemption)
                if index in self.bonus_at:
                    due = outcome(self.terms, self.sold, min(index, self.redemption - 1), self.fixed)
                    label = f"outcome payment with coupon {index + 1}" if index < self.redemption else OUTCOME
                    yield Check(label, due, event.arguments["outcome"])

    def _issuer(self) -> dict[str, int]:
        """Money between the issuer and the deal, in minor units: proceeds and surplus in, funding out."""
        me, bond, offering = self.record.wallets.issuer, self.at.bond, self.at.offering
        return {
            "proceeds": sum(m.amount for m in self.moves if (m.source, m.to) == (offering, me)),
            "surplus": sum(m.amount for m in self.moves if (m.source, m.to) == (bond, me)),
            "funded": sum(m.amount for m in self.moves if (m.source, m.to) == (me, bond)),
            "funded_by_others": sum(m.amount for m in self.moves if m.source != me and m.to == bond),
        }
