"""What is wrong with an input, said once per problem in one line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a deal file; `str()` is the line a user sees: `file: field = value: reason`. One
    line whatever stands in the file: what cannot be printed is written as Python writes it (\\n)."""

    file: str
    field: str
    value: str
    reason: str

    def __post_init__(self) -> None:
        for name in ("file", "field", "value", "reason"):
            object.__setattr__(self, name, one_line(getattr(self, name)))

    def __str__(self) -> str:
        if not self.field:
            return f"{self.file}: {self.reason}"
        return f"{self.file}: {self.field} = {self.value}: {self.reason}"


def one_line(text: str) -> str:
    """The text with an escape for each character that cannot be printed."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


_WORDS = {
    "bool_type": "must be true or false",
    "decimal_type": "must be a number",
    "dict_type": "must be a mapping of fields, such as {KEY: VALUE}",
    "extra_forbidden": "unknown field",
    "int_type": "must be a whole number, such as 6",
    "is_instance_of": "must be a number",
    "list_type": "must be a list, such as [one, another]",
    "missing": "is required",
    "model_attributes_type": "must be a mapping of fields, such as {KEY: VALUE}",
    "model_type": "must be a mapping of fields, such as {KEY: VALUE}",
    "string_too_short": "must not be empty",
    "string_type": "must be text",
    "string_unicode": "must be text",
    "union_tag_not_found": "is required",
}
"""What is wrong with a value, by pydantic's name of the error."""
_SHOULD = re.compile(r"^(?:Value error, |(?:Input|List|String|Dictionary) should (?=(be|have) ))")


def in_words(error: ErrorDetails) -> str:
    """What a model says is wrong with a value, in plain words; an error that a check of ours raised says it
    itself."""
    if error["type"] == "union_tag_invalid":
        return f"must be one of {error['ctx']['expected_tags']}"
    said = error["msg"].replace(" after validation", "")
    reason = _WORDS.get(error["type"]) or _SHOULD.sub(lambda found: "must " if found[1] else "", said)
    return reason[0].lower() + reason[1:]


class InputError(ValueError):
    """Bad input from a user: every command shows `str()` of it, without a traceback, and exits with 2."""


class DealFileError(InputError):
    """A deal file that cannot be used. `problems` holds everything found wrong, not only the first thing."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: list[Problem] = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
