"""What a client sees of transactions: prepared, relayed, and done."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from api.models import Address, Asked, Hash, Minor, Resource

HEX = r"^0x([0-9a-fA-F]{2})*$"


class ParameterView(Resource):
    """A parameter of an action. `kind`: units, amount, number, signed, time (whole numbers, as text or JSON
    numbers), address, hash, bytes (both in hexadecimal), choice, flag (true or false), line, kpi, words,
    string (texts), signatures (a list), fields and list (of what `fields` says)."""

    name: str
    kind: str
    title: str
    optional: bool
    choices: list[str] = Field(default_factory=list)
    fields: list[ParameterView] = Field(default_factory=list)


class ActionView(Resource):
    """Something that can be done with a deployment. `part`: the key of the part in the deal that it is done
    to, or the name of a shared contract; `who`: anyone, or the role that the contract asks for; `pays`: it
    takes money from whoever sends it, null where that is only found when it is prepared."""

    name: str
    title: str
    contract: str
    part: str
    function: str
    who: str
    pays: bool | None
    parameters: list[ParameterView]


class RefusalView(Resource):
    """Why a contract refuses: its own error and arguments, and the same in words."""

    name: str
    arguments: dict[str, Any]
    words: str


class MoveView(Resource):
    """Something that changes hands. `asset`: money (minor units of the currency) or units (of the claim)."""

    asset: Literal["money", "units"]
    sender: Address = Field(alias="from")
    receiver: Address = Field(alias="to")
    amount: Minor
    words: str = Field(description="The same for a person, in the language of the request.")


class OutcomeView(Resource):
    """What a step would do if it were sent now, after the steps before it. `simulated` is false where the
    node cannot say, because an earlier step comes first; then `ok` is null."""

    simulated: bool
    ok: bool | None = None
    refusal: RefusalView | None = None
    note: str | None = Field(
        default=None, description="What should be known before it is signed, in the language of the request."
    )
    moves: list[MoveView] = Field(default_factory=list)


class TypedDataView(Resource):
    """EIP-712 data for `eth_signTypedData_v4`. `purpose`: permit (instead of the step's own transaction:
    anyone may then bring `permit` with the signature) or ruling."""

    purpose: Literal["permit", "ruling"]
    title: str
    data: dict[str, Any]


class StepView(Resource):
    """One transaction to sign and send. `value` is in wei, `fee` the most that the gas may cost now, in wei;
    `gas` is the limit to send with, null where nothing can be said before the step ahead of it is done."""

    title: str
    contract: str
    function: str
    to: Address
    data: str = Field(pattern=HEX)
    value: str
    chain_id: int
    gas: int | None = None
    fee: str | None = None
    outcome: OutcomeView
    permit: TypedDataView | None = None


class PrepareRequest(Resource):
    """What is to be done, and by whom. Parameters are those of the action, see GET
    /v1/deployments/{id}/actions; `part` is asked for where several parts have an action of that name."""

    deployment: str = Field(max_length=96)
    action: str = Field(max_length=40)
    part: str | None = Field(default=None, max_length=64)
    sender: Address = Field(alias="from")
    parameters: dict[str, Any] = Field(default_factory=dict, max_length=20)


class GivenView(Resource):
    """What was given for a parameter, as it is sent, in words for a person."""

    name: str
    title: str
    words: str


class PreparedView(Resource):
    """The steps, in order. `given`: everything that the act is done with, to be shown before it is signed;
    what was left out is not in it. `ok` is false if a contract would refuse a step, null where that cannot be
    said yet. `affordable`: the wallet can pay for the gas. `sign`: data to sign where the action begins with
    a signature instead of a transaction."""

    deployment: str
    action: str
    title: str
    sender: Address = Field(alias="from")
    block: int
    ok: bool | None
    affordable: bool
    given: list[GivenView]
    steps: list[StepView]
    sign: TypedDataView | None = None


class RelayRequest(Asked):
    """A transaction that a wallet has signed."""

    raw: str = Field(
        pattern=HEX, max_length=262_146, description="The signed transaction, RLP in hexadecimal."
    )


class RelayedView(Resource):
    """A transaction that the chain has taken. Where it stands: GET /v1/transactions/{hash}."""

    hash: Hash
    sender: Address = Field(alias="from")
    deployment: str
    action: str


class TransactionEvent(Resource):
    """A decoded log. `contract`: its role in the deployment."""

    log: int
    deployment: str | None
    contract: str
    address: Address
    name: str
    arguments: dict[str, Any]


class TransactionView(Resource):
    """A transaction of a deployment. `state`: pending, done or failed. `action`: the one that it is a call
    of, where we know it; `moves`: money and units that changed hands; `fee` in wei."""

    hash: Hash
    state: Literal["pending", "done", "failed"]
    sender: Address = Field(alias="from")
    to: Address | None
    deployments: list[str]
    action: str | None
    title: str
    contract: str | None
    function: str | None
    arguments: dict[str, Any]
    block: int | None
    time: int | None
    confirmations: int
    gas_used: int | None
    fee: str | None
    refusal: RefusalView | None = None
    moves: list[MoveView]
    events: list[TransactionEvent]
