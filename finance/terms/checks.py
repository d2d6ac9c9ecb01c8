"""The rules of a deal file that no single field can state: order, units, references, and silence that never
pays.

Each rule is a generator of (location in the file, reason). On a file that is already known to be malformed a
rule may meet a part that is not there; it then stays silent, because that part has its own problem.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from finance.terms import assets, graph_rules, kinds, oracle_rules, payoff_rules, process_rules
from finance.terms.canonical import plain
from finance.terms.deal import Deal, kpis_of, walk
from finance.terms.iso import MINOR_UNITS
from finance.terms.rule_parts import Finding, Loc
from finance.terms.sections import Kpi, Role
from finance.terms.values import scaled

TOKEN_DECIMALS = (6, 8, 18)
NAMED_ROLES: tuple[Role, ...] = ("issuer", "agent")
"""Roles in which a part need not name its party."""


def check(deal: Deal, complete: bool = True) -> list[Finding]:
    """All findings of all rules; `complete` is False for a draft with parts missing."""
    findings: list[Finding] = []
    parts = deal.parts.values() if deal.parts else ()
    there = {kind for kind, model in kinds.KINDS.items() if any(isinstance(part, model) for part in parts)}
    of_kinds = (rule for kind in kinds.RULES if kind in there for rule in kinds.RULES[kind])
    for rule in (*RULES, *of_kinds, _parts):
        try:
            for finding in rule(deal):
                findings.append(finding)
        except (AttributeError, TypeError, LookupError):
            if complete:
                raise
    return findings


def _sources(deal: Deal) -> Iterator[Finding]:
    known = ", ".join(deal.sources)
    for path, item in walk(deal):
        source = getattr(item, "source", None)
        if source is not None and source not in deal.sources:
            yield (*path, "source"), f"no such key in `sources` (known: {known})"


def _currency(deal: Deal) -> Iterator[Finding]:
    currency = deal.currency
    expected = MINOR_UNITS.get(currency.code)
    if expected is None:
        yield ("currency", "code"), "not a currency code of ISO 4217 that is known here"
    elif currency.minor_units != expected:
        yield ("currency", "minor_units"), f"{currency.code} has {expected} decimals (ISO 4217)"
    if currency.token_decimals not in TOKEN_DECIMALS:
        yield ("currency", "token_decimals"), "must be 6, 8 or 18"
    if currency.token_decimals < currency.minor_units:
        yield (
            ("currency", "token_decimals"),
            f"cannot express the {currency.minor_units} decimals of the currency",
        )


def _parties(deal: Deal) -> Iterator[Finding]:
    """Whoever a part needs in a role is named there, or is the only one who has it."""
    for key, part in deal.parts.items():
        for role in part.people:
            named = getattr(part, role)
            if named is not None and named not in deal.parties:
                yield ("parts", key, role), f"unknown party (known: {', '.join(deal.parties)})"
            elif named is not None and role not in deal.parties[named].roles:
                yield ("parts", key, role), f"the party has not the role {role}"
    called: dict[str, str] = {}
    for name, party in deal.parties.items():
        if party.name in called:
            yield ("parties", name, "name"), f"is {called[party.name]}'s as well: one party has one key"
        called.setdefault(party.name, name)
    for role in NAMED_ROLES:
        asking = [
            key for key, part in deal.parts.items() if role in part.people and getattr(part, role) is None
        ]
        found = deal.in_role(role)
        if asking and not found and role == "issuer":
            yield ("parties",), _one(role, found)
        for key in asking if len(found) > 1 else ():
            named = f"{' and '.join(found)} have the role {role}: name one, as in `{role}: {found[0]}`"
            yield ("parts", key, role), named
    controllers = deal.in_role("data_controller")
    if not deal.kpis:
        for name in controllers:
            yield ("parties", name, "roles"), "nothing is measured here, so there is no data to control"
    elif not controllers:
        yield ("parties",), _one("data_controller", controllers)
    else:
        yield from _controllers(deal, controllers)


def _roles(deal: Deal) -> Iterator[Finding]:
    """Each once; and nobody judges data that somebody with a role in the deal could gain by."""
    for name, party in deal.parties.items():
        here = ("parties", name, "roles")
        for role in dict.fromkeys(role for role in party.roles if party.roles.count(role) > 1):
            yield here, f"names the role {role} twice"
        others = [role for role in party.roles if role != "panel"]
        if others and len(others) < len(party.roles):
            yield (
                here,
                f"the panel judges, so whoever sits on it has no other role here ({', '.join(others)})",
            )


def _controllers(deal: Deal, controllers: list[str]) -> Iterator[Finding]:
    """Each part that a KPI decides is between one side that controls the data, and others."""
    needed: set[str] = set()
    measured: dict[str, str] = {}
    sides = ((part, part.sides(deal)) for part in deal.parts.values())
    between = [(part, *found) for part, found in sides if found is not None]
    for part, parties, words in between:
        mine = [name for name in controllers if name in parties]
        needed |= {*mine}
        if len(mine) > 1:
            yield ("parties",), _one("data_controller", mine)
        for kpi in kpis_of(part) if len(mine) == 1 else ():
            if measured.setdefault(kpi, mine[0]) != mine[0]:
                both = f"{measured[kpi]} and {mine[0]}"
                yield ("kpis", kpi), f"has one party who controls its data, and parts say {both}"
        for name in controllers if not mine else ():
            needed.add(name)
            yield ("parties", name, "roles"), f"the data controller must be {words}"
        for name in mine:
            roles = deal.parties[name].roles
            if "issuer" in roles and "holder" in roles:
                yield ("parties", name, "roles"), f"the data controller must be {words}"
    for name in controllers if between else ():
        if name not in needed:
            yield ("parties", name, "roles"), "controls no data: no KPI decides a part of which it is a side"


def _one(role: str, found: list[str]) -> str:
    return f"exactly one party must have the role {role} (found: {' and '.join(found) or 'none'})"


def _kpis(deal: Deal) -> Iterator[Finding]:
    for key, kpi in deal.kpis.items():
        here = ("kpis", key)
        yield from _bounds(here, kpi)
        yield from _measurement(here, kpi)


def _bounds(here: Loc, kpi: Kpi) -> Iterator[Finding]:
    low, high = kpi.bounds.minimum.value, kpi.bounds.maximum.value
    if low >= high:
        yield (*here, "bounds"), f"minimum {plain(low)} is not less than maximum {plain(high)}"
    for name, number in (("minimum", low), ("maximum", high)):
        if scaled(number, kpi.decimals) is None:
            yield (*here, "bounds", name), f"has more than the KPI's {kpi.decimals} decimals"


def _measurement(here: Loc, kpi: Kpi) -> Iterator[Finding]:
    for index, period in enumerate(kpi.periods):
        if period.start > period.end:
            yield (
                (*here, "periods", str(index), "end"),
                f"dates out of order: before its start {period.start}",
            )
        if index and period.start <= kpi.periods[index - 1].end:
            yield (
                (*here, "periods", str(index), "start"),
                f"dates out of order: the period before ends on {kpi.periods[index - 1].end}",
            )


def _parts(deal: Deal) -> Iterator[Finding]:
    """What kinds say of their own."""
    for key, part in deal.parts.items():
        if part is not None:
            yield from part.problems(deal, ("parts", key))


RULES: tuple[Callable[[Deal], Iterator[Finding]], ...] = (
    _sources,
    _currency,
    _parties,
    _roles,
    _kpis,
    *assets.RULES,
    *process_rules.RULES,
    *graph_rules.RULES,
    *payoff_rules.RULES,
    *oracle_rules.RULES,
)
