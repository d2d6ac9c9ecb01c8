"""The demonstration's world: three deals on one chain and one clock, lived up to January 2021.

Everything is by real transactions and real node processes. DC Water's year of measurement is over, and a
captured quorum has reported a wrong value that anybody can recompute and challenge. The Bloom swap has
settled thirteen quarters. Atlanta's bond, moved in time, is on sale.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from api.settings import DEALS
from chain.kinds import plan_of
from chain.network import LocalChain, start_anvil, when
from chain.plan import dates_of
from chain.sender import Sender
from finance.settlement.swap_terms import swap_terms
from finance.settlement.terms import settlement_terms
from finance.terms import Deal, load_deal
from finance.terms.shift import shift_to
from oracle.local import LOCAL_RELAY
from oracle.node_config import write_secret
from scripts.demo.accidents import PLANNED
from scripts.demo.cast import COUNTRY_USA, QUARTERS, RETAIL
from scripts.demo.company import DAY, IDENTITY_YEARS, Company
from scripts.demo.reporting import LIAR, LIE_OF_SPREAD, SLEEPER, Crew, Starting
from scripts.serve.cast import (
    ACCOUNTS,
    CITIZEN_MONEY,
    FIRST_ISSUER,
    VISITOR,
    VISITOR_MONEY,
    demo_accounts,
)
from scripts.serve.conductor import Conductor
from scripts.serve.crews import Later, Staff, captured, staffed
from scripts.serve.folders import WORLD, write_identity, write_nodes
from scripts.serve.panel import Panel
from scripts.serve.plan import Plan
from scripts.serve.progress import Progress
from scripts.serve.story import LEAD_DAYS, Scene, Setting, Story, Urls

NOW = int(datetime(2021, 1, 5, 9, tzinfo=UTC).timestamp())
"""The chain's clock when the world is handed over."""
ON_SALE = int(datetime(2021, 1, 4, tzinfo=UTC).timestamp())
"""First day of the offering that is open then."""
SOLD = 0.6
"""Part of the open issue that others have subscribed for."""
DC_WATER, BLOOM, ATLANTA = (
    DEALS / f"{name}.yaml" for name in ("dc-water-eib-2016", "bloom-wind-prs", "atlanta-eib-2019")
)


@dataclass(frozen=True)
class World:
    """A running world: its chain, and who moves it."""

    chain: LocalChain
    conductor: Conductor
    deployments: tuple[str, ...]


@contextmanager
def world(data: Path, progress: Progress) -> Iterator[World]:
    """Start the chain and the nodes, live the deals up to NOW, and go on living them while the `with` lasts.

    `data` gets a folder for each deployment. Whatever was started is stopped.
    """
    dc_water, bloom, atlanta = (load_deal(path) for path in (DC_WATER, BLOOM, ATLANTA))
    days, moved = shift_to(atlanta, ON_SALE)
    with ExitStack() as stack:
        staff = _staff(dc_water, bloom, moved)
        stop = threading.Event()
        genesis = min(dates_of(plan_of(dc_water))) - (LEAD_DAYS + 1) * DAY
        progress.say(f"starting the chain, at {when(genesis)[:10]}, and the nodes of the oracle")
        chain = stack.enter_context(start_anvil(timestamp=genesis, accounts=ACCOUNTS))
        running: dict[str, Crew] = {}
        crews = _begin(stack, chain.url, staff, data, stop, running)
        brief = stack.enter_context(ExitStack())
        home = data / WORLD / "nodes"
        lying = captured(_captured(bloom), crews[bloom.id], home / bloom.id, home / "captured", stop)
        liars = brief.enter_context(Starting(at_once=1)).begin(lying)
        stack.callback(stop.set)  # those that are still starting give up
        scene = Scene(chain, data, Plan(), Panel(Sender(chain.w3, chain.accounts[QUARTERS.relay])))
        quorum = staff[dc_water.id].terms.quorum
        settings = [
            # Whoever has captured a quorum also decides which answers are brought on chain.
            Setting(dc_water, _urls(crews[dc_water.id], quorum), people={"issuer": FIRST_ISSUER}),
            Setting(bloom, _urls(crews[bloom.id]), PLANNED[bloom.id], _urls(liars)),
            Setting(
                moved,
                _urls(crews[moved.id]),
                people={"issuer": FIRST_ISSUER + 1},
                sold=SOLD,
                lead_days=1,
                original=atlanta,
                shifted_days=days,
            ),
        ]
        stories = [Story(scene, setting) for setting in settings]
        for story in stories:
            story.plan()
        issuers = [deal.parties["issuer"].name for deal in (dc_water, atlanta)]
        accounts = demo_accounts(chain.accounts, issuers)
        conductor = Conductor(chain, scene.plan, scene.panel, accounts, _facts(days), running)
        progress.say("living three deals: DC Water, Bloom, Atlanta")
        conductor.live_until(NOW, progress.count)
        progress.year_ends()
        brief.close()
        key = data / WORLD / "relay-key"
        write_secret(key, LOCAL_RELAY.key.hex())
        for story in stories:
            kpi, crew = staff[story.life.deal.id].terms.kpi, crews[story.life.deal.id]()
            write_nodes(data / story.id, {kpi: crew.urls})
            write_identity(data / story.id, key)
        _welcome(stories[-1].life)
        stack.enter_context(_watched(conductor))
        yield World(chain, conductor, tuple(story.id for story in stories))


def _begin(
    stack: ExitStack,
    rpc: str,
    staff: dict[str, Staff],
    data: Path,
    stop: threading.Event,
    running: dict[str, Crew],
) -> dict[str, Later]:
    """Every deal's nodes, started in the background one deal after the other."""
    starting = stack.enter_context(Starting(at_once=1))
    return {
        name: starting.begin(staffed(rpc, each, data / WORLD / "nodes" / name, stop, running))
        for name, each in staff.items()
    }


def _urls(crew: Later, count: int | None = None) -> Urls:
    return lambda: crew().urls[:count]


@contextmanager
def _watched(conductor: Conductor) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=conductor.watch, args=(stop,), name="demonstration")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _staff(dc_water: Deal, bloom: Deal, atlanta: Deal) -> dict[str, Staff]:
    """The nodes of each deal, by deal id, with what is wrong with them on purpose."""
    measured, wind = settlement_terms(dc_water).feeds[0], swap_terms(bloom).feed
    reported = settlement_terms(atlanta).feeds[0]
    wind_lie, reported_lie = (
        int(feed.max_spread * LIE_OF_SPREAD) / 10**feed.decimals for feed in (wind, reported)
    )
    lie = PLANNED[dc_water.id].what_ifs["disputed"].captured[measured.kpi]
    return {
        bloom.id: Staff(bloom, wind, {LIAR: wind_lie}, [SLEEPER]),
        dc_water.id: Staff(dc_water, measured, dict.fromkeys(range(measured.quorum), lie.lie)),
        atlanta.id: Staff(atlanta, reported, {LIAR: reported_lie}, [SLEEPER]),
    }


def _captured(bloom: Deal) -> Staff:
    """The swap's nodes in the one quarter whose report is disputed: a quorum that lies alike."""
    terms = swap_terms(bloom).feed
    lie = PLANNED[bloom.id].captured[terms.kpi].lie
    return Staff(bloom, terms, dict.fromkeys(range(terms.quorum), lie))


def _welcome(life: Company) -> None:
    """The visitor is verified and has test money; the citizen has enough to challenge."""
    verifier = life.sender(life.record.wallets.deployer)
    visitor, citizen = life.chain.accounts[VISITOR], life.citizen.address
    identity = (NOW + IDENTITY_YEARS * 365 * DAY, COUNTRY_USA, RETAIL)
    verifier.send(life.registry.functions.setIdentity(visitor, identity), "verify a holder")
    for wallet, money in ((visitor, VISITOR_MONEY), (citizen, CITIZEN_MONEY)):
        amount = money * 10**life.money.decimals
        verifier.send(life.currency.functions.mint(wallet, amount), "mint test currency")


def _facts(days: int) -> dict[str, str]:
    """What is simulated, in words."""
    return {
        "chain": "A local chain on this machine: real contracts and transactions, and test money.",
        "clock": "The chain's clock is simulated: it moves to the next event when somebody asks for it.",
        "people": "Investors, issuers, nodes and panel are wallets of this machine, not persons or firms.",
        "data": "Rain, wind, prices and publications are simulated from the parameters in the deal files.",
        "faults": "Faults are injected and labelled: a quorum of the DC Water bond's nodes is captured and "
        "lies; of the other deals' nodes one lies and one is down.",
        "moved": f"The Atlanta bond of 2019 is sold as if its dates were {days} days later: other terms, and "
        "so another terms hash.",
    }
