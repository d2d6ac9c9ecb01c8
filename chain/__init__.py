"""The chain room: start or join a chain, deploy a deal, read its events as tables, reconcile.

network    start a local Anvil or Ganache, or join a running chain; its clock
artifacts  compiled contracts
sender     transactions with readable errors and gas by operation
deploy     a deal from its terms in one transaction; the deployment record
check      what runs on the chain is what the deal says
ledger     events to tables
reconcile  expected and actual payments, in minor units
kinds      one entry for each kind of deal: what of the above is done with it
"""

from chain.errors import ChainError

__all__ = ["ChainError"]
