"""A kind from another package: that of docs/new-instrument.md, found by its entry points alone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from chain.kinds import PLANS
from finance.settlement.acts import ANYONE, Act, Call, table
from finance.settlement.world import NOBODY, Books, World
from finance.terms.kinds import KINDS
from scripts.demo.company import Company
from scripts.kinds import MODULES
from tests.kinds.deals import ROOT

PACKAGE = ROOT / "tests" / "kinds" / "toy_package"
DEAL = PACKAGE / "service_fee" / "service-fee.yaml"
KIND = "service_fee"
Run = subprocess.CompletedProcess[str]


def run(*words: object, package: Path | None = PACKAGE, module: str = "scripts", cwd: Path = ROOT) -> Run:
    """A command in a process that has the package on its path, or not."""
    path = os.pathsep.join(map(str, [ROOT, *([package] if package else [])]))
    environment = {**os.environ, "PYTHONPATH": path, "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, words)],
        capture_output=True, text=True, env=environment, cwd=cwd, timeout=600,
    )  # fmt: skip


def test_nothing_of_ours_names_it() -> None:
    rooms = ("api", "chain", "finance", "oracle", "scripts")
    sources = [path for room in rooms for path in (ROOT / room).rglob("*.py")]
    assert len(sources) > 300
    naming = [path for path in sources if re.search("service.fee|ServiceFee", path.read_text())]
    assert naming == []
    for registry in (KINDS, PLANS, MODULES):
        assert KIND not in registry or str(PACKAGE) in sys.path


def test_the_schema_has_it() -> None:
    known, without = json.loads(run("schema").stdout), json.loads(run("schema", package=None).stdout)
    assert "ServiceFee" in known["$defs"]
    del known["$defs"]["ServiceFee"]
    assert known["$defs"].keys() == without["$defs"].keys()


def test_it_is_checked() -> None:
    good, unknown = run("validate", DEAL), run("validate", DEAL, package=None)
    assert good.returncode == 0, good.stderr
    assert unknown.returncode == 2
    assert "parts.fee.kind = service_fee: must be one of 'kpi_bond'" in unknown.stderr


WRONG = {
    "payee: operator": ("payee: nobody", "parts.fee.payee = nobody: unknown party"),
    "kpi: volume": ("kpi: volumes", "parts.fee.kpi = volumes: unknown KPI (known: volume)"),
    "price: {value: 120": ("price: {value: 0.000011", "parts.fee.price = 0.000011: EUR has 2 decimals"),
    "pay_lag_days: {value: 90": (
        "pay_lag_days: {value: 40",
        "parts.fee.pay_lag_days = 40: report, late report, dispute and ruling may take 75 days",
    ),
    "late_rate: {value: 0.08": ("late_rate: {value: 8", "parts.fee.late_rate = 8: must be a fraction a year"),
    "title: Fee for clean water\n    payer": (
        "name: Fee\n    title: Fee\n    payer", "parts.fee.name = Fee: unknown field",
    ),
    "reporting_days: {value: 30, assumed: an example}": ("x: 1", "oracle.volume.reporting_days"),
}  # fmt: skip
"""What the file says, what it says instead, and how that is refused."""


@pytest.mark.parametrize("stated", WRONG)
def test_a_wrong_field_is_one_clear_line(stated: str, tmp_path: Path) -> None:
    text, (instead, reason) = DEAL.read_text(), WRONG[stated]
    assert text.count(stated) == 1
    (wrong := tmp_path / "wrong.yaml").write_text(text.replace(stated, instead))
    refused = run("validate", wrong)
    assert refused.returncode == 2
    found = [line for line in refused.stderr.splitlines() if line.startswith(f"{wrong}: {reason}")]
    assert len(found) == 1, refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_page_has_its_files() -> None:
    """As they are: what a reader copies works."""
    page = (ROOT / "docs" / "new-instrument.md").read_text()
    section = page[page.index("## A kind of another package") : page.index("## What a newcomer")]
    shown = re.findall(r"```(?:python|ini)\n(.*?)```", section, re.DOTALL)
    files = [file for file in PACKAGE.glob("*/*") if file.suffix in (".py", ".txt")]
    # An empty module apart, and in any order.
    assert sorted(shown) == sorted(file.read_text() for file in files if file.name != "__init__.py")
    for file in files:
        assert f"`{file.relative_to(PACKAGE)}`" in section or file.name in ("__init__.py", "entry_points.txt")


@pytest.mark.slow
def test_it_is_of_use_and_obeys_the_laws() -> None:
    """Its commands, and the suite of every kind, in a process that knows this one."""
    here = Path(__file__).parent
    files = [here / "of_the_package.py", *sorted(here.glob("test_kinds_*.py"))]
    chosen = ("-k", f"of_the_package or {KIND}")
    done = run("-p", "no:pytest-brownie", "-q", *files, *chosen, module="pytest")
    assert done.returncode == 0, done.stdout[-5_000:]
    (passed,) = re.findall(r"(\d+) passed", done.stdout)
    assert int(passed) == 20, done.stdout


@dataclass
class Till(Books):
    """With acts that are called as ours are, and take something else."""

    KIND: ClassVar = "till"
    ACTS: ClassVar = table(Call("transfer", ANYONE, "hand all of it on"), Call("claim", ANYONE, "take it"))

    key: str = "till"


@pytest.mark.parametrize("call", ["transfer", "claim"])
def test_its_acts_may_be_called_as_ours_are(call: str) -> None:
    """A demonstration counts their gas, whoever does them."""
    world, company = World({"till": Till()}, {"till": NOBODY}), object.__new__(Company)
    assert company._operation(world, Act("", "till", call, {}, 0)) == f"{call} (till)"


# -- a package whose kind is one of ours with more in it

GREEN = """
from typing import Literal

from finance.terms.bond import KpiBond


class GreenBond(KpiBond):
    kind: Literal["green_bond"]
"""


def test_the_rules_of_a_kind_hold_for_what_is_made_of_it(tmp_path: Path) -> None:
    """Those that look at the whole deal too, although no part is called by the kind's name."""
    package, text = tmp_path / "package", (ROOT / "deals" / "dc-water-eib-2016.yaml").read_text()
    (info := package / "green_bond-1.0.dist-info").mkdir(parents=True)
    (package / "green_bond.py").write_text(GREEN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: green-bond\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[penstock.parts]\ngreen_bond = green_bond:GreenBond\n")
    (good := tmp_path / "good.yaml").write_text(text.replace("kind: kpi_bond", "kind: green_bond"))
    (wrong := tmp_path / "wrong.yaml").write_text(
        good.read_text().replace("rate: {value: 0.0343", "rate: {value: 3.43")
    )
    accepted, refused = run("validate", good, package=package), run("validate", wrong, package=package)
    assert accepted.returncode == 0, accepted.stderr
    assert refused.returncode == 2, refused.stdout
    assert "parts.bond.coupon.rate = 3.43: looks like a percentage" in refused.stderr


# -- packages that are wrong


@pytest.fixture
def broken(tmp_path: Path) -> Callable[[str, str], Path]:
    """The package with something in it replaced by something else."""

    def made(old: str, new: str) -> Path:
        folder = tmp_path / "package"
        shutil.copytree(PACKAGE, folder)
        for file in (*folder.glob("*/*.py"), *folder.glob("*/*.txt")):
            file.write_text(file.read_text().replace(old, new))
        return folder

    return made


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("import KpiPayment", "import Nothing", "cannot be loaded: "),
        ("terms:ServiceFee", "terms:Nothing", "cannot be loaded: module 'service_fee.terms' has no"),
        ('Literal["service_fee"]', 'Literal["fee"]', "its kind is fee"),
    ],
)  # fmt: skip
def test_a_package_that_is_wrong_is_named(
    broken: Callable[[str, str], Path], old: str, new: str, reason: str
) -> None:
    old = old.replace("import KpiPayment", "CloseOut, Collateral, KpiPayment")
    refused = run("validate", DEAL, package=broken(old, new))
    assert refused.returncode == 2, refused.stdout + refused.stderr
    (line,) = refused.stderr.splitlines()
    assert "penstock.parts: service_fee = service_fee.terms:" in line
    assert reason in line


def test_nobody_takes_a_name_of_ours(broken: Callable[[str, str], Path]) -> None:
    """What another package calls a kpi_bond is never asked for."""
    theirs = broken("service_fee = service_fee.terms:ServiceFee", "kpi_bond = service_fee.nothing:at_all")
    done = run("validate", ROOT / "deals" / "dc-water-eib-2016.yaml", package=theirs)
    assert done.returncode == 0, done.stderr
