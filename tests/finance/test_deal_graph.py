"""Deals that join parts: how they hang together, what cannot be wired, and that each is worth what it is
alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from finance.pricing.value import price
from finance.swaps.index import index_swap
from finance.terms import DealFileError, InputError, load_deal, parse_deal
from finance.terms.bond import KpiBond
from finance.terms.reader import read_deal_yaml
from finance.terms.shift import shift_deal
from finance.terms.swap import KpiPayment
from scripts.cli import main
from tests.chain.bond_life import small_deal
from tests.joined_deals import DEALS, crowded_deal, crowded_tree, joined_deal, joined_tree

Tree = dict[str, Any]


def test_a_deal_of_the_book_is_one_group() -> None:
    for path in sorted(DEALS.glob("*.yaml")):
        deal = load_deal(path)
        if len(deal.groups) > 1:
            continue
        assert list(deal.groups.values()) == [deal]
        assert deal.group() is deal
        assert deal.parts[deal.lead].kind == deal.kind in ("kpi_bond", "kpi_payment", "spv")


def test_parts_that_name_each_other_are_a_group() -> None:
    deal = joined_deal()
    groups = deal.groups
    assert {key: list(group.parts) for key, group in groups.items()} == {
        "bond": ["bond", "token", "offering"],
        "junior": ["junior", "junior-units", "junior-sale"],
        "leaks": ["leaks"],
    }
    assert {group.terms_hash for group in groups.values()} == {deal.terms_hash}
    assert {group.canonical_json for group in groups.values()} == {deal.canonical_json}
    assert [group.id for group in groups.values()] == [f"dc-water-eib-2016--{key}" for key in groups]
    assert list(groups["leaks"].kpis) == list(groups["leaks"].oracle) == ["leakage"]
    assert list(groups["junior"].kpis) == ["runoff-reduction"]
    assert len({deal, *groups.values()}) == 4  # of one deal, and not the same
    assert groups["junior"].only(KpiBond) is deal.part("junior", KpiBond)
    assert groups["leaks"].only(KpiPayment) is deal.part("leaks", KpiPayment)


def test_of_several_parts_one_must_be_named() -> None:
    deal = joined_deal()
    with pytest.raises(
        InputError, match=r"joins several parts: say which \(--part; known: bond, junior, leaks\)"
    ):
        deal.group()
    with pytest.raises(InputError, match="part = token: not one that is valued by itself"):
        deal.group("token")
    with pytest.raises(InputError, match=r"has several \(bond, junior\): say which bond is meant"):
        deal.only(KpiBond)
    with pytest.raises(InputError, match="joins several parts"):
        deal.kind  # noqa: B018
    with pytest.raises(InputError, match=r"parts\.token: no KpiBond is called that"):
        deal.part("token", KpiBond)


def test_a_part_is_worth_what_it_is_alone() -> None:
    """To the last digit: nothing beside it bears on it."""
    deal = joined_deal()
    alone, among = price(small_deal()), price(deal.group("bond"))
    assert among.price == alone.price
    forward = deal.group("leaks")
    tree = joined_tree()
    tree["parts"] = {"leaks": tree["parts"]["leaks"]}
    for name in ("kpis", "oracle"):
        tree[name] = {"leakage": tree[name]["leakage"]}
    by_itself = parse_deal(tree)
    one, other = (index_swap(each, paths=2_000, seed=5).value for each in (forward, by_itself))
    assert one.value == other.value
    # Twice the coupon at the yield of the other is worth more than par.
    assert (
        price(
            deal.group("junior"), discount_yield=float(deal.group("bond").only(KpiBond).coupon.rate.value)
        ).price
        > 100
    )


def test_all_parts_move_together() -> None:
    deal = joined_deal()
    moved = shift_deal(deal, 28)
    assert list(moved.parts) == list(deal.parts)
    for key in ("bond", "junior"):
        before, after = deal.part(key, KpiBond), moved.part(key, KpiBond)
        assert (after.issue_date.value - before.issue_date.value).days == 28


def refused(change: Callable[[Tree], Any]) -> list[tuple[str, str]]:
    tree = deepcopy(joined_tree())
    change(tree["parts"])
    with pytest.raises(DealFileError) as caught:
        parse_deal(tree)
    return [(problem.field, problem.reason) for problem in caught.value.problems]


UNWIRED: dict[str, tuple[Callable[[Tree], Any], str, str]] = {
    "a claim nobody sells": (
        lambda parts: parts.pop("junior-sale"),
        "parts.junior-units",
        "nobody can hold this claim: no offering has `sells: junior-units`",
    ),
    "a claim nobody pays": (
        lambda parts: parts.pop("junior"),
        "parts.junior-units",
        "nobody funds this claim: no part has `token: junior-units`",
    ),
    "a claim that two parts pay": (
        lambda parts: parts["junior"].update(token="token"),
        "parts.token",
        "is paid by bond and by junior: one part does that",
    ),
    "a claim that two offerings sell": (
        lambda parts: parts.update(again=deepcopy(parts["offering"])),
        "parts.token",
        "is sold by offering and by again: one part does that",
    ),
    "a bond paid to an offering": (
        lambda parts: parts["junior"].update(token="junior-sale"),
        "parts.junior.token",
        "is an offering, and a claim_token is wanted",
    ),
    "a bond paid to nobody": (
        lambda parts: parts["junior"].update(token="nobody"),
        "parts.junior.token",
        "no such part (a claim_token is wanted; known: token, junior-units)",
    ),
    "two claims with one symbol": (
        lambda parts: parts["junior-units"].update(symbol=parts["token"]["symbol"]),
        "parts.junior-units.symbol",
        "is what token is called: holders could not tell the two apart",
    ),
    "a part that is called as a contract of all deals": (
        lambda parts: parts.update(oracle=parts.pop("leaks")),
        "parts.oracle",
        "is what a contract of all deals is called: give the part another key",
    ),
    "a KPI for more readers than a feed has": (
        lambda parts: parts.update({f"leaks-{n}": deepcopy(parts["leaks"]) for n in range(8)}),
        "kpis.leakage",
        "is read by 9 parts, and by 8 at most on chain",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNWIRED)
def test_what_cannot_be_wired_is_refused(name: str) -> None:
    change, field, reason = UNWIRED[name]
    assert (field, reason) in refused(change)


def test_one_swap_tops_up_one_treasury() -> None:
    tree = read_deal_yaml(DEALS / "bloom-wind-prs.yaml")
    parts = tree["parts"]
    parts["other"] = deepcopy(parts["treasury"]) | {"token": "units"}
    parts["units"] = deepcopy(parts["token"])
    parts["sale"] = deepcopy(parts["offering"]) | {"sells": "units"}
    with pytest.raises(DealFileError, match=r"parts\.swap = .*cannot be paid to both treasury and other"):
        parse_deal(tree)


def test_no_part_is_a_deal_too_few() -> None:
    tree = joined_tree()
    tree["parts"] = {key: tree["parts"][key] for key in ("token", "offering")}
    with pytest.raises(DealFileError) as caught:
        parse_deal(tree)
    fields = [(problem.field, problem.reason) for problem in caught.value.problems]
    assert ("parts.token", "nobody funds this claim: no part has `token: token`") in fields


def test_the_command_prices_each_or_the_one_that_is_named(tmp_path: Path) -> None:
    """JSON and files are of one."""
    file = tmp_path / "joined.yaml"
    file.write_text(joined_deal().canonical_json)

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(main, ["price", str(file), *arguments])

    every = run("--paths", "500")
    assert every.exit_code == 2  # a bond has no paths
    every = run()
    assert every.exit_code == 0, every.output
    for title in ("The second bond", "Leakage forward"):
        assert title in every.output
    one = run("--part", "leaks", "--json", "--paths", "500")
    assert one.exit_code == 0, one.output
    assert json.loads(one.output)["deal"] == "dc-water-eib-2016--leaks"
    for arguments in (["--json"], ["--part", "tokens"]):
        failed = run(*arguments)
        assert failed.exit_code == 2
        assert "known: bond, junior, leaks" in failed.stderr
        assert len(failed.stderr.splitlines()) == 1


# -- people


def test_a_wallet_is_known_by_its_role_and_by_its_party_where_several_have_it() -> None:
    one, many = joined_deal(), crowded_deal()
    assert [one.wallet_of(key, "issuer") for key in ("bond", "junior")] == ["issuer", "issuer"]
    assert [many.wallet_of(key, "issuer") for key in ("bond", "junior")] == ["issuer.issuer", "issuer.city"]
    assert [many.wallet_of(key, "payer") for key in ("leaks", "rain")] == [
        "payer.contractor",
        "payer.insurer",
    ]
    assert {many.wallet_of(key, "agent") for key in ("token", "junior-units")} == {"agent"}
    # A group knows its people as the whole does.
    assert many.group("junior").wallet_of("junior", "issuer") == "issuer.city"
    assert many.group("junior").controller_of("junior") == "issuer"
    holders = crowded_tree()
    holders["parties"]["city"]["roles"] = ["issuer"]
    holders["parties"]["investors"]["roles"] = ["holder", "data_controller"]
    holders["parts"]["rain"]["payee"] = "issuer"
    with pytest.raises(DealFileError, match="exactly one party must have the role data_controller"):
        parse_deal(holders)  # of the first bond both sides would measure


PEOPLE: dict[str, tuple[Callable[[Tree], Any], str, str]] = {
    "an issuer who is not named": (
        lambda tree: tree["parts"]["junior"].pop("issuer"),
        "parts.junior.issuer",
        "issuer and city have the role issuer: name one, as in `issuer: issuer`",
    ),
    "an issuer who is not there": (
        lambda tree: tree["parts"]["junior"].update(issuer="nobody"),
        "parts.junior.issuer",
        "unknown party (known: issuer, investors, agent, panel, contractor, city, insurer)",
    ),
    "an issuer who is none": (
        lambda tree: tree["parts"]["junior"].update(issuer="contractor"),
        "parts.junior.issuer",
        "the party has not the role issuer",
    ),
    "nobody measures for one of the bonds": (
        lambda tree: tree["parties"]["city"].update(roles=["issuer"]),
        "parties.issuer.roles",
        "the data controller must be either the issuer or the holders",
    ),
    "two who measure one KPI": (  # of whom one could say that the other was silent
        lambda tree: tree["parts"]["rain"].update(kpi="leakage"),
        "kpis.leakage",
        "has one party who controls its data, and parts say issuer and city",
    ),
    "a payee who is none": (
        lambda tree: tree["parts"]["rain"].update(payee="panel"),
        "parts.rain.payee",
        "the party has not the role payee",
    ),
    "one party under two keys": (
        lambda tree: tree["parties"]["city"].update(name="An insurer"),
        "parties.insurer.name",
        "is city's as well: one party has one key",
    ),
    "a panellist who controls the data": (
        lambda tree: tree["parties"]["city"]["roles"].append("panel"),
        "parties.city.roles",
        "the panel judges, so whoever sits on it has no other role here (issuer, payee, data_controller)",
    ),
    "a role twice": (
        lambda tree: tree["parties"]["city"]["roles"].append("payee"),
        "parties.city.roles",
        "names the role payee twice",
    ),
    "one who measures for nobody": (
        lambda tree: tree["parties"]["agent"].update(roles=["agent", "data_controller"]),
        "parties.agent.roles",
        "controls no data: no KPI decides a part of which it is a side",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PEOPLE)
def test_who_is_not_clear_is_refused(name: str) -> None:
    change, field, reason = PEOPLE[name]
    tree = crowded_tree()
    change(tree)
    with pytest.raises(DealFileError) as caught:
        parse_deal(tree)
    assert (field, reason) in [(each.field, each.reason) for each in caught.value.problems]


def stated(tree: Tree, kpi: str, amount: int) -> Tree:
    tree["oracle"][kpi]["missing"] = {"rule": "amount", "amount": {"value": amount, "assumed": "a test"}}
    return tree


@pytest.mark.parametrize(
    ("name", "kpi", "part", "role"),
    [
        ("leakage-forward", "leakage", "forward", "payee"),
        ("dc-water-eib-2016", "runoff-reduction", "bond", "issuer"),
    ],
)
def test_a_party_that_is_not_there_is_its_own_problem(name: str, kpi: str, part: str, role: str) -> None:
    """Also where what silence costs hangs on it."""
    tree = stated(read_deal_yaml(DEALS / f"{name}.yaml"), kpi, 3_300_000)
    tree["parts"][part][role] = "nobody"
    with pytest.raises(DealFileError, match=rf"parts\.{part}\.{role} = nobody: unknown party"):
        parse_deal(tree)


def test_a_value_at_close_out_has_a_kpi_of_its_own() -> None:
    tree = read_deal_yaml(DEALS / "leakage-forward.yaml")
    tree["kpis"]["leakage"]["decimals"] = tree["currency"]["token_decimals"]
    tree["parts"]["forward"]["close_out"] = {"rule": "model_value", "kpi": "leakage"}
    with pytest.raises(DealFileError, match=r"close_out\.kpi = leakage: is what the periods go by"):
        parse_deal(tree)


def test_a_treasury_is_of_whom_the_swap_pays() -> None:
    """Else whoever controls the data is nobody on chain whom silence could cost anything."""
    tree = read_deal_yaml(DEALS / "bloom-wind-prs.yaml")
    tree["parties"]["project"]["roles"] = ["payee", "data_controller"]
    tree["parties"]["third"] = {"name": "A third party", "roles": ["issuer"], "assumed": "a test"}
    with pytest.raises(DealFileError, match=r"parts\.treasury\.issuer = .*is not project, whom parts\.swap"):
        parse_deal(tree)
