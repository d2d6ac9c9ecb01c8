"""Long work: watched, stopped, bounded. Work apart is a real process, which cancelling really ends."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.jobs import Job, Jobs, Progress, apart, asking
from api.problems import ProblemError
from finance.terms import InputError


@pytest.fixture
def jobs() -> Iterator[Jobs]:
    made = Jobs(limit=3, workers=1)
    yield made
    made.close()


def ended(job: Job, seconds: float = 30) -> Job:
    assert job.ended.wait(seconds), f"{job.state}: {job.word}"
    return job


class Gate:
    """Work that waits for a sign, and says when it has begun."""

    def __init__(self) -> None:
        self.begun, self.open = threading.Event(), threading.Event()

    def __call__(self, progress: Progress, cancelled: threading.Event) -> str:
        self.begun.set()
        while not self.open.wait(0.01):
            progress(0.5, "is half done")
        return "through"


def test_a_job_is_done_and_its_result_is_kept(jobs: Jobs) -> None:
    job = ended(jobs.submit("sum", lambda progress, cancelled: sum(range(10))))
    assert (job.state, job.progress, jobs.result(job.id)) == ("done", 1.0, 45)
    assert jobs.get(job.id) is job


def test_progress_is_seen_and_never_falls(jobs: Jobs) -> None:
    seen: list[float] = []

    def work(progress: Progress, cancelled: threading.Event) -> None:
        for done in (0.2, 0.6, 0.4, float("nan"), 7.0):
            progress(done, f"at {done}")
            seen.append(jobs.get(job_id[0]).progress)

    job_id: list[str] = []
    gate = Gate()
    first = jobs.submit("wait", gate)  # so that the id is known before the work looks
    job = jobs.submit("count", work)
    job_id.append(job.id)
    gate.open.set()
    ended(first)
    ended(job)
    assert seen == [0.2, 0.6, 0.6, 0.6, 1.0]


def test_a_job_that_is_refused_says_why_and_other_errors_stay_in_the_log(
    jobs: Jobs, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(progress: Progress, cancelled: threading.Event) -> None:
        raise InputError("paths = 3: too few")

    def fail(progress: Progress, cancelled: threading.Event) -> None:
        raise ZeroDivisionError("secret")

    refused, failed = ended(jobs.submit("a", refuse)), ended(jobs.submit("b", fail))
    assert (refused.state, refused.error) == ("failed", "paths = 3: too few")
    assert failed.state == "failed"
    assert "secret" not in str(failed.error)
    assert "secret" in caplog.text
    with pytest.raises(ProblemError, match="too few") as error:
        jobs.result(refused.id)
    assert error.value.status == 422


def test_a_running_job_stops_when_it_is_cancelled(jobs: Jobs) -> None:
    gate = Gate()
    job = jobs.submit("wait", gate)
    assert gate.begun.wait(5)
    with pytest.raises(ProblemError, match="running") as error:
        jobs.result(job.id)
    assert error.value.status == 409
    jobs.cancel(job.id)
    assert ended(job, 2).state == "cancelled"
    with pytest.raises(ProblemError, match="was cancelled"):
        jobs.result(job.id)
    assert jobs.cancel(job.id).state == "cancelled"


def test_a_waiting_job_never_begins_when_it_is_cancelled(jobs: Jobs) -> None:
    gate, other = Gate(), Gate()
    first, second = jobs.submit("wait", gate), jobs.submit("wait", other)
    assert jobs.cancel(second.id).state == "cancelled"
    gate.open.set()
    assert ended(first).state == "done"
    assert not other.begun.is_set()


def test_waiting_work_is_bounded_and_finished_work_is_forgotten(jobs: Jobs) -> None:
    gates = [Gate() for _ in range(3)]
    made = [jobs.submit("wait", gate) for gate in gates]
    with pytest.raises(ProblemError, match="3 jobs") as error:
        jobs.submit("one more", Gate())
    assert (error.value.status, error.value.name) == (503, "too-many-jobs")
    for gate in gates:
        gate.open.set()
    for job in made:
        ended(job)
    quick = [ended(jobs.submit("quick", lambda progress, cancelled: 1)) for _ in range(3)]
    for job in made:
        with pytest.raises(ProblemError) as gone:
            jobs.get(job.id)
        assert gone.value.status == 404
    assert [jobs.result(job.id) for job in quick] == [1, 1, 1]
    assert sum(jobs.counts().values()) == 3


def test_the_same_work_is_done_once(jobs: Jobs) -> None:
    gate = Gate()
    job = jobs.submit("wait", gate, key="a")
    assert jobs.submit("wait", Gate(), key="a") is job
    assert jobs.submit("wait", Gate(), key="b") is not job
    gate.open.set()
    ended(job)
    assert jobs.submit("wait", Gate(), key="a") is job


def test_cancelled_work_may_be_asked_for_again(jobs: Jobs) -> None:
    gate = Gate()
    job = jobs.submit("wait", gate, key="a")
    jobs.cancel(job.id)
    again = jobs.submit("wait", lambda progress, cancelled: 2, key="a")
    assert again is not job
    assert ended(again).state == "done"


# -- work in a process of its own


def double(number: int, progress: Any) -> int:
    progress(0.5, f"has {number}")
    return 2 * number


def refuse_apart(progress: Any) -> None:
    raise InputError("a line of tiers: cannot be drawn")


def die(progress: Any) -> None:
    os._exit(3)


def spin(mark: str, progress: Any) -> None:
    """Busy for good, and never looks up."""
    Path(mark).write_text(str(os.getpid()))
    while True:
        pass


def test_work_apart_gives_its_result_and_its_refusal(jobs: Jobs) -> None:
    job = ended(jobs.submit("double", apart(double, 21)))
    assert (jobs.result(job.id), job.state) == (42, "done")
    refused = ended(jobs.submit("refuse", apart(refuse_apart)))
    assert refused.error == "a line of tiers: cannot be drawn"


def test_a_process_that_dies_is_a_failed_job(jobs: Jobs) -> None:
    job = ended(jobs.submit("die", apart(die)))
    assert job.state == "failed"


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def begun(mark: Path) -> int:
    deadline = time.monotonic() + 60
    while not (mark.is_file() and mark.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return int(mark.read_text())


def test_cancelling_ends_a_process_that_never_looks_up(jobs: Jobs, tmp_path: Path) -> None:
    job = jobs.submit("spin", apart(spin, str(tmp_path / "pid")))
    pid = begun(tmp_path / "pid")
    jobs.cancel(job.id)
    assert ended(job, 3).state == "cancelled"
    assert not alive(pid)


def test_closing_leaves_no_process(tmp_path: Path) -> None:
    jobs = Jobs()
    job = jobs.submit("spin", apart(spin, str(tmp_path / "pid")))
    pid = begun(tmp_path / "pid")
    jobs.close()
    assert job.over
    assert not alive(pid)
    with pytest.raises(ProblemError, match="stopping"):
        jobs.submit("late", Gate())


def test_one_client_has_a_share_of_the_places_and_no_more() -> None:
    """A quarter is its own; others find theirs, and are not made to wait behind all of it."""
    jobs, gates = Jobs(limit=8, workers=1), [Gate() for _ in range(5)]
    try:
        asking.set("greedy")
        mine = [jobs.submit("wait", gate) for gate in gates[:2]]
        with pytest.raises(ProblemError) as refused:
            jobs.submit("wait", Gate())
        assert (refused.value.status, refused.value.name) == (429, "too-many-jobs")
        assert refused.value.headers["Retry-After"]
        common = jobs.submit("outlook", gates[2], for_all=True)
        asking.set("other")
        other = jobs.submit("wait", gates[3])
        assert gates[0].begun.wait(10)
        gates[0].open.set()
        ended(mine[0])
        assert gates[1].begun.wait(10)  # nothing of this client was running any more, and it was the oldest
        gates[2].open.set(), gates[3].open.set(), gates[1].open.set()
        for job in (*mine, common, other):
            assert ended(job).state == "done"
        asking.set("greedy")
        gates[4].open.set()
        assert ended(jobs.submit("wait", gates[4])).state == "done"
    finally:
        jobs.close()


def test_the_next_job_is_of_who_has_none_running() -> None:
    jobs, gates = Jobs(limit=16, workers=2), [Gate() for _ in range(4)]
    try:
        asking.set("greedy")
        for gate in gates[:3]:
            jobs.submit("wait", gate)
        assert gates[0].begun.wait(10)
        assert gates[1].begun.wait(10)
        asking.set("other")
        jobs.submit("wait", gates[3])
        gates[0].open.set()
        assert gates[3].begun.wait(10), "the other's first job waits behind the third of the one"
        assert not gates[2].begun.is_set()
    finally:
        jobs.close()
