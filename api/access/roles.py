"""What an address is in a deployment: by its record, which was compared with the chain, and by the chain."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from eth_utils.crypto import keccak

from chain.bindings import contract, read

if TYPE_CHECKING:
    from api.chain_link import ChainLink

SINGULAR = {"nodes": "node", "panel": "panellist"}
VERIFIER = "0x" + keccak(text="VERIFIER_ROLE").hex()
REMEMBER_SECONDS = 5.0
MOST_REMEMBERED = 10_000


def wallet_roles(record: Any, address: str) -> frozenset[str]:
    """Roles by the wallets of a record: issuer, agent, payer, node, panellist, ...; of whichever part."""
    found = set()
    wanted = address.lower()
    for name, value in record.wallets.everybody.items():
        addresses: Iterable[str] = value if isinstance(value, list) else [value]
        if wanted in {each.lower() for each in addresses}:
            found.add(SINGULAR.get(name, name.partition(".")[0]))
    return frozenset(found)


class Verifiers:
    """Who may verify investors, as the identity registries say; remembered for some seconds."""

    def __init__(self, chain: ChainLink) -> None:
        self._chain = chain
        self._known: dict[tuple[str, str], tuple[float, bool]] = {}

    def is_verifier(self, registry: str, address: str) -> bool:
        """Whether a registry lets the address verify. Raises ProblemError if the chain does not answer."""
        key = (registry.lower(), address.lower())
        seen, answer = self._known.get(key, (0.0, False))
        if time.monotonic() - seen > REMEMBER_SECONDS:
            answer = self._chain.call(
                lambda w3: bool(
                    read(contract(w3, "IdentityRegistry", registry).functions.hasRole(VERIFIER, address))
                )
            )
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[key] = (time.monotonic(), answer)
        return answer
