"""The acts that people are offered, of every kind of part and shared contract. They are those of the books,
which `penstock act` and the keeper know too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from web3 import Web3

from api.instruments import bond_acts, currency, offering, oracle, registry, swap_acts, token
from api.instruments.offers import Act
from chain.bindings import contract
from chain.parts import PARTS

if TYPE_CHECKING:
    from api.index.reader import Deployment

ACTS: Mapping[str, Act] = {
    act.name: act
    for kind in (offering, token, registry, oracle, bond_acts, swap_acts, currency)
    for act in kind.ACTS
}
_OWN_NAME: Mapping[str, str] = {"currency": "TestCurrency", "factory": "DealFactory"}
"""Of the currency, which is any ERC-20, only `mint` is not common; and of what is no part."""
COMMIT = "commit-challenge"
"""The step before an act that `commits`."""
APPROVE = "approve"
"""The step before an act that pays: the contract may take the money. Its typed-data form is a permit."""


def acts_of(deployment: Deployment) -> tuple[Act, ...]:
    """Those that a deployment has, whatever its state."""
    return tuple(act for act in ACTS.values() if act.there(deployment))


def contract_of(role: str) -> str:
    """The name of a contract by its role: the kind of a part, or the name of a shared contract."""
    return _OWN_NAME.get(role) or PARTS[role].contract


def functions(w3: Web3, deployment: Deployment, role: str) -> Any:
    """Of a deployment's contract in a role."""
    return contract(w3, contract_of(role), deployment.at[role]).functions
