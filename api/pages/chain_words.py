"""Words for what the chain knows by codes: states, steps, kinds of payments. What has no words here is shown
as the API says it."""

from __future__ import annotations

from decimal import Decimal

from api.i18n import N_, Translator
from api.models import Currency
from api.models.deployment import NextStep, PaymentView
from api.pages.format import Format
from finance.terms import Deal

# State of a contract: (words, tone of the badge, what it means).
STATES = {
    "announced": (N_("Not open yet"), "plain", N_("Units cannot be bought yet.")),
    "offering": (N_("Open for subscription"), "good", N_("Units can be bought now, from the issuer.")),
    "sold": (N_("Sold"), "good", N_("The sale has ended; the money has not changed hands yet.")),
    "agreed": (N_("Agreed, not begun"), "plain", N_("It begins when both sides have posted collateral.")),
    "lapsed": (
        N_("Never begun"),
        "plain",
        N_("Collateral was not there in time; each side gets its own back."),
    ),
    "active": (N_("Running"), "good", N_("The deal is under way.")),
    "defaulted": (
        N_("In default"),
        "bad",
        N_("Something due was not paid, or collateral not restored, in time."),
    ),
    "accelerated": (N_("Called due"), "bad", N_("After a default everything was called due at once.")),
    "redeemed": (N_("Repaid"), "plain", N_("Everything has been paid.")),
    "matured": (N_("Ended"), "plain", N_("The last period has been settled.")),
    "ended": (N_("Ended"), "plain", N_("The project's treasury is closed.")),
    "closed_out": (N_("Closed out"), "bad", N_("One side failed, and the swap was ended.")),
    "terminated": (N_("Ended by agreement"), "plain", N_("Both sides agreed to end it.")),
    "failed": (N_("Sale failed"), "bad", N_("Too little was sold; buyers get their money back.")),
}

STEPS = {
    "opens": N_("The sale opens"),
    "subscribe": N_("The sale closes"),
    "settle-offering": N_("The sale can be settled"),
    "refund": N_("Buyers can take their money back"),
    "measured": N_("A measurement ends"),
    "report": N_("A measurement report is due"),
    "final": N_("A measurement report becomes final"),
    "ruling": N_("The panel must rule on a challenge"),
    "fund": N_("The issuer must provide the money"),
    "coupon": N_("Interest is paid"),
    "fix": N_("A measurement is applied to the bond"),
    "redemption": N_("The nominal value is paid back"),
    "cure": N_("The default must be made good"),
    "begin": N_("The swap begins, or lapses"),
    "settle": N_("A swap payment is settled"),
    "waterfall": N_("The project pays its holders"),
    "margin": N_("Collateral must be restored"),
    "call-margin": N_("Collateral is lacking and can be called"),
    "close-out": N_("The swap can be closed out"),
}

PAYMENTS = {
    "coupon": N_("Interest"),
    "principal": N_("Repayment"),
    "redemption": N_("Repayment"),
    "outcome": N_("Outcome payment"),
    "recovery": N_("Recovery after default"),
    "gift": N_("Gift"),
    "revenue": N_("Share of revenue"),
    "settlement": N_("Swap payment"),
    "close_out": N_("Close-out"),
    "termination": N_("Agreed end of the swap"),
}

PAID = {
    "paid": (N_("Paid"), "good"),
    "due": (N_("Due now"), "wait"),
    "late": (N_("Late"), "bad"),
    "owed": (N_("Not paid in full"), "bad"),
    "nothing": (N_("Nothing to pay"), "plain"),
    "expected": (N_("Expected"), "plain"),
}

PERIODS = {
    "future": (N_("Not begun"), "plain"),
    "running": (N_("Being measured"), "plain"),
    "awaited": (N_("Report awaited"), "wait"),
    "pending": (N_("Can be challenged"), "wait"),
    "challenged": (N_("Challenged"), "bad"),
    "final": (N_("Final"), "good"),
    "missing": (N_("No report"), "bad"),
    "superseded": (N_("Replaced"), "plain"),
}

VERDICTS = {
    "stands": (N_("The report stands"), "plain"),
    "corrected": (N_("Corrected by the panel"), "good"),
    "void": (N_("Declared void"), "bad"),
}

SETTLED = {
    "settled": (N_("Settled"), "good"),
    "owed": (N_("Not paid in full"), "bad"),
    "due": (N_("Due now"), "wait"),
    "expected": (N_("Expected"), "plain"),
    "ended": (N_("Ended before"), "plain"),
}


def coded(table: dict[str, tuple[str, str]], code: str, say: Translator) -> tuple[str, str]:
    """Words and tone of a code."""
    words, tone = table.get(code, (code.replace("_", " "), "plain"))
    return say(words), tone


def state_words(state: str, title: str, say: Translator) -> tuple[str, str, str]:
    """Title, tone and meaning of a contract's state; `title` is what the API calls it."""
    found = STATES.get(state)
    if found is None:
        return say.deal(title), "plain", ""
    words, tone, meaning = found
    return say(words), tone, say(meaning)


def step_words(step: NextStep, deal: Deal, say: Translator) -> str:
    """What comes next, with what it is about."""
    words = say(STEPS[step.what]) if step.what in STEPS else say.deal(step.title)
    if step.kpi is None or step.kpi not in deal.kpis:
        return words
    kpi = deal.kpis[step.kpi]
    about = say.deal(kpi.title)
    if step.period is not None and len(kpi.periods) > 1:
        about = say("{kpi}, period {number}", kpi=about, number=step.period + 1)
    return say("{what}: {about}", what=words, about=about)


def payment_words(payment: PaymentView, say: Translator) -> str:
    """What a payment is, with its number."""
    words = say(PAYMENTS[payment.kind]) if payment.kind in PAYMENTS else say.deal(payment.title)
    if payment.index is not None and payment.kind in ("coupon", "revenue", "settlement"):
        return say("{what} {number}", what=words, number=payment.index + 1)
    return words


def y_words(y: int, effect: str, currency: Currency, say: Translator, write: Format) -> str:
    """What a payoff gives: an amount for the whole issue, or basis points of interest."""
    if y == 0:
        return say("no change")
    sign = "+" if y > 0 else "−"
    if effect == "amount":
        return f"{sign}{write.short_money(abs(y), currency)}"
    return say("{sign}{points} basis points", sign=sign, points=write.stated(Decimal(abs(y)).scaleb(4 - 18)))
