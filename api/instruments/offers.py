"""How people are offered the acts of the books (finance.settlement): by which name and words, what they are
asked for it, and what an act takes of whoever sends it. The rest, which function it is and who may, the
books' table says, and of a kind without words all of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from api.instruments.parameters import Parameter, Values
from api.instruments.sentences import Sentence
from api.problems import bad_input
from finance.settlement.acts import ANYONE, AbiType, Call, Done
from finance.settlement.widths import SettlementError

if TYPE_CHECKING:
    from api.index.reader import Deployment
    from api.instruments.base import Collection

Read = Callable[..., Any]
"""Read(role, function, *arguments): a view of the deal's contract in that role."""
Try = Callable[["Given"], Done]
"""What the books say that an act would come to now. Raises SettlementError where they refuse it, or fail."""


@dataclass(frozen=True)
class Given:
    """What an act is prepared from: the deployment, who sends, and the checked values; `read` asks its
    contracts and `attempt` its books. `salt` hides what a challenger commits to."""

    deployment: Deployment
    sender: str
    values: Values
    read: Read
    attempt: Try
    salt: str = field(default_factory=lambda: "0x" + secrets.token_hex(32))

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def argument(self, parameter: Parameter) -> Any:
        """What a contract is given for a parameter: a wallet that is left out is the sender's."""
        if parameter is KPI:
            return self.feed()
        if parameter.kind == "address" and parameter.optional:
            return str(self.values.get(parameter.name) or self.sender)
        return self[parameter.name]

    def feed(self) -> str:
        """Of the KPI that was named; it may be left out where there is one."""
        feeds = self.deployment.feeds
        kpi = self.values.get("kpi")
        if kpi is None and len(feeds) == 1:
            return str(next(iter(feeds.values())))
        if kpi not in feeds:
            raise bad_input(
                f"parameters.kpi: must be one of {', '.join(feeds) or 'none: no KPI is reported'}"
            )
        return str(feeds[kpi])


@dataclass(frozen=True)
class Offered:
    """An act in words. `title` is a template: {units}, {money} and the names of parameters are filled in
    after translation; `done` says it of one that was done, the title where that is as good.

    `name`: as clients call it, if not as the books do; `asked`: the parameters, if not those of the
    function; `arguments` of what was given, if not the parameters in turn. `pays`: the money that the
    contract takes of whoever sends it, which must be allowed to it before, and `gives` the units of the claim
    token, likewise; `money` is what the title says, if not what it pays. `commits`: what the oracle must
    have been told before, so that nobody is first by copying. `who`, if the books let anyone. `local`: only
    on a chain of test money. `feeds`: only of a deal with KPIs.
    """

    title: str
    done: str = ""
    name: str = ""
    asked: tuple[Parameter, ...] | None = None
    arguments: Callable[[Given], tuple[Any, ...]] | None = None
    pays: Callable[[Given], int] | None = None
    gives: Callable[[Given], int] | None = None
    money: Callable[[Given], int] | None = None
    commits: Callable[[Given], str] | None = None
    who: str = ANYONE
    local: bool = False
    feeds: bool = False


@dataclass(frozen=True)
class Act:
    """A row of the books' table, of the contract in the role `on`, as it is offered; of a deployment that of
    `part`, its key in the deal, or the name of a shared contract."""

    on: str
    call: Call
    offered: Offered
    part: str = ""

    @property
    def name(self) -> str:
        return self.offered.name or self.call.name.replace("_", "-")

    @property
    def who(self) -> str:
        """Anyone, or the role that the contract asks for."""
        return self.offered.who if self.call.who == ANYONE else self.call.who

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        if self.offered.asked is not None:
            return self.offered.asked
        return tuple(parameter_of(name, kind) for name, kind in self.call.arguments.items())

    def arguments(self, given: Given) -> tuple[Any, ...]:
        if self.offered.arguments is not None:
            return self.offered.arguments(given)
        return tuple(given.argument(each) for each in self.parameters)

    @property
    def done(self) -> str:
        """What is said of one that was done: never with fields to fill in."""
        plain = self.offered.title if "{" not in self.offered.title else "A transaction of the deal"
        return self.offered.done or plain


class Refusal(NamedTuple):
    """What an error of a contract means: a template, translated before the error's arguments are filled in.
    Those in `money` are amounts; `plain` is said where the currency is not known."""

    words: str
    money: tuple[str, ...] = ()
    plain: str = ""


class StateWords(NamedTuple):
    """A state: its title, the `tone` of its badge (plain, good, bad, wait), and what it means."""

    title: str
    tone: str
    meaning: str


class PaymentWords(NamedTuple):
    """A kind of payment; `numbered`: there is one a period."""

    words: str
    numbered: bool = False


@dataclass(frozen=True)
class PartWords:
    """What a kind of part, or a shared contract, says to people: what it is called, the acts that they are
    offered, what its contract's errors mean, by name, and what its events have `told`, by name.

    Then by their codes in the API: the `states` that it brings a deal into, the `steps` that come next in it,
    the kinds of `payments` that it makes, and the `lines` of a holder's statement. What kinds have in common
    is said by one of them. `lists`: what a deployment with such a part lists besides what its instrument
    does."""

    title: str
    acts: tuple[Act, ...] = ()
    refusals: Mapping[str, str | Refusal] = field(default_factory=dict)
    told: Mapping[str, Sentence] = field(default_factory=dict)
    states: Mapping[str, StateWords] = field(default_factory=dict)
    steps: Mapping[str, str] = field(default_factory=dict)
    payments: Mapping[str, PaymentWords] = field(default_factory=dict)
    lines: Mapping[str, str] = field(default_factory=dict)
    lists: tuple[Collection, ...] = ()


def offers(on: str, calls: Mapping[str, Call], **words: Offered) -> tuple[Act, ...]:
    """The acts of a kind of part that people are offered, by the books' names."""
    return tuple(Act(on, calls[name], each) for name, each in words.items())


def taken(given: Given) -> int:
    """What an act pays whose amount is asked for."""
    return int(given["amount"])


def by_the_books(given: Given) -> int:
    """What the books say that an act pays now; nothing where they refuse it, for which the contract has
    its own words."""
    try:
        flows = given.attempt(given).flows
    except SettlementError:
        return 0
    return sum(flow.amount for flow in flows if flow.payer == given.sender)


# -- what is asked for an argument

UNITS = Parameter("units", "units", "whole units of the claim token", bits=64, least=1)
KPI = Parameter("kpi", "kpi", "the KPI; may be left out where there is one", optional=True)
PERIOD = Parameter("period", "number", "the measurement period, from 0", bits=32)
ACCOUNT = Parameter("account", "address", "the wallet")
HOLDER = Parameter("holder", "address", "who is paid; whoever sends if left out", optional=True)
LOST = Parameter("holder", "address", "whose key is lost")
EXPIRY = Parameter("expiry", "time", "until when, unix seconds", bits=64)
_ASKED: Mapping[str, Parameter] = {
    "account": ACCOUNT,
    "amount": Parameter("amount", "amount", "minor units of the currency", least=1),
    "expiry": EXPIRY,
    "feed": KPI,
    "fixing": Parameter("fixing", "number", "which, from 0", bits=16),
    "holder": HOLDER,
    "id": Parameter("id", "number", "number of the offer", bits=32, least=1),
    "line": Parameter("line", "line", "line of the accounts, at most 31 bytes"),
    "paused": Parameter("paused", "flag", "true stops transfers, false allows them"),
    "period": PERIOD,
    "units": UNITS,
}


def parameter_of(argument: str, kind: AbiType) -> Parameter:
    """What is asked for an argument of a function, by its name, or by its type where that is a choice.
    Raises KeyError for one of which nothing is known."""
    if isinstance(kind, str):
        return _ASKED[argument]
    return replace(parameter_by_type(argument, kind), title="whose")


def choices_of(kind: type[IntEnum]) -> dict[str, int]:
    """The words that one of few values may be, each with its value."""
    return {each.name.lower(): int(each) for each in kind}


_ELEMENTARY: Mapping[str, Parameter] = {
    "uint": Parameter("", "number", "a whole number"),
    "int": Parameter("", "signed", "a whole number, also below 0"),
    "bytes": Parameter("", "bytes", "0x and hexadecimal digits"),
    "address": Parameter("", "address", "an address"),
    "bool": Parameter("", "flag", "true or false"),
    "string": Parameter("", "string", "a text"),
}


def parameter_by_type(argument: str, kind: AbiType) -> Parameter:
    """What is asked for an argument of which nothing but its type is known."""
    if isinstance(kind, list):
        return Parameter(argument, "list", "a list", of=(parameter_by_type("", kind[0]),))
    if isinstance(kind, Mapping):
        of = tuple(parameter_by_type(name, each) for name, each in kind.items())
        return Parameter(argument, "fields", "an object", of=of)
    if not isinstance(kind, str):
        return Parameter(argument, "choice", "one of its choices", choices=choices_of(kind))
    name = kind.rstrip("0123456789")
    size = int(kind.removeprefix(name) or 0) * (8 if name == "bytes" else 1)
    return replace(_ELEMENTARY[name], name=argument, bits=size)


def plainly(on: str, part: str, call: Call) -> Act:
    """An act of a kind without words, in those of its books' table."""
    asked = tuple(
        replace(parameter_by_type(name, kind), label=name.replace("_", " "))
        for name, kind in call.arguments.items()
    )
    title = call.words[:1].upper() + call.words[1:]
    return Act(on, call, Offered(title, asked=asked, pays=by_the_books), part)
