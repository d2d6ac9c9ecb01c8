"""Which versions of a report nodes sign at a time.

The contract takes any version above the last. Two things must not happen: that a node which signed for a
round that failed can never sign corrected data (its value for that version is taken), and that somebody has
nodes sign every version there is. So a new version opens with the chain's time, the same for all nodes, which
need not speak to each other: whatever was asked of whom before, in ten minutes there is a version that nobody
has signed.
"""

from __future__ import annotations

from oracle.chain_view import ChainState

OPENS_EVERY_SECONDS = 600
"""Assumed: short against any reporting window, long enough for a round of the slowest twin."""


def next_version(state: ChainState) -> int:
    """The version of an ordinary report: the first, or one above what the chain holds."""
    return state.version + 1 if state.reported else 0


def newest_version(state: ChainState, period_end: int) -> int:
    """The highest that nodes sign now: one more every ten minutes after the period's end [unix seconds]."""
    return max(next_version(state), (state.time - period_end) // OPENS_EVERY_SECONDS)


def admitted(state: ChainState, period_end: int) -> tuple[int, int]:
    """Lowest and highest version that a node signs now. The lowest is the one on chain, which more signers
    may join."""
    return state.version if state.reported else 0, newest_version(state, period_end)
