#!/usr/bin/env python3
"""Run brownie with a home of its own, in which its local chains have a free port.

brownie takes port 8545, and joins whatever answers there: tests would then move the clock of a chain that a
user has running. Networks come from brownie's own list; only the port differs.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> int:
    spec = find_spec("brownie")
    if spec is None or spec.origin is None:
        print("brownie is not installed; run the set-up first", file=sys.stderr)
        return 2
    networks = (Path(spec.origin).parent / "data" / "network-config.yaml").read_text()
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / ".brownie"
        folder.mkdir()
        (folder / "network-config.yaml").write_text(networks.replace("port: 8545", f"port: {free_port()}"))
        command = [str(Path(sys.executable).parent / "brownie"), *sys.argv[1:]]
        return subprocess.run(command, cwd=ROOT, env={**os.environ, "HOME": home}).returncode


if __name__ == "__main__":
    raise SystemExit(main())
