"""The parameters of acts: what a client may give, and what a contract is given for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from eth_utils.address import is_address, to_checksum_address

from api.problems import Flaw, bad_input
from chain.terms import short_string

_WHOLE = re.compile(r"-?[0-9]{1,78}")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]*")
_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{130}|0x[0-9a-fA-F]{128}")
MOST_SIGNATURES = 32
LONGEST_LIST = 100
LONGEST_TEXT = 4_000
LONGEST_DATA = 4_000
MISSING = object()


@dataclass(frozen=True)
class Parameter:
    """One thing to say. `kind` names how it is checked, in KINDS; `title` is for people, who read the `label`
    before one that says no more than a type. A parameter with `optional` may be left out; `choices` are the
    words it may be, each with the value that it stands for; `bits` the width of a whole number or of bytes,
    0 for any; `of` what fields or a list consist of."""

    name: str
    kind: str
    title: str
    optional: bool = False
    choices: Mapping[str, int] = field(default_factory=dict)
    bits: int = 128
    least: int = 0
    of: tuple[Parameter, ...] = ()
    label: str = ""


class WrongError(ValueError):
    """A value that is not what its parameter asks for; the text says what is."""


def _between(given: Any, least: int, most: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int | str):
        raise WrongError("must be a whole number")
    if isinstance(given, str) and not _WHOLE.fullmatch(given):
        raise WrongError("must be a whole number")
    value = int(given)
    if not least <= value <= most:
        raise WrongError(f"must be from {least} to {most}")
    return value


def _whole(parameter: Parameter, given: Any) -> int:
    return _between(given, parameter.least, (1 << parameter.bits) - 1)


def _signed(parameter: Parameter, given: Any) -> int:
    half = 1 << (parameter.bits - 1)
    return _between(given, -half, half - 1)


def _address(_parameter: Parameter, given: Any) -> str:
    if not isinstance(given, str) or not given.startswith("0x") or not is_address(given):
        raise WrongError("must be an address: 0x and 40 hexadecimal digits")
    return str(to_checksum_address(given))


def _bytes(parameter: Parameter, given: Any) -> str:
    if not parameter.bits:
        return _data(given)
    digits = parameter.bits // 4
    if not isinstance(given, str) or len(given) != 2 + digits or not _HEXADECIMAL.fullmatch(given):
        raise WrongError(f"must be 0x and {digits} hexadecimal digits")
    return given.lower()


def _data(given: Any) -> str:
    is_whole = isinstance(given, str) and len(given) % 2 == 0 and len(given) <= 2 + 2 * LONGEST_DATA
    if not is_whole or not _HEXADECIMAL.fullmatch(given):
        raise WrongError(f"must be 0x and two hexadecimal digits for each of at most {LONGEST_DATA} bytes")
    return str(given).lower()


def _word(parameter: Parameter, given: Any) -> str:
    return _bytes(replace(parameter, bits=256), given)


def _choice(parameter: Parameter, given: Any) -> int:
    if not isinstance(given, str) or given not in parameter.choices:
        raise WrongError(f"must be one of {', '.join(parameter.choices)}")
    return parameter.choices[given]


def _flag(_parameter: Parameter, given: Any) -> bool:
    if not isinstance(given, bool):
        raise WrongError("must be true or false")
    return given


def _text(_parameter: Parameter, given: Any) -> str:
    if not isinstance(given, str) or not given:
        raise WrongError("must be a text")
    try:
        return short_string(given)
    except (ValueError, UnicodeEncodeError):
        raise WrongError("must be at most 31 bytes") from None


def _name(_parameter: Parameter, given: Any) -> str:
    if not isinstance(given, str) or not 0 < len(given) <= 64:
        raise WrongError("must be a name")
    return given


def _signatures(_parameter: Parameter, given: Any) -> list[str]:
    few = isinstance(given, list) and 0 < len(given) <= MOST_SIGNATURES
    if not few or not all(isinstance(each, str) and _SIGNATURE.fullmatch(each) for each in given):
        raise WrongError(f"must be 1 to {MOST_SIGNATURES} signatures of 65 or 64 bytes in hexadecimal")
    return [each.lower() for each in given]


def _reasons(parameter: Parameter, given: Any) -> str:
    if not isinstance(given, str) or not given.strip():
        raise WrongError(f"must be a text of at most {LONGEST_TEXT} characters")
    return _string(parameter, given.strip())


def _string(_parameter: Parameter, given: Any) -> str:
    """As it is, with its blanks."""
    if not isinstance(given, str) or len(given) > LONGEST_TEXT:
        raise WrongError(f"must be a text of at most {LONGEST_TEXT} characters")
    try:
        given.encode()
    except UnicodeEncodeError:
        raise WrongError("must be a text") from None
    return given


def _fields(parameter: Parameter, given: Any) -> dict[str, Any]:
    names = [each.name for each in parameter.of]
    if not isinstance(given, dict) or given.keys() != set(names):
        raise WrongError(f"must be an object of {', '.join(names)}")
    return {each.name: _within(each.name, each, given[each.name]) for each in parameter.of}


def _list(parameter: Parameter, given: Any) -> list[Any]:
    if not isinstance(given, list) or len(given) > LONGEST_LIST:
        raise WrongError(f"must be a list of at most {LONGEST_LIST}")
    return [_within(str(place), parameter.of[0], each) for place, each in enumerate(given)]


def _within(where: str, parameter: Parameter, given: Any) -> Any:
    try:
        return KINDS[parameter.kind](parameter, given)
    except WrongError as wrong:
        raise WrongError(f"{where}: {wrong}") from None


KINDS: Mapping[str, Callable[[Parameter, Any], Any]] = {
    "units": _whole,
    "amount": _whole,
    "number": _whole,
    "time": _whole,
    "signed": _signed,
    "address": _address,
    "hash": _word,
    "bytes": _bytes,
    "fields": _fields,
    "list": _list,
    "choice": _choice,
    "flag": _flag,
    "line": _text,
    "string": _string,
    "kpi": _name,
    "signatures": _signatures,
    "words": _reasons,
}


@dataclass(frozen=True)
class Values:
    """What was given, checked: by name as the contract takes it. `said` keeps what the client wrote."""

    checked: Mapping[str, Any]
    said: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.checked[name]

    def get(self, name: str, otherwise: Any = None) -> Any:
        return self.checked.get(name, otherwise)


def check(parameters: tuple[Parameter, ...], given: Mapping[str, Any]) -> Values:
    """The values of `parameters`. Raises ProblemError (422) with a row for each that is wrong."""
    known = {parameter.name: parameter for parameter in parameters}
    flaws = [
        Flaw(field=f"parameters.{name[:40]}", reason=f"unknown; there is {', '.join(known) or 'none'}")
        for name in given
        if name not in known
    ]
    checked: dict[str, Any] = {}
    for name, parameter in known.items():
        value = given.get(name, MISSING)
        if value is MISSING or value is None:
            if not parameter.optional:
                flaws.append(Flaw(field=f"parameters.{name}", reason=f"is missing: {parameter.title}"))
            continue
        try:
            checked[name] = KINDS[parameter.kind](parameter, value)
        except WrongError as wrong:
            flaws.append(Flaw(field=f"parameters.{name}", value=str(value)[:100], reason=str(wrong)))
    if flaws:
        raise bad_input(f"{flaws[0].field}: {flaws[0].reason}", flaws[:20])
    return Values(checked, {name: given[name] for name in checked})
