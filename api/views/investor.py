"""What one wallet has and can do: its holdings, what is for sale, and reports that it can challenge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from web3 import Web3

from api.index.reader import Deployment
from api.instruments.acts import functions
from api.instruments.offering import Offer, offered
from api.models.oracle import ReportView
from api.problems import ProblemError
from api.services import Services
from api.views import holdings
from api.views.cases import case_of
from api.views.holdings import PositionView, StatementLine
from api.views.reports import report_views
from chain.bindings import read
from chain.errors import ChainError
from finance.settlement.terms import FeedTerms
from finance.terms.sections import Kpi

NEWEST = 40
"""Lines of a statement that the page shows; the API has them all."""


@dataclass(frozen=True)
class Reward:
    """What the oracle owes a wallet after a challenge, in minor units."""

    deployment: Deployment
    amount: int


@dataclass(frozen=True)
class Challengeable:
    """A report that can be challenged until its `final_at`."""

    deployment: Deployment
    report: ReportView
    feed: FeedTerms

    @property
    def kpi(self) -> Kpi:
        return self.deployment.deal.kpis[self.report.kpi]


@dataclass(frozen=True)
class Holding:
    """A position and its newest movements, newest first. `repaid`: of what it was given, principal, in minor
    units."""

    position: PositionView
    lines: Sequence[StatementLine]
    repaid: int
    may_receive: bool | None

    @property
    def income(self) -> int:
        """What was distributed to it beside principal, in minor units."""
        return int(self.position.earned) - self.repaid


@dataclass(frozen=True)
class InvestorView:
    """Everything that the page shows. `chain_trouble`: why what the chain itself must say is missing."""

    address: str | None
    holdings: Sequence[Holding] = ()
    offers: Sequence[Offer] = ()
    rewards: Sequence[Reward] = ()
    challengeable: Sequence[Challengeable] = ()
    test_money: str | None = field(default=None)
    chain_trouble: str | None = None


def investor_view(services: Services, address: str | None, deployment: str | None = None) -> InvestorView:
    """What a wallet (None: nobody) has and can do, in one deployment or in all.

    Raises ProblemError (404, 503). A chain that does not answer is told in the view."""
    chosen = services.index.deployments() if deployment is None else [services.index.deployment(deployment)]
    who = None if address is None else holdings.address(address)
    held = []
    if who is not None:
        ids = {each.id for each in chosen}
        held = [each for each in holdings.portfolio(services, who) if each.deployment in ids]
    challengeable = [row for each in chosen for row in _challengeable(services, each)]
    trouble, local = None, False
    offers: list[Offer] = []
    rewards: list[Reward] = []
    eligible: dict[tuple[str, str], bool] = {}
    try:
        offers, rewards, eligible = services.chain.call(lambda w3: _asked(w3, services, chosen, who))
        local = services.chain.is_local
    except (ProblemError, ChainError) as error:
        trouble = error.detail if isinstance(error, ProblemError) else str(error)
    return InvestorView(
        address=who,
        holdings=[
            _holding(services, position, eligible.get((position.deployment, position.token)))
            for position in held
        ],
        offers=offers,
        rewards=rewards,
        challengeable=challengeable,
        test_money=chosen[0].id if local and chosen else None,
        chain_trouble=trouble,
    )


def _holding(services: Services, position: PositionView, may_receive: bool | None) -> Holding:
    lines = holdings.statement(services, position.deployment, position.holder, token=position.token)
    repaid = sum(int(line.principal) for line in lines)
    return Holding(position, lines[-NEWEST:][::-1], repaid, may_receive)


def _asked(
    w3: Web3, services: Services, chosen: Sequence[Deployment], who: str | None
) -> tuple[list[Offer], list[Reward], dict[tuple[str, str], bool]]:
    """What only the chain says now."""
    offers: list[Offer] = []
    rewards: list[Reward] = []
    eligible: dict[tuple[str, str], bool] = {}
    paid: set[tuple[str, str]] = set()
    for each in chosen:
        at = each.at
        may_hold = {
            token: bool(read(functions(w3, "token", each.places[token]).canReceive(who)))
            for token in each.tokens
            if who is not None
        }
        eligible |= {(each.id, token): may for token, may in may_hold.items()}
        if "offering" in at:
            money = (
                None if who is None else int(read(functions(w3, "currency", at["currency"]).balanceOf(who)))
            )
            offers += offered(case_of(services, each.id), may_hold, money)
        if who is not None and "oracle" in at and (at["oracle"], at["currency"]) not in paid:
            # Deals share the oracle, which owes by currency.
            paid.add((at["oracle"], at["currency"]))
            owed = int(read(functions(w3, "oracle", at["oracle"]).creditOf(at["currency"], who)))
            if owed and each.feeds:
                rewards.append(Reward(each, owed))
    return offers, rewards, eligible


def _challengeable(services: Services, deployment: Deployment) -> list[Challengeable]:
    if not deployment.feeds:
        return []
    case = case_of(services, deployment.id)
    feeds = {feed.kpi: feed for feed in case.feeds}
    return [
        Challengeable(deployment, report, feeds[report.kpi])
        for report in report_views(services, deployment.id, status="pending")
        if report.can_challenge and report.in_force
    ]
