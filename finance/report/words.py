"""A deal in plain words: what holders get, what reports change, and when holders would lose."""

from __future__ import annotations

from decimal import Decimal

from finance.pricing.decisions import Decision, decisions
from finance.pricing.value import Valuation
from finance.report.style import amount_text
from finance.report.text import initial, joined, kpi_value, money, often, percent
from finance.settlement.terms import RATE_DECIMALS, Effect
from finance.terms.bond import KpiBond
from finance.terms.canonical import plain
from finance.terms.payoffs import line_of


def terms_in_words(valuation: Valuation) -> list[str]:
    """Who pays what when, apart from what reports change."""
    deal, claim = valuation.deal, valuation.claim
    bond = deal.only(KpiBond)
    issuer = next(party.name for party in deal.parties.values() if "issuer" in party.roles)
    sum_ = f"{claim.currency} {amount_text(float(claim.principal))}"
    price = plain(bond.issue_price.value * 100)
    at = "at par" if price == "100" else f"at {price} per 100"
    once = bond.coupon.frequency == "once"
    paid = "in one coupon at maturity" if once else f"{often(claim.frequency)}"
    (start, end, rate), *later = bond.stated_rates
    parts = [
        f"{issuer} borrows {sum_} from the holders, issued {at} on {claim.issue_date}.",
        f"It pays {plain(rate * 100)} % interest a year, {paid}, from {start} to {end}.",
        *(f"From {start} to {end} it pays {plain(rate * 100)} %." for start, end, rate in later),
    ]
    repaid = [day for day, amount in zip(claim.schedule, claim.repayments, strict=True) if amount]
    if claim.bullet:
        parts.append(f"The principal comes back in one sum on {bond.maturity.value}.")
    else:
        first, last = repaid[0].end, repaid[-1].end
        parts.append(f"The principal comes back in {len(repaid)} parts from {first} to {last}.")
    return parts


def changes_in_words(valuation: Valuation) -> list[str]:
    """What KPI reports change, tier by tier, with the chance of each."""
    found, deal = decisions(valuation), valuation.deal
    if not found:
        return ["No report changes a payment: this is a fixed bond."]
    if len(found) == 1:
        return _one_report(found[0], valuation)
    kpis = joined(list(dict.fromkeys(deal.kpis[each.kpi].title for each in found)))
    worst, best = (sum(edge(each.amounts) for each in found) for edge in (min, max))
    currency = valuation.claim.currency
    chooses = "chooses a tier" if all(each.tiered for each in found) else "is read against terms"
    first, last = found[0].measured[1], found[-1].measured[1]
    expected = _signed(valuation.closed_form.expected, currency)
    return [
        f"{len(found)} reports, of periods that end between {first} and {last}, decide: {kpis}. Each "
        f"{chooses} of its own, which holds for the payments named in the table of reports.",
        f"Together they change what holders get by {_signed(worst, currency)} at worst and "
        f"{_signed(best, currency)} at best; {expected} is expected.",
    ]


def _signed(amount: float, currency: str) -> str:
    sign = "-" if amount <= -0.005 else "+" if amount >= 0.005 else ""
    return f"{currency} {sign}{money(abs(amount))}"


def _one_report(decision: Decision, valuation: Valuation) -> list[str]:
    deal, currency = valuation.deal, valuation.claim.currency
    kpi, (start, end) = deal.kpis[decision.kpi], decision.measured
    lines = [f"One report decides: {_lower(kpi.title)}, measured from {start} to {end}."]
    if not decision.tiered:
        bond = deal.only(KpiBond)
        points = [
            f"{_effect(decision, payoff, currency)} at {kpi_value(kpi, float(point.kpi.value))}"
            for point, payoff in zip(line_of(bond.kpi_rules[0]), decision.payoffs, strict=True)
        ]
        text = f"The payoff runs straight between these points and is flat beyond them: {joined(points)}."
        return [*lines, text, f"{_signed(decision.expected, currency)} is expected."]
    for text, payoff, chance in zip(decision.labels, decision.payoffs, decision.chances, strict=True):
        effect = _effect(decision, payoff, currency)
        lines.append(f"{initial(text)}: {effect}. The chance of that is {percent(chance, 2)}.")
    return lines


def _lower(title: str) -> str:
    """A title inside a sentence, unless it begins with an abbreviation."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def _effect(decision: Decision, payoff: float, currency: str) -> str:
    if decision.effect is Effect.RATE:
        if payoff == 0:
            return "the coupon stays as stated"
        total = f"{currency} {money(abs(payoff) * decision.scale)}"
        more = "more" if payoff > 0 else "less"
        first, last = decision.paid
        when = f"on {first}" if first == last else f"from {first} to {last}"
        rate = f"{1e4 * abs(payoff):g} basis points"
        return (
            f"the coupon is {rate} {'higher' if payoff > 0 else 'lower'}, {total} {more} in all, paid {when}"
        )
    if payoff == 0:
        return "nothing is paid either way" if min(decision.payoffs) < 0 else "nothing is paid on top"
    who = "the issuer pays the holders" if payoff > 0 else "the holders pay the issuer"
    return f"{who} {currency} {money(abs(payoff))} on {decision.paid[0]}"


def losses_in_words(valuation: Valuation) -> list[str]:
    """When holders would lose, in money and against a plain bond, and what silence does."""
    claim = valuation.claim
    lines = [_worst_case(valuation)]
    if claim.kpis:
        lines.append(_against_plain(valuation))
        lines.append(_silence(valuation))
    bond = valuation.deal.only(KpiBond)
    grace, cure = plain(bond.grace_days.value), plain(bond.cure_days.value)
    lines.append(
        f"If a payment is not made within {grace} days of its due date the bond is in default, which can "
        f"be cured for {cure} days; what is late bears {plain(bond.late_rate.value * 100)} % a year. The "
        "price here takes no default into account."
    )
    return lines


def _worst_case(valuation: Valuation) -> str:
    claim, currency = valuation.claim, valuation.claim.currency
    least = min(claim.cases, key=lambda case: case.amount, default=None)
    values = least.values if least else ()
    received = sum((amount for _, _, amount in claim.payments(values)), Decimal(0))
    reading = valuation.readings[0]
    worst = reading.yields[claim.cases.index(least)] if least else reading.expected_yield
    gain = received - claim.issue_price
    what = "more than" if gain >= 0 else "less than"
    case = "In the worst case" if claim.cases else "Served on time,"
    return (
        f"{case} holders who buy at issue and hold to the end get {currency} {money(received)} for "
        f"{currency} {money(claim.issue_price)}: {money(abs(gain))} {what} they paid, "
        f"{'and no yield' if worst is None else f'a yield of {percent(worst, 2)} a year'}."
    )


def _against_plain(valuation: Valuation) -> str:
    claim, currency = valuation.claim, valuation.claim.currency
    worst = min(case.amount for case in claim.cases)
    if worst >= 0:
        return "No report can make holders get less than the stated coupon and principal."
    text = (
        f"Reports can cost holders up to {currency} {money(-worst)} of what a plain bond on these terms pays"
    )
    if not claim.tiered:
        return f"{text}."
    chances = zip(claim.cases, valuation.closed_form.probabilities, strict=True)
    bad = sum(chance for case, chance in chances if case.amount < 0)
    return f"{text}; the chance that they lose against it is {percent(bad, 2)}."


def _silence(valuation: Valuation) -> str:
    claim = valuation.claim
    issuer = valuation.deal.controller_of(valuation.deal.key_of(KpiBond)) == "issuer"
    who = "the issuer, who controls the data" if issuer else "the holders, who control the data"
    if len(claim.terms.fixings) > 1:
        return f"If a report does not come, what is worst for {who}, counts: silence never pays."
    (fixing,), (decision,) = claim.terms.fixings, decisions(valuation)
    decimals = RATE_DECIMALS if fixing.effect is Effect.RATE else claim.money_decimals
    effect = _effect(decision, fixing.missing / 10**decimals, claim.currency)
    return f"If the report does not come, {effect}. That is the worst for {who}, so silence never pays."
