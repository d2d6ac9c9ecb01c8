"""Random vehicles: an offering, a claim token, and a treasury that runs any waterfall on lines of revenue and
KPIs. Lived by their contracts and their books."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from random import Random
from typing import Any

from finance.settlement.claim_token import TokenBooks, TokenTerms
from finance.settlement.identity_registry import RegistryBooks
from finance.settlement.kpi_payment import Side
from finance.settlement.offering import OfferingBooks
from finance.settlement.oracle_feed import FeedBooks
from finance.settlement.payment_books import PaymentBooks, PaymentParts
from finance.settlement.sale import SaleTerms
from finance.settlement.spv_books import Fact, Leg, Line, Payee, SpvBooks, SpvTerms
from finance.settlement.waterfall import (
    FIRST_FIGURE,
    MAX_STEPS,
    Claim,
    Op,
    Step,
    Tripped,
    Waterfall,
    When,
)
from finance.settlement.waterfall import State as Spent
from finance.settlement.waterfall_plan import Compiled, Plan
from finance.settlement.world import CURRENCY, NOBODY, World
from tests.settlement.engine import NOW
from tests.settlement.issues import AGENT, HOLDERS, ISSUER, POLICY, VERIFIER, Choice
from tests.settlement.projects import PAYER, Project, swap_views
from tests.settlement.reported import NO_FEED, Reported, feed_config
from tests.settlement.treasuries import random_swap
from tests.settlement.twins import DAY, Chain, Contract, View, person
from tests.settlement.waterfalls import amount, any_case, some_inputs

COLLECTOR, TRUSTEE, OPERATOR = person("collector"), person("trustee"), person("operator")
PEOPLE = [VERIFIER, AGENT, ISSUER, COLLECTOR, TRUSTEE, OPERATOR, PAYER, *HOLDERS]
LINE_OF_SWAP = "0x" + b"hedge".ljust(32, b"\0").hex()
QUARTER = 91 * DAY
LINES = (
    Line("0x" + b"tolls".ljust(32, b"\0").hex(), COLLECTOR),
    Line("0x" + b"rents".ljust(32, b"\0").hex()),
)


class Vehicle(Reported):
    """One token among the payees of any waterfall; nobody sends more than `most` at once."""

    SERVICER = "treasury"
    HASTE = 0.5
    FIRST = 80 * DAY
    """From when it begins to when its first period is due."""
    hedged = False
    """Whether a swap is among its lines and payees."""

    def __init__(self, chain: Chain, rng: Random, most: int = 2**130):
        self.most = most
        self.is_sold, self.units = True, rng.choice((1, 7, 20, 20))
        self.sale = SaleTerms(
            ISSUER, rng.choice((1, 7, 10**6)), self.units, self.units, NOW + 10 * DAY, NOW + 40 * DAY,
            (ISSUER, AGENT), servicer="treasury",
        )  # fmt: skip
        self.digits = rng.choice((2, 5, 9, 30))
        self.due = tuple(NOW + self.FIRST + i * QUARTER for i in range(rng.randint(1, 5)))
        of = emptied(any_case(rng, 0).waterfall)
        most = 2 - self.hedged  # of the four numbers that a period brings at least, two are a swap's
        self.lines = LINES[: rng.randint(0, most)]
        self.facts = rng.randint(0, most)
        kept = [0] + [amount(rng, self.digits) for _ in range(of.pots - 1)] + [0] * len(of.claims)
        kept += [amount(rng, self.digits) for _ in range(of.loans)] + [0] * of.loans
        count = of.inputs - len(self.lines) - self.facts - 2 * self.hedged
        columns = [some_inputs(rng, replace(of, inputs=count), self.digits) for _ in range(len(self.due))]
        numbers = [each if rng.randrange(3) == 0 else each[:1] for each in zip(*columns, strict=True)]
        state = Spent(tuple(kept), (Tripped(),) * len(of.triggers))
        self.compiled = Compiled(Plan(self.due), of, state, tuple(numbers))
        self.payees = (Payee("token", self.units), Payee(TRUSTEE), Payee(OPERATOR))
        self.payee_of = tuple(rng.randrange(3 + self.hedged) for _ in of.claims)
        super().__init__(chain, rng, PEOPLE)

    def clones(self, chain: Chain) -> dict[str, Contract]:
        return {"treasury": chain.clone("Treasury")}

    def parts(self, addresses: Mapping[str, str]) -> dict[str, Any]:
        terms = SpvTerms(
            self.compiled, self.due, self.lines, (), (OPERATOR,) * self.compiled.waterfall.pots, self.payees,
            self.payee_of,
        )  # fmt: skip
        return {
            "oracle": FeedBooks(),
            "registry": RegistryBooks(frozenset([VERIFIER])),
            "offering": OfferingBooks(self.sale),
            "treasury": SpvBooks.of(terms),
            "token": TokenBooks(TokenTerms(AGENT, POLICY, servicer="treasury")),
        }

    def wire(self, at: Mapping[str, str]) -> None:
        ends = [due - 30 * DAY for due in self.due]
        made = []
        for number in range(self.facts):
            feed = self.feed(feed_config(at[CURRENCY], at["treasury"], ends, (-12, 12), number + 1))
            made.append(Fact("oracle", feed, self.rng.choice((-5, 0, 12))))
        books = self.world.parts["treasury"]
        books.terms = replace(books.terms, facts=tuple(made))
        self.send("treasury", "initialize", terms_struct(books.terms, at))

    def begin(self) -> None:
        """As it should: pots are filled, and the whole issue is sold and settled."""
        for pot, opening in enumerate(self.world.parts["treasury"].openings, start=1):
            self.do(self.act(OPERATOR, "treasury", "deposit", pot=pot, amount=opening))
        self.world.at, self.world.block = self.sale.opens, self.world.block + 1
        for holder in HOLDERS:
            if left := self.world.parts["offering"].available(holder):
                self.do(self.act(holder, "offering", "subscribe", units=left))
        self.world.at, self.world.block = self.sale.closes, self.world.block + 1
        self.do(self.act(AGENT, "offering", "settle"))

    def is_over(self) -> bool:
        treasury = self.world.parts["treasury"]
        return bool(treasury.state == 2 or treasury.has_failed(self.world))

    def edges(self) -> Iterator[int]:
        yield from super().edges()
        yield from self.due

    def choices(self) -> Iterator[Choice]:
        yield from super().choices()
        rng, treasury = self.rng, self.world.parts["treasury"]
        some = amount(rng, self.digits)
        pot, payee = rng.randrange(len(treasury.openings) + 2), rng.randrange(4)
        lacks = (
            treasury.openings[pot - 1] - treasury.spent_pots[pot] if 0 < pot <= len(treasury.openings) else 1
        )
        fills = {"pot": pot, "amount": max(0, rng.choice((lacks, lacks, 0, 1, some)))}
        yield 1.0 if treasury.state == 0 else 0.1, OPERATOR, "treasury", "deposit", fills
        line = rng.choice((*LINES, Line(NO_FEED)))
        paid = rng.choice((some, some, some, 2**127, 2**130))
        by = line.payer if line.payer != NOBODY else rng.choice(PEOPLE)
        yield 2.0, by, "treasury", "receive_revenue", {"line": line.name, "amount": paid}
        gift = {
            "to": self.contracts["treasury"].address,
            "value": min(self.most, rng.choice((some, some, 2**127, 2**130))),
        }
        yield 0.2, OPERATOR, CURRENCY, "transfer", gift
        yield 1.0, NOBODY, "treasury", "pay", {}
        yield 0.5, NOBODY, "treasury", "withdraw", {"payee": payee}
        yield 0.1, NOBODY, "treasury", "activate", {}
        yield (
            2.0 if treasury.has_failed(self.world) else 0.1,
            NOBODY,
            "treasury",
            "return_money",
            {"pot": pot},
        )

    def views(self) -> Iterator[View]:
        yield from super().views()
        yield from spv_views(self.world, self.world.parts["treasury"])


def emptied(of: Waterfall) -> Waterfall:
    """With steps that leave nothing after the last period, and a claim that what is left goes to."""
    numbers, count = of.numbers, len(of.claims)
    of = shifted(of)
    ends = [Step(Op.MOVE, pot, when=When.AFTER) for pot in range(1, of.pots)]
    ends.append(Step(Op.REST, 0, (count,), when=When.AFTER))
    assert of.numbers == numbers + 2
    return replace(of, steps=(*of.steps[: MAX_STEPS - len(ends)], *ends))


def shifted(of: Waterfall) -> Waterfall:
    """With a claim more, which nothing falls due to; references go on meaning what they meant."""

    def moved(reference: int) -> int:
        if reference >= FIRST_FIGURE:
            return reference
        return reference + (reference >= of.balances) + (reference >= of.numbers)

    return replace(
        of,
        claims=(*(replace(c, due=moved(c.due)) for c in of.claims), Claim()),
        triggers=tuple(
            replace(t, value=moved(t.value), divisor=moved(t.divisor), threshold=moved(t.threshold))
            for t in of.triggers
        ),
        figures=tuple(replace(f, of=tuple(map(moved, f.of))) for f in of.figures),
        steps=tuple(replace(s, limit=moved(s.limit), weights=moved(s.weights)) for s in of.steps),
    )


def spv_views(world: World, treasury: SpvBooks) -> Iterator[View]:
    """All that a treasury answers but its terms."""
    key, registers = treasury.key, treasury.spent.registers
    yield View(key, "state()", (), [treasury.state])
    yield View(key, "periodsPaid()", (), [treasury.periods_paid])
    yield View(key, "registers()", (), [32, len(registers), *registers])
    for number, trigger in enumerate(treasury.spent.triggers):
        yield View(key, "triggerOf(uint256)", (number,), [trigger.since, trigger.passes])
    for payee in range(len(treasury.terms.payees)):
        yield View(key, "creditOf(uint256)", (payee,), [treasury.credits.get(payee, 0)])
    for period in range(len(treasury.terms.due) + 1):
        for line in range(len(treasury.terms.lines)):
            income = treasury.income.get((period, line), 0)
            yield View(key, "incomeOf(uint256,uint256)", (period, line), [income])


def terms_struct(terms: SpvTerms, at: Mapping[str, str]) -> tuple[Any, ...]:
    """ITreasury.Terms"""
    of, state = terms.compiled.waterfall, terms.compiled.state.registers
    openings = state[1 : of.pots]
    claims = zip(of.claims, terms.payee_of, strict=True)
    return (
        at[CURRENCY],
        [at[key] for key in terms.offerings],
        list(terms.due),
        [(bytes.fromhex(line.name[2:]), line.payer) for line in terms.lines],
        [(at[fact.oracle], bytes.fromhex(fact.feed[2:]), fact.missing) for fact in terms.facts],
        list(zip(openings, terms.funders, strict=False)),
        [(at[payee.to] if payee.units else payee.to, payee.units) for payee in terms.payees],
        list(state[of.balances : of.losses]),
        [list(values) for values in terms.compiled.numbers],
        [(claim.due, claim.loan, claim.carries, claim.late, payee) for claim, payee in claims],
        [(t.value, t.divisor, t.threshold, t.below, t.cures, t.within) for t in of.triggers],
        [(int(f.rule), f.count, list(f.of)) for f in of.figures],
        [
            (
                *(int(s.op), s.source, int(s.order), s.limit, s.target, s.weights, s.on, s.off),
                *(int(s.when), list(s.claims)),
            )
            for s in of.steps
        ],
        [(leg.line, leg.payee) for leg in terms.swaps],
    )


class Hedged(Vehicle):
    """One that is the payee of a swap of limited recourse, whose provider may fail it."""

    FIRST = 140 * DAY
    hedged = True

    def __init__(self, chain: Chain, rng: Random):
        self.scale = 10 ** rng.choice((0, 1, 4))
        super().__init__(chain, rng, most=10**12)

    def clones(self, chain: Chain) -> dict[str, Contract]:
        return {**super().clones(chain), "swap": chain.clone("KpiPayment")}

    def parts(self, addresses: Mapping[str, str]) -> dict[str, Any]:
        rng, parts = self.rng, super().parts(addresses)
        some = replace(random_swap(rng, len(self.due), self.scale), limited_recourse=True)
        lag = rng.choice((0, 1, 20 * DAY))
        dates = [due - lag for due in self.due][: rng.randint(1, len(self.due))]
        periods = zip(some.periods, dates, strict=False)
        self.swap_terms = replace(
            some,
            periods=tuple(replace(each, pay_date=date, end=date - 40 * DAY) for each, date in periods),
            cure_period=rng.choice((1, DAY, 30 * DAY)),
            start_by=NOW + 39 * DAY + 40 * DAY,
        )
        known = PaymentParts(PAYER, addresses["treasury"], NO_FEED, None, True)
        treasury = parts["treasury"]
        payees = (*treasury.terms.payees, Payee(addresses["swap"]))
        lines = (*self.lines, Line(LINE_OF_SWAP, addresses["swap"]))
        leg = Leg("swap", len(self.lines), 3)
        terms = replace(treasury.terms, payees=payees, lines=lines, swaps=(leg,))
        swap = PaymentBooks(self.swap_terms, known)
        return {**parts, "swap": swap, "treasury": SpvBooks.of(terms)}

    def wire(self, at: Mapping[str, str]) -> None:
        Project._wire_swap(self, at)  # type: ignore[arg-type]
        super().wire(at)

    def begin(self) -> None:
        if self.rng.random() < 0.95:
            amount = self.swap_terms.required[Side.PAYER] * self.rng.choice((1, 1, 4))
            self.do(self.act(PAYER, "swap", "fund", side=Side.PAYER, amount=amount))
        super().begin()

    def edges(self) -> Iterator[int]:
        yield from super().edges()
        yield from (p.pay_date for p in self.swap_terms.periods)
        yield from (a.deadline for a in self.world.parts["swap"].ledger.accounts)

    def choices(self) -> Iterator[Choice]:
        yield from super().choices()
        yield from Project._of_the_swap(self)  # type: ignore[arg-type]

    def views(self) -> Iterator[View]:
        yield from super().views()
        yield from swap_views(self.world, self.world.parts["swap"])
