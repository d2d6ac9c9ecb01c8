"""Rules of a book of orders: its ladder of prices, and how few units an order may be for."""

from __future__ import annotations

from collections.abc import Iterator

from finance.terms.canonical import plain
from finance.terms.deal import Deal
from finance.terms.offering_book import OfferingBook
from finance.terms.offering_rules import issues, rules_of
from finance.terms.rule_parts import Finding, Loc, count, money, parts_of

MAX_LEVELS = 64


def ladders(deal: Deal) -> Iterator[Finding]:
    for here, book in parts_of(deal, OfferingBook):
        for _, issue in issues(deal, book):
            if book.minimum is not None and issue.unit > 0:
                yield from count((*here, "minimum"), book.minimum, 1, int(issue.whole / issue.unit))
        terms = {"least_price": book.least_price, "most_price": book.most_price, "tick": book.tick}
        wrong = [
            finding
            for name, term in terms.items()
            for finding in money(deal, (*here, name), term, positive=True)
        ]
        yield from wrong
        if not wrong:
            yield from _prices(deal, here, book)


def _prices(deal: Deal, here: Loc, book: OfferingBook) -> Iterator[Finding]:
    least, most, tick = book.least_price.value, book.most_price.value, book.tick.value
    levels = book.steps(book.most_price) + 1
    if levels < 1 or levels.denominator != 1:
        yield (*here, "most_price"), f"is no number of ticks {plain(tick)} above {plain(least)}"
        return
    if levels > MAX_LEVELS:
        yield (*here, "tick"), f"makes {levels} prices from least to most: at most {MAX_LEVELS}"
    for loc, issue in issues(deal, book):
        if not least <= issue.price <= most:
            span = f"the book's {plain(least)} to {plain(most)}"
            yield (
                (*here, "least_price"),
                f"{'.'.join(loc)} is valued at {plain(issue.price)} a unit, which is not in {span}",
            )


RULES = (*rules_of(OfferingBook), ladders)
