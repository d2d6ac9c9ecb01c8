"""Reports by real nodes over HTTP: who signed, evidence file by file, repetition, dispute and ruling,
deadlines.

The nodes of the world: two that lie alike, an honest one, and one that is silent; so a captured quorum's
median is on chain, as a citizen finds."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.access.keys import create_key
from chain.bindings import contract, read
from chain.deploy import PANEL_KEYS
from chain.network import local_account, reach_time, rpc
from chain.sender import Sender
from oracle import evidence
from oracle.local import LOCAL_RELAY
from oracle.observation import Domain, Ruling, Verdict
from oracle.panel import assemble, sign_ruling
from oracle.relay import run_relay, send_challenge, send_ruling
from tests.api.world import HONEST, KPI, LIARS, LIE, SILENT, Service, World, serving

CITIZEN = 13


@pytest.fixture(scope="module")
def service(captured: World) -> Iterator[Service]:
    with serving(captured) as running:
        running.services.nodes.poll()
        yield running


@pytest.fixture
def undone(service: Service) -> Iterator[Service]:
    """What a test does to the chain is a branch that is given up."""
    w3 = service.world.chain.w3
    snapshot = rpc(w3, "evm_snapshot")
    yield service
    assert rpc(w3, "evm_revert", snapshot)
    _settle(service)


def _settle(service: Service) -> None:
    """Wait until the index stands where the chain does."""
    w3 = service.world.chain.w3
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        latest, head = w3.eth.get_block("latest"), service.services.index.head()
        if head is not None and head.hash == latest["hash"].to_0x_hex():
            return
        time.sleep(0.05)
    raise TimeoutError("the index does not follow")


def report(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = service.of(f"/reports/{KPI}/0")
    return found


def recomputed(service: Service) -> dict[str, Any]:
    """What comes of repeating the report."""
    begun = service.post(f"/v1/deployments/{service.world.id}/reports/{KPI}/0/recompute")
    assert begun.status_code == 202, begun.text
    return result(service, begun)


def result(service: Service, begun: Any) -> dict[str, Any]:
    """Of a job, when it is done."""
    where = begun.headers["location"]
    deadline = time.monotonic() + 60
    while (job := service.get(where).json())["state"] in ("queued", "running"):
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
    assert job["state"] == "done", job
    found: dict[str, Any] = service.get(job["result"]).json()
    return found


# -- what was reported


def test_a_report_says_who_signed_what_and_who_is_missing(service: Service) -> None:
    view, world = report(service), service.world
    oracle = contract(world.chain.w3, "KpiOracle", world.record.addresses["oracle"]).functions
    held = read(oracle.reportOf(world.record.feeds[KPI], 0))
    signers = read(oracle.configOf(world.record.feeds[KPI]))["signers"]
    assert view["status"] == "pending"
    assert (view["raw"], view["evidence"]) == (str(held["value"]), held["evidence"])
    assert (view["final_at"], view["version"], view["used"]) == (held["finalAt"], 0, False)
    assert view["settled"] is None
    assert view["can_challenge"]
    assert view["recomputable"]
    by_index = {each["signer_index"]: each for each in view["observations"]}
    assert sorted(by_index) == [*LIARS, HONEST]
    assert [by_index[index]["signer"] for index in sorted(by_index)] == [signers[i] for i in sorted(by_index)]
    for liar in LIARS:
        assert by_index[liar]["value"] - by_index[HONEST]["value"] == pytest.approx(LIE, abs=0.03)
    (out,) = view["left_out"]
    assert (out["signer"], out["signer_index"]) == (signers[SILENT], SILENT)
    assert "silent" in out["reason"]


def test_a_list_of_reports_can_be_filtered(service: Service) -> None:
    assert len(service.of("/reports")["items"]) == 1
    assert len(service.of("/reports", params={"kpi": KPI, "status": "pending"})["items"]) == 1
    assert service.of("/reports", params={"status": "final"})["items"] == []
    other = service.get(f"/v1/deployments/{service.world.id}/reports", params={"kpi": "other"})
    assert other.status_code == 404


@pytest.mark.parametrize("path", ["other/0", f"{KPI}/1", f"{KPI}/0?version=3"])
def test_reports_that_are_not_there(service: Service, path: str) -> None:
    assert service.get(f"/v1/deployments/{service.world.id}/reports/{path}").status_code == 404


# -- evidence


def test_evidence_is_served_file_by_file_as_it_was_signed(service: Service) -> None:
    for observation in report(service)["observations"]:
        view = service.get(observation["href"]).json()
        files = {}
        for item in view["files"]:
            answer = service.get(item["href"])
            assert answer.status_code == 200
            assert "attachment" in answer.headers["content-disposition"]
            files[item["name"]] = answer.content
        # Anybody makes the root again from the files alone.
        assert evidence.Bundle(files).root == observation["evidence"] == view["root"]
        assert view["raw"] == observation["raw"]
        assert view["method"] == "swmm-paired-rain/1"


@pytest.mark.parametrize(
    "tail",
    [
        "0x" + "ab" * 32,
        "..%2F..%2F..%2Fdeployment.json",
        "0x" + "AB" * 32,
        "%2e%2e",
        "{root}/..%2Fmanifest.json",
        "{root}/manifest.json",
        "{root}/%2Fetc%2Fpasswd",
        "{root}/nothing.csv",
    ],
)
def test_nothing_but_evidence_is_served(service: Service, tail: str) -> None:
    root = report(service)["observations"][0]["evidence"]
    base = f"/v1/deployments/{service.world.id}/reports/{KPI}/0/evidence/"
    answer = service.get(base + tail.format(root=root))
    assert answer.status_code in (404, 422)
    assert answer.headers["content-type"] == "application/problem+json"


def test_evidence_that_was_tampered_with_is_not_given_out(service: Service) -> None:
    observation = report(service)["observations"][0]
    folder = service.world.folder / KPI / "evidence" / observation["evidence"]
    victim = folder / "parameters.json"
    before = victim.read_bytes()
    files = {item["name"]: item["href"] for item in service.get(observation["href"]).json()["files"]}
    try:
        victim.write_bytes(before.replace(b"1", b"2", 1))
        for path in (observation["href"], files["parameters.json"], files["observation.json"]):
            # The answer to the same question is kept for two seconds; this one is another question.
            answer = service.get(f"{path}?now={time.monotonic_ns()}")
            assert answer.status_code == 410, path
            assert answer.json()["type"] == "/problems/evidence-damaged"
    finally:
        victim.write_bytes(before)
    assert service.get(f"{observation['href']}?now={time.monotonic_ns()}").status_code == 200


def test_a_report_file_that_is_not_what_the_chain_has_does_not_count(service: Service) -> None:
    path = service.world.folder / KPI / "report-0-0.json"
    before = path.read_text()
    content = json.loads(before)
    content["value"] = str(int(content["value"]) + 1)
    try:
        path.write_text(json.dumps(content))
        view = service.get(
            f"/v1/deployments/{service.world.id}/reports/{KPI}/0", params={"now": time.monotonic_ns()}
        ).json()
        assert not view["recomputable"]
        # Who signed is on chain; what each of them said is not.
        assert sorted(each["signer_index"] for each in view["observations"]) == [*LIARS, HONEST]
        assert {each["raw"] for each in view["observations"]} == {None}
        begun = service.post(f"/v1/deployments/{service.world.id}/reports/{KPI}/0/recompute")
        assert begun.status_code == 404
    finally:
        path.write_text(before)


# -- repeating it, disputing it


def test_anyone_repeats_the_report_and_sees_who_lied(service: Service) -> None:
    found = recomputed(service)
    assert not found["ok"]
    assert not found["holds"]  # the middle value is a liar's
    assert sorted(each["signer_index"] for each in found["culprits"]) == list(LIARS)
    honest = next(o for o in report(service)["observations"] if o["signer_index"] == HONEST)
    assert found["honest"] == pytest.approx(honest["value"], abs=0.03)
    assert found["value"] - found["honest"] == pytest.approx(LIE, abs=0.03)
    assert evidence.is_root(found["evidence"])
    names = {check["name"] for check in found["checks"] if check["ok"]}
    assert {"signature", "evidence", "median", "report evidence", "quorum", "chain"} <= names
    time.sleep(2.1)  # what is kept of answers
    culprits = {o["signer_index"]: o["culprit"] for o in report(service)["observations"]}
    assert [index for index, reason in culprits.items() if reason] == list(LIARS)


def test_a_citizen_is_right_and_paid(undone: Service) -> None:
    world, w3 = undone.world, undone.world.chain.w3
    record, citizen = world.record, Sender(w3, world.chain.accounts[CITIZEN])
    oracle = contract(w3, "KpiOracle", record.addresses["oracle"]).functions
    money = contract(w3, "TestCurrency", record.addresses["currency"]).functions
    feed = record.feeds[KPI]
    config = read(oracle.configOf(feed))
    found = recomputed(undone)
    world.life.send(world.life.deployer, money.mint(citizen.address, config["challengeBond"]))
    send_challenge(citizen, record.addresses["oracle"], feed, 0, found["evidence"])
    _settle(undone)
    (dispute,) = undone.of("/disputes")["items"]
    assert dispute["status"] == "open"
    assert dispute["challenger"] == citizen.address
    assert dispute["evidence"] == found["evidence"]
    assert dispute["rule_until"] == read(oracle.reportOf(feed, 0))["finalAt"]
    view = report(undone)
    assert (view["status"], view["can_challenge"]) == ("challenged", False)

    right = round(found["honest"] * 10**6)
    held = read(oracle.reportOf(feed, 0))["evidence"]
    ruling = Ruling(feed, 0, 0, held, Verdict.CORRECTED, right, found["evidence"])
    domain = Domain(record.chain_id, record.addresses["oracle"])
    signed = [
        sign_ruling(ruling, domain, local_account(PANEL_KEYS + index))
        for index in range(config["panelQuorum"])
    ]
    ordered = assemble(ruling, domain, signed, config["panel"], config["panelQuorum"])
    send_ruling(citizen, record.addresses["oracle"], ruling, ordered)
    _settle(undone)
    (dispute,) = undone.of("/disputes")["items"]
    assert (dispute["status"], dispute["verdict"]) == ("ruled", "corrected")
    assert dispute["ruled"] == found["honest"]
    credit = read(oracle.creditOf(record.addresses["currency"], citizen.address))
    assert int(dispute["credited"]) == credit == int(dispute["bond"]) + int(dispute["reward"])
    assert int(dispute["unpaid"]) == credit
    view = report(undone)
    assert (view["status"], view["settled"]) == ("final", found["honest"])
    assert view["value"] == found["value"]
    (feed_view,) = undone.get("/v1/oracle/feeds").json()["items"]
    assert int(feed_view["reward_pool"]) == read(oracle.rewardPool(feed)) == 0
    assert feed_view["status"] == "every period is settled"


def test_a_status_is_by_the_clock(undone: Service) -> None:
    w3 = undone.world.chain.w3
    final_at = report(undone)["final_at"]
    reach_time(w3, final_at - 1)
    _settle(undone)
    assert report(undone)["status"] == "pending"
    reach_time(w3, final_at)
    _settle(undone)
    view = report(undone)
    assert (view["status"], view["can_challenge"]) == ("final", False)
    assert view["settled"] == view["value"]
    (kpi,) = undone.of("/kpis")["items"]
    assert kpi["periods"][0]["status"] == "final"
    assert "fix" in {step["action"] for step in undone.of("/state")["steps"]}


def test_a_restated_report_supersedes_the_first(undone: Service, tmp_path: Path) -> None:
    world = undone.world
    first = report(undone)
    sender = Sender(world.chain.w3, world.chain.accounts[14])
    feed = world.record.feeds[KPI]
    run_relay(
        sender,
        world.record.addresses["oracle"],
        feed,
        0,
        world.urls[KPI],
        tmp_path,
        key=LOCAL_RELAY,
        restate=True,
    )
    _settle(undone)
    new, old = undone.of("/reports")["items"]
    assert (new["version"], new["status"], new["supersedes"]) == (1, "pending", first["evidence"])
    assert (old["version"], old["status"], old["in_force"]) == (0, "superseded", False)
    # Its evidence was written elsewhere, so it is not held here.
    assert not new["recomputable"]
    assert old["recomputable"]
    assert report(undone)["version"] == 1
    assert undone.of(f"/reports/{KPI}/0", params={"version": 0})["version"] == 0


def test_a_report_is_prepared_for_whoever_may_and_sent_by_anyone(undone: Service) -> None:
    world, w3 = undone.world, undone.world.chain.w3
    path, wanted = f"/v1/deployments/{world.id}/reports", {"kpi": KPI, "period": 0}
    assert undone.post(path, json=wanted).status_code == 401
    key = create_key(undone.services.database, "relay", ["oracle:write"]).token
    headers = {"Authorization": f"Bearer {key}"}
    again = undone.post(path, json=wanted, headers=headers)
    assert (again.status_code, again.json()["type"]) == (409, "/problems/reported")
    assert undone.post(path, json={**wanted, "period": 9}, headers=headers).status_code == 404
    begun = undone.post(path, json={**wanted, "restate": True}, headers=headers)
    assert begun.status_code == 202, begun.text
    made = result(undone, begun)
    assert made["version"] == 1
    assert sorted(each["signer_index"] for each in made["observations"]) == [*LIARS, HONEST]
    assert "silent" in made["left_out"][0]["reason"]
    stranger = world.chain.accounts[15]
    w3.eth.wait_for_transaction_receipt(
        w3.eth.send_transaction({"from": stranger, "to": made["to"], "data": made["data"]})
    )
    _settle(undone)
    view = report(undone)
    assert (view["version"], view["raw"], view["evidence"]) == (1, made["raw"], made["evidence"])
    assert view["recomputable"]
    assert len(view["observations"]) == 3


# -- nodes and twins


def test_nodes_with_their_faults_and_what_they_signed(service: Service) -> None:
    service.services.nodes.poll()
    nodes = service.get("/v1/oracle/nodes", params={"deployment": service.world.id}).json()["items"]
    config = read(
        contract(
            service.world.chain.w3, "KpiOracle", service.world.record.addresses["oracle"]
        ).functions.configOf(service.world.record.feeds[KPI])
    )
    assert [node["address"] for node in nodes] == config["signers"]
    assert {node["health"] for node in nodes} == {"up"}
    assert [node["faults"] for node in nodes] == [["lie"], ["lie"], [], ["silent"]]
    assert [node["signed"] for node in nodes] == [1, 1, 1, 0]
    assert [node["share_left_out"] for node in nodes] == [0, 0, 0, 1]
    assert [node["url"] for node in nodes] == service.world.urls[KPI]
    assert {node["twin"] for node in nodes} == {"stormwater"}


def test_twins_with_the_evidence_that_they_made(service: Service) -> None:
    twins = {view["twin"]: view for view in service.get("/v1/twins").json()["items"]}
    used = twins["stormwater"]
    assert used["deals"] == ["dc-water-eib-2016"]
    assert used["current"]
    roots = {each["evidence"] for each in used["evidence"]}
    assert roots == {each["evidence"] for each in report(service)["observations"]}
    assert twins["wind"]["evidence"] == []
