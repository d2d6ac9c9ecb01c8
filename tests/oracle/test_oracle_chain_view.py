"""What a node sees of the chain through an RPC that may answer anything."""

from __future__ import annotations

import json
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest

from oracle.chain_view import ChainView, ChainViewError

WORD, ADDRESS = "0x" + "ab" * 32, "0x" + "0a" * 20


def view_of(*answers: Any) -> ChainView:
    """A view whose RPC gives these answers, one after the other."""
    view = ChainView("http://nowhere")
    waiting = iter(answers)

    def opened(_request: Any, timeout: float) -> Any:
        assert timeout == 10
        return BytesIO(json.dumps({"jsonrpc": "2.0", "id": 1, **next(waiting)}).encode())

    view._opener = SimpleNamespace(open=opened)  # type: ignore[assignment]
    return view


CHAIN = {"result": "0x1"}
BLOCK = {"result": {"number": "0x10", "timestamp": "0xff"}}


def report(status: int, version: int, words: int = 5) -> dict[str, str]:
    """IKpiOracle.Report as eth_call gives it: status first, version fifth."""
    values = [status, 7, 7, 7, version, 7, 7][:words]
    return {"result": "0x" + "".join(f"{value:064x}" for value in values)}


def test_a_view_reads_status_and_version() -> None:
    for status, name in enumerate(("none", "pending", "challenged", "final", "missing")):
        for words in (5, 7):
            found = view_of(CHAIN, BLOCK, report(status, 3, words)).state(1, ADDRESS, WORD, 0)
            assert (found.time, found.status, found.version) == (255, name, 3)


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        (({"result": "0x2"},), "is chain 2, not 1"),
        (({"result": "one"},), "one: not a number"),
        ((CHAIN, {"result": None}), "eth_getBlockByNumber: no block"),
        *(((CHAIN, BLOCK, report(1, 0, words)), "no oracle contract at") for words in range(5)),
        ((CHAIN, BLOCK, {"result": "0x" + "00" * 159}), "no oracle contract at"),
        ((CHAIN, BLOCK, {"result": None}), "no oracle contract at"),
        ((CHAIN, BLOCK, report(5, 0)), "no known status 5"),
        ((CHAIN, {"result": {"number": "0x1"}}, report(1, 0)), "None: not a number"),
        ((CHAIN, BLOCK, {"error": {"message": "execution reverted"}}), "no such feed, or no such period"),
        ((CHAIN, BLOCK, {"error": {"message": "out of gas"}}), "eth_call: out of gas"),
        ((CHAIN, {"error": {"message": "reverted"}}), "eth_getBlockByNumber: reverted"),
        (({"error": "busy"},), "eth_chainId: busy"),
    ],
)
def test_what_a_view_does_not_believe(answers: tuple[dict[str, Any], ...], says: str) -> None:
    with pytest.raises(ChainViewError, match=says):
        view_of(*answers).state(1, ADDRESS, WORD, 0)
