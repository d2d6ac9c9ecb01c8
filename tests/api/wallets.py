"""Wallets for tests: one that signs in, a demonstration's accounts of a real local chain, and a wallet in the
browser (EIP-1193) in front of the same chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from eth_account.messages import encode_defunct
from playwright.sync_api import BrowserContext
from starlette.testclient import TestClient

from api.demo import DemoAccount, NextEvent
from api.problems import bad_input
from chain.bindings import request
from chain.deploy import LOCAL_ACCOUNTS
from chain.network import LocalChain, local_account

ISSUER = local_account(LOCAL_ACCOUNTS["issuer"])
PASSED = frozenset({"eth_sendTransaction", "personal_sign", "eth_signTypedData_v4", "eth_chainId"})

PROVIDER = """
window.ethereum = {
  calls: [],
  async request({ method, params = [] }) {
    this.calls.push(method);
    const answer = JSON.parse(await window.chainCall(method, JSON.stringify(params)));
    if (answer.error) throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
    return answer.result;
  },
  on() {},
};
"""


def stamp(**shift: float) -> str:
    return (datetime.now(UTC) + timedelta(**shift)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_sign(asked: Mapping[str, Any], account: Any = ISSUER, **changes: str) -> str:
    """The text that signs `account` in, by the service's answer `asked`, changed in some of its lines."""
    says = {
        "domain": asked["domain"],
        "address": account.address,
        "statement": asked["statement"],
        "uri": asked["uri"],
        "version": "1",
        "chain": str(asked["chain_id"]),
        "nonce": asked["nonce"],
        "issued": stamp(),
        "more": "",
        **changes,
    }
    return (
        "{domain} wants you to sign in with your Ethereum account:\n{address}\n\n{statement}\n\nURI: {uri}\n"
        "Version: {version}\nChain ID: {chain}\nNonce: {nonce}\nIssued At: {issued}{more}"
    ).format(**says)


def sign_in(client: TestClient, text: str, account: Any = ISSUER, **headers: str) -> Any:
    signature = account.sign_message(encode_defunct(text=text)).signature.to_0x_hex()
    body = {"message": text, "signature": signature}
    return client.post("/v1/auth/session", json=body, headers=headers)


class ChainDemo:
    """A demonstration of nothing but a chain's own unlocked accounts."""

    def __init__(self, chain: LocalChain, names: Mapping[str, str]) -> None:
        self._chain = chain
        self._accounts = [DemoAccount(address, name, "investor") for address, name in names.items()]

    def accounts(self) -> Sequence[DemoAccount]:
        return self._accounts

    def upcoming(self) -> Sequence[NextEvent]:
        return ()

    def advance(self) -> NextEvent:
        raise bad_input("nothing comes next")

    def trouble(self) -> Sequence[str]:
        return []

    def facts(self) -> Mapping[str, str]:
        return {"Chain": "A local chain for tests."}

    def rpc(self, method: str, parameters: Sequence[Any]) -> Any:
        if method not in PASSED:
            raise bad_input(f"method: {method}")
        return request(self._chain.w3, method, list(parameters))


def install_wallet(context: BrowserContext, chain: LocalChain, address: str, chain_id: int = 31337) -> None:
    """A wallet of `address` in every page of the context. It starts on chain `chain_id`, and changes when it
    is asked to; what it sends goes to the real chain."""
    import json

    on = {"chain": hex(chain_id)}

    def call(method: str, text: str) -> str:
        parameters = json.loads(text)
        if method in ("eth_requestAccounts", "eth_accounts"):
            return json.dumps({"result": [address]})
        if method == "eth_chainId":
            return json.dumps({"result": on["chain"]})
        if method == "wallet_switchEthereumChain":
            on["chain"] = parameters[0]["chainId"]
            return json.dumps({"result": None})
        answer = chain.w3.provider.make_request(method, parameters)  # type: ignore[arg-type]
        return json.dumps({key: answer[key] for key in ("result", "error") if key in answer}, default=str)

    context.expose_function("chainCall", call)
    context.add_init_script(PROVIDER)
