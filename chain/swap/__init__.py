"""Swap deals on a chain: a KPI payment between two parties, or a project whose treasury has one and whose
revenue is sold as a claim token.

terms      the deal's integers as contract structs
records    the deployment record and wallets
deploy     shared contracts, then the deal in one transaction
check      what runs on the chain is what the deal says
acts       the acts of a swap's life, by named senders
ledger     events to tables
replay     the events of a chain as the acts of the pure replay, for the pages of the API
"""
