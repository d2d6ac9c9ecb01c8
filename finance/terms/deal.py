"""The deal file as a model: every term, party, KPI, claim, payment rule and source of a deal.

A `Deal` made by `load_deal` is consistent (finance.terms.checks); one built by hand is only well-typed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, Field, PrivateAttr, StringConstraints

from finance.terms.canonical import canonical_json, sha256_hex
from finance.terms.graph import groups_of, linking
from finance.terms.kinds import AnyPart
from finance.terms.part import Part
from finance.terms.problems import InputError
from finance.terms.sections import Asset, Currency, Kpi, OraclePolicy, Party, Source
from finance.terms.values import Key, Provenance, Strict, Term, Text, written

SCHEMA = "penstock/deal/2"

P = TypeVar("P", bound=Part)

FEED_GAS, FEED_GAS_OF_A_PERIOD, FEED_GAS_OF_A_MEMBER, DEAL_GAS = 258_000, 9_800, 12_300, 45_000
"""Of a KPI's feed, a measurement period of it, one of its nodes and panellists; of any deal
(tests/chain/test_chain_gas.py)."""


class Deal(Strict):
    """A deal: a graph of parts, which name each other in their links. Equal to another when their terms are,
    wherever the files lie.

    `groups` are the parts that hang together, each group a deal of its own to be valued and shown, called
    DEAL--PART after the part that leads it, which is still part of the whole: its terms hash is the whole's.
    """

    schema_id: Literal["penstock/deal/2"] = Field(alias="schema")
    id: Annotated[
        str,
        StringConstraints(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$", max_length=64),
        written("at most 64 small letters and digits, with single hyphens between them, such as my-bond"),
    ]
    title: Text
    summary: Text
    sources: dict[Key, Source]
    currency: Currency
    parties: dict[Key, Party]
    asset: Asset
    kpis: dict[Key, Kpi] = Field(default_factory=dict)
    parts: Annotated[dict[Key, AnyPart], Field(min_length=1)]
    oracle: dict[Key, OraclePolicy] = Field(default_factory=dict)

    _file: Path | None = PrivateAttr(default=None)
    _hash: str | None = PrivateAttr(default=None)
    _whole: Deal | None = PrivateAttr(default=None)
    _groups: dict[str, Deal] | None = PrivateAttr(default=None)
    _linking: dict[tuple[str, str], list[str]] | None = PrivateAttr(default=None)

    @property
    def file(self) -> Path | None:
        """Where the deal was read from; None when it was made in memory. Not a term."""
        return self._file

    @property
    def canonical_json(self) -> str:
        """The terms of the whole deal as canonical JSON: sorted keys, no spaces, numbers as shortest plain
        strings, ISO dates.
        """
        whole = self._whole or self
        return canonical_json(whole.model_dump(mode="python", by_alias=True, exclude_none=True))

    @property
    def terms_hash(self) -> str:
        """ "0x" and the sha256 of `canonical_json` in UTF-8: what is written on chain. Taken once."""
        if self._hash is None:
            self._hash = sha256_hex(self.canonical_json)
        return self._hash

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, with the fields of `update` in place of its own; not checked. `deep`: of its parts too."""
        copied = super().model_copy(update=update, deep=deep)
        copied._hash = copied._whole = copied._groups = copied._linking = None
        return copied

    # -- its parts

    def part(self, key: str, kind: type[P]) -> P:
        """The part called `key`. Raises InputError where there is none, or it is of another kind."""
        found = self.parts.get(key)
        if not isinstance(found, kind):
            raise InputError(f"{self.file or self.id}: parts.{key}: no {kind.__name__} is called that")
        return found

    def having(self, kind: type[P]) -> dict[str, P]:
        """The parts of a kind, by key."""
        return {key: part for key, part in self.parts.items() if isinstance(part, kind)}

    def key_of(self, kind: type[Part]) -> str:
        """The key of the only part of a kind. Raises InputError where there is none, or several."""
        found = list(self.having(kind))
        if len(found) == 1:
            return found[0]
        what = kind.called or kind.__name__
        if not found:
            raise InputError(f"{self.file or self.id}: has no {what}, and this needs one")
        raise InputError(
            f"{self.file or self.id}: has several ({', '.join(found)}): say which {what} is meant"
        )

    def only(self, kind: type[P]) -> P:
        """The only part of a kind. Raises InputError where there is none, or several."""
        return self.part(self.key_of(kind), kind)

    def only_or_none(self, kind: type[P]) -> P | None:
        """The same; None where there is none."""
        return self.only(kind) if self.having(kind) else None

    def linking(self, key: str, does: str) -> list[str]:
        """The keys of the parts that say they do `does` to the part `key` (Link). All found once."""
        if self._linking is None:
            self._linking = linking(self.parts)
        return self._linking.get((key, does), [])

    @property
    def groups(self) -> dict[str, Deal]:
        """The parts that hang together, by the key of the one that leads them, in the file's order: of a deal
        of one group the deal itself. Found once."""
        if self._groups is None:
            found = groups_of(self.parts)
            alone = len(found) < 2
            self._groups = {key: self if alone else self._narrowed(key, keys) for key, keys in found.items()}
        return self._groups

    def group(self, key: str | None = None) -> Deal:
        """The group that the part `key` leads; it may be left out where there is only one. Raises
        InputError."""
        found = self.groups
        if key is None and len(found) == 1:
            return next(iter(found.values()))
        known = ", ".join(found)
        if key is None:
            raise InputError(
                f"{self.file or self.id}: joins several parts: say which (--part; known: {known})"
            )
        if key not in found:
            raise InputError(
                f"{self.file or self.id}: part = {key}: not one that is valued by itself (known: {known})"
            )
        return found[key]

    def alone(self, key: str) -> Deal:
        """The part `key` of a group as if nothing else hung on it: for what is the same wherever it stands.
        Raises InputError where there is no such part."""
        self.part(key, Part)
        return self._narrowed(key, (key,))

    def _narrowed(self, key: str, keys: tuple[str, ...]) -> Deal:
        parts = {key: part for key, part in self.parts.items() if key in keys}
        used = {name for part in parts.values() for name in kpis_of(part)}
        lead: Any = self.parts[key]
        kept: dict[str, Any] = {
            "id": f"{self.id}--{key}",
            "title": f"{self.title}: {getattr(lead, 'title', key)}",
            "parts": parts,
            "kpis": {key: kpi for key, kpi in self.kpis.items() if key in used},
            "oracle": {key: policy for key, policy in self.oracle.items() if key in used},
        }
        return self._still(kept)

    def _still(self, update: Mapping[str, Any]) -> Self:
        """A copy that is still of these terms, with their hash, in this file."""
        made = self.model_copy(update=update)
        made._whole, made._hash, made._file = self._whole or self, self.terms_hash, self._file
        return made

    def reading(self, parts: Mapping[str, Part]) -> Self:
        """The same terms with some parts read as others: for a kind that says in few fields what another says
        in more."""
        return self._still({"parts": {**self.parts, **parts}})

    @property
    def lead(self) -> str:
        """The key of the part that leads the deal's only group. Raises InputError where there are several."""
        self.group()
        return next(iter(self.groups))

    @property
    def kind(self) -> str:
        """The kind of the part that leads the deal's only group: its modules price and show it. Raises
        InputError where there are several."""
        return self.parts[self.lead].kind

    @property
    def window(self) -> tuple[date, date] | None:
        """When all that it sells is on sale, if it sells anything: the first day, and the first one after,
        which is none later where its sales are never open together."""
        found = [part.window for part in self.parts.values() if part.window is not None]
        return (max(opens for opens, _ in found), min(closes for _, closes in found)) if found else None

    # -- its people

    def in_role(self, role: str) -> list[str]:
        """The keys of the parties that have a role."""
        return [key for key, party in self.parties.items() if role in party.roles]

    def party_of(self, part: str, role: str) -> str:
        """The key of the party that has a role in a part: which it names, else the deal's only one in that
        role. Raises InputError where there is none, or several."""
        named: str | None = getattr(self.parts[part], role)
        if named is not None:
            return named
        found = self.in_role(role)
        if len(found) != 1:
            names = " and ".join(found) or "none"
            raise InputError(
                f"{self.file or self.id}: parts.{part}.{role}: which party? ({names} in that role)"
            )
        return found[0]

    def wallet_of(self, part: str, role: str) -> str:
        """What the wallet of that party is called on chain: by the role where all parts of the whole deal
        have the same party in it, else ROLE.PARTY."""
        whole = self._whole or self
        if not whole.in_role(role) and getattr(self.parts[part], role) is None:
            return role  # somebody whom the deal does not name
        party = whole.party_of(part, role)
        others = {whole.party_of(key, role) for key, each in whole.parts.items() if role in each.people}
        return role if others == {party} else named_wallet(role, party)

    @property
    def people(self) -> dict[str, str | None]:
        """Whose each wallet is, by what it is called on chain: the key of a party, None for somebody whom the
        deal does not name. Raises InputError as `party_of`."""
        whole, found = self._whole or self, {}
        for key, part in whole.parts.items():
            for role in part.people:
                named = whole.in_role(role) or getattr(part, role) is not None
                found[whole.wallet_of(key, role)] = whole.party_of(key, role) if named else None
            found |= {named_wallet(role, party): party for role, party in part.named}
        return found

    def controller_of(self, part: str) -> Literal["issuer", "holders"]:
        """Which side of a part that an issuer owes its holders produces the data, and so must not gain by
        withholding it."""
        issuer = self.parties[self.party_of(part, "issuer")]
        return "issuer" if "data_controller" in issuer.roles else "holders"

    def parameter(self, name: str) -> Any:
        """The value of the asset's parameter `name`. Raises InputError when the deal does not give it."""
        if name not in self.asset.parameters:
            raise InputError(f"{self.file or self.id}: asset.parameters.{name} = (missing): is required")
        return self.asset.parameters[name].value

    def number(self, name: str) -> float:
        """The asset's parameter `name` where it is a number, in the unit of its name. Raises InputError
        when there is none.
        """
        value = self.parameter(name)
        if not isinstance(value, Decimal):
            raise InputError(f"{self.file or self.id}: asset.parameters.{name} = {value}: must be a number")
        return float(value)

    def numbers(self) -> list[tuple[str, Decimal | date | str, str, str]]:
        """Every input as (path, value, "sourced" or "assumed", citation or reason), in the file's order;
        values in the units of their fields.

        An input is a number, date or text that is stated with its origin. The measurement periods of a KPI
        are one input, for they are one schedule; it is assumed if any of them is.
        """
        return [row for row, _ in self.inputs()]

    def inputs(self) -> list[tuple[tuple[str, Decimal | date | str, str, str], str | None]]:
        """Each row of `numbers`, values in the units of their fields, with the key of its source, or None; of
        a schedule, its first period's.
        """
        rows: list[tuple[tuple[str, Decimal | date | str, str, str], str | None]] = []
        for path, item in walk(self):
            if isinstance(item, Term):
                kind = "sourced" if item.is_sourced else "assumed"
                rows.append(((".".join(path), item.value, kind, self._origin(item)), item.source))
            elif isinstance(item, Kpi):
                first, last, count = item.periods[0], item.periods[-1], len(item.periods)
                span = f"{first.start} to {last.end}" + (f", {count} periods" if count > 1 else "")
                kind = "sourced" if all(each.is_sourced for each in item.periods) else "assumed"
                text = "; ".join(dict.fromkeys(map(self._origin, item.periods)))
                rows.append(((".".join((*path, "periods")), span, kind, text), item.periods[0].source))
        return rows

    def _origin(self, item: Provenance) -> str:
        source = self.sources.get(str(item.source)) if item.is_sourced else None
        if source is None:
            return item.citation
        return f"{source.citation} ({item.note})" if item.note else source.citation

    def assumed(self) -> tuple[int, int]:
        """How many of the deal's inputs (see `numbers`) are assumed, and how many there are: the one count
        that every command, report and page shows.
        """
        kinds = [kind for _, _, kind, _ in self.numbers()]
        return kinds.count("assumed"), len(kinds)

    @property
    def least_gas(self) -> int:
        """Gas that the transaction at least takes which deploys the whole deal: of its parts, as far as their
        kinds say, and of the feeds of its KPIs. Raises ValueError as they do."""
        whole = self._whole or self
        gas = DEAL_GAS + sum(part.least_gas(whole) for part in whole.parts.values())
        read = {kpi for part in whole.parts.values() for kpi in kpis_of(part)}
        for key in read & whole.kpis.keys() & whole.oracle.keys():
            policy, periods = whole.oracle[key], len(whole.kpis[key].periods)
            members = int(policy.nodes.value + policy.panel_size.value)
            gas += FEED_GAS + FEED_GAS_OF_A_PERIOD * periods + FEED_GAS_OF_A_MEMBER * members
        return gas

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Deal):
            return NotImplemented
        return (self.terms_hash, self.parts.keys()) == (other.terms_hash, other.parts.keys())

    def __hash__(self) -> int:
        return hash((self.terms_hash, *sorted(self.parts)))


def named_wallet(role: str, party: str) -> str:
    """What the wallet of a party is called that a part names in a role which several may have."""
    return f"{role}.{party}"


def kpis_of(part: Part) -> list[str]:
    """The KPIs that a part names, wherever in it."""
    named = (getattr(item, "kpi", None) for _, item in walk(part))
    return list(dict.fromkeys(name for name in named if isinstance(name, str)))


def walk(item: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], BaseModel]]:
    """Every model inside `item` with its path in the file, outermost first."""
    if isinstance(item, BaseModel):
        yield path, item
        for name, value in item.__dict__.items():
            field = type(item).model_fields.get(name)
            yield from walk(value, (*path, (field.alias if field else None) or name))
    elif isinstance(item, dict):
        for key, value in item.items():
            yield from walk(value, (*path, str(key)))
    elif isinstance(item, list):
        for index, value in enumerate(item):
            yield from walk(value, (*path, str(index)))
