"""From terms to a contract: the types this package has (ACTUS Technical Specifications 1.1, section 7)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from finance.actus.amortizers import Ann, Lam, Nam
from finance.actus.clm import Clm
from finance.actus.core import CONTRACT_TYPES, Flow, contract
from finance.actus.credit import Cec, Ceg
from finance.actus.lax import Lax
from finance.actus.market import Observations
from finance.actus.optns import Optns
from finance.actus.pam import Pam
from finance.actus.positions import Com, Csh, Stk
from finance.actus.swppv import Swppv

CONTRACT_TYPES.update(
    {kind.type: kind for kind in (Pam, Lam, Nam, Ann, Lax, Clm, Swppv, Csh, Stk, Optns, Ceg, Cec, Com)}
)


def flows(
    terms: Mapping[str, Any], seen: Observations | None = None, horizon: datetime | None = None
) -> list[Flow]:
    """The events of the contract with `terms` (data dictionary names), with payoffs (to its creator, in
    currency units) and states.

    Raises ActusError as `contract` does, and for what is needed and not observed.

    >>> bond = {
    ...     "contractType": "PAM", "contractID": "bond", "contractRole": "RPA", "currency": "USD",
    ...     "statusDate": "2023-12-31T00:00", "initialExchangeDate": "2024-01-01T00:00",
    ...     "maturityDate": "2025-01-01T00:00", "notionalPrincipal": 100, "nominalInterestRate": 0.05,
    ...     "cycleOfInterestPayment": "P6ML1", "dayCountConvention": "30E360",
    ... }
    >>> for flow in flows(bond):
    ...     print(flow.type, flow.time.date(), flow.payoff)
    IED 2024-01-01 -100.0
    IP 2024-07-01 2.5
    IP 2025-01-01 2.5
    MD 2025-01-01 100.0
    """
    return contract(terms, seen, horizon).flows()
