"""Acts and refusals in words: each names what is there, and is said in both languages."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Any

import pytest

from api.i18n import Translator, texts
from api.instruments.acts import WORDS, contract_of, sentence_of, title_of
from api.instruments.offers import _ELEMENTARY, PartWords, Refusal, parameter_by_type
from api.instruments.parameters import KINDS, check
from api.instruments.refusals import OTHERWISE, known, template
from api.problems import ProblemError
from api.views.relaying import OTHERS
from chain import artifacts
from chain.errors import ContractError
from finance.settlement.acts import ANYONE, Call
from oracle.observation import Verdict

FIELD = re.compile(r"\{(\w+)\}")
ACTS = {act.name: act for kind in WORDS.values() for act in kind.acts}


@pytest.mark.parametrize("name", ACTS)
def test_an_action_calls_what_its_contract_has(name: str) -> None:
    act = ACTS[name]
    entries = [e for e in artifacts.abi(contract_of(act.on)) if e.get("name") == act.call.function]
    assert [e["type"] for e in entries] == ["function"]
    assert entries[0]["stateMutability"] == "nonpayable"
    assert {each.kind for each in act.parameters} <= KINDS.keys()
    fields = {each.name for each in act.parameters} | {"money"}
    offered = act.offered
    assert set(FIELD.findall(offered.title)) <= fields
    assert ("{money}" in offered.title) == (offered.pays is not None or offered.local)
    assert not FIELD.findall(act.done)


HASH, SOME = "0x" + "AB" * 32, {"to": "0x" + "11" * 20, "parts": [1, "2"]}


@pytest.mark.parametrize(
    ("kind", "good", "wrong", "reason"),
    [
        ("uint8", "255", 256, "must be from 0 to 255"),
        ("int16", -32_768, -32_769, "must be from -32768 to 32767"),
        ("bool", False, 0, "must be true or false"),
        ("address", SOME["to"], "0x11", "must be an address: 0x and 40 hexadecimal digits"),
        ("bytes32", HASH, HASH[:-1], "must be 0x and 64 hexadecimal digits"),
        ("bytes4", "0x00112233", HASH, "must be 0x and 8 hexadecimal digits"),
        ("bytes", "0x00aBff", "0x0", "must be 0x and two hexadecimal digits for each of at most 4000 bytes"),
        ("bytes", "0x", "00", "must be 0x and two"),
        ("bytes", "0x" + "00" * 4000, "0x" + "00" * 4001, "must be 0x and two"),
        ("string", " as {it} is\n", 7, "must be a text of at most 4000 characters"),
        ("string", "", "a" * 4001, "must be a text of at most 4000 characters"),
        ("string", "물", "\ud800", "must be a text"),
        (Verdict, "void", "guilty", "must be one of stands, corrected, void"),
        (["uint8"], [1, 2], [1, -1], "1: must be from 0 to 255"),
        (["uint8"], [], {}, "must be a list of at most 100"),
        ({"to": "address", "parts": ["uint64"]}, SOME, {"to": 1}, "must be an object of to, parts"),
        ({"to": "address", "parts": ["uint64"]}, SOME, {**SOME, "parts": [""]}, "parts: 0: must be a whole"),
    ],
)
def test_an_argument_is_asked_for_by_its_type(kind: Any, good: Any, wrong: Any, reason: str) -> None:
    """And what is taken the books take too."""
    asked = (parameter_by_type("it", kind),)
    Call("do", ANYONE, "do it", {"it": kind}).checked({"it": check(asked, {"it": good})["it"]})
    with pytest.raises(ProblemError) as refused:
        check(asked, {"it": wrong})
    assert refused.value.status == 422
    assert str(refused.value).startswith(f"parameters.it: {reason}")


class Colour(IntEnum):
    RED, BLUE = 1, 5


def test_a_choice_is_sent_as_its_value() -> None:
    """Not as its place among the choices."""
    asked = (parameter_by_type("it", Colour),)
    assert [check(asked, {"it": word})["it"] for word in ("red", "blue")] == [1, 5]
    for wrong in ("green", 5, "5", [], None):
        with pytest.raises(ProblemError, match=r"it: (must be one of red, blue|is missing)"):
            check(asked, {"it": wrong})


def test_every_word_for_a_refusal_is_of_an_error_that_exists() -> None:
    errors = {entry["name"]: {i["name"] for i in entry["inputs"]} for entry in artifacts.error_abis()}
    for name, refusal in known().items():
        assert set(FIELD.findall(refusal.words)) <= errors[name], name
        assert set(refusal.money) <= set(FIELD.findall(refusal.words)), name
        assert bool(refusal.plain) == bool(refusal.money), name


def test_no_two_kinds_say_the_same_error_or_act() -> None:
    """So that a deal that has both needs not be told whose is meant."""
    errors = [name for kind in WORDS.values() for name in kind.refusals]
    acts = [act.name for kind in WORDS.values() for act in kind.acts]
    assert len(set(errors)) == len(errors) > 40
    assert len(set(acts)) == len(acts) > 30


def test_an_error_without_words_is_told_by_its_name() -> None:
    """Its integers may be amounts in minor units, which are no words for people; the API gives them apart."""
    words, fields = template(ContractError("Some_Error", {"a": 1}, "call"))
    assert words == OTHERWISE
    assert words.format(**fields) == "The contract refuses this: Some_Error"


def test_numbers_in_a_refusal_part_their_thousands() -> None:
    words, fields = template(ContractError("Offering_CapExceeded", {"requested": 9999, "available": 5608}))
    assert words.format(**fields) == "Only 5,608 units are left."


class _Writer:
    """English, and amounts as they come."""

    say = Translator("en")

    def money(self, amount: Any) -> str:
        return f"USD {int(amount)}"


@pytest.mark.parametrize(
    ("netted", "paid", "unpaid", "said"),
    [
        (0, 5, 0, "USD 5 of it was paid."),
        (7, 5, 0, "USD 7 of it was set off against what the other side owed. USD 5 of it was paid."),
        (0, 5, 2, "USD 5 of it was paid. USD 2 of it was added to what is owed."),
        (0, 0, 0, "Nothing was to be paid."),
    ],
)
def test_a_payment_is_told_without_the_parts_that_are_nothing(
    netted: int, paid: int, unpaid: int, said: str
) -> None:
    given = {"netted": netted, "paid": paid, "unpaid": unpaid}
    assert sentence_of("payment", "AmountPaid", _Writer(), given) == said  # type: ignore[arg-type]


@pytest.mark.parametrize("arguments", [{}, {"who": "0x11"}, {"have": 1, "of": 2}])
def test_an_error_with_other_arguments_than_ours_is_not_told_in_our_words(arguments: dict[str, Any]) -> None:
    ours = ContractError("KpiOracle_BelowQuorum", {"have": 1, "need": 2})
    assert template(ours)[0] == "Too few have signed: {have} of {need}."
    theirs = ContractError("KpiOracle_BelowQuorum", arguments)
    assert template(theirs) == (OTHERWISE, {"error": theirs.name if arguments else str(theirs)})


def test_words_of_another_package_are_for_its_own_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take no error of ours, and need not have what the contract gives."""
    said = {"KpiBond_NothingToRecover": "Theirs.", "KpiBond_Funded": Refusal("{of", money=("of",), plain="x")}
    monkeypatch.setattr(
        "api.instruments.refusals.WORDS", {**WORDS, "theirs": PartWords("Theirs", refusals=said)}
    )
    error = ContractError("KpiBond_NothingToRecover", {})
    for role in ("", "bond", "token"):
        assert template(error, role=role)[0] == "The bond holds nothing to share."
    assert template(error, role="theirs")[0] == "Theirs."
    assert template(ContractError("KpiBond_Funded", {}), str, "theirs") == ("{of", {})


def test_an_argument_called_period_need_not_be_a_number() -> None:
    assert str(ContractError("Odd", {"period": "0x11"})) == "Odd(period=0x11)"
    assert str(ContractError("Odd", {"period": 0})) == "Odd(period 1)"


def test_everything_is_said_in_korean() -> None:
    korean = texts("ko")
    said = (
        {words for act in ACTS.values() for words in (act.offered.title, act.offered.done) if words}
        | {words for refusal in known().values() for words in (refusal.words, refusal.plain) if words}
        | {words for _, words in OTHERS.values()}
        | {title_of(kind) for kind in WORDS}
        | {OTHERWISE}
    )
    said |= {word for act in ACTS.values() for each in act.parameters for word in each.choices}
    unnamed = (["uint8"], {"a": "uint8"}, Verdict)
    said |= {each.title for each in (*_ELEMENTARY.values(), *(parameter_by_type("x", k) for k in unnamed))}
    assert sorted(said - korean.keys()) == []
