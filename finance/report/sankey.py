"""Money by where it comes from and where it goes, laid out as bars and bands (a Sankey diagram); drawn by
`finance.report.sankey_plot` and by pages. Lengths are a page's pixels, from the top left."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

Flow = tuple[str, str, float]
"""From where, to where, how much."""
WIDTH: Final = 760.0
SIDE: Final = 205.0
"""Left and right of the bars, for what they are called."""
BAR, FONT, LINE, GAP, THIN = 12.0, 12.0, 15.0, 12.0, 1.5
BANDS: Final = 260.0
"""Height of all money that comes in."""
SIDE_LETTERS, INNER_LETTERS = 30, 18
WIDE: Final = "\u1100"
"""Letters from Hangul on are as wide as two."""
SMALL: Final = 0.02
"""Of all money: what is less stands with others."""


@dataclass(frozen=True)
class Words:
    """How names and amounts are written: what is `again` paid out of a place that was filled before, `others`
    of such a number, an amount."""

    again: Callable[[str], str] = "out of {}".format
    others: Callable[[int], str] = "{} others".format
    amount: Callable[[float], str] = "{:,.0f}".format


@dataclass(frozen=True)
class Bar:
    """A place of money: `amount` of what comes or goes, the larger; its words in `lines`, and where they
    stand. `side`: left and right of all, or within."""

    name: str
    amount: float
    side: str
    x: float
    top: float
    bottom: float
    lines: Sequence[str]

    @property
    def words_x(self) -> float:
        """Where the words end, begin, or have their middle, by `side`."""
        return {"left": self.x - 6, "right": self.x + BAR + 6}.get(self.side, self.x + BAR / 2)

    @property
    def words_y(self) -> float:
        """The base of the first line: beside the bar's middle, or above a bar within."""
        if self.side == "inner":
            return self.top - 5 - LINE * (len(self.lines) - 1)
        return (self.top + self.bottom) / 2 + FONT / 3 - LINE * (len(self.lines) - 1) / 2


@dataclass(frozen=True)
class Band:
    """What goes from one bar to another: from (x, middle of y) to (x, middle of y), and how thick. `late`: it
    does not come from outside."""

    source: str
    target: str
    amount: float
    start: tuple[float, float]
    end: tuple[float, float]
    thick: float
    late: bool

    @property
    def path(self) -> str:
        """The outline, as SVG has it."""
        (x, y), (u, v), half = self.start, self.end, self.thick / 2
        m = (x + u) / 2
        up = f"M{x:.1f} {y - half:.1f}C{m:.1f} {y - half:.1f} {m:.1f} {v - half:.1f} {u:.1f} {v - half:.1f}"
        return f"{up}V{v + half:.1f}C{m:.1f} {v + half:.1f} {m:.1f} {y + half:.1f} {x:.1f} {y + half:.1f}Z"


@dataclass(frozen=True)
class Sankey:
    """The bars and bands, and how high and wide all of it is; how wide a `bar` is, how high a `line`."""

    bars: Sequence[Bar]
    bands: Sequence[Band]
    height: float
    width: float = WIDTH
    bar: float = BAR
    line: float = LINE


def summed(flows: Iterable[Flow]) -> list[Flow]:
    """One flow for each pair, in the order in which they first appear; nothing is left out."""
    sums: dict[tuple[str, str], float] = {}
    for source, target, amount in flows:
        sums[source, target] = sums.get((source, target), 0) + amount
    return [(source, target, amount) for (source, target), amount in sums.items() if amount]


def laid_out(flows: Iterable[Flow], words: Words | None = None) -> Sankey:
    """Where everything is drawn. What goes round in a circle begins again on the left; what is small among
    those that only give, or only get, is drawn as one."""
    found = words or Words()
    return _Layout(_grouped(_forward(summed(flows), found), found), found).done()


def _forward(flows: Sequence[Flow], words: Words) -> list[Flow]:
    """Without circles: a flow that would close one leaves from a place of its own."""
    ahead: dict[str, set[str]] = {}

    def leads(here: str, to: str) -> bool:
        return here == to or any(leads(each, to) for each in ahead.get(here, ()))

    found = []
    for source, target, amount in flows:
        if leads(target, source):
            source = words.again(source)
        ahead.setdefault(source, set()).add(target)
        found.append((source, target, amount))
    return summed(found)


def _grouped(flows: Sequence[Flow], words: Words) -> list[Flow]:
    """The small ones of those that only get together, and of those that only give."""
    sources, targets = {s for s, _, _ in flows}, {t for _, t, _ in flows}
    least = SMALL * sum(amount for source, _, amount in flows if source not in targets)
    called: dict[str, str] = {}
    for place, others in ((0, targets), (1, sources)):
        sums: dict[str, float] = {}
        for flow in flows:
            if flow[place] not in others:
                sums[str(flow[place])] = sums.get(str(flow[place]), 0) + flow[2]
        small = [name for name, amount in sums.items() if amount < least]
        if len(small) > 1:
            called |= dict.fromkeys(small, words.others(len(small)) + (" " if place else ""))
    found = summed((called.get(s, s), called.get(t, t), amount) for s, t, amount in flows)
    return sorted(found, key=lambda flow: bool({*flow[:2]} & {*called.values()}))


class _Layout:
    def __init__(self, flows: Sequence[Flow], words: Words) -> None:
        self.flows, self.words = flows, words
        self.names = list(dict.fromkeys(name for flow in flows for name in flow[:2]))
        self.given = {name: sum(a for s, _, a in flows if s == name) for name in self.names}
        self.got = {name: sum(a for _, t, a in flows if t == name) for name in self.names}
        self.depth = {name: self._depth(name) for name in self.names}
        self.last = max(self.depth.values(), default=0)
        for name in self.names:
            if not self.given[name]:
                self.depth[name] = self.last
        self.layers = [[name for name in self.names if self.depth[name] == i] for i in range(self.last + 1)]
        self.scale = BANDS / (max(sum(map(self._amount, layer)) for layer in self.layers) or 1.0)
        self.tops: dict[str, float] = {}

    def _depth(self, name: str) -> int:
        return max((1 + self._depth(s) for s, t, _ in self.flows if t == name), default=0)

    def _amount(self, name: str) -> float:
        return max(self.given[name], self.got[name])

    def _thick(self, amount: float) -> float:
        return max(THIN, amount * self.scale)

    def _lines(self, name: str) -> list[str]:
        letters = SIDE_LETTERS if self._side(name) != "inner" else INNER_LETTERS
        if any(letter >= WIDE for letter in name):
            letters //= 2
        return [*textwrap.wrap(name.strip(), letters), self.words.amount(self._amount(name))]

    def _side(self, name: str) -> str:
        return {0: "left", self.last: "right"}.get(self.depth[name], "inner")

    def _slot(self, name: str) -> float:
        """The height that a bar and its words take: beside each other, or the words above."""
        bar, words = self._thick(self._amount(name)), LINE * len(self._lines(name))
        return bar + words if self._side(name) == "inner" else max(bar, words)

    def _full(self, layer: Sequence[str]) -> float:
        return sum(map(self._slot, layer)) + GAP * max(len(layer) - 1, 0)

    def done(self) -> Sankey:
        height = max(map(self._full, self.layers), default=0.0)
        for i in (0, self.last):
            self._stack(self.layers[i], (height - self._full(self.layers[i])) / 2)
        for i in range(self.last - 1, 0, -1):
            self._stack_near(self.layers[i], height)
        bars = [self._bar(name) for name in self.names]
        return Sankey(bars, list(self._bands({bar.name: bar for bar in bars})), height)

    def _stack(self, layer: Sequence[str], top: float) -> None:
        for name in layer:
            self.tops[name] = top
            top += self._slot(name) + GAP

    def _stack_near(self, layer: Sequence[str], height: float) -> None:
        """Each as high as what it gives to, as far as there is room."""
        top = 0.0
        for place, name in enumerate(layer):
            to = [(self.tops[t] + self._slot(t) / 2, a) for s, t, a in self.flows if s == name]
            wanted = sum(y * a for y, a in to) / sum(a for _, a in to) - self._slot(name) / 2
            room = height - self._full(layer[place:])
            self.tops[name] = max(top, min(wanted, room))
            top = self.tops[name] + self._slot(name) + GAP

    def _bar(self, name: str) -> Bar:
        side, thick = self._side(name), self._thick(self._amount(name))
        free = self._slot(name) - thick
        top = self.tops[name] + (free if side == "inner" else free / 2)
        x = SIDE + (WIDTH - 2 * SIDE - BAR) * self.depth[name] / max(self.last, 1)
        return Bar(name, self._amount(name), side, x, top, top + thick, self._lines(name))

    def _bands(self, bars: dict[str, Bar]) -> Iterable[Band]:
        left, right = ({name: bar.top for name, bar in bars.items()} for _ in range(2))
        thick = {flow: self._thick(flow[2]) for flow in self.flows}
        starts: dict[Flow, float] = {}
        for flow in sorted(self.flows, key=lambda each: bars[each[1]].top):
            starts[flow] = left[flow[0]] + thick[flow] / 2
            left[flow[0]] += thick[flow]
        for flow in sorted(self.flows, key=lambda each: bars[each[0]].top):
            source, target, amount = flow
            end = right[target] + thick[flow] / 2
            right[target] += thick[flow]
            begin = (bars[source].x + BAR, starts[flow])
            yield Band(
                source, target, amount, begin, (bars[target].x, end), thick[flow], bool(self.depth[source])
            )
