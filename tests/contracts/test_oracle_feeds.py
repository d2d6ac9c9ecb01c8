"""KpiOracle.tree: feeds."""

from __future__ import annotations

import pytest
from eth_abi import encode
from eth_utils import keccak

from tests.contracts.checks import ZERO, names, plain, refuses
from tests.contracts.material import DAY, MILLION, NODES, PANEL, components_of, named_keys, tuple_of


@pytest.fixture(scope="module")
def config_of(base, plan_of, parties):
    """config_of(**changes): a configuration as the ABI wants it, with one consumer."""
    components = components_of(base.oracle, "createFeed")

    def make(**changes):
        policy = plan_of().oracle_policy() | {"consumers": [parties.third.address]} | changes
        return tuple_of(components, policy)

    return make


def addresses(count, label="more"):
    return [key.address for key in named_keys(label, count)]


def test_create_feed_stores_the_configuration_under_its_hash(base, parties, config_of):
    config = config_of()
    tx = base.oracle.createFeed(config, {"from": parties.stranger})
    types = "(bytes32,bytes32,bytes32,int128,int128,uint128,uint32,uint32,uint32,uint32,uint8,uint8,uint8,address,uint128,uint128,address,uint64[],address[],address[],address[])"  # noqa: E501
    feed = keccak(encode([types], [config]))
    assert bytes(tx.return_value) == feed
    event = tx.events["FeedCreated"]
    assert (bytes(event["feed"]), bytes(event["deal"]), bytes(event["kpi"])) == (feed, config[0], config[1])
    lowered = plain(config)
    assert plain(base.oracle.configOf(feed)) == tuple(
        tuple(a.lower() if isinstance(a, str) else a for a in x) if isinstance(x, tuple) else x
        for x in lowered
    )


def test_the_same_feed_is_found_not_made_again(base, parties, config_of):
    config = config_of()
    first = base.oracle.createFeed(config, {"from": parties.stranger})
    second = base.oracle.createFeed(config, {"from": parties.relay})
    assert first.return_value == second.return_value
    assert names(second) == []


def test_any_change_makes_another_feed(base, parties, config_of):
    changes = [
        {},
        {"deal": b"\1" * 32},
        {"kpi": b"other".ljust(32, b"\0")},
        {"methodHash": b"\1" * 32},
        {"minValue": 0},
        {"maxValue": MILLION + 1},
        {"maxSpread": 0},
        {"reportingWindow": 1},
        {"lateWindow": 15 * DAY},
        {"disputeWindow": 1},
        {"rulingWindow": 1},
        {"quorum": 4},
        {"panelQuorum": 3},
        {"decimals": 0},
        {"bondCurrency": parties.relay.address},
        {"challengeBond": 1},
        {"challengeReward": 0},
        {"sponsor": parties.relay.address},
        {"periodEnds": [1]},
        {"signers": sorted(addresses(4), key=lambda a: int(a, 16))},
        {"panel": sorted(addresses(3, "panel b"), key=lambda a: int(a, 16))},
        {"consumers": [parties.relay.address]},
    ]
    feeds = {
        str(
            base.oracle.createFeed(config_of(**change), {"from": parties.stranger}).events["FeedCreated"][
                "feed"
            ]
        )
        for change in changes
    }
    assert len(feeds) == len(changes)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"minValue": 5, "maxValue": 5}, "minValue not below maxValue"),
        ({"signers": []}, "signers not 1-32 ascending addresses"),
        ({"signers": addresses(33), "quorum": 17}, "signers not 1-32 ascending addresses"),
        ({"signers": [NODES[1].address, NODES[0].address]}, "signers not 1-32 ascending addresses"),
        ({"signers": [NODES[0].address] * 2}, "signers not 1-32 ascending addresses"),
        ({"signers": [ZERO, NODES[0].address]}, "signers not 1-32 ascending addresses"),
        ({"panel": []}, "panel not 1-32 ascending addresses"),
        ({"panel": [PANEL[0].address] * 3}, "panel not 1-32 ascending addresses"),
        ({"consumers": []}, "consumers not 1-8 ascending addresses"),
        ({"consumers": addresses(9)}, "consumers not 1-8 ascending addresses"),
        ({"quorum": 2}, "quorum not a majority of signers"),  # two of four
        ({"quorum": 5}, "quorum not a majority of signers"),
        ({"quorum": 0}, "quorum not a majority of signers"),
        ({"signers": addresses(1), "quorum": 1}, "quorum too small: liars could set the value"),
        ({"signers": addresses(2), "quorum": 2}, "quorum too small: liars could set the value"),
        ({"signers": addresses(3), "quorum": 2}, "quorum too small: liars could set the value"),
        ({"signers": addresses(7), "quorum": 4}, "quorum too small: liars could set the value"),
        ({"signers": addresses(31), "quorum": 20}, "quorum too small: liars could set the value"),
        ({"panelQuorum": 1}, "panelQuorum not a majority of panel"),
        ({"panelQuorum": 4}, "panelQuorum not a majority of panel"),
        (
            {"panel": sorted((NODES[2].address, PANEL[0].address), key=lambda a: int(a, 16))},
            "a signer sits on the panel",
        ),
        ({"reportingWindow": 0}, "reportingWindow zero"),
        ({"disputeWindow": 0}, "disputeWindow zero"),
        ({"lateWindow": 14 * DAY - 1}, "lateWindow shorter than disputeWindow"),
        ({"rulingWindow": 0}, "rulingWindow zero"),
        ({"bondCurrency": ZERO}, "bondCurrency zero"),
        ({"challengeBond": 0}, "challengeBond zero"),
        ({"sponsor": ZERO}, "sponsor zero"),
        ({"periodEnds": []}, "periodEnds not 1-512"),
        ({"periodEnds": list(range(513))}, "periodEnds not 1-512"),
        ({"periodEnds": [5, 5]}, "periodEnds not ascending"),
        ({"periodEnds": [5, 4]}, "periodEnds not ascending"),
        ({"periodEnds": [2**48]}, "periodEnds too far away"),
    ],
)
def test_create_feed_refuses(base, parties, config_of, change, what):
    # By eth_call: for a transaction, brownie reads the error from its trace, too long for Ganache with 513
    # periods.
    with refuses(base.oracle, "KpiOracle_InvalidConfig", what):
        base.oracle.createFeed.call(config_of(**change), {"from": parties.stranger})


def test_the_largest_feed_fits_into_code_and_works(base, parties, config_of, report):
    """32 signers, 32 panellists, 8 consumers, 512 periods: 19 kB of the 24,576 bytes a contract may have."""
    from types import SimpleNamespace

    signers = named_keys("many nodes", 32)
    config = config_of(
        signers=[key.address for key in signers],
        panel=addresses(32, "many panellists"),
        consumers=addresses(8, "many consumers"),
        quorum=21,
        panelQuorum=17,
        periodEnds=[*range(511), 2**40 - 1],
        reportingWindow=2**32 - 1,
    )
    feed = base.oracle.createFeed(config, {"from": parties.stranger}).events["FeedCreated"]["feed"]
    assert len(base.oracle.configOf(feed)[17]) == 512
    deal = SimpleNamespace(feed=feed, oracle=base.oracle)
    # Period 0 ended long ago; the widest reporting window (136 years) still covers it.
    observations = [report.sign(deal, [i], (i,), key=signers[i], at=None)[0] for i in range(32)]
    tx = base.oracle.submit(feed, 0, 0, observations, {"from": parties.relay})
    event = tx.events["ReportSubmitted"]
    assert event["value"] == 15  # lower middle of 0..31
    assert event["signers"] == sum((i + 1) << (8 * i) for i in range(32))  # index plus one, a byte each


def test_windows_are_measured_in_whole_days_here(plan_of):
    """The other oracle tests rely on these."""
    policy = plan_of().oracle_policy()
    assert [policy[w] // DAY for w in ("reportingWindow", "lateWindow", "disputeWindow", "rulingWindow")] == [
        45,
        14,
        14,
        21,
    ]
