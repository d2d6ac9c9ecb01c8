"""Who is who on a chain: local wallets, the keys behind them, records and files of wallets."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from eth_account import Account
from eth_utils import to_checksum_address

from chain.deploy import data_folder, local_keys, local_wallets, record_path, wallets_for
from chain.errors import RecordError, TooMuchGasError
from chain.kinds import plan_of
from chain.plan import Site, found_at, unknown
from chain.records import (
    DeploymentRecord,
    Wallets,
    load_wallets,
    most_nodes,
    most_panellists,
    require_wallets,
)
from chain.terms import ZERO_HASH, holding_policy, short_string
from finance.terms import Deal, InputError, load_deal, parse_deal
from tests.chain.bond_life import DC_WATER
from tests.chain.swap_life import BLOOM, RAIN
from tests.chain.test_consents import consents_tree
from tests.chain.test_office import office_tree
from tests.joined_deals import crowded_deal, joined_tree

MNEMONIC = "test test test test test test test test test test test junk"
SOME = [to_checksum_address("0x" + f"{n:02x}" * 20) for n in range(1, 9)]


def known(index: int) -> str:
    """The account of the well-known mnemonic, by another library's derivation (BIP-44)."""
    Account.enable_unaudited_hdwallet_features()
    return str(Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}").address)


def local_chain(accounts: int) -> Any:
    """A development chain with so many unlocked accounts, which are not the mnemonic's."""
    unlocked = [to_checksum_address("0x" + f"{n + 1:040x}") for n in range(accounts)]
    return SimpleNamespace(eth=SimpleNamespace(accounts=unlocked, chain_id=31_337), client_version="anvil/1")


def test_nodes_and_panel_have_documented_keys_of_the_mnemonic() -> None:
    """Node i has key 100 + i, panellist i key 200 + i, so that anybody can run one for a local deal."""
    wallets = local_wallets(local_chain(10), load_deal(DC_WATER))
    assert set(wallets.nodes) == {known(100 + index) for index in range(4)}
    assert set(wallets.panel) == {known(200 + index) for index in range(3)}
    keys = local_keys(wallets)
    assert {address: key.address for address, key in keys.items()} == {
        a: a for a in (*wallets.nodes, *wallets.panel)
    }
    other = wallets.model_copy(update={"nodes": [SOME[0], *wallets.nodes[1:]], "panel": []})
    assert set(local_keys(other)) == set(other.nodes[1:]) & {known(100 + index) for index in range(4)}
    swap = local_wallets(local_chain(10), load_deal(RAIN))
    assert set(swap.nodes) == {known(100 + index) for index in range(len(swap.nodes))}
    assert set(swap.panel) == {known(200 + index) for index in range(len(swap.panel))}


@pytest.mark.parametrize("accounts", [0, 1, 2, 3, 10])
def test_parties_are_the_chains_accounts_and_where_it_has_few_the_mnemonics(accounts: int) -> None:
    w3 = local_chain(accounts)
    whose = [*w3.eth.accounts, *(known(index) for index in range(accounts, 10))]
    wallets = local_wallets(w3, load_deal(DC_WATER))
    assert (wallets.deployer, wallets["issuer"], wallets["agent"]) == tuple(whose[:3])
    assert list(wallets.people) == ["agent", "issuer"]
    project = local_wallets(w3, load_deal(BLOOM))
    names = ("deployer", "issuer", "agent", "payer", "operator", "lender")
    assert [project[name] for name in names] == whose[:6]
    assert "payee" not in project.people
    swap = local_wallets(w3, load_deal(RAIN))
    assert (swap.deployer, swap["payee"], swap["payer"]) == (whose[0], whose[1], whose[3])
    assert set(swap.people) == {"payee", "payer"}
    for made in (local_wallets(w3, load_deal(DC_WATER), SOME[0]),
                 local_wallets(w3, load_deal(RAIN), SOME[0])):  # fmt: skip
        assert made.deployer == SOME[0]


def test_public_keys_are_for_development_chains_alone() -> None:
    w3 = local_chain(10)
    w3.eth.chain_id, w3.client_version = 1, "geth/1"
    with pytest.raises(RecordError, match=r"chain 1 is not a local one.*--wallets FILE"):
        local_wallets(w3, load_deal(DC_WATER))
    with pytest.raises(RecordError, match=r"chain 1 is not a local one.*--wallets FILE"):
        local_wallets(w3, load_deal(RAIN))


def test_a_deal_asks_for_as_many_as_its_greediest_kpi() -> None:
    def feed(nodes: int, panel: int) -> Any:
        return SimpleNamespace(nodes=nodes, panel_size=panel)

    feeds = [feed(4, 5), feed(7, 3)]
    assert (most_nodes(feeds), most_panellists(feeds), most_nodes([]), most_panellists([])) == (7, 5, 0, 0)
    seven = [to_checksum_address("0x" + f"{n:040x}") for n in range(1, 8)]
    judges = [to_checksum_address("0x" + f"{n:040x}") for n in range(11, 16)]
    require_wallets(Wallets(deployer=SOME[0], nodes=seven, panel=judges), [], feeds)
    for nodes, panel, says in (
        (seven[:6], judges, "nodes: the deal asks for 7 and 6 are given"),
        (seven, [*judges, SOME[0]], "panel: the deal asks for 5 and 6 are given"),
        (seven, [*judges[:4], seven[0]], f"panel = {seven[0]}: would be a node and sit on the panel"),
    ):
        with pytest.raises(RecordError, match=says):
            require_wallets(Wallets(deployer=SOME[0], nodes=nodes, panel=panel), [], feeds)


# -- files


def test_wallets_ascend_whatever_their_case_and_order(tmp_path: Path) -> None:
    file = tmp_path / "wallets.json"
    file.write_text(
        json.dumps({"issuer": SOME[0].lower(), "agent": SOME[1], "nodes": SOME[5:1:-1], "panel": []})
    )
    wallets = load_wallets(file, SOME[7])
    assert (wallets.deployer, wallets.nodes, wallets.panel) == (SOME[7], SOME[2:6], [])
    assert wallets.people == {"issuer": SOME[0], "agent": SOME[1]}
    swap = {"payer": SOME[0], "payee": SOME[1], "nodes": SOME[4:2:-1], "panel": SOME[5:6]}
    file.write_text(json.dumps(swap))
    found = load_wallets(file, SOME[7])
    assert (found["payer"], found["payee"]) == (SOME[0], SOME[1])
    assert (found.nodes, found.panel) == (SOME[3:5], SOME[5:6])
    for text, says in (
        ("[]", "must be an object with"),
        (json.dumps({**swap, "deployer": SOME[6]}), f"deployer = {SOME[6]}: is {SOME[7]}, who sends"),
        (json.dumps({**swap, "payer": 7}), "payer = 7: must be text"),
        (json.dumps({**swap, "nodes": [SOME[3], SOME[3].lower()]}), "nodes: names an address twice"),
        (
            json.dumps({**swap, "payer": "0x90F79bf6EB2c4f870365E785982E1f101E93b907"}),  # ends with 6
            "payer = '0x90F79bf6EB2c4f870365E785982E1f101E93b907': is an address with a wrong checksum",
        ),
        (json.dumps(swap)[:-1] + f', "payer": "{SOME[6]}"}}', "not JSON: duplicate key 'payer'"),
        (json.dumps(swap)[:-1] + ', "fee": ' + "7" * 5000 + "}", "fee: must be text"),
        ("[" * 100_000, "not JSON: "),
        (json.dumps({**swap, "a\nb": "0x12"}), r"a\\nb = '0x12': must be an address"),
        (json.dumps({**swap, "payer": "0x12"}), "payer = '0x12': must be an address, 0x and 40 hexadecimal"),
    ):
        file.write_text(text)
        with pytest.raises(RecordError, match=f"{file}: {says}"):
            load_wallets(file, SOME[7])


def with_an_affiliate() -> Deal:
    """A bond's solicitation names whom it does not count in the order of their addresses."""
    tree = consents_tree()
    tree["parties"]["sister"] = {"name": "Sister", "roles": ["holder"], "assumed": "illustrative"}
    tree["parts"]["consents"]["affiliates"] = ["sister"]
    return parse_deal(tree)


MANY = [with_an_affiliate, lambda: parse_deal(office_tree()), crowded_deal, lambda: load_deal(BLOOM)]


@pytest.mark.parametrize("make", MANY, ids=["affiliate", "office", "crowded", "bloom"])
def test_people_are_found_again_by_what_contracts_say(make: Callable[[], Deal], seed: int) -> None:
    """Whoever they are: a party may have one wallet for some of its roles."""
    deal, rng = make(), Random(f"{seed}/people")
    plan = plan_of(deal)
    parts = {part.key: to_checksum_address(rng.randbytes(20)) for part in plan.parts}
    roles, shared = plan.asked()
    kpis = [feed.terms.kpi for feed in plan.feeds]
    for _ in range(20):
        of_party = {deal.people[role] or role: to_checksum_address(rng.randbytes(20)) for role in roles}
        people = {
            role: rng.choice((of_party[deal.people[role] or role], to_checksum_address(rng.randbytes(20))))
            for role in roles
        }
        real = Site(
            ZERO_HASH,
            parts,
            {name: to_checksum_address(rng.randbytes(20)) for name in shared},
            people,
            {kpi: "0x" + rng.randbytes(32).hex() for kpi in kpis},
            plan.seats,
        )
        found = unknown(parts, ZERO_HASH, plan.seats)
        for part in plan.parts:
            answers = part.views(real)
            for view, expected in part.views(found).items():
                found_at(found, expected, answers[view])
        assert found.people == {role: people[role] for role in found.people}
        assert found.people.keys() | {feed.sponsor for feed in plan.feeds} == set(roles)


@pytest.mark.parametrize(
    ("file", "roles"),
    [
        (DC_WATER, {"issuer", "agent"}),
        (BLOOM, {"issuer", "agent", "payer", "operator", "lender"}),
        (RAIN, {"payer", "payee"}),
    ],
)
def test_a_deal_has_the_people_that_it_needs_and_no_others(file: Path, roles: set[str]) -> None:
    plan = plan_of(load_deal(file))
    assert set(plan.asked()[0]) == roles
    people = dict(zip(sorted(roles), SOME, strict=False))

    def given(**changes: str | None) -> Wallets:
        made = {role: who for role, who in {**people, **changes}.items() if who is not None}
        return Wallets.model_validate({"deployer": SOME[7], "nodes": [], "panel": [], **made})

    require_wallets(given(), plan.asked()[0], [])
    for role in roles:
        with pytest.raises(RecordError, match=f"wallets: {role}: is missing, and this deal needs it"):
            require_wallets(given(**{role: None}), plan.asked()[0], [])
    for other in ("payee", "lender", "owner", "issuer"):
        if other not in roles:
            with pytest.raises(RecordError, match=f"wallets: {other} = {SOME[6]}: this deal has none"):
                require_wallets(given(**{other: SOME[6]}), plan.asked()[0], [])
    with pytest.raises(RecordError, match="wallets: nobody: is missing"):
        given()["nobody"]


def of(file: Path) -> tuple[Deal, dict[str, Any]]:
    """A deal, and good wallets for it."""
    deal = load_deal(file)
    plan = plan_of(deal)
    feeds = [feed.terms for feed in plan.feeds]
    fresh = iter(to_checksum_address(f"0x{number:040x}") for number in range(0xA000, 0xB000))
    people = {role: next(fresh) for role in plan.asked()[0]}
    nodes, panel = ([next(fresh) for _ in range(n)] for n in (most_nodes(feeds), most_panellists(feeds)))
    return deal, {**people, "nodes": nodes, "panel": panel}


BOOK = sorted(DC_WATER.parent.glob("*.yaml"))


@pytest.mark.parametrize("path", BOOK, ids=lambda path: path.stem)
def test_whose_addresses_cannot_be_is_said_in_one_line_before_anything_is_sent(
    path: Path, tmp_path: Path
) -> None:
    """Of every deal of the book: each of its people as each node and panellist, each of two parties with the
    other's wallet, and everybody as nobody and as the currency."""
    deal, good = of(path)
    file, money = tmp_path / "wallets.json", SOME[4]
    people = {role: who for role, who in good.items() if isinstance(who, str)}

    def told(**changes: Any) -> list[str]:
        file.write_text(json.dumps(good | changes))
        with pytest.raises(RecordError) as caught:
            wallets_for(file, SOME[7], deal, money)
        return str(caught.value).splitlines()

    file.write_text(json.dumps(good))
    assert wallets_for(file, SOME[7], deal, money).people == people
    for role, who in people.items():
        assert told(**{role: "0x" + "00" * 20}) == [f"{file}: {role} = 0x{'00' * 20}: is nobody's address"]
        (line,) = told(**{role: money})
        assert line.startswith(f"{file}: {role} = {money}: is a contract of the deal (currency)")
        for name in ("nodes", "panel") if good["nodes"] else ():
            (line,) = told(**{name: [who, *good[name][1:]]})
            assert (
                line
                == f"{file}: {name} = {who}: is the {role}'s: nobody signs or judges in a deal of its own"
            )
        for other, its in people.items():
            if deal.people[role] != deal.people[other]:
                lines = told(**{role: its})
                assert len(lines) == 1
                assert "two parties" in lines[0]
                assert str(deal.people[role]) in lines[0]
    for name in ("nodes", "panel") if good["nodes"] else ():
        assert told(**{name: ["0x" + "00" * 20, *good[name][1:]]})[0].endswith("is nobody's address")


def test_one_party_can_have_one_wallet_for_its_roles() -> None:
    """Which a deal says by naming it in both; and a wallet each is given on a local chain to two."""
    deal = crowded_deal()
    plan, people = plan_of(deal), deal.people
    roles, feeds = plan.asked()[0], [feed.terms for feed in plan.feeds]
    assert (people["issuer.city"], people["payee.city"], people["agent"]) == ("city", "city", "agent")
    wallets = local_wallets(local_chain(30), deal)
    one = wallets["issuer.city"]
    require_wallets(wallets.with_person("payee.city", one), roles, feeds, people)
    with pytest.raises(RecordError, match=rf"{one}: is the issuer\.city's as well, .* city and insurer"):
        require_wallets(wallets.with_person("payer.insurer", one), roles, feeds, people)
    apart = joined_tree()
    apart["parties"]["issuer"]["roles"].remove("payee")
    apart["parties"]["city"] = {"name": "A city", "roles": ["payee", "data_controller"], "assumed": "a test"}
    apart["parts"]["leaks"]["payee"] = "city"
    two = local_wallets(local_chain(30), parse_deal(apart))
    assert two["issuer"] != two["payee"]


def some(deal: str = "a-deal", **feeds: str) -> DeploymentRecord:
    """A record that has feeds and little else."""
    return DeploymentRecord.model_construct(deal=deal, feeds=feeds, terms={})


def test_a_feed_is_found_by_its_kpi_or_by_being_the_only_one(tmp_path: Path) -> None:
    one, two, none = some(a="0x1"), some(a="0x1", b="0x2"), some()
    assert (one.feed_of(), one.feed_of("a"), two.feed_of("b")) == ("0x1", "0x1", "0x2")
    for record, kpi, says in (
        (two, None, r"a-deal: the KPI must be named \(--kpi; known: a, b\)"),
        (none, None, r"known: none"),
        (one, "b", r"a-deal: no feed for the KPI b \(known: a\)"),
        (none, "a", r"no feed for the KPI a \(known: none\)"),
    ):
        with pytest.raises(RecordError, match=says):
            record.feed_of(kpi)
    with pytest.raises(RecordError, match=r"deployment record: terms: id: is required"):
        one.load_deal()
    path = one.save(tmp_path / "not" / "yet" / "é.json")
    assert json.loads(path.read_text())["deal"] == "a-deal"
    assert [file.name for file in path.parent.iterdir()] == ["é.json"]
    assert some("é").save(path).read_text().count("é") == 1


def test_deployments_are_kept_where_git_does_not_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_DEPLOYMENTS", str(tmp_path / "here" / "or" / "there"))
    folder = data_folder()
    assert folder == tmp_path / "here" / "or" / "there"
    assert (folder / ".gitignore").read_text() == "*\n"
    (folder / ".gitignore").write_text("mine\n")
    assert (data_folder() / ".gitignore").read_text() == "mine\n"
    monkeypatch.delenv("PENSTOCK_DEPLOYMENTS")
    monkeypatch.chdir(tmp_path)
    assert data_folder() == tmp_path / "deployments"
    deal = load_deal(DC_WATER)
    assert record_path(folder, 5, deal) == folder / "5" / f"dc-water-eib-2016-{deal.terms_hash[2:10]}.json"


# -- words on the chain


def test_text_fits_a_word_and_a_policy_has_fifteen_countries() -> None:
    assert short_string("x" * 31) == "0x" + b"x".hex() * 31 + "00"
    for long in ("x" * 32, "é" * 16):
        with pytest.raises(ValueError, match="longer than the 31 bytes"):
            short_string(long)
    countries = tuple(range(4, 900, 60))
    assert len(countries) == 15
    terms: Any = SimpleNamespace(allowed_classes=0b1010, blocked_countries=countries)
    word = bytes.fromhex(holding_policy(terms)[2:])
    assert word[31] == 0b1010
    pairs = [int.from_bytes(word[31 - 2 * n - 2 : 31 - 2 * n], "big") for n in range(15)]
    assert pairs == list(countries)
    assert len(word) == 32


def test_what_the_user_can_mend_is_input() -> None:
    assert issubclass(TooMuchGasError, InputError)
    assert issubclass(RecordError, InputError)
