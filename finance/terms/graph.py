"""How the parts of a deal hang together: by the links in which they name each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from finance.terms.part import Part


def groups_of(parts: Mapping[str, Part]) -> dict[str, tuple[str, ...]]:
    """The keys of the parts that hang together, by the key of the one that leads each group: the first in
    the file that can and hangs on no other that can, else the first of all."""
    return {_leader(parts, keys): keys for keys in _components(parts)}


def linking(parts: Mapping[str, Part]) -> dict[tuple[str, str], list[str]]:
    """The keys of the parts that do something to another, by that one's key and what they do (Link)."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key, part in parts.items():
        for _, link, other in part.links():
            found[other, link.does].append(key)
    return dict(found)


def _leader(parts: Mapping[str, Part], keys: tuple[str, ...]) -> str:
    return next(iter(leading(parts, keys)), keys[0])


def leading(parts: Mapping[str, Part], keys: Collection[str]) -> list[str]:
    """Those of `keys` whose parts can lead, and hang on no other of them that can."""
    able = [key for key in keys if parts[key].leads]
    return [key for key in able if not any(other in able for _, _, other in parts[key].links())]


def _components(parts: Mapping[str, Part]) -> Iterator[tuple[str, ...]]:
    near: dict[str, set[str]] = defaultdict(set)
    for key, part in parts.items():
        for _, _, other in part.links():
            near[key].add(other)
            near[other].add(key)
    place = {key: index for index, key in enumerate(parts)}
    seen: set[str] = set()
    for first in parts:
        if first in seen:
            continue
        found, edge = {first}, [first]
        while edge:
            new = near[edge.pop()] - found
            found |= new
            edge += new
        seen |= found
        yield tuple(sorted(found & place.keys(), key=place.__getitem__))
