"""Registering a deployment, and where its nodes listen: who may, what is refused, and that nothing is half
done."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from api.access.keys import create_key
from chain.deploy import deploy_deal, deploy_infrastructure
from chain.network import start_anvil
from finance.terms import Deal, parse_deal
from finance.terms.reader import read_deal_yaml
from tests.api.world import BEFORE_THE_OFFERING, KPI, Service, bond_world, serving
from tests.chain.bond_life import DC_WATER
from tests.chain.swap_life import BLOOM

PATH = "/v1/deployments"
JSON = "application/json"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("register")
    with (
        start_anvil(timestamp=BEFORE_THE_OFFERING) as chain,
        serving(bond_world(chain, folder, "deployed")) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def key(service: Service) -> dict[str, str]:
    made = create_key(service.services.database, "tests", ["deployments:write"])
    return {"Authorization": f"Bearer {made.token}"}


@pytest.fixture(scope="module")
def other(service: Service) -> dict[str, Any]:
    """The record of a second deal on the chain, which the service has not heard of."""
    tree = read_deal_yaml(DC_WATER)
    tree["title"] = "A second bond"
    chain = service.world.chain
    shared = deploy_infrastructure(chain.w3, chain.accounts[0])
    record = deploy_deal(chain.w3, chain.accounts[0], parse_deal(tree), shared)
    return dict(json.loads(record.to_json()))


def ids(service: Service) -> list[str]:
    return [deployment.id for deployment in service.services.index.deployments()]


def test_nobody_without_the_scope_registers(service: Service, other: dict[str, Any]) -> None:
    before = ids(service)
    assert service.post(PATH, json=other).status_code == 401
    assert service.post(PATH, content=b"{" * 200_000).status_code == 401  # and nothing was read
    wrong = create_key(service.services.database, "reader", ["oracle:write"])
    answer = service.post(PATH, json=other, headers={"Authorization": f"Bearer {wrong.token}"})
    assert answer.status_code == 403
    assert ids(service) == before


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"block": "x"}, 422, "block"),
        ({"shared": 5}, 422, "shared"),
        ({"terms_hash": "0x12"}, 422, "terms_hash"),
        ({"schema": "something"}, 422, "schema"),
        ({"extra": 1}, 422, "extra"),
        ({"terms": {}}, 422, "terms"),
        ({"chain_id": 1}, 409, "chain 1"),
    ],
)
def test_a_record_that_is_none_is_refused(
    service: Service,
    key: dict[str, str],
    other: dict[str, Any],
    change: dict[str, Any],
    status: int,
    field: str,
) -> None:
    before = ids(service)
    answer = service.post(PATH, json={**other, **change}, headers=key)
    assert answer.status_code == status, answer.text
    assert field in answer.text
    assert ids(service) == before
    assert len(list(service.world.data.glob("*/deployment.json"))) == len(before)


def test_terms_that_are_not_those_on_chain_are_refused_with_what_differs(
    service: Service, key: dict[str, str], other: dict[str, Any]
) -> None:
    record = copy.deepcopy(other)
    record["terms"]["parts"]["bond"]["coupon"]["rate"]["value"] = "0.05"
    answer = service.post(PATH, json=record, headers=key)
    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/deployment-differs"
    assert "rate" in answer.json()["detail"] or "terms" in answer.json()["detail"]
    elsewhere = copy.deepcopy(other)
    elsewhere["parts"]["token"]["address"] = service.world.chain.accounts[7]
    assert service.post(PATH, json=elsewhere, headers=key).status_code in (409, 503)


def test_a_deployment_is_registered_once_and_read(
    service: Service, key: dict[str, str], other: dict[str, Any]
) -> None:
    answer = service.post(PATH, json=other, headers=key)
    assert answer.status_code == 201, answer.text
    where = answer.headers["location"]
    view = service.get(where).json()
    assert (view["title"], view["terms_hash"]) == ("A second bond", other["terms_hash"])
    saved = json.loads((service.world.data / view["id"] / "deployment.json").read_text())
    assert saved == other
    again = service.post(PATH, json=other, headers=key)
    assert (again.status_code, again.headers["location"]) == (201, where)
    assert ids(service).count(view["id"]) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("weather", "/etc/passwd"),
        ("weather", "pvlib:../../../../../etc/passwd"),
        ("turbine_curve", "/etc/passwd"),
    ],
)
def test_a_deployed_deal_cannot_read_files_of_ours(
    service: Service, key: dict[str, str], field: str, value: str
) -> None:
    """Anybody can deploy a deal whose terms name a file of the machine that will simulate it."""
    tree = read_deal_yaml(BLOOM)
    tree["asset"]["parameters"][field]["value"] = value
    chain, before = service.world.chain, ids(service)
    shared = deploy_infrastructure(chain.w3, chain.accounts[0])
    record = deploy_deal(chain.w3, chain.accounts[0], parse_deal(tree), shared)
    answer = service.post(PATH, json=json.loads(record.to_json()), headers=key)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == f"asset.parameters.{field}"
    assert ids(service) == before


def test_terms_that_no_deal_file_may_have_are_refused(
    service: Service, key: dict[str, str], other: dict[str, Any]
) -> None:
    """They are well-typed, and what compares fields is looked at as well, before the chain is asked."""
    record = copy.deepcopy(other)
    record["terms"]["parts"]["bond"]["maturity"]["value"] = "2015-04-01"
    Deal.model_validate(record["terms"])
    answer = service.post(PATH, json=record, headers=key)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-deal")
    assert "maturity" in answer.text
    for odd in (0.05, {"a": 1.5}, "\ud800"):
        record["terms"]["parts"]["bond"]["coupon"]["rate"]["value"] = odd
        answer = service.post(PATH, content=json.dumps(record), headers={**key, "content-type": JSON})
        assert answer.status_code == 422, answer.text


def test_where_nodes_listen(service: Service, key: dict[str, str]) -> None:
    path = f"{PATH}/{service.world.id}/nodes"
    urls = ["http://127.0.0.1:9/", "http://127.0.0.1:10"]
    assert service.client.put(path, json={"nodes": {KPI: urls}}).status_code == 401
    for bad in ({"other": urls}, {KPI: ["file:///etc/passwd"]}, {KPI: urls * 20}, {KPI: "x"}):
        assert service.client.put(path, json={"nodes": bad}, headers=key).status_code == 422, bad
    assert service.client.put(path, json={"nodes": {KPI: urls}}, headers=key).status_code == 200
    service.services.nodes.poll()
    nodes = service.get("/v1/oracle/nodes", params={"deployment": service.world.id}).json()["items"]
    assert [node["health"] for node in nodes] == ["down", "down", "unknown", "unknown"]
    assert nodes[0]["url"] == "http://127.0.0.1:9"
