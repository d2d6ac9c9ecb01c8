"""A side of a KPI payment that keeps its word pays in before the settlement that takes it, so that nobody
calls its collateral; one that waits for the settlement is called at once."""

from __future__ import annotations

from random import Random

import pytest

from finance.settlement.acts import Act
from finance.settlement.payment_books import PaymentBooks
from finance.terms import load_deal
from finance.terms.swap import KpiPayment
from tests.kinds.deals import ROOT
from tests.kinds.lives import Kept, periods_of


class Prompt(Kept):
    """Everybody pays what is promised before anybody does what is due."""

    def next(self) -> list[Act]:
        return self._promised() or super().next()


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("bloom-wind-prs", "swap"),
        ("highway-availability", "charge"),
        ("water-utility-rainfall-swap", "swap"),
    ],
)
def test_who_pays_in_before_the_settlement_is_never_called(name: str, part: str, seed: int) -> None:
    deal, rng = load_deal(ROOT / "deals" / f"{name}.yaml"), Random(f"{seed}/{name}")
    reports = {place: rng.randint(low, high) for place, (low, high) in periods_of(deal).items()}
    lives = [kind(deal, reports, revenue=10**13).live() for kind in (Prompt, Kept)]
    prompt, waiting = (life.done["payment", "call_margin"] for life in lives)
    assert prompt == 0 < waiting
    # What it comes to is the same: the settlements are.
    amounts = [life.world.books(part, PaymentBooks).ledger.amounts for life in lives]
    assert amounts[0] == amounts[1]
    assert len(amounts[0]) == len(deal.kpis[deal.only(KpiPayment).kpi].periods)
