"""The office: who has it, as a list of turns, and what its keeper, its appointers and a candidate can do."""

from __future__ import annotations

from collections.abc import Mapping

from api.i18n import N_
from api.instruments.base import tabled
from api.instruments.offers import Offered, PartWords, Refusal, offers
from api.instruments.parameters import Parameter
from api.instruments.rows import OfficeRow
from api.instruments.sentences import Arguments, Sentence, Writer
from chain.terms import ZERO_ADDRESS
from finance.settlement.clock import when
from finance.settlement.office import ACTS as CALLS

CANDIDATE = Parameter("candidate", "address", "who is to have the office")
REFUSALS: Mapping[str, str | Refusal] = {
    "Office_InvalidTerms": "These are no terms of an office.",
    "Office_NotKeeper": "Only who keeps the office may do this.",
    "Office_NotAppointer": "Only an appointer of the office may do this.",
    "Office_NoCandidate": "This wallet cannot be given the office: it has it, or appoints to it, or is none.",
    "Office_NothingChanges": "You support this candidate already, or do not.",
    "Office_CannotObject": "Nobody is for this candidate, all appointers are, or you have objected already.",
    "Office_NotYours": "The office cannot be taken from this wallet now.",
    "Office_NotThroughItself": "An office does not act on itself.",
}
ACTS = offers(
    "office",
    CALLS,
    hand_on=Offered(
        "Hand the office on to {to}",
        "Announced who is to have the office",
        name="hand-office-on",
        asked=(Parameter("to", "address", "who is to have the office; zero: nobody"),),
    ),
    support=Offered(
        "Be for {candidate} to have the office",
        "Was for a candidate to have the office",
        name="support-candidate",
        asked=(CANDIDATE,),
    ),
    withdraw_support=Offered(
        "Be no longer for {candidate} to have the office",
        "Was no longer for a candidate to have the office",
        name="withdraw-support",
        asked=(CANDIDATE,),
    ),
    object=Offered(
        "Object to {candidate} having the office",
        "Objected to a candidate for the office",
        name="object-to-candidate",
        asked=(CANDIDATE,),
    ),
    take=Offered("Take the office", "Took the office", name="take-office"),
    collect=Offered("Send the office's money on to its keeper", name="collect-office-money"),
)


def _announced(t: Writer, a: Arguments) -> str:
    if a["to"] == ZERO_ADDRESS:
        return t.say("The keeper of the office hands it on to nobody any more.")
    return t.say(
        "The keeper of the office hands it on to {who}, who can take it from {date}.",
        who=t.who(a["to"]),
        date=when(a["from"]),
    )


def _supported(t: Writer, a: Arguments) -> str:
    said = {"appointer": t.who(a["appointer"]), "who": t.who(a["candidate"])}
    if not a["from"]:
        return t.say("{appointer} is for {who} to have the office; more must be.", **said)
    return t.say(
        "{appointer} is for {who} to have the office, who can take it from {date}.",
        date=when(a["from"]),
        **said,
    )


TOLD: Mapping[str, Sentence] = {
    "HandoverAnnounced": _announced,
    "CandidateSupported": _supported,
    "SupportWithdrawn": lambda t, a: t.say(
        "{appointer} is no longer for {who} to have the office.",
        appointer=t.who(a["appointer"]),
        who=t.who(a["candidate"]),
    ),
    "CandidateRejected": lambda t, a: t.say(
        "The keeper of the office objects to {who}: now all appointers must be for it.",
        who=t.who(a["candidate"]),
    ),
    "OfficeTaken": lambda t, a: (
        t.say("{who} has the office now, given by its appointers.", who=t.who(a["to"]))
        if a["appointed"]
        else t.say("{who} has the office now, handed on by its keeper.", who=t.who(a["to"]))
    ),
    "OfficeMoneyCollected": lambda t, a: t.say(
        "{amount} that the office was paid went to {who}, who keeps it.",
        amount=t.money(a["amount"]),
        who=t.who(a["keeper"]),
    ),
}
LISTS = (
    tabled(
        "offices",
        "Who is to have an office, and who took it",
        OfficeRow,
        "office",
        account=("candidate",),
        part=lambda _, event: event.source,
    ),
)
WORDS = PartWords(N_("Office"), ACTS, REFUSALS, TOLD, lists=LISTS)
