"""TradeDesk, and the quotes that are signed for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from web3 import Web3

from chain.network import rpc
from chain.parts.base import Now, PartKind, Rebuilt, Said, Seen, Standing, nobodys, said
from chain.plan import Plan, Planned, Site
from chain.reconciliation import Row
from finance.settlement.acts import abi_name
from finance.settlement.trade_desk import FIELDS, DeskTerms, Quote, Side, TradeDeskBooks
from finance.settlement.world import World
from finance.terms import Deal
from finance.terms.trade_desk import TradeDesk

DAY = 86_400


def _filled(a: Said, _world: World) -> Rebuilt:
    """By the taker; the signature, which the books do not look at, is not said."""
    yield a["taker"], "fill", {"quote": a["quote"], "signature": "0x", "units": a["units"]}


def _cancelled(a: Said, _world: World) -> Rebuilt:
    yield a["maker"], "cancel", {"hash": a["hash"]}


def _cancelled_below(a: Said, _world: World) -> Rebuilt:
    yield a["maker"], "cancel_below", {"nonce": a["nonce"]}


def _traded(seen: Seen) -> Iterator[Row]:
    seller, _ = sides(seen.actual)
    yield seen.row("trade", seller, seen.both("paid"), units=seen["units"])


def sides(filled: Any) -> tuple[str, str]:
    """Seller and buyer, by an event of a fill."""
    maker, taker = filled["maker"], filled["taker"]
    return (maker, taker) if filled["quote"]["side"] == Side.SELLS else (taker, maker)


def _standing(now: Now) -> Standing:
    return Standing(notes=nobodys(now))


WORDS = {"trade": "paid for units of the claim token by one holder to another"}
TABLES = {
    "trades": said(
        "QuoteFilled",
        seller=lambda _, event: sides(event.arguments)[0],
        buyer=lambda _, event: sides(event.arguments)[1],
        maker="maker",
        units="units",
        paid="paid",
        price=lambda _, event: event.arguments["paid"] // event.arguments["units"],
        quote="hash",
    ),
    "quotes_cancelled": said(
        "QuoteCancelled", "QuotesCancelledBelow", maker="maker", quote="hash", below="nonce"
    ),
}
KIND = PartKind(
    "TradeDesk",
    {"QuoteFilled": _filled, "QuoteCancelled": _cancelled, "QuotesCancelledBelow": _cancelled_below},
    {"QuoteFilled": _traded},
    _standing,
    alone=frozenset({"QuoteFilled", "QuoteCancelled", "QuotesCancelledBelow"}),
    words=WORDS,
    tables=TABLES,
)


# -- as it is deployed


def plan(deal: Deal) -> Plan:
    """The desks of a group."""
    return Plan(tuple(_planned(key, desk) for key, desk in deal.having(TradeDesk).items()))


def _planned(key: str, desk: TradeDesk) -> Planned:
    minimum, longest = desk.least, int(desk.quote_days.value) * DAY

    def begin(site: Site) -> tuple[Any, ...]:
        terms = {
            "token": site.parts[desk.trades],
            "currency": site.shared["currency"],
            "minimum": minimum,
            "longest": longest,
        }
        return (terms,)

    def books(_site: Site) -> TradeDeskBooks:
        return TradeDeskBooks(DeskTerms(minimum, longest, desk.trades), key=key)

    return Planned(key, "trade_desk", begin, books, lambda site: {"terms": begin(site)[0]})


# -- quotes


def typed_data(quote: Quote, chain_id: int, desk: str) -> dict[str, Any]:
    """EIP-712 data of a quote for the desk at an address, as a wallet shows and signs it."""
    types = {
        "EIP712Domain": {
            "name": "string", "version": "string", "chainId": "uint256", "verifyingContract": "address",
        },
        "Quote": {name: abi_name(kind) for name, kind in FIELDS.items()},
    }  # fmt: skip
    return {
        "types": {
            name: [{"name": field, "type": kind} for field, kind in fields.items()]
            for name, fields in types.items()
        },
        "primaryType": "Quote",
        "domain": {
            "name": "Penstock TradeDesk", "version": "1", "chainId": chain_id, "verifyingContract": desk,
        },
        # As text: a wallet written in JavaScript would round a large number.
        "message": {
            name: str(value) if type(value) is int else value for name, value in quote.struct.items()
        },
    }  # fmt: skip


def signed(w3: Web3, account: str | LocalAccount, quote: Quote, desk: str) -> str:
    """The signature of a quote's maker: by a key, or by the node of an account that it has unlocked."""
    data = typed_data(quote, w3.eth.chain_id, desk)
    if isinstance(account, str):
        return str(rpc(w3, "eth_signTypedData_v4", account, data))
    return account.sign_message(encode_typed_data(full_message=data)).signature.to_0x_hex()
