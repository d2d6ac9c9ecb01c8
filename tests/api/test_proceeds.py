"""A register of proceeds at the service: its list, its acts and its errors in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.instruments.acts import WORDS
from chain.artifacts import abi
from chain.bindings import contract
from chain.network import LocalChain, start_anvil
from chain.terms import short_string
from finance.terms import parse_deal
from tests.api.test_transactions_prepare import prepare
from tests.api.world import Service, World, serving
from tests.chain.bond_life import BEFORE_THE_OFFERING, THOUSAND, Life
from tests.chain.test_proceeds import document, proceeds_tree


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with (
        start_anvil(timestamp=BEFORE_THE_OFFERING) as chain,
        serving(recorded(chain, tmp_path_factory.mktemp("works"))) as found,
    ):
        yield found


def recorded(chain: LocalChain, folder: Path) -> World:
    """Of ten thousand raised four are recorded, and once more under the right use."""
    life = Life(chain, parse_deal(proceeds_tree()))
    life.sell(a=6, b=4)
    life.settle()
    works = contract(life.w3, "ProceedsRegister", life.record.addresses["works"]).functions
    issuer = life.record.wallets["issuer"]
    costs, sewers = (bytes.fromhex(short_string(name)[2:]) for name in ("costs", "sewers"))
    life.send(issuer, works.record(costs, 400 * THOUSAND // 1000, document("invoice")))
    life.send(issuer, works.strike(0, document("wrong use")))
    life.send(issuer, works.record(sewers, 4 * THOUSAND, document("invoice")))
    return World(chain, life, folder).save()


def test_every_entry_is_listed_with_what_became_of_it(service: Service) -> None:
    rows = service.of("/proceeds")["items"]
    assert [(row["entry"], row["use"], row["title"], row["struck"]) for row in rows] == [
        (0, "costs", "Costs of issue", True),
        (1, "sewers", "Sewers", False),
    ]
    assert {row["document"] for row in rows} == {document("invoice")}
    assert rows[1]["amount"] == str(4 * THOUSAND)
    assert rows[1]["review"] == "none"


def test_an_entry_is_prepared_and_refused_in_words(service: Service) -> None:
    issuer = service.world.record.wallets["issuer"]
    given = {"use": short_string("costs"), "amount": str(THOUSAND), "document": document("another")}
    made = prepare(service, "record-use", issuer, **given)
    assert made["ok"] is True
    again = prepare(service, "record-use", issuer, **{**given, "document": document("invoice")})
    assert again["steps"][0]["outcome"]["refusal"]["name"] == "ProceedsRegister_DocumentUsed"
    other = prepare(service, "record-use", service.world.life.a, **given)
    assert other["steps"][0]["outcome"]["refusal"]["name"] == "ProceedsRegister_NotIssuer"


def test_every_error_of_the_contract_has_words() -> None:
    errors = {each["name"] for each in abi("ProceedsRegister") if each["type"] == "error"}
    own = {name for name in errors if name.startswith("ProceedsRegister_")}
    assert own == set(WORDS["proceeds"].refusals)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_page_of_a_deal_with_a_register(service: Service, language: str) -> None:
    deal = service.world.deal.id
    page = service.get(f"/deals/{deal}", headers={"accept-language": language})
    assert page.status_code == 200, page.text
    assert 'data-act="record-use"' in page.text
