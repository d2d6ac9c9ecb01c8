"""A life of the joined deal that tests can script: two bonds and a forward."""

from __future__ import annotations

from typing import Any

from chain.bindings import contract
from chain.keeper import Keeper
from chain.network import local_account, reach_time
from tests.chain.bond_life import COUPON_DATES, THOUSAND, Life, at

UNIT = 1_000_000


class Joined(Life):
    """The life of the first bond; what is done to the other parts is here."""

    def part(self, key: str, name: str) -> Any:
        return contract(self.w3, name, self.record.addresses[key]).functions

    def buy_second(self, who: str, units: int) -> None:
        self.send(self.deployer, self.currency.mint(who, units * THOUSAND))
        self.send(who, self.currency.approve(self.record.addresses["junior-sale"], units * THOUSAND))
        self.send(who, self.part("junior-sale", "Offering").subscribe(units))

    def pay_into(self, key: str, who: str, amount: int, call: Any) -> None:
        self.send(self.deployer, self.currency.mint(who, amount))
        self.send(who, self.currency.approve(self.record.addresses[key], amount))
        self.send(who, call)

    def begin(self) -> Keeper:
        """Both bonds sold in part, the forward's collateral posted; a keeper that is a stranger."""
        self.sell(a=4, b=3)
        self.buy_second(self.a, 10)
        forward = self.part("leaks", "KpiPayment")
        for side, who in enumerate((self.record.wallets["payer"], self.record.wallets["payee"])):
            self.pay_into("leaks", who, 150 * UNIT, forward.fund(side, 150 * UNIT))
        return Keeper(self.w3, local_account(12).address, [self.record])

    def serve(self) -> None:
        """Money for both bonds, to their ends."""
        self.fund(20 * THOUSAND)
        self.pay_into(
            "junior", self.issuer, 20 * THOUSAND, self.part("junior", "KpiBond").fund(20 * THOUSAND)
        )


def after_two_coupons(life: Joined) -> Joined:
    """The joined deal in mid-life."""
    keeper = life.begin()
    reach_time(life.w3, at("2016-09-29"))
    keeper.round()
    life.serve()
    for date in COUPON_DATES[:2]:
        reach_time(life.w3, at(date))
        keeper.round()
    life.claim(life.a)
    return life
