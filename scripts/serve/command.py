"""`penstock serve`: the API and the pages; with nothing else running, a demonstration around them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from api.index.database import Database

DEFAULT_PORT = 8600
"""api.settings.DEFAULT_PORT, without the imports."""
app = typer.Typer(add_completion=False)
keys = typer.Typer(add_completion=False, help="API keys of programs: make, list, revoke.")
app.add_typer(keys, name="keys")

Data = Annotated[
    Path | None,
    typer.Option(help="Folder with a folder for each deployment (demonstration: a temporary one)."),
]
DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database",
        help="postgresql://... or sqlite:///FILE; default $PENSTOCK_DATABASE, else in the data folder.",
    ),
]


@app.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Where to listen.")] = DEFAULT_PORT,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    network: Annotated[
        str | None,
        typer.Option(
            envvar="PENSTOCK_NETWORK",
            help="Join this chain: anvil, ganache, or a URL. No demonstration then.",
        ),
    ] = None,
    database: DatabaseUrl = None,
    data: Data = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Clear away the demonstration that is in --data, and begin again.")
    ] = False,
    deals: Annotated[
        Path | None, typer.Option(help="Folder of deal files (default: those of Penstock).")
    ] = None,
    deployment: Annotated[
        list[Path] | None,
        typer.Option(help="Deployment record to serve, besides those in --data; repeatable."),
    ] = None,
    relay: Annotated[
        list[Path] | None,
        typer.Option(help="A deal's relay configuration: served with its nodes and reports; repeatable."),
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option(
            envvar="PENSTOCK_ORIGIN", help="Where users reach the service: https://penstock.example."
        ),
    ] = None,
    cors: Annotated[
        list[str] | None, typer.Option(help="Origin of another site that may call the API; repeatable.")
    ] = None,
    rate_limit: Annotated[
        int | None, typer.Option(min=0, help="Requests a second of one client that are not cached; 0: any.")
    ] = None,
    demo: Annotated[
        bool | None,
        typer.Option("--demo/--no-demo", help="Default: a demonstration unless --network is given."),
    ] = None,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the pages in a browser.")
    ] = False,
    log: Annotated[
        Path | None,
        typer.Option(help="File for the log (default: standard error; demonstration: in its folder)."),
    ] = None,
) -> None:
    """Serve the API and the pages until Ctrl-C.

    With nothing else: starts a chain, oracle nodes and three deals in mid-life, in about half a minute. With
    --network: serves what is deployed on that chain.
    """
    if context.invoked_subcommand is not None:
        return
    from finance.terms import InputError
    from scripts.serve.start import Options, start

    if demo is None:
        demo = network is None
    if demo and network is not None:
        raise InputError("--demo, --network: a demonstration starts a chain of its own; give one of the two")
    if not demo and network is None:
        raise InputError("--no-demo: give the chain to join (--network)")
    if demo and (deployment or relay):
        raise InputError("--deployment, --relay: a demonstration serves its own deployments")
    if anew and not (demo and data):
        raise InputError("--anew: only for a demonstration with --data")
    options = Options(
        port=port,
        host=host,
        network=network,
        database=database,
        data=data,
        anew=anew,
        deals=deals,
        deployments=tuple(deployment or ()),
        relays=tuple(relay or ()),
        origin=origin,
        cors=tuple(cors or ()),
        rate_limit=rate_limit,
        open_browser=open_browser,
        log=log,
    )
    start(options)


# -- keys


@keys.command("make")
def make_key(
    name: Annotated[str, typer.Argument(help="Who or what the key is for.")],
    scope: Annotated[list[str], typer.Option(help="What it may do; repeatable (docs/serve.md lists them).")],
    days: Annotated[
        int | None, typer.Option(min=1, help="Days until it ends (default: when revoked).")
    ] = None,
    database: DatabaseUrl = None,
    data: Data = None,
) -> None:
    """Make a key and print it, once: only its hash is kept."""
    from api.access.keys import create_key

    with _database(database, data) as found:
        made = create_key(found, name, scope, days)
    typer.echo(f"key {made.id}; it is shown this once:", err=True)
    print(made.token)


@keys.command("list")
def list_keys(database: DatabaseUrl = None, data: Data = None) -> None:
    """The keys that there are."""
    from datetime import UTC, datetime

    from api.access.keys import list_keys as listed
    from finance.report.table import Table
    from scripts.console import show

    def day(unix: int | None) -> str:
        return "" if unix is None else datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d")

    with _database(database, data) as found:
        rows = tuple(
            (
                key.id,
                key.name,
                ", ".join(sorted(key.scopes)),
                day(key.created),
                day(key.expires),
                day(key.revoked),
            )
            for key in listed(found)
        )
    columns = ("Key", "Name", "Scopes", "Made", "Ends", "Revoked")
    show(Table("API keys", columns, rows, frozenset(), ()))


@keys.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(help="Id of the key, as `list` shows it.")],
    database: DatabaseUrl = None,
    data: Data = None,
) -> None:
    """End a key now."""
    from api.access.keys import revoke_key as revoke
    from finance.terms import InputError

    with _database(database, data) as found:
        if not revoke(found, key):
            raise InputError(f"key {key}: there is none, or it is revoked already")
    typer.echo(f"key {key} is revoked")


@contextmanager
def _database(url: str | None, data: Path | None) -> Iterator[Database]:
    """The database of the options, brought up to date; raises InputError when it does not answer."""
    from api.index.database import Database
    from api.problems import ProblemError
    from finance.terms import InputError
    from scripts.serve.start import database_url

    database = Database(database_url(url, data))
    try:
        database.migrate()
        yield database
    except ProblemError as error:
        raise InputError(error.detail) from None
    finally:
        database.close()


if __name__ == "__main__":
    from scripts.cli import run as run_program

    run_program(app)
