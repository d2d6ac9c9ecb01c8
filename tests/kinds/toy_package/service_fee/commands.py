"""The service fee at the command line: what is said and worked out of a KPI payment. Its demonstration is
that of any deal."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from finance.terms import Deal
from scripts.kinds import payment
from service_fee.terms import read

TITLE = "service fee"


def _read(command: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(command)
    def done(deal: Deal, *arguments: Any, **options: Any) -> Any:
        return command(read(deal), *arguments, **options)

    return done


about, price, cashflows = _read(payment.about), _read(payment.price), _read(payment.cashflows)
compare, sensitivity = _read(payment.compare), _read(payment.sensitivity)
