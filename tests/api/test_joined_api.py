"""A deal that joins parts, served: a deal and a deployment for each part that leads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from api.deal_book import DealBook
from api.problems import ProblemError
from chain.network import start_anvil
from tests.api.world import Service, World, serving
from tests.book import DEALS
from tests.chain.bond_life import BEFORE_THE_OFFERING
from tests.chain.joined_life import Joined, after_two_coupons
from tests.joined_deals import joined_deal

LEADS = ("bond", "junior", "leaks")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Joined]]:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        life = after_two_coupons(Joined(chain, joined_deal()))
        with serving(World(chain, life, tmp_path_factory.mktemp("joined")).save()) as service:
            yield service, life


@pytest.fixture(scope="module")
def rows(served: tuple[Service, Joined]) -> dict[str, dict[str, Any]]:
    """Each deployment by the part that leads it."""
    service, life = served
    listed = service.get("/v1/deployments").json()["items"]
    found = {each["deal"].removeprefix(f"{life.deal.id}--"): each for each in listed}
    assert sorted(found) == sorted(LEADS)
    return {key: service.get(f"/v1/deployments/{each['id']}").json() for key, each in found.items()}


def test_each_has_its_own_parts_and_state(served: tuple[Service, Joined], rows: dict[str, Any]) -> None:
    _, life = served
    at = life.record.addresses
    own = {
        key: {each["role"]: each["address"] for each in row["contracts"] if not each["shared"]}
        for key, row in rows.items()
    }
    assert own == {
        "bond": {"token": at["token"], "bond": at["bond"], "offering": at["offering"]},
        "junior": {"token": at["junior-units"], "bond": at["junior"], "offering": at["junior-sale"]},
        "leaks": {"payment": at["leaks"]},
    }
    assert {key: row["state"]["state"] for key, row in rows.items()} == dict.fromkeys(LEADS, "active")
    assert {row["terms_hash"] for row in rows.values()} == {life.deal.terms_hash}
    assert rows["bond"]["title"].endswith("Series 2016B: Environmental Impact Bond, Series 2016B")
    assert rows["leaks"]["title"].endswith("Leakage forward")
    for row in rows.values():
        assert "unexplained" not in {fact["name"] for fact in row["state"]["facts"]}


def test_lists_holders_and_events_are_of_its_own_parts(
    served: tuple[Service, Joined], rows: dict[str, Any]
) -> None:
    service, life = served

    def of(key: str, path: str) -> Any:
        answer = service.get(f"/v1/deployments/{rows[key]['id']}{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    held = {
        key: {each["holder"]: each["units"] for each in of(key, "/holders")["items"]}
        for key in ("bond", "junior")
    }
    assert held == {"bond": {life.a: 4, life.b: 3}, "junior": {life.a: 10}}
    sold = {key: [each["units"] for each in of(key, "/subscriptions")["items"]] for key in ("bond", "junior")}
    assert sold == {"bond": [4, 3], "junior": [10]}
    (claim,) = of("bond", "/claims")["items"]
    assert claim["holder"] == life.a
    assert of("junior", "/claims")["items"] == []
    coupons = {
        key: [int(each["amount"]) for each in of(key, "/payments")["items"] if each["status"] == "paid"]
        for key in ("bond", "junior")
    }
    # Half of 3.33333333 % on seven units, of twice that on ten, shared by whole minor units; dust is carried.
    paid = {}
    for key, units, rate in (("bond", 7, 333_333_333), ("junior", 10, 666_666_666)):
        half, carried, paid[key] = units * 1000 * 10**6 * rate // (2 * 10**10), 0, []
        for _ in range(2):
            paid[key].append((half + carried) // units * units)
            carried += half - paid[key][-1]
    assert coupons == paid
    said = {key: {each["source"] for each in of(key, "/events?limit=500")["items"]} for key in LEADS}
    assert said["leaks"] <= {"payment", "oracle", "currency"}
    assert "payment" not in said["bond"] | said["junior"]
    funded = of("leaks", "/events?source=payment&name=Funded")["items"]
    assert [each["arguments"]["amount"] for each in funded] == ["150000000"] * 2


def test_an_act_goes_to_the_part_of_its_deployment(
    served: tuple[Service, Joined], rows: dict[str, Any]
) -> None:
    service, life = served
    for key, part in (("bond", "token"), ("junior", "junior-units")):
        body = {"deployment": rows[key]["id"], "action": "transfer", "sender": life.a}
        body["parameters"] = {"to": life.b, "units": "1"}
        answer = service.client.post("/v1/transactions/prepare", json=body)
        assert answer.status_code == 200, answer.text
        (step,) = answer.json()["steps"]
        assert step["to"] == life.record.addresses[part]


def test_the_whole_reconciles_from_any_of_them(served: tuple[Service, Joined], rows: dict[str, Any]) -> None:
    service, _ = served
    for row in rows.values():
        answer = service.get(f"/v1/deployments/{row['id']}/reconciliation").json()
        assert answer["ok"] is True
        assert [payment["difference"] for payment in answer["payments"]] == ["0"] * len(answer["payments"])


@pytest.mark.parametrize("key", LEADS)
@pytest.mark.parametrize("page", ["", "/what-if"])
def test_pages_of_each(served: tuple[Service, Joined], key: str, page: str) -> None:
    service, life = served
    for language in ("en", "ko"):
        answer = service.get(
            f"/deals/{life.deal.id}--{key}{page}",
            headers={"accept": "text/html", "accept-language": language},
        )
        assert answer.status_code == 200, answer.text
        assert "--" not in answer.text.split("<title>")[1].split("</title>")[0]


def test_asked_for_the_whole_it_names_what_is_served() -> None:
    book = DealBook(DEALS)
    led = [deal.id for deal in book.all() if deal.id.startswith("leakage-programme--")]
    with pytest.raises(ProblemError) as refused:
        book.get("leakage-programme")
    assert refused.value.status == 404
    assert len(led) > 1
    assert all(id in str(refused.value) for id in led)
