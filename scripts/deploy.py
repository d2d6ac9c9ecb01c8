"""`penstock deploy` and `brownie run deploy [main DEAL]`: put a deal on a chain and write its record."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scripts.accounts import KEY_VARIABLE, NetworkOption, account_of

if TYPE_CHECKING:
    from web3 import Web3

    from chain.records import DeploymentRecord
    from finance.terms import Deal

DEFAULT_DEAL = Path(__file__).resolve().parent.parent / "deals" / "dc-water-eib-2016.yaml"

INTERRUPTED = 130
"""The exit code of what a SIGINT ends, as shells have it."""

app = typer.Typer(add_completion=False)


@app.command()
def deploy(
    deal: Annotated[Path, typer.Argument(help="Deal file.")] = DEFAULT_DEAL,
    network: NetworkOption = "development",
    out: Annotated[
        Path | None, typer.Option(help="Record file (default: deployments/CHAIN/DEAL-HASH.json).")
    ] = None,
    shift_days: Annotated[
        str, typer.Option(help="Move every date by N days, or `auto`: so that the offering is open now.")
    ] = "0",
    wallets: Annotated[
        Path | None,
        typer.Option(help="JSON file of the parties, nodes, panel (docs/chain.md). Local chains need none."),
    ] = None,
    currency: Annotated[
        str | None, typer.Option(help="Address of the settlement token (default: a test currency).")
    ] = None,
    sender: Annotated[
        str | None,
        typer.Option("--from", help=f"Deployer: an unlocked account, or a key in {KEY_VARIABLE}."),
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="Where shared contracts are remembered.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the record as JSON.")] = False,
) -> None:
    """Deploy a deal in one transaction, check every field of it on the chain, and write its record.

    Running it again for the same deal and deployer changes nothing on the chain. Where only the record was
    missing, it is written again (exit 0); else it tells where the deal is, and which of the wallets and
    currency given are not its own (exit 2). What Ctrl-C interrupts goes on when it is run again.
    """
    from chain.errors import ContractError
    from chain.network import connect
    from finance.terms import load_deal

    try:
        terms = load_deal(deal)
        w3 = connect(network)
        record, path, differences = run(w3, terms, out, shift_days, wallets, currency, sender, folder)
    except KeyboardInterrupt:
        typer.echo("interrupted; run it again from the same folder, and it goes on", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except ContractError as error:
        typer.echo(f"a contract refused: {error}", err=True)
        raise typer.Exit(1) from None
    if json:
        print(record.to_json(), end="")
    else:
        summarise(record, path)
    for difference in differences:
        typer.echo(str(difference), err=True)
    if differences:
        raise typer.Exit(1)


def run(
    w3: Web3,
    original: Deal,
    out: Path | None = None,
    shift_days: str = "0",
    wallets_file: Path | None = None,
    currency: str | None = None,
    sender: str | None = None,
    folder: Path | None = None,
) -> tuple[DeploymentRecord, Path, list[Any]]:
    """The command without its output: the record, where it was written, and what differs from the deal."""
    from chain.check import check_deployment
    from chain.deploy import (
        data_folder,
        deploy_deal,
        deploy_infrastructure,
        record_path,
        require_currency,
        require_new,
        say_on_stderr,
        wallets_for,
    )
    from chain.errors import AlreadyDeployedError
    from chain.kinds import plan_of
    from chain.records import load_record

    days, deal = _shifted(original, shift_days, w3)
    if days:
        say_on_stderr(
            f"the deal's dates are moved by {days} days: other terms, so another terms hash, "
            f"{deal.terms_hash} instead of {original.terms_hash}"
        )
    account = account_of(w3, sender)
    address = account if isinstance(account, str) else account.address
    folder = folder or data_folder()
    path = out or record_path(folder, w3.eth.chain_id, deal)
    _require_file(path, out is not None)
    code, decimals = deal.currency.code, deal.currency.token_decimals
    kinds = [part.kind for part in plan_of(deal).parts]
    currency = currency and require_currency(w3, currency, decimals)
    wallets = wallets_for(wallets_file, address, deal, currency) if wallets_file else None
    try:
        require_new(w3, address, deal, path, original, days, wallets, currency)
        shared = deploy_infrastructure(
            w3, account, code, decimals, currency, folder, say=say_on_stderr, kinds=kinds
        )
        record = deploy_deal(w3, account, deal, shared, wallets, path, original, days, say=say_on_stderr)
    except AlreadyDeployedError as error:
        if not error.restored:
            raise
        say_on_stderr(str(error))
        record = load_record(path)
    return record, path, check_deployment(w3, record, deal)


def summarise(record: DeploymentRecord, path: Path) -> None:
    """A few lines for a person."""
    from scripts.kinds import MODULES

    print(f"{record.deal}: deployed on chain {record.chain_id} ({record.client})")
    lines = [
        ("terms hash", record.terms_hash),
        ("block", f"{record.block}, transaction {record.tx}"),
        ("gas", f"{record.gas:,}"),
        *record.addresses.items(),
        *(("feed", f"{feed} ({kpi})") for kpi, feed in record.feeds.items()),
        *_people(record),
        *(
            line
            for group in record.load_deal().groups.values()
            if group.kind in MODULES
            for line in MODULES[group.kind].about(group)
        ),
        ("record", path),
    ]
    for name, what in lines:
        print(f"  {name:<11} {what}")


def _people(record: DeploymentRecord) -> Iterator[tuple[str, str]]:
    """Who is who: role, wallet and name of the deal's people, and how many sign for the oracle."""
    deal = record.load_deal()
    people = deal.people
    for role, address in record.wallets.people.items():
        party = people.get(role)
        yield role, f"{address}{f' ({deal.parties[party].name})' if party else ''}"
    if record.wallets.nodes:
        yield "signers", f"{len(record.wallets.nodes)} nodes, {len(record.wallets.panel)} panellists"


def main(deal: str | None = None, shift_days: str | None = None) -> None:
    """For `brownie run deploy [main DEAL [SHIFT_DAYS]] [--network NAME]`, on the chain brownie has joined.

    The variables PENSTOCK_DEAL and PENSTOCK_SHIFT_DAYS do the same. Dates are those of the deal file, as with
    `penstock deploy`; but a chain that brownie itself has started starts now and ends with the command, so
    there a deal of the past is moved (`auto`) unless told otherwise.
    """
    from brownie import web3 as brownie_web3
    from brownie.network.main import rpc
    from web3 import HTTPProvider, Web3

    from chain.errors import ChainError
    from finance.terms import InputError, load_deal

    provider: Any = brownie_web3.provider
    url = getattr(provider, "endpoint_uri", None)
    w3 = Web3(HTTPProvider(url)) if isinstance(url, str) and url.startswith("http") else Web3(provider)
    chosen = Path(deal or os.environ.get("PENSTOCK_DEAL") or DEFAULT_DEAL)
    own = bool(rpc.is_active() and rpc.is_child())
    days = shift_days or os.environ.get("PENSTOCK_SHIFT_DAYS") or ("auto" if own else "0")
    try:
        record, path, differences = run(w3, load_deal(chosen), shift_days=days)
    except InputError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None
    except ChainError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None
    summarise(record, path)
    for difference in differences:
        print(difference, file=sys.stderr)
    if differences:
        raise SystemExit(1)


def _shifted(deal: Deal, shift_days: str, w3: Web3) -> tuple[int, Deal]:
    from chain.network import clock
    from finance.terms import InputError
    from finance.terms.shift import shift_deal, shift_to

    if shift_days == "auto":
        return shift_to(deal, clock(w3))
    try:
        days = int(shift_days)
    except ValueError:
        raise InputError(f"--shift-days = {shift_days}: must be a whole number of days, or auto") from None
    return days, shift_deal(deal, days)


def _require_file(path: Path, given: bool) -> None:
    """Raise InputError where no record can be written: found out later, the deal would be on the chain."""
    from finance.terms import InputError

    name = f"--out = {path}" if given else str(path)
    if path.is_dir():
        raise InputError(f"{name}: is a folder; the record needs a file, such as {path / 'deal.json'}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{name}: its folder cannot be made: {error.strerror}") from None
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"{name}: cannot be written: Permission denied")


if __name__ == "__main__":
    from scripts.cli import run as run_program

    run_program(app)
