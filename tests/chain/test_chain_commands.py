"""`deploy` and `reconcile` as programs: what they print, and exit codes 0, 1 and 2."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from chain.bindings import event_abis
from chain.check import check_deployment
from chain.errors import RecordError
from chain.network import LocalChain, local_account, rpc, start_anvil
from chain.records import load_record
from scripts import cli
from tests.chain.bond_life import BEFORE_THE_OFFERING, DC_WATER, ROOT, Life

BLOOM = ROOT / "deals" / "bloom-wind-prs.yaml"
DEPLOYED = next(
    "0x" + topic.hex()
    for topic, entry in event_abis("DealFactory").items()
    if entry["name"] == "DealDeployed"
)


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


Program = Callable[..., Done]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    """Run `python -m scripts.NAME ...` in this process: the same entry, without the seconds to start."""

    def run(name: str, *arguments: object) -> Done:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as left:
            cli.run(import_module(f"scripts.{name}").app)
        said = capsys.readouterr()
        return Done(int(left.value.code or 0), said.out, said.err)

    return run


def test_deploy_writes_a_record_and_says_so_when_run_again(
    program: Program, anvil: LocalChain, tmp_path: Path
) -> None:
    out = tmp_path / "record.json"
    arguments = ("--network", anvil.url, "--out", out, "--folder", tmp_path)
    first = program("deploy", DC_WATER, *arguments)
    assert (first.returncode, first.stderr.count("warning")) == (0, 0), first.stderr
    record = load_record(out)
    assert check_deployment(anvil.w3, record) == []
    assert record.terms_hash in first.stdout
    assert record.addresses["bond"] in first.stdout
    # Who is who, and what was agreed: the facts of the official statement that the deal file cites.
    issuer = f"{record.wallets['issuer']} (District of Columbia Water and Sewer Authority)"
    assert re.search(rf"^  issuer +{re.escape(issuer)}$", first.stdout, re.MULTILINE)
    assert "4 nodes, 3 panellists" in first.stdout
    agreed = (
        r"USD 25,000,000.000000 at 3.4300 %, 9 coupons, paid 2017-04-01 .* to 2021-04-01 .*, bent by 1 report"
    )
    assert re.search(agreed, first.stdout)
    assert "25,000 units of DCW16B at USD 1,000.000000, 2016-" in first.stdout

    nothing = program("reconcile", out, "--network", anvil.url)
    assert nothing.returncode == 0
    assert "nothing has been paid yet" in nothing.stdout
    assert "every difference is 0" not in nothing.stdout
    assert "not yet: 9 of 9 coupons are not paid" in nothing.stdout

    again = program("deploy", DC_WATER, *arguments)
    assert again.returncode == 2
    assert again.stdout == ""
    assert "already deployed by this account" in again.stderr
    assert record.addresses["bond"] in again.stderr
    assert "Traceback" not in again.stderr

    moved = program("deploy", DC_WATER, *arguments, "--shift-days", "7", "--json")
    assert moved.returncode == 0, moved.stderr
    data = json.loads(moved.stdout)
    assert (data["shifted_days"], data["shifted_from"]) == (7, record.terms_hash)
    assert data["terms_hash"] != record.terms_hash
    assert "another terms hash" in moved.stderr


@pytest.mark.parametrize(
    ("out", "why"), [("folder", "is a folder"), ("file/deal.json", "its folder cannot be made")]
)
def test_a_record_that_cannot_be_written_is_refused_before_anything_is_sent(
    program: Program, anvil: LocalChain, tmp_path: Path, out: str, why: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    before = anvil.w3.eth.block_number
    done = program("deploy", DC_WATER, "--network", anvil.url, "--out", tmp_path / out, "--folder", tmp_path)
    assert done.returncode == 2
    assert f"--out = {tmp_path / out}: {why}" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert anvil.w3.eth.block_number == before
    assert not list(tmp_path.rglob("*.part"))


def test_a_record_half_written_is_not_left_behind(
    program: Program, anvil: LocalChain, tmp_path: Path
) -> None:
    out = tmp_path / "record.json"
    arguments = (DC_WATER, "--network", anvil.url, "--folder", tmp_path, "--shift-days", "21")
    assert program("deploy", *arguments, "--out", out).returncode == 0
    (tmp_path / "folder").mkdir()
    with pytest.raises(RecordError, match="folder: cannot be written: Is a directory"):
        load_record(out).save(tmp_path / "folder")
    assert not list(tmp_path.rglob("*.part"))


def test_a_key_in_the_environment_is_used_and_never_shown(
    program: Program, anvil: LocalChain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("deploy", DC_WATER, "--network", anvil.url, "--folder", tmp_path, "--json")
    monkeypatch.setenv("PENSTOCK_KEY", local_account(9).key.to_0x_hex())
    done = program(*arguments)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["wallets"]["deployer"] == local_account(9).address
    for secret in ("0x" + "07" * 32, "0x12"):  # without a coin; not a key
        monkeypatch.setenv("PENSTOCK_KEY", secret)
        done = program(*arguments)
        assert done.returncode == 2
        assert secret not in done.stderr + done.stdout


def test_a_program_of_its_own_does_the_same(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.deploy", "no-such-deal.yaml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "no-such-deal.yaml: file not found\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["no-such-deal.yaml"], "no-such-deal.yaml: file not found"),
        ([DC_WATER, "--network", "http://127.0.0.1:9"], "no chain answers at http://127.0.0.1:9"),
        ([DC_WATER, "--network", "mainet"], "network 'mainet'"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(program: Program, arguments: list[object], says: str) -> None:
    done = program("deploy", *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def test_a_bad_deal_names_file_field_value_and_reason(
    program: Program, anvil: LocalChain, tmp_path: Path
) -> None:
    tree = yaml.safe_load(DC_WATER.read_text())
    tree["parts"]["bond"]["coupon"]["rate"]["value"] = 3.43
    bad = tmp_path / "bad.yaml"
    bad.write_text(yaml.safe_dump(tree))
    before = anvil.w3.eth.block_number
    done = program("deploy", bad, "--network", anvil.url, "--folder", tmp_path)
    assert done.returncode == 2
    assert f"{bad}: parts.bond.coupon.rate = 3.43: looks like a percentage" in done.stderr
    assert anvil.w3.eth.block_number == before


def test_reconcile_exits_0_and_its_json_is_json(program: Program, one_life: Life, tmp_path: Path) -> None:
    file = one_life.record.save(tmp_path / "record.json")
    url = one_life.w3.provider.endpoint_uri  # type: ignore[attr-defined]
    table = tmp_path / "rows.csv"
    done = program("reconcile", file, "--network", url, "--json", "--csv", table)
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert result["ok"] is True
    assert result["earned"]["difference"] == "0"
    assert len(table.read_text().splitlines()) == 1 + len(result["rows"])


def test_reconcile_exits_1_with_the_rows_that_differ(
    program: Program, one_life: Life, tmp_path: Path
) -> None:
    data = json.loads(one_life.record.to_json())
    data["terms"]["parts"]["bond"]["coupon"]["rate"]["value"] = "0.04"
    file = tmp_path / "altered.json"
    file.write_text(json.dumps(data))
    url = one_life.w3.provider.endpoint_uri  # type: ignore[attr-defined]
    done = program("reconcile", file, "--network", url)
    assert done.returncode == 1
    assert "NOT reconciled" in done.stdout
    # Coupon 1 of A, four units: 80,000,000 at 4 %, against 4 x 16,666,666 paid.
    assert re.search(
        r"bond: coupon of period 1, 0x\w{40}, transaction 0x\w{64}: "
        r"expected USD 80.000000, is USD 66.666664: differs by USD -13.333336\n",
        done.stdout,
    )
    assert "minor units" not in done.stdout
    assert "bond.terms.rate: the deal says 40000000000000000" in done.stdout


def test_reconcile_says_when_it_is_another_chain(
    program: Program, one_life: Life, anvil: LocalChain, tmp_path: Path
) -> None:
    file = one_life.record.model_copy(update={"chain_id": 5}).save(tmp_path / "record.json")
    done = program("reconcile", file, "--network", anvil.url)
    assert done.returncode == 2
    assert "has id 31337" in done.stderr


Tree = dict[str, Any]


def tampered(life: Life, tmp_path: Path, change: Callable[[Tree], object]) -> tuple[object, ...]:
    """Arguments that name a record with something changed in it, and its chain."""
    data = json.loads(life.record.to_json())
    change(data)
    (tmp_path / "tampered.json").write_text(json.dumps(data))
    return tmp_path / "tampered.json", "--network", life.w3.provider.endpoint_uri  # type: ignore[attr-defined]


def other_rate(data: Tree) -> None:
    data["terms"]["parts"]["bond"]["coupon"]["rate"]["value"] = "0.04"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda data: data["parts"]["bond"].update(address=data["shared"]["currency"]),
            "record.parts.bond.at: is ",
        ),
        (lambda data: data.update(terms_hash="0x" + "12" * 32), "record.terms_hash: is "),
        (
            lambda data: data["feeds"].update({"runoff-reduction": "0x" + "34" * 32}),
            "record.feeds.runoff-reduction: is ",
        ),
        (
            lambda data: data["parts"]["bond"].update(address="0x" + "56" * 20),
            "no contract at 0x56",
        ),
        (lambda data: data["parts"].pop("bond"), "record.parts.bond: is (none), and must be bond"),
        (
            lambda data: data["parts"]["bond"].update(kind="Foo"),
            "record.parts.bond: is Foo, and must be bond",
        ),
        (lambda data: data["wallets"].pop("issuer"), "record.wallets"),
        (lambda data: data["feeds"].clear(), "record.feeds"),
        (
            lambda data: data["parts"].update(other=data["parts"]["bond"]),
            "record.parts.other: is bond, and must be (none)",
        ),
    ],
)
def test_a_record_that_is_not_the_chains_shows_where_it_differs(
    program: Program, one_life: Life, tmp_path: Path, change: Callable[[Tree], object], says: str
) -> None:
    arguments = tampered(one_life, tmp_path, change)
    done = program("reconcile", *arguments)
    assert done.returncode == 1
    assert says in done.stdout
    assert "what happened could not be lived again: " in done.stdout
    assert done.stdout.endswith("NOT reconciled\n")
    data = json.loads(program("reconcile", *arguments, "--json").stdout)
    assert (data["ok"], data["rows"]) == (False, [])
    for command in (("act", arguments), ("keeper", (*arguments, "--once"))):
        name, given = command
        done = program(name, *given)
        assert done.returncode == 2
        assert "deployment record." in done.stderr or "no contract at" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: data["parts"].clear(), "parts: must have at least 1 item"),
        (lambda data: data["shared"].pop("factory"), "shared: factory is missing"),
    ],
)
@pytest.mark.parametrize("command", ["reconcile", "act", "keeper"])
def test_no_deployment_writes_such_a_record(
    program: Program,
    one_life: Life,
    tmp_path: Path,
    command: str,
    change: Callable[[Tree], object],
    says: str,
) -> None:
    done = program(command, *tampered(one_life, tmp_path, change))
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_log_that_the_record_does_not_explain_is_one_line(
    program: Program, one_life: Life, tmp_path: Path
) -> None:
    # With another transaction's, the events of its deployment are no acts of the deal.
    arguments = tampered(one_life, tmp_path, lambda data: data.update(tx="0x" + "12" * 32))
    for more in ((), ("bond.pay_coupon",)):
        done = program("act", arguments[0], *more, *arguments[1:])
        assert (done.returncode, done.stdout) == (1, "")
        assert "no act of the deal explains it" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    kept = program("keeper", *arguments, "--once")
    assert kept.returncode == 1
    assert "nothing is done: block" in kept.stdout
    assert "nothing is due" not in kept.stdout


def test_reconcile_at_a_block_that_there_is_not_is_one_line(
    program: Program, one_life: Life, tmp_path: Path
) -> None:
    arguments = tampered(one_life, tmp_path, lambda data: None)
    head = one_life.w3.eth.block_number
    for block, says in (
        (one_life.record.block - 1, f"was deployed later, in block {one_life.record.block}"),
        (head + 1, f"block {head + 1}: the chain's head is {head}"),
    ):
        done = program("reconcile", *arguments, "--block", block)
        assert (done.returncode, done.stdout) == (2, "")
        assert says in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert program("reconcile", *arguments, "--block", one_life.record.block).returncode == 0


def test_a_currency_must_be_there(program: Program, one_life: Life, tmp_path: Path) -> None:
    url = one_life.w3.provider.endpoint_uri  # type: ignore[attr-defined]
    before = one_life.w3.eth.block_number
    for given, says in (
        ("0x" + "00" * 19 + "01", "no currency is there"),
        ("money", "must be an address"),
        (one_life.record.shared["factory"], "no currency is there"),
    ):
        done = program(
            "deploy",
            DC_WATER,
            "--network",
            url,
            "--folder",
            tmp_path,
            "--out",
            tmp_path / "new.json",
            "--currency",
            given,
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert f"currency = {given}: {says}" in done.stderr
    assert one_life.w3.eth.block_number == before


def brownie(home: Path, port: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """brownie with a home of its own, whose local networks have `port` in the place of 8545."""
    (home / ".brownie").mkdir(exist_ok=True)
    defaults = Path(find_spec("brownie").origin).parent / "data" / "network-config.yaml"  # type: ignore[union-attr, arg-type]
    mine = defaults.read_text().replace("port: 8545", f"port: {port}")
    (home / ".brownie" / "network-config.yaml").write_text(mine)
    return subprocess.run(
        [str(Path(sys.executable).parent / "brownie"), *arguments],
        cwd=ROOT,
        env={**os.environ, "HOME": str(home), "PENSTOCK_DEPLOYMENTS": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_brownie_on_a_chain_of_its_own_moves_a_deal_of_the_past(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    done = brownie(tmp_path, port, "run", "deploy")
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = (tmp_path / "31337").glob("dc-water-eib-2016-*.json")
    assert load_record(made).terms_hash in done.stdout
    assert load_record(made).shifted_days > 0


def test_brownie_on_a_users_chain(program: Program, tmp_path: Path) -> None:
    """Its `run deploy` deploys what `penstock deploy` does, and its tests leave that chain alone."""
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        port = int(chain.url.rsplit(":", 1)[1])
        tested = brownie(tmp_path, port, "test", "tests/contracts/test_roles.py", "-q")
        assert tested.returncode == 0, tested.stdout + tested.stderr
        assert chain.w3.eth.block_number == 0
        done = brownie(tmp_path, port, "run", "deploy")
        assert done.returncode == 0, done.stdout + done.stderr
        (made,) = (tmp_path / "31337").glob("dc-water-eib-2016-*.json")
        assert (load_record(made).shifted_days, load_record(made).shifted_from) == (0, None)
        again = program("deploy", DC_WATER, "--network", chain.url, "--folder", tmp_path / "other")
        assert again.returncode == 0, again.stderr  # the record was missing there
        assert "already deployed by this account" in again.stderr


@pytest.mark.parametrize("deal", [DC_WATER, BLOOM])
def test_another_folder_is_told_what_this_deployer_has_on_the_chain(
    program: Program, deal: Path, tmp_path: Path
) -> None:
    """The chain is asked, not a folder's memory: nothing is deployed twice, and the record is had again."""
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        first = program("deploy", deal, "--network", chain.url, "--folder", tmp_path / "a", "--json")
        assert first.returncode == 0, first.stderr
        block = chain.w3.eth.block_number
        given = ("--folder", tmp_path / "b", "--out", tmp_path / "b.json")
        again = program("deploy", deal, "--network", chain.url, *given, "--json")
        assert again.returncode == 0, again.stderr
        (said,) = again.stderr.splitlines()
        assert "already deployed by this account" in said
        assert said.endswith(f"; its record is written again: {tmp_path / 'b.json'}")
        assert json.loads(again.stdout) == json.loads(first.stdout)
        nothing = program("deploy", deal, "--network", chain.url, *given)
        assert (nothing.returncode, nothing.stdout) == (2, "")
        assert nothing.stderr.endswith(f"; record: {tmp_path / 'b.json'}\n")
        assert chain.w3.eth.block_number == block
        assert json.loads((tmp_path / "b.json").read_text()) == json.loads(first.stdout)
        other = program(
            "deploy", deal, "--network", chain.url, "--folder", tmp_path / "c", "--from", chain.accounts[7]
        )
        assert other.returncode == 0, other.stderr


class Dropping(ThreadingHTTPServer):
    """A node that passes `left` requests on to another and then hangs up on everybody."""

    def __init__(self, url: str, left: int) -> None:
        super().__init__(("127.0.0.1", 0), Passing)
        self.node, self.left, self.asked = url, left, 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Passing(BaseHTTPRequestHandler):
    server: Dropping

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        if self.server.asked > self.server.left:
            self.close_connection = True  # and no answer
            return
        answer = httpx.post(
            self.server.node,
            content=body,
            headers={"Content-Type": "application/json"},
            timeout=60,
            trust_env=False,
        )
        self.send_response(answer.status_code)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_arguments: object) -> None:
        pass


@contextmanager
def dropping(url: str, left: int) -> Iterator[Dropping]:
    with Dropping(url, left) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


def test_deploy_that_is_interrupted_says_so_and_the_next_run_goes_on(
    program: Program, tmp_path: Path
) -> None:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        given = [DC_WATER, "--network", chain.url, "--folder", tmp_path]
        rpc(chain.w3, "evm_setAutomine", False)
        command = [sys.executable, "-m", "scripts", "deploy", *map(str, given)]
        with subprocess.Popen(command, cwd=ROOT, stdout=-1, stderr=-1, text=True) as running:
            while not int(rpc(chain.w3, "txpool_status")["pending"], 16):
                assert running.poll() is None
                time.sleep(0.1)
            running.send_signal(signal.SIGINT)
            out, err = running.communicate()
        assert (running.returncode, out) == (130, "")
        assert err.splitlines()[-1] == "interrupted; run it again from the same folder, and it goes on"
        assert "Traceback" not in err
        rpc(chain.w3, "evm_setAutomine", True)
        rpc(chain.w3, "evm_mine")
        again = program("deploy", *given)
        assert again.returncode == 0, again.stderr


def test_a_node_that_is_lost_on_the_way_is_one_line_and_the_next_run_goes_on(
    program: Program, tmp_path: Path, seed: int
) -> None:
    """Wherever it is lost. Then the deal is deployed once, whole, and its record is there."""
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        with dropping(chain.url, 10**6) as counting:
            given = ("--folder", tmp_path / "whole", "--from", chain.accounts[9])
            whole = program("deploy", DC_WATER, "--network", counting.url, *given)
            assert whole.returncode == 0, whole.stderr
        draw = random.Random(seed)
        for index, left in enumerate(sorted(draw.sample(range(counting.asked - 3), 6))):
            account = chain.accounts[index + 1]
            folder = tmp_path / str(left)
            given = ("--folder", folder, "--from", account, "--out", folder / "deal.json")
            with dropping(chain.url, left) as node:
                lost = program("deploy", DC_WATER, "--network", node.url, *given)
            words = [line for line in lost.stderr.splitlines() if not line.endswith("...")]
            assert (lost.returncode, len(words)) == (2, 1), f"after {left} requests: {lost.stderr}"
            assert "answer" in words[0]
            again = program("deploy", DC_WATER, "--network", chain.url, *given)
            assert again.returncode in (0, 2), again.stderr
            assert again.returncode == 0 or "already deployed" in again.stderr
            assert check_deployment(chain.w3, load_record(folder / "deal.json")) == []
            topic = {"fromBlock": 0, "topics": [DEPLOYED, "0x" + account[2:].lower().rjust(64, "0")]}
            assert len(chain.w3.eth.get_logs(topic)) == 1  # type: ignore[arg-type]
