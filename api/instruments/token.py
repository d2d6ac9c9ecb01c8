"""The claim token: what every deal with one lists of it, and what its holders and its agent can do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from api.i18n import N_
from api.instruments.base import Collection, fact, tabled, trace_of
from api.instruments.offers import ACCOUNT, LOST, UNITS, Offered, PartWords, PaymentWords, offers, taken
from api.instruments.parameters import Parameter
from api.instruments.rows import ClaimRow, DistributionRow, TransferRow
from api.instruments.sentences import Sentence, units_of
from api.models.deployment import Fact
from chain.history import Event
from chain.terms import ZERO_ADDRESS
from finance.settlement.claim_token import ACTS as CALLS
from finance.settlement.claim_token import TokenBooks
from finance.terms import Deal
from finance.terms.claim_token import ClaimToken

if TYPE_CHECKING:
    from api.instruments.base import Case


def symbol(deal: Deal, token: str) -> str:
    """Of a claim token by its key."""
    return deal.part(token, ClaimToken).symbol


def units(case: Case) -> int:
    """Units in issue."""
    return case.books("token", TokenBooks).supply


def distributed(case: Case) -> Iterator[Fact]:
    """What holders have been given."""
    given = sum(event.arguments["paid"] for event in case.events("token", "Distributed"))
    last = case.last("token", "Distributed")
    yield fact("distributed", "Distributed to holders so far", given, "money", last)
    yield fact("unclaimed", "Distributed to holders, not claimed yet", case.held("token"), "money")


def _distributions(case: Case) -> list[DistributionRow]:
    return [
        DistributionRow.of(each, trace=trace_of(each.event), index=None if each.index < 0 else each.index)
        for each in case.ledger.payouts
    ]


DISTRIBUTIONS = Collection(
    "distributions", "Money shared among holders", DistributionRow, rows=_distributions, role="token"
)


def _way(_case: Case, event: Event) -> str:
    ends = event.arguments
    return "issue" if ends["from"] == ZERO_ADDRESS else "return" if ends["to"] == ZERO_ADDRESS else "transfer"


COLLECTIONS = (
    tabled(
        "transfers", "Movements of units", TransferRow, "token", account=("sender", "receiver"),
        kind=_way, sender="from", receiver="to",
    ),
    tabled("claims", "What holders took out", ClaimRow, "token", account=("holder",)),
)  # fmt: skip
TO = Parameter("to", "address", "who receives them")
REFUSALS: Mapping[str, str] = {
    "ERC7943CannotReceive": "The receiving wallet is not verified to hold this claim.",
    "ERC7943CannotSend": "The sending wallet is not verified to hold this claim any more.",
    "ERC7943CannotTransfer": "These units may not be transferred.",
    "ERC7943InsufficientUnfrozenBalance": "Not so many units are free: {unfrozen} of them are not frozen.",
    "SecurityToken_NotAgent": "Only the agent may do this.",
    "SecurityToken_Paused": "Transfers are paused.",
    "SecurityToken_Closed": "The claim has ended; there are no transfers any more.",
    "SecurityToken_NoSupply": "Nobody holds units, so nothing can be shared.",
    "SecurityToken_AmountBelowSupply": "The amount is too small to be shared among all units.",
    "SecurityToken_InRecovery": "A recovery of this holding is announced; only the holder can claim now.",
    "SecurityToken_NoRecovery": "No recovery of this holding is announced.",
    "SecurityToken_NoticeRuns": "The notice of this recovery still runs.",
}
ACTS = offers(
    "token",
    CALLS,
    transfer=Offered(
        "Give {units} units to {to}",
        "Gave units to another wallet",
        asked=(replace(TO, title="who receives them; must be verified"), UNITS),
        who="investor",
    ),
    claim=Offered("Pay out what {holder} has earned", "Paid out what a holder had earned"),
    distribute=Offered("Share {money} among all holders", "Shared money among all holders", pays=taken),
    set_paused=Offered("Stop or allow transfers", name="pause"),
    set_frozen_tokens=Offered(
        "Freeze {units} units of {account}",
        name="freeze",
        asked=(ACCOUNT, replace(UNITS, title="units that may not move; 0 frees them", least=0)),
    ),
    forced_transfer=Offered(
        "Move {units} units of {from} to {to}",
        asked=(Parameter("from", "address", "whose units"), TO, UNITS),
    ),
    announce_recovery=Offered(
        "Announce that the holding of {holder} goes to {to}",
        asked=(LOST, replace(TO, title="its new wallet")),
    ),
    object_to_recovery=Offered("Object: the key of this wallet is not lost"),
    recover_holding=Offered("Give the holding of {holder} to its new wallet", asked=(LOST,)),
)
TOLD: Mapping[str, Sentence] = {
    "Transfer": lambda t, a: t.say(
        "{units} went from {sender} to {to}.",
        units=units_of(t, a.get("value", a.get("amount", 0))),
        sender=t.who(a["from"]),
        to=t.who(a["to"]),
    ),
    "Distributed": lambda t, a: t.say(
        "{amount} were shared among all holders, {each} for each unit.",
        amount=t.money(a["paid"]),
        each=t.money(a["perUnit"]),
    ),
    "Claimed": lambda t, a: t.say(
        "{who} took out {amount} that was there to claim.",
        who=t.who(a["holder"]),
        amount=t.money(a["amount"]),
    ),
    "TokenClosed": lambda t, a: t.say("The claim token was closed."),
    "ForcedTransfer": lambda t, a: t.say(
        "The transfer agent moved {units} from {sender} to {to}.",
        units=units_of(t, a["amount"]),
        sender=t.who(a["from"]),
        to=t.who(a["to"]),
    ),
    "RecoveryAnnounced": lambda t, a: t.say(
        "The transfer agent announced: the key of {holder} is lost, its holding goes to {to} after {day}.",
        holder=t.who(a["holder"]),
        to=t.who(a["to"]),
        day=t.write.day_text(int(a["from"])),
    ),
    "RecoveryObjected": lambda t, a: t.say(
        "{who} showed its key: the announced recovery is off.", who=t.who(a["holder"])
    ),
    "HoldingRecovered": lambda t, a: t.say(
        "The holding of {holder} was given to {to}: {units}, and {money} to claim.",
        holder=t.who(a["holder"]),
        to=t.who(a["to"]),
        units=units_of(t, a["units"]),
        money=t.money(a["money"]),
    ),
    "Frozen": lambda t, a: t.say(
        "{units} of {who} were frozen.", units=units_of(t, a["amount"]), who=t.who(a["account"])
    ),
    "TransfersPaused": lambda t, a: (
        t.say("Transfers were paused.") if a["paused"] else t.say("Transfers are possible again.")
    ),
}
WORDS = PartWords(
    N_("Claim token"),
    ACTS,
    REFUSALS,
    TOLD,
    payments={"gift": PaymentWords(N_("Gift"))},
    lines={
        "issue": N_("Issued"),
        "withdrawal": N_("Taken back"),
        "received": N_("Received units"),
        "sent": N_("Gave units"),
        "forced": N_("Moved by the agent"),
        "recovered": N_("Recovered from a lost key"),
        "claim": N_("Paid out"),
        "gift": N_("Gift earned"),
    },
)
