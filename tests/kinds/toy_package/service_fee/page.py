"""The service fee for the API: the state, lists, words and value of a KPI payment."""

from __future__ import annotations

from api.i18n import N_
from api.instruments.swap import SWAP
from service_fee.terms import read

INSTRUMENT = SWAP.reading(read, kind="service_fee", name=lambda deal: N_("Payment"))
