"""What can be done with a KPI payment and with the treasury of its project, in words."""

from __future__ import annotations

from collections.abc import Mapping

from api.i18n import N_
from api.instruments.offers import EXPIRY, Offered, PartWords, offers, taken
from api.instruments.parameters import Parameter
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
)
