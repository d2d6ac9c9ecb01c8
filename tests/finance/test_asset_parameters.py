"""Whatever `validate` passes can be priced: wrong parameters of an asset are found when the file is read."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from finance.swaps.index import index_swap
from finance.swaps.project import project_swap
from finance.terms import Deal, DealFileError, InputError, parse_deal
from finance.terms.assets import TWINS, WindParameters
from finance.terms.reader import read_deal_yaml
from scripts.validate import read_data
from tests.finance.deal_variants import file_of, term

BLOOM, RAIN, DC = "bloom-wind-prs", "water-utility-rainfall-swap", "dc-water-eib-2016"
PARAMETERS = "asset.parameters"
MUTANTS = 120
PATHS = 200


def parameters(tree: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = tree["asset"]["parameters"]
    return found


def wrong(name: str, value: Any) -> Any:
    def change(tree: dict[str, Any]) -> None:
        parameters(tree)[name] = term(value)

    return change


def without(name: str) -> Any:
    return lambda tree: parameters(tree).pop(name)


def gap_of_two_weeks(tree: dict[str, Any]) -> None:
    periods = tree["kpis"]["proxy-revenue"]["periods"]
    periods[1]["start"] = periods[1]["start"] + timedelta(days=14)


def reported_twice(tree: dict[str, Any]) -> None:
    tree["kpis"]["runoff-reduction"]["reported_values"] = term([Decimal("0.2"), Decimal("0.3")])


def reported_by_the_asset(tree: dict[str, Any]) -> None:
    parameters(tree)["reported_values"] = tree["kpis"]["runoff-reduction"].pop("reported_values")


def reported_beyond(tree: dict[str, Any]) -> None:
    tree["kpis"]["runoff-reduction"]["reported_values"] = term([Decimal(29)])


CASES: dict[str, tuple[str, Any, str]] = {
    "negative wind": (BLOOM, wrong("mean_wind_speed_m_s", Decimal(-9)), "must be greater than 0"),
    "no wind": (BLOOM, without("mean_wind_speed_m_s"), "is required"),
    "half a turbine": (BLOOM, wrong("turbines", Decimal("53.5")), "multiple of 1"),
    "efficiency in per cent": (BLOOM, wrong("efficiency", Decimal(85)), "less than or equal to 1"),
    "eleven months": (BLOOM, wrong("price_monthly", [Decimal(20)] * 11), "at least 12 items"),
    "a day whose mean is 2": (BLOOM, wrong("price_diurnal", [Decimal(2)] * 24), "with a mean of 1"),
    "perfect correlation": (BLOOM, wrong("price_wind_correlation", Decimal(-1)), "greater than -1"),
    "memory of one": (BLOOM, wrong("price_memory", Decimal(1)), "less than 1"),
    "negative sd": (BLOOM, wrong("basis_sd", Decimal(-2)), "greater than or equal to 0"),
    "text for a number": (BLOOM, wrong("capacity_mw", "178 MW"), "number"),
    "number for a text": (BLOOM, wrong("turbine_curve", Decimal(117)), "must be text"),
    "a slip in a name": (BLOOM, wrong("debt_rates", Decimal("0.06")), "unknown parameter"),
    "rate in per cent": (BLOOM, wrong("discount_rate", Decimal(5)), "less than 1"),
    "gap of two weeks": (BLOOM, gap_of_two_weeks, "without gaps"),
    "another unit": (RAIN, wrong("revenue_per_inch", Decimal(20000)), "another unit"),
    "negative price of risk": (RAIN, wrong("risk_price", Decimal("-0.2")), "greater than or equal to 0"),
    "no discount rate": (RAIN, without("discount_rate"), "is required"),
    "negative acres": (DC, wrong("impervious_area_acres", Decimal(-20)), "greater than or equal to 0.001"),
    "more reports than periods": (DC, reported_twice, "2 values for 1 periods"),
    "published out of bounds": (DC, reported_beyond, "lies outside the KPI's bounds"),
    "published by the asset": (DC, reported_by_the_asset, "belongs to a KPI: kpis.KEY.reported_values"),
}


@pytest.mark.parametrize("case", CASES)
def test_wrong_parameters_are_said_with_file_and_field(case: str) -> None:
    name, change, reason = CASES[case]
    tree = read_deal_yaml(file_of(name))
    change(tree)
    with pytest.raises((DealFileError, InputError)) as found:
        read_data(parse_deal(tree, file="made.yaml"))
    (line,) = str(found.value).splitlines()
    # A deal in memory that can be read, but not valued, has its id for a file.
    assert line.startswith(
        ("made.yaml: asset.parameters.", "made.yaml: kpis.", "bloom-wind-prs: kpis.proxy-revenue.periods")
    )
    assert reason in line


def test_the_documented_parameters_are_the_models() -> None:
    page = (file_of(DC).parents[1] / "docs" / "proxy-revenue-swap.md").read_text()
    table = page.split("### Parameters of the asset")[1].split("###")[0]
    for name in WindParameters.model_fields:
        assert f"`{name}`" in table
    for model in TWINS.values():
        assert all(field.description for field in model.model_fields.values())


def mutated(rng: random.Random, tree: dict[str, Any]) -> dict[str, Any]:
    """One or two parameters with another value, of which many are wrong; the rest as it was."""
    made = deepcopy(tree)
    held = parameters(made)
    for name in rng.sample(sorted(held), rng.choice([1, 1, 2])):
        value = held[name]["value"]
        if isinstance(value, list):
            changed = [each if rng.random() < 0.9 else _other(rng, each) for each in value]
            held[name]["value"] = rng.choice([value[:-1], changed, [2 * each for each in value]])
        else:
            held[name]["value"] = _other(rng, value)
    return made


def _other(rng: random.Random, value: Any) -> Any:
    if not isinstance(value, Decimal | int):
        return rng.choice([value, "", Decimal(3), "pvlib:none.csv", "windpowerlib:none"])
    number = Decimal(value)
    return rng.choice([
        -number, Decimal(0), number * 2, number / 2, number * 10, number * 1000, number + 1,
        Decimal("1e-9"), Decimal("1e12"), Decimal("0.999"),
    ])  # fmt: skip


def priced(deal: Deal) -> dict[str, Any]:
    if deal.asset.twin == "wind":
        return project_swap(deal, paths=PATHS).to_dict()
    return index_swap(deal, paths=PATHS).to_dict()


@pytest.mark.parametrize("name", [BLOOM, RAIN])
def test_what_validate_passes_is_priced(name: str, seed: int) -> None:
    """Random values of every parameter: either the reader says what is wrong, or there is a price."""
    print(f"PENSTOCK_SEED={seed}")
    rng = random.Random(seed)
    tree = read_deal_yaml(file_of(name))
    passed = refused = 0
    while passed + refused < MUTANTS:
        made = mutated(rng, tree)
        try:
            deal = parse_deal(made)
        except DealFileError as error:
            refused += 1
            unnamed = [line for line in str(error).splitlines() if not line.startswith("deal: asset.")]
            if unnamed:
                pytest.fail(f"{unnamed}: {parameters(made)}")
            continue
        try:
            read_data(deal)
        except InputError as error:
            refused += 1
            if "asset.parameters." not in str(error):
                pytest.fail(f"{error}: {parameters(made)}")
            continue
        passed += 1
        # As --json prints it: every figure a finite number.
        assert json.dumps(priced(deal), allow_nan=False), parameters(made)
    assert passed > 10
    assert refused > 10


def test_a_share_is_needed_where_a_wind_project_is_valued() -> None:
    tree = read_deal_yaml(file_of(BLOOM))
    tree["parts"] = {key: part for key, part in tree["parts"].items() if part["kind"] == "kpi_payment"}
    with pytest.raises(DealFileError, match="needs a treasury"):
        parse_deal(tree)


def test_no_seasonal_kpi_decides_a_bond() -> None:
    tree = read_deal_yaml(file_of(DC))
    tree["kpis"]["runoff-reduction"]["process"] = {
        "kind": "seasonal", "means": term([Decimal("0.3")]), "sds": term([Decimal("0.1")]),
    }  # fmt: skip
    with pytest.raises(DealFileError, match=r"process\.kind = seasonal: prices no bond"):
        parse_deal(tree)
    assert date(2020, 1, 1) == tree["kpis"]["runoff-reduction"]["periods"][0]["start"]
