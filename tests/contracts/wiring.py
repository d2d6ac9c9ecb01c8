"""Whole deals as the factory takes them, wired by hand: where the parts will be, what shared contracts are
told of the deal, and the call by which each part begins."""

from __future__ import annotations

from typing import Any

from eth_abi import encode
from eth_utils import keccak

from tests.contracts.material import components_of, tuple_of

NO_FEED = b"\0" * 32


def key(name: str) -> bytes:
    return name.encode().ljust(32, b"\0")


class Wiring:
    """The parts of one deal, in the order in which they begin."""

    def __init__(self, base: Any, terms_hash: bytes, deployer: Any) -> None:
        self.base, self.terms_hash, self.deployer = base, terms_hash, deployer
        self.at: dict[str, str] = {}
        self.feeds: list[bytes] = []
        self._calls: list[tuple] = []
        self._codes: dict[str, tuple[Any, bytes]] = {}
        self._begin: list[tuple[str, str]] = []

    def place(self, name: str, code: Any, kept: bytes = b"") -> None:
        """A part that is to be, and where."""
        self._codes[name] = (code, kept)
        self.at[name] = self.base.factory.addressOf(self.deployer, self.terms_hash, key(name), code, kept)

    def feed(self, policy: dict, consumer: str) -> bytes:
        """A feed that is to be; its id."""
        full = policy | {"deal": self.terms_hash, "consumers": [consumer]}
        config = tuple_of(components_of(self.base.oracle, "createFeed"), full)
        data = self.base.oracle.createFeed.encode_input(config)
        self._calls.append((self.base.oracle.address, data))
        self.feeds.append(keccak(bytes.fromhex(data[10:])))
        return self.feeds[-1]

    def begin(self, name: str, *arguments: Any) -> None:
        code, _ = self._codes[name]
        self._begin.append((name, code.initialize.encode_input(*arguments)))

    def begin_with(self, name: str, terms: dict, *more: Any) -> None:
        code, _ = self._codes[name]
        self.begin(name, tuple_of(components_of(code, "initialize"), terms), *more)

    @property
    def arguments(self) -> tuple:
        """Of DealFactory.deploy."""
        parts = [(key(name), *self._codes[name], data) for name, data in self._begin]
        parts = [(name, code.address, kept, data) for name, code, kept, data in parts]
        return self.terms_hash, self._calls, parts


def _token(wired: Wiring, terms: dict, currency: Any, code: Any) -> None:
    anchors = (terms["registry"], bytes.fromhex(terms["policy"][2:]), currency, terms["agent"])
    types = ["address", "bytes32", "address", "address", "bytes32"]
    wired.place("token", code, encode(types, [*anchors, wired.terms_hash]))


def _sale(wired: Wiring, terms: dict, currency: Any, servicer: str, parties: list, *more: Any) -> None:
    names = ("issuer", "unitPrice", "softCap", "hardCap", "opens", "closes")
    wired.begin("token", terms["name"], terms["symbol"], wired.at["offering"], wired.at[servicer])
    rest = {"token": wired.at["token"], "servicer": wired.at[servicer], "currency": currency}
    wired.begin_with("offering", {name: terms[name] for name in names} | rest | {"parties": parties}, *more)


def bond(base: Any, terms: dict, deployer: Any, *more: Any) -> Wiring:
    """A bond by the terms of a Plan, its fixings by KPI; `more` is what its sale takes besides."""
    wired = Wiring(base, terms["termsHash"], deployer)
    token, code, offering = base.implementations
    _token(wired, terms, terms["currency"], token)
    wired.place("bond", code)
    wired.place("offering", offering)
    feeds = {policy["kpi"]: wired.feed(policy, wired.at["bond"]) for policy in terms["oraclePolicies"]}
    _sale(wired, terms, terms["currency"], "bond", [terms["issuer"], terms["agent"]], *more)
    own = {
        "token": wired.at["token"],
        "offering": wired.at["offering"],
        "oracle": base.oracle.address,
        "authorisedUnits": terms["hardCap"],
        "fixings": [f | {"feed": feeds.get(f["feed"], f["feed"])} for f in terms["fixings"]],
    }
    names = [c["name"] for c in components_of(code, "initialize")]
    wired.begin_with("bond", {name: terms[name] for name in names if name in terms} | own)
    return wired


def swap(base: Any, rooms: Any, terms: dict, deployer: Any) -> Wiring:
    """A swap between two parties by projects.swap_terms."""
    wired = Wiring(base, terms["termsHash"], deployer)
    wired.place("swap", rooms.payment)
    _swap(wired, terms)
    return wired


def project(base: Any, rooms: Any, terms: dict, own: dict, deployer: Any) -> Wiring:
    """A project by projects.swap_terms and projects.project_terms."""
    wired = Wiring(base, terms["termsHash"], deployer)
    token, _, offering = base.implementations
    currency = terms["payment"]["currency"]
    _token(wired, own, currency, token)
    for name, code in (("offering", offering), ("swap", rooms.payment), ("treasury", rooms.treasury)):
        wired.place(name, code)
    people = [own["issuer"], own["agent"], terms["payment"]["payer"], own["operator"], own["lender"]]
    _sale(wired, own, currency, "treasury", people)
    _swap(wired, terms, {"payee": wired.at["treasury"], "payeeStarts": True})
    spv = {name: own[name] for name in ("operator", "lender", "periods")}
    spv |= {name: wired.at[name] for name in ("token", "offering", "swap")}
    wired.begin_with("treasury", spv | {"currency": currency})
    return wired


def _swap(wired: Wiring, terms: dict, more: dict | None = None) -> None:
    payment = terms["payment"]
    own = {"oracle": wired.base.oracle.address, "feed": wired.feed(terms["kpiPolicy"], wired.at["swap"])}
    by_model = payment["closeOutRule"] == 0
    own["valueFeed"] = wired.feed(terms["valuePolicy"], wired.at["swap"]) if by_model else NO_FEED
    wired.begin_with("swap", payment | own | (more or {}))
