"""`penstock sell`: what a holder gets by selling units of a deployed deal today."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scripts.accounts import NetworkOption
from scripts.quote import _positive

if TYPE_CHECKING:
    from finance.settlement.world import World
    from finance.terms.sections import Currency

app = typer.Typer(add_completion=False)

DAY = 86_400


@app.command()
def sell(
    deployment: Annotated[
        Path, typer.Argument(help="Deployment record, as written by `penstock deploy`.", metavar="RECORD")
    ],
    units: Annotated[str, typer.Option("--units", help="Units to be sold.")] = "1",
    quotes: Annotated[
        list[Path] | None,
        typer.Option("--quote", help="A signed quote as `penstock quote` prints it; may be given often."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; amounts in minor units.")] = False,
    network: NetworkOption = "development",
) -> None:
    """What selling units brings now: each liquidity buffer's bid with its mark, the mark's time, age and
    basis, and open quotes that are given, the best first.

    With --json every buffer has a `fill`: hand it to `penstock act RECORD DESK.fill --given FILE`.
    """
    from chain.following import Following
    from chain.network import connect
    from chain.records import load_record

    record = load_record(deployment)
    w3 = connect(network, record.chain_id)
    world = Following(w3, record).look()
    world.at = int(w3.eth.get_block("latest")["timestamp"])
    wanted = _positive("--units", units, 64)
    found = [*_bids(world, wanted), *_quoted(world, wanted, quotes or [])]
    found.sort(key=lambda each: -int(each["proceeds"]))
    if as_json:
        print(json.dumps({"deal": record.deal, "units": wanted, "offers": found}, indent=2))
        return
    if not found:
        print("nobody is known to buy: the deal has no liquidity buffer, and no quote was given")
    currency = record.load_deal().currency
    for each in found:
        print(_line(each, wanted, currency))


def _bids(world: World, wanted: int) -> list[dict[str, Any]]:
    """Of each liquidity buffer."""
    from chain.parts.liquidity_buffer import encoded_quote
    from finance.settlement.liquidity_buffer import LiquidityBufferBooks

    found = []
    for key, books in world.parts.items():
        if not isinstance(books, LiquidityBufferBooks):
            continue
        taken, bid = books.buys(world, wanted)
        said: dict[str, Any] = {
            "buyer": key,
            "status": books.status(world),
            "units": taken,
            "price": str(bid),
            "proceeds": str(taken * bid),
            "worth_since_issue": str(books.mark_now.value),
            "value": str(books.value_now(world)),
            "discount": f"{books.terms.discount / 10**18:g}",
            "time": books.mark_now.time,
            "age_days": round(books.age(world) / DAY, 1) if books.marked else None,
            "longest_age_days": books.terms.longest // DAY,
            "basis": books.mark_now.evidence,
        }
        if taken:
            quote = books.quote(world, taken, nonce=world.at)
            signature = encoded_quote(quote)
            said["fill"] = {"quote": quote.struct, "signature": signature, "units": taken}
        found.append(said)
    return found


def _quoted(world: World, wanted: int, files: list[Path]) -> list[dict[str, Any]]:
    """Of each quote that somebody buys at and that can still be taken."""
    from finance.settlement.trade_desk import Quote, Side, TradeDeskBooks
    from finance.settlement.widths import SettlementError
    from finance.terms import InputError

    found = []
    for file in files:
        try:
            said = json.loads(file.read_text(encoding="utf-8"))
            quote, desk = Quote(**said["quote"]), world.books(said["desk"], TradeDeskBooks)
            price = desk.price_now(world, quote)
        except SettlementError as error:
            raise InputError(f"--quote {file}: {error}") from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"--quote {file}: no quote as `penstock quote` prints it: {error}") from None
        left = desk.left_of(quote)
        units = min(wanted, left)
        few = units < max(quote.least, desk.terms.minimum) and units != left
        if quote.side != Side.BUYS or not quote.opens <= world.at < quote.expires or not units or few:
            continue
        offer = {"buyer": quote.maker, "status": "open", "units": units, "price": str(price)}
        found.append({**offer, "proceeds": str(units * price), "quote": str(file)})
    return found


def _line(said: dict[str, Any], wanted: int, currency: Currency) -> str:
    from finance.report.text import token_money

    def money(name: str) -> str:
        return token_money(int(said[name]), currency)

    brings = (
        f"{said['buyer']}: {money('proceeds')} for {said['units']} of {wanted} units, {money('price')} each"
    )
    if "time" not in said:
        return brings
    if said["age_days"] is None:
        return f"{said['buyer']}: {said['status']}; it buys nothing"
    mark = f"the mark of {_day(said['time'])}, {said['age_days']} days old"
    if said["status"] != "open":
        return f"{said['buyer']}: {said['status']}: {mark}, does not count; it buys nothing"
    value = (
        f"{money('value')} a unit by {mark} (evidence {said['basis']}), less {float(said['discount']):.2%}"
    )
    if not said["units"]:
        used = "it has bought what it buys at it, or has no money"
        return f"{said['buyer']}: {money('price')} each, {value}; {used}"
    return f"{brings}: {value}"


def _day(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
