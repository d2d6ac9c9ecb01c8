"""How the parts of a deal hang together: by the links in which they name each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from finance.terms.part import Part


def groups_of(parts: Mapping[str, Part]) -> dict[str, tuple[str, ...]]:
    """The keys of the parts that hang together, by the key of the one that leads each group: the first in
    the file that can, else the first of all."""
    return {_leader(parts, keys): keys for keys in _components(parts)}


def _leader(parts: Mapping[str, Part], keys: tuple[str, ...]) -> str:
    return next((key for key in keys if parts[key].leads), keys[0])


def _components(parts: Mapping[str, Part]) -> Iterator[tuple[str, ...]]:
    near: dict[str, set[str]] = defaultdict(set)
    for key, part in parts.items():
        for _, _, other in part.links():
            near[key].add(other)
            near[other].add(key)
    left = list(parts)
    while left:
        found, edge = {left[0]}, [left[0]]
        while edge:
            new = near[edge.pop()] - found
            found |= new
            edge += new
        yield tuple(key for key in parts if key in found)
        left = [key for key in left if key not in found]
