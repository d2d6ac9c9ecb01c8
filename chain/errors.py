"""What can go wrong between here and a chain, as one family of exceptions with readable messages."""

from __future__ import annotations

from typing import Any

from finance.terms import InputError


class ChainError(RuntimeError):
    """Base of everything this room raises on purpose; `str()` is one or a few plain lines for a person.

    Those that are also an InputError are for the user to put right; commands show them and exit with 2.
    """


class ToolchainError(ChainError, InputError):
    """The compiler, a local chain's program or the compiled contracts are not there or do not work."""


class NetworkError(ChainError, InputError):
    """No chain answers at an address, or it is not the chain that was meant."""


class UnreachableError(NetworkError):
    """The chain does not answer, or what answers there is none. What was asked for may have happened."""


class OtherChainError(NetworkError):
    """The chain that answers is not that of a record, or has taken its deal back."""


class RecordError(ChainError, InputError):
    """A deployment record or a file of wallets cannot be used; one line per problem names file and field."""


class TooMuchGasError(ChainError, InputError):
    """What was to be sent takes more gas than a transaction may; nothing was sent."""


class AlreadyDeployedError(ChainError, InputError):
    """This deployer has deployed these very terms before; `addresses` says where. `restored`: the deployment
    is the one that was asked for, and only its record was missing and is written now."""

    def __init__(self, message: str, addresses: dict[str, str], restored: bool = False) -> None:
        super().__init__(message)
        self.addresses, self.restored = addresses, restored


class ContractError(ChainError):
    """A contract refused a call.

    `name` is the Solidity error (`KpiOracle_UnknownFeed`, `Error` for a plain revert string, `Panic`), `args`
    its arguments by name, `operation` the label of the call.
    """

    def __init__(self, name: str, arguments: dict[str, Any], operation: str = "") -> None:
        self.name, self.arguments, self.operation = name, arguments, operation
        inner = ", ".join(argument_words(key, value) for key, value in arguments.items())
        super().__init__(f"{operation + ': ' if operation else ''}{name}({inner})")


def argument_words(name: str, value: Any) -> str:
    """An argument of a contract's error or function for people, who count periods from 1."""
    if name == "period" and isinstance(value, int):
        return f"period {value + 1}"
    return f"{name}={_plain(value)}" if name else _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return repr(value) if isinstance(value, str) and not value.startswith("0x") else str(value)
