"""Expected and actual payments, per holder and kind, in minor units: the difference is 0 or it is shown.

Expected comes from the deal alone: the pure replay in finance.settlement.bond, run on the KPI value that the
oracle settled, per unit, times the units a holder had at each distribution (from the token's Transfer logs).
Actual comes from the chain: what each distribution paid per unit, and, for what holders have received, the
ERC-20 transfers of the currency itself, not our own contracts' events.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from web3 import Web3

from chain.bindings import contract, read
from chain.check import Difference, check_deployment
from chain.ledger import Distribution, Ledger, read_ledger
from chain.records import DeploymentRecord
from finance.settlement.bond import fixed, outcome, replay
from finance.settlement.terms import SettlementTerms, settlement_terms
from finance.terms import Deal

STATUS = ("none", "pending", "challenged", "final", "missing")
"""IKpiOracle.Status"""
STATES = ("offered", "active", "defaulted", "accelerated", "redeemed")
"""IKpiBond.State"""
KINDS = ("subscription", "refund", "coupon", "principal", "outcome", "recovery", "gift")
PRIMARY = ("subscription", "refund")
"""Kinds that are not earned from the token."""


@dataclass(frozen=True)
class Row:
    """What a holder should have got (or, for a subscription, paid) and has, in minor units.

    `period` counts coupons from 1, as people do; None for the other kinds. `tx` is where it happened.
    """

    holder: str
    kind: str
    period: int | None
    units: int
    expected: int
    actual: int
    tx: str = ""

    @property
    def difference(self) -> int:
        return self.actual - self.expected


@dataclass(frozen=True)
class Holder:
    """A holder's account: everything earned, what has reached the wallet, and what is there to claim."""

    holder: str
    units: int
    expected: int
    claimed: int
    unclaimed: int

    @property
    def difference(self) -> int:
        return self.claimed + self.unclaimed - self.expected


@dataclass(frozen=True)
class Check:
    """One equation that must hold over the whole deal."""

    name: str
    expected: int
    actual: int

    @property
    def difference(self) -> int:
        return self.actual - self.expected


@dataclass(frozen=True)
class Reconciliation:
    """The outcome of a reconciliation at one block. `ok` means: every difference is zero."""

    deal: str
    terms_hash: str
    chain_id: int
    block: int
    time: int
    state: str
    kpi_status: str
    kpi: int | None
    currency_decimals: int
    rows: list[Row]
    holders: list[Holder]
    checks: list[Check]
    issuer: dict[str, int]
    deployment: list[Difference]
    notes: list[str] = field(default_factory=list)

    @property
    def differences(self) -> list[Row | Holder | Check]:
        found: list[Row | Holder | Check] = []
        for part in (self.rows, self.holders, self.checks):
            found += [item for item in part if item.difference]
        return found

    @property
    def ok(self) -> bool:
        return not self.differences and not self.deployment

    def payments(self) -> dict[str, dict[str, int]]:
        """Per kind over all holders: expected, actual, difference; and `claimed`, `unclaimed` in all."""
        sums: dict[str, dict[str, int]] = {}
        for row in self.rows:
            entry = sums.setdefault(row.kind, {"expected": 0, "actual": 0, "difference": 0})
            entry["expected"] += row.expected
            entry["actual"] += row.actual
            entry["difference"] += row.difference
        sums["total"] = {
            "expected": sum(h.expected for h in self.holders),
            "actual": sum(h.claimed + h.unclaimed for h in self.holders),
            "difference": sum(h.difference for h in self.holders),
            "claimed": sum(h.claimed for h in self.holders),
            "unclaimed": sum(h.unclaimed for h in self.holders),
        }
        return sums

    def frame(self) -> pd.DataFrame:
        """The rows as a table."""
        columns = ["holder", "kind", "period", "units", "expected", "actual", "difference", "tx"]
        return pd.DataFrame(
            [{c: getattr(r, c) for c in columns} for r in self.rows], columns=columns, dtype=object
        )

    def as_json(self) -> dict[str, Any]:
        """Everything as plain JSON; amounts are integer strings in minor units."""
        return {
            "deal": self.deal,
            "terms_hash": self.terms_hash,
            "chain_id": self.chain_id,
            "block": self.block,
            "time": self.time,
            "state": self.state,
            "kpi": {"status": self.kpi_status, "value": None if self.kpi is None else str(self.kpi)},
            "currency_decimals": self.currency_decimals,
            "ok": self.ok,
            "payments": {kind: _texts(sums) for kind, sums in self.payments().items()},
            "rows": [{**_fields(r, "holder", "kind", "period", "tx"), **_sums(r)} for r in self.rows],
            "holders": [
                {"holder": h.holder, **_texts({"claimed": h.claimed, "unclaimed": h.unclaimed}), **_sums(h)}
                for h in self.holders
            ],
            "checks": [{"name": c.name, **_sums(c)} for c in self.checks],
            "issuer": _texts(self.issuer),
            "deployment": [
                {"field": d.field, "expected": d.expected, "actual": d.actual} for d in self.deployment
            ],
            "notes": self.notes,
        }


def _texts(amounts: dict[str, int]) -> dict[str, str]:
    return {name: str(amount) for name, amount in amounts.items()}


def _fields(item: object, *names: str) -> dict[str, Any]:
    return {name: getattr(item, name) for name in names}


def _sums(item: Row | Holder | Check) -> dict[str, str]:
    names = ("units", "expected", "actual", "difference")
    return {name: str(getattr(item, name)) for name in names if hasattr(item, name)}


def reconcile(
    w3: Web3, record: DeploymentRecord, deal: Deal | None = None, block: int | None = None
) -> Reconciliation:
    """Reconcile a deployed deal at `block` (default: the latest) against `deal` (default: the record's own).

    Payments that are not due yet are left out. Those due and not made are only noted within their grace
    period and count as expected after it. Raises NetworkError if it is another chain.
    """
    deal = deal or record.load_deal()
    terms = settlement_terms(deal)
    ledger = read_ledger(w3, record, block)
    return _Reconciler(w3, record, terms, ledger).run(check_deployment(w3, record, deal))


class _Reconciler:
    """Holds what the parts of a reconciliation share."""

    def __init__(self, w3: Web3, record: DeploymentRecord, terms: SettlementTerms, ledger: Ledger) -> None:
        self.record, self.terms, self.ledger = record, terms, ledger
        self.at, self.block = record.addresses, ledger.to_block
        self.token = contract(w3, "SecurityToken", self.at.token)
        self.money = contract(w3, "IERC20", self.at.currency)
        self.moves = ledger.moves("currency")
        self.by_tx: dict[tuple[str, str, str], int] = defaultdict(int)
        for move in self.moves:
            self.by_tx[move.event.tx, move.source, move.to] += move.amount
        bond = contract(w3, "KpiBond", self.at.bond)
        oracle = contract(w3, "KpiOracle", self.at.oracle)
        self.state = STATES[read(bond.functions.state(), self.block)]
        report = read(oracle.functions.reportOf(record.feed, terms.fixings[0].kpi_period), self.block)
        self.kpi_status = STATUS[report["status"]]
        self.kpi: int | None = report["value"] if self.kpi_status == "final" else None
        self.notes: list[str] = []
        self.sold = sum(e.arguments["units"] for e in ledger.of("offering", "Subscribed"))
        self.taken_back = sum(e.arguments["units"] for e in ledger.of("offering", "Refunded"))
        issued = self.state != "offered" and 0 < self.sold <= terms.hard_cap
        self.replayed = replay(terms, self.sold, [self.kpi]) if issued else []

    def run(self, deployment: list[Difference]) -> Reconciliation:
        rows = [*self._primary(), *self._distributions(), *self._not_made()]
        holders = self._holders(rows)
        if any(True for _ in self.ledger.of("bond", "BondAccelerated")):
            self.notes.append(
                "the bond was accelerated: expected is what the deal promised, not what is left"
            )
        return Reconciliation(
            deal=self.terms.deal_id,
            terms_hash=self.terms.terms_hash,
            chain_id=self.record.chain_id,
            block=self.block,
            time=self.ledger.time,
            state=self.state,
            kpi_status=self.kpi_status,
            kpi=self.kpi,
            currency_decimals=self.terms.currency_decimals,
            rows=rows,
            holders=holders,
            checks=list(self._checks(rows, holders)),
            issuer=self._issuer(),
            deployment=deployment,
            notes=self.notes,
        )

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
        if payout.kind == "coupon":
            return [("coupon", payout.index + 1, self._per_unit("coupon", payout.index), payout.per_unit)]
        principal = payout.principal // payout.supply
        return [
            ("principal", None, self._per_unit("principal"), principal),
            ("outcome", None, self._per_unit("outcome"), payout.per_unit - principal),
        ]

    def _per_unit(self, kind: str, index: int | None = None) -> int:
        found = (p.per_unit for p in self.replayed if p.kind == kind and index in (None, p.index))
        return next(found, 0)

    def _not_made(self) -> Iterator[Row]:
        """Payments the deal's dates call for and the chain does not show."""
        made = {(p.kind, p.index) for p in self.ledger.payouts}
        for payment in self.replayed:
            coupon = payment.kind == "coupon"
            due = self.terms.periods[min(payment.index, len(self.terms.periods) - 1)].pay_date
            if (("coupon", payment.index) if coupon else ("redemption", -1)) in made:
                continue
            if self.ledger.time < due or payment.per_unit == 0:
                continue
            label = f"coupon {payment.index + 1}" if coupon else payment.kind
            if not coupon and self.kpi_status not in ("final", "missing"):
                self.notes.append(f"{label}: due, and waits for the report, which is {self.kpi_status}")
            elif self.ledger.time <= due + self.terms.grace_seconds:
                self.notes.append(f"{label}: due, not paid, within its grace period")
            else:
                self.notes.append(f"{label}: due, not paid, past its grace period")
                for holder, units in self.ledger.holdings_at().items():
                    period = payment.index + 1 if coupon else None
                    yield Row(holder, payment.kind, period, units, payment.per_unit * units, 0)

    # -- holders and totals

    def _holders(self, rows: list[Row]) -> list[Holder]:
        expected: dict[str, int] = defaultdict(int)
        for row in rows:
            if row.kind not in PRIMARY:
                expected[row.holder] += row.expected
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
        for fixing in self.ledger.of("bond", "OutcomeFixed"):
            last = len(self.terms.periods) - 1
            due = outcome(self.terms, self.sold, last, fixed(self.terms, [self.kpi]))
            yield Check("outcome payment for the units in issue", due, fixing.arguments["outcome"])
            yield Check("KPI value that fixed the outcome", self.kpi or 0, fixing.arguments["kpi"])

    def _issuer(self) -> dict[str, int]:
        """Money between the issuer and the deal, in minor units: proceeds and surplus in, funding out."""
        me, bond, offering = self.record.wallets.issuer, self.at.bond, self.at.offering
        return {
            "proceeds": sum(m.amount for m in self.moves if (m.source, m.to) == (offering, me)),
            "surplus": sum(m.amount for m in self.moves if (m.source, m.to) == (bond, me)),
            "funded": sum(m.amount for m in self.moves if (m.source, m.to) == (me, bond)),
            "funded_by_others": sum(m.amount for m in self.moves if m.source != me and m.to == bond),
        }
