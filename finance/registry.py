"""Things by name that other packages can add to: ours from an explicit list, theirs by an entry point."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from finance.terms.problems import InputError

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """What `ours` names as "module:attribute", or "module" for all of it, imported when it is first asked
    for; and what installed packages declare as entry points of `group`, who are asked only where ours does
    not do, and can take nobody's name. `made` makes the thing of what is found there. Raises InputError for
    what another package declares and cannot load.

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
                found = _loaded(self._theirs[name])
            self._known[name] = self._made(found)
        return self._known[name]

    def is_ours(self, name: str) -> bool:
        """Whether it is from the explicit list."""
        return name in self._ours

    def __contains__(self, name: object) -> bool:
        return name in self._ours or name in self._theirs

    def __iter__(self) -> Iterator[str]:
        yield from self._ours
        yield from self._theirs

    def __len__(self) -> int:
        return len(self._ours) + len(self._theirs)


def _loaded(point: EntryPoint) -> Any:
    try:
        return point.load()
    except Exception as error:  # whatever a module of theirs does as it is imported
        whose = point.dist.name if point.dist else "a package"
        why = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{whose}: {point.group}: {point.name} = {point.value}: cannot be loaded: {why}"
        ) from None
