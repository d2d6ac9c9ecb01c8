"""The list of methods: each known by its id alone until one is asked for.

Their libraries take a second to load, and a node computes by one method, a check of a deal file by none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oracle.methods.base import Method

# One line a method: its id, and the class in the module that knows how.
HOMES: dict[str, str] = {
    "swmm-paired-rain/1": "oracle.methods.stormwater:StormwaterMethod",
    "proxy-revenue-wind/1": "oracle.methods.wind:WindRevenueMethod",
    "rain-index/1": "oracle.methods.rain:RainIndexMethod",
    "reported-values/1": "oracle.methods.reported:ReportedMethod",
}


class Register(Mapping[str, "Method"]):
    """Methods by id, from their `homes`: "module:Class"."""

    def __init__(self, homes: Mapping[str, str]) -> None:
        self._homes = dict(homes)
        self._loaded: dict[str, Method] = {}

    def __getitem__(self, id: str) -> Method:
        if id not in self._loaded:
            module, name = self._homes[id].split(":")
            self._loaded[id] = getattr(import_module(module), name)()
        return self._loaded[id]

    def __contains__(self, id: object) -> bool:
        return id in self._homes

    def __iter__(self) -> Iterator[str]:
        return iter(self._homes)

    def __len__(self) -> int:
        return len(self._homes)


METHODS = Register(HOMES)
"""Every method that this version can compute, by id."""
