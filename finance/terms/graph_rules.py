"""Rules of how parts are wired."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from finance.terms.deal import Deal, kpis_of
from finance.terms.graph import groups_of, leading
from finance.terms.part import ANY, Part
from finance.terms.rule_parts import Finding

SHARED = ("currency", "factory", "oracle", "registry")
"""What contracts are called on chain that serve several deals."""
TRANSACTION_GAS = 2**24  # the most that one transaction may take on many chains (EIP-7825)
MAX_PARTS = 200  # far more than that pays for: no kind of ours takes less than 130,000
MAX_READERS = 8  # of a feed: contracts/oracle/KpiOracle.sol


def keys(deal: Deal) -> Iterator[Finding]:
    """A part is called by its key on chain, beside what serves several deals."""
    for key in deal.parts:
        if key in SHARED:
            yield ("parts", key), "is what a contract of all deals is called: give the part another key"


def links(deal: Deal) -> Iterator[Finding]:
    """Every link leads to a part of the kind that it wants."""
    named: dict[str, list[str]] = defaultdict(list)
    for key, part in deal.parts.items():
        named[_kind(part)].append(key)
    known = {kind: ", ".join(keys) for kind, keys in named.items()}
    for key, part in deal.parts.items():
        for field, link, other in part.links():
            here = ("parts", key, field)
            found = deal.parts.get(other)
            if found is None:
                yield here, f"no such part ({_a(link.kind)} is wanted; known: {known.get(link.kind, 'none')})"
            elif link.kind not in (ANY, _kind(found)):
                yield here, f"is {_a(_kind(found))}, and {_a(link.kind)} is wanted"


def hedges(deal: Deal) -> Iterator[Finding]:
    """What tops one treasury up can top up no second."""
    for key, part in deal.parts.items():
        paid = [*deal.linking(key, "is hedged by")]
        paid += [other for _, link, other in part.links() if link.does == "hedges"]
        if len(paid) > 1:
            both = " and ".join(paid)
            yield ("parts", key), f"cannot be paid to both {both}"


def leaders(deal: Deal) -> Iterator[Finding]:
    """What hangs together is led by one part, which values it."""
    for key, keys in groups_of(deal.parts).items():
        found = leading(deal.parts, keys)
        if not found and not deal.parts[key].led:
            yield ("parts", key), "hangs on no bond and no payment that values it"
        if len(found) > 1:
            yield ("parts", found[1]), f"hangs together with {found[0]}, and cannot be valued by itself"


def _kind(part: Part) -> str:
    return str(getattr(part, "kind", ""))


def _a(kind: str) -> str:
    """A kind with its article."""
    return f"{'an' if kind[:1] in tuple('aeiou') else 'a'} {kind}"


def readers(deal: Deal) -> Iterator[Finding]:
    """A feed has so many readers at most."""
    found = Counter(kpi for part in deal.parts.values() for kpi in kpis_of(part))
    for kpi in deal.kpis:
        if found[kpi] > MAX_READERS:
            yield ("kpis", kpi), f"is read by {found[kpi]} parts, and by {MAX_READERS} at most on chain"


def size(deal: Deal) -> Iterator[Finding]:
    """All is deployed in one transaction."""
    try:
        least = deal.least_gas
    except ValueError:
        return  # dates that give no schedule have their own problem
    if least > TRANSACTION_GAS:
        yield (
            ("parts",),
            f"need at least {least:,} gas to be deployed, and one transaction has {TRANSACTION_GAS:,} "
            "at most on many chains: make several deals of them",
        )


RULES = (keys, links, hedges, leaders, readers, size)
