"""The oracle: what people can do about its reports, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from eth_utils.crypto import keccak

from api.i18n import N_
from api.instruments.offers import (
    ACCOUNT,
    KPI,
    PERIOD,
    Given,
    Offered,
    PartWords,
    choices_of,
    offers,
    taken,
)
from api.instruments.parameters import Parameter
from api.instruments.sentences import Arguments, Sentence, Writer
from api.problems import bad_input, conflict
from finance.settlement.oracle_acts import ACTS as CALLS
from oracle.dispute import commitment
from oracle.observation import Domain, Ruling, Signature, Verdict
from oracle.panel import PanelError, assemble

REPORTED = Parameter(
    "value", "signed", "the value that is wrong, times 10^decimals; the reported one if left out", True
)
WHY = (
    Parameter("evidence", "hash", "root of your own evidence, or any hash of your reasons", True),
    Parameter("reasons", "words", "your reasons, instead of evidence: only their hash goes on chain", True),
)
RULING = (
    KPI,
    PERIOD,
    Parameter("verdict", "choice", "what the panel rules", choices=choices_of(Verdict)),
    Parameter("value", "signed", "the corrected value, times 10^decimals; 0 unless corrected", optional=True),
    Parameter("evidence", "hash", "root of the panel's evidence", optional=True),
)
SIGNATURES = Parameter("signatures", "signatures", "the panellists' signatures, in any order")
NO_EVIDENCE = "0x" + "00" * 32


def _report(given: Given) -> Mapping[str, Any]:
    """What the oracle holds now."""
    found: Mapping[str, Any] = given.read("oracle", "reportOf", given.feed(), given["period"])
    return found


def ruling_of(given: Given) -> Ruling:
    """The ruling that is meant, on the report as the oracle holds it."""
    verdict = Verdict(given["verdict"])
    if (verdict is Verdict.CORRECTED) != (given.values.get("value") is not None):
        raise bad_input("parameters.value: is given if, and only if, the verdict is corrected")
    report = _report(given)
    return Ruling(
        feed=given.feed(),
        period=given["period"],
        version=int(report["version"]),
        report=str(report["evidence"]),
        verdict=verdict,
        value=given.values.get("value", 0),
        evidence=given.values.get("evidence", NO_EVIDENCE),
    )


def ruling_domain(given: Given) -> Domain:
    """Where a ruling counts."""
    return Domain(given.deployment.record.chain_id, given.deployment.at["oracle"])


def _ruled(given: Given) -> tuple[Any, ...]:
    ruling = ruling_of(given)
    config = given.read("oracle", "configOf", ruling.feed)
    signatures = [compact(each) for each in given["signatures"]]
    try:
        found = assemble(ruling, ruling_domain(given), signatures, config["panel"], config["panelQuorum"])
    except PanelError as error:
        raise conflict(f"signatures: {error}", "not-a-ruling") from None
    signed = [{"panellist": place, "r": each.r, "vs": each.vs} for place, each in found]
    return (ruling.feed, ruling.period, int(ruling.verdict), ruling.value, ruling.evidence, signed)


def compact(signature: str) -> Signature:
    """A signature as wallets give it (r, s, v: 65 bytes in hexadecimal), or 64 bytes as EIP-2098 has it."""
    r, rest, v = signature[2:66], int(signature[66:130], 16), signature[130:]
    if v:
        parity = int(v, 16) - 27 if int(v, 16) >= 27 else int(v, 16)
        rest |= (parity & 1) << 255
    return Signature("0x" + r, f"0x{rest:064x}")


def _bond(given: Given) -> int:
    return int(given.read("oracle", "configOf", given.feed())["challengeBond"])


def _evidence(given: Given) -> str:
    evidence, reasons = given.values.get("evidence"), given.values.get("reasons")
    if (evidence is None) == (reasons is None):
        raise bad_input("parameters.evidence: give either evidence or reasons")
    return str(evidence) if evidence is not None else "0x" + keccak(text=reasons).hex()


def _challenged(given: Given) -> tuple[Any, ...]:
    named = given.values.get("value")
    value = int(_report(given)["value"] if named is None else named)
    return given.feed(), given["period"], value, _evidence(given), given.salt


def _petitioned(given: Given) -> tuple[Any, ...]:
    return given.feed(), given["period"], _evidence(given), given.salt


def _petition_sealed(given: Given) -> str:
    feed, period, evidence, salt = _petitioned(given)
    return commitment(given.sender, feed, period, None, evidence, salt)


REFUSALS: Mapping[str, str] = {
    "KpiOracle_WrongStatus": "The report is not in the state that this needs.",
    "KpiOracle_WrongVersion": "The report has been restated: it is version {current} now.",
    "KpiOracle_WrongValue": "The reported value has changed meanwhile.",
    "KpiOracle_SameValue": "The report is challenged: a restatement must have another value.",
    "KpiOracle_NotCommitted": "This was not committed to within the last hour.",
    "KpiOracle_StillOpen": "The time for this has not come yet.",
    "KpiOracle_NotFuller": "A report of this version stands that is as full as this one.",
    "KpiOracle_NotFinal": "The report is not final yet.",
    "KpiOracle_UnknownPeriod": "There is no such measurement period.",
    "KpiOracle_DeadlinePassed": "The time for this has passed.",
    "KpiOracle_NothingToSettle": "There is nothing to settle.",
    "KpiOracle_BelowQuorum": "Too few have signed: {have} of {need}.",
}
ACTS = tuple(
    replace(act, offered=replace(act.offered, feeds=True))
    for act in offers(
        "oracle",
        CALLS,
        challenge=Offered(
            "Challenge the report, staking {money}",
            "Challenged a report",
            asked=(KPI, PERIOD, REPORTED, *WHY),
            arguments=_challenged,
            pays=_bond,
            commits=lambda given: commitment(given.sender, *_challenged(given)),
        ),
        petition=Offered(
            "Ask the panel for the value that nobody reported, staking {money}",
            "Asked the panel for a value that nobody reported",
            asked=(KPI, PERIOD, *WHY),
            arguments=_petitioned,
            pays=_bond,
            commits=_petition_sealed,
        ),
        release_rewards=Offered(
            "Give what is left of the rewards to their sponsor",
            "Gave what was left of the rewards to their sponsor",
        ),
        withdraw=Offered(
            "Pay out what the oracle owes {account}",
            "Paid out what the oracle owed",
            name="withdraw-credit",
            asked=(replace(ACCOUNT, title="who is paid; whoever sends if left out", optional=True),),
            arguments=lambda given: (
                given.deployment.at["currency"],
                str(given.values.get("account") or given.sender),
            ),
        ),
        fund_rewards=Offered("Put {money} into the pool that rewards challengers", pays=taken),
        rule=Offered(
            "Bring the panel's ruling",
            "Brought the panel's ruling",
            asked=(*RULING, SIGNATURES),
            arguments=_ruled,
            who="panellist",
        ),
        settle_silent_panel=Offered("Give the challenger's stake back: the panel was silent"),
    )
)


def _told_report(t: Writer, a: Arguments) -> str:
    return t.say(
        "Nodes reported {value} for period {period}. It can be challenged until {day}.",
        value=t.kpi(a["value"]),
        period=int(a["period"]) + 1,
        day=t.write.day_text(int(a["finalAt"])),
    )


def _told_challenge(t: Writer, a: Arguments) -> str:
    return t.say(
        "{who} challenged the report of period {period}.",
        who=t.who(a["challenger"]),
        period=int(a["period"]) + 1,
    )


def _told_petition(t: Writer, a: Arguments) -> str:
    return t.say(
        "{who} asked the panel for the value of period {period}, which nobody reported.",
        who=t.who(a["petitioner"]),
        period=int(a["period"]) + 1,
    )


def _told_ruling(t: Writer, a: Arguments) -> str:
    verdict = int(a["verdict"])
    if verdict == 1:
        return t.say(
            "The panel corrected the report of period {period}: {value} counts.",
            period=int(a["period"]) + 1,
            value=t.kpi(a["value"]),
        )
    if verdict == 2:
        return t.say("The panel declared the report of period {period} void.", period=int(a["period"]) + 1)
    return t.say("The panel let the report of period {period} stand.", period=int(a["period"]) + 1)


TOLD: Mapping[str, Sentence] = {
    "ReportSubmitted": _told_report,
    "ReportChallenged": _told_challenge,
    "PeriodPetitioned": _told_petition,
    "ReportRuled": _told_ruling,
    "ChallengeSettled": lambda t, a: t.say(
        "{amount} of stake and reward belong to {who}.",
        amount=t.money(a["credited"]),
        who=t.who(a["challenger"]),
    ),
    "ReportUsed": lambda t, a: t.say(
        "The report of period {period} was used and can no longer be replaced.", period=int(a["period"]) + 1
    ),
    "CreditWithdrawn": lambda t, a: t.say(
        "{who} withdrew {amount} from the oracle.", who=t.who(a["account"]), amount=t.money(a["amount"])
    ),
    "RewardsReleased": lambda t, a: t.say(
        "{amount} left of the rewards belong to {who}.",
        amount=t.money(a["amount"]),
        who=t.who(a["sponsor"]),
    ),
    "RewardsFunded": lambda t, a: t.say(
        "{who} put {amount} aside for rewards of challengers.",
        who=t.who(a["from"]),
        amount=t.money(a["amount"]),
    ),
    "FeedCreated": lambda t, a: t.say("The rules of a measurement were fixed on chain."),
}
WORDS = PartWords(
    N_("Oracle"),
    ACTS,
    REFUSALS,
    TOLD,
    steps={
        "measured": N_("A measurement ends"),
        "report": N_("A measurement report is due"),
        "final": N_("A measurement report becomes final"),
        "ruling": N_("The panel must rule on a challenge"),
    },
)
