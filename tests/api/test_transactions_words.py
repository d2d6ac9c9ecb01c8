"""Acts and refusals in words: each names what is there, and is said in both languages."""

from __future__ import annotations

import re

import pytest

from api.i18n import texts
from api.instruments.acts import ACTS, contract_of
from api.instruments.parameters import KINDS
from api.instruments.refusals import OTHERWISE, WITHOUT_AMOUNTS, WORDS, template
from api.views.relaying import DONE
from chain import artifacts
from chain.errors import ContractError

FIELD = re.compile(r"\{(\w+)\}")


@pytest.mark.parametrize("name", ACTS)
def test_an_action_calls_what_its_contract_has(name: str) -> None:
    act = ACTS[name]
    entries = [e for e in artifacts.abi(contract_of(act.on)) if e.get("name") == act.call.function]
    assert [e["type"] for e in entries] == ["function"]
    assert entries[0]["stateMutability"] == "nonpayable"
    assert {each.kind for each in act.parameters} <= KINDS.keys()
    known = {each.name for each in act.parameters} | {"money"}
    offered = act.offered
    assert set(FIELD.findall(offered.title)) <= known
    assert ("{money}" in offered.title) == (offered.pays is not None or offered.local)
    assert not FIELD.findall(offered.done)


def test_every_word_for_a_refusal_is_of_an_error_that_exists() -> None:
    errors = {entry["name"]: {i["name"] for i in entry["inputs"]} for entry in artifacts.error_abis()}
    for name, words in WORDS.items():
        assert set(FIELD.findall(words)) <= errors[name], name


def test_an_error_without_words_is_told_by_its_name() -> None:
    """Its integers may be amounts in minor units, which are no words for people; the API gives them apart."""
    words, fields = template(ContractError("Some_Error", {"a": 1}, "call"))
    assert words == OTHERWISE
    assert words.format(**fields) == "The contract refuses this: Some_Error"


def test_everything_is_said_in_korean() -> None:
    korean = texts("ko")
    said = (
        {words for act in ACTS.values() for words in (act.offered.title, act.offered.done) if words}
        | set(WORDS.values())
        | set(DONE.values())
        | {OTHERWISE}
        | set(WITHOUT_AMOUNTS.values())
    )
    said |= {word for act in ACTS.values() for each in act.parameters for word in each.choices}
    assert sorted(said - korean.keys()) == []
