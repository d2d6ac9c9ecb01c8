"""What-ifs over HTTP, against the analyst's library and against figures that others publish."""

from __future__ import annotations

import json
import random
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from api.instruments.swap_value import SwapValue
from finance import load_deal, price
from finance.pricing import NormalKpi
from tests.api.without_chain import offline
from tests.api.world import Service

DEALS = Path(__file__).resolve().parents[2] / "deals"
DC = "dc-water-eib-2016"
BONDS = ["atlanta-eib-2019", DC, "enel-slb-2019", "hksar-tokenised-green-bond-2023", "singapore-ebus-loan"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = offline(tmp_path_factory.mktemp("valuations"))
    yield made
    made.app.state.services.jobs.close()  # type: ignore[attr-defined]


def ask(client: TestClient, **asked: Any) -> Any:
    answer = client.post("/v1/valuations", json=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(client: TestClient, status: int = 422, **asked: Any) -> Any:
    answer = client.post("/v1/valuations", json=asked)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()


def job_of(client: TestClient, **asked: Any) -> str:
    answer = client.post("/v1/valuations", json={"method": "full", **asked})
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/v1/jobs/{answer.json()['id']}"
    return answer.headers["location"]


def finished(client: TestClient, where: str, seconds: float = 90) -> Any:
    deadline = time.monotonic() + seconds
    while (job := client.get(where).json())["state"] in ("queued", "running"):
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
    return job


@pytest.mark.parametrize("name", BONDS)
def test_a_bond_as_it_stands_is_what_the_command_says(client: TestClient, name: str) -> None:
    found, full = ask(client, deal=name), price(load_deal(DEALS / f"{name}.yaml"))
    assert found["price"] == full.price
    assert found["expected_yield"] == full.expected_yield
    assert found["modified_duration"] == full.durations.modified
    assert [case["price"] for case in found["cases"]] == list(full.case_prices)
    assert "the discount yield is the coupon" in found["assumed"]


def test_numbers_in_a_posted_object_lose_no_digit(client: TestClient, seed: int) -> None:
    """0.10000000000000000001 is not 0.1, though a float cannot tell."""
    tree = client.get(f"/v1/deals/{DC}/terms").json()
    tree["asset"]["parameters"]["impervious_area_acres"]["value"] = "PLACE"
    found = []
    for digits in ("0.1", "0.10000000000000000001"):
        body = json.dumps({"document": tree}).replace('"PLACE"', digits)
        answer = client.post("/v1/valuations", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["terms_hash"])
    assert found[0] != found[1]


def test_what_ifs_are_what_the_library_says_of_them(client: TestClient, seed: int) -> None:
    rng, deal = random.Random(seed), load_deal(DEALS / f"{DC}.yaml")
    for _ in range(3):
        rate, mean, sd = rng.uniform(0.0, 0.08), rng.uniform(0.1, 0.5), rng.uniform(0.01, 0.2)
        found = ask(client, deal=DC, discount_yield=rate, kpis={"runoff-reduction": {"mean": mean, "sd": sd}})
        full = price(deal, NormalKpi(mean, sd), rate)
        assert found["price"] == full.price
        assert [case["probability"] for case in found["cases"]] == list(full.closed_form.probabilities)
        assert int(found["expected_outcome"]) == pytest.approx(full.closed_form.expected * 1e6, abs=1)


def test_a_report_in_mid_life_decides(client: TestClient) -> None:
    """Above 41.3 % the issuer pays 3.3 million: the price in that tier, and no other has a chance."""
    report = {"kpi": "runoff-reduction", "period": 0, "value": 0.4968}
    found = ask(client, deal=DC, as_of="2021-01-20", reports=[report])
    assert [case["probability"] for case in found["cases"]] == [0, 0, 1]
    assert found["price"] == found["cases"][2]["price"]
    assert found["clean"] + found["accrued"] == pytest.approx(found["price"])
    assert found["periods"][0]["amount"] == "3300000000000"
    missing = ask(client, deal=DC, as_of="2021-01-20", reports=[{**report, "value": None}])
    assert missing["price"] == found["price"]  # silence costs the issuer as much


def test_a_posted_deal_is_valued_as_the_stored_one(client: TestClient) -> None:
    stored = ask(client, deal="enel-slb-2019", discount_yield=0.02)
    text = (DEALS / "enel-slb-2019.yaml").read_text()
    tree = client.get("/v1/deals/enel-slb-2019/terms").json()
    for document in (text, tree):
        posted = ask(client, document=document, discount_yield=0.02)
        assert posted == stored


def test_a_posted_deal_that_is_wrong_says_everything(client: TestClient) -> None:
    problem = refused(client, document=(DEALS / f"{DC}.yaml").read_text().replace("25000000", "x"))
    assert problem["type"] == "/problems/invalid-deal"
    assert {"parts.bond.principal.value", "parts.offering.hard_cap.value"} <= {
        e["field"] for e in problem["errors"]
    }


def test_the_rain_swap_moves_as_its_line_says(client: TestClient) -> None:
    """A tenth more rain in every quarter: the payee gets 20,000 for each millimetre of it, discounted."""
    base = ask(client, deal="water-utility-rainfall-swap")
    wet = ask(client, deal="water-utility-rainfall-swap", kpis={"rainfall": {"mean_factor": 1.01}})
    gain = sum(
        0.01 * period["expected"]["mean"] * 20_000 * 1.04 ** (-((index + 1) * 0.25 + 40 / 365))
        for index, period in enumerate(base["periods"])
    )
    moved = (int(wet["value"]) - int(base["value"])) / 1e6
    assert moved == pytest.approx(gain, rel=0.02)  # the cap of 600 mm takes a little
    fair = ask(client, deal="water-utility-rainfall-swap", fixed=base["fair"])
    assert abs(int(fair["value"])) < 100  # minor units, of rounding


def test_charts_have_a_density_that_adds_up(client: TestClient) -> None:
    points = ask(client, deal=DC, chart=True)["chart"]
    whole = np.trapezoid([point["density"] for point in points], [point["kpi"] for point in points])
    assert whole == pytest.approx(0.998, abs=1e-3)  # a thousandth is left out at each end
    assert {point["payoff"] for point in points} == {"-3300000000000", "0", "3300000000000"}


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"deal": DC, "document": "id: x"},
        {"deal": DC, "unknown": 1},
        {"deal": DC, "discount_yield": 1.5},
        {"deal": DC, "discount_rate": 0.05},
        {"deal": DC, "fixed": ["1"]},
        {"deal": DC, "kpis": {"rain": {"mean": 1}}},
        {"deal": DC, "kpis": {"runoff-reduction": {"sd": 0}}},
        {"deal": DC, "seed": 5},
        {"deal": DC, "as_of": "0001-01-01"},
        {"deal": DC, "reports": [{"kpi": "runoff-reduction", "period": 1, "value": 0.2}]},
        {"deal": DC, "reports": [{"kpi": "runoff-reduction", "period": 0, "value": 1e300}]},
        {"deal": "hksar-tokenised-green-bond-2023", "kpi_model": "twin"},
        {"deal": "water-utility-rainfall-swap", "discount_yield": 0.05},
        {"deal": "water-utility-rainfall-swap", "kpis": {"rainfall": {"mean": 100}}},
        {"deal": "water-utility-rainfall-swap", "fixed": ["1"], "fixed_factor": 2},
        {"document": "id: x", "kpi_model": "twin"},
        {"deal": DC, "method": "full", "solve": "fair"},
    ],
)
def test_what_does_not_fit_is_refused_in_one_problem(client: TestClient, asked: dict[str, Any]) -> None:
    problem = refused(client, **asked)
    assert problem["detail"]
    assert problem["status"] == 422


def test_extremes_never_break_it(client: TestClient, seed: int) -> None:
    """Whatever is asked: a value or a problem, and all of it JSON."""
    rng = random.Random(seed)

    def refuse(word: str) -> None:
        pytest.fail(f"{word} is not JSON")

    sizes = [0.0, 1e-300, 1e-9, 0.01, 1.0, 100.0, 1e9, 1e18]
    deals = {name: load_deal(DEALS / f"{name}.yaml") for name in [*BONDS, "water-utility-rainfall-swap"]}
    for _ in range(150):
        name, deal = rng.choice(list(deals.items()))
        change = {
            key: rng.choice(sizes) * rng.choice([1, -1] if key == "mean" else [1])
            for key in rng.sample(["mean", "sd", "mean_factor", "sd_factor"], rng.randrange(4))
        }
        asked: dict[str, Any] = {"deal": name, "chart": True, "kpis": dict.fromkeys(deal.kpis, change)}
        rate = "discount_rate" if name.startswith("water") else "discount_yield"
        if rng.random() < 0.5:
            asked[rate] = rng.choice([-0.999999, -0.5, 0, 1e-12, 0.999999])
        if rng.random() < 0.3 and rate == "discount_rate":
            asked["fixed"] = [rng.choice(["0", "-1", "9" * 30])]
        if rng.random() < 0.5:
            asked["as_of"] = rng.choice(["1970-01-01", "2020-06-30", "2024-12-31", "2199-12-31"])
        if rng.random() < 0.5 and deal.kpis:
            value = rng.choice([None, *sizes])
            asked["reports"] = [{"kpi": next(iter(deal.kpis)), "period": 0, "value": value}]
        answer = client.post("/v1/valuations", json=asked)
        assert answer.status_code in (200, 422), (asked, answer.text)
        json.loads(answer.text, parse_constant=refuse)


def test_bodies_that_are_no_json_are_refused(client: TestClient) -> None:
    for body in (b"", b"[", b"null", b"[]", b'"x"', b'{"deal": NaN}', b"[" * 50_000, b"\xff"):
        answer = client.post("/v1/valuations", content=body, headers={"content-type": "application/json"})
        assert answer.status_code in (400, 422), body[:20]
        assert answer.headers["content-type"] == "application/problem+json"
    answer = client.post("/v1/valuations", content=b"{}", headers={"content-type": "text/plain"})
    assert answer.status_code == 415
    assert refused(client, 404, deal="nothing")["type"] == "/problems/not-found"


def test_a_full_valuation_is_a_job_with_the_commands_figures(client: TestClient) -> None:
    where = job_of(client, deal=DC, seed=11, discount_yield=0.03)
    job = finished(client, where)
    assert (job["state"], job["progress"]) == ("done", 1.0)
    found = client.get(job["result"]).json()
    full = price(load_deal(DEALS / f"{DC}.yaml"), discount_yield=0.03, seed=11)
    assert found["price"] == full.price
    assert found["simulated"]["expected_outcome"]["monte_carlo"] == full.monte_carlo.expected
    assert job_of(client, deal=DC, seed=11, discount_yield=0.03) == where  # the same work, once


def test_a_full_valuation_that_cannot_be_says_why(client: TestClient) -> None:
    job = finished(client, job_of(client, deal="water-utility-rainfall-swap", solve="dscr", parameter=1.3))
    assert job["state"] == "failed"
    assert "dscr" in job["error"]
    answer = client.get(f"/v1/jobs/{job['id']}/result")
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/job-failed")


def test_bonds_of_one_deal_are_simulated_each_for_itself(client: TestClient) -> None:
    """They have the terms hash of the whole deal in common."""
    found = {}
    for name in ("leakage-programme--leakage-bond", "leakage-programme--meter-bond"):
        where = job_of(client, deal=name)
        assert finished(client, where)["state"] == "done"
        found[name] = client.get(f"{where}/result").json()["deal"]
    assert all(name == deal for name, deal in found.items())


def test_a_long_simulation_can_be_stopped(client: TestClient) -> None:
    where = job_of(client, deal="bloom-wind-prs", paths=50_000, seed=3)
    assert client.get(f"{where}/result").status_code == 409
    stopping = client.delete(where)
    assert stopping.status_code == 200
    assert finished(client, where, 10)["state"] == "cancelled"
    assert client.get(f"{where}/result").json()["type"] == "/problems/job-cancelled"
    assert client.get("/v1/jobs/nothing").status_code == 404


def test_the_wind_swap_is_simulated_once_and_then_answers_at_once(client: TestClient) -> None:
    services = client.app.state.services  # type: ignore[attr-defined]
    deal = services.deals.get("bloom-wind-prs")
    answer = client.post("/v1/valuations", json={"deal": deal.id})
    if answer.status_code == 503:
        assert answer.json()["type"] == "/problems/computing"
        assert int(answer.headers["retry-after"]) > 0
    job = SwapValue(deal).simulate(services.jobs)
    assert job is None or job.ended.wait(90)
    found = ask(client, deal=deal.id)
    assert int(found["low"]) < int(found["value"]) < int(found["high"])
    raised = ask(client, deal=deal.id, fixed_factor=1.1)
    assert int(raised["value"]) > int(found["value"])
    assert raised["price"] > found["price"]
    assert not any(period["missing"] for period in found["periods"])


# -- deployments


def test_a_deployment_is_valued_on_the_chains_day_by_its_reports(active: Service) -> None:
    """Before its report, the price is the mean over its tiers; what is given adds to the chain's."""
    answer = active.post("/v1/valuations", json={"deployment": active.world.id})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    head = active.of()["as_of"]["time"]
    assert found["as_of"] == datetime.fromtimestamp(head, UTC).date().isoformat()
    assert found["terms_hash"] == active.world.deal.terms_hash
    mean = sum(case["probability"] * case["price"] for case in found["cases"])
    assert found["price"] == pytest.approx(mean, abs=1e-9)
    report = {"kpi": "runoff-reduction", "period": 0, "value": 0.5}
    told = active.post("/v1/valuations", json={"deployment": active.world.id, "reports": [report]}).json()
    assert told["price"] == found["cases"][-1]["price"]


def test_deployments_that_are_not_there_and_full_ones_are_refused(active: Service) -> None:
    assert active.post("/v1/valuations", json={"deployment": "nothing"}).status_code == 404
    asked = {"deployment": active.world.id, "method": "full"}
    assert active.post("/v1/valuations", json=asked).status_code == 422


def test_the_page_of_a_deployed_deal_is_valued_now_or_at_its_start(active: Service) -> None:
    path = f"/deals/{active.world.deal.id}/what-if"
    now = active.get(f"{path}?deployment={active.world.id}")
    assert now.status_code == 200, now.text
    assert "by the reports that are settled" in now.text
    assert active.get(f"{path}?when=start").status_code == 200
    assert (
        active.get("/deals/enel-slb-2019/what-if", params={"deployment": active.world.id}).status_code == 404
    )
