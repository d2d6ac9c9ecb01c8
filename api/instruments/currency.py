"""The settlement currency: on a chain of test money anyone can make some."""

from __future__ import annotations

from api.i18n import N_
from api.instruments.offers import Offered, PartWords, offers
from api.instruments.parameters import Parameter
from chain.following import MINT
from finance.settlement.acts import table

ACTS = offers(
    "currency",
    table(MINT),
    mint=Offered(
        "Make test money: {money}",
        name="mint-test-money",
        asked=(Parameter("amount", "amount", "minor units", bits=80, least=1),),
        arguments=lambda given: (given.sender, given["amount"]),
        local=True,
    ),
)
WORDS = PartWords(N_("Currency"), ACTS)
