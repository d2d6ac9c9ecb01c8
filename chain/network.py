"""Join a running chain, or start a local one that ends with the block of code that started it.

Local chains are Foundry's Anvil (native, fast) and Ganache, both from node_modules, bound to 127.0.0.1 and
running the shanghai rules the contracts are compiled for.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from eth_account import Account
from eth_account.hdaccount import key_from_seed, seed_from_mnemonic
from eth_account.signers.local import LocalAccount
from web3 import HTTPProvider, Web3
from web3.types import RPCEndpoint, RPCResponse

from chain.artifacts import ROOT, SET_UP
from chain.errors import NetworkError, ToolchainError, UnreachableError
from finance.settlement.clock import when as when

LOCAL_URL = "http://127.0.0.1:8545"
KNOWN: dict[str, tuple[str, int | None]] = {
    "anvil": (LOCAL_URL, 31337),
    "ganache": (LOCAL_URL, 1337),
    "development": (LOCAL_URL, None),
}
"""Names of networks: where, and the chain id that client uses unless told otherwise."""

LOCAL_ONLY_MNEMONIC = "test test test test test test test test test test test junk"
"""The well-known mnemonic of local test chains. Everybody has its keys: real money sent there is lost."""

LOCAL_CHAIN_IDS = frozenset({1337, 31337, 5777})
HARDFORK = "shanghai"
GUARD = Path(__file__).with_name("guard.py")
BLOCK_GAS_LIMIT = 60_000_000
START_SECONDS = 30.0
END_SECONDS = 5.0


@dataclass(frozen=True)
class LocalChain:
    """A chain that this process started. `accounts` are unlocked and funded."""

    w3: Web3
    url: str
    client: str
    chain_id: int
    pid: int
    accounts: tuple[str, ...]


# -- joining


class Provider(HTTPProvider):
    """A node over HTTP; one that does not answer is an UnreachableError of one line, whoever asked what."""

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        with self._one_line(method):
            return super().make_request(method, params)

    def make_batch_request(self, batch_requests: Any) -> Any:
        with self._one_line("a batch"):
            return super().make_batch_request(batch_requests)

    def is_connected(self, show_traceback: bool = False) -> bool:
        """Whether the node answers."""
        try:
            return super().is_connected(show_traceback)
        except UnreachableError:
            if show_traceback:
                raise
            return False

    @contextmanager
    def _one_line(self, what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:  # what requests raises, and what is not JSON
            words = " ".join(str(error).split())[:200]
            raise UnreachableError(
                f"no chain answers at {self.endpoint_uri}: {what}: {type(error).__name__}: {words}"
            ) from None


def rpc(w3: Web3, method: str, *params: Any) -> Any:
    """One raw JSON-RPC call; raises NetworkError with the node's words if it refuses."""
    answer = w3.provider.make_request(RPCEndpoint(method), list(params))
    if answer.get("error"):
        error = answer["error"]
        raise NetworkError(f"{method}: {error.get('message', error) if isinstance(error, dict) else error}")
    return answer.get("result")


def connect(network: str, chain_id: int | None = None, timeout: float = 120, retry: bool = True) -> Web3:
    """A connection to a known network (`anvil`, `ganache`, `development`) or to the http(s) URL of a node,
    which has `timeout` seconds for each answer; with `retry`, reads that it does not answer are asked again.

    Raises NetworkError if the name is unknown, nothing answers, or the chain's id is not `chain_id` (for
    `anvil` and `ganache`: not the id those clients use by default).
    """
    url, default_id = KNOWN.get(network, (network, None))
    if not url.startswith(("http://", "https://")):
        raise NetworkError(
            f"network {network!r}: neither a URL (http://...) nor one of {', '.join(sorted(KNOWN))}"
        )
    options: dict[str, Any] = {} if retry else {"exception_retry_configuration": None}
    w3 = Web3(Provider(url, request_kwargs={"timeout": timeout}, **options))
    try:
        actual = w3.eth.chain_id
    except Exception as error:
        if _is_local(url) and not _answers(url):
            hint = (
                f'start one, for example "npx anvil --hardfork {HARDFORK}", or "npx ganache --chain.hardfork '
                f"{HARDFORK} --wallet.mnemonic '{LOCAL_ONLY_MNEMONIC}'\" (the same accounts)"
            )
            raise NetworkError(f"no chain answers at {url}: {hint}") from None
        if isinstance(error, UnreachableError):
            raise
        raise NetworkError(f"no chain answers at {url}: {type(error).__name__}: {str(error)[:200]}") from None
    expected = chain_id if chain_id is not None else default_id
    if expected is not None and actual != expected:
        raise NetworkError(f"the chain at {url} has id {actual} ({client_name(w3)}), not {expected}")
    return w3


def _is_local(url: str) -> bool:
    return url.split("//", 1)[1].split("/", 1)[0].rsplit(":", 1)[0] in ("127.0.0.1", "localhost")


def _answers(url: str) -> bool:
    host, _, port = url.split("//", 1)[1].split("/", 1)[0].partition(":")
    try:
        socket.create_connection((host, int(port or 80)), timeout=2).close()
    except (OSError, ValueError):
        return False
    return True


def client_name(w3: Web3) -> str:
    """What the node calls itself, for example `anvil/v1.7.1`."""
    return str(w3.client_version)


def is_local(w3: Web3) -> bool:
    """True for a development chain, where well-known keys are harmless and the clock can be set."""
    name = client_name(w3).lower()
    return w3.eth.chain_id in LOCAL_CHAIN_IDS or name.startswith(("anvil", "ganache", "hardhat"))


# -- clock


def clock(w3: Web3) -> int:
    """The chain's time in unix seconds: that of the block in the making."""
    latest = w3.eth.get_block("latest")["timestamp"]
    try:
        return max(latest, w3.eth.get_block("pending")["timestamp"])
    except Exception:  # not every node shows a pending block
        return latest


def set_time(w3: Web3, unix: int) -> int:
    """Move a local chain's clock forward to `unix` seconds and mine a block there; returns its number.

    Works on Anvil and Ganache (both mine at a given time; Ganache has no evm_setNextBlockTimestamp). Setting
    the present time does nothing. Raises NetworkError for a time before the latest block.
    """
    latest = w3.eth.get_block("latest")
    if unix < latest["timestamp"]:
        raise NetworkError(
            f"the chain is at {when(latest['timestamp'])}; time cannot go back to {when(unix)}"
        )
    if unix > latest["timestamp"]:
        rpc(w3, "evm_mine", unix)
        latest = w3.eth.get_block("latest")
        if latest["timestamp"] != unix:
            raise NetworkError(
                f"{client_name(w3)} mined at {when(latest['timestamp'])} instead of {when(unix)}"
            )
    return int(latest["number"])


def reach_time(w3: Web3, unix: int) -> int:
    """Move a local chain's clock to `unix` seconds unless it is there or past it; returns the latest block.

    For a date that may have been reached before: a local chain's clock goes on with the real one.
    """
    latest = w3.eth.get_block("latest")
    return int(latest["number"]) if latest["timestamp"] >= unix else set_time(w3, unix)


def advance(w3: Web3, seconds: int) -> int:
    """Move a local chain's clock forward by `seconds` from now; returns the new block's number."""
    return set_time(w3, clock(w3) + seconds)


# -- accounts of local chains


@lru_cache(maxsize=1)
def _seed() -> bytes:
    return seed_from_mnemonic(LOCAL_ONLY_MNEMONIC, "")


@lru_cache(maxsize=4096)
def local_account(index: int) -> LocalAccount:
    """Key number `index` of the well-known test mnemonic (the first are a local chain's funded ones).

    For local chains only: these keys are public knowledge.
    """
    key = key_from_seed(_seed(), f"m/44'/60'/0'/0/{index}")
    return cast(LocalAccount, Account.from_key(key))


# -- starting


@contextmanager
def start_anvil(
    timestamp: int | None = None, port: int = 0, accounts: int = 20, balance_ether: int = 10_000
) -> Iterator[LocalChain]:
    """An Anvil chain on 127.0.0.1 for the length of a `with`.

    Its genesis is at `timestamp` (unix seconds; now if None). `port` 0 takes a free one. The accounts
    are those of LOCAL_ONLY_MNEMONIC. Raises ToolchainError if Anvil is not installed or does not come up.
    """
    arguments = ["--host", "127.0.0.1", "--hardfork", HARDFORK, "--gas-limit", str(BLOCK_GAS_LIMIT)]
    arguments += [
        "--accounts",
        str(accounts),
        "--balance",
        str(balance_ether),
        "--mnemonic",
        LOCAL_ONLY_MNEMONIC,
    ]
    if timestamp is not None:
        arguments += ["--timestamp", str(timestamp)]
    with _started("anvil", arguments, "--port", port) as chain:
        yield chain


@contextmanager
def start_ganache(
    timestamp: int | None = None, port: int = 0, accounts: int = 20, balance_ether: int = 10_000
) -> Iterator[LocalChain]:
    """A Ganache chain; everything as in `start_anvil`."""
    arguments = ["--server.host", "127.0.0.1", "--chain.hardfork", HARDFORK]
    arguments += ["--miner.blockGasLimit", str(BLOCK_GAS_LIMIT), "--miner.callGasLimit", str(BLOCK_GAS_LIMIT)]
    arguments += ["--wallet.totalAccounts", str(accounts), "--wallet.defaultBalance", str(balance_ether)]
    arguments += ["--wallet.mnemonic", LOCAL_ONLY_MNEMONIC, "--logging.quiet"]
    if timestamp is not None:
        arguments += ["--chain.time", datetime.fromtimestamp(timestamp, UTC).isoformat()]
    with _started("ganache", arguments, "--server.port", port) as chain:
        yield chain


EXE = ".exe" if os.name == "nt" else ""


def _program(name: str) -> str:
    # npm's launcher of Anvil is a script in front of this program, and costs as much as the chain's start.
    native = sorted((ROOT / "node_modules" / "@foundry-rs").glob(f"{name}-*/bin/{name}{EXE}"))
    if native:
        return str(native[0])
    local = ROOT / "node_modules" / ".bin" / (name + (".cmd" if EXE else ""))
    found = str(local) if local.exists() else shutil.which(name)
    if found is None:
        raise ToolchainError(f"{name} is not installed: {SET_UP}")
    if shutil.which("node") is None:
        raise ToolchainError(f"Node.js, which {name} needs, is not on PATH")
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _started(name: str, arguments: Sequence[str], port_option: str, port: int) -> Iterator[LocalChain]:
    program = _program(name)
    if port and _answers(f"http://127.0.0.1:{port}"):
        raise NetworkError(f"port {port} is taken: a chain (or something else) already answers there")
    # A free port can be taken by another process before the chain binds it; then it exits and we try another.
    for attempt in range(3):
        chosen = port or _free_port()
        with tempfile.TemporaryFile() as log:
            # A session of its own: Ctrl-C reaches us, and we end the wrapper and the chain together. If we
            # are killed, our end of the pipe closes, and the guard does it.
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(GUARD), program, *arguments, port_option, str(chosen)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            with _terminating(process, chosen):
                w3 = _wait(process, chosen)
                if w3 is None:
                    log.seek(0)
                    said = log.read()[-1500:].decode(errors="replace").strip()
                    if process.poll() is not None and not port and attempt < 2:
                        continue
                    raise ToolchainError(f"{name} did not start on port {chosen}:\n{said}")
                accounts = tuple(str(a) for a in w3.eth.accounts)
                url = f"http://127.0.0.1:{chosen}"
                yield LocalChain(w3, url, client_name(w3), w3.eth.chain_id, process.pid, accounts)
                return


def _wait(process: subprocess.Popen[bytes], port: int) -> Web3 | None:
    w3 = Web3(Provider(f"http://127.0.0.1:{port}", request_kwargs={"timeout": 120}))
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        # A plain connect first: web3 retries a refused connection slowly.
        if _answers(f"http://127.0.0.1:{port}") and w3.is_connected():
            return w3
        time.sleep(0.03)
    return None


@contextmanager
def _terminating(process: subprocess.Popen[bytes], port: int) -> Iterator[None]:
    """End the process group whatever happens in the block, a SIGTERM to this process included."""
    restore = None
    if (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    ):

        def leave(number: int, _frame: object) -> None:
            raise SystemExit(128 + number)

        restore = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        end(process, port)
        if restore is not None:
            signal.signal(signal.SIGTERM, restore)


def end(process: subprocess.Popen[Any], port: int) -> None:
    """End a chain and what started it; nothing listens on `port` any more when this returns."""
    # Guard and npm wrapper pass SIGTERM on and wait for the chain behind them; if one hangs, end all.
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(timeout=5)
    if os.name != "nt":
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        process.kill()
    process.wait()
    if process.stdin is not None:
        process.stdin.close()
    # A wrapper that died before it could pass the signal on leaves a chain that we cannot wait for by its id.
    deadline = time.monotonic() + END_SECONDS
    while _answers(f"http://127.0.0.1:{port}") and time.monotonic() < deadline:
        time.sleep(0.01)
