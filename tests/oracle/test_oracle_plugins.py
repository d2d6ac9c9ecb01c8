"""A method and a twin from another package: that of docs/oracle.md, built and installed as a user would."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from finance.registry import Registry
from oracle.method import METHODS

ROOT = Path(__file__).parents[2]
DEAL = ROOT / "deals" / "water-utility-rainfall-swap.yaml"
USE = """
import json, sys
import numpy as np
from finance.settlement.swap_terms import swap_terms
from finance.terms import load_deal
from oracle.method import METHODS, measure, method_hash, recompute
from oracle.methods.base import Preparation

deal = load_deal(sys.argv[1])
feed = swap_terms(deal).feed
method = METHODS[feed.method]
assert method_hash(method.id) == feed.method_hash
node = method.prepare(Preparation(feed, deal, 7, {}))(0)
(name, text), = node.files.items()
open(name, "w").write(text)
meter = method.open(method.section.model_validate(dict(node.section)))
from oracle.methods.base import About
made = meter.measure(About(feed="0x" + "11" * 32, period=0, version=0, kpi=feed.kpi, decimals=feed.decimals,
                           gauge=meter.gauge), feed.period_starts[0], feed.period_ends[0])
# Counted again from the evidence, by hand.
rows = [line.split(",") for line in made.bundle.text("rain.csv").splitlines()]
days = {}
for time, depth in rows[1:]:
    days[time[:10]] = days.get(time[:10], 0.0) + float(depth)
counted = sum(round(depth, 6) >= 1 for depth in days.values())
lie = method.forge(made, 3.0)
try:
    recompute(lie.bundle)
    lied = "not noticed"
except ValueError as error:
    lied = "noticed"
print(json.dumps({"known": list(METHODS), "value": made.value, "again": recompute(made.bundle),
                  "counted": counted, "decimals": feed.decimals, "lied": lied}))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the package of the page is installed."""
    page = (ROOT / "docs" / "oracle.md").read_text()
    section = page[page.index("### A method of your own") : page.index("### Quality of data")]
    (config,) = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    (module,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert len([line for line in module.splitlines() if line.strip()]) <= 20
    source, target = tmp_path_factory.mktemp("wet-days"), tmp_path_factory.mktemp("installed")
    (source / "pyproject.toml").write_text(config)
    (source / "wet_days.py").write_text(module)
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--offline", "--no-deps"]
    command += ["--no-build-isolation", "--python", sys.executable, "--target", str(target), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target


def run(package: Path | None, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT), *([str(package)] if package else [])])
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, cwd=cwd
    )


@pytest.fixture
def deal(tmp_path: Path) -> Path:
    text = (
        DEAL.read_text().replace("rain-index/1", "wet-days/1").replace("twin: rain-index", "twin: wet-days")
    )
    file = tmp_path / "wet-days.yaml"
    file.write_text(text)
    return file


def test_a_deal_is_settled_by_a_method_from_another_package(
    package: Path, deal: Path, tmp_path: Path
) -> None:
    done = run(package, "-c", USE, str(deal), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["known"] == [*METHODS, "wet-days/1"]  # after ours
    assert found["value"] == found["again"] == found["counted"] * 10 ** found["decimals"]
    assert 5 < found["counted"] < 80
    assert found["lied"] == "noticed"


def test_a_check_of_the_deal_knows_it_where_it_is_installed(
    package: Path, deal: Path, tmp_path: Path
) -> None:
    known = run(package, "-m", "scripts", "validate", str(deal), cwd=tmp_path)
    unknown = run(None, "-m", "scripts", "validate", str(deal), cwd=tmp_path)
    assert known.returncode == 0, known.stdout + known.stderr
    assert unknown.returncode != 0
    assert "wet-days/1" in unknown.stdout + unknown.stderr
    wrong = deal.with_name("wrong.yaml")
    wrong.write_text(deal.read_text().replace("station:", "stations:"))
    refused = run(package, "-m", "scripts", "validate", str(wrong), cwd=tmp_path)
    assert refused.returncode == 2
    assert "asset.parameters.station" in refused.stderr


def test_ours_come_first() -> None:
    """Nobody takes the name of one of ours, and an unknown one is nobody's."""
    made = Registry({"uv": "math:pi"}, "console_scripts")
    assert made["uv"] == 3.141592653589793
    assert "penstock" in made
    assert next(iter(made)) == "uv"
    assert list(made).count("uv") == 1
    assert "no-such-thing" not in made
    with pytest.raises(KeyError):
        made["no-such-thing"]
