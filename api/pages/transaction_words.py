"""Sentences for events: each function makes one of an event's arguments. What is missing here is still listed
with its arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from api.i18n import N_, Translator
from api.pages.format import Format
from api.views.transaction_models import TransactionEvent


class SentenceWriter(Protocol):
    """Writes parts of a sentence in the reader's language."""

    say: Translator
    write: Format

    def who(self, address: Any) -> str: ...

    def money(self, event: TransactionEvent, amount: Any) -> str: ...

    def kpi(self, event: TransactionEvent, value: Any) -> str: ...


Arguments = Mapping[str, Any]
Sentence = Callable[[SentenceWriter, TransactionEvent, Arguments], str]


def sent(t: SentenceWriter, e: TransactionEvent, a: Arguments) -> str:
    """Money that moved; said only where nothing else is, since most events have one behind them."""
    return t.say(
        "{amount} went from {sender} to {to}.",
        amount=t.money(e, a["value"]),
        sender=t.who(a["from"]),
        to=t.who(a["to"]),
    )


WALLETS = {
    "deployer": N_("Deployer"),
    "issuer": N_("Issuer"),
    "agent": N_("Transfer agent"),
    "payer": N_("Payer"),
    "payee": N_("Payee"),
    "operator": N_("Operator"),
    "lender": N_("Lender"),
}
SIDES = (N_("the payer"), N_("the payee"))


def _units(t: SentenceWriter, count: Any) -> str:
    return t.say.plural("{count} unit", "{count} units", int(count), count=f"{int(count):,}")


def _report(t: SentenceWriter, e: TransactionEvent, a: Arguments) -> str:
    return t.say(
        "Nodes reported {value} for period {period}. It can be challenged until {day}.",
        value=t.kpi(e, a["value"]),
        period=int(a["period"]) + 1,
        day=t.write.day_text(int(a["finalAt"])),
    )


def _challenge(t: SentenceWriter, e: TransactionEvent, a: Arguments) -> str:
    return t.say(
        "{who} challenged the report of period {period}.",
        who=t.who(a["challenger"]),
        period=int(a["period"]) + 1,
    )


def _petition(t: SentenceWriter, e: TransactionEvent, a: Arguments) -> str:
    return t.say(
        "{who} asked the panel for the value of period {period}, which nobody reported.",
        who=t.who(a["petitioner"]),
        period=int(a["period"]) + 1,
    )


def _ruling(t: SentenceWriter, e: TransactionEvent, a: Arguments) -> str:
    verdict = int(a["verdict"])
    if verdict == 1:
        return t.say(
            "The panel corrected the report of period {period}: {value} counts.",
            period=int(a["period"]) + 1,
            value=t.kpi(e, a["value"]),
        )
    if verdict == 2:
        return t.say("The panel declared the report of period {period} void.", period=int(a["period"]) + 1)
    return t.say("The panel let the report of period {period} stand.", period=int(a["period"]) + 1)


def _fixed(t: SentenceWriter, e: TransactionEvent, a: Arguments) -> str:
    if a["missing"]:
        return t.say("No report came; what the terms say for that case was applied to the bond.")
    return t.say("The measurement of {value} was applied to the bond.", value=t.kpi(e, a["kpi"]))


def _coupon(t: SentenceWriter, e: TransactionEvent, a: Arguments) -> str:
    number, amount = int(a["period"]) + 1, t.money(e, a["paid"])
    if not int(a["repayment"]):
        return t.say("Interest {number} was paid: {amount}.", number=number, amount=amount)
    return t.say(
        "Payment {number} was made: {amount}; {interest} of it is interest and {repayment} repays principal.",
        number=number,
        amount=amount,
        interest=t.money(e, a["interest"]),
        repayment=t.money(e, a["repayment"]),
    )


def _settled(t: SentenceWriter, e: TransactionEvent, a: Arguments) -> str:
    amount = int(a["amount"])
    words = {"period": int(a["period"]) + 1, "amount": t.money(e, abs(amount))}
    if amount >= 0:
        return t.say("Period {period} was settled: the payer owes {amount}.", **words)
    return t.say("Period {period} was settled: the payee owes {amount}.", **words)


def _paid(t: SentenceWriter, e: TransactionEvent, a: Arguments) -> str:
    return t.say(
        "Of it {netted} was set off against what the other side owed, {paid} was paid, and {unpaid} was "
        "added to what is owed.",
        netted=t.money(e, a["netted"]),
        paid=t.money(e, a["paid"]),
        unpaid=t.money(e, a["unpaid"]),
    )


def _waterfall(t: SentenceWriter, e: TransactionEvent, a: Arguments) -> str:
    return t.say(
        "The treasury paid period {period}: {cost} operating cost, {debt} debt service, {swap} on the "
        "swap, {holders} to "
        "holders.",
        period=int(a["period"]) + 1,
        cost=t.money(e, a["operatingCost"]),
        debt=t.money(e, a["debtService"]),
        swap=t.money(e, a["swap"]),
        holders=t.money(e, a["holders"]),
    )


def _side(t: SentenceWriter, value: Any) -> str:
    return t.say(SIDES[int(value)])


WORDS: Mapping[tuple[str, str], Sentence] = {
    ("offering", "Subscribed"): lambda t, e, a: t.say(
        "{who} bought {units} for {amount}.",
        who=t.who(a["investor"]),
        units=_units(t, a["units"]),
        amount=t.money(e, a["paid"]),
    ),
    ("offering", "OfferingSettled"): lambda t, e, a: t.say(
        "The sale was settled: {units} for {amount}.",
        units=_units(t, a["units"]),
        amount=t.money(e, a["proceeds"]),
    ),
    ("offering", "Refunded"): lambda t, e, a: t.say(
        "{who} gave back {units} and got {amount}.",
        who=t.who(a["holder"]),
        units=_units(t, a["units"]),
        amount=t.money(e, a["amount"]),
    ),
    ("token", "Transfer"): lambda t, e, a: t.say(
        "{units} went from {sender} to {to}.",
        units=_units(t, a.get("value", a.get("amount", 0))),
        sender=t.who(a["from"]),
        to=t.who(a["to"]),
    ),
    ("token", "Distributed"): lambda t, e, a: t.say(
        "{amount} were shared among all holders, {each} for each unit.",
        amount=t.money(e, a["paid"]),
        each=t.money(e, a["perUnit"]),
    ),
    ("token", "Claimed"): lambda t, e, a: t.say(
        "{who} took out {amount} that was there to claim.",
        who=t.who(a["holder"]),
        amount=t.money(e, a["amount"]),
    ),
    ("token", "TokenClosed"): lambda t, e, a: t.say("The claim token was closed."),
    ("bond", "BondActivated"): lambda t, e, a: t.say(
        "The bond began, with {units}.", units=_units(t, a["units"])
    ),
    ("bond", "BondFunded"): lambda t, e, a: t.say(
        "{who} provided {amount} for what is due.", who=t.who(a["from"]), amount=t.money(e, a["amount"])
    ),
    ("bond", "KpiFixed"): _fixed,
    ("bond", "CouponPaid"): _coupon,
    ("bond", "BondRedeemed"): lambda t, e, a: t.say(
        "The bond was repaid: {amount}.", amount=t.money(e, a["paid"])
    ),
    ("bond", "BondDefaulted"): lambda t, e, a: t.say(
        "The bond is in default: {due} were due and {held} were there.",
        due=t.money(e, a["due"]),
        held=t.money(e, a["held"]),
    ),
    ("bond", "DefaultCured"): lambda t, e, a: t.say("The default was made good."),
    ("bond", "BondAccelerated"): lambda t, e, a: t.say("Everything was called due."),
    ("bond", "SurplusReturned"): lambda t, e, a: t.say(
        "{amount} that were not needed went back to the issuer.", amount=t.money(e, a["amount"])
    ),
    ("oracle", "ReportSubmitted"): _report,
    ("oracle", "ReportChallenged"): _challenge,
    ("oracle", "PeriodPetitioned"): _petition,
    ("oracle", "ReportRuled"): _ruling,
    ("oracle", "ChallengeSettled"): lambda t, e, a: t.say(
        "{amount} of stake and reward belong to {who}.",
        amount=t.money(e, a["credited"]),
        who=t.who(a["challenger"]),
    ),
    ("oracle", "ReportUsed"): lambda t, e, a: t.say(
        "The report of period {period} was used and can no longer be replaced.", period=int(a["period"]) + 1
    ),
    ("oracle", "CreditWithdrawn"): lambda t, e, a: t.say(
        "{who} withdrew {amount} from the oracle.", who=t.who(a["account"]), amount=t.money(e, a["amount"])
    ),
    ("oracle", "RewardsReleased"): lambda t, e, a: t.say(
        "{amount} left of the rewards belong to {who}.",
        amount=t.money(e, a["amount"]),
        who=t.who(a["sponsor"]),
    ),
    ("oracle", "RewardsFunded"): lambda t, e, a: t.say(
        "{who} put {amount} aside for rewards of challengers.",
        who=t.who(a["from"]),
        amount=t.money(e, a["amount"]),
    ),
    ("payment", "PeriodSettled"): _settled,
    ("payment", "AmountPaid"): _paid,
    ("payment", "Funded"): lambda t, e, a: t.say(
        "{who} paid in {amount}.", who=_side(t, a["side"]), amount=t.money(e, a["amount"])
    ),
    ("payment", "Withdrawn"): lambda t, e, a: t.say(
        "{who} withdrew {amount}.", who=_side(t, a["side"]), amount=t.money(e, a["amount"])
    ),
    ("payment", "MarginCalled"): lambda t, e, a: t.say(
        "Collateral of {who} was called; it must be restored until {day}.",
        who=_side(t, a["side"]),
        day=t.write.day_text(int(a["deadline"])),
    ),
    ("payment", "MarginRestored"): lambda t, e, a: t.say(
        "{who} restored its collateral.", who=_side(t, a["side"])
    ),
    ("payment", "ClosedOut"): lambda t, e, a: t.say("The agreement was closed out."),
    ("payment", "Matured"): lambda t, e, a: t.say("The agreement has ended; all periods are settled."),
    ("treasury", "RevenueReceived"): lambda t, e, a: t.say(
        "The project received {amount} of revenue.", amount=t.money(e, a["amount"])
    ),
    ("treasury", "PeriodPaid"): _waterfall,
    ("treasury", "TreasuryActivated"): lambda t, e, a: t.say(
        "The project began, with {units}.", units=_units(t, a["units"])
    ),
    ("treasury", "Withdrawn"): lambda t, e, a: t.say(
        "{who} was paid {amount} by the treasury.", who=t.who(a["to"]), amount=t.money(e, a["amount"])
    ),
    ("factory", "DealDeployed"): lambda t, e, a: t.say(
        "The deal was deployed: its contracts began to exist."
    ),
    ("factory", "SwapDealDeployed"): lambda t, e, a: t.say(
        "The deal was deployed: its contracts began to exist."
    ),
    ("token", "ForcedTransfer"): lambda t, e, a: t.say(
        "The transfer agent moved {units} from {sender} to {to}.",
        units=_units(t, a["amount"]),
        sender=t.who(a["from"]),
        to=t.who(a["to"]),
    ),
    ("token", "RecoveryAnnounced"): lambda t, e, a: t.say(
        "The transfer agent announced: the key of {holder} is lost, its holding goes to {to} after {day}.",
        holder=t.who(a["holder"]),
        to=t.who(a["to"]),
        day=t.write.day_text(int(a["from"])),
    ),
    ("token", "RecoveryObjected"): lambda t, e, a: t.say(
        "{who} showed its key: the announced recovery is off.", who=t.who(a["holder"])
    ),
    ("token", "HoldingRecovered"): lambda t, e, a: t.say(
        "The holding of {holder} was given to {to}: {units}, and {money} to claim.",
        holder=t.who(a["holder"]),
        to=t.who(a["to"]),
        units=_units(t, a["units"]),
        money=t.money(e, a["money"]),
    ),
    ("token", "Frozen"): lambda t, e, a: t.say(
        "{units} of {who} were frozen.", units=_units(t, a["amount"]), who=t.who(a["account"])
    ),
    ("token", "TransfersPaused"): lambda t, e, a: (
        t.say("Transfers were paused.") if a["paused"] else t.say("Transfers are possible again.")
    ),
    ("bond", "Recovered"): lambda t, e, a: t.say(
        "{amount} were recovered for holders after the default.", amount=t.money(e, a["paid"])
    ),
    ("payment", "TerminationProposed"): lambda t, e, a: t.say(
        "{who} offered to end the agreement.", who=_side(t, a["side"])
    ),
    ("payment", "TerminationWithdrawn"): lambda t, e, a: t.say(
        "{who} took back its offer to end the agreement.", who=_side(t, a["side"])
    ),
    ("payment", "AgreedTermination"): lambda t, e, a: t.say("It was ended by both sides."),
    ("treasury", "TreasuryClosed"): lambda t, e, a: t.say("The project treasury was closed."),
    ("treasury", "MoneyReturned"): lambda t, e, a: t.say(
        "The treasury of the failed issue returned {amount} to the issuer.", amount=t.money(e, a["returned"])
    ),
    ("payment", "PaymentActivated"): lambda t, e, a: t.say(
        "The agreement began, with the collateral in place."
    ),
    ("registry", "IdentityRevoked"): lambda t, e, a: t.say(
        "{who} is no longer verified as a holder.", who=t.who(a["account"])
    ),
    ("oracle", "FeedCreated"): lambda t, e, a: t.say("The rules of a measurement were fixed on chain."),
    ("registry", "IdentitySet"): lambda t, e, a: t.say(
        "{who} was verified as a holder.", who=t.who(a["account"])
    ),
}
