"""Whose account is whose in the demonstration's world. Wallets of a local chain; no real persons or firms.

The holders are the same people in every deal, so that a portfolio has several positions. The parties of the
swap have the accounts that chain.deploy gives them; every bond has an issuer of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from api.demo import DemoAccount
from chain.deploy import LOCAL_ACCOUNTS
from scripts.demo.cast import QUARTERS

VISITOR = 20
"""A new investor: verified, with test money, and nothing else yet."""
FIRST_ISSUER = 21
ACCOUNTS = 30

VISITOR_MONEY = 500_000
CITIZEN_MONEY = 50_000
"""Whole units of the test currency."""


def demo_accounts(wallets: Sequence[str], issuers: Sequence[str]) -> list[DemoAccount]:
    """Everybody whom a visitor may act as. `issuers`: names of the bonds' issuers, in order of accounts."""
    named = [
        (VISITOR, "New investor", "investor"),
        (QUARTERS.citizen, "Citizen", "citizen"),
        *((investor.account, investor.name, "investor") for investor in QUARTERS.investors),
        *((FIRST_ISSUER + place, name, "issuer") for place, name in enumerate(issuers)),
        (LOCAL_ACCOUNTS["issuer"], "Wind project company", "issuer"),
        (LOCAL_ACCOUNTS["payer"], "Hedge provider", "payer"),
        (LOCAL_ACCOUNTS["operator"], "Operator of the plant", "operator"),
        (LOCAL_ACCOUNTS["lender"], "Senior lender", "lender"),
        (LOCAL_ACCOUNTS["agent"], "Transfer agent", "agent"),
        (LOCAL_ACCOUNTS["deployer"], "Verifier of identities", "verifier"),
        (QUARTERS.offtaker, "Buyer of the power", "offtaker"),
        (QUARTERS.stranger, "Somebody who is not verified", "stranger"),
    ]
    return [DemoAccount(wallets[account], name, role) for account, name, role in named]
