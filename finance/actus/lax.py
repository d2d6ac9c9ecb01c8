"""LAX, exotic linear amortizer: arrays of redemption, interest and rate segments (section 7.3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from typing import Final

from finance.actus.amortizers import ROUNDING, Lam
from finance.actus.core import Event, State
from finance.actus.dates import Cycle, schedule
from finance.terms.schedule import ends_month

INCREASE: Final = "INC"
FIXED: Final = ("F", "FIX")
MAX_PAYMENTS: Final = 100_000
"""More payments than this before the principal is repaid: the contract never ends."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One element of an array schedule: from `anchor`, every `cycle`, until the next one's anchor."""

    anchor: datetime
    cycle: Cycle | None
    value: float
    kind: str


class Lax(Lam):
    """Exotic linear amortizer: PR lowers and PI raises the principal, by amounts that vary by segment.

    The fixing of the amount (PRF) is no event of its own: PR and PI carry their segment's amount, as in the
    published results.
    """

    type = "LAX"

    def segments(self, anchors: str, cycles: str, values: str = "", kinds: str = "") -> list[Segment]:
        """The segments of an array schedule; one cycle, or value, may stand for all."""
        times = self.terms.times(anchors)
        if sorted(times) != times:
            raise self.terms.error(anchors, "must be in order of time")

        def spread(name: str, items: Sequence[object], default: object) -> list[object]:
            if not items:
                return [default] * len(times)
            if len(items) not in (1, len(times)):
                raise self.terms.error(name, f"needs 1 or {len(times)} elements, has {len(items)}")
            return list(items) * (len(times) if len(items) == 1 else 1)

        rows = zip(
            times,
            spread(cycles, self.terms.cycles(cycles), None),
            spread(values, self.terms.numbers(values) if values else [], 0.0),
            spread(kinds, self.terms.texts(kinds) if kinds else [], ""),
            strict=True,
        )
        return [Segment(*row) for row in rows]  # type: ignore[arg-type]

    @cached_property
    def redemptions(self) -> list[Segment]:
        prefix = "PrincipalRedemption"
        segments = self.segments(
            f"arrayCycleAnchorDateOf{prefix}",
            f"arrayCycleOf{prefix}",
            f"arrayNext{prefix}Payment",
            "arrayIncreaseDecrease",
        )
        for needed in (f"arrayCycleAnchorDateOf{prefix}", f"arrayNext{prefix}Payment"):
            if not self.terms.raw(needed):
                raise self.terms.error(needed, "is missing")
        for segment in segments:
            if segment.kind not in (INCREASE, "DEC"):
                raise self.terms.error("arrayIncreaseDecrease", "must be INC or DEC")
        return segments

    def spread_out(self, segments: Sequence[Segment], end: datetime) -> list[tuple[datetime, Segment]]:
        """(time, segment) of every element before `end`: an array schedule (3.2)."""
        out: list[tuple[datetime, Segment]] = []
        bounds = [*(segment.anchor for segment in segments), end]
        for segment, (start, following) in zip(segments, pairwise(bounds), strict=True):
            stop = min(following, end)
            if start < stop:
                times = schedule(start, segment.cycle, stop, include_end=False, month_ends=self.month_ends)
                out += [(t, segment) for t in times]
        return out

    def _step(self, segment: Segment, steps: int) -> datetime:
        assert segment.cycle is not None
        to_month_end = self.month_ends and segment.cycle.months > 0 and ends_month(segment.anchor)
        return segment.cycle.after(segment.anchor, steps, to_month_end)

    # Schedule

    def schedule(self) -> Iterable[Event]:
        # No PR of the Lam schedule: LAX has no scalar redemption cycle.
        yield from super().schedule()
        for t, segment in self.spread_out(self.redemptions, self.Md):
            yield from self.cyclic("PI" if segment.kind == INCREASE else "PR", [t], segment.value)

    @cached_property
    def redemption_times(self) -> list[datetime]:
        return []

    def interest_times(self) -> list[datetime]:
        if self.terms.number("nominalInterestRate") is None:
            return []
        prefix = "InterestPayment"
        segments = self.segments(f"arrayCycleAnchorDateOf{prefix}", f"arrayCycleOf{prefix}")
        if not segments:
            return super().interest_times()
        return [*(t for t, _ in self.spread_out(segments, self.Md)), self.Md]

    def rate_resets(self, end: datetime) -> list[Event]:
        """RRF at fixed rates and RR at market rates plus a spread, as arrayFixedVariable says."""
        segments = self.segments(
            "arrayCycleAnchorDateOfRateReset", "arrayCycleOfRateReset", "arrayRate", "arrayFixedVariable"
        )
        if not segments:
            return super().rate_resets(end)
        events: list[Event] = []
        for t, segment in self.spread_out(segments, end):
            if segment.kind not in (*FIXED, "V", "VAR"):
                raise self.terms.error("arrayFixedVariable", "must be F or V")
            events += self.cyclic("RRF" if segment.kind in FIXED else "RR", [t], segment.value)
        return events

    def maturity(self) -> datetime | None:
        return self.terms.time("maturityDate") or self.repaid_at

    @cached_property
    def repaid_at(self) -> datetime:
        """Md(t0) without MD (7.3): when the payments of the segments have repaid the principal."""
        outstanding, segments = self.NT, self.redemptions
        for number, segment in enumerate(segments):
            following = segments[number + 1].anchor if number + 1 < len(segments) else None
            for steps in range(MAX_PAYMENTS):
                if steps and segment.cycle is None:
                    break
                t = self._step(segment, steps) if steps else segment.anchor
                if following is not None and t >= following:
                    break
                if t <= self.status_date:
                    continue
                outstanding += segment.value if segment.kind == INCREASE else -segment.value
                if outstanding <= ROUNDING * self.NT:
                    return t
                if following is None and segment.kind == INCREASE:
                    break
        raise self.terms.error("maturityDate", "is missing, and the redemptions never repay the principal")

    # States and events

    def first_payment(self) -> float:
        return 0.0

    def PR(self, s: State, event: Event) -> float:
        """POF_PR_LAM, STF_PR_LAM, with the amount that PRF fixes for the segment."""
        self.accrue(s, event.calculated)
        s.Prnxt = self.sign * event.detail
        return s.Nsc * self.redeem(s, s.Prnxt)

    def PI(self, s: State, event: Event) -> float:
        """POF_PI_LAX, STF_PI_LAX: a further drawing."""
        self.accrue(s, event.calculated)
        s.Prnxt = self.sign * event.detail
        self.set_principal(s, s.Nt + s.Prnxt)
        return -s.Nsc * s.Prnxt

    def reset_spread(self, event: Event) -> float:
        return super().reset_spread(event) if event.detail is None else float(event.detail)

    def RRF(self, s: State, event: Event) -> float:
        """STF_RRF_LAX."""
        if event.detail is None:
            return super().RRF(s, event)
        self.accrue(s, event.calculated)
        s.Ipnr = event.detail
        return 0.0
