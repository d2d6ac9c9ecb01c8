"""The oracle as a whole: feeds and what they wait for, nodes and how they do, twins and what they were used
for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from api.instruments import Case
from api.instruments.base import day
from api.instruments.slots import Slot
from api.models.oracle import FeedView, OracleNodeView, TwinEvidence, TwinView
from api.node_watch import NodeState
from api.problems import ProblemError
from api.views.cases import case_of, cases
from api.views.files import bundle_of, report_file
from api.views.kpis import period_status
from api.views.reports import signers_of
from finance.settlement.terms import FeedTerms
from oracle import evidence
from oracle.method import METHODS, method_hash

if TYPE_CHECKING:
    from api.services import Services

MOST_BUNDLES = 500
"""Bundles of a deployment that the twins' list looks into."""


# -- feeds


def feed_views(services: Services, id: str | None = None) -> list[FeedView]:
    """The feeds of every deployment, or of one."""
    chosen = cases(services) if id is None else [case_of(services, id)]
    return [_feed(case, feed) for case in chosen for feed in case.feeds if feed.kpi in case.deployment.feeds]


def _slots(case: Case, feed: FeedTerms) -> list[Slot]:
    return [case.slots[feed.kpi, period] for period in range(len(feed.period_ends))]


def _feed(case: Case, feed: FeedTerms) -> FeedView:
    slots = _slots(case, feed)
    status, slot, at = _waits_for(slots)
    id = case.deployment.feeds[feed.kpi]
    return FeedView.of(
        feed,
        deployment=case.deployment.id,
        deal=case.deal.id,
        title=case.deal.kpis[feed.kpi].title,
        feed=id,
        contract=case.deployment.at["oracle"],
        signers=list(case.record.wallets.nodes[: feed.nodes]),
        panel=list(case.record.wallets.panel[: feed.panel_size]),
        reward_pool=case.oracle.reward_pool(id),
        periods=len(slots),
        reported=sum(1 for each in slots if each.submissions),
        status=status,
        next_period=None if slot is None else slot.period,
        next_time=at,
    )


def _waits_for(slots: Sequence[Slot]) -> tuple[str, Slot | None, int | None]:
    """What a feed waits for, in words, the period that it is about, and until when."""
    for status, words, at in (
        ("challenged", "the panel rules until {}", lambda slot: slot.final_at),
        ("pending", "a report can be challenged until {}", lambda slot: slot.final_at),
        ("awaited", "a report is due until {}", lambda slot: slot.report_until),
        ("running", "a measurement ends on {}", lambda slot: slot.end),
        ("future", "a measurement begins on {}", lambda slot: slot.start),
    ):
        found = next((slot for slot in slots if period_status(slot) == status), None)
        if found is not None:
            until = at(found)
            return words.format(day(until)), found, until
    return "every period is settled", None, None


# -- nodes


def node_views(services: Services, id: str | None = None) -> list[OracleNodeView]:
    """Every node of every feed, or of one deployment's, in the order of the signers."""
    chosen = cases(services) if id is None else [case_of(services, id)]
    return [view for case in chosen for feed in case.feeds for view in _nodes(services, case, feed)]


def _nodes(services: Services, case: Case, feed: FeedTerms) -> Iterator[OracleNodeView]:
    if feed.kpi not in case.deployment.feeds:
        return
    slots = _slots(case, feed)
    signers = signers_of(case, slots[0])
    states = [state for state in services.nodes.nodes(case.deployment.id) if state.kpi == feed.kpi]
    places = _places(services, case, slots, signers, states)
    made = [submission for slot in slots for submission in slot.submissions]
    for index, address in enumerate(signers):
        state = places.get(index)
        signed = sum(1 for submission in made if index in submission.signers)
        out = len(made) - signed
        yield OracleNodeView(
            deployment=case.deployment.id,
            kpi=feed.kpi,
            address=address,
            signer_index=index,
            **_seen(state, address),
            reports=len(made),
            signed=signed,
            left_out=out,
            share_left_out=out / len(made) if made else None,
        )


def _places(
    services: Services, case: Case, slots: Sequence[Slot], signers: Sequence[str], states: Sequence[NodeState]
) -> dict[int, NodeState]:
    """The node that each signer runs, by signer index: as it says itself, else as it signed a report from
    that address, else by its place in the file."""
    index_of = {address.lower(): index for index, address in enumerate(signers)}
    signed_at = dict(_signed_at(services, case, slots))
    found: dict[int, NodeState] = {}
    rest = []
    for state in states:
        index = index_of.get((state.address or "").lower(), signed_at.get(state.url))
        if index is None:
            rest.append(state)
        else:
            found.setdefault(index, state)
    for state in rest:
        if state.position < len(signers):
            found.setdefault(state.position, state)
    return found


def _signed_at(services: Services, case: Case, slots: Sequence[Slot]) -> Iterator[tuple[str, int]]:
    """Addresses from which signers answered the relay, oldest report first."""
    for slot in slots:
        for submission in slot.submissions:
            file = report_file(services, case, slot, submission)
            for item in file.report.observations if file is not None else ():
                yield item.url.rstrip("/"), item.signer_index


def _seen(state: NodeState | None, address: str) -> dict[str, object]:
    if state is None:
        return {"health": "unknown", "error": "where it listens is not known here"}
    other = state.health == "up" and (state.address or "").lower() != address.lower()
    return {
        "url": state.url,
        "health": "wrong" if other else state.health,
        "error": f"{state.address} answers there" if other else state.error,
        "faults": list(state.faults),
        "checked": state.checked,
        "last_seen": state.last_seen,
        "milliseconds": state.milliseconds,
        **{name: state.info.get(name) for name in ("method", "twin", "twin_version", "engine")},
    }


# -- twins


def twin_views(services: Services) -> list[TwinView]:
    """Every version of a twin: those that this release computes, and those that made evidence held here."""
    used: dict[tuple[str, str, str], list[TwinEvidence]] = {}
    engines: dict[tuple[str, str, str], str] = {}
    for case in cases(services):
        for key, engine, item in _evidence(services, case):
            used.setdefault(key, []).append(item)
            engines.setdefault(key, engine)
    deals: dict[str, list[str]] = {}
    for deal in services.deals.all():
        for policy in deal.oracle.values():
            deals.setdefault(policy.method, []).append(deal.id)
    found = []
    for method in METHODS.values():
        key = (method.twin, method.twin_version, method.id)
        engines[key] = method.engine()
        used.setdefault(key, [])
    for (twin, version, id), items in used.items():
        known = METHODS.get(id)
        current = known is not None and (known.twin, known.twin_version) == (twin, version)
        found.append(
            TwinView(
                twin=twin,
                version=version,
                method=id,
                method_hash=method_hash(id),
                description=known.description if known is not None else "a method of another release",
                engine=engines[twin, version, id],
                tolerance=str(known.tolerance) if known is not None else "0",
                current=current,
                deals=sorted(set(deals.get(id, []))),
                evidence=items,
            )
        )
    return sorted(found, key=lambda view: (view.twin, view.version, view.method))


def _evidence(services: Services, case: Case) -> Iterator[tuple[tuple[str, str, str], str, TwinEvidence]]:
    """Twin, version and method, engine, and the bundle, of what reports on chain were made from."""
    left = MOST_BUNDLES
    for (kpi, period), slot in case.slots.items():
        for submission in slot.submissions:
            file = report_file(services, case, slot, submission)
            for item in file.report.observations if file is not None else ():
                left -= 1
                if left < 0:
                    return
                about = _made_by(services, case, kpi, item.evidence)
                if about is not None:
                    key, engine = about
                    where = TwinEvidence(
                        deployment=case.deployment.id, kpi=kpi, period=period, evidence=item.evidence
                    )
                    yield key, engine, where


def _made_by(services: Services, case: Case, kpi: str, root: str) -> tuple[tuple[str, str, str], str] | None:
    """What made a bundle, as its files say; None where they are not here or not readable."""
    try:
        bundle = bundle_of(services, case, kpi, root)
        parameters = bundle.document(evidence.PARAMETERS_FILE)
        method = bundle.document(evidence.METHOD_FILE)
    except (ProblemError, evidence.EvidenceError):
        return None
    names = (parameters.get("twin"), parameters.get("twin_version"), method.get("id"))
    twin, version, id = (str(name)[:80] for name in names)
    return (twin, version, id), str(method.get("engine"))[:120]
