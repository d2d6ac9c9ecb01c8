"""unit-value/1: nodes give the analyst's number, whoever computes it; its evidence; what it refuses."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from finance.pricing.prepared import PreparedBond
from finance.pricing.worth import SettledReport, unit_value
from finance.settlement.terms import FeedTerms, feed_terms
from finance.terms import Deal, InputError, parse_deal
from finance.terms.reader import read_deal_yaml
from finance.terms.schedule import unix
from oracle.evidence import Bundle, canonical
from oracle.kpi import kpi_text, to_integer
from oracle.local import NodeFiles, prepare_nodes
from oracle.method import MethodError, measure, recompute
from oracle.methods.settled_table import read_settled, settled_text
from oracle.node import RefusedError
from oracle.node_config import ConfigError
from oracle.verifier import verify_report
from tests.finance.deal_variants import term
from tests.oracle.conftest import DEAL
from tests.oracle.offline import edit, report_of, request, start

KPI, RUNOFF = "unit-value", "runoff-reduction"
ENDS = (date(2017, 12, 31), date(2020, 12, 31), date(2021, 1, 31), date(2021, 3, 31), date(2021, 4, 30))
FINAL = unix(date(2021, 1, 20))
HEADER = "kpi,period,settled_at,value\n"
ROW = "runoff-reduction,1,2021-01-20T00:00:00Z,0.500000\n"


def marked_tree() -> dict[str, Any]:
    """DC Water's bond, with a KPI that says what its unit is worth: at the ends of two years, when the
    outcome is known, on the day before the redemption and after it."""
    tree = read_deal_yaml(DEAL)
    starts = (date(2017, 1, 1), date(2020, 1, 1), date(2021, 1, 1), date(2021, 3, 1), date(2021, 4, 1))
    tree["kpis"][KPI] = {
        "title": "Worth of a unit since issue",
        "unit": "USD",
        "decimals": 4,
        "direction": "higher_is_better",
        "pnl_line": "none: a mark",
        "data_stream": "the deal's terms and its settled reports",
        "baseline": "a unit of 1,000 at issue",
        "bounds": {"minimum": term(0), "maximum": term(2000)},
        "periods": [{"start": a, "end": b, "assumed": "a test"} for a, b in zip(starts, ENDS, strict=True)],
        "process": {"kind": "normal", "mean": term(1100), "sd": term(50)},
    }
    policy = {**tree["oracle"][RUNOFF], "method": "unit-value/1", "max_spread": term(Decimal("0.0001"))}
    tree["oracle"][KPI] = policy
    return tree


@pytest.fixture(scope="module")
def marked() -> Deal:
    return parse_deal(marked_tree())


@pytest.fixture(scope="module")
def terms(marked: Deal) -> FeedTerms:
    return feed_terms(marked, KPI)


def nodes_of(folder: Path, deal: Deal, terms: FeedTerms, rows: str | None = None) -> list[NodeFiles]:
    options = {}
    if rows is not None:
        folder.mkdir(exist_ok=True)
        options["settled"] = folder / "given.csv"
        options["settled"].write_text(HEADER + rows)
    return prepare_nodes(folder / "nodes", terms, deal=deal, **options)


def about(terms: FeedTerms, period: int) -> dict[str, Any]:
    names = {"feed": "0x" + "01" * 32, "version": 0, "gauge": "reader-1"}
    return {**names, "kpi": KPI, "decimals": terms.decimals, "period": period}


def bundle_of(deal: Deal, terms: FeedTerms, period: int, settled: Any) -> Bundle:
    times = terms.period_starts[period], terms.period_ends[period]
    return measure("unit-value/1", PreparedBond.of(deal), settled, *times, **about(terms, period)).bundle


def test_nodes_give_the_number_of_the_command(tmp_path: Path, marked: Deal, terms: FeedTerms) -> None:
    """Every node the same integer in every period, that of `penstock price --at`, and reports that verify."""
    from scripts.cli import main

    nodes = [start(item) for item in nodes_of(tmp_path, marked, terms)]
    for period, day in enumerate(ENDS):
        values = {node.observe(request(terms, period)).value for node in nodes}
        asked = ["price", str(DEAL), "--at", day.isoformat(), "--json"]
        said = json.loads(CliRunner().invoke(main, asked).stdout)["unit_value"]
        assert values == {to_integer(Decimal(said), 4)}
    assert values == {11_543_500}  # nine coupons of 17.15 and 1,000: 19.9 % pays nothing either way
    done = verify_report(report_of(nodes, terms, tmp_path / "report", 2))
    assert done.ok, [check for check in done.checks if not check.ok]


def test_by_hand(marked: Deal, terms: FeedTerms) -> None:
    """On 31 March 2021 a day is left, none by 30/360 of a 31st: 17.15 and 1,000 and the outcome of 132."""
    for settled, outcome in ((0.5, 132), (0.3, 0), (None, 132)):
        value = None if settled is None else int(settled * 10**6)
        found = bundle_of(marked, terms, 3, {(RUNOFF, 0): SettledReport(FINAL, value)})
        assert found.document("results.json")["paid"] == "137.200000"
        worth = Decimal("137.2") + Decimal("1017.15") + outcome
        assert (
            abs(found.context.value - worth * 10**4) <= Decimal("0.1") * 10**4
        )  # a day's discount at 3.43 %
        after = bundle_of(marked, terms, 4, {(RUNOFF, 0): SettledReport(FINAL, value)})
        assert after.context.value == worth * 10**4


def test_a_file_written_otherwise_gives_the_same_evidence(
    tmp_path: Path, marked: Deal, terms: FeedTerms
) -> None:
    """Order, spaces and numbers of a YAML file, and rows of later, are not in the evidence."""
    import yaml

    files = nodes_of(tmp_path, marked, terms, ROW)
    other = files[1].config.parent
    tree = json.loads(marked.canonical_json)
    (other / "deal.yaml").write_text(yaml.safe_dump(dict(reversed(tree.items())), width=60))
    (other / "settled.csv").write_text("\ufeff" + HEADER + ROW.replace("0.500000", "+0.50"))
    edit(files[1], deal="deal.yaml", reader=json.loads(files[0].config.read_text())["reader"])
    seen = [start(files[0]).observe(request(terms, period)) for period in (1, 2)]
    again = [start(files[1]).observe(request(terms, period)) for period in (1, 2)]
    assert [item.evidence for item in seen] == [item.evidence for item in again]
    assert seen[0].value < seen[1].value  # the report of 20 January counts in January
    (other / "settled.csv").write_text(HEADER)  # as it was at the end of December
    edit(files[1], state="earlier")
    assert start(files[1]).observe(request(terms, 1)).evidence == seen[0].evidence


def test_who_left_out_a_report_is_named(tmp_path: Path, marked: Deal, terms: FeedTerms) -> None:
    files = nodes_of(tmp_path, marked, terms, ROW)
    (files[1].config.parent / "settled.csv").write_text(HEADER)
    nodes = [start(item) for item in files]
    done = verify_report(report_of(nodes, terms, tmp_path / "r", 2))
    assert [(check.name, check.node) for check in done.checks if not check.ok] == [
        ("same settled", nodes[1].address)
    ]


def test_a_report_beyond_its_windows_is_required(tmp_path: Path, marked: Deal, terms: FeedTerms) -> None:
    """Silence is a row of its own, `missing`; the deal's rule for it pays the holders, not the issuer."""
    node = start(nodes_of(tmp_path / "a", marked, terms, "")[0])
    node.observe(request(terms, 2))
    with pytest.raises(RefusedError, match="report of runoff-reduction, period 1: is required"):
        node.observe(request(terms, 3))
    silent = start(nodes_of(tmp_path / "b", marked, terms, ROW.replace("0.500000", "missing"))[0])
    assert silent.observe(request(terms, 4)).value == 11_543_500 + 132 * 10**4


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("settled.csv", "0.500000", "0.100000", "value = .*, but its own raw data give"),
        ("settled.csv", "0.500000", "0.5", r"settled\.csv: not what"),
        (
            "settled.csv",
            "2021-01-20T00:00:00Z",
            "2021-02-20T00:00:00Z",
            "value = .*, but its own raw data give",
        ),
        ("settled.csv", "runoff-reduction", "rain", "line 2: kpi = rain: unknown"),
        ("deal.json", '"rate":{', '"rat":{', "deal.json"),
        ("deal.json", '"decimals":4', '"decimals":5', "has 5 decimals, not 4"),
        ("deal.json", '"2021-01-31"', '"2021-01-30"', "has no period from"),
        ("deal.json", "unit-value/1", "reported-values/1", "has none that is reported by unit-value/1"),
        ("deal.json", "{", "[", "deal.json"),
        ("parameters.json", '"discount_yield":"0.0343"', '"discount_yield":"0.03"', r"parameters\.json"),
        ("parameters.json", '"terms_hash":"0x', '"terms_hash":"0y', r"parameters\.json: .*terms_hash"),
        ("results.json", '"paid":"137', '"paid":"138', r"results\.json: .*paid = 138"),
        ("observation.json", '"period_end":1612137600', '"period_end":1612137601', "has no period from"),
    ],
)
def test_forged_evidence(marked: Deal, terms: FeedTerms, name: str, old: str, new: str, says: str) -> None:
    found = bundle_of(marked, terms, 2, {(RUNOFF, 0): SettledReport(FINAL, 500_000)})
    text = found.text(name)
    assert old in text
    with pytest.raises(MethodError, match=says) as problem:
        recompute(Bundle({**found.files, name: text.replace(old, new, 1).encode()}))
    assert "\n" not in str(problem.value)


def claiming(honest: Bundle, value: int) -> Bundle:
    """The bundle with another value wherever it stands."""
    about, results = honest.document("observation.json"), honest.document("results.json")
    about["value"] = results["value"] = str(value)
    results["reads"] = kpi_text(value, honest.context.decimals)
    files = {"observation.json": canonical(about), "results.json": canonical(results)}
    return Bundle({**honest.files, **files})


def test_a_rounding_the_other_way_stands_and_a_lie_of_one_unit_does_not(
    marked: Deal, terms: FeedTerms
) -> None:
    """1,154.35 with one decimal is 1,154.4 or, where a float lies a hair below, 1,154.3; no other."""
    reports = {(RUNOFF, 0): SettledReport(FINAL, 300_000)}
    honest = bundle_of(marked, terms, 2, reports)
    for lie in (-1, 1):
        with pytest.raises(MethodError, match="but its own raw data give"):
            recompute(claiming(honest, honest.context.value + lie))
    tree = marked_tree()
    tree["kpis"][KPI]["decimals"] = 1
    tree["oracle"][KPI]["max_spread"] = term(Decimal("0.1"))
    deal = parse_deal(tree)
    tie = bundle_of(deal, feed_terms(deal, KPI), 4, reports)
    assert tie.context.value == 11_544
    assert recompute(claiming(tie, 11_543)) == recompute(tie) == 11_544
    for value in (11_542, 11_545):
        with pytest.raises(MethodError, match=f"value = {value}, but its own raw data give 11544"):
            recompute(claiming(tie, value))


def test_a_bond_that_hangs_on_its_own_worth(terms: FeedTerms) -> None:
    tree = marked_tree()
    tree["kpis"][RUNOFF]["periods"] = tree["kpis"][KPI]["periods"][1:2]
    tree["oracle"][RUNOFF]["method"] = "unit-value/1"
    deal = parse_deal(tree)
    feed = feed_terms(deal, RUNOFF)
    with pytest.raises(MethodError, match="the bond hangs on it"):
        measure(
            "unit-value/1", PreparedBond.of(deal), {}, feed.period_starts[0], feed.period_ends[0],
            **{**about(terms, 0), "kpi": RUNOFF, "decimals": 6},
        )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: must be kpi,period,settled_at,value"),
        (HEADER + ROW + ROW, "line 3: runoff-reduction, period 1: stands twice"),
        (HEADER + "runoff-reduction,1,2021-01-20T00:00:00Z\n", "line 2: 3 cells, but 4 columns"),
        (HEADER + ROW.replace(",1,", ",0,"), "line 2: period = 0: periods are counted from 1"),
        (HEADER + ROW.replace(",1,", f",{'9' * 5000},"), "line 2: period = 9+: periods are counted from 1"),
        (HEADER + ROW.replace("T00:00:00Z", ""), "line 2: settled_at = 2021-01-20: not a time in UTC"),
        (HEADER + ROW.replace("0.500000", "0.5000001"), "line 2: value = 0.5000001: finer than 6 decimals"),
        (HEADER + ROW.replace("0.500000", "none"), "line 2: value = none: not a plain decimal number"),
        (HEADER + '"x', "not a CSV table"),
    ],
)
def test_bad_tables(tmp_path: Path, marked: Deal, terms: FeedTerms, text: str, says: str) -> None:
    files = nodes_of(tmp_path, marked, terms)[0]
    (files.config.parent / "settled.csv").write_text(text)
    with pytest.raises(ConfigError, match=says) as problem:
        start(files)
    assert "\n" not in str(problem.value)


def test_bad_deals(tmp_path: Path, marked: Deal, terms: FeedTerms) -> None:
    files = nodes_of(tmp_path, marked, terms)[0]
    for change, says in (("absent.yaml", "deal: .*absent.yaml"), ("settled.csv", "deal: ")):
        edit(files, deal=change)
        with pytest.raises(ConfigError, match=says) as problem:
            start(files)
        assert "\n" not in str(problem.value)
    with pytest.raises(InputError, match="deal: is required by unit-value/1"):
        prepare_nodes(tmp_path / "none", terms)


def test_a_table_comes_back(marked: Deal) -> None:
    given = {(RUNOFF, 0): SettledReport(FINAL, -7), (KPI, 3): SettledReport(FINAL + 1, None)}
    assert read_settled(settled_text(given, marked.kpis), "t", marked.kpis) == given


def test_the_price_of_a_unit_is_what_a_buyer_pays(marked: Deal) -> None:
    """The report less what the token has earned is the dirty price, in every period, before and after pay."""
    bond = PreparedBond.of(marked)
    for day in ENDS[:4]:
        found = unit_value(bond, {(RUNOFF, 0): SettledReport(FINAL, 500_000)}, day)
        assert found.live.dirty is not None
        assert float(found.worth - found.paid) == pytest.approx(found.live.dirty * 10, abs=1e-9)
