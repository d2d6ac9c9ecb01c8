"""`penstock validate`: check deal files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command()
def validate(
    deals: Annotated[list[Path], typer.Argument(help="Deal files.", metavar="DEAL...")],
) -> None:
    """Check deal files: one line with the terms hash for each that is good, all problems of those that are
    not.
    """
    from finance.terms import DealFileError, load_deal
    from finance.terms.problems import Problem
    from oracle.method import METHODS

    problems = []
    for path in deals:
        try:
            deal = load_deal(path)
        except DealFileError as error:
            problems += error.problems
        else:
            # The deal's own room knows no method: which there are is the oracle's to say.
            known = ", ".join(METHODS)
            unknown = [
                Problem(str(path), f"oracle.{kpi}.method", policy.method, f"not known; known: {known}")
                for kpi, policy in deal.oracle.items()
                if policy.method not in METHODS
            ]
            if unknown:
                problems += unknown
                continue
            assumed, count = deal.assumed()
            print(f"{path}: good: {deal.terms_hash}, {count} inputs, {assumed} of them assumed")
    if problems:
        raise DealFileError(problems)


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
