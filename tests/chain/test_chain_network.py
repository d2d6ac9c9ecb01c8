"""Joining and starting chains, their clock, and that none is left running."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chain.errors import NetworkError, ToolchainError
from chain.network import (
    LocalChain,
    advance,
    client_name,
    clock,
    connect,
    end,
    is_local,
    local_account,
    reach_time,
    set_time,
    start_anvil,
    when,
)
from tests.chain.bond_life import BEFORE_THE_OFFERING, CLIENTS, ROOT, at


def answers(url: str) -> bool:
    host, port = url.removeprefix("http://").split(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


def test_a_started_chain_has_the_clock_the_rules_and_the_accounts_asked_for(chain: LocalChain) -> None:
    genesis = chain.w3.eth.get_block(0)
    assert genesis["timestamp"] == BEFORE_THE_OFFERING
    assert genesis["gasLimit"] == 60_000_000
    assert len(chain.accounts) == 20
    # The first account of the well-known mnemonic, as Anvil's and Hardhat's manuals print it.
    assert chain.accounts[0] == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert [local_account(i).address for i in range(20)] == list(chain.accounts)
    assert chain.client.lower().startswith(("anvil", "ganache"))
    assert client_name(chain.w3) == chain.client
    assert is_local(chain.w3)
    # PUSH0 came with shanghai; an older rule set would refuse it: 5f5ff3 is "return nothing".
    assert chain.w3.eth.call({"data": "0x5f5ff3"}) == b""  # type: ignore[typeddict-item]
    # TLOAD came with cancun, which Ganache does not know; what we compile must not depend on it.
    with pytest.raises(Exception, match=r"(?i)opcode|NotActivated|EVM error"):
        chain.w3.eth.call({"data": "0x5f5c5f5260205ff3"})  # type: ignore[typeddict-item]


@pytest.mark.parametrize("client", list(CLIENTS))
def test_time_moves_forward_to_the_second_and_never_back(client: str) -> None:
    with CLIENTS[client](timestamp=BEFORE_THE_OFFERING) as chain:
        first = set_time(chain.w3, at("2021-04-01"))
        assert chain.w3.eth.get_block(first)["timestamp"] == 1_617_235_200
        assert 0 <= clock(chain.w3) - 1_617_235_200 <= 60
        # A transaction after the jump is in the new time.
        tx = chain.w3.eth.send_transaction({"from": chain.accounts[0], "to": chain.accounts[1], "value": 1})  # type: ignore[typeddict-item]
        mined = chain.w3.eth.wait_for_transaction_receipt(tx)["blockNumber"]
        assert 0 <= chain.w3.eth.get_block(mined)["timestamp"] - 1_617_235_200 <= 60
        now = chain.w3.eth.get_block("latest")["timestamp"]
        assert set_time(chain.w3, now) == mined  # the present: nothing to do
        later = advance(chain.w3, 86_400)
        assert 86_400 <= chain.w3.eth.get_block(later)["timestamp"] - now <= 86_460
        with pytest.raises(NetworkError, match="cannot go back to 2016-09-15"):
            set_time(chain.w3, BEFORE_THE_OFFERING)
        assert reach_time(chain.w3, BEFORE_THE_OFFERING) == later  # past it already: nothing to do
        assert reach_time(chain.w3, at("2022-01-01")) == later + 1


@pytest.mark.parametrize("client", list(CLIENTS))
def test_a_chain_ends_with_its_block_even_when_that_fails(client: str) -> None:
    urls = []
    with CLIENTS[client]() as chain:
        urls.append(chain.url)
        assert answers(chain.url)
    with pytest.raises(ZeroDivisionError), CLIENTS[client]() as chain:
        urls.append(chain.url) or 1 // 0
    assert [answers(url) for url in urls] == [False, False]


def test_a_chain_whose_wrapper_dies_first_is_gone_when_its_block_ends() -> None:
    # The npm wrapper may go before it has passed the signal on; then the chain behind it must be waited for.
    # Here it deafly holds half a gigabyte, which takes the system a while to take back.
    chain = (
        "import signal, socket, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "held = bytearray(b'x') * 500_000_000\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "print(server.getsockname()[1], flush=True)\n"
        "time.sleep(60)\n"
    )
    wrapper = subprocess.Popen(
        ["/bin/sh", "-c", '"$0" -c "$1" & wait', sys.executable, chain],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert wrapper.stdout is not None
    port = int(wrapper.stdout.readline())
    url = f"http://127.0.0.1:{port}"
    assert answers(url)
    end(wrapper, port)
    assert not answers(url)
    wrapper.stdout.close()


@pytest.mark.parametrize("client", list(CLIENTS))
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_chain_ends_with_its_program(number: signal.Signals, client: str) -> None:
    """Told to stop or killed."""
    program = (
        "import time\n"
        f"from chain.network import start_{client}\n"
        f"with start_{client}() as chain:\n"
        "    print(chain.url, flush=True)\n"
        "    time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    process.stdout.close()
    assert answers(url)
    os.kill(process.pid, number)
    assert process.wait(timeout=20) == (128 + number if number == signal.SIGTERM else -number)
    deadline = time.monotonic() + 60
    while answers(url) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not answers(url)


def test_two_chains_run_side_by_side(anvil: LocalChain) -> None:
    with start_anvil() as other:
        assert other.url != anvil.url
        assert connect(other.url).eth.chain_id == 31337


def test_a_taken_port_is_refused(anvil: LocalChain) -> None:
    port = int(anvil.url.rsplit(":", 1)[1])
    with pytest.raises(NetworkError, match=f"port {port} is taken"), start_anvil(port=port):
        pass


def test_what_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain.network.HARDFORK", "no-such-fork")
    with pytest.raises(ToolchainError, match=r"(?s)anvil did not start.*no-such-fork"), start_anvil():
        pass


def test_of_what_a_program_said_the_end_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "node_modules" / ".bin" / "anvil"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\nprintf 'begun\\n%04000d' 7\n")
    program.chmod(0o755)
    monkeypatch.setattr("chain.network.ROOT", tmp_path)
    with (
        pytest.raises(ToolchainError, match=r"anvil did not start on port [0-9]+:\n0{1499}7$"),
        start_anvil(),
    ):
        pass


def test_a_missing_program_names_the_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setattr("chain.network.ROOT", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match='anvil is not installed: run "make setup"'), start_anvil():
        pass


def test_joining_tells_what_is_wrong(anvil: LocalChain) -> None:
    assert connect(anvil.url).eth.chain_id == 31337
    with pytest.raises(NetworkError, match=r"has id 31337 \(anvil/.*\), not 1337"):
        connect(anvil.url, chain_id=1337)
    with pytest.raises(NetworkError, match=r"'mainet': neither a URL .* anvil, development, ganache"):
        connect("mainet")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(NetworkError, match=f"no chain answers at {url}: start one"):
            connect(url)


def test_when_is_readable() -> None:
    assert when(1_475_107_200) == "2016-09-29 00:00 UTC"
    assert when(2**63) == f"unix time {2**63}"
