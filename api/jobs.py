"""Long work that nobody should wait for: queued, watched by its progress, and stopped when it is not wanted.

Work is a function of `progress` and `cancelled`. It calls `progress(done, word)` now and then, which ends it
when the job was cancelled; a loop that reports nothing looks at `cancelled.is_set()`. Work that cannot look
runs in a process of its own (`apart`), which is stopped from outside.
"""

from __future__ import annotations

import logging
import math
import multiprocessing
import secrets
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Literal

from api.problems import ProblemError, conflict, not_found
from finance.terms.problems import InputError

log = logging.getLogger("penstock.jobs")

State = Literal["queued", "running", "done", "failed", "cancelled"]
Progress = Callable[[float, str], None]
Work = Callable[[Progress, threading.Event], Any]

WORKERS = 2
SHARE = 4  # one client may have a quarter of the places
LOOK = 0.2  # seconds between two looks at whether work apart is still wanted
STOP = 3.0  # seconds that work apart has to end by itself


asking: ContextVar[str] = ContextVar("asking", default="")
"""The client whose request is being answered; empty in work of the service's own."""


class JobCancelledError(Exception):
    """Ends the work of a job that was cancelled."""


@dataclass
class Job:
    """One piece of work. `progress` goes from 0 to 1, `word` says what is done now; times are unix seconds.

    `error` is one sentence when it failed; `result` what the work gave.
    """

    id: str
    kind: str
    key: str | None
    work: Work | None = field(repr=False)
    created: float
    owner: str = field(default="", repr=False)
    state: State = "queued"
    progress: float = 0.0
    word: str = "waits for its turn"
    started: float | None = None
    finished: float | None = None
    error: str | None = None
    result: Any = field(default=None, repr=False)
    cancelled: threading.Event = field(default_factory=threading.Event, repr=False)
    ended: threading.Event = field(default_factory=threading.Event, repr=False)

    @property
    def over(self) -> bool:
        """Whether it is done, failed or cancelled."""
        return self.state in ("done", "failed", "cancelled")


class Jobs:
    """At most `limit` unfinished jobs, `share` of them of one client, on a few threads; of the finished
    ones the last `limit` are kept, for others to fetch the result. Whoever has none running goes first."""

    def __init__(self, limit: int = 32, workers: int = WORKERS) -> None:
        if limit < 1 or workers < 1:
            raise ValueError("limit and workers must be 1 or more")
        self.limit, self.share = limit, max(1, limit // SHARE)
        self._workers = workers
        self._threads: list[threading.Thread] = []
        self._jobs: dict[str, Job] = {}
        self._queue: deque[Job] = deque()
        self._change = threading.Condition()
        self._closed = False

    def submit(self, kind: str, work: Work, key: str | None = None, for_all: bool = False) -> Job:
        """A job for `work`, which begins when a worker is free.

        With a `key`, the job of this kind and key that is under way or done is given instead of a second one.
        Work `for_all` (one job for each deal that is stored) is nobody's, and always finds a place. Raises
        ProblemError `too-many-jobs` when as many as may be are waiting: 429 for those of this client, 503 for
        all.
        """
        owner = "" if for_all else asking.get()
        with self._change:
            if self._closed:
                raise ProblemError(503, "stopping", "the service is stopping")
            if key is not None and (same := self._same(kind, key)) is not None:
                return same
            if not for_all:
                self._require_place(owner)
            job = Job(secrets.token_urlsafe(15), kind, key, work, time.time(), owner)
            self._jobs[job.id] = job
            self._queue.append(job)
            self._forget()
            self._start()
            self._change.notify()
        return job

    def get(self, id: str) -> Job:
        """The job with that id. Raises ProblemError (404) for one that never was or is forgotten."""
        with self._change:
            job = self._jobs.get(id)
        if job is None:
            raise not_found(f"no job {id[:80]}; results are kept for a while only")
        return job

    def cancel(self, id: str) -> Job:
        """Stop a job: a waiting one at once, a running one as soon as its work looks up. One that is over
        stays as it is."""
        job = self.get(id)
        with self._change:
            if job.state == "queued":
                self._queue.remove(job)
                self._end(job, "cancelled")
            elif job.state == "running":
                job.word = "is being stopped"
            job.cancelled.set()
        return job

    def result(self, id: str) -> Any:
        """What the work gave. Raises ProblemError: 409 while it is not done or when it was cancelled, 422
        when it failed."""
        job = self.get(id)
        if job.state == "failed":
            raise ProblemError(422, "job-failed", job.error or "the job failed")
        if job.state == "cancelled":
            raise conflict("the job was cancelled", "job-cancelled")
        if job.state != "done":
            raise conflict(f"the job is {job.state}, {job.progress:.0%} done", "job-not-done")
        return job.result

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state, the kept ones included."""
        found: dict[str, int] = dict.fromkeys(("queued", "running", "done", "failed", "cancelled"), 0)
        with self._change:
            for job in self._jobs.values():
                found[job.state] += 1
        return found

    def close(self, seconds: float = 5.0) -> None:
        """Cancel everything and wait up to `seconds` for the workers to end."""
        with self._change:
            self._closed = True
            jobs = [job.id for job in self._jobs.values() if not job.over]
        for id in jobs:
            self.cancel(id)
        with self._change:
            self._change.notify_all()
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _same(self, kind: str, key: str) -> Job | None:
        found = (job for job in self._jobs.values() if (job.kind, job.key) == (kind, key))
        usable = (job for job in found if not job.cancelled.is_set() and job.state != "failed")
        return next(usable, None)

    def _require_place(self, owner: str) -> None:
        unfinished = [job.owner for job in self._jobs.values() if not job.over]
        wait = {"Retry-After": "10"}
        if owner and unfinished.count(owner) >= self.share:
            detail = f"{self.share} jobs of yours are waiting or running: wait for one of them, or cancel one"
            raise ProblemError(429, "too-many-jobs", detail, headers=wait)
        if len(unfinished) >= self.limit:
            detail = f"{self.limit} jobs are waiting or running: try again later"
            raise ProblemError(503, "too-many-jobs", detail, headers=wait)

    def _next(self) -> Job:
        """The oldest job of a client that has none running, else the oldest."""
        running = {job.owner for job in self._jobs.values() if job.state == "running"}
        job = next((each for each in self._queue if each.owner not in running), self._queue[0])
        self._queue.remove(job)
        return job

    def _forget(self) -> None:
        over = [job for job in self._jobs.values() if job.over]
        over.sort(key=lambda job: job.finished or 0.0)
        for job in over[: max(0, len(over) - self.limit)]:
            del self._jobs[job.id]

    def _start(self) -> None:
        if len(self._threads) < self._workers:
            name = f"jobs-{len(self._threads)}"
            self._threads.append(threading.Thread(target=self._run, name=name, daemon=True))
            self._threads[-1].start()

    def _run(self) -> None:
        while True:
            with self._change:
                while not self._queue and not self._closed:
                    self._change.wait()
                if self._closed:
                    return
                job = self._next()
                job.state, job.started, job.word = "running", time.time(), "has begun"
            self._do(job)

    def _do(self, job: Job) -> None:
        def progress(done: float, word: str = "") -> None:
            if job.cancelled.is_set():
                raise JobCancelledError
            with self._change:
                if math.isfinite(done):
                    job.progress = min(max(done, job.progress), 1.0)
                job.word = word or job.word

        state: State = "failed"
        error = result = None
        try:
            assert job.work is not None
            result = job.work(progress, job.cancelled)
            state = "cancelled" if job.cancelled.is_set() else "done"
        except JobCancelledError:
            state = "cancelled"
        except (InputError, ProblemError) as problem:
            error = str(problem)
        except Exception:
            log.exception("job %s (%s) failed", job.id, job.kind)
            error = "an error of ours; it is in the log under the job's id"
        with self._change:
            self._end(job, state, error, result if state == "done" else None)

    def _end(self, job: Job, state: State, error: str | None = None, result: Any = None) -> None:
        job.state, job.error, job.result, job.work = state, error, result, None
        job.word = {"done": "is done", "failed": "failed", "cancelled": "was stopped"}[state]
        job.progress = 1.0 if state == "done" else job.progress
        job.finished = time.time()
        self._forget()
        job.ended.set()


def apart(function: Callable[..., Any], *arguments: Any) -> Work:
    """Work that runs `function(*arguments, progress)` in a process of its own.

    The function is one of a module, arguments and result can be pickled; its `progress(done, word)` is passed
    on. Cancelling stops the process, whatever it is doing, so neither its results nor its memory stay.
    """

    def work(progress: Progress, cancelled: threading.Event) -> Any:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_serve, args=(theirs, function, arguments), daemon=True)
        process.start()
        theirs.close()
        try:
            return _watch(ours, progress, cancelled)
        finally:
            ours.close()
            if process.is_alive():
                process.terminate()
                process.join(STOP)
            if process.is_alive():
                process.kill()
            process.join()

    return work


def _watch(pipe: Connection, progress: Progress, cancelled: threading.Event) -> Any:
    """What comes through the pipe, until the result does."""
    while True:
        if cancelled.is_set():
            raise JobCancelledError
        if not pipe.poll(LOOK):
            continue
        try:
            kind, *content = pipe.recv()
        except EOFError:
            raise RuntimeError("the process of the job ended without a result") from None
        if kind == "done":
            return content[0]
        if kind == "refused":
            raise InputError(content[0])
        if kind == "failed":
            raise RuntimeError(content[0])
        progress(*content)


def _serve(pipe: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """The process of `apart`. An interrupt of the terminal is for the service, which then stops this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        pipe.send(("done", function(*arguments, lambda done, word="": pipe.send(("progress", done, word)))))
    except InputError as error:
        pipe.send(("refused", str(error)))
    except Exception as error:
        pipe.send(("failed", f"{type(error).__name__}: {error}"))
