"""Where published reference data lie, which are not part of this repository: the folder that
PENSTOCK_SHARED_DATA names, or ../shared/data.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = Path(os.environ.get("PENSTOCK_SHARED_DATA") or ROOT.parent / "shared" / "data")
