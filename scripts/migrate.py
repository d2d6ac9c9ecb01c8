"""`penstock migrate`: deal files of an earlier form, written anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command()
def migrate(
    files: Annotated[list[Path], typer.Argument(help="Deal files.", metavar="FILE...", show_default=False)],
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 1 if a file would change.")
    ] = False,
) -> None:
    """Write deal files of the earlier form (claims and one offering) in today's (parts that name each other).

    Every file is read and checked before any is written. Comments that find no place are named, with their
    lines. The terms hash of a deal becomes another: what is deployed already stays what it is.
    """
    from finance.terms import InputError, parse_deal
    from finance.terms.migrate import migrated
    from finance.terms.reader import read_deal_text

    found = []
    for file in files:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise InputError(f"{file}: cannot be read: {error.strerror}") from None
        made = migrated(data, str(file))
        if made is not None:
            parse_deal(read_deal_text(made[0].encode(), str(file)), str(file))
        found.append((file, made))
    for file, made in found:
        if made is None:
            typer.echo(f"{file}: has today's form")
            continue
        text, lost = made
        told = "".join(f"\n  lost: line {comment}" for comment in lost)
        if check:
            typer.echo(f"{file}: would be written anew{told}")
            continue
        beside = file.with_name(file.name + ".part")
        try:
            beside.write_text(text, encoding="utf-8")
            beside.replace(file)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise InputError(f"{file}: cannot be written: {error.strerror}") from None
        typer.echo(f"{file}: written anew{told}")
    if check and any(made is not None for _, made in found):
        raise typer.Exit(1)


def main(*files: str) -> None:
    """Entry of `brownie run migrate main FILE...`."""
    migrate([Path(file) for file in files])


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
