"""The small bond of bond_life with a call by its issuer, in mid-life.

Seven units of 1,000, nine half-years from October 2016. It can be called from October 2018 on at 1.34, since
its outcome payment is at best 0.33 of the principal.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from chain.network import LocalChain, reach_time
from finance.terms import Deal, parse_deal
from finance.terms.bond import KpiBond
from tests.chain.bond_life import COUPON_DATES, Life, at, small_tree
from tests.finance.deal_variants import term

LAST = 3  # the fourth coupon, of October 2018
PREMIUM = 340_000_000  # 34 % of a unit
COUPON = 116_666_666
DAY = 86_400


def callable_deal(price: str = "1.34") -> Deal:
    tree = small_tree()
    begins = date.fromisoformat(COUPON_DATES[LAST])
    tree["parts"]["bond"]["call"] = {
        "notice_days": term(30),
        "prices": [{"from": term(begins), "price": term(Decimal(price))}],
    }
    return parse_deal(tree)


class Called(Life):
    """A bond with a call: three coupons are paid, and nothing is held for the fourth."""

    def __init__(self, chain: LocalChain) -> None:
        super().__init__(chain, callable_deal())
        self.sell(a=4, b=3)
        self.settle()
        self.fund(LAST * COUPON)
        for day in COUPON_DATES[:LAST]:
            self.coupon(day)

    def announce(self, who: str, period: int) -> None:
        self.send(who, self.bond.announceCall(period))

    def called(self) -> None:
        """For the fourth pay date, 47 days before."""
        reach_time(self.w3, at(COUPON_DATES[LAST]) - 47 * DAY)
        self.announce(self.issuer, LAST)

    def default(self) -> None:
        """The fourth coupon, or what is due with it, is not paid past its grace."""
        reach_time(self.w3, at(COUPON_DATES[LAST]) + self.span("grace_days") + 1)
        self.send(self.c, self.bond.declareDefault())

    def accelerate(self) -> None:
        reach_time(self.w3, at(COUPON_DATES[LAST]) + self.span("grace_days") + self.span("cure_days") + DAY)
        self.send(self.c, self.bond.accelerate())

    def span(self, days: str) -> int:
        """Days of the deal file in seconds."""
        return DAY * int(getattr(self.deal.only(KpiBond), days).value)
