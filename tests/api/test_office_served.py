"""An office at the service: its list, acts in its name, roles that go with it, and its errors in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.instruments.acts import WORDS
from chain.artifacts import abi
from chain.bindings import contract
from chain.network import LocalChain, reach_time, start_anvil
from finance.terms import parse_deal
from tests.api.test_transactions_prepare import prepare
from tests.api.world import Service, World, serving
from tests.chain.bond_life import BEFORE_THE_OFFERING, Life
from tests.chain.test_office import NOTICE, office_tree


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with (
        start_anvil(timestamp=BEFORE_THE_OFFERING) as chain,
        serving(announced(chain, tmp_path_factory.mktemp("office"))) as found,
    ):
        yield found


def announced(chain: LocalChain, folder: Path) -> World:
    """The agent hands its office on to C."""
    life = Life(chain, parse_deal(office_tree()))
    life.sell(a=6, b=4)
    life.settle()
    office = contract(life.w3, "Office", life.record.addresses["register"]).functions
    life.send(life.record.wallets["agent"], office.handOn(life.c))
    return World(chain, life, folder).save()


def test_who_acts_for_the_office_is_led_through_it(service: Service) -> None:
    life = service.world.life
    agent = life.record.wallets["agent"]
    made = prepare(service, "pause", agent, paused=True)
    assert made["ok"] is True
    (step,) = made["steps"]
    assert (step["to"], step["contract"]) == (life.record.addresses["register"], "token")
    other = prepare(service, "pause", life.c, paused=True)
    assert other["steps"][0]["to"] == life.record.addresses["token"]
    assert other["steps"][0]["outcome"]["refusal"]["name"] == "SecurityToken_NotAgent"


def test_what_is_announced_is_listed(service: Service) -> None:
    (row,) = service.of("/offices")["items"]
    assert (row["part"], row["what"], row["candidate"]) == (
        "register", "announced by the keeper", service.world.life.c,
    )  # fmt: skip
    early = prepare(service, "take-office", service.world.life.c)
    assert early["steps"][0]["outcome"]["refusal"]["name"] == "Office_NotYours"


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_page_of_a_deal_with_an_office(service: Service, language: str) -> None:
    page = service.get(f"/deals/{service.world.deal.id}", headers={"accept-language": language})
    assert page.status_code == 200, page.text
    assert 'data-act="support-candidate"' in page.text


def test_roles_at_the_service_go_with_the_office(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.access.roles.REMEMBER_SECONDS", -1.0)
    life, services = service.world.life, service.services
    deployment, agent = services.index.deployment(service.world.id), life.record.wallets["agent"]
    assert "agent" in services.access.roles(deployment, agent)
    assert "agent" not in services.access.roles(deployment, life.c)
    reach_time(life.w3, life.w3.eth.get_block("latest")["timestamp"] + NOTICE)
    life.send(life.c, contract(life.w3, "Office", life.record.addresses["register"]).functions.take())
    service.catch_up()
    assert "agent" in services.access.roles(deployment, life.c)
    assert "agent" not in services.access.roles(deployment, agent)
    made = prepare(service, "pause", life.c, paused=True)
    assert made["steps"][0]["to"] == life.record.addresses["register"]
    assert [row["what"] for row in service.of("/offices")["items"]] == ["announced by the keeper", "taken"]


def test_every_error_of_the_contract_has_words() -> None:
    errors = {each["name"] for each in abi("Office") if each["type"] == "error"}
    assert {name for name in errors if name.startswith("Office_")} == set(WORDS["office"].refusals)
