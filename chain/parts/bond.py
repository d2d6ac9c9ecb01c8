"""KpiBond. A fixing made within an acceleration follows from that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from chain.history import Event, History
from chain.parts import sale as sales
from chain.parts import token
from chain.parts.base import (
    Cells,
    Now,
    PartKind,
    Rebuild,
    Rebuilt,
    Said,
    Seen,
    Standing,
    holdings,
    said,
    turns,
)
from chain.plan import Plan, Planned, PlannedFeed, Site
from chain.reconciliation import Check, MoneyCheck, ReportState, Row
from chain.terms import ZERO_ADDRESS, curve
from finance.settlement import bond
from finance.settlement.bond_books import BondBooks, BondParts
from finance.settlement.bond_life import LATE_ONE, BondLife, State
from finance.settlement.feed_report import STATUS
from finance.settlement.oracle_feed import FeedBooks
from finance.settlement.pro_rata import per_unit
from finance.settlement.terms import NEVER, Effect, SettlementTerms, settlement_terms
from finance.settlement.world import World
from finance.terms import Deal
from finance.terms.bond import KpiBond
from finance.terms.offering import Sale


def _funded(a: Said, _world: World) -> Rebuilt:
    yield a["from"], "fund", {"amount": a["amount"]}


def _fixed(a: Said, _world: World) -> Rebuilt:
    yield "", "fix", {"fixing": a["fixing"]}


def _called(a: Said, world: World) -> Rebuilt:
    """Nobody else may."""
    yield world.books(a.part, BondBooks).parts.issuer, "announce_call", {"period": a["period"]}


def _by_anyone(call: str) -> Rebuild:
    def rebuilt(_a: Said, _world: World) -> Rebuilt:
        yield "", call, {}

    return rebuilt


# -- what it pays


def _coupon(seen: Seen) -> Iterator[Row]:
    yield from _payment(seen, seen["period"])


def _redemption(seen: Seen) -> Iterator[Row]:
    yield from _payment(seen, None)


def _payment(seen: Seen, period: int | None) -> Iterator[Row]:
    """To every holder, by the kinds that a payment is made of."""
    books = seen.after.books(seen.part, BondBooks)
    expected, actual = (_parts(books.life, period, a) for a in (seen.expected, seen.actual))
    for kind in WORDS:
        each = expected.get(kind, 0), actual.get(kind, 0)
        if any(each) or kind in _always(books.life, period):
            yield from seen.shares(books.parts.token, kind, each, period)


def _recovery(seen: Seen) -> Iterator[Row]:
    books = seen.after.books(seen.part, BondBooks)
    expected, actual = (paid // (books.life.units or 1) for paid in seen.both("paid"))
    yield from seen.shares(books.parts.token, "recovery", (expected, actual))


def _funding(seen: Seen) -> Iterator[Row]:
    yield seen.row("funding", seen["from"], seen.both("amount"))


def _surplus(seen: Seen) -> Iterator[Row]:
    issuer = seen.after.books(seen.part, BondBooks).parts.issuer
    yield seen.row("surplus", issuer, seen.both("amount"))


def _parts(life: BondLife, period: int | None, said: Mapping[str, Any]) -> dict[str, int]:
    """A unit's money of a payment by kind, from the sums that its event names; divided as `bond.payments`
    does."""
    units = life.units
    if not said or not units:
        return {}
    back = said["principal" if period is None else "repayment"] // units
    more, each = said["late"] // units, said["paid"] // units
    left = each - back - more
    coupon = premium = 0
    has_outcome = "outcome" in _always(life, period)
    if period is not None:
        coupon = said["interest"] // units if has_outcome else left
    elif life.terms.premium:
        premium = bond.premium(life.terms, units) // units if has_outcome else left
    outcome = left - coupon - premium
    return {"coupon": coupon, "principal": back, "premium": premium, "outcome": outcome, "late": more}


def _always(life: BondLife, period: int | None) -> set[str]:
    """What a payment always has, be it zero."""
    index = life.total if period is None else period
    amounts = {life.terms.first_payment(f) for f in life.terms.fixings if f.effect is Effect.AMOUNT}
    return ({"outcome"} if index in amounts else set()) | ({"coupon"} if period is not None else set())


# -- how it stands


def _standing(now: Now) -> Standing:
    books = now.world.books(now.part, BondBooks)
    life = books.told(now.world)
    found = Standing(
        state=life.state.name.lower(),
        ended=life.state == State.REDEEMED,
        checks=[
            Check(f"{now.part}: state", life.state, now.read("state")),
            Check(f"{now.part}: coupons paid", life.coupons_paid, now.read("couponsPaid")),
            Check(f"{now.part}: coupon periods", life.total, now.read("periodCount")),
            MoneyCheck(f"{now.part}: principal owed", books.principal(), now.read("principal")),
        ],
        reports=list(_reports(now, books)),
    )
    if life.state in (State.ACTIVE, State.DEFAULTED):
        _add_overdue(now, books, found)
    elif life.state == State.ACCELERATED:
        _add_called_due(now, books, found)
    if not found.ended:
        left = life.total - life.coupons_paid
        if left and life.state != State.ACCELERATED:
            found.not_yet.append(f"{left} of {life.total} coupons are not paid")
        waited = [
            report
            for report, fixing in zip(found.reports, books.terms.fixings, strict=True)
            if fixing.first != NEVER  # after a call nobody waits for what would have bent later payments
        ]
        found.not_yet += [f"{r} is not final: {r.status}" for r in waited if not r.is_settled]
        found.not_yet.append("the bond is not redeemed")
    if life.terms.premium is not None and not found.ended:
        found.notes.append(f"the bond is called: its last coupon is number {life.total}")
    if life.state == State.DEFAULTED:
        found.notes.append("the bond is in default")
    return found


def _reports(now: Now, books: BondBooks) -> Iterator[ReportState]:
    """One for each fixing."""
    oracle = now.world.books(books.parts.oracle, FeedBooks)
    for fixing in books.terms.fixings:
        report = oracle.report_of(books.parts.feeds[fixing.feed], fixing.kpi_period, now.world.at)
        kpi = books.terms.feeds[fixing.feed].kpi
        yield ReportState(kpi, fixing.kpi_period + 1, STATUS[report.status], report.settled_value)


def _add_overdue(now: Now, books: BondBooks, found: Standing) -> None:
    """Payments whose date has come and which are not made: expected once their grace is over."""
    at = now.world.at
    life = books.life.as_if_fixed(at)
    first = life.coupons_paid
    due = life.payments(first, life.overdue(at))
    runs = life.late_on(due, at)
    carried, booked = life.carried, life.late
    for index, (payment, late) in enumerate(zip(due, runs, strict=True), start=first):
        period = index if index < life.total else None
        label = "redemption" if period is None else f"coupon {index + 1}"
        late, booked = late + booked, 0
        if payment.waits is not None:
            report = found.reports[payment.waits]
            found.notes.append(f"{label}: due, and waits for {report}, which is {report.status}")
            continue
        total = payment.due + late + carried
        _, paid = per_unit(total, life.units)
        carried = total - paid
        if at <= payment.since + life.terms.grace_seconds:
            found.notes.append(f"{label}: due, not paid, within its grace period")
            continue
        found.notes.append(f"{label}: due, not paid, past its grace period")
        said = {"interest": payment.interest, "repayment": payment.repayment, "late": late, "paid": paid}
        parts = _parts(life, period, {**said, "principal": payment.repayment})
        found.rows += _unpaid(now, books, parts, period)


def _add_called_due(now: Now, books: BondBooks, found: Standing) -> None:
    """What was called due and has not been recovered."""
    life = books.life
    late = life.late_owed(now.world.at) // LATE_ONE
    owed = {"coupon": life.interest_owed, "principal": life.principal_owed, "late": late}
    parts = {kind: amount // life.units for kind, amount in owed.items()}
    found.rows += _unpaid(now, books, parts, None)
    found.notes.append("the bond was accelerated: what is called due and not recovered is a difference")


def _unpaid(now: Now, books: BondBooks, parts: Mapping[str, int], period: int | None) -> Iterator[Row]:
    number = None if period is None else period + 1
    for kind, each in parts.items():
        for holder, units in holdings(now.world, books.parts.token).items() if each else ():
            yield Row(now.part, kind, holder, number, each * units, 0, units=units)


# -- its tables


def _shared(log: History, event: Event, key: str) -> Cells:
    """The bond announces what it has just distributed, in the same transaction."""
    announced = log.after(event, key, *SHARED)
    if announced is None:
        return {}
    a = announced.arguments
    return {
        "kind": SHARED[announced.name],
        "index": a.get("period", -1),
        "interest": a.get("interest", 0),
        "principal": a["repayment" if "repayment" in a else "principal"],
        "outcome": a.get("outcome", 0),
        "late": a["late"],
    }


SHARED = {"CouponPaid": "coupon", "BondRedeemed": "redemption", "Recovered": "recovery"}
TABLES = {
    "fundings": said("BondFunded", payer="from", amount="amount"),
    "surplus": said("SurplusReturned", amount="amount"),
    "turns": turns("BondActivated", "BondDefaulted", "DefaultCured", "BondAccelerated", "BondRedeemed"),
    "calls": said("CallAnnounced", period="period", premium="premium"),
    "fixings": said("KpiFixed", fixing="fixing", kpi_value="kpi", missing="missing", value="value"),
}


# -- as it is deployed


def plan(deal: Deal) -> Plan:
    """The bond of a group, its token and the sale of it."""
    terms, key, sale = settlement_terms(deal), deal.key_of(KpiBond), deal.key_of(Sale)
    claim, issuer = deal.only(KpiBond).token, deal.wallet_of(key, "issuer")
    agent = deal.wallet_of(claim, "agent")
    feeds = [PlannedFeed(feed, (key,), issuer) for feed in terms.feeds]
    parts = (
        token.planned(claim, terms, agent, minter=sale, servicer=key),
        sales.planned(deal, sale, terms, claim, key, issuer, (issuer, agent)),
        planned(key, terms, claim, sale, issuer, next(iter(deal.linking(key, "puts off")), None)),
    )
    return Plan(parts, tuple(feeds), (sales.deadline(terms),))


def planned(
    key: str, terms: SettlementTerms, token: str, offering: str, issuer: str, consents: str | None = None
) -> Planned:
    """A bond of which the part `token` is the claim, and that the part `offering` begins; `issuer` is the
    name of a wallet, `consents` the part where holders consent to a standstill, if there is one."""

    def begin(site: Site) -> tuple[Any, ...]:
        struct = {
            "token": site.parts[token],
            "currency": site.shared["currency"],
            "issuer": site.wallets[issuer],
            "offering": site.parts[offering],
            "oracle": site.shared["oracle"],
            "gracePeriod": terms.grace_seconds,
            "curePeriod": terms.cure_seconds,
            "dataController": DATA_CONTROLLERS[terms.data_controller],
            "unitPrincipal": terms.unit_principal,
            "authorisedUnits": terms.hard_cap,
            "rate": terms.rate,
            "lateRate": terms.late_rate,
            "periods": _periods(terms),
            "fixings": _fixings(terms, site),
            "noticePeriod": terms.notice_seconds,
            "calls": [{"first": call.first, "premium": call.premium} for call in terms.calls],
            "consents": ZERO_ADDRESS if consents is None else site.parts[consents],
        }
        return (struct,)

    def books(site: Site) -> BondBooks:
        feeds = tuple(site.feeds[feed.kpi] for feed in terms.feeds)
        parts = BondParts(site.wallets[issuer], feeds, token, offering, consents=consents)
        return BondBooks.offered(terms, parts, key)

    return Planned(key, "bond", begin, books, lambda site: {"terms": begin(site)[0]})


def _periods(terms: SettlementTerms) -> list[dict[str, int]]:
    """IKpiBond.Period of every coupon."""
    return [
        {
            "payDate": p.pay_date,
            "numerator": p.numerator,
            "denominator": p.denominator,
            "repayment": p.repayment,
            "step": p.step,
        }
        for p in terms.periods
    ]


def _fixings(terms: SettlementTerms, site: Site) -> list[dict[str, Any]]:
    """IKpiBond.Fixing of every fixing."""
    return [
        {
            "feed": site.feeds[terms.feeds[f.feed].kpi],
            "kpiPeriod": f.kpi_period,
            "effect": int(f.effect),
            "first": f.first,
            "last": f.last,
            "missing": f.missing,
            "curve": curve(f.curve),
        }
        for f in terms.fixings
    ]


DATA_CONTROLLERS = {"issuer": 0, "holders": 1}
"""IKpiBond.DataController"""
WORDS = {
    "coupon": "earned by holders, each period",
    "principal": "repaid to holders",
    "premium": "beside the principal, to holders of a bond that is called",
    "outcome": "for the KPI, to holders or, negative, from what they are repaid",
    "late": "interest on what came late, to holders",
    "recovery": "shared out after an acceleration",
    "funding": "paid in to serve the bond",
    "surplus": "left after the end, to the issuer",
}
ACTS_OF = {
    "BondFunded": _funded,
    "KpiFixed": _fixed,
    "CouponPaid": _by_anyone("pay_coupon"),
    "CallAnnounced": _called,
    "BondRedeemed": _by_anyone("redeem"),
    "BondDefaulted": _by_anyone("declare_default"),
    "DefaultCured": _by_anyone("cure"),
    "BondAccelerated": _by_anyone("accelerate"),
    "Recovered": _by_anyone("recover"),
    "SurplusReturned": _by_anyone("return_surplus"),
}
KIND = PartKind(
    "KpiBond",
    ACTS_OF,
    {
        "CouponPaid": _coupon,
        "BondRedeemed": _redemption,
        "Recovered": _recovery,
        "BondFunded": _funding,
        "SurplusReturned": _surplus,
    },
    _standing,
    helper="BondChecks",
    calls_currency=True,
    measured=frozenset({"KpiFixed"}),
    words=WORDS,
    tables=TABLES,
    shared=_shared,
)
