"""Transactions: sent, waited for, their errors in words, their gas recorded by operation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from web3 import Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.types import TxReceipt

from chain import artifacts
from chain.bindings import calldata, contract, request
from chain.errors import ContractError, NetworkError, TooMuchGasError, UnreachableError

GAS_MARGIN = 1.25
"""An estimate is exact for one state; the margin covers what others change before the block."""
GAS_SLOTS = 2 * 22_100
"""And no less than two storage slots that were empty then: interest of a second is kept in one."""
RECEIPT_SECONDS = 120
TIP = 1_000_000_000
"""What is offered beyond the base fee, in wei of a unit of gas."""


@dataclass(frozen=True)
class GasUse:
    """One transaction: what it was for, the gas it used, its hash and block."""

    operation: str
    gas: int
    tx: str
    block: int


@dataclass
class GasLog:
    """Gas of every transaction by operation; several Senders may share one."""

    entries: list[GasUse] = field(default_factory=list)

    def __iter__(self) -> Iterator[GasUse]:
        return iter(self.entries)

    def summary(self) -> dict[str, dict[str, int]]:
        """Per operation: count, smallest, largest, mean (whole gas) and total."""
        grouped: dict[str, list[int]] = defaultdict(list)
        for entry in self.entries:
            grouped[entry.operation].append(entry.gas)
        return {
            name: {
                "count": len(uses),
                "min": min(uses),
                "max": max(uses),
                "mean": sum(uses) // len(uses),
                "total": sum(uses),
            }
            for name, uses in sorted(grouped.items())
        }


def with_margin(estimate: int, limit: int) -> int:
    """The gas to allow for what was estimated, within a block's `limit` where the estimate is."""
    return max(estimate, min(max(int(estimate * GAS_MARGIN), estimate + GAS_SLOTS), limit))


class Sender:
    """Sends transactions from one account: an address the node has unlocked, or a local key.

    Every method waits for the receipt and raises ContractError (with the contract's own error and arguments)
    when the contract refuses, before anything is sent if the refusal can be foreseen.
    """

    def __init__(self, w3: Web3, account: str | LocalAccount, gas: GasLog | None = None) -> None:
        self.w3 = w3
        self.key = None if isinstance(account, str) else account
        self.address = to_checksum_address(account if isinstance(account, str) else account.address)
        self.gas = gas if gas is not None else GasLog()

    def send(
        self,
        function: ContractFunction,
        operation: str | None = None,
        gas: int | None = None,
        value: int = 0,
        most: int | None = None,
    ) -> TxReceipt:
        """Call a contract function in a transaction, e.g. `send(bond.functions.payCoupon())`.

        `operation` labels the gas (default: the function's name); `gas` skips the estimate; `value` in wei.
        What is estimated to take more gas than `most` is not sent: TooMuchGasError.
        """
        data = calldata(function)
        return self._transact(
            {"to": function.address, "data": data, "value": value}, operation or function.fn_name, gas, most
        )

    def deploy(self, name: str, *arguments: Any, operation: str | None = None) -> tuple[Contract, TxReceipt]:
        """Deploy contract `name` with constructor `arguments`; the contract object and the receipt."""
        maker = self.w3.eth.contract(abi=artifacts.abi(name), bytecode=artifacts.bytecode(name))
        data = maker.constructor(*arguments).data_in_transaction
        receipt = self._transact({"data": data, "value": 0}, operation or f"deploy {name}", None)
        address = receipt["contractAddress"]
        if address is None:
            raise NetworkError(f"deploy {name}: the receipt of {_hex(receipt)} names no contract")
        return contract(self.w3, name, address), receipt

    def _transact(
        self, parameters: dict[str, Any], operation: str, gas: int | None, most: int | None = None
    ) -> TxReceipt:
        transaction = {**parameters, "from": self.address, "value": hex(parameters["value"])}
        if gas is None:
            estimate = int(request(self.w3, "eth_estimateGas", [transaction], operation), 16)
            if most is not None and estimate > most:
                raise TooMuchGasError(
                    f"{operation}: would take {estimate:,} gas, and many chains take no transaction of more "
                    f"than {most:,}; nothing was sent"
                )
            # A node may refuse what does not fit into a block, so the margin ends there.
            limit = int(self.w3.eth.get_block("latest")["gasLimit"])
            gas = with_margin(estimate, limit)
        transaction["gas"] = hex(gas)
        receipt = self._receipt(self._submit(transaction, operation), operation)
        if receipt["status"] != 1:
            # Ask the node for the reason on the state just before; some say, some do not.
            request(self.w3, "eth_call", [transaction, hex(receipt["blockNumber"] - 1)], operation)
            used = receipt["gasUsed"]
            raise ContractError(
                "Reverted", {"tx": _hex(receipt), "gas_used": used, "gas_limit": gas}, operation
            )
        self.gas.entries.append(GasUse(operation, receipt["gasUsed"], _hex(receipt), receipt["blockNumber"]))
        return receipt

    def _submit(self, transaction: dict[str, Any], operation: str) -> str:
        if self.key is None:
            return str(request(self.w3, "eth_sendTransaction", [transaction], operation))
        nonce = self.w3.eth.get_transaction_count(self.address, "pending")
        return submit(self.w3, self.key, transaction, nonce, 1, operation)

    def _receipt(self, tx: str, operation: str) -> TxReceipt:
        try:
            return self.w3.eth.wait_for_transaction_receipt(
                cast(Any, tx), timeout=RECEIPT_SECONDS, poll_latency=0.05
            )
        except UnreachableError as error:
            raise UnreachableError(
                f"{operation}: sent as {tx}, and the chain no longer answers: {error}"
            ) from None
        except Exception as error:
            raise NetworkError(
                f"{operation}: no receipt of {tx} within {RECEIPT_SECONDS} s: {error}"
            ) from None


def submit(
    w3: Web3,
    account: str | LocalAccount,
    transaction: dict[str, Any],
    nonce: int,
    raised: float,
    operation: str,
) -> str:
    """Send a transaction as number `nonce` of an account, at `raised` times the usual fees; its hash."""
    base = w3.eth.get_block("latest").get("baseFeePerGas")
    tip = int(TIP * raised)
    fees = (
        {"gasPrice": int(w3.eth.gas_price * raised)}
        if base is None
        else {"maxFeePerGas": int(2 * base * raised) + tip, "maxPriorityFeePerGas": tip}
    )
    if isinstance(account, str):
        full = {**transaction, "nonce": hex(nonce), **{name: hex(fee) for name, fee in fees.items()}}
        return str(request(w3, "eth_sendTransaction", [full], operation))
    plain = {name: value for name, value in transaction.items() if name != "from"}
    signed = account.sign_transaction(
        cast(Any, {**plain, "nonce": nonce, "chainId": w3.eth.chain_id, **fees})
    )
    return str(request(w3, "eth_sendRawTransaction", [signed.raw_transaction.to_0x_hex()], operation))


def _hex(receipt: TxReceipt) -> str:
    return receipt["transactionHash"].to_0x_hex()
