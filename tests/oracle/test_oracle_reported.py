"""reported-values/1: where the rows of a demonstration come from, and tables that are none."""

from __future__ import annotations

import json
import statistics
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from finance.settlement.terms import FeedTerms, feed_terms
from finance.terms import Deal, InputError, load_deal, parse_deal
from oracle.evidence import Bundle
from oracle.method import MethodError, measure, recompute
from oracle.methods.base import Preparation
from oracle.methods.reported_table import ReportedRow, last_day, read_file, read_rows, rows_text
from oracle.methods.series import SeriesError
from oracle.twins.reported import reported_rows
from tests.oracle.conftest import ROOT

HEADER = "period_end,value,document,label\n"
ROW = "2021-12-31,0.58,a document,simulated\n"
DAY = 86_400
ABOUT: dict[str, Any] = {"feed": "0x" + "01" * 32, "period": 0, "version": 0, "kpi": "k", "gauge": "reader-1"}


def book(name: str, **fields: Any) -> tuple[Deal, FeedTerms]:
    """A deal of the book with other fields of its KPI; None leaves one out."""
    tree = json.loads(load_deal(ROOT / "deals" / f"{name}.yaml").canonical_json)
    (kpi,) = tree["kpis"].values()
    for key, value in fields.items():
        kpi.pop(key, None)
        if value is not None:
            kpi[key] = value
    deal = parse_deal(tree)
    return deal, feed_terms(deal, next(iter(deal.oracle)))


def rows(deal: Deal | None, terms: FeedTerms, seed: int = 1, **options: Any) -> list[ReportedRow]:
    return reported_rows(Preparation(terms, deal, seed, options))


# -- where rows come from


def test_what_was_published_names_where() -> None:
    """The address of its source in the deal file, or where there is none the citation."""
    deal, terms = book("enel-slb-2019")
    (row,) = rows(deal, terms)
    source = deal.sources["bloomberg"]
    assert source.url is not None
    assert (row.value, row.document, row.label) == ("0.58", source.url, "as published")
    assert row.period_end == date(2021, 12, 31)
    tree = json.loads(deal.canonical_json)
    del tree["sources"]["bloomberg"]["url"]
    (uncited,) = rows(parse_deal(tree), terms)
    assert uncited.document == source.citation


def test_what_is_assumed_says_so() -> None:
    deal, terms = book("atlanta-eib-2019")
    (row,) = rows(deal, terms)
    assert (row.value, row.label) == ("6.9", "assumed")
    assert row.document == "no outcome was found; the demonstration needs one"
    large, terms = book("atlanta-eib-2019", reported_values={"value": ["1E+1"], "assumed": "a round number"})
    assert [each.value for each in rows(large, terms)] == ["10"]


def test_given_values_go_before_the_deals() -> None:
    deal, terms = book("singapore-ebus-loan")
    ends = [date(year, 12, 31) for year in range(2026, 2033)]
    assert [row.period_end for row in rows(deal, terms)] == ends
    seven = [f"0.{n}" for n in range(1, 8)]
    given = rows(deal, terms, values=seven)
    assert [row.value for row in given] == seven
    assert {(row.document, row.label) for row in given} == {("given for a demonstration", "simulated")}
    some = rows(None, terms, values=seven[:2], documents=["x", "y"], label="assumed")
    assert [(row.period_end, row.value, row.document, row.label) for row in some] == [
        (ends[0], "0.1", "x", "assumed"),
        (ends[1], "0.2", "y", "assumed"),
    ]
    for values, documents in (([*seven, "0.8"], ["x"]), (seven[:3], ["x", "y"]), (["0.1"], ["x", "y"])):
        with pytest.raises(InputError, match=f"values: {len(values)} with {len(documents)} documents"):
            rows(deal, terms, values=values, documents=documents)
    with pytest.raises(InputError, match="values: are required where there is no deal"):
        rows(None, terms)


def test_a_file_goes_before_everything(tmp_path: Path) -> None:
    deal, terms = book("enel-slb-2019")
    file = tmp_path / "published.csv"
    file.write_text(HEADER + ROW.replace("0.58", "0.61"))
    assert [row.value for row in rows(deal, terms, reports=str(file), values=["0.7"])] == ["0.61"]


def test_values_that_nobody_published_are_drawn_from_the_process_of_the_deal() -> None:
    """Ten points a year from nothing, with a sd of three: at whole years of 365.25 days, to nine decimals."""
    deal, terms = book("singapore-ebus-loan", reported_values=None)
    tree = json.loads(deal.canonical_json)
    tree["kpis"]["electric-share"]["process"]["sd"]["value"] = "0.000000000001"
    fine = replace(terms, decimals=9, max_value=10**9)
    exact = rows(parse_deal(tree), fine)
    begin = terms.period_starts[0]
    for row, end in zip(exact, terms.period_ends, strict=True):
        assert float(row.value) == pytest.approx(0.1 * (end - begin) / (365.25 * DAY), abs=2e-9)
    drawn = [rows(deal, terms, seed) for seed in range(300)]
    assert drawn[0] == rows(deal, terms, 0) != drawn[1]
    for year in (3, 5):
        shares = [float(each[year - 1].value) for each in drawn]
        spread = statistics.stdev(shares)
        assert statistics.mean(shares) == pytest.approx(0.1 * year, abs=4 * spread / 300**0.5 + 1e-4)
        assert 0.02 < spread < 0.09
    words = {row.document for row in drawn[7]} | {row.label for row in drawn[7]}
    assert words == {"simulated from the process of the KPI in the deal; seed 7", "simulated"}
    first = [float(each[0].value) for each in drawn]
    assert min(first) >= 0  # the KPI's bounds: a share is none below nothing


# -- tables


def test_a_table_of_rows_comes_back(tmp_path: Path) -> None:
    given = [
        ReportedRow(date(2021, 12, 31), "0.58", 'a "quoted", comma', "as published"),
        ReportedRow(date(2022, 12, 31), "-7", "x" * 500, "assumed"),
    ]
    assert list(read_rows(rows_text(given), "r.csv").values()) == given
    file = tmp_path / "r.csv"
    file.write_bytes(b"\xef\xbb\xbf" + rows_text(given).encode())
    assert list(read_file(file).values()) == given
    with pytest.raises(SeriesError, match=r"absent\.csv: cannot be read: No such file"):
        read_file(tmp_path / "absent.csv")
    file.write_bytes(b"\xe9")
    with pytest.raises(SeriesError, match=r"r\.csv: cannot be read: not UTF-8 text"):
        read_file(file)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: must be period_end,value,document,label"),
        (ROW, "line 1: must be period_end,value,document,label"),
        (HEADER + ROW + ROW, "line 3: period_end = 2021-12-31: stands twice"),
        (HEADER + ROW.replace("a document", "x" * 501), "line 2: document = x+: must name where"),
        (HEADER + ROW.replace("a document", "a\x07document"), "line 2: document = .*: must name where"),
        (HEADER + ROW.replace("a document", " "), "line 2: document = : must name where"),
        (
            HEADER + ROW.replace("simulated", "guessed"),
            "line 2: label = guessed: must be one of as published",
        ),
        (HEADER + ROW + "2022-12-31,x,d,assumed\n", "line 3: value = x: not a plain decimal number"),
    ],
)
def test_tables_that_are_none(text: str, says: str) -> None:
    with pytest.raises(SeriesError, match=f"^r.csv: {says}"):
        read_rows(text, "r.csv")


@pytest.mark.parametrize(("end", "day"), [((2022, 1, 1), "2021-12-31"), ((2022, 1, 2), "2022-01-01")])
def test_a_period_ends_on_its_last_day(end: tuple[int, int, int], day: str) -> None:
    midnight = (date(*end) - date(1970, 1, 1)).days * DAY
    assert last_day(midnight).isoformat() == day
    assert last_day(midnight + 1) == date(*end)


def test_a_bundle_has_one_row() -> None:
    row = ReportedRow(date(2021, 12, 31), "0.58", "a document", "simulated")
    found = measure("reported-values/1", row, 1_609_459_200, 1_640_995_200, decimals=6, **ABOUT).bundle
    for text in (HEADER, HEADER + ROW + ROW.replace("2021", "2022")):
        with pytest.raises(MethodError, match=r"report\.csv: \d rows: must be one"):
            recompute(Bundle({**found.files, "report.csv": text.encode()}))
