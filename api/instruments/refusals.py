"""What contracts' errors mean for whoever meets them: templates, translated before {fields} are filled in.
Those of a kind of part are its own words."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from api.instruments.acts import WORDS
from api.instruments.offers import Refusal
from chain.errors import ContractError

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
    """What there are words for, by the error's name."""
    every = [COMMON, *(kind.refusals for kind in WORDS.values())]
    return {
        name: said if isinstance(said, Refusal) else Refusal(said)
        for each in every
        for name, said in each.items()
    }


def template(error: ContractError, money: Callable[[int], str] | None = None) -> tuple[str, dict[str, str]]:
    """The words for an error, to be translated, and the fields to fill in; `money` writes minor units as an
    amount of the currency."""
    refusal = known().get(error.name)
    if refusal is None:
        return OTHERWISE, {"error": error.name if error.arguments else str(error)[:300]}
    if refusal.money and money is None:
        return refusal.plain, {}
    fields = {name: str(value) for name, value in error.arguments.items() if name}
    amounts = refusal.money if money is not None else ()
    return refusal.words, fields | {name: money(error.arguments[name]) for name in amounts if money}
