"""The comparison with reference cases, and `penstock conformance actus`, on a case written for this test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from finance.actus.conformance import agrees
from scripts.cli import main
from tests.finance.actus_contracts import BASE


@pytest.mark.parametrize(
    ("expected", "actual", "match"),
    [
        (3.25, 3.25 + 9e-9, "exact"),
        (3.25, 3.25 + 2e-8, ""),
        (1e6, 1e6 + 2e-8, ""),
        (0.05, 0.05 + 9e-10, ""),
        (0.05, 0.05 + 4e-10, "exact"),
        (0, 1e-13, "exact"),
        (7e9, 7e9 + 1e-6, "exact"),
        (" 466.0273972602 ", 466.02739726027, "exact"),
        ("46602.7397", 46602.73972602, "last digit"),
        ("46602.7398", 46602.73972602, ""),
        ("-46602.7398", -46602.73972602, "last digit"),
        ("8.1", 8.1000001, ""),
        ("500", 500.4, ""),
        ("much", 1.0, ""),
    ],
)
def test_what_agrees(expected: Any, actual: float, match: str) -> None:
    assert agrees(expected, actual) == match


def case(**changed: Any) -> dict[str, Any]:
    def row(when: str, kind: str, payoff: Any, principal: Any, accrued: Any = 0) -> dict[str, Any]:
        return {
            "eventDate": when, "eventType": kind, "payoff": payoff, "currency": "USD",
            "notionalPrincipal": principal, "nominalInterestRate": "0.06", "accruedInterest": accrued,
        }  # fmt: skip

    return {
        "identifier": "bond",
        "terms": {**BASE, "contractType": "PAM", "cycleOfInterestPayment": "P1YL1"},
        "to": "",
        "dataObserved": {},
        "eventsObserved": [],
        "results": [
            row("2020-01-01T00:00", "IED", "-1000.0", "1000"),
            row("2021-01-01T00:00:00", "IP", "  60", "1000"),
            row("2022-01-01T00:00", "IP", 60, 1000),
            row("2022-01-01T00:00", "MD", 1000, 0),
        ],
        **changed,
    }


def conformance(folder: Path, *options: str, **cases: Any) -> tuple[int, dict[str, Any], str]:
    (folder / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
    result = CliRunner().invoke(main, ["conformance", "actus", str(folder), "--json", *options])
    return result.exit_code, json.loads(result.stdout) if result.stdout else {}, result.stderr


def test_all_pass(tmp_path: Path) -> None:
    swap = {"terms": {"contractType": "SWAPS"}, "results": []}
    code, found, _ = conformance(tmp_path, bond=case(), swap=swap)
    assert code == 0
    assert (found["passed"], found["failed"], found["types_not_covered"]) == (1, 0, {"SWAPS": 1})
    assert found["types"]["PAM"] == {"passed": 1, "failed": 0, "values_to_last_digit": 0, "failures": []}


@pytest.mark.parametrize(
    ("row", "field", "value", "event", "what"),
    [
        (1, "payoff", 61, 1, "payoff"),
        (2, "notionalPrincipal", 999, 2, "notionalPrincipal"),
        (2, "accruedInterest", "1", 2, "accruedInterest"),
        (3, "eventType", "TD", 3, "event"),
        (3, "eventDate", "2022-01-02T00:00", 3, "event"),
        (0, "currency", "EUR", 0, "currency"),
    ],
)
def test_the_first_event_that_differs(
    tmp_path: Path, row: int, field: str, value: Any, event: int, what: str
) -> None:
    changed = case()
    changed["results"][row][field] = value
    code, found, _ = conformance(tmp_path, good=case(), bad=changed)
    (failure,) = found["types"]["PAM"]["failures"]
    assert (code, found["passed"], found["failed"]) == (1, 1, 1)
    assert (failure["case"], failure["event"], failure["what"]) == ("bad", event, what)
    if what != "event":
        assert failure["expected"] == value


def test_missing_surplus_and_impossible_events(tmp_path: Path) -> None:
    short, long, impossible = case(), case(), case()
    short["results"].pop()
    long["results"].append(long["results"][-1])
    impossible["terms"] = {**impossible["terms"], "dayCountConvention": "?"}
    code, found, _ = conformance(tmp_path, short=short, long=long, impossible=impossible)
    failures = {failure["case"]: failure for failure in found["types"]["PAM"]["failures"]}
    assert code == 1
    assert (failures["short"]["event"], failures["short"]["expected"]) == (3, None)
    assert (failures["long"]["event"], failures["long"]["actual"]) == (4, None)
    assert "dayCountConvention" in failures["impossible"]["actual"]


def test_filter_tables_and_bad_input(tmp_path: Path) -> None:
    code, found, _ = conformance(tmp_path, "--type", "PAM", bond=case())
    assert (code, found["passed"]) == (0, 1)
    assert conformance(tmp_path, "--type", "cases", bond=case())[0] == 0
    code, _, error = conformance(tmp_path, "--type", "ANN", bond=case())
    assert (code, error) == (2, f"{tmp_path}: no reference case of ANN\n")
    changed = case()
    changed["results"][0]["payoff"] = 5
    (tmp_path / "cases.json").write_text(json.dumps({"bond": changed}), encoding="utf-8")
    result = CliRunner().invoke(main, ["conformance", "actus", str(tmp_path)])
    assert result.exit_code == 1
    assert "First event that differs" in result.stdout
    assert CliRunner().invoke(main, ["conformance", "actus", str(tmp_path / "no")]).exit_code == 2
