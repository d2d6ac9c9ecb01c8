"""A liquidity buffer on a chain: marked by a report, sold to by the command's own quote, reconciled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from chain.acting import Acting
from chain.bindings import contract, read
from chain.check import check_deployment
from chain.network import LocalChain, reach_time, rpc
from chain.reconcile import reconcile
from finance.terms import parse_deal
from scripts.cli import main
from tests.chain.bond_life import BEFORE_THE_OFFERING, CLIENTS, THOUSAND, Life, at, small_tree
from tests.joined_deals import term

WORTH, EARNED = 995 * 10**6, 16_666_666


def buffer_tree() -> dict[str, Any]:
    """The small bond with a desk and a bank that buys up to three units at half-yearly marks."""
    tree = small_tree()
    tree["parties"]["bank"] = {"name": "A bank", "roles": ["lender"], "assumed": "for the test"}
    tree["parts"]["desk"] = {"kind": "trade_desk", "trades": "token", "quote_days": term(10)}
    tree["parts"]["buffer"] = {
        "kind": "liquidity_buffer", "on": "desk", "kpi": "unit-value", "sponsor": "bank",
        "facility": term(5000), "discount": term(Decimal("0.02")), "most_units": term(3),
        "longest_age_days": term(200), "until": term(date(2019, 1, 1)),
    }  # fmt: skip
    share = tree["kpis"]["runoff-reduction"]
    tree["kpis"]["unit-value"] = {
        **{name: share[name] for name in ("title", "direction", "pnl_line", "data_stream", "baseline")},
        "title": "Value of a unit since issue", "unit": "USD", "decimals": 6,
        "bounds": {"minimum": term(0), "maximum": term(2000)},
        "periods": [
            {"start": date(2016, 10, 1), "end": date(2017, 4, 1), "assumed": "by half-years"},
            {"start": date(2017, 4, 2), "end": date(2017, 10, 1), "assumed": "by half-years"},
        ],
        "process": {"kind": "normal", "mean": term(1000), "sd": term(20)},
    }  # fmt: skip
    tree["oracle"]["unit-value"] = {
        **tree["oracle"]["runoff-reduction"], "max_spread": term(1), "method": "unit-value/1"
    }  # fmt: skip
    return tree


@pytest.fixture(scope="module", params=["anvil"])
def life(request: pytest.FixtureRequest) -> Iterator[Life]:
    with CLIENTS[request.param](timestamp=BEFORE_THE_OFFERING) as chain:
        yield sold(chain)


def sold(chain: LocalChain) -> Life:
    life = Life(chain, parse_deal(buffer_tree()))
    life.sell(a=4, b=3)
    life.settle()
    life.fund(THOUSAND)
    life.coupon("2017-04-01")
    return life


def marked(life: Life) -> None:
    """A unit's value is final and marked."""
    if read(life.oracle.statusOf(life.record.feeds["unit-value"], 0)) == 0:
        life.report(WORTH, "2017-04-05", "unit-value")
    reach_time(life.w3, at("2017-04-20"))
    Acting(life.w3, life.record, {"c": life.c}).act("c", "buffer.mark")


def test_a_holder_sells_at_the_mark_by_the_commands_own_quote(life: Life, tmp_path: Path) -> None:
    check_deployment(life.w3, life.record)
    buffer, bank = life.record.addresses["buffer"], life.record.wallets.people["lender.bank"]
    life.verify(buffer)
    life.send(life.deployer, life.currency.mint(bank, 5 * THOUSAND))
    rpc(life.w3, "anvil_setBalance", bank, hex(10**18))
    rpc(life.w3, "anvil_impersonateAccount", bank)
    Acting(life.w3, life.record, {"bank": bank}).act("bank", "buffer.fund", amount=5 * THOUSAND)
    life.report(WORTH, "2017-04-05", "unit-value")
    file = life.record.save(tmp_path / "deal.json")
    network = str(life.w3.provider.endpoint_uri)  # type: ignore[attr-defined]

    def told() -> Any:
        result = CliRunner().invoke(main, ["sell", str(file), "--units", "4", "--json", "--network", network])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)["offers"][0]

    assert (told()["status"], told()["proceeds"]) == ("waiting", "0")
    marked(life)
    assert read(life.token.earnedPerUnit()) == EARNED
    said, bid = told(), (WORTH - EARNED) * 98 // 100
    assert (said["status"], said["units"], said["price"]) == ("open", 3, str(bid))
    assert read(contract(life.w3, "LiquidityBuffer", buffer).functions.bid()) == bid
    assert (said["time"], said["longest_age_days"]) == (at("2017-04-02"), 200)
    life.send(life.a, life.token.approve(life.record.addresses["desk"], 3))
    before = read(life.currency.balanceOf(life.a))
    Acting(life.w3, life.record, {"a": life.a}).act("a", "desk.fill", **said["fill"])
    assert read(life.currency.balanceOf(life.a)) - before == 3 * bid
    assert read(life.token.balanceOf(buffer)) == 3
    assert told()["units"] == 0  # the room of this mark is taken
    done = reconcile(life.w3, life.record)
    assert done.ok, done.differences
    assert {row.kind for row in done.rows} >= {"facility", "trade"}
    shown = " ".join(CliRunner().invoke(main, ["sell", str(file), "--network", network]).stdout.split())
    assert f"USD {bid / 10**6:,.6f} each" in shown
    assert "by the mark of 2017-04-02, 18.0 days old" in shown
    assert "it has bought what it buys at it" in shown
