"""What goes wrong when in the demonstration of a KPI payment."""

from __future__ import annotations

DISPUTED = 10
"""The period (from 0) whose report a captured quorum gets wrong; the last one in a shorter deal."""
FIRST_MARGIN = 3
"""From this period on, the payer once fails to pay in before a settlement that it owes."""
