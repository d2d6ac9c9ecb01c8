"""The laws that every kind obeys, over random deals and lives of each: silence and timing never pay, and
money is kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from finance.settlement.acts import Act
from finance.settlement.netting import YEAR
from finance.settlement.world import World
from finance.terms import Deal
from finance.terms.deal import kpis_of
from finance.terms.kinds import KINDS
from tests.kinds.deals import LEADING, made_for_tests, random_deal, whole
from tests.kinds.lives import HOLDERS, STRANGER, Kept, Reports, periods_of
from tests.settlement.twins import DAY, person

READING = [
    kind
    for kind in KINDS
    if kind in made_for_tests()
    or any(part.kind == kind and kpis_of(part) for _, deal in whole() for part in deal.parts.values())
]
"""Kinds of parts that go by a KPI, and those whose deals no other kind's test takes."""


def reports_of(deal: Deal, rng: Random) -> dict[tuple[str, int], int | None]:
    """Any values, and now and then none."""
    return {
        which: rng.choice((None, low, high, *(rng.randint(low, high) for _ in range(5))))
        for which, (low, high) in periods_of(deal).items()
    }


def side_of_the_data(deal: Deal, life: Kept) -> set[str]:
    """Everybody but the party that faces whoever controls the data, as far as it is one party: a payer, or an
    issuer."""
    key, roles = next((k, p.roles) for k, p in deal.parties.items() if "data_controller" in p.roles)
    named = {f"{role}.{party}" for part in deal.parts.values() for role, party in part.named if party == key}
    if named:  # one of several, each on its own side
        return {person(name) for name, party in deal.people.items() if party == key}
    facing = person("payer" if any("payer" in party.roles for party in deal.parties.values()) else "issuer")
    everybody = {address for address in life.world.money if address not in life.own}
    return {facing} if person_of(roles, facing) else everybody - {facing}


def person_of(roles: list[str], address: str) -> bool:
    return any(person(role) == address for role in roles)


@pytest.mark.parametrize("kind", READING)
def test_silence_never_pays(kind: str, seed: int) -> None:
    """Law 4: whatever else is reported, and whether or not the other side pays, whoever controls the data has
    no more without a report than with any."""
    rng, worse = Random(f"{seed}/silence/{kind}"), 0
    for case in range(250):  # go on until silence has cost something
        if case >= 25 and worse:
            break
        deal = random_deal(kind, rng)
        bounds, others = periods_of(deal), reports_of(deal, rng)
        if not bounds:
            continue
        which, revenue = rng.choice(list(bounds)), rng.choice((0, rng.randrange(10**13)))
        faithless = rng.choice(((), (), [person(rng.choice(("payer", "payee", "issuer")))]))
        whim = rng.choice((0, 0.3))

        def wealth(
            value: int | None, deal: Deal = deal, others: Reports = others, which: tuple[str, int] = which,
            faithless: list[str] | tuple[()] = faithless, revenue: int = revenue, whim: float = whim,
        ) -> tuple[int, int]:  # fmt: skip
            life = Kept(deal, {**others, which: value}, faithless, revenue, whim).live()
            return sum(life.world.money[each] for each in side_of_the_data(deal, life)), life.dust

        silent, dust = wealth(None)
        low, high = bounds[which]
        for value in (low, high, *(rng.randint(low, high) for _ in range(4))):
            told, _ = wealth(value)
            where = f"PENSTOCK_SEED={seed}, {deal.id}, case {case}: {which} = {value}, {faithless} do not pay"
            assert silent <= told + dust, f"{where}: {silent} without a report, {told} with it"
            worse += silent < told - dust
    assert worse, "silence has never cost anything"


def names(world: World) -> Counter[str]:
    return Counter(f"{act.part} {act.call} {act.arguments}" for act in world.due())


def outcome(world: World, act: Act) -> tuple[dict[str, int], int]:
    """What everybody has after an act, once they have paid what they promised and taken what is theirs; and
    all figures that were said for that, netted debts among them."""
    after, done = world.tried(act)
    said = done.emitted
    while acts := after.promised() or after.owing():
        said += after.do(acts[0]).emitted
    figures = (value for event in said for value in event.arguments.values() if isinstance(value, int))
    return dict(after.money), sum(map(abs, figures))


class Watched(Kept):
    """A life in which people now and then do not pay, or come late, and every due act is tried by others and
    later, before it is done."""

    def __init__(self, deal: Deal, reports: Reports, rng: Random, where: str) -> None:
        super().__init__(deal, reports, (), rng.choice((0, rng.randrange(10**13))), rng.choice((0, 0.3)))
        self.rng, self.where, self.tried = rng, where, Counter[str]()
        self.people = [STRANGER, *HOLDERS, *map(person, ("payer", "payee", "issuer", "lender"))]

    @property
    def dates(self) -> list[int]:
        late = [date + self.rng.choice((0, 0, 1, DAY, 40 * DAY)) for date in super().dates]
        return sorted({*late, *super().dates})

    def reach(self, date: int) -> None:
        unwilling = self.rng.random() < 0.3
        self.faithless = set(self.rng.sample(self.people, 2)) if unwilling else set()
        super().reach(date)

    def next(self) -> list[Act]:
        acts = super().next()
        if acts and not acts[0].by:
            self.other_callers(acts[0])
            self.other_times(acts[0])
        return acts

    def other_callers(self, act: Act) -> None:
        """It is the same whoever does it."""
        found = {
            tuple(
                (flow.payer, flow.payee, flow.amount)
                for flow in self.world.tried(replace(act, by=who))[1].flows
            )
            for who in self.people
        }
        assert len(found) == 1, f"{self.where}: {act} depends on who does it"
        self.tried[f"{act.call} by another"] += 1

    def other_times(self, act: Act) -> None:
        """Later, if nothing else has come up, nobody has more or less, but for interest on what is late."""
        now = names(self.world)
        turn = min((date for date in super().dates if date > self.world.at), default=2**63)
        for wait in (1, self.rng.randrange(1, DAY), self.rng.randrange(1, 60 * DAY)):
            later = replace(self.world, at=self.world.at + wait)
            if later.at >= turn or names(later) != now:
                continue
            (one, said), (other, again) = outcome(self.world, act), outcome(later, replace(act, at=later.at))
            most = self.late_interest(max(said, again), wait)
            for who in {*one, *other} - self.own:
                more = abs(other.get(who, 0) - one.get(who, 0))
                assert more <= most, f"{self.where}: {act} {wait} s later: {more} more or less for {who}"
            self.tried[f"{act.call} later"] += 1

    def late_interest(self, money: int, wait: int) -> int:
        """The most that can run up on some money, and what rounding may take."""
        terms = [getattr(books, "terms", None) for books in self.world.parts.values()]
        rate = max(getattr(each, "late_rate", 0) for each in terms)
        days = wait // DAY + 1  # some interest runs by whole days
        return 2 + self.units + money * rate * days * DAY // YEAR // 10**18


@pytest.mark.parametrize("kind", [*LEADING, *made_for_tests()])
def test_neither_caller_nor_moment_matters(kind: str, seed: int) -> None:
    """Law 5, of all that is due and anybody may do: in the parts of the kind and what hangs together with
    them."""
    rng, tried = Random(f"{seed}/timing/{kind}"), Counter[str]()
    for case in range(12):
        deal = random_deal(kind, rng)
        life = Watched(deal, reports_of(deal, rng), rng, f"PENSTOCK_SEED={seed}, {deal.id}, case {case}")
        life.live()
        tried += life.tried
    assert len(tried) > 4 or tried.total() > 1_000, tried  # many ways, or one often


@pytest.mark.parametrize("kind", KINDS)
def test_money_is_kept_and_paid_out(kind: str, seed: int) -> None:
    """What came in went out or is held, part by part; where all keep their word nothing but dust is left in
    the end, and there is nothing left to be done."""
    rng, done = Random(f"{seed}/kept/{kind}"), Counter[tuple[str, str]]()
    for case in range(20):
        deal = random_deal(kind, rng)
        revenue, whim = rng.choice((0, rng.randrange(10**13))), rng.choice((0, 0.3))
        life = Kept(deal, reports_of(deal, rng), (), revenue, whim)
        life.bought = rng.choice((1000, 1000, rng.randrange(1000)))
        life.live()
        where = f"PENSTOCK_SEED={seed}, {deal.id}, case {case}"
        came: Counter[str] = Counter()
        for _, flow in life.flows:
            came[flow.payee] += flow.amount
            came[flow.payer] -= flow.amount
        for who in {*came, *life.world.money}:
            assert came[who] == life.world.money[who], f"{where}: {who}"
        left = {key: life.world.held(key) for key in life.world.parts}
        assert all(0 <= held <= life.dust for held in left.values()), f"{where}: {left}"
        assert life.next() == [], where
        done += life.done
    assert done.total() > 60, done
