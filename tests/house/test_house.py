"""What holds of the whole project: marks that a command watches, one variable for seeds, strict tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from chain.bindings import event_abis
from chain.parts import PARTS
from scripts.bench import REGISTER
from tools import bootstrap

ROOT = Path(__file__).resolve().parents[2]
MARKS = (ROOT / "README.md").read_text().split("## What was measured")[1].split("## ")[0]
ROWS = [line.split(" | ") for line in MARKS.splitlines() if line.startswith("| ")][1:]
TESTS = {"test-contracts", "test-deep", "test-python", "test-solidity"}
CHECKED_BY_MAKE = {"demo", "demo-all", "mutants", "slither"} | TESTS
"""Targets that end with an error when what they measure is off."""


def commands() -> list[str]:
    last, found = "", []
    for row in ROWS:
        cell = row[-1].rstrip(" |")
        last = last if cell == "〃" else cell
        found += re.findall(r"`([^`]+)`", last)
    return sorted(set(found))


@pytest.mark.parametrize("command", commands())
def test_a_command_fails_when_its_mark_is_missed(command: str) -> None:
    """Each names a test, a benchmark with --check, or a target of make that fails."""
    program, *words = command.split()
    if program == "pytest":
        assert (ROOT / words[0]).exists()
    elif program == "make":
        assert words[0] in CHECKED_BY_MAKE
        assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), re.M)
    else:
        name, *options = words[1:]
        assert (program, words[0], options) == ("penstock", "bench", ["--check"])
        assert name in REGISTER


def test_every_row_has_a_command() -> None:
    assert len(ROWS) > 20
    assert all(len(row) == 4 for row in ROWS)


def test_one_variable_sets_every_seed() -> None:
    own = re.compile(r"SystemRandom|PENSTOCK_SEED[\"']")
    here = [
        path for path in (ROOT / "tests").rglob("*.py") if path.name not in ("seeds.py", Path(__file__).name)
    ]
    assert [path.name for path in here if own.search(path.read_text())] == []


@pytest.mark.parametrize("strict", ["", "1"])
def test_what_is_skipped_is_not_green_where_nothing_may_be(strict: str, tmp_path: Path) -> None:
    """A mark, a call and a module that is left out: skipped here, failed in continuous integration."""
    (tmp_path / "test_marked.py").write_text(
        "import pytest\n@pytest.mark.skipif(True, reason='no browser')\ndef test_a(): pass\n"
        "def test_b(): pytest.skip('no database')\n"
    )
    (tmp_path / "test_absent.py").write_text("import pytest\npytest.importorskip('nothing_of_this_name')\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:pytest-brownie", "-p", "tests.conftest", "-q"]
    command += [
        "--continue-on-collection-errors",
        "--rootdir",
        str(tmp_path),
        "--confcutdir",
        str(tmp_path),
        "-o",
        "addopts=",
        str(tmp_path),
    ]
    environment = {**os.environ, "PENSTOCK_STRICT": strict, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode != 0) == bool(strict), done.stdout
    if strict:
        assert all(word in done.stdout for word in ("no browser", "no database", "nothing_of_this_name"))


@pytest.mark.parametrize(
    ("here", "others", "tests", "chosen"),
    [
        (11, {}, True, "here"),
        (13, {"python3.12": 12}, False, "here"),
        (13, {"python3.12": 12}, True, "python3.12"),
        (14, {}, False, "here"),  # runs, without brownie
        (14, {"python3.13": 13}, False, "python3.13"),
        (15, {"python3.14": 14}, False, "python3.14"),
        (9, {"python3.11": 11}, True, "python3.11"),
        (15, {}, False, "needs Python 3.11 to 3.14: here is"),
        (13, {"python3.14": 14}, True, "the tools of make test need Python 3.11 to 3.12: here is"),
    ],
)
def test_set_up_takes_a_python_that_can(
    here: int,
    others: dict[str, int],
    tests: bool,
    chosen: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """This one, else one that is looked for; else it is said in the first line, and nothing is begun."""
    versions = {"here": here, **others}
    monkeypatch.setattr(bootstrap, "minor_version", versions.get)
    monkeypatch.setattr(bootstrap, "base_of_environment", list)
    monkeypatch.setattr(sys, "executable", "here")
    if chosen in versions:
        assert bootstrap.choose_python(tests, named=False) == chosen
        return
    with pytest.raises(SystemExit, match="2"):
        bootstrap.choose_python(tests, named=False)
    assert chosen in capsys.readouterr().err.splitlines()[0]


# -- kinds of parts

WALK = ROOT / "docs" / "new-instrument.md"
OWN = {
    "bond": ("KpiBond", "BondBooks", "BondLife", '"kpi_bond"'),
    "payment": ("KpiPayment", "PaymentBooks", '"kpi_payment"'),
    "treasury": ("RevenueTreasury", "TreasuryBooks", '"treasury"'),
    "offering": ("OfferingBooks", '"Offering"'),
    "offering_book": ("OrderBook", '"offering_book"'),
    "token": ("SecurityToken", '"claim_token"'),
    "trade_desk": ("TradeDesk", '"trade_desk"'),
    "proceeds": ("ProceedsRegister", "ProceedsBooks"),
    "put_right": ("PutRight", "PutBooks"),
    "consent_solicitation": ("ConsentSolicitation", "ConsentBooks"),
    "liquidity_buffer": ("LiquidityBuffer", '"liquidity_buffer"'),
    "office": ("OfficeBooks", '"office"'),
    "spv": ("SpvBooks", '"spv"', '"tranche"'),
}
"""What names a kind, by its module in chain.parts."""
REGISTRIES = ("chain/kinds.py", "chain/parts/__init__.py")


def test_the_walk_of_a_newcomer_names_files_that_are_there() -> None:
    text = WALK.read_text()
    files = re.findall(r"`((?:finance|contracts|chain|api|tests)/[\w/.]+\.(?:py|sol))`", text)
    assert len(files) > 10
    assert [name for name in files if not (ROOT / name).exists()] == []
    for link in re.findall(r"\]\(((?:\.\./)?[\w/.-]+)(?:#[\w-]+)?\)", text):
        assert (WALK.parent / link).exists(), link


def test_nothing_of_the_chain_names_a_kind_but_its_own_module() -> None:
    """Law 9, in this room: what deploys, checks, replays, reconciles, acts and keeps knows no kind."""
    found = []
    for path in sorted((ROOT / "chain").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name in REGISTRIES:
            continue
        text = path.read_text()
        for kind, names in OWN.items():
            if path.parent.name == "parts" and path.stem == kind:
                continue
            found += [(name, each) for each in names if each in text]
    assert found == []


ELSEWHERE = re.compile(
    r"\b(?:KpiBond|KpiPayment|RevenueTreasury|ClaimToken|SecurityToken|is_bond"
    r"|TradeDesk|OrderBook|OfferingBook|PutRight|LiquidityBuffer|Tranche"
    r"|(?:Bond|Payment|Treasury|Token|Offering|TradeDesk|Order|Put|Spv)Books)\b"
    r"|\"(?:kpi_bond|kpi_payment|claim_token|spv|tranche)\""
)
OF_A_KIND = re.compile(
    r"api/instruments/(?:bond|swap|offering|token|trade_desk|proceeds|put_right|consent_solicitation|liquidity_buffer|office|spv)|scripts/(?:kinds/(?:bond|payment|spv)|quote|sell)"
    r"|finance/terms/(?:bond|swap|treasury|offering|claim_token|token_rules|payment_form|trade_desk|proceeds|put_right|consent_solicitation|liquidity_buffer|office|spv|tranche|amounts)"
    r"|scripts/examples/"
)
OF_A_TOKEN = re.compile(r"api/index/(?:positions|statements)")
"""Of the claim token in the index: what each holder has, and its statement."""
EVENTS_OF = (
    "bond",
    "payment",
    "treasury",
    "offering",
    "offering_book",
    "token",
    "trade_desk",
    "proceeds",
    "put",
    "consent_solicitation",
    "liquidity_buffer",
    "office",
    "spv",
    "registry",
)
STILL = {
    "api/instruments/__init__.py",  # a registry
    "api/instruments/acts.py",  # a registry: kinds of parts on chain, of which one is called as in the deal
    "finance/terms/__init__.py",  # what users import
    "finance/terms/assets.py",  # a registry
    "finance/terms/kinds.py",  # a registry
    "finance/terms/migrate.py",  # what the first schema called them
    "scripts/kinds/__init__.py",  # a registry
}
"""What names a kind outside the kind's own modules yet. It gets shorter only."""


def test_no_more_of_the_other_rooms_names_a_kind() -> None:
    """Law 9 for service, commands, oracle and deal files."""
    found = {
        name
        for room in ("api", "oracle", "scripts", "finance/terms")
        for path in (ROOT / room).rglob("*.py")
        if not OF_A_KIND.match(name := path.relative_to(ROOT).as_posix())
        and ELSEWHERE.search(path.read_text())
    }
    assert found == STILL


def test_nothing_names_an_event_of_a_kind_but_its_own_modules() -> None:
    """Law 9 for what contracts say: in all rooms of Python, but for events that ERC-20 and clones share."""
    names = {
        event["name"]
        for kind in EVENTS_OF
        for event in event_abis(PARTS[kind].contract).values()
        if event["name"] not in ("Transfer", "Approval", "Initialized")
    }
    assert {"CouponPaid", "PeriodSettled", "Subscribed", "Distributed", "IdentitySet"} <= names
    own = re.compile(r"chain/parts/|finance/settlement/|api/instruments/registry")
    found = [
        (name, event)
        for room in ("api", "chain", "finance", "oracle", "scripts")
        for path in sorted((ROOT / room).rglob("*.py"))
        if not any(
            each.match(name := path.relative_to(ROOT).as_posix()) for each in (OF_A_KIND, OF_A_TOKEN, own)
        )
        for event in sorted(names)
        if f'"{event}"' in path.read_text()
    ]
    assert found == []
