"""The tables of what can be done to the oracle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from finance.settlement.acts import ANYONE, AbiType, Call, table
from finance.settlement.feed_config import FIELDS
from finance.settlement.feed_report import Verdict

Types = Mapping[str, AbiType]
_PERIOD: Final[Types] = {"feed": "bytes32", "period": "uint32"}
_SIGNATURE: Final[Types] = {"r": "bytes32", "vs": "bytes32"}
_OBSERVATION: Final[Types] = {
    "value": "int128",
    "observedAt": "uint64",
    "signer": "uint8",
    "evidence": "bytes32",
}
_RULING: Final[Types] = {"verdict": Verdict, "value": "int128", "evidence": "bytes32"}
_WHY: Final[Types] = {"evidence": "bytes32", "salt": "bytes32"}

ACTS = table(
    Call("create_feed", ANYONE, "create a feed", {"config": FIELDS}),
    Call(
        "submit",
        ANYONE,
        "report a period, restate it, or complete a report that leaves nodes out",
        {**_PERIOD, "version": "uint32", "observations": [{**_OBSERVATION, **_SIGNATURE}]},
    ),
    Call("consume", "consumer", "settle on a report", _PERIOD),
    Call(
        "commit_challenge",
        ANYONE,
        "announce a challenge or petition without saying what it is",
        {"commitment": "bytes32"},
    ),
    Call("challenge", ANYONE, "challenge a pending report", {**_PERIOD, "value": "int128", **_WHY}),
    Call(
        "petition",
        ANYONE,
        "ask the panel for the value of a period that nobody has reported",
        {**_PERIOD, **_WHY},
    ),
    Call(
        "rule",
        ANYONE,
        "settle a challenge or petition with the panel's signed ruling",
        {**_PERIOD, **_RULING, "signatures": [{"panellist": "uint8", **_SIGNATURE}]},
    ),
    Call("settle_silent_panel", ANYONE, "give the bond back when the panel stayed silent", _PERIOD),
    Call(
        "fund_rewards", ANYONE, "add to the rewards of challengers", {"feed": "bytes32", "amount": "uint256"}
    ),
    Call(
        "release_rewards",
        ANYONE,
        "give what is left of rewards to the sponsor",
        {"feed": "bytes32"},
        sweeps=True,
    ),
    Call(
        "withdraw",
        ANYONE,
        "pay an account what was credited to it",
        {"currency": "address", "account": "address"},
    ),
)

TOLD = table(
    Call(
        "told_report",
        ANYONE,
        "submit, without the observations",
        {**_PERIOD, "version": "uint32", "value": "int128", "evidence": "bytes32", "signers": ["uint8"]},
    ),
    Call("told_challenge", ANYONE, "challenge, without the commitment", {**_PERIOD, "evidence": "bytes32"}),
    Call("told_petition", ANYONE, "petition, without the commitment", {**_PERIOD, "evidence": "bytes32"}),
    Call("told_ruling", ANYONE, "rule, without the signatures", {**_PERIOD, **_RULING}),
)
"""Acts as events tell of them, less than their functions take: for books that follow a chain."""
