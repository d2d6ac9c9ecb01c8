"""Bad terms, markets and files: one clear line that names contract, term, value and reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from finance.actus import ActusError
from finance.actus.conformance import run_folder
from tests.finance.actus_contracts import BASE, run, seen, series

RESET = {"cycleAnchorDateOfRateReset": "2020-07-01", "marketObjectCodeOfRateReset": "LIBOR"}


@pytest.mark.parametrize(
    ("kind", "terms", "line"),
    [
        ("XYZ", {}, "contract test: contractType = 'XYZ': must be one of PAM"),
        ("PAM", {"contractRole": None}, "contract test: contractRole: must be one of RPA"),
        ("PAM", {"notionalPrincipal": None}, "contract test: notionalPrincipal: is missing"),
        ("PAM", {"notionalPrincipal": "a lot"}, "notionalPrincipal = 'a lot': must be a number"),
        ("PAM", {"notionalPrincipal": "inf"}, "notionalPrincipal = 'inf': must be finite"),
        ("PAM", {"notionalPrincipal": True}, "notionalPrincipal = True: must be a number"),
        ("PAM", {"maturityDate": None}, "contract test: maturityDate: is missing"),
        ("PAM", {"maturityDate": "soon"}, "maturityDate = 'soon': must be a time such as"),
        ("PAM", {"statusDate": ""}, "contract test: statusDate: is missing"),
        ("PAM", {"dayCountConvention": "ACT"}, "dayCountConvention = 'ACT': must be one of AA"),
        ("PAM", {"dayCountConvention": None}, "contract test: dayCountConvention: is missing"),
        ("PAM", {"cycleOfInterestPayment": "P6"}, "cycleOfInterestPayment = 'P6': must be a cycle such as"),
        ("PAM", {"calendar": "MOON"}, "calendar = 'MOON': must be one of NC, MF"),
        ("PAM", {"businessDayConvention": "XX"}, "businessDayConvention = 'XX': must be one of NULL"),
        ("PAM", {"cyclePointOfRateReset": "E"}, "cyclePointOfRateReset = 'E': rates fixed in arrears"),
        ("PAM", {"scalingEffect": "XYZ"}, "scalingEffect = 'XYZ': must be one of 000"),
        ("PAM", {"terminationDate": "2021-01-01"}, "contract test: priceAtTerminationDate: is missing"),
        (
            "PAM",
            RESET,
            "contract test: market object LIBOR is needed at 2020-07-01T00:00:00 and not observed",
        ),
        ("PAM", {"cycleOfRateReset": "P1YL1"}, "contract test: a market object is needed"),
        ("LAM", {"maturityDate": None}, "contract test: maturityDate: is missing"),
        ("NAM", {}, "contract test: nextPrincipalRedemptionPayment: is missing"),
        (
            "NAM",
            {
                "maturityDate": None,
                "nextPrincipalRedemptionPayment": "4",
                "cycleOfPrincipalRedemption": "P1ML0",
            },
            "nextPrincipalRedemptionPayment = '4': never repays; give maturityDate",
        ),
        ("LAX", {}, "contract test: arrayCycleAnchorDateOfPrincipalRedemption: is missing"),
        ("STK", {"cycleAnchorDateOfDividend": "2020-01-01", "cycleOfDividend": "P1YL1"}, "need a horizon"),
        ("CEG", {}, "contract test: contractStructure: has no reference of role COVE"),
        (
            "LAX",
            {"arrayCycleAnchorDateOfPrincipalRedemption": "2020-07-01", "arrayIncreaseDecrease": "DEC"},
            "contract test: arrayNextPrincipalRedemptionPayment: is missing",
        ),
        (
            "PAM",
            {"cycleOfInterestPayment": "P9999YL1"},
            "contract test: cannot be evaluated: a time outside the years",
        ),
        ("OPTNS", {"contractStructure": 3}, "contractStructure = 3: must be a list of references"),
        ("OPTNS", {"contractStructure": ["x"]}, "each reference needs an object"),
    ],
)
def test_bad_terms(kind: str, terms: dict[str, Any], line: str) -> None:
    with pytest.raises(ActusError) as caught:
        run(kind, **terms)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_market_object_that_begins_too_late() -> None:
    with pytest.raises(
        ActusError, match=r"^contract test: market object LIBOR: no value at or before 2020-07-01"
    ):
        run("PAM", seen(series("LIBOR", ("2020-07-02", 0.01))), **RESET)


def test_a_series_needs_values_at_different_times() -> None:
    with pytest.raises(ActusError, match="LIBOR: has no values"):
        series("LIBOR")
    with pytest.raises(ActusError, match="LIBOR: has two values"):
        series("LIBOR", ("2020-07-02", 0.01), ("2020-07-02", 0.02))


def test_a_guarantee_of_a_contract_known_by_name_only_needs_an_amount() -> None:
    structure = [{"object": {"contractIdentifier": "X1"}, "referenceType": "CID", "referenceRole": "COVE"}]
    with pytest.raises(
        ActusError, match="covers contract X1 by reference: give it in full, or notionalPrincipal"
    ):
        run("CEG", notionalPrincipal=None, contractStructure=structure)
    assert run("CEG", contractStructure=structure)[-1].type == "MD"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{", "not JSON"),
        ("[]", "must be an object of cases"),
        ('{"a": {"terms": {"contractType": "PAM"}}}', "case a: has no 'results'"),
        ('{"a": {"terms": {"contractType": "PAM"}, "results": 3}}', "case a: terms must be an object"),
        (
            '{"a": {"terms": {"contractType": "PAM"}, "to": "soon", "results": []}}',
            "case a: Invalid isoformat",
        ),
    ],
)
def test_bad_case_files(tmp_path: Path, text: str, line: str) -> None:
    (tmp_path / "cases.json").write_text(text, encoding="utf-8")
    with pytest.raises(ActusError) as caught:
        run_folder(tmp_path)
    assert str(caught.value).startswith(str(tmp_path))
    assert line in str(caught.value)


def test_a_folder_without_cases(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(ActusError, match="no folder with JSON files"):
            run_folder(folder)


def test_terms_are_read_however_they_are_written() -> None:
    padded = {name: f"  {value} " for name, value in BASE.items()}
    numbers = {"notionalPrincipal": 1000, "nominalInterestRate": 0.06}
    assert run("PAM", **padded) == run("PAM") == run("PAM", **numbers)
