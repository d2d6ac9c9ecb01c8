"""`penstock validate`: check deal files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from finance.terms import Deal

app = typer.Typer(add_completion=False)


@app.command()
def validate(
    deals: Annotated[list[Path], typer.Argument(help="Deal files.", metavar="DEAL...")],
    json: Annotated[bool, typer.Option("--json", help="Print those that are good as JSON.")] = False,
) -> None:
    """Check deal files: one line with the terms hash for each that is good, all problems of those that are
    not.
    """
    from json import dumps

    from finance.terms import DealFileError, InputError, load_deal
    from finance.terms.problems import Problem
    from oracle.methods.register import METHODS

    problems: list[object] = []
    good: list[dict[str, object]] = []
    for path in deals:
        try:
            deal = load_deal(path)
            read_data(deal)
        except DealFileError as error:
            problems += error.problems
        except InputError as error:
            problems.append(error)
        else:
            # The deal's own room knows no method: which there are is the oracle's to say.
            unknown = {
                kpi: policy.method for kpi, policy in deal.oracle.items() if policy.method not in METHODS
            }
            if unknown:
                why = f"not known; known: {', '.join(METHODS)}"
                problems += [
                    Problem(str(path), f"oracle.{kpi}.method", method, why) for kpi, method in unknown.items()
                ]
                continue
            assumed, count = deal.assumed()
            good.append(
                {"file": str(path), "terms_hash": deal.terms_hash, "inputs": count, "assumed": assumed}
            )
            if not json:
                print(f"{path}: good: {deal.terms_hash}, {count} inputs, {assumed} of them assumed")
    if json:
        print(dumps(good, indent=2))
    if problems:
        raise InputError("\n".join(map(str, problems)))


def read_data(deal: Deal) -> None:
    """Raise InputError for what only shows when the files that a deal names are read: a power curve that does
    not exist, a correlation that its weather and prices cannot have; and for periods that cannot be valued.
    """
    if deal.asset.twin == "wind":
        from finance.swaps.periods import swap_periods
        from finance.swaps.wind import wind_outlook

        wind_outlook(deal, solved=False)
        swap_periods(deal)


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
