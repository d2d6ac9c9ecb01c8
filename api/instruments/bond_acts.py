"""What can be done with a bond, in words."""

from __future__ import annotations

from api.instruments.offers import Offered, offers, taken
from finance.settlement.bond_books import ACTS as CALLS

ACTS = offers(
    "bond",
    CALLS,
    fund=Offered("Pay {money} in for what is due", "Paid money in for what is due", pays=taken),
    fix=Offered(
        "Turn the final report into its payment", "Turned a final report into its payment", feeds=True
    ),
    pay_coupon=Offered("Make the payment that is due", "Made a payment that was due"),
    redeem=Offered("Redeem the bond", "Redeemed the bond"),
    declare_default=Offered("Declare the default"),
    cure=Offered("End the default: the arrears are funded"),
    accelerate=Offered("Make everything due"),
    recover=Offered("Share what the bond holds"),
    return_surplus=Offered("Return the surplus to the issuer"),
)
