"""What can be done with a deal, as forms: the page's script gives what is typed to the reader's wallet."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from api.instruments.base import Case
from api.instruments.parameters import Parameter
from api.models.deployment import WalletView
from api.pages.deal_charts import Formatter
from api.views.doable import Doable, doable

_FIELD = re.compile(r"\{\w+\}")


@dataclass(frozen=True)
class ActField:
    """One thing to type. `kind`: money (in units of the currency, of so many `decimals`), number, day,
    address, text, flag, or choice of `choices`, each the value and its words."""

    name: str
    kind: str
    label: str
    optional: bool
    choices: Sequence[tuple[str, str]] = ()
    decimals: int = 0


@dataclass(frozen=True)
class ActForm:
    """An act: its name for the API, the part it is done to, and in words what it is and `who` may."""

    name: str
    part: str
    title: str
    who: str
    due: bool
    fields: Sequence[ActField]


def act_forms(
    case: Case, now: int, wallets: Sequence[WalletView], formatter: Formatter
) -> list[ActForm] | None:
    """What is due first, at the chain's clock. None where the log has what the deal does not explain: then
    its books say nothing of what can be done."""
    if case.lived.unlike:
        return None
    say = formatter.say
    called = {each.address: say.deal(each.name) if each.name else each.role for each in wallets}
    keepers = case.world.keepers

    def form(each: Doable) -> ActForm:
        act, may = each.act, [keepers.get(at, at) for at in each.may]
        who = Markup(", ").join(called.get(at, at) for at in may)
        return ActForm(
            name=act.name,
            part=act.part,
            title=_FIELD.sub("…", say(act.offered.title)),
            who=who or say(act.who),
            due=each.due,
            fields=[_field(one, case, formatter) for one in act.parameters],
        )

    return [form(each) for each in doable(case, now)]


_KINDS = {"amount": "money", "units": "number", "number": "number", "time": "day", "address": "address"}
_KINDS |= {"choice": "choice", "kpi": "choice", "flag": "flag"}


def _field(asked: Parameter, case: Case, formatter: Formatter) -> ActField:
    say, label = formatter.say, formatter.say(asked.title)
    kind = _KINDS.get(asked.kind, "text")
    choices = [(each, say(each)) for each in asked.choices]
    if asked.kind == "kpi":
        kpis = case.deployment.deal.kpis
        choices = [(key, say.deal(kpis[key].title)) for key in case.deployment.feeds if key in kpis]
    if kind == "money":
        label = say("amount in {currency}", currency=formatter.currency.code)
    if kind == "day":
        label = say("until the end of which day (UTC)")
    if asked.label:
        label = f"{asked.label}: {label}"
    return ActField(
        asked.name, kind, label[:1].upper() + label[1:], asked.optional, choices, formatter.currency.decimals
    )
