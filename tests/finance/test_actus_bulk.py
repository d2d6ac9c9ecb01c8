"""The matrices of finance.actus.bulk are the numbers of the contract classes, and faster than QuantLib."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.bonds import measure
from finance.actus import ActusError, Flow, bulk, flows

COUNT = 25


def loans(**changed: Any) -> bulk.Loans:
    random = np.random.default_rng(11)
    start = np.datetime64("2019-01-01") + random.integers(0, 700, COUNT)
    values = {
        "initial_exchange": start,
        "maturity": start + random.integers(40, 1500, COUNT),
        "notional": random.uniform(50, 500, COUNT),
        "rate": random.uniform(-0.01, 0.12, COUNT),
        "months": 3,
    }
    return bulk.Loans(**{**values, **changed})  # type: ignore[arg-type]


def one(many: bulk.Loans, row: int) -> list[Flow]:
    """The same contract as a state machine."""
    cycle = f"P{many.months}ML{0 if many.long_stub else 1}"
    return flows(
        {
            "contractType": many.kind,
            "contractID": str(row),
            "contractRole": "RPA",
            "currency": "USD",
            "statusDate": str(many.initial_exchange[row] - 1),
            "initialExchangeDate": str(many.initial_exchange[row]),
            "maturityDate": str(many.maturity[row]),
            "notionalPrincipal": float(many.notional[row]),
            "nominalInterestRate": float(many.rate[row]),
            "dayCountConvention": many.day_count,
            "cycleOfInterestPayment": cycle,
            "cycleOfPrincipalRedemption": cycle,
            "endOfMonthConvention": "EOM" if many.month_ends else "SD",
            "calendar": "MF",
            "businessDayConvention": many.convention,
            **(
                {"cycleAnchorDateOfInterestPayment": str(many.anchor[row])} if many.anchor is not None else {}
            ),
        }
    )


def assert_same(many: bulk.Loans) -> None:
    found = bulk.flows(many)
    for row in range(len(many.notional)):
        ours: dict[tuple[str, str], float] = {}
        for j, day in enumerate(found.days[row]):
            for kind, amounts in (("interest", found.interest), ("principal", found.principal)):
                ours[kind, str(day)] = ours.get((kind, str(day)), 0.0) + amounts[row, j]
        theirs = dict.fromkeys(ours, 0.0)
        for flow in one(many, row):
            if flow.type != "IED" and flow.payoff:
                kind = "interest" if flow.type == "IP" else "principal"
                theirs[kind, flow.time.date().isoformat()] += flow.payoff
        assert ours == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("kind", ["PAM", "LAM", "ANN"])
@pytest.mark.parametrize("long_stub", [False, True])
@pytest.mark.parametrize("day_count", ["30E360", "A360", "A365", "AA"])
def test_types_stubs_and_day_counts(kind: str, long_stub: bool, day_count: str) -> None:
    assert_same(loans(kind=kind, long_stub=long_stub, day_count=day_count))


@pytest.mark.parametrize("convention", ["NULL", "SCF", "SCMF", "SCP", "SCMP"])
@pytest.mark.parametrize("month_ends", [False, True])
def test_business_days_and_month_ends(convention: str, month_ends: bool) -> None:
    ends = np.datetime64("2019-02") + np.arange(COUNT)
    start = (ends + 1).astype("M8[D]") - 1
    maturity = start + 900
    assert_same(
        loans(initial_exchange=start, maturity=maturity, convention=convention, month_ends=month_ends)
    )


def test_first_payment_day() -> None:
    many = loans()
    anchor = many.initial_exchange + 20
    assert_same(loans(anchor=anchor, maturity=many.maturity + 100))


def test_present_value_is_the_sum_of_discounted_later_payments() -> None:
    many = loans(maturity=np.full(COUNT, np.datetime64("2023-01-01")))
    valued, annual = np.datetime64("2020-07-01"), np.linspace(0.0, 0.1, COUNT)
    values = bulk.flows(many).present_value(valued, annual)
    for row in range(COUNT):
        expected = sum(
            flow.payoff * (1 + annual[row]) ** (-(np.datetime64(flow.time, "D") - valued).astype(int) / 365)
            for flow in one(many, row)
            if np.datetime64(flow.time, "D") > valued and flow.type != "IED"
        )
        assert values[row] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"months": 0}, "months = 0: must be positive"),
        ({"maturity": np.full(COUNT, np.datetime64("2000-01-01"))}, "must start before its maturity"),
        ({"day_count": "ACT"}, "day_count = 'ACT': must be one of"),
        ({"convention": "CSF"}, "convention = 'CSF': must be NULL or one of"),
        ({"rate": np.zeros((COUNT, 2))}, "needs one rate or"),
    ],
)
def test_bad_input(changed: dict[str, Any], line: str) -> None:
    with pytest.raises(ActusError, match=line):
        bulk.flows(loans(**changed))


def test_an_annuity_takes_one_rate() -> None:
    periods = bulk.flows(loans()).days.shape[1]
    with pytest.raises(ActusError, match="one rate a contract"):
        bulk.flows(loans(kind="ANN", rate=np.zeros((COUNT, periods))))


def test_bonds_are_worth_what_quantlib_says() -> None:
    """How much faster they are, `penstock bench bonds --check` says: on a busy machine a test could not."""
    result = measure(bonds=20_000, repeat=1)
    assert result["agrees"], result
