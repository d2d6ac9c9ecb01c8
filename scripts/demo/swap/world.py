"""What really happens to the asset in the demonstration: simulated revenue, labelled so wherever it shows."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np

from finance.settlement.swap_terms import SwapTerms
from finance.swaps.scenarios import hourly_path
from finance.swaps.wind import is_wind, wind_outlook
from finance.terms import Deal
from oracle.twins.wind import months_between


@dataclass(frozen=True)
class Revenue:
    """Sales of power of one period: MWh metered, and money in minor units (at the node, not at the hub)."""

    energy_mwh: float
    amount: int


def power_sales(deal: Deal, terms: SwapTerms, seed: int) -> list[Revenue]:
    """The project's own sales in each period, in the scenario behind the nodes' weather and prices.

    What the plant meters is the scenario's proxy energy times its operating noise; it is sold at the node.
    An empty list for a deal whose asset is no wind plant.
    """
    if not is_wind(deal):
        return []
    start, end = terms.feed.period_starts[0], terms.feed.period_ends[-1]
    path = hourly_path(wind_outlook(deal), months_between(start, end), seed, 0)
    seconds = path.hours.astype("datetime64[s]").astype(np.int64)
    sales = []
    for first, after in zip(terms.feed.period_starts, terms.feed.period_ends, strict=True):
        here = (seconds >= first) & (seconds < after)
        worth = float(path.actual[here] @ path.node[here])
        cents = Decimal(worth).quantize(Decimal("0.01"), ROUND_HALF_EVEN)
        amount = max(0, int(cents.scaleb(terms.currency_decimals)))  # a quarter of losses is sold for nothing
        sales.append(Revenue(float(path.actual[here].sum()), amount))
    return sales
