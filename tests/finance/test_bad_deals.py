"""Every way a deal file can be wrong has its own clear message, and `penstock` ends with 2."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from finance.terms import DealFileError, load_deal, parse_deal
from finance.terms.reader import read_deal_text
from finance.terms.swap import KpiPayment
from scripts.cli import main
from tests.finance.bad_claim_cases import BAD_CLAIMS
from tests.finance.bad_deal_cases import BAD_DEALS
from tests.finance.bad_kpi_cases import BAD_KPI_RULES
from tests.finance.bad_process_cases import BAD_PROCESSES
from tests.finance.bad_swap_cases import BAD_SWAPS
from tests.finance.bad_vehicle_cases import BAD_VEHICLES
from tests.finance.deal_variants import file_of

# By name: the deal that is edited, the edits, field, value, part of the reason.
BAD = {name: ("dc-water-eib-2016", *case) for name, case in (BAD_CLAIMS | BAD_DEALS | BAD_PROCESSES).items()}
BAD |= BAD_KPI_RULES | BAD_SWAPS | BAD_VEHICLES


@pytest.mark.parametrize("name", BAD)
def test_bad_file_is_refused_in_one_clear_line(name: str, edited: Callable[..., Path]) -> None:
    base, edits, field, value, reason = BAD[name]
    path = edited(*edits, base=base)
    with pytest.raises(DealFileError) as caught:
        load_deal(path)
    found = [problem for problem in caught.value.problems if problem.field == field]
    assert found, f"no problem at {field}:\n{caught.value}"
    matching = [problem for problem in found if reason in problem.reason]
    assert matching, f"{reason!r} not in:\n{caught.value}"
    line = str(matching[0])
    assert "\n" not in line
    if field:
        assert line.startswith(f"{path}: {field} = {value}"), line
    else:
        assert line.startswith(f"{path}: "), line


def test_last_fixing_beyond_a_year_if_the_deal_says_why(edited: Callable[..., Path]) -> None:
    said = ("{rule: replacement_cost}", "{rule: last_fixing, why: the two are sisters}")
    swap = load_deal(edited(said, base="water-utility-rainfall-swap")).only(KpiPayment)
    assert (swap.close_out.rule, swap.close_out.why) == ("last_fixing", "the two are sisters")


# Mistakes that are wrong in more than one place.
TWICE_WRONG = {
    "maturity before interest", "missing section", "principal and denomination", "tier bound in percent",
    "tier bound too fine", "unknown KPI of the oracle", "a sale that closes as the first period ends",
    "a test that whoever is paid decides",
    "a test that whoever lends decides",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(BAD) - TWICE_WRONG))
def test_one_mistake_gives_one_problem(name: str, edited: Callable[..., Path]) -> None:
    with pytest.raises(DealFileError) as caught:
        load_deal(edited(*BAD[name][1], base=BAD[name][0]))
    assert len(caught.value.problems) == 1, str(caught.value)


@pytest.mark.parametrize("name", BAD)
def test_command_line_ends_with_2_and_the_same_lines(name: str, edited: Callable[..., Path]) -> None:
    path = edited(*BAD[name][1], base=BAD[name][0])
    with pytest.raises(DealFileError) as caught:
        load_deal(path)
    result = CliRunner().invoke(main, ["validate", str(path)])
    assert result.exit_code == 2
    assert result.stderr == f"{caught.value}\n"
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", ["price", "cashflows", "validate"])
def test_missing_file(command: str, tmp_path: Path) -> None:
    path = tmp_path / "nowhere.yaml"
    result = CliRunner().invoke(main, [command, str(path)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"{path}: file not found\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a deal: the file must be a mapping of fields"),
        (b"just text", "not a deal: the file must be a mapping of fields"),
        (b"- 1\n- 2\n", "not a deal: the file must be a mapping of fields"),
        (b"\xff\xfe\x00", "not YAML: the file is not UTF-8 text"),
        (b"a: !!python/object/apply:os.system [echo]", "not YAML: could not determine a constructor"),
        (b"a: " + b"[" * 5000, "not YAML"),
        (b"1: x", "not YAML: key 1 must be text (line 1, column 1)"),
        (b"a: {value: 25,000,000, b: 1}", "key 0 must be text; numbers take no commas (line 1, column 15)"),
        (b"a: {value: 1,234.5}", "key 234.5 must be text; numbers take no commas"),
        (b"a: {value: -25,000}", "key 0 must be text; numbers take no commas"),
        (b"x" * 1_000_001, "a deal file has at most 1000000"),
    ],
)  # fmt: skip
def test_file_that_is_no_deal(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "deal.yaml"
    path.write_bytes(content)
    with pytest.raises(DealFileError, match=re.escape(reason)) as caught:
        load_deal(path)
    assert len(caught.value.problems) == 1
    assert "\n" not in str(caught.value)


def test_folder_is_no_deal(tmp_path: Path) -> None:
    with pytest.raises(DealFileError, match="cannot be read"):
        load_deal(tmp_path)


def test_all_problems_are_reported_at_once(edited: Callable[..., Path]) -> None:
    """Malformed fields and broken rules, in different sections and in the same claim, in one run."""
    names = [
        "unknown field",
        "rate in percent",
        "gapped tiers",
        "quorum is half",
        "currency decimals",
        "unknown source of a party",
    ]
    path = edited(*(edit for name in names for edit in BAD[name][1]))
    with pytest.raises(DealFileError) as caught:
        load_deal(path)
    assert {problem.field for problem in caught.value.problems} == {BAD[name][2] for name in names}


def test_empty_mapping_lists_every_section(tmp_path: Path) -> None:
    path = tmp_path / "deal.yaml"
    path.write_text("{}")
    with pytest.raises(DealFileError) as caught:
        load_deal(path)
    assert {problem.field for problem in caught.value.problems} >= {
        "schema",
        "parts",
        "asset",
        "currency",
    }  # a fixed bond needs neither kpis nor oracle, a swap no offering
    assert {problem.reason for problem in caught.value.problems} == {"is required"}


def test_a_large_text_is_read_in_less_than_it_takes_to_wait() -> None:
    """What strangers post has at most 200 kB; 4,000 wrong parties took half a minute to tell of."""
    good = file_of("bloom-wind-prs").read_text()
    wrong = "".join(f"  p{i}: {{name: A, roles: [node], source: x}}\n" for i in range(4000))
    for text in (
        good.replace("parties:\n", f"parties:\n{wrong}"),
        f"{good}\njunk: [{','.join(['1'] * 90_000)}]",
        "\n".join(f"k{i}: 1" for i in range(18_000)),
        "a: " + "[" * 190_000,
        "- " * 90_000,
    ):
        began = time.process_time()
        with pytest.raises(DealFileError):
            parse_deal(read_deal_text(text.encode()))
        assert time.process_time() - began < 2.5


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a: 1\nb:\n  c: 2\n  c: 3\n", "duplicate key 'c' (line 4, column 3)"),
        ("a: 1\nb: *x\n", "aliases (*name) are not accepted (line 2, column 4)"),
        ("a: &x [1]\nb:\n  - *x\n", "aliases (*name) are not accepted (line 3, column 5)"),
        ("a: 1\n[b]: 2\n", "key ['b'] must be text (line 2, column 1)"),
        ("a: !!int '5'\n", "(line 1, column 4)"),
        ("a: 1\n---\nb: 2\n", "expected a single document in the stream (line 2, column 1)"),
        ("a: " + "[" * 70, "more than 64 lists and mappings within each other (line 1, column"),
    ],
)
def test_a_wrong_place_is_named_by_line_and_column(text: str, where: str) -> None:
    with pytest.raises(DealFileError) as refused:
        read_deal_text(text.encode())
    assert where in str(refused.value)
