"""The event index from nothing: 100,000 transfers of a real claim token, with distributions and claims
between them, read from a local chain into SQLite and, where it is installed, PostgreSQL; then what pages ask
for.

    penstock bench index --json
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.measure import line, machine, timed

ROOT = Path(__file__).resolve().parents[1]
TRANSFERS, HOLDERS, PER_CALL, CLAIMS = 100_000, 20_000, 500, 50
MARK_SECONDS = 60.0
UNIT = 1_000_000_000  # 1,000 with six decimals


def run(repeat: int = 5) -> dict[str, Any]:
    """One backfill into each database, which is what a mark of a minute needs; `repeat` readings of each
    page's data."""
    from chain.artifacts import ensure_compiled
    from chain.network import start_anvil

    ensure_compiled()
    results = []
    with ExitStack() as stack:
        chain = stack.enter_context(start_anvil(timestamp=1_473_897_600))
        record = _busy_token(chain)
        logs = 0
        for name, url in _databases(stack):
            seconds, logs, index, id = _backfill(chain, record, url)
            results += [
                line(f"Backfill into {name}: seconds", seconds, "s", MARK_SECONDS, least=False),
                line(f"Backfill into {name}", logs / seconds, "logs/s"),
                *_pages(name, index, id, repeat),
            ]
    return {
        "benchmark": "index",
        "machine": machine(),
        "repeat": repeat,
        "results": results,
        "note": f"{logs:,} logs, {HOLDERS:,} holders; the chain, a local Anvil, runs beside it.",
    }


def _busy_token(chain: Any) -> Any:
    """A bond of 100,000 units whose first buyer gives them to 20,000 others, five times one each."""
    from chain.bindings import contract
    from chain.deploy import deploy_deal, deploy_infrastructure
    from chain.network import reach_time
    from chain.sender import Sender
    from finance.terms import parse_deal
    from finance.terms.reader import read_deal_yaml

    tree = read_deal_yaml(ROOT / "deals" / "dc-water-eib-2016.yaml")
    principal = TRANSFERS * 1_000
    tree["parts"]["bond"]["principal"]["value"] = principal
    for cap in ("soft_cap", "hard_cap"):
        tree["parts"]["offering"][cap]["value"] = principal
    w3, accounts = chain.w3, chain.accounts
    deployer, buyer = Sender(w3, accounts[0]), Sender(w3, accounts[3])
    record = deploy_deal(w3, accounts[0], parse_deal(tree), deploy_infrastructure(w3, accounts[0]))
    at = record.addresses
    token = contract(w3, "SecurityToken", at["token"]).functions
    offering = contract(w3, "Offering", at["offering"]).functions
    currency = contract(w3, "TestCurrency", at["currency"]).functions
    registry = contract(w3, "IdentityRegistry", at["registry"]).functions
    identity = {"expiry": 2**40, "country": 840, "investorClass": 3}
    holders = [w3.to_checksum_address(f"0x{0x5EED << 128 | number:040x}") for number in range(HOLDERS)]
    deployer.send(registry.setIdentity(accounts[3], identity))
    for some in _parts(holders):
        deployer.send(registry.setIdentities(some, [identity] * len(some)), gas=30_000_000)
    deployer.send(currency.mint(accounts[3], TRANSFERS * UNIT))
    buyer.send(currency.approve(at["offering"], TRANSFERS * UNIT))
    buyer.send(offering.subscribe(TRANSFERS))
    reach_time(w3, 1_475_107_200)
    deployer.send(offering.settle())
    spreader, _ = deployer.deploy("Spreader")
    buyer.send(token.approve(spreader.address, TRANSFERS))
    deployer.send(currency.mint(accounts[0], 10**18))
    deployer.send(currency.approve(at["token"], 10**18))
    for number in range(TRANSFERS // HOLDERS):
        for some in _parts(holders):
            buyer.send(spreader.functions.spread(at["token"], some, 1), gas=58_000_000)
        deployer.send(token.distribute(TRANSFERS * 1_000))
        for holder in holders[number * CLAIMS : (number + 1) * CLAIMS]:
            deployer.send(token.claim(holder), gas=200_000)
    return record


def _parts(holders: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(holders), PER_CALL):
        yield holders[start : start + PER_CALL]


def _databases(stack: ExitStack) -> Iterator[tuple[str, str]]:
    folder = Path(tempfile.mkdtemp(prefix="penstock-bench-"))
    stack.callback(shutil.rmtree, folder, True)
    yield "SQLite", f"sqlite:///{folder / 'index.sqlite'}"
    tests = str(ROOT / "tests" / "api")
    if tests not in sys.path:
        sys.path.insert(0, tests)
    from postgres import programs, running

    if programs() is not None:
        yield "PostgreSQL", stack.enter_context(running()).database()


def _backfill(chain: Any, record: Any, url: str) -> tuple[float, int, Any, str]:
    """Seconds and logs of a backfill, and the index and the deployment's id."""
    from api.chain_link import ChainLink
    from api.index.database import Database
    from api.index.follower import Follower
    from api.index.reader import Index

    database, link = Database(url), ChainLink(chain.url)
    database.migrate()
    index = Index(database)
    id = index.register(record, link).id
    follower = Follower(database, link, index)
    started = perf_counter()
    while follower.step():
        pass
    seconds = perf_counter() - started
    with database.connect() as connection:
        logs = connection.exec_driver_sql("SELECT count(*) FROM events").scalar_one()
    return seconds, int(logs), index, id


def _pages(name: str, index: Any, id: str, repeat: int) -> list[dict[str, Any]]:
    """Milliseconds of what pages ask for."""
    holder = index.holders(id, limit=1)[0].holder
    asked = {
        "a hundred holders": lambda: index.holders(id, limit=100),
        "a position": lambda: index.position(id, holder),
        "a statement": lambda: index.statement(id, holder),
        "the ledger without transfers, from nothing": lambda: _ledger(index, id),
        "a hundred events": lambda: index.events(id, limit=100, newest_first=True),
    }
    return [
        line(f"{name}: {what}", 1e3 * timed(ask, repeat).median, "ms", rival=False)
        for what, ask in asked.items()
    ]


def _ledger(index: Any, id: str) -> Any:
    index.forget()
    return index.ledger(id)
