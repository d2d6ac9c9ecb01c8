"""A plugin of pytest that writes which functions of ours each test file calls, and how long the file takes.

`PENSTOCK_CALLS=FILE python -m pytest -p tools.calls ...`; tools/mutants.py reads FILE. Only what runs in this
process is seen, and nothing that numba compiled.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = ("api", "chain", "finance", "oracle", "scripts", "tests")
_called: set[CodeType] = set()
_found: dict[str, dict[str, Any]] = {}


def _on_call(frame: FrameType, event: str, arg: Any, add: Callable[[CodeType], None] = _called.add) -> None:
    add(frame.f_code)  # bound above, because it is called while the interpreter ends too


def pytest_configure() -> None:
    threading.settrace(_on_call)
    sys.settrace(_on_call)


def _begin(name: str) -> None:
    _found[name] = {"seconds": 0.0, "calls": {}}
    for each in gc.get_objects():  # what an earlier file left in a cache would not be called again
        if isinstance(each, functools._lru_cache_wrapper) and each.__module__.startswith(OURS):
            each.cache_clear()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    name = item.path.relative_to(ROOT).as_posix()
    if name not in _found:
        _begin(name)
    _called.clear()
    start = time.monotonic()
    result = yield
    found = _found[name]
    found["seconds"] += time.monotonic() - start
    for code in list(_called):
        path = Path(code.co_filename)
        if path.is_relative_to(ROOT):
            file = path.relative_to(ROOT).as_posix()
            found["calls"].setdefault(file, set()).add(code.co_qualname)
    return result


def pytest_sessionfinish() -> None:
    plain = {
        test: {"seconds": found["seconds"], "calls": {f: sorted(n) for f, n in found["calls"].items()}}
        for test, found in _found.items()
    }
    Path(os.environ["PENSTOCK_CALLS"]).write_text(json.dumps(plain))
