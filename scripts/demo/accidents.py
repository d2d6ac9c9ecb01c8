"""What goes wrong on purpose in the demonstration of a deal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class Accidents:
    """`captured`: by KPI the period (from 1) whose report a captured quorum makes up, which a citizen
    challenges and the panel corrects. `unpaid`: by part which of its dates (from 1) those who promised let
    pass; they make good two days later."""

    captured: Mapping[str, int] = field(default_factory=dict)
    unpaid: Mapping[str, int] = field(default_factory=dict)


NONE: Final = Accidents()
PLANNED: Final[Mapping[str, Accidents]] = {
    "leakage-programme": Accidents(captured={"leakage": 1}, unpaid={"meter-bond": 2}),
}
"""By deal; of any other nothing but a node that lies and one that is down."""
