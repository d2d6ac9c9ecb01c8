"""Acts turned into transactions for a wallet to sign: in words, simulated, with an approval where money is
taken. No key is ever seen here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from eth_utils.address import to_checksum_address
from web3 import Web3

from api.i18n import N_, filled
from api.instruments.acts import acts_of, functions
from api.instruments.offers import Act, Given, by_the_books
from api.instruments.oracle import ruling_domain, ruling_of
from api.instruments.parameters import Parameter, Values, check
from api.instruments.refusals import template
from api.instruments.words import Say
from api.problems import bad_input, conflict
from api.services import Services
from api.views.cases import case_of
from api.views.simulation import Call, Result, simulate
from api.views.transaction_models import (
    ActionView,
    GivenView,
    MoveView,
    OutcomeView,
    ParameterView,
    PreparedView,
    PrepareRequest,
    RefusalView,
    StepView,
    TypedDataView,
)
from chain.bindings import calldata, decode_log, event_abis, read
from chain.errors import ChainError, ContractError
from chain.following import in_name_of
from chain.kinds import seats_of
from chain.network import clock
from chain.parts import PARTS
from chain.terms import ZERO_ADDRESS
from finance.settlement import acts as settled
from finance.settlement.acts import Done
from finance.settlement.clock import when
from oracle.observation import RULING_TYPE

if TYPE_CHECKING:
    from api.index.reader import Deployment

PERMIT_SECONDS = 3_600
SIGN_RULING = "sign-ruling"
_TITLES = {"amount": N_("the amount"), "time": N_("until when")}
"""Of what is asked for in minor units or seconds, and shown in none."""
PERMIT_TYPE = [
    {"name": "owner", "type": "address"},
    {"name": "spender", "type": "address"},
    {"name": "value", "type": "uint256"},
    {"name": "nonce", "type": "uint256"},
    {"name": "deadline", "type": "uint256"},
]
DOMAIN_TYPE = [
    {"name": "name", "type": "string"},
    {"name": "version", "type": "string"},
    {"name": "chainId", "type": "uint256"},
    {"name": "verifyingContract", "type": "address"},
]


def action_views(deployment: Deployment, say: Say) -> list[ActionView]:
    """What can be done with a deployment at all."""
    return [
        ActionView(
            name=act.name,
            title=say(act.offered.title),
            contract=act.on,
            part=act.part,
            function=act.call.function,
            who=act.who,
            pays=None if act.offered.pays is by_the_books else act.offered.pays is not None,
            parameters=[_parameter_view(each, say) for each in act.parameters],
        )
        for act in acts_of(deployment)
    ]


def _parameter_view(parameter: Parameter, say: Say) -> ParameterView:
    fields = [_parameter_view(each, say) for each in parameter.of]
    title, choices = say(parameter.title), list(parameter.choices)
    return ParameterView.of(parameter, title=title, choices=choices, fields=fields)


def prepare(services: Services, wanted: PrepareRequest, say: Say) -> PreparedView:
    """What the sender has to sign for an act, and what it would do.

    Raises ProblemError: 404 for a deployment that is not there, 422 for an act it does not have or
    parameters that are wrong, 409 where it cannot be done on this chain."""
    deployment = services.index.deployment(wanted.deployment)
    act = _act(deployment, wanted.action, wanted.part)
    if act.offered.local and not services.chain.is_local:
        raise conflict(f"{wanted.action}: only where money is test money")
    values = check(act.parameters, wanted.parameters)
    make = partial(_Preparation, services, deployment, act, wanted.sender, values, say)
    return services.chain.call(lambda w3: make(w3).view())


def ruling_to_sign(services: Services, wanted: PrepareRequest, say: Say) -> PreparedView:
    """A ruling as typed data for a panellist; the signatures go to the act `rule`."""
    deployment = services.index.deployment(wanted.deployment)
    rule = _act(deployment, "rule", "oracle")
    asked = tuple(each for each in rule.parameters if each.name != "signatures")
    values = check(asked, wanted.parameters)
    make = partial(_Preparation, services, deployment, rule, wanted.sender, values, say)
    return services.chain.call(lambda w3: make(w3).ruling())


def _act(deployment: Deployment, name: str, part: str | None) -> Act:
    named = {act.part: act for act in acts_of(deployment) if act.name == name}
    if not named:
        known = ", ".join(dict.fromkeys(each.name for each in acts_of(deployment)))
        raise bad_input(f"action: {name}: this deployment has {known}")
    if part is None and len(named) > 1:
        ours = [act for act in named.values() if PARTS.is_ours(act.on)]
        if len(ours) == 1:
            return ours[0]
        raise bad_input(f"part: is missing: {name} is an action of {', '.join(named)}")
    if part is not None and part not in named:
        raise bad_input(f"part: {part}: {name} is an action of {', '.join(named)}")
    return next(iter(named.values())) if part is None else named[part]


class _Preparation:
    """One act on its way to a wallet."""

    def __init__(
        self,
        services: Services,
        deployment: Deployment,
        act: Act,
        sender: str,
        values: Values,
        say: Say,
        w3: Web3,
    ) -> None:
        self.services, self.w3, self.deployment, self.act, self.say = services, w3, deployment, act, say
        self.sender = str(to_checksum_address(sender))
        self.record = deployment.record
        self.given = Given(deployment, self.sender, values, self._read, self._attempt)

    def _at(self, role: str) -> str:
        """Of the act's own role that of its part."""
        return str(self.deployment.places[self.act.part] if role == self.act.on else self.deployment.at[role])

    def _function(self, role: str, function: str, *arguments: Any) -> Any:
        return functions(self.w3, role, self._at(role))[function](*arguments)

    def _attempt(self, given: Given) -> Done:
        """As far as the log is read, at the chain's clock."""
        world, call = case_of(self.services, self.deployment.id).world, self.act.call
        arguments = dict(zip(call.arguments, self.act.arguments(given), strict=True))
        at = max(world.at, clock(self.w3))
        done = settled.Act(self.sender, self.act.part, call.name, arguments, at, world.block)
        return world.tried(world.acting(done))[1]

    def _called(self) -> Call:
        """The act itself: of its contract, or by the part in whose name the sender acts."""
        act = self.act
        function = self._function(act.on, act.call.function, *act.arguments(self.given))
        if seats_of(self.deployment.deal):
            world = case_of(self.services, self.deployment.id).world
            asked = settled.Act(self.sender, act.part, act.call.name, {}, world.at, world.block)
            function = in_name_of(world, world.acting(asked).by, function)
        return Call(self.sender, function.address, calldata(function), act.call.function)

    def _read(self, role: str, function: str, *arguments: Any) -> Any:
        return read(self._function(role, function, *arguments))

    def view(self) -> PreparedView:
        """The steps, simulated."""
        act, at = self.act, self._at(self.act.on)
        offered = act.offered
        pays = offered.pays(self.given) if offered.pays is not None else 0
        gives = offered.gives(self.given) if offered.gives is not None else 0
        calls = [self._called()]
        titles, permit = [self._title(pays if offered.money is None else offered.money(self.given))], None
        if gives and self._read("token", "allowance", self.sender, at) < gives:
            calls.insert(0, self._approval(at, gives, "token"))
            titles.insert(0, self.say("Allow the contract to take {units} units", units=f"{gives:,}"))
        if offered.commits is not None:
            sealed = calldata(self._function(act.on, "commitChallenge", offered.commits(self.given)))
            calls.insert(0, Call(self.sender, at, sealed, "commitChallenge"))
            titles.insert(0, self.say("Commit to it first, so that nobody who copies it is before you"))
        allowed = self._read("currency", "allowance", self.sender, at) if pays else 0
        if allowed < pays:
            calls.insert(0, self._approval(at, pays))
            titles.insert(0, self.say("Allow the contract to take {money}", money=self.money(pays)))
            permit = self._permit(at, pays)
            if allowed and simulate(self.w3, calls[:1])[0].ok is False:
                # Some currencies change an allowance only from or to nothing.
                calls.insert(0, self._approval(at, 0))
                titles.insert(0, self.say("Take back what was allowed before"))
                permit = None
        results = simulate(self.w3, calls)
        price = self._gas_price()
        steps = [
            self._step(call, title, result, price)
            for call, title, result in zip(calls, titles, results, strict=True)
        ]
        steps[0].permit = permit
        states = [result.ok for result in results]
        cost = sum(int(step.fee or 0) for step in steps)
        return PreparedView(
            deployment=self.deployment.id,
            action=act.name,
            title=titles[-1],
            sender=self.sender,
            block=self.w3.eth.block_number,
            ok=False if False in states else None if None in states else True,
            affordable=self.w3.eth.get_balance(to_checksum_address(self.sender)) >= cost,
            given=list(self._given()),
            steps=steps,
        )

    def _approval(self, spender: str, amount: int, of: str = "currency") -> Call:
        approve = calldata(self._function(of, "approve", spender, amount))
        return Call(self.sender, self._at(of), approve, "approve")

    def _step(self, call: Call, title: str, result: Result, price: int) -> StepView:
        allowing = ("currency", "token") if call.label == "approve" else ()
        approved = next((role for role in allowing if call.to == self.deployment.at.get(role)), None)
        idle = result.ok is True and result.logs is not None and not (result.logs or approved)
        called, error = approved or self.act.on, result.error
        return StepView(
            title=title,
            contract=called,
            function=call.label,
            to=call.to,
            data=call.data,
            value="0",
            chain_id=self.record.chain_id,
            gas=result.gas,
            fee=None if result.gas is None else str(result.gas * price),
            outcome=OutcomeView(
                simulated=result.simulated,
                ok=result.ok,
                refusal=None if error is None else refusal_view(error, self.say, self.money, called),
                note=self.say("Nothing would change: there is nothing to do.") if idle else None,
                moves=moves_in(result.logs or (), self.deployment, self.sender, self.say),
            ),
        )

    def _gas_price(self) -> int:
        base = self.w3.eth.get_block("latest").get("baseFeePerGas")
        tip = 1_000_000_000
        return self.w3.eth.gas_price if base is None else 2 * int(base) + tip

    def _title(self, money: int) -> str:
        said: dict[str, str] = {}
        for parameter in self.act.parameters:
            name = parameter.name
            if parameter.kind == "address":
                said[name] = _short(str(self.given.values.get(name) or self.sender))
            elif name in self.given.values.checked:
                said["money" if parameter.kind == "amount" else name] = self._words(parameter)
        if money:
            said["money"] = self.money(money)
        return filled(self.say(self.act.offered.title), said)

    def _given(self) -> Iterator[GivenView]:
        """Every parameter that was given, so that nobody signs what is not shown."""
        for parameter in self.act.parameters:
            if parameter.name in self.given.values.checked:
                title = parameter.label or self.say(_TITLES.get(parameter.kind, parameter.title))
                yield GivenView(name=parameter.name, title=title, words=self._words(parameter))

    def _words(self, parameter: Parameter) -> str:
        value, said = self.given.values[parameter.name], self.given.values.said[parameter.name]
        match parameter.kind:
            case "amount":
                return self.money(value)
            case "units" | "number" | "signed":
                return f"{value:,}"
            case "time":
                return when(value)
            case "choice":
                return self.say(str(said))
            case "flag":
                return self.say("true") if value else self.say("false")
            case "kpi":
                known = self.deployment.deal.kpis
                return " ".join(known[said].title.split()) if said in known else str(said)
        return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)

    def money(self, minor: int) -> str:
        return money_words(minor, self.deployment)

    def _permit(self, spender: str, amount: int) -> TypedDataView | None:
        """The approval as a signature (EIP-2612), where the currency has that."""
        try:
            domain = self._read("currency", "eip712Domain")
            nonce = self._read("currency", "nonces", self.sender)
        except ChainError:
            return None
        message = {
            "owner": self.sender,
            "spender": spender,
            "value": str(amount),
            "nonce": str(nonce),
            "deadline": str(clock(self.w3) + PERMIT_SECONDS),
        }
        _, name, version, chain_id, verifier, _, _ = domain
        if (chain_id, verifier) != (self.record.chain_id, self._at("currency")):
            return None  # a signature that another token would take
        return TypedDataView(
            purpose="permit",
            title=self.say("Allow the contract to take {money}", money=self.money(amount)),
            data=_typed("Permit", PERMIT_TYPE, message, (name, version, chain_id, verifier)),
        )

    def ruling(self) -> PreparedView:
        """What a panellist signs; nothing is sent."""
        ruling, domain = ruling_of(self.given), ruling_domain(self.given).to_dict()
        panel = {each.lower() for each in self._read("oracle", "configOf", ruling.feed)["panel"]}
        if self.sender.lower() not in panel:
            raise conflict(f"{self.sender} is not on the panel of this feed", "not-on-the-panel")
        message = {
            "feed": ruling.feed,
            "period": str(ruling.period),
            "version": str(ruling.version),
            "report": ruling.report,
            "verdict": int(ruling.verdict),
            "value": str(ruling.value),
            "evidence": ruling.evidence,
        }
        place = (domain["name"], domain["version"], domain["chainId"], domain["verifyingContract"])
        title = self.say("Sign the panel's ruling")
        return PreparedView(
            deployment=self.deployment.id,
            action=SIGN_RULING,
            title=title,
            sender=self.sender,
            block=self.w3.eth.block_number,
            ok=True,
            affordable=True,
            given=list(self._given()),
            steps=[],
            sign=TypedDataView(
                purpose="ruling", title=title, data=_typed("Ruling", RULING_TYPE, message, place)
            ),
        )


def _typed(
    primary: str, fields: Any, message: dict[str, Any], domain: tuple[str, str, int, str]
) -> dict[str, Any]:
    name, version, chain_id, verifier = domain
    return {
        "types": {"EIP712Domain": DOMAIN_TYPE, primary: fields},
        "primaryType": primary,
        "domain": {"name": name, "version": version, "chainId": chain_id, "verifyingContract": verifier},
        "message": message,
    }


def _short(address: str) -> str:
    return f"{address[:6]}…{address[-4:]}"


def refusal_view(
    error: ContractError, say: Say, money: Callable[[int], str] | None = None, role: str = ""
) -> RefusalView:
    """A contract's error, in its own terms (integers as the contract has them) and in words. `role`: of the
    contract that was called, where it is known."""
    words, fields = template(error, money, role)
    arguments = {name or "reason": as_json(value) for name, value in error.arguments.items()}
    return RefusalView(name=error.name, arguments=arguments, words=filled(say(words), fields))


def as_json(value: Any) -> Any:
    """A decoded ABI value for JSON: whole numbers as text, so that none loses digits."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, dict):
        return {key: as_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(each) for each in value]
    return str(value)


def money_words(minor: int, deployment: Deployment) -> str:
    """Minor units of a deployment's currency as USD 4,000.00, with every digit that is not zero."""
    currency = deployment.deal.currency
    whole, rest = divmod(abs(minor), 10**currency.token_decimals)
    digits = f"{rest:0{currency.token_decimals}d}".rstrip("0").ljust(currency.minor_units, "0")
    sign = "-" if minor < 0 else ""
    return f"{currency.code} {sign}{whole:,}" + (f".{digits}" if digits else "")


def moves_in(logs: Any, deployment: Deployment, viewer: str | None, say: Say) -> list[MoveView]:
    """The money and units of a deployment that logs say have changed hands, in the words of `viewer`, who is
    one of both ends; None for words of a third person."""
    addresses = deployment.at
    assets: dict[str, Literal["money", "units"]] = {addresses["currency"].lower(): "money"}
    if (token := addresses.get("token")) is not None:
        assets[token.lower()] = "units"
    found = []
    for log in logs:
        asset = assets.get(str(log["address"]).lower())
        decoded = decode_log(bytes_of(log), event_abis("IERC20")) if asset else None
        if asset is None or decoded is None or decoded[0] != "Transfer":
            continue
        a = decoded[1]
        what = money_words(a["value"], deployment) if asset == "money" else _units(a["value"], say)
        words = _move_words(what, a["from"], a["to"], viewer, say)
        found.append(
            MoveView(asset=asset, sender=a["from"], receiver=a["to"], amount=str(a["value"]), words=words)
        )
    return found


def _units(count: int, say: Say) -> str:
    written = f"{count:,}"
    return say("1 unit") if count == 1 else say("{count} units", count=written)


def _move_words(what: str, source: str, target: str, viewer: str | None, say: Say) -> str:
    if viewer == source:
        return say("You give {what}.", what=what)
    if viewer == target:
        return say("You receive {what}.", what=what)
    if source == ZERO_ADDRESS:
        return say("{what} newly issued to {to}.", what=what, to=_short(target))
    if target == ZERO_ADDRESS:
        return say("{what} of {from} taken back.", what=what, **{"from": _short(source)})
    return say("{what} from {from} to {to}.", what=what, to=_short(target), **{"from": _short(source)})


def bytes_of(log: Mapping[str, Any]) -> dict[str, Any]:
    """A log as JSON-RPC gives it, with topics and data as bytes."""
    return {
        "topics": [bytes.fromhex(str(topic)[2:]) for topic in log["topics"]],
        "data": bytes.fromhex(str(log["data"])[2:]),
    }
