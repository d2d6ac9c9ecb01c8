"""Random lives of an oracle and its books: nodes, relays, challengers, copiers, panel, sponsor, consumers and
strangers, at random times, with several feeds that share one contract."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple

from finance.settlement.acts import Act, Emitted
from finance.settlement.feed_config import FeedConfig
from finance.settlement.feed_report import NOTHING, Status, StoredReport, Verdict, commitment
from finance.settlement.oracle_feed import FeedBooks
from finance.settlement.world import CURRENCY, NOBODY, World
from tests.settlement.engine import NOW
from tests.settlement.feed_configs import (
    CONSUMERS,
    DAY,
    HASHES,
    KEYS,
    SPONSOR,
    STRANGER,
    random_config,
    spoilt,
)
from tests.settlement.signing import OBSERVATION, RULING, digest, domain
from tests.settlement.twins import Chain, Difference, Twins, View, approve, currency, person, rich

HOUR = 3_600
RELAY = person("relay")
CHALLENGERS = [person(name) for name in ("citizen", "rival", "copier")]
PEOPLE = [RELAY, SPONSOR, STRANGER, *CHALLENGERS, *CONSUMERS]


class Sealed(NamedTuple):
    """What somebody has committed to, or copied: a challenge of `value`, or a petition."""

    who: str
    feed: str
    period: int
    value: int | None
    evidence: str
    salt: str


class Life(Twins):
    """An oracle with two feeds; `act` is a random thing that somebody does."""

    def __init__(self, chain: Chain, rng: Random, books: type[FeedBooks] = FeedBooks) -> None:
        self.rng = rng
        chain.move(NOW, 1)
        money, oracle = currency(chain, PEOPLE), chain.deploy("KpiOracle")
        approve(chain, money, PEOPLE, [oracle.address])
        contracts = {"oracle": oracle, CURRENCY: money}
        addresses = {key: each.address for key, each in contracts.items()}
        world = World({"oracle": books()}, addresses, NOW, 1, defaultdict(int, rich(PEOPLE)))
        super().__init__(chain, world, contracts, PEOPLE)
        self.domain = domain(oracle.address)
        self.sealed: list[Sealed] = []
        self.to_open: list[Sealed] = []
        self.gifts = 0
        self.panel_is_silent, self.nodes_are_silent = rng.random() < 0.4, rng.random() < 0.4
        self.seen: Counter[str] = Counter()
        self.configs = [random_config(rng, money.address) for _ in range(2)]
        for config in self.configs:
            self.do(self.asks(STRANGER, "create_feed", config=config))

    @property
    def books(self) -> FeedBooks:
        found: FeedBooks = self.world.parts["oracle"]
        return found

    def asks(self, by: str, call: str, **arguments: Any) -> Act:
        """An act of the oracle, now."""
        return self.act(by, "oracle", call, **arguments)

    # -- time

    def edges(self) -> Iterator[int]:
        """Times at which something changes by the clock."""
        books = self.books
        for id, config in books.feeds.items():
            for period in range(len(config.period_ends)):
                yield from (config.period_end(period), config.report_until(period), config.late_until(period))
                yield books.reports.get((id, period), NOTHING).final_at
            yield config.disputes_until
        yield from (time + HOUR for _, time in books.commitments.values())

    def wait(self) -> None:
        """Some time, often until just about an edge."""
        rng, world = self.rng, self.world
        later = sorted(e for edge in self.edges() if (e := edge + rng.choice((-1, 0, 0, 1))) > world.at)
        rulings = [r.final_at for r in self.books.reports.values() if r.stored == Status.CHALLENGED]
        rulings = [end for end in rulings if end > world.at]
        if rulings and rng.random() < 0.2:
            world.at = max(world.at, min(rulings) + rng.choice((-1, 0, 0, 1)))
        elif self.to_open and rng.random() < 0.8:
            _, since = self.books.commitments.get(commitment(*self.to_open[-1]), (0, 0))
            expiry = since + HOUR + rng.randrange(2)
            world.at = max(world.at, rng.choice((world.at + 1, world.at + HOUR // 2, expiry)))
        elif later and rng.random() < 0.7:
            world.at = later[min(rng.choice((0, 0, 1)), len(later) - 1)]
        else:
            world.at += rng.choice((1, HOUR, rng.randrange(4 * DAY)))
        world.block += 1

    # -- random acts

    def subject(self, fits: Callable[[FeedConfig, StoredReport, int], bool]) -> tuple[str, int]:
        """A feed and period, mostly one that fits what is to be done."""
        rng, books = self.rng, self.books
        every = [(id, p) for id, config in books.feeds.items() for p in range(len(config.period_ends))]
        if rng.random() < 0.02:
            return rng.choice((rng.choice(HASHES), every[0][0])), rng.choice((0, 4, 2**32 - 1))
        found = self.fitting(fits)
        return rng.choice(found if found and rng.random() < 0.95 else every)

    def fitting(self, fits: Callable[[FeedConfig, StoredReport, int], bool]) -> list[tuple[str, int]]:
        books = self.books
        every = [
            (id, p) for id, config in books.feeds.items() for p in range(min(5, len(config.period_ends)))
        ]
        return [(id, p) for id, p in every if fits(books.feeds[id], books.reports.get((id, p), NOTHING), p)]

    def may_report(self, config: FeedConfig, was: StoredReport, period: int) -> bool:
        """Or nearly so: between the end of the period and that of the late window."""
        if not config.period_end(period) <= self.world.at <= config.late_until(period) or was.used:
            return False
        return not was.stored.settled and (was.stored != Status.NONE or self._unasked(config, period))

    def _unasked(self, config: FeedConfig, period: int) -> bool:
        return self.world.at <= config.report_until(period)

    def is_settled(self, config: FeedConfig, was: StoredReport, period: int) -> bool:
        return was.at(self.world.at, config.missing_at(period)).status.settled

    def is_challenged(self, config: FeedConfig, was: StoredReport, period: int) -> bool:
        return was.stored == Status.CHALLENGED

    def is_lapsed(self, config: FeedConfig, was: StoredReport, period: int) -> bool:
        return was.lapsed(self.world.at)

    def may_dispute(self, config: FeedConfig, was: StoredReport, period: int) -> bool:
        status = was.at(self.world.at, config.missing_at(period)).status
        asks = status == Status.NONE and not self._unasked(config, period)
        return asks or status in (Status.PENDING, Status.CHALLENGED)

    def values(self, config: FeedConfig, around: int, count: int) -> list[int]:
        """Ascending, within bounds and spread or just about; often all the same."""
        rng = self.rng
        low, high = config.min_value, config.max_value
        if rng.random() < 0.5:
            return [around] * count
        if rng.random() < 0.1:
            low, high = max(low - 1, -(2**127)), min(high + 1, 2**127 - 1)
        first = rng.choice((low, high, around, rng.randint(low, high)))
        last = min(high, first + rng.choice((0, 1, config.max_spread, config.max_spread + rng.randrange(2))))
        found = sorted([first, last, *(rng.randint(first, last) for _ in range(count))][:count])
        return found[::-1] if rng.random() < 0.03 else found

    def report(self) -> Act:
        rng, at = self.rng, self.world.at
        feed, period = self.subject(self.may_report)
        config = self.books.feeds.get(feed) or next(iter(self.books.feeds.values()))
        was = self.books.reports.get((feed, period), NOTHING)
        version = max(0, was.version + rng.choice((0,) * 8 + (1,) * 8 + (2, 7, -1)))
        nodes = range(len(config.signers))
        count = rng.choice(
            (config.quorum, config.quorum, len(nodes), max(0, config.quorum - rng.randrange(2)))
        )
        signers = rng.sample(nodes, count)
        more = [i for i in nodes if not was.signers >> i & 1]
        if version == was.version and not more and rng.random() < 0.9:
            version += 1
        if version == was.version and was.signers and more and rng.random() < 0.9:  # complete it
            signers = [i for i in nodes if i not in more] + rng.sample(more, rng.randint(1, len(more)))
            rng.shuffle(signers)
        signers += rng.choice(([],) * 40 + ([len(nodes)], [255], signers[:1]))
        around = rng.randint(config.min_value, config.max_value)
        if was.signers and rng.random() < (0.4 if version == was.version else 0.2):
            around = was.value
        end = config.period_ends[period] if period < len(config.period_ends) else at
        times = [t for t in (end, at, (end + at) // 2) if end <= t <= at] or [at]
        observations = []
        for value, signer in zip(self.values(config, around, len(signers)), signers, strict=True):
            observed = rng.choice(times) if rng.random() < 0.995 else rng.choice((end - 1, at + 1))
            said = {"value": value, "observedAt": observed, "signer": signer, "evidence": rng.choice(HASHES)}
            signed = digest(
                self.domain, OBSERVATION, feed, period, version, value, observed, said["evidence"]
            )
            observations.append(said | KEYS[config.signers[signer % len(nodes)]].sign(signed))
        return self.asks(
            RELAY, "submit", feed=feed, period=period, version=version, observations=observations
        )

    def commit(self) -> Act:
        """To a challenge of what is there, or to a petition where nothing is; or a copier to what it saw."""
        rng = self.rng
        feed, period = self.subject(self.may_dispute)
        was = self.books.reports.get((feed, period), NOTHING)
        value = (was.value if was.signers else None) if rng.random() < 0.95 else 3
        made = Sealed(rng.choice(CHALLENGERS), feed, period, value, rng.choice(HASHES), rng.choice(HASHES))
        if self.to_open and rng.random() < 0.5:
            made = self.to_open[-1]._replace(who=rng.choice(CHALLENGERS))
        self.sealed.append(made)
        self.to_open.insert(rng.randint(0, len(self.to_open)), made)
        return self.asks(made.who, "commit_challenge", commitment=commitment(*made))

    def open(self) -> Act:
        """Something committed to, mostly what has not been tried yet."""
        rng = self.rng
        if not self.sealed:
            return self.commit()
        made = self.to_open.pop() if self.to_open else rng.choice(self.sealed[-4:])
        if rng.random() < 0.05:
            made = made._replace(
                **rng.choice(({"salt": HASHES[7]}, {"who": STRANGER}, {"evidence": HASHES[7]}))
            )
        about = {"feed": made.feed, "period": made.period}
        why = {"evidence": made.evidence, "salt": made.salt}
        if made.value is None:
            return self.asks(made.who, "petition", **about, **why)
        return self.asks(made.who, "challenge", **about, value=made.value, **why)

    def rule(self) -> Act:
        rng, books = self.rng, self.books
        feed, period = self.subject(self.is_challenged)
        config = books.feeds.get(feed) or next(iter(books.feeds.values()))
        verdict, was = rng.choice([*Verdict]), books.reports.get((feed, period), NOTHING)
        low, high = config.min_value, config.max_value
        value = rng.choice(
            (rng.randint(low, high), low, high, max(low - 1, -(2**127)), min(high + 1, 2**127 - 1))
        )
        evidence = rng.choice(HASHES)
        said = (feed, period, was.version, was.evidence, int(verdict), value, evidence)
        signed = digest(self.domain, RULING, *said)
        members = range(len(config.panel))
        judges = rng.sample(
            members, rng.randint(max(0, config.panel_quorum - (rng.random() < 0.2)), len(members))
        )
        judges += rng.choice(([],) * 20 + ([len(members)], judges[:1]))
        signatures = [{"panellist": i, **KEYS[config.panel[i % len(members)]].sign(signed)} for i in judges]
        return self.asks(
            STRANGER, "rule", feed=feed, period=period, verdict=verdict, value=value,
            evidence=evidence, signatures=signatures,
        )  # fmt: skip

    def draw(self) -> Act:
        rng, gift = self.rng, {"to": self.contracts["oracle"].address, "value": 5}
        any_feed = rng.choice([*self.books.feeds])
        reward = self.books.feeds[any_feed].challenge_reward
        reportable, disputable = self.fitting(self.may_report), self.fitting(self.may_dispute)
        challenged, lapsed = self.fitting(self.is_challenged), self.fitting(self.is_lapsed)
        choices: list[tuple[int, Callable[[], Act]]] = [
            (24 if reportable and not self.nodes_are_silent else 3, self.report),
            (8 if disputable else 1, self.commit),
            (40 if self.to_open else 1, self.open),
            (8 if challenged and not self.panel_is_silent else 1, self.rule),
            (15 if lapsed else 1, self.settle_silent_panel),
            (3, self.consume),
            (4, lambda: self.asks(rng.choice(PEOPLE), "fund_rewards",
                                  feed=rng.choice((any_feed,) * 9 + (HASHES[0],)),
                                  amount=rng.choice((0, 1, reward, 3 * reward + 1)))),
            (1, lambda: self.asks(STRANGER, "release_rewards", feed=any_feed)),
            (3, lambda: self.asks(STRANGER, "withdraw", currency=rng.choice((*[self._money] * 9, STRANGER)),
                                  account=rng.choice([*CHALLENGERS, SPONSOR, STRANGER]))),
            (2, lambda: self.asks(STRANGER, "create_feed", config=spoilt(rng, rng.choice(self.configs)))),
            (1, lambda: self.asks(STRANGER, "create_feed", config=rng.choice(self.configs))),
            (1, lambda: self.act(STRANGER, CURRENCY, "transfer", **gift)),
        ]  # fmt: skip
        weights, made = zip(*choices, strict=True)
        act: Act = rng.choices(made, weights)[0]()
        return act

    def settle_silent_panel(self) -> Act:
        feed, period = self.subject(self.is_lapsed)
        return self.asks(STRANGER, "settle_silent_panel", feed=feed, period=period)

    def consume(self) -> Act:
        feed, period = self.subject(self.is_settled)
        by = self.rng.choice([*CONSUMERS * 4, STRANGER])
        return self.asks(by, "consume", feed=feed, period=period)

    @property
    def _money(self) -> str:
        return self.contracts[CURRENCY].address

    # -- what must be the same

    def views(self) -> Iterator[View]:
        books, at = self.books, self.world.at
        for id, config in books.feeds.items():
            yield View("oracle", "rewardPool(bytes32)", (id,), [books.reward_pool(id)])
            for period in range(min(5, len(config.period_ends))):
                held, about = books.report_of(id, period, at), (id, period)
                words = (
                    held.status,
                    held.value % 2**256,
                    int(held.evidence, 16),
                    held.final_at,
                    held.version,
                )
                yield View("oracle", "reportOf(bytes32,uint32)", about, [*words, held.used])
                yield View("oracle", "statusOf(bytes32,uint32)", about, [held.status])
                yield View("oracle", "periodEndOf(bytes32,uint32)", about, [config.period_end(period)])
                challenger = int(books.challenger_of(id, period), 16)
                yield View("oracle", "challengerOf(bytes32,uint32)", about, [challenger])
        for each in PEOPLE:
            credit = books.credit_of(self._money, each)
            yield View("oracle", "creditOf(address,address)", (self._money, each), [credit])

    def live(self, acts: int) -> None:
        over = max(config["periodEnds"][-1] for config in self.configs) + 60 * DAY
        for _ in range(acts):
            self.step()
            if self.rng.random() < 0.25:
                self.compare()
            if self.world.at > over:
                break
        self.compare()

    def step(self) -> None:
        idle = not self.fitting(self.may_report) and not self.fitting(self.may_dispute)
        if self.rng.random() < (0.6 if idle else 0.12):
            self.wait()
        due, before = self.world.due(), self.books
        is_due = bool(due) and self.rng.random() < 0.1
        act = self.by_anyone(self.rng.choice(due)) if is_due else self.draw()
        done = self.do(act)
        if done is not None:
            self.note(act, before, done.emitted)
        elif is_due:
            raise Difference(f"{act} was due, and is refused")

    def compare(self) -> None:
        """And all that the oracle holds is somebody's."""
        super().compare()
        books = self.books
        bonds = sum(
            books.feeds[id].challenge_bond
            for (id, _), each in books.challenges.items()
            if each.challenger != NOBODY
        )
        owed = sum(books.pools.values()) + sum(books.credits.values()) + bonds
        self._same("owed", self.world.held("oracle") - self.gifts, owed)

    def note(self, act: Act, before: FeedBooks, emitted: list[Emitted]) -> None:
        """Which of the rarer things this was."""
        a = act.arguments
        if act.part == CURRENCY:
            self.gifts += a["value"]
        if "period" not in a:
            return
        was = before.reports.get((a["feed"], a["period"]), NOTHING)
        paid = [e.arguments["credited"] for e in emitted if e.name == "ChallengeSettled"]
        kind = "report" if was.signers else "petition"
        if act.call == "submit":
            if was.signers and a["version"] == was.version:
                self.seen[f"completed, {was.stored.name}, settling {len(paid)}"] += 1
            elif was.stored == Status.CHALLENGED:
                self.seen[f"answered a challenged {kind}"] += 1
            elif was.signers:
                self.seen["restated"] += 1
        elif act.call in ("challenge", "petition") and paid:
            self.seen[f"replaced in a {act.call}"] += 1
        elif act.call == "rule":
            self.seen[f"{a['verdict'].name} of a {kind}"] += 1
        elif act.call == "settle_silent_panel":
            self.seen[f"silence on a {kind}"] += 1
        elif act.call == "consume":
            self.seen["used, " + ("missing" if not was.signers else "reported")] += 1
        config = before.feeds[a["feed"]]
        if paid and act.call in ("submit", "rule") and paid[0] > config.challenge_bond:
            share = paid[0] - config.challenge_bond < config.challenge_reward
            self.seen["reward, " + ("a share" if share else "whole")] += 1
