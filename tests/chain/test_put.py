"""A put on a chain: notice, money and sale by commands, reconciled and lived again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner
from web3.types import Wei

from chain.bindings import contract, read
from chain.check import check_deployment
from chain.kinds import world_of
from chain.ledger import read_ledger
from chain.network import LocalChain, local_account, reach_time
from chain.reconcile import reconcile
from chain.replay import replay
from finance.terms import parse_deal
from scripts.cli import main
from tests.chain.bond_life import BEFORE_THE_OFFERING, CLIENTS, THOUSAND, Life, at, small_tree
from tests.joined_deals import term

PRICE, COUPON = 670_000_000, 16_666_666
DAY = 86_400
SETTLES = at("2017-10-01")


def put_tree() -> dict[str, Any]:
    """The small bond, which a bank buys back at 67 % on its second coupon, and a year later: its outcome may
    cost holders 33 %."""
    tree = small_tree()
    tree["parties"]["bank"] = {"name": "A bank", "roles": ["lender"], "assumed": "illustrative"}
    price = term(Decimal("0.67"))
    tree["parts"]["put"] = {
        "kind": "put",
        "of": "token",
        "writer": "bank",
        "funded": "after_notice",
        "notice_from_days": term(60),
        "notice_until_days": term(30),
        "exercise_days": term(10),
        "dates": [{"coupon": 2, "price": price}, {"coupon": 4, "price": price}],
    }
    return tree


class Putting(Life):
    """A has six units and B four; one coupon is paid, and notice is open. The bank has money for all."""

    def __init__(self, chain: LocalChain) -> None:
        super().__init__(chain, parse_deal(put_tree()))
        self.put = contract(self.w3, "PutRight", self.record.addresses["put"]).functions
        self.bank = self.record.wallets["writer.bank"]
        self.sell(a=6, b=4)
        self.settle()
        self.fund(10 * COUPON + 7)
        self.coupon("2017-04-01")
        for who in (self.bank, self.c):
            self.verify(who)
        self.send(self.deployer, self.currency.mint(self.bank, 10 * THOUSAND))
        self.w3.eth.send_transaction({"from": self.deployer, "to": self.bank, "value": Wei(10**18)})
        reach_time(self.w3, SETTLES - 50 * DAY)

    def key(self) -> str:
        """The bank's, which no node keeps."""
        return next(
            each for each in map(local_account, range(100)) if each.address == self.bank
        ).key.to_0x_hex()


@pytest.fixture(scope="module", params=list(CLIENTS))
def life(request: pytest.FixtureRequest) -> Iterator[Putting]:
    with CLIENTS[request.param](timestamp=BEFORE_THE_OFFERING) as chain:
        yield Putting(chain)


@pytest.fixture(scope="module")
def penstock(life: Putting, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Result]:
    file = life.record.save(tmp_path_factory.mktemp("put") / "deal.json")

    def run(command: str, *arguments: object) -> Result:
        network = str(life.w3.provider.endpoint_uri)  # type: ignore[attr-defined]
        return CliRunner().invoke(main, [command, str(file), *map(str, arguments), "--network", network])

    return run


def test_units_are_sold_back_and_reconciled(
    life: Putting, penstock: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    check_deployment(life.w3, life.record)

    def act(call: str, by: str | None = None, **given: Any) -> Result:
        asked = [f"{name}={value}" for name, value in given.items()]
        return penstock("act", f"put.{call}", *asked, *(["--from", by] if by else []), "--json")

    assert act("give_notice", life.a, date=0, units=6).exit_code == 0
    more = act("give_notice", life.b, date=0, units=5)
    assert (more.exit_code, "notice of 5 of 4 units" in more.stderr) == (1, True)
    assert act("give_notice", life.b, date=0, units=4).exit_code == 0
    # B hands two on: whoever keeps the deal cuts its notice down.
    life.send(life.b, life.token.transfer(life.c, 2))
    kept = penstock("keeper", "--once", "--from", life.c)
    assert kept.exit_code == 0, kept.output
    assert read(life.put.standingOf(0))["noticed"] == 8
    # The bank has money for seven of the eight, without the coupon, which the bond pays in time.
    reach_time(life.w3, SETTLES - 20 * DAY)
    with monkeypatch.context() as mine:
        mine.setenv("PENSTOCK_KEY", life.key())
        funded = act("fund", date=0, amount=7 * PRICE)
        assert funded.exit_code == 0, funded.output
    life.fund(10 * COUPON + 7)
    life.coupon("2017-10-01")
    assert act("dishonour", life.c, date=0).exit_code == 0
    told = json.loads(penstock("reconcile", "--json").stdout)
    assert any("no money for 1 units" in each for each in told["not_yet"])
    over = act("exercise", life.a, date=0, units=6)
    assert (over.exit_code, "6 of 5 units" in over.stderr) == (1, True)
    sold = act("exercise", life.a, date=0, units=5)
    assert sold.exit_code == 0, sold.output
    assert [(each["what"], each["amount"]) for each in json.loads(sold.stdout)["flows"]] == [
        ("put", str(5 * PRICE))
    ]
    assert act("exercise", life.b, date=0, units=1).exit_code == 0
    reach_time(life.w3, SETTLES + 10 * DAY)
    assert act("return_money", life.c, date=0).exit_code == 0
    assert [read(life.token.balanceOf(each)) for each in (life.a, life.b, life.bank)] == [1, 1, 6]
    result = reconcile(life.w3, life.record)
    assert result.ok, result.differences
    rows = [(row.kind, row.party, row.actual) for row in result.rows if row.part == "put"]
    assert rows == [
        ("put_money", life.bank, 7 * PRICE),
        ("put", life.a, 5 * PRICE),
        ("put", life.b, PRICE),
        ("put_returned", life.bank, PRICE),
    ]
    told = json.loads(penstock("reconcile", "--json").stdout)
    assert any("8 units, 6 sold" in note and "dishonoured" in note for note in told["notes"])
    notices = read_ledger(life.w3, life.record).table("put_notices")
    assert list(notices["what"]) == ["given", "given", "lapsed"]


def test_an_event_left_out_or_changed_shows(life: Putting) -> None:
    events = [event for event in read_ledger(life.w3, life.record).events if event.tx != life.record.tx]
    deal = life.record.load_deal()
    assert replay(world_of(life.record, deal), life.record, events).holds
    for place, event in enumerate(events):
        if event.source != "put":
            continue
        before, after = events[:place], events[place + 1 :]
        for name in {"units", "amount", "paid"} & event.arguments.keys():
            changed = {**event.arguments, name: event.arguments[name] + 1}
            again = replay(
                world_of(life.record, deal), life.record, [*before, replace(event, arguments=changed), *after]
            )
            assert not again.holds, f"{event.name}: {name}"
