"""KPI processes over many dates. Each gives its marginal at a date, and paths from independent normals.

The marginal is a one-date distribution of finance.pricing.process, so every closed form works at every date.
"""

from finance.pricing.processes.correlated import CorrelatedKpis, correlation_root
from finance.pricing.processes.events import BernoulliProcess, BootstrapProcess
from finance.pricing.processes.gaussian import (
    AR1Process,
    LognormalProcess,
    MeanRevertingProcess,
    NormalProcess,
    Season,
)
from finance.pricing.processes.protocol import Process, Recursion

__all__ = [
    "AR1Process",
    "BernoulliProcess",
    "BootstrapProcess",
    "CorrelatedKpis",
    "LognormalProcess",
    "MeanRevertingProcess",
    "NormalProcess",
    "Process",
    "Recursion",
    "Season",
    "correlation_root",
]
