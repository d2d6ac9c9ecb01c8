"""What holders have, for the API and the pages: positions, statements, portfolios; every figure as of the
block that it is read up to.
"""

from __future__ import annotations

from eth_utils.address import is_address, to_checksum_address
from pydantic import Field

from api.index.reader import Position
from api.instruments.token import symbol
from api.listing import decode_cursor
from api.models import Address, AsOf, Currency, Hash, Minor, Resource
from api.problems import bad_input
from api.services import Services

_HOLDER = "0x90F79bf6EB2c4f870365E785982E1f101E93b906"


class HolderRow(Resource):
    """A holder of a deployment. Money as in a position."""

    holder: Address
    units: int = Field(description="Units of the claim token.")
    share: float = Field(description="Of the units in issue.")
    claimable: Minor = Field(description="Earned and not yet claimed.")
    claimed: Minor
    earned: Minor = Field(
        description="Distributed to its units, repaid principal included: claimable and claimed."
    )


class PositionView(Resource):
    """What a holder has of a deployment at the end of block `as_of`, as the claim token itself says it; of
    several claim tokens a position each."""

    deployment: str
    deal: str
    title: str
    token: str = Field(description="Key of the claim token in the deal.")
    symbol: str = Field(description="Of the claim token; empty for a deal without one.")
    holder: Address
    units: int
    supply: int = Field(description="Units in issue.")
    claimable: Minor = Field(description="What a claim would pay now.")
    claimed: Minor
    earned: Minor = Field(
        description="Distributed to its units, repaid principal included: claimable and claimed."
    )
    currency: Currency
    as_of: AsOf


class StatementLine(Resource):
    """One movement of a holder's units or money.

    `kind`: subscription, refund, issue, withdrawal (units taken back without money), received, sent, forced
    (by the agent), recovered (units of a lost key, then its unclaimed money), claim, or that of a
    distribution: coupon, redemption, recovery, revenue, gift.
    """

    block: int
    log: int
    time: int
    tx: Hash
    kind: str
    index: int | None = Field(None, description="Number of the coupon, from 0.")
    units: int = Field(description="Change of units.")
    paid: Minor = Field(description="By the holder, for units.")
    earned: Minor = Field(description="Distributed to the units held, to be claimed.")
    principal: Minor = Field("0", description="The part of `earned` that repays principal.")
    received: Minor = Field(description="Money that reached the holder: a claim or a refund.")
    other: Address | None = Field(None, description="Whom units went to or came from.")
    units_after: int
    claimable_after: Minor


def after_event(cursor: str | None) -> tuple[int, int] | None:
    """The block and log in a cursor; raises ProblemError 422 for what is neither."""
    key = decode_cursor(cursor, int, int)
    if key is not None and not all(0 <= part < 2**31 for part in key):
        raise bad_input("cursor: not one that this list gave")
    return None if key is None else (key[0], key[1])


def after_holder(cursor: str | None) -> tuple[int, str] | None:
    """The units and holder in a cursor; raises ProblemError 422 for what is neither."""
    key = decode_cursor(cursor, int, str)
    if key is not None and not (0 <= key[0] < 2**64 and is_address(key[1])):
        raise bad_input("cursor: not one that this list gave")
    return None if key is None else (key[0], key[1])


def address(text: str) -> str:
    """An address as it is kept: checksummed."""
    return str(to_checksum_address(text))


def as_of(services: Services, block: int) -> AsOf:
    """The block that a figure is read up to, and its time by the chain."""
    return AsOf(block=block, time=services.index.time_of(block))


def holder_row(position: Position) -> HolderRow:
    return HolderRow.of(position, share=position.units / position.supply if position.supply else 0.0)


def position_view(services: Services, position: Position) -> PositionView:
    deployment = services.index.deployment(position.deployment)
    return PositionView.of(
        position,
        deal=deployment.deal_id,
        title=deployment.deal.title,
        symbol=symbol(deployment.deal, position.token) if position.token else "",
        currency=deployment.currency,
        as_of=as_of(services, position.block),
    )


def holders(
    services: Services,
    id: str,
    after: tuple[int, str] | None = None,
    limit: int | None = None,
    token: str | None = None,
) -> list[HolderRow]:
    """Everybody who has units or money to claim, by units descending."""
    return [holder_row(position) for position in services.index.holders(id, after, limit, token)]


def position(
    services: Services, id: str, holder: str, block: int | None = None, token: str | None = None
) -> PositionView:
    """What a holder has, at the end of a block."""
    return position_view(services, services.index.position(id, address(holder), block, token))


def statement(
    services: Services,
    id: str,
    holder: str,
    after: tuple[int, int] | None = None,
    limit: int | None = None,
    token: str | None = None,
) -> list[StatementLine]:
    """The lines of a holder's statement, oldest first."""
    found = services.index.statement(id, address(holder), after, limit, token)
    return [StatementLine.of(line) for line in found]


def portfolio(services: Services, holder: str) -> list[PositionView]:
    """What a holder has of every claim token of every deployment."""
    return [position_view(services, position) for position in services.index.portfolio(address(holder))]
