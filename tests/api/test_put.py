"""A put at the service: its lists, its acts and its errors in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from api.instruments.acts import WORDS
from chain.artifacts import abi
from chain.network import LocalChain, reach_time, start_anvil
from tests.api.test_transactions_prepare import prepare
from tests.api.world import Service, World, serving
from tests.chain.bond_life import BEFORE_THE_OFFERING
from tests.chain.test_put import COUPON, PRICE, SETTLES, Putting


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with (
        start_anvil(timestamp=BEFORE_THE_OFFERING) as chain,
        serving(with_notice(chain, tmp_path_factory.mktemp("put"))) as found,
    ):
        yield found


def with_notice(chain: LocalChain, folder: Path) -> World:
    """A gives notice of six units and C, for the bank, brings the money for three of them, of which A sells
    one."""
    life = Putting(chain)
    address = life.record.addresses["put"]
    life.send(life.a, life.put.giveNotice(0, 6))
    life.send(life.deployer, life.currency.mint(life.c, 3 * PRICE))
    life.send(life.c, life.currency.approve(address, 3 * PRICE))
    life.send(life.c, life.put.fund(0, 3 * PRICE))
    life.fund(10 * COUPON + 7)
    reach_time(life.w3, SETTLES)
    life.send(life.c, life.bond.payCoupon())
    life.send(life.a, life.token.approve(address, 1))
    life.send(life.a, life.put.exercise(0, 1))
    return World(chain, life, folder).save()


def test_notices_and_money_are_listed(service: Service) -> None:
    life = service.world.life
    (notice,) = service.of("/put-notices")["items"]
    assert (notice["holder"], notice["date"], notice["units"], notice["what"]) == (life.a, 0, 6, "given")
    paid_in, sold = service.of("/put-money")["items"]
    assert (paid_in["payer"], paid_in["amount"]) == (life.c, str(3 * PRICE))
    assert (sold["holder"], sold["units"], sold["amount"]) == (life.a, 1, str(PRICE))


def test_a_sale_is_prepared_and_refused_in_words(service: Service) -> None:
    life = service.world.life
    made = prepare(service, "exercise-put", life.a, date=0, units=2)
    assert made["ok"] is True
    assert len(made["steps"]) == 2  # the put is allowed its units first
    more = prepare(service, "exercise-put", life.a, date=0, units=3)
    assert more["steps"][-1]["outcome"]["refusal"]["name"] == "PutRight_UnitsNotLeft"
    late = prepare(service, "give-put-notice", life.a, date=0, units=3)
    assert late["steps"][0]["outcome"]["refusal"]["name"] == "PutRight_NotNow"


def test_every_error_of_the_contract_has_words() -> None:
    errors = {each["name"] for each in abi("PutRight") if each["type"] == "error"}
    assert {name for name in errors if name.startswith("PutRight_")} == set(WORDS["put"].refusals)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_page_of_a_deal_with_a_put(service: Service, language: str) -> None:
    page = service.get(f"/deals/{service.world.deal.id}", headers={"accept-language": language})
    assert page.status_code == 200, page.text
    assert 'data-act="exercise-put"' in page.text
