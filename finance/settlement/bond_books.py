"""A KPI bond among the parts of its deal: the books of contracts/instruments/KpiBond.sol.

What an act makes of the bond is `finance.settlement.bond_life`; here it is called as the contract is, gets
its reports from the oracle, pays holders through the token, and says what the contract says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from finance.settlement import bond
from finance.settlement.acts import ANYONE, Act, Call, table
from finance.settlement.bond_life import LATE_ONE, BondLife, Settled, State
from finance.settlement.claim_token import TokenBooks
from finance.settlement.oracle_feed import FeedBooks
from finance.settlement.terms import NEVER, SettlementTerms
from finance.settlement.widths import SettlementError
from finance.settlement.world import Books, World

ACTS = table(
    Call("activate", "offering", "begin: the issue is settled"),
    Call("fund", ANYONE, "put money in, or tell of money that was sent", {"amount": "uint256"}),
    Call("fix", ANYONE, "turn a settled report into what it changes", {"fixing": "uint256"}),
    Call("pay_coupon", ANYONE, "make the next payment, but for the redemption"),
    Call("redeem", ANYONE, "at maturity, or on the day of a call: pay the rest and end"),
    Call("announce_call", "issuer", "repay early, on the pay date of a period", {"period": "uint256"}),
    Call("declare_default", ANYONE, "declare the default of a payment past its grace"),
    Call("cure", ANYONE, "end a default whose arrears are funded in time"),
    Call("accelerate", ANYONE, "after the cure period: make everything due"),
    Call("recover", ANYONE, "after that: share what the bond holds"),
    Call("return_surplus", ANYONE, "after the end: what is left to the issuer", sweeps=True),
)


@dataclass(frozen=True, slots=True)
class BondParts:
    """Whom a bond knows: `issuer` is an address, `feeds` are ids in the order of the terms' feeds; `token`,
    `offering`, `oracle` and `consents`, where holders consent to a standstill, keys of parts."""

    issuer: str
    feeds: tuple[str, ...]
    token: str = "token"  # noqa: S105 - the key of a part
    offering: str = "offering"
    oracle: str = "oracle"
    consents: str | None = None


@dataclass
class BondBooks(Books):
    """A bond's state. The money that it holds is the world's to know, what is reported the oracle's: `life`
    is told of both before each act."""

    KIND: ClassVar[str] = "bond"
    ACTS: ClassVar[Mapping[str, Call]] = ACTS

    parts: BondParts
    life: BondLife
    key: str = "bond"

    @classmethod
    def offered(cls, terms: SettlementTerms, parts: BondParts, key: str = "bond") -> BondBooks:
        """A bond whose issue is not settled."""
        return cls(parts, BondLife(terms, 0, state=State.OFFERED), key)

    def copied(self) -> BondBooks:
        life = self.life
        return replace(self, life=replace(life, values=dict(life.values), settled_at=dict(life.settled_at)))

    # -- questions

    @property
    def terms(self) -> SettlementTerms:
        return self.life.terms

    def principal(self) -> int:
        """Principal of the units in issue that is not repaid, in minor units; after an acceleration see what
        is owed."""
        life = self.life
        if life.state == State.REDEEMED:
            return 0
        return bond.outstanding(life.terms, min(life.coupons_paid, life.total - 1)) * life.units

    def owed_after_acceleration(self, at: int) -> tuple[int, int, int]:
        """Interest, principal with outcomes, and late interest up to now."""
        late = self.life.late_owed(at) // LATE_ONE if self.life.state == State.ACCELERATED else 0
        return self.life.interest_owed, self.life.principal_owed, late

    def next_payment(self, at: int) -> tuple[int, int]:
        """Date and amount of the next payment, with late interest up to now. Raises SettlementError while a
        fixing that bends it is not made."""
        return self.life.next_payment(at)

    def accrued(self, world: World) -> int | None:
        """Of interest at rates that are known: None while one waits for a report, and in default."""
        life = self.told(world)
        if life.state != State.ACTIVE or not life.units:
            return None
        found = life.accrued(world.at)
        return None if found is None else found // life.units

    def roles(self, world: World) -> Mapping[str, Collection[str]]:
        return {"offering": [world.addresses[self.parts.offering]], "issuer": [self.parts.issuer]}

    @property
    def _open(self) -> list[int]:
        """Fixings that are not made, and bend something."""
        fixings = enumerate(self.terms.fixings)
        return [n for n, fixing in fixings if n not in self.life.values and fixing.first != NEVER]

    def few(self, call: str) -> Mapping[str, Collection[Any]]:
        few: Mapping[str, Mapping[str, Collection[Any]]] = {
            "fix": {"fixing": self._open},
            "announce_call": {"period": self.terms.callable()},
        }
        return few.get(call, {})

    def due(self, world: World) -> list[Act]:
        calls = ["pay_coupon", "redeem", "declare_default", "cure", "accelerate", "recover"]
        found = [self._now(world, "fix", fixing=number) for number in self._open]
        found += [self._now(world, call) for call in calls]
        return found + ([self._now(world, "return_surplus")] if world.held(self.key) else [])

    def dates(self) -> list[int]:
        return [period.pay_date for period in self.terms.periods]

    def promised(self, world: World) -> list[Act]:
        """The issuer pays in what the payment that is due now needs; once everything was called due, all."""
        life = self.told(world)
        if life.state == State.ACCELERATED:
            lacks = sum(self.owed_after_acceleration(world.at)) - life.held
            return [self._now(world, "fund", self.parts.issuer, amount=lacks)] if lacks > 0 else []
        if life.state not in (State.ACTIVE, State.DEFAULTED):
            return []
        try:
            date, amount = life.next_payment(world.at)
        except SettlementError:  # it waits for a report
            return []
        lacks = amount + life.carried - life.held
        if date > world.at or lacks <= 0:
            return []
        return [self._now(world, "fund", self.parts.issuer, amount=lacks)]

    # -- acts

    def activate(self, world: World, by: str) -> None:
        if self.life.state != State.OFFERED:
            raise SettlementError(f"{self.key}: begun already")
        self.life.units = world.books(self.parts.token, TokenBooks).supply
        self.life.state = State.ACTIVE
        world.emit(self.key, "BondActivated", units=self.life.units)

    def fund(self, world: World, by: str, amount: int) -> None:
        life = self.told(world)
        world.emit(self.key, "BondFunded", **{"from": by, "amount": amount})
        world.move(by, world.addresses[self.key], amount, "funding")
        life.fund(amount, world.at)

    def fix(self, world: World, by: str, fixing: int) -> int:
        value = self.told(world).fix(fixing, world.at)
        self._say_fixed(world, fixing)
        return value

    def pay_coupon(self, world: World, by: str) -> int:
        life = self.told(world)
        index = life.coupons_paid
        made = life.pay_coupon(world.at)
        self._distribute(world, made.paid, "coupon", index)
        parts = made.payment
        said = {"interest": parts.interest, "repayment": parts.repayment, "outcome": parts.outcome}
        world.emit(self.key, "CouponPaid", period=index, **said, late=made.late, paid=made.paid)
        return made.paid

    def announce_call(self, world: World, by: str, period: int) -> None:
        premium = self.told(world).announce_call(period, world.at)
        world.emit(self.key, "CallAnnounced", period=period, premium=premium)

    def redeem(self, world: World, by: str) -> int:
        made = self.told(world).redeem(world.at)
        self._distribute(world, made.paid, "redemption", self.life.total)
        said = {"principal": made.payment.repayment, "outcome": made.payment.outcome}
        world.emit(self.key, "BondRedeemed", **said, late=made.late, paid=made.paid)
        world.call(self.key, self.parts.token, "close")
        return made.paid

    def return_surplus(self, world: World, by: str) -> int:
        amount = self.told(world).return_surplus()
        if amount:
            world.emit(self.key, "SurplusReturned", amount=amount)
            world.move(world.addresses[self.key], self.parts.issuer, amount, "surplus")
        return amount

    # -- default

    def declare_default(self, world: World, by: str) -> None:
        life = self.told(world)
        due = life.declare_default(world.at)
        world.emit(self.key, "BondDefaulted", period=life.coupons_paid, due=due, held=life.held)

    def cure(self, world: World, by: str) -> None:
        self.told(world).cure(world.at)
        world.emit(self.key, "DefaultCured")

    def accelerate(self, world: World, by: str) -> None:
        for fixing in self.told(world).accelerate(world.at):
            self._say_fixed(world, fixing)
        interest, principal, late = self.owed_after_acceleration(world.at)
        said = {"interestOwed": interest, "principalOwed": principal, "lateOwed": late}
        world.emit(self.key, "BondAccelerated", **said)

    def recover(self, world: World, by: str) -> int:
        made = self.told(world).recover(world.at)
        self._distribute(world, made.paid, "recovery")
        said = {"late": made.late, "interest": made.interest, "principal": made.principal}
        world.emit(self.key, "Recovered", **said, paid=made.paid)
        if self.life.state == State.REDEEMED:
            world.call(self.key, self.parts.token, "close")
        return made.paid

    # -- within

    def told(self, world: World) -> BondLife:
        """The bond, told of its money and of the reports that are settled now."""
        life, oracle = self.life, world.books(self.parts.oracle, FeedBooks)
        reports = {}
        for number, fixing in enumerate(life.terms.fixings):
            report = oracle.report_of(self.parts.feeds[fixing.feed], fixing.kpi_period, world.at)
            if report.status.settled:
                reports[number] = Settled(report.settled_value, report.final_at)
        life.held, life.reports = world.held(self.key), reports
        if self.parts.consents is not None:
            asked: Books = world.parts[self.parts.consents]
            life.standstill = asked.standstill(life.coupons_paid)
        return life

    def _say_fixed(self, world: World, number: int) -> None:
        """A fixing is made by its report, which is used from now on."""
        fixing, kpi = self.terms.fixings[number], self.life.reports[number].kpi
        about = {"feed": self.parts.feeds[fixing.feed], "period": fixing.kpi_period}
        world.call(self.key, self.parts.oracle, "consume", **about)
        said = {"kpi": kpi or 0, "missing": kpi is None, "value": self.life.values[number]}
        world.emit(self.key, "KpiFixed", fixing=number, **said)

    def _distribute(self, world: World, paid: int, what: str, period: int | None = None) -> None:
        if paid:
            with world.paying(what, period):
                world.call(self.key, self.parts.token, "distribute", amount=paid)
