"""`penstock act`: what can be done in a deployed deal, by whom and to what effect; and one of it done."""

from __future__ import annotations

import json as jsonlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scripts.accounts import KeystoreOption, NetworkOption, PasswordOption, WhoOption

if TYPE_CHECKING:
    from chain.acting import Acting
    from chain.following import Following
    from finance.settlement.acts import AbiType, Act, Call, Done
    from finance.settlement.world import World

app = typer.Typer(add_completion=False)

_WHOLE = re.compile(r"[+-]?(\d{1,3}(,\d{3}){1,30}|\d{1,99})", re.ASCII)
"""A comma parts thousands and nothing else, as on the pages (acts.js)."""


@app.command()
def act(
    deployment: Annotated[
        Path, typer.Argument(help="Deployment record, as written by `penstock deploy`.", metavar="RECORD")
    ],
    what: Annotated[
        str | None,
        typer.Argument(help="PART.ACT to do, such as bond.pay_coupon; none: list what can be done."),
    ] = None,
    arguments: Annotated[list[str] | None, typer.Argument(help="NAME=VALUE for each argument.")] = None,
    given: Annotated[
        Path | None,
        typer.Option(
            help="JSON file with arguments by their names, as `penstock quote` prints it; what else it has "
            "is passed over."
        ),
    ] = None,
    network: NetworkOption = "development",
    sender: WhoOption = None,
    keystore: KeystoreOption = None,
    password_file: PasswordOption = None,
    at: Annotated[
        str | None,
        typer.Option(
            help="Local chains: move the clock to this date (2021-04-01, or with T12:00), unless the act "
            "is refused then."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would do, by the books at --at, and do nothing.")
    ] = False,
    all_: Annotated[
        bool,
        typer.Option("--all", help="List what only contracts do, and acts of oracle and registry, as well."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON; amounts in minor units.")] = False,
) -> None:
    """List what can be done in a deal now, or do one of it.

    Amounts are in minor units of the currency. Currency that an act takes is allowed to the part first, as
    far as needed, if the part is the deal's own; the oracle is allowed nothing: `penstock oracle challenge`
    does that by itself, and for `oracle.fund_rewards` a wallet must approve it before. What the books of the
    deal, or the contract, do not allow is refused in words before anything is sent, and before a clock is
    moved: exit 1.
    """
    from chain.acting import Acting
    from chain.network import connect
    from chain.possible import nothing
    from chain.records import load_record
    from scripts.accounts import account_of

    record = load_record(deployment)
    w3 = connect(network, record.chain_id)
    moment = None if at is None else _moment(w3, at)
    acting = Acting(w3, record)
    deal = acting.deal
    world = deal.look()
    if what is None:
        then = replace(world, at=moment) if dry_run and moment is not None else _moved(deal, world, moment)
        _show_list(deal, then, all_, json)
        return
    named = {name: who for name, who in record.wallets.everybody.items() if isinstance(who, str)}
    account = account_of(w3, sender, keystore, password_file, named)
    address = account if isinstance(account, str) else account.address
    wanted = _wanted(world, what, arguments or [], address, named, {} if given is None else _read(given))
    if moment is not None:  # what is refused then moves no clock
        world = replace(world, at=max(world.at, moment))
        wanted, done = _tried(world, wanted, f"; by {at}, where the clock was not moved to")
        if not dry_run and (done is None or done.emitted):
            world = _moved(deal, world, moment)
    wanted, done = _tried(world, wanted)
    said = {"deal": record.deal, "act": what, "by": address, "flows": _flows(record, world, done)}
    if wanted.by != address:
        said["in_the_name_of"] = wanted.by
    if done is not None and not done.emitted:
        said |= {"nothing": f"{nothing(wanted.call)}, so no transaction is sent"}
    elif not dry_run:
        said |= _performed(acting, world, wanted, done, account)
    if json:
        print(jsonlib.dumps(said, indent=2))
    else:
        _tell(said, record, dry_run)


# -- the list


def _listed(world: World) -> Iterator[dict[str, Any]]:
    from chain.possible import possible

    for each in possible(world):
        yield {
            "act": f"{each.part}.{each.call.name}",
            "who": each.call.who,
            "may": each.may,
            "arguments": {name: _type_words(kind) for name, kind in each.call.arguments.items()},
            "now": each.now,
            "what": each.call.words,
        }


def _show_list(deal: Following, world: World, all_: bool, json: bool) -> None:
    from chain.network import when
    from chain.possible import ASK, DEPENDS, WITHIN
    from finance.report.table import Table
    from scripts.console import show

    rows = list(_listed(world))
    if json:
        print(jsonlib.dumps({"deal": deal.record.deal, "time": world.at, "acts": rows}, indent=2))
        return
    count = len(rows)
    rows = [each for each in rows if all_ or each["now"] not in (WITHIN, ASK)]
    order = ("due", "can be done", DEPENDS, "no", ASK, WITHIN)
    rows.sort(key=lambda each: next(i for i, words in enumerate(order) if each["now"].startswith(words)))
    more = (f"and {count - len(rows)} acts of oracle and registry, or that only contracts do: --all",)
    show(
        Table(
            f"{deal.record.deal} at {when(world.at)}",
            ("act", "who", "arguments", "now", "what it does"),
            tuple(
                (
                    each["act"],
                    each["who"],
                    ", ".join(f"{name}: {kind}" for name, kind in each["arguments"].items()),
                    each["now"],
                    each["what"],
                )
                for each in rows
            ),
            notes=(
                *(more if count > len(rows) else ()),
                "penstock act RECORD ACT NAME=VALUE ... --from WHO does one; penstock keeper what is due.",
            ),
        )
    )


# -- one act


def _acts(world: World, part: str) -> dict[str, Call]:
    from chain.following import acts_of

    return acts_of(world, part)


def _read(file: Path) -> dict[str, Any]:
    """Arguments of a file. Raises InputError for one that is no JSON object."""
    from finance.terms import InputError

    try:
        found = jsonlib.loads(file.read_text())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InputError(f"--given = {file}: must be a JSON object")
    return found


def _wanted(
    world: World,
    what: str,
    arguments: list[str],
    by: str,
    wallets: Mapping[str, str],
    known: Mapping[str, Any],
) -> Act:
    """The act that was asked for; an address may be the name of one of the wallets. What is not among the
    arguments may be `known`.

    Raises InputError for one that there is not, and for its arguments."""
    from chain.possible import WITHIN, possible
    from finance.settlement.acts import Act
    from finance.settlement.widths import SettlementError
    from finance.settlement.world import CURRENCY
    from finance.terms import InputError

    part, _, name = what.partition(".")
    if part not in (*world.parts, CURRENCY):
        raise InputError(f"{what}: there is no part {part}; there are {', '.join([*world.parts, CURRENCY])}")
    acts = _acts(world, part)
    if name not in acts:
        within = {each.call.name for each in possible(world) if (each.part, each.now) == (part, WITHIN)}
        there = ", ".join(each for each in acts if each not in within)
        raise InputError(f"{what}: no act of {part}; there are {there}")
    row = acts[name]
    given = {key: value for key, value in known.items() if key in row.arguments}
    for each in arguments:
        key, equals, value = each.partition("=")
        if not equals or key not in row.arguments:
            takes = ", ".join(row.arguments) or "nothing"
            raise InputError(f"{each}: must be NAME=VALUE; {what} takes {takes}")
        if row.arguments[key] == "address":
            value = wallets.get(value, value)
        given[key] = _value(f"{what}: {key}", row.arguments[key], value)
    if missing := [key for key in row.arguments if key not in given]:
        raise InputError(
            f"{what}: needs {', '.join(f'{key}={_type_words(row.arguments[key])}' for key in missing)}"
        )
    try:
        row.checked(given)
    except SettlementError as error:
        raise InputError(f"{what}: {error}") from None
    return world.acting(Act(by, part, name, given, world.at, world.block))


def _value(where: str, kind: AbiType, text: str) -> Any:
    """A word of the command line as an argument of its type."""
    from chain.records import address_of
    from finance.terms import InputError

    if kind == "address":
        try:
            return address_of(text)
        except ValueError as error:
            raise InputError(f"{where} = {text}: {error}") from None
    try:
        if isinstance(kind, type) and issubclass(kind, IntEnum):
            return kind[text.upper()] if not text.isdigit() else kind(int(text))
        if isinstance(kind, Mapping | list):
            found = jsonlib.loads(text)
            if not isinstance(found, dict if isinstance(kind, Mapping) else list):
                raise ValueError(text)
            return found
        if kind == "bool":
            return {"true": True, "false": False}[text.lower()]
        if str(kind).startswith("bytes") and not text.startswith("0x"):
            data = text.encode()
            size = int(str(kind)[5:] or len(data))
            if len(data) > size:
                raise ValueError(text)
            return "0x" + data.ljust(size, b"\0").hex()
        if kind == "string" or str(kind).startswith("bytes"):
            return text
    except (ValueError, KeyError, RecursionError):
        raise InputError(f"{where} = {text}: must be {_type_words(kind)}") from None
    return whole(where, str(kind), text)


def whole(where: str, kind: str, text: str) -> int:
    """A whole number as a word of the command line. Raises InputError for what is none; whether its type
    holds it is not asked."""
    from finance.settlement.acts import whole_number
    from finance.terms import InputError

    if not _WHOLE.fullmatch(text):
        commas = "; commas part thousands, as in 1,234,567" if "," in text else ""
        raise InputError(f"{where} = {text}: must be {whole_number(kind)}{commas}")
    return int(text.replace(",", ""))


def _type_words(kind: AbiType) -> str:
    if isinstance(kind, type) and issubclass(kind, IntEnum):
        return " or ".join(each.name.lower() for each in kind)
    if isinstance(kind, list):
        return f"[{_type_words(kind[0])}, ...]"
    if isinstance(kind, Mapping):
        return "{" + ", ".join(f'"{name}": {_type_words(each)}' for name, each in kind.items()) + "}"
    return str(kind)


def _tried(world: World, wanted: Act, more: str = "") -> tuple[Act, Done | None]:
    """An act at the world's moment, and what it would come to by the books; None where only the contract
    knows. `more` is said of a refusal."""
    from chain.acting import tried
    from finance.settlement.widths import SettlementError

    wanted = replace(wanted, at=world.at, block=world.block)
    try:
        return wanted, tried(world, wanted)
    except SettlementError as error:
        typer.echo(f"refused: {error}{more}", err=True)
        raise typer.Exit(1) from None


def _performed(acting: Acting, world: World, wanted: Act, done: Done | None, account: Any) -> dict[str, Any]:
    from chain.errors import ContractError
    from chain.sender import Sender

    try:
        receipt = acting.send(world, wanted, done, Sender(acting.deal.w3, account))
    except ContractError as error:
        typer.echo(f"the contract refuses: {error}", err=True)
        raise typer.Exit(1) from None
    return {
        "tx": receipt["transactionHash"].to_0x_hex(),
        "block": receipt["blockNumber"],
        "gas": receipt["gasUsed"],
    }


def _flows(record: Any, world: World, done: Done | None) -> list[dict[str, Any]]:
    from chain.reconcile import names_of

    names = names_of(record) | {address: part for part, address in world.addresses.items()}
    return [
        {
            "from": names.get(flow.payer, flow.payer),
            "to": names.get(flow.payee, flow.payee),
            "amount": str(flow.amount),
            "what": flow.what,
            "period": None if flow.period is None else flow.period + 1,
        }
        for flow in (done.flows if done is not None else ())
    ]


def _tell(said: Mapping[str, Any], record: Any, dry_run: bool) -> None:
    from finance.report.text import token_money

    currency = record.load_deal().currency
    if "nothing" in said:
        print(f"{said['act']}: {said['nothing']}")
        return
    whose = f" in the name of {said['in_the_name_of']}" if "in_the_name_of" in said else ""
    print(f"{said['act']} by {said['by']}{whose}" + (": not done, --dry-run" if dry_run else ""))
    for flow in said["flows"]:
        period = "" if flow["period"] is None else f" of period {flow['period']}"
        amount = token_money(int(flow["amount"]), currency)
        print(f"  {flow['what']}{period}: {amount} from {flow['from']} to {flow['to']}")
    if not dry_run:
        print(f"  block {said['block']}, {said['gas']:,} gas, {said['tx']}")


def _moment(w3: Any, at: str) -> int:
    """When a local chain's clock is to stand: now on a day that has begun. Raises InputError for another
    chain, for no date, and for one that is past on the chain."""
    from chain.network import clock, is_local, when
    from finance.terms import InputError

    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise InputError(f"--at = {at}: must be a date, as 2021-04-01 or 2021-04-01T12:00") from None
    if not is_local(w3):
        raise InputError(f"--at = {at}: only the clock of a local chain can be moved")
    unix, now = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()), clock(w3)
    if when(now).startswith(at.replace("T", " ")):
        return now
    if unix < now:
        raise InputError(f"--at = {at}: the chain's clock is at {when(now)}, and does not go back")
    return unix


def _moved(deal: Following, world: World, moment: int | None) -> World:
    """The deal once the chain's clock stands at a moment; `world` without one."""
    from chain.network import reach_time

    if moment is None:
        return world
    reach_time(deal.w3, moment)
    return deal.look()


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
