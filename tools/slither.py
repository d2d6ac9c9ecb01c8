#!/usr/bin/env python3
"""Run slither over our contracts and fail on any high or medium finding that is not explained.

An explanation is a `slither-disable` comment beside the code, with the reason above it. Compiles with forge,
into a folder of its own: forge's tests may be compiled at the same time.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from forge import ROOT, native_forge

BUILD = "cache/slither"

if __name__ == "__main__":
    path = os.pathsep.join([str(native_forge().parent), str(Path(sys.executable).parent), os.environ["PATH"]])
    command = ["slither", ".", "--compile-force-framework", "foundry"]
    command += ["--foundry-out-directory", f"{BUILD}/out"]
    command += ["--filter-paths", "node_modules|tests/|contracts/testing", "--fail-medium"]
    command += ["--exclude-informational", "--exclude-low", "--exclude-optimization", *sys.argv[1:]]
    forge = {"FOUNDRY_OUT": f"{BUILD}/out", "FOUNDRY_CACHE_PATH": f"{BUILD}/cache"}
    raise SystemExit(subprocess.run(command, cwd=ROOT, env={**os.environ, **forge, "PATH": path}).returncode)
