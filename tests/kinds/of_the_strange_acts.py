"""What a service and `penstock act` make of the acts of strange_acts.py: run by test_package_contract.py in a
process that knows them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.world import Service
from tests.kinds.of_the_contract_package import served
from tests.kinds.of_the_package import run, told

OTHER = "0x" + "11" * 20
GRADE = {
    "colour": "blue",
    "note": " as {new} ",
    "proof": "0x0102",
    "first_share": 50,
    "second_share": "7",
    "amount": OTHER,
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with served(tmp_path_factory.mktemp("strange")) as started:
        yield started


def test_the_command_lists_them(service: Service, tmp_path: Path) -> None:
    file = service.world.record.save(tmp_path / "deal.json")
    there = ("act", file, "--network", service.world.chain.url)
    now = {each["act"]: each["now"] for each in told(*there)["acts"]}
    assert now["bond.grade"] == "depends on colour, note, proof, first_share, second_share and amount"
    assert now["bond.dim"] == "depends on amount"
    assert now["bond.break_down"] == "ask the contract"
    assert "bond.grade" in run(*there, "--all").stdout
    given = [f"{name}={value}" for name, value in GRADE.items()]
    graded = told("act", file, "bond.grade", *given, *there[2:])
    assert graded["tx"]
