"""The file of a twin's sample: what it must say, and what of it is used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finance import load_deal
from finance.pricing.sample import TwinSample, find_sample, load_sample, sample_path
from finance.terms import Deal, InputError
from tests.finance.deal_variants import file_of

KPI = "runoff-reduction"  # of DC Water, reported from -100 % to 100 %
GOOD: dict[str, Any] = {"method": "m/1", "description": "ten rains", "values": [0.2, 0.3], "seed": 7}


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "sample.json"
    path.write_text(json.dumps({name: value for name, value in (GOOD | changes).items() if value != "no"}))
    return path


def test_all_that_it_says_is_there(deal: Deal, tmp_path: Path) -> None:
    low, high = (
        float(bound.value) for bound in (deal.kpis[KPI].bounds.minimum, deal.kpis[KPI].bounds.maximum)
    )
    path = written(tmp_path, values=[low, 0, high])
    found = load_sample(deal, KPI, path)
    assert found == TwinSample("m/1", "ten rains", (low, 0.0, high), 7, path)
    assert found.process().values == (low, 0.0, high)
    assert found.process().description == "3 runs of the twin (m/1)"
    assert load_sample(deal, KPI, written(tmp_path, seed="no")).seed is None
    for beyond in (low - 0.001, high + 0.001):
        with pytest.raises(InputError, match=rf"values: {beyond:g} lies outside the KPI's bounds"):
            load_sample(deal, KPI, written(tmp_path, values=[0.1, beyond]))


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"values": "no"}, ["values: must be a list of numbers"]),
        ({"values": 0.3}, ["values: must be a list of numbers"]),
        ({"values": [True, False]}, ["values: must be a list of numbers"]),
        ({"values": [0.3]}, ["values: at least two are needed"]),
        ({"description": 3}, ["description = 3: must be a text"]),
        (
            {"method": "no", "description": "no", "values": [9]},
            ["method = None", "description = None", "at least two", "9 lies outside"],
        ),
    ],
)
def test_all_that_is_wrong_is_said_at_once(
    changes: dict[str, Any], lines: list[str], deal: Deal, tmp_path: Path
) -> None:
    path = written(tmp_path, **changes)
    with pytest.raises(InputError) as refused:
        load_sample(deal, KPI, path)
    said = str(refused.value).splitlines()
    assert len(said) == len(lines)
    for line, wanted in zip(said, lines, strict=True):
        assert line.startswith(str(path))
        assert wanted in line


def test_it_lies_beside_the_deal(tmp_path: Path) -> None:
    path = tmp_path / "dc-water-eib-2016.yaml"
    path.write_bytes(file_of("dc-water-eib-2016").read_bytes())
    deal = load_deal(path)
    assert find_sample(deal, KPI) is None
    target = sample_path(deal, KPI)
    target.parent.mkdir()
    target.write_text(json.dumps(GOOD))
    found = find_sample(deal, KPI)
    assert found is not None
    assert (found.values, found.file) == ((0.2, 0.3), target)
