"""The keeper: what is due is done, once, whatever happens to it or to the chain on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chain.bindings import contract, read
from chain.errors import UnreachableError
from chain.following import Following
from chain.keeper import Keeper, words
from chain.network import LocalChain, local_account, reach_time, rpc, set_time, start_anvil
from chain.reconcile import reconcile
from chain.sender import Sender
from finance.settlement.acts import Act
from finance.terms import parse_deal
from tests.chain.bond_life import (
    BEFORE_THE_OFFERING,
    CLIENTS,
    COUPON_DATES,
    ROOT,
    THOUSAND,
    Life,
    at,
    small_deal,
    small_tree,
    whole_life,
)
from tests.chain.swap_life import BEFORE, SwapLife, project_deal, rain_deal, units


@pytest.fixture
def chain() -> Iterator[LocalChain]:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as started:
        yield started


@pytest.fixture
def sold(chain: LocalChain) -> Life:
    """A bond, sold and served with money; nobody has settled its offering."""
    life = Life(chain, small_deal())
    life.sell(a=4, b=3)
    reach_time(life.w3, at("2016-09-29"))
    return life


def keeper_of(life: Any, lines: list[str] | None = None, **more: Any) -> Keeper:
    say = (lambda line: None) if lines is None else lines.append
    return Keeper(life.w3, life.chain_account, [life.record], say, **more)


@pytest.fixture(autouse=True)
def _an_account_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    account = local_account(12).address
    monkeypatch.setattr(Life, "chain_account", account, raising=False)
    monkeypatch.setattr(SwapLife, "chain_account", account, raising=False)


def calls(done: Any) -> list[str]:
    return [each.act.call for each in done]


def until(ready: Callable[[], Any], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_act_counts_periods_as_people_do() -> None:
    act = Act("", "oracle", "settle_silent_panel", {"feed": "0xab", "period": 0}, 0)
    assert words(act) == "oracle settle_silent_panel feed=0xab period 1"


# -- whole lives


@pytest.mark.parametrize("client", list(CLIENTS))
def test_a_bond_is_served_to_its_end(client: str) -> None:
    """Nobody else calls what anyone may: the issuer pays in, and the KPI is never reported."""
    with CLIENTS[client](timestamp=BEFORE_THE_OFFERING) as chain:
        life = Life(chain, small_deal())
        life.sell(a=4, b=3)
        keeper = keeper_of(life)
        assert keeper.round() == []
        set_time(life.w3, at("2016-09-29"))
        assert calls(keeper.round()) == ["settle"]
        life.fund(20 * THOUSAND)
        for date in COUPON_DATES[:8]:
            reach_time(life.w3, at(date))
            assert calls(keeper.round()) == ["pay_coupon"]
        set_time(life.w3, at(COUPON_DATES[8]))
        assert calls(keeper.round()) == ["fix", "pay_coupon", "redeem", "return_surplus"]
        assert keeper.round() == []
        result = reconcile(life.w3, life.record)
        assert result.ok, result.differences
        assert result.states == {"offering": "settled", "bond": "redeemed"}
        assert keeper.metrics.registry.get_sample_value(
            "penstock_keeper_acts_total", {"deal": life.record.deal, "part": "bond", "act": "pay_coupon"}
        ) == len(COUPON_DATES)


def test_dust_is_left_where_it_is() -> None:
    """Anyone can send a bond that has ended a cent; whoever keeps it pays no gas for that, unless told to."""
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        life = whole_life(chain, None)
        lines: list[str] = []
        keeper = keeper_of(life, lines)
        unit = 10**6
        life.send(life.deployer, life.currency.mint(life.record.addresses["bond"], unit - 1))
        assert (keeper.round(), keeper.round(), keeper.due()) == ([], [], [])
        left = "bond return_surplus: left, for USD 0.999999 is not worth the gas (--dust)"
        assert lines == [f"{life.record.deal} {left}"]
        assert calls(keeper_of(life, dust=Decimal("0.999999")).round()) == ["return_surplus"]
        for amount in (1, unit - 1):
            assert keeper.round() == []
            life.send(life.deployer, life.currency.mint(life.record.addresses["bond"], amount))
        assert calls(keeper.round()) == ["return_surplus"]
        assert life.record.wallets["issuer"] == life.issuer
        result = reconcile(life.w3, life.record)
        assert result.ok, result.differences


def test_a_swap_that_nobody_reports_is_settled_called_and_closed_out() -> None:
    """As missing quarters the utility, which controls the data, pays each; when it pays no more it is called
    for margin, and closed out."""
    with start_anvil(timestamp=BEFORE["water-utility-rainfall-swap"]) as chain:
        life = SwapLife(chain, rain_deal())
        life.fund("payer", units(2_000_000))
        life.fund("payee", units(1_000_000))
        keeper = keeper_of(life)
        assert calls(keeper.round()) == ["activate"]
        reach_time(life.w3, life.pay_dates[0] + 60 * 86_400)
        assert calls(keeper.round()) == ["settle", "call_margin"]
        done: list[str] = []
        while "close_out" not in done and life.now() < life.pay_dates[-1]:
            reach_time(life.w3, life.now() + 30 * 86_400)
            done += calls(keeper.round())
        assert done[-1] == "close_out"
        assert keeper.round() == []
        result = life.reconcile()
        assert result.ok, result.differences
        assert result.states["swap"] == "closed"


def test_a_project_s_periods_are_settled_and_paid() -> None:
    with start_anvil(timestamp=BEFORE["bloom-wind-prs"]) as chain:
        life = SwapLife(chain, project_deal())
        life.fund("payer", units(3_000_000))
        life.sell(a=60_000)
        keeper = keeper_of(life)
        reach_time(life.w3, life.terms.project.closes)
        assert calls(keeper.round()) == ["settle"]  # the offering; it begins treasury and swap
        for period in (0, 1):
            life.report(period, "2500000")
            life.earn("2100000")
            reach_time(life.w3, life.pay_dates[period])
            # What it has paid, the provider lacks of its collateral, until it is made good.
            assert calls(keeper.round()) == ["settle", "pay", "call_margin"]
            life.fund("payer", units(1_000_000))
        assert life.reconcile().ok


# -- once, and in the end


def held_back(life: Life) -> None:
    """Nothing is mined until it is asked for."""
    rpc(life.w3, "evm_setAutomine", False)


def in_background(keeper: Keeper) -> tuple[threading.Thread, list[Any]]:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.extend(keeper.round()), daemon=True)
    thread.start()
    return thread, found


def pending(life: Life) -> list[dict[str, Any]]:
    """Transactions of the keeper that wait, by the pool."""
    pool = rpc(life.w3, "txpool_content")["pending"]
    mine = {who.lower(): txs for who, txs in pool.items()}.get(local_account(12).address.lower(), {})
    return list(mine.values())


def test_killed_after_sending_it_does_nothing_twice(sold: Life, tmp_path: Path) -> None:
    file = sold.record.save(tmp_path / "deal.json")
    held_back(sold)
    url = sold.w3.provider.endpoint_uri  # type: ignore[attr-defined]
    command = [sys.executable, "-m", "scripts", "keeper", str(file), "--network", url, "--interval", "0.2"]
    started = subprocess.Popen(
        [*command, "--from", local_account(12).address], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    try:
        until(lambda: pending(sold))
    finally:
        os.kill(started.pid, signal.SIGKILL)
        started.wait()
    lines: list[str] = []
    thread, found = in_background(keeper_of(sold, lines))
    until(lambda: lines)
    assert lines == [f"waiting for 1 transactions of {local_account(12).address} that were sent before"]
    assert len(pending(sold)) == 1
    rpc(sold.w3, "evm_mine")
    thread.join(60)
    assert found == []
    assert read(sold.offering.state()) == 4  # settled, by what the killed one had sent
    assert sold.w3.eth.get_transaction_count(local_account(12).address) == 1  # type: ignore[arg-type]


def test_what_is_not_mined_is_sent_again_with_higher_fees(sold: Life) -> None:
    held_back(sold)
    keeper = keeper_of(sold, patience=1)
    thread, found = in_background(keeper)
    until(lambda: pending(sold))
    (first,) = pending(sold)
    until(lambda: pending(sold) and pending(sold)[0]["hash"] != first["hash"])
    (second,) = pending(sold)
    assert second["nonce"] == first["nonce"]
    assert second["input"] == first["input"]
    for fee in ("maxFeePerGas", "maxPriorityFeePerGas"):
        assert int(second[fee], 16) >= int(first[fee], 16) * 1.1
    rpc(sold.w3, "evm_mine")
    thread.join(60)
    assert calls(found) == ["settle"]
    assert keeper.metrics.registry.get_sample_value("penstock_keeper_fees_raised_total") >= 1


def test_the_chain_goes_away_and_comes_back(sold: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    keeper = keeper_of(sold, lines)
    real, lost = sold.w3.provider.make_request, [0]

    def gone(method: Any, parameters: Any) -> Any:
        lost[0] += 1
        raise UnreachableError(f"no chain answers: {method}")

    monkeypatch.setattr(sold.w3.provider, "make_request", gone)
    stop = threading.Event()
    thread = threading.Thread(target=keeper.run, args=(0.05, stop), daemon=True)
    thread.start()
    until(lambda: lost[0] > 1)
    monkeypatch.setattr(sold.w3.provider, "make_request", real)
    try:
        until(lambda: any("offering settle" in line for line in lines))
    finally:
        stop.set()
        thread.join(60)
    assert sum("the chain does not answer" in line for line in lines) == 1
    assert read(sold.offering.state()) == 4


def test_whoever_comes_second_is_refused_and_goes_on(sold: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two keepers look at once, and both find the same act due."""
    lines: list[str] = []
    second = keeper_of(sold, lines)
    world = second.deals[0].look()
    look = Following.look
    seen = iter([world])
    monkeypatch.setattr(Following, "look", lambda deal: next(seen, None) or look(deal))
    first = Keeper(sold.w3, local_account(13).address, [sold.record])
    first.deals[0]._world = None
    monkeypatch.setattr(first.deals[0], "look", lambda: look(first.deals[0]))
    assert calls(first.round()) == ["settle"]
    assert second.round() == []
    assert len(lines) == 1
    assert "offering settle: the contract refuses: " in lines[0]


def test_nothing_is_done_on_a_log_that_the_books_do_not_explain(sold: Life) -> None:
    token = sold.record.addresses["token"]
    sold.settle()
    sold.fund(20 * THOUSAND)
    sold.coupon(COUPON_DATES[0])
    rpc(sold.w3, "anvil_impersonateAccount", token)
    rpc(sold.w3, "anvil_setBalance", token, hex(10**18))
    Sender(sold.w3, token).send(sold.currency.transfer(sold.c, 5))
    reach_time(sold.w3, at(COUPON_DATES[1]))
    lines: list[str] = []
    keeper = keeper_of(sold, lines)
    assert keeper.round() == keeper.round() == []
    assert len(lines) == 1
    assert "nothing is done: block" in lines[0]
    assert "currency Transfer: no act of the deal explains it" in lines[0]


def test_a_deal_that_the_chain_has_taken_back_holds_up_no_other(chain: LocalChain) -> None:
    one = Life(chain, small_deal())
    one.sell(a=4, b=3)
    before = rpc(one.w3, "evm_snapshot")
    tree = small_tree()
    tree["parts"]["bond"]["coupon"]["rate"]["value"] = Decimal("0.04")
    other = Life(chain, parse_deal(tree))
    lines: list[str] = []
    keeper = Keeper(one.w3, one.chain_account, [other.record, one.record], lines.append)
    assert keeper.round() == []
    assert rpc(one.w3, "evm_revert", before)
    reach_time(one.w3, at("2016-09-29"))
    assert calls(keeper.round()) == ["settle"]
    keeper.round()
    assert sum("nothing is done: no contract at" in line for line in lines) == 1
    assert keeper.stray == {f"{other.record.deal} ({other.record.own})"}  # two of one name


def test_who_makes_acts_fail_once_they_are_sent_does_not_drain_it(chain: LocalChain) -> None:
    deployer = Sender(chain.w3, chain.accounts[0])
    made, _ = deployer.deploy("PosingCurrency", 6)
    life = Life(chain, small_deal(), made.address)
    life.sell(a=4, b=3)
    life.settle()
    life.fund(20 * THOUSAND)
    deployer.send(contract(life.w3, "PosingCurrency", made.address).functions.setPicky(True))
    reach_time(life.w3, at(COUPON_DATES[0]))
    keeper = keeper_of(life)
    before = life.w3.eth.get_transaction_count(keeper.address)
    for _ in range(6):
        assert keeper.round() == []
    assert life.w3.eth.get_transaction_count(keeper.address) - before == 2


def test_blocks_that_are_taken_back_are_read_again(sold: Life) -> None:
    deal = Following(sold.w3, sold.record)
    before = rpc(sold.w3, "evm_snapshot")
    sold.settle()
    assert deal.look().parts["bond"].life.state.name == "ACTIVE"
    assert rpc(sold.w3, "evm_revert", before)
    rpc(sold.w3, "evm_mine")
    rpc(sold.w3, "evm_mine")
    assert deal.look().parts["bond"].life.state.name == "OFFERED"
    assert calls(keeper_of(sold).round()) == ["settle"]
