"""The consent solicitation: what the issuer and holders can do, and what has been said."""

from __future__ import annotations

from collections.abc import Mapping

from api.i18n import N_
from api.instruments.base import tabled
from api.instruments.offers import Offered, PartWords, offers
from api.instruments.parameters import Parameter
from api.instruments.rows import ConsentRow
from api.instruments.sentences import Sentence, units_of
from finance.settlement.consent_solicitation import ACTS as CALLS

WAIVER = Parameter("waiver", "number", "the waiver, by its number, from 0")
REFUSALS: Mapping[str, str] = {
    "ConsentSolicitation_InvalidTerms": "These are no terms of a consent solicitation.",
    "ConsentSolicitation_NotIssuer": "Only the issuer may do this.",
    "ConsentSolicitation_InvalidStandstill": "The deal allows a standstill of {longest} seconds at most.",
    "ConsentSolicitation_NoSuchWaiver": "There is no such waiver.",
    "ConsentSolicitation_Passed": "Holders have consented to this waiver, for good.",
    "ConsentSolicitation_Closed": "The time to consent to this waiver and to count is over.",
    "ConsentSolicitation_NoticeRuns": "Consents are counted after the notice.",
    "ConsentSolicitation_Affiliate": "The issuer and its affiliates do not consent.",
    "ConsentSolicitation_UnitsNotHeld": "Only {most} units of this holder may count now.",
    "ConsentSolicitation_HasSpoken": "The holder has spoken, so that no signature of it counts.",
    "ConsentSolicitation_NotSigned": "The signature is not that of the holder.",
    "ConsentSolicitation_NotConsenting": "A holder does not consent, or has not for long enough.",
    "ConsentSolicitation_NotAscending": "Holders must be counted in ascending order, each once.",
    "ConsentSolicitation_BelowMajority": "{consents} of {base} units are no majority.",
}
TOLD: Mapping[str, Sentence] = {
    "WaiverProposed": lambda t, a: t.say(
        "The issuer asked for a standstill of {days} days on payment {payment}, waiver {waiver}.",
        days=a["standstill"] // 86_400,
        payment=a["payment"] + 1,
        waiver=a["waiver"],
    ),
    "Consented": lambda t, a: t.say(
        "{who} consented to waiver {waiver} with {units}.",
        who=t.who(a["holder"]),
        waiver=a["waiver"],
        units=units_of(t, a["units"]),
    ),
    "ConsentRevoked": lambda t, a: t.say(
        "{who} does not consent to waiver {waiver}.", who=t.who(a["holder"]), waiver=a["waiver"]
    ),
    "WaiverPassed": lambda t, a: t.say(
        "Holders of {units} consented to waiver {waiver}.",
        units=units_of(t, a["consents"]),
        waiver=a["waiver"],
    ),
}
WORDS = PartWords(
    N_("Consent solicitation"),
    offers(
        "consent_solicitation",
        CALLS,
        propose=Offered(
            "Ask holders for a standstill",
            "Asked holders for a standstill",
            name="propose-waiver",
            asked=(
                Parameter("payment", "number", "the payment that is or will be missed, from 0", bits=16),
                Parameter(
                    "standstill", "number", "seconds by which the cure period is longer", bits=32, least=1
                ),
                Parameter("document", "hash", "the SHA-256 hash of the document"),
            ),
        ),
        consent=Offered(
            "Consent to waiver {waiver}",
            "Consented to a waiver",
            asked=(WAIVER, Parameter("units", "number", "units that consent", bits=64, least=1)),
            who="investor",
        ),
        revoke=Offered(
            "Consent to waiver {waiver} no more",
            "Revoked a consent",
            name="revoke-consent",
            asked=(WAIVER,),
            who="investor",
        ),
    ),
    REFUSALS,
    TOLD,
    lists=(
        tabled("consents", "Consents of holders", ConsentRow, "consent_solicitation", account=("holder",)),
    ),
)
