"""Acts prepared as transactions, signed with real keys, relayed, and looked up; compared with what the
contracts themselves say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from api.instruments.acts import WORDS, acts_of
from api.instruments.parameters import KINDS
from chain.bindings import contract, read
from chain.network import local_account, reach_time, start_anvil, start_ganache
from chain.sender import Sender
from tests.api.world import Service, World, bond_world, serving
from tests.chain.bond_life import BEFORE_THE_OFFERING, THOUSAND, Life, at, small_deal

KEYS = {"a": 3, "b": 4, "c": 5, "stranger": 9}


@pytest.fixture
def offered(tmp_path: Path) -> Iterator[Service]:
    """A has four of ten units; B and C are verified; the offering is open."""
    with (
        start_anvil(timestamp=BEFORE_THE_OFFERING) as chain,
        serving(bond_world(chain, tmp_path, "offered")) as service,
    ):
        yield service


def prepare(service: Service, action: str, sender: str, **parameters: object) -> dict:
    body = {"deployment": service.world.id, "action": action, "from": sender, "parameters": parameters}
    answer = service.post("/v1/transactions/prepare", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def sign(service: Service, step: dict, key: int) -> str:
    w3, account = service.world.chain.w3, local_account(key)
    full = {
        "to": step["to"],
        "data": step["data"],
        "value": int(step["value"]),
        "gas": step["gas"],
        "chainId": step["chain_id"],
        "nonce": w3.eth.get_transaction_count(account.address),
        "maxFeePerGas": 10**11,
        "maxPriorityFeePerGas": 10**9,
    }
    return account.sign_transaction(full).raw_transaction.to_0x_hex()


def send(service: Service, step: dict, key: int) -> dict:
    """Sign and relay; the view of the transaction once it is done."""
    relayed = service.post("/v1/transactions", json={"raw": sign(service, step, key)})
    assert relayed.status_code == 202, relayed.text
    service.world.chain.w3.eth.wait_for_transaction_receipt(relayed.json()["hash"])
    seen = service.get(relayed.headers["location"])
    assert seen.status_code == 200, seen.text
    return seen.json()


def test_a_subscription_from_words_to_units(offered: Service) -> None:
    life = offered.world.life
    b = local_account(KEYS["b"]).address
    assert b == life.b
    life.send(life.deployer, life.currency.mint(b, 3 * THOUSAND))
    prepared = prepare(offered, "subscribe", b, units="3")
    assert prepared["ok"] is True
    assert prepared["affordable"] is True
    assert prepared["title"] == "Buy 3 units for USD 3,000.00"
    assert [step["function"] for step in prepared["steps"]] == ["approve", "subscribe"]
    approve, subscribe = prepared["steps"]
    assert approve["to"] == life.record.addresses["currency"]
    assert subscribe["to"] == life.record.addresses["offering"]
    moves = {(m["asset"], m["amount"]) for m in subscribe["outcome"]["moves"]}
    assert moves == {("money", str(3 * THOUSAND)), ("units", "3")}
    assert read(life.token.balanceOf(b)) == 0  # nothing has been sent
    send(offered, approve, KEYS["b"])
    done = send(offered, subscribe, KEYS["b"])
    assert read(life.token.balanceOf(b)) == 3
    assert done["state"] == "done"
    assert done["action"] == "subscribe"
    assert "Subscribed" in {event["name"] for event in done["events"]}
    # With the allowance there, the next one is a single step.
    life.send(b, life.currency.approve(life.record.addresses["offering"], 10 * THOUSAND))
    assert [s["function"] for s in prepare(offered, "subscribe", b, units=1)["steps"]] == ["subscribe"]


def test_everything_that_is_signed_is_shown(offered: Service) -> None:
    life, w3 = offered.world.life, offered.world.chain.w3
    agent = offered.world.record.wallets["agent"]

    def given(action: str, sender: str, **parameters: object) -> dict[str, str]:
        shown = prepare(offered, action, sender, **parameters)["given"]
        assert [each["name"] for each in shown] == list(parameters)
        return {each["title"]: each["words"] for each in shown}

    assert given("pause", agent, paused=True) == {"true stops transfers, false allows them": "true"}
    assert given("fund", life.issuer, amount="1234500000") == {"the amount": "USD 1,234.50"}
    assert given("subscribe", life.b, units="1000") == {"whole units of the claim token": "1,000"}
    verified = given(
        "verify-identity",
        life.deployer,
        account=life.b,
        country=840,
        investor_class="institutional",
        expiry=at("2040-01-01"),
    )
    assert verified["the wallet"] == life.b
    assert verified["until when"] == "2040-01-01 00:00 UTC"
    assert w3.eth.block_number  # nothing was sent


def test_a_claim_of_nothing_says_so(offered: Service) -> None:
    (step,) = prepare(offered, "claim", offered.world.life.b)["steps"]
    assert step["outcome"]["ok"] is True
    assert step["outcome"]["note"] == "Nothing would change: there is nothing to do."
    (paused,) = prepare(offered, "pause", offered.world.record.wallets["agent"], paused=True)["steps"]
    assert paused["outcome"]["note"] is None


def test_a_currency_that_is_wary_of_changed_allowances(tmp_path: Path) -> None:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        made, _ = Sender(chain.w3, chain.accounts[0]).deploy("WaryCurrency", 6)
        life = Life(chain, small_deal(), made.address)
        life.verify(life.b)
        life.send(life.deployer, life.currency.mint(life.b, THOUSAND))
        life.send(life.b, life.currency.approve(life.record.addresses["offering"], 5))
        with serving(World(chain, life, tmp_path).save()) as service:
            steps = prepare(service, "subscribe", life.b, units="1")["steps"]
            assert [step["function"] for step in steps] == ["approve", "approve", "subscribe"]
            assert steps[0]["title"] == "Take back what was allowed before"
            for step in steps:
                assert step["outcome"]["ok"] is True
                chain.w3.eth.wait_for_transaction_receipt(
                    chain.w3.eth.send_transaction({"from": life.b, "to": step["to"], "data": step["data"]})
                )
        assert read(life.token.balanceOf(life.b)) == 1


def test_no_permit_of_another_token_is_given_to_sign(tmp_path: Path) -> None:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        sender = Sender(chain.w3, chain.accounts[0])
        real, _ = sender.deploy("TestCurrency", "USD Coin", "USDC", 6)
        made, _ = sender.deploy("PosingCurrency", 6)
        life = Life(chain, small_deal(), made.address)
        life.verify(life.b)
        life.send(life.deployer, life.currency.mint(life.b, THOUSAND))
        with serving(World(chain, life, tmp_path).save()) as service:
            assert prepare(service, "subscribe", life.b, units="1")["steps"][0]["permit"] is not None
            sender.send(contract(chain.w3, "PosingCurrency", made.address).functions.pose(real.address))
            assert prepare(service, "subscribe", life.b, units="1")["steps"][0]["permit"] is None


def test_a_refusal_is_foreseen_in_words(offered: Service) -> None:
    life = offered.world.life
    stranger = local_account(KEYS["stranger"]).address
    life.send(life.deployer, life.currency.mint(stranger, THOUSAND))
    prepared = prepare(offered, "subscribe", stranger, units="1")
    assert prepared["ok"] is False
    refusal = prepared["steps"][1]["outcome"]["refusal"]
    assert refusal["name"] == "ERC7943CannotReceive"
    assert refusal["arguments"]["account"] == stranger
    assert "not verified" in refusal["words"]
    too_many = prepare(offered, "subscribe", life.b, units="7")["steps"][-1]["outcome"]["refusal"]
    assert too_many["name"] == "Offering_CapExceeded"
    assert too_many["arguments"]["available"] == "6"
    assert too_many["words"] == "Only 6 units are left."
    assert (
        prepare(offered, "pay-coupon", life.b)["steps"][0]["outcome"]["refusal"]["name"]
        == "KpiBond_WrongState"
    )


def test_a_permit_does_what_an_approval_does(offered: Service) -> None:
    life = offered.world.life
    b = local_account(KEYS["b"])
    life.send(life.deployer, life.currency.mint(b.address, THOUSAND))
    permit = prepare(offered, "subscribe", b.address, units="1")["steps"][0]["permit"]
    assert permit["purpose"] == "permit"
    signed = b.sign_message(encode_typed_data(full_message=permit["data"]))
    message = permit["data"]["message"]
    # Anybody may bring it: here somebody else does.
    life.send(
        life.c,
        life.currency.permit(
            message["owner"], message["spender"], int(message["value"]), int(message["deadline"]),
            signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big"),
        ),
    )  # fmt: skip
    assert read(life.currency.allowance(b.address, life.record.addresses["offering"])) == THOUSAND
    assert [s["function"] for s in prepare(offered, "subscribe", b.address, units=1)["steps"]] == [
        "subscribe"
    ]


def test_what_is_not_relayed(offered: Service) -> None:
    life, w3 = offered.world.life, offered.world.chain.w3
    c = local_account(KEYS["c"])
    common = {
        "gas": 200_000,
        "gasPrice": 10**11,
        "nonce": w3.eth.get_transaction_count(c.address),
        "value": 0,
    }

    def refused(status: int, name: str, **fields: object) -> None:
        raw = c.sign_transaction({**common, "chainId": 31337, **fields}).raw_transaction.to_0x_hex()
        answer = offered.post("/v1/transactions", json={"raw": raw})
        assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{name}"), answer.text

    claim = life.token.claim(c.address)._encode_transaction_data()
    token = life.record.addresses["token"]
    refused(422, "wrong-chain", to=token, data=claim, chainId=1)
    refused(422, "not-relayed", to=token, data=claim, value=1)
    refused(422, "not-relayed", to=c.address, data="0x")
    refused(422, "not-relayed", to=token, data="0x00000000")
    stranger = life.currency.approve(c.address, 10**12)._encode_transaction_data()
    refused(422, "not-relayed", to=life.record.addresses["currency"], data=stranger)
    refused(409, "contract-refused", to=token, data=life.token.transfer(life.a, 1)._encode_transaction_data())
    assert w3.eth.get_transaction_count(c.address) == common["nonce"]  # nothing has been sent
    for raw in ("0x", "0x02", "0x" + "00" * 500, "0xdeadbeef", "0x" + "f8" * 40):
        answer = offered.post("/v1/transactions", json={"raw": raw})
        assert answer.status_code == 422, (raw, answer.text)


def test_the_same_signed_transaction_again_changes_nothing(offered: Service) -> None:
    life = offered.world.life
    step = prepare(offered, "claim", life.c)["steps"][0]
    raw = sign(offered, step, KEYS["c"])
    first = offered.post("/v1/transactions", json={"raw": raw})
    again = offered.post("/v1/transactions", json={"raw": raw})
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()
    assert offered.get("/v1/transactions/0x" + "ab" * 32).status_code == 404


@pytest.mark.parametrize(
    ("action", "parameters", "field"),
    [
        ("subscribe", {}, "parameters.units"),
        ("subscribe", {"units": "-1"}, "parameters.units"),
        ("subscribe", {"units": 1.5}, "parameters.units"),
        ("subscribe", {"units": True}, "parameters.units"),
        ("subscribe", {"units": str(2**64)}, "parameters.units"),
        ("subscribe", {"units": "1", "price": "1"}, "parameters.price"),
        ("transfer", {"units": 1, "to": "0x12"}, "parameters.to"),
        ("challenge", {"period": 0, "evidence": "0x12"}, "parameters.evidence"),
        ("pause", {"paused": "yes"}, "parameters.paused"),
        ("rule", {"period": 0, "verdict": "void", "signatures": ["0x00"]}, "parameters.signatures"),
    ],
)
def test_parameters_are_checked(active: Service, action: str, parameters: dict, field: str) -> None:
    body = {
        "deployment": active.world.id,
        "action": action,
        "from": active.world.life.a,
        "parameters": parameters,
    }
    answer = active.post("/v1/transactions/prepare", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


def test_actions_of_a_deployment(active: Service, wind: Service) -> None:
    bond = {each["name"] for each in active.of("/actions")["items"]}
    swap = {each["name"] for each in wind.of("/actions")["items"]}
    assert {"subscribe", "transfer", "claim", "challenge", "pay-coupon", "redeem"} <= bond
    assert {"settle", "fund-swap", "pay-waterfall", "subscribe"} <= swap
    assert not {"pay-coupon"} & swap
    assert not {"settle", "pay-waterfall"} & bond
    body = {"deployment": active.world.id, "action": "settle", "from": active.world.life.a}
    assert active.post("/v1/transactions/prepare", json=body).status_code == 422
    gone = {"deployment": "nothing-12345678", "action": "claim", "from": active.world.life.a}
    assert active.post("/v1/transactions/prepare", json=gone).status_code == 404


def test_a_kind_without_words_is_offered_in_those_of_its_books(
    active: Service, wind: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that people can do, asked by its types; what it takes of them the books find out."""
    asked = [
        (active, "fund", {"amount": 7 * THOUSAND}),
        (active, "claim", {"holder": active.world.life.a}),
        (active, "subscribe", {"units": 1}),
        (wind, "receive-revenue", {"amount": THOUSAND, "line": "tolls"}),
    ]
    said = [prepare(service, name, active.world.life.a, **given) for service, name, given in asked]
    asked[-1][2]["line"] = "0x" + b"tolls".ljust(32, b"\0").hex()
    shared = {name: WORDS[name] for name in ("oracle", "registry", "currency", "factory")}
    monkeypatch.setattr("api.instruments.acts.WORDS", shared)
    for (service, name, given), words in zip(asked, said, strict=True):
        plain = prepare(service, name, active.world.life.a, **given)
        steps = [(step["to"], step["data"]) for step in plain["steps"]]
        wanted = [(step["to"], step["data"]) for step in words["steps"]]
        # The sale is over, which the books know: there is nothing to be allowed.
        assert steps == (wanted if name != "subscribe" else wanted[-1:]), name
    for service in (active, wind):
        index = service.services.index
        acts = {(act.on, act.name): act for act in acts_of(index.deployment(service.world.id))}
        assert {each.kind for act in acts.values() for each in act.parameters} <= KINDS.keys()
        assert {("token", "transfer"), ("token", "forced-transfer"), ("offering", "subscribe")} <= acts.keys()
        # Only the deal's own contracts do these.
        assert (
            not {("token", "mint"), ("token", "close"), ("bond", "activate"), ("treasury", "activate")}
            & acts.keys()
        )


def test_a_challenge_and_a_ruling_by_the_panel(tmp_path: Path) -> None:
    with start_anvil(timestamp=BEFORE_THE_OFFERING) as chain:
        world = bond_world(chain, tmp_path, "measured")
        world.life.report(420_000, "2021-01-11")
        with serving(world) as service:
            _challenged(service)


def _challenged(service: Service) -> None:
    life = service.world.life
    citizen = local_account(KEYS["stranger"]).address
    feed = life.record.feeds["runoff-reduction"]
    config = read(life.oracle.configOf(feed))
    stake = config["challengeBond"]
    life.send(life.deployer, life.currency.mint(citizen, stake))
    for step in prepare(service, "challenge", citizen, period=0, evidence="0x" + "cd" * 32)["steps"]:
        send(service, step, KEYS["stranger"])
    assert read(life.oracle.statusOf(feed, 0)) == 2  # challenged
    said = {"period": 0, "verdict": "corrected", "value": "296800", "evidence": "0x" + "ef" * 32}
    signatures = []
    keys = {local_account(200 + n).address: 200 + n for n in range(10)}
    for panellist in config["panel"][: config["panelQuorum"]]:
        typed = prepare(service, "sign-ruling", panellist, **said)["sign"]["data"]
        signed = local_account(keys[panellist]).sign_message(encode_typed_data(full_message=typed))
        signatures.append("0x" + signed.signature.hex().removeprefix("0x"))
    strange = Account.create().sign_message(encode_typed_data(full_message=typed)).signature.hex()
    body = {"deployment": service.world.id, "action": "rule", "from": citizen}
    wrong = {**said, "signatures": [*signatures[:-1], "0x" + strange.removeprefix("0x")]}
    refused = service.post("/v1/transactions/prepare", json={**body, "parameters": wrong})
    assert refused.status_code == 409
    assert "not on the panel" in refused.json()["detail"]
    (step,) = prepare(service, "rule", citizen, **said, signatures=list(reversed(signatures)))["steps"]
    send(service, step, KEYS["stranger"])
    report = read(life.oracle.reportOf(feed, 0))
    assert (report["status"], report["value"]) == (3, 296_800)
    before = read(life.currency.balanceOf(citizen))
    (step,) = prepare(service, "withdraw-credit", citizen)["steps"]
    send(service, step, KEYS["stranger"])
    assert read(life.currency.balanceOf(citizen)) - before == stake + config["challengeReward"]


def test_a_failed_transaction_says_why(offered: Service) -> None:
    life, w3 = offered.world.life, offered.world.chain.w3
    data = life.token.transfer(life.a, 1)._encode_transaction_data()
    sent = w3.eth.send_transaction(
        {"from": life.c, "to": life.record.addresses["token"], "data": data, "gas": 200_000}
    )
    w3.eth.wait_for_transaction_receipt(sent)
    seen = offered.get(f"/v1/transactions/{sent.to_0x_hex()}").json()
    assert seen["state"] == "failed"
    assert seen["refusal"]["name"] == "ERC20InsufficientBalance"
    assert seen["events"] == []
    assert seen["moves"] == []


def test_a_wallet_without_ether_is_told(offered: Service) -> None:
    poor = Account.create().address
    life = offered.world.life
    life.verify(poor)
    life.send(life.deployer, life.currency.mint(poor, THOUSAND))
    prepared = prepare(offered, "subscribe", poor, units="1")
    assert prepared["ok"] is True
    assert prepared["affordable"] is False


def test_words_are_in_the_readers_language(offered: Service) -> None:
    body = {"deployment": offered.world.id, "action": "subscribe", "from": offered.world.life.c}
    given = {**body, "parameters": {"units": 2}}
    answer = offered.post("/v1/transactions/prepare", json=given, headers={"Accept-Language": "ko"}).json()
    assert "2단위" in answer["title"]
    refusal = answer["steps"][-1]["outcome"]["refusal"]
    assert refusal["name"] == "ERC20InsufficientBalance"
    assert "잔액" in refusal["words"]


def test_a_node_that_cannot_simulate_says_less(tmp_path: Path) -> None:
    """Ganache has no eth_simulateV1: what depends on an earlier step is left open, and told as it comes."""
    with start_ganache(timestamp=BEFORE_THE_OFFERING) as chain:
        world = bond_world(chain, tmp_path, "offered")
        life = world.life
        life.send(life.deployer, life.currency.mint(life.b, THOUSAND))
        with serving(world) as service:
            prepared = prepare(service, "subscribe", life.b, units=1)
            assert prepared["ok"] is None
            assert [step["outcome"]["simulated"] for step in prepared["steps"]] == [True, False]
            assert prepared["steps"][1]["gas"] is None
            send(service, prepared["steps"][0], KEYS["b"])
            (step,) = prepare(service, "subscribe", life.b, units=1)["steps"]
            assert step["outcome"]["ok"] is True
            send(service, step, KEYS["b"])
            assert read(life.token.balanceOf(life.b)) == 1
            stranger = prepare(service, "transfer", life.a, to=chain.accounts[9], units=1)
            assert stranger["steps"][0]["outcome"]["refusal"]["name"] == "ERC7943CannotReceive"


def test_the_clock_of_a_simulation_is_the_chains(offered: Service) -> None:
    reach_time(offered.world.chain.w3, at("2016-09-29"))
    life = offered.world.life
    refusal = prepare(offered, "subscribe", life.a, units=1)["steps"][-1]["outcome"]["refusal"]
    assert refusal["name"] == "Offering_WrongState"


def test_what_is_called_due_is_not_refused(offered: Service) -> None:
    """A coupon on its day without the money for it, and with it; and once it is overdue."""
    life = offered.world.life
    life.sell(b=3)
    life.settle()
    for date, what, amount in (
        ("2017-04-01", "coupon", 0),
        ("2017-04-01", "coupon", THOUSAND // 8),  # 120.05 is due
        ("2018-04-01", "default", 0),
    ):
        reach_time(life.w3, at(date))
        life.send(life.deployer, life.currency.mint(life.deployer, 1))  # a block at that time
        if amount:
            life.fund(amount)
        offered.catch_up()
        steps = {step["what"]: step for step in offered.of("/state")["steps"]}
        for name, action in (("coupon", "pay-coupon"), ("default", "declare-default")):
            due = name in steps and steps[name]["due"]
            assert due == prepare(offered, action, life.c)["ok"], (date, name)
            assert not due or steps[name]["action"] == action
        assert steps[what]["due"] == (amount > 0 or what == "default")
        if amount:
            life.coupon(date)
