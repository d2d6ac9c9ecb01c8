"""The deal page: a deal in plain words, what was measured, what it is worth, what was and will be paid, who
holds it, and every term with its origin; each figure with its transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from api.i18n import N_, Translator, language_of
from api.index.reader import Deployment
from api.instruments import Case, instrument_of, standing, valued
from api.instruments.sections import Section
from api.instruments.token import symbol
from api.instruments.words import PlainWords
from api.models import Currency
from api.models.deployment import DeploymentView, KpiView, WalletView
from api.models.oracle import ReportView
from api.pages.acts import ActForm, act_forms
from api.pages.chain_words import WALLETS, state_words, step_words
from api.pages.deal_charts import Formatter
from api.pages.deal_price import PriceSection, price_section
from api.pages.deal_sections import (
    REPORTS,
    KpiSection,
    PaymentSection,
    ReportSection,
    SettlementSection,
    earlier_rows,
    kpi_section,
    payment_section,
    report_section,
    settlement_section,
)
from api.pages.format import Format
from api.pages.render import marks, page
from api.pages.term_sheet import TermSheet, term_sheet
from api.problems import ProblemError, not_found
from api.services import Services, ServicesDep
from api.views.cases import case_of
from api.views.deployments import deployment_view, payment_views, settlement_views
from api.views.holdings import HolderRow, holder_row
from api.views.kpis import kpi_views, realised
from api.views.reports import report_views
from chain.network import clock
from finance.terms import Deal

router = APIRouter()
HOLDERS = 10
NUMBERED = {"node": N_("Node {number}"), "panellist": N_("Panellist {number}")}


@dataclass(frozen=True)
class HolderSection:
    """Who holds a claim token (its key), which has this `title` where the deal has several."""

    token: str
    title: str
    count: int
    words: str
    rows: Sequence[Sequence[Any]]
    more: bool


@dataclass
class DealPage:
    """Everything the page shows. Without a deployment only what the deal file says."""

    deal: Deal
    instrument: str
    words: PlainWords
    sheet: TermSheet
    terms_hash: str
    valued: bool
    deployments: Sequence[Deployment]
    headline: list[tuple[str, Any, str | None]]
    open_group: int
    live: DeploymentView | None = None
    read_to: int | None = None  # the last block that is read, while there are others to be read
    state: tuple[str, str, str] | None = None
    subscribable: bool = False
    kpis: Sequence[KpiSection] = field(default_factory=list)
    sections: Sequence[Section] = field(default_factory=list)
    price: PriceSection | None = None
    price_missing: str = ""
    price_soon: bool = False
    payments: PaymentSection | None = None
    settlements: SettlementSection | None = None
    reports: Sequence[ReportSection] | None = None
    earlier: Sequence[Sequence[Any]] = field(default_factory=list)
    holders: Sequence[HolderSection] | None = None
    acts: Sequence[ActForm] | None = None
    contracts: Sequence[Sequence[Any]] = field(default_factory=list)
    wallets: Sequence[Sequence[Any]] = field(default_factory=list)
    places: list[tuple[str, str]] = field(default_factory=list)

    @property
    def live_ids(self) -> list[str]:
        """Parts of the page that change with the chain."""
        found = ["deal-head", *(f"kpi-{each.view.kpi}" for each in self.kpis), "price"]
        found += [f"of-{each.id}" for each in self.sections]
        sections = {
            "settlements": self.settlements,
            "payments": self.payments,
            "reports": self.reports,
            "holders": self.holders,
            "acts": self.acts,
        }
        return [*found, *(name for name, section in sections.items() if section is not None)]


@router.get("/deals/{deal}")
def deal_page(
    request: Request,
    services: ServicesDep,
    deal: Annotated[str, InPath(max_length=64)],
    deployment: Annotated[str | None, Query(max_length=96)] = None,
) -> HTMLResponse:
    return page(request, "deal.html.j2", view=deal_view(services, deal, deployment, language_of(request)))


def deal_view(services: Services, deal: str, deployment: str | None, language: str) -> DealPage:
    """Raises ProblemError: 404 for a deal or a deployment of it that is not there, 503 as the index does."""
    deployments = _deployments(services, deal)
    if deployment is not None:
        chosen = next((each for each in deployments if each.id == deployment), None)
        if chosen is None:
            raise not_found(f"deal {deal[:64]} has no deployment {deployment[:96]}")
    else:
        chosen = deployments[-1] if deployments else None
    terms = chosen.deal if chosen is not None else services.deals.get(deal)
    say, write = Translator(language), Format(language)
    currency = Currency(code=terms.currency.code, decimals=terms.currency.token_decimals)
    maker = _Maker(services, terms, Formatter(say, write, currency), marks(language))
    view = maker.base(deployments)
    if chosen is not None:
        maker.add_live(view, chosen.id)
    else:
        maker.add_book(view)
    view.places = list(maker.places(view))
    return view


def _deployments(services: Services, deal: str) -> list[Deployment]:
    """The deal's deployments; none while the index does not answer, so that the terms can still be read."""
    try:
        return services.index.deployments(deal)
    except ProblemError as error:
        if error.status != 503:
            raise
        return []


class _Maker:
    def __init__(self, services: Services, deal: Deal, formatter: Formatter, ui: Any) -> None:
        self.services, self.deal, self.formatter, self.ui = services, deal, formatter, ui
        self.say, self.write = formatter.say, formatter.write
        self.instrument = instrument_of(deal.kind)
        self.words = self.instrument.words(deal, self.say, self.write)

    def base(self, deployments: Sequence[Deployment]) -> DealPage:
        sheet = term_sheet(self.deal, self.say, self.write)
        return DealPage(
            deal=self.deal,
            instrument=self.say(self.instrument.name(self.deal)),
            words=self.words,
            sheet=sheet,
            terms_hash=self.deal.terms_hash,
            valued=self.instrument.valued is not None,
            deployments=deployments,
            headline=[(label, value, None) for label, value in self.words.facts],
            open_group=-1,
        )

    # -- a deal of the book

    def add_book(self, view: DealPage) -> None:
        """What can be said of a deal that is not deployed."""
        today = datetime.now(UTC).date()
        begun = self.deal.window[1] if self.deal.window is not None else self.deal_start()
        self.add_price(view, [], {}, min(today, begun))
        view.sections = self.instrument.sections(self.deal, self.say, self.write, None)

    def deal_start(self) -> date:
        return self.instrument.extent(self.deal).starts

    def add_price(
        self,
        view: DealPage,
        kpis: Sequence[KpiView],
        known: dict[tuple[str, int], int | None],
        today: date,
        case: Case | None = None,
    ) -> None:
        jobs = self.services.jobs
        ready = valued(self.deal) if case is None else standing(case)
        owes = None if case is None else case.instrument.owed(case)
        found = price_section(self.deal, ready, kpis, known, today, jobs, self.words, self.formatter, owes)
        if isinstance(found, PriceSection):
            view.price = found
            view.headline.insert(0, found.figures[0])
        else:
            view.price_missing, view.price_soon = found.why, found.soon

    # -- a deployment

    def add_live(self, view: DealPage, id: str) -> None:
        services, say = self.services, self.say
        case = case_of(services, id)
        view.live = live = deployment_view(services, id)
        head = services.index.head()
        view.read_to = case.deployment.indexed if head and case.deployment.indexed < head.block else None
        view.state = state_words(live.state.state, live.state.title, say)
        view.subscribable = live.state.state == "offering" and "offering" in case.deployment.keys
        settlements = settlement_views(services, id)
        kpis = kpi_views(services, id)
        reports = sorted(report_views(services, id), key=lambda each: (-each.trace.block, -each.trace.log))
        today = datetime.fromtimestamp(case.now, UTC).date()
        self.add_price(view, kpis, realised(case), today, case)
        view.kpis = [
            kpi_section(self.deal, each, self.words.rulings, settlements, reports, self.formatter, self.ui)
            for each in kpis
        ]
        self.add_reports(view, kpis, reports)
        view.sections = self.instrument.sections(self.deal, say, self.write, case)
        sides = self.instrument.sides(self.deal)
        names = {role: say.deal(self.deal.parties[key].name) for role, key in sides.items()}
        up = say("to {party}", party=names.get("payee", ""))
        down = say("from {party}", party=names.get("payee", ""))
        kpi = kpis[0] if kpis else None
        form, project = self.instrument.form(self.deal), self.words.for_holders
        view.settlements = settlement_section(
            form, project, settlements, kpi, up, down, self.formatter, self.ui
        )
        view.payments = payment_section(payment_views(services, id), self.formatter, self.ui)
        if case.deployment.has_units:
            tokens = case.deployment.tokens
            view.holders = [self.holders(id, token, len(tokens) > 1) for token in tokens]
        view.acts = act_forms(case, self.clock(), live.wallets, self.formatter)
        self.add_chain(view, live)
        self.add_next(view, live)

    def clock(self) -> int:
        """The chain's, which goes on between its blocks; 0 while the chain does not answer."""
        try:
            return self.services.chain.call(clock)
        except ProblemError:
            return 0

    def add_reports(self, view: DealPage, kpis: Sequence[KpiView], reports: Sequence[ReportView]) -> None:
        if not kpis:
            return
        by_name = {each.kpi: each for each in kpis}
        view.reports = [
            report_section(self.deal, by_name[each.kpi], each, self.formatter, self.ui) for each in reports
        ]
        view.earlier = earlier_rows(view.reports[REPORTS:])

    def add_next(self, view: DealPage, live: DeploymentView) -> None:
        """What comes next, at the front of the headline."""
        coming = [step for step in live.state.steps if step.time >= live.state.time or step.due]
        if coming:
            step = coming[0]
            note = step_words(step, self.deal, self.say)
            view.headline.insert(0, (self.say("Next"), self.write.day(step.time), note))

    def holders(self, id: str, token: str, named: bool) -> HolderSection:
        index, say, write, ui = self.services.index, self.say, self.write, self.ui
        found = [holder_row(each) for each in index.holders(id, limit=HOLDERS, token=token)]
        count = index.count_holders(id, token)
        return HolderSection(
            token=token,
            title=symbol(self.deal, token) if named else "",
            count=count,
            words=say("The ten largest are shown.") if count > HOLDERS else "",
            rows=[self.holder(row, ui, write) for row in found],
            more=count > HOLDERS,
        )

    def holder(self, row: HolderRow, ui: Any, write: Format) -> list[Any]:
        currency = self.formatter.currency
        return [
            ui.address(row.holder),
            write.number(row.units, 0),
            ui.share(row.share),
            write.money(row.claimable, currency),
            write.money(row.claimed, currency),
        ]

    def add_chain(self, view: DealPage, live: DeploymentView) -> None:
        say, ui = self.say, self.ui
        view.contracts = [
            [
                Markup("<code>{}</code>").format(each.name),
                ui.address(each.address),
                say("yes") if each.shared else say("no"),
            ]
            for each in live.contracts
        ]
        view.wallets = [
            [self.role(each), say.deal(each.name) if each.name else "", ui.address(each.address)]
            for each in live.wallets
        ]

    def role(self, wallet: WalletView) -> str:
        """What a wallet is in the deal."""
        if wallet.index is not None:
            return self.say(NUMBERED[wallet.role], number=wallet.index + 1)
        return self.say(WALLETS[wallet.role]) if wallet.role in WALLETS else wallet.role.replace("_", " ")

    def places(self, view: DealPage) -> Sequence[tuple[str, str]]:
        """The links to the parts of the page."""
        say = self.say
        found = [("words", say("In plain words"))]
        found += [(f"kpi-{each.view.kpi}", say.deal(each.view.title)) for each in view.kpis]
        found.append(("price", say("Price")))
        found += [(f"of-{each.id}", each.title) for each in view.sections]
        sections = (
            ("settlements", view.settlements.title if view.settlements else "", view.settlements),
            ("payments", say("Payments"), view.payments),
            ("reports", say("Reports and disputes"), view.reports),
            ("holders", say("Holders"), view.holders),
            ("acts", say("What can be done"), view.acts),
        )
        found += [(name, words) for name, words, part in sections if part is not None]
        return [*found, ("terms", say("Term sheet"))]
