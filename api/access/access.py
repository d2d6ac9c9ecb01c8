"""The parts of access together, as routes are given them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.access.keys import ApiKey, find_key
from api.access.roles import Views, wallet_roles
from api.access.signing_in import Challenge, Session, SigningIn
from chain.kinds import seats_of

if TYPE_CHECKING:
    from api.chain_link import ChainLink
    from api.index.database import Database
    from api.index.reader import Deployment, Index
    from api.settings import Settings


class Access:
    """Sessions, keys and roles of one service."""

    def __init__(self, database: Database, chain: ChainLink, settings: Settings) -> None:
        self._database, self._chain = database, chain
        self._signing_in = SigningIn(database, settings.origin)
        self._views = Views(chain)

    def challenge(self) -> Challenge:
        """What a wallet is to sign. Raises ProblemError if chain or database do not answer."""
        return self._signing_in.challenge(self._chain.chain_id)

    def sign_in(self, message: str, signature: str) -> tuple[str, Session]:
        """A session's token for a signed message; see SigningIn."""
        return self._signing_in.sign_in(message, signature, self._chain.chain_id)

    def session(self, token: str) -> Session | None:
        """Of a token, if it is good now."""
        return self._signing_in.session(token)

    def sign_out(self, token: str) -> None:
        """End a session."""
        self._signing_in.sign_out(token)

    def key(self, token: str) -> ApiKey | None:
        """The key of a token, if it is good now."""
        return find_key(self._database, token)

    def roles(self, deployment: Deployment, address: str) -> frozenset[str]:
        """What the address is in a deployment. Raises ProblemError if the chain does not answer."""
        kept = self._views.keepers(deployment.record, seats_of(deployment.deal))
        found = wallet_roles(deployment.record, address, kept)
        registry = deployment.record.addresses.get("registry")
        if registry is not None and self._views.is_verifier(registry, address):
            found |= {"verifier"}
        return found

    def all_roles(self, index: Index, address: str) -> dict[str, frozenset[str]]:
        """Roles by deployment, where there are any."""
        found = {each.id: self.roles(each, address) for each in index.deployments()}
        return {id: roles for id, roles in found.items() if roles}
