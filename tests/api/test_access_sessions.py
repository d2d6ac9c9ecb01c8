"""Signing in by a wallet's signature, and by keys: who is let in, and above all who is not."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import pytest
from eth_account import Account
from fastapi import Depends, FastAPI
from sqlalchemy import text
from starlette.testclient import TestClient

from api.access import Principal, create_key, list_keys, requires, revoke_key, signing_in
from api.access.message import MessageError, read_message
from chain.network import local_account, start_anvil
from finance.terms import InputError
from tests.api.wallets import ISSUER, sign_in, stamp, to_sign
from tests.api.world import ORIGIN, Service, bond_world, serving
from tests.chain.bond_life import BEFORE_THE_OFFERING

Allowed = Annotated[Principal, Depends(requires(scope="oracle:write", role=("issuer", "node")))]
NODE, STRANGER = local_account(100), Account.create()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("access")
    with (
        start_anvil(timestamp=BEFORE_THE_OFFERING) as chain,
        serving(bond_world(chain, folder, "deployed")) as started,
    ):
        guarded(started.app)
        yield started


def guarded(app: FastAPI) -> None:
    """A route as others write them."""

    def scoped(principal: Allowed) -> Any:
        return {"who": principal.address or principal.key}

    app.add_api_route("/v1/guarded/{id}", scoped, methods=["GET", "POST"])


@pytest.fixture
def client(service: Service) -> TestClient:
    """A browser of its own: no cookies of others."""
    return TestClient(service.app, base_url=ORIGIN, raise_server_exceptions=False)


def message(client: TestClient, account: Any = ISSUER, **changes: str) -> str:
    """The text to sign, with a new nonce, changed in some of its lines."""
    return to_sign(client.get("/v1/auth/nonce").json(), account, **changes)


def test_a_session_from_nonce_to_signing_out(service: Service, client: TestClient) -> None:
    opened = sign_in(client, message(client))
    assert opened.status_code == 201, opened.text
    cookie = opened.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    who = client.get("/v1/auth/session").json()
    assert who["address"] == ISSUER.address
    assert who["roles"] == {service.world.id: ["issuer"]}
    # A program sends the token instead.
    bare = TestClient(service.app, base_url=ORIGIN)
    token = {"Authorization": f"Bearer {opened.json()['token']}"}
    assert bare.get("/v1/auth/session", headers=token).json()["address"] == ISSUER.address
    assert client.delete("/v1/auth/session").status_code == 204
    assert bare.get("/v1/auth/session", headers=token).status_code == 401
    assert client.get("/v1/auth/session").status_code == 401


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"domain": "evil.example"}, "wrong-domain"),
        ({"domain": "127.0.0.1:9999"}, "wrong-domain"),
        ({"domain": "https://127.0.0.1"}, "wrong-domain"),
        ({"uri": "https://evil.example/"}, "wrong-uri"),
        ({"uri": "http://127.0.0.1.evil.example/"}, "wrong-uri"),
        ({"uri": "http://127.0.0.1@evil.example/"}, "wrong-uri"),
        ({"chain": "1"}, "wrong-chain"),
        ({"nonce": "inventedNonce123"}, "unknown-nonce"),
        ({"issued": stamp(hours=-1)}, "message-expired"),
        ({"issued": stamp(hours=1)}, "message-not-yet-valid"),
        ({"more": f"\nExpiration Time: {stamp(seconds=-1)}"}, "message-expired"),
        ({"more": f"\nNot Before: {stamp(hours=1)}"}, "message-not-yet-valid"),
        ({"address": STRANGER.address}, "bad-signature"),
    ],
)
def test_who_is_not_let_in(client: TestClient, changes: dict[str, str], name: str) -> None:
    answer = sign_in(client, message(client, **changes))
    assert (answer.status_code, answer.json()["type"]) == (401, f"/problems/{name}"), answer.text
    assert "set-cookie" not in answer.headers


def test_a_message_is_good_once(client: TestClient) -> None:
    text = message(client)
    assert sign_in(client, text).status_code == 201
    again = sign_in(client, text)
    assert (again.status_code, again.json()["type"]) == (401, "/problems/unknown-nonce")
    # A failed attempt uses the nonce up as well, so a signature cannot be guessed at.
    text = message(client)
    assert sign_in(client, text, STRANGER).json()["type"] == "/problems/bad-signature"
    assert sign_in(client, text).json()["type"] == "/problems/unknown-nonce"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("Version: 1", "Version: 2"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text + "\n",
        lambda text: text + "\nResources:\n- http://127.0.0.1\nNonce: another1",
        lambda text: text.lower(),
        lambda text: text.replace("Issued At: 2", "Issued At: x"),
        lambda text: text.replace(ISSUER.address, ISSUER.address.lower()),
        lambda text: re.sub("Chain ID: .*\n", "", text),
        lambda text: "\n" + text,
        lambda text: text.replace("Nonce: ", "Nonce: \u0660\u0661"),
        lambda text: "x" * 5_000,
        lambda text: "",
    ],
)
def test_what_is_no_message(client: TestClient, spoil: Any) -> None:
    answer = sign_in(client, spoil(message(client)))
    assert answer.status_code == 422, answer.text
    assert "set-cookie" not in answer.headers


def test_the_message_of_the_standard() -> None:
    """The example of https://eips.ethereum.org/EIPS/eip-4361, which has no signature."""
    text = (
        "example.com wants you to sign in with your Ethereum account:\n"
        "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2\n\n"
        "I accept the ExampleOrg Terms of Service: https://example.com/tos\n\n"
        "URI: https://example.com/login\nVersion: 1\nChain ID: 1\nNonce: 32891756\n"
        "Issued At: 2021-09-30T16:25:24Z\nResources:\n"
        "- ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/\n"
        "- https://example.com/my-web2-claim.json"
    )
    found = read_message(text)
    assert (found.domain, found.chain_id, found.nonce) == ("example.com", 1, "32891756")
    assert found.issued_at == datetime(2021, 9, 30, 16, 25, 24, tzinfo=UTC).timestamp()
    assert not found.signed_by("0x" + "00" * 65)
    with pytest.raises(MessageError, match="EIP-4361"):
        read_message(text.replace("Chain ID: 1\n", "Chain ID: one\n"))


def test_a_role_lets_in_where_it_is_held(service: Service, client: TestClient) -> None:
    path = f"/v1/guarded/{service.world.id}"
    assert client.get(path).status_code == 401
    for account, status in ((ISSUER, 200), (NODE, 200), (STRANGER, 403)):
        token = sign_in(client, message(client, account), account).json()["token"]
        client.cookies.clear()
        answer = client.get(path, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == status, (account.address, answer.text)
        assert (
            client.get("/v1/guarded/no-such-1234", headers={"Authorization": f"Bearer {token}"}).status_code
            == 404
        )


def test_the_verifier_is_read_from_the_chain(service: Service, client: TestClient) -> None:
    life, verifier = service.world.life, Account.create()
    role = life.registry.VERIFIER_ROLE().call()
    life.send(life.deployer, life.registry.grantRole(role, verifier.address))
    assert sign_in(client, message(client, verifier), verifier).json()["roles"] == {
        service.world.id: ["verifier"]
    }


def test_a_cookie_does_not_act_for_other_sites(service: Service, client: TestClient) -> None:
    assert sign_in(client, message(client)).status_code == 201
    path = f"/v1/guarded/{service.world.id}"
    assert client.post(path, headers={"Origin": ORIGIN}).status_code == 200
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        assert client.post(path, headers=headers).status_code == 403, headers
    other = sign_in(client, message(client), Origin="https://evil.example")
    assert (other.status_code, other.json()["type"]) == (403, "/problems/other-site")


def test_keys_open_what_their_scopes_say(service: Service, client: TestClient) -> None:
    database, path = service.services.database, f"/v1/guarded/{service.world.id}"
    key = create_key(database, "relay", ["oracle:write"], days=1)
    other = create_key(database, "registrar", ["deployments:write"])

    def get(token: str) -> int:
        return client.get(path, headers={"Authorization": f"Bearer {token}"}).status_code

    assert (get(key.token), get(other.token), get(key.token[:-8] + "aaaaaaaa"), get("penstock_")) == (
        200,
        403,
        401,
        401,
    )
    seen = client.get("/v1/auth/session", headers={"Authorization": f"Bearer {key.token}"}).json()
    assert (seen["key"], seen["scopes"], seen["address"]) == (key.id, ["oracle:write"], None)
    assert revoke_key(database, key.id)
    assert not revoke_key(database, key.id)
    assert get(key.token) == 401
    assert [each.name for each in list_keys(database)] == ["relay", "registrar"]
    with database.begin() as connection:
        connection.execute(text("UPDATE api_keys SET expires = 1 WHERE id = :id"), {"id": other.id})
    assert get(other.token) == 401
    for name, scopes, days in (
        ("", ["oracle:write"], None),
        ("x", ["all"], None),
        ("x", [], None),
        ("x", ["oracle:write"], 0),
    ):
        with pytest.raises(InputError):
            create_key(database, name, scopes, days)


def test_nothing_that_lets_in_is_stored(service: Service, client: TestClient) -> None:
    token = sign_in(client, message(client)).json()["token"]
    key = create_key(service.services.database, "stored", ["oracle:write"]).token
    files = [path.read_bytes() for path in Path(service.world.data).glob("penstock.sqlite*")]
    _, _, kept_secret = key.split("_", 2)  # it may hold underscores of its own
    assert len(kept_secret) == 43
    for secret in (token, key, kept_secret):
        assert not any(secret.encode() in content for content in files)
        assert not any(base64.b64encode(secret.encode()) in content for content in files)


def test_a_session_ends(service: Service, client: TestClient) -> None:
    token = sign_in(client, message(client)).json()["token"]
    with service.services.database.begin() as connection:
        connection.execute(text("UPDATE sessions SET expires = 1"))
    client.cookies.clear()
    answer = client.get("/v1/auth/session", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    # An old cookie is no worse than none: what everybody may read stays readable.
    assert client.get("/v1/deals", headers={"Cookie": f"penstock_session={token}"}).status_code == 200


def test_answers_to_those_who_signed_in_are_not_kept(client: TestClient) -> None:
    opened = sign_in(client, message(client))
    assert opened.headers["cache-control"] == "no-store"
    assert client.get("/v1/auth/session").headers["cache-control"] == "no-store"
    assert client.get("/v1/deals").headers["cache-control"] == "no-store"


def test_a_wallet_has_so_many_sessions_and_its_oldest_ends(service: Service) -> None:
    """Twenty, as docs/security.md says: the twenty-first ends the first, and no other wallet's."""

    def opened(account: Any) -> dict[str, str]:
        own = TestClient(service.app, base_url=ORIGIN)
        return {"Authorization": f"Bearer {sign_in(own, message(own, account), account).json()['token']}"}

    def works(token: dict[str, str]) -> bool:
        own = TestClient(service.app, base_url=ORIGIN)
        return own.get("/v1/auth/session", headers=token).status_code == 200

    account, other = Account.create(), opened(Account.create())
    tokens = []
    for _ in range(20):
        tokens.append(opened(account))
        with service.services.database.begin() as connection:  # a second apart, as they would be
            connection.execute(text("UPDATE sessions SET created = created - 1"))
    assert all(map(works, tokens))
    tokens.append(opened(account))
    assert [works(token) for token in tokens] == [False, *[True] * 20]
    assert works(other)


@pytest.mark.parametrize(("left", "status"), [(60, 201), (0, 401), (-1, 401)])
def test_a_nonce_is_good_until_it_expires(
    service: Service, client: TestClient, left: int, status: int
) -> None:
    signed = message(client)
    nonce = re.search(r"Nonce: (\w+)", signed)
    assert nonce is not None
    with service.services.database.begin() as connection:
        query = text("UPDATE nonces SET expires = :at WHERE nonce = :nonce")
        found = connection.execute(query, {"at": int(time.time()) + left, "nonce": nonce[1]})
        assert found.rowcount == 1
    answer = sign_in(client, signed)
    assert answer.status_code == status
    if status == 401:
        assert answer.json()["type"] == "/problems/unknown-nonce"


def test_those_who_never_sign_make_room_again(
    service: Service, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more nonces wait than a limit; once they have expired others may sign in."""
    with service.services.database.begin() as connection:
        connection.execute(text("DELETE FROM nonces"))
    monkeypatch.setattr(signing_in, "MOST_NONCES", 2)
    waiting = [client.get("/v1/auth/nonce") for _ in range(3)]
    assert [answer.status_code for answer in waiting] == [200, 200, 503]
    with service.services.database.begin() as connection:
        connection.execute(text("UPDATE nonces SET expires = :now"), {"now": int(time.time())})
    assert client.get("/v1/auth/nonce").status_code == 200
