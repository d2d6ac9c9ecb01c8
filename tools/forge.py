#!/usr/bin/env python3
"""Run forge with the arguments given and pass on its exit code.

The launcher that npm installs (`node_modules/.bin/forge`, version 1.7.1) exits with 0 even when tests fail,
so a check that used it could never fail. This runs the native program of the platform package instead.
"""

from __future__ import annotations

import os
import random
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


def seeded(arguments: list[str]) -> list[str]:
    """The arguments of forge; its tests get the seed PENSTOCK_SEED, or one that is printed."""
    if arguments[:1] != ["test"] or "--fuzz-seed" in arguments:
        return arguments
    seed = int(os.environ.get("PENSTOCK_SEED") or random.SystemRandom().randrange(2**32))
    print(f"PENSTOCK_SEED={seed}", flush=True)
    return [*arguments, "--fuzz-seed", str(seed)]


if __name__ == "__main__":
    command = [native_forge(), *seeded(sys.argv[1:])]
    raise SystemExit(subprocess.run(command, cwd=ROOT).returncode)
