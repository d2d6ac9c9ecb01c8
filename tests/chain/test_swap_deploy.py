"""A swap deal on a chain: one transaction, the same on both clients, checked field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from chain.bindings import contract, read
from chain.check import check_deployment
from chain.deploy import (
    Infrastructure,
    deploy_deal,
    deploy_infrastructure,
    local_keys,
    local_wallets,
)
from chain.errors import AlreadyDeployedError, ContractError, NetworkError, RecordError
from chain.network import LocalChain, set_time, start_anvil
from chain.records import DeploymentRecord, Wallets, load_record
from chain.sender import GasLog
from finance.settlement.swap_terms import swap_terms
from finance.terms import Deal, DealFileError, load_deal, parse_deal
from finance.terms.shift import shift_to
from finance.terms.swap import KpiPayment
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
def shared(early: LocalChain) -> Infrastructure:
    return deploy_infrastructure(early.w3, early.accounts[0])


@pytest.fixture(scope="module")
def bloom(
    early: LocalChain, shared: Infrastructure, tmp_path_factory: pytest.TempPathFactory
) -> DeploymentRecord:
    out = tmp_path_factory.mktemp("records") / "sub" / "bloom.json"
    made = deploy_deal(early.w3, early.accounts[0], load_deal(BLOOM), shared, out=out)
    assert load_record(out) == made
    return made


@pytest.fixture(scope="module")
def rain(early: LocalChain, shared: Infrastructure) -> DeploymentRecord:
    return deploy_deal(early.w3, early.accounts[0], load_deal(RAIN), shared)


# -- deployment


def test_the_chain_says_what_the_project_s_deal_file_says(early: LocalChain, bloom: DeploymentRecord) -> None:
    assert check_deployment(early.w3, bloom, load_deal(BLOOM)) == []
    assert check_deployment(early.w3, bloom) == []
    # Literals from the deal file, so that an error in our conversion cannot hide in both sides.
    at_ = bloom.addresses
    swap = read(contract(early.w3, "KpiPayment", at_["swap"]).functions.terms())
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
    assert (swap["payer"], swap["payee"]) == (early.accounts[3], at_["treasury"])
    treasury = read(contract(early.w3, "RevenueTreasury", at_["treasury"]).functions.terms())
    assert {(p["operatingCost"], p["debtService"]) for p in treasury["periods"]} == {
        (11 * MILLION // 10, MILLION)
    }
    assert (treasury["operator"], treasury["lender"]) == (early.accounts[4], early.accounts[5])
    offering = read(contract(early.w3, "Offering", at_["offering"]).functions.terms())
    assert (offering["hardCap"], offering["unitPrice"]) == (60_000, 300 * MILLION // 1_000_000)
    assert (offering["opens"], offering["closes"]) == (at("2017-05-01"), at("2017-05-31"))
    token = contract(early.w3, "SecurityToken", at_["token"]).functions
    assert read(token.documentHash()) == load_deal(BLOOM).terms_hash
    assert read(token.symbol()) == "BLOOM"


def test_the_chain_says_what_the_rainfall_swap_s_deal_file_says(
    early: LocalChain, rain: DeploymentRecord
) -> None:
    assert check_deployment(early.w3, rain, load_deal(RAIN)) == []
    swap = read(contract(early.w3, "KpiPayment", rain.addresses["swap"]).functions.terms())
    assert [p["fixedAmount"] for p in swap["periods"][:4]] == [
        -x * MILLION // 100 for x in (188, 485, 751, 265)
    ]
    assert [(k["x"], k["y"]) for k in swap["curve"]["knots"]] == [(0, 0), (60_000, 12 * MILLION)]
    assert (swap["payer"], swap["payee"]) == (early.accounts[3], early.accounts[1])
    assert swap["missingPayoff"] == 0  # no rain is worst for the utility, which runs the gauges
    assert list(rain.parts) == ["swap"]
    assert set(rain.shared) == {"oracle", "currency", "factory"}
    assert set(rain.wallets.people) == {"payer", "payee"}


def test_the_record_is_complete(early: LocalChain, bloom: DeploymentRecord) -> None:
    assert bloom.deal == "bloom-wind-prs"
    assert bloom.terms_hash == load_deal(BLOOM).terms_hash == bloom.load_deal().terms_hash
    assert (bloom.chain_id, bloom.client) == (early.chain_id, early.client)
    receipt = early.w3.eth.get_transaction_receipt(bloom.tx)  # type: ignore[arg-type]
    assert (receipt["blockNumber"], receipt["gasUsed"]) == (bloom.block, bloom.gas)
    assert receipt["to"] == bloom.addresses["factory"]
    assert list(bloom.feeds) == ["proxy-revenue"]
    assert len({*bloom.wallets.nodes, *bloom.wallets.panel}) == 7
    assert set(local_keys(bloom.wallets)) == {*bloom.wallets.nodes, *bloom.wallets.panel}


def test_one_transaction_deploys_a_deal(early: LocalChain, shared: Infrastructure) -> None:
    for deal in (project_deal("one transaction"), rain_deal("one transaction")):
        gas = GasLog()
        deploy_deal(early.w3, early.accounts[0], deal, shared, gas=gas)
        assert [use.operation for use in gas] == ["deploy deal"]


def test_deploying_again_says_where_it_is(
    early: LocalChain, shared: Infrastructure, bloom: DeploymentRecord, rain: DeploymentRecord, tmp_path: Path
) -> None:
    out = tmp_path / "lost.json"
    before = early.w3.eth.block_number
    for record, file in ((bloom, BLOOM), (rain, RAIN)):
        with pytest.raises(AlreadyDeployedError) as caught:
            deploy_deal(early.w3, early.accounts[0], load_deal(file), shared, out=out)
        assert caught.value.addresses["swap"] == record.addresses["swap"]
        assert record.addresses["swap"] in str(caught.value)
        assert ("treasury" in caught.value.addresses) == (record is bloom)
        assert load_record(out) == record  # a lost record is written again from the chain
    assert early.w3.eth.block_number == before
    other = deploy_deal(early.w3, early.accounts[9], load_deal(RAIN), shared)
    assert other.addresses["swap"] != rain.addresses["swap"]
    assert check_deployment(early.w3, other) == []


def test_a_deal_with_a_model_value_has_two_feeds(early: LocalChain, shared: Infrastructure) -> None:
    record = deploy_deal(early.w3, early.accounts[0], valued_deal(), shared)
    assert list(record.feeds) == ["rainfall", "model-value"]
    assert check_deployment(early.w3, record) == []
    swap = read(contract(early.w3, "KpiPayment", record.addresses["swap"]).functions.terms())
    assert (swap["feed"], swap["valueFeed"]) == tuple(record.feeds.values())
    turned = record.model_copy(
        update={"feeds": dict(zip(record.feeds, [*record.feeds.values()][::-1], strict=True))}
    )
    fields = {d.field for d in check_deployment(early.w3, turned)}
    assert {"swap.terms.feed", "swap.terms.valueFeed", "record.feeds.rainfall"} <= fields


def test_deals_share_what_they_can(early: LocalChain, tmp_path: Path) -> None:
    deployer = early.accounts[8]
    first = deploy_infrastructure(early.w3, deployer, folder=tmp_path, kinds=["token", "offering", "bond"])
    swaps = deploy_infrastructure(early.w3, deployer, folder=tmp_path, kinds=["payment"])
    assert swaps.reused == ("IdentityRegistry", "KpiOracle", "DealFactory", USD_6)
    assert (swaps.registry, swaps.oracle, swaps.currency) == (first.registry, first.oracle, first.currency)
    assert swaps.factory == first.factory
    again = deploy_infrastructure(early.w3, deployer, folder=tmp_path)
    assert len(again.reused) == 8  # all but the treasury


def test_a_model_that_values_before_it_is_measured_is_refused() -> None:
    """It could not know what the quarter before brought: whoever does would leave in time."""
    tree = json.loads(valued_deal().canonical_json)
    measured, valued = (tree["kpis"][name]["periods"] for name in ("rainfall", "model-value"))
    ends = ["2023-12-31", *(period["end"] for period in measured)]
    for period, end in zip(valued, ends, strict=False):
        day = date.fromisoformat(end)
        period["start"], period["end"] = str(day - timedelta(days=30)), str(day)
    assert parse_deal(tree).only(KpiPayment).close_out.kpi == "model-value"
    valued[3]["end"] = str(date.fromisoformat(ends[3]) - timedelta(days=1))
    with pytest.raises(DealFileError, match="values period 4 before period 3 of rainfall has ended"):
        parse_deal(tree)


# -- dates


def test_a_late_chain_warns_and_deploys_all_the_same() -> None:
    with start_anvil(timestamp=at("2017-05-02")) as chain:
        shared = deploy_infrastructure(chain.w3, chain.accounts[0])
        said: list[str] = []

        def deploy(deal: Deal) -> DeploymentRecord:
            return deploy_deal(chain.w3, chain.accounts[0], deal, shared, say=said.append)

        deploy(project_deal())
        deploy(rain_deal())
        assert said == []
        set_time(chain.w3, at("2024-05-01"))
        late = [deploy(project_deal("late")), deploy(rain_deal("late"))]
        assert "closes 2017-05-31" in said[0]
        assert "swap had to begin by 2024-01-01" in said[1]
        assert all("--shift-days auto" in text for text in said)
        assert [check_deployment(chain.w3, record) for record in late] == [[], []]


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
        ({"wallets.nodes.0": "0x" + "00" * 19 + "01"}, "feeds.proxy-revenue.signers"),
        ({"feeds.proxy-revenue": "0x" + "22" * 32}, "swap.terms.feed"),
        ({"terms_hash": "0x" + "33" * 32}, "record.terms_hash"),
        ({"shared.registry": "0x" + "44" * 20}, "token.anchors.registry"),
        ({"terms.parts.swap.fixed.value.1": "3780001"}, "swap.terms.periods[1].fixedAmount"),
        ({"terms.parts.swap.line.1.amount.value": "-14000000"}, "swap.terms.curve.knots"),
        ({"terms.parts.swap.late_rate.value": "0.09"}, "swap.terms.lateRate"),
        ({"terms.parts.swap.collateral.payer.value": "2999999"}, "swap.terms.requiredCollateral"),
        ({"terms.parts.swap.cure_days.value": "11"}, "swap.terms.curePeriod"),
        ({"terms.parts.swap.limited_recourse": False}, "swap.terms.limitedRecourse"),
        ({"terms.parts.treasury.debt_service.value.0": "999999"}, "treasury.terms.periods[0].debt"),
        ({"terms.parts.offering.closes.value": "2017-05-30"}, "offering.terms.closes"),
        ({"terms.parts.token.blocked_countries": ["KP"]}, "token.anchors.policy"),
        ({"terms.oracle.proxy-revenue.quorum.value": "4"}, "feeds.proxy-revenue.quorum"),
        ({"terms.summary": "Other words."}, "record.terms_hash"),
    ],
)
def test_a_tampered_record_is_caught(
    early: LocalChain, bloom: DeploymentRecord, change: dict[str, Any], field: str
) -> None:
    found = [d.field for d in check_deployment(early.w3, changed(bloom, change))]
    assert any(name.startswith(field) for name in found), found


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"wallets.payee": "0x" + "11" * 20}, "swap.terms.payee"),
        ({"terms.parts.swap.collateral.payee.value": "1"}, "swap.terms.requiredCollateral[1]"),
        ({"terms.summary": "Other words."}, "record.terms_hash"),
    ],
)
def test_a_tampered_record_of_two_parties_is_caught(
    early: LocalChain, rain: DeploymentRecord, change: dict[str, Any], field: str
) -> None:
    assert field in [d.field for d in check_deployment(early.w3, changed(rain, change))]


def test_other_terms_under_their_own_hash_are_not_what_was_deployed(
    early: LocalChain, rain: DeploymentRecord
) -> None:
    other = rain_deal("never deployed")
    forged = rain.model_copy(
        update={"terms": json.loads(other.canonical_json), "terms_hash": other.terms_hash}
    )
    assert {"record.block", "feeds.rainfall.deal"} <= {d.field for d in check_deployment(early.w3, forged)}


def changed(record: DeploymentRecord, change: dict[str, Any]) -> DeploymentRecord:
    data = json.loads(record.to_json())
    for path, value in change.items():
        *parents, last = path.split(".")
        where: Any = data
        for name in parents:
            where = where[int(name) if isinstance(where, list) else name]
        place: Any = int(last) if isinstance(where, list) else last
        assert where[place] != value
        where[place] = value
    return DeploymentRecord.model_validate(data)


def test_another_chain_is_noticed(early: LocalChain, rain: DeploymentRecord) -> None:
    elsewhere = {"swap": rain.parts["swap"].model_copy(update={"address": "0x" + "55" * 20})}
    with pytest.raises(NetworkError, match=r"no contract at 0x5555.*restarted"):
        check_deployment(early.w3, rain.model_copy(update={"parts": elsewhere}))
    with pytest.raises(NetworkError, match=r"the deployment is on 1$"):
        check_deployment(early.w3, rain.model_copy(update={"chain_id": 1}))


# -- wallets and records


def test_wallets_must_suit_the_deal(early: LocalChain, shared: Infrastructure) -> None:
    deal = project_deal("wallets")
    good = local_wallets(early.w3, deal)

    def refused(wallets: Wallets, why: str, what: Deal = deal) -> None:
        with pytest.raises(RecordError, match=why):
            deploy_deal(early.w3, early.accounts[0], what, shared, wallets)

    refused(without(good, "lender"), "wallets: lender: is missing, and this deal needs it")
    refused(good.with_person("payee", good["payer"]), "wallets: payee = 0x.*this deal has none")
    refused(without(good, "issuer", "agent", "operator", "lender"), "payee: is missing", rain_deal("wallets"))
    refused(good.model_copy(update={"nodes": good.nodes[:3]}), "nodes: the deal asks for 4 and 3 are given")
    judge = good.model_copy(update={"panel": [*good.panel[:2], good.nodes[0]]})
    refused(judge, "would be a node and sit on the panel")
    refused(
        good.with_person("payer", shared.currency), r"payer = 0x\w+: is a contract of the deal \(currency\)"
    )


def without(wallets: Wallets, *roles: str) -> Wallets:
    kept = {role: who for role, who in wallets.everybody.items() if role not in roles}
    return Wallets.model_validate(kept)


def test_public_test_keys_stay_on_local_chains(early: LocalChain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain.deploy.is_local", lambda w3: False)
    with pytest.raises(RecordError, match=r"not a local one.*--wallets FILE"):
        local_wallets(early.w3, rain_deal())


def test_a_contract_s_refusal_is_in_words(
    early: LocalChain, shared: Infrastructure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what is refused before it is sent, if that were not so."""
    deal = rain_deal("one party on both sides")
    wallets = local_wallets(early.w3, deal)
    both = wallets.with_person("payee", wallets["payer"])
    with pytest.raises(
        RecordError, match=r"payee = 0x\w+: is the payer's as well, and those are two parties"
    ):
        deploy_deal(early.w3, early.accounts[0], deal, shared, both)
    monkeypatch.setattr("chain.deploy.require_wallets", lambda *_: None)
    with pytest.raises(ContractError, match="KpiPayment_InvalidTerms"):
        deploy_deal(early.w3, early.accounts[0], deal, shared, both)
