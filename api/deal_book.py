"""The deals that are served: those of the folder of deal files, and those deployed with other terms."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from api.problems import not_found
from finance.terms import Deal, InputError, load_deal


class DealBook:
    """Deals by id. A file that does not load, or that holds something that is not `shown` here, is left out,
    and `problems` says why."""

    def __init__(self, folder: Path, shown: Callable[[Deal], bool] = lambda deal: True) -> None:
        self._folder, self._shown = folder, shown
        self._lock = threading.Lock()
        self._seen: dict[Path, int] = {}
        self._deals: dict[Path, Deal] = {}
        self.problems: dict[str, str] = {}
        self.version = 0

    def _refresh(self) -> None:
        with self._lock:
            found = {path: path.stat().st_mtime_ns for path in sorted(self._folder.glob("*.yaml"))}
            if found == self._seen:
                return
            for path in self._seen.keys() - found.keys():
                self._deals.pop(path, None)
                self.problems.pop(path.name, None)
            for path, changed in found.items():
                if self._seen.get(path) != changed:
                    self._load(path)
            self._seen = found
            self.version += 1

    def _load(self, path: Path) -> None:
        try:
            self._deals[path] = self._read(path)
            self.problems.pop(path.name, None)
        except InputError as error:
            self._deals.pop(path, None)
            self.problems[path.name] = str(error)

    def _read(self, path: Path) -> Deal:
        deal = load_deal(path)
        for key, group in deal.groups.items():
            if not self._shown(group):
                raise InputError(f"{path}: parts.{key}.kind = {deal.parts[key].kind}: is not shown here")
        return deal

    def all(self) -> list[Deal]:
        """Every deal, by id; of one whose parts hang together in several groups each of these."""
        self._refresh()
        every = [group for deal in self._deals.values() for group in deal.groups.values()]
        return sorted(every, key=lambda deal: deal.id)

    def get(self, id: str) -> Deal:
        """The deal with that id. Raises ProblemError (404); of a deal of several groups it names them."""
        for deal in self.all():
            if deal.id == id:
                return deal
        for whole in self._deals.values():
            if whole.id == id:
                raise not_found(f"{id} is served by what leads its parts: {_names(whole.groups.values())}")
        raise not_found(f"no deal {id[:80]}; known: {_names(self.all())}")


def _names(deals: Iterable[Deal]) -> str:
    return ", ".join(sorted(deal.id for deal in deals)) or "none"
