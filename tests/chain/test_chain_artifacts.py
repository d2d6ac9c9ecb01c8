"""Compiling when the sources have changed, only then, and saying so when it cannot be done."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from chain import artifacts
from chain.artifacts import abi, bytecode, compiler, ensure_compiled, is_stale, source_digest
from chain.errors import ToolchainError
from tests.chain.bond_life import ROOT

GOOD = "// SPDX-License-Identifier: MIT\npragma solidity 0.8.37;\ncontract Small { uint256 public x = 1; }\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one small contract with our settings and tools."""
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "Small.sol").write_text(GOOD)
    for name in ("brownie-config.yaml", "package-lock.json"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("node_modules", ".toolchain"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def test_compiles_what_has_changed_and_nothing_else(project: Path) -> None:
    said: list[str] = []
    assert is_stale(project)
    assert ensure_compiled(project, said.append)
    assert said == ["compiling the contracts ..."]
    made = project / "build" / "contracts" / "Small.json"
    assert made.exists()
    assert not is_stale(project)
    assert not ensure_compiled(project, said.append)
    assert len(said) == 1

    (project / "contracts" / "Small.sol").write_text(GOOD.replace("= 1", "= 2"))
    assert is_stale(project)
    (project / "contracts" / "Small.sol").write_text(GOOD)
    assert not is_stale(project)  # the text counts, not its date
    (project / "brownie-config.yaml").write_text((ROOT / "brownie-config.yaml").read_text() + "# x\n")
    assert is_stale(project)

    (project / "contracts" / "Small.sol").write_text(GOOD.replace("= 1", "= true"))
    with pytest.raises(ToolchainError, match=r"(?s)do not compile.*bool.*uint256"):
        ensure_compiled(project, said.append)
    assert is_stale(project)


def test_whoever_reads_meanwhile_finds_a_whole_artifact(project: Path) -> None:
    """Another process that decodes an error while this one compiles: nothing is written over, and nothing is
    gone, not for a moment and not where the compiler finds errors."""
    ensure_compiled(project, str)
    made = project / "build" / "contracts" / "Small.json"
    before, folder = made.read_text(), made.parent.stat().st_ino
    (project / "contracts" / "Small.sol").write_text(GOOD.replace("= 1", "= true"))
    with pytest.raises(ToolchainError):
        ensure_compiled(project, str)
    assert made.read_text() == before
    (project / "contracts" / "Small.sol").write_text(GOOD.replace("Small", "Other"))
    (project / "contracts" / "Too.sol").write_text(GOOD.replace("= 1", "= 2"))
    with made.open() as reading:
        ensure_compiled(project, str)
        assert reading.read() == before
    assert json.loads(made.read_text())["sourcePath"] == "contracts/Too.sol"
    assert made.with_name("Other.json").exists()
    (project / "contracts" / "Small.sol").unlink()
    ensure_compiled(project, str)
    assert [each.name for each in made.parent.iterdir()] == ["Small.json"]
    assert made.parent.stat().st_ino == folder


def test_what_has_changed_imports_what_has_not(project: Path) -> None:
    """An interface that two contracts implement, one of which has changed."""
    folder, pragma = project / "contracts", GOOD[: GOOD.index("contract")]
    (folder / "Small.sol").write_text(
        f"{pragma}interface Small {{ function x() external returns (uint256); }}\n"
    )
    for name, value in (("One", 1), ("Two", 2)):
        (folder / f"{name}.sol").write_text(importing(pragma, name, value))
    ensure_compiled(project, str)
    (folder / "Two.sol").write_text(importing(pragma, "Two", 3))
    ensure_compiled(project, str)
    assert not is_stale(project)
    assert {each.stem for each in (project / "build" / "contracts").iterdir()} == {"Small", "One", "Two"}


def importing(pragma: str, name: str, value: int) -> str:
    body = f"contract {name} is Small {{ uint256 public x = {value}; }}"
    return f'{pragma}import {{Small}} from "./Small.sol";\n{body}\n'


def test_missing_tools_name_the_way_out(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "node_modules").unlink()
    with pytest.raises(ToolchainError, match='@openzeppelin/contracts is missing: run "make setup"'):
        ensure_compiled(project, str)
    monkeypatch.setattr(artifacts.sys, "executable", str(project / "python"))
    monkeypatch.setenv("PATH", str(project))
    with pytest.raises(ToolchainError, match=r'brownie, .* is not installed: run "make setup"'):
        ensure_compiled(project, str)


def test_lost_artifacts_are_made_again(project: Path) -> None:
    (project / "build" / "contracts").mkdir(parents=True)
    (project / "build" / "penstock-sources.sha256").write_text(source_digest(project))
    assert is_stale(project)  # the stamp alone proves nothing


def test_the_deals_contracts_are_there() -> None:
    for name in ("DealFactory", "SecurityToken", "KpiBond", "Offering", "KpiOracle", "IdentityRegistry"):
        assert bytecode(name).startswith("0x6")  # PUSH
        # EIP-170: 24,576 bytes of code; two characters a byte.
        assert len(artifacts.artifact(name)["deployedBytecode"]) <= 2 * 24_576
    assert any(entry.get("name") == "payCoupon" for entry in abi("IKpiBond"))
    settings = compiler()
    assert settings["evm_version"] == "shanghai"
    assert settings["version"].startswith("0.8.37")


def test_what_cannot_be_deployed_says_so() -> None:
    with pytest.raises(ToolchainError, match="IKpiBond has no code to deploy"):
        bytecode("IKpiBond")
    with pytest.raises(ToolchainError, match="no compiled contract Nonsense"):
        abi("Nonsense")
