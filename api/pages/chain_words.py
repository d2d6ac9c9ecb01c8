"""Words for what the chain knows by codes. Those of a kind of part are its own (api.instruments.offers); what
has none is shown as the API says it."""

from __future__ import annotations

from decimal import Decimal

from api.i18n import N_, Translator
from api.instruments.acts import coded_by_kinds
from api.models import Currency
from api.models.deployment import NextStep, PaymentView
from api.pages.format import Format
from finance.terms import Deal

WALLETS = {
    "deployer": N_("Deployer"),
    "issuer": N_("Issuer"),
    "agent": N_("Transfer agent"),
    "payer": N_("Payer"),
    "payee": N_("Payee"),
    "operator": N_("Operator"),
    "lender": N_("Lender"),
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
    found = coded_by_kinds("states").get(state)
    if found is None:
        return say.deal(title), "plain", ""
    words, tone, meaning = found
    return say(words), tone, say(meaning)


def step_words(step: NextStep, deal: Deal, say: Translator) -> str:
    """What comes next, with what it is about."""
    steps = coded_by_kinds("steps")
    words = say(steps[step.what]) if step.what in steps else say.deal(step.title)
    if step.kpi is None or step.kpi not in deal.kpis:
        return words
    kpi = deal.kpis[step.kpi]
    about = say.deal(kpi.title)
    if step.period is not None and len(kpi.periods) > 1:
        about = say("{kpi}, period {number}", kpi=about, number=step.period + 1)
    return say("{what}: {about}", what=words, about=about)


def payment_words(payment: PaymentView, say: Translator) -> str:
    """What a payment is, with its number."""
    kind = coded_by_kinds("payments").get(payment.kind)
    if kind is None:
        return say.deal(payment.title)
    if payment.index is not None and kind.numbered:
        return say("{what} {number}", what=say(kind.words), number=payment.index + 1)
    return say(kind.words)


def y_words(y: int, effect: str, currency: Currency, say: Translator, write: Format) -> str:
    """What a payoff gives: an amount for the whole issue, or basis points of interest."""
    if y == 0:
        return say("no change")
    sign = "+" if y > 0 else "−"
    if effect == "amount":
        return f"{sign}{write.short_money(abs(y), currency)}"
    return say("{sign}{points} basis points", sign=sign, points=write.stated(Decimal(abs(y)).scaleb(4 - 18)))
