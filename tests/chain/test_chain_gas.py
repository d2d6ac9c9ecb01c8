"""The least gas that a deal takes to be deployed, as its file says without a chain, against chains."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from chain.deploy import deploy_deal, deploy_infrastructure
from chain.network import LocalChain, start_anvil
from chain.sender import GasLog
from finance.terms import Deal, parse_deal
from finance.terms.graph_rules import TRANSACTION_GAS
from finance.terms.reader import read_deal_yaml
from scripts.cli import main
from tests.chain.bond_life import small_tree
from tests.chain.test_book import book_tree
from tests.chain.test_buffer import buffer_tree
from tests.chain.test_chain_wide import fixed_tree, wide_tree
from tests.chain.test_consents import consents_tree
from tests.chain.test_desk import desk_tree
from tests.chain.test_office import office_tree
from tests.chain.test_proceeds import proceeds_tree
from tests.chain.test_put import put_tree
from tests.joined_deals import DEALS, crowded_tree, joined_tree, term

Tree = dict[str, Any]
BOOK = sorted(DEALS.glob("*.yaml"))


def many_bonds(count: int, by_books: bool = False) -> Tree:
    """So many fixed bonds, each with its token and its sale."""
    tree = fixed_tree()
    parts = tree["parts"]
    if by_books:
        parts["offering"] = {**book_tree()["parts"]["offering"], **parts["offering"], "kind": "offering_book"}
    for number in range(1, count):
        parts[f"bond-{number}"] = parts["bond"] | {"title": f"Bond {number}", "token": f"token-{number}"}
        parts[f"token-{number}"] = parts["token"] | {"symbol": f"T{number}"}
        parts[f"sale-{number}"] = parts["offering"] | {"sells": f"token-{number}"}
    return tree


def long_bond(years: int) -> Tree:
    """A fixed bond of so many years that pays each month."""
    tree = fixed_tree()
    bond = tree["parts"]["bond"]
    start = bond["interest_from"]["value"]
    bond["coupon"]["frequency"] = "monthly"
    bond["maturity"] = term(date(start.year + years, start.month, start.day))
    return tree


def many_rules(count: int, points: int) -> Tree:
    """A bond with so many steps, each a line of so many points."""
    tree = wide_tree()
    (step,) = tree["parts"]["bond"]["coupon"]["steps"]
    del step["tiers"]
    small = Decimal("0.00001")
    step["line"] = [
        {"kpi": term(Decimal(number) / 100), "rate": term(small * number)} for number in range(points)
    ]
    tree["parts"]["bond"]["coupon"]["steps"] = [deepcopy(step) for _ in range(count)]
    return tree


def long_forward(periods: int) -> Tree:
    tree = read_deal_yaml(DEALS / "leakage-forward.yaml")
    kpi = tree["kpis"]["leakage"]
    start = kpi["periods"][0]["start"]
    kpi["periods"] = [
        {
            "start": start + timedelta(days=90 * number),
            "end": start + timedelta(days=90 * number + 89),
            "assumed": "a test",
        }
        for number in range(periods)
    ]
    del kpi["reported_values"]
    tree["parts"]["forward"]["close_out"]["why"] = "a test"
    return tree


def many_forwards(count: int) -> Tree:
    """Each on a KPI of its own."""
    tree = read_deal_yaml(DEALS / "leakage-forward.yaml")
    for number in range(1, count):
        for section in ("kpis", "oracle"):
            tree[section][f"leakage-{number}"] = tree[section]["leakage"]
        tree["parts"][f"forward-{number}"] = tree["parts"]["forward"] | {"kpi": f"leakage-{number}"}
    return tree


def many_nodes(count: int) -> Tree:
    tree = small_tree()
    (policy,) = tree["oracle"].values()
    policy |= {"nodes": term(count), "quorum": term(count), "panel_size": term(9), "panel_quorum": term(5)}
    return tree


MADE: dict[str, Callable[[], Tree]] = {
    **{file.stem: (lambda file=file: read_deal_yaml(file)) for file in BOOK},  # type: ignore[misc]
    "two small bonds and a forward": joined_tree,
    "two issuers and two forwards": crowded_tree,
    "a bond and where it is traded": desk_tree,
    "a bond sold by a book": book_tree,
    "a bond and what its proceeds are for": proceeds_tree,
    "a bond that holders may sell back": put_tree,
    "a bond whose holders may consent": consents_tree,
    "a bond with a liquidity buffer": buffer_tree,
    "a bond whose agent keeps an office": office_tree,
    "five bonds sold by books": lambda: many_bonds(5, by_books=True),
    "five bonds": lambda: many_bonds(5),
    "ten bonds": lambda: many_bonds(10),
    "ten years of months": lambda: long_bond(10),
    "twenty years of months": lambda: long_bond(20),
    "a bond of two KPIs": wide_tree,
    "thirty-one steps": lambda: many_rules(31, 2),
    "thirty-one steps of many points": lambda: many_rules(31, 32),
    "ten periods": lambda: long_forward(10),
    "two hundred periods": lambda: long_forward(200),
    "five forwards": lambda: many_forwards(5),
    "thirty nodes": lambda: many_nodes(30),
}


@pytest.fixture(scope="module")
def early() -> Iterator[LocalChain]:
    """Before any of the deals."""
    with start_anvil(timestamp=1_400_000_000) as started:
        yield started


def deployed(chain: LocalChain, deal: Deal) -> int:
    """The gas of the transaction that deploys a deal."""
    by, gas = chain.accounts[0], GasLog()
    shared = deploy_infrastructure(chain.w3, by, deal.currency.code, deal.currency.token_decimals)
    deploy_deal(chain.w3, by, deal, shared, gas=gas)
    (use,) = gas
    return use.gas


@pytest.mark.parametrize("name", MADE)
def test_a_deal_takes_at_least_so_much_and_little_more(name: str, early: LocalChain) -> None:
    deal = parse_deal(MADE[name]())
    used = deployed(early, deal)
    assert 0.875 * used < deal.least_gas <= used  # not counted: names of more than 31 bytes


@pytest.mark.parametrize(
    "made", [lambda: many_bonds(36), lambda: many_forwards(45)], ids=["bonds", "forwards"]
)
@pytest.mark.parametrize("command", ["validate", "price", "deploy"])
def test_what_no_transaction_holds_is_refused_by_the_reader(
    command: str, made: Callable[[], Tree], tmp_path: Path
) -> None:
    """In one line with the estimate, before a chain is looked for."""
    file = tmp_path / "deal.yaml"
    file.write_text(json.dumps(made(), default=str))
    done = CliRunner().invoke(main, [command, str(file), *(["--network", "nowhere"] * (command == "deploy"))])
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    told = re.fullmatch(
        rf"{re.escape(str(file))}: parts = .*: need at least ([\d,]+) gas to be deployed, .*", line
    )
    assert told is not None, line
    assert TRANSACTION_GAS == 16_777_216 < int(told[1].replace(",", ""))  # EIP-7825
    assert "one transaction has 16,777,216 at most on many chains: make several deals" in line
