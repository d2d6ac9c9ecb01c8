"""Consent of holders to a standstill: the books of contracts/market/ConsentSolicitation.sol.

Signatures are checked outside, as allowances are: an act that a chain has carried out was signed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

from finance.settlement.acts import ANYONE, Act, Call, table
from finance.settlement.claim_token import TokenBooks, TokenSums
from finance.settlement.widths import SettlementError
from finance.settlement.world import Books, World

_CONSENT = {"waiver": "uint256", "units": "uint64"}
ACTS = table(
    Call(
        "propose",
        "issuer",
        "ask holders for a standstill on a payment",
        {"payment": "uint16", "standstill": "uint32", "document": "bytes32"},
    ),
    Call("consent", ANYONE, "consent with units of one's own", _CONSENT),
    Call(
        "lodge",
        ANYONE,
        "hand in a consent that a holder has signed",
        {"waiver": "uint256", "holder": "address", "units": "uint64", "signature": "bytes"},
    ),
    Call("revoke", ANYONE, "consent no more, whatever one has signed", {"waiver": "uint256"}),
    Call(
        "count",
        ANYONE,
        "count the consents that a standstill needs",
        {"waiver": "uint256", "holders": ["address"], "units": ["uint64"]},
    ),
)
AT_ONCE = 1_000
"""Holders whom a keeper counts in one transaction, at most: so many fit 2^24 gas."""


@dataclass(frozen=True, slots=True)
class ConsentTerms:
    """IConsentSolicitation.Terms: `numerator` of `denominator` outstanding units must consent; the rest in
    seconds. `token` is the key of a part, `issuer` and `affiliates`, ascending, are addresses."""

    token: str
    issuer: str
    affiliates: tuple[str, ...]
    numerator: int
    denominator: int
    longest: int
    notice: int
    held: int
    window: int


@dataclass(frozen=True, slots=True)
class Waiver:
    """IConsentSolicitation.Waiver"""

    proposed_at: int
    standstill: int
    payment: int
    document: str
    passed: bool = False


class Consent(NamedTuple):
    """IConsentSolicitation.Consent of a holder that has spoken."""

    units: int
    since: int


@dataclass
class ConsentBooks(Books):
    """A solicitation's state: waivers by number, what holders have said by waiver and holder."""

    KIND: ClassVar[str] = "consent_solicitation"
    ACTS: ClassVar[Mapping[str, Call]] = ACTS

    terms: ConsentTerms
    waivers: MutableMapping[int, Waiver] = field(default_factory=dict)
    consents: MutableMapping[tuple[int, str], Consent] = field(default_factory=dict)
    key: str = "consents"

    # -- questions

    def standstill(self, payment: int) -> int:
        found = (each.standstill for each in self.waivers.values() if each.passed and each.payment == payment)
        return max(found, default=0)

    def roles(self, world: World) -> Mapping[str, Collection[str]]:
        return {"issuer": [self.terms.issuer]}

    def few(self, call: str) -> Mapping[str, Collection[Any]]:
        asked = [number for number, each in self.waivers.items() if not each.passed]
        return {} if call == "propose" else {"waiver": asked}

    def due(self, world: World) -> list[Act]:
        """Each waiver that has its majority is counted: no moment is the issuer's to choose."""
        found = (self._counted(world, number) for number in self.few("count")["waiver"])
        return [act for act in found if act is not None]

    def _counted(self, world: World, waiver: int) -> Act | None:
        """By as few holders as are needed, affiliates first."""
        try:
            token, asked = self._token(world), self._open(world, waiver)
            held = [(each, token.units_of(each)) for each in self.terms.affiliates]
            holders = [holder for number, holder in self.consents if number == waiver]
            able = [(each, self._most(world, waiver, each)) for each in holders]
        except (SettlementError, LookupError):  # closed; or who holds what is not known here
            return None
        if isinstance(token, TokenSums) or world.at < asked.proposed_at + self.terms.notice:
            return None
        listed = {holder: units for holder, units in held if units}
        base, consents = token.supply - sum(listed.values()), 0
        for holder, units in sorted(able, key=lambda each: -each[1])[:AT_ONCE]:
            if units and not self._passes(consents, base):
                listed[holder], consents = units, consents + units
        if not self._passes(consents, base):
            return None
        counted = sorted(listed.items(), key=lambda each: int(each[0], 16))
        holders, units_ = [each[0] for each in counted], [each[1] for each in counted]
        return self._now(world, "count", waiver=waiver, holders=holders, units=units_)

    # -- acts

    def propose(self, world: World, by: str, payment: int, standstill: int, document: str) -> int:
        if not 0 < standstill <= self.terms.longest:
            raise SettlementError(f"{self.key}: {standstill} s, of {self.terms.longest} at most")
        number = len(self.waivers)
        self.waivers[number] = Waiver(world.at, standstill, payment, document)
        said = {"waiver": number, "payment": payment, "standstill": standstill, "document": document}
        world.emit(self.key, "WaiverProposed", **said)
        return number

    def consent(self, world: World, by: str, waiver: int, units: int) -> None:
        self._consent(world, waiver, by, units, signed=False)

    def lodge(self, world: World, by: str, waiver: int, holder: str, units: int, signature: str) -> None:
        if (waiver, holder) in self.consents:
            raise SettlementError(f"{self.key}: {holder} has spoken on waiver {waiver}")
        self._consent(world, waiver, holder, units, signed=True)

    def revoke(self, world: World, by: str, waiver: int) -> None:
        self._open(world, waiver)
        self.consents[waiver, by] = Consent(0, 0)
        world.emit(self.key, "ConsentRevoked", waiver=waiver, holder=by)

    def count(self, world: World, by: str, waiver: int, holders: Sequence[str], units: Sequence[int]) -> None:
        asked, token = self._open(world, waiver), self._token(world)
        if world.at < asked.proposed_at + self.terms.notice:
            raise SettlementError(f"{self.key}: the notice of waiver {waiver} runs")
        if len(holders) != len(units):
            raise SettlementError(f"{self.key}: {len(holders)} holders and {len(units)} numbers of units")
        consents, base, last = 0, token.supply, 0
        for holder, stated in zip(holders, units, strict=True):
            if int(holder, 16) <= last:
                raise SettlementError(f"{self.key}: {holder} does not ascend")
            last = int(holder, 16)
            if holder in self.terms.affiliates:
                self._require_at_most(holder, stated, token.units_of(holder))
                base -= stated
            else:
                self._require_at_most(holder, stated, self._most(world, waiver, holder))
                consents += stated
        if not self._passes(consents, base):
            raise SettlementError(f"{self.key}: {consents} of {base} units are no majority")
        self.waivers[waiver] = replace(asked, passed=True)
        said = {"holders": list(holders), "units": list(units), "consents": consents, "base": base}
        world.emit(self.key, "WaiverPassed", waiver=waiver, **said)

    # -- within

    def _token(self, world: World) -> TokenBooks:
        return world.books(self.terms.token, TokenBooks)

    def _open(self, world: World, waiver: int) -> Waiver:
        asked = self.waivers.get(waiver)
        if asked is None or asked.passed:
            raise SettlementError(f"{self.key}: no waiver {waiver} that may still pass")
        if world.at >= asked.proposed_at + self.terms.notice + self.terms.window:
            raise SettlementError(f"{self.key}: waiver {waiver} is closed")
        return asked

    def _most(self, world: World, waiver: int, holder: str) -> int:
        """Units of a consent that count now."""
        its = self.consents.get((waiver, holder))
        if its is None or its.since > world.at - self.terms.held:
            return 0
        return min(its.units, self._token(world).free_units(holder, world.at))

    def _consent(self, world: World, waiver: int, holder: str, units: int, signed: bool) -> None:
        self._open(world, waiver)
        if holder in self.terms.affiliates:
            raise SettlementError(f"{self.key}: {holder} is the issuer's affiliate")
        self._require_at_most(holder, units, self._token(world).free_units(holder, world.at))
        self.consents[waiver, holder] = Consent(units, world.at)
        world.emit(self.key, "Consented", waiver=waiver, holder=holder, units=units, signed=signed)

    def _passes(self, consents: int, base: int) -> bool:
        return consents > 0 and consents * self.terms.denominator >= base * self.terms.numerator

    def _require_at_most(self, holder: str, units: int, most: int) -> None:
        if not 0 < units <= most:
            raise SettlementError(f"{self.key}: {units} units of {holder}, of whom {most} may count")
