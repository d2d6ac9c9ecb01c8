"""`penstock act` and `penstock keeper`: a deal from its sale to a claim with commands alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from eth_account import Account
from typer.testing import CliRunner

from chain.bindings import read
from chain.network import LocalChain, advance, local_account
from finance.settlement.feed_config import FIELDS
from scripts.cli import main
from tests.chain.bond_life import BEFORE_THE_OFFERING, CLIENTS, THOUSAND, Life, small_deal
from tests.chain.swap_life import BEFORE, SwapLife, rain_deal

HOLDER = local_account(15).address
Penstock = Callable[..., Result]
DEEP = '{"a":' * 700 + "0" + "}" * 700


def feed(**fields: object) -> str:
    """The terms of a feed, all of them nothing but `fields`."""
    nothing = {"bytes32": "0x" + "00" * 32, "address": "0x" + "00" * 20}
    plain = {name: [] if isinstance(kind, list) else nothing.get(kind, 0) for name, kind in FIELDS.items()}
    return json.dumps(plain | fields)


@pytest.fixture(scope="module", params=list(CLIENTS))
def chain(request: pytest.FixtureRequest) -> Iterator[LocalChain]:
    with CLIENTS[request.param](timestamp=BEFORE_THE_OFFERING) as started:
        yield started


@pytest.fixture(scope="module")
def penstock(chain: LocalChain, tmp_path_factory: pytest.TempPathFactory) -> Penstock:
    """A command on the record of a new bond."""
    life = Life(chain, small_deal())
    file = life.record.save(tmp_path_factory.mktemp("act") / "deal.json")

    def run(command: str, *arguments: object, **environment: str) -> Result:
        given = [command, str(file), *map(str, arguments), "--network", chain.url]
        return CliRunner().invoke(main, given, env={"COLUMNS": "200", **environment})

    return run


def done(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def acts(penstock: Penstock) -> dict[str, dict[str, Any]]:
    return {each["act"]: each for each in done(penstock("act", "--json"))["acts"]}


def test_from_the_sale_to_a_claim(chain: LocalChain, penstock: Penstock) -> None:
    listed = acts(penstock)
    assert listed["offering.settle"]["now"] == "no: the offering is open, not succeeded"
    assert listed["bond.fund"]["now"] == "no: the bond is offered"
    assert listed["offering.subscribe"]["now"] == "depends on units"
    assert listed["token.set_paused"]["now"] == "can be done: paused=true or paused=false"
    assert listed["bond.activate"]["now"] == "by the deal's contracts only"
    assert listed["bond.fund"]["arguments"] == {"amount": "uint256"}

    refused = penstock("act", "offering.subscribe", "units=7", "--from", HOLDER)
    assert refused.exit_code == 1
    assert "the contract refuses" in refused.stderr
    identity = json.dumps({"expiry": 2_200_000_000, "country": 840, "investorClass": 3})
    done(penstock("act", "registry.set_identity", f"account={HOLDER}", f"identity={identity}", "--json"))
    done(penstock("act", "currency.mint", f"to={HOLDER}", f"amount={7 * THOUSAND:,}", "--json"))
    tried = done(penstock("act", "offering.subscribe", "units=7", "--from", HOLDER, "--dry-run", "--json"))
    assert "tx" not in tried
    bought = done(penstock("act", "offering.subscribe", "units=7", "--from", HOLDER, "--json"))
    (flow,) = bought["flows"]
    assert (flow["from"], flow["to"], flow["amount"]) == (HOLDER, "offering", str(7 * THOUSAND))
    assert flow == tried["flows"][0]

    early = penstock("keeper", "--once")
    assert early.stdout.endswith("nothing is due\n")
    closed = penstock("act", "--at", "2016-09-29", "--json")
    assert done(closed)["acts"]
    assert acts(penstock)["offering.settle"]["now"] == "due"
    settled = penstock("keeper", "--once")
    assert settled.exit_code == 0, settled.output
    assert " offering settle: block " in settled.stdout
    assert f"USD {7 * THOUSAND / 10**6:,.6f} proceeds from offering to issuer" in settled.stdout

    issuer = done(penstock("act", "bond.fund", "amount=0", "--from", "issuer", "--dry-run", "--json"))["by"]
    done(penstock("act", "currency.mint", f"to={issuer}", f"amount={20 * THOUSAND}", "--json"))
    done(penstock("act", "bond.fund", f"amount={20 * THOUSAND}", "--from", "issuer", "--json"))
    not_due = penstock("act", "bond.pay_coupon")
    assert (not_due.exit_code, not_due.stderr) == (1, "refused: payment 1: not due\n")
    # What would be refused then leaves the clock where it is, and so does --dry-run.
    block = chain.w3.eth.block_number
    early = penstock("act", "bond.redeem", "--at", "2017-03-31")
    assert early.exit_code == 1
    assert early.stderr.startswith("refused: ")
    assert early.stderr.endswith("; by 2017-03-31, where the clock was not moved to\n")
    tried = done(penstock("act", "bond.pay_coupon", "--at", "2017-04-01", "--dry-run", "--json"))
    assert tried["flows"][0]["what"] == "coupon"
    then = done(penstock("act", "--at", "2017-04-01", "--dry-run", "--json"))["acts"]
    assert {each["act"]: each["now"] for each in then}["bond.pay_coupon"] == "due"
    assert chain.w3.eth.block_number == block
    assert done(penstock("act", "--at", "2017-04-01", "--json"))["acts"]
    advance(chain.w3, 5)
    paid = done(penstock("act", "bond.pay_coupon", "--at", "2017-04-01", "--json"))  # which has begun
    assert [(f["what"], f["period"], f["from"], f["to"]) for f in paid["flows"]] == [
        ("coupon", 1, "bond", "token")
    ]
    said = penstock("act", "token.claim", f"holder={HOLDER}")
    assert said.exit_code == 0, said.output
    assert f"claim: USD {int(paid['flows'][0]['amount']) / 10**6:,.6f} from token to {HOLDER}" in said.stdout
    block = chain.w3.eth.block_number
    again = penstock("act", "token.claim", f"holder={HOLDER}")
    nothing = "token.claim: there is nothing to claim, so no transaction is sent\n"
    assert (again.exit_code, again.stdout, chain.w3.eth.block_number) == (0, nothing, block)
    assert "tx" not in done(penstock("act", "token.claim", f"holder={HOLDER}", "--json"))
    reconciled = penstock("reconcile", "--json")
    result = done(reconciled)
    assert result["ok"] is True
    assert result["payments"]["claim"]["actual"] == paid["flows"][0]["amount"]


@pytest.mark.parametrize("client", list(CLIENTS))
def test_a_refused_act_leaves_no_allowance(client: str, tmp_path: Path) -> None:
    """What the contract refuses anyway is refused before anything is sent; what only the currency refuses,
    of who has too little, is allowed no longer."""
    with CLIENTS[client](timestamp=BEFORE_THE_OFFERING) as chain:
        life = Life(chain, small_deal())
        bond, offering, poor = *(life.record.addresses[name] for name in ("bond", "offering")), HOLDER
        given = [str(life.record.save(tmp_path / "deal.json")), "--network", chain.url, "--from", poor]
        block = chain.w3.eth.block_number
        unverified = CliRunner().invoke(main, ["act", *given, "offering.subscribe", "units=1"])
        assert (unverified.exit_code, chain.w3.eth.block_number) == (1, block)
        assert "the contract refuses: offering.subscribe: ERC7943CannotReceive" in unverified.stderr
        assert read(life.currency.allowance(poor, offering)) == 0
        life.sell(a=7)
        life.settle()
        for allowed in (0, 2):
            life.send(poor, life.currency.approve(bond, allowed))
            refused = CliRunner().invoke(main, ["act", *given, "bond.fund", "amount=5"])
            assert refused.exit_code == 1
            assert "ERC20InsufficientBalance" in refused.stderr
            assert read(life.currency.allowance(poor, bond)) == allowed


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["bond.fnd"], "bond.fnd: no act of bond; there are fund, fix, pay_coupon,"),
        (["treasury.pay"], "treasury.pay: there is no part treasury; there are registry, token,"),
        (["bond.fund"], "bond.fund: needs amount=uint256"),
        (
            ["bond.fund", "amount=much"],
            "bond.fund: amount = much: must be a whole number from 0 to 2^256 - 1",
        ),
        (["bond.fund", "sum=1"], "sum=1: must be NAME=VALUE; bond.fund takes amount"),
        (["token.set_paused", "paused=maybe"], "paused = maybe: must be bool"),
        (["bond.fund", "amount=-5"], "bond.fund: amount = -5: must be a whole number from 0 to 2^256 - 1"),
        (["bond.fund", "amount=1.5"], "bond.fund: amount = 1.5: must be a whole number from 0 to 2^256 - 1"),
        (["bond.fund", "amount=1,00,0"], "amount = 1,00,0: must be a whole number from 0"),
        (["bond.fund", f"amount={'9' * 5000}"], "must be a whole number from 0"),
        (["bond.fund", "amount=1_000"], "amount = 1_000: must be a whole number from 0"),
        (["bond.fund", "amount=1,00,0"], "; commas part thousands, as in 1,234,567"),
        (["registry.set_identity", f"account={HOLDER}", "identity=7"], "identity = 7: must be {"),
        (["registry.set_identity", f"account={HOLDER}", 'identity={"expiry": 1}'], "needs expiry, country,"),
        (["registry.set_identity", f"account={HOLDER}", "identity=" + "[" * 50_000], "must be {"),
        (["registry.set_identity", f"account={HOLDER}", f"identity={DEEP}"], "needs expiry, country,"),
        (["registry.set_identities", "accounts=[null]", "identities=[]"], "accounts[0] = None: no address"),
        (["oracle.create_feed", f"config={feed(periodEnds=5)}"], "config.periodEnds = 5: no list"),
        (["oracle.create_feed", f"config={feed(signers=None)}"], "config.signers = None: no list"),
        (["bond.pay_coupon", "--at", "soon"], "--at = soon: must be a date"),
        (["bond.pay_coupon", "--at", "2016-01-01"], "--at = 2016-01-01: the chain's clock is at 201"),
        (["--at", "2016-01-01"], "--at = 2016-01-01: the chain's clock is at 201"),
        (["bond.fnd", "--at", "2031-01-01"], "bond.fnd: no act of bond"),
        (
            ["bond.fund", "amount=much", "--at", "2031-01-01"],
            "bond.fund: amount = much: must be a whole number from 0 to 2^256 - 1",
        ),
        (["bond.fund", "amount=1", "--at", "2031-01-01", "--from", "nobody"], "must be an address"),
        (
            ["bond.pay_coupon", "--from", "nobody"],
            "--from = nobody: must be an address, or of the record one of deployer, agent, issuer",
        ),
        (["token.claim", "holder=0x90F79bf6EB2c4f870365E785982E1f101E93b907"], "wrong checksum (EIP-55)"),
        (["bond.pay_coupon", "--keystore", "none.json"], "--keystore: needs --password-file"),
    ],
)
def test_what_cannot_be_meant_is_one_line(
    chain: LocalChain, penstock: Penstock, arguments: list[str], says: str
) -> None:
    before = chain.w3.eth.block_number
    answer = penstock("act", *arguments)
    assert chain.w3.eth.block_number == before
    assert answer.exit_code == 2
    assert says in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_help_says_whom_an_act_allows_currency(penstock: Penstock) -> None:
    """The oracle serves other deals as well, and is allowed nothing by the way."""
    said = " ".join(CliRunner().invoke(main, ["act", "--help"], env={"COLUMNS": "200"}).stdout.split())
    assert "the oracle is allowed nothing: `penstock oracle challenge` does that by itself" in said


def test_the_list_is_a_table(penstock: Penstock) -> None:
    shown, everything = penstock("act"), penstock("act", "--all")
    assert shown.exit_code == everything.exit_code == 0
    assert "bond.pay_coupon" in shown.stdout
    assert "oracle.submit" not in shown.stdout
    assert "acts of oracle and registry, or that only contracts do: --all" in shown.stdout
    assert "oracle.submit" in everything.stdout


def test_a_keystore_acts(chain: LocalChain, penstock: Penstock, tmp_path: Path) -> None:
    key = Account.create()
    (tmp_path / "key.json").write_text(json.dumps(Account.encrypt(key.key, "open", iterations=2)))
    (tmp_path / "word").write_text("open\n")
    (tmp_path / "wrong").write_text("shut\n")
    chain.w3.eth.send_transaction({"from": chain.accounts[0], "to": key.address, "value": 10**18})  # type: ignore[typeddict-item]
    given = ("act", "currency.mint", f"to={key.address}", "amount=5", "--keystore", tmp_path / "key.json")
    assert done(penstock(*given, "--password-file", tmp_path / "word", "--json"))["by"] == key.address
    wrong = penstock(*given, "--password-file", tmp_path / "wrong")
    assert wrong.exit_code == 2
    assert "not a keystore that the password opens" in wrong.stderr
    other = penstock(*given, "--password-file", tmp_path / "word", "--from", HOLDER)
    assert (other.exit_code, "has the key of" in other.stderr) == (2, True)


def test_sides_have_names(tmp_path: Path) -> None:
    """Of a swap: an enumeration is said in words, and a role by its wallet's name."""
    with CLIENTS["anvil"](timestamp=BEFORE["water-utility-rainfall-swap"]) as chain:
        life = SwapLife(chain, rain_deal())
        file = life.record.save(tmp_path / "swap.json")
        given = ["act", str(file), "--network", chain.url]
        paid = CliRunner().invoke(
            main, [*given, "swap.fund", "side=payer", "amount=2000000000000", "--from", "payer", "--json"]
        )
        assert done(paid)["flows"][0]["to"] == "swap"
        wrong = CliRunner().invoke(main, [*given, "swap.fund", "side=other", "amount=1"])
        assert (wrong.exit_code, wrong.stderr) == (2, "swap.fund: side = other: must be payer or payee\n")
        now = {
            each["act"]: each["now"] for each in done(CliRunner().invoke(main, [*given, "--json"]))["acts"]
        }
        # Before it begins a party may take out what it has put in; nobody else can for it.
        assert now["swap.withdraw"] == "can be done: side=payer"
        assert now["swap.call_margin"] == "no: the swap is agreed, not active"
        offer = CliRunner().invoke(
            main, [*given, "swap.propose_termination", "amount=-5", "expiry=9999999999"]
        )
        assert offer.exit_code == 1
        assert "not by the party" in offer.stderr
