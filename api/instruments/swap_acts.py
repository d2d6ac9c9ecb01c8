"""What can be done with a KPI payment and with the treasury of its project, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.i18n import N_
from api.instruments.offers import EXPIRY, Offered, PartWords, PaymentWords, StateWords, offers, taken
from api.instruments.parameters import Parameter
from api.instruments.sentences import Arguments, Sentence, Writer, units_of
from finance.settlement.payment_books import ACTS as CALLS
from finance.settlement.treasury_books import ACTS as TREASURY_CALLS

REFUSALS: Mapping[str, str] = {
    "KpiPayment_NotDue": "The period is not due yet.",
    "KpiPayment_NoShortfall": "That side lacks nothing.",
    "KpiPayment_MarginAlreadyCalled": "That side has been called already.",
    "KpiPayment_NotParty": "Only the parties of the swap may do this.",
    "KpiPayment_WrongState": "The swap is not in the state that this needs.",
    "KpiPayment_NoSuchProposal": "There is no such offer.",
}
SIDES = (N_("the payer"), N_("the payee"))


def _side(t: Writer, value: Any) -> str:
    return t.say(SIDES[int(value)])


def _settled(t: Writer, a: Arguments) -> str:
    amount = int(a["amount"])
    words = {"period": int(a["period"]) + 1, "amount": t.money(abs(amount))}
    if amount >= 0:
        return t.say("Period {period} was settled: the payer owes {amount}.", **words)
    return t.say("Period {period} was settled: the payee owes {amount}.", **words)


_PAID = {
    "netted": N_("{amount} of it was set off against what the other side owed."),
    "paid": N_("{amount} of it was paid."),
    "unpaid": N_("{amount} of it was added to what is owed."),
}


def _paid(t: Writer, a: Arguments) -> str:
    said = [t.say(words, amount=t.money(a[name])) for name, words in _PAID.items() if int(a[name])]
    return " ".join(said or [t.say("Nothing was to be paid.")])


TOLD: Mapping[str, Sentence] = {
    "PeriodSettled": _settled,
    "AmountPaid": _paid,
    "Funded": lambda t, a: t.say(
        "{who} paid in {amount}.", who=_side(t, a["side"]), amount=t.money(a["amount"])
    ),
    "Withdrawn": lambda t, a: t.say(
        "{who} withdrew {amount}.", who=_side(t, a["side"]), amount=t.money(a["amount"])
    ),
    "MarginCalled": lambda t, a: t.say(
        "Collateral of {who} was called; it must be restored until {day}.",
        who=_side(t, a["side"]),
        day=t.write.day_text(int(a["deadline"])),
    ),
    "MarginRestored": lambda t, a: t.say("{who} restored its collateral.", who=_side(t, a["side"])),
    "ClosedOut": lambda t, a: t.say("The agreement was closed out."),
    "Matured": lambda t, a: t.say("The agreement has ended; all periods are settled."),
    "TerminationProposed": lambda t, a: t.say("{who} offered to end the agreement.", who=_side(t, a["side"])),
    "TerminationWithdrawn": lambda t, a: t.say(
        "{who} took back its offer to end the agreement.", who=_side(t, a["side"])
    ),
    "AgreedTermination": lambda t, a: t.say("It was ended by both sides."),
    "PaymentActivated": lambda t, a: t.say("The agreement began, with the collateral in place."),
}


def _waterfall(t: Writer, a: Arguments) -> str:
    return t.say(
        "The treasury paid period {period}: {cost} operating cost, {debt} debt service, {swap} on the "
        "swap, {holders} to "
        "holders.",
        period=int(a["period"]) + 1,
        cost=t.money(a["operatingCost"]),
        debt=t.money(a["debtService"]),
        swap=t.money(a["swap"]),
        holders=t.money(a["holders"]),
    )


TREASURY_TOLD: Mapping[str, Sentence] = {
    "RevenueReceived": lambda t, a: t.say(
        "The project received {amount} of revenue.", amount=t.money(a["amount"])
    ),
    "PeriodPaid": _waterfall,
    "TreasuryActivated": lambda t, a: t.say(
        "The project began, with {units}.", units=units_of(t, a["units"])
    ),
    "Withdrawn": lambda t, a: t.say(
        "{who} was paid {amount} by the treasury.", who=t.who(a["to"]), amount=t.money(a["amount"])
    ),
    "TreasuryClosed": lambda t, a: t.say("The project treasury was closed."),
    "MoneyReturned": lambda t, a: t.say(
        "The treasury of the failed issue returned {amount} to the issuer.", amount=t.money(a["returned"])
    ),
}
WORDS = PartWords(
    N_("Swap"),
    offers(
        "payment",
        CALLS,
        fund=Offered("Pay {money} in for the {side}", "Paid money in for a side", "fund-swap", pays=taken),
        activate=Offered("Begin the payments: both sides have posted", name="begin"),
        settle=Offered("Settle the period that is due", "Settled a period of the payments"),
        withdraw=Offered("Pay the {side} what it can have", name="withdraw-swap"),
        call_margin=Offered("Call the {side} for collateral"),
        close_out=Offered("Close the payments out after a default"),
        propose_termination=Offered(
            "Offer to end the payments",
            asked=(
                Parameter("amount", "signed", "last payment in minor units; positive: the payer pays"),
                EXPIRY,
            ),
        ),
        withdraw_termination=Offered("Take the offer back"),
        accept_termination=Offered("Accept the other side's offer {id}"),
    ),
    REFUSALS,
    TOLD,
    states={
        "agreed": StateWords(
            N_("Agreed, not begun"), "plain", N_("It begins when both sides have posted collateral.")
        ),
        "lapsed": StateWords(
            N_("Never begun"), "plain", N_("Collateral was not there in time; each side gets its own back.")
        ),
        "matured": StateWords(N_("Ended"), "plain", N_("The last period has been settled.")),
        "closed_out": StateWords(N_("Closed out"), "bad", N_("One side failed, and the swap was ended.")),
        "terminated": StateWords(N_("Ended by agreement"), "plain", N_("Both sides agreed to end it.")),
    },
    steps={
        "begin": N_("The swap begins, or lapses"),
        "settle": N_("A swap payment is settled"),
        "margin": N_("Collateral must be restored"),
        "call-margin": N_("Collateral is lacking and can be called"),
        "close-out": N_("The swap can be closed out"),
    },
    payments={
        "settlement": PaymentWords(N_("Swap payment"), numbered=True),
        "close_out": PaymentWords(N_("Close-out")),
        "termination": PaymentWords(N_("Agreed end of the swap")),
    },
)
TREASURY_REFUSALS: Mapping[str, str] = {
    "RevenueTreasury_NotDue": "The period is not due yet.",
    "RevenueTreasury_SwapNotSettled": "The swap must settle the period first.",
    "RevenueTreasury_SwapNotClosedOut": "The swap is in default and must be closed out first.",
    "RevenueTreasury_ProviderOwes": "The swap's provider must pay what it owes first, or be in default.",
    "RevenueTreasury_WrongState": "The treasury is not in the state that this needs.",
    "RevenueTreasury_AllPaid": "All periods have been paid.",
}
TREASURY = PartWords(
    N_("Project treasury"),
    offers(
        "treasury",
        TREASURY_CALLS,
        receive_revenue=Offered("Pay {money} of revenue in", "Paid revenue in", pays=taken),
        pay=Offered(
            "Pay the period: costs, debt, swap, holders",
            "Paid a period: costs, debt, swap, holders",
            name="pay-waterfall",
        ),
        pay_rest=Offered("Pay out what has come between or after the periods"),
        withdraw=Offered("Pay the {party} its credit", name="withdraw-treasury"),
        return_money=Offered("Return the money of a failed issue to the issuer"),
    ),
    TREASURY_REFUSALS,
    TREASURY_TOLD,
    states={"ended": StateWords(N_("Ended"), "plain", N_("The project's treasury is closed."))},
    steps={"waterfall": N_("The project pays its holders")},
    payments={"revenue": PaymentWords(N_("Share of revenue"), numbered=True)},
    lines={"revenue": N_("Revenue earned")},
)
