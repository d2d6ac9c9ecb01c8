"""The examples of the API's description: what services over small deals were asked and answered, shortened to
one element a list, by the name of their model. tests/api/test_examples.py captures them and says when they
are old."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_FOLDER = Path(__file__).parent
EXAMPLES: Final[Mapping[str, Any]] = json.loads((_FOLDER / "examples.json").read_text("utf-8"))
DEAL_FILE: Final = (_FOLDER / "example-deal.yaml").read_text("utf-8")
"""The small issue of a bond of the deal book that most of them are of, as a file."""
TERMS: Final[Mapping[str, Any]] = EXAMPLES["DeploymentRecord"]["terms"]
"""The same as it is hashed."""
