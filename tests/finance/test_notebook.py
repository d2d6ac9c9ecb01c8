"""The notebook in docs/ runs from top to bottom, offline, and shows what was published about the deals."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec
from nbclient import NotebookClient

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOK = ROOT / "docs" / "pricing-a-deal.ipynb"
# A process that only ever refuses: whoever asks the network from the notebook gets an error, not an answer.
DEAD_PROXY = "http://127.0.0.1:9"


class OwnKernel(AsyncKernelManager):
    """A kernel of this interpreter, whatever kernels the machine has installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Python", language="python")


@pytest.fixture(scope="module")
def ran() -> nbformat.NotebookNode:
    """The notebook after all its cells have run, with the repository under test first on the path."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    code = "import finance; print(finance.__file__)"
    notebook.cells.append(nbformat.v4.new_code_cell(code))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), DEAD_PROXY)
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_manager_class=OwnKernel,
        resources={"metadata": {"path": str(NOTEBOOK.parent)}},
    )
    client.execute(env=environment)
    return notebook


def text_of(cell: nbformat.NotebookNode) -> str:
    parts = []
    for output in cell.get("outputs", []):
        parts.append(output.get("text", "") or output.get("data", {}).get("text/plain", ""))
    return "\n".join(parts)


def shown(notebook: nbformat.NotebookNode, beginning: str) -> str:
    """What the one cell whose code has `beginning` in it printed and returned."""
    (cell,) = [each for each in notebook.cells if each.cell_type == "code" and beginning in each.source]
    return text_of(cell)


def test_it_is_stored_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert not [cell for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")]
    assert NOTEBOOK.stat().st_size < 50_000


def test_it_runs_the_code_under_test(ran: nbformat.NotebookNode) -> None:
    assert text_of(ran.cells[-1]).strip() == str(ROOT / "finance" / "__init__.py")


def test_every_cell_ends_well(ran: nbformat.NotebookNode) -> None:
    for cell in ran.cells:
        kinds = [output["output_type"] for output in cell.get("outputs", [])]
        assert "error" not in kinds
        assert not [o for o in cell.get("outputs", []) if o.get("name") == "stderr"], cell.source


def test_published_figures_are_shown(ran: nbformat.NotebookNode) -> None:
    """The column of what was published, and beside it the same number computed."""
    rows = shown(ran, '"published", "computed"').splitlines()[1:]
    assert len(rows) == 5
    published = [6.36, 0.50, 2.676, 3.55, 4.05]
    for row, figure in zip(rows, published, strict=True):
        *_, stated, computed = row.split()
        assert float(stated) == figure
        decimals = len(f"{figure:g}".partition(".")[2])
        assert round(float(computed), decimals) == pytest.approx(figure, abs=10**-decimals / 2)


def test_returns_of_the_three_tiers(ran: nbformat.NotebookNode) -> None:
    """Responsible Investor: 6.36, 3.43 and 0.50 % a year, simple."""
    table = shown(ran, '"simple return, %"')
    assert [float(line.split()[-1]) for line in table.splitlines()[-3:]] == [0.50, 3.43, 6.36]


def test_monte_carlo_agrees_and_every_deal_is_there(ran: nbformat.NotebookNode) -> None:
    assert "apart by less than four standard errors" in shown(ran, "estimate.standard_error")
    book = shown(ran, "price_table(list(book.values()))")
    for name in ("dc-water", "enel", "hksar", "atlanta", "singapore"):
        assert name in book


def test_plots_are_pictures(ran: nbformat.NotebookNode) -> None:
    pictures = [
        output["data"]["image/png"]
        for cell in ran.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 4
    assert all(20_000 < len(picture) < 400_000 for picture in pictures)
