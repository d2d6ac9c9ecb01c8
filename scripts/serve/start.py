"""From the options of `penstock serve` to a running service."""

from __future__ import annotations

import logging
import os
import tempfile
import webbrowser
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from api.app import build
from api.demo import Demo
from api.index.database import Database
from api.index.tables import chain as chain_table
from api.problems import ProblemError
from api.services import Services
from api.settings import DEALS, Limits, Settings, default_database
from api.views.outlooks import warm
from api.web.logs import configure
from chain.errors import NetworkError
from chain.network import KNOWN, connect
from finance.terms import InputError
from oracle.processes import NodeStartError
from scripts.console import plain_console
from scripts.serve import service
from scripts.serve.folders import WORLD, add_deployment, add_relay, fresh_folder
from scripts.serve.progress import Progress
from scripts.serve.reports import NotReportedError
from scripts.serve.world import world

OWN_FOLDER = Path("penstock-data")
"""Default of --data when a chain is joined; in the working directory."""


@dataclass(frozen=True)
class Options:
    """What the user chose; `network` None is a demonstration."""

    port: int
    host: str
    network: str | None
    database: str | None
    data: Path | None
    anew: bool
    deals: Path | None
    deployments: tuple[Path, ...]
    relays: tuple[Path, ...]
    origin: str | None
    cors: tuple[str, ...]
    rate_limit: int | None
    open_browser: bool
    log: Path | None

    @property
    def url(self) -> str:
        return service.url_of(self.host, self.port)


def start(options: Options) -> None:
    """Serve until Ctrl-C or SIGTERM; whatever was started is stopped. Raises InputError."""
    if options.deals is not None and not options.deals.is_dir():
        raise InputError(f"--deals = {options.deals}: is not a folder")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # one line for each question to a node
    with service.listen(options.host, options.port) as listener:
        progress = Progress(plain_console())
        stopped = False
        try:
            with service.stoppable(), ExitStack() as stack:
                demo, settings = (_joined if options.network else _demonstrated)(options, progress, stack)
                app = build(settings, demo)
                progress.say("starting the service")
                service.run(app, listener, options.url, _announce(options, progress, app.state.services))
        except service.StoppedError:
            stopped = True
        except (NodeStartError, NotReportedError) as error:
            raise InputError(f"the demonstration could not begin: {error}") from None
        progress.say("stopped" if stopped else "ended")


def _demonstrated(options: Options, progress: Progress, stack: ExitStack) -> tuple[Demo, Settings]:
    data = options.data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="penstock-")))
    _require_empty(options.database or os.environ.get("PENSTOCK_DATABASE"))
    if options.data is not None and fresh_folder(data, options.anew):
        progress.say(f"{data}: the demonstration that was here is cleared away; a new one begins")
    (data / WORLD).mkdir(exist_ok=True)
    log = stack.enter_context((options.log or data / WORLD / "log.jsonl").open("a"))
    placeholder = _settings(options, "", data)
    configure(placeholder, stream=log)
    here = stack.enter_context(world(data, progress))
    settings = _settings(options, here.chain.url, data)
    configure(settings, stream=log)
    progress.say(
        f"chain {here.chain.chain_id} at {here.chain.url}; {len(here.deployments)} deals in mid-life"
    )
    return here.conductor, settings


def _require_empty(url: str | None) -> None:
    """Raise InputError for a database that has the index of a chain: a demonstration begins a new one, whose
    blocks are others."""
    if url is None:
        return
    database = Database(url)
    try:
        database.migrate()
        with database.connect() as connection:
            if connection.execute(select(chain_table)).first() is not None:
                raise InputError(
                    "--database: has the index of another chain; a demonstration needs an empty one"
                )
    except ProblemError as error:
        raise InputError(f"--database: {error.detail}") from None
    finally:
        database.close()


def _joined(options: Options, progress: Progress, stack: ExitStack) -> tuple[None, Settings]:
    assert options.network is not None
    data = options.data or OWN_FOLDER
    data.mkdir(parents=True, exist_ok=True)
    settings = _settings(options, options.network, data)
    log = stack.enter_context(options.log.open("a")) if options.log else None
    configure(settings, stream=log)
    for path in options.deployments:
        progress.say(f"served from {add_deployment(data, path)}")
    for path in options.relays:
        progress.say(f"served from {add_relay(data, path)}, with its nodes and reports")
    _look_at(options.network, progress)
    return None, settings


def _look_at(network: str, progress: Progress) -> None:
    """Say whether the chain is there. One that is down now may be up later; a name that is none never is."""
    if network not in KNOWN and not network.startswith(("http://", "https://")):
        connect(network)  # raises with the names there are
    try:
        found = connect(network)
    except NetworkError as error:
        progress.say(f"{error}; the service starts all the same and waits for it")
    else:
        progress.say(f"chain {found.eth.chain_id}, block {found.eth.block_number}")


def database_url(url: str | None, data: Path | None) -> str:
    """The database of --database, or of the data folder."""
    if url:
        return url
    if data is None and not os.environ.get("PENSTOCK_DATABASE") and not OWN_FOLDER.is_dir():
        raise InputError("give the service's --data or --database")
    return default_database(data or OWN_FOLDER)


def _settings(options: Options, network: str, data: Path) -> Settings:
    limits = Limits()
    if options.rate_limit is not None:
        limits = Limits(per_second=options.rate_limit, burst=4 * options.rate_limit)
    return Settings(
        network=network,
        database=options.database or default_database(data),
        data=data,
        deals=options.deals or DEALS,
        origin=(options.origin or options.url).rstrip("/"),
        hosts=() if options.host in service.ANYWHERE else (options.host,),
        cors=options.cors,
        demo=options.network is None,
        limits=limits,
    )


def _announce(options: Options, progress: Progress, services: Services) -> Callable[[bool], None]:
    def announce(ready: bool) -> None:
        # Simulations that a page needs begin now, so that its first visitor need not wait for them.
        warm(services.deals.all(), services.jobs)
        if not ready:
            progress.say(f"not everything is up yet; {options.url}/health/ready says what is missing")
        what = "the demonstration" if services.demo is not None else "the service"
        progress.say("  (Ctrl-C stops it)", bold=f"{what} is at {options.url}")
        if options.open_browser:
            webbrowser.open(options.url)

    return announce
