"""A life of every kind on a chain, by the keeper and people who keep their word, and that life lived again by
the books."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from chain.artifacts import ensure_compiled
from chain.history import Event
from chain.kinds import plan_of, world_of
from chain.ledger import read_ledger
from chain.network import clock, reach_time, start_anvil
from chain.parts import PARTS
from chain.plan import dates_of
from chain.reconcile import reconcile
from chain.reconciliation import Reconciliation
from chain.records import DeploymentRecord
from chain.replay import replay
from chain.sender import GasLog
from finance.settlement.acts import Act
from finance.settlement.world import CURRENCY
from finance.terms import Deal, parse_deal
from finance.terms.kinds import KINDS
from scripts.demo.company import Company
from scripts.demo.conductor import ACCOUNTS
from tests.chain.bond_life import signed_report
from tests.kinds.deals import alone, short
from tests.kinds.lives import LINE, periods_of
from tests.settlement.twins import DAY


class Lived(NamedTuple):
    """A life that is over."""

    record: DeploymentRecord
    events: list[Event]
    result: Reconciliation
    done: list[str]


@cache
def file_of(kind: str) -> Path:
    """The deal with the fewest dates that shows a kind and has a KPI."""
    known = {file: parse_deal(short(file)) for file in alone(kind)}
    return min(
        (file for file, deal in known.items() if deal.kpis),
        key=lambda file: len(dates_of(plan_of(known[file]))),
    )


@pytest.fixture(scope="module")
def lives(seed: int) -> dict[Path, Lived]:
    """Of each deal one, begun when it is first asked for."""
    ensure_compiled()
    rng = Random(f"{seed}/chain")

    class Lives(dict[Path, Lived]):
        def __missing__(self, file: Path) -> Lived:
            self[file] = lived(parse_deal(short(file)), rng)
            return self[file]

    return Lives()


def lived(deal: Deal, rng: Random) -> Lived:
    """Every report any value, all acts on their dates; what is due by the keeper, what is promised or owing
    by the parties."""
    plan, done = plan_of(deal), []
    dates = dates_of(plan)
    with start_anvil(
        timestamp=min(dates[0], *(feed.terms.period_starts[0] for feed in plan.feeds)) - DAY,
        accounts=ACCOUNTS,
    ) as chain:
        life = Company(chain, deal, GasLog(), dates)
        life.deploy()
        life.begin()

        def act(each: Act) -> None:
            life.do(each)
            done.append(f"{each.part} {each.call}")

        def promised_and_due() -> None:
            done.extend(f"{each.part} {each.call}" for each, _ in life.round())

        agenda: list[tuple[int, tuple[str, int, int] | None]] = [(date, None) for date in dates]
        for (kpi, period), (low, high) in periods_of(deal).items():
            end = life.feeds[kpi].period_ends[period]
            agenda.append((end + DAY, (kpi, period, rng.randint(low, high))))
        promised_and_due()
        for date, report in sorted(agenda, key=lambda each: each[0]):
            reach_time(life.w3, date)
            if report is not None:
                kpi, period, value = report
                call = signed_report(life.record, life.oracle.functions, kpi, period, value, date - DAY // 2)
                life.stranger.send(call, "submit")
                continue
            for key, units in life.on_sale().items():
                life.subscribe(key, units)
            now, plenty = life.look(), {"line": LINE, "amount": 10**14}
            for key in now.parts:
                earned = Act(life.stranger.address, key, "receive_revenue", plenty, now.at, now.block)
                if now.takes(earned):
                    act(earned)
            promised_and_due()
        while owing := life.look().owing():
            for each in owing:
                act(each)
            promised_and_due()
        assert clock(life.w3) < dates[-1] + DAY
        ledger = read_ledger(life.w3, life.record)
        events = [event for event in ledger.events if event.tx != life.record.tx]
        return Lived(life.record, events, reconcile(life.w3, life.record, ledger=ledger), done)


@pytest.mark.parametrize("kind", KINDS)
def test_a_life_on_a_chain_ends_with_nothing_owed(kind: str, lives: dict[Path, Lived]) -> None:
    """All acts that were listed as due, promised or owing were carried out, and reconcile: difference 0."""
    life = lives[file_of(kind)]
    result = life.result
    assert result.ok, result.differences
    assert len(life.done) > 5
    assert result.rows
    assert all(row.expected == row.actual for row in result.rows)
    assert result.not_yet == []
    owed = [each for each in result.positions if each.figure in ("owes", "owed")]
    assert all(each.expected == each.actual == 0 for each in owed), owed


@pytest.mark.parametrize("kind", KINDS)
def test_the_books_live_it_again(kind: str, lives: dict[Path, Lived]) -> None:
    """Event for event; and not if a figure is another."""
    life = lives[file_of(kind)]
    made = replay(world_of(life.record, life.record.load_deal()), life.record, life.events)
    assert made.holds
    assert [event for step in made.steps for event in step.events] == life.events
    figures = [
        (place, name)
        for place, event in enumerate(life.events)
        for name, value in event.arguments.items()
        if event.source in life.record.parts and type(value) is int
    ]
    for place, name in Random(kind).sample(figures, 5):
        event = life.events[place]
        more = replace(event, arguments={**event.arguments, name: event.arguments[name] + 1})
        other = [*life.events[:place], more, *life.events[place + 1 :]]
        again = replay(world_of(life.record, life.record.load_deal()), life.record, other)
        assert not again.holds, f"{event.source} {event.name}: {name}"


def test_every_contract_is_lived(lives: dict[Path, Lived]) -> None:
    """All that chain.parts knows, but for the sums that stand for a token where its holders are not read."""
    worlds = [
        world_of(lives[file_of(kind)].record, lives[file_of(kind)].record.load_deal()) for kind in KINDS
    ]
    kinds = {world.kind(part) for world in worlds for part in (*world.parts, CURRENCY)}
    assert kinds == PARTS.keys() - {"token sums"}
