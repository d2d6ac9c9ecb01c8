"""What an address is in a deployment: by its record, which was compared with the chain, and by the chain."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from eth_utils.crypto import keccak

from chain.bindings import contract, read
from chain.parts import PARTS

if TYPE_CHECKING:
    from api.chain_link import ChainLink
    from chain.plan import Seat

SINGULAR = {"nodes": "node", "panel": "panellist"}
VERIFIER = "0x" + keccak(text="VERIFIER_ROLE").hex()
REMEMBER_SECONDS = 5.0
MOST_REMEMBERED = 10_000


def wallet_roles(record: Any, address: str, kept: Mapping[str, str]) -> frozenset[str]:
    """Roles by the wallets of a record: issuer, agent, payer, node, panellist, ...; of whichever part. What
    is `kept` by others now is theirs: addresses by role."""
    found = set()
    wanted = address.lower()
    for name, value in {**record.wallets.everybody, **kept}.items():
        addresses: Iterable[str] = value if isinstance(value, list) else [value]
        if wanted in {each.lower() for each in addresses}:
            found.add(SINGULAR.get(name, name.partition(".")[0]))
    return frozenset(found)


class Views:
    """What contracts say of who is who, remembered for some seconds. Raises ProblemError if the chain does
    not answer."""

    def __init__(self, chain: ChainLink) -> None:
        self._chain = chain
        self._known: dict[tuple[str, ...], tuple[float, Any]] = {}

    def is_verifier(self, registry: str, address: str) -> bool:
        """Whether a registry lets the address verify."""
        return bool(self._read("IdentityRegistry", registry, "hasRole", VERIFIER, address))

    def keepers(self, record: Any, seats: Mapping[str, Seat]) -> dict[str, str]:
        """Who keeps the parts that have a role, by role."""
        found = {}
        for role, seat in seats.items():
            part = record.parts[seat.part]
            found[role] = str(self._read(PARTS[part.kind].contract, part.address, "keeper"))
        return found

    def _read(self, name: str, address: str, function: str, *arguments: str) -> Any:
        key = (name, address.lower(), function, *(each.lower() for each in arguments))
        seen, answer = self._known.get(key, (0.0, None))
        if time.monotonic() - seen > REMEMBER_SECONDS:
            answer = self._chain.call(
                lambda w3: read(contract(w3, name, address).functions[function](*arguments))
            )
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[key] = (time.monotonic(), answer)
        return answer
