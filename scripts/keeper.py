"""`penstock keeper`: performs what is due in deployed deals and anyone may do."""

from __future__ import annotations

import signal
import threading
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from scripts.accounts import FROM_HELP, KeystoreOption, NetworkOption, PasswordOption

app = typer.Typer(add_completion=False)


@app.command()
def keeper(
    deployments: Annotated[
        list[Path],
        typer.Argument(help="Deployment records, as written by `penstock deploy`.", metavar="RECORD..."),
    ],
    network: NetworkOption = "development",
    sender: Annotated[str | None, typer.Option("--from", help=FROM_HELP)] = None,
    keystore: KeystoreOption = None,
    password_file: PasswordOption = None,
    interval: Annotated[float, typer.Option(min=0.1, help="Seconds between two looks at the chain.")] = 12,
    patience: Annotated[
        float, typer.Option(min=0.1, help="Seconds until a transaction is sent again with higher fees.")
    ] = 45,
    dust: Annotated[
        float,
        typer.Option(min=0, help="What is left over is given back from so many units of the currency on."),
    ] = 1,
    once: Annotated[bool, typer.Option("--once", help="Perform what is due now, and end.")] = False,
    metrics_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Serve Prometheus metrics on this port of 127.0.0.1.")
    ] = None,
) -> None:
    """Settle, fix, pay, call margin, close out, distribute: all that is due and open to anyone.

    What is left over in the end is given back once it is worth the gas: --dust.

    A line for every act. Nothing is kept but the chain: it can be killed and started again at any time, and
    several keepers can serve the same deals. Ends with Ctrl-C, or after one look with --once: exit 1
    where a deal's log is not what its books make of it.
    """
    from chain.check import require_own
    from chain.events import require_chain
    from chain.keeper import Keeper, Metrics
    from chain.network import connect
    from chain.records import load_record
    from scripts.accounts import account_of

    records = [load_record(path) for path in deployments]
    w3 = connect(network, records[0].chain_id)
    for record in records:
        require_chain(w3, record)
        require_own(record)
    metrics = Metrics()
    account = account_of(w3, sender, keystore, password_file)
    found = Keeper(w3, account, records, _say, patience, metrics, Decimal(str(dust)))
    if metrics_port is not None:
        from prometheus_client import start_http_server

        start_http_server(metrics_port, "127.0.0.1", metrics.registry)
    if once:
        done = found.round()
        if found.stray:
            raise typer.Exit(1)
        if not done:
            _say("nothing is due")
        return
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    _say(f"keeping {', '.join(record.deal for record in records)} from {found.address}")
    found.run(interval, stop)


def _say(line: str) -> None:
    print(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}", flush=True)


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
