"""The page of a transaction: what happened, in words, and everything it announced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from api.i18n import Translator, language_of
from api.instruments import Case
from api.instruments.acts import sentence_of, title_of
from api.pages.chain_words import WALLETS
from api.pages.format import Format, short_hash
from api.pages.render import marks, page
from api.problems import not_found
from api.services import Services, ServicesDep
from api.views.cases import case_of
from api.views.relaying import transaction_view
from api.views.transaction_models import MoveView, TransactionEvent, TransactionView

router = APIRouter()

STATES = {"pending": "wait", "done": "good", "failed": "bad"}
MONEY = ("currency", "Transfer")
LONG = 200
"""Characters of an argument that are shown."""


@router.get("/transactions/{hash}")
def transaction(
    request: Request, services: ServicesDep, hash: Annotated[str, InPath(max_length=80)]
) -> HTMLResponse:
    if (
        len(hash) != 66
        or not hash.startswith("0x")
        or not all(c in "0123456789abcdefABCDEF" for c in hash[2:])
    ):
        raise not_found(f"no transaction {hash}: a hash is 0x and 64 hexadecimal digits")
    language = language_of(request)
    say, write = Translator(language), Format(language)
    view = transaction_view(services, hash.lower(), say)
    writer = _SentenceWriter(services, view, say, write)
    sentences = list(writer.sentences())
    return page(
        request,
        "transaction.html.j2",
        view=view,
        title=view.title if view.action or not sentences else sentences[0],
        tone=STATES[view.state],
        deals=writer.deals,
        sentences=sentences,
        moves=[writer.move(each) for each in view.moves],
        events=[writer.row(each, marks(language)) for each in view.events],
        names=writer.names,
    )


class _SentenceWriter:
    """Says a transaction's events in words. `names`: who an address is in the deals it touches."""

    def __init__(self, services: Services, view: TransactionView, say: Translator, write: Format) -> None:
        self.view, self.say, self.write = view, say, write
        self.cases = {id: case_of(services, id) for id in view.deployments}
        self.deals = [(id, case.deal) for id, case in self.cases.items()]
        self.names = self._names()

    def _names(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for case in self.cases.values():
            for part, address in case.deployment.places.items():
                found[address.lower()] = self.say(title_of(case.deployment.role(part)))
            for role, held in case.record.wallets.everybody.items():
                if isinstance(held, str):
                    found.setdefault(held.lower(), self.say(WALLETS[role]) if role in WALLETS else role)
                for number, address in enumerate(held if isinstance(held, list) else ()):
                    name = "Node {number}" if role == "nodes" else "Panellist {number}"
                    found.setdefault(address.lower(), self.say(name, number=number + 1))
        return found

    def who(self, address: Any) -> str:
        """Who an address is, as far as it is known."""
        text = str(address)
        if int(text, 16) == 0:
            return self.say("nobody")
        return self.names.get(text.lower()) or short_hash(text)

    def case(self, event: TransactionEvent) -> Case:
        return self.cases.get(event.deployment or "") or next(iter(self.cases.values()))

    def sentences(self) -> Sequence[str]:
        """What the events say, without what follows from another (the currency's own transfers)."""
        said = [
            sentence_of(each.contract, each.name, _OfEvent(self, each), each.arguments)
            for each in self.view.events
        ]
        found = [each for each in said if each is not None]
        if not found:
            found = [self.sent(e) for e in self.view.events if (e.contract, e.name) == MONEY]
        return list(dict.fromkeys(found))

    def sent(self, event: TransactionEvent) -> str:
        """Money that moved; said only where nothing else is, since most events have one behind them."""
        a = event.arguments
        return self.say(
            "{amount} went from {sender} to {to}.",
            amount=_OfEvent(self, event).money(a["value"]),
            sender=self.who(a["from"]),
            to=self.who(a["to"]),
        )

    def move(self, move: MoveView) -> str:
        """What changed hands."""
        case = next(iter(self.cases.values()))
        if move.asset == "money":
            amount = self.write.money(move.amount, case.deployment.currency)
        else:
            amount = self.say.plural("{count} unit", "{count} units", int(move.amount))
        if int(move.sender, 16) == 0:
            return self.say("{amount} came into being, for {to}", amount=amount, to=self.who(move.receiver))
        if int(move.receiver, 16) == 0:
            return self.say("{amount} of {sender} ceased to be", amount=amount, sender=self.who(move.sender))
        return self.say(
            "{amount} from {sender} to {to}",
            amount=amount,
            sender=self.who(move.sender),
            to=self.who(move.receiver),
        )

    def row(self, event: TransactionEvent, ui: Any) -> list[Any]:
        words = ", ".join(f"{name} = {_short(value)}" for name, value in event.arguments.items())
        return [_code(event.name), self.say(title_of(event.contract)), _code(words)]


class _OfEvent:
    """Writes what one event holds (api.instruments.sentences.Writer)."""

    def __init__(self, writer: _SentenceWriter, event: TransactionEvent) -> None:
        self.say, self.write, self.who = writer.say, writer.write, writer.who
        self.event, self.case = event, writer.case(event)

    def money(self, amount: Any) -> str:
        return self.write.money(int(amount), self.case.deployment.currency)

    def kpi(self, value: Any) -> str:
        """By the feed that the event names, or the deal's only one."""
        deal, feeds = self.case.deal, self.case.deployment.feeds
        feed = self.event.arguments.get("feed")
        key = next((k for k, f in feeds.items() if f == feed), next(iter(deal.kpis), None))
        if key is None:
            return str(value)
        return self.write.kpi_scaled(int(value), deal.kpis[key].decimals, deal.kpis[key].unit)


def _code(text: str) -> Markup:
    return Markup("<code>{}</code>").format(text)


def _short(value: Any) -> str:
    text = str(value)
    if text.startswith("0x") and len(text) in (42, 66):
        return short_hash(text)
    return text if len(text) <= LONG else f"{text[:LONG]}…"
