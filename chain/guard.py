"""Runs a program that ends when whoever started this one ends, however that happens: kill -9 included.

`python guard.py PROGRAM ARGUMENT...`, in a session of its own and with a pipe as standard input that the
starter holds open and never writes to. When it closes, the program and all that it started are ended.
Standard library only: it is run by its path, without the packages around it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

PATIENCE_SECONDS = 3


def main(command: list[str]) -> int:
    """Run the command to its end; its exit code."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    alone = threading.Event()

    def end_with_starter() -> None:
        while os.read(0, 4096):
            pass
        alone.set()
        process.terminate()
        try:
            process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()

    signal.signal(signal.SIGTERM, lambda _number, _frame: process.terminate())
    threading.Thread(target=end_with_starter, daemon=True).start()
    code = process.wait()
    if alone.is_set() and hasattr(os, "killpg"):
        os.killpg(os.getpgrp(), signal.SIGKILL)  # a wrapper's children, and this
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
