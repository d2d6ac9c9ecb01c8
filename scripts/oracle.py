"""`penstock oracle`: nodes, relay, verifier, challenge, and the twin's ensemble."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from chain.sender import Sender
    from finance.settlement.terms import FeedTerms
    from finance.terms import Deal
    from oracle.relay_config import RelayConfig

app = typer.Typer(help="The oracle network.", no_args_is_help=True)
out, err = Console(), Console(stderr=True)

ConfigOption = Annotated[Path, typer.Option("--config", help="configuration file (YAML or JSON)")]
KpiOption = Annotated[
    str | None, typer.Option(help="KPI by its id in the deal (default: the deal's only one)", metavar="ID")
]
JsonOption = Annotated[bool, typer.Option("--json", help="machine-readable result on standard output")]


def _stop(code: int, message: object) -> NoReturn:
    err.print(str(message), style="red", markup=False, highlight=False, soft_wrap=True)
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


def _connect(settings: RelayConfig, kpi: str | None) -> tuple[Sender, str, str]:
    """Sender, oracle contract and feed that a relay configuration names; `kpi` overrides the file's."""
    from chain.network import connect
    from chain.records import load_record
    from chain.sender import Sender
    from oracle.node_config import load_key

    record = load_record(settings.deployment) if settings.deployment else None
    w3 = connect(settings.network, record.chain_id if record else None)
    key = settings.account.key
    account = load_key(key) if key else str(settings.account.address)
    if record:
        return Sender(w3, account), record.addresses.oracle, record.feed_of(kpi or settings.kpi)
    assert settings.feed is not None
    return Sender(w3, account), settings.feed.contract, settings.feed.feed


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
        str, typer.Option(help="works of the twin: published, twin, high or low")
    ] = "published",
    first_port: Annotated[int, typer.Option(min=1024, max=65_000, help="port of the first node")] = 8601,
    kpi: KpiOption = None,
    values: Annotated[
        Path | None, typer.Option(help="publication of the KPI's values, where the method reads one")
    ] = None,
) -> None:
    """Write what the nodes and the relay of a local deployment need: configurations, keys, data.

    For local chains, where nodes have the well-known test keys. In earnest each operator writes its own.
    """
    from chain.deploy import local_keys
    from chain.network import connect
    from chain.records import load_record
    from finance.settlement.terms import settlement_terms
    from finance.terms import InputError
    from oracle.local import bind_feed, prepare_nodes

    with _failures():
        record = load_record(deployment)
        w3 = connect(network, record.chain_id)
        keys = local_keys(record)
        if not all(address in keys for address in record.wallets.nodes):
            raise InputError(f"{deployment}: the nodes have keys of their own, not those of a local chain")
        if folder.exists() and any(folder.iterdir()):
            raise InputError(f"{folder}: exists and is not empty")
        deal = record.load_deal()
        feed = record.feed_of(kpi)
        terms = next(f for f in settlement_terms(deal).feeds if record.feeds[f.kpi] == feed)
        files = prepare_nodes(
            folder,
            terms,
            **_data(deal, terms, scenario, values),
            keys=[bytes(keys[address].key) for address in record.wallets.nodes[: terms.nodes]],
            first_port=first_port,
        )
        bind_feed(files, record.chain_id, record.addresses.oracle, feed)
        settings = {
            "network": network,
            "deployment": str(deployment.resolve()),
            "kpi": terms.kpi,
            "account": {"address": str(w3.eth.accounts[0])},
            "nodes": [f"http://127.0.0.1:{first_port + index}" for index in range(len(files))],
            "out": "reports",
        }
        (folder / "relay.json").write_text(json.dumps(settings, indent=2) + "\n")
    for file in files:
        out.print(f"penstock oracle node --config {file.config}", soft_wrap=True, highlight=False)
    out.print(f"penstock oracle relay --config {folder / 'relay.json'}", soft_wrap=True, highlight=False)


def _data(deal: Deal, feed: FeedTerms, scenario: str, values: Path | None) -> dict[str, Any]:
    """What the nodes of a feed are given, by its method. Raises InputError."""
    from finance.terms import InputError
    from oracle.twins import reported

    if feed.method != reported.METHOD:
        return {"impervious_area_acres": deal.number("impervious_area_acres"), "scenario": scenario}
    if values is None:
        raise InputError(f"--values: is required: the method {feed.method} reads a publication of {feed.kpi}")
    try:
        text = values.read_text()
        reported.read_publication(text, str(values))
    except OSError as error:
        raise InputError(f"{values}: cannot be read: {error.strerror}") from None
    except reported.ReportedError as error:
        raise InputError(str(error)) from None
    return {"reported": text}


@app.command()
def relay(
    config: ConfigOption,
    period: Annotated[int | None, typer.Option(help="index of the period; overrides the file")] = None,
    restate: Annotated[bool, typer.Option(help="supersede the report that is there")] = False,
    kpi: KpiOption = None,
    as_json: JsonOption = False,
) -> None:
    """Collect a quorum from the nodes and submit it."""
    with _failures():
        from oracle.relay import run_relay
        from oracle.relay_config import load_relay_config

        settings = load_relay_config(config)
        sender, oracle, feed = _connect(settings, kpi)
        chosen = settings.period if period is None else period
        report = run_relay(
            sender,
            oracle,
            feed,
            chosen,
            settings.nodes,
            settings.out,
            timeout_seconds=settings.timeout_seconds,
            restate=restate or settings.restate,
        )
    if as_json:
        print(json.dumps(report))
        return
    table = Table(title=f"Report: period {report['period']}, version {report['version']}")
    for column in ("node", "value", "evidence", "result"):
        table.add_column(column, overflow="fold")
    for name, result in (("observations", "submitted"), ("left_out", "left out: spread too wide")):
        for item in report[name]:
            table.add_row(item["url"], item["value"], item["evidence"][:12] + "…", result)
    for failure in report["failures"]:
        table.add_row(failure["url"], "", "", failure["reason"])
    out.print(table)
    out.print(f"median {report['value']}, gas {report['gas_used']}, tx {report['tx']}\n{report['file']}")


@app.command()
def verify(
    report: Annotated[Path, typer.Argument(help="report file that the relay wrote")],
    rpc: Annotated[str | None, typer.Option(help="compare with the chain: network name or URL")] = None,
    evidence: Annotated[Path | None, typer.Option(help="folder of the bundles")] = None,
    as_json: JsonOption = False,
) -> None:
    """Repeat a report from its evidence; name the nodes whose values do not follow from theirs."""
    with _failures():
        from chain.network import connect
        from oracle.verifier import verify_report

        w3 = connect(rpc) if rpc else None
        done = verify_report(report, evidence_folder=evidence, w3=w3)
    if as_json:
        checks = [vars(check) for check in done.checks]
        print(json.dumps({"ok": done.ok, "culprits": done.culprits, "checks": checks}))
    else:
        table = Table(title=str(report))
        for column in ("check", "node", "result", "detail"):
            table.add_column(column, overflow="fold")
        for check in done.checks:
            result = "[green]ok[/]" if check.ok else "[red]FAILED[/]"
            table.add_row(check.name, check.node or "", result, check.detail)
        out.print(table)
        if w3 is None:
            out.print("Without --rpc the signers are the report's own claim.")
        for address, reason in done.culprits.items():
            out.print(f"Node {address} does not hold: {reason}", soft_wrap=True, markup=False)
    if not done.ok:
        raise typer.Exit(1)


@app.command()
def challenge(
    config: ConfigOption,
    evidence: Annotated[
        str, typer.Option(help="root of your bundle, or 32 bytes that stand for your reasons")
    ],
    period: Annotated[int | None, typer.Option(help="index of the period; overrides the file")] = None,
    kpi: KpiOption = None,
    as_json: JsonOption = False,
) -> None:
    """Challenge a pending report: approve the bond and stake it. Uses the relay's configuration format."""
    with _failures():
        from oracle.evidence import is_root
        from oracle.relay import send_challenge
        from oracle.relay_config import load_relay_config

        if not is_root(evidence):
            _stop(2, f"--evidence = {evidence}: must be 0x and 64 lower-case hex digits")
        settings = load_relay_config(config)
        sender, oracle, feed = _connect(settings, kpi)
        chosen = settings.period if period is None else period
        done = send_challenge(sender, oracle, feed, chosen, evidence)
    if as_json:
        print(json.dumps(done))
    else:
        out.print(f"challenged version {done['version']} with a bond of {done['bond']}, tx {done['tx']}")


@app.command()
def ensemble(
    deal_file: Annotated[Path, typer.Argument(metavar="DEAL", help="deal file")],
    n: Annotated[int, typer.Option(min=2, max=100_000, help="number of SWMM pairs")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="seed of all draws")] = 2016,
    workers: Annotated[int, typer.Option(min=1, max=64, help="processes")] = 2,
    target: Annotated[Path | None, typer.Option("--out", help="default deals/twins/DEAL.KPI.json")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="also draw the distribution against the tiers (PNG)")
    ] = None,
    plot_only: Annotated[bool, typer.Option(help="draw from the stored file; run no ensemble")] = False,
) -> None:
    """Run the deal's twin with uncertain works, ground, gauge and weather; store the KPI's distribution."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    with _failures():
        from datetime import UTC, datetime

        from finance.settlement.terms import settlement_terms
        from finance.terms import InputError, load_deal
        from oracle.twins.ensemble import ensemble as run
        from oracle.twins.rain import tmy3_rain
        from oracle.twins.stormwater import METHOD, TWIN
        from oracle.twins.stormwater_parameters import scenario

        deal = load_deal(deal_file)
        feed = next((f for f in settlement_terms(deal).feeds if f.method == METHOD), None)
        if deal.asset.twin != TWIN or feed is None:
            raise InputError(
                f"{deal_file}: asset.twin = {deal.asset.twin}: this command runs the {TWIN} twin"
            )
        path = target or deal_file.parent / "twins" / f"{deal.id}.{feed.kpi}.json"
        area = deal.number("impervious_area_acres")
        rain = tmy3_rain(datetime.fromtimestamp(feed.period_starts[0], UTC).year)
        if plot_only:
            result = _stored(path)
        else:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
            )
            with Progress(*columns, console=err) as progress:
                task = progress.add_task("SWMM pairs", total=n)
                result = run(
                    scenario("twin", area),
                    rain,
                    n=n,
                    seed=seed,
                    workers=workers,
                    progress=lambda done: progress.update(task, completed=done),
                )
            result = {"deal": deal.id, "kpi": feed.kpi, **result}
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(result, indent=1) + "\n")
        if plot:
            _plot(deal, result, plot)
    out.print(
        f"{path}: simulated, n {result['n']}, seed {result['seed']}, "
        f"mean {result['mean']}, sd {result['sd']}",
        soft_wrap=True,
    )
    if plot:
        out.print(str(plot))


def _stored(path: Path) -> dict[str, Any]:
    from finance.terms import InputError

    try:
        data = json.loads(path.read_text())
        if data["label"] != "simulated" or not data["values"]:
            raise ValueError("not an ensemble")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: cannot be used: {error}") from None
    return dict(data)


def _plot(deal: Deal, result: dict[str, Any], path: Path) -> None:
    from datetime import UTC, datetime

    from finance.settlement.terms import RATE_DECIMALS, Effect, settlement_terms
    from oracle.kpi import to_decimal
    from oracle.twins.plot import plot_ensemble
    from oracle.twins.rain import tmy3_rain
    from oracle.twins.stormwater import run_pair
    from oracle.twins.stormwater_parameters import scenario

    terms = settlement_terms(deal)
    index, feed = next((i, f) for i, f in enumerate(terms.feeds) if f.kpi == result["kpi"])
    fixing = next(f for f in terms.fixings if f.feed == index)
    labels = []
    for knot in fixing.curve.knots:
        if fixing.effect is Effect.RATE:
            labels.append(f"{float(to_decimal(knot.y, RATE_DECIMALS)) * 10_000:+g} bp a year")
            continue
        amount = float(to_decimal(abs(knot.y), terms.currency_decimals)) / 1_000_000
        payer = "issuer pays" if knot.y > 0 else "investors pay"
        labels.append(f"{payer} {deal.currency.code} {amount:g}M" if knot.y else "no payment")
    area = deal.number("impervious_area_acres")
    rain = tmy3_rain(datetime.fromtimestamp(feed.period_starts[0], UTC).year)
    marks = {
        name: run_pair(scenario(name, area), rain).reduction for name in ("low", "published", "twin", "high")
    }
    plot_ensemble(
        result,
        [float(to_decimal(knot.x, feed.decimals)) for knot in fixing.curve.knots[1:]],
        labels,
        path,
        title=f"{deal.title}\nSimulated, not measured: {result['n']} SWMM pairs; lines are single runs",
        scenarios=marks,
    )


if __name__ == "__main__":
    app()
