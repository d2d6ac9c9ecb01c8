"""What can be done with a vehicle's treasury, in words."""

from __future__ import annotations

from collections.abc import Mapping

from api.i18n import N_
from api.instruments.offers import (
    Offered,
    PartWords,
    PaymentWords,
    StateWords,
    offers,
    parameter_of,
    taken,
)
from api.instruments.parameters import Parameter
from api.instruments.sentences import Sentence
from chain.terms import text_of
from finance.settlement.spv_books import ACTS as CALLS

REFUSALS: Mapping[str, str] = {
    "Treasury_NotOffering": "Only a sale of the deal begins the vehicle.",
    "Treasury_WrongState": "The vehicle is not in the state that this needs.",
    "Treasury_NoSuchLine": "The vehicle has no such line of revenue.",
    "Treasury_NoSuchPot": "The vehicle has no such pot.",
    "Treasury_NoSuchPayee": "The vehicle pays nobody of that number.",
    "Treasury_NotPayer": "Only the payer of the line can pay it in.",
    "Treasury_TooMuch": "That is more than can be taken.",
    "Treasury_PotNotFilled": "A pot is not filled yet.",
    "Treasury_NotIssued": "Not all units are sold.",
    "Treasury_ForeignOffering": "A sale begins something else.",
    "Treasury_ForeignToken": "A claim is served by something else.",
    "Treasury_TooLate": "The first period was due already.",
    "Treasury_NotDue": "The period is not due yet.",
    "Treasury_NothingToSpend": "There is nothing to spend.",
    "Treasury_UnsupportedCurrency": "The currency keeps back a part of what it moves.",
    "Treasury_IssueNotFailed": "No issue has failed.",
}
POT = Parameter("pot", "number", "number of the pot in the terms, from 1; 0: what was simply sent", bits=8)
AMOUNT = parameter_of("amount", "uint256")
ACTS = offers(
    "spv",
    CALLS,
    deposit=Offered(
        "Fill pot {pot} with {money}", "Filled a pot", name="fill-pot", asked=(POT, AMOUNT), pays=taken
    ),
    receive_revenue=Offered(
        "Pay {money} of a line's revenue in", "Paid a line's revenue in", name="pay-line", pays=taken
    ),
    pay=Offered("Run the period that is due", "Ran a period of the waterfall", name="run-period"),
    withdraw=Offered(
        "Pay payee {payee} its credit",
        "Paid out a credit",
        name="pay-out",
        asked=(Parameter("payee", "number", "number of the payee in the terms, from 0", bits=8),),
    ),
    return_money=Offered(
        "Return pot {pot} of the failed issue",
        "Returned a pot of a failed issue",
        name="return-pot",
        asked=(POT,),
    ),
)
TOLD: Mapping[str, Sentence] = {
    "Deposited": lambda t, a: t.say(
        "{who} set {amount} aside for the vehicle.", who=t.who(a["from"]), amount=t.money(a["amount"])
    ),
    "TreasuryActivated": lambda t, a: t.say("The vehicle began."),
    "RevenueReceived": lambda t, a: t.say(
        "{who} paid {amount} in for {line}.",
        who=t.who(a["from"]),
        amount=t.money(a["amount"]),
        line=text_of(a["line"]),
    ),
    "PeriodPaid": lambda t, a: t.say(
        "Period {period} was run: {income} had come in.",
        period=int(a["period"]) + 1,
        income=t.money(sum(map(int, a["income"]))),
    ),
    "CovenantTested": lambda t, a: (
        t.say("Covenant {number} stands failed.", number=int(a["trigger"]) + 1)
        if a["failed"]
        else t.say("Covenant {number} is kept.", number=int(a["trigger"]) + 1)
    ),
    "Withdrawn": lambda t, a: t.say(
        "{who} was paid {amount} by the vehicle.", who=t.who(a["to"]), amount=t.money(a["amount"])
    ),
    "MoneyReturned": lambda t, a: t.say(
        "{amount} went back to {who}.", who=t.who(a["to"]), amount=t.money(a["amount"])
    ),
    "TreasuryClosed": lambda t, a: t.say("The last period was run; the claims have ended."),
}
WORDS = PartWords(
    N_("Vehicle"),
    ACTS,
    REFUSALS,
    TOLD,
    states={
        "running": StateWords(N_("Running"), "good", N_("The deal is under way.")),
        "closed": StateWords(N_("Ended"), "plain", N_("All periods are run.")),
    },
    steps={"run-period": N_("A period is run")},
    payments={"pass_through": PaymentWords(N_("Paid by the vehicle"))},
    lines={"pass_through": N_("Paid by the vehicle")},
)
