"""What a test asserts about a transaction: the error with its arguments, the event with its fields.

`pytest.raises` and `brownie.reverts` compare less than they seem to: brownie.reverts("") passes on any error.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from brownie.convert.utils import get_type_strings
from brownie.exceptions import VirtualMachineError, decode_typed_error
from eth_abi import encode
from eth_utils import keccak

ZERO = "0x" + "00" * 20
PANIC = "0x4e487b71"


def error_text(source: Any, name: str, *args: Any) -> str:
    """How brownie words this custom error, with every argument; `source` is a contract (or container)
    declaring it."""
    entry = next((e for e in source.abi if e["type"] == "error" and e["name"] == name), None)
    assert entry, f"{name} is not an error of {getattr(source, '_name', source)}"
    types = get_type_strings(entry["inputs"])
    assert len(types) == len(args), f"{name} takes {types}"
    plain = [getattr(arg, "address", arg) for arg in args]
    selector = keccak(text=f"{name}({','.join(types)})")[:4]
    return decode_typed_error("0x" + (selector + encode(types, plain)).hex())


@contextmanager
def refuses(source: Any, name: str, *args: Any) -> Iterator[None]:
    """The block reverts with exactly this custom error and these arguments."""
    expected = error_text(source, name, *args)
    with pytest.raises(VirtualMachineError) as caught:
        yield
    assert caught.value.revert_msg == expected


def _plain(value: Any) -> Any:
    """Addresses as text and bytes as hex, so that both sides of a comparison have one form."""
    value = getattr(value, "address", value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if type(value).__name__ == "HexString" or (isinstance(value, str) and value.startswith("0x")):
        return str(value).lower()
    return value


def said(tx: Any, name: str, by: Any = None, **fields: Any) -> Any:
    """The one event of this name (of the contract `by`, if given) has exactly these fields."""
    found = [e for e in tx.events if e.name == name and (by is None or e.address == by.address)]
    assert len(found) == 1, f"{len(found)} events {name} in {names(tx)}"
    seen = {key: plain(value) for key, value in found[0].items()}
    assert seen == {key: plain(value) for key, value in fields.items()}
    return found[0]


def names(tx: Any, by: Any = None) -> list[str]:
    """Names of the events, in order."""
    return [e.name for e in tx.events if by is None or e.address == by.address]


def plain(struct: Any) -> Any:
    """A returned struct as nested tuples of plain values: brownie's own comparison raises on mixed types."""
    if isinstance(struct, (tuple, list)):
        return tuple(plain(item) for item in struct)
    if isinstance(struct, int) and not isinstance(struct, bool):
        return int(struct)
    return _plain(struct)
