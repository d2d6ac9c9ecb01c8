"""What can be done with a bond, in words."""

from __future__ import annotations

from collections.abc import Mapping

from api.i18n import N_
from api.instruments.offers import Offered, PartWords, PaymentWords, Refusal, StateWords, offers, taken
from api.instruments.parameters import Parameter
from api.instruments.sentences import Arguments, Sentence, Writer, units_of
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
    "KpiBond_NotIssuer": "Only the issuer may call the bond.",
    "KpiBond_NotCallable": "The bond cannot be called on that pay date, or it is called already.",
    "KpiBond_ShortNotice": "That pay date is too near: a call needs its notice.",
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
    announce_call=Offered(
        "Call the bond: repay it early",
        "Called the bond: it will be repaid early",
        asked=(Parameter("period", "number", "the coupon period, from 0, on whose pay date", bits=8),),
    ),
    declare_default=Offered("Declare the default"),
    cure=Offered("End the default: the arrears are funded"),
    accelerate=Offered("Make everything due"),
    recover=Offered("Share what the bond holds"),
    return_surplus=Offered("Return the surplus to the issuer"),
)


def _fixed(t: Writer, a: Arguments) -> str:
    if a["missing"]:
        return t.say("No report came; what the terms say for that case was applied to the bond.")
    return t.say("The measurement of {value} was applied to the bond.", value=t.kpi(a["kpi"]))


def _coupon(t: Writer, a: Arguments) -> str:
    number, amount = int(a["period"]) + 1, t.money(a["paid"])
    if not int(a["repayment"]):
        return t.say("Interest {number} was paid: {amount}.", number=number, amount=amount)
    return t.say(
        "Payment {number} was made: {amount}; {interest} of it is interest and {repayment} repays principal.",
        number=number,
        amount=amount,
        interest=t.money(a["interest"]),
        repayment=t.money(a["repayment"]),
    )


TOLD: Mapping[str, Sentence] = {
    "BondActivated": lambda t, a: t.say("The bond began, with {units}.", units=units_of(t, a["units"])),
    "BondFunded": lambda t, a: t.say(
        "{who} provided {amount} for what is due.", who=t.who(a["from"]), amount=t.money(a["amount"])
    ),
    "KpiFixed": _fixed,
    "CouponPaid": _coupon,
    "CallAnnounced": lambda t, a: t.say(
        "The issuer called the bond: with interest {number} it will be repaid, and {premium} beside.",
        number=int(a["period"]) + 1,
        premium=t.money(a["premium"]),
    ),
    "BondRedeemed": lambda t, a: t.say("The bond was repaid: {amount}.", amount=t.money(a["paid"])),
    "BondDefaulted": lambda t, a: t.say(
        "The bond is in default: {due} were due and {held} were there.",
        due=t.money(a["due"]),
        held=t.money(a["held"]),
    ),
    "DefaultCured": lambda t, a: t.say("The default was made good."),
    "BondAccelerated": lambda t, a: t.say("Everything was called due."),
    "SurplusReturned": lambda t, a: t.say(
        "{amount} that were not needed went back to the issuer.", amount=t.money(a["amount"])
    ),
    "Recovered": lambda t, a: t.say(
        "{amount} were recovered for holders after the default.", amount=t.money(a["paid"])
    ),
}
WORDS = PartWords(
    N_("Bond"),
    ACTS,
    REFUSALS,
    TOLD,
    states={
        "active": StateWords(N_("Running"), "good", N_("The deal is under way.")),
        "defaulted": StateWords(
            N_("In default"), "bad", N_("Something due was not paid, or collateral not restored, in time.")
        ),
        "accelerated": StateWords(
            N_("Called due"), "bad", N_("After a default everything was called due at once.")
        ),
        "redeemed": StateWords(N_("Repaid"), "plain", N_("Everything has been paid.")),
    },
    steps={
        "fund": N_("The issuer must provide the money"),
        "coupon": N_("Interest is paid"),
        "fix": N_("A measurement is applied to the bond"),
        "redemption": N_("The nominal value is paid back"),
        "cure": N_("The default must be made good"),
    },
    payments={
        "coupon": PaymentWords(N_("Interest"), numbered=True),
        "principal": PaymentWords(N_("Repayment")),
        "redemption": PaymentWords(N_("Repayment")),
        "premium": PaymentWords(N_("Premium of the call")),
        "outcome": PaymentWords(N_("Outcome payment")),
        "recovery": PaymentWords(N_("Recovery after default")),
    },
    lines={
        "coupon": N_("Interest {number} earned"),
        "coupon repaying": N_("Payment {number}: interest and repayment"),
        "redemption": N_("Repayment of principal"),
        "recovery": N_("Recovery after the default"),
    },
)
