"""A vehicle at the service: state, lists and payments as its contracts say; its page, words and acts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.instruments.acts import WORDS
from api.instruments.offers import Refusal
from chain.artifacts import abi
from chain.bindings import contract, read
from finance.settlement.spv_terms import vehicle_terms
from tests.api.test_transactions_prepare import prepare
from tests.api.vehicle_life import (
    LATE,
    POOL,
    SAVINGS,
    SOLD,
    hedged_chain,
    hedged_world,
    pool_world,
    savings_world,
    vehicle_chain,
)
from tests.api.without_chain import offline
from tests.api.world import Service, serving

RUN = 5
"""Periods; before the fifth one utility has stopped paying."""
MINOR = 10**6


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("pool")
    with vehicle_chain(POOL) as chain, serving(pool_world(chain, folder, RUN)) as found:
        yield found


@pytest.fixture(scope="module")
def hedge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("hedged")
    with hedged_chain() as chain, serving(hedged_world(chain, folder, (900, 580))) as found:
        yield found


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("savings")
    with vehicle_chain(SAVINGS) as chain, serving(savings_world(chain, folder)) as found:
        yield found


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_swap_is_a_line_and_a_claim(hedge: Service, language: str) -> None:
    """A year better than insured, which costs the vehicle, and a worse one, which the swap pays for."""
    record, said = hedge.world.record, {"accept-language": language}
    page = hedge.get(f"/deals/{hedge.world.deal.id}", headers=said)
    assert page.status_code == 200, page.text
    assert "Savings swap" in page.text
    income = [row for row in hedge.of("/income?limit=500")["items"] if row["line"] == "cover"]
    assert [int(row["amount"]) for row in income] == [0, 640_000_000 * MINOR]
    paid = [row for row in hedge.of("/waterfall?limit=500")["items"] if row["target"] == "cover.owed"]
    assert [row["period"] for row in paid] == [0]
    # 20 million and 300 million for the hundredth above 8 %, and a month's interest.
    assert 320_000_000 * MINOR <= int(paid[0]["amount"]) < 323_000_000 * MINOR
    swap = contract(hedge.world.chain.w3, "KpiPayment", record.addresses["cover"]).functions
    assert read(swap.owed(1)) == 0
    for event in hedge.of("/events?source=spv&limit=500")["items"]:
        told = hedge.get(f"/transactions/{event['tx']}", headers=said)
        assert told.status_code == 200, told.text


def treasury(service: Service) -> Any:
    record = service.world.record
    return contract(service.world.chain.w3, "Treasury", record.addresses["hydrobond"]).functions


def facts(service: Service) -> dict[str, str]:
    return {each["name"]: each["value"] for each in service.of("/state")["facts"]}


def test_the_state_is_that_of_the_treasury(service: Service) -> None:
    world, kept_by = service.world, treasury(service)
    state, found = service.of("/state"), facts(service)
    assert state["state"] == "watched"
    assert state["sentence"].startswith(f"{RUN} of 40 periods are run; the last is run on 2034-07-27.")
    assert state["sentence"].endswith("Failed: Everything that is due has been paid.")
    assert "unexplained" not in found
    plan = vehicle_terms(world.deal).plan
    names = [*plan.pot_names, *plan.claim_names, "notes.balance", "notes.lost"]
    kept = dict(zip(names, read(kept_by.registers()), strict=True))
    for pot in plan.pot_names:
        assert int(found[f"pot_{pot}"]) == kept[pot]
    assert int(found["balance_notes"]) == kept["notes.balance"]
    assert int(found["factor_notes"]) == kept["notes.balance"] * 10**18 // (150_000_000 * MINOR)
    since, _ = read(kept_by.triggerOf(0))
    assert int(found["failed_collections"]) == since > 0
    assert int(found["periods_run"]) == read(kept_by.periodsPaid()) == RUN
    owed = {
        name.removeprefix("owed_"): int(value) for name, value in found.items() if name.startswith("owed_")
    }
    assert owed == {claim: kept[claim] for claim in plan.claim_names if kept[claim]}
    payees = [each.party or each.tranche for each in vehicle_terms(world.deal).payees]
    credits = {who: read(kept_by.creditOf(number)) for number, who in enumerate(payees)}
    shown = {each.removeprefix("credit_"): int(found[each]) for each in found if each.startswith("credit_")}
    assert shown == {who: credit for who, credit in credits.items() if credit}
    assert int(found["held"]) == world.life.balance(world.record.addresses["hydrobond"])
    assert service.of("/reconciliation")["ok"] is True


def test_what_pays_in_and_what_is_in_arrears(service: Service) -> None:
    rows = {row["line"]: row for row in service.of("/lines")["items"]}
    terms = vehicle_terms(service.world.deal)
    for name, expected in zip(terms.plan.lines, terms.expected, strict=True):
        late = expected[RUN - 1] if name == LATE else 0
        assert int(rows[name]["due"]) == sum(expected[:RUN])
        assert int(rows[name]["arrears"]) == late
        assert int(rows[name]["paid"]) == sum(expected[:RUN]) - late
        assert int(rows[name]["to_come"]) == sum(expected[RUN:])
    assert int(facts(service)["arrears"]) == int(rows[LATE]["arrears"]) > 0
    assert any(step["what"] == "revenue-late" for step in service.of("/state")["steps"])
    paid: dict[str, int] = dict.fromkeys(rows, 0)
    for row in service.of("/revenue?limit=500")["items"]:
        paid[row["line"]] += int(row["amount"])
    assert paid == {name: int(row["paid"]) for name, row in rows.items()}


def test_steps_income_and_tests_are_listed_by_period(service: Service) -> None:
    moved = service.of("/waterfall?limit=500")["items"]
    assert {row["period"] for row in moved} == set(range(RUN))
    income = sum(int(row["amount"]) for row in service.of("/income?limit=500")["items"])
    from_cash = sum(int(row["amount"]) for row in moved if row["source"] == "cash")
    assert income == from_cash  # nothing stays in cash
    assert any(row["source"] == "reserve" and row["target"].startswith("notes.") for row in moved)
    tests = service.of("/covenants")["items"]
    assert [row["failed"] for row in tests] == [False] * (RUN - 1) + [True]
    last = tests[-1]
    assert int(last["value"]) < int(last["divisor"])
    assert int(last["threshold"]) == 10**18


def test_tranches_and_their_payments(service: Service) -> None:
    (row,) = service.of("/tranches")["items"]
    assert (row["tranche"], row["symbol"], row["units"]) == ("notes", "HYDRO34", 150_000)
    payments = service.of("/payments?limit=100")["items"]
    done = [each for each in payments if each["trace"]]
    assert [each["index"] for each in done] == list(range(RUN))
    assert {each["status"] for each in done} == {"paid"}
    assert sum(int(each["amount"]) for each in done) == int(row["paid"])
    given = {each["trace"]["tx"]: int(each["paid"]) for each in service.of("/distributions")["items"]}
    for each in done:
        # A distribution is in whole minor units for each unit; what is less waits for the next one.
        assert abs(int(each["amount"]) - given[each["trace"]["tx"]]) < 150_000
        assert int(each["interest"]) + int(each["principal"]) == int(each["amount"])
    principal = sum(int(each["principal"]) for each in done)
    assert int(row["balance"]) == int(row["principal"]) - principal
    coming = [each for each in payments if not each["trace"]]
    assert [each["index"] for each in coming] == list(range(RUN, 40))
    # If all pay again, what was drawn is refilled and notes are repaid by the end.
    assert sum(int(each["principal"]) for each in coming) == int(row["balance"])


def test_expected_payments_are_those_of_the_schedule_before_anything_fails(offered: Service) -> None:
    payments = offered.of("/payments?limit=100")["items"]
    senior = [each for each in payments if each["title"].startswith("Siheung Efficiency senior")]
    assert [int(each["principal"]) for each in senior] == [1_800_000_000 * MINOR] * 10
    assert int(senior[0]["interest"]) == 810_000_000 * MINOR
    assert {each["status"] for each in payments} == {"expected"}


def test_two_sales_are_one_state(offered: Service) -> None:
    state = offered.of("/state")
    assert state["state"] == "offering"
    assert state["sentence"].startswith(f"{SOLD} of 3000 units are sold; the offering closes on")
    assert {"subscribe", "fill-pot"} <= {step["what"] for step in state["steps"]}
    rows = {row["tranche"]: row for row in offered.of("/tranches")["items"]}
    assert rows["residual"]["balance"] is None
    assert rows["residual"]["rate"] is None


@pytest.mark.parametrize("language", ["en", "ko"])
def test_pages_show_pool_steps_and_money(service: Service, language: str) -> None:
    page = service.get(f"/deals/{POOL}", headers={"accept-language": language})
    assert page.status_code == 200, page.text
    for id in ("of-money", "of-pool", "of-tranches", "of-steps", "of-covenants", "bands-happened"):
        assert f'id="{id}"' in page.text
    assert page.text.count("<li>") > 13
    assert "{" not in page.text.split('id="of-steps"')[1].split("</ol>")[0]
    assert service.get("/", headers={"accept-language": language}).status_code == 200


def test_a_holder_of_a_deal_that_reads_no_oracle_has_a_page(service: Service) -> None:
    holder = service.of("/holders")["items"][0]["holder"]
    page = service.get(f"/investor?address={holder}")
    assert page.status_code == 200, page.text
    assert "Viveracqua" in page.text


def test_every_tranche_has_its_holders(offered: Service) -> None:
    """Each claim token by its key: what the index says is what the contract says; nothing is mixed up."""
    places, w3 = offered.world.record.addresses, offered.world.chain.w3
    units: dict[str, dict[str, int]] = {}
    for part in ("senior-units", "residual-units"):
        token = contract(w3, "SecurityToken", places[part]).functions
        units[part] = {row["holder"]: row["units"] for row in offered.of(f"/holders?token={part}")["items"]}
        assert units[part] == {holder: read(token.balanceOf(holder)) for holder in units[part]}
        assert sum(units[part].values()) == read(token.totalSupply())
    assert sum(units["residual-units"].values()) == SOLD
    holder = next(iter(units["residual-units"]))
    for part, held in units.items():
        lines = offered.of(f"/holders/{holder}/statement?token={part}")["items"]
        assert [(each["kind"], each["units"]) for each in lines] == [("subscription", held[holder])]
        assert offered.of(f"/holders/{holder}?token={part}")["units"] == held[holder]
    positions = offered.get(f"/v1/holders/{holder}").json()["items"]
    assert {each["symbol"]: each["units"] for each in positions} == {
        "SIHEUNGA": units["senior-units"][holder],
        "SIHEUNGR": units["residual-units"][holder],
    }


@pytest.mark.parametrize(("asked", "wrong"), [("?token=junior-units", "junior-units"), ("", "is missing")])
def test_which_token_is_meant_must_be_said(offered: Service, asked: str, wrong: str) -> None:
    answer = offered.get(f"/v1/deployments/{offered.world.id}/holders{asked}")
    assert answer.status_code == 422
    assert f"token: {wrong}: claim tokens of {offered.world.id}: residual-units, senior-units" in answer.text


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_wallet_acts_on_the_tranche_that_it_means(offered: Service, language: str) -> None:
    holder = offered.of("/holders?token=residual-units")["items"][0]["holder"]
    page = offered.get(f"/investor?address={holder}", headers={"accept-language": language}).text
    for part in ("senior-units", "residual-units"):
        assert f'data-act="transfer" data-part="{part}"' in page
    assert 'data-act="subscribe" data-part="residual-sale"' in page
    for id in re.findall(r' id="([^"]+)"', page):
        assert page.count(f' id="{id}"') == 1, id
    deal = offered.get(f"/deals/{SAVINGS}", headers={"accept-language": language}).text
    assert "<h3>SIHEUNGA</h3>" in deal
    assert "<h3>SIHEUNGR</h3>" in deal


@pytest.mark.parametrize("language", ["en", "ko"])
def test_pages_of_two_tranches_on_sale(offered: Service, language: str) -> None:
    page = offered.get(f"/deals/{SAVINGS}", headers={"accept-language": language})
    assert page.status_code == 200, page.text
    assert 'data-part="residual-sale"' in page.text
    assert 'data-act="subscribe" data-part="senior-sale"' not in page.text  # all of it is sold


def test_every_transaction_is_said_in_words(service: Service) -> None:
    seen: set[str] = set()
    for event in service.of("/events?source=spv&limit=500")["items"]:
        if event["name"] in seen:
            continue
        seen.add(event["name"])
        page = service.get(f"/transactions/{event['tx']}")
        assert page.status_code == 200, page.text
    told = set(WORDS["spv"].told)
    assert seen - {"TreasuryInitialized", "Initialized"} <= told
    assert {"PeriodPaid", "CovenantTested", "RevenueReceived", "Deposited"} <= seen


def test_every_error_of_the_contract_has_words() -> None:
    errors = {each["name"] for each in abi("Treasury") if each["type"] == "error"}
    own = {name for name in errors if name.startswith("Treasury_")}
    assert own == set(WORDS["spv"].refusals)
    fields = {
        each["name"]: [i["name"] for i in each["inputs"]]
        for each in abi("Treasury")
        if each["type"] == "error"
    }
    for name, refusal in WORDS["spv"].refusals.items():
        if isinstance(refusal, Refusal):
            assert set(refusal.money) <= set(fields[name])


def test_what_parties_took_is_listed(service: Service) -> None:
    rows = service.of("/credits?limit=500")["items"]
    payees = {each.party for each in vehicle_terms(service.world.deal).payees}
    assert rows
    assert all(row["payee"] in payees and int(row["amount"]) > 0 for row in rows)


def test_a_line_is_paid_by_who_owes_it_alone(service: Service) -> None:
    wallets = service.world.record.wallets
    service.world.life.mint(wallets["payer.etra"], 10 * MINOR)
    given = {"line": LATE, "amount": str(10 * MINOR)}
    prepared = prepare(service, "pay-line", wallets["payer.etra"], **given)
    assert prepared["ok"] is True
    assert prepared["title"] == "Pay EUR 10.00 of revenue in"
    refused = prepare(service, "pay-line", wallets["payer.bim"], **given)["steps"][-1]["outcome"]["refusal"]
    assert refused["words"] == "Only who owes this line may pay it in."
    early = prepare(service, "run-period", wallets["payer.bim"])["steps"][-1]["outcome"]["refusal"]
    assert early["words"] == "The period is not due yet."


def test_a_deal_without_a_kpi_or_a_price_is_still_a_page(tmp_path: Path) -> None:
    page = offline(tmp_path).get(f"/deals/{POOL}")
    assert page.status_code == 200, page.text
    assert 'id="bands-planned"' in page.text
    assert 'id="bands-happened"' not in page.text
