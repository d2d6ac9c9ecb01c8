"""Proxy generation: the contract's formula from measured weather to energy."""
