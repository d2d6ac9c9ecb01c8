"""`penstock oracle`: nodes, relay, verifier, challenge, and the twin's ensemble."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.table import Table
from rich.text import Text

from scripts.console import plain_console, program
from scripts.ensemble import ensemble

if TYPE_CHECKING:
    from web3 import Web3

    from chain.sender import Sender
    from oracle.relay_config import RelayConfig

app = typer.Typer(help="The oracle network.", no_args_is_help=True)
out, err = plain_console(), plain_console(stderr=True)

ConfigOption = Annotated[Path, typer.Option("--config", help="configuration file (YAML or JSON)")]
KpiOption = Annotated[
    str | None, typer.Option(help="KPI by its id in the deal (default: the deal's only one)", metavar="ID")
]
PeriodOption = Annotated[
    int | None, typer.Option(min=1, help="period, counted from 1; overrides the file", metavar="N")
]
JsonOption = Annotated[bool, typer.Option("--json", help="machine-readable result on standard output")]


def _stop(code: int, message: object) -> NoReturn:
    err.print(str(message), style="red", soft_wrap=True)
    raise typer.Exit(code)


@contextmanager
def _failures() -> Iterator[None]:
    """Exit 2 for input that the user can put right, 1 for what the chain or the nodes refuse."""
    from chain.errors import ChainError
    from finance.terms import InputError
    from oracle.relay import RelayError

    try:
        yield
    except InputError as error:
        _stop(2, error)
    except (ChainError, RelayError) as error:
        _stop(1, error)


def _told(command: Callable[..., None]) -> Callable[..., None]:
    """A command of another module, with the exit codes of this one."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        with _failures():
            command(*arguments, **options)

    return run


def _connect(settings: RelayConfig, kpi: str | None = None) -> tuple[Sender, str, str]:
    """Sender, oracle contract and feed that a relay configuration names; `kpi` overrides the file's."""
    from chain.network import connect
    from chain.records import load_record
    from chain.sender import Sender
    from finance.terms import InputError
    from oracle.node_config import load_key

    record = load_record(settings.deployment) if settings.deployment else None
    w3 = connect(settings.network, record.chain_id if record else None)
    key = settings.account.key
    account = load_key(key) if key else str(settings.account.address)
    sender = Sender(w3, account)
    if record:
        return sender, record.addresses["oracle"], record.feed_of(kpi or settings.kpi)
    if kpi is not None:
        raise InputError(f"--kpi = {kpi}: the configuration names a feed, which has one KPI")
    assert settings.feed is not None
    return sender, settings.feed.contract, settings.feed.feed


@app.command()
def node(config: ConfigOption) -> None:
    """Run a node until it is stopped."""
    from finance.terms import InputError
    from oracle.server import serve

    try:
        serve(config)
    except InputError as error:
        _stop(2, error)


@app.command()
def prepare(
    deployment: Annotated[Path, typer.Argument(help="deployment record of a deal on a local chain")],
    folder: Annotated[Path, typer.Option("--out", help="new folder for the nodes and the relay")] = Path(
        "nodes"
    ),
    network: Annotated[
        str, typer.Option(help="network name or URL for the relay", metavar="NAME_OR_URL")
    ] = "development",
    scenario: Annotated[
        str | None, typer.Option(help="works of the stormwater twin: published (default), twin, high or low")
    ] = None,
    reports: Annotated[
        Path | None, typer.Option(help="what was published of a reported KPI (default: simulated)")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="of everything that is simulated")] = 2020,
    first_port: Annotated[int, typer.Option(min=1024, max=65_000, help="port of the first node")] = 8601,
    kpi: KpiOption = None,
) -> None:
    """Write what the nodes and the relay of a local deployment need: configurations, keys, data.

    For local chains, where nodes have the well-known test keys. In earnest each operator writes its own. The
    data are simulated from the parameters of the deal's asset.
    """
    from chain.deploy import local_keys
    from chain.network import KNOWN, connect
    from chain.records import load_record
    from finance.settlement.terms import feed_terms
    from finance.terms import InputError
    from oracle.local import LOCAL_RELAY, bind_feed, prepare_nodes
    from oracle.node_config import write_secret

    with _failures():
        record = load_record(deployment)
        w3 = connect(network, record.chain_id)
        keys = local_keys(record.wallets)
        if not all(address in keys for address in record.wallets.nodes):
            raise InputError(f"{deployment}: the nodes have keys of their own, not those of a local chain")
        if folder.exists() and any(folder.iterdir()):
            raise InputError(f"{folder}: exists and is not empty")
        deal = record.load_deal()
        feed = record.feed_of(kpi)
        terms = feed_terms(deal, next(name for name, held in record.feeds.items() if held == feed))
        options: dict[str, Any] = {"scenario": scenario, "reports": reports}
        files = prepare_nodes(
            folder,
            terms,
            deal=deal,
            seed=seed,
            keys=[bytes(keys[address].key) for address in record.wallets.nodes[: terms.nodes]],
            first_port=first_port,
            rpc=KNOWN.get(network, (network, None))[0],
            **{name: value for name, value in options.items() if value is not None},
        )
        bind_feed(files, record.chain_id, record.addresses["oracle"], feed)
        settings = {
            "network": network,
            "deployment": str(deployment.resolve()),
            "kpi": terms.kpi,
            "account": {"address": str(w3.eth.accounts[0])},
            "identity": {"file": "relay-key"},
            "nodes": [f"http://127.0.0.1:{first_port + index}" for index in range(len(files))],
            "out": "reports",
        }
        write_secret(folder / "relay-key", LOCAL_RELAY.key.hex())
        (folder / "relay.json").write_text(json.dumps(settings, indent=2) + "\n")
    for file in files:
        out.print(f"{program()} oracle node --config {file.config}", soft_wrap=True)
    out.print(f"{program()} oracle relay --config {folder / 'relay.json'}", soft_wrap=True)


@app.command()
def relay(
    config: ConfigOption,
    period: PeriodOption = None,
    restate: Annotated[bool, typer.Option(help="supersede the report that is there")] = False,
    kpi: KpiOption = None,
    as_json: JsonOption = False,
) -> None:
    """Collect a quorum from the nodes and submit it."""
    with _failures():
        from finance.terms import InputError
        from oracle.node_config import load_key
        from oracle.relay import run_relay
        from oracle.relay_config import load_relay_config

        settings = load_relay_config(config)
        sender, oracle, feed = _connect(settings, kpi)
        identity = load_key(settings.identity) if settings.identity else sender.key
        if identity is None:
            raise InputError(f"{config}: identity: is missing; nodes answer what a listed relay has signed")
        report = run_relay(
            sender,
            oracle,
            feed,
            (period or settings.period) - 1,
            settings.nodes,
            settings.out,
            key=identity,
            timeout_seconds=settings.timeout_seconds,
            restate=restate or settings.restate,
        )
    if as_json:
        print(json.dumps(report))
        return
    _show_report(report)
    out.print(
        f"median {_value(report, report)}, gas {report['gas_used']}, tx {report['tx']}\n{report['file']}"
    )


@app.command()
def rebuild(
    config: ConfigOption, period: PeriodOption = None, kpi: KpiOption = None, as_json: JsonOption = False
) -> None:
    """Write the file of a report that is on chain and has none here, from its transaction and the nodes."""
    with _failures():
        from oracle.relay import rebuild_report
        from oracle.relay_config import load_relay_config

        settings = load_relay_config(config)
        sender, oracle, feed = _connect(settings, kpi)
        report = rebuild_report(
            sender.w3,
            oracle,
            feed,
            (period or settings.period) - 1,
            settings.nodes,
            settings.out,
            timeout_seconds=settings.timeout_seconds,
        )
    if as_json:
        print(json.dumps(report))
        return
    _show_report(report)
    for root in report["evidence_lost"]:
        out.print(f"no node gives the evidence {root}", soft_wrap=True)
    out.print(f"median {_value(report, report)}, tx {report['tx']}\n{report['file']}")


def _value(report: dict[str, Any], item: dict[str, Any]) -> str:
    """A KPI value of a report, as people read it."""
    from oracle.kpi import kpi_text

    return kpi_text(int(item["value"]), report["decimals"])


def _show_report(report: dict[str, Any]) -> None:
    table = Table(title=f"Report: period {report['period'] + 1}, version {report['version']}")
    for column in ("node", "value", "evidence", "result"):
        table.add_column(column, overflow="fold")
    for name, result in (("observations", "signed"), ("left_out", "left out: spread too wide")):
        for item in report[name]:
            table.add_row(item["url"], _value(report, item), item["evidence"][:12] + "…", result)
    for failure in report["failures"]:
        table.add_row(failure["url"], "", "", failure["reason"])
    out.print(table)
    signed, all_nodes = len(report["observations"]), len(report["signers"])
    without = ", ".join(f"{item['signer']} (node {item['signer_index']})" for item in report["absent"])
    lacking = f"; without {without}" if without else ""
    out.print(f"{signed} of {all_nodes} nodes signed{lacking}", soft_wrap=True)
    for item in report["observations"]:
        for words in item.get("suspect", ()):
            out.print(f"{item['url']} signed suspect data: {words}", soft_wrap=True)
    for proof in report.get("equivocations", ()):
        out.print(f"a node has signed two things for this report; the proof is {proof}", soft_wrap=True)


@app.command()
def verify(
    report: Annotated[Path, typer.Argument(help="report file of the relay, or proof of equivocation")],
    rpc: Annotated[str | None, typer.Option(help="compare with the chain: network name or URL")] = None,
    evidence: Annotated[Path | None, typer.Option(help="folder of the bundles")] = None,
    as_json: JsonOption = False,
) -> None:
    """Repeat a report from its evidence; name the nodes whose values do not follow from theirs. Of a proof
    that a node signed two things, check that it is one.
    """
    with _failures():
        from chain.network import connect
        from oracle.equivocation import is_equivocation
        from oracle.verifier import verify_report

        w3 = connect(rpc) if rpc else None
        if is_equivocation(report):
            _verify_equivocation(report, w3, as_json)
            return
        done = verify_report(report, evidence_folder=evidence, w3=w3)
    if as_json:
        checks = [vars(check) for check in done.checks]
        print(json.dumps({"ok": done.ok, "culprits": done.culprits, "checks": checks}))
    else:
        table = Table(title=str(report))
        for column in ("check", "node", "result", "detail"):
            table.add_column(column, overflow="fold")
        for check in done.checks:
            result = Text("ok", "green") if check.ok else Text("FAILED", "red")
            table.add_row(check.name, check.node or "", result, check.detail)
        out.print(table)
        if w3 is None:
            out.print("Without --rpc the signers are the report's own claim.")
        places = {signer: index for index, signer in enumerate(done.report.signers)}
        for address, reason in done.culprits.items():
            number = f"{places[address]} ({address})" if address in places else address
            out.print(f"Node {number} does not hold: {reason}", soft_wrap=True)
    if not done.ok:
        raise typer.Exit(1)


def _verify_equivocation(path: Path, w3: Web3 | None, as_json: bool) -> None:
    from finance.terms import InputError
    from oracle.equivocation import load_equivocation
    from oracle.feed import read_feed

    proof = load_equivocation(path)
    differ, one = proof.check(), proof.first
    if w3 is not None:
        if w3.eth.chain_id != one.chain_id:
            raise InputError(f"{path}: chain_id = {one.chain_id}: the RPC's chain is {w3.eth.chain_id}")
        signers = [signer.lower() for signer in read_feed(w3, one.contract, one.feed).signers]
        if one.signer.lower() not in signers:
            raise InputError(f"{path}: signer = {one.signer}: not a node of the feed")
    if as_json:
        found = {"ok": True, "equivocation": one.signer, "differ": differ, "on_chain": w3 is not None}
        print(json.dumps(found))
        return
    about = f"period {one.period + 1}, version {one.version} of feed {one.feed}"
    out.print(f"Node {one.signer} has signed {differ} for {about}.", soft_wrap=True)
    if w3 is None:
        out.print("Without --rpc nobody has looked whether it is a node of the feed.")


@app.command()
def challenge(
    config: ConfigOption,
    evidence: Annotated[
        str, typer.Option(help="root of your bundle, or 32 bytes that stand for your reasons")
    ],
    period: PeriodOption = None,
    kpi: KpiOption = None,
    as_json: JsonOption = False,
) -> None:
    """Challenge a pending report, or in the late window ask the panel for one that nobody brought: stake the
    bond. Uses the relay's configuration format."""
    with _failures():
        from oracle.evidence import is_root
        from oracle.relay import send_challenge
        from oracle.relay_config import load_relay_config

        if not is_root(evidence):
            _stop(2, f"--evidence = {evidence}: must be 0x and 64 lower-case hex digits")
        settings = load_relay_config(config)
        sender, oracle, feed = _connect(settings, kpi)
        done = send_challenge(sender, oracle, feed, (period or settings.period) - 1, evidence)
    if as_json:
        print(json.dumps(done))
    else:
        what = "petitioned the panel" if done["version"] is None else f"challenged version {done['version']}"
        bond = _in_words(sender.w3, done["bond_currency"], int(done["bond"]))
        out.print(f"{what} with a bond of {bond}, tx {done['tx']}", soft_wrap=True)


def _in_words(w3: Web3, currency: str, amount: int) -> str:
    """Minor units as the token itself says that they are read."""
    from chain.bindings import contract, read
    from chain.errors import ChainError
    from finance.report.text import minor_units

    functions = contract(w3, "IERC20Metadata", currency).functions
    try:
        return f"{read(functions.symbol())} {minor_units(amount, read(functions.decimals()))}"
    except ChainError:  # the standard does not ask for either
        return f"{amount:,} minor units of {currency}"


app.command("ensemble")(_told(ensemble))


if __name__ == "__main__":
    app()
