"""What pages say of a charge that is being paid, and of a forward: the words of a swap are not theirs."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chain.network import start_anvil
from finance.terms import load_deal
from tests.api.without_chain import offline
from tests.api.world import Service, World, serving
from tests.chain.swap_life import SwapLife, at, units

ROOT = Path(__file__).parents[2]
SWAP = re.compile(r"\bswaps?\b|hedg|fair|premium|provider|\bthe project\b", re.IGNORECASE)


def read(page: str) -> str:
    """The words of a page, without the term sheet, whose labels are those of every deal."""
    body = page.split("<main", 1)[1].split('id="terms"')[0]
    body = re.sub(r"<script.*?</script>|<svg.*?</svg>|<[^>]+>", " ", body, flags=re.DOTALL)
    return " ".join(html.unescape(body).split())


@pytest.fixture(scope="module")
def paid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The highway's charge after three quarters: one whole, one with a deduction, one with the largest."""
    with start_anvil(timestamp=at("2023-12-20")) as chain:
        life = SwapLife(chain, load_deal(ROOT / "deals" / "highway-availability.yaml"))
        life.activate("stranger")
        for period, hours in enumerate(("90.5", "240", "1800")):
            life.fund("payer", units(16_475_000))
            life.settle_at(period, hours)
        with serving(World(chain, life, tmp_path_factory.mktemp("charge")).save()) as service:
            yield service


def test_the_page_of_a_charge_speaks_of_a_charge(paid: Service) -> None:
    text = read(paid.get("/deals/highway-availability", headers={"accept": "text/html"}).text)
    assert not SWAP.findall(text)
    for words in (
        "Highway authority pays Concessionaire a charge that the measurement changes",
        "it is USD 12,475,000 at least and USD 16,475,000 at most",
        "The more is measured, the less Concessionaire gets.",
        "No collateral stands behind the payments.",
        # 16,475,000 + 16,125,000 + 12,475,000
        "3 periods are settled; in all USD 45.08 million fell due to the payee.",
    ):
        assert words in text
    amounts = [int(row["amount"]) for row in paid.of("/settlements")["items"] if row["amount"] is not None]
    assert amounts == [units(16_475_000), units(16_125_000), units(12_475_000)]


@pytest.mark.parametrize("name", ["highway-availability", "leakage-forward"])
@pytest.mark.parametrize("place", ["", "/what-if"])
def test_pages_of_the_book(name: str, place: str, tmp_path: Path) -> None:
    answer = offline(tmp_path).get(f"/deals/{name}{place}", headers={"accept": "text/html"})
    assert answer.status_code == 200
    text = read(answer.text)
    assert not SWAP.findall(text)
    assert ("Fixed payment" in text) is False
    if name == "leakage-forward" and not place:
        assert "at 606 Ml/d Nobody pays." in text
        assert "One side pays the other once" in text
