"""Rules of a book of orders: its ladder of prices, and how few units an order may be for."""

from __future__ import annotations

from collections.abc import Iterator

from finance.terms.canonical import plain
from finance.terms.deal import Deal
from finance.terms.offering_book import OfferingBook
from finance.terms.offering_rules import issues, rules_of
from finance.terms.rule_parts import Finding, count, money, parts_of

MAX_LEVELS = 64


def ladders(deal: Deal) -> Iterator[Finding]:
    for here, book in parts_of(deal, OfferingBook):
        least, most, tick = book.least_price.value, book.most_price.value, book.tick.value
        for name in ("least_price", "most_price", "tick"):
            yield from money(deal, (*here, name), getattr(book, name), positive=True)
        if least <= 0 or tick <= 0:
            continue  # has its own problem
        levels = book.steps(book.most_price) + 1
        if levels < 1 or levels.denominator != 1:
            yield (*here, "most_price"), f"is no number of ticks {plain(tick)} above {plain(least)}"
        elif levels > MAX_LEVELS:
            yield (*here, "tick"), f"makes {levels} prices from least to most: at most {MAX_LEVELS}"
        for loc, issue in issues(deal, book):
            if not least <= issue.price <= most:
                span = f"the book's {plain(least)} to {plain(most)}"
                yield (
                    (*here, "least_price"),
                    f"{'.'.join(loc)} is valued at {plain(issue.price)} a unit, which is not in {span}",
                )
            if book.minimum is not None and issue.unit > 0:
                yield from count((*here, "minimum"), book.minimum, 1, int(issue.whole / issue.unit))


RULES = (*rules_of(OfferingBook), ladders)
