"""A deployed deal of any parts, everybody around it, and what they do by their habits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from web3.contract import Contract

from chain.bindings import contract, read
from chain.deploy import deploy_on
from chain.errors import ContractError
from chain.keeper import Keeper
from chain.kinds import plan_of
from chain.network import LocalChain, clock, when
from chain.parts import PARTS
from chain.reconcile import names_of
from chain.records import DeploymentRecord, Wallets
from chain.sender import GasLog, GasUse, Sender
from finance.settlement.acts import Act, Done
from finance.settlement.terms import FeedTerms
from finance.settlement.widths import SettlementError
from finance.settlement.world import World
from finance.terms import Deal
from scripts.demo import cast as people
from scripts.demo.cast import CLASS_NAMES, Investor, allot

DAY = 86_400
IDENTITY_YEARS = 40
MAX_UINT = 2**256 - 1
LATE = 2 * DAY
"""By which a promise that is not kept is made good."""
DEFAULT = 120 * DAY
"""The same of one that is in default by then, or closed out."""
MANY = 24
"""Dates from which on holders trade and claim less often than at each."""


@dataclass(frozen=True)
class Money:
    """Amounts of the settlement currency in words."""

    code: str
    decimals: int

    @classmethod
    def of(cls, deal: Deal) -> Money:
        """Of a deal's currency."""
        return cls(deal.currency.code, deal.currency.token_decimals)

    def words(self, minor: int) -> str:
        """12345678 -> `USD 12.35`; a negative amount with its sign."""
        whole = abs(minor) / 10**self.decimals
        return f"{'-' if minor < 0 else ''}{self.code} {whole:,.2f}"


@dataclass(frozen=True)
class Reading:
    """One report: `period` (from 0) of the feed with the id `id`."""

    feed: FeedTerms
    id: str
    period: int

    @property
    def ends(self) -> int:
        """When the measurement is over, in unix seconds."""
        return self.feed.period_ends[self.period]


@dataclass
class Past:
    """What people remember.

    `paid_out`: by part what it had earned at the last payment that its holders have seen, and their number.
    `unpaid_from`: by part from when the first who promised something lets the day pass, on purpose;
    `late_until`: until when that lasts, `lateness` seconds once it has begun. `gone_from`: by wallet from
    when it keeps no promise. `year`: of the last look.
    """

    paid_out: dict[str, tuple[int, int]] = field(default_factory=dict)
    unpaid_from: dict[str, int] = field(default_factory=dict)
    late_until: dict[str, int] = field(default_factory=dict)
    lateness: int = LATE
    gone_from: dict[str, int] = field(default_factory=dict)
    year: int = 0


class Company:
    """A deal on a local chain and everybody around it; `dates`: of its books."""

    registry: Contract
    oracle: Contract
    currency: Contract
    record: DeploymentRecord

    def __init__(self, chain: LocalChain, deal: Deal, gas: GasLog, dates: Sequence[int]) -> None:
        self.chain, self.deal, self.gas, self.dates = chain, deal, gas, dates
        self.w3 = chain.w3
        self.cast = people.QUARTERS if len(dates) > MANY else people.HALF_YEARS
        self.money = Money.of(deal)
        self.held = [part.holders for part in deal.parts.values() if part.holders is not None]
        self.classes = [each for each, name in CLASS_NAMES.items() if all(name in may for may in self.held)]
        """Of investors that may hold all that can be held."""
        self.names = {chain.accounts[each.account]: self._name(each) for each in self.cast.investors}
        self.feeds: dict[str, FeedTerms] = {feed.terms.kpi: feed.terms for feed in plan_of(deal).feeds}
        self.past = Past()
        self._senders: dict[str, Sender] = {}

    # -- people

    def investor_class(self, investor: Investor) -> int:
        """The investor's own class; where that may not hold, the highest that may."""
        may = investor.investor_class in self.classes
        return investor.investor_class if may else max(self.classes)

    def _name(self, investor: Investor) -> str:
        """A household that may not hold is a fund here."""
        if self.investor_class(investor) == investor.investor_class:
            return investor.name
        return investor.name.replace("Household", "Fund")

    def sender(self, address: str) -> Sender:
        return self._senders.setdefault(address, Sender(self.w3, address, self.gas))

    def account(self, number: int) -> Sender:
        return self.sender(self.chain.accounts[number])

    def wallet(self, investor: Investor | str) -> str:
        if isinstance(investor, str):
            investor = next(each for each in self.cast.investors if each.name == investor)
        return self.chain.accounts[investor.account]

    @property
    def verifier(self) -> Sender:
        """Who deployed the deal verifies investors and makes test money."""
        return self.sender(self.record.wallets.deployer)

    @property
    def citizen(self) -> Sender:
        return self.account(self.cast.citizen)

    @property
    def relay(self) -> Sender:
        return self.account(self.cast.relay)

    @property
    def stranger(self) -> Sender:
        return self.account(self.cast.stranger)

    # -- beginning

    def deploy(
        self,
        folder: Path | None = None,
        wallets: Wallets | None = None,
        original: Deal | None = None,
        shifted_days: int = 0,
    ) -> DeploymentRecord:
        """Shared contracts, then the deal in one transaction; raises if the chain differs from the file.

        Deals with the same `folder` share their contracts. `original` and `shifted_days`: of a moved deal.
        """
        self.record = deploy_on(
            self.chain, self.deal, self.gas, folder, wallets, shifted_from=original, shifted_days=shifted_days
        )
        for name in self.record.shared.keys() - {"factory"}:
            kind = "TestCurrency" if name == "currency" else PARTS[name].contract
            setattr(self, name, contract(self.w3, kind, self.record.shared[name]))
        return self.record

    def begin(self) -> str:
        """Verify investors, where something is held, and set a keeper up, who is a stranger; in words who was
        verified."""
        self.keeper = Keeper(self.w3, self.stranger.address, [self.record])
        self.following = self.keeper.deals[0]
        self.called = names_of(self.record) | {at: key for key, at in self.record.addresses.items()}
        for name, party in self.deal.people.items():
            wallet = self.record.wallets.people.get(name)
            if wallet is not None and party is not None:
                self.called[wallet] = self.deal.parties[party].name
        self.called[self.chain.accounts[self.cast.offtaker]] = "Buyer of what the asset makes"
        self.called |= self.names
        if not self.held:
            return ""
        expiry = self.dates[-1] + IDENTITY_YEARS * 365 * DAY
        of = {self.wallet(each): self.investor_class(each) for each in self.cast.investors}
        identities = [(expiry, people.COUNTRY_USA, each) for each in of.values()]
        self.verifier.send(
            self.registry.functions.setIdentities(list(of), identities), "verify holders (batch)"
        )
        names = [CLASS_NAMES[each] for each in of.values()]
        classes = ", ".join(f"{names.count(name)} {name}" for name in dict.fromkeys(names))
        return f"{len(of)} wallets verified: {classes}"

    def stake(self, kpi: str) -> None:
        """Who will challenge a report of the KPI has the stake for it, and whoever sponsors its feed puts
        aside what that may win."""
        feed = self.feeds[kpi]
        sponsor = next(each.sponsor for each in plan_of(self.deal).feeds if each.terms.kpi == kpi)
        self.mint(self.citizen.address, feed.challenge_bond)
        owner = self.sender(self.record.wallets[sponsor])
        self._pays(owner, self.oracle.address, feed.all_rewards)
        function = self.oracle.functions.fundRewards(self.record.feeds[kpi], feed.all_rewards)
        owner.send(function, "fund rewards")

    # -- money

    def mint(self, wallet: str, amount: int) -> None:
        self.verifier.send(self.currency.functions.mint(wallet, amount), "mint test currency")

    def approve(self, owner: Sender, spender: str, amount: int = MAX_UINT) -> None:
        owner.send(self.currency.functions.approve(spender, amount), "approve")

    def balance(self, account: str) -> int:
        return int(read(self.currency.functions.balanceOf(account)))

    def _pays(self, owner: Sender, spender: str, amount: int) -> None:
        """The owner has so much test money, and the spender may take it."""
        lacks = amount - self.balance(owner.address)
        if lacks > 0:
            self.mint(owner.address, lacks)
        if read(self.currency.functions.allowance(owner.address, spender)) < amount:
            self.approve(owner, spender)

    # -- acts

    def look(self) -> World:
        return self.following.look()

    def now(self, act: Act) -> Act:
        """The same act at this moment."""
        world = self.look()
        return replace(act, at=world.at, block=world.block)

    def do(self, act: Act) -> Done:
        """Send an act by the party that does it, who has test money for what it pays; what it came to."""
        return self._sent(self.look(), act)[1]

    def each(self, acts: Iterable[Act]) -> Iterator[tuple[Act, Done]]:
        """What people do of their own accord, one after the other, on the books as the act before left
        them."""
        world = self.look()
        for act in acts:
            try:
                world, done = self._sent(world, act)
            except (ContractError, SettlementError) as error:
                self.let_be(act, error)
            else:
                yield act, done

    def let_be(self, act: Act, error: Exception) -> None:
        """What somebody would do cannot be done."""
        raise error

    def _sent(self, world: World, act: Act) -> tuple[World, Done]:
        act = replace(act, at=world.at, block=world.block)
        after, done = world.tried(act)
        sender = self.sender(world.keepers.get(act.by, act.by))
        if pays := sum(flow.amount for flow in done.flows if flow.payer == act.by):
            self._pays(sender, world.addresses[act.part], pays)
        sender.send(self.following.call(world, act), self._operation(world, act))
        return after, done

    def _operation(self, world: World, act: Act) -> str:
        """What the gas is counted for; a first time costs more."""
        books = world.parts[act.part]
        # Other kinds may call something else so: done by anyone, or to nobody.
        if act.call == "claim" and act.by:
            return "claim" if self.balance(act.by) else "first claim"
        if act.call == "transfer" and "to" in act.arguments:
            return "transfer" + ("" if books.units_of(act.arguments["to"]) else " to a new holder")
        return f"{act.call.replace('_', ' ')} ({books.KIND})"

    # -- sales

    def on_sale(self) -> dict[str, int]:
        """Units that are left of what is sold now, by the part that sells them."""
        world = self.look()
        left = {key: books.for_sale(world.at) for key, books in world.parts.items()}
        return {key: units for key, units in left.items() if units}

    def refused(self, offering: str) -> str:
        """What the chain says when an unverified wallet with money tries to subscribe."""
        try:
            self.do(self.buying(offering, self.stranger.address, 1))
        except ContractError as error:
            return str(error)
        raise RuntimeError("an unverified wallet could subscribe")

    def subscribe(self, offering: str, units: int) -> dict[str, int]:
        """So many units are sold to everybody by their shares: units by wallet."""
        acts = [self.buying(offering, self.wallet(name), part) for name, part in allot(units).items()]
        return {act.by: act.arguments["units"] for act, _ in self.each(acts)}

    def buying(self, offering: str, buyer: str, units: int) -> Act:
        """By somebody as things stand now."""
        world = self.look()
        return replace(world.parts[offering].buying(world, buyer, units), at=0)

    # -- what is done at a date

    def round(self) -> Iterator[tuple[Act, Done]]:
        """All that is promised, due or, by people's habits, taken at this moment, as it is done."""
        while True:
            promised = [act for act in self.look().promised() if self._is_kept(act)]
            for act in promised:
                yield act, self.do(act)
            performed = self.keeper.round()
            world = self.look()
            for each in performed:
                operation = self._operation(world, each.act)
                self.gas.entries.append(GasUse(operation, each.gas, each.tx, each.block))
                yield each.act, each.done
            if not performed and not promised:
                break
        yield from self.each(self._habits(world))

    def _is_kept(self, act: Act) -> bool:
        """Whether a promise is kept, or the day is let pass."""
        past, part, now = self.past, act.part, clock(self.w3)
        if now >= past.gone_from.get(act.by, now + 1):
            return False
        if part not in past.late_until and now >= past.unpaid_from.get(part, now + 1):
            past.late_until[part] = now + past.lateness
        return now >= past.late_until.get(part, now)

    def _habits(self, before: World) -> Iterator[Act]:
        """Holders claim and trade after payments to them; once a year everybody else takes what is theirs."""
        past = self.past
        for key, books in before.parts.items():
            index, number = past.paid_out.get(key, (0, 0))
            if books.earned == index:
                continue
            number += 1
            past.paid_out[key] = books.earned, number
            names = {self.wallet(each): each.name for each in self.cast.investors}  # as the cast has them
            for act in books.owing(before):
                if act.by in names and self.cast.claims_after(names[act.by], number):
                    yield act
            for trade in self.cast.trades_after(number):
                seller, buyer = self.wallet(trade.seller), self.wallet(trade.buyer)
                units = min(trade.units, books.units_of(seller))
                sale = Act(seller, key, "transfer", {"to": buyer, "value": units}, before.at, before.block)
                if units and before.takes(sale):
                    yield sale
        year = int(when(before.at)[:4])
        if year > past.year > 0:
            yield from (act for act in self.look().owing() if act.by not in self.names)
        past.year = year
