"""The look that all plots share: colours, fonts, a title above, a sentence below; and how they are saved."""

from __future__ import annotations

import html
import io
import re
import textwrap
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from finance.report.files import whole

# Okabe and Ito's colours, which readers with colour-blindness tell apart.
LOSS, EVEN, GAIN, INK, TWIN = "#D55E00", "#999999", "#0072B2", "#222222", "#009E73"
# Text as paths, so that an SVG looks the same where the font is not installed.
STYLE: Any = {"font.family": "DejaVu Sans", "font.size": 9.5, "axes.edgecolor": INK, "svg.fonttype": "path"}
WIDTH, DPI = 8.2, 200  # inches; dots per inch of a PNG
LEFT, RIGHT = 0.115, 0.975
LINE = 0.165  # inches a line of the sentence takes
SENTENCE_CHARACTERS = 112
SENTENCE = "sentence"  # what the text below a figure is called in it


def sheet(height: float) -> Figure:
    """An empty figure, `height` inches high. To be drawn on inside `matplotlib.rc_context(STYLE)`."""
    return Figure(figsize=(WIDTH, height), dpi=DPI)


def finish(figure: Figure, title: str, sentence: str, below: float = 0.62, **margins: float) -> None:
    """Put the title above and the sentence below, and leave `below` inches for what hangs under the axes."""
    text = textwrap.fill(sentence, SENTENCE_CHARACTERS, break_on_hyphens=False)
    high = figure.get_figheight()
    left = margins.setdefault("left", LEFT)
    heading = textwrap.fill(title, 78)
    top = 0.42 + 0.2 * heading.count("\n")
    figure.suptitle(heading, x=left, y=1 - 0.12 / high, ha="left", va="top", fontsize=12, fontweight="bold")
    figure.text(left, 0.1 / high, text, ha="left", va="bottom", fontsize=8.5, color=INK, gid=SENTENCE)
    bottom = (0.1 + LINE * (text.count("\n") + 1) + below) / high
    margins.setdefault("right", RIGHT)
    figure.subplots_adjust(top=1 - top / high, bottom=bottom, **margins)


def sentence_top(figure: Figure, sentence: str) -> float:
    """Where the sentence ends, as a fraction of the figure's height."""
    lines = len(textwrap.wrap(sentence, SENTENCE_CHARACTERS, break_on_hyphens=False))
    return (0.1 + LINE * lines) / figure.get_figheight()


def plain_axes(axes: Axes) -> None:
    """No frame above and on the right."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(color=INK)


def colour(amount: float) -> str:
    """Blue for what holders get, orange for what they lose, grey for nothing."""
    return GAIN if amount > 0 else LOSS if amount < 0 else EVEN


def money_unit(amounts: list[float]) -> tuple[float, str]:
    """What to divide amounts by for an axis, and the word for it: 1e6 and " million"."""
    reach = max((abs(amount) for amount in amounts), default=0.0)
    if reach >= 1e10:  # as millions they would not be written in full
        return 1e9, " billion"
    if reach >= 1e6:
        return 1e6, " million"
    return (1e3, " thousand") if reach >= 1e3 else (1.0, "")


def amount_text(amount: float) -> str:
    """3300000 as 3.3 million, 88593.75 as 88.59 thousand; less than half a hundredth as 0."""
    if abs(amount) < 0.005:
        return "0"
    unit, word = money_unit([amount])
    return f"{amount / unit:,.4g}{word}"


def save(figure: Figure, path: str | Path, title: str) -> Path:
    """Write a figure as PNG, SVG or PDF, whole or not at all."""
    path = Path(path)
    with whole(path) as part:
        figure.savefig(part, metadata={"Title": title})
    return path


def sentence_of(figure: Figure) -> str:
    """The sentence below a figure that `finish` made."""
    return " ".join(_sentence(figure).get_text().split())


def _sentence(figure: Figure) -> Text:
    return next(text for text in figure.texts if text.get_gid() == SENTENCE)


def svg(figure: Figure, name: str) -> str:
    """The drawing of a figure that `finish` made as an <svg> element for a page, which writes title and
    sentence itself. It is labelled with the sentence, and its ids begin with `name`.
    """
    label = html.escape(sentence_of(figure), quote=True)
    figure.suptitle("")
    _sentence(figure).set_visible(False)
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None}, bbox_inches="tight", pad_inches=0.05)
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
