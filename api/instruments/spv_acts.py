"""What can be done with a vehicle's treasury, in words."""

from __future__ import annotations

from collections.abc import Mapping

from api.i18n import N_
from api.instruments.offers import Offered, PartWords, Refusal, StateWords, offers, taken
from api.instruments.parameters import Parameter
from api.instruments.sentences import Arguments, Sentence, Writer
from chain.terms import text_of
from finance.settlement.spv_books import ACTS as CALLS

POT = Parameter("pot", "number", "the pot: 1 is the first beside the cash", bits=8, least=1)
PAYEE = Parameter("payee", "number", "who is owed, by number, from 0", bits=8)
AMOUNT = Parameter("amount", "amount", "minor units of the currency", least=1)
REFUSALS: Mapping[str, str | Refusal] = {
    "Treasury_NotOffering": "Only the sales of the deal may do this.",
    "Treasury_WrongState": "The treasury is not in the state that this needs.",
    "Treasury_NoSuchLine": "The vehicle has no such line of revenue.",
    "Treasury_NoSuchPot": "The vehicle has no such pot.",
    "Treasury_NoSuchPayee": "The vehicle owes nobody of that number.",
    "Treasury_NotPayer": "Only who owes this line may pay it in.",
    "Treasury_TooMuch": Refusal(
        "{amount} is more than the {most} that it takes.",
        money=("amount", "most"),
        plain="This is more than it takes.",
    ),
    "Treasury_PotNotFilled": "A pot is not filled yet, as it must be before the vehicle begins.",
    "Treasury_NotIssued": "Not all units of a tranche are sold.",
    "Treasury_ForeignOffering": "A sale is not one of this vehicle.",
    "Treasury_ForeignToken": "A claim token is not one of this vehicle.",
    "Treasury_TooLate": "Its first period was due already, so it can begin no more.",
    "Treasury_NotDue": "The period is not due yet.",
    "Treasury_SwapNotSettled": "The vehicle's swap must settle first what is due until then.",
    "Treasury_SwapNotClosedOut": "The vehicle's swap must be closed out first.",
    "Treasury_ProviderOwes": "The swap's provider owes the vehicle, and may still pay.",
    "Treasury_NothingToSpend": "There is nothing to spend.",
    "Treasury_UnsupportedCurrency": "The currency keeps back a part of what it moves.",
    "Treasury_IssueNotFailed": "No sale has failed.",
    "Treasury_InvalidTerms": "These are no terms of a treasury.",
}


def _tested(t: Writer, a: Arguments) -> str:
    number, period = int(a["trigger"]) + 1, int(a["period"]) + 1
    if a["failed"]:
        return t.say("Covenant {number} stands failed after period {period}.", number=number, period=period)
    return t.say("Covenant {number} stands passed after period {period}.", number=number, period=period)


TOLD: Mapping[str, Sentence] = {
    "Deposited": lambda t, a: t.say(
        "{who} put {amount} into a pot.", who=t.who(a["from"]), amount=t.money(a["amount"])
    ),
    "RevenueReceived": lambda t, a: t.say(
        "{who} paid in {amount} of revenue of the line {line}, for period {period}.",
        who=t.who(a["from"]),
        amount=t.money(a["amount"]),
        line=text_of(a["line"]),
        period=int(a["period"]) + 1,
    ),
    "PeriodPaid": lambda t, a: t.say(
        "Period {period} was run: {income} of revenue were spent by the waterfall.",
        period=int(a["period"]) + 1,
        income=t.money(sum(map(int, a["income"]))),
    ),
    "CovenantTested": _tested,
    "TreasuryActivated": lambda t, a: t.say("The vehicle began; all its tranches are sold."),
    "TreasuryClosed": lambda t, a: t.say("The vehicle has run its last period."),
    "Withdrawn": lambda t, a: t.say(
        "{who} was paid {amount} by the vehicle.", who=t.who(a["to"]), amount=t.money(a["amount"])
    ),
    "MoneyReturned": lambda t, a: t.say(
        "{amount} of a pot went back to {who}.", amount=t.money(a["amount"]), who=t.who(a["to"])
    ),
}
WORDS = PartWords(
    N_("Vehicle's treasury"),
    offers(
        "spv",
        CALLS,
        deposit=Offered(
            "Pay {money} into pot {pot}",
            "Paid money into a pot",
            name="fill-pot",
            asked=(POT, AMOUNT),
            pays=taken,
        ),
        receive_revenue=Offered("Pay {money} of revenue in", "Paid revenue in", name="pay-line", pays=taken),
        pay=Offered("Run the period that is due: revenue goes through the waterfall", name="run-period"),
        withdraw=Offered(
            "Pay the payee {payee} what it can have",
            "Paid a payee what it could have",
            name="pay-payee",
            asked=(PAYEE,),
        ),
        return_money=Offered(
            "Give pot {pot} of a failed issue back",
            "Gave a pot of a failed issue back",
            name="return-pot",
            asked=(Parameter("pot", "number", "the pot; 0: what was simply sent", bits=8),),
        ),
    ),
    REFUSALS,
    TOLD,
    states={
        "watched": StateWords(
            N_("A covenant has failed"),
            "bad",
            N_("A test of the vehicle was not passed, and money goes other ways."),
        ),
        "run": StateWords(N_("Ended"), "plain", N_("The last period has been run.")),
    },
    steps={
        "fill-pot": N_("A pot must be filled"),
        "period": N_("The vehicle runs its period"),
        "revenue-late": N_("Revenue is in arrears"),
    },
)
