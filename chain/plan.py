"""What a deal is to be on a chain: its parts and its feeds, each a function of where everything is and who is
who.

A clone's address hangs on the deal, the part's key, its implementation and what is kept with its code: never
on another part, but for one that has a role (`Plan.seats`), with whose code nothing is kept. So every address
is known before anything is sent, and the terms of a part can name the others. Likewise a feed's id, the hash
of its configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from eth_abi.abi import encode
from web3 import Web3

from chain import artifacts
from chain.bindings import ordered, type_of
from chain.records import Wallets
from chain.terms import ZERO_ADDRESS, ZERO_HASH, short_string
from finance.settlement.terms import FeedTerms
from finance.settlement.world import Books


class Seat(NamedTuple):
    """What has a role in place of a wallet: the `part` in whose name it is done, and what the wallet of its
    first keeper is called."""

    part: str
    keeper: str


@dataclass(frozen=True)
class Site:
    """Everything that the terms of a part can name besides numbers: addresses of the deal's `parts` by key,
    of `shared` contracts (registry, oracle, currency) and of `people` by role, ids of feeds by KPI. `wallets`
    has who acts in a role: whoever has it, or the part that the `seats` name."""

    terms_hash: str
    parts: Mapping[str, str]
    shared: Mapping[str, str]
    people: Mapping[str, str]
    feeds: Mapping[str, str]
    seats: Mapping[str, Seat] = field(default_factory=dict)

    @property
    def wallets(self) -> Wallet:
        return Wallet(self)

    def both(self, role: str) -> list[str]:
        """Who acts in a role, and whose wallet that comes to at first."""
        seat = self.seats.get(role)
        return [self.wallets[role]] if seat is None else [self.wallets[role], self.people[seat.keeper]]


@dataclass(frozen=True)
class Wallet:
    """Of a `site`, who acts in each role."""

    site: Site

    def __getitem__(self, role: str) -> str:
        seat = self.site.seats.get(role)
        return self.site.people[role] if seat is None else self.site.parts[seat.part]


@dataclass(frozen=True)
class Planned:
    """A part that is to be, of a `kind` in chain.parts.

    `begin` gives the arguments of its `initialize`, structs by field name; `views` what its views must answer
    from then on; `kept` names the view whose answer is kept with the clone's code. `books` are its books as
    it begins.
    """

    key: str
    kind: str
    begin: Callable[[Site], tuple[Any, ...]]
    books: Callable[[Site], Books]
    views: Callable[[Site], dict[str, Any]]
    kept: str | None = None


@dataclass(frozen=True)
class PlannedFeed:
    """A KPI's feed, which parts read by their keys; the `sponsor`, a role, has what is left of the rewards
    when all is over."""

    terms: FeedTerms
    consumers: tuple[str, ...]
    sponsor: str


@dataclass(frozen=True)
class Plan:
    """A deal's parts, in the order in which a keeper looks at them, and its feeds. `deadlines`: from when
    something can no more be done, unix seconds, and what, in words. `seats`: by role, where a part has it."""

    parts: tuple[Planned, ...]
    feeds: tuple[PlannedFeed, ...] = ()
    deadlines: tuple[tuple[int, str], ...] = ()
    seats: Mapping[str, Seat] = field(default_factory=dict)

    @classmethod
    def joined(cls, plans: Iterable[Plan]) -> Plan:
        """All parts of several, in their order. Where several have a feed of the same KPI, the sponsor is the
        first one's: by `plan_of` that of the group whose leader's key comes first in the alphabet, for the
        terms hash knows no order of parts."""
        each = list(plans)
        feeds: dict[str, PlannedFeed] = {}
        for feed in (feed for plan in each for feed in plan.feeds):
            known = feeds.setdefault(feed.terms.kpi, feed)
            if known is not feed:  # a KPI has one feed, whoever reads it
                feeds[feed.terms.kpi] = replace(known, consumers=known.consumers + feed.consumers)
        return cls(
            tuple(part for plan in each for part in plan.parts),
            tuple(feeds.values()),
            tuple(deadline for plan in each for deadline in plan.deadlines),
            {role: seat for plan in each for role, seat in plan.seats.items()},
        )

    def asked(self) -> tuple[list[str], list[str]]:
        """The roles whose wallets the parts name, and the shared contracts."""
        site = unknown({part.key: ZERO_ADDRESS for part in self.parts}, ZERO_HASH, self.seats)
        for part in self.parts:
            part.begin(site)
            part.views(site)
        roles = [*site.people, *(feed.sponsor for feed in self.feeds)]
        return list(dict.fromkeys(roles)), list(dict.fromkeys([*site.shared, "currency"]))


def dates_of(plan: Plan) -> list[int]:
    """When something of the parts begins or falls due, whatever happens, in unix seconds and in order."""
    site = unknown({part.key: ZERO_ADDRESS for part in plan.parts}, ZERO_HASH, plan.seats)
    return sorted({date for part in plan.parts for date in part.books(site).dates()})


class Unknown(dict[str, str]):
    """What is not known yet by name: words of `size` bytes that stand for it, each as it is asked for."""

    def __init__(self, what: str, size: int) -> None:
        super().__init__()
        self.what, self.size = what, size

    def __missing__(self, name: str) -> str:
        made = "0x" + bytes(Web3.keccak(text=f"{self.what} {name}"))[: self.size].hex()
        self[name] = made
        return made


def unknown(parts: Mapping[str, str], terms_hash: str, seats: Mapping[str, Seat]) -> Site:
    """A site of which only the parts are known."""
    people = Unknown("contract", 20), Unknown("wallet", 20), Unknown("feed", 32)
    return Site(terms_hash, parts, *people, seats)


def found_at(site: Site, expected: Any, actual: Any) -> None:
    """Set what is `unknown` in a site to what stands in its place in the chain's answer."""
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        for name in expected.keys() & actual.keys():
            found_at(site, expected[name], actual[name])
    elif isinstance(expected, list | tuple) and isinstance(actual, list | tuple):
        # What is known already needs no pairing, and a list may be in another order while it is not.
        unpaired, theirs = [], list(actual)
        for one in expected:
            if one in theirs:
                theirs.remove(one)
            else:
                unpaired.append(one)
        for one, other in zip(unpaired, theirs, strict=False):
            found_at(site, one, other)
    else:
        for known in (site.shared, site.people, site.feeds):
            assert isinstance(known, Unknown)
            for name in [name for name, stands in known.items() if stands == expected]:
                known[name] = actual


def feed_config(feed: PlannedFeed, site: Site, wallets: Wallets) -> dict[str, Any]:
    """IKpiOracle.FeedConfig. A feed takes as many of the nodes and of the panel as its policy asks for, from
    the lowest address up; its readers ascend too."""
    terms = feed.terms
    return {
        "deal": site.terms_hash,
        "kpi": short_string(terms.kpi),
        "methodHash": terms.method_hash,
        "minValue": terms.min_value,
        "maxValue": terms.max_value,
        "maxSpread": terms.max_spread,
        "reportingWindow": terms.reporting_window,
        "lateWindow": terms.late_window,
        "disputeWindow": terms.dispute_window,
        "rulingWindow": terms.ruling_window,
        "quorum": terms.quorum,
        "panelQuorum": terms.panel_quorum,
        "decimals": terms.decimals,
        "bondCurrency": site.shared["currency"],
        "challengeBond": terms.challenge_bond,
        "challengeReward": terms.challenge_reward,
        "sponsor": site.wallets[feed.sponsor],
        "periodEnds": list(terms.period_ends),
        "signers": wallets.nodes[: terms.nodes],
        "panel": wallets.panel[: terms.panel_size],
        "consumers": sorted((site.parts[key] for key in feed.consumers), key=lambda at: int(at, 16)),
    }


def feed_id(config: Mapping[str, Any]) -> str:
    """The id that the oracle gives a feed: keccak256 of the ABI-encoded configuration."""
    (entry,) = _inputs("KpiOracle", "createFeed")
    return "0x" + bytes(Web3.keccak(encode([type_of(entry)], [ordered(entry, config)]))).hex()


def kept_with_code(part: Planned, contract: str, site: Site) -> bytes:
    """What the clone of a part has after its code."""
    if part.kept is None:
        return b""
    (entry,) = _entry(contract, part.kept)["outputs"]
    return encode([type_of(entry)], [ordered(entry, part.views(site)[part.kept])])


def begin_data(part: Planned, contract: str, site: Site) -> bytes:
    """The call by which a part takes its terms."""
    inputs = _inputs(contract, "initialize")
    values = [ordered(i, v) for i, v in zip(inputs, part.begin(site), strict=True)]
    types = [type_of(i) for i in inputs]
    return bytes(Web3.keccak(text=f"initialize({','.join(types)})"))[:4] + encode(types, values)


def _inputs(contract: str, function: str) -> list[dict[str, Any]]:
    inputs: list[dict[str, Any]] = _entry(contract, function)["inputs"]
    return inputs


def _entry(contract: str, function: str) -> dict[str, Any]:
    return next(f for f in artifacts.abi(contract) if f["type"] == "function" and f["name"] == function)
