"""A trade desk on a chain: quotes signed by the command or a wallet, taken by the command, reconciled and
lived again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from eth_account import Account
from typer.testing import CliRunner

from chain.acting import Acting
from chain.bindings import contract, read
from chain.check import check_deployment
from chain.ledger import read_ledger
from chain.network import LocalChain, local_account
from chain.parts.trade_desk import signed
from chain.reconcile import reconcile
from chain.records import load_record
from finance.settlement.trade_desk import Quote, Side
from finance.settlement.widths import SettlementError
from finance.settlement.world import NOBODY
from finance.terms import parse_deal
from scripts.cli import main
from tests.chain.bond_life import BEFORE_THE_OFFERING, CLIENTS, THOUSAND, Life, at, small_tree
from tests.joined_deals import term

PRICE, DAY = 998_500_000, 86_400


def desk_tree() -> dict[str, Any]:
    """The small bond with a desk."""
    tree = small_tree()
    tree["parts"]["desk"] = {"kind": "trade_desk", "trades": "token", "quote_days": term(10)}
    return tree


@pytest.fixture(scope="module", params=list(CLIENTS))
def life(request: pytest.FixtureRequest) -> Iterator[Life]:
    """A holds four units and B three; C may hold, and has money for three."""
    with CLIENTS[request.param](timestamp=BEFORE_THE_OFFERING) as chain:
        yield sold(chain)


def sold(chain: LocalChain) -> Life:
    life = Life(chain, parse_deal(desk_tree()))
    life.sell(a=4, b=3)
    life.verify(life.c)
    life.settle()
    life.send(life.deployer, life.currency.mint(life.c, 3 * THOUSAND))
    return life


def trade(life: Life, **terms: Any) -> Any:
    """C takes a unit that A sells it for PRICE, or on other `terms` of the quote; what it came to."""
    now, desk = life.w3.eth.get_block("latest")["timestamp"], life.record.addresses["desk"]
    usual = {"opens": now, "expires": now + DAY, "holds": False}
    quote = Quote(
        **{"maker": life.a, "taker": NOBODY, "side": Side.SELLS, "units": 1, "least": 1} | usual
        | {"price": PRICE, "earned": 0, "nonce": 2**42} | terms
    )  # fmt: skip
    life.send(life.a, life.token.approve(desk, quote.units))
    given = {"quote": quote.struct, "signature": signed(life.w3, life.a, quote, desk), "units": quote.units}
    return Acting(life.w3, life.record, {"c": life.c}).act("c", "desk.fill", **given)


@pytest.fixture(scope="module")
def penstock(life: Life, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Result]:
    file = life.record.save(tmp_path_factory.mktemp("desk") / "deal.json")

    def run(command: str, *arguments: object) -> Result:
        network = str(life.w3.provider.endpoint_uri)  # type: ignore[attr-defined]
        return CliRunner().invoke(main, [command, str(file), *map(str, arguments), "--network", network])

    return run


def told(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def units(life: Life, *who: str) -> list[int]:
    return [read(life.token.balanceOf(getattr(life, each))) for each in who]


def test_quotes_are_signed_taken_and_reconciled(
    life: Life, penstock: Callable[..., Result], tmp_path: Path
) -> None:
    check_deployment(life.w3, life.record)
    # A sells; C takes some by the command, which allows the desk its money.
    sale = told(penstock("quote", "sells", 3, f"{PRICE:,}", "--holds", "--allow", "--from", life.a))
    assert sale["quote"]["maker"] == life.a
    assert sale["quote"]["expires"] - sale["quote"]["opens"] == 10 * 86_400
    assert sale["clean"] + sale["accrued"] == PRICE
    file = tmp_path / "sale.json"
    file.write_text(json.dumps(sale))
    taken = told(penstock("act", "desk.fill", "units=2", "--given", file, "--from", life.c, "--json"))
    assert [(each["what"], each["amount"]) for each in taken["flows"]] == [("trade", str(2 * PRICE))]
    assert units(life, "a", "b", "c") == [2, 3, 2]
    # B, who buys, is sold to: the command allows the desk the units of who takes.
    life.send(life.deployer, life.currency.mint(life.b, THOUSAND))
    bid = told(penstock("quote", "buys", 1, PRICE, "--allow", "--from", life.b, "--taker", life.c))
    file.write_text(json.dumps(bid))
    refused = penstock("act", "desk.fill", "units=1", "--given", file, "--from", life.a)
    assert (refused.exit_code, refused.stderr[:8]) == (1, "refused:")
    told(penstock("act", "desk.fill", "units=1", "--given", file, "--from", life.c, "--json"))
    assert units(life, "a", "b", "c") == [2, 4, 1]
    # What is taken back is refused by the books, before anything is sent.
    told(penstock("act", "desk.cancel", f"hash={sale['hash']}", "--from", life.a, "--json"))
    file.write_text(json.dumps(sale))
    refused = penstock("act", "desk.fill", "units=1", "--given", file, "--from", life.c)
    assert (refused.exit_code, refused.stderr.splitlines()[0][:19]) == (1, "refused: desk: 1 of")
    told(penstock("act", "desk.cancel_below", f"nonce={2**40}", "--from", life.a, "--json"))
    done = reconcile(life.w3, life.record)
    assert done.ok, done.differences
    trades = [row for row in done.rows if row.kind == "trade"]
    assert [(row.party, row.expected, row.actual, row.units) for row in trades] == [
        (life.a, 2 * PRICE, 2 * PRICE, 2),
        (life.c, PRICE, PRICE, 1),
    ]
    ledger = read_ledger(life.w3, life.record)
    assert [(row.seller, row.buyer, row.units) for row in ledger.trades.itertuples()] == [
        (life.a, life.c, 2),
        (life.c, life.b, 1),
    ]
    assert len(ledger.quotes_cancelled) == 2


def test_a_quote_that_is_forged_is_refused_by_the_contract(
    life: Life, penstock: Callable[..., Result], tmp_path: Path
) -> None:
    quote = told(penstock("quote", "sells", 1, PRICE, "--from", life.b, "--nonce", 2**41))
    quote["quote"]["price"] -= 1
    file = tmp_path / "quote.json"
    file.write_text(json.dumps(quote))
    refused = penstock("act", "desk.fill", "units=1", "--given", file, "--from", life.c)
    assert (refused.exit_code, "TradeDesk_NotSigned" in refused.stderr) == (1, True)


def test_a_key_and_a_node_sign_the_same(life: Life) -> None:
    w3, desk = life.w3, life.record.addresses["desk"]
    key = local_account(3)
    assert key.address == life.a
    quote = Quote(life.a, NOBODY, Side.BUYS, 5, 1, 2**100, 7, True, 1, 2, 3)
    assert signed(w3, key, quote, desk) == signed(w3, life.a, quote, desk)
    view = contract(w3, "TradeDesk", desk).functions.hashOf(quote.struct)
    assert (
        "0x" + bytes(read(view)).hex() == quote.hash
        if isinstance(read(view), bytes)
        else read(view) == quote.hash
    )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["sells", "0", "5"],
            "units = 0: must be a whole number from 0 to 18,446,744,073,709,551,615, above 0",
        ),
        (["sells", "1.5", "5"], "units = 1.5: must be a whole number"),
        (["buys", "1", "-5"], "No such option: -5"),
        (["buys", "1", "x"], "price = x: must be a whole number from 0 to 2^128 - 1"),
        (["sells", "1", "5", "--days", "11"], "--days = 11: the desk takes quotes of 10 days at most"),
        (["sells", "1", "5", "--days", "0"], "--days = 0: the desk takes quotes of 10 days at most"),
        (
            ["sells", "1", "5", "--desk", "bond"],
            "--desk = bond: must be a trade desk of the deal (known: desk)",
        ),
        (["sells", "1", "5", "--days", "nan"], "--days = nan: the desk takes quotes of 10 days at most"),
        (["sells", "1", "5", "--days", "inf"], "--days = inf: the desk takes quotes of 10 days at most"),
        (["sells", "1", "5", "--nonce", str(2**64)], "Invalid value for '--nonce'"),
        (["sells", "1", "5", "--taker", "me"], "--taker = me: "),
    ],
)
def test_bad_quotes_are_refused_in_a_line(
    penstock: Callable[..., Result], life: Life, arguments: list[str], line: str
) -> None:
    refused = penstock("quote", *arguments, "--from", life.b)
    assert refused.exit_code == 2
    assert line in refused.stderr


def test_a_price_that_was_signed_before_a_coupon(life: Life) -> None:
    """Void after it, or for so much less: never the old price for units without it."""
    signed_at = {"opens": at("2017-03-30"), "expires": at("2017-04-08"), "earned": 0}
    life.fund(200 * 10**6)
    life.coupon("2017-04-01")
    coupon = read(life.token.earnedPerUnit())
    assert coupon > 0
    with pytest.raises(SettlementError, match="was made before"):
        trade(life, **signed_at)
    done = trade(life, **signed_at, holds=True)
    assert [flow.amount for flow in done.flows] == [PRICE - coupon]
    assert reconcile(life.w3, life.record).ok


def test_what_is_allowed_for_several_quotes_adds_up(life: Life, penstock: Callable[..., Result]) -> None:
    desk = life.record.addresses["desk"]
    life.send(life.b, life.currency.approve(desk, 1))
    for _ in range(2):
        told(penstock("quote", "buys", 2, PRICE, "--allow", "--from", life.b))
    assert read(life.currency.allowance(life.b, desk)) == 1 + 4 * PRICE
    life.send(life.b, life.currency.approve(desk, 2**256 - 1))
    told(penstock("quote", "buys", 2, PRICE, "--allow", "--from", life.b))
    assert read(life.currency.allowance(life.b, desk)) == 2**256 - 1


def test_a_keystore_signs(life: Life, penstock: Callable[..., Result], tmp_path: Path) -> None:
    account = local_account(3)
    store, word = tmp_path / "key.json", tmp_path / "word"
    store.write_text(json.dumps(Account.encrypt(account.key, "word", kdf="pbkdf2", iterations=2)))
    word.write_text("word\n")
    by_key = penstock("quote", "sells", 1, 5, "--keystore", store, "--password-file", word)
    assert told(by_key)["quote"]["maker"] == account.address


def test_the_record_reads_back(life: Life, tmp_path: Path) -> None:
    file = life.record.save(tmp_path / "deal.json")
    assert load_record(file).parts["desk"].kind == "trade_desk"
