"""The JSON Schema of the deal file (draft 2020-12), for editors and other programs.

It says what is well-formed; rules that compare fields are in finance.terms.checks. Numbers may be JSON
numbers or texts of digits, because JSON has no exact decimals of its own.
"""

from __future__ import annotations

from typing import Any

from finance.terms.deal import SCHEMA, Deal


def deal_schema() -> dict[str, Any]:
    """The schema as a dictionary that json.dumps takes."""
    schema = Deal.model_json_schema(by_alias=True, mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA, **schema}
