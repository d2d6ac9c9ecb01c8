"""Vehicles of the deal book on a chain, at a stage that tests of the service ask for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chain.kinds import plan_of
from chain.network import LocalChain, reach_time, start_anvil
from chain.plan import dates_of
from chain.sender import GasLog
from finance.settlement.spv_terms import vehicle_terms
from finance.terms import Deal, load_deal, parse_deal
from scripts.demo.company import Company
from scripts.demo.conductor import ACCOUNTS
from tests.api.world import World
from tests.book import DEALS
from tests.chain.bond_life import signed_report
from tests.kinds.deals import made, short
from tests.settlement.twins import DAY

SOLD = 2_000
POOL, SAVINGS = "viveracqua-hydrobond-2014", "siheung-efficiency-abs"
GONE, LATE = "payer.etra", "minibond-etra"
"""The wallet of a utility that stops paying, and its line."""


def vehicle_chain(name: str) -> Any:
    """A chain whose clock is a day before anything of the deal; to be used with `with`."""
    deal = load_deal(DEALS / f"{name}.yaml")
    return start_anvil(timestamp=dates_of(plan_of(deal))[0] - DAY, accounts=ACCOUNTS)


def pool_world(chain: LocalChain, data: Path, periods: int) -> World:
    """The pool after so many periods, in the last of which one utility does not pay."""
    life, dates = _company(chain, load_deal(DEALS / f"{POOL}.yaml"))
    due = vehicle_terms(life.deal).plan.due
    life.past.gone_from[life.record.wallets[GONE]] = due[periods - 2] + 1
    for date in dates:
        if date > due[periods - 1]:
            break
        reach_time(life.w3, date)
        for key, units in life.on_sale().items():
            life.subscribe(key, units)
        list(life.round())
    return World(chain, life, data).save()


def savings_world(chain: LocalChain, data: Path) -> World:
    """Two tranches on sale, of which the senior one is sold, and of the other one `SOLD` units."""
    life, dates = _company(chain, load_deal(DEALS / f"{SAVINGS}.yaml"))
    reach_time(life.w3, dates[0])
    life.subscribe("senior-sale", life.on_sale()["senior-sale"])
    life.subscribe("residual-sale", SOLD)
    return World(chain, life, data).save()


def hedged() -> Deal:
    """A vehicle with a swap, in its few years."""
    (file,) = (each for each in made() if each.stem.endswith("-hedged"))
    return parse_deal(short(file))


def hedged_chain() -> Any:
    """A chain whose clock is a day before anything of it; to be used with `with`."""
    return start_anvil(timestamp=dates_of(plan_of(hedged()))[0] - DAY, accounts=ACCOUNTS)


def hedged_world(chain: LocalChain, data: Path, values: Sequence[int]) -> World:
    """The hedged vehicle after a year for each of the savings reported, one for each 10,000th."""
    life, dates = _company(chain, hedged())
    due, ends = vehicle_terms(life.deal).plan.due, life.feeds["savings"].period_ends
    reports = {ends[period] + DAY: (period, value) for period, value in enumerate(values)}
    for date in sorted({*reports, *(each for each in dates if each <= due[len(values) - 1])}):
        reach_time(life.w3, date)
        if date in reports:
            period, value = reports[date]
            said = signed_report(
                life.record, life.oracle.functions, "savings", period, value, date - DAY // 2
            )
            life.stranger.send(said, "submit")
        for key, units in life.on_sale().items():
            life.subscribe(key, units)
        list(life.round())
    return World(chain, life, data).save()


def _company(chain: LocalChain, deal: Deal) -> tuple[Company, tuple[int, ...]]:
    dates = dates_of(plan_of(deal))
    life = Company(chain, deal, GasLog(), dates)
    life.deploy()
    life.begin()
    return life, tuple(dates)
