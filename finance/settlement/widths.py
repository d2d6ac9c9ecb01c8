"""Range checks that give Python integers the widths they have on chain.

Python integers never overflow; Solidity's do, and revert. Each settlement function checks its arguments and
its result with these, so that the two engines refuse the same inputs (law 2: one arithmetic, two engines).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

UINT256_MAX: Final = 2**256 - 1
INT256_MIN: Final = -(2**255)
INT256_MAX: Final = 2**255 - 1
INT128_MIN: Final = -(2**127)
INT128_MAX: Final = 2**127 - 1


class SettlementError(ValueError):
    """An input that the settlement contracts would revert on; the message says which and why."""


class StateError(SettlementError):
    """An act that is refused for the state that a part is in, whatever its arguments."""


class FailedError(SettlementError):
    """Books that broke off by a fault of their own, not as the contract refuses: what that does they do not
    say."""


def wrong_state(part: str, state: IntEnum, wanted: IntEnum | None = None) -> StateError:
    """That a part is in a state, and not in the one that an act needs."""
    is_, must = ("" if each is None else each.name.lower().replace("_", " ") for each in (state, wanted))
    return StateError(f"the {part} is {is_}" + (f", not {must}" if must not in is_ else ""))


def _require_int(name: str, value: object) -> int:
    # bool is an int in Python; a flag in place of an amount is a mistake, not a number.
    if not isinstance(value, int) or isinstance(value, bool):
        raise SettlementError(f"{name} = {value!r}: must be an integer, not {type(value).__name__}")
    return value


def uint256(name: str, value: int) -> int:
    """`value` if it is an integer in [0, 2^256); raises SettlementError naming `name` otherwise."""
    if not 0 <= _require_int(name, value) <= UINT256_MAX:
        raise SettlementError(f"{name} = {value}: outside uint256")
    return value


def uint128(name: str, value: int) -> int:
    """`value` if it is an integer in [0, 2^128); raises SettlementError naming `name` otherwise."""
    if not 0 <= _require_int(name, value) < 2**128:
        raise SettlementError(f"{name} = {value}: outside uint128")
    return value


def int256(name: str, value: int) -> int:
    """`value` if it is an integer in [-2^255, 2^255); raises SettlementError naming `name` otherwise."""
    if not INT256_MIN <= _require_int(name, value) <= INT256_MAX:
        raise SettlementError(f"{name} = {value}: outside int256")
    return value


def int128(name: str, value: int) -> int:
    """`value` if it is an integer in [-2^127, 2^127); raises SettlementError naming `name` otherwise."""
    if not INT128_MIN <= _require_int(name, value) <= INT128_MAX:
        raise SettlementError(f"{name} = {value}: outside int128")
    return value
