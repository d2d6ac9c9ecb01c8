"""Transactions: errors in words, gas by operation, from unlocked accounts and from local keys."""

from __future__ import annotations

import pytest
from eth_account import Account

from chain.bindings import contract, decode_error, read, revert_data
from chain.errors import ChainError, ContractError, NetworkError
from chain.network import LocalChain, local_account
from chain.sender import GasLog, Sender


def test_gas_is_kept_by_operation_and_is_what_the_receipt_says(chain: LocalChain) -> None:
    gas = GasLog()
    sender = Sender(chain.w3, chain.accounts[0], gas)
    currency, made = sender.deploy("TestCurrency", "Test dollar", "TUSD", 6)
    first = sender.send(currency.functions.mint(chain.accounts[1], 10), operation="mint money")
    again = sender.send(currency.functions.mint(chain.accounts[1], 10), operation="mint money")
    sender.send(currency.functions.mint(chain.accounts[2], 1))
    assert [use.operation for use in gas] == ["deploy TestCurrency", "mint money", "mint money", "mint"]
    summary = gas.summary()
    assert summary["deploy TestCurrency"]["total"] == made["gasUsed"]
    minted = sorted((first["gasUsed"], again["gasUsed"]))
    assert [summary["mint money"][k] for k in ("count", "min", "max", "total")] == [2, *minted, sum(minted)]
    assert summary["mint money"]["mean"] == sum(minted) // 2
    assert read(currency.functions.balanceOf(chain.accounts[1])) == 20


def test_a_refusal_is_raised_with_the_contracts_own_words(chain: LocalChain) -> None:
    sender = Sender(chain.w3, chain.accounts[0])
    currency, _ = sender.deploy("TestCurrency", "Test dollar", "TUSD", 6)
    registry, _ = sender.deploy("IdentityRegistry", chain.accounts[0])
    poor = currency.functions.transfer(chain.accounts[1], 5)
    for gas in (None, 100_000):  # refused by the estimate; refused when mined
        with pytest.raises(ContractError) as caught:
            sender.send(poor, operation="pay", gas=gas)
        assert caught.value.name == "ERC20InsufficientBalance"
        assert caught.value.arguments == {"sender": chain.accounts[0], "balance": 0, "needed": 5}
        assert str(caught.value) == (
            f"pay: ERC20InsufficientBalance(sender={chain.accounts[0]}, balance=0, needed=5)"
        )
    # A struct argument, by field name and in any order; an error of our own contracts.
    old = {"investorClass": 1, "country": 840, "expiry": 1}
    with pytest.raises(ContractError, match=r"IdentityRegistry_Expired\(account=0x.*, expiry=1\)"):
        sender.send(registry.functions.setIdentity(chain.accounts[1], old))
    with pytest.raises(ContractError, match="AccessControlUnauthorizedAccount"):
        Sender(chain.w3, chain.accounts[1]).send(registry.functions.revoke(chain.accounts[1]))
    with pytest.raises(ContractError, match="IdentityRegistry_ZeroAddress"):
        sender.deploy("IdentityRegistry", "0x" + "00" * 20)
    assert [use.operation for use in sender.gas] == ["deploy TestCurrency", "deploy IdentityRegistry"]


def test_a_local_key_signs_for_itself(chain: LocalChain) -> None:
    sender = Sender(chain.w3, local_account(7))
    assert sender.address == chain.accounts[7]
    currency, _ = sender.deploy("TestCurrency", "Test dollar", "TUSD", 6)
    receipt = sender.send(currency.functions.mint(sender.address, 3))
    assert receipt["from"] == chain.accounts[7]
    with pytest.raises(ContractError, match="ERC20InsufficientBalance"):
        sender.send(currency.functions.transfer(chain.accounts[1], 4))


def test_what_the_node_refuses_is_not_a_contract_error(chain: LocalChain) -> None:
    stranger = Account.from_key("0x" + "11" * 32)
    currency, _ = Sender(chain.w3, chain.accounts[0]).deploy("TestCurrency", "Test dollar", "TUSD", 6)
    with pytest.raises(NetworkError, match=r"(?i)insufficient funds|upfront cost|doesn't have enough"):
        Sender(chain.w3, stranger).send(currency.functions.mint(stranger.address, 1), gas=100_000)


def test_no_contract_at_an_address_is_said(chain: LocalChain) -> None:
    nothing = contract(chain.w3, "KpiBond", "0x" + "12" * 20)
    with pytest.raises(ChainError, match="state: no contract at 0x1212"):
        read(nothing.functions.state())


def test_reverts_of_every_kind_are_words() -> None:
    word = "00" * 31
    text = bytes.fromhex("08c379a0" + word + "20" + word + "02" + b"no".hex().ljust(64, "0"))
    assert str(decode_error(text)) == "Error('no')"
    panic = bytes.fromhex("4e487b71" + word + "11")
    assert "0x11: arithmetic overflow" in str(decode_error(panic))
    assert "without a reason" in str(decode_error(b""))
    assert str(decode_error(bytes.fromhex("deadbeef"))) == "UnknownError(data=0xdeadbeef)"
    # Truncated data of a known error must not break the report.
    assert "0x08c379a0ff" in str(decode_error(bytes.fromhex("08c379a0ff")))


def test_the_nodes_ways_to_hand_over_a_revert() -> None:
    assert revert_data({"code": 3, "data": "0xdead"}) == b"\xde\xad"  # Anvil
    assert revert_data({"data": {"result": "0xdead", "reason": None}}) == b"\xde\xad"  # Ganache, estimates
    assert revert_data({"message": "execution reverted"}) == b""
    assert revert_data({"message": "nonce too low"}) is None
