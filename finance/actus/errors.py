"""The one error of this package: a contract that cannot be evaluated, said in one line."""

from __future__ import annotations

from finance.terms.problems import InputError


class ActusError(InputError):
    """A contract, term, market object or case file that cannot be used.

    The line names the contract, the term, its value and the reason, as far as there is one.
    """

    def __init__(self, reason: str, *, contract: str = "", term: str = "", value: object = None) -> None:
        self.contract, self.term, self.value, self.reason = contract, term, value, reason
        where = f"contract {contract}: " if contract else ""
        what = f"{term} = {value!r}: " if term and value is not None else f"{term}: " if term else ""
        super().__init__(f"{where}{what}{reason}")
