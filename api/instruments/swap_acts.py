"""What can be done with a KPI payment and with the treasury of its project, in words."""

from __future__ import annotations

from api.instruments.offers import EXPIRY, Offered, offers, taken
from api.instruments.parameters import Parameter
from finance.settlement.payment_books import ACTS as CALLS
from finance.settlement.treasury_books import ACTS as TREASURY_CALLS

ACTS = (
    *offers(
        "payment",
        CALLS,
        fund=Offered("Pay {money} in for the {side}", "Paid money in to the swap", "fund-swap", pays=taken),
        activate=Offered("Begin the swap: both sides have posted", name="begin"),
        settle=Offered("Settle the period that is due", "Settled a period of the swap"),
        withdraw=Offered("Pay the {side} what it can have", name="withdraw-swap"),
        call_margin=Offered("Call the {side} for collateral"),
        close_out=Offered("Close the swap out after its default"),
        propose_termination=Offered(
            "Offer to end the swap",
            asked=(
                Parameter("amount", "signed", "last payment in minor units; positive: the payer pays"),
                EXPIRY,
            ),
        ),
        withdraw_termination=Offered("Take the offer back"),
        accept_termination=Offered("Accept the other side's offer {id}"),
    ),
    *offers(
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
)
