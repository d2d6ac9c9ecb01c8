"""A role that is handed on by rules, with notice: the books of contracts/identity/Office.sol."""

from __future__ import annotations

from collections.abc import Collection, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from finance.settlement.acts import ANYONE, Act, Call, table
from finance.settlement.widths import SettlementError
from finance.settlement.world import NOBODY, Books, World

WINDOW = 30 * 86_400
"""Seconds after the notice, in which the office can be taken."""
_CANDIDATE = {"candidate": "address"}
ACTS = table(
    Call("hand_on", "keeper", "announce who is to have the office next; zero: nobody", {"to": "address"}),
    Call("support", "appointer", "be for a candidate", _CANDIDATE),
    Call("withdraw_support", "appointer", "be no longer for a candidate", _CANDIDATE),
    Call("object", "keeper", "object to a candidate, so that all appointers must be for it", _CANDIDATE),
    Call("take", ANYONE, "have the office, where the notice is over"),
    Call("collect", ANYONE, "send the office's money on to its keeper", sweeps=True),
)


@dataclass(frozen=True, slots=True)
class OfficeTerms:
    """IOffice.Terms; `notice` in seconds."""

    keeper: str
    notice: int
    quorum: int
    appointers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Candidacy:
    """IOffice.Candidacy: whom `by` it is supported, whether the keeper has objected, and since when enough
    are for it, 0 where they are not."""

    by: frozenset[str] = frozenset()
    objected: bool = False
    since: int = 0


@dataclass
class OfficeBooks(Books):
    """An office's state: its keeper, whom it has announced and when, and the candidates."""

    KIND: ClassVar[str] = "office"
    ACTS: ClassVar[Mapping[str, Call]] = ACTS

    terms: OfficeTerms
    keeper: str = ""
    announced: str = NOBODY
    announced_at: int = 0
    candidates: MutableMapping[str, Candidacy] = field(default_factory=dict)
    key: str = "office"

    def __post_init__(self) -> None:
        self.keeper = self.keeper or self.terms.keeper

    # -- questions

    @property
    def kept_by(self) -> str:
        return self.keeper

    def roles(self, world: World) -> Mapping[str, Collection[str]]:
        return {"keeper": [self.keeper], "appointer": self.terms.appointers}

    def owing(self, world: World) -> list[Act]:
        return [self._now(world, "collect", self.keeper)] if world.held(self.key) else []

    def opens(self, since: int) -> int:
        """When the office can be taken that was announced `since`, unix seconds; 0 if it was not."""
        return since + self.terms.notice if since else 0

    def candidacy(self, candidate: str) -> Candidacy:
        """How a candidate stands."""
        return self.candidates.get(candidate, Candidacy())

    def _is_open(self, since: int, at: int) -> bool:
        opens = self.opens(since)
        return 0 < opens <= at <= opens + WINDOW

    def _enough(self, found: Candidacy) -> bool:
        needed = len(self.terms.appointers) if found.objected else self.terms.quorum
        return len(found.by) >= needed

    def _require_candidate(self, world: World, candidate: str) -> None:
        none = (NOBODY, world.addresses[self.key], self.keeper, *self.terms.appointers)
        if candidate in none:
            raise SettlementError(f"{self.key}: {candidate} is no candidate")

    # -- acts

    def hand_on(self, world: World, by: str, to: str) -> None:
        if to != NOBODY:
            self._require_candidate(world, to)
        self.announced, self.announced_at = to, world.at
        world.emit(self.key, "HandoverAnnounced", **{"to": to, "from": world.at + self.terms.notice})

    def support(self, world: World, by: str, candidate: str) -> None:
        self._require_candidate(world, candidate)
        found = self.candidacy(candidate)
        if found.since and world.at > self.opens(found.since) + WINDOW:
            found = Candidacy()
        if by in found.by:
            raise SettlementError(f"{self.key}: {by} supports {candidate} already")
        found = replace(found, by=found.by | {by})
        if not found.since and self._enough(found):
            found = replace(found, since=world.at)
        self.candidates[candidate] = found
        said = {"appointer": by, "candidate": candidate, "votes": len(found.by)}
        world.emit(self.key, "CandidateSupported", **said, **{"from": self.opens(found.since)})

    def withdraw_support(self, world: World, by: str, candidate: str) -> None:
        found = self.candidacy(candidate)
        if by not in found.by:
            raise SettlementError(f"{self.key}: {by} does not support {candidate}")
        found = replace(found, by=found.by - {by})
        self.candidates[candidate] = found if self._enough(found) else replace(found, since=0)
        world.emit(self.key, "SupportWithdrawn", appointer=by, candidate=candidate, votes=len(found.by))

    def object(self, world: World, by: str, candidate: str) -> None:
        found = self.candidacy(candidate)
        if not found.by or found.objected or len(found.by) == len(self.terms.appointers):
            raise SettlementError(f"{self.key}: no objection to {candidate}")
        self.candidates[candidate] = replace(found, objected=True, since=0)
        world.emit(self.key, "CandidateRejected", candidate=candidate)

    def take(self, world: World, by: str) -> None:
        was = self.keeper
        if by == was:
            raise SettlementError(f"{self.key}: {by} has it")
        handed = by == self.announced and self._is_open(self.announced_at, world.at)
        if not handed:
            if not self._is_open(self.candidacy(by).since, world.at):
                raise SettlementError(f"{self.key}: {by} cannot take it now")
            self.candidates = {}
        self.announced, self.keeper = NOBODY, by
        world.emit(self.key, "OfficeTaken", **{"from": was, "to": by, "appointed": not handed})

    def collect(self, world: World, by: str) -> int:
        amount = world.held(self.key)
        if amount:
            world.emit(self.key, "OfficeMoneyCollected", keeper=self.keeper, amount=amount)
            world.move(world.addresses[self.key], self.keeper, amount, "office_money")
        return amount
