"""What a deal costs on a chain beside what intermediaries are paid: gas at some prices, published fees.

Gas pays for keeping who owns what, settling the sale, paying coupons and checking reports; of the work that
the published fees pay for it takes the place of registrar, paying agent and settlement, and of no lawyer,
rating agency or underwriter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from finance.report.table import Table
from finance.report.text import money, percent
from finance.terms.problems import InputError

GWEI: Final = Decimal("1e-9")
"""Of the chain's coin."""
SIMULATED: Final = ("mint test currency", "deploy TestCurrency")
"""Done because the money is made up."""
SALE: Final = (
    "deploy deal", "verify", "approve", "subscribe", "settle (offering", "order", "clear", "deliver", "take"
)  # fmt: skip
"""With what operations of the sale begin."""


@dataclass(frozen=True)
class Fee:
    """A published fee: a fraction of the principal, what it is for, and who says so."""

    fraction: Decimal
    what: str
    source: str
    url: str


PUBLISHED: Final = (
    Fee(
        Decimal("0.0102"),
        "all costs of issue, mean of 812 US municipal bonds since 2012 (from 0.2 % to over 10 %)",
        "Marc Joffe, Doubly Bound: The Costs of Issuing Municipal Bonds, Haas Institute, UC Berkeley, 2015",
        "https://belonging.berkeley.edu/doubly-bound-costs-issuing-municipal-bonds",
    ),
    Fee(
        Decimal("0.0022"),
        "what tokenised bonds paid less to underwriters than their issuers' other bonds",
        "Research of the Hong Kong Monetary Authority, as reported by Ledger Insights",
        "https://ledgerinsights.com/tokenized-bonds-reduce-costs-hong-kong-monetary-authority",
    ),
)


@dataclass(frozen=True)
class Cost:
    """The gas of a deal's life: of contracts that all deals share, which are there once; of its sale; of what
    came after. `raised`: what buyers paid, in units of the currency, 0 where nothing was sold."""

    title: str
    code: str
    once: int
    sale: int
    after: int
    transactions: int
    raised: Decimal

    @classmethod
    def of(cls, summary: Any, where: str = "summary") -> Cost:
        """Of a demonstration's summary.json. Raises InputError, which says `where`, for anything else."""
        try:
            gas, currency = summary["gas"], summary["currency"]
            paid, order, rest = (
                Decimal(summary["payments"].get(name, {}).get("actual", 0))
                for name in ("subscription", "order", "rest")
            )
            found = {name: (int(use["total"]), int(use["count"])) for name, use in gas.items()}
            title, code, decimals = summary["title"], currency["code"], int(currency["decimals"])
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError):
            raise InputError(f"{where}: no summary of a demonstration, which `penstock demo` makes") from None
        sums, count = dict.fromkeys(("once", "sale", "after"), 0), 0
        for name, (total, times) in found.items():
            if name in SIMULATED:
                continue
            group = _group(name)
            sums[group] += total
            count += times if group != "once" else 0
        return cls(title, code, **sums, transactions=count, raised=(paid + order - rest).scaleb(-decimals))

    @property
    def deal(self) -> int:
        """Gas of the deal alone."""
        return self.sale + self.after

    def coins(self, gas_price: Decimal) -> Decimal:
        """What the deal's gas costs in the chain's coin, at a price in gwei."""
        return self.deal * gas_price * GWEI

    def break_even(self, gas_price: Decimal, fee: Fee) -> Decimal | None:
        """At which price of a coin, in the deal's currency, its gas costs as much as a published fee."""
        coins = self.coins(gas_price)
        return self.raised * fee.fraction / coins if coins and self.raised else None

    def to_dict(self, gas_prices: Sequence[Decimal], coin: Decimal | None) -> dict[str, Any]:
        """For JSON; money and coins as text."""
        rows = []
        for price in gas_prices:
            row: dict[str, Any] = {"gas_price_gwei": str(price), "coins": str(self.coins(price))}
            if coin is not None:
                paid = self.coins(price) * coin
                row |= {"money": f"{paid:.2f}"}
                row |= {"of_raised": float(paid / self.raised)} if self.raised else {}
            even = self.break_even(price, PUBLISHED[0])
            row |= {} if even is None else {"coin_price_of_published_fee": f"{even:.2f}"}
            rows.append(row)
        return {
            "deal": self.title,
            "currency": self.code,
            "raised": f"{self.raised:.2f}",
            "gas": {"shared_contracts_once": self.once, "sale": self.sale, "after_the_sale": self.after},
            "transactions": self.transactions,
            "coin_price": None if coin is None else str(coin),
            "at": rows,
            "published": [
                {"of_principal": str(fee.fraction), "what": fee.what, "source": fee.source, "url": fee.url}
                for fee in PUBLISHED
            ],
        }


def _group(operation: str) -> str:
    if operation.startswith(SALE):
        return "sale"
    return "once" if operation.startswith("deploy ") else "after"


def gas_table(cost: Cost) -> Table:
    """Where the gas goes."""
    rows = (
        ("Deploying the deal and selling it", f"{cost.sale:,}"),
        ("All that came after: reports, payments, claims", f"{cost.after:,}"),
    )
    return Table(
        f"{cost.title}: gas of its life",
        ("What", "Gas"),
        rows,
        frozenset({"Gas"}),
        (
            f"Measured: {cost.transactions:,} transactions of a demonstration on a local chain, to the last "
            f"claim. The contracts that all deals share took {cost.once:,} gas once, and are not counted.",
        ),
        (("Sum", f"{cost.deal:,}"),),
    )


def price_table(cost: Cost, gas_prices: Sequence[Decimal], coin: Decimal | None) -> Table:
    """What that is at several prices of gas, and when it is as much as a published fee."""
    columns = ["Gas price, gwei", "Coins"]
    if coin is not None:
        columns += [f"{cost.code} at {money(float(coin), 0)} a coin", "Of what was raised"]
    if cost.raised:
        columns.append(
            f"As much as {percent(float(PUBLISHED[0].fraction), 2)} when a coin costs, {cost.code}"
        )
    rows = []
    for price in gas_prices:
        row = [f"{price:f}", f"{cost.coins(price):.4f}"]
        if coin is not None:
            paid = cost.coins(price) * coin
            row += [money(float(paid)), percent(float(paid / cost.raised), 4) if cost.raised else ""]
        if cost.raised:
            even = cost.break_even(price, PUBLISHED[0])
            row.append("" if even is None else money(float(even), 0))
        rows.append(tuple(row))
    stated = (
        "the price of a coin is the one you gave"
        if coin is not None
        else "give the price of a coin with --coin"
    )
    return Table(
        "What it costs",
        tuple(columns),
        tuple(rows),
        frozenset(columns),
        (f"Prices of gas are assumed, as examples; {stated}.",),
    )


def fee_table(cost: Cost) -> Table:
    """Published fees, and what they would be for this deal."""
    rows = tuple(
        (
            percent(float(fee.fraction), 2),
            money(float(cost.raised * fee.fraction), 0) if cost.raised else "",
            fee.what,
            fee.source,
        )
        for fee in PUBLISHED
    )
    return Table(
        "Published fees of intermediaries",
        ("Of principal", f"Here, {cost.code}", "What", "Source"),
        rows,
        frozenset({"Of principal", f"Here, {cost.code}"}),
        ("They pay for more than gas does, which takes the place of no lawyer, adviser or underwriter.",),
    )
