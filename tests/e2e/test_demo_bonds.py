"""`penstock demo DEAL` for the other bonds of the deal book; money worked out from their term sheets."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from scripts.cli import main
from tests.e2e.test_demo import run_here

ROOT = Path(__file__).resolve().parents[2]
DOLLAR = 10**6  # minor units: the settlement currencies have 6 decimals


def run(deal: str, out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    file = ROOT / "deals" / f"{deal}.yaml"
    command = [sys.executable, "-m", "scripts", "demo", str(file), "--out", str(out), "--json", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def lived(deal: str, out: Path) -> dict[str, Any]:
    summary: dict[str, Any] = run_here(out, str(ROOT / "deals" / f"{deal}.yaml"))
    assert summary["ok"] is True
    for kind, sums in summary["payments"].items():
        assert sums["difference"] == "0", kind
    page = (out / "report.html").read_text()
    assert summary["title"] in page.replace("&amp;", "&")
    assert "<script src" not in page
    return summary


def paid(summary: dict[str, Any], kind: str) -> int:
    return int(summary["payments"][kind]["actual"])


def exposed_the_liar(summary: dict[str, Any]) -> bool:
    lying = {f["node"] for f in summary["oracle"]["faults"] if "lies" in f["fault"]}
    return {e["node"] for e in summary["oracle"]["exposed"]} == lying and len(lying) == 1


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    out = tmp_path_factory.mktemp("fixed") / "out"
    return lived("hksar-tokenised-green-bond-2023", out), out


def test_a_fixed_bond_has_no_oracle(fixed: tuple[dict[str, Any], Path]) -> None:
    """Hong Kong: 800,000,000 at 4.05 % for one year."""
    summary, out = fixed
    assert paid(summary, "coupon") == 32_400_000 * DOLLAR
    assert paid(summary, "principal") == 800_000_000 * DOLLAR
    assert summary["oracle"]["nodes"] == 0
    assert summary["oracle"]["reports"] == summary["fixings"] == []
    assert not (out / "oracle").exists()
    assert summary["outcome"] is None
    page = (out / "report.html").read_text()
    assert "<summary>3. Payments, trades and claims over simulated time</summary>" in page
    assert "outcome HKD" not in page
    assert "<span>Reports</span>" not in page
    assert "<span>Of them disputed</span>" not in page
    left = re.search(
        r"took out what was left to them, HKD [\d,.]+; (\d+) claims in all paid out (.*?)\.<", page
    )
    assert left is not None
    assert int(left[1]) >= len(summary["holders"])
    assert left[2] == f"HKD {paid(summary, 'claim') / DOLLAR:,.2f}"


def test_a_step_that_was_not_triggered(tmp_path: Path) -> None:
    """Enel: 1,500,000,000 at 2.65 % in ten half-years; an estimate of 58 % is above the target of 55 %."""
    summary = lived("enel-slb-2019", tmp_path)
    assert paid(summary, "coupon") == 1_500_000_000 * DOLLAR * 265 // 10_000 * 5
    (fixing,) = summary["fixings"]
    assert (fixing["kpi_value"], fixing["value"], fixing["coupons"]) == ("580000", "0", [7, 10])
    assert summary["kpis"]["renewable-share"]["periods"] == [
        {"period": 1, "value": "580000", "label": "as published"}
    ]
    assert exposed_the_liar(summary)


def test_an_amount_before_maturity(tmp_path: Path) -> None:
    """Atlanta: 14,020,000 at 2.86 % in twenty half-years, a million shared by 14,020 units after six."""
    summary = lived("atlanta-eib-2019", tmp_path)
    assert paid(summary, "coupon") == 14_020_000 * DOLLAR * 286 // 10_000 * 10
    assert paid(summary, "outcome") == 1_000_000 * DOLLAR // 14_020 * 14_020
    assert exposed_the_liar(summary)


def test_an_amortising_loan_with_a_ratchet(tmp_path: Path) -> None:
    """Singapore: 60,000,000 in 32 quarterly instalments; 3 % until a year's report moves the next four."""
    summary = lived("singapore-ebus-loan", tmp_path)
    assert paid(summary, "principal") == 60_000_000 * DOLLAR
    shares = (812, 2105, 2870, 4018, 5233, 6341, 6958)
    targets = (820, 1940, 2960, 3980, 5000, 5500, 6000)
    steps = [0] * 5  # in hundredths of a basis point, by quarter
    for share, target in zip(shares, targets, strict=True):
        over = share - target
        steps += [250 if over < -500 else 0 if over < 0 else -250 if over < 500 else -500] * 4
    owed = Fraction(0)
    for quarter, step in enumerate(steps[:32]):
        left = 60_000_000 * DOLLAR * Fraction(32 - quarter, 32)
        interest = left * Fraction(30_000 + step, 1_000_000) / 4
        owed += interest.numerator // interest.denominator
    assert 0 <= owed - paid(summary, "coupon") < 600  # less than a minor unit for each of 600 units is kept
    assert [int(f["value"]) // 10**12 for f in summary["fixings"]] == [0, -250, 0, -250, -250, -500, -500]
    assert len(summary["oracle"]["reports"]) == 7
    assert exposed_the_liar(summary)


def test_what_cannot_be_shown_is_said_in_a_line(tmp_path: Path) -> None:
    done = run("enel-slb-2019", tmp_path / "a", "--outcome", "high")
    assert done.returncode == 2
    assert "--outcome = high: the KPIs of enel-slb-2019 are not computed from works" in done.stderr
    text = (ROOT / "deals" / "enel-slb-2019.yaml").read_text()
    short = tmp_path / "short.yaml"
    short.write_text(text.replace("reported_values: {value: [0.58]", "reported_values: {value: [0.58, 0.6]"))
    command = [sys.executable, "-m", "scripts", "demo", str(short), "--out", str(tmp_path / "b")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "short.yaml: kpis.renewable-share.reported_values" in done.stderr
    assert "has 2 values for 1 periods" in done.stderr
    assert not (tmp_path / "b").exists()
    assert "Traceback" not in done.stderr


def test_an_interrupted_run_keeps_the_finished_one_before_it(
    fixed: tuple[dict[str, Any], Path], tmp_path: Path
) -> None:
    """Ctrl-C reaches the whole group of processes, as from a terminal."""
    out = tmp_path / "out"
    shutil.copytree(fixed[1], out)
    (out / "my-notes.txt").write_text("mine")
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}

    def interrupted(folder: Path) -> str:
        file = ROOT / "deals" / "dc-water-eib-2016.yaml"
        command = [sys.executable, "-m", "scripts", "demo", str(file), "--out", str(folder)]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True, start_new_session=True
        ) as running:
            assert running.stdout is not None
            assert running.stderr is not None
            for line in running.stdout:
                if "SecurityToken 0x" in line:  # the chain runs, nodes are starting
                    break
            os.killpg(running.pid, signal.SIGINT)
            said = running.stderr.read()
            assert running.wait(60) == 130, said
        return said

    said = interrupted(out)
    assert f"interrupted: nothing of this run is kept, and {out} is as it was" in said
    assert "Traceback" not in said
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    interrupted(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_an_interrupt_that_falls_into_a_destructor_is_one_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python drops what is raised there; the nodes have ended with the group, and the run fails for it."""

    def lost(*_given: Any) -> None:
        with suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        raise RuntimeError("0 usable answers; the quorum is 3")

    monkeypatch.setattr("scripts.demo.conductor.tell", lost)
    handler = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        file = ROOT / "deals" / "enel-slb-2019.yaml"
        done = CliRunner().invoke(main, ["demo", str(file), "--out", str(tmp_path / "out")])
    finally:
        signal.signal(signal.SIGINT, handler)
    assert done.exit_code == 130, done.output
    assert "interrupted: nothing of this run is kept" in done.stderr
    assert not (tmp_path / "out").exists()
