"""The register of who may hold: what its keepers can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.i18n import N_
from api.instruments.offers import ACCOUNT, EXPIRY, Given, Offered, PartWords, offers
from api.instruments.parameters import Parameter
from api.instruments.sentences import Sentence
from finance.settlement.identity_registry import ACTS as CALLS

CLASSES = {"retail": 1, "professional": 2, "institutional": 3}


def _identity(given: Given) -> tuple[Any, ...]:
    identity = {
        "expiry": given["expiry"],
        "country": given["country"],
        "investorClass": given["investor_class"],
    }
    return (given["account"], identity)


REFUSALS: Mapping[str, str] = {
    "IdentityRegistry_Expired": "The expiry is in the past.",
    "IdentityRegistry_NotRegistered": "The wallet is not registered.",
    "IdentityRegistry_InvalidClass": "There is no such class of investor.",
}
ACTS = offers(
    "registry",
    CALLS,
    set_identity=Offered(
        "Verify the wallet {account}",
        "Verified a wallet",
        name="verify-identity",
        asked=(
            ACCOUNT,
            Parameter("country", "number", "country of residence, ISO 3166-1 numeric", bits=16, least=1),
            Parameter("investor_class", "choice", "class of investor", choices=CLASSES),
            EXPIRY,
        ),
        arguments=_identity,
    ),
    revoke=Offered("Forget the wallet {account}", name="revoke-identity"),
)
TOLD: Mapping[str, Sentence] = {
    "IdentityRevoked": lambda t, a: t.say(
        "{who} is no longer verified as a holder.", who=t.who(a["account"])
    ),
    "IdentitySet": lambda t, a: t.say("{who} was verified as a holder.", who=t.who(a["account"])),
}
WORDS = PartWords(N_("Register of holders"), ACTS, REFUSALS, TOLD)
