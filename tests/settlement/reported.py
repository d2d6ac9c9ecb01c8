"""Deals that an oracle's reports decide: three honest nodes, which now and then are silent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

from finance.settlement.acts import Act
from finance.settlement.feed_report import NOTHING, Status
from finance.settlement.payoff_curve import Curve
from finance.settlement.world import CURRENCY, NOBODY, World
from tests.settlement.engine import NOW
from tests.settlement.issues import AGENT, HOLDERS, POLICY, VERIFIER, Choice, Issue, anchors, offering_struct
from tests.settlement.signing import OBSERVATION, Key, digest, domain
from tests.settlement.twins import DAY, Chain, Contract, Twins, approve, currency, person, rich
from tests.settlement.twins import DEPLOYER as SPONSOR

NODES = sorted((Key(n) for n in range(0xA0DE, 0xA0DE + 3)), key=lambda key: int(key.address, 16))
PANEL = [person("panel")]
NO_FEED = "0x" + "00" * 32
REPORTING, LATE, DISPUTE = 20 * DAY, 5 * DAY, 2 * DAY


def feed_config(
    money: str, consumer: str, ends: Sequence[int], bounds: tuple[int, int], kpi: int
) -> dict[str, Any]:
    """IKpiOracle.FeedConfig of three nodes that report within some weeks."""
    return {
        "deal": NO_FEED, "kpi": "0x" + kpi.to_bytes(32, "big").hex(), "methodHash": NO_FEED,
        "minValue": bounds[0], "maxValue": bounds[1], "maxSpread": 2**100,
        "reportingWindow": REPORTING, "lateWindow": LATE, "disputeWindow": DISPUTE, "rulingWindow": DAY,
        "quorum": 3, "panelQuorum": 1, "decimals": 0, "bondCurrency": money,
        "challengeBond": 1, "challengeReward": 0, "sponsor": SPONSOR, "periodEnds": list(ends),
        "signers": [key.address for key in NODES], "panel": PANEL, "consumers": [consumer],
    }  # fmt: skip


def curve_struct(curve: Curve) -> tuple[int, list[tuple[int, int]]]:
    """PayoffCurve.Curve"""
    return int(curve.shape), [(knot.x, knot.y) for knot in curve.knots]


class Reported(Issue):
    """A deal whose contracts are cloned and initialised by hand, as the factory does it: a kind of life says
    which (`clones`), with which books (`parts`), and how they are wired (`wire`)."""

    HASTE = 0.6
    SERVICER = ""

    def __init__(self, chain: Chain, rng: Random, people: list[str]) -> None:
        self.rng, self.is_late = rng, False
        self.answers = [rng.random() < 0.85 for _ in range(99)]  # whether nodes report the period
        self.means = rng.choice((0.1, 0.5, 2))  # how often somebody pays in
        self.keeping = rng.choice((0.5, 2, 5))  # how often what is due is done
        self._asked: tuple[World | None, int, list[Act]] = None, 0, []
        chain.move(NOW, 1)
        contracts = self._cloned(chain, people)
        addresses = {key: each.address for key, each in contracts.items()}
        world = World(self.parts(addresses), addresses, NOW, 1, defaultdict(int, rich(people)))
        Twins.__init__(self, chain, world, contracts, people)
        self.domain = domain(addresses["oracle"])
        self.wire(addresses)
        approve(chain, contracts[CURRENCY], people, addresses.values())
        if self.is_sold:
            self._wire_issue(addresses)
            self.verify(0.9)
        if rng.random() < 0.8:
            self.begin()

    def clones(self, chain: Chain) -> dict[str, Contract]:
        raise NotImplementedError

    def parts(self, addresses: Mapping[str, str]) -> dict[str, Any]:
        raise NotImplementedError

    def wire(self, addresses: Mapping[str, str]) -> None:
        raise NotImplementedError

    def _cloned(self, chain: Chain, people: list[str]) -> dict[str, Contract]:
        money = currency(chain, people)
        made = {CURRENCY: money, "oracle": chain.deploy("KpiOracle"), **self.clones(chain)}
        if self.is_sold:
            made["registry"] = chain.deploy("IdentityRegistry", VERIFIER)
            words = anchors(made["registry"].address, POLICY, money.address, AGENT)
            made["token"] = chain.clone("SecurityToken", words)
            made["offering"] = chain.clone("Offering")
        return made

    def _wire_issue(self, at: Mapping[str, str]) -> None:
        self.send("token", "initialize", "Project", "PRJ", at["offering"], at[self.SERVICER])
        terms = offering_struct(self.sale, at["token"], at[self.SERVICER], at[CURRENCY])
        self.send("offering", "initialize", terms)
        approve(self.chain, self.contracts["token"], HOLDERS, self.people)

    def feed(self, config: dict[str, Any]) -> str:
        """The id of a new feed."""
        done = self.do(self.act(AGENT, "oracle", "create_feed", config=config))
        assert done is not None
        return str(done.result)

    def send(self, key: str, function: str, *arguments: Any) -> None:
        """To a contract alone."""
        self.chain.send(AGENT, self.contracts[key], function, *arguments)

    def begin(self) -> None:
        """As it should: the issue is sold and settled."""
        self.world.at, self.world.block = self.sale.opens, self.world.block + 1
        for holder in self.rng.choices(HOLDERS, k=4):
            self.do(self.act(holder, "offering", "subscribe", units=self.rng.randint(2, 9)))
        self.world.at, self.world.block = self.sale.closes, self.world.block + 1
        self.do(self.act(AGENT, "offering", "settle"))

    def edges(self) -> Iterator[int]:
        oracle = self.world.parts["oracle"]
        for feed, config in oracle.feeds.items():
            for period, end in enumerate(config.period_ends):
                yield from (end, end + REPORTING, end + REPORTING + LATE + 1)
                yield oracle.reports.get((feed, period), NOTHING).final_at
        if self.is_sold:
            yield from super().edges()

    def choices(self) -> Iterator[Choice]:
        if self.is_sold:
            yield from self._of_the_sale()
            if self.rng.random() < 0.15:
                yield from self._of_the_token()
            if self.rng.random() < 0.03:
                yield from self._of_the_registry()
                yield from self._of_the_agent()
        yield from self._of_the_nodes()
        for act in self._due():
            yield self.keeping, NOBODY, act.part, act.call, dict(act.arguments)

    def _due(self) -> list[Act]:
        """What is due, asked once for each state of the world."""
        world, at, due = self._asked
        if world is not self.world or at != self.world.at:
            due = self.world.due()
            self._asked = self.world, self.world.at, due
        return due

    def _of_the_nodes(self) -> Iterator[Choice]:
        oracle, at = self.world.parts["oracle"], self.world.at
        for number, (feed, config) in enumerate(oracle.feeds.items()):
            for period, end in enumerate(config.period_ends):
                known = oracle.reports.get((feed, period), NOTHING).stored != Status.NONE
                if known or not end <= at <= end + REPORTING or not self.answers[period + 9 * number]:
                    continue
                value = self.rng.randint(config.min_value, config.max_value)
                said = {"value": value, "observedAt": at, "evidence": NO_FEED}
                signed = digest(self.domain, OBSERVATION, feed, period, 1, value, at, NO_FEED)
                seen = [{**said, "signer": i, **key.sign(signed)} for i, key in enumerate(NODES)]
                report = {"feed": feed, "period": period, "version": 1, "observations": seen}
                yield 6, NOBODY, "oracle", "submit", report
