"""Mappings whose copies share what they have in common: trying an act does not cost all that a deal holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, Self, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Layered(MutableMapping[K, V]):
    """A dict in all that is asked of it, whose copy shares what was there before. What was set since is in a
    layer of its own, of the square root of all at most when it is copied.

    >>> one = Layered({"a": 1})
    >>> other = one.copy()
    >>> other["b"] = 2
    >>> dict(one), dict(other)
    ({'a': 1}, {'a': 1, 'b': 2})
    """

    __slots__ = ("_base", "_own")

    def __init__(self, items: Mapping[K, V] | Iterable[tuple[K, V]] = ()) -> None:
        self._base: dict[K, V] = {}
        self._own: dict[K, V] = dict(items)

    def copy(self) -> Self:
        """The same, of which nothing changes with this one."""
        if len(self._own) ** 2 > len(self._base):  # in this order, for who reads it meanwhile
            self._base, self._own = {**self._base, **self._own}, {}
        made = object.__new__(type(self))
        made._base, made._own = self._base, self._own.copy()
        return made

    def __getitem__(self, key: K) -> V:
        return self._own[key] if key in self._own else self._base[key]

    def get(self, key: K, default: Any = None) -> Any:
        return self._own[key] if key in self._own else self._base.get(key, default)

    def __contains__(self, key: object) -> bool:
        return key in self._own or key in self._base

    def __setitem__(self, key: K, value: V) -> None:
        self._own[key] = value

    def __delitem__(self, key: K) -> None:
        if key in self._base:
            self._base, self._own = {**self._base, **self._own}, {}
            del self._base[key]
        else:
            del self._own[key]

    def __iter__(self) -> Iterator[K]:
        yield from self._base
        yield from (key for key in self._own if key not in self._base)

    def __len__(self) -> int:
        return len(self._base) + sum(key not in self._base for key in self._own)

    def __repr__(self) -> str:
        return repr(dict(self))


class Sums(Layered[K, int]):
    """Amounts by key, 0 where none is."""

    __slots__ = ()

    def __getitem__(self, key: K) -> int:
        found: int = self.get(key, 0)
        return found
