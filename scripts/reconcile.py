"""`penstock reconcile`: expected and actual payments of a deployed deal, to the minor unit."""

from __future__ import annotations

from json import dumps
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command()
def reconcile(
    deployment: Annotated[Path, typer.Argument(help="Deployment record, as written by `penstock deploy`.")],
    network: Annotated[
        str, typer.Option(help="anvil, ganache, development, or the URL of a node.", metavar="NAME_OR_URL")
    ] = "development",
    block: Annotated[int | None, typer.Option(help="As of this block (default: the latest).")] = None,
    csv: Annotated[Path | None, typer.Option(help="Also write the rows to this file.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON; amounts in minor units.")] = False,
) -> None:
    """Compare what the deal promises with what the chain shows, per holder and period.

    Exit 0 if every difference is zero, 1 if not (with the rows that differ).
    """
    from chain.kinds import kind_of, load_record
    from chain.network import connect
    from scripts.kinds import commands_of

    record = load_record(deployment)
    w3 = connect(network, record.chain_id)
    result = kind_of(record).reconcile(w3, record, block=block)
    if csv is not None:
        result.frame().to_csv(csv, index=False)
    if json:
        print(dumps(result.as_json(), indent=2, ensure_ascii=False))
    else:
        commands_of(record.kind).show_result(result)
    if not result.ok:
        raise typer.Exit(1)


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
