"""The kinds of deals at the command line. Each is a module here, or of another package, which does every
command for its deals; nothing else of the commands asks which kind a deal is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_type_hints

import typer

from finance.registry import Registry
from scripts.options import Outputs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from finance.report.table import Table
    from finance.settlement.spv_terms import TrancheTerms
    from finance.settlement.swap_terms import ProjectTerms
    from finance.settlement.terms import SettlementTerms
    from finance.terms import Deal
    from finance.terms.sections import Currency

MODULES: Final[Registry[Any]] = Registry(
    {
        "kpi_bond": "scripts.kinds.bond",
        "kpi_payment": "scripts.kinds.payment",
        "spv": "scripts.kinds.spv",
    },
    "penstock.commands",
)
"""By the deal's kind; imported when a command needs it.

A module has TITLE, what people call such a deal; the analyst's commands `price`, `cashflows`, `compare` and
`sensitivity`, each with the options that mean something there; and `about(deal)`, lines on what was agreed.
LIVED names the module, if there is one, of what it has to say when a deal is demonstrated; of these functions
any may be missing:

- `opening(deal)`: what it is worth, in lines and tables
- `dates(deal)`: what happens when, in a few words
- `revenue(deal, seed)`: what somebody outside pays in and when, simulated: acts of whom the cast has for it
- `unpaid(deal, world)`: what it costs not to keep a promise, in a line and as facts
- `decided(deal, world)`: what reports decided
- `closing(deal, world, paid, reports)`: what there is to say at the end; `paid` has every payment with its
  time, `reports` what the relay recorded
"""


@dataclass(frozen=True)
class Drawn:
    """A figure, made when it is asked for, and what it shows, in a sentence."""

    draw: Callable[[], Figure]
    caption: str


@dataclass
class Closing:
    """What a kind has to say of a part that has been lived: a `headline`, `lines` that are checks and whether
    they hold, `facts` for the summary, what was `missed` on the way, figures and tables."""

    headline: str = ""
    lines: list[tuple[str, bool]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)
    figures: list[Drawn] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)


def commands_of(kind: str) -> Any:
    """The module of a kind. Raises InputError for one that brings none."""
    from finance.terms import InputError

    if kind not in MODULES:
        raise InputError(f"kind = {kind}: has no commands here (known: {', '.join(MODULES)})")
    return MODULES[kind]


def offered(terms: SettlementTerms | ProjectTerms | TrancheTerms, currency: Currency) -> str:
    """How much of a claim is on offer, at which price, and when."""
    from chain.network import when
    from finance.report.text import token_money

    return (
        f"{terms.hard_cap:,} units of {terms.symbol} at {token_money(terms.unit_price, currency)}, "
        f"{when(terms.opens)} to {when(terms.closes)}"
    )


def by_kind(
    command: Callable[..., None], deal: Path, outputs: Outputs, part: str | None = None, **options: Any
) -> None:
    """Do a `command` of the analyst, with its `options`, as the kind of the part that leads a deal at a path
    does it. Of a deal of several groups that of `part`; without one each in turn, where nothing is written
    but to the terminal.

    Raises InputError for an option that was given and that means nothing there, and as `load_deal` does.
    """
    from finance.terms import load_deal

    terms = load_deal(deal)
    each = part is None and outputs == Outputs()
    for number, group in enumerate(terms.groups.values() if each else [terms.group(part)]):
        if number:
            typer.echo()
        _done(command, deal, group, outputs, options)


def _done(
    command: Callable[..., None], deal: Path, terms: Deal, outputs: Outputs, options: dict[str, Any]
) -> None:
    from finance.terms import InputError

    kind = commands_of(terms.kind)
    does = getattr(kind, command.__name__)
    takes, defaults = signature(does).parameters, signature(command).parameters
    for name, value in options.items():
        if name not in takes and value not in (defaults[name].default, []):
            raise InputError(f"{_flag(command, name)}: {deal} has a {kind.TITLE}, for which it means nothing")
    does(terms, outputs=outputs, **{name: value for name, value in options.items() if name in takes})


def _flag(command: Callable[..., None], name: str) -> str:
    """What is typed for a parameter of a command."""
    about = get_type_hints(command, include_extras=True)[name].__metadata__[0]
    # An annotation's first word is read as a default by typer.Option, and as a name only later.
    stated = [each for each in (about.default, *(about.param_decls or ())) if isinstance(each, str)]
    return stated[0] if stated else f"--{name.replace('_', '-')}"
