"""Measured gas against a committed snapshot: a diff of gas-snapshot.json shows what a change costs.

PENSTOCK_UPDATE_GAS=1 rewrites the snapshot from what is measured.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

SNAPSHOT = Path(__file__).with_name("gas-snapshot.json")
ROWS: list[tuple[str, int, int | None]] = []


def record(name: str, gas: int, mark: int | None = None) -> None:
    """Note a cost; fails when it is above its absolute mark, or is not its snapshot."""
    gas = int(gas)
    ROWS.append((name, gas, mark))
    assert mark is None or gas <= mark, f"{name}: {gas} is above the mark of {mark}"
    known = json.loads(SNAPSHOT.read_text()) if SNAPSHOT.exists() else {}
    if os.environ.get("PENSTOCK_UPDATE_GAS"):
        known[name] = gas
        SNAPSHOT.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")
        return
    assert name in known, f"{name} is not in {SNAPSHOT.name}: run with PENSTOCK_UPDATE_GAS=1"
    change = gas - known[name]
    assert change == 0, f"{name}: {gas}, snapshot {known[name]} ({change:+d})"


def measure(name: str, tx: Any, mark: int | None = None) -> int:
    """Record the whole-transaction gas of a brownie transaction."""
    record(name, tx.gas_used, mark)
    return int(tx.gas_used)


def render() -> str:
    """The table as GitHub markdown, most useful in a README."""
    lines = ["| operation | gas or bytes | mark |", "|---|---:|---:|"]
    lines += [f"| {name} | {value:,} | {f'{mark:,}' if mark else ''} |" for name, value, mark in ROWS]
    return "\n".join(lines) + "\n"
