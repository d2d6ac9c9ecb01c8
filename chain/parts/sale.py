"""What every kind of primary sale has in common as it is deployed, and in what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from chain.network import when
from chain.parts import SALES
from chain.parts.base import Now, Rebuilt, Said, Seen, Standing, nobodys
from chain.plan import Planned, Site
from chain.reconciliation import Check, Row
from finance.settlement.claim_token import TokenBooks
from finance.settlement.sale import SaleBooks, SaleTerms, State
from finance.settlement.world import World
from finance.terms import Deal


class Sold(Protocol):
    """What a unit costs in minor units, how many there are, and when they can be bought, unix seconds."""

    @property
    def unit_price(self) -> int: ...

    @property
    def soft_cap(self) -> int: ...

    @property
    def hard_cap(self) -> int: ...

    @property
    def opens(self) -> int: ...

    @property
    def closes(self) -> int: ...


@dataclass(frozen=True)
class Sale:
    """The sale of a part `token`, which begins the part `servicer`. The wallet called `issuer` gets the
    money; what those called `parties` buy does not count towards the soft cap."""

    sold: Sold
    token: str
    servicer: str
    issuer: str
    parties: tuple[str, ...]

    def _parties(self, site: Site) -> list[str]:
        return [address for name in self.parties for address in site.both(name)]

    def struct(self, site: Site, **other: Any) -> dict[str, Any]:
        """ISale.Terms, in which `other` may stand."""
        return {
            "token": site.parts[self.token],
            "servicer": site.parts[self.servicer],
            "currency": site.shared["currency"],
            "issuer": site.wallets[self.issuer],
            "unitPrice": self.sold.unit_price,
            "softCap": self.sold.soft_cap,
            "hardCap": self.sold.hard_cap,
            "opens": self.sold.opens,
            "closes": self.sold.closes,
            "parties": self._parties(site),
        } | other

    def terms(self, site: Site, unit_price: int | None = None) -> SaleTerms:
        """The same for books."""
        return SaleTerms(
            issuer=site.wallets[self.issuer],
            unit_price=self.sold.unit_price if unit_price is None else unit_price,
            soft_cap=self.sold.soft_cap,
            hard_cap=self.sold.hard_cap,
            opens=self.sold.opens,
            closes=self.sold.closes,
            parties=tuple(self._parties(site)),
            token=self.token,
            servicer=self.servicer,
        )


def planned(
    deal: Deal, key: str, sold: Sold, token: str, servicer: str, issuer: str, parties: tuple[str, ...]
) -> Planned:
    """The sale of a claim, of the kind that the deal says."""
    return SALES[deal.parts[key].kind](deal, key, Sale(sold, token, servicer, issuer, parties))


def deadline(sold: Sold) -> tuple[int, str]:
    """From when nobody can buy."""
    return sold.closes, f"the offering closes {when(sold.closes)}: nobody can subscribe"


# -- the acts behind the events of all kinds, and what they pay


def _settled(_a: Said, _world: World) -> Rebuilt:
    yield "", "settle", {}


def _refunded(a: Said, _world: World) -> Rebuilt:
    yield a["holder"], "refund", {"units": a["units"]}


def _given_back(seen: Seen) -> Iterator[Row]:
    yield seen.row("refund", seen["holder"], seen.both("amount"), units=seen["units"])


def _sold(seen: Seen) -> Iterator[Row]:
    issuer = seen.after.books(seen.part, SaleBooks).terms.issuer
    yield seen.row("proceeds", issuer, seen.both("proceeds"))


ACTS_OF: Mapping[str, Callable[[Said, World], Rebuilt]] = {"OfferingSettled": _settled, "Refunded": _refunded}
ROWS: Mapping[str, Callable[[Seen], Iterator[Row]]] = {"OfferingSettled": _sold, "Refunded": _given_back}
WORDS = {
    "refund": "given back after a failed offering",
    "proceeds": "of the offering, to the issuer",
}


def standing(now: Now) -> Standing:
    """An issue that has failed ends the deal, which never began."""
    books = now.world.books(now.part, SaleBooks)
    state = books.state(now.world.at)
    sold, left = books.sold, now.world.books(books.terms.token, TokenBooks).supply
    found = Standing(
        state=state.name.lower().replace("_", " "),
        ended=state in (State.SETTLED, State.FAILED),
        over=state == State.FAILED,
        checks=[Check(f"{now.part}: state", state, now.read("state"))],
        notes=nobodys(now),
    )
    if state == State.FAILED:
        given_back = f"{sold - left:,} of the {sold:,} units sold are given back"
        found.notes.append(f"the issue has failed; {given_back if sold else 'no units were sold'}")
    if not found.ended:
        found.not_yet.append(
            f"the offering is not settled; {sold:,} of {books.terms.hard_cap:,} units are sold"
        )
    return found
