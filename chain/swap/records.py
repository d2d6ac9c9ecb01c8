"""The deployment record of a swap deal, as one JSON file, and who is who in it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chain.errors import RecordError
from chain.records import Address, Addresses, Frozen, RecordFile


class SwapWallets(Frozen):
    """Who is who on the chain. `payee` is that of a swap between two parties; a project has `issuer` (who
    gets what the token is sold for), `operator`, `lender` and `agent` instead, and its treasury is the payee.

    `nodes` and `panel` ascend by address: a position is the oracle's index. A feed that needs fewer takes the
    first ones.
    """

    deployer: Address
    payer: Address
    payee: Address | None = None
    issuer: Address | None = None
    operator: Address | None = None
    lender: Address | None = None
    agent: Address | None = None
    nodes: Addresses
    panel: Addresses

    @property
    def parties(self) -> list[str | None]:
        """Whose purchases do not count towards a project's soft cap, in the order of Offering's terms."""
        return [self.issuer, self.agent, self.payer, self.operator, self.lender]


class SwapAddresses(Frozen):
    """Where the deal's contracts are, and those it shares with other deals. Only a project has a token, an
    offering, a treasury, and so a use for the identity registry."""

    swap: Address
    treasury: Address | None = None
    token: Address | None = None
    offering: Address | None = None
    registry: Address | None = None
    oracle: Address
    currency: Address
    factory: Address


class ProjectAddresses(Frozen):
    """The contracts that only a project has."""

    treasury: Address
    token: Address
    offering: Address
    registry: Address


class SwapRecord(RecordFile):
    """A swap deal on a chain. `feeds` are the swap's own, then that of the model value if the deal closes out
    by one. `gas` is what the deployment used."""

    kind = "kpi_payment"
    own_role = "swap"

    schema_id: Literal["penstock/swap-deployment/1"] = Field(
        default="penstock/swap-deployment/1", alias="schema"
    )
    addresses: SwapAddresses
    wallets: SwapWallets
    gas: int

    @property
    def project(self) -> ProjectAddresses | None:
        """The project's contracts, or None for a swap between two parties."""
        at = self.addresses
        if at.treasury is None:
            return None
        return ProjectAddresses.model_validate(at.model_dump(include={*ProjectAddresses.model_fields}))

    @property
    def parties(self) -> tuple[str, str]:
        """The swap's payer and payee on the chain: the payee is the treasury, if there is one."""
        payee = self.addresses.treasury or self.wallets.payee
        if payee is None:
            raise RecordError("deployment record: wallets.payee: is missing, and there is no treasury either")
        return self.wallets.payer, payee


PARTIES = {False: ("payee",), True: ("issuer", "operator", "lender", "agent")}
"""Whom a swap between two parties, and whom a project needs beside the payer."""


def require_wallets(wallets: SwapWallets, project: bool) -> None:
    """Raise RecordError unless the wallets name whom a deal needs, with a project or not, and nobody else."""
    for name in PARTIES[project]:
        if getattr(wallets, name) is None:
            raise RecordError(f"wallets: {name}: is missing, and this deal needs it")
    for name in PARTIES[not project]:
        given = getattr(wallets, name)
        if given is not None:
            what = "a project, whose treasury is the payee" if project else "a swap between two parties"
            raise RecordError(f"wallets: {name} = {given}: this deal is {what}, and has none")
