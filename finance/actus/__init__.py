"""Cash flows of financial contracts by the ACTUS standard: state machines on one shared core.

>>> from finance.actus import flows
"""

from finance.actus.contracts import CONTRACT_TYPES, contract, flows
from finance.actus.core import Flow, State
from finance.actus.errors import ActusError
from finance.actus.market import KpiRate, Observations, Observed, Series

__all__ = [
    "CONTRACT_TYPES",
    "ActusError",
    "Flow",
    "KpiRate",
    "Observations",
    "Observed",
    "Series",
    "State",
    "contract",
    "flows",
]
