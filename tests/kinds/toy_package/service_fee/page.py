"""The service fee for the API: the state, lists and words of a KPI payment."""

from __future__ import annotations

from dataclasses import replace

from api.i18n import N_
from api.instruments.swap import SWAP
from api.instruments.swap_case import read_terms
from api.instruments.swap_words import swap_words
from service_fee.terms import read

INSTRUMENT = replace(
    SWAP,
    kind="service_fee",
    name=lambda deal: N_("Payment"),
    terms=lambda deal: read_terms(read(deal)),
    words=lambda deal, say, write: swap_words(read(deal), say, write),
    sides=lambda deal: SWAP.sides(read(deal)),
)
