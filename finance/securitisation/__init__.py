"""Securitisation: the loss of a pool, its tranches and their tests, enhancement before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from finance.lazy import on_demand

if TYPE_CHECKING:
    from finance.securitisation.copula import loss_distribution, simulated_losses
    from finance.securitisation.coverage import CoverageResult, NoteClass, coverage_tests
    from finance.securitisation.enhancement import (
        Enhancement,
        Guarantee,
        Step,
        before_and_after,
        noteholder_loss,
    )
    from finance.securitisation.large_pool import LargePool
    from finance.securitisation.loss import LossDistribution
    from finance.securitisation.pool import Hazard, Issuer, Pool
    from finance.securitisation.rating import RATING_FACTORS, RATING_NOTE, rating_proxy
    from finance.securitisation.tranche import Tranche, par_spread, tranches

__all__ = [
    "RATING_FACTORS",
    "RATING_NOTE",
    "CoverageResult",
    "Enhancement",
    "Guarantee",
    "Hazard",
    "Issuer",
    "LargePool",
    "LossDistribution",
    "NoteClass",
    "Pool",
    "Step",
    "Tranche",
    "before_and_after",
    "coverage_tests",
    "loss_distribution",
    "noteholder_loss",
    "par_spread",
    "rating_proxy",
    "simulated_losses",
    "tranches",
]

__getattr__ = on_demand(
    __name__,
    {
        "copula": ("loss_distribution", "simulated_losses"),
        "coverage": ("CoverageResult", "NoteClass", "coverage_tests"),
        "enhancement": ("Enhancement", "Guarantee", "Step", "before_and_after", "noteholder_loss"),
        "large_pool": ("LargePool",),
        "loss": ("LossDistribution",),
        "pool": ("Hazard", "Issuer", "Pool"),
        "rating": ("RATING_FACTORS", "RATING_NOTE", "rating_proxy"),
        "tranche": ("Tranche", "par_spread", "tranches"),
    },
)
