"""The commands price, cashflows, validate and schema, as a user meets them."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from finance.terms import Deal
from scripts.cli import COMMANDS, main

ROOT = Path(__file__).resolve().parents[2]
DEAL = str(ROOT / "deals" / "dc-water-eib-2016.yaml")


def call(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_price_shows_the_tables_and_what_is_assumed() -> None:
    code, out, err = call("price", DEAL)
    assert (code, err) == (0, "")
    for text in (
        "6.0272 %",
        "3.4300 %",
        "0.5275 %",
        "5.7464 %",
        "6.36 %",
        "0.50 %",
        "standard error",
        "seed 20160929",
    ):
        assert text in out
    assert "Assumed inputs" in out
    assert "the published middle tier is read as a 95 % interval" in out


def test_price_json_is_json_and_nothing_else() -> None:
    code, out, err = call("price", DEAL, "--json", "--yield", "0.02", "--seed", "5")
    assert (code, err) == (0, "")
    content = json.loads(out)
    assert content["discount_yield"] == 0.02
    assert content["expected_outcome"]["seed"] == 5
    assert content["price"] > 100


def test_price_csv_and_plot(tmp_path: Path) -> None:
    table, plot = tmp_path / "price.csv", tmp_path / "price.png"
    assert call("price", DEAL, "--csv", str(table), "--plot", str(plot))[0] == 0
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = {(row["quantity"], row["tier"], row["reading"]): float(row["value"]) for row in rows}
    assert round(100 * found["yield", "above 41.3 %", "4.5 years"], 4) == 6.0272
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_cashflows_csv_is_exact(tmp_path: Path) -> None:
    table = tmp_path / "flows.csv"
    assert call("cashflows", DEAL, "--csv", str(table))[0] == 0
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    assert sum(Decimal(row["tier_3"]) for row in rows) == 9 * Decimal("428750") + 3_300_000
    assert rows[-1]["date"] == "2021-04-01"


def test_cashflows_workbook(tmp_path: Path) -> None:
    path = tmp_path / "flows.xlsx"
    assert call("cashflows", DEAL, "--xlsx", str(path))[0] == 0
    book = load_workbook(path)
    assert book.sheetnames == ["Cash flows", "Valuation", "Inputs"]
    header, *rows = book["Cash flows"].iter_rows(values_only=True)
    column = header.index("tier_1")
    assert sum(row[column] for row in rows) == 9 * 428_750 - 3_300_000
    origins = {row[2] for row in book["Inputs"].iter_rows(min_row=2, values_only=True)}
    assert origins == {"sourced", "assumed"}


def test_cashflows_json() -> None:
    code, out, _ = call("cashflows", DEAL, "--json")
    rows = json.loads(out)
    assert code == 0
    assert rows[1]["tier_2"] == "428750"
    assert rows[1]["accrual"] == "180/360"


def test_validate_good_and_bad_together(tmp_path: Path, deal: Deal) -> None:
    code, out, err = call("validate", DEAL, str(tmp_path / "nowhere.yaml"))
    assert code == 2
    assert deal.terms_hash in out
    assert err == f"{tmp_path / 'nowhere.yaml'}: file not found\n"
    code, out, again = call("validate", DEAL, str(tmp_path / "nowhere.yaml"), "--json")
    assert (code, again) == (2, err)
    (good,) = json.loads(out)
    assert (good["file"], good["terms_hash"]) == (DEAL, deal.terms_hash)


def test_schema_is_json() -> None:
    code, out, _ = call("schema")
    assert code == 0
    assert json.loads(out)["title"] == "Deal"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["price", DEAL, "--yield", "3.43"], "yield = 3.43: must be a fraction a year below 1"),
        (["price", DEAL, "--kpi", "twin", "--sample", "nowhere.json"], "nowhere.json: file not found"),
        (["price", DEAL, "--csv", "/nowhere/x.csv"], "/nowhere/x.csv: no folder /nowhere"),
        (["price", DEAL, "--plot", "/nowhere/x.png"], "/nowhere/x.png: no folder /nowhere"),
        (["price", DEAL, "--plot", "x.doc"], "x.doc: must end in .png or .svg or .pdf"),
        (["price", DEAL, "--kpi", "guess"], "guess"),
        (["price"], "DEAL"),
        (["prise", DEAL], "prise"),
    ],
)  # fmt: skip
def test_bad_input_ends_with_2_and_no_traceback(arguments: list[str], message: str) -> None:
    code, out, err = call(*arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in err + out


def test_help_is_fast_because_it_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom scripts.cli import main\n"
        "try:\n    main(['--help'], prog_name='penstock')\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "heavy = {'pandas', 'numpy', 'scipy', 'QuantLib', 'matplotlib', 'pydantic', 'web3'}\n"
        "heavy &= set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert result.returncode == 0, result.stderr
    for name in COMMANDS:
        assert name in result.stdout


@pytest.mark.parametrize("how", [["-m", "scripts"], ["-m", "scripts.validate"], ["scripts/validate.py"]])
def test_every_way_to_run_a_command(how: list[str], tmp_path: Path) -> None:
    command = [sys.executable, *how] + (["validate"] if how[-1] == "scripts" else [])
    good = subprocess.run([*command, DEAL], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (good.returncode, good.stderr) == (0, "")
    bad = subprocess.run([*command, "nowhere.yaml"], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr == "nowhere.yaml: file not found\n"


def test_price_on_the_twin_stands_beside_the_published_interval() -> None:
    code, out, _ = call("price", DEAL, "--kpi", "twin")
    assert code == 0
    table = out[out.index("KPI models side by side") :]
    assert "normal with 95 % between 0.186 and 0.413" in table
    assert "runs of the twin" in table
    middle = next(line for line in table.splitlines() if "Chance of 18.6 % to 41.3 % inclusive" in line)
    interval = middle.split("│")[2]
    assert interval.strip() == "95.00 %"


@pytest.mark.parametrize(
    "arguments", [["--help"], ["schema"], ["cashflows", DEAL, "--json"], ["price", "nowhere.yaml"]]
)
@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_who_reads_no_further_is_told_nothing(name: str, arguments: list[str]) -> None:
    """`penstock ... | head -1`: nobody is there for the rest, and that is no error to speak of."""
    reading, writing = os.pipe()
    os.close(reading)
    other = "stderr" if name == "stdout" else "stdout"
    command = [sys.executable, "-m", "scripts", *arguments]
    buffered = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    streams: dict[str, int] = {name: writing, other: subprocess.PIPE}
    done = subprocess.run(command, **streams, env=buffered, text=True, cwd=ROOT, check=False)  # type: ignore[call-overload]
    os.close(writing)
    said = getattr(done, other)
    assert "BrokenPipe" not in said
    assert "Traceback" not in said
    assert done.returncode in (0, 1, 2)
