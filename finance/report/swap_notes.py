"""What every report of a KPI payment says about itself: what is assumed, and how it was simulated."""

from __future__ import annotations

from finance.report.swap_frames import View
from finance.swaps.project import ProjectSwap, assumed_inputs
from finance.terms.deal import Deal


def assumed_row(deal: Deal) -> tuple[str, str, str, str]:
    """How much of a deal is assumed, for the top of a report."""
    found = assumed_inputs(deal)
    share = f"{found['assumed']} of {found['count']} ({100 * found['assumed'] / found['count']:.0f} %)"
    return "Inputs that are assumed", share, "", "listed below with reasons; results are examples"


def assumed_note(deal: Deal) -> str:
    """The same as a sentence, for tables without such a row."""
    _, share, _, _ = assumed_row(deal)
    return f"Assumed inputs: {share}; `penstock price` lists them. Results are examples."


def simulation_note(view: View) -> str:
    """Paths and seed of everything simulated."""
    paths, seed = _draws(view)
    return f"{paths:,d} paths, seed {seed}; money in {view.deal.currency.code}."


def _draws(view: View) -> tuple[int, int]:
    if isinstance(view, ProjectSwap):
        return view.study.inputs.paths, view.study.inputs.seed
    return len(view.values), view.seed
