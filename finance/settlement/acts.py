"""What is done to the parts of a deal, what money moves by it, and what the contracts say of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from keyword import iskeyword
from typing import Any

from finance.settlement.widths import SettlementError

AbiType = str | type[IntEnum] | Mapping[str, Any] | list[Any]
"""An argument's type: an elementary ABI type by its name, an enumeration (a uint8 on the chain), a struct by
the types of its fields, or an array, a list of its items' type."""
ELEMENTARY = frozenset(
    {"address", "bool", "bytes", "string"}
    | {f"{sign}int{bits}" for sign in ("", "u") for bits in range(8, 257, 8)}
    | {f"bytes{size}" for size in range(1, 33)}
)
"""By the names that selectors are hashed of."""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that somebody does to a part: `call` is its contract's function in snake_case, `arguments`
    the function's by name. `by` is an address, empty where anyone may; `at` unix seconds, and `block` the
    number of the block."""

    by: str
    part: str
    call: str
    arguments: Mapping[str, Any]
    at: int
    block: int = 0


@dataclass(frozen=True, slots=True)
class Flow:
    """Currency that moves, in minor units, between two addresses. `what` for, and of which period (from 0) if
    of one."""

    payer: str
    payee: str
    amount: int
    what: str
    period: int | None = None


@dataclass(frozen=True, slots=True)
class Emitted:
    """An event of a part's contract, its arguments as they are decoded from the log: by the contract's names,
    enumerations as integers, bytes as 0x text."""

    part: str
    name: str
    arguments: Mapping[str, Any]


@dataclass
class Done:
    """What an act came to: what its function returns, the money that moved and the events, in order."""

    result: Any = None
    flows: list[Flow] = field(default_factory=list)
    emitted: list[Emitted] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Call:
    """How an act is called: a row of a part's table of acts.

    `who` may: ANYONE, or a role of the part (`Books.roles`). `words` say what it does. `arguments` are the
    types by name, in the order of the contract's function. `sweeps`: it gives back what is left over, as much
    as the function returns, and nothing else hangs on it, so that it can wait until that is worth the gas.

    Raises ValueError for a name that no function or argument has, and for what is no type.
    """

    name: str
    who: str
    words: str
    arguments: Mapping[str, AbiType] = field(default_factory=dict)
    sweeps: bool = False

    def __post_init__(self) -> None:
        _require_name(self.name or "an act", self.name)
        for name, kind in self.arguments.items():
            _require_name(self.name, name)
            _require_type(f"{self.name}: {name}", kind)

    @property
    def function(self) -> str:
        """The contract's name of the function."""
        first, *rest = self.name.split("_")
        return first + "".join(word.capitalize() for word in rest)

    @property
    def signature(self) -> str:
        """As its selector is hashed: `setFrozenTokens(address,uint256)`."""
        return f"{self.function}({','.join(map(abi_name, self.arguments.values()))})"

    def checked(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as a method takes them: enumerations as such, Python's keywords with an underscore.

        Raises SettlementError for names that are not the function's, and values that their types do not hold.
        """
        if arguments.keys() != self.arguments.keys():
            raise SettlementError(f"{self.name}: arguments {sorted(arguments)}, not {sorted(self.arguments)}")
        return {
            name + "_" * iskeyword(name): _checked(name, kind, arguments[name])
            for name, kind in self.arguments.items()
        }


ANYONE = "anyone"


def table(*calls: Call) -> dict[str, Call]:
    """A part's acts by name."""
    return {call.name: call for call in calls}


def abi_name(kind: AbiType) -> str:
    """The canonical name of a type: `(uint64,uint8)[]`."""
    if isinstance(kind, str):
        return kind
    if isinstance(kind, list):
        return abi_name(kind[0]) + "[]"
    if isinstance(kind, Mapping):
        return "(" + ",".join(map(abi_name, kind.values())) + ")"
    return "uint8"


def _require_name(where: str, name: Any) -> None:
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(f"{where}: no name: {name!r}")


def _require_type(where: str, kind: Any) -> None:
    if isinstance(kind, Mapping) and kind:
        for name, each in kind.items():
            _require_name(where, name)
            _require_type(f"{where}.{name}", each)
    elif isinstance(kind, list) and len(kind) == 1:
        _require_type(f"{where}[]", kind[0])
    elif not (_is_enumeration(kind) or (isinstance(kind, str) and kind in ELEMENTARY)):
        raise ValueError(f"{where}: no type of an argument: {kind!r}")


def _is_enumeration(kind: Any) -> bool:
    is_one = isinstance(kind, type) and issubclass(kind, IntEnum) and len(kind) > 0
    return is_one and all(0 <= each < 256 for each in kind)


_INTEGER = re.compile(r"(u?)int(\d+)")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]*")


def _checked(name: str, kind: AbiType, value: Any) -> Any:
    if isinstance(kind, str):
        return _elementary(name, kind, value)
    if isinstance(kind, list):
        if not isinstance(value, list | tuple):
            raise SettlementError(f"{name} = {value!r}: no list")
        return [_checked(f"{name}[{i}]", kind[0], item) for i, item in enumerate(value)]
    if isinstance(kind, Mapping):
        if not isinstance(value, Mapping) or value.keys() != kind.keys():
            raise SettlementError(f"{name} = {value!r}: needs {', '.join(kind)}")
        return {field: _checked(f"{name}.{field}", each, value[field]) for field, each in kind.items()}
    try:
        return kind(value)
    except ValueError:
        raise SettlementError(f"{name} = {value!r}: no {kind.__name__}") from None


def _elementary(name: str, kind: str, value: Any) -> Any:
    if match := _INTEGER.fullmatch(kind):
        bits = int(match[2])
        low, high = (0, 2**bits) if match[1] else (-(2 ** (bits - 1)), 2 ** (bits - 1))
        if not (isinstance(value, int) and not isinstance(value, bool) and low <= value < high):
            raise SettlementError(f"{name} = {value!r}: must be {whole_number(kind)}")
        return value
    if kind == "bool":
        good = isinstance(value, bool)
    elif kind == "string":
        good = isinstance(value, str) and _is_encodable(value)
    else:
        good = isinstance(value, str) and bool(_HEXADECIMAL.fullmatch(value)) and len(value) % 2 == 0
        if good and kind != "bytes":
            good = len(value) == 2 + 2 * (20 if kind == "address" else int(kind.removeprefix("bytes")))
    if not good:
        raise SettlementError(f"{name} = {value!r}: no {kind}")
    return value


def whole_number(kind: str) -> str:
    """What an integer type holds, in words."""
    unsigned, bits = kind.startswith("u"), int(kind.removeprefix("u").removeprefix("int"))
    power = bits if unsigned else bits - 1
    most = f"2^{power} - 1" if bits > 64 else f"{2**power - 1:,}"
    least = "0" if unsigned else f"-2^{power}" if bits > 64 else f"{-(2**power):,}"
    return f"a whole number from {least} to {most}"


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
