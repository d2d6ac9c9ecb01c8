"""The waterfall in plain words."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from finance.report.waterfall_words import Teller
from finance.terms.amounts import Amount
from finance.terms.spv import Step
from tests.book import groups, of_kind


@pytest.fixture(scope="module")
def siheung() -> Teller:
    return Teller(groups()["siheung-efficiency-abs"])


def number(value: Any) -> dict[str, Any]:
    return {"value": value, "assumed": "for the test"}


def test_every_step_is_a_sentence(siheung: Teller) -> None:
    notes = "Siheung Efficiency senior 4.5 % 2034"
    failed = "has failed: “Verified savings are what was sold”."
    assert siheung.steps() == [
        "Pay out of “Cash”: Measurement and verification.",
        "Test “Verified savings are what was sold”: Verified savings of buildings against the baseline must "
        "be at least 6.5 %.",
        f"Pay out of “Cash”: Interest on {notes}. After the last period too.",
        f"Pay out of “Reserve for interest”: Interest on {notes}. After the last period too.",
        f"Pay out of “Cash”: Principal of {notes}. After the last period too.",
        f"Pay out of “Cash”: Operation of the controls. Not while this {failed} "
        "(what does not save is not paid)",
        "Fill “Reserve for interest” out of “Cash” up to KRW 900,000,000.",
        f"Repay before it is due, out of “Cash”: {notes}. Only while this {failed} "
        "(a bad year repays senior notes)",
        f"Give away what is left in “Cash”: Siheung Efficiency residual. Not while this {failed}",
        f"Pay out of “Reserve for interest”: Principal of {notes}. After the last period only.",
        "Move what is in “Reserve for interest” to “Cash”. After the last period only.",
        "Give away what is left in “Cash”: Siheung Efficiency residual. After the last period only.",
    ]


@pytest.mark.parametrize("name", of_kind("spv"))
def test_nothing_is_left_to_fill_in(name: str) -> None:
    teller = Teller(groups()[name])
    assert len(teller.steps()) == len(teller.spv.steps)
    assert not any("{" in sentence for sentence in teller.steps())


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("cash", "what is in “Cash”"),
        ("buildings", "revenue of “Bills of buildings spared”"),
        ("buildings.due", "what “Bills of buildings spared” owes"),
        ("savings", "Verified savings of buildings against the baseline"),
        ("operation", "what is unpaid of “Operation of the controls”"),
        ("operation.due", "what fell due of “Operation of the controls”"),
        ("senior.balance", "what is not repaid of “Siheung Efficiency senior 4.5 % 2034”"),
        ("senior.lost", "what was written off “Siheung Efficiency senior 4.5 % 2034”"),
        ("performance.seconds", "seconds since “Verified savings are what was sold” failed"),
        (number([5, 7]), "KRW 5 to KRW 7, by period"),
        (number([5, 5]), "KRW 5"),
        ({"total": ["buildings", "factories"], "less": ["reserve"]},
         "revenue of all lines less what is in “Reserve for interest”"),
        ({"total": ["buildings.due", "factories.due"]}, "what all lines owe"),
        ({"share": "cash", "rate": number("0.125")}, "12.5 % of what is in “Cash”"),
        ({"interest": number("0.04"), "on": ["reserve"]},
         "interest at 4 % a year on what is in “Reserve for interest”"),
        ({"least": ["cash", number(9)]}, "the least of what is in “Cash” and KRW 9"),
        ({"most": ["cash", number(9)]}, "the largest of what is in “Cash” and KRW 9"),
        ({"failed": "performance", "then": "cash", "otherwise": number(1)},
         "what is in “Cash” while this has failed: “Verified savings are what was sold”, else KRW 1"),
        ({"share": "cash", "rate": {"table": "buildings", "per": "factories",
                                    "rows": [{"at": number("1.2"), "is": number("0.25")},
                                             {"at": number("1.5"), "is": number("0.5")}]}},
         "by revenue of “Bills of buildings spared” to revenue of “Bills of factories spared”: "
         "25 % from 120 % on and 50 % from 150 % on of what is in “Cash”"),
    ],
)  # fmt: skip
def test_amounts(siheung: Teller, amount: Any, words: str) -> None:
    read: Any = TypeAdapter(Amount).validate_python(amount)
    assert siheung.amount(read) == words


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"pay": ["verification", "operation"], "order": "pro_rata", "limit": number(7)},
         "Pay out of “Cash”: Measurement and verification and Operation of the controls, each in proportion "
         "to what it is owed. At most KRW 7."),
        ({"rest": ["verification", "operation"], "order": "weights", "weights": number([2, 1])},
         "Give away what is left in “Cash”: Measurement and verification and Operation of the controls, in "
         "the proportions 2 : 1."),
        ({"draw": "senior", "from": "reserve", "to": "cash"},
         "Draw on Siheung Efficiency senior 4.5 % 2034: move money from “Reserve for interest” to “Cash”."),
        ({"repay": "senior", "from": "cash", "to": "reserve"},
         "Repay Siheung Efficiency senior 4.5 % 2034: move money from “Cash” to “Reserve for interest”."),
        ({"write_down": ["senior"], "limit": "cash"},
         "Write losses off: Siheung Efficiency senior 4.5 % 2034. At most what is in “Cash”."),
    ],
)  # fmt: skip
def test_steps_of_every_sort(siheung: Teller, step: Any, words: str) -> None:
    assert siheung.step(Step.model_validate(step)) == words
