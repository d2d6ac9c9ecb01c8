"""Swaps, shares, options, call money, guarantees, collateral: what the published cases leave out, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from finance.actus import Observed
from finance.actus.contracts import contract
from tests.finance.actus_contracts import BASE, day, paid, run, seen, series

NO_LOAN: dict[str, Any] = dict.fromkeys(
    (
        "initialExchangeDate",
        "nominalInterestRate",
        "cycleOfInterestPayment",
        "maturityDate",
        "notionalPrincipal",
    )
)


def test_swap_settled_net_or_in_full() -> None:
    terms = {"contractRole": "PF", "nominalInterestRate": "0.05", "nominalInterestRate2": "0.03"}
    market = seen(series("LIBOR", ("2021-01-01", 0.06)))
    resets = {"cycleAnchorDateOfRateReset": "2021-01-01", "marketObjectCodeOfRateReset": "LIBOR"}
    cycle = {"cycleOfInterestPayment": "P1YL1"}
    net = run("SWPPV", market, deliverySettlement="S", **terms, **resets, **cycle)
    assert paid(net, "IP") == [("IP", "2021-01-01", -20.0), ("IP", "2022-01-01", 10.0)]
    full = run("SWPPV", market, deliverySettlement="D", **terms, **resets, **cycle)
    assert paid(full, "IPFX", "IPFL") == [
        ("IPFX", "2021-01-01", -50.0), ("IPFL", "2021-01-01", 30.0),
        ("IPFX", "2022-01-01", -50.0), ("IPFL", "2022-01-01", 60.0),
    ]  # fmt: skip


def test_swap_sold_before_its_end() -> None:
    found = run(
        "SWPPV",
        nominalInterestRate2="0.03",
        contractRole="RF",
        terminationDate="2021-04-01",
        priceAtTerminationDate="12",
        cycleOfInterestPayment="P1YL1",
        deliverySettlement="S",
    )
    assert paid(found)[1:] == [("IP", "2021-01-01", 30.0), ("TD", "2021-04-01", 12.0)]
    assert found[-1].state.Nt == found[-1].state.Ipac == 0.0


@pytest.mark.parametrize("role", ["RF", "PF"])
def test_the_price_of_a_swap_at_its_termination_bears_its_own_sign(role: str) -> None:
    # As the SWAPS function is printed (7.13), and as the published FX outright of a liability pays.
    terms = {"nominalInterestRate2": "0.03", "terminationDate": "2021-04-01", "deliverySettlement": "S"}
    for price in (12.0, -7.0):
        found = run("SWPPV", contractRole=role, priceAtTerminationDate=price, **terms)
        assert paid(found, "TD") == [("TD", "2021-04-01", price)]


def test_dividends_begin_with_the_known_one_and_end_with_the_sale() -> None:
    found = run(
        "STK",
        seen(series("test-DV", ("2020-01-01", 3.0))),
        **NO_LOAN,
        purchaseDate="2020-02-01",
        priceAtPurchaseDate="100",
        terminationDate="2021-06-01",
        priceAtTerminationDate="120",
        cycleAnchorDateOfDividend="2020-06-01",
        cycleOfDividend="P6ML0",
        nextDividendPaymentAmount="2",
    )
    assert paid(found) == [
        ("PRD", "2020-02-01", -100.0), ("DV", "2020-06-01", 2.0), ("DV", "2020-12-01", 3.0),
        ("DV", "2021-06-01", 3.0), ("TD", "2021-06-01", 120.0),
    ]  # fmt: skip


OPTION: dict[str, Any] = {
    **NO_LOAN,
    "contractRole": "BUY",
    "maturityDate": "2020-12-31",
    "optionStrike1": "80",
    "settlementPeriod": "P2D",
    "contractStructure": [
        {"object": {"marketObjectCode": "ACME"}, "referenceType": "MOC", "referenceRole": "UDL"}
    ],
}


@pytest.mark.parametrize(("price", "worth"), [(90.0, 10.0), (60.0, 15.0), (78.0, 0.0)])
def test_call_and_put_in_one(price: float, worth: float) -> None:
    market = seen(series("ACME", ("2020-01-01", price)))
    found = run("OPTNS", market, optionType="CP", optionStrike2="75", optionExerciseType="E", **OPTION)
    assert paid(found)[-1] == ("STD", "2021-01-02", worth)


def test_american_option_is_exercised_when_observed() -> None:
    market = seen(
        series("ACME", ("2020-01-01", 70.0), ("2020-06-01", 95.0), ("2020-07-01", 60.0)),
        events=(Observed("XD", day("2020-06-15")),),
    )
    early = run("OPTNS", market, optionType="C", optionExerciseType="A", **OPTION)
    assert paid(early) == [("XD", "2020-06-15", 0.0), ("STD", "2020-06-17", 15.0)]
    assert early[0].state.Xd == day("2020-06-15")
    european = run("OPTNS", market, optionType="C", optionExerciseType="E", **OPTION)
    assert paid(european)[-1] == ("STD", "2021-01-02", 0.0)


def test_call_money_with_and_without_notice() -> None:
    call = seen(events=(Observed("XD", day("2020-07-01")),))
    terms = {"maturityDate": None, "cycleOfInterestPayment": None}
    at_once = run("CLM", call, to="2021-01-01", **terms)
    assert paid(at_once)[1:] == [
        ("XD", "2020-07-01", 0.0),
        ("IP", "2020-07-01", 30.0),
        ("STD", "2020-07-01", 1000.0),
    ]
    assert at_once[1].state.Ipac == pytest.approx(30.0)
    noticed = run("CLM", call, to="2020-07-15", xDayNotice="P1M", **terms)
    assert paid(noticed)[1:] == [
        ("XD", "2020-07-01", 0.0),
        ("IP", "2020-08-01", 30.0),
        ("STD", "2020-08-01", 1000.0),
    ]
    assert noticed[1].state.Xa == pytest.approx(30.0)
    never = run("CLM", to="2021-01-01", **terms)
    assert paid(never)[1:] == [("IP", "2021-01-01", 60.0), ("MD", "2021-01-01", 1000.0)]


def test_arrays_of_redemptions_for_a_liability() -> None:
    found = run(
        "LAX",
        contractRole="RPL",
        maturityDate=None,
        cycleOfInterestPayment=None,
        arrayCycleAnchorDateOfPrincipalRedemption=["2020-07-01", "2021-01-01"],
        arrayCycleOfPrincipalRedemption="P3ML1",
        arrayNextPrincipalRedemptionPayment=[100, 600],
        arrayIncreaseDecrease=["INC", "DEC"],
    )
    assert paid(found, "PI", "PR", "MD") == [
        ("PI", "2020-07-01", 100.0), ("PI", "2020-10-01", 100.0), ("PR", "2021-01-01", -600.0),
        ("MD", "2021-04-01", -600.0),
    ]  # fmt: skip
    # 6 % on 1000 for two quarters, on 1100, 1200 and 600 for one each, all due at maturity.
    assert paid(found, "IP") == [("IP", "2021-04-01", -73.5)]


LOAN = {**BASE, "contractType": "PAM", "contractID": "loan", "marketObjectCode": "LOAN"}
COVER: dict[str, Any] = {
    **NO_LOAN,
    "contractRole": "SEL",
    "creditEventTypeCovered": ["DQ", "DF"],
    "settlementPeriod": "P1M",
    "contractStructure": [{"object": LOAN, "referenceType": "CNT", "referenceRole": "COVE"}],
}
DEFAULT = Observed("CE", day("2020-10-01"), contract="loan", performance="DF")


@pytest.mark.parametrize(("exposure", "due"), [("NO", 500.0), ("NI", 507.5), ("MV", 350.0)])
def test_what_a_guarantee_covers(exposure: str, due: float) -> None:
    market = seen(series("LOAN", ("2020-01-01", 700.0)), events=(DEFAULT,))
    found = run(
        "CEG", market, guaranteedExposure=exposure, coverageOfCreditEnhancement="0.5",
        purchaseDate="2020-02-01", priceAtPurchaseDate="5", **COVER,
    )  # fmt: skip
    assert paid(found) == [("PRD", "2020-02-01", 5.0), ("XD", "2020-10-01", 0.0), ("STD", "2020-11-01", -due)]
    assert (found[1].state.Xa, found[1].state.Xd) == (pytest.approx(-due), day("2020-10-01"))


def test_guarantee_fees_on_the_exposure_end_with_the_credit_event() -> None:
    found = run(
        "CEG", seen(events=(DEFAULT,)), feeRate="0.01", feeBasis="N", purchaseDate="2020-01-01",
        priceAtPurchaseDate="0", cycleOfFee="P6ML0", **COVER,
    )  # fmt: skip
    # Half a year's fee, then a quarter's with the settlement; the seller's signs, as the amounts it covers.
    assert paid(found, "FP", "STD") == [("FP", "2020-07-01", -5.0), ("STD", "2020-11-01", -1002.5)]


@pytest.mark.parametrize("basis", ["A", "N"])
def test_a_fee_due_on_the_day_of_default_is_paid(basis: str) -> None:
    rate = {"A": "5", "N": "0.01"}[basis]  # half a year's fee is 5 either way
    terms = {"feeRate": rate, "feeBasis": basis, "purchaseDate": "2020-01-01", "priceAtPurchaseDate": "0"}
    for when, fee, left in (("2020-07-01", -5.0, 0.0), ("2020-10-01", -5.0, -2.5)):
        default = Observed("CE", day(when), contract="loan", performance="DF")
        found = run("CEG", seen(events=(default,)), cycleOfFee="P6ML0", **terms, **COVER)
        assert [amount for _, _, amount in paid(found, "FP")] == [fee]
        assert paid(found, "STD")[0][2] == pytest.approx(-1000.0 + left)


def test_cash_is_what_it_is() -> None:
    for role, sign in (("RPA", 1), ("RPL", -1)):
        look = seen(events=(Observed("AD", day("2020-02-01")),))
        (found,) = run("CSH", look, contractRole=role, **{**NO_LOAN, "notionalPrincipal": "250"})
        assert (found.type, found.payoff, found.state.Nt) == ("AD", 0.0, sign * 250.0)


def test_a_call_on_the_horizon_is_seen() -> None:
    call = seen(events=(Observed("XD", day("2020-07-01")),))
    terms = {"maturityDate": None, "cycleOfInterestPayment": None, "xDayNotice": "P1M"}
    assert paid(run("CLM", call, to="2020-07-01", **terms))[-1] == ("STD", "2020-08-01", 1000.0)
    assert paid(run("CLM", call, to="2020-06-30", **terms))[-1] == ("MD", "2020-06-30", 1000.0)


def test_guarantee_without_a_credit_event_ends_with_what_it_covers() -> None:
    found = run("CEG", to="2023-01-01", **COVER)
    assert paid(found) == [("MD", "2022-01-01", 0.0)]


@pytest.mark.parametrize(("worth", "due"), [(100.0, 300.0), (1000.0, 1000.0)])
def test_collateral_pays_at_most_what_it_is_worth(worth: float, due: float) -> None:
    gold = {"contractType": "COM", "contractID": "gold", "marketObjectCode": "GOLD", "quantity": "3"}
    structure = [
        *COVER["contractStructure"],
        {"object": gold, "referenceType": "CNT", "referenceRole": "COVI"},
    ]
    market = seen(series("GOLD", ("2020-09-30", worth)), events=(DEFAULT,))
    found = run("CEC", market, **{**COVER, "contractRole": "BUY", "contractStructure": structure})
    assert paid(found) == [("XD", "2020-10-01", 0.0), ("STD", "2020-11-01", due)]


@pytest.mark.parametrize(("worth", "due"), [(100.0, 300.0), (1000.0, 1500.0)])
@pytest.mark.parametrize(("role", "sign"), [("BUY", 1), ("SEL", -1)])
def test_one_of_two_covered_contracts_defaults(worth: float, due: float, role: str, sign: int) -> None:
    """The exercise shows the whole covered exposure; what is paid of it is bounded by the collateral."""
    other = {**LOAN, "contractID": "other", "notionalPrincipal": "500", "contractRole": "RPL"}
    structure = [
        *COVER["contractStructure"],
        {"object": other, "referenceType": "CNT", "referenceRole": "COVE"},
        {
            "object": {
                "contractType": "COM",
                "contractID": "gold",
                "marketObjectCode": "GOLD",
                "quantity": "3",
            },
            "referenceType": "CNT",
            "referenceRole": "COVI",
        },
    ]
    market = seen(series("GOLD", ("2020-09-30", worth)), events=(DEFAULT,))
    exercise, settled = run("CEC", market, **{**COVER, "contractRole": role, "contractStructure": structure})
    assert (exercise.type, exercise.state.Nt, exercise.state.Xa) == ("XD", sign * 1500.0, sign * due)
    assert paid([settled]) == [("STD", "2020-11-01", sign * due)]


def test_references_have_the_names_of_the_dictionary_or_of_published_contracts() -> None:
    structure = [{"object": LOAN, "type": "CNT", "role": "COVE"}]
    found = run("CEG", seen(events=(DEFAULT,)), **{**COVER, "contractStructure": structure})
    assert paid(found, "STD") == [("STD", "2020-11-01", -1000.0)]


def test_negative_interest_lowers_what_is_covered() -> None:
    owed = {**LOAN, "nominalInterestRate": "-0.04"}
    structure = [{"object": owed, "referenceType": "CNT", "referenceRole": "COVE"}]
    found = run(
        "CEG", seen(events=(DEFAULT,)), guaranteedExposure="NI", **{**COVER, "contractStructure": structure}
    )
    assert paid(found, "STD") == [("STD", "2020-11-01", -990.0)]


@pytest.mark.parametrize(
    ("when", "paid_out"),
    [
        ("2021-12-31", [("XD", "2021-12-31", 0.0), ("STD", "2022-01-31", -1000.0)]),
        ("2022-01-01", [("XD", "2022-01-01", 0.0), ("STD", "2022-02-01", -1000.0)]),
        ("2022-01-02", [("MD", "2022-01-01", 0.0)]),
    ],
)
@pytest.mark.parametrize("given", [None, "2022-01-01"])
def test_a_default_on_the_last_day_of_a_guarantee(when: str, paid_out: list[Any], given: str | None) -> None:
    """Up to and with its maturity (t <= Md), and before what that day would have repaid (event sequence)."""
    default = Observed("CE", day(when), contract="loan", performance="DF")
    found = run("CEG", seen(events=(default,)), **{**COVER, "maturityDate": given})
    assert paid(found) == paid_out


def test_the_end_of_what_is_covered_does_not_come_with_the_horizon() -> None:
    late = Observed("CE", day("2021-09-01"), contract="loan", performance="DF")
    assert paid(run("CEG", seen(events=(late,)), to="2021-08-15", **COVER)) == []
    found = run("CEG", seen(events=(late,)), to="2021-09-15", **COVER)
    assert paid(found) == [("XD", "2021-09-01", 0.0), ("STD", "2021-10-01", -1000.0)]


def test_the_state_of_a_contract_at_any_time() -> None:
    loan = contract(LOAN)
    assert loan.state_at(day("2020-04-01")).Ipac == pytest.approx(15.0)
    assert loan.state_at(day("2019-12-31")).Nt == 0.0
    assert loan.state_at(day("2023-01-01")).Nt == 0.0
