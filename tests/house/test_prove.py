"""What is said to be proved is what `make prove` proves, and each broken version still applies."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.prove import LIBRARIES, PROPERTIES, Property

ROOT = Path(__file__).resolve().parents[2]


def test_the_invariants_name_what_is_proved() -> None:
    section = (ROOT / "contracts" / "INVARIANTS.md").read_text().split("## Proved")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+\.\w+)` \|.*\| (.*) \| (.*) \|$", section, re.M)
    assert rows == [(p.name, p.bounds, p.broken.how) for p in PROPERTIES]


def test_every_proof_is_run() -> None:
    written = {
        f"{file.name.removesuffix('Proof.sol')}.{check}"
        for file in (ROOT / "tests" / "prove").glob("*Proof.sol")
        for check in re.findall(r"function check_(\w+)\(", file.read_text())
    }
    assert written == {p.name for p in PROPERTIES}


@pytest.mark.parametrize("prop", PROPERTIES, ids=lambda p: p.name)
def test_a_broken_version_changes_one_place(prop: Property) -> None:
    text = (ROOT / LIBRARIES / f"{prop.library}.sol").read_text()
    assert text.count(prop.broken.old) == 1
