"""What a command may load: a library that it does not need costs every run of it up to a second.

Told by Python itself (`-X importtime`) of whole processes, so a busy machine changes nothing.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from scripts.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
BOND, FIXED = "deals/dc-water-eib-2016.yaml", "deals/hksar-tokenised-green-bond-2023.yaml"
WIND, RAIN = "deals/bloom-wind-prs.yaml", "deals/water-utility-rainfall-swap.yaml"

SERVING = {"fastapi", "sqlalchemy", "alembic", "uvicorn", "jinja2", "babel", "httpx", "requests"}
CHAIN = {"web3", "eth_account", "eth_abi", "eth_utils"}
FILES = {"matplotlib", "openpyxl", "pyarrow", "PIL"}
NATURE = {"pvlib", "windpowerlib", "pyswmm", "swmm", "h5py"}
ELSEWHERE = SERVING | CHAIN | FILES | NATURE | {"QuantLib", "dask", "IPython"}
ARITHMETIC = {"numpy", "scipy", "pandas", "numba", "pyxirr", "numpy_financial"}


@cache
def loaded(*words: str) -> frozenset[str]:
    """Every module that `penstock WORDS` loads, by its whole name."""
    command = [sys.executable, "-X", "importtime", "-m", "scripts", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return frozenset(line.rsplit("|", 1)[1].strip() for line in lines)


def packages(*words: str) -> set[str]:
    return {name.partition(".")[0] for name in loaded(*words)}


def every_help() -> Iterator[tuple[str, ...]]:
    yield ("--help",)
    for name, command in COMMANDS.items():
        yield name, "--help"
        parts = importlib.import_module(command.module).app.registered_commands
        for part in parts if len(parts) > 1 else ():
            yield name, part.name or part.callback.__name__, "--help"


@pytest.mark.slow
@pytest.mark.parametrize("words", list(every_help()), ids=" ".join)
def test_help_needs_no_library_of_any_room(words: tuple[str, ...]) -> None:
    assert packages(*words) & (ELSEWHERE | ARITHMETIC) == set()


@pytest.mark.parametrize("deal", [BOND, FIXED, RAIN])
def test_a_deal_is_checked_without_arithmetic(deal: str) -> None:
    found = packages("validate", deal)
    assert {"pydantic", "yaml"} <= found  # it was read, and this test sees what is loaded
    assert found & (ELSEWHERE | ARITHMETIC) == set()


def test_a_plant_is_checked_without_what_values_it() -> None:
    """Its weather and power curve are read with numpy alone."""
    found = packages("validate", WIND)
    assert "numpy" in found
    assert found & (ELSEWHERE | ARITHMETIC - {"numpy"}) == set()


@pytest.mark.parametrize("words", [("price", BOND), ("price", BOND, "--json"), ("price", FIXED)])
def test_a_bond_is_priced_with_numpy_and_scipy_alone(words: tuple[str, ...]) -> None:
    found = packages(*words)
    assert "numpy" in found
    assert found & (ELSEWHERE | ARITHMETIC - {"numpy", "scipy"}) == set()


def test_a_swap_is_priced_without_tables() -> None:
    """The compiler of the kernels is the one heavy library that simulating a plant needs."""
    found = packages("price", WIND, "--paths", "200")
    assert "numba" in found
    assert found & (ELSEWHERE | {"pandas"}) == set()


@pytest.mark.parametrize("package", ["finance", "finance.pricing", "finance.swaps", "finance.terms"])
def test_what_a_package_offers_is_there(package: str) -> None:
    """Names that are loaded when they are first asked for; any other is refused as by every module."""
    module = importlib.import_module(package)
    for name in module.__all__:
        assert getattr(module, name).__name__ == name
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nothing'"):
        _ = module.nothing


def test_a_kernel_runs_where_nothing_can_be_kept() -> None:
    """An install that cannot be written, of a user without a home."""
    program = (
        "import numpy as np\nfrom finance.generation.kernels import held\n"
        "print(held(np.array([1.0, 1.01, 1.2]), 0.1).tolist(), held.stats.cache_path)"
    )
    nowhere = {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator", "NUMBA_CACHE_DIR": "/dev/null/none"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT, env={**os.environ, **nowhere}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == ("[1.0, 1.0, 1.2] None", "")
