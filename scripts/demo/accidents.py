"""What goes wrong on purpose in the demonstration of a deal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class Capture:
    """A quorum of a KPI's nodes makes up the report of `period` (from 1): each adds `lie`, in the KPI's unit,
    to what it measured. A citizen challenges it and the panel corrects it."""

    period: int
    lie: float


@dataclass(frozen=True)
class Accidents:
    """`captured`: by KPI. `silent`: by KPI the period (from 1) that nobody reports. `unpaid`: by part from
    which of its dates (from 1) the first who promised something lets the day pass; it is made good two days
    later. `gone`: by the name of a wallet (Deal.people) from which of the deal's dates (from 1) it keeps no
    promise any more.

    `what_ifs`: by name, further lives of the same deal, which part from the main one at their first report
    and are then undone.
    """

    captured: Mapping[str, Capture] = field(default_factory=dict)
    silent: Mapping[str, int] = field(default_factory=dict)
    unpaid: Mapping[str, int] = field(default_factory=dict)
    gone: Mapping[str, int] = field(default_factory=dict)
    what_ifs: Mapping[str, Accidents] = field(default_factory=dict)

    @property
    def lives(self) -> list[Accidents]:
        """Those of the main life, and of each other."""
        return [self, *self.what_ifs.values()]

    def at(self, kpi: str, period: int) -> bool:
        """Whether something goes wrong with a report; `period` from 0."""
        captured = kpi in self.captured and self.captured[kpi].period == period + 1
        return captured or self.silent.get(kpi) == period + 1


NONE: Final = Accidents()
PLANNED: Final[Mapping[str, Accidents]] = {
    "dc-water-eib-2016": Accidents(
        what_ifs={
            "disputed": Accidents({"runoff-reduction": Capture(1, 0.23)}),
            "silent": Accidents(silent={"runoff-reduction": 1}),
        }
    ),
    "bloom-wind-prs": Accidents({"proxy-revenue": Capture(11, -300_000)}, unpaid={"swap": 5}),
    "water-utility-rainfall-swap": Accidents({"rainfall": Capture(11, -30)}, unpaid={"swap": 5}),
    "highway-availability": Accidents({"lane-hours-closed": Capture(11, -30)}, unpaid={"charge": 5}),
    "leakage-forward": Accidents({"leakage": Capture(1, -7.5)}),
    "viveracqua-hydrobond-2014": Accidents(gone={"payer.chiampo": 19}),
    "viveracqua-hydrobond-2016": Accidents(unpaid={"hydrobond": 15}),
    "leakage-programme": Accidents({"leakage": Capture(1, -6)}, unpaid={"meter-bond": 2}),
}
"""By deal; of any other nothing but a node that lies and one that is down."""
