"""The what-if page: a deal priced again as its sliders are moved. Without scripts it is a plain form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor, isfinite, log10
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse

from api.i18n import Translator, language_of, plain
from api.models import Currency
from api.pages.render import page
from api.problems import ProblemError, bad_input
from api.services import Services, ServicesDep
from api.views.cases import case_of
from api.views.deployed_valuations import deployed_value
from api.views.outlooks import bonds, is_bond, swaps
from api.views.valuation_models import ValuationRequest, ValuationView
from api.views.valuations import closed_value
from finance.pricing.live import fixing_rules
from finance.terms import Deal
from finance.terms.payment_form import PaymentForm, payment_form

router = APIRouter()

Kind = Literal["percent", "number"]
STEPS = 200  # positions of a slider, about


@dataclass(frozen=True)
class Control:
    """A slider. `path` is the field of the API's request that it sets, in units of `scale` (0.01 for
    percent); `stands` is what the deal itself says."""

    name: str
    path: str
    label: str
    about: str
    kind: Kind
    unit: str
    low: float
    high: float
    step: float
    stands: float
    value: float
    digits: int

    @property
    def scale(self) -> float:
        return 0.01 if self.kind == "percent" else 1.0

    @property
    def moved(self) -> bool:
        """Whether it stands elsewhere than the deal."""
        return abs(self.value - self.stands) > self.step / 1000


def controls(deal: Deal, say: Translator) -> list[Control]:
    """The sliders of a deal, where the deal itself has them."""
    return _bond_controls(deal, say) if is_bond(deal) else _swap_controls(deal, say)


def _bond_controls(deal: Deal, say: Translator) -> list[Control]:
    bond = bonds.of(deal)
    coupon = bond.coupon
    about = say("What buyers ask a year; the coupon if nothing is said.")
    found = [
        _control(
            "yield",
            "discount_yield",
            say("Yield"),
            about,
            "percent",
            "",
            coupon,
            coupon - 0.03,
            coupon + 0.05,
        )
    ]
    for place, name in enumerate(dict.fromkeys(rule.kpi for rule, _ in fixing_rules(bond))):
        kpi, process = deal.kpis[name], bond.outlook[name]
        kind: Kind = "percent" if kpi.unit == "fraction" else "number"
        unit = plain(say.deal(kpi.unit))
        title, end = say.deal(kpi.title), "" if place == 0 else str(place + 1)
        if hasattr(process, "probability"):
            label = say("{kpi}: its chance", kpi=title)
            found.append(
                _control(
                    f"mean{end}", f"kpis.{name}.mean", label, "", "percent", "", process.probability, 0, 1
                )
            )
            continue
        mean, sd = getattr(process, "mean", None), getattr(process, "sd", None)
        if mean is None or sd is None or not _can_move(process):
            continue
        # The KPI may move over years; its level is what the slider sets.
        spread = max(4 * sd, abs(mean) / 4)
        label = say("{kpi}: what is expected", kpi=title)
        about = say("The mean of what may be measured.")
        if getattr(process, "trend", 0):
            about = say("The mean at the start; from there it moves from year to year as the deal expects.")
        found.append(
            _control(
                f"mean{end}",
                f"kpis.{name}.mean",
                label,
                about,
                kind,
                unit,
                mean,
                mean - spread,
                mean + spread,
            )
        )
        label = say("{kpi}: how uncertain", kpi=title)
        about = say("The standard deviation of what may be measured.")
        found.append(_control(f"sd{end}", f"kpis.{name}.sd", label, about, kind, unit, sd, sd / 20, 3 * sd))
    return found


def _can_move(process: Any) -> bool:
    return hasattr(process, "moved") or hasattr(process, "trend")


def _swap_controls(deal: Deal, say: Translator) -> list[Control]:
    rate, kpi = swaps.of(deal).rate, deal.swap.kpi
    title = say.deal(deal.kpis[kpi].title)
    same, yearly = say("100% is as the deal has it."), say("A year, for payments to come.")
    expected, uncertain = say("{kpi}: what is expected", kpi=title), say("{kpi}: how uncertain", kpi=title)
    fixed = say("Charge") if payment_form(deal).is_charge else say("Fixed payment")
    rows = [("fixed", "fixed_factor", fixed, same, 1.0, 0.5, 1.5)] if any(deal.swap.fixed.value) else []
    rows += [
        ("mean", f"kpis.{kpi}.mean_factor", expected, same, 1.0, 0.5, 1.5),
        ("sd", f"kpis.{kpi}.sd_factor", uncertain, same, 1.0, 0.1, 3.0),
        ("rate", "discount_rate", say("Discount rate"), yearly, rate, max(rate - 0.05, -0.02), rate + 0.05),
    ]
    return [
        _control(name, path, label, about, "percent", "", stands, low, high)
        for name, path, label, about, stands, low, high in rows
    ]


def _control(
    name: str,
    path: str,
    label: str,
    about: str,
    kind: Kind,
    unit: str,
    stands: float,
    low: float,
    high: float,
) -> Control:
    """Ends and value on one grid of round steps, so that a slider can stand where the deal does."""
    scale = 0.01 if kind == "percent" else 1.0
    at, first, last = stands / scale, low / scale, high / scale
    step = 10.0 ** floor(log10((last - first) / STEPS)) if last > first else 0.01
    digits = max(0, -floor(log10(step) + 1e-9))
    at = round(at, digits + 1)
    before, after = round((at - first) / step), round((last - at) / step)
    low, high = round(at - before * step, digits + 1), round(at + after * step, digits + 1)
    shown = digits if abs(at - round(at, digits)) < step / 1000 else digits + 1
    return Control(name, path, label, about, kind, unit, low, high, step, at, at, shown)


def moved(found: list[Control], asked: Mapping[str, str]) -> list[Control]:
    """The sliders where the address puts them. Raises ProblemError (422) for what they cannot be."""
    placed = []
    for control in found:
        text = asked.get(control.name, "").strip()
        value = control.stands
        if text:
            try:
                value = float(text)
            except ValueError:
                value = float("nan")
            if not (isfinite(value) and control.low - control.step <= value <= control.high + control.step):
                ends = f"from {control.low:g} to {control.high:g}"
                raise bad_input(f"{control.name} = {text[:40]}: must be a number {ends}")
        placed.append(Control(**{**control.__dict__, "value": value}))
    return placed


def request_of(base: Mapping[str, Any], found: list[Control]) -> ValuationRequest:
    """What is asked of the API when the sliders stand like this; those that stand as the deal ask nothing."""
    tree: dict[str, Any] = {**base, "chart": True}
    for control in found:
        if control.moved:
            *way, last = control.path.split(".")
            at = tree
            for name in way:
                at = at.setdefault(name, {})
            at[last] = control.value * control.scale
    return ValuationRequest.model_validate(tree)


# -- the page


@dataclass(frozen=True)
class WhatIf:
    """What the page shows. `deployment`: the one that is valued as of now; None for the deal at its start.
    `stands`: the value without any change; both are None while a simulation is under way."""

    deal: Deal
    currency: Currency
    bond: bool
    deployment: str | None
    deployments: list[str]
    controls: list[Control]
    base: dict[str, Any]
    value: ValuationView | None
    stands: ValuationView | None
    waits: str | None
    chart: dict[str, Any] | None

    @property
    def form(self) -> PaymentForm:
        """Of the deal's KPI payment."""
        return payment_form(self.deal)


@router.get("/deals/{deal}/what-if", response_class=HTMLResponse)
def what_if(
    request: Request,
    services: ServicesDep,
    deal: Annotated[str, InPath(max_length=64)],
    deployment: Annotated[str | None, Query(max_length=100)] = None,
    when: Literal["now", "start"] = "now",
) -> HTMLResponse:
    """The deal with its sliders where the address puts them."""
    say = Translator(language_of(request))
    found = _deployments(services, deal)
    chosen = deployment or (found[-1] if found else None)
    if when == "start":
        chosen = None
    if deployment is None:
        terms = services.deals.get(deal) if chosen is None else case_of(services, chosen).deal
    else:
        terms = case_of(services, deployment).deal
        if terms.id != deal:
            raise ProblemError(404, "not-found", f"{deployment[:80]} is not a deployment of {deal}")
    base = {"deployment": chosen} if chosen else {"deal": deal}
    placed = moved(controls(terms, say), dict(request.query_params))
    value = stands = None
    waits = None
    try:
        stands = _value(request_of(base, []), terms, services)
        value = _value(request_of(base, placed), terms, services)
    except ProblemError as problem:
        if problem.name != "computing":
            raise
        waits = problem.detail
    view = WhatIf(
        deal=terms,
        currency=Currency(code=terms.currency.code, decimals=terms.currency.token_decimals),
        bond=is_bond(terms),
        deployment=chosen,
        deployments=found,
        controls=placed,
        base={**base, "chart": True},
        value=value,
        stands=stands,
        waits=waits,
        chart=None if value is None else chart(terms, value, say),
    )
    return page(request, "what_if.html.j2", view=view)


def _deployments(services: Services, deal: str) -> list[str]:
    """Where the deal is deployed; the page does without a database that is down."""
    try:
        return [each.id for each in services.index.deployments(deal)]
    except ProblemError:
        return []


def _value(asked: ValuationRequest, deal: Deal, services: Services) -> ValuationView:
    if asked.deployment is not None:
        return deployed_value(asked, services)
    return closed_value(deal, asked, services.jobs)


def chart(deal: Deal, value: ValuationView, say: Translator) -> dict[str, Any] | None:
    """What the chart draws: density and payoff over the KPI, in the units that readers see."""
    if not value.chart:
        return None
    next_report = next((each for each in value.periods if each.expected is not None), None)
    if next_report is None:
        return None
    kpi = deal.kpis[next_report.kpi]
    effect = _effect(deal, next_report.kpi, next_report.period)
    divide = 1e18 if effect == "rate" else 10.0**value.decimals
    return {
        "unit": plain(say.deal(kpi.unit)),
        "code": value.currency,
        "effect": effect,
        "divide": divide,
        "points": [
            {"kpi": point.kpi, "density": point.density, "payoff": int(point.payoff) / divide}
            for point in value.chart
        ],
        "mean": next_report.expected.mean if next_report.expected else None,
    }


def _effect(deal: Deal, kpi: str, period: int) -> Literal["amount", "rate"]:
    if not is_bond(deal):
        return "amount"
    for rule, fixing in fixing_rules(bonds.of(deal)):
        if (rule.kpi, fixing.kpi_period) == (kpi, period):
            return "rate" if fixing.effect.name == "RATE" else "amount"
    return "amount"
