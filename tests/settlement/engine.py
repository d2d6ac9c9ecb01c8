"""The Solidity engine for the settlement tests: SettlementHarness in an EVM inside this process (pyrevm).

No node and no ABI library: everything the harness takes and returns is made of 32-byte words, so a few
lines encode and decode it, fast enough for tens of thousands of calls a second.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyrevm
import yaml
from eth_abi import abi
from eth_utils import function_signature_to_4byte_selector

from finance.settlement.payoff_curve import Curve
from finance.settlement.terms import SettlementTerms

ROOT = Path(__file__).resolve().parents[2]
COMPILER = ROOT / ".toolchain" / "solcx" / "solc-v0.8.37"
COMPILED = ROOT / ".toolchain" / "compiled"
HARNESS = "contracts/testing/SettlementHarness.sol"
BOND_REPLAY = "tests/solidity/utils/BondReplay.sol"
CALLER = "0x" + "c0" * 20
NOW = 1_700_000_000

CURVE = "(uint8,(int128,int128)[])"
DEBT = "(uint256,uint256)"


class Reverted(Exception):
    """The contract reverted; carries nothing, because the twins need to agree on refusing, not on the
    words."""


def compile_contracts(source: str) -> dict[str, bytes]:
    """Creation code by name of the contracts in file `source` (from the root) and in all files it imports.

    Compiled as brownie-config.yaml says; the compiler finds the imports. Kept until any source changes.
    """
    kept, sources = COMPILED / f"{Path(source).stem}.json", sha256()
    read = [
        ROOT / "brownie-config.yaml",
        ROOT / "package-lock.json",
        *sorted((ROOT / "contracts").rglob("*.sol")),
    ]
    for path in [*read, *sorted((ROOT / source).parent.glob("*.sol"))]:
        sources.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    if kept.exists():
        found = json.loads(kept.read_text())
        if found["sources"] == sources.hexdigest():
            return {name: bytes.fromhex(code) for name, code in found["code"].items()}
    code = _compiled(source)
    COMPILED.mkdir(parents=True, exist_ok=True)
    part = kept.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps({"sources": sources.hexdigest(), "code": code}))
    part.replace(kept)
    return {name: bytes.fromhex(hexadecimal) for name, hexadecimal in code.items()}


def _compiled(source: str) -> dict[str, str]:
    """Creation code in hexadecimal by name of contract."""
    config = yaml.safe_load((ROOT / "brownie-config.yaml").read_text())["compiler"]
    request = {
        "language": "Solidity",
        "sources": {source: {"content": (ROOT / source).read_text()}},
        "settings": {
            "evmVersion": config["evm_version"],
            "optimizer": config["solc"]["optimizer"],
            "outputSelection": {"*": {"*": ["evm.bytecode.object"]}},
        },
    }
    done = subprocess.run(
        [str(COMPILER), "--standard-json"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    answer = json.loads(done.stdout)
    errors = [e["formattedMessage"] for e in answer.get("errors", []) if e["severity"] == "error"]
    if errors:
        raise RuntimeError("\n".join(errors))
    return {
        name: contract["evm"]["bytecode"]["object"]
        for contracts in answer["contracts"].values()
        for name, contract in contracts.items()
    }


def word(value: int) -> bytes:
    """`value` as a two's complement 32-byte word."""
    return (value & (2**256 - 1)).to_bytes(32, "big")


def words(values: Sequence[int]) -> bytes:
    """A dynamic array: its length, then one word per value."""
    return word(len(values)) + b"".join(map(word, values))


def signed(raw: bytes) -> int:
    """The signed integer in a 32-byte word."""
    return int.from_bytes(raw, "big", signed=True)


def unsigned(raw: bytes) -> int:
    """The unsigned integer in a 32-byte word."""
    return int.from_bytes(raw, "big")


def encode_curve(shape: int, knots: Sequence[tuple[int, int]]) -> bytes:
    """The tail of a `Curve`: shape, offset of the knots, their number, then x and y of each."""
    flat = b"".join(word(x) + word(y) for x, y in knots)
    return word(shape) + word(64) + word(len(knots)) + flat


class Deployed:
    """A contract in an EVM of its own; its constructor takes the addresses of `needs`, deployed before it."""

    def __init__(self, source: str, name: str, needs: Sequence[str] = ()) -> None:
        code = compile_contracts(source)
        self._evm = pyrevm.EVM()
        self._evm.set_block_env(pyrevm.BlockEnv(timestamp=NOW))
        addresses = [self._evm.deploy(CALLER, code[need]) for need in needs]
        arguments = b"".join(word(int(address, 16)) for address in addresses)
        self._address = self._evm.deploy(CALLER, code[name] + arguments)

    def warp(self, timestamp: int) -> None:
        """The time of the calls that follow, unix seconds."""
        self._evm.set_block_env(pyrevm.BlockEnv(timestamp=timestamp))

    def call(self, data: bytes, is_static: bool = True) -> bytes:
        """What the contract answers to `data`; raises Reverted when it refuses."""
        try:
            answer: bytes = self._evm.message_call(
                caller=CALLER, to=self._address, calldata=data, is_static=is_static
            )
        except RuntimeError as error:
            # Only the contract's own refusal counts; a halt (out of gas, no code) is a fault of this test.
            if "Revert" not in str(error):
                raise
            raise Reverted(str(error)) from None
        return answer


class Engine:
    """SettlementHarness, deployed once; one method per library function, arguments unchecked on purpose."""

    def __init__(self) -> None:
        self._harness = Deployed(HARNESS, "SettlementHarness")
        self._selectors = {
            name: function_signature_to_4byte_selector(f"{name}({arguments})")
            for name, arguments in {
                "interest": "uint256,uint256,uint256,uint256",
                "validate": CURVE,
                "payoff": f"{CURVE},int128",
                "minimum": CURVE,
                "maximum": CURVE,
                "median": "int128[]",
                "allocate": "uint256,uint256[]",
                "perUnit": "uint256,uint256",
                "scale": "int256,uint256,uint256",
                "accrue": f"{DEBT},uint256,uint256",
                "due": DEBT,
                "repay": f"{DEBT},uint256",
                "net": f"uint256,uint256,{DEBT}",
                "replacementCost": "bool,int256,uint256,uint256",
                "against": "bool,int256,uint128",
            }.items()
        }

    def _call(self, name: str, arguments: bytes) -> bytes:
        return self._harness.call(self._selectors[name] + arguments)

    def interest(self, principal: int, rate: int, numerator: int, denominator: int) -> int:
        return unsigned(
            self._call("interest", b"".join(map(word, (principal, rate, numerator, denominator))))
        )

    def validate(self, shape: int, knots: Sequence[tuple[int, int]]) -> None:
        self._call("validate", word(32) + encode_curve(shape, knots))

    def payoff(self, shape: int, knots: Sequence[tuple[int, int]], x: int) -> int:
        return signed(self._call("payoff", word(64) + word(x) + encode_curve(shape, knots)))

    def minimum(self, shape: int, knots: Sequence[tuple[int, int]]) -> int:
        return signed(self._call("minimum", word(32) + encode_curve(shape, knots)))

    def maximum(self, shape: int, knots: Sequence[tuple[int, int]]) -> int:
        return signed(self._call("maximum", word(32) + encode_curve(shape, knots)))

    def median(self, values: Sequence[int]) -> int:
        return signed(self._call("median", word(32) + words(values)))

    def allocate(self, available: int, needs: Sequence[int]) -> tuple[list[int], int]:
        raw = self._call("allocate", word(available) + word(64) + words(needs))
        paid = [unsigned(raw[i : i + 32]) for i in range(96, len(raw), 32)]
        return paid, unsigned(raw[32:64])

    def per_unit(self, amount: int, units: int) -> tuple[int, int]:
        raw = self._call("perUnit", word(amount) + word(units))
        return unsigned(raw[:32]), unsigned(raw[32:])

    def scale(self, amount: int, units: int, of_units: int) -> int:
        return signed(self._call("scale", word(amount) + word(units) + word(of_units)))

    def _numbers(self, name: str, *arguments: int) -> list[int]:
        """A function of unsigned numbers (a debt is two of them) that returns unsigned numbers."""
        raw = self._call(name, b"".join(map(word, arguments)))
        return [unsigned(raw[i : i + 32]) for i in range(0, len(raw), 32)]

    def accrue(self, principal: int, interest: int, rate: int, elapsed: int) -> list[int]:
        return self._numbers("accrue", principal, interest, rate, elapsed)

    def due(self, principal: int, interest: int) -> list[int]:
        return self._numbers("due", principal, interest)

    def repay(self, principal: int, interest: int, amount: int) -> list[int]:
        return self._numbers("repay", principal, interest, amount)

    def net(self, amount: int, balance: int, principal: int, interest: int) -> list[int]:
        return self._numbers("net", amount, balance, principal, interest)

    def replacement_cost(self, payer: bool, total: int, remaining: int, year: int) -> int:
        raw = self._call("replacementCost", word(payer) + word(total) + word(remaining) + word(year))
        return signed(raw)

    def against(self, payer: bool, value: int, damages: int) -> int:
        return signed(self._call("against", word(payer) + word(value) + word(damages)))


PERIOD = "(uint64,uint24,uint24,uint128,int64)"
FIXING = f"(bytes32,uint32,uint8,uint16,uint16,int128,{CURVE})"
CASE = f"(uint128,uint64,uint64,uint64,{PERIOD}[],{FIXING}[],uint8,bool[],int128[],uint32,(uint16,uint64)[])"
LIFE = "(uint256[],uint256[],int256[],uint256)"
BOOKS = "(uint256,uint256,uint256,uint256,uint256,uint256,uint256)"


class ReplayEngine:
    """BondReplay, deployed once: the lives of a real KpiBond and its claim token."""

    def __init__(self) -> None:
        self._replay = Deployed(BOND_REPLAY, "BondReplay", needs=("SecurityToken", "KpiBond"))
        self._selector = function_signature_to_4byte_selector(f"run({CASE})")

    def run(
        self, terms: SettlementTerms, units: int, reports: Sequence[int | None]
    ) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], int]:
        """(what each payment paid, the rate of each period, the outcome of each payment, all that the only
        holder received); raises Reverted for terms that the bond refuses."""
        self._replay.warp(NOW)
        today = [NOW - len(terms.periods) + i for i in range(len(terms.periods))]  # nothing is late
        case = _case(terms, units, reports, today)
        answer = self._replay.call(self._selector + abi.encode([CASE], [case]), is_static=False)
        ((paid, rates, outcomes, claimed),) = abi.decode([LIFE], answer)
        return paid, rates, outcomes, claimed

    def begin(
        self, terms: SettlementTerms, units: int, reports: Sequence[int | None], ends: Sequence[int], at: int
    ) -> None:
        """A bond that `act` acts on; its reports, on what is measured until `ends`, are not settled yet."""
        self._replay.warp(at)
        case = _case(terms, units, reports, [p.pay_date for p in terms.periods])
        shape = f"{CASE},uint64,uint32,uint32,uint64[]"
        arguments = [case, terms.late_rate, terms.grace_seconds, terms.cure_seconds, list(ends)]
        self._send("begin", shape, [CASE, "uint64", "uint32", "uint32", "uint64[]"], arguments)

    def settle(self, fixing: int, at: int) -> None:
        """The report of a fixing is settled since `at`."""
        self._send("settle", "uint256,uint64", ["uint256", "uint64"], [fixing, at])

    def act(self, kind: int, argument: int, at: int) -> tuple[bool, tuple[int, ...]]:
        """Whether the bond took act `kind` (see BondReplay.act) at that time, and its books after it."""
        self._replay.warp(at)
        answer = self._send("act", "uint256,uint256", ["uint256", "uint256"], [kind, argument])
        done, books = abi.decode(["bool", BOOKS], answer)
        return done, books

    def _send(self, name: str, shape: str, types: list[str], arguments: list[Any]) -> bytes:
        selector = function_signature_to_4byte_selector(f"{name}({shape})")
        return self._replay.call(selector + abi.encode(types, arguments), is_static=False)


def _case(
    terms: SettlementTerms, units: int, reports: Sequence[int | None], dates: Sequence[int]
) -> tuple[Any, ...]:
    periods = [
        (date, p.numerator, p.denominator, p.repayment, p.step)
        for date, p in zip(dates, terms.periods, strict=True)
    ]
    fixings = [
        (bytes(32), i, int(f.effect), f.first, f.last, f.missing, _curve(f.curve))
        for i, f in enumerate(terms.fixings)
    ]
    return (
        terms.unit_principal, terms.hard_cap, units, terms.rate, periods, fixings,
        ("issuer", "holders").index(terms.data_controller),
        [kpi is None for kpi in reports], [kpi or 0 for kpi in reports],
        terms.notice_seconds, [(call.first, call.premium) for call in terms.calls],
    )  # fmt: skip


def _curve(curve: Curve) -> tuple[int, list[tuple[int, int]]]:
    return int(curve.shape), [(knot.x, knot.y) for knot in curve.knots]
