"""`penstock cost`: what a deal costs on a chain, beside published fees of intermediaries."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import typer

GAS_PRICES = ("1", "10", "50")
MOST = Decimal(10) ** 9

app = typer.Typer(add_completion=False)


@app.command()
def cost(
    deal: Annotated[
        Path,
        typer.Argument(
            help="A deal file, whose life is demonstrated first, or the summary.json of a demonstration.",
            metavar="DEAL|SUMMARY",
            show_default=False,
        ),
    ],
    gas_price: Annotated[
        list[str] | None, typer.Option(help="Gwei of a unit of gas; more than once; default: 1, 10 and 50.")
    ] = None,
    coin: Annotated[
        str | None, typer.Option(help="Price of the chain's coin in the deal's currency; default: none.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    csv: Annotated[Path | None, typer.Option(help="Write a row for each price of gas to this file.")] = None,
) -> None:
    """What a deal's whole life costs in gas at several prices, and how dear the chain's coin would have to be
    for that to be as much as published costs of issue."""
    from finance.report.issuance_cost import Cost, fee_table, gas_table, price_table
    from scripts.console import show, show_json, writable

    writable(csv, ".csv")
    prices = [_number("--gas-price", each) for each in gas_price or GAS_PRICES]
    price = None if coin is None else _number("--coin", coin)
    found = Cost.of(_summary(deal), str(deal))
    said = found.to_dict(prices, price)
    if csv is not None:
        _save(said["at"], csv)
    if json:
        show_json(said)
    else:
        show(gas_table(found), price_table(found, prices, price), fee_table(found))


def _number(option: str, text: str) -> Decimal:
    from finance.terms import InputError

    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or not 0 < found <= MOST:
        raise InputError(f"{option} = {text}: must be a number above 0, at most {MOST:,}")
    return found


def _summary(path: Path) -> Any:
    """Of a demonstration that was made, or of one that is made now, of which nothing is kept."""
    from json import JSONDecodeError, loads
    from tempfile import TemporaryDirectory

    from finance.terms import InputError, load_deal
    from scripts.console import plain_console, working
    from scripts.demo import conductor, report
    from scripts.demo.narrator import Narrator

    if path.suffix == ".json":
        try:
            return loads(path.read_text())
        except (JSONDecodeError, UnicodeDecodeError):
            raise InputError(f"{path}: no JSON") from None
    terms = load_deal(path)
    with TemporaryDirectory(prefix="penstock-cost-") as folder, working(f"Living {path.name} on a chain"):
        options = conductor.Options(Path(folder), what_ifs=False)
        return report.summary(conductor.tell(terms, options, Narrator(plain_console(), quiet=True)))


def _save(rows: list[dict[str, Any]], path: Path) -> None:
    import pandas as pd

    from finance.report.files import save_csv

    save_csv(pd.DataFrame(rows), path)


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
