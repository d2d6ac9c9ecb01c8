"""`penstock schema`: the JSON Schema of the deal file."""

from __future__ import annotations

import typer

app = typer.Typer(add_completion=False)


@app.command()
def schema() -> None:
    """The JSON Schema of the deal file, for editors and other programs."""
    from finance.terms.json_schema import deal_schema
    from scripts.console import show_json

    show_json(deal_schema())


if __name__ == "__main__":
    from scripts.cli import run

    run(app)
