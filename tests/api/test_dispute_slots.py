"""A period as the API has it: its history from the oracle's events, its state from the oracle's books. The
acts are those of KpiOracle's own tests (tests/contracts/test_oracle_disputes.py, test_oracle_petitions.py),
and the states those that KpiOracle.statusOf has after them."""

from __future__ import annotations

from typing import Any

from api.instruments.slots import Slot, slots
from api.views.reports import dispute_view
from chain.history import Event
from finance.settlement.acts import Act
from finance.settlement.feed_config import FeedConfig
from finance.settlement.feed_report import Verdict
from finance.settlement.oracle_feed import FeedBooks
from finance.settlement.terms import feed_terms
from finance.settlement.world import World
from finance.terms import load_deal

CITIZEN, COPIER, ORACLE, MONEY = ("0x" + digit * 40 for digit in "5678")
DEAL = load_deal("deals/dc-water-eib-2016.yaml")
TERMS = feed_terms(DEAL, "runoff-reduction")
END, DAY = TERMS.period_ends[0], 86_400
REPORTING, LATE, DISPUTE, RULING = (days * DAY for days in (35, 15, 14, 21))
HASH = "0x" + "77" * 32
BOND = TERMS.challenge_bond
CONFIG = FeedConfig.of(
    {
        "deal": HASH,
        "kpi": HASH,
        "methodHash": TERMS.method_hash,
        "minValue": TERMS.min_value,
        "maxValue": TERMS.max_value,
        "maxSpread": TERMS.max_spread,
        "reportingWindow": TERMS.reporting_window,
        "lateWindow": TERMS.late_window,
        "disputeWindow": TERMS.dispute_window,
        "rulingWindow": TERMS.ruling_window,
        "quorum": TERMS.quorum,
        "panelQuorum": TERMS.panel_quorum,
        "decimals": TERMS.decimals,
        "bondCurrency": MONEY,
        "challengeBond": BOND,
        "challengeReward": TERMS.challenge_reward,
        "sponsor": CITIZEN,
        "periodEnds": list(TERMS.period_ends),
        "signers": ["0x" + f"{n:040x}" for n in range(1, TERMS.nodes + 1)],
        "panel": ["0x" + f"{n:040x}" for n in range(11, 11 + TERMS.panel_size)],
        "consumers": [],
    }
)


class Life:
    """What is done about one period, one act after the other."""

    def __init__(self) -> None:
        books = FeedBooks({CONFIG.id: CONFIG})
        self.world = World({"oracle": books}, {"oracle": ORACLE, "currency": MONEY})
        self.events: list[Event] = []

    def do(self, time: int, *acts: tuple[str, str, dict[str, Any]]) -> Life:
        """Acts of one transaction."""
        for by, call, arguments in acts:
            about = {"feed": CONFIG.id, "period": 0, **arguments}
            done = self.world.do(Act(by, "oracle", call, about, time, time))
            for said in done.emitted:
                if said.part == "oracle":
                    place = (time, len(self.events), time, f"0x{time:064x}", "oracle", said.name)
                    self.events.append(Event(*place, dict(said.arguments)))
        return self

    def at(self, now: int) -> Slot:
        oracle = self.world.books("oracle", FeedBooks)
        return slots(self.events, [TERMS], {TERMS.kpi: CONFIG.id}, oracle, now)[TERMS.kpi, 0]


def reports(value: int, version: int = 0, signers: tuple[int, ...] = (0, 1, 2)) -> Any:
    said = {"version": version, "value": value, "evidence": f"0x{value:064x}", "signers": list(signers)}
    return CITIZEN, "told_report", said


def challenges(who: str = CITIZEN) -> Any:
    return who, "told_challenge", {"evidence": HASH}


def petitions() -> Any:
    return CITIZEN, "told_petition", {"evidence": HASH}


def gives_back() -> Any:
    return CITIZEN, "settle_silent_panel", {}


def rules(verdict: Verdict, value: int = 0) -> Any:
    return CITIZEN, "told_ruling", {"verdict": verdict, "value": value, "evidence": HASH}


def test_nobody_reports() -> None:
    life = Life()
    last = END + REPORTING + LATE
    assert [life.at(now).status for now in (END, last, last + 1)] == ["none", "none", "missing"]
    assert life.at(last).missing_at == last + 1
    assert life.at(END).final_at is None
    assert life.at(END + REPORTING + 1).final_at == last + 1
    assert (life.at(END).value, life.at(last + 1).value, life.at(last + 1).settled_value) == (None,) * 3


def test_a_report_becomes_final_by_the_clock() -> None:
    life = Life().do(END, reports(200))
    pending, final = life.at(END + DISPUTE - 1), life.at(END + DISPUTE)
    assert (pending.status, pending.value, pending.settled_value) == ("pending", 200, None)
    assert (final.status, final.value, final.settled_value) == ("final", 200, 200)
    assert [submission.signers for submission in final.submissions] == [(0, 1, 2)]


def test_restated_while_challenged() -> None:
    life = Life().do(END, reports(200)).do(END + DAY, challenges())
    assert life.at(END + DAY).status == "challenged"
    assert life.at(END + DAY).final_at == END + DAY + RULING
    again = END + 2 * DAY
    life.do(again, reports(410, version=1))
    found = life.at(again)
    assert (found.status, found.value, found.final_at) == ("pending", 410, again + DISPUTE)
    view = dispute_view(found, found.disputes[0])
    assert (view.status, view.version, view.credited) == ("restated", 0, str(BOND))
    life.do(again + DAY, challenges())
    assert life.at(again + DAY).status == "challenged"
    assert life.at(again + DAY + RULING).status == "final"


def test_completed_with_the_same_value_it_stays_challenged() -> None:
    life = Life().do(END, reports(200)).do(END + DAY, challenges())
    life.do(END + 2 * DAY, reports(200, signers=(0, 1, 2, 3)))
    assert life.at(END + DAY + RULING - 1).status == "challenged"
    assert life.at(END + DAY + RULING).status == "final"


def test_who_committed_first_takes_the_challenge_and_wins_no_time() -> None:
    life = Life().do(END, reports(200)).do(END + DAY, challenges(COPIER)).do(END + DAY + 60, challenges())
    found = life.at(END + DAY + 60)
    assert found.final_at == END + DAY + RULING
    assert [dispute_view(found, each).status for each in found.disputes] == ["replaced", "open"]
    assert dispute_view(found, found.disputes[1]).challenger == CITIZEN


def test_a_petition_and_how_it_ends() -> None:
    asked = END + REPORTING + DAY
    life = Life().do(asked, petitions())
    assert life.at(asked).status == "challenged"
    assert life.at(asked + RULING).status == "missing"
    silent = Life().do(asked, petitions()).do(asked + RULING, gives_back()).at(asked + RULING)
    assert (silent.status, silent.final_at) == ("missing", asked + RULING)
    assert dispute_view(silent, silent.disputes[0]).status == "silent"
    for verdict, status, value in (
        (Verdict.STANDS, "missing", None),
        (Verdict.CORRECTED, "final", 123),
        (Verdict.VOID, "missing", None),
    ):
        found = Life().do(asked, petitions()).do(asked + DAY, rules(verdict, 123)).at(asked + DAY)
        assert (found.status, found.value, found.settled_value) == (status, value, value)
        view = dispute_view(found, found.disputes[0])
        assert (view.status, view.version, view.value) == ("ruled", None, None)
    answered = Life().do(asked, petitions()).do(asked + DAY, reports(200))
    assert answered.at(asked + DAY).status == "pending"
