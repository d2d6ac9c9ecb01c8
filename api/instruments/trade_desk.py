"""The trade desk: trades as a list, and what holders can do with quotes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from api.i18n import N_
from api.instruments.base import tabled
from api.instruments.offers import UNITS, Given, Offered, PartWords, offers, parameter_by_type
from api.instruments.parameters import Parameter
from api.instruments.rows import TradeRow
from api.instruments.sentences import Arguments, Sentence, Writer, units_of
from chain.errors import ContractError
from chain.parts.trade_desk import sides
from finance.settlement.trade_desk import ACTS as CALLS
from finance.settlement.trade_desk import FIELDS, Side

_QUOTE = replace(
    parameter_by_type("quote", {**FIELDS, "side": "uint8"}),
    title="the quote as its maker signed it; side 0: its maker sells, 1: buys",
)


def _worth(given: Given) -> int:
    """Of the units at what each costs now; nothing where the quote is void, which the contract says."""
    try:
        return int(given["units"]) * int(given.read("trade_desk", "priceNow", given["quote"]))
    except ContractError:
        return 0


def _taker_sells(given: Given) -> bool:
    return bool(given["quote"]["side"] == Side.BUYS)


REFUSALS: Mapping[str, str] = {
    "TradeDesk_NotTaker": "The quote is for another wallet, or this wallet's own.",
    "TradeDesk_NotOpen": "The quote is not open now.",
    "TradeDesk_LivesTooLong": "The quote lives longer than the desk allows.",
    "TradeDesk_NonceBelow": "Quotes of this maker have numbers from {nonce} on; the least only rises.",
    "TradeDesk_Cancelled": "Its maker has taken the quote back.",
    "TradeDesk_UnitsNotLeft": "Only {left} units of the quote are left.",
    "TradeDesk_TooFewUnits": "At least {least} units must be taken, or all that are left.",
    "TradeDesk_PaidSince": "Units have been paid since the quote was signed, so its price holds no more.",
    "TradeDesk_MakerInRecovery": "A recovery of its maker's holding is announced; its quotes do not count.",
    "TradeDesk_NotSigned": "The signature is not that of the quote's maker.",
    "TradeDesk_NotExact": "The currency keeps back a part of what it moves.",
}
ACTS = offers(
    "trade_desk",
    CALLS,
    fill=Offered(
        "Trade {units} units at a quote for {money}",
        "Traded units at a quote",
        name="fill-quote",
        asked=(
            _QUOTE,
            Parameter("signature", "bytes", "the maker's signature of the quote", bits=0),
            UNITS,
        ),
        pays=lambda given: 0 if _taker_sells(given) else _worth(given),
        gives=lambda given: int(given["units"]) if _taker_sells(given) else 0,
        money=_worth,
        who="investor",
    ),
    cancel=Offered(
        "Take back a quote of this wallet",
        name="cancel-quote",
        asked=(Parameter("hash", "hash", "the quote's hash"),),
        who="investor",
    ),
    cancel_below=Offered(
        "Take back all quotes of this wallet with a number below {nonce}",
        "Took back all quotes below a number",
        name="cancel-quotes-below",
        asked=(Parameter("nonce", "number", "the least number that its quotes may have", bits=64, least=1),),
        who="investor",
    ),
)


def _filled(t: Writer, a: Arguments) -> str:
    seller, buyer = sides(a)
    return t.say(
        "{seller} sold {units} to {buyer} for {amount}.",
        seller=t.who(seller),
        buyer=t.who(buyer),
        units=units_of(t, a["units"]),
        amount=t.money(a["paid"]),
    )


TOLD: Mapping[str, Sentence] = {
    "QuoteFilled": _filled,
    "QuoteCancelled": lambda t, a: t.say("{who} took a quote back.", who=t.who(a["maker"])),
    "QuotesCancelledBelow": lambda t, a: t.say(
        "{who} took back all quotes below number {nonce}.", who=t.who(a["maker"]), nonce=f"{a['nonce']:,}"
    ),
}
LISTS = (
    tabled(
        "trades", "Units traded between holders", TradeRow, "trade_desk", account=("seller", "buyer", "maker")
    ),
)
WORDS = PartWords(N_("Trade desk"), ACTS, REFUSALS, TOLD, lists=LISTS)
