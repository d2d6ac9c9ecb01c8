"""`penstock quote`: a signed quote for the trade desk of a deployed deal, as whoever takes it needs it."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scripts.accounts import KeystoreOption, NetworkOption, PasswordOption, WhoOption
from scripts.act import whole

if TYPE_CHECKING:
    from finance.settlement.trade_desk import Quote, TradeDeskBooks
    from finance.settlement.world import World

app = typer.Typer(add_completion=False)

DAY = 86_400


class SideName(StrEnum):
    """What the maker does."""

    SELLS = "sells"
    BUYS = "buys"


@app.command()
def quote(
    deployment: Annotated[
        Path, typer.Argument(help="Deployment record, as written by `penstock deploy`.", metavar="RECORD")
    ],
    side: Annotated[SideName, typer.Argument(help="What whoever signs does.")],
    units: Annotated[str, typer.Argument(help="Units of the claim, all trades at the quote together.")],
    price: Annotated[
        str,
        typer.Argument(help="Of one unit, minor units of the currency, accrued interest included."),
    ],
    desk: Annotated[str | None, typer.Option(help="Which trade desk, where the deal has several.")] = None,
    days: Annotated[
        float | None, typer.Option(help="How long it lives, from now on; as long as the desk allows.")
    ] = None,
    least: Annotated[str, typer.Option(help="Least units of a trade; as many as UNITS: all or none.")] = "1",
    taker: Annotated[
        str | None, typer.Option(help="Who alone may take it: an address, or a wallet of the record by name.")
    ] = None,
    holds: Annotated[
        bool,
        typer.Option(
            "--holds", help="Goes on after units are paid on, for so much less. Without it is void then."
        ),
    ] = False,
    nonce: Annotated[
        int | None,
        typer.Option(
            min=0, max=2**64 - 1, help="Its number, for `cancel_below`; by default the chain's time."
        ),
    ] = None,
    allow: Annotated[
        bool,
        typer.Option("--allow", help="Allow the desk to take what the quote gives, besides what it may."),
    ] = False,
    network: NetworkOption = "development",
    sender: WhoOption = None,
    keystore: KeystoreOption = None,
    password_file: PasswordOption = None,
) -> None:
    """Sign a quote, and print it as JSON.

    `penstock act RECORD DESK.fill --given FILE units=N` takes it, DESK.cancel hash=HASH takes it back. Where
    what pays the claim can say what has accrued, `accrued` is what the price has in it for that, and `clean`
    the rest.
    """
    from chain.following import Following
    from chain.network import connect
    from chain.parts.trade_desk import signed
    from chain.records import address_of, load_record
    from finance.settlement.trade_desk import Quote, Side
    from finance.settlement.world import NOBODY
    from finance.terms import InputError
    from scripts.accounts import account_of

    record = load_record(deployment)
    w3 = connect(network, record.chain_id)
    world = Following(w3, record).look()
    key, books = _desk(world, desk)
    named = {name: who for name, who in record.wallets.everybody.items() if isinstance(who, str)}
    account = account_of(w3, sender, keystore, password_file, named)
    maker = account if isinstance(account, str) else account.address
    try:
        only = NOBODY if taker is None else address_of(named.get(taker, taker))
    except ValueError as error:
        raise InputError(f"--taker = {taker}: {error}") from None
    now = int(w3.eth.get_block("latest")["timestamp"])
    made = Quote(
        maker=maker,
        taker=only,
        side=Side[side.name],
        units=_positive("units", units, 64),
        least=_positive("--least", least, 64),
        price=_positive("price", price, 128),
        earned=books.earned_by_units(world),
        holds=holds,
        opens=now,
        expires=now + _seconds(days, books.terms.longest),
        nonce=max(now, books.nonce_of(maker)) if nonce is None else nonce,
    )
    _require_takeable(books, made)
    signature = signed(w3, account, made, world.addresses[key])
    if allow:
        _allow(w3, account, world, key, books, made)
    print(json.dumps(_said(record.deal, key, world, books, made, signature), indent=2))


def _desk(world: World, key: str | None) -> tuple[str, TradeDeskBooks]:
    from finance.settlement.trade_desk import TradeDeskBooks
    from finance.terms import InputError

    found = {each: books for each, books in world.parts.items() if isinstance(books, TradeDeskBooks)}
    if key is None and len(found) == 1:
        return next(iter(found.items()))
    if key not in found:
        known = ", ".join(found) or "none"
        raise InputError(f"--desk = {key or '(missing)'}: must be a trade desk of the deal (known: {known})")
    return key, found[key]


def _positive(where: str, text: str, bits: int) -> int:
    from finance.settlement.acts import whole_number
    from finance.terms import InputError

    value = whole(where, f"uint{bits}", text)
    if not 0 < value < 2**bits:
        raise InputError(f"{where} = {text}: must be {whole_number(f'uint{bits}')}, above 0")
    return value


def _seconds(days: float | None, longest: int) -> int:
    from finance.terms import InputError

    if days is None:
        return longest
    if not 1 <= days * DAY <= longest:
        raise InputError(f"--days = {days:g}: the desk takes quotes of {longest / DAY:g} days at most")
    return int(days * DAY)


def _require_takeable(books: TradeDeskBooks, quote: Quote) -> None:
    """Raises InputError for what nobody could take."""
    from finance.terms import InputError

    if quote.nonce < books.nonce_of(quote.maker):
        raise InputError(f"--nonce = {quote.nonce}: {books.nonce_of(quote.maker)} is the least")
    if quote.maker == quote.taker:
        raise InputError(f"--taker = {quote.taker}: who signs cannot take it too")


def _allow(w3: Any, account: Any, world: World, key: str, books: TradeDeskBooks, quote: Quote) -> None:
    from chain.acting import allow
    from chain.bindings import contract, read
    from chain.sender import Sender
    from finance.settlement.trade_desk import Side
    from finance.settlement.world import CURRENCY

    sells = quote.side is Side.SELLS
    of, amount = (books.terms.token, quote.units) if sells else (CURRENCY, quote.units * quote.price)
    token, spender = contract(w3, "IERC20", world.addresses[of]).functions, world.addresses[key]
    was = read(token.allowance(quote.maker, spender))
    if was + amount < 2**256:  # else it may take all there is
        allow(Sender(w3, account), token, spender, was, was + amount)


def _said(
    deal: str, key: str, world: World, books: TradeDeskBooks, quote: Quote, signature: str
) -> dict[str, Any]:
    accrued = books.accrued(world)
    said: dict[str, Any] = {"deal": deal, "desk": key, "hash": quote.hash}
    if accrued is not None:
        said |= {"accrued": accrued, "clean": quote.price - accrued}
    return said | {"quote": quote.struct, "signature": signature}


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
