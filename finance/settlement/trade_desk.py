"""Units of a claim against money, on signed quotes: the books of contracts/market/TradeDesk.sol.

Signatures are checked outside, as allowances are: an act that a chain has carried out was signed and allowed.
Only of a maker that is a part of the deal its books say whether it signs.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from typing import Any, ClassVar, Final, NamedTuple

from finance.settlement.acts import ANYONE, AbiType, Call, abi_name, table
from finance.settlement.claim_token import TokenBooks
from finance.settlement.feed_config import digest, encoded
from finance.settlement.widths import SettlementError
from finance.settlement.world import NOBODY, Books, World


class Side(IntEnum):
    """ITradeDesk.Side: what the maker does."""

    SELLS, BUYS = range(2)


FIELDS: Final[Mapping[str, AbiType]] = {
    "maker": "address",
    "taker": "address",
    "side": Side,
    "units": "uint64",
    "least": "uint64",
    "price": "uint128",
    "earned": "uint96",
    "holds": "bool",
    "opens": "uint64",
    "expires": "uint64",
    "nonce": "uint64",
}
"""ITradeDesk.Quote, in its order."""
QUOTE_TYPE: Final = f"Quote({','.join(f'{abi_name(kind)} {name}' for name, kind in FIELDS.items())})"
ACTS = table(
    Call(
        "fill",
        ANYONE,
        "take units of a signed quote: money against units",
        {"quote": FIELDS, "signature": "bytes", "units": "uint256"},
    ),
    Call("cancel", ANYONE, "take back a quote of one's own", {"hash": "bytes32"}),
    Call("cancel_below", ANYONE, "take back all quotes of one's own below a nonce", {"nonce": "uint64"}),
)


@dataclass(frozen=True, slots=True)
class Quote:
    """ITradeDesk.Quote: `price` of a unit in minor units, accrued interest included, for what a unit had
    `earned` when it was signed; times in unix seconds."""

    maker: str
    taker: str
    side: Side
    units: int
    least: int
    price: int
    earned: int
    holds: bool
    opens: int
    expires: int
    nonce: int

    @property
    def struct(self) -> dict[str, Any]:
        """By field, as an event has it."""
        return asdict(self) | {"side": int(self.side)}

    @property
    def hash(self) -> str:
        """The EIP-712 hash of the struct, by which the desk knows it."""
        return digest(encoded([digest(QUOTE_TYPE.encode()), *self.struct.values()]))


class Fate(NamedTuple):
    """What became of a quote."""

    filled: int = 0
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class DeskTerms:
    """ITradeDesk.Terms: least units of a fill, longest life of a quote in seconds; `token` is the key of a
    part."""

    minimum: int
    longest: int
    token: str = "token"  # noqa: S105 - the key of a part


@dataclass
class TradeDeskBooks(Books):
    """A desk's state: what became of quotes, by maker and hash, and the least nonce of each maker's."""

    KIND: ClassVar[str] = "trade_desk"
    ACTS: ClassVar[Mapping[str, Call]] = ACTS

    terms: DeskTerms
    fates: MutableMapping[tuple[str, str], Fate] = field(default_factory=dict)
    nonces: MutableMapping[str, int] = field(default_factory=dict)
    key: str = "desk"

    # -- questions

    def fate_of(self, quote: Quote) -> Fate:
        return self.fates.get((quote.maker, quote.hash), Fate())

    def nonce_of(self, maker: str) -> int:
        """The least that its quotes may have."""
        return self.nonces.get(maker, 0)

    def left_of(self, quote: Quote) -> int:
        """Units that are not filled; none of a quote that is cancelled."""
        fate = self.fate_of(quote)
        over = fate.cancelled or quote.nonce < self.nonce_of(quote.maker)
        return 0 if over else quote.units - fate.filled

    def price_now(self, world: World, quote: Quote) -> int:
        """What a unit costs now. Raises SettlementError where the quote is void for what was paid since."""
        since = self._token(world).earned - quote.earned
        if since and not (quote.holds and since > 0):
            raise SettlementError(f"{self.key}: the quote was made before or after units earned {since}")
        if since >= quote.price:
            raise SettlementError(f"{self.key}: units earned {since} since, of a price of {quote.price}")
        return quote.price - since

    def earned_by_units(self, world: World) -> int:
        """What a quote that is signed now names as `earned`."""
        return self._token(world).earned

    def accrued(self, world: World) -> int | None:
        """What a price has in it for what the claim has accrued, by what pays it."""
        payer: Books = world.parts[self._token(world).terms.servicer]
        return payer.accrued(world)

    def _token(self, world: World) -> TokenBooks:
        return world.books(self.terms.token, TokenBooks)

    # -- acts

    def fill(self, world: World, by: str, quote: Mapping[str, Any], signature: str, units: int) -> int:
        made = Quote(**quote)
        self._require_live(world, made, by)
        left, least = self.left_of(made), max(made.least, self.terms.minimum)
        if not 0 < units <= left or (units < least and units != left):
            raise SettlementError(f"{self.key}: {units} of {left} units, of which {least} are the least")
        paid = units * self.price_now(world, made)
        self._require_signed(world, made)
        self.fates[made.maker, made.hash] = Fate(self.fate_of(made).filled + units)
        said = {"maker": made.maker, "taker": by, "quote": made.struct, "units": units, "paid": paid}
        world.emit(self.key, "QuoteFilled", hash=made.hash, **said)
        seller, buyer = (made.maker, by) if made.side is Side.SELLS else (by, made.maker)
        moved = {"from": seller, "to": buyer, "value": units}
        world.call(self.key, self.terms.token, "transfer_from", **moved)
        world.move(buyer, seller, paid, "trade")
        return paid

    def cancel(self, world: World, by: str, hash: str) -> None:
        fate = self.fates.get((by, hash), Fate())
        if fate.cancelled:
            raise SettlementError(f"{self.key}: {hash} is cancelled already")
        self.fates[by, hash] = fate._replace(cancelled=True)
        world.emit(self.key, "QuoteCancelled", maker=by, hash=hash)

    def cancel_below(self, world: World, by: str, nonce: int) -> None:
        if nonce <= self.nonce_of(by):
            raise SettlementError(f"{self.key}: {nonce} is not above {self.nonce_of(by)}")
        self.nonces[by] = nonce
        world.emit(self.key, "QuotesCancelledBelow", maker=by, nonce=nonce)

    def _require_signed(self, world: World, quote: Quote) -> None:
        """A part of the deal signs by its own rules."""
        for key, books in world.parts.items():
            if world.addresses[key] == quote.maker and not books.signs(world, self.key, quote):
                raise SettlementError(f"{self.key}: {key} does not sign this quote")

    def _require_live(self, world: World, quote: Quote, by: str) -> None:
        if by == quote.maker or quote.taker not in (NOBODY, by):
            raise SettlementError(f"{self.key}: {by} may not take a quote of {quote.maker}")
        if not quote.opens <= world.at < quote.expires:
            raise SettlementError(f"{self.key}: open from {quote.opens} until {quote.expires}")
        if quote.expires - quote.opens > self.terms.longest:
            raise SettlementError(f"{self.key}: lives {quote.expires - quote.opens} s")
        if self._token(world).recovery_of(quote.maker, world.at):
            raise SettlementError(f"{self.key}: the holding of {quote.maker} is in recovery")
