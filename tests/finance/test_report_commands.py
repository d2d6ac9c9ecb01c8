"""price, cashflows, compare and sensitivity on every deal, with every option, as a new user meets them."""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from finance import load_deal, price
from finance.report.files import whole
from finance.report.table import Table
from finance.report.tables import cashflow_table, inputs_table, valuation_tables
from finance.terms import InputError
from scripts.cli import main
from scripts.console import parts, show
from tests.finance.deal_variants import BOOK, VARIANTS, book_deal, file_of

ROOT = Path(__file__).resolve().parents[2]
DC = str(file_of("dc-water-eib-2016"))
HONGKONG = str(file_of("hksar-tokenised-green-bond-2023"))
SINGAPORE = str(file_of("singapore-ebus-loan"))


def call(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, list(arguments))
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("command", ["price", "cashflows", "sensitivity"])
@pytest.mark.parametrize("name", BOOK)
def test_every_command_on_every_deal(name: str, command: str, tmp_path: Path) -> None:
    table, plot = tmp_path / "t.csv", tmp_path / "p.png"
    files = ("--csv", str(table), "--plot", str(plot), "--xlsx", str(tmp_path / "b.xlsx"))
    code, out, err = call(command, str(file_of(name)), "--yield", "0.03", *files)
    assert (code, err) == (0, "")
    assert "Assumed inputs" in out
    assert not re.findall(r"\b(?:nan|None|inf|Decimal)\b|-0\.0+\b(?! %)|1 times", out)
    assert max(map(len, out.splitlines())) <= 160
    assert plot.read_bytes().startswith(b"\x89PNG")
    with table.open(newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) > 2
    assert len(list(tmp_path.iterdir())) == 3
    json.loads(call(command, str(file_of(name)), "--json")[1])


@pytest.mark.parametrize("name", VARIANTS)
def test_tables_of_deals_the_book_does_not_have(name: str) -> None:
    valuation = price(VARIANTS[name]())
    for table in [*valuation_tables(valuation), cashflow_table(valuation)]:
        for row in (*table.rows, *table.foot):
            assert len(row) == len(table.columns)
            assert not re.findall(r"nan|None|inf\b", " ".join(row))


def test_price_of_several_reports_shows_each() -> None:
    """The first target is 8.2 % and the mean 10 % with an sd of 3 points: 72.63 % at or above it."""
    _, out, _ = call("price", SINGAPORE)
    table = out[out.index("What each report decides") :]
    first = next(line for line in table.splitlines() if "2026-12-31" in line)
    cells = [cell.strip() for cell in first.split("│")[1:-1]]
    assert cells[1:4] == ["10 %", "3 pp", "2027-07-01 to 2028-04-01"]
    chances = [float(cell.split()[0]) for cell in cells[4:8]]
    # Φ(-10/3) lies below 0, where no report is taken.
    assert sum(chances) == pytest.approx(100 - 0.043, abs=0.02)
    assert chances[2] + chances[3] == pytest.approx(72.63, abs=0.1)  # a KPI of four decimals rounds
    # +2.5, 0, -2.5 and -5 basis points, weighted
    expected = sum(chance * points for chance, points in zip(chances, (2.5, 0, -2.5, -5), strict=True)) / 100
    assert float(cells[8].split()[0]) == pytest.approx(expected, abs=0.01)


def test_a_fixed_bond_reads_like_one() -> None:
    _, out, _ = call("price", HONGKONG)
    assert "a fixed bond: no report changes a payment" in out
    assert "compounded once a year" in out
    assert "Probability" not in out
    assert "Payments (HKD)" not in out
    _, out, _ = call("sensitivity", HONGKONG)
    assert "KPI" not in out.split("Assumed inputs")[0]


def test_total_received_is_the_sum_of_the_column() -> None:
    """DC Water: nine coupons of 428,750 and 25 million, with or without 3.3 million."""
    _, out, _ = call("cashflows", DC)
    (line,) = [line for line in out.splitlines() if "received" in line]
    cells = [cell.strip() for cell in line.split("│")[1:-1]]
    assert cells[4:8] == ["25,558,750.00", "28,858,750.00", "32,158,750.00", "28,858,750.00"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compare", HONGKONG), "a fixed bond: no KPI, and so no data, decides anything"),
        (("compare", HONGKONG, "--error", "0.03"), "a fixed bond: no KPI, and so no data, decides anything"),
        (("compare", SINGAPORE, "--error", "0.03"), "7 reports decide, and the cost of capital with data is"),
        (("compare", DC, "--error", "0.03", "--csv", "x.txt"), "x.txt: must end in .csv"),
        (("compare", DC, "--error", "0.03", "--xlsx", "x.xls"), "x.xls: must end in .xlsx"),
        (("price", DC, "--html", "x.pdf"), "x.pdf: must end in .html or .htm"),
        (("price", DC, "--xlsx", "/nowhere/x.xlsx"), "/nowhere/x.xlsx: no folder /nowhere"),
        (("price", DC, "--sample", "x.json"), "--sample: needs --kpi twin"),
        (("price", HONGKONG, "--kpi", "twin"), "no KPI decides anything here, so there is no twin's sample"),
        (("price", SINGAPORE, "--kpi", "twin"), "file not found"),
        (("cashflows", DC, "--plot", "x.gif"), "x.gif: must end in .png or .svg or .pdf"),
        (("sensitivity", DC, "--error", "0.1"), "--error: needs --report"),
        (
            ("sensitivity", SINGAPORE, "--report", "0.1", "--error", "0.1"),
            "a claim that one KPI report decides",
        ),
        (("sensitivity", SINGAPORE, "--at", "2027-03-01"), "the KPI is observed by 2027-03-01"),
        (("sensitivity", HONGKONG, "--at", "2024-02-16"), "must lie from 2023-02-16 to before 2024-02-16"),
        (("sensitivity", HONGKONG, "--report", "0.1", "--error", "0.1"), "one KPI report decides"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_2(arguments: tuple[str, ...], message: str) -> None:
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_a_bond_whose_outcome_is_paid_is_a_fixed_bond_from_then_on() -> None:
    """Atlanta's million falls due on 2025-01-31; a year later only coupons and principal are left."""
    found = json.loads(
        call("sensitivity", str(file_of("atlanta-eib-2019")), "--at", "2026-01-31", "--json")[1]
    )
    assert found["kpi"] is None
    assert found["clean"] == pytest.approx(100, abs=1e-9)  # at its coupon
    assert [row["kind"] for row in found["payments"]] == ["coupon"] * 6 + ["principal"]


def test_break_even_is_not_named_where_the_price_only_nears_it() -> None:
    """Nothing is taken back from Atlanta's holders: at the coupon's yield the worst case is par itself."""
    for name in ("atlanta-eib-2019", "enel-slb-2019"):
        found = json.loads(call("sensitivity", str(file_of(name)), "--json")[1])
        assert found["break_even_kpi"] is None
    found = json.loads(call("sensitivity", str(file_of("atlanta-eib-2019")), "--yield", "0.03", "--json")[1])
    assert 5 < found["break_even_kpi"] < 7.5


# --- files


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "kept.csv"
    target.write_text("before")

    def half() -> None:
        with whole(target) as part:
            part.write_text("half of it")
            raise KeyError

    with pytest.raises(KeyError):
        half()
    assert target.read_text() == "before"
    with whole(target) as part:
        part.write_text("after")
    assert target.read_text() == "after"
    assert [path.name for path in tmp_path.iterdir()] == ["kept.csv"]


def test_a_link_keeps_pointing_to_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("before")
    (tmp_path / "link.csv").symlink_to("real.csv")
    with whole(tmp_path / "link.csv") as part:
        part.write_text("after")
    assert (tmp_path / "real.csv").read_text() == "after"
    assert (tmp_path / "link.csv").is_symlink()


def test_what_cannot_be_written_is_said_before_anything_is(tmp_path: Path) -> None:
    folder = tmp_path / "out.csv"
    folder.mkdir()
    code, _, err = call("cashflows", DC, "--csv", str(folder))
    assert (code, err) == (2, f"{folder}: is a folder: give the name of a file\n")
    with pytest.raises(InputError, match="no folder"), whole(tmp_path / "none" / "x.csv"):
        pass
    long = tmp_path / ("x" * 300 + ".csv")
    code, _, err = call("cashflows", DC, "--csv", str(long))
    assert code == 2
    assert err.endswith("File name too long\n")
    assert "Traceback" not in err


def test_a_folder_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system refuses; root, as which continuous integration runs, is refused nothing by a mode."""
    tmp_path.chmod(0o500)
    if os.geteuid() == 0:
        asked = os.access
        monkeypatch.setattr(
            os, "access", lambda path, mode, **more: path != tmp_path and asked(path, mode, **more)
        )
    code, _, err = call("cashflows", DC, "--csv", str(tmp_path / "x.csv"))
    tmp_path.chmod(0o700)
    assert (code, err) == (2, f"{tmp_path / 'x.csv'}: cannot be written: no permission\n")


# --- terminals


def as_seen(columns: int, *arguments: str) -> tuple[str, str]:
    """What a terminal of so many columns gets on stdout, and what another gets on stderr."""
    masters, streams = [], []
    for _ in range(2):
        master, stream = pty.openpty()
        masters.append(master)
        streams.append(stream)
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-m", "scripts", *arguments],
        stdout=streams[0],
        stderr=streams[1],
        cwd=ROOT,
        env=environment,
    )
    for stream in streams:
        os.close(stream)
    texts = []
    for master in masters:
        text = b""
        while True:
            try:
                chunk = os.read(master, 1 << 16)
            except OSError:  # the other end has closed
                break
            if not chunk:
                break
            text += chunk
        os.close(master)
        texts.append(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.decode()).replace("\r\n", "\n"))
    assert process.wait() == 0
    return texts[0], texts[1]


def test_a_narrow_terminal_gets_whole_numbers_and_progress_goes_to_stderr() -> None:
    out, err = as_seen(80, "cashflows", DC)
    assert max(map(len, out.splitlines())) <= 80
    for number in ("-25,000,000.00", "28,858,750.00", "0.858094", "21,452,355.13", "2021-04-01"):
        assert number in out
    assert "(continued)" in out
    assert "Cash flows of dc-water-eib-2016.yaml" in err
    assert "Cash flows of dc-water-eib-2016.yaml" not in out


def test_progress_is_silent_where_nobody_looks() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "scripts", "price", DC], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert result.stderr == ""


@pytest.mark.parametrize("width", [60, 80, 100, 132, 160])
@pytest.mark.parametrize("name", BOOK)
def test_parts_of_a_table_hold_every_column_once(name: str, width: int) -> None:
    table = cashflow_table(price(book_deal(name)))
    found = parts(table, width)
    shown = [column for part in found for column in (part.columns if part is found[0] else part.columns[1:])]
    assert shown == list(table.columns)
    for part in found:
        assert part.columns[0] == "Date"
        assert len(part.rows) == len(table.rows)
        longest = [max(len(row[index]) for row in part.rows) for index in range(len(part.columns))]
        assert sum(size + 3 for size in longest) + 1 <= width


def test_a_table_that_fits_stays_one() -> None:
    table = Table("t", ("a", "b"), (("1", "2"),), frozenset({"b"}))
    assert parts(table, 80) == [table]


@pytest.mark.parametrize("width", [100, 160])
@pytest.mark.parametrize("name", ["bloom-wind-prs", "leakage-programme"])
def test_inputs_are_one_table_whose_fields_are_whole(
    name: str, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """However long a list of values is: that wraps between its items."""
    table = inputs_table(load_deal(file_of(name)), only_assumed=True)
    monkeypatch.setattr("scripts.console.PIPE_WIDTH", width)
    show(table)
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert max(map(len, lines)) <= width
    assert out.count("Assumed inputs") == 1
    assert "(continued)" not in out
    for field, *cells in table.rows:
        assert f"│ {field} " in out
        assert all(word in out for cell in cells for word in cell.split())
    assert len(lines) < 5 * len(table.rows)
