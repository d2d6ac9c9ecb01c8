"""The put: notices and money as lists, and what holders and the writer can do."""

from __future__ import annotations

from collections.abc import Mapping

from api.i18n import N_
from api.instruments.base import tabled
from api.instruments.offers import UNITS, Offered, PartWords, offers, taken
from api.instruments.parameters import Parameter
from api.instruments.rows import PutMoneyRow, PutNoticeRow
from api.instruments.sentences import Arguments, Sentence, Writer, units_of
from finance.settlement.put_right import ACTS as CALLS

DATE = Parameter("date", "number", "the date of the put, from 0", bits=32)
SAID = Parameter("units", "units", "whole units of the claim token", bits=64)
REFUSALS: Mapping[str, str] = {
    "PutRight_InvalidTerms": "These are no terms of a put.",
    "PutRight_NoSuchDate": "The put has no such date.",
    "PutRight_NotNow": "This is not the time for it.",
    "PutRight_IsWriter": "The writer of the put cannot sell to itself.",
    "PutRight_UnitsHeld": "The holder has {held} units.",
    "PutRight_NothingLapses": "Notice was given of {noticed} units, which is no more.",
    "PutRight_UnitsNotLeft": "Only {left} units can be sold now.",
    "PutRight_NotShort": "No money is short, or that is on record.",
    "PutRight_NotHindered": "Nothing hinders holders, or their time is long enough.",
    "PutRight_NotExact": "The currency keeps back a part of what it moves.",
}
ACTS = offers(
    "put",
    CALLS,
    give_notice=Offered(
        "Give notice of {units} units for a date of the put",
        "Gave notice of units for a date of the put",
        name="give-put-notice",
        asked=(DATE, SAID),
        who="investor",
    ),
    lapse=Offered(
        "Cut a notice of the put down to {units} units",
        "Cut a notice of the put down",
        name="lapse-put-notice",
        asked=(DATE, Parameter("holder", "address", "whose notice it is"), SAID),
    ),
    fund=Offered(
        "Put {money} in for a date of the put",
        "Put money in for a date of the put",
        name="fund-put",
        asked=(DATE, Parameter("amount", "amount", "minor units of the currency", least=1)),
        pays=taken,
    ),
    exercise=Offered(
        "Sell {units} units to the writer of the put",
        "Sold units to the writer of the put",
        name="exercise-put",
        asked=(DATE, UNITS),
        gives=lambda given: int(given["units"]),
        who="investor",
    ),
    dishonour=Offered("Put on record that money of the put is short", name="dishonour-put", asked=(DATE,)),
    prolong=Offered("Give holders their time of the put anew", name="prolong-put", asked=(DATE,)),
    return_money=Offered(
        "Give the writer of the put what no notice needs", name="return-put-money", asked=(DATE,)
    ),
)


def _date(a: Arguments) -> str:
    return f"{int(a['date']) + 1}"


def _noticed(t: Writer, a: Arguments) -> str:
    return t.say(
        "{holder} gave notice of {units} for date {date} of the put.",
        holder=t.who(a["holder"]),
        units=units_of(t, a["units"]),
        date=_date(a),
    )


def _lapsed(t: Writer, a: Arguments) -> str:
    return t.say(
        "{holder}'s notice for date {date} of the put was cut down to {units}.",
        holder=t.who(a["holder"]),
        units=units_of(t, a["units"]),
        date=_date(a),
    )


def _funded(t: Writer, a: Arguments) -> str:
    return t.say(
        "{who} put {amount} in for date {date} of the put.",
        who=t.who(a["from"]),
        amount=t.money(a["amount"]),
        date=_date(a),
    )


def _exercised(t: Writer, a: Arguments) -> str:
    return t.say(
        "{holder} sold {units} to the writer of the put for {amount}.",
        holder=t.who(a["holder"]),
        units=units_of(t, a["units"]),
        amount=t.money(a["paid"]),
    )


TOLD: Mapping[str, Sentence] = {
    "NoticeGiven": _noticed,
    "NoticeLapsed": _lapsed,
    "PutFunded": _funded,
    "PutExercised": _exercised,
    "PutDishonoured": lambda t, a: t.say(
        "The put was dishonoured on date {date}: there was no money for {units}.",
        date=_date(a),
        units=units_of(t, a["units"]),
    ),
    "PutProlonged": lambda t, a: t.say(
        "Holders have their time for date {date} of the put anew.", date=_date(a)
    ),
    "PutMoneyReturned": lambda t, a: t.say(
        "{amount} that no notice needs went back to the writer of the put.", amount=t.money(a["amount"])
    ),
}
LISTS = (
    tabled("put-notices", "Units that holders may sell back", PutNoticeRow, "put", account=("holder",)),
    tabled(
        "put-money",
        "Money put in for units sold back, and paid for them",
        PutMoneyRow,
        "put",
        account=("holder", "payer"),
    ),
)
WORDS = PartWords(N_("Put"), ACTS, REFUSALS, TOLD, lists=LISTS)
