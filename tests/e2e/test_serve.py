"""`penstock serve` as a user runs it: deals in mid-life, which go on, and nothing left when it stops."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_account import Account
from eth_account.messages import encode_defunct

from chain.bindings import calldata, read
from chain.network import connect
from chain.records import load_record
from oracle.asking import ask
from oracle.chain_view import STATUS
from oracle.dispute import commitment
from oracle.feed import read_feed
from oracle.local import LOCAL_RELAY
from oracle.verifier import verify_report
from oracle.wire import ObservationRequest
from tests.e2e.serving import DEALS, Served, World

MILLION = 10**6


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    served = Served.start(tmp_path_factory.mktemp("serve") / "data")
    try:
        chain = re.search(r"http://[0-9.:]+", served.wait_for("deals in mid-life"))
        assert chain is not None
        served.wait_for("demonstration is at")
        with httpx.Client(base_url=served.url, timeout=60, trust_env=False) as http:
            found = [load_record(path) for path in served.data.glob("*/deployment.json")]
            people = {each["name"]: each["address"] for each in http.get("/v1/demo").json()["accounts"]}
            yield World(served, http, connect(chain.group()), {each.deal: each for each in found}, people)
    finally:
        if served.process.poll() is None:
            served.stop()


# -- the world as it is handed over


def test_three_deals_in_mid_life(world: World) -> None:
    """By the contracts' own views, on the day that docs/serve.md names."""
    assert set(world.records) == set(DEALS)
    assert world.http.get("/health/ready").status_code == 200
    clock = time.gmtime(world.w3.eth.get_block("latest")["timestamp"])
    assert time.strftime("%Y-%m-%d", clock) == "2021-01-05"
    assert read(world.at(DEALS[0], "KpiBond", "bond").couponsPaid()) == 8
    assert read(world.at(DEALS[1], "KpiPayment", "swap").periodsSettled()) == 13
    assert read(world.at(DEALS[1], "RevenueTreasury", "treasury").periodsPaid()) == 13
    offering = world.at(DEALS[2], "Offering", "offering")
    assert read(offering.state()) == 1  # open
    assert 0 < read(offering.sold()) < read(offering.terms())["hardCap"]
    moved = world.records[DEALS[2]]
    assert moved.shifted_days > 0
    assert moved.shifted_from is not None


def test_what_has_happened_reconciles(world: World) -> None:
    assert world.reconciles() == dict.fromkeys(DEALS, True)


def test_the_swap_has_had_a_margin_call_and_a_dispute(world: World) -> None:
    names = [name for name, _ in world.events(DEALS[1], "KpiPayment", "swap")]
    assert names.count("MarginCalled") == names.count("MarginRestored") == 1
    feed = next(iter(world.records[DEALS[1]].feeds.values()))
    disputes = [
        (name, each)
        for name, each in world.events(DEALS[1], "KpiOracle", "oracle")
        if name in ("ReportChallenged", "ReportRuled", "ChallengeSettled") and each["feed"] == feed
    ]
    assert [name for name, _ in disputes] == ["ReportChallenged", "ReportRuled", "ChallengeSettled"]
    assert disputes[1][1]["verdict"] == 1  # corrected
    assert disputes[2][1]["credited"] == 15_000 * MILLION


def test_nodes_say_what_is_wrong_with_them(world: World) -> None:
    def health(url: str) -> list[str]:
        try:
            return list(httpx.get(f"{url}/health", timeout=5, trust_env=False).json()["faults_injected"])
        except httpx.HTTPError:
            return ["down"]

    found = {deal: [health(url) for urls in world.nodes(deal).values() for url in urls] for deal in DEALS}
    assert found[DEALS[0]] == [["lie"], ["lie"], ["lie"], []]
    assert found[DEALS[1]] == found[DEALS[2]] == [[], ["lie"], [], ["down"]]


def test_the_pending_report_does_not_recompute(world: World) -> None:
    record = world.records[DEALS[0]]
    file = world.folder(DEALS[0]) / "runoff-reduction" / "report-0-0.json"
    found = verify_report(file, w3=world.w3)
    assert set(found.culprits) == set(record.wallets.nodes[:3])
    held = read(world.at(DEALS[0], "KpiOracle", "oracle").reportOf(record.feeds["runoff-reduction"], 0))
    assert STATUS[held["status"]] == "pending"
    assert held["finalAt"] > world.w3.eth.get_block("latest")["timestamp"]


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_page_shows_it_and_says_what_it_is(world: World, language: str) -> None:
    paths = [
        "/",
        "/oracle",
        "/investor",
        *(f"/deals/{deal}{more}" for deal in DEALS for more in ("", "/what-if")),
    ]
    for path in paths:
        page = world.http.get(path, params={"lang": language}, headers={"Accept": "text/html"})
        assert page.status_code == 200, path
        assert f'<html lang="{language}"' in page.text, path
        assert '<aside class="demo"' in page.text, path


# -- what visitors do


def test_wallet_refuses_what_is_not_its_own(world: World) -> None:
    token = world.raw(DEALS[0], "SecurityToken", "token")
    citizen = world.people["Citizen"]
    call = {"to": token.address, "data": calldata(token.functions.claim(citizen))}
    assert world.wallet("eth_sendTransaction", {**call, "from": "0x" + "11" * 20}).status_code == 403
    assert world.wallet("eth_sendTransaction", {**call, "from": citizen, "value": "0x1"}).status_code == 422
    assert world.wallet("eth_sendTransaction", {"from": citizen, "data": "0x00"}).status_code == 422
    assert world.wallet("anvil_setBalance", citizen, "0x1").status_code == 422
    assert world.wallet("personal_sign", "0x00", "0x" + "11" * 20).status_code == 403
    assert world.wallet("eth_accounts").json()["result"] == list(world.people.values())
    signed = world.wallet("personal_sign", "0x" + b"hello".hex(), citizen).json()["result"]
    assert Account.recover_message(encode_defunct(b"hello"), signature=signed) == citizen


def test_nobody_who_is_not_verified_can_buy(world: World) -> None:
    offering = world.raw(DEALS[2], "Offering", "offering")
    before = world.w3.eth.block_number
    answer = world.send("Somebody who is not verified", offering.functions.subscribe(1))
    assert answer.status_code == 409
    assert "ERC7943CannotReceive" in answer.json()["detail"]
    assert world.w3.eth.block_number == before  # refused before anything was sent


def challenge(world: World, oracle: Any, feed: str, period: int, evidence: str) -> None:
    """The citizen commits to a challenge of the value reported, and makes it."""
    value, citizen = read(oracle.reportOf(feed, period))["value"], world.people["Citizen"]
    sealed = commitment(citizen, feed, period, value, evidence, evidence)
    world.does("Citizen", oracle.commitChallenge(sealed))
    world.does("Citizen", oracle.challenge(feed, period, value, evidence, evidence))


def test_a_citizen_challenges_and_is_paid(world: World) -> None:
    """The panel finds, by itself, what the honest node has measured; the citizen gets its stake and 5,000."""
    record = world.records[DEALS[0]]
    oracle, currency = (
        world.raw(DEALS[0], kind, name)
        for kind, name in (("KpiOracle", "oracle"), ("TestCurrency", "currency"))
    )
    feed, before = record.feeds["runoff-reduction"], world.balance("Citizen")
    world.does("Citizen", currency.functions.approve(oracle.address, 10_000 * MILLION))
    challenge(world, oracle.functions, feed, 0, "0x" + "01" * 32)
    assert world.balance("Citizen") == before - 10_000 * MILLION
    deadline = time.monotonic() + 60
    while STATUS[(held := read(oracle.functions.reportOf(feed, 0)))["status"]] != "final":
        assert time.monotonic() < deadline, held
        time.sleep(0.5)
    world.does("Citizen", oracle.functions.withdraw(currency.address, world.people["Citizen"]))
    assert world.balance("Citizen") == before + 5_000 * MILLION

    honest = world.nodes(DEALS[0])["runoff-reduction"][3]
    request = ObservationRequest(
        feed=feed, period=0, version=0, chain_id=record.chain_id, contract=oracle.address
    )
    on_chain = read_feed(world.w3, oracle.address, feed)
    measured = ask(honest, request, on_chain, LOCAL_RELAY, 60).signed.value
    assert abs(held["value"] - measured) < 0.02 * MILLION  # gauges differ a little


def test_an_investor_subscribes_and_gets_a_coupon(world: World) -> None:
    """2.86 % of 100 units of USD 1,000 for half a year of 30/360; the clock is moved by the visitor."""
    offering = world.raw(DEALS[2], "Offering", "offering")
    token = world.raw(DEALS[2], "SecurityToken", "token")
    currency = world.raw(DEALS[2], "TestCurrency", "currency")
    me, before = world.people["New investor"], world.balance("New investor")
    assert before == 500_000 * MILLION
    world.does("New investor", currency.functions.approve(offering.address, 100_000 * MILLION))
    world.does("New investor", offering.functions.subscribe(100))
    assert read(token.functions.balanceOf(me)) == 100
    told: list[dict[str, Any]] = []
    while not told or "Coupon 1 " not in told[-1]["title"]:
        assert len(told) < 15, told
        upcoming = world.http.get("/v1/demo").json()["upcoming"]
        answer = world.http.post("/v1/demo/advance", json={})
        assert answer.status_code == 200, answer.text
        told.append(answer.json())
        assert told[-1] == upcoming[0]
        assert world.w3.eth.get_block("latest")["timestamp"] >= told[-1]["time"]
    assert [each["time"] for each in told] == sorted(each["time"] for each in told)
    coupon = int(100 * 1000 * Decimal("0.0286") / 2 * MILLION)
    assert read(token.functions.claimable(me)) == coupon
    world.does("New investor", token.functions.claim(me))
    assert world.balance("New investor") == before - 100_000 * MILLION + coupon


def test_a_challenge_of_a_right_report_costs_the_stake(world: World) -> None:
    """One node lies in it, but the median is honest. The panel rules before the clock moves on to the
    settlement that needs the report."""
    oracle, currency = (
        world.raw(DEALS[1], kind, name)
        for kind, name in (("KpiOracle", "oracle"), ("TestCurrency", "currency"))
    )
    feed = next(iter(world.records[DEALS[1]].feeds.values()))
    while (
        "nodes report: Proxy revenue"
        not in (done := world.http.post("/v1/demo/advance", json={}).json())["title"]
    ):
        pass
    period = int(done["title"].split()[-1]) - 1
    before, pool = world.balance("Citizen"), read(oracle.functions.rewardPool(feed))
    world.does("Citizen", currency.functions.approve(oracle.address, 10_000 * MILLION))
    challenge(world, oracle.functions, feed, period, "0x" + "02" * 32)
    while "swap settles" not in (done := world.http.post("/v1/demo/advance", json={}).json())["title"]:
        pass
    held = read(oracle.functions.reportOf(feed, period))
    assert (STATUS[held["status"]], held["used"]) == ("final", True)
    rulings = [each for name, each in world.events(DEALS[1], "KpiOracle", "oracle") if name == "ReportRuled"]
    assert (rulings[-1]["period"], rulings[-1]["verdict"]) == (period, 0)  # it stands
    assert read(oracle.functions.creditOf(currency.address, world.people["Citizen"])) == 0
    assert world.balance("Citizen") == before - 10_000 * MILLION
    assert read(oracle.functions.rewardPool(feed)) == pool + 10_000 * MILLION
    assert read(world.at(DEALS[1], "KpiPayment", "swap").periodsSettled()) == period + 1


def test_nothing_is_settled_on_a_report_that_dead_nodes_did_not_give(world: World) -> None:
    """It is said in the answer, on the page and to whoever watches; when the nodes are back it goes on."""

    def next_title() -> str:
        return str(world.http.get("/v1/demo").json()["upcoming"][0]["title"])

    while "nodes report: Proxy revenue" not in next_title():
        assert world.http.post("/v1/demo/advance", json={}).status_code == 200
    title, swap = next_title(), world.at(DEALS[1], "KpiPayment", "swap")
    settled, clock = read(swap.periodsSettled()), world.w3.eth.get_block("latest")["timestamp"]
    homes = list((world.served.data / "world" / "nodes" / DEALS[1]).glob("node-*"))
    for home in homes:
        (home / "node.json").rename(home / "away.json")  # so that they cannot start again yet
    for pid in (int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline")):
        with suppress(OSError):
            if f"world/nodes/{DEALS[1]}/" in Path(f"/proc/{pid}/cmdline").read_text():
                os.kill(pid, signal.SIGKILL)
    answer = world.http.post("/v1/demo/advance", json={})
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/not-reported"), answer.text
    assert "gave no report" in answer.json()["detail"]
    assert next_title() == title
    words = "settles nothing without it"
    assert words in " ".join(world.http.get("/v1/demo").json()["trouble"])
    assert words in world.http.get("/", headers={"Accept": "text/html"}).text
    time.sleep(1.5)  # what a probe is told is remembered for a second
    ready = world.http.get("/health/ready")
    assert (ready.status_code, words in ready.json()["checks"]["demonstration"]) == (503, True)
    assert read(swap.periodsSettled()) == settled
    assert world.w3.eth.get_block("latest")["timestamp"] < clock + 92 * 86_400
    for home in homes:
        (home / "away.json").rename(home / "node.json")
    deadline = time.monotonic() + 120
    while (answer := world.http.post("/v1/demo/advance", json={})).status_code != 200:
        assert time.monotonic() < deadline, answer.text
        time.sleep(1)
    assert answer.json()["title"] == title
    while "swap settles" not in world.http.post("/v1/demo/advance", json={}).json()["title"]:
        pass
    assert read(swap.periodsSettled()) == settled + 1
    deadline = time.monotonic() + 60
    while (trouble := world.http.get("/v1/demo").json()["trouble"]) and time.monotonic() < deadline:
        time.sleep(0.2)  # a node that was put back says that it starts again
    assert trouble == []


def test_the_world_that_went_on_reconciles(world: World) -> None:
    """After the challenge the DC Water bond is redeemed without any outcome payment, as it really was."""
    redeemed = [each for name, each in world.events(DEALS[0], "KpiBond", "bond") if name == "BondRedeemed"]
    assert [(each["principal"], each["outcome"]) for each in redeemed] == [(25_000_000 * MILLION, 0)]
    assert world.reconciles() == dict.fromkeys(DEALS, True)


def test_ctrl_c_leaves_nothing(world: World) -> None:
    """The last test: no process, no port."""
    urls = [url for deal in DEALS for urls in world.nodes(deal).values() for url in urls]
    assert world.served.left()
    assert world.served.stop(signal.SIGINT) == 0
    assert world.served.left() == []
    for url in (*urls, world.served.url, world.w3.provider.endpoint_uri):  # type: ignore[attr-defined]
        with pytest.raises(httpx.ConnectError):
            httpx.get(url, timeout=2, trust_env=False)
