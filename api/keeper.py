"""What runs behind the app: the database brought up to date, deployments registered from their files, the
index following the chain, the stream and the watch of the nodes. What is down is waited for."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

from api.index.follower import Follower
from api.problems import ProblemError
from api.services import Services
from chain.errors import ChainError
from chain.records import load_record
from finance.terms import InputError

log = logging.getLogger("penstock.keeper")
LOOK_SECONDS = 2.0
STOP_SECONDS = 15.0


class Keeper:
    """The threads of one service. `start` returns at once, `stop` when they have ended."""

    def __init__(self, services: Services, follower: Follower) -> None:
        self._services, self._follower = services, follower
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._seen: dict[Path, int] = {}
        self._said: dict[str, str] = {}
        self.migrated = threading.Event()

    @property
    def trouble(self) -> str | None:
        """Why the index does not follow the chain, such as that it was made from another one."""
        found: str | None = getattr(self._follower, "trouble", None)
        return found

    def start(self) -> None:
        """Begin. What is up already is used before this returns."""
        self._look()
        self._spawn("keeper", self._keep)

    def stop(self) -> None:
        """End everything and wait for it."""
        self._stop.set()
        for part in (self._services.stream, self._services.nodes, self._services.jobs):
            ending = getattr(part, "stop", None) or getattr(part, "close", None)
            if ending is not None:
                ending()
        for thread in self._threads:
            thread.join(STOP_SECONDS)
            if thread.is_alive():
                log.warning("%s has not ended within %s s", thread.name, STOP_SECONDS)
        self._services.database.close()

    def _spawn(self, name: str, work: Any) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _keep(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        try:
            if not self.migrated.is_set():
                self._services.database.migrate()
                self.migrated.set()
                self._begin()
            self._register()
            self._services.deals.all()  # so that a changed deal file is noticed
        except ProblemError as error:
            self._say("service", error.detail)
        except Exception:
            log.exception("the keeper failed; it tries again")

    def _begin(self) -> None:
        self._spawn("follower", lambda: self._follower.run(self._stop))
        for part in (self._services.stream, self._services.nodes):
            if hasattr(part, "start"):
                part.start()

    def _register(self) -> None:
        """Every record that is new or has changed. One that is wrong is said so once, and left out."""
        for path in sorted(self._services.settings.data.glob("*/deployment.json")):
            changed = path.stat().st_mtime_ns
            if self._seen.get(path) == changed:
                continue
            name = path.parent.name
            try:
                deployment = self._services.index.register(load_record(path), self._services.chain)
                log.info("registered %s", deployment.id)
            except ProblemError as error:
                self._say(name, error.detail)
                if error.status >= 500:  # chain or database are down: it may be good yet
                    continue
            except (ChainError, InputError) as error:
                self._say(name, str(error))
            self._seen[path] = changed

    def _say(self, about: str, words: str) -> None:
        if self._said.get(about) != words:
            self._said[about] = words
            log.warning("%s: %s", about, words)
