#!/usr/bin/env python3
"""Run forge with the arguments given and pass on its exit code.

The launcher that npm installs (`node_modules/.bin/forge`, version 1.7.1) exits with 0 even when tests fail,
so a check that used it could never fail. This runs the native program of the platform package instead.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def native_forge() -> Path:
    """The forge program of the installed platform package; raises SystemExit(2) when there is none."""
    name = "forge.exe" if os.name == "nt" else "forge"
    found = sorted((ROOT / "node_modules" / "@foundry-rs").glob(f"forge-*/bin/{name}"))
    if not found:
        print("forge: no platform package in node_modules/@foundry-rs; run the set-up first", file=sys.stderr)
        raise SystemExit(2)
    return found[0]


if __name__ == "__main__":
    raise SystemExit(subprocess.run([native_forge(), *sys.argv[1:]], cwd=ROOT).returncode)
