"""Raw material for contract tests: a small deal in plain numbers, signatures, time.

Nothing here comes from `finance` or `oracle`: what the contracts do is checked against numbers written down
in the tests, and signatures are made with eth_account alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import keccak

DAY = 86_400
MILLION = 1_000_000
INT128_MIN = -(2**127)
RETAIL, PROFESSIONAL, INSTITUTIONAL = 1, 2, 3
ALL_CLASSES = 0b1110
USA, CUBA = 840, 192


def named_keys(label: str, count: int) -> list[Any]:
    """`count` accounts derived from a label, ascending by address as feeds want them."""
    keys = [Account.from_key(keccak(text=f"{label} {i}")) for i in range(count)]
    return sorted(keys, key=lambda account: int(account.address, 16))


class Status(IntEnum):
    """IKpiOracle.Status"""

    NONE, PENDING, CHALLENGED, FINAL, MISSING = range(5)


class Verdict(IntEnum):
    """IKpiOracle.Verdict"""

    STANDS, CORRECTED, VOID = range(3)


class Bond(IntEnum):
    """IKpiBond.State"""

    OFFERED, ACTIVE, DEFAULTED, ACCELERATED, REDEEMED = range(5)


class Sale(IntEnum):
    """IOffering.State"""

    NOT_OPEN, OPEN, SUCCEEDED, FAILED, SETTLED = range(5)


NODES = named_keys("node", 4)
PANEL = named_keys("panel", 3)


def tuple_of(abi_components: list[dict], values: dict) -> tuple:
    """A struct as the nested tuple the ABI wants, from a dict; unknown and missing names are errors."""
    names = [component["name"] for component in abi_components]
    assert set(values) == set(names), set(values) ^ set(names)
    out = []
    for component in abi_components:
        value, kind = values[component["name"]], component["type"]
        if kind == "tuple":
            value = tuple_of(component["components"], value)
        elif kind == "tuple[]":
            value = [tuple_of(component["components"], v) for v in value]
        out.append(value)
    return tuple(out)


def inputs_of(contract: Any, function: str) -> list[dict]:
    """The ABI of a function's arguments."""
    return next(f for f in contract.abi if f.get("name") == function)["inputs"]


def components_of(contract: Any, function: str) -> list[dict]:
    """The ABI of the struct that is a function's first argument."""
    return inputs_of(contract, function)[0]["components"]


def policy(classes: int = ALL_CLASSES, blocked: tuple[int, ...] = ()) -> str:
    word = classes
    for i, country in enumerate(blocked):
        word |= country << (8 + 16 * i)
    return "0x" + word.to_bytes(32, "big").hex()


RATE, AMOUNT = 0, 1  # IKpiBond.Effect
KPI = b"runoff-reduction".ljust(32, b"\0")
OF_THE_OUTCOME = ("kpiPeriod", "missing", "curve")


def step(*knots: tuple[int, int]) -> dict:
    """A step curve from (KPI value, payoff) pairs."""
    return {"shape": 0, "knots": [{"x": x, "y": y} for x, y in knots]}


def fixing(effect: int, first: int, last: int, curve: dict, missing: int, **changes: Any) -> dict:
    """IKpiBond.Fixing of the first report on the plan's KPI."""
    return {
        "feed": KPI,
        "kpiPeriod": 0,
        "effect": effect,
        "first": first,
        "last": last,
        "missing": missing,
        "curve": curve,
    } | changes


def bullet(unit: int, *dates: int, denominator: int = 1) -> list[dict]:
    """Years of interest up to the dates given, and the principal of one unit with the last of them."""
    periods = [
        {"payDate": date, "numerator": 1, "denominator": denominator, "repayment": 0, "step": 0}
        for date in dates
    ]
    if periods:
        periods[-1]["repayment"] = unit
    return periods


@dataclass
class Plan:
    """A bond of 100 units of 1,000 at 5 %, three annual coupons, outcome -10 / 0 / +10 % at 20 % and 40 %."""

    now: int
    currency: str
    registry: str
    issuer: str
    agent: str
    unit: int = 1_000 * MILLION
    units: int = 100
    overrides: dict = field(default_factory=dict)
    oracle_overrides: dict = field(default_factory=dict)

    @property
    def opens(self) -> int:
        return self.now + DAY

    @property
    def closes(self) -> int:
        return self.now + 10 * DAY

    @property
    def pay_dates(self) -> list[int]:
        return [self.closes + 365 * DAY * i for i in (1, 2, 3)]

    @property
    def period_end(self) -> int:
        return self.pay_dates[-1] - 100 * DAY

    def oracle_policy(self) -> dict:
        return {
            "deal": b"\0" * 32,
            "kpi": KPI,
            "methodHash": keccak(text="method"),
            "minValue": -MILLION,
            "maxValue": MILLION,
            "maxSpread": 250_000,
            "reportingWindow": 45 * DAY,
            "lateWindow": 14 * DAY,
            "disputeWindow": 14 * DAY,
            "rulingWindow": 21 * DAY,
            "quorum": 3,
            "panelQuorum": 2,
            "decimals": 6,
            "bondCurrency": self.currency,
            "challengeBond": 10_000 * MILLION,
            "challengeReward": 5_000 * MILLION,
            "sponsor": self.issuer,
            "periodEnds": [self.period_end],
            "signers": [node.address for node in NODES],
            "panel": [member.address for member in PANEL],
            "consumers": [],
        } | self._resolved(self.oracle_overrides)

    def _resolved(self, overrides: dict) -> dict:
        """An override may be a function of the plan, for what depends on its dates."""
        return {name: value(self) if callable(value) else value for name, value in overrides.items()}

    def _terms_hash(self) -> bytes:
        """Stands for the hash of a deal file: another plan has another one."""
        changes = sorted(
            (k, "" if callable(v) else v) for k, v in (self.overrides | self.oracle_overrides).items()
        )
        return keccak(text=repr((self.now, self.currency, self.unit, self.units, changes)))

    def terms(self) -> dict:
        periods = self._resolved(self.overrides).get("periods", bullet(self.unit, *self.pay_dates))
        rate = self.overrides.get("rate", 5 * 10**16)
        return {
            "termsHash": self._terms_hash(),
            "name": "Test bond",
            "symbol": "TEST",
            "currency": self.currency,
            "registry": self.registry,
            "agent": self.agent,
            "policy": policy(),
            "issuer": self.issuer,
            "unitPrice": self.unit,
            "softCap": self.units,
            "hardCap": self.units,
            "opens": self.opens,
            "closes": self.closes,
            "unitPrincipal": self.unit,
            "rate": rate,
            "lateRate": max(rate, 365 * 10**15),  # a thousandth a day
            "gracePeriod": 10 * DAY,
            "curePeriod": 30 * DAY,
            "dataController": 0,
            "periods": periods,
            "fixings": [self.outcome(max(0, len(periods) - 1))],
            "noticePeriod": 0,
            "calls": [],
            "consents": "0x" + "00" * 20,
            "oraclePolicies": [self.oracle_policy()],
        } | {name: v for name, v in self._resolved(self.overrides).items() if name not in OF_THE_OUTCOME}

    def outcome(self, last: int = 2) -> dict:
        """The one fixing, paid in the last period; overrides of kpiPeriod, missing and curve are its own."""
        tenth = self.unit * self.units // 10
        knots = ((INT128_MIN, -tenth), (200_000, 0), (400_001, tenth))
        own = {name: v for name, v in self._resolved(self.overrides).items() if name in OF_THE_OUTCOME}
        return fixing(AMOUNT, last, last, step(*knots), tenth) | own


DOMAIN_FIELDS = [
    {"name": "name", "type": "string"},
    {"name": "version", "type": "string"},
    {"name": "chainId", "type": "uint256"},
    {"name": "verifyingContract", "type": "address"},
]
TYPES = {
    "Observation": (
        "bytes32 feed,uint32 period,uint32 version,int128 value,uint64 observedAt,bytes32 evidence"
    ),
    "Ruling": (
        "bytes32 feed,uint32 period,uint32 version,bytes32 report,uint8 verdict,int128 value,bytes32 evidence"
    ),
    "Quote": (
        "address maker,address taker,uint8 side,uint64 units,uint64 least,uint128 price,uint96 earned,"
        "bool holds,uint64 opens,uint64 expires,uint64 nonce"
    ),
}


def sign(kind: str, message: dict, key: Any, chain_id: int, oracle: str) -> tuple[bytes, bytes]:
    """r and vs (EIP-2098) of an EIP-712 signature for an oracle."""
    signed = signature(kind, message, key, chain_id, oracle, "KpiOracle")
    vs = signed.s | ((signed.v - 27) << 255)
    return signed.r.to_bytes(32, "big"), vs.to_bytes(32, "big")


def signature(kind: str, message: dict, key: Any, chain_id: int, at: str, contract: str) -> Any:
    """An EIP-712 signature for a contract of ours, by its name."""
    fields = [dict(zip(("type", "name"), f.split(), strict=True)) for f in TYPES[kind].split(",")]
    return key.sign_message(
        encode_typed_data(
            full_message={
                "types": {"EIP712Domain": DOMAIN_FIELDS, kind: fields},
                "primaryType": kind,
                "domain": {
                    "name": f"Penstock {contract}",
                    "version": "1",
                    "chainId": chain_id,
                    "verifyingContract": at,
                },
                "message": message,
            }
        )
    )


def evidence(text: str) -> bytes:
    return keccak(text=text)


def observation(
    feed: bytes,
    value: int,
    node: int,
    *,
    at: int,
    chain_id: int,
    oracle: str,
    period: int = 0,
    version: int = 0,
    key: Any = None,
    signed: dict | None = None,
) -> tuple:
    """One signed observation in the order of the Solidity struct; `signed` names what the node signed
    differently."""
    root = evidence(f"{node} {value}")
    message = {
        "feed": feed,
        "period": period,
        "version": version,
        "value": value,
        "observedAt": at,
        "evidence": root,
    } | (signed or {})
    r, vs = sign("Observation", message, key or NODES[node], chain_id, oracle)
    return (value, at, node, root, r, vs)


def ruling(
    feed: bytes,
    verdict: int,
    value: int,
    members: tuple[int, ...],
    *,
    chain_id: int,
    oracle: str,
    report: bytes,
    version: int = 0,
    period: int = 0,
) -> tuple[bytes, list[tuple]]:
    """The panel's evidence root and signatures. `report`: evidence of the report that it rules on."""
    root = evidence("panel")
    message = {
        "feed": feed,
        "period": period,
        "version": version,
        "report": report,
        "verdict": verdict,
        "value": value,
        "evidence": root,
    }
    return root, [(m, *sign("Ruling", message, PANEL[m], chain_id, oracle)) for m in members]


PERMIT_FIELDS = [
    {"name": "owner", "type": "address"},
    {"name": "spender", "type": "address"},
    {"name": "value", "type": "uint256"},
    {"name": "nonce", "type": "uint256"},
    {"name": "deadline", "type": "uint256"},
]


def permit(key: Any, token: str, chain_id: int, **message: Any) -> tuple[int, bytes, bytes]:
    """v, r and s of an EIP-2612 permit by `key`; the message without the owner."""
    signed = key.sign_message(
        encode_typed_data(
            full_message={
                "types": {"EIP712Domain": DOMAIN_FIELDS, "Permit": PERMIT_FIELDS},
                "primaryType": "Permit",
                "domain": {
                    "name": "Penstock SecurityToken",
                    "version": "1",
                    "chainId": chain_id,
                    "verifyingContract": token,
                },
                "message": {"owner": key.address} | message,
            }
        )
    )
    return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")


def signer_of(digest: bytes, r: bytes, vs: bytes) -> str:
    """Whom a compact signature over this digest recovers to."""
    word = int.from_bytes(vs, "big")
    parts = (27 + (word >> 255), int.from_bytes(r, "big"), word & (2**255 - 1))
    return Account._recover_hash(digest, vrs=parts)


def clone_code(implementation: str, arguments: bytes) -> bytes:
    """Creation code of OpenZeppelin's clone with immutable arguments (Clones.sol), so that tests can be the
    factory."""
    runtime = bytes.fromhex("363d3d373d3d3d363d73") + bytes.fromhex(implementation[2:])
    runtime += bytes.fromhex("5af43d82803e903d91602b57fd5bf3") + arguments
    return bytes.fromhex("61") + len(runtime).to_bytes(2, "big") + bytes.fromhex("3d81600a3d39f3") + runtime
