"""SecurityToken. What the agent does is said without the agent, whom the token names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from chain.history import Event, History
from chain.parts import PARTS
from chain.parts.base import (
    Cells,
    Held,
    Now,
    PartKind,
    Rebuilt,
    Said,
    Seen,
    Standing,
    Table,
    nobodys,
    running,
    said,
    turns,
)
from chain.plan import Planned, Site
from chain.reconciliation import Check, Row
from chain.terms import Holding, holding_policy
from finance.settlement.claim_token import TokenBooks, TokenTerms
from finance.settlement.identity_registry import HoldingPolicy
from finance.settlement.world import NOBODY, World


def _agent(a: Said, world: World) -> str:
    return world.books(a.part, TokenBooks).terms.agent


def _transfer(a: Said, _world: World) -> Rebuilt:
    if NOBODY not in (a["from"], a["to"]):
        yield a["from"], "transfer", {"to": a["to"], "value": a["value"]}


def _forced(a: Said, world: World) -> Rebuilt:
    yield _agent(a, world), "forced_transfer", {"from": a["from"], "to": a["to"], "amount": a["amount"]}


def _frozen(a: Said, world: World) -> Rebuilt:
    yield _agent(a, world), "set_frozen_tokens", {"account": a["account"], "amount": a["amount"]}


def _paused(a: Said, world: World) -> Rebuilt:
    yield _agent(a, world), "set_paused", {"paused": a["paused"]}


def _announced(a: Said, world: World) -> Rebuilt:
    yield _agent(a, world), "announce_recovery", {"holder": a["holder"], "to": a["to"]}


def _objected(a: Said, _world: World) -> Rebuilt:
    yield a["holder"], "object_to_recovery", {}


def _recovered(a: Said, _world: World) -> Rebuilt:
    yield "", "recover_holding", {"holder": a["holder"]}


def _distributed(a: Said, world: World) -> Rebuilt:
    if a["payer"] not in world.addresses.values():
        yield a["payer"], "distribute", {"amount": a["paid"]}


def _claimed(a: Said, _world: World) -> Rebuilt:
    """By anyone; by the holder itself while its holding is in recovery."""
    yield "", "claim", {"holder": a["holder"]}
    yield a["holder"], "claim", {"holder": a["holder"]}


# -- what it pays


def _shared(seen: Seen) -> Iterator[Row]:
    """Most parts of the deal say themselves what they share out; of anybody else's money nothing was
    promised."""
    by = next((key for key, at in seen.after.addresses.items() if at == seen["payer"]), None)
    if by is None:
        yield from seen.shares(seen.part, "gift", seen.both("perUnit"))
    elif not PARTS[seen.after.kind(by)].tells_shares:
        yield from seen.shares(seen.part, "distribution", seen.both("perUnit"), seen.period)


def _paid_out(seen: Seen) -> Iterator[Row]:
    yield seen.row("claim", seen["holder"], seen.both("amount"))


def _standing(now: Now) -> Standing:
    books = now.world.books(now.part, TokenBooks)
    return Standing(
        checks=[Check(f"{now.part}: units in issue", books.supply, now.read("totalSupply"))],
        notes=nobodys(now),
    )


WORDS = {
    "gift": "shared out by anybody but a part of the deal",
    "claim": "paid out to holders",
}


# -- its tables


def _distributions(log: History, event: Event, _held: Held) -> Iterator[Cells]:
    """What it was for, a payer says that is a part of the deal; else it is a gift."""
    a = event.arguments
    what: Cells = {}
    for key, part in log.record.parts.items():
        if part.address == a["payer"] and (shared := PARTS[part.kind].shared) is not None:
            what = shared(log, event, key)
    paid, each = a["paid"], a["perUnit"]
    sums = {"payer": a["payer"], "paid": paid, "per_unit": each, "supply": paid // each}
    yield {"kind": "gift", "index": -1, **sums, **what}


def _moved(_log: History, event: Event, _held: Held) -> Iterator[tuple[str, int]]:
    a = event.arguments
    for holder, change in ((a["from"], -a["value"]), (a["to"], a["value"])):
        if holder != NOBODY:
            yield holder, change


TABLES = {
    "transfers": said("Transfer", **{"from": "from", "to": "to", "units": "value"}),
    "holdings": running("Transfer", columns=("holder", "units"), changes=_moved),
    "distributions": Table(
        ("Distributed",), ("kind", "index", "payer", "paid", "per_unit", "supply"), _distributions
    ),
    "claims": said("Claimed", holder="holder", amount="amount"),
    "recoveries": said("HoldingRecovered", holder="holder", to="to", units="units", money="money"),
    "turns": turns("TokenClosed", "TransfersPaused"),
}


# -- as it is deployed


class Claim(Holding, Protocol):
    """What a claim is called, and who may hold it."""

    @property
    def name(self) -> str: ...

    @property
    def symbol(self) -> str: ...


def planned(key: str, claim: Claim, agent: str, minter: str, servicer: str) -> Planned:
    """The token of a claim that the part `minter` sells and the part `servicer` serves; `agent` is the name
    of a wallet."""

    def begin(site: Site) -> tuple[Any, ...]:
        return claim.name, claim.symbol, site.parts[minter], site.parts[servicer]

    def views(site: Site) -> dict[str, Any]:
        return {
            "documentHash": site.terms_hash,
            "name": claim.name,
            "symbol": claim.symbol,
            "minter": site.parts[minter],
            "servicer": site.parts[servicer],
            "anchors": {
                "registry": site.shared["registry"],
                "policy": holding_policy(claim),
                "currency": site.shared["currency"],
                "agent": site.wallets[agent],
                "termsHash": site.terms_hash,
            },
        }

    def books(site: Site) -> TokenBooks:
        policy = HoldingPolicy(claim.allowed_classes, claim.blocked_countries)
        return TokenBooks(TokenTerms(site.wallets[agent], policy, minter, servicer), key=key)

    return Planned(key, "token", begin, books, views, kept="anchors")


APART = frozenset({"Approval", "EIP712DomainChanged"})
"""Events of which the books know nothing: allowances are the ERC-20's."""

ACTS_OF = {
    "Transfer": _transfer,
    "ForcedTransfer": _forced,
    "Frozen": _frozen,
    "TransfersPaused": _paused,
    "RecoveryAnnounced": _announced,
    "RecoveryObjected": _objected,
    "HoldingRecovered": _recovered,
    "Distributed": _distributed,
    "Claimed": _claimed,
}
ALONE = frozenset({"Transfer", "Frozen", "TransfersPaused"})


def _told_claim(a: Said, _world: World) -> Rebuilt:
    yield "", "told_claim", {"holder": a["holder"], "amount": a["amount"]}


OF_HOLDERS = frozenset(
    {
        "Transfer",
        "ForcedTransfer",
        "Frozen",
        "RecoveryAnnounced",
        "RecoveryObjected",
        "HoldingRecovered",
    }
)
SUMS = PartKind(
    "SecurityToken",
    {"Distributed": _distributed, "Claimed": _told_claim, "TransfersPaused": _paused},
    apart=APART | OF_HOLDERS,
    alone=ALONE,
    cloned=False,
)
"""Of books that know no holder."""
KIND = PartKind(
    "SecurityToken",
    ACTS_OF,
    {"Distributed": _shared, "Claimed": _paid_out},
    _standing,
    APART,
    ALONE,
    words=WORDS,
    tables=TABLES,
)
