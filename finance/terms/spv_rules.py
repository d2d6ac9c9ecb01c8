"""Rules of vehicles: their dates, who pays in and is paid, and that nobody can choose what is tested."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise

from finance.terms.amounts import Amount, Repayment, Table, names_in
from finance.terms.canonical import plain
from finance.terms.deal import Deal, walk
from finance.terms.offering import Sale
from finance.terms.problems import InputError
from finance.terms.rule_parts import Finding, Loc, count, money, parts_of, period_amounts, yearly_rate
from finance.terms.schedule import days_after
from finance.terms.spv import Line, Spv, Step
from finance.terms.swap import KpiPayment
from finance.terms.tranche import Tranche
from finance.terms.values import NumberTerm, scaled

MAX_UNITS = 2**64 - 1
MAX_LAG, MAX_CURES, MAX_WITHIN = 365, 254, 36_500
SETTLEMENT_DAYS = 30  # in which a successful issue is settled: contracts/market/Sale.sol
MAX_PARTIES = 14  # beside issuer and agent: contracts/market/Sale.sol
NEEDS_TO = ("move", "draw", "repay")
OURS = ("cash", "losses")
"""Names of places of money in every waterfall: finance.settlement.waterfall_plan."""


def vehicles(deal: Deal) -> Iterator[Finding]:
    for here, spv in parts_of(deal, Spv):
        try:
            periods = spv.periods
        except ValueError as error:
            yield (*here, "schedule"), str(error)
            continue
        yield from count((*here, "schedule", "lag_days"), spv.schedule.lag_days, 0, MAX_LAG)
        for key, line in spv.lines.items():
            yield from _line(deal, (*here, "lines", key), spv, line)
            yield from _measured(deal, (*here, "lines", key, "measured"), spv, line)
        for key, pot in spv.pots.items():
            loc = (*here, "pots", key)
            yield from money(deal, (*loc, "opening"), pot.opening, sign=1)
            if pot.opening.value and pot.funder is None:
                yield (
                    (*loc, "funder"),
                    "is required: whoever fills it gets it back if the vehicle never begins",
                )
        for key, facility in spv.facilities.items():
            yield from money(deal, (*here, "facilities", key, "balance"), facility.balance, sign=1)
        yield from _people(deal, here, spv)
        yield from _sales(deal, here, spv)
        yield from _names(deal, here, spv)
        yield from _covenants(here, spv)
        yield from _steps(here, spv)
        yield from _end(here, spv)
        yield from _measures(deal, here, spv, len(periods))
        yield from _chosen(deal, here, spv)
        yield from _swaps(deal, here, spv)


def swaps_of(deal: Deal, spv: str) -> dict[str, KpiPayment]:
    """The KPI payments of which a vehicle is the payee, by key."""
    return {key: deal.part(key, KpiPayment) for key in sorted(deal.linking(spv, "hedges"))}


def _swaps(deal: Deal, here: Loc, spv: Spv) -> Iterator[Finding]:
    """What a KPI payment to a vehicle may not say (what goes by dates: finance.settlement.swap_legs). It
    begins with the vehicle, and a step pays what is owed on it."""
    paid = {claim for step in spv.steps for claim in _given(step)}
    for key, swap in swaps_of(deal, here[1]).items():
        loc = ("parts", key)
        if (issuer := issuer_of(deal, here[1])) not in (None, swap.payee):
            yield (*loc, "payee"), f"is not {issuer}, whose vehicle is {here[1]}"
        if f"{key}.owed" not in paid:
            yield (*here, "steps"), f"pay the KPI payment {key} nothing: needs `pay: [{key}.owed]`"
        if not swap.limited_recourse:
            yield (*loc, "limited_recourse"), "must be true: the vehicle owes what its steps leave for it"
        if swap.collateral.payee.value > 0:
            yield (*loc, "collateral", "payee"), "must be 0: the vehicle has no money before it begins"
        kpi = deal.kpis.get(swap.kpi)
        if kpi is None or not kpi.periods:
            continue
        begins = kpi.periods[0].start
        for tranche in deal.linking(here[1], "is owed by"):
            for sale in deal.linking(getattr(deal.parts[tranche], "token", ""), "sells"):
                window = deal.parts[sale].window
                if window is not None and window[1] >= begins:
                    yield (
                        ("parts", sale, "closes"),
                        f"dates out of order: not before {begins}, when parts.{key} must have begun",
                    )


def issuer_of(deal: Deal, key: str) -> str | None:
    """Whose part it is; None where that is not known, its own problem."""
    try:
        return deal.party_of(key, "issuer")
    except InputError:
        return None


def _line(deal: Deal, here: Loc, spv: Spv, line: Line) -> Iterator[Finding]:
    if line.receivable is not None and line.expected is not None:
        yield (*here, "expected"), "is what the receivable owes: leave one of them out"
    if line.receivable is not None:
        loc = (*here, "receivable")
        yield from money(deal, (*loc, "principal"), line.receivable.principal, positive=True)
        yield from yearly_rate((*loc, "rate"), line.receivable.rate)
        yield from _repayment((*loc, "repayment"), line.receivable.repayment, spv)
        if line.payer is None:
            yield (*here, "payer"), "is required: somebody owes the receivable"
    if line.expected is not None:
        yield from period_amounts(deal, (*here, "expected"), line.expected, len(spv.periods))


def _measured(deal: Deal, here: Loc, spv: Spv, line: Line) -> Iterator[Finding]:
    """Revenue that follows a KPI."""
    if line.measured is None:
        return
    if line.expected is None:
        yield here, "needs `expected`: what is due where the KPI is `at` its value"
    measure = spv.measures.get(line.measured.by)
    if measure is None:
        yield (*here, "by"), f"no such measure (known: {', '.join(spv.measures) or 'none'})"
        return
    at, kpi = line.measured.at, deal.kpis.get(measure.kpi)
    if at.value <= 0:
        yield (*here, "at"), "must be greater than 0"
    elif kpi is not None and scaled(at.value, kpi.decimals) is None:
        yield (*here, "at"), f"has more than the KPI's {kpi.decimals} decimals"


def _people(deal: Deal, here: Loc, spv: Spv) -> Iterator[Finding]:
    """Who pays in, funds and is paid is known, and has that role."""
    known = ", ".join(deal.parties)
    if len({party for _, party in spv.named}) > MAX_PARTIES:
        yield here, f"names more than {MAX_PARTIES} parties"
    places: list[tuple[Loc, str | None, str]] = []
    places += [(("lines", key, "payer"), each.payer, "payer") for key, each in spv.lines.items()]
    places += [(("pots", key, "funder"), each.funder, "payer") for key, each in spv.pots.items()]
    places += [(("payables", key, "payee"), each.payee, "payee") for key, each in spv.payables.items()]
    places += [(("facilities", key, "payee"), each.payee, "payee") for key, each in spv.facilities.items()]
    for loc, party, role in places:
        if party is not None and party not in deal.parties:
            yield (*here, *loc), f"unknown party (known: {known})"
        elif party is not None and role not in deal.parties[party].roles:
            yield (*here, *loc), f"the party has not the role {role}"


def _sales(deal: Deal, here: Loc, spv: Spv) -> Iterator[Finding]:
    """All sales are over in time for each other, and for the first period."""
    tranches = {key: deal.parts[key] for key in deal.linking(here[1], "is owed by")}
    if not tranches:
        yield here, "owes no tranche: no part has `spv: " + here[1] + "`"
        return
    closes = {
        key: part.window[1]
        for tranche in tranches.values()
        for key in deal.linking(getattr(tranche, "token", ""), "sells")
        if (part := deal.parts[key]).window is not None
    }
    if not closes:
        return
    first, last = min(closes.values()), max(closes.values())
    if last - first > timedelta(SETTLEMENT_DAYS):
        late = next(key for key, day in closes.items() if day == last)
        yield (
            ("parts", late, "closes"),
            f"more than {SETTLEMENT_DAYS} days after another tranche's sale: all begin together or none",
        )
    due = days_after(spv.periods[0].end, spv.schedule.lag_days.value)
    if due <= days_after(last, SETTLEMENT_DAYS):
        yield (
            (*here, "schedule"),
            f"the first period is run on {due}, within {SETTLEMENT_DAYS} days of the last sale's end {last}: "
            "the vehicle may not have begun",
        )


def tranches(deal: Deal) -> Iterator[Finding]:
    for here, tranche in parts_of(deal, Tranche):
        yield from money(deal, (*here, "principal"), tranche.principal, positive=True)
        yield from money(deal, (*here, "denomination"), tranche.denomination, positive=True)
        if tranche.denomination.value > 0:
            units = tranche.principal.value / tranche.denomination.value
            if units != int(units) or not 1 <= units <= MAX_UNITS:
                yield (
                    (*here, "principal"),
                    f"is not a multiple of the denomination {plain(tranche.denomination.value)}",
                )
        price = tranche.issue_price.value
        if price <= 0:
            yield (*here, "issue_price"), "must be greater than 0"
        paid = NumberTerm(value=tranche.denomination.value * price, assumed="price of a unit")
        yield from money(deal, (*here, "issue_price"), paid)
        for key in deal.linking(tranche.token, "sells"):
            sale = deal.parts[key]
            if isinstance(sale, Sale) and sale.soft_cap.value != sale.hard_cap.value:
                yield (
                    ("parts", key, "soft_cap"),
                    "must be the hard cap: all is sold, or nothing",
                )
        if tranche.rate is None:
            for name in ("repayment", "deferral"):
                if getattr(tranche, name):
                    yield (*here, name), "means nothing without a rate: what is residual is owed no amount"
            continue
        yield from yearly_rate((*here, "rate"), tranche.rate)
        spv = deal.parts.get(tranche.spv)
        if tranche.repayment is not None and isinstance(spv, Spv):
            yield from _repayment((*here, "repayment"), tranche.repayment, spv)
        if isinstance(spv, Spv) and tranche.issue_date.value > spv.schedule.from_.value:
            yield (*here, "issue_date"), f"dates out of order: after {tranche.spv}'s first period begins"


def _repayment(here: Loc, repayment: Repayment, spv: Spv) -> Iterator[Finding]:
    with suppress(ValueError):  # dates that give no schedule have their own problem
        periods = len(spv.periods)
        try:
            repayment.due(0, periods)
        except ValueError as error:
            yield here, str(error)


def _covenants(here: Loc, spv: Spv) -> Iterator[Finding]:
    for key, test in spv.covenants.items():
        loc = (*here, "covenants", key)
        if (test.least is None) == (test.most is None):
            yield loc, "needs `least` or `most`, and not both"
        if test.cured_by is not None:
            yield from count((*loc, "cured_by"), test.cured_by, 0, MAX_CURES)
        if test.within_days is not None:
            yield from count((*loc, "within_days"), test.within_days, 1, MAX_WITHIN)
            if test.cured_by is not None and test.cured_by.value == 0:
                yield (*loc, "within_days"), "means nothing where `cured_by` is 0: never"
    for loc, amount in spv.amounts():
        yield from _tables((*here, *loc), amount)


def _tables(here: Loc, amount: Amount) -> Iterator[Finding]:
    """Rows of tables ascend."""
    if isinstance(amount, str):
        return
    for path, item in walk(amount):
        rows = item.rows if isinstance(item, Table) else []
        if any(later.at.value <= row.at.value for row, later in pairwise(rows)):
            yield (*here, *path, "rows"), "must ascend by `at`"


def _steps(here: Loc, spv: Spv) -> Iterator[Finding]:
    for number, step in enumerate(spv.steps):
        loc = (*here, "steps", str(number))
        if len(step.verbs) != 1:
            yield (
                loc,
                f"needs exactly one of {', '.join(Step.VERBS)} (found: {', '.join(step.verbs) or 'none'})",
            )
            continue
        (verb,) = step.verbs
        if verb in NEEDS_TO and step.to is None:
            yield (*loc, "to"), f"is required: the pot to which `{verb}` moves money"
        if verb not in NEEDS_TO and step.to is not None:
            yield (*loc, "to"), f"means nothing for `{verb}`"
        if verb in ("move", "write_down", "test") and step.from_ is not None:
            yield (*loc, "from"), f"means nothing for `{verb}`"
        if (step.order == "weights") != (step.weights is not None):
            yield (*loc, "weights"), "are required by the order `weights`, and mean nothing for another"


def _end(here: Loc, spv: Spv) -> Iterator[Finding]:
    """After the last period every pot is emptied, whatever fails: contracts/spv/WaterfallTerms.sol."""
    emptied = set()
    for step in spv.steps:
        freely = step.limit is None and not step.while_ and not step.unless and step.when != "periods"
        if freely and step.rest is not None:
            emptied.add(step.from_ or "cash")
        if freely and step.move is not None and step.to in ("cash", None):  # none: has its own problem
            emptied.add(step.move)
    for pot in ("cash", *spv.pots):
        if pot not in emptied:
            how = "`rest: [...]`" if pot == "cash" else f"`move: {pot}, to: cash`"
            yield (
                (*here, "steps"),
                f"leave money in {pot} for ever: needs {how} with `when: after`, without a limit",
            )


def _measures(deal: Deal, here: Loc, spv: Spv, periods: int) -> Iterator[Finding]:
    """A KPI is there for each period, in time, and decides covenants alone, in one direction: without a
    report they fail, which is never better for who controls the data."""
    for name, measure in spv.measures.items():
        loc = (*here, "measures", name)
        kpi = deal.kpis.get(measure.kpi)
        if kpi is None:
            yield (*loc, "kpi"), f"unknown KPI (known: {', '.join(deal.kpis) or 'none'})"
            continue
        if len(kpi.periods) < periods:
            yield (*loc, "kpi"), f"has {len(kpi.periods)} periods, and the vehicle has {periods}"
        windows = _windows(deal, measure.kpi)
        for number, (period, measured) in enumerate(zip(spv.periods, kpi.periods, strict=False), start=1):
            run = days_after(period.end, spv.schedule.lag_days.value)
            if (settled := days_after(measured.end, 1 + windows)) >= run:  # whoever pays by it has a day
                yield (
                    (*loc, "kpi"),
                    f"its period {number} may settle as late as {settled}, and is run on {run}",
                )
                break
        ways = {
            test.least is not None
            for test in spv.covenants.values()
            if test.value == name and test.per is None
        }
        if len(ways) != 1:
            yield loc, "must be tested by covenants as their `value`, all `least` or all `most`"
        for where, amount in spv.amounts():
            if name in names_in(amount) and where[0] != "covenants":
                yield (*here, *where), f"reads the KPI {name}, of which only covenants say what silence means"
        tested = {key for key, test in spv.covenants.items() if test.value == name}
        gains = {claim for step in spv.steps if tested & {*step.while_} for claim in _favoured(step)}
        for owner, party in spv.payees.items():
            if owner in gains and "data_controller" in deal.parties[party].roles:
                group = "payables" if owner in spv.payables else "facilities"
                tests = ", ".join(sorted(tested))
                yield (*here, group, owner), f"is paid while {tests} fails, as it does without a report"


def _windows(deal: Deal, kpi: str) -> int:
    """Days after a measurement period in which a report of it may come and be disputed."""
    policy = deal.oracle.get(kpi)
    if policy is None:  # has its own problem
        return 0
    windows = (policy.reporting_days, policy.late_days, policy.dispute_days, policy.ruling_days)
    return int(sum(each.value for each in windows if 0 <= each.value <= MAX_WITHIN))


def _chosen(deal: Deal, here: Loc, spv: Spv) -> Iterator[Finding]:
    """Nobody pays in to have a test, or a share, come out as they like."""
    free = {key for key, line in spv.lines.items() if line.payer is None}
    for loc, amount in spv.amounts():
        for name in names_in(amount):
            if name in free:
                yield (*here, *loc), f"reads the line {name}, into which anybody may pay: name its payer"
    for key, test in spv.covenants.items():
        read = {name for each in (test.value, test.per, test.least, test.most) for name in names_in(each)}
        payers = {spv.lines[name].payer for name in read & spv.lines.keys()}
        turned = {
            owner for step in spv.steps if key in (*step.while_, *step.unless) for owner in _favoured(step)
        }
        for owner in sorted(turned & spv.payees.keys()):
            who = spv.payees[owner]
            if who in payers:
                yield (
                    (*here, "covenants", key),
                    f"reads what {who} pays in, and decides whether {who} is paid {owner}: it could choose",
                )


def _given(step: Step) -> list[str]:
    """The claims that a step pays."""
    return [*(step.pay or []), *(step.rest or [])]


def _favoured(step: Step) -> set[str]:
    """Of which payables, tranches and facilities the owners get money by a step."""
    paid = (*_given(step), *(step.prepay or []), *filter(None, [step.repay]))
    return {claim.split(".")[0] for claim in paid}


def _names(deal: Deal, here: Loc, spv: Spv) -> Iterator[Finding]:
    """Every name that stands in an amount or a step is one of the vehicle's."""
    notes = {key: deal.parts[key] for key in deal.linking(here[1], "is owed by")}
    loans = [key for key, each in notes.items() if getattr(each, "rate", None) is not None]
    loans += spv.facilities
    claims = [*spv.payables, *(key for key in notes if key not in loans)]
    claims += [f"{loan}.{what}" for loan in loans for what in ("interest", "principal")]
    swaps = swaps_of(deal, here[1])
    claims += [f"{swap}.owed" for swap in swaps]
    pots = ["cash", *spv.pots]
    groups = {"pot": pots, "claim": claims, "loan": loans, "covenant": [*spv.covenants]}
    known = {*pots, *claims, *spv.lines, *swaps, *spv.measures}
    known |= {f"{each}.due" for each in (*spv.lines, *claims)}
    known |= {f"{loan}.{what}" for loan in loans for what in ("balance", "lost")}
    known |= {f"{test}.seconds" for test in spv.covenants} | {*spv.covenants}
    for loc, amount in spv.amounts():
        for name in names_in(amount):
            if name not in known:
                yield (*here, *loc), f"{name}: the waterfall has no such name"
    taken: set[str] = set()
    groups_of_names = (spv.lines, spv.measures, spv.pots, spv.payables, notes, spv.facilities)
    for group in (*groups_of_names, spv.covenants, swaps):
        for name in group:
            if name in taken or name in OURS:
                yield here, f"{name}: stands for two things"
            taken.add(name)
    for number, step in enumerate(spv.steps):
        asked = {
            "pot": [each for each in (step.from_, step.to, step.move) if each is not None],
            "claim": _given(step),
            "loan": [*(step.prepay or []), *(step.write_down or []), *filter(None, (step.draw, step.repay))],
            "covenant": [*step.while_, *step.unless, *filter(None, (step.test,))],
        }
        for what, names in asked.items():
            for name in names:
                if name is not None and name not in groups[what]:  # None: has its own problem
                    listed = ", ".join(groups[what]) or "none"
                    yield (*here, "steps", str(number)), f"{name}: no {what} (known: {listed})"


RULES = (tranches,)
