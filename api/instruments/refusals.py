"""What contracts' errors mean for whoever meets them: templates, translated before {fields} are filled in.
Those of a kind of part are its own words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from api.instruments.acts import WORDS
from api.instruments.offers import Refusal
from chain import artifacts
from chain.errors import ContractError
from chain.parts import PARTS

COMMON: Mapping[str, str | Refusal] = {
    "ERC20InsufficientBalance": Refusal(
        "The wallet has too little: {balance} of {needed}.",
        money=("balance", "needed"),
        plain="The wallet has too little.",
    ),
    "ERC20InsufficientAllowance": "The contract may not take so much money from the wallet yet.",
    "ERC2612ExpiredSignature": "The signature has expired.",
    "ERC2612InvalidSigner": "The signature is not the owner's.",
    "AccessControlUnauthorizedAccount": "The wallet does not have the role that this needs.",
}
"""Errors that several contracts have."""
OTHERWISE = "The contract refuses this: {error}"


def known() -> dict[str, Refusal]:
    """What there are words for, by the error's name; another package's take no name of ours."""
    every = [COMMON, *(kind.refusals for kind in WORDS.values())]
    return {name: _refusal(said) for each in reversed(every) for name, said in each.items()}


def template(
    error: ContractError, money: Callable[[int], str] | None = None, role: str = ""
) -> tuple[str, dict[str, str]]:
    """The words for an error, to be translated, and the fields to fill in (api.i18n.filled); `money` writes
    minor units as an amount of the currency. `role`: of the contract that was called, where it is known."""
    refusal = _words_for(error, role)
    if refusal is None:
        return OTHERWISE, {"error": error.name if error.arguments else str(error)[:300]}
    if refusal.money and money is None:
        return refusal.plain, {}
    fields = {name: _field(value) for name, value in error.arguments.items() if name}
    for name in refusal.money:
        amount = error.arguments.get(name)
        if money is not None and isinstance(amount, int):
            fields[name] = money(amount)
    return refusal.words, fields


def _field(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _refusal(said: str | Refusal) -> Refusal:
    return said if isinstance(said, Refusal) else Refusal(said)


def _words_for(error: ContractError, role: str) -> Refusal | None:
    """The called contract's own before any other's, whose error may have come through it. None where another
    package's contract declares the error itself, and where it is not the one that the words are for."""
    if role in WORDS and error.name in WORDS[role].refusals:
        return _refusal(WORDS[role].refusals[error.name])
    theirs = role in PARTS and not PARTS.is_ours(role)
    if theirs and error.name not in COMMON and error.name in _declared(artifacts.abi(PARTS[role].contract)):
        return None
    names = _declared(artifacts.error_abis()).get(error.name, set())
    is_it = error.arguments.keys() <= names and bool(error.arguments) == bool(names)
    return known().get(error.name) if is_it else None


def _declared(entries: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """The names of the arguments of errors: of several of one name the first, which is ours if one is."""
    errors = [each for each in entries if each["type"] == "error"]
    return {each["name"]: {one["name"] for one in each["inputs"]} for each in reversed(errors)}
