"""A bond that its issuer has called, served: what it says, what it still pays, and what it is worth."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from api.instruments.bond_value import NEVER_CALLED, BondValue
from chain.network import start_anvil
from finance.pricing.live import live_value
from finance.pricing.prepared import PreparedBond
from tests.api.world import Service, World, serving
from tests.chain.bond_life import BEFORE_THE_OFFERING, THOUSAND, at
from tests.chain.called_life import COUPON, LAST, PREMIUM, Called, callable_deal

Both = tuple[Service, Called]


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        life = Called(chain)
        with serving(World(chain, life, tmp_path_factory.mktemp("callable")).save()) as service:
            yield service, life


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        life = Called(chain)
        life.called()
        with serving(World(chain, life, tmp_path_factory.mktemp("called")).save()) as service:
            yield service, life


def valuation(service: Service) -> dict[str, Any]:
    answer = service.post("/v1/valuations", json={"deployment": service.world.id})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def page(service: Service, language: str = "en") -> str:
    answer = service.get(f"/deals/{service.world.deal.id}", params={"lang": language})
    assert answer.status_code == 200
    return answer.text


def test_the_issuer_is_offered_the_call(before: Both) -> None:
    service, _ = before
    listed = service.of("/actions")["items"]
    (found,) = [each for each in listed if each["name"] == "announce-call"]
    assert (found["part"], found["who"]) == ("bond", "issuer")
    text = page(service)
    assert "The issuer may repay it early, from 1 Oct 2018 on, if it says so 30 days before" in text
    assert "Called by the issuer" not in text


def test_a_price_before_says_that_the_call_is_not_valued(before: Both) -> None:
    service, life = before
    found = valuation(service)
    assert NEVER_CALLED in found["assumed"]
    assert found["price"] == pytest.approx(value(life, None, found["as_of"]))
    assert "its right to do so is not valued" in page(service)
    assert "조기상환할 권리의 가치는" in page(service, "ko")


def value(life: Called, called: int | None, day: str) -> float:
    known = live_value(PreparedBond.of(life.deal, called), {}, date.fromisoformat(day)).dirty
    assert known is not None
    return known


def test_what_it_says_and_still_pays(after: Both) -> None:
    service, _ = after
    state = service.of("/state")
    assert state["sentence"] == ("3 of 4 coupons are paid; the issuer has called it: repaid on 2018-10-01.")
    coming = [each for each in service.of("/payments")["items"] if each["status"] != "paid"]
    assert [each["kind"] for each in coming] == ["coupon", "redemption"]
    assert {each["date"] for each in coming} == {at("2018-10-01")}
    last = coming[-1]
    assert last["amount"] == str(7 * (THOUSAND + PREMIUM))
    assert (last["principal"], last["premium"]) == (str(7 * THOUSAND), str(7 * PREMIUM))
    assert last["outcome"] is None  # what is measured in 2020 bends nothing any more
    assert "It ends on 1 Oct 2018: each unit then gets back USD 1,340.00, beside the interest." in page(
        service
    )
    assert "발행자가 조기상환을 통지했습니다" in page(service, "ko")


def test_what_it_is_worth_is_the_called_bond(after: Both) -> None:
    service, life = after
    found = valuation(service)
    assert found["price"] == pytest.approx(value(life, LAST, found["as_of"]))
    # Coupon and 1.34 in 47 days, against years with an outcome that is nothing in the mean.
    assert found["price"] > value(life, None, found["as_of"]) + 30
    assert NEVER_CALLED not in found["assumed"]


def test_a_called_bond_is_made_ready_once() -> None:
    ready = BondValue(callable_deal())
    left = ready.as_called(LAST)
    assert left is ready.as_called(LAST)
    assert left.rules == []
    assert left.price({}, date(2018, 8, 15)).tiers == []


def test_it_is_told_to_its_end(tmp_path: Path) -> None:
    """The premium is named when it has been paid, and what is told of the call are sentences."""
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        life = Called(chain)
        life.called()
        life.fund(COUPON + 7 * (THOUSAND + PREMIUM))
        life.coupon("2018-10-01")
        life.send(life.c, life.bond.redeem())
        with serving(World(chain, life, tmp_path).save()) as service:
            last = service.of("/payments")["items"][-1]
            assert (last["kind"], last["status"]) == ("redemption", "paid")
            assert (last["principal"], last["premium"]) == (str(7 * THOUSAND), str(7 * PREMIUM))
            assert last["outcome"] is None
            assert service.of("/state")["state"] == "redeemed"
            found = service.of("/reconciliation")
            assert found["ok"]
            (paid,) = [each for each in found["payments"] if each["kind"] == "premium"]
            assert (paid["actual"], paid["difference"]) == (str(7 * PREMIUM), "0")
