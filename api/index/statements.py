"""A holder's statement: every movement of units and money, each with what was left after it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection, and_, select, tuple_

from api.index import tables, writer
from api.index.positions import Account
from api.index.writer import Claim
from chain.ledger import Distribution
from chain.terms import ZERO_ADDRESS

Key = tuple[int, int]
"""Block and log of an event."""
_NOTES = ("Subscribed", "Refunded", "ForcedTransfer", "HoldingRecovered")


@dataclass(frozen=True)
class Line:
    """One line. `kind`: subscription, refund, issue, withdrawal (of units without money), received, sent,
    forced (by the agent), recovered (a lost key's holding; units, then unclaimed money), claim, or that of a
    distribution: coupon, redemption, recovery, revenue, gift.

    `units`: change. Money in minor units: `paid` by the holder, `earned` (to be claimed), `received`.
    `other`: whom units went to or came from. `index`: number of the coupon from 0. `units_after` and
    `claimable_after`: what the holder had then. `principal`: the part of `earned` that repays principal.
    """

    block: int
    log: int
    time: int
    tx: str
    kind: str
    units: int
    paid: int
    earned: int
    received: int
    other: str | None
    index: int | None
    units_after: int
    claimable_after: int
    principal: int = 0


@dataclass(frozen=True)
class _Note:
    """What offering or token say about a movement of units in the same transaction."""

    log: int
    name: str
    holder: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class _Change:
    """A change of the account: an event of the token, the account after it, and the offering's own words."""

    block: int
    log: int
    time: int
    tx: str
    name: str
    arguments: dict[str, Any]
    account: Account
    notes: Sequence[_Note]

    def before(self, name: str, holder: str) -> dict[str, Any] | None:
        """What the offering said about it: the last event `name` of the holder before it."""
        found = [n.arguments for n in self.notes if n.log < self.log and (n.name, n.holder) == (name, holder)]
        return found[-1] if found else None

    def followed_by(self, name: str) -> bool:
        """Whether the token says so right after it: the agent forced it, or a holding was recovered."""
        return any(n.name == name and n.log == self.log + 1 for n in self.notes)


def statement(
    connection: Connection,
    claim: Claim,
    holder: str,
    payouts: Sequence[Distribution],
    after: Key | None = None,
    limit: int | None = None,
) -> list[Line]:
    """The lines of a holder of a claim token after the event with the key `after`; `payouts`: all its
    distributions, in order."""
    account = Account() if after is None else _before(connection, claim, holder, after)
    steps = _steps(connection, claim, holder, after, limit)
    past = [p for p in payouts if after is not None and _key(p) <= after]
    per_unit = sum(p.per_unit for p in past)
    lines = _lines(holder, account, per_unit, steps, payouts[len(past) :])
    return list(islice(lines, limit))


def _key(each: _Change | Distribution) -> Key:
    if isinstance(each, _Change):
        return each.block, each.log
    return each.event.block, each.event.index


def _before(connection: Connection, claim: Claim, holder: str, key: Key) -> Account:
    h = tables.holdings.c
    query = select(h.units, h.per_unit, h.unclaimed, h.claimed).where(
        writer.of_claim(tables.holdings, claim), h.holder == holder, tuple_(h.block, h.log) <= key
    )
    row = connection.execute(query.order_by(h.block.desc(), h.log.desc()).limit(1)).first()
    return Account() if row is None else Account(*row)


def _steps(
    connection: Connection, claim: Claim, holder: str, after: Key | None, limit: int | None
) -> list[_Change]:
    h, e = tables.holdings.c, tables.events.c
    query = (
        select(h.block, h.log, e.time, e.tx, e.name, e.arguments, h.units, h.per_unit, h.unclaimed, h.claimed)
        .join(tables.events, and_(e.deployment == h.deployment, e.block == h.block, e.log == h.log))
        .where(writer.of_claim(tables.holdings, claim), h.holder == holder)
    )
    if after is not None:
        query = query.where(tuple_(h.block, h.log) > after)
    rows = connection.execute(query.order_by(h.block, h.log).limit(limit)).all()
    notes = _notes(connection, claim[0], {row.tx for row in rows if row.name == "Transfer"})
    return [
        _Change(
            row.block,
            row.log,
            row.time,
            row.tx,
            row.name,
            json.loads(row.arguments),
            Account(row.units, row.per_unit, row.unclaimed, row.claimed),
            notes.get(row.tx, ()),
        )
        for row in rows
    ]


def _notes(connection: Connection, deployment: str, txs: set[str]) -> dict[str, list[_Note]]:
    """What offering and token say about movements of units, by transaction."""
    e = tables.events.c
    found: dict[str, list[_Note]] = {}
    for part in writer.chunks(sorted(txs)):
        query = select(e.tx, e.log, e.name, e.arguments).where(
            e.tx.in_(part), e.deployment == deployment, e.name.in_(_NOTES)
        )
        for tx, log, name, text in connection.execute(query):
            a = json.loads(text)
            holder = a.get("investor") or a.get("holder") or a["from"]
            found.setdefault(tx, []).append(_Note(log, name, holder, a))
    # Sorted here: asked to sort, SQLite reads all events of the deployment in order instead of these few.
    return {tx: sorted(notes, key=lambda note: note.log) for tx, notes in found.items()}


def _lines(
    holder: str, account: Account, per_unit: int, steps: Sequence[_Change], payouts: Sequence[Distribution]
) -> Iterator[Line]:
    """Steps and distributions in their common order, from an account when the token had earned `per_unit`."""
    every: list[_Change | Distribution] = [*steps, *payouts]
    for each in sorted(every, key=_key):
        if isinstance(each, _Change):
            yield _of_step(holder, account, each)
            account = each.account
        else:
            per_unit += each.per_unit
            if account.units:
                yield _earned(account, each, account.claimable(per_unit))


def _earned(account: Account, payout: Distribution, claimable: int) -> Line:
    event = payout.event
    earned = account.units * payout.per_unit
    index = payout.index if payout.index >= 0 else None
    where = (event.block, event.index, event.time, event.tx)
    principal = earned * payout.principal // payout.paid
    return Line(
        *where, payout.kind, 0, 0, earned, 0, None, index, account.units, claimable, principal=principal
    )


def _of_step(holder: str, before: Account, step: _Change) -> Line:
    kind, paid, received, other = _meaning(holder, step)
    where = (step.block, step.log, step.time, step.tx)
    after = step.account
    units = after.units - before.units
    handed = 0
    if step.name == "HoldingRecovered":
        money = step.arguments["money"]
        handed = money if step.arguments["to"] == holder else -money
    return Line(
        *where, kind, units, paid, handed, received, other, None, after.units, after.claimable(after.per_unit)
    )


def _meaning(holder: str, step: _Change) -> tuple[str, int, int, str | None]:
    """Kind, money paid and received, and the other party of a change of the account."""
    a = step.arguments
    if step.name == "Claimed":
        return "claim", 0, a["amount"], None
    if step.name == "HoldingRecovered":
        return "recovered", 0, 0, a["to"] if a["holder"] == holder else a["holder"]
    if a["from"] == ZERO_ADDRESS:
        note = step.before("Subscribed", holder)
        return ("issue", 0, 0, None) if note is None else ("subscription", note["paid"], 0, None)
    if a["to"] == ZERO_ADDRESS:
        note = step.before("Refunded", holder)
        return ("withdrawal", 0, 0, None) if note is None else ("refund", 0, note["amount"], None)
    other = a["from"] if a["to"] == holder else a["to"]
    for name, kind in (("ForcedTransfer", "forced"), ("HoldingRecovered", "recovered")):
        if step.followed_by(name):
            return kind, 0, 0, other
    return ("received" if a["to"] == holder else "sent"), 0, 0, other
