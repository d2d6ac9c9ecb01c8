"""Random configurations of feeds, good and spoilt, and who is named in them."""

from __future__ import annotations

from random import Random
from typing import Any

from finance.settlement.feed_config import liars
from finance.settlement.world import NOBODY
from tests.settlement.engine import NOW
from tests.settlement.signing import Key
from tests.settlement.twins import person

DAY = 86_400
KEYS = {key.address: key for key in map(Key, range(0xA0DE, 0xA0DE + 16))}
SPONSOR, STRANGER = person("sponsor"), person("stranger")
CONSUMERS = sorted((person("bond"), person("swap")), key=lambda address: int(address, 16))
HASHES = ["0x" + bytes([n]).hex() * 32 for n in range(1, 9)]


def random_config(rng: Random, money: str) -> dict[str, Any]:
    """Of a feed that can be."""
    count, panel = rng.choice((3, 4, 4, 4, 5, 7, 10)), rng.randint(1, 4)
    people = rng.sample(sorted(KEYS), count + panel)
    by_number = lambda address: int(address, 16)  # noqa: E731
    low = rng.choice((-(2**127), -1_000, 0, 5))
    dispute, bond = rng.choice((1, 2 * DAY, 9 * DAY, 9 * DAY)), rng.choice((1, 10_000, 2**100))
    ends, at = [], NOW + rng.randrange(10 * DAY)
    for _ in range(rng.randint(1, 4)):
        ends.append(at)
        at += rng.choice((1, 7 * DAY, rng.randrange(1, 60 * DAY)))
    return {
        "deal": rng.choice(HASHES),
        "kpi": rng.choice(HASHES),
        "methodHash": HASHES[0],
        "minValue": low,
        "maxValue": rng.choice((low + 1, low + 1_000, 2**127 - 1)),
        "maxSpread": rng.choice((0, 3, 500, 2**128 - 1)),
        "reportingWindow": rng.choice((1, 5 * DAY, 30 * DAY, 30 * DAY)),
        "lateWindow": dispute + rng.choice((0, 8 * DAY)),
        "disputeWindow": dispute,
        "rulingWindow": rng.choice((1, 3 * DAY, 14 * DAY, 14 * DAY)),
        "quorum": rng.randint(max(2 * liars(count) + 1, count // 2 + 1), count),
        "panelQuorum": rng.randint(panel // 2 + 1, panel),
        "decimals": rng.randrange(19),
        "bondCurrency": money,
        "challengeBond": bond,
        "challengeReward": rng.choice((0, bond // 2, 3 * bond)),
        "sponsor": SPONSOR,
        "periodEnds": ends,
        "signers": sorted(people[:count], key=by_number),
        "panel": sorted(people[count:], key=by_number),
        "consumers": rng.choice((CONSUMERS, CONSUMERS[:1])),
    }


def spoilt(rng: Random, config: dict[str, Any]) -> dict[str, Any]:
    """The same with a flaw, or just about one."""
    c, n = config, len(config["signers"])
    return config | rng.choice(
        [
            {"minValue": c["maxValue"]},
            {"maxValue": c["minValue"]},
            {"signers": c["signers"][::-1]},
            {"signers": [NOBODY, *c["signers"]]},
            {"signers": c["signers"][:2], "quorum": 2},
            {"panel": []},
            {"panel": c["panel"] * 2},
            {"panel": c["signers"][:1], "panelQuorum": 1},
            {"consumers": []},
            {"consumers": [person(chr(97 + i)) for i in range(rng.choice((8, 9)))]},
            {"quorum": n + 1},
            {"quorum": rng.randrange(n + 1)},
            {"panelQuorum": len(c["panel"]) + 1},
            {"panelQuorum": len(c["panel"]) // 2},
            dict.fromkeys([rng.choice(("reportingWindow", "disputeWindow", "rulingWindow"))], 0),
            {"lateWindow": c["disputeWindow"] - rng.randrange(2)},
            {"bondCurrency": NOBODY},
            {"challengeBond": 0},
            {"sponsor": NOBODY},
            {"periodEnds": []},
            {"periodEnds": [*c["periodEnds"], c["periodEnds"][-1]]},
            {"periodEnds": [1, 2**40 - rng.randrange(2)]},
            {"periodEnds": list(range(NOW, NOW + rng.choice((512, 513))))},
        ]
    )
