"""A swap deal on a chain: one transaction, the same on both clients, checked field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from chain.bindings import contract, read
from chain.deploy import deploy_infrastructure, local_keys
from chain.errors import AlreadyDeployedError, ContractError, NetworkError, RecordError
from chain.kinds import load_record
from chain.network import LocalChain, set_time, start_anvil
from chain.records import load_wallets
from chain.sender import GasLog
from chain.shift import shift_to
from chain.swap.check import check_swap_deployment
from chain.swap.deploy import (
    SwapInfrastructure,
    deploy_on,
    deploy_swap_deal,
    deploy_swap_infrastructure,
    local_swap_wallets,
)
from chain.swap.records import SwapRecord, SwapWallets
from finance.settlement.swap_terms import swap_terms
from finance.terms import Deal, DealFileError, InputError, load_deal, parse_deal
from tests.chain.bond_life import CLIENTS
from tests.chain.swap_life import BEFORE, BLOOM, RAIN, at, project_deal, rain_deal, valued_deal

MILLION = 10**12  # one million with six decimals
USD_6 = "TestCurrency USD 6"


@pytest.fixture(scope="module", params=list(CLIENTS))
def early(request: pytest.FixtureRequest) -> Iterator[LocalChain]:
    """A chain of each client, before either deal begins."""
    with CLIENTS[request.param](timestamp=BEFORE["bloom-wind-prs"]) as started:
        yield started


@pytest.fixture(scope="module")
def shared(early: LocalChain) -> SwapInfrastructure:
    return deploy_swap_infrastructure(early.w3, early.accounts[0])


@pytest.fixture(scope="module")
def bloom(
    early: LocalChain, shared: SwapInfrastructure, tmp_path_factory: pytest.TempPathFactory
) -> SwapRecord:
    out = tmp_path_factory.mktemp("records") / "sub" / "bloom.json"
    made = deploy_swap_deal(early.w3, early.accounts[0], load_deal(BLOOM), shared, out=out)
    assert load_record(out) == made
    return made


@pytest.fixture(scope="module")
def rain(early: LocalChain, shared: SwapInfrastructure) -> SwapRecord:
    return deploy_swap_deal(early.w3, early.accounts[0], load_deal(RAIN), shared)


# -- deployment


def test_the_chain_says_what_the_project_s_deal_file_says(early: LocalChain, bloom: SwapRecord) -> None:
    assert check_swap_deployment(early.w3, bloom, load_deal(BLOOM)) == []
    assert check_swap_deployment(early.w3, bloom) == []
    # Literals from the deal file, so that an error in our conversion cannot hide in both sides.
    at_ = bloom.addresses
    assert at_.treasury is not None
    assert at_.token is not None
    assert at_.offering is not None
    swap = read(contract(early.w3, "KpiPayment", at_.swap).functions.terms())
    assert [p["fixedAmount"] for p in swap["periods"][:5]] == [
        x * MILLION // 100 for x in (306, 378, 352, 256, 306)
    ]
    assert len(swap["periods"]) == 40
    assert swap["periods"][0]["payDate"] == at("2017-10-16")  # 45 days after 1 September
    assert [(k["x"], k["y"]) for k in swap["curve"]["knots"]] == [
        (-200_000_000, 2 * MILLION),
        (1_500_000_000, -15 * MILLION),
    ]
    assert swap["missingPayoff"] == -15 * MILLION  # the project controls the data
    assert swap["requiredCollateral"] == [3 * MILLION, 0]
    assert (swap["lateRate"], swap["limitedRecourse"]) == (8 * 10**16, True)
    assert (swap["payer"], swap["payee"]) == (early.accounts[3], at_.treasury)
    treasury = read(contract(early.w3, "RevenueTreasury", at_.treasury).functions.terms())
    assert {(p["operatingCost"], p["debtService"]) for p in treasury["periods"]} == {
        (11 * MILLION // 10, MILLION)
    }
    assert (treasury["operator"], treasury["lender"]) == (early.accounts[4], early.accounts[5])
    offering = read(contract(early.w3, "Offering", at_.offering).functions.terms())
    assert (offering["hardCap"], offering["unitPrice"]) == (60_000, 300 * MILLION // 1_000_000)
    assert (offering["opens"], offering["closes"]) == (at("2017-05-01"), at("2017-05-31"))
    token = contract(early.w3, "SecurityToken", at_.token).functions
    assert read(token.documentHash()) == load_deal(BLOOM).terms_hash
    assert read(token.symbol()) == "BLOOM"


def test_the_chain_says_what_the_rainfall_swap_s_deal_file_says(early: LocalChain, rain: SwapRecord) -> None:
    assert check_swap_deployment(early.w3, rain, load_deal(RAIN)) == []
    swap = read(contract(early.w3, "KpiPayment", rain.addresses.swap).functions.terms())
    assert [p["fixedAmount"] for p in swap["periods"][:4]] == [
        -x * MILLION // 100 for x in (188, 485, 751, 265)
    ]
    assert [(k["x"], k["y"]) for k in swap["curve"]["knots"]] == [(0, 0), (60_000, 12 * MILLION)]
    assert (swap["payer"], swap["payee"]) == (early.accounts[3], early.accounts[1])
    assert swap["missingPayoff"] == 0  # no rain is worst for the utility, which runs the gauges
    assert rain.project is None
    assert rain.wallets.issuer is rain.wallets.operator is None


def test_the_record_is_complete(early: LocalChain, bloom: SwapRecord) -> None:
    assert bloom.deal == "bloom-wind-prs"
    assert bloom.terms_hash == load_deal(BLOOM).terms_hash == bloom.load_deal().terms_hash
    assert (bloom.chain_id, bloom.client) == (early.chain_id, early.client)
    receipt = early.w3.eth.get_transaction_receipt(bloom.tx)  # type: ignore[arg-type]
    assert (receipt["blockNumber"], receipt["gasUsed"]) == (bloom.block, bloom.gas)
    assert receipt["to"] == bloom.addresses.factory
    assert list(bloom.feeds) == ["proxy-revenue"]
    assert len({*bloom.wallets.nodes, *bloom.wallets.panel}) == 7
    assert set(local_keys(bloom.wallets)) == {*bloom.wallets.nodes, *bloom.wallets.panel}


def test_one_transaction_deploys_a_deal(early: LocalChain, shared: SwapInfrastructure) -> None:
    for deal in (project_deal("one transaction"), rain_deal("one transaction")):
        gas = GasLog()
        deploy_swap_deal(early.w3, early.accounts[0], deal, shared, gas=gas)
        assert [use.operation for use in gas] == ["deploy deal"]


def test_deploying_again_says_where_it_is(
    early: LocalChain, shared: SwapInfrastructure, bloom: SwapRecord, rain: SwapRecord, tmp_path: Path
) -> None:
    out = tmp_path / "lost.json"
    before = early.w3.eth.block_number
    for record, file in ((bloom, BLOOM), (rain, RAIN)):
        with pytest.raises(AlreadyDeployedError) as caught:
            deploy_swap_deal(early.w3, early.accounts[0], load_deal(file), shared, out=out)
        assert caught.value.addresses["swap"] == record.addresses.swap
        assert record.addresses.swap in str(caught.value)
        assert ("treasury" in caught.value.addresses) == (record is bloom)
        assert load_record(out) == record  # a lost record is written again from the chain
    assert early.w3.eth.block_number == before
    other = deploy_swap_deal(early.w3, early.accounts[9], load_deal(RAIN), shared)
    assert other.addresses.swap != rain.addresses.swap
    assert check_swap_deployment(early.w3, other) == []


def test_a_deal_with_a_model_value_has_two_feeds(early: LocalChain, shared: SwapInfrastructure) -> None:
    record = deploy_swap_deal(early.w3, early.accounts[0], valued_deal(), shared)
    assert list(record.feeds) == ["rainfall", "model-value"]
    assert check_swap_deployment(early.w3, record) == []
    swap = read(contract(early.w3, "KpiPayment", record.addresses.swap).functions.terms())
    assert (swap["feed"], swap["valueFeed"]) == tuple(record.feeds.values())
    turned = record.model_copy(
        update={"feeds": dict(zip(record.feeds, [*record.feeds.values()][::-1], strict=True))}
    )
    fields = {d.field for d in check_swap_deployment(early.w3, turned)}
    assert {"swap.terms.feed", "swap.terms.valueFeed", "factory.dealOf.feed"} <= fields


def test_bonds_and_swaps_share_what_they_can(early: LocalChain, tmp_path: Path) -> None:
    first = deploy_infrastructure(early.w3, early.accounts[8], folder=tmp_path)
    swaps = deploy_swap_infrastructure(early.w3, early.accounts[8], folder=tmp_path)
    assert swaps.reused == ("IdentityRegistry", "KpiOracle", "SecurityToken", "Offering", USD_6)
    assert (swaps.registry, swaps.oracle, swaps.currency) == (first.registry, first.oracle, first.currency)
    again = deploy_swap_infrastructure(early.w3, early.accounts[8], folder=tmp_path)
    assert (again.factory, len(again.reused)) == (swaps.factory, 8)


def test_a_model_that_values_before_it_is_measured_is_refused() -> None:
    """It could not know what the quarter before brought: whoever does would leave in time."""
    tree = json.loads(valued_deal().canonical_json)
    measured, valued = (tree["kpis"][name]["periods"] for name in ("rainfall", "model-value"))
    ends = ["2023-12-31", *(period["end"] for period in measured)]
    for period, end in zip(valued, ends, strict=False):
        day = date.fromisoformat(end)
        period["start"], period["end"] = str(day - timedelta(days=30)), str(day)
    assert parse_deal(tree).swap.close_out.kpi == "model-value"
    valued[3]["end"] = str(date.fromisoformat(ends[3]) - timedelta(days=1))
    with pytest.raises(DealFileError, match="values period 4 before period 3 of rainfall has ended"):
        parse_deal(tree)


# -- dates


def test_a_late_chain_warns_and_deploys_all_the_same() -> None:
    with start_anvil(timestamp=at("2017-05-02")) as chain:
        shared = deploy_swap_infrastructure(chain.w3, chain.accounts[0])
        said: list[str] = []

        def deploy(deal: Deal) -> SwapRecord:
            return deploy_swap_deal(chain.w3, chain.accounts[0], deal, shared, say=said.append)

        deploy(project_deal())
        deploy(rain_deal())
        assert said == []
        set_time(chain.w3, at("2024-05-01"))
        late = [deploy(project_deal("late")), deploy(rain_deal("late"))]
        assert "closes 2017-05-31" in said[0]
        assert "swap had to begin by 2024-01-01" in said[1]
        assert all("--shift-days auto" in text for text in said)
        assert [check_swap_deployment(chain.w3, record) for record in late] == [[], []]


@pytest.mark.parametrize("file", [BLOOM, RAIN], ids=["project", "rain"])
def test_dates_move_so_that_a_swap_can_begin_on_any_day(file: Path) -> None:
    deal = load_deal(file)
    for days in range(0, 370, 37):
        now = at("2027-01-01") + days * 86_400 + 40_000
        moved_by, moved = shift_to(deal, now)
        terms = swap_terms(moved)
        assert moved_by > 0
        assert len(terms.payment.periods) == len(swap_terms(deal).payment.periods)
        if terms.project is not None:
            assert terms.project.opens <= now < terms.project.closes
        else:
            assert now < terms.payment.start_by <= now + 7 * 86_400


def test_a_swap_that_has_yet_to_begin_keeps_its_dates() -> None:
    deal = load_deal(RAIN)
    for day in ("2020-01-01", "2023-12-31"):
        assert shift_to(deal, at(day)) == (0, deal)
    assert shift_to(deal, at("2024-01-01"))[0] == 7  # it must begin before its first day


# -- what a check finds


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"wallets.payer": "0x" + "11" * 20}, "swap.terms.payer"),
        ({"wallets.operator": "0x" + "11" * 20}, "treasury.terms.operator"),
        ({"wallets.issuer": "0x" + "11" * 20}, "offering.terms.issuer"),
        ({"wallets.agent": "0x" + "11" * 20}, "token.anchors.agent"),
        ({"wallets.nodes.0": "0x" + "00" * 19 + "01"}, "feed proxy-revenue.signers"),
        ({"feeds.proxy-revenue": "0x" + "22" * 32}, "swap.terms.feed"),
        ({"terms_hash": "0x" + "33" * 32}, "factory.dealOf.swap"),
        ({"addresses.registry": "0x" + "44" * 20}, "token.anchors.registry"),
        ({"terms.claims.swap.fixed.value.1": "3780001"}, "swap.terms.periods[1].fixedAmount"),
        ({"terms.claims.swap.line.1.amount.value": "-14000000"}, "swap.terms.curve.knots"),
        ({"terms.claims.swap.late_rate.value": "0.09"}, "swap.terms.lateRate"),
        ({"terms.claims.swap.collateral.payer.value": "2999999"}, "swap.terms.requiredCollateral"),
        ({"terms.claims.swap.cure_days.value": "11"}, "swap.terms.curePeriod"),
        ({"terms.claims.swap.limited_recourse": False}, "swap.terms.limitedRecourse"),
        ({"terms.claims.revenue-share.debt_service.value.0": "999999"}, "treasury.terms.periods[0].debt"),
        ({"terms.offering.closes.value": "2017-05-30"}, "offering.terms.closes"),
        ({"terms.offering.blocked_countries": ["KP"]}, "token.anchors.policy"),
        ({"terms.oracle.proxy-revenue.quorum.value": "4"}, "feed proxy-revenue.quorum"),
        ({"terms.summary": "Other words."}, "record.terms_hash"),
    ],
)
def test_a_tampered_record_is_caught(
    early: LocalChain, bloom: SwapRecord, change: dict[str, Any], field: str
) -> None:
    found = [d.field for d in check_swap_deployment(early.w3, changed(bloom, change))]
    assert any(name.startswith(field) for name in found), found


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"wallets.payee": "0x" + "11" * 20}, "swap.terms.payee"),
        ({"terms.claims.swap.collateral.payee.value": "1"}, "swap.terms.requiredCollateral[1]"),
        ({"terms.summary": "Other words."}, "record.terms_hash"),
    ],
)
def test_a_tampered_record_of_two_parties_is_caught(
    early: LocalChain, rain: SwapRecord, change: dict[str, Any], field: str
) -> None:
    assert field in [d.field for d in check_swap_deployment(early.w3, changed(rain, change))]


def test_other_terms_under_their_own_hash_are_not_what_was_deployed(
    early: LocalChain, rain: SwapRecord
) -> None:
    other = rain_deal("never deployed")
    forged = rain.model_copy(
        update={"terms": json.loads(other.canonical_json), "terms_hash": other.terms_hash}
    )
    assert {"factory.dealOf.swap", "feed rainfall.deal"} <= {
        d.field for d in check_swap_deployment(early.w3, forged)
    }


def changed(record: SwapRecord, change: dict[str, Any]) -> SwapRecord:
    data = json.loads(record.to_json())
    for path, value in change.items():
        *parents, last = path.split(".")
        where: Any = data
        for name in parents:
            where = where[int(name) if isinstance(where, list) else name]
        place: Any = int(last) if isinstance(where, list) else last
        assert where[place] != value
        where[place] = value
    return SwapRecord.model_validate(data)


def test_another_chain_is_noticed(early: LocalChain, rain: SwapRecord) -> None:
    elsewhere = rain.addresses.model_copy(update={"swap": "0x" + "55" * 20})
    with pytest.raises(NetworkError, match=r"no contract at 0x5555.*restarted"):
        check_swap_deployment(early.w3, rain.model_copy(update={"addresses": elsewhere}))
    with pytest.raises(NetworkError, match=r"the deployment is on 1$"):
        check_swap_deployment(early.w3, rain.model_copy(update={"chain_id": 1}))


# -- wallets and records


def test_wallets_must_suit_the_deal(early: LocalChain, shared: SwapInfrastructure) -> None:
    deal = project_deal("wallets")
    good = local_swap_wallets(early.w3, swap_terms(deal))

    def refused(wallets: SwapWallets, why: str, what: Deal = deal) -> None:
        with pytest.raises(RecordError, match=why):
            deploy_swap_deal(early.w3, early.accounts[0], what, shared, wallets)

    refused(good.model_copy(update={"lender": None}), "wallets: lender: is missing, and this deal needs it")
    refused(good.model_copy(update={"payee": good.payer}), "wallets: payee = 0x.*whose treasury is the payee")
    refused(good, "wallets: payee: is missing", rain_deal("wallets"))
    refused(good.model_copy(update={"nodes": good.nodes[:3]}), "nodes: the deal asks for 4 and 3 are given")
    judge = good.model_copy(update={"panel": [*good.panel[:2], good.nodes[0]]})
    refused(judge, "would be a node and sit on the panel")


def test_public_test_keys_stay_on_local_chains(early: LocalChain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain.swap.deploy.is_local", lambda w3: False)
    with pytest.raises(RecordError, match=r"not a local one.*--wallets FILE"):
        local_swap_wallets(early.w3, swap_terms(rain_deal()))


def test_a_bond_is_no_swap_deal(early: LocalChain) -> None:
    with pytest.raises(InputError, match="has no KPI payment"):
        deploy_on(early, load_deal(BLOOM.with_name("dc-water-eib-2016.yaml")))


def test_a_contract_s_refusal_is_in_words(early: LocalChain, shared: SwapInfrastructure) -> None:
    deal = rain_deal("one party on both sides")
    wallets = local_swap_wallets(early.w3, swap_terms(deal))
    both = wallets.model_copy(update={"payee": wallets.payer})
    with pytest.raises(ContractError, match="KpiPayment_InvalidTerms"):
        deploy_swap_deal(early.w3, early.accounts[0], deal, shared, both)


def test_wallet_files_say_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "wallets.json"
    some = ["0x" + f"{i:02x}" * 20 for i in range(1, 6)]
    file.write_text(json.dumps({"payer": some[0], "payee": some[1], "nodes": some[2:4], "panel": some[4:]}))
    wallets = load_wallets(SwapWallets, file, some[3])
    assert (wallets.payer, wallets.payee, wallets.issuer) == (some[0], some[1], None)
    file.write_text(json.dumps({"payer": "me", "nodes": [some[0], some[0]], "panel": [], "x": 1}))
    with pytest.raises(RecordError) as caught:
        load_wallets(SwapWallets, file, some[3])
    lines = str(caught.value).splitlines()
    assert f"{file}: payer = 'me': must be an address, 0x and 40 hexadecimal digits" in lines
    assert f"{file}: nodes: names an address twice" in lines
    assert any(line.startswith(f"{file}: x = 1:") for line in lines)
    file.write_text("[]")
    with pytest.raises(RecordError, match="must be an object with payer"):
        load_wallets(SwapWallets, file, some[3])


def test_records_know_their_kind(tmp_path: Path, rain: SwapRecord) -> None:
    file = rain.save(tmp_path / "record.json")
    assert load_record(file) == rain
    file.write_text("{}")
    with pytest.raises(RecordError, match=r"record.json: schema = None: must be one of penstock/deployment"):
        load_record(file)
    file.write_text('{"schema": "penstock/swap-deployment/1", "terms_hash": "0x12"}')
    with pytest.raises(RecordError, match=r"record.json: terms_hash = '0x12'"):
        load_record(file)
    file.write_text('{"schema": "penstock/deployment/1"}')
    with pytest.raises(RecordError, match=r"record.json: schema = 'penstock/deployment/1': must be one of"):
        load_record(file)
    file.write_text("[]")
    with pytest.raises(RecordError, match=r"record.json: schema = None"):
        load_record(file)
