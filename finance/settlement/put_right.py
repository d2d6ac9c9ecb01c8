"""Units of a claim that holders sell to the writer of a put: the books of contracts/market/PutRight.sol."""

from __future__ import annotations

from collections.abc import Collection, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from finance.settlement.acts import ANYONE, Act, Call, table
from finance.settlement.claim_token import TokenBooks
from finance.settlement.widths import SettlementError
from finance.settlement.world import Books, World

DAY = 86_400
MAX_MONEY = 2**128 - 1
_DATE = {"date": "uint256"}
_UNITS = {**_DATE, "units": "uint256"}
ACTS = table(
    Call("give_notice", ANYONE, "say how many units of one's own one may sell on a date", _UNITS),
    Call(
        "lapse",
        ANYONE,
        "cut a notice down to the units that its holder still has",
        {**_DATE, "holder": "address", "units": "uint256"},
    ),
    Call("fund", ANYONE, "put money in for a date", {**_DATE, "amount": "uint256"}),
    Call("exercise", ANYONE, "sell units of one's notice to the writer", _UNITS),
    Call("dishonour", ANYONE, "put on record that money is short", _DATE),
    Call("prolong", ANYONE, "give holders their time anew, which something hinders", _DATE),
    Call("return_money", ANYONE, "give the writer what no notice needs", _DATE, sweeps=True),
)


class PutDate(NamedTuple):
    """IPutRight.Date"""

    opens: int
    closes: int
    settles: int
    ends: int
    due: int
    price: int
    earned: int


class Notice(NamedTuple):
    """IPutRight.Notice"""

    units: int = 0
    sold: int = 0


class Standing(NamedTuple):
    """IPutRight.Standing. `ends` is 0 where the terms hold, `start` what a unit had earned at the first
    notice, None before."""

    money: int = 0
    noticed: int = 0
    sold: int = 0
    ends: int = 0
    start: int | None = None
    dishonoured: bool = False


@dataclass(frozen=True, slots=True)
class PutTerms:
    """IPutRight.Terms. `token` is the key of a part."""

    token: str
    writer: str
    ahead: bool
    dates: tuple[PutDate, ...]


@dataclass
class PutBooks(Books):
    """A put's state, by date (from 0), and by date and holder."""

    KIND: ClassVar[str] = "put"
    ACTS: ClassVar[Mapping[str, Call]] = ACTS

    terms: PutTerms
    standings: MutableMapping[int, Standing] = field(default_factory=dict)
    notices: MutableMapping[tuple[int, str], Notice] = field(default_factory=dict)
    key: str = "put"

    # -- questions

    def standing_of(self, date: int) -> Standing:
        return self.standings.get(date, Standing())

    def notice_of(self, date: int, holder: str) -> Notice:
        return self.notices.get((date, holder), Notice())

    def ends_of(self, date: int) -> int:
        """When it ends, as far as is known."""
        return self.standing_of(date).ends or self.terms.dates[date].ends

    def price_of(self, world: World, date: int) -> int:
        """What a unit costs now: the price, and what it should have earned by then and has not."""
        terms, start = self.terms.dates[date], self.standing_of(date).start
        earned = self._token(world).earned
        since = 0 if start is None else earned - start
        return terms.price + max(terms.earned - earned, terms.due - since, 0)

    def covered(self, world: World, date: int) -> int:
        """Units sold and those for which there is money."""
        stands, price = self.standing_of(date), self.price_of(world, date)
        return stands.noticed if price == 0 else stands.sold + stands.money // price

    def left_of(self, world: World, date: int, holder: str) -> int:
        """Units that a holder could sell with the money that is there."""
        notice, stands = self.notice_of(date, holder), self.standing_of(date)
        covered = self.covered(world, date)
        short = covered < stands.noticed
        part = notice.units * covered // stands.noticed if short else notice.units
        return max(0, part - notice.sold)

    def needed(self, world: World, date: int) -> int:
        """Units for which there must be money now: all in issue, or those of which notice was given."""
        if self.terms.ahead and world.at < self.terms.dates[date].settles:
            return self._token(world).supply
        return self.standing_of(date).noticed

    def spare(self, world: World, date: int) -> int:
        """Money that no notice needs."""
        stands = self.standing_of(date)
        over = world.at >= self.ends_of(date) or self._token(world).closed
        kept = 0 if over else (stands.noticed - stands.sold) * self.price_of(world, date)
        return max(0, stands.money - kept)

    def roles(self, world: World) -> Mapping[str, Collection[str]]:
        return {"writer": [self.terms.writer]}

    def few(self, call: str) -> Mapping[str, Collection[Any]]:
        few: dict[str, Collection[Any]] = {"date": range(len(self.terms.dates))}
        return few | ({"holder": {who for _, who in self.notices}} if call == "lapse" else {})

    def due(self, world: World) -> list[Act]:
        """Notices that are not backed, money that is short or not needed, holders who are hindered."""
        token, found = self._token(world), []
        for (date, holder), notice in self.notices.items():
            held = token.known_units(holder)
            if held is not None and held < notice.units:
                found.append(self._now(world, "lapse", date=date, holder=holder, units=held))
        for date, terms in enumerate(self.terms.dates):
            found.append(self._now(world, "dishonour", date=date))
            if token.paused or not token.can_hold(world, self.terms.writer):
                found.append(self._now(world, "prolong", date=date))
            if world.at >= terms.closes and self.spare(world, date):
                found.append(self._now(world, "return_money", date=date))
        return found

    def promised(self, world: World) -> list[Act]:
        """The writer puts in what is needed: in the time between notice and settlement, or in the week before
        notice opens."""
        found, token = [], self._token(world)
        for date, terms in enumerate(self.terms.dates):
            start = terms.opens - 7 * DAY if self.terms.ahead else terms.closes
            lacks = self.needed(world, date) * self.price_of(world, date) - self.standing_of(date).money
            if start <= world.at < terms.settles and lacks > 0 and not token.closed:
                found.append(self._now(world, "fund", self.terms.writer, date=date, amount=lacks))
        return found

    def owing(self, world: World) -> list[Act]:
        """Each holder sells the units of which it gave notice."""
        return [
            self._now(world, "exercise", holder, date=date, units=left)
            for date, holder in self.notices
            if (left := self.left_of(world, date, holder)) and self.price_of(world, date)
        ]

    def dates(self) -> list[int]:
        found = {when for date in self.terms.dates for when in date[:4]}
        ahead = {date.opens - 7 * DAY for date in self.terms.dates} if self.terms.ahead else set()
        return sorted(found | ahead)

    # -- acts

    def give_notice(self, world: World, by: str, date: int, units: int) -> None:
        terms = self._at(date)
        self._require_between(world, terms.opens, terms.closes)
        if by == self.terms.writer:
            raise SettlementError(f"{self.key}: notice by its writer")
        held = self._token(world).known_units(by)
        if held is not None and units > held:
            raise SettlementError(f"{self.key}: notice of {units} of {held} units of {by}")
        if self.standing_of(date).start is None:
            self._set(date, start=self._token(world).earned)
        self._set_notice(date, by, units)
        world.emit(self.key, "NoticeGiven", holder=by, date=date, units=units)

    def lapse(self, world: World, by: str, date: int, holder: str, units: int) -> None:
        terms = self._at(date)
        self._require_between(world, terms.opens, terms.settles)
        noticed, held = self.notice_of(date, holder).units, self._token(world).known_units(holder)
        if units >= noticed or (held is not None and held > units):
            raise SettlementError(f"{self.key}: {noticed} units of {holder}, who has {held}, to {units}")
        self._set_notice(date, holder, units)
        world.emit(self.key, "NoticeLapsed", holder=holder, date=date, units=units)

    def fund(self, world: World, by: str, date: int, amount: int) -> None:
        self._at(date)
        self._require_between(world, 0, self.ends_of(date))
        money = self.standing_of(date).money + amount
        if money > MAX_MONEY:
            raise SettlementError(f"{self.key}: {money} for date {date}")
        self._set(date, money=money)
        world.emit(self.key, "PutFunded", **{"from": by, "date": date, "amount": amount})
        world.move(by, world.addresses[self.key], amount, "put money")

    def exercise(self, world: World, by: str, date: int, units: int) -> int:
        terms = self._at(date)
        self._require_between(world, terms.settles, self.ends_of(date))
        price, left = self.price_of(world, date), self.left_of(world, date, by)
        if not 0 < units <= left or price == 0:
            raise SettlementError(f"{self.key}: {units} of {left} units at {price}")
        stands, notice, paid = self.standing_of(date), self.notice_of(date, by), units * price
        self.notices[date, by] = notice._replace(sold=notice.sold + units)
        self._set(date, sold=stands.sold + units, money=stands.money - paid)
        world.emit(self.key, "PutExercised", holder=by, date=date, units=units, paid=paid)
        moved = {"from": by, "to": self.terms.writer, "value": units}
        world.call(self.key, self.terms.token, "transfer_from", **moved)
        world.move(world.addresses[self.key], by, paid, "put")
        return paid

    def dishonour(self, world: World, by: str, date: int) -> int:
        terms = self._at(date)
        self._require_between(world, terms.opens if self.terms.ahead else terms.settles, self.ends_of(date))
        short = self.needed(world, date) - self.covered(world, date)
        if short <= 0 or self.standing_of(date).dishonoured or self._token(world).closed:
            raise SettlementError(f"{self.key}: short of {short} units, and that is not to be recorded")
        self._set(date, dishonoured=True)
        world.emit(self.key, "PutDishonoured", date=date, units=short)
        return short

    def prolong(self, world: World, by: str, date: int) -> None:
        terms, token, stands = self._at(date), self._token(world), self.standing_of(date)
        self._require_between(world, terms.settles, self.ends_of(date))
        hindered = token.paused or token.may_refuse(world, self.terms.writer)
        ends = world.at + terms.ends - terms.settles
        if not hindered or token.closed or stands.sold == stands.noticed or ends < self.ends_of(date) + DAY:
            raise SettlementError(f"{self.key}: nothing to prolong on date {date}")
        self._set(date, ends=ends)
        world.emit(self.key, "PutProlonged", date=date, ends=ends)

    def return_money(self, world: World, by: str, date: int) -> int:
        self._require_between(world, self._at(date).closes, 2**256 - 1)
        amount = self.spare(world, date)
        if amount:
            self._set(date, money=self.standing_of(date).money - amount)
            world.emit(self.key, "PutMoneyReturned", date=date, amount=amount)
            world.move(world.addresses[self.key], self.terms.writer, amount, "put money returned")
        return amount

    # -- within

    def _token(self, world: World) -> TokenBooks:
        return world.books(self.terms.token, TokenBooks)

    def _at(self, date: int) -> PutDate:
        if date >= len(self.terms.dates):
            raise SettlementError(f"{self.key}: no date {date}")
        return self.terms.dates[date]

    def _require_between(self, world: World, start: int, end: int) -> None:
        if not start <= world.at < end:
            raise SettlementError(f"{self.key}: from {start} until {end} only")

    def _set(self, date: int, **changes: Any) -> None:
        self.standings[date] = self.standing_of(date)._replace(**changes)

    def _set_notice(self, date: int, holder: str, units: int) -> None:
        notice = self.notice_of(date, holder)
        self._set(date, noticed=self.standing_of(date).noticed - notice.units + units)
        self.notices[date, holder] = notice._replace(units=units)
