"""The OpenAPI description leaves nothing out: words for every operation and parameter, examples that are what
they are examples of, and the problems of every route."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils.crypto import keccak
from jsonschema import Draft202012Validator
from pydantic import BaseModel
from starlette.testclient import TestClient

from api.models.examples import EXAMPLES
from api.routes.deployments import record_of
from tests.api.without_chain import offline

METHODS = {"get", "put", "post", "patch", "delete"}
PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    return offline(tmp_path_factory.mktemp("offline"))


@pytest.fixture(scope="module")
def described(service: TestClient) -> dict[str, Any]:
    answer = service.get("/v1/openapi.json")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def operations(described: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in described["paths"].items():
        for method in METHODS & item.keys():
            yield f"{method.upper()} {path}", item[method]


def is_json(kind: str) -> bool:
    return kind == "application/json" or kind.endswith("+json")


def follow(described: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema that a reference names, or the schema itself."""
    while "$ref" in schema:
        schema = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def examples_in(node: dict[str, Any]) -> list[Any]:
    """Examples of a media type, a parameter or a schema itself. Those of a schema are a list, those of the
    others a mapping of {"value": ...}."""
    found = [node["example"]] if "example" in node else []
    several = node.get("examples", [])
    return found + ([each["value"] for each in several.values()] if isinstance(several, dict) else several)


def shown(described: dict[str, Any], media: dict[str, Any]) -> list[Any]:
    """The examples of a body: its own, its model's, or those of the rows of a part of a list."""
    schema = follow(described, media["schema"])
    found = examples_in(media) + examples_in(media["schema"]) + examples_in(schema)
    if schema.get("title", "").startswith("Page["):
        found += examples_in(follow(described, schema["properties"]["items"]["items"]))
    return found


def every_example(node: Any, where: str = "#") -> Iterator[tuple[str, dict[str, Any], Any]]:
    """(place, schema, example) of every example there is."""
    if isinstance(node, list):
        for index, each in enumerate(node):
            yield from every_example(each, f"{where}/{index}")
    elif isinstance(node, dict):
        for example in examples_in(node):
            yield where, node.get("schema", node), example
        for key, each in node.items():
            if key not in ("example", "examples"):
                yield from every_example(each, f"{where}/{key}")


def body(described: dict[str, Any], path: str, kind: str = "application/json") -> Any:
    """The first example of the body that is posted there."""
    return shown(described, described["paths"][path]["post"]["requestBody"]["content"][kind])[0]


def test_every_operation_says_what_it_is(described: dict[str, Any]) -> None:
    found = dict(operations(described))
    assert len(found) > 50
    assert [
        name for name, each in found.items() if not (each.get("summary") and each.get("description"))
    ] == []
    assert len({each["operationId"] for each in found.values()}) == len(found)


def test_every_parameter_is_described(described: dict[str, Any]) -> None:
    parameters = [(name, each) for name, op in operations(described) for each in op.get("parameters", [])]
    assert parameters
    assert [f"{name}: {each['name']}" for name, each in parameters if not each.get("description")] == []


def test_every_body_and_every_answer_in_json_has_an_example(described: dict[str, Any]) -> None:
    bare = []
    for name, operation in operations(described):
        for kind, media in operation.get("requestBody", {}).get("content", {}).items():
            if not shown(described, media):
                bare.append(f"{name}: body, {kind}")
        for status, answer in operation["responses"].items():
            for kind, media in answer.get("content", {}).items():
                if status.startswith("2") and is_json(kind) and not shown(described, media):
                    bare.append(f"{name}: {status}, {kind}")
    assert bare == []


def test_every_example_is_one_of_its_schema(described: dict[str, Any]) -> None:
    found = list(every_example(described))
    assert len(found) > 60
    for where, schema, example in found:
        validator = Draft202012Validator({"allOf": [schema], "components": described["components"]})
        errors = [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(example)]
        assert errors == [], where


def test_every_example_is_one_of_its_model(described: dict[str, Any]) -> None:
    """Rules that a schema cannot say hold too."""
    checked = 0
    for model in _models(BaseModel):
        if not model.__module__.startswith("api."):
            continue
        extra = model.model_config.get("json_schema_extra")
        own = examples_in(extra) if isinstance(extra, dict) else []
        for example in [*own, *(EXAMPLES[name] for name in [model.__name__] if name in EXAMPLES)]:
            model.model_validate(example)
            checked += 1
    assert checked > 40


def _models(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for model in base.__subclasses__():
        yield model
        yield from _models(model)


def test_every_operation_documents_its_problems(described: dict[str, Any]) -> None:
    for name, operation in operations(described):
        problems = {status: each for status, each in operation["responses"].items() if status >= "4"}
        assert {"400", "429", "503"} <= problems.keys(), name
        for status, answer in problems.items():
            schema = answer["content"][PROBLEM]["schema"]
            assert schema == {"$ref": "#/components/schemas/Problem"}, f"{name}: {status}"


# -- bodies are not only well-formed, they are what the service takes


@pytest.mark.parametrize("kind", ["application/json", "application/yaml"])
def test_the_deal_is_valid(kind: str, service: TestClient, described: dict[str, Any]) -> None:
    example = body(described, "/v1/deals/validate", kind)
    content = example if isinstance(example, str) else json.dumps(example)
    answer = service.post("/v1/deals/validate", content=content, headers={"Content-Type": kind}).json()
    assert answer["valid"] is True
    record = record_of(body(described, "/v1/deployments"))
    assert answer["terms_hash"] == record.terms_hash


def test_the_signed_transaction_is_the_one_that_is_shown(described: dict[str, Any]) -> None:
    raw = body(described, "/v1/transactions")["raw"]
    schemas = described["components"]["schemas"]
    done, relayed = schemas["TransactionView"]["example"], schemas["RelayedView"]["example"]
    assert Account.recover_transaction(raw) == done["from"] == relayed["from"]
    assert "0x" + keccak(hexstr=raw).hex() == done["hash"] == relayed["hash"]


def test_the_sign_in_message_is_signed(described: dict[str, Any]) -> None:
    given = body(described, "/v1/auth/session")
    signer = Account.recover_message(encode_defunct(text=given["message"]), signature=given["signature"])
    assert signer == described["components"]["schemas"]["NewSessionView"]["example"]["address"]
    assert f"\n{signer}\n" in given["message"]
    nonce = described["components"]["schemas"]["NonceView"]["example"]
    assert f"Nonce: {nonce['nonce']}\n" in given["message"]


@pytest.mark.parametrize("place", ["/v1/deals", "/v1/deals/{deal}"])
def test_the_deal_that_is_shown_is_in_the_deal_book(
    place: str, service: TestClient, described: dict[str, Any]
) -> None:
    media = described["paths"][place]["get"]["responses"]["200"]["content"]["application/json"]
    (example,) = shown(described, media)
    real = service.get(f"/v1/deals/{example['id']}").json()
    for name, value in example.items():
        assert value == real[name] or isinstance(value, list | dict), name
