"""The one conversion from a deal with a vehicle to the integers that its treasury runs by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from finance.settlement import swap_legs
from finance.settlement import waterfall_plan as plans
from finance.settlement.accrual import interest
from finance.settlement.swap_terms import swap_terms
from finance.settlement.terms import (
    RATE_DECIMALS,
    SECONDS_PER_DAY,
    FeedTerms,
    allowed_classes,
    blocked_countries,
    feed_terms,
    integer,
)
from finance.settlement.waterfall import Op, Order, When
from finance.settlement.waterfall_plan import CASH, Plan
from finance.settlement.widths import SettlementError
from finance.terms import amounts as file
from finance.terms import spv_rules
from finance.terms.claim_token import ClaimToken
from finance.terms.deal import Deal
from finance.terms.offering import Sale
from finance.terms.rule_parts import Finding
from finance.terms.schedule import AccrualPeriod, unix
from finance.terms.spv import Covenant, Line, Receivable, Spv, Step
from finance.terms.tranche import Tranche
from finance.terms.values import NumbersTerm, NumberTerm

OPS = {
    "pay": Op.PAY,
    "prepay": Op.PREPAY,
    "rest": Op.REST,
    "move": Op.MOVE,
    "draw": Op.DRAW,
    "repay": Op.REPAY,
    "write_down": Op.WRITE_DOWN,
    "test": Op.TEST,
}
ONE = 10**RATE_DECIMALS


@dataclass(frozen=True, slots=True)
class TrancheTerms:
    """What is sold of a tranche, by the keys of its parts: money in minor units, times in unix seconds."""

    key: str
    token: str
    offering: str
    name: str
    symbol: str
    units: int
    unit_price: int
    unit_principal: int
    opens: int
    closes: int
    allowed_classes: int
    blocked_countries: tuple[int, ...]
    rate: int | None

    @property
    def soft_cap(self) -> int:
        """The treasury begins with the whole issue, or not at all."""
        return self.units

    @property
    def hard_cap(self) -> int:
        return self.units


@dataclass(frozen=True, slots=True)
class Paid:
    """Who is paid: the key of a tranche, of a party, or of a swap."""

    party: str = ""
    tranche: str = ""
    swap: str = ""


class Measured(NamedTuple):
    """By which fact a line is measured, if by one, at which value all of it is due, and the value that counts
    where a report is missing: the worst for whoever controls the data."""

    fact: int | None = None
    at: int = 1
    missing: int = 0


@dataclass(frozen=True)
class VehicleTerms:
    """A vehicle in integers: the `plan` of its waterfall; of each line who pays it (the key of a party, or
    None), what is `expected` of it by period, minor units, and how it is `measured`; of each fact its feed,
    and what counts where a report is missing; of each pot its funder; `payees`, and which of them is paid
    each claim (`payee_of`). `swaps`: the keys of those that pay the last lines, and whose debts are the facts
    after the measured ones."""

    key: str
    title: str
    currency_decimals: int
    plan: Plan
    periods: tuple[AccrualPeriod, ...]
    payers: tuple[str | None, ...]
    expected: tuple[tuple[int, ...], ...]
    measured: tuple[Measured, ...]
    facts: tuple[tuple[FeedTerms, int], ...]
    funders: tuple[str | None, ...]
    payees: tuple[Paid, ...]
    payee_of: tuple[int, ...]
    tranches: tuple[TrancheTerms, ...]
    swaps: tuple[str, ...] = ()


@lru_cache(maxsize=32)
def vehicle_terms(deal: Deal) -> VehicleTerms:
    """The integers of the only vehicle of a checked deal. Raises InputError when it has none, SettlementError
    for a waterfall that no treasury runs, ValueError for a number without an exact integer."""
    return _Reader(deal, deal.key_of(Spv)).terms()


class _Reader:
    def __init__(self, deal: Deal, key: str) -> None:
        self.deal, self.key, self.spv = deal, key, deal.part(key, Spv)
        self.decimals = deal.currency.token_decimals
        self.periods = self.spv.periods
        self.tranches = {each: deal.part(each, Tranche) for each in sorted(deal.linking(key, "is owed by"))}
        self.expected = {name: self._expected(line) for name, line in self.spv.lines.items()}
        self.swaps = tuple(spv_rules.swaps_of(deal, key))

    def terms(self) -> VehicleTerms:
        spv, plan = self.spv, self.plan()
        people = spv.payees
        payees: list[Paid] = []
        payee_of = []
        for claim in plan.claim_names:
            owner = claim.split(".")[0]
            if owner in self.swaps:
                paid = Paid(swap=owner)
            else:
                paid = Paid(people[owner]) if owner in people else Paid(tranche=owner)
            if paid not in payees:
                payees.append(paid)
            payee_of.append(payees.index(paid))
        return VehicleTerms(
            self.key,
            spv.title,
            self.decimals,
            plan,
            self.periods,
            (*(line.payer for line in spv.lines.values()), *[None] * len(self.swaps)),
            (*self.expected.values(), *[()] * len(self.swaps)),
            (*map(self._by, spv.lines.values()), *[Measured()] * len(self.swaps)),
            tuple(self._facts()),
            tuple(pot.funder for pot in spv.pots.values()),
            tuple(payees),
            tuple(payee_of),
            tuple(self._tranche(key, each) for key, each in self.tranches.items()),
            self.swaps,
        )

    def plan(self) -> Plan:
        spv = self.spv
        lag = integer(spv.schedule.lag_days.value, 0) * SECONDS_PER_DAY
        claims = [
            plans.Due(key, self._money(each.due), each.carries, each.late)
            for key, each in spv.payables.items()
        ]
        # What is owed on a swap is the swap's to know: what stays unpaid is asked for again, with interest.
        claims += [plans.Due(f"{key}.owed", f"{key}.debt", False, True) for key in self.swaps]
        claims += [plans.Due(key) for key, each in self.tranches.items() if each.rate is None]
        loans = [self._notes(key, each) for key, each in self.tranches.items() if each.rate is not None]
        for key, each in spv.facilities.items():
            at_last = plans.Schedule((*[0] * (len(self.periods) - 1), plans.MOST))
            back = at_last if each.repayment is None else self._money(each.repayment)
            loans.append(plans.Loan(key, self._minor(each.balance), self._money(each.interest), back))
        return Plan(
            tuple(unix(period.end) + lag for period in self.periods),
            (*spv.lines, *self.swaps),
            (*spv.measures, *(f"{key}.debt" for key in self.swaps)),
            {key: self._minor(pot.opening) for key, pot in spv.pots.items()},
            tuple(claims),
            tuple(loans),
            tuple(self._covenant(key, each) for key, each in spv.covenants.items()),
            tuple(self._step(step) for step in spv.steps),
        )

    # -- what is owed

    def _notes(self, key: str, notes: Tranche) -> plans.Loan:
        assert notes.rate is not None
        on = (f"{key}.balance", f"{key}.interest") if notes.deferral else (f"{key}.balance",)
        principal = self._minor(notes.principal)
        back = (
            [0] * (len(self.periods) - 1) + [principal]
            if notes.repayment is None
            else notes.repayment.due(principal, len(self.periods))
        )
        rate = integer(notes.rate.value, RATE_DECIMALS)
        return plans.Loan(
            key, principal, plans.Interest(rate, on, self._years()), plans.Schedule(tuple(back))
        )

    def _years(self) -> tuple[tuple[int, int], ...]:
        return tuple((period.numerator, period.denominator) for period in self.periods)

    def _expected(self, line: Line) -> tuple[int, ...]:
        """What is to come of a line, by period."""
        if line.receivable is not None:
            return tuple(
                paid + back for paid, back in receivable(line.receivable, self.periods, self.decimals)
            )
        given = line.expected.value if line.expected is not None else [Decimal(0)]
        values = [integer(value, self.decimals) for value in given]
        return tuple(values[period % len(values)] for period in range(len(self.periods)))

    def _by(self, line: Line) -> Measured:
        if line.measured is None:
            return Measured()
        kpi = self.spv.measures[line.measured.by].kpi
        fact, at = list(self.spv.measures).index(line.measured.by), line.measured.at.value
        feed = feed_terms(self.deal, kpi)
        pays = line.payer is not None and "data_controller" in self.deal.parties[line.payer].roles
        missing = feed.max_value if pays else feed.min_value
        return Measured(fact, integer(at, self.deal.kpis[kpi].decimals), missing)

    def _tranche(self, key: str, tranche: Tranche) -> TrancheTerms:
        deal, unit = self.deal, Fraction(tranche.denomination.value)
        (sold_by,) = deal.linking(tranche.token, "sells")
        token, sale = deal.part(tranche.token, ClaimToken), deal.part(sold_by, Sale)
        return TrancheTerms(
            key,
            tranche.token,
            sold_by,
            tranche.title,
            token.symbol,
            tranche.units,
            integer(unit * Fraction(tranche.issue_price.value), self.decimals),
            integer(unit, self.decimals),
            unix(sale.opens.value),
            unix(sale.closes.value),
            allowed_classes(token),
            blocked_countries(token),
            None if tranche.rate is None else integer(tranche.rate.value, RATE_DECIMALS),
        )

    def _facts(self) -> Iterator[tuple[FeedTerms, int]]:
        """A missing value is the one of its bounds by which the covenants on it fail."""
        for name, measure in self.spv.measures.items():
            feed = feed_terms(self.deal, measure.kpi)
            tests = [each for each in self.spv.covenants.values() if each.value == name]
            low = all(each.least is not None for each in tests)
            yield feed, feed.min_value if low else feed.max_value

    # -- tests and steps

    def _covenant(self, key: str, test: Covenant) -> plans.Covenant:
        cured = test.cured_by
        cures = 1 if cured is None else integer(cured.value, 0) or None
        within = 0 if test.within_days is None else integer(test.within_days.value, 0) * SECONDS_PER_DAY
        least = test.least is not None
        limit = test.least if test.least is not None else test.most
        assert limit is not None  # as the rules see to
        if test.per is not None:
            threshold = self._rate(limit)
        elif isinstance(test.value, str) and test.value in self.spv.measures:
            threshold = self._measured(limit, test.value)
        else:  # money against money: value / threshold is compared with one
            amounts = self._money(test.value), self._money(limit)
            assert amounts[0] is not None
            return plans.Covenant(key, amounts[0], amounts[1], ONE, least, cures, within)
        value = self._money(test.value)
        assert value is not None
        assert threshold is not None
        return plans.Covenant(key, value, self._money(test.per), threshold, least, cures, within)

    def _measured(self, limit: file.Amount, measure: str) -> plans.Amount | None:
        """A threshold in the unit of a KPI."""
        decimals = self.deal.kpis[self.spv.measures[measure].kpi].decimals
        return self._amount(limit, decimals)

    def _step(self, step: Step) -> plans.Spend:
        (verb,) = step.verbs
        op, what = OPS[verb], getattr(step, verb)
        claims: tuple[str, ...] = ()
        source, target = step.from_ or CASH, step.to or ""
        if op in (Op.PAY, Op.REST):
            claims = tuple(what)
        elif op in (Op.PREPAY, Op.WRITE_DOWN):
            claims = tuple(f"{loan}.principal" for loan in what)
        elif op in (Op.DRAW, Op.REPAY):
            claims = (f"{what}.principal",)
        elif op is Op.MOVE:
            source = what
        else:
            target = what
        return plans.Spend(
            op,
            claims,
            source,
            target,
            Order[step.order.upper()],
            self._weights(step.weights),
            self._money(step.limit),
            tuple(step.while_),
            tuple(step.unless),
            When[step.when.upper()],
        )

    def _weights(self, weights: NumbersTerm | None) -> tuple[int, ...]:
        """As whole numbers in the same proportion."""
        given = [Fraction(each) for each in (weights.value if weights else [])]
        most = max((each.denominator for each in given), default=1)
        return tuple(int(each * most) for each in given)

    # -- amounts

    def _minor(self, term: NumberTerm) -> int:
        return integer(term.value, self.decimals)

    def _money(self, amount: file.Amount | None) -> plans.Amount | None:
        return None if amount is None else self._amount(amount, self.decimals)

    def _rate(self, amount: file.Amount | None) -> plans.Amount | None:
        return None if amount is None else self._amount(amount, RATE_DECIMALS)

    def _amount(self, amount: file.Amount, decimals: int) -> plans.Amount:
        """The amount, of whose numbers a unit is 10^`decimals`."""
        if isinstance(amount, str):
            return self._named(amount)
        if isinstance(amount, NumberTerm):
            return integer(amount.value, decimals)
        if isinstance(amount, NumbersTerm):
            return plans.Schedule(tuple(integer(value, decimals) for value in amount.value))
        if isinstance(amount, file.Total):
            return plans.Total(self._all(amount.total, decimals), self._all(amount.less, decimals))
        if isinstance(amount, file.Share):
            rate = self._amount(amount.rate, RATE_DECIMALS)
            return plans.Share(self._amount(amount.share, decimals), rate)
        if isinstance(amount, file.Interest):
            rate = self._amount(amount.interest, RATE_DECIMALS)
            return plans.Interest(rate, self._all(amount.on, decimals), self._years())
        if isinstance(amount, file.Least):
            return plans.Least(self._all(amount.least, decimals))
        if isinstance(amount, file.Most):
            return plans.Most(self._all(amount.most, decimals))
        if isinstance(amount, file.Table):
            at = RATE_DECIMALS if amount.per is not None else self.decimals
            rows = [(integer(row.at.value, at), integer(row.is_.value, decimals)) for row in amount.rows]
            return plans.Table(
                self._amount(amount.table, self.decimals), self._money(amount.per), tuple(rows)
            )
        return plans.While(
            amount.failed, self._amount(amount.then, decimals), self._amount(amount.otherwise, decimals)
        )

    def _named(self, name: str) -> plans.Amount:
        line, dot, what = name.rpartition(".")
        if dot and what == "due" and line in self.expected:
            return plans.Schedule(self.expected[line])
        return name

    def _all(self, amounts: Sequence[file.Amount], decimals: int) -> tuple[plans.Amount, ...]:
        return tuple(self._amount(each, decimals) for each in amounts)


def receivable(loan: Receivable, periods: Sequence[AccrualPeriod], decimals: int) -> list[tuple[int, int]]:
    """Interest and principal that a loan of the pool owes in each period, in minor units; interest is rounded
    down (as ACTUS LAM with a repayment of its own in each period: tests/finance/test_spv_terms.py)."""
    balance = integer(loan.principal.value, decimals)
    rate, found = integer(loan.rate.value, RATE_DECIMALS), []
    for period, back in zip(periods, loan.repayment.due(balance, len(periods)), strict=True):
        found.append((interest(balance, rate, period.numerator, period.denominator), back))
        balance -= back
    return found


def vehicles(deal: Deal) -> Iterator[Finding]:
    """The rules of vehicles; and of one that keeps them, what no treasury runs."""
    found = list(spv_rules.vehicles(deal))
    yield from found
    for key in deal.having(Spv) if not found else ():
        try:
            plan = _Reader(deal, key).plan()
            plan.compiled  # noqa: B018 - compiled for its errors
        except SettlementError as error:
            yield ("parts", key, "steps"), f"no treasury runs them: {error}"
        except (ValueError, AssertionError):
            continue  # a number or a date that has its own problem
        else:
            yield from _legs(deal, key, plan)


def _legs(deal: Deal, key: str, plan: Plan) -> Iterator[Finding]:
    """Swaps that the treasury cannot wait for."""
    for swap in spv_rules.swaps_of(deal, key):
        try:
            swap_legs.check(swap_terms(deal.alone(swap)).payment, plan.due)
        except SettlementError as error:
            yield ("parts", swap), str(error)
        except (KeyError, ValueError):
            continue


RULES = (vehicles,)
