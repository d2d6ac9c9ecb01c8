"""Settlement arithmetic: who is paid how much, in integers only.

The Python twin of contracts/settlement/*.sol: same names, same rounding, same refusals. Pure functions;
`bond` replays a KPI bond with them. tests/settlement fuzzes the two engines against each other.
"""

from finance.settlement.widths import SettlementError

__all__ = ["SettlementError"]
