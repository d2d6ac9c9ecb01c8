"""Signed transactions passed on to the chain, and what became of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from eth_abi.abi import decode
from eth_account import Account
from eth_account.typed_transactions import TypedTransaction
from eth_utils.abi import function_abi_to_4byte_selector
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from rlp import decode as decode_rlp  # type: ignore[import-untyped]
from rlp.exceptions import RLPException  # type: ignore[import-untyped]
from web3 import Web3

from api.instruments.acts import APPROVE, COMMIT, acts_on, contract_of
from api.instruments.words import Say
from api.problems import ProblemError, bad_input, conflict, not_found
from api.services import Services
from api.views.preparing import as_json, bytes_of, money_words, moves_in, refusal_view
from api.views.transaction_models import (
    MoveView,
    RelayedView,
    TransactionEvent,
    TransactionView,
)
from chain import artifacts
from chain.bindings import decode_log, event_abis, named, request, type_of
from chain.errors import ContractError, NetworkError

if TYPE_CHECKING:
    from api.index.reader import Deployment

LARGEST = 131_072
"""Bytes of a transaction that nodes pass on."""
PERMIT, SUBMIT = "permit", "submit-report"
"""Calls that are relayed too and that no act prepares: a signed approval, and a relay's report."""


@dataclass(frozen=True)
class SignedTransaction:
    """A signed transaction, taken apart. `to` is None where it makes a contract."""

    hash: str
    sender: str
    chain_id: int | None
    to: str | None
    data: bytes
    value: int
    gas: int


def read_signed(raw: str) -> SignedTransaction:
    """Raises ProblemError (422) for what is no signed transaction."""
    try:
        blob = HexBytes(raw)
        if not blob or len(blob) > LARGEST:
            raise bad_input(f"raw: must be 1 to {LARGEST} bytes")
        sender = str(Account.recover_transaction(blob))
        if blob[0] <= 0x7F:
            parts: Mapping[str, Any] = TypedTransaction.from_bytes(blob).as_dict()
            chain_id: int | None = int(parts["chainId"])
            to, data, value, gas = (
                bytes(parts["to"]),
                bytes(parts["data"]),
                int(parts["value"]),
                int(parts["gas"]),
            )
        else:
            fields = decode_rlp(bytes(blob))
            gas, to, value, data = _whole(fields[2]), fields[3], _whole(fields[4]), fields[5]
            v = _whole(fields[6])
            chain_id = (v - 35) // 2 if v >= 35 else None
    except ProblemError:
        raise
    except Exception as error:  # the libraries raise many kinds for bytes that are no transaction
        reason = "" if isinstance(error, RLPException) else f": {str(error)[:100]}"
        raise bad_input(f"raw: not a signed transaction{reason}") from None
    address = str(to_checksum_address(to)) if to else None
    return SignedTransaction("0x" + keccak(blob).hex(), sender, chain_id, address, data, value, gas)


def _whole(data: bytes) -> int:
    return int.from_bytes(data, "big")


# -- which act a call is


@dataclass(frozen=True)
class KnownCall:
    """A function that may be called through this service. `act` names it, `done` says it of one that was
    called."""

    act: str
    role: str
    entry: Mapping[str, Any]
    done: str
    local: bool = False

    def arguments(self, data: bytes) -> dict[str, Any]:
        inputs = self.entry["inputs"]
        values = decode([type_of(each) for each in inputs], data[4:])
        return {each["name"]: named(each, value) for each, value in zip(inputs, values, strict=True)}


OTHERS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("currency", "approve"): (APPROVE, "Allowed a contract to take money"),
    ("token", "approve"): (APPROVE, "Allowed a contract to take units"),
    ("currency", "permit"): (PERMIT, "Allowed a contract to take money, by signature"),
    ("oracle", "submit"): (SUBMIT, "Brought a report of the nodes"),
    ("oracle", "commitChallenge"): (COMMIT, "Committed to a challenge"),
}
"""What steps before an act and others call: name and words by role and function."""


@lru_cache(maxsize=64)
def _entries(contract: str) -> Mapping[bytes, Mapping[str, Any]]:
    """The functions of a contract by selector."""
    every: Any = (each for each in artifacts.abi(contract) if each["type"] == "function")
    return {function_abi_to_4byte_selector(each): each for each in every}


def _known(deployment: Deployment, part: str, data: bytes) -> KnownCall | None:
    """What a call of one of its contracts is, if it is one that is passed on."""
    role = deployment.role(part)
    entry = _entries(contract_of(role)).get(data[:4])
    if entry is None:
        return None
    for act in acts_on(deployment, part):
        if keccak(text=act.call.signature)[:4] == data[:4]:
            return KnownCall(act.name, role, entry, act.done, act.offered.local)
    other = OTHERS.get((role, entry["name"]))
    return None if other is None else KnownCall(other[0], role, entry, other[1])


def _places(services: Services) -> Iterator[tuple[Deployment, str, str]]:
    """(deployment, part or name, address) of every contract of a registered deployment."""
    for deployment in services.index.deployments():
        for part, address in deployment.places.items():
            yield deployment, part, address.lower()


def _aimed(services: Services, to: str | None, data: bytes) -> tuple[Deployment, KnownCall] | None:
    """The deployment and the act that a call is for. Shared contracts are the first deployment's, unless
    what is called names one's own."""
    if to is None:
        return None
    for deployment, part, address in _places(services):
        known = _known(deployment, part, data) if address == to.lower() else None
        if known is None:
            continue
        if _concerns(deployment, known, data):
            return deployment, known
    return None


def _concerns(deployment: Deployment, known: KnownCall, data: bytes) -> bool:
    """Whether a call of a contract that deals share is about this one."""
    try:
        arguments = known.arguments(data)
    except Exception:  # arguments that cannot be decoded concern nobody
        return False
    own = {each.lower() for each in deployment.places.values()}
    if known.role == "currency" and "spender" in arguments:
        return arguments["spender"].lower() in own
    if known.role == "oracle" and "feed" in arguments:
        return arguments["feed"] in deployment.feeds.values()
    if known.role == "oracle" and "currency" in arguments:
        return arguments["currency"].lower() in own
    return True


# -- relaying


def relay(services: Services, raw: str, say: Say) -> RelayedView:
    """Pass a signed transaction on. Raises ProblemError: 422 for what is no transaction for this chain or not
    a known act of a registered deployment; 409 with the contract's error for one that would be refused."""
    signed = read_signed(raw)
    if signed.chain_id != services.chain.chain_id:
        given = "no chain" if signed.chain_id is None else f"chain {signed.chain_id}"
        raise ProblemError(
            422, "wrong-chain", f"raw: signed for {given}; this service is on {services.chain.chain_id}"
        )
    aimed = _aimed(services, signed.to, signed.data)
    if aimed is None or signed.value:
        raise ProblemError(
            422, "not-relayed", "raw: only actions of registered deployments are relayed, and no ether"
        )
    deployment, known = aimed
    if known.local and not services.chain.is_local:
        raise conflict(f"{known.act}: only where money is test money")
    try:
        services.chain.call(lambda w3: _send(w3, signed, raw, known.entry["name"]))
    except ContractError as error:
        words = refusal_view(error, say, role=known.role).words
        raise conflict(f"{words} ({error.name})", "contract-refused") from None
    return RelayedView(hash=signed.hash, sender=signed.sender, deployment=deployment.id, action=known.act)


def _send(w3: Web3, signed: SignedTransaction, raw: str, label: str) -> None:
    if _is_known(w3, signed.hash):
        return
    call = {"from": signed.sender, "to": signed.to, "data": "0x" + signed.data.hex()}
    try:
        request(w3, "eth_call", [call, "latest"], label)
        request(w3, "eth_sendRawTransaction", [raw], label)
    except NetworkError as error:
        if _is_known(w3, signed.hash):  # somebody was faster with the same one
            return
        raise conflict(f"the chain does not take it: {str(error)[:200]}", "not-taken") from None


def _is_known(w3: Web3, hash: str) -> bool:
    return request(w3, "eth_getTransactionByHash", [hash]) is not None


# -- what became of one


def _money(services: Services, id: str) -> Callable[[int], str]:
    """Writes minor units of a deployment's currency."""
    deployment = services.index.deployment(id)
    return lambda minor: money_words(minor, deployment)


def transaction_view(services: Services, hash: str, say: Say) -> TransactionView:
    """A transaction that concerns a registered deployment. Raises ProblemError (404) for any other."""
    transaction, receipt, head, time, error = services.chain.call(lambda w3: _look(w3, hash))
    if transaction is None:
        raise not_found(f"no transaction {hash[:80]} on this chain")
    logs = [] if receipt is None else receipt["logs"]
    events = list(_events(services, logs))
    data = bytes.fromhex(transaction["input"][2:])
    to = transaction["to"] and str(to_checksum_address(transaction["to"]))
    aimed = _aimed(services, to, data)
    touched = [event.deployment for event in events if event.deployment is not None]
    if aimed is not None:
        touched.insert(0, aimed[0].id)
    if not touched:
        raise not_found(f"transaction {hash[:80]} concerns no deployment that is known here")
    moves: list[MoveView] = []
    for id in dict.fromkeys(touched):
        moves += [
            move for move in moves_in(logs, services.index.deployment(id), None, say) if move not in moves
        ]
    known = aimed[1] if aimed else None
    state = "pending" if receipt is None else "done" if int(receipt["status"], 16) else "failed"
    block = None if receipt is None else int(receipt["blockNumber"], 16)
    gas = None if receipt is None else int(receipt["gasUsed"], 16)
    price = 0 if receipt is None else int(receipt.get("effectiveGasPrice") or "0x0", 16)
    return TransactionView(
        hash=hash,
        state=state,
        sender=str(to_checksum_address(transaction["from"])),
        to=to,
        deployments=list(dict.fromkeys(touched)),
        action=known.act if known else None,
        title=say(known.done if known else "A transaction of the deal"),
        contract=known.role if known else None,
        function=known.entry["name"] if known else None,
        arguments={} if known is None else {name: as_json(v) for name, v in known.arguments(data).items()},
        block=block,
        time=time,
        confirmations=0 if block is None else head - block + 1,
        gas_used=gas,
        fee=None if gas is None else str(gas * price),
        refusal=None
        if error is None
        else refusal_view(error, say, _money(services, touched[0]), known.role if known else ""),
        moves=moves,
        events=events,
    )


def _look(w3: Web3, hash: str) -> tuple[Any, Any, int, int | None, ContractError | None]:
    """The transaction, its receipt, the chain's head, the block's time, and why it failed."""
    transaction = request(w3, "eth_getTransactionByHash", [hash])
    receipt = None if transaction is None else request(w3, "eth_getTransactionReceipt", [hash])
    head = int(w3.eth.block_number)
    if receipt is None:
        return transaction, None, head, None, None
    block = int(receipt["blockNumber"], 16)
    time = int(w3.eth.get_block(block)["timestamp"])
    error = None
    if not int(receipt["status"], 16):
        call = {key: transaction[key] for key in ("from", "to", "value")} | {"data": transaction["input"]}
        try:
            request(w3, "eth_call", [call, hex(block - 1)])
        except ContractError as found:
            error = found
        except NetworkError:  # the node has forgotten that block's state
            error = None
    return transaction, receipt, head, time, error


def _events(services: Services, logs: list[dict[str, Any]]) -> Iterator[TransactionEvent]:
    where: dict[str, tuple[str, list[Deployment]]] = {}
    for deployment, part, address in _places(services):
        where.setdefault(address, (deployment.role(part), []))[1].append(deployment)
    for log in logs:
        role, owners = where.get(log["address"].lower(), ("", []))
        if not owners or role == "factory":
            continue
        found = decode_log(bytes_of(log), event_abis(contract_of(role)))
        if found is None:
            continue
        name, arguments = found
        owner = _owner(role, owners, arguments)
        yield TransactionEvent(
            log=int(log["logIndex"], 16),
            deployment=owner and owner.id,
            contract=role,
            address=str(to_checksum_address(log["address"])),
            name=name,
            arguments=as_json(arguments),
        )


def _owner(role: str, owners: list[Deployment], arguments: Mapping[str, Any]) -> Deployment | None:
    """Whose event it is, of a contract that several deals may share."""
    if role == "oracle" and "feed" in arguments:
        return next((each for each in owners if arguments["feed"] in each.feeds.values()), None)
    if role == "currency":
        ends = {str(arguments.get(name, "")).lower() for name in ("from", "to", "owner", "spender")}
        for each in owners:
            own = {a.lower() for r, a in each.places.items() if r != "currency"}
            if ends & own:
                return each
        return None
    if role in ("registry", "factory"):
        return None
    return owners[0]
