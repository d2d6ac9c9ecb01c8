"""The guard: what it runs ends with whoever started it, and its exit code says how the program ended."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chain import guard

DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
WAIT = "import time; print(flush=True); time.sleep(60)\n"


@contextmanager
def guarded(program: str) -> Iterator[subprocess.Popen[str]]:
    """A Python program under the guard, as chains are started."""
    with subprocess.Popen(
        [sys.executable, "-I", "-S", guard.__file__, sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("", 0),
        ("raise SystemExit(3)", 3),
        ("import os; os.kill(os.getpid(), 9)", 128 + 9),  # as a shell says it
        (
            "import sys; sys.stdin.read(1); raise SystemExit(5)",
            5,
        ),  # the pipe is the guard's, not the program's
    ],
)
def test_it_ends_as_its_program_does(program: str, code: int) -> None:
    with guarded(program) as process:
        assert process.wait(20) == code


def test_told_to_stop_it_tells_its_program() -> None:
    with guarded(WAIT) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        assert process.wait(20) == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    "program",
    [
        WAIT,
        f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {DEAF + WAIT!r}]); {WAIT}",
        DEAF + WAIT,
    ],
    ids=["obedient", "with a deaf child", "deaf"],
)
def test_all_of_it_ends_with_the_starter(program: str) -> None:
    """The pipe closes, as it does when the starter is killed; at once or, of the deaf, after some seconds."""
    with guarded(program) as process:
        assert process.stdout is not None
        process.stdout.readline()
        group = process.pid
        assert alive(group)
        begun = time.monotonic()
        assert process.stdin is not None
        process.stdin.close()
        process.wait(20)
        while alive(group) and time.monotonic() - begun < 20:
            time.sleep(0.02)
        assert not alive(group)
        assert (time.monotonic() - begun >= guard.PATIENCE_SECONDS) == (program == DEAF + WAIT)


def alive(group: int) -> bool:
    """Whether any process of the group runs; one that has ended and that nobody has asked about does not."""
    listed = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True, check=True).stdout
    return any(
        int(of) == group and not state.startswith("Z") for of, state in map(str.split, listed.splitlines())
    )
