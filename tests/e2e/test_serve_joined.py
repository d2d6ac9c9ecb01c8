"""`penstock serve` on a chain that is there already, as compose.yaml and the systemd unit run it; and what it
refuses."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from sqlalchemy import insert
from typer.testing import CliRunner

from api.index.database import Database
from api.index.tables import chain
from chain.network import start_anvil
from finance.terms import InputError
from scripts.cli import main
from scripts.serve.folders import fresh_folder
from scripts.serve.service import StoppedError, stoppable
from tests.e2e.serving import ROOT, Served, free_port
from tests.e2e.test_own_chain import DEAL, free_ports

COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
UNIT = ROOT / "deploy" / "penstock.service"
PROGRAMS = f"{ROOT / '.venv' / 'bin'}:{ROOT / 'node_modules' / '.bin'}"


# -- compose.yaml, every command of it, without containers


class Composed:
    """Commands of compose.yaml with the places of this machine instead of the containers'."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.chain_port, self.nodes_port = folder, free_port(), free_ports(4)
        self.chain = f"http://127.0.0.1:{self.chain_port}"
        self.environment = {**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}

    def here(self, text: str) -> str:
        text = text.replace("/data", str(self.folder)).replace("8545", str(self.chain_port))
        text = re.sub(r"(--network )anvil|^anvil$", lambda m: (m[1] or "") + self.chain, text)
        text = text.replace("connect('anvil')", f"connect('{self.chain}')")
        return text.replace("oracle prepare", f"oracle prepare --first-port {self.nodes_port}")

    def command(self, service: str) -> list[str]:
        found = COMPOSE[service]
        program = found.get("entrypoint", ["penstock"])
        return [*program, *map(self.here, found["command"])]

    def start(self, service: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command(service),
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=120
        )

    def until_healthy(self, service: str) -> None:
        _, *test = map(self.here, COMPOSE[service]["healthcheck"]["test"])
        for _ in range(COMPOSE[service]["healthcheck"]["retries"]):
            if self.run(test).returncode == 0:
                return
            time.sleep(0.3)
        raise AssertionError(f"{service} is not healthy")


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """The chain, the deal on it, and four nodes."""
    compose = Composed(tmp_path_factory.mktemp("compose"))
    with ExitStack() as stack:

        def start(service: str) -> None:
            process = compose.start(service)
            stack.callback(process.wait, 20)
            stack.callback(os.killpg, process.pid, signal.SIGTERM)

        start("chain")
        compose.until_healthy("chain")
        for _ in range(2):  # a second `up` finds everything there
            done = compose.run(compose.command("setup"))
            assert done.returncode == 0, done.stderr
        for place in range(4):
            start(f"node-{place}")
        yield compose


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    sys.path.insert(0, str(ROOT / "tests" / "api"))
    from tests.api.postgres import running

    with running() as server:
        yield server.database()


def joined(compose: Composed, database: str) -> Served:
    arguments = compose.command("api")[2:]
    arguments[arguments.index("0.0.0.0")] = "127.0.0.1"
    return Served.start(compose.folder / "serve", *arguments, PENSTOCK_DATABASE=database)


def test_compose_serves_the_deal_from_postgresql(composed: Composed, database: str) -> None:
    served = joined(composed, database)
    try:
        served.wait_for("service is at")
        with httpx.Client(base_url=served.url, timeout=60, trust_env=False) as http:
            deadline = time.monotonic() + 60
            while (state := http.get("/health/ready")).status_code != 200:
                assert time.monotonic() < deadline, state.text
                time.sleep(0.1)
            assert http.get("/v1/demo").status_code == 404  # no demonstration here
            (deployment,) = http.get("/v1/deployments").json()["items"]
            assert deployment["id"].startswith("dc-water-eib-2016-")
            events = http.get(f"/v1/deployments/{deployment['id']}/events").json()["items"]
            assert events
            deadline = time.monotonic() + 60
            while (up := _nodes_up(http)) < 4:
                assert time.monotonic() < deadline, up
                time.sleep(0.5)
            _keys(database, http)
    finally:
        assert served.stop() == 0
    # Nothing but what was in the database is needed for the next start.
    again = joined(composed, database)
    try:
        again.wait_for("service is at")
        answer = httpx.get(
            f"{again.url}/v1/deployments/{deployment['id']}/events", timeout=60, trust_env=False
        )
        assert answer.json()["items"] == events
    finally:
        assert again.stop() == 0


def _nodes_up(http: httpx.Client) -> int:
    return sum(node["health"] == "up" for node in http.get("/v1/oracle/nodes").json()["items"])


def _keys(database: str, http: httpx.Client) -> None:
    """A key that the command makes is let in until the command revokes it; it is shown once only."""

    def keys(*arguments: str) -> str:
        done = CliRunner().invoke(main, ["serve", "keys", *arguments, "--database", database])
        assert done.exit_code == 0, done.output
        return done.stdout

    token = keys("make", "nightly job", "--scope", "oracle:write").strip()
    bearer = {"Authorization": f"Bearer {token}"}
    session = http.get("/v1/auth/session", headers=bearer)
    assert session.json()["scopes"] == ["oracle:write"]
    listed = keys("list")
    assert "nightly job" in listed
    assert token not in listed
    id = token.split("_")[1]
    keys("revoke", id)
    assert http.get("/v1/auth/session", headers=bearer).status_code == 401


def test_containers_are_confined() -> None:
    """No container of ours is privileged or writes to its image; one port is published, to this machine."""
    ours = {name: each for name, each in COMPOSE.items() if name != "database"}
    assert len([name for name in ours if name.startswith("node-")]) == 4
    for each in ours.values():
        assert each["read_only"] is True
        assert each["cap_drop"] == ["ALL"]
    published = [port for each in COMPOSE.values() for port in each.get("ports", [])]
    assert published == ["127.0.0.1:8600:8600"]
    docker = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^USER penstock$", docker, re.MULTILINE)


def test_unit_runs_the_command() -> None:
    """Its ExecStart is a command of ours with options that there are, and it is confined."""
    text = UNIT.read_text()
    (line,) = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    program, name, *options = line.split()
    assert (Path(program).name, name) == ("penstock", "serve")
    help = CliRunner().invoke(main, ["serve", "--help"], env={"COLUMNS": "200"}).output
    for option in options:
        assert not option.startswith("--") or option in help
    for wanted in ("DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict"):
        assert wanted in text


# -- what is refused, in one line


def refused(*arguments: object, **environment: str) -> str:
    done = CliRunner().invoke(main, ["serve", *map(str, arguments)], env=environment)
    assert done.exit_code == 2, done.output
    assert "Traceback" not in done.output
    return done.output.strip().splitlines()[-1]


def test_port_taken(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert (
            refused("--port", port, "--data", tmp_path)
            == f"--port = {port}: is taken: something else listens there"
        )
    assert list(tmp_path.iterdir()) == []


def test_options_that_do_not_go_together(tmp_path: Path) -> None:
    assert "give one of the two" in refused("--demo", "--network", "anvil")
    assert "--network" in refused("--no-demo")
    assert "its own deployments" in refused("--deployment", tmp_path / "deal.json")
    assert "is not a folder" in refused("--deals", tmp_path / "none", "--port", free_port())
    assert "--host" in refused("--host", "no such host", "--port", free_port())


def test_unknown_network(tmp_path: Path) -> None:
    said = refused("--network", "mainnet", "--data", tmp_path, "--port", free_port())
    assert said.startswith("network 'mainnet': neither a URL")


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert "thesis.txt was not made by a demonstration" in refused("--data", tmp_path, "--port", free_port())
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    (tmp_path / "demonstration.json").write_text("{}")  # not even then
    assert "thesis.txt" in refused("--data", tmp_path, "--port", free_port())
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_demonstration_wants_an_empty_database(tmp_path: Path) -> None:
    """One that has the index of a chain already is left as it is; one that does not answer is told so."""
    url = f"sqlite:///{tmp_path / 'index.sqlite'}"
    database = Database(url)
    database.migrate()
    with database.begin() as connection:
        connection.execute(insert(chain).values(id=1, chain_id=1, genesis="0x" + "00" * 32))
    database.close()
    data = tmp_path / "data"
    assert "another chain" in refused("--database", url, "--data", data, "--port", free_port())
    assert "another chain" in refused("--data", data, "--port", free_port(), PENSTOCK_DATABASE=url)
    down = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    assert "--database" in refused("--database", down, "--data", data, "--port", free_port())
    assert not data.exists()


def test_key_for_an_unknown_scope(tmp_path: Path) -> None:
    said = refused("keys", "make", "x", "--scope", "everything", "--data", tmp_path)
    assert "everything" in said
    assert "deployments:write" in said


# -- stopping early, starting again


@pytest.mark.parametrize("said", ["starting the chain", "living three deals", "2016: "])
def test_stopped_while_starting(tmp_path: Path, said: str) -> None:
    """SIGTERM in the middle, while nodes start or transactions are under way, leaves no process."""
    served = Served.start(tmp_path / "data")
    served.wait_for(said)
    assert served.left()
    assert served.stop() == 0
    assert "stopped" in served.rest()
    assert served.left() == []


def test_started_again_on_the_same_folder(tmp_path: Path) -> None:
    """What an earlier demonstration left is not overwritten unless that is asked for."""
    data = tmp_path / "data"
    served = Served.start(data)
    served.wait_for("starting the chain")
    assert served.stop(signal.SIGINT) == 0
    before = sorted(data.rglob("*"))
    served = Served.start(data)
    assert served.process.wait(60) == 2
    assert "holds a demonstration, whose chain ended with it" in served.rest()
    assert sorted(data.rglob("*")) == before
    served = Served.start(data, "--anew")
    served.wait_for("a new one begins")
    assert served.stop(signal.SIGINT) == 0
    assert served.left() == []


def test_an_interrupt_in_a_destructor_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python drops what is raised there; a start has many, in its imports."""
    dropped = []
    monkeypatch.setattr(sys, "unraisablehook", lambda found: dropped.append(found.exc_type))

    class Ending:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    def goes_on() -> None:
        Ending()
        time.sleep(10)

    with pytest.raises(StoppedError), stoppable():
        goes_on()
    assert dropped == [StoppedError]


def test_more_interrupts_do_not_disturb_the_end() -> None:
    undone = []

    def interrupted() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(signal.SIGTERM)
            time.sleep(0.2)
            undone.append(True)

    with pytest.raises(StoppedError), stoppable():
        interrupted()
    assert undone


def test_begun_anew_it_clears_what_a_demonstration_made_and_nothing_else(tmp_path: Path) -> None:
    """Stopped in any moment: before a deal's folder has anything in it, and while its record is written."""
    data = tmp_path / "data"
    assert not fresh_folder(data)
    for name, file in (("empty", None), ("begun", "deployment.json.part"), ("made", "nodes.json")):
        (data / f"deal-{name}").mkdir()
        if file:
            (data / f"deal-{name}" / file).touch()
    assert fresh_folder(data, anew=True)
    assert [path.name for path in data.iterdir()] == ["demonstration.json"]
    mine = data / "thesis-20261129" / "chapter.txt"  # eight digits, as a deployment's folder ends with
    mine.parent.mkdir()
    mine.write_text("years of work")
    with pytest.raises(InputError, match="thesis-20261129 was not made by a demonstration"):
        fresh_folder(data, anew=True)
    assert mine.read_text() == "years of work"


def test_killed_it_leaves_nothing(tmp_path: Path) -> None:
    """kill -9 while nodes and chain run: all of them end by themselves."""
    served = Served.start(tmp_path / "data")
    served.wait_for("living three deals")
    served.wait_for("2016: ")
    children = descendants(served.process.pid)
    assert len(children) > 5
    served.process.kill()
    served.process.wait()
    deadline = time.monotonic() + 60
    while (
        alive := [pid for pid in children if Path(f"/proc/{pid}").exists()]
    ) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert alive == []


def descendants(pid: int) -> set[int]:
    """Processes that a process started, and those that these started."""
    found: set[int] = set()
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, path.read_text().split()):
            found |= {child} | descendants(child)
    return found


def ready_says(served: Served, status: int, seconds: float = 30) -> str:
    """What /health/ready answers once it answers with this status."""
    deadline = time.monotonic() + seconds
    found: Any = "nothing"
    while time.monotonic() < deadline:
        try:
            found = httpx.get(f"{served.url}/health/ready", timeout=10, trust_env=False)
            if found.status_code == status:
                return str(found.text)
        except httpx.ConnectError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"not {status}: {found.text if isinstance(found, httpx.Response) else found}")


def test_waits_for_a_chain_that_is_not_there_yet(tmp_path: Path) -> None:
    port = free_port()
    served = Served.start(tmp_path / "data", "--network", f"http://127.0.0.1:{port}")
    try:
        served.wait_for("waits for it")
        assert "no chain answers" in ready_says(served, 503)
        assert httpx.get(f"{served.url}/health/live", timeout=60, trust_env=False).status_code == 200
        with start_anvil(port=port):
            assert "ready" in ready_says(served, 200)
    finally:
        assert served.stop() == 0


def test_index_of_another_chain_is_left_alone(tmp_path: Path) -> None:
    """The same folder and database on a chain that begins elsewhere: not ready, and the reason is told."""
    data = tmp_path / "data"
    deal = tmp_path / "deal.json"
    for begins, status, word in (
        (1_473_292_800, 200, "ok"),
        (1_473_292_801, 503, "use that chain, or another database"),
    ):
        with start_anvil(timestamp=begins) as chain:
            if not deal.exists():
                done = CliRunner().invoke(
                    main,
                    [
                        "deploy",
                        str(DEAL),
                        "--network",
                        chain.url,
                        "--out",
                        str(deal),
                        "--folder",
                        str(tmp_path),
                    ],
                )
                assert done.exit_code == 0, done.output
            served = Served.start(data, "--network", chain.url, "--deployment", deal)
            try:
                served.wait_for("the service")
                assert word in ready_says(served, status)
            finally:
                assert served.stop() == 0
