"""How much of the house an answer walks through: one price, and one cold page of cash flows."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.api.without_chain import offline

ROOT = Path(__file__).resolve().parents[2]
ROOMS = tuple(f"{ROOT / room}/" for room in ("api/instruments", "api/views", "chain", "finance"))
"""Without the service around an answer, whose threads go on beside it."""
Walk = Counter[tuple[str, str]]


@contextmanager
def walked() -> Iterator[list[Walk]]:
    """What of ours is called, by file and name, here and in threads that begin meanwhile: the last of the
    list counts."""
    walks: list[Walk] = [Counter()]

    def seen(frame: FrameType, event: str, _argument: Any) -> None:
        code, file = frame.f_code, frame.f_code.co_filename
        if event == "call" and code.co_name[0] != "<" and file.startswith(ROOMS):
            walks[-1][file.removeprefix(f"{ROOT}/"), code.co_qualname] += 1

    threading.setprofile(seen)
    sys.setprofile(seen)
    try:
        yield walks
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


CLOSED = {"deal": "singapore-ebus-loan"}
MARKS = {
    "cash flows": (258, "/v1/deals/enel-slb-2019/cashflows", None),
    "a price": (264, "/v1/valuations", CLOSED),
}
"""Functions that were walked before parts had registries; never again as many."""


@pytest.mark.parametrize("what", MARKS)
def test_an_answer_walks_less_than_it_did_and_hashes_a_deal_once(what: str, tmp_path: Path) -> None:
    most, path, body = MARKS[what]
    with walked() as walks, offline(tmp_path) as client:
        client.get("/v1/deals")  # what serves every answer is made once
        walks.append(Counter())
        answer = client.get(path) if body is None else client.post(path, json=body)
        walk, _ = walks[-1], walks.append(Counter())
    assert answer.status_code == 200, answer.text
    hashed = walk["finance/terms/canonical.py", "canonical_json"]
    print(f"{what}: {len(walk)} functions, {sum(walk.values())} calls, {hashed} hashes of a deal")
    assert 50 < len(walk) < most
    assert hashed <= 1
