"""A deal on a chain: one transaction, the same on both clients, checked field by field, safe to run again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from eth_utils import to_checksum_address
from web3.types import RPCEndpoint

from chain import deploy
from chain.bindings import contract, read
from chain.check import check_deployment, code_name
from chain.deploy import (
    Infrastructure,
    deploy_deal,
    deploy_infrastructure,
    local_keys,
    local_wallets,
    require_new,
)
from chain.errors import AlreadyDeployedError, NetworkError, RecordError, TooMuchGasError
from chain.network import LocalChain, set_time, start_anvil
from chain.records import DeploymentRecord, load_record, load_wallets
from chain.sender import GasLog, Sender
from chain.terms import holding_policy, short_string
from finance.settlement.terms import settlement_terms
from finance.terms import Deal, DealFileError, load_deal, parse_deal
from finance.terms.offering import Offering
from finance.terms.shift import shift_deal, shift_to
from tests.chain.bond_life import BEFORE_THE_OFFERING, DC_WATER, at, small_tree

USD_6 = "TestCurrency USD 6"


@pytest.fixture(scope="module")
def deal() -> Deal:
    return load_deal(DC_WATER)


@pytest.fixture(scope="module")
def shared(chain: LocalChain) -> Infrastructure:
    return deploy_infrastructure(chain.w3, chain.accounts[0])


@pytest.fixture(scope="module")
def local(anvil: LocalChain, deal: Deal) -> DeploymentRecord:
    """On Anvil, which alone changes code."""
    shared = deploy_infrastructure(anvil.w3, anvil.accounts[6])
    return deploy_deal(anvil.w3, anvil.accounts[6], deal, shared)


@pytest.fixture(scope="module")
def record(
    chain: LocalChain, shared: Infrastructure, deal: Deal, tmp_path_factory: pytest.TempPathFactory
) -> DeploymentRecord:
    out = tmp_path_factory.mktemp("records") / "sub" / "dc-water.json"
    made = deploy_deal(chain.w3, chain.accounts[0], deal, shared, out=out)
    assert load_record(out) == made
    return made


def variant(title: str) -> Deal:
    """A small deal with terms of its own, so that tests do not meet each other's deployments."""
    tree = small_tree()
    tree["title"] = title
    return parse_deal(tree)


# -- deployment


def test_a_deal_too_large_for_one_transaction_is_refused_in_words_and_nothing_is_sent(
    chain: LocalChain, shared: Infrastructure, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert deploy.TRANSACTION_GAS == 16_777_216  # EIP-7825
    monkeypatch.setattr(deploy, "TRANSACTION_GAS", 500_000)
    sender = chain.accounts[0]
    before = chain.w3.eth.get_transaction_count(to_checksum_address(sender))
    with pytest.raises(
        TooMuchGasError, match=r"deploy deal: would take .* more than 500,000; nothing was sent"
    ):
        deploy_deal(chain.w3, sender, variant("too large"), shared)
    assert chain.w3.eth.get_transaction_count(to_checksum_address(sender)) == before


def test_the_chain_says_what_the_deal_file_says(
    chain: LocalChain, record: DeploymentRecord, deal: Deal
) -> None:
    assert check_deployment(chain.w3, record, deal) == []
    assert check_deployment(chain.w3, record) == []
    # Literals from the deal file, so that an error in our conversion cannot hide in both sides.
    bond = read(contract(chain.w3, "KpiBond", record.addresses["bond"]).functions.terms())
    assert bond["rate"] == 34_300_000_000_000_000  # 3.43 %
    assert bond["unitPrincipal"] == 1_000_000_000  # 1,000 with six decimals
    assert bond["authorisedUnits"] == 25_000
    assert [p["payDate"] for p in bond["periods"]] == [
        at(f"{y}-{d}") for y in range(2017, 2022) for d in ("04-01", "10-01")
    ][:9]
    assert {(p["numerator"], p["denominator"]) for p in bond["periods"]} == {(180, 360)}
    (fixing,) = bond["fixings"]
    curve = fixing["curve"]
    assert [(k["x"], k["y"]) for k in curve["knots"][1:]] == [
        (186_000, 0),
        (413_001, 3_300_000_000_000),
    ]
    assert curve["knots"][0]["y"] == -3_300_000_000_000
    assert fixing["missing"] == 3_300_000_000_000  # the issuer controls the data
    assert (fixing["effect"], fixing["kpiPeriod"], fixing["first"], fixing["last"]) == (1, 0, 8, 8)
    assert [p["repayment"] for p in bond["periods"]] == [0] * 8 + [1_000_000_000]
    offering = read(contract(chain.w3, "Offering", record.addresses["offering"]).functions.terms())
    assert (offering["opens"], offering["closes"]) == (at("2016-09-15"), at("2016-09-29"))
    token = contract(chain.w3, "SecurityToken", record.addresses["token"]).functions
    assert read(token.documentHash()) == deal.terms_hash
    assert read(token.symbol()) == "DCW16B"


def test_the_record_is_complete(chain: LocalChain, record: DeploymentRecord, deal: Deal) -> None:
    assert record.deal == "dc-water-eib-2016"
    assert record.terms_hash == deal.terms_hash == record.load_deal().terms_hash
    assert (record.chain_id, record.client) == (chain.chain_id, chain.client)
    receipt = chain.w3.eth.get_transaction_receipt(record.tx)  # type: ignore[arg-type]
    assert receipt["blockNumber"] == record.block
    assert receipt["from"] == record.wallets.deployer == chain.accounts[0]
    assert receipt["to"] == record.addresses["factory"]
    assert record.wallets["issuer"] == chain.accounts[1]
    assert len(set(record.wallets.nodes)) == 4
    assert len(set(record.wallets.panel)) == 3
    assert sorted(record.wallets.nodes, key=str.lower) == record.wallets.nodes
    assert set(local_keys(record.wallets)) == {*record.wallets.nodes, *record.wallets.panel}
    assert record.compiler.evm_version == "shanghai"


def test_one_transaction_deploys_the_deal(chain: LocalChain, shared: Infrastructure) -> None:
    gas = GasLog()
    deploy_deal(chain.w3, chain.accounts[0], variant("one transaction"), shared, gas=gas)
    assert [use.operation for use in gas] == ["deploy deal"]


def test_deploying_again_says_where_it_is(
    chain: LocalChain, shared: Infrastructure, record: DeploymentRecord, deal: Deal, tmp_path: Path
) -> None:
    out = tmp_path / "lost.json"
    before = chain.w3.eth.block_number
    with pytest.raises(AlreadyDeployedError) as caught:
        deploy_deal(chain.w3, chain.accounts[0], deal, shared, out=out)
    assert caught.value.addresses["token"] == record.addresses["token"]
    assert record.addresses["bond"] in str(caught.value)
    assert chain.w3.eth.block_number == before
    assert load_record(out) == record  # a lost record is written again from the chain
    # Another deployer is another key: nobody can occupy a place.
    other = deploy_deal(chain.w3, chain.accounts[4], deal, shared)
    assert other.addresses["token"] != record.addresses["token"]
    assert check_deployment(chain.w3, other, deal) == []


def test_who_gives_another_currency_is_told(
    chain: LocalChain, shared: Infrastructure, record: DeploymentRecord, deal: Deal
) -> None:
    """By the command's first look, and where that finds nothing by the deployment itself."""
    by = chain.accounts[0]
    other, _ = Sender(chain.w3, by).deploy("TestCurrency", "Other", "O", 6)
    told = f"in another currency than that given: {shared.currency}, not {other.address}"
    with pytest.raises(AlreadyDeployedError, match=told):
        require_new(chain.w3, by, deal, None, None, 0, None, other.address)
    with pytest.raises(AlreadyDeployedError, match=told):
        deploy_deal(chain.w3, by, deal, replace(shared, currency=other.address))
    with pytest.raises(AlreadyDeployedError) as caught:
        require_new(chain.w3, by, deal, None, None, 0, None, shared.currency)
    assert "currency" not in str(caught.value)


def test_a_late_chain_warns_and_deploys_all_the_same() -> None:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        shared = deploy_infrastructure(chain.w3, chain.accounts[0])
        said: list[str] = []
        early = deploy_deal(chain.w3, chain.accounts[0], variant("early"), shared, say=said.append)
        assert said == []
        set_time(chain.w3, at("2020-01-01"))
        late = deploy_deal(chain.w3, chain.accounts[0], variant("late"), shared, say=said.append)
        assert len(said) == 1
        assert "2020-01-01" in said[0]
        assert "closes 2016-09-29" in said[0]
        assert "--shift-days auto" in said[0]
        assert check_deployment(chain.w3, early) == check_deployment(chain.w3, late) == []


# -- shared contracts


def test_shared_contracts_are_found_again_if_their_code_is_there(chain: LocalChain, tmp_path: Path) -> None:
    first = deploy_infrastructure(chain.w3, chain.accounts[5], folder=tmp_path)
    assert first.reused == ()
    again = deploy_infrastructure(chain.w3, chain.accounts[5], folder=tmp_path)
    assert len(again.reused) == 20
    assert again.factory == first.factory
    other = deploy_infrastructure(chain.w3, chain.accounts[6], folder=tmp_path)
    assert other.reused == ()  # another deployer has verifier rights of its own

    # Other code at the remembered address (as after a restart of the chain) is not ours.
    path = tmp_path / str(chain.chain_id) / f"infrastructure-{chain.accounts[5].lower()}.json"
    known = json.loads(path.read_text())
    known["contracts"]["KpiBond"]["address"] = first.oracle
    path.write_text(json.dumps(known))
    mended = deploy_infrastructure(chain.w3, chain.accounts[5], folder=tmp_path)
    assert {"IdentityRegistry", "KpiOracle", "DealFactory", USD_6} < set(mended.reused)
    assert set(again.reused) - set(mended.reused) == {"KpiBond"}
    assert (mended.factory, mended.oracle) == (first.factory, first.oracle)
    assert mended.implementations["bond"] != first.implementations["bond"]
    few = deploy_infrastructure(chain.w3, chain.accounts[5], folder=tmp_path, kinds=["payment", "payment"])
    assert few.implementations == {"payment": first.implementations["payment"]}

    path.write_text("[]")
    with pytest.raises(RecordError, match="not a list of shared contracts: delete it"):
        deploy_infrastructure(chain.w3, chain.accounts[5], folder=tmp_path)


def test_addresses_of_a_restarted_chain_are_not_believed(tmp_path: Path) -> None:
    for _ in range(2):
        with start_anvil() as chain:
            assert deploy_infrastructure(chain.w3, chain.accounts[0], folder=tmp_path).reused == ()


def test_a_currency_with_other_decimals_is_refused(chain: LocalChain, shared: Infrastructure) -> None:
    with pytest.raises(RecordError, match="has 6 decimals, the deal has 18"):
        deploy_infrastructure(chain.w3, chain.accounts[0], currency_decimals=18, currency=shared.currency)


# -- what a check finds


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"wallets.issuer": "0x" + "11" * 20}, "bond.terms.issuer"),
        ({"wallets.agent": "0x" + "11" * 20}, "token.anchors.agent"),
        ({"feeds.runoff-reduction": "0x" + "22" * 32}, "record.feeds.runoff-reduction"),
        ({"feeds.runoff-reduction": "0x" + "22" * 32}, "bond.terms.fixings[0].feed"),
        ({"wallets.deployer": "0x" + "11" * 20}, "record.block"),
        ({"terms_hash": "0x" + "33" * 32}, "record.terms_hash"),
        ({"shared.registry": "0x" + "44" * 20}, "token.anchors.registry"),
        ({"terms.parts.bond.coupon.rate.value": "0.0344"}, "bond.terms.rate"),
        (
            {"terms.parts.bond.outcome_payment.tiers.2.amount.value": "3300001"},
            "bond.terms.fixings",
        ),
        ({"block": 10**12}, "record.block"),
        ({"time": 1}, "record.time"),
        ({"tx": "0x" + "77" * 32}, "record.tx"),
        ({"deal": "enel-slb-2019"}, "record.deal"),
        ({"terms.parts.bond.grace_days.value": "11"}, "bond.terms.gracePeriod"),
        ({"terms.parts.offering.closes.value": "2016-09-28"}, "offering.terms.closes"),
        ({"terms.parts.token.blocked_countries": ["KP"]}, "token.anchors.policy"),
        ({"terms.oracle.runoff-reduction.quorum.value": "4"}, "feeds.runoff-reduction.quorum"),
        ({"terms.summary": "Other words."}, "token.documentHash"),
    ],
)
def test_a_tampered_record_is_caught(
    chain: LocalChain, record: DeploymentRecord, change: dict[str, Any], field: str
) -> None:
    data = json.loads(record.to_json())
    for path, value in change.items():
        *parents, last = path.split(".")
        at_: Any = data
        for name in parents:
            at_ = at_[int(name) if isinstance(at_, list) else name]
        assert at_[last] != value
        at_[last] = value
    found = [d.field for d in check_deployment(chain.w3, DeploymentRecord.model_validate(data))]
    assert any(name.startswith(field) for name in found), found


def moved(record: DeploymentRecord, key: str, **change: str) -> DeploymentRecord:
    """The record with one part elsewhere, or of something else."""
    return record.model_copy(
        update={"parts": {**record.parts, key: record.parts[key].model_copy(update=change)}}
    )


def test_another_chain_is_noticed(record: DeploymentRecord, anvil: LocalChain) -> None:
    first = next(iter(record.parts))
    nowhere = moved(record, first, address="0x" + "55" * 20).model_copy(update={"chain_id": 31337})
    with pytest.raises(NetworkError, match=r"no contract at 0x5555.*restarted"):
        check_deployment(anvil.w3, nowhere)
    with pytest.raises(NetworkError, match="has id 31337, the deployment is on 1"):
        check_deployment(anvil.w3, record.model_copy(update={"chain_id": 1}))


# -- code


def test_a_part_that_is_a_clone_of_something_else_is_caught(
    anvil: LocalChain, local: DeploymentRecord
) -> None:
    """Its terms say what the deal says; what it does with them is in its code."""
    implementation = local.parts["bond"].implementation
    code = bytes(anvil.w3.eth.get_code(to_checksum_address(implementation)))
    assert code_name(anvil.w3, implementation, "KpiBond", "BondChecks") == "KpiBond"
    with changed_code(anvil, implementation, code[:-60] + bytes([code[-60] ^ 1]) + code[-59:]):
        assert [d.field for d in check_deployment(anvil.w3, local)] == ["bond.implementation"]
    # The address of its helper is in its code: another one of our own contracts will not do.
    helper = helper_of(anvil, code, "BondChecks")
    with changed_code(anvil, implementation, code.replace(helper, bytes.fromhex(local.shared["oracle"][2:]))):
        found = {d.field: d.actual for d in check_deployment(anvil.w3, local)}
        assert found["bond.implementation"] == "KpiBond, but not as its constructor leaves it"
    # Nor its own with other code, nor its address with bits that the machine ignores.
    with changed_code(anvil, "0x" + helper.hex(), b"\0"):
        found = code_name(anvil.w3, implementation, "KpiBond", "BondChecks")
        assert found == "KpiBond with another BondChecks"
    with changed_code(anvil, implementation, code.replace(bytes(12) + helper, b"\xff" * 12 + helper)):
        assert [d.field for d in check_deployment(anvil.w3, local)] == ["bond.implementation"]
    assert check_deployment(anvil.w3, local) == []


def test_a_clone_of_another_implementation_than_the_record_says_is_caught(
    chain: LocalChain, record: DeploymentRecord
) -> None:
    twin = str(Sender(chain.w3, chain.accounts[0]).deploy("KpiBond")[0].address)
    found = [d.field for d in check_deployment(chain.w3, moved(record, "bond", implementation=twin))]
    assert found == ["record.parts.bond.implementation", "bond.code"]
    other = record.parts["offering"].implementation
    found = [d.field for d in check_deployment(chain.w3, moved(record, "bond", implementation=other))]
    assert found == ["record.parts.bond.implementation", "bond.code", "bond.implementation"]


@pytest.mark.parametrize("name", ["oracle", "factory", "registry"])
def test_a_shared_contract_with_other_code_is_caught(
    anvil: LocalChain, local: DeploymentRecord, name: str
) -> None:
    at_ = local.shared[name]
    code = bytes(anvil.w3.eth.get_code(to_checksum_address(at_)))
    with changed_code(anvil, at_, code[:-60] + bytes([code[-60] ^ 1]) + code[-59:]):
        assert f"{name}.code" in [d.field for d in check_deployment(anvil.w3, local)]


def helper_of(chain: LocalChain, code: bytes, name: str) -> bytes:
    """The address of a contract that another one's code holds."""
    words = {
        code[place + 12 : place + 32] for place in range(len(code) - 32) if not any(code[place : place + 12])
    }
    return next(
        word for word in words if any(word) and code_name(chain.w3, to_checksum_address(word), name) == name
    )


@contextmanager
def changed_code(chain: LocalChain, address: str, code: bytes) -> Iterator[None]:
    """Other code at an address, for a while: only Anvil can."""
    before = bytes(chain.w3.eth.get_code(to_checksum_address(address)))
    put = chain.w3.provider.make_request
    put(RPCEndpoint("anvil_setCode"), [address, "0x" + code.hex()])
    try:
        yield
    finally:
        put(RPCEndpoint("anvil_setCode"), [address, "0x" + before.hex()])


# -- wallets and records


def test_wallets_must_suit_the_deal(chain: LocalChain, shared: Infrastructure, deal: Deal) -> None:
    good = local_wallets(chain.w3, deal)
    few = good.model_copy(update={"nodes": good.nodes[:3]})
    with pytest.raises(RecordError, match="nodes: the deal asks for 4 and 3 are given"):
        deploy_deal(chain.w3, chain.accounts[0], deal, shared, few)
    judge = good.model_copy(update={"panel": [*good.panel[:2], good.nodes[0]]})
    with pytest.raises(RecordError, match="would be a node and sit on the panel"):
        deploy_deal(chain.w3, chain.accounts[0], deal, shared, judge)


def test_public_test_keys_stay_on_local_chains(
    chain: LocalChain, deal: Deal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chain.deploy.is_local", lambda w3: False)
    with pytest.raises(RecordError, match=r"not a local one.*--wallets FILE"):
        local_wallets(chain.w3, deal)


def test_wallet_files_say_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "wallets.json"
    some = ["0x" + f"{i:02x}" * 20 for i in range(1, 5)]
    file.write_text(json.dumps({"issuer": some[0], "agent": some[1], "nodes": some[::-1], "panel": some[:1]}))
    wallets = load_wallets(file, some[3])
    assert (wallets["issuer"], wallets["agent"], wallets["deployer"]) == (some[0], some[1], some[3])
    assert (wallets.nodes, wallets.panel) == (some, some[:1])
    file.write_text(
        json.dumps({"issuer": "me", "agent": some[1], "nodes": [some[0], some[0]], "panel": [], "x": 1})
    )
    with pytest.raises(RecordError) as caught:
        load_wallets(file, some[3])
    lines = str(caught.value).splitlines()
    assert f"{file}: issuer = 'me': must be an address, 0x and 40 hexadecimal digits" in lines
    assert f"{file}: nodes: names an address twice" in lines
    assert any(line.startswith(f"{file}: x = 1:") for line in lines)


def test_bad_records_say_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    with pytest.raises(RecordError, match=r"record.json: cannot be read: No such file"):
        load_record(file)
    for text in ("{", "schema: penstock/deal/2\n"):
        file.write_text(text)
        with pytest.raises(RecordError, match=r"record.json: no deployment record: not JSON"):
            load_record(file)
    file.write_text('{"schema": "penstock/deployment/3", "terms_hash": "0x12"}')
    with pytest.raises(RecordError, match=r"record.json: terms_hash = '0x12'"):
        load_record(file)
    for text in ("{}", "[]", '{"schema": 7}', '{"schema": "penstock/deal/2"}'):
        file.write_text(text)
        said = r"record.json: no deployment record, as `penstock deploy` writes: its schema is not penstock/"
        with pytest.raises(RecordError, match=said):
            load_record(file)
    for earlier in ("penstock/deployment/2", "penstock/swap-deployment/1"):
        file.write_text(json.dumps({"schema": earlier}))
        with pytest.raises(RecordError, match=f"schema = '{earlier}'.*deploy the deal again"):
            load_record(file)


# -- encodings and dates


def test_encodings_against_hand_made_words() -> None:
    tree = small_tree()
    tree["parts"]["token"]["eligible_classes"] = ["retail", "institutional"]
    tree["parts"]["token"]["blocked_countries"] = ["US", "KP"]
    # Bits 1 and 3, then 408 (KP, 0x0198) and 840 (US, 0x0348), lowest first.
    word = int(holding_policy(settlement_terms(parse_deal(tree))), 16)
    assert word == 0b1010 + (408 << 8) + (840 << 24)
    assert short_string("runoff-reduction") == "0x" + b"runoff-reduction".hex() + "00" * 16
    with pytest.raises(ValueError, match="longer than the 31 bytes"):
        short_string("x" * 32)


def test_moving_the_dates_makes_another_deal(deal: Deal) -> None:
    moved = shift_deal(deal, 10)
    assert moved.terms_hash != deal.terms_hash
    claim = moved.parts["bond"]
    assert moved.only(Offering).opens.value == date(2016, 9, 25)
    assert (claim.interest_from.value, claim.maturity.value) == (date(2016, 10, 11), date(2021, 4, 11))
    assert moved.kpis["runoff-reduction"].periods[0].end == date(2021, 1, 10)
    # The publication is as old as it was, and nobody has published the new dates.
    assert moved.sources["cfn"].date == date(2021, 9, 27)
    assert not claim.maturity.is_sourced
    source = deal.parts["bond"].maturity.source
    assert claim.maturity.assumed == f"moved by 10 days from 2021-04-01 ({source})"
    assert claim.coupon.rate.is_sourced
    assert shift_deal(deal, 0) is deal
    # The first half year after 2027-01-31 has 181 days and not 182: coupons fill whole periods all the same.
    assert shift_deal(deal, 3774).parts["bond"].maturity.value == date(2031, 7, 31)


def test_dates_move_so_that_the_offering_is_open_on_any_day(deal: Deal) -> None:
    for days in range(0, 365, 3):
        now = at("2027-01-01") + days * 86_400 + 40_000
        moved_by, moved = shift_to(deal, now)
        terms = settlement_terms(moved)
        assert moved_by > 0
        assert terms.opens <= now < terms.closes
        assert len(terms.periods) == 9
    assert shift_to(deal, BEFORE_THE_OFFERING) == (0, deal)


def test_dates_that_break_a_rule_are_refused(deal: Deal) -> None:
    with pytest.raises(DealFileError, match=r"dates moved by 100000 days\)"):
        shift_deal(deal, 100_000)
