"""Deal files of the earlier form, written anew."""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from finance.terms import DealFileError, load_deal, parse_deal
from finance.terms.migrate import migrated
from finance.terms.reader import load_yaml, read_deal_text
from scripts.cli import main

EARLIER = Path(__file__).parent / "earlier"
DEALS = Path(__file__).resolve().parents[2] / "deals"
NAMES = {"dc-water-eib-2016": {"series-2016b": "bond"}, "bloom-wind-prs": {"revenue-share": "treasury"}}


def today(name: str) -> str:
    made = migrated((EARLIER / f"{name}.yaml").read_bytes())
    assert made is not None
    text, lost = made
    assert lost == []
    return text


@pytest.mark.parametrize("name", NAMES)
def test_an_earlier_file_becomes_that_of_the_book(name: str) -> None:
    """But for what a claim is called; every line of it, comments too, is still there."""
    text = today(name)
    book = (DEALS / f"{name}.yaml").read_text()
    for before, after in NAMES[name].items():
        assert text.replace(f"  {before}:\n", f"  {after}:\n") == book
    assert (
        parse_deal(read_deal_text(text.encode())).terms_hash != load_deal(DEALS / f"{name}.yaml").terms_hash
    )


def test_the_reader_says_what_to_do_with_an_earlier_file() -> None:
    file = EARLIER / "bloom-wind-prs.yaml"
    with pytest.raises(DealFileError) as caught:
        load_deal(file)
    assert str(caught.value) == (
        f"{file}: schema = penstock/deal/1: is an earlier form: `penstock migrate {file}` writes it anew"
    )


def run(*arguments: Any) -> Any:
    return CliRunner().invoke(main, ["migrate", *map(str, arguments)])


def test_the_command_writes_all_or_says_what_is_wrong(tmp_path: Path) -> None:
    old, new, bad = (tmp_path / name for name in ("old.yaml", "new.yaml", "bad.yaml"))
    before = (EARLIER / "bloom-wind-prs.yaml").read_text()
    old.write_text(before)
    new.write_text((DEALS / "bloom-wind-prs.yaml").read_text())
    bad.write_text(before.replace("soft_cap: {value: 18000000,", "soft_cap: {value: 18000001,"))
    checked = run("--check", old, new)
    assert checked.exit_code == 1
    assert old.read_text() == before
    failed = run(old, bad)
    assert failed.exit_code == 2
    assert "parts.offering.soft_cap = 18000001: is greater than the hard cap" in failed.stderr
    assert old.read_text() == before  # nothing is half done
    done = run(old, new)
    assert done.exit_code == 0
    assert done.output.splitlines() == [f"{old}: written anew", f"{new}: has today's form"]
    assert old.read_text() == today("bloom-wind-prs")
    assert run("--check", old).exit_code == 0
    assert run(tmp_path / "none.yaml").exit_code == 2
    odd = tmp_path / "odd.yaml"
    odd.write_text("schema: penstock/deal/0\n")
    assert "must be penstock/deal/1 or penstock/deal/2" in run(odd).stderr


def test_a_file_in_another_layout_is_written_from_its_fields(tmp_path: Path) -> None:
    """In braces throughout: the same deal, no digit lost."""
    tree = read_deal_text((EARLIER / "dc-water-eib-2016.yaml").read_bytes())
    file = tmp_path / "flow.yaml"
    file.write_text(yaml.dump(plain(tree), default_flow_style=True, width=10_000))
    done = run(file)
    assert done.output == f"{file}: written anew\n"  # it had no comments
    assert (
        load_deal(file).terms_hash
        == parse_deal(read_deal_text(today("dc-water-eib-2016").encode())).terms_hash
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_comment_on_any_line_is_kept_or_named(name: str, tmp_path: Path) -> None:
    """One at the end of every line that can bear one, and one above each."""
    lines: list[str] = []
    for line in (EARLIER / f"{name}.yaml").read_text().split("\n"):
        opens = line.lstrip()[:1] not in ("", "#") and (line.endswith(("}", ":")) or "kind:" in line)
        indent = line[: len(line) - len(line.lstrip())]
        lines += [f"{indent}# above {len(lines)}", f"{line}  # beside {len(lines)}"] if opens else [line]
    text = "\n".join(lines)
    assert load_yaml(text) == read_deal_text((EARLIER / f"{name}.yaml").read_bytes())
    said = [line.partition("# ")[2] for line in lines if "# above" in line or "# beside" in line]
    assert len(said) > 60
    made = migrated(text.encode())
    assert made is not None
    after, lost = made
    assert [each for each in said if not re.search(rf"# {each}$", after, re.M)] == []
    assert lost == []
    file = tmp_path / "old.yaml"
    file.write_text(text.replace("soft_cap: {value: ", "soft_cap: {value: 0"))  # in another spelling
    told = run(file).output.splitlines()
    written = file.read_text()
    assert told[0] == f"{file}: written anew"
    assert {line.partition("# ")[2] for line in told[1:]} == {each for each in said if each not in written}


def plain(item: Any) -> Any:
    """Numbers and days as YAML writes them by itself, exact for these."""
    if isinstance(item, dict):
        return {key: plain(value) for key, value in item.items()}
    if isinstance(item, list):
        return [plain(value) for value in item]
    return (
        item if isinstance(item, str | bool | int) or item is None or hasattr(item, "year") else float(item)
    )


@pytest.mark.parametrize("section", ["claims", "kpis"])
@pytest.mark.parametrize("what", ["null", "[1]", "text"])
def test_what_is_no_deal_is_said_in_one_line(tmp_path: Path, section: str, what: str) -> None:
    file = tmp_path / "odd.yaml"
    text = (EARLIER / "bloom-wind-prs.yaml").read_text()
    file.write_text(text.replace(f"\n{section}:\n", f"\n{section}:\n  odd: {what}\n"))
    failed = run(file)
    assert failed.exit_code == 2
    assert failed.stderr.splitlines() == [f"{file}: {section}.odd = {what}: must be a mapping"]


def test_claims_may_be_called_as_parts_would_be() -> None:
    text = (EARLIER / "dc-water-eib-2016.yaml").read_text()
    assert "\nclaims:\n  series-2016b:\n" in text
    before = read_deal_text(text.encode())
    claim = before["claims"]["series-2016b"]
    others = {key: deepcopy(claim) for key in ("token", "token-2", "offering")}
    made = migrated(yaml.dump(plain({**before, "claims": others}), sort_keys=False).encode())
    assert made is not None
    parts = read_deal_text(made[0].encode())["parts"]
    assert list(parts) == [*others, "token-3", "offering-2"]
    assert {parts[key]["token"] for key in others} == {"token-3"}
    assert parts["offering-2"]["sells"] == "token-3"


@pytest.mark.parametrize("number", ["1e999999999", "-1e-999999999", "9" * 41, "1" * 2_000], ids=len)
def test_a_number_that_no_deal_can_carry_is_refused_before_it_is_written(tmp_path: Path, number: str) -> None:
    file = tmp_path / "old.yaml"
    text = (EARLIER / "dc-water-eib-2016.yaml").read_text()
    changed = text.replace("principal: {value: 25000000,", f"principal: {{value: {number},")
    assert changed != text
    changed = changed.replace("\nclaims:\n", '\n"claims":\n')  # all of it is written from its fields
    file.write_text(changed)
    failed = run(file)
    assert failed.exit_code == 2
    (line,) = failed.stderr.splitlines()
    assert line.startswith(f"{file}: claims.series-2016b.principal.value = ")
    assert line.endswith(": has more digits than a deal can carry (40)")
    assert file.read_text() == changed


def test_a_file_in_another_layout_is_written_anew() -> None:
    """With whole numbers as such, and what two KPIs share in each of them."""
    text = (EARLIER / "bloom-wind-prs.yaml").read_text()
    kpi = text[text.index("\nkpis:\n") + len("\nkpis:\n") :].partition("\n\n")[0].rstrip("\n")
    second = kpi.replace("  proxy-revenue:", "  second:", 1)
    for old, new in (
        (kpi, f"{kpi}\n{second}"),
        ("\nclaims:\n", '\n"claims":\n'),
        ("soft_cap: {value: 18000000,", "soft_cap: {value: 18000e3,"),
        ("  parameters:\n", "  parameters:\n    reported_values: {value: [1], assumed: a test}\n"),
    ):
        assert old in text
        text = text.replace(old, new)
    found = migrated(text.encode())
    assert found is not None
    lines = text.split("\n")
    assert found[1][:3] == [f"{number}: {lines[number - 1]}" for number in (1, 2, 3)]
    again = read_deal_text(found[0].encode())
    assert len(again["kpis"]) == 2
    assert [kpi["reported_values"]["value"] for kpi in again["kpis"].values()] == [[1], [1]]
    assert again["parts"]["offering"]["soft_cap"]["value"] == 18_000_000
