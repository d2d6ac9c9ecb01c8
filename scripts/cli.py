"""The `penstock` command. Each line of COMMANDS is one command; its module is imported when it is called.

Exit codes: 0 done, 1 a check failed, 2 bad input (one line per problem on stderr, no traceback). A command
module has `app`, a typer.Typer with one command, or with several for a group of commands. It raises
finance.terms.InputError for bad input and `typer.Exit(1)` when a check fails.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup


class Command(NamedTuple):
    """Where a command lives, and the line of help that stands beside its name."""

    module: str
    help: str


COMMANDS: dict[str, Command] = {
    "demo": Command("scripts.demo.command", "Run a deal end to end on a chain started here; reconcile it."),
    "demo-all": Command("scripts.demo.book", "Run every deal of the book to its end, a line each."),
    "serve": Command("scripts.serve.command", "API and pages; with nothing else running, a demonstration."),
    "price": Command("scripts.price", "Value a deal: price, yields, tier probabilities, expected outcome."),
    "sensitivity": Command(
        "scripts.sensitivity", "Prices at a date, spreads, KPI delta and vega, fair coupon, greenium."
    ),
    "compare": Command(
        "scripts.compare", "With and without data; for a swap, with and without it: side by side."
    ),
    "cashflows": Command("scripts.cashflows", "The cash-flow table of a deal."),
    "cost": Command("scripts.cost", "What a deal costs in gas, beside published fees of intermediaries."),
    "validate": Command("scripts.validate", "Check deal files and show their terms hash."),
    "migrate": Command("scripts.migrate", "Write deal files of an earlier form in today's."),
    "deploy": Command("scripts.deploy", "Deploy a deal in one transaction and write its record."),
    "reconcile": Command("scripts.reconcile", "Expected and actual payments of a deployed deal, compared."),
    "act": Command("scripts.act", "What can be done in a deployed deal, by whom and to what effect; do one."),
    "quote": Command("scripts.quote", "Sign a quote for units of a claim, to be taken at a trade desk."),
    "sell": Command("scripts.sell", "What selling units of a deployed deal brings today, and by which mark."),
    "keeper": Command("scripts.keeper", "Perform what is due in deployed deals, and anyone may do."),
    "oracle": Command("scripts.oracle", "The oracle network: node, relay, verify, challenge, ensemble."),
    "twin": Command("scripts.twin", "Proxy generation from weather: wind, solar, water."),
    "bench": Command("scripts.bench", "Run a benchmark, with its rivals in the same run."),
    "conformance": Command("scripts.conformance", "Check engines against published reference cases: actus."),
    "schema": Command("scripts.schema", "The JSON Schema of the deal file."),
}


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn bad input into its lines on stderr and exit code 2, and what a chain says otherwise than it should
    into its line and exit code 1; every other error stays as it is."""
    try:
        yield
    except OSError as error:
        # Only files that a user named: a network error has no file name.
        if error.filename is None:
            raise
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        raise typer.Exit(2) from None
    except ValueError as error:
        from finance.terms.problems import InputError

        if not isinstance(error, InputError):
            raise
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None
    except RuntimeError as error:
        from chain.errors import ChainError

        if not isinstance(error, ChainError):
            raise
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None


@contextmanager
def quiet_pipes() -> Iterator[None]:
    """Let go of what is still to be written to a pipe that nobody reads any more (`... | head -1`), of which
    Python would complain as it ends."""
    try:
        yield
    finally:
        for stream in filter(None, (sys.__stdout__, sys.__stderr__)):
            try:
                stream.flush()
            except BrokenPipeError:
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class LazyGroup(TyperGroup):
    """A group whose commands are known by name and help alone until one is called."""

    def main(self, *args: Any, **extra: Any) -> Any:
        with quiet_pipes():
            return super().main(*args, **extra)

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        command = COMMANDS.get(cmd_name)
        return None if command is None else TyperCommand(cmd_name, help=command.help)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        if name in COMMANDS:
            command = typer.main.get_command(import_module(COMMANDS[name].module).app)
            command.name = name
        return name, command, rest

    def invoke(self, ctx: Any) -> Any:
        with one_line_errors():
            return super().invoke(ctx)


main = typer.Typer(
    name="penstock",
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="Infrastructure deals as one file: priced, deployed, fed by an oracle, paid out and reconciled.",
)


@main.callback()
def _penstock() -> None:
    # A callback makes a group of an app that has no commands of its own.
    pass


def run(app: typer.Typer) -> None:
    """Run one command module as a program (`python -m scripts.price ...`), with the errors of `penstock`."""
    command = typer.main.get_command(app)
    invoke = command.invoke

    def guarded(ctx: Any) -> Any:
        with one_line_errors():
            return invoke(ctx)

    command.invoke = guarded  # type: ignore[method-assign]
    # Of a file run by its path, python looks here first, where oracle.py would hide the room of that name.
    here = Path(__file__).resolve().parent
    sys.path[:] = [each for each in sys.path if not each or Path(each).resolve() != here]
    with quiet_pipes():
        command()
