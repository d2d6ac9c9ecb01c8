"""What a deal costs in gas: by hand, and as the command tells it."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from finance.report.issuance_cost import PUBLISHED, Cost
from finance.terms import InputError
from scripts.cli import main


def use(total: int, count: int = 1) -> dict[str, int]:
    return {"count": count, "min": 1, "max": total, "mean": total // count, "total": total}


SUMMARY: dict[str, Any] = {
    "title": "A bond",
    "currency": {"code": "EUR", "decimals": 6},
    "payments": {"subscription": {"actual": str(100_000_000 * 10**6)}},
    "gas": {
        "deploy TestCurrency": use(1_000_000),
        "mint test currency": use(70_000, 2),
        "deploy KpiBond": use(7_000_000),
        "deploy deal": use(900_000),
        "subscribe (offering)": use(1_000_000, 10),
        "settle (offering)": use(100_000),
        "settle (payment)": use(300_000, 3),
        "claim": use(700_000, 10),
    },
}
"""Two million gas for the sale, a million after it; a hundred million euros were raised."""


def test_what_a_life_costs_by_hand() -> None:
    cost = Cost.of(SUMMARY)
    assert (cost.once, cost.sale, cost.after) == (7_000_000, 2_000_000, 1_000_000)
    assert cost.transactions == 25
    assert cost.coins(Decimal(10)) == Decimal("0.03")  # 3 million gas at 10 gwei
    # 1.02 % of 100 million are 1.02 million euros, which 0.03 coins cost at 34 million each.
    assert cost.break_even(Decimal(10), PUBLISHED[0]) == 34_000_000
    row = cost.to_dict([Decimal(10)], Decimal(2_000))["at"][0]
    assert (Decimal(row["coins"]), row["money"], row["of_raised"]) == (Decimal("0.03"), "60.00", 6e-7)


def test_a_sale_by_a_book_costs_its_orders_and_raises_what_they_needed() -> None:
    gas = {name: each for name, each in SUMMARY["gas"].items() if "(offering)" not in name}
    gas |= {f"{act} (offering_book)": use(100_000) for act in ("order", "clear", "deliver", "take", "settle")}
    payments = {"order": {"actual": str(120 * 10**6)}, "rest": {"actual": str(20 * 10**6)}}
    cost = Cost.of({**SUMMARY, "gas": gas, "payments": payments})
    assert (cost.sale, cost.after, cost.raised) == (1_400_000, 1_000_000, 100)


def test_what_was_not_sold_is_compared_with_nothing() -> None:
    cost = Cost.of({**SUMMARY, "payments": {}})
    assert cost.raised == 0
    assert cost.break_even(Decimal(10), PUBLISHED[0]) is None
    assert "of_raised" not in cost.to_dict([Decimal(10)], Decimal(2_000))["at"][0]


@pytest.mark.parametrize(
    "other",
    [{}, [], "x", None, {**SUMMARY, "gas": 3}, {**SUMMARY, "currency": {}}, {**SUMMARY, "payments": 1}],
)
def test_what_is_no_summary_is_refused(other: Any) -> None:
    with pytest.raises(InputError, match=r"here\.json: no summary of a demonstration"):
        Cost.of(other, "here.json")


def test_the_command_tells_the_same(tmp_path: Path) -> None:
    file, table = tmp_path / "summary.json", tmp_path / "cost.csv"
    file.write_text(json.dumps(SUMMARY))
    given = ["cost", str(file), "--coin", "2000", "--gas-price", "10"]
    told = CliRunner().invoke(main, [*given, "--json", "--csv", str(table)])
    assert told.exit_code == 0, told.output
    found = json.loads(told.output)
    assert found == Cost.of(SUMMARY).to_dict([Decimal(10)], Decimal(2000))
    assert len(table.read_text().splitlines()) == 2
    words = " ".join(CliRunner().invoke(main, given).output.split())
    for part in ("3,000,000", "0.0300", "34,000,000", "1,020,000", "are not counted", "Joffe"):
        assert part in words, part


@pytest.mark.parametrize("wrong", ["x", "0", "-1", "NaN", "Infinity", "1e12"])
@pytest.mark.parametrize("option", ["--coin", "--gas-price"])
def test_no_price_is_refused_in_a_line(option: str, wrong: str, tmp_path: Path) -> None:
    file = tmp_path / "summary.json"
    file.write_text(json.dumps(SUMMARY))
    told = CliRunner().invoke(main, ["cost", str(file), f"{option}={wrong}"])
    assert told.exit_code == 2
    assert told.output.strip() == f"{option} = {wrong}: must be a number above 0, at most 1,000,000,000"
