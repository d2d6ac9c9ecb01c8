"""The one conversion from a deal with a KPI payment to the integers that settle it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from finance.settlement.kpi_payment import CloseOutRule, PaymentTerms, Period, Side
from finance.settlement.payoff_curve import Curve, Shape, maximum, minimum
from finance.settlement.terms import (
    RATE_DECIMALS,
    SECONDS_PER_DAY,
    FeedTerms,
    allowed_classes,
    blocked_countries,
    feed_terms,
    integer,
)
from finance.settlement.widths import INT128_MIN
from finance.terms.claim_token import ClaimToken
from finance.terms.deal import Deal
from finance.terms.offering import Sale
from finance.terms.payoffs import points
from finance.terms.schedule import day_after, unix
from finance.terms.swap import KpiPayment
from finance.terms.treasury import Treasury
from finance.terms.values import NumbersTerm


@dataclass(frozen=True, slots=True)
class TreasuryPeriod:
    """From when a project pays, unix seconds, and what comes off the top, in minor units."""

    pay_date: int
    operating_cost: int
    debt_service: int


@dataclass(frozen=True, slots=True)
class ProjectTerms:
    """A project whose revenue is shared out by units: its offering and its treasury's periods."""

    name: str
    symbol: str
    unit_price: int
    soft_cap: int
    hard_cap: int
    opens: int
    closes: int
    allowed_classes: int
    blocked_countries: tuple[int, ...]
    periods: tuple[TreasuryPeriod, ...]


@dataclass(frozen=True, slots=True)
class SwapTerms:
    """A KPI payment in integers, money in minor units of the settlement token.

    `payer` and `payee` are keys of the deal's parties. `value_feed` is there with the close-out rule
    MODEL_VALUE, `project` when the payee is a treasury whose revenue is tokenised.
    """

    deal_id: str
    terms_hash: str
    name: str
    currency_decimals: int
    payer: str
    payee: str
    payment: PaymentTerms
    feed: FeedTerms
    value_feed: FeedTerms | None
    project: ProjectTerms | None


def swap_terms(deal: Deal) -> SwapTerms:
    """The integers of the KPI payment of a checked deal, and of the treasury beside it.

    Raises InputError when the deal has no KPI payment, ValueError when a number has no exact integer, which
    `load_deal` has already ruled out.
    """
    swap, share = deal.only(KpiPayment), deal.only_or_none(Treasury)
    token = deal.currency.token_decimals
    curve = Curve.of(
        Shape.LINEAR if swap.tiers is None else Shape.STEP,
        points(swap, deal.kpis[swap.kpi].decimals, token, minus_infinity=INT128_MIN),
    )
    value_kpi = swap.close_out.kpi
    by_model = swap.close_out.rule == "model_value" and value_kpi is not None
    controller = data_controller(deal, swap)
    value_feed = feed_terms(deal, value_kpi) if by_model and value_kpi is not None else None
    feed = feed_terms(deal, swap.kpi)
    payment = PaymentTerms(
        periods=tuple(
            Period(*each)
            for each in zip(pay_dates(deal), _each(deal, swap.fixed), feed.period_ends, strict=True)
        ),
        curve=curve,
        missing_payoff=_missing_payoff(deal, swap, curve, controller),
        data_controller=controller,
        required=(integer(swap.collateral.payer.value, token), integer(swap.collateral.payee.value, token)),
        cure_period=integer(swap.cure_days.value, 0) * SECONDS_PER_DAY,
        late_rate=integer(swap.late_rate.value, RATE_DECIMALS),
        close_out_rule=CloseOutRule[swap.close_out.rule.upper()],
        start_by=feed.period_starts[0],
        missing_value=0 if value_feed is None else _missing_value(value_feed, controller),
        limited_recourse=swap.limited_recourse,
    )
    return SwapTerms(
        deal_id=deal.id,
        terms_hash=deal.terms_hash,
        name=swap.title,
        currency_decimals=token,
        payer=swap.payer,
        payee=swap.payee,
        payment=payment,
        feed=feed,
        value_feed=value_feed,
        project=None if share is None else _project(deal, share),
    )


def data_controller(deal: Deal, swap: KpiPayment) -> Side:
    """Which side of the swap produces the data, and so must not gain by withholding it."""
    return Side.PAYEE if "data_controller" in deal.parties[swap.payee].roles else Side.PAYER


def pay_dates(deal: Deal) -> list[int]:
    """Unix seconds from which each payment of the deal's KPI payment can be settled."""
    swap = deal.only(KpiPayment)
    lag = integer(swap.pay_lag_days.value, 0) * SECONDS_PER_DAY
    return [unix(day_after(period.end)) + lag for period in deal.kpis[swap.kpi].periods]


def _each(deal: Deal, listed: NumbersTerm) -> list[int]:
    """A list of amounts that starts over, one for each period, in minor units."""
    count = len(deal.kpis[deal.only(KpiPayment).kpi].periods)
    token = deal.currency.token_decimals
    return [integer(listed.value[index % len(listed.value)], token) for index in range(count)]


def _missing_payoff(deal: Deal, swap: KpiPayment, curve: Curve, controller: Side) -> int:
    """The payee receives the curve, so its worst is the minimum; the payer's is the maximum."""
    stated = deal.oracle[swap.kpi].missing.amount
    if stated is not None:
        return integer(stated.value, deal.currency.token_decimals)
    return minimum(curve) if controller is Side.PAYEE else maximum(curve)


def _missing_value(feed: FeedTerms, controller: Side) -> int:
    """The feed's values are the token's minor units, so its bounds are the worst that a side could get."""
    return feed.min_value if controller is Side.PAYEE else feed.max_value


def _project(deal: Deal, share: Treasury) -> ProjectTerms:
    decimals, offering = deal.currency.token_decimals, deal.only(Sale)
    token = deal.part(share.token, ClaimToken)
    price = share.unit_price.value
    costs, service = _each(deal, share.operating_cost), _each(deal, share.debt_service)
    return ProjectTerms(
        name=share.title,
        symbol=token.symbol,
        unit_price=integer(price, decimals),
        soft_cap=integer(Fraction(offering.soft_cap.value) / Fraction(price), 0),
        hard_cap=integer(share.units.value, 0),
        opens=unix(offering.opens.value),
        closes=unix(offering.closes.value),
        allowed_classes=allowed_classes(token),
        blocked_countries=blocked_countries(token),
        periods=tuple(
            TreasuryPeriod(date, cost, debt)
            for date, cost, debt in zip(pay_dates(deal), costs, service, strict=True)
        ),
    )
