"""Things by name that other packages can add to: ours from an explicit list, theirs by an entry point."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """What `ours` names as "module:attribute", or "module" for all of it, imported when it is first asked
    for; and what installed packages declare as entry points of `group`, who are asked only where ours does
    not do, and can take nobody's name. `made` makes the thing of what is found there.

    >>> sizes = Registry({"e": "math:e"}, "penstock.examples", lambda number: round(number, 2))
    >>> sizes["e"], "pi" in sizes
    (2.72, False)
    """

    def __init__(self, ours: Mapping[str, str], group: str, made: Callable[[Any], T] = lambda it: it) -> None:
        self._ours, self.group, self._made = dict(ours), group, made
        self._known: dict[str, T] = {}

    @cached_property
    def _theirs(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self.group) if point.name not in self._ours}

    def __getitem__(self, name: str) -> T:
        if name not in self._known:
            if name in self._ours:
                module, _, attribute = self._ours[name].partition(":")
                found: Any = import_module(module)
                if attribute:
                    found = getattr(found, attribute)
            else:
                found = self._theirs[name].load()
            self._known[name] = self._made(found)
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._ours or name in self._theirs

    def __iter__(self) -> Iterator[str]:
        yield from self._ours
        yield from self._theirs

    def __len__(self) -> int:
        return len(self._ours) + len(self._theirs)
