"""Results as they were, held against change by accident.

The files in golden/ are what our own code gave on the day they were written. That they are met says that
nothing has changed, not that it is right: other tests say that, by published figures, peers and properties.
Whoever changes a result on purpose writes them anew, with PENSTOCK_UPDATE_GOLDEN=1, and the difference is
there to be read in review.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "golden"
RENEW = "PENSTOCK_UPDATE_GOLDEN"
DIGITS = 9
"""To so many significant digits fractions must be as they were: processors add in other orders."""
MOST_SHOWN = 10


def unchanged(name: str, found: Any, folder: Path = FOLDER) -> None:
    """Assert that `found`, which can be written as JSON, is what golden/NAME.json holds."""
    path = folder / f"{name}.json"
    now = json.loads(json.dumps(found))
    if os.environ.get(RENEW):
        path.write_text(_written(_short(now)))
    assert path.exists(), f"{path}: is not there. {RENEW}=1 writes it."
    differences = list(_differences(json.loads(path.read_text()), now))
    shown = "\n  ".join(differences[:MOST_SHOWN])
    assert not differences, (
        f"{path}: {len(differences)} values are not what they were:\n  {shown}\n"
        f"If that is meant, run this test once with {RENEW}=1 and say in the commit why."
    )


def _written(content: dict[str, Any]) -> str:
    """A line for each entry, and for each item of a list: small, and a difference can be read."""

    def line(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, sort_keys=True)

    def entry(value: Any) -> str:
        many = isinstance(value, list) and value
        return "[\n" + ",\n".join(map(line, value)) + "\n]" if many else line(value)

    return "{\n" + ",\n".join(f"{line(key)}: {entry(content[key])}" for key in sorted(content)) + "\n}\n"


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _short(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_short(each) for each in value]
    return float(f"{value:.{DIGITS + 3}g}") if isinstance(value, float) else value


def _differences(before: Any, now: Any, where: str = "") -> Iterator[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted({*before, *now}):
            at = f"{where}.{key}" if where else key
            if key not in now or key not in before:
                yield f"{at}: {'is gone' if key not in now else 'is new'}"
            else:
                yield from _differences(before[key], now[key], at)
    elif isinstance(before, list) and isinstance(now, list):
        if len(before) != len(now):
            yield f"{where}: had {len(before)} items, has {len(now)}"
        for index, (one, other) in enumerate(zip(before, now, strict=False)):
            yield from _differences(one, other, f"{where}[{index}]")
    elif not _same(before, now):
        yield f"{where}: was {before!r}, is {now!r}"


def _same(before: Any, now: Any) -> bool:
    if isinstance(before, float) or isinstance(now, float):
        numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in (before, now))
        return numbers and math.isclose(before, now, rel_tol=10.0**-DIGITS, abs_tol=10.0**-DIGITS)
    return type(before) is type(now) and bool(before == now)
