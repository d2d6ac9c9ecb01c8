"""The register of proceeds: its entries as a list, and what the issuer and the reviewer can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from api.i18n import N_
from api.instruments.base import Case, Collection, trace_of
from api.instruments.offers import Offered, PartWords, Refusal, offers
from api.instruments.parameters import Parameter
from api.instruments.rows import ProceedsRow
from api.instruments.sentences import Sentence
from chain.terms import text_of
from finance.settlement.proceeds import ACTS as CALLS
from finance.settlement.proceeds import ProceedsBooks
from finance.terms.proceeds import Proceeds

DOCUMENT = Parameter("document", "hash", "the SHA-256 hash of the document")
ENTRY = Parameter("entry", "number", "the entry, by its number, from 0")
REFUSALS: Mapping[str, str | Refusal] = {
    "ProceedsRegister_InvalidTerms": "These are no terms of a register of proceeds.",
    "ProceedsRegister_NotIssuer": "Only the issuer may do this.",
    "ProceedsRegister_NotReviewer": "Only the reviewer may do this.",
    "ProceedsRegister_NotSettled": "The issue is not settled, so there are no proceeds.",
    "ProceedsRegister_NoSuchUse": "The deal names no such use.",
    "ProceedsRegister_NoSuchEntry": "There is no such entry, or it is struck out.",
    "ProceedsRegister_Nothing": "An amount and the hash of a document are needed.",
    "ProceedsRegister_TooMuch": Refusal(
        "{amount} is more than the {left} that are left for this use.",
        money=("amount", "left"),
        plain="This is more than is left for this use.",
    ),
    "ProceedsRegister_DocumentUsed": "The document counts already, in entry {entry}.",
}
TOLD: Mapping[str, Sentence] = {
    "Recorded": lambda t, a: t.say(
        "The issuer recorded {amount} of proceeds as used, entry {entry}.",
        amount=t.money(a["amount"]),
        entry=a["entry"],
    ),
    "Struck": lambda t, a: t.say("The issuer struck out entry {entry}.", entry=a["entry"]),
    "Reviewed": lambda t, a: (
        t.say("The reviewer accepted entry {entry}.", entry=a["entry"])
        if a["accepted"]
        else t.say("The reviewer objected to entry {entry}.", entry=a["entry"])
    ),
}


def _entries(case: Case) -> Sequence[ProceedsRow]:
    """Every entry of every register, with who said what of it."""
    found = []
    for part in case.deployment.keys_of("proceeds"):
        books, uses = case.world.books(part, ProceedsBooks), case.deal.part(part, Proceeds).uses
        made = [event for event in case.events("proceeds", "Recorded") if event.source == part]
        for event in made:
            entry = books.entries[event.arguments["entry"]]
            use = text_of(entry.use)
            found.append(
                ProceedsRow(
                    trace=trace_of(event),
                    entry=event.arguments["entry"],
                    use=use,
                    title=uses[use].title,
                    amount=str(entry.amount),
                    document=entry.document,
                    review=entry.review.name.lower(),
                    struck=entry.struck,
                )
            )
    return found


WORDS = PartWords(
    N_("Register of proceeds"),
    offers(
        "proceeds",
        CALLS,
        record=Offered(
            "Record what proceeds were used for",
            "Recorded what proceeds were used for",
            name="record-use",
            asked=(
                Parameter("use", "hash", "the use, by its name in the deal as 32 bytes"),
                Parameter("amount", "amount", "minor units of the currency", least=1),
                DOCUMENT,
            ),
        ),
        strike=Offered(
            "Strike out entry {entry}", "Struck out an entry", name="strike-use", asked=(ENTRY, DOCUMENT)
        ),
        review=Offered(
            "Say whether entry {entry} holds",
            "Said whether an entry holds",
            name="review-use",
            asked=(
                ENTRY,
                Parameter("accepted", "flag", "whether it holds"),
                DOCUMENT,
            ),
        ),
    ),
    REFUSALS,
    TOLD,
    lists=(
        Collection(
            "proceeds", "What the proceeds were used for", ProceedsRow, rows=_entries, role="proceeds"
        ),
    ),
)
