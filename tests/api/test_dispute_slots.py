"""A period's state from the oracle's events: the states that KpiOracle.statusOf has by its own tests
(tests/contracts/test_oracle_disputes.py, test_oracle_petitions.py) after the same events."""

from __future__ import annotations

from typing import Any

from api.instruments.slots import Slot, slots
from api.views.reports import dispute_view
from chain.events import Event
from finance.settlement.terms import feed_terms
from finance.terms import load_deal

FEED, CITIZEN, COPIER = "0x" + "11" * 32, "0x" + "55" * 20, "0x" + "66" * 20
DEAL = load_deal("deals/dc-water-eib-2016.yaml")
TERMS = feed_terms(DEAL, "runoff-reduction")
END, DAY = TERMS.period_ends[0], 86_400
REPORTING, LATE, DISPUTE, RULING = (days * DAY for days in (35, 15, 14, 21))
HASH = "0x" + "77" * 32


class Log:
    """Events of one period, one after the other; those of a transaction share its time."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, time: int, *named: tuple[str, dict[str, Any]]) -> Log:
        for index, (name, arguments) in enumerate(named):
            about = {"feed": FEED, "period": 0} | arguments
            self.events.append(Event(time, index, time, f"0x{time:064x}", "oracle", name, about))
        return self

    def at(self, now: int) -> Slot:
        return slots(self.events, [TERMS], {TERMS.kpi: FEED}, now)[TERMS.kpi, 0]


def submitted(value: int, final_at: int, version: int = 0, signers: int = 0x03_02_01) -> Any:
    fields = {"version": version, "value": value, "finalAt": final_at, "signers": signers}
    return "ReportSubmitted", fields | {"evidence": HASH, "supersedes": "0x" + "00" * 32}


def challenged(who: str = CITIZEN, version: int = 0) -> Any:
    return "ReportChallenged", {"version": version, "challenger": who, "evidence": HASH}


def petitioned() -> Any:
    return "PeriodPetitioned", {"petitioner": CITIZEN, "evidence": HASH}


def settled(credited: int, who: str = CITIZEN) -> Any:
    return "ChallengeSettled", {"challenger": who, "credited": credited}


def ruled(verdict: int, value: int = 0) -> Any:
    return "ReportRuled", {"version": 0, "verdict": verdict, "value": value, "evidence": HASH}


def test_nobody_reports() -> None:
    log = Log()
    last = END + REPORTING + LATE
    assert [log.at(now).status for now in (END, last, last + 1)] == ["none", "none", "missing"]
    assert log.at(last).missing_at == last + 1
    assert log.at(END).final_at is None
    assert log.at(END + REPORTING + 1).final_at == last + 1


def test_restated_while_challenged() -> None:
    log = Log().add(END, submitted(200, END + DISPUTE)).add(END + DAY, challenged())
    assert log.at(END + DAY).status == "challenged"
    assert log.at(END + DAY).final_at == END + DAY + RULING
    again = END + 2 * DAY
    log.add(again, settled(15), submitted(410, again + DISPUTE, 1))
    found = log.at(again)
    assert (found.status, found.value, found.final_at) == ("pending", 410, again + DISPUTE)
    view = dispute_view(found, found.disputes[0])
    assert (view.status, view.version, view.credited) == ("restated", 0, "15")
    log.add(again + DAY, challenged(version=1))
    assert log.at(again + DAY).status == "challenged"
    assert log.at(again + DAY + RULING).status == "final"


def test_completed_with_the_same_value_it_stays_challenged() -> None:
    log = Log().add(END, submitted(200, END + DISPUTE)).add(END + DAY, challenged())
    log.add(END + 2 * DAY, submitted(200, END + DAY + RULING, signers=0x04_03_02_01))
    assert log.at(END + DAY + RULING - 1).status == "challenged"
    assert log.at(END + DAY + RULING).status == "final"


def test_who_committed_first_takes_the_challenge_and_wins_no_time() -> None:
    log = Log().add(END, submitted(200, END + DISPUTE)).add(END + DAY, challenged(COPIER))
    log.add(END + DAY + 60, settled(10, COPIER), challenged())
    found = log.at(END + DAY + 60)
    assert found.final_at == END + DAY + RULING
    assert [dispute_view(found, each).status for each in found.disputes] == ["replaced", "open"]
    assert dispute_view(found, found.disputes[1]).challenger == CITIZEN


def test_a_petition_and_how_it_ends() -> None:
    asked = END + REPORTING + DAY
    log = Log().add(asked, petitioned())
    assert log.at(asked).status == "challenged"
    assert log.at(asked + RULING).status == "missing"
    silent = Log().add(asked, petitioned()).add(asked + RULING, settled(10)).at(asked + RULING)
    assert (silent.status, silent.final_at) == ("missing", asked + RULING)
    assert dispute_view(silent, silent.disputes[0]).status == "silent"
    for verdict, status, value in ((0, "missing", None), (1, "final", 123), (2, "missing", None)):
        log = Log().add(asked, petitioned()).add(asked + DAY, ruled(verdict, 123), settled(10))
        found = log.at(asked + DAY)
        assert (found.status, found.value, found.settled_value) == (status, value, value)
        view = dispute_view(found, found.disputes[0])
        assert (view.status, view.version, view.value) == ("ruled", None, None)
    answered = Log().add(asked, petitioned())
    answered.add(asked + DAY, settled(10), submitted(200, asked + DAY + DISPUTE))
    assert answered.at(asked + DAY).status == "pending"
