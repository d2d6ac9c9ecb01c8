"""The analyst's commands under bad values and odd deals: done, or one clear line and exit 2; no traceback."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from finance.terms.bond import KpiBond
from finance.terms.reader import read_deal_yaml
from scripts.cli import main
from tests.finance.deal_variants import ALL, DEALS, file_of, term
from tests.finance.wide_bonds import wide_bonds

NAMES = (
    "dc-water-eib-2016", "bloom-wind-prs", "water-utility-rainfall-swap", "highway-availability",
    "leakage-forward",
)  # fmt: skip
DC, BLOOM, RAIN, HIGHWAY, LEAKAGE = (str(file_of(name)) for name in NAMES)
BAD = ("nan", "inf", "-inf", "1e-300", "1e300", "-1e300", "0", "-1", "1", "36", "-0.5", "1e9", "1000000000")
LINES = {
    "price": [["--yield"], ["--seed"]],
    "sensitivity": [["--yield"], ["--spread"], ["--quote"], ["--error", "--report=0.3"],
                    ["--report", "--error=0.04"]],
    "compare": [["--error"], ["--reports", "--error=0.03"], ["--risk-price", "--error=0.03"],
                ["--yield", "--error=0.03"]],
    "cashflows": [["--yield"]],
}  # fmt: skip
SWAP_LINES = {
    "price": [["--paths"], ["--seed", "--paths=400"], ["--parameter", "--solve=wang", "--paths=400"],
              ["--parameter", "--solve=sd", "--paths=400"], ["--parameter", "--solve=sharpe", "--paths=400"],
              ["--parameter", "--solve=dscr", "--paths=400"]],
    "compare": [["--paths"]],
    "cashflows": [["--paths"]],
}  # fmt: skip


def call(*arguments: str) -> Any:
    return CliRunner().invoke(main, list(arguments))


def check(*arguments: str) -> int:
    """The exit code: 0 with output, or 2 with one line (or typer's own words about an option)."""
    result = call(*arguments)
    about = f"penstock {' '.join(arguments)}: {result.exit_code}\n{result.stderr[-500:]}"
    assert result.exception is None or isinstance(result.exception, SystemExit), (about, result.exception)
    assert "Traceback" not in result.stderr, about
    assert result.exit_code in (0, 2), about
    if result.exit_code == 2:
        assert result.stderr, about
        if "Usage:" not in result.stderr:
            assert len(result.stderr.splitlines()) == 1, about
        assert not result.stdout, about
    elif "--json" in arguments:
        assert json.loads(result.stdout, parse_constant=pytest.fail), about
    return int(result.exit_code)


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("command", LINES)
def test_bad_values_for_a_bond(command: str, value: str) -> None:
    for option, *others in LINES[command]:
        check(command, DC, f"{option}={value}", *others, "--json")


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("command", SWAP_LINES)
def test_bad_values_for_a_swap(command: str, value: str) -> None:
    for option, *others in SWAP_LINES[command]:
        closed = (RAIN, HIGHWAY, LEAKAGE)
        for deal in (*closed, BLOOM) if value in ("nan", "1e300", "-1", "1000000000") else closed:
            check(command, deal, f"{option}={value}", *others, "--json")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sensitivity", DC, "--report=36", "--error=0.04"), "36 % is 0.36"),
        (("sensitivity", DC, "--report=nan", "--error=0.04"), "--report = nan: must be a finite number"),
        (("compare", DC, "--error=1e-300"), "less than a millionth of the KPI's sd"),
        (("compare", DC, "--error=0.03", "--risk-price=nan"), "price of risk = nan"),
        (("price", BLOOM, "--paths=1000000000"), "--paths = 1000000000: at most"),
        (("sensitivity", DC, "--at=2020-12-31"), "the KPI is observed by 2020-12-31"),
    ],
)
def test_one_clear_line(arguments: tuple[str, ...], message: str) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert message in line


def test_a_billion_reports_are_as_good_as_knowing() -> None:
    """The law of total variance: nothing is left to bear, and the buyer pays the expected price."""
    found = json.loads(call("compare", DC, "--error=0.03", "--reports=1000000000", "--json").stdout)
    assert found["with_data"]["outcome_sd"] < 0.01 * found["without"]["outcome_sd"]
    many = json.loads(call("compare", DC, "--error=0.03", "--reports=1000000", "--json").stdout)
    assert found["with_data"]["price"] == pytest.approx(many["with_data"]["price"], abs=0.01)


def test_a_day_before_the_31st_a_report_is_still_to_come() -> None:
    """30/360 sees no day between them; the calendar does, and the price moves by a day's interest alone."""
    before, at = (
        json.loads(call("sensitivity", DC, f"--at=2020-12-{day}", "--json").stdout) for day in (29, 30)
    )
    assert at["kpi"] == before["kpi"]
    assert at["dirty"] - before["dirty"] == pytest.approx(3.43 / 360, rel=0.05)


def written(folder: Path, tree: dict[str, Any]) -> str:
    """The deal as a file: JSON is YAML, and numbers may be texts."""
    path = folder / "deal.yaml"
    path.write_text(json.dumps(tree, default=str), encoding="utf-8")
    return str(path)


def changed(name: str, **coupon: Any) -> dict[str, Any]:
    tree = read_deal_yaml(file_of(name))
    bond = tree["parts"]["bond"]
    bond["coupon"] |= coupon
    return tree


def odd_deals() -> dict[str, dict[str, Any]]:
    two_years = changed("hksar-tokenised-green-bond-2023")
    two_years["parts"]["bond"]["maturity"] = term(date(2025, 2, 16))
    ten_years = deepcopy(two_years)
    ten_years["parts"]["bond"]["maturity"] = term(date(2033, 2, 16))
    total_loss = changed("dc-water-eib-2016", rate=term(Decimal(0)))
    tiers = total_loss["parts"]["bond"]["outcome_payment"]["tiers"]
    tiers[0]["amount"] = term(Decimal(-25_000_000))
    nothing = deepcopy(total_loss)
    for tier in nothing["parts"]["bond"]["outcome_payment"]["tiers"]:
        tier["amount"] = term(Decimal(-25_000_000))
    early = changed("dc-water-eib-2016")
    early["kpis"]["runoff-reduction"]["periods"] = [
        {"start": date(2015, 1, 1), "end": date(2015, 12, 31), "assumed": "before interest begins"}
    ]
    return {"once over two years": two_years, "once over ten years": ten_years, "total loss": total_loss,
            "nothing comes back": nothing, "measured before interest": early}  # fmt: skip


ODD = odd_deals()


@pytest.mark.parametrize("name", ODD)
def test_odd_deals_are_priced(name: str, tmp_path: Path) -> None:
    deal = written(tmp_path, ODD[name])
    if check("validate", deal) == 2:
        pytest.fail(call("validate", deal).stderr)
    for command in ("price", "sensitivity", "cashflows"):
        if name == "nothing comes back" and command == "sensitivity":
            assert call(command, deal).stderr.startswith("price = 0: no ")
            continue
        assert check(command, deal, "--json") == 0
        assert check(command, deal) == 0
    check("compare", deal, "--error=0.03")
    page = (f"--html={tmp_path / 'p.html'}", f"--csv={tmp_path / 'p.csv'}")
    # The page has sensitivities: of what is worth nothing there are none.
    assert check("price", deal, *page) == (2 if name == "nothing comes back" else 0)


def test_a_total_loss_has_no_yield(tmp_path: Path) -> None:
    """All money is lost in the lowest tier, so no rate brings it back; the others by hand."""
    deal = written(tmp_path, ODD["total loss"])
    found = json.loads(call("price", deal, "--json").stdout)
    assert [tier["price"] for tier in found["tiers"]][:2] == [0.0, 100.0]
    assert found["readings"][0]["yields"][:2] == [None, pytest.approx(0.0, abs=1e-12)]
    # 95 % of the time 25 million comes back of 25, and 28.3 in 2.5 %, after nine half-years.
    kept = 0.95 + 0.025 * 28.3 / 25
    assert found["expected_yield"] == pytest.approx(2 * (kept ** (1 / 9) - 1), abs=1e-6)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(wide_bonds(), st.sampled_from(BAD))
def test_random_deals_and_values(
    tmp_path_factory: Any, drawn: tuple[dict[str, Any], Any], value: str
) -> None:
    deal = written(tmp_path_factory.mktemp("deal"), drawn[0])
    assert check("validate", deal) == 0
    assert check("price", deal, "--json") == 0
    assert check("cashflows", deal, "--json") == 0
    check("sensitivity", deal, "--json")
    check("price", deal, f"--yield={value}", "--json")
    check("sensitivity", deal, f"--quote={value}", "--json")
    check("compare", deal, f"--error={value}", "--json")


ON_FILE = [name for name, made in ALL.items() if made().file is not None]


@pytest.mark.parametrize("name", ON_FILE)
def test_every_day_of_a_deals_life(name: str, tmp_path: Path, seed: int) -> None:
    """sensitivity --at, on days drawn from before the start to after the end."""
    rng = random.Random(f"{seed} {name}")
    deal = ALL[name]()
    start, end = (
        deal.only(KpiBond).interest_from.value.toordinal(),
        deal.only(KpiBond).maturity.value.toordinal(),
    )
    for _ in range(3):
        day = date.fromordinal(rng.randint(start - 30, end + 30))
        check("sensitivity", str(DEALS / f"{deal.id}.yaml"), f"--at={day}", "--json")
