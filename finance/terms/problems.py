"""What is wrong with an input, said once per problem in one line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a deal file; `str()` is the line a user sees: `file: field = value: reason`."""

    file: str
    field: str
    value: str
    reason: str

    def __str__(self) -> str:
        if not self.field:
            return f"{self.file}: {self.reason}"
        return f"{self.file}: {self.field} = {self.value}: {self.reason}"


class InputError(ValueError):
    """Bad input from a user: every command shows `str()` of it, without a traceback, and exits with 2."""


class DealFileError(InputError):
    """A deal file that cannot be used. `problems` holds everything found wrong, not only the first thing."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: list[Problem] = list(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
