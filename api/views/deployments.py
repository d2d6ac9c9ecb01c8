"""A deployment's identity, state, payments and lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from api.instruments import INSTRUMENTS, Case, Collection, Instrument
from api.instruments.acts import WORDS, acts_of, contract_of
from api.listing import decode_cursor, encode_cursor
from api.models import AsOf, Resource
from api.models.deployment import (
    ContractView,
    DeploymentRow,
    DeploymentView,
    PaymentView,
    SettlementView,
    StateView,
    WalletView,
)
from api.problems import bad_input, not_found
from api.views.cases import as_of, case_of, cases

if TYPE_CHECKING:
    from api.services import Services

SHARED = ("oracle", "registry", "currency", "factory")
"""Contracts that other deals use too."""
MOST_READ = 10_000
"""Events that one part of a filtered list looks through; the rest is behind its cursor."""


def deployment_rows(
    services: Services, deal: str | None = None, kind: str | None = None
) -> list[DeploymentRow]:
    """Every deployment, in the order they were made."""
    return [_row(case) for case in cases(services, deal) if kind is None or case.deployment.kind == kind]


def _row(case: Case) -> DeploymentRow:
    state, record = case.instrument.state(case), case.record
    # What a project or an oracle does next matters less in a list than what is paid next.
    step = state.steps[0] if state.steps else None
    return DeploymentRow.of(
        record,
        id=case.deployment.id,
        deal=case.deal.id,
        title=case.deal.title,
        kind=case.deployment.kind,
        state=state.state,
        state_title=state.title,
        currency=case.deployment.currency,
        next=None if step is None else step.title,
        next_time=None if step is None else step.time,
    )


def deployment_view(services: Services, id: str) -> DeploymentView:
    case = case_of(services, id)
    record, instrument = case.record, case.instrument
    return DeploymentView.of(
        record,
        id=id,
        deal=case.deal.id,
        title=case.deal.title,
        summary=case.deal.summary,
        kind=case.deployment.kind,
        instrument=instrument.title,
        currency=case.deployment.currency,
        state=instrument.state(case),
        contracts=list(_contracts(case)),
        wallets=list(_wallets(case)),
        actions=list(dict.fromkeys(act.name for act in acts_of(case.deployment))),
        collections=list(lists_of(case)),
        as_of=as_of(case),
    )


def _contracts(case: Case) -> Iterator[ContractView]:
    for part, address in case.deployment.places.items():
        role = case.deployment.role(part)
        yield ContractView(
            role=role, part=part, name=contract_of(role), address=address, shared=role in SHARED
        )


def _wallets(case: Case) -> Iterator[WalletView]:
    """Each with the name of its party: whom the deal's parts name, else the only one in its role."""
    whole = case.record.load_deal()
    named, wallets = whole.people, case.record.wallets
    for role, held in wallets.everybody.items():
        if isinstance(held, list):
            one = {"nodes": "node", "panel": "panellist"}[role]
            for index, address in enumerate(held):
                yield WalletView(role=one, index=index, address=address)
        else:
            parties = whole.in_role(role)
            party = named.get(role) or (parties[0] if len(parties) == 1 else None)
            name = whole.parties[party].name if party else None
            yield WalletView(role=role, name=name, address=held)


def state_view(services: Services, id: str) -> StateView:
    case = case_of(services, id)
    return case.instrument.state(case)


def payment_views(services: Services, id: str) -> list[PaymentView]:
    """Payments made, due and expected, by date."""
    case = case_of(services, id)
    return case.instrument.payments(case)


def settlement_views(services: Services, id: str) -> list[SettlementView]:
    """Every period of a swap; none for another instrument."""
    case = case_of(services, id)
    found = case.instrument.collection("settlements")
    return [] if found is None or found.rows is None else list(found.rows(case))  # type: ignore[arg-type]


# -- lists


@dataclass(frozen=True)
class RowQuery:
    """Which rows of a list: `since` and `until` are unix seconds (until exclusive), `account` an address
    that is in one of the list's account fields."""

    limit: int
    cursor: str | None = None
    since: int | None = None
    until: int | None = None
    account: str | None = None

    def takes(self, collection: Collection, row: Any) -> bool:
        at = None if row.trace is None else row.trace.time
        if self.since is not None and (at is None or at < self.since):
            return False
        if self.until is not None and (at is None or at >= self.until):
            return False
        if self.account is None:
            return True
        who = self.account.lower()
        return any(getattr(row, name).lower() == who for name in collection.account)


@dataclass(frozen=True)
class RowPage:
    """A part of a list, the cursor of the next one, and how far the index was."""

    rows: list[Resource]
    next: str | None
    as_of: AsOf
    row: type[Resource]


def collection_page(services: Services, id: str, name: str, wanted: RowQuery) -> RowPage:
    """A part of a list of a deployment, in order of block and log.

    A part may be shorter than asked for and have a cursor all the same: then the rows that were looked
    through did not have more. Raises ProblemError (404) for a list that the deployment does not have, 422
    for a bad cursor, or an account where the list has none."""
    case = case_of(services, id)
    lists = lists_of(case)
    if name not in lists:
        raise not_found(f"{id}: has no list {name}; it has {', '.join(lists)}")
    collection = lists[name]
    if wanted.account is not None and not collection.account:
        raise bad_input(f"account: {name} has no accounts to choose by")
    read = _from_rows if collection.rows is not None else _from_events
    rows, following = read(services, case, collection, wanted)
    return RowPage(rows, following, as_of(case), collection.row)


def _from_rows(
    _services: Services, case: Case, collection: Collection, wanted: RowQuery
) -> tuple[list[Resource], str | None]:
    assert collection.rows is not None
    key = decode_cursor(wanted.cursor, int)
    start = 0 if key is None else max(0, key[0])
    every = [row for row in collection.rows(case) if wanted.takes(collection, row)]
    end = start + wanted.limit
    return list(every[start:end]), encode_cursor(end) if end < len(every) else None


def _from_events(
    services: Services, case: Case, collection: Collection, wanted: RowQuery
) -> tuple[list[Resource], str | None]:
    assert collection.make is not None
    key = decode_cursor(wanted.cursor, int, int)
    after = None if key is None else (key[0], key[1])
    names = sorted({name for _, name in collection.events})
    roles = {role for role, _ in collection.events}
    sources = [key for key in case.deployment.sources if case.deployment.role(key) in roles]
    found: list[Resource] = []
    looked = 0
    while True:
        page = wanted.limit + 1 - len(found)
        events = services.index.events(
            case.deployment.id, names=names, sources=sources, after=after, limit=max(page, 200)
        )
        for event in events:
            if event.block > case.ledger.to_block:
                return found, None
            role = case.deployment.role(event.source)
            made = collection.make(case, event) if (role, event.name) in collection.events else None
            if made is None or not wanted.takes(collection, made):
                after = (event.block, event.index)
                continue
            if len(found) == wanted.limit:
                assert after is not None
                return found, encode_cursor(*after)
            found.append(made)
            after = (event.block, event.index)
        looked += len(events)
        if len(events) < max(page, 200):
            return found, None
        if looked >= MOST_READ:
            assert after is not None
            return found, encode_cursor(*after)


def lists_of(case: Case) -> dict[str, Collection]:
    """The lists of a deployment, by name: its instrument's, and those of its kinds of parts."""
    return {each.name: each for each in _lists([case.instrument]) if each.is_of(case.deployment)}


def collections() -> dict[str, Collection]:
    """Every list that there is, by name; lists of the same name have the same rows."""
    found: dict[str, Collection] = {}
    for collection in _lists(INSTRUMENTS.values()):
        same = found.setdefault(collection.name, collection)
        if same.row is not collection.row:
            raise ValueError(f"{collection.name}: the rows of {same.title} are others")
    return found


def _lists(instruments: Iterable[Instrument]) -> Iterator[Collection]:
    for instrument in instruments:
        yield from instrument.collections
    for words in WORDS.values():
        yield from words.lists
