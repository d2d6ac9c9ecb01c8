"""Every script in scripts/examples runs as a person would run it, from anywhere, and prints what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from openpyxl import load_workbook

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "scripts" / "examples").glob("*.py"))


def run(script: Path, folder: Path, *arguments: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run(
        [sys.executable, "-W", "error", str(script), *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        check=False,
        timeout=300,
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_it_runs_and_says_how_to_run_it(script: Path, tmp_path: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert f"python scripts/examples/{script.name}" in text
    assert len(text.splitlines()) < 70
    out = run(script, tmp_path)
    assert out.strip()
    assert "nan" not in out.lower()


def test_what_ifs_are_a_workbook(tmp_path: Path) -> None:
    run(ROOT / "scripts" / "examples" / "what_ifs.py", tmp_path, "mine.xlsx")
    head, *rows = load_workbook(tmp_path / "mine.xlsx")["What-ifs"].iter_rows(values_only=True)
    assert len(rows) >= 15
    # The middle shift is none, where DC Water's symmetric bond is worth par.
    prices = [row[head.index("price")] for row in rows if row[0] == "dc-water-eib-2016"]
    assert prices[1] == pytest.approx(100)


def test_more_and_better_sensors_save_more(tmp_path: Path) -> None:
    lines = run(ROOT / "scripts" / "examples" / "more_sensors.py", tmp_path).splitlines()[2:]
    saved = [[float(cell) for cell in line.split()] for line in lines]
    by_error = {error: [row[3] for row in saved if row[0] == error] for error in {row[0] for row in saved}}
    for error, savings in by_error.items():
        assert savings == sorted(savings), error
    # Four reports say as much as one with half their error: the precisions of independent reports add up.
    worth = {(row[0], row[1]): row[4] for row in saved}
    assert worth[0.06, 4] == pytest.approx(worth[0.03, 1], abs=0.01)
    assert worth[0.03, 4] == pytest.approx(worth[0.015, 1], abs=0.01)
