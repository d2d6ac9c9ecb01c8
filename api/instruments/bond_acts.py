"""What can be done with a bond, in words."""

from __future__ import annotations

from collections.abc import Mapping

from api.i18n import N_
from api.instruments.offers import Offered, PartWords, Refusal, offers, taken
from finance.settlement.bond_books import ACTS as CALLS

REFUSALS: Mapping[str, str | Refusal] = {
    "KpiBond_NotDue": "Nothing is due yet.",
    "KpiBond_Underfunded": Refusal(
        "The issuer has paid in too little: {held} of {due}.",
        money=("held", "due"),
        plain="The issuer has paid in too little.",
    ),
    "KpiBond_NotFixed": "A report that decides this payment has not been turned into its amount yet.",
    "KpiBond_AlreadyFixed": "This report has been turned into its payment already.",
    "KpiBond_UnknownFixing": "There is no such fixing.",
    "KpiBond_WrongState": "The bond is not in the state that this needs.",
    "KpiBond_CouponsOutstanding": "Coupons are still to be paid: {paid} of {total} are.",
    "KpiBond_InGrace": "The grace period still runs.",
    "KpiBond_Funded": "What is due is funded, so there is no default.",
    "KpiBond_NothingToRecover": "The bond holds nothing to share.",
}
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
WORDS = PartWords(N_("Bond"), ACTS, REFUSALS)
