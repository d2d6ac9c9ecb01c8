"""The books of contracts/oracle/KpiOracle.sol: all its feeds, and the money that challengers stake and win.

Signatures are checked outside: an act names who signed what, and here that counts as signed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final, NamedTuple

from finance.settlement import feed_report as rules
from finance.settlement.acts import Act, Call
from finance.settlement.feed_config import FeedConfig, validate
from finance.settlement.feed_report import NOTHING, Report, Status, StoredReport, Told, Verdict, commitment
from finance.settlement.oracle_acts import ACTS, TOLD
from finance.settlement.widths import SettlementError, uint256
from finance.settlement.world import CURRENCY, NOBODY, Books, World

COMMITTED_FOR: Final = 3_600
"""Seconds in which a commitment can be opened."""


class Challenge(NamedTuple):
    """Of a period, and what remains of it afterwards. `order`: of the challenger's commitment among all; None
    where only an event tells of the challenge."""

    challenger: str = NOBODY
    order: int | None = 0
    rewarded: bool = False


@dataclass
class FeedBooks(Books):
    """The oracle's state: feeds by id, what is of a period by feed and period. `commitments` have their order
    and time; `credits` are what accounts can withdraw, by currency and account.

    The world holds one currency: nobody can stake or fund in another here.
    """

    KIND: ClassVar[str] = "oracle"
    SHARED: ClassVar[bool] = True
    ACTS: ClassVar[Mapping[str, Call]] = ACTS

    feeds: MutableMapping[str, FeedConfig] = field(default_factory=dict)
    reports: MutableMapping[tuple[str, int], StoredReport] = field(default_factory=dict)
    challenges: MutableMapping[tuple[str, int], Challenge] = field(default_factory=dict)
    commitments: MutableMapping[str, tuple[int, int]] = field(default_factory=dict)
    pools: MutableMapping[str, int] = field(default_factory=dict)
    credits: MutableMapping[tuple[str, str], int] = field(default_factory=dict)
    key: str = "oracle"

    def act(self, by: str, call: str, arguments: Mapping[str, Any], world: World) -> Any:
        if call in TOLD:
            return getattr(self, call)(world, by, **TOLD[call].checked(arguments))
        return super().act(by, call, arguments, world)

    def roles(self, world: World) -> Mapping[str, Collection[str]]:
        """Consumers of any feed."""
        return {"consumer": {each for config in self.feeds.values() for each in config.consumers}}

    def due(self, world: World) -> list[Act]:
        """Bonds go back where the panel stayed silent, and what is left of rewards to the sponsor. Owners
        withdraw their credits themselves."""
        silent = [where for where, report in self.reports.items() if report.lapsed(world.at)]
        over = [id for id, pool in self.pools.items() if pool and world.at > self.feeds[id].disputes_until]
        return [
            *(
                self._now(world, "settle_silent_panel", feed=id, period=period)
                for id, period in sorted(silent)
            ),
            *(self._now(world, "release_rewards", feed=id) for id in over),
        ]

    # -- questions

    def config_of(self, feed: str) -> FeedConfig:
        """Raises SettlementError for a feed that is not there."""
        if feed not in self.feeds:
            raise SettlementError(f"{self.key}: there is no feed {feed}")
        return self.feeds[feed]

    def report_of(self, feed: str, period: int, now: int) -> Report:
        """What people and contracts go by at `now`, unix seconds. Raises SettlementError for a feed or period
        that is not there."""
        return self._held(feed, period).at(now, self.config_of(feed).missing_at(period))

    def reward_pool(self, feed: str) -> int:
        """What rewards can be paid of, in minor units."""
        return self.pools.get(feed, 0)

    def credit_of(self, currency: str, account: str) -> int:
        """What an account can withdraw, in minor units."""
        return self.credits.get((currency, account), 0)

    def challenger_of(self, feed: str, period: int) -> str:
        """Whose bond is staked on a period."""
        return self._challenge(feed, period).challenger

    def _held(self, feed: str, period: int) -> StoredReport:
        return self.reports.get((feed, period), NOTHING)

    def _challenge(self, feed: str, period: int) -> Challenge:
        return self.challenges.get((feed, period), Challenge())

    # -- feeds and reports

    def create_feed(self, world: World, by: str, config: Mapping[str, Any]) -> str:
        made = FeedConfig.of(config)
        validate(made)
        id = made.id
        if id not in self.feeds:  # else the same configuration, whoever created it
            self.feeds[id] = made
            world.emit(self.key, "FeedCreated", feed=id, deal=made.deal, kpi=made.kpi, config=made.struct())
        return id

    def submit(
        self,
        world: World,
        by: str,
        feed: str,
        period: int,
        version: int,
        observations: Sequence[Mapping[str, Any]],
    ) -> None:
        told = rules.summary(self.config_of(feed), period, observations, world.at)
        self._report(world, feed, period, version, told)

    def told_report(
        self,
        world: World,
        by: str,
        feed: str,
        period: int,
        version: int,
        value: int,
        evidence: str,
        signers: Sequence[int],
    ) -> None:
        rules.require_in_range(self.config_of(feed), value)
        self._report(world, feed, period, version, Told(value, evidence, tuple(signers)))

    def _report(self, world: World, feed: str, period: int, version: int, told: Told) -> None:
        config, was = self.feeds[feed], self._held(feed, period)
        fuller = rules.admit(config, was, period, version, world.at)
        signers = rules.bits(told.signers, config.quorum, len(config.signers))
        if fuller and (was.signers == signers or was.signers & ~signers):
            raise SettlementError(f"{self.key}: signers {signers:b} are not all of {was.signers:b} and more")
        final_at = world.at + config.dispute_window
        made = StoredReport(told.value, told.evidence, final_at, version, signers, Status.PENDING)
        if fuller and made.value == was.value:
            # Kept back until the last second, a signature puts nothing off.
            made = replace(made, stored=was.stored, final_at=was.final_at)
        elif was.stored is Status.CHALLENGED:
            self._answer(world, feed, period, made, fuller)
        self.reports[feed, period] = made
        world.emit(
            self.key,
            "ReportSubmitted",
            feed=feed,
            period=period,
            version=version,
            value=made.value,
            evidence=made.evidence,
            finalAt=made.final_at,
            signers=rules.packed(told.signers),
            supersedes=was.evidence,
        )

    def _answer(self, world: World, feed: str, period: int, made: StoredReport, fuller: bool) -> None:
        """A report comes while the one before is challenged, or the panel is asked for one. The same value is
        no answer."""
        was = self.reports[feed, period]
        if was.signers and made.value == was.value:
            raise SettlementError(f"{self.key}: {made.value} is the value that is challenged")
        # Who leaves a node out and challenges what comes of it, or keeps nodes silent, is not paid for it.
        reward = 0 if fuller or not was.signers else self._reward(feed, period)
        self._settle(world, feed, period, self.feeds[feed].challenge_bond + reward)

    def consume(self, world: World, by: str, feed: str, period: int) -> tuple[int, bool]:
        if by not in self.config_of(feed).consumers:
            raise SettlementError(f"{self.key}: {by} is no consumer of {feed}")
        report = self.report_of(feed, period, world.at)
        if not report.status.settled:
            raise SettlementError(f"{self.key}: period {period + 1} is {report.status.words}")
        self.reports[feed, period] = replace(self._held(feed, period), used=True)
        said = {"feed": feed, "period": period, "version": report.version, "consumer": by}
        world.emit(self.key, "ReportUsed", **said)
        value = report.settled_value
        return (0, True) if value is None else (value, False)

    # -- disputes

    def commit_challenge(self, world: World, by: str, commitment: str) -> None:
        if commitment not in self.commitments:  # a later one does not make it later
            self.commitments[commitment] = len(self.commitments) + 1, world.at
            world.emit(self.key, "ChallengeCommitted", commitment=commitment)

    def challenge(
        self, world: World, by: str, feed: str, period: int, value: int, evidence: str, salt: str
    ) -> None:
        if value != self._held(feed, period).value:
            raise SettlementError(f"{self.key}: {self._held(feed, period).value} is reported, not {value}")
        order = self._order(world.at, commitment(by, feed, period, value, evidence, salt))
        self._challenged(world, by, feed, period, evidence, order)

    def told_challenge(self, world: World, by: str, feed: str, period: int, evidence: str) -> None:
        self._challenged(world, by, feed, period, evidence, None)

    def _challenged(
        self, world: World, by: str, feed: str, period: int, evidence: str, order: int | None
    ) -> None:
        report = self.report_of(feed, period, world.at)
        open_now = report.status in (Status.PENDING, Status.CHALLENGED)
        if not open_now or not self._held(feed, period).signers:
            raise SettlementError(f"{self.key}: period {period + 1} is {report.status.words}")
        self._dispute(world, by, feed, period, order)
        said = {"version": report.version, "challenger": by, "evidence": evidence}
        world.emit(self.key, "ReportChallenged", feed=feed, period=period, **said)

    def petition(self, world: World, by: str, feed: str, period: int, evidence: str, salt: str) -> None:
        order = self._order(world.at, commitment(by, feed, period, None, evidence, salt))
        self._petitioned(world, by, feed, period, evidence, order)

    def told_petition(self, world: World, by: str, feed: str, period: int, evidence: str) -> None:
        self._petitioned(world, by, feed, period, evidence, None)

    def _petitioned(
        self, world: World, by: str, feed: str, period: int, evidence: str, order: int | None
    ) -> None:
        status = self.report_of(feed, period, world.at).status
        if status not in (Status.NONE, Status.CHALLENGED) or self._held(feed, period).signers:
            raise SettlementError(f"{self.key}: period {period + 1} is {status.words}")
        if world.at <= self.feeds[feed].report_until(period):
            raise SettlementError(f"{self.key}: reports of period {period + 1} may still come unasked")
        self._dispute(world, by, feed, period, order)
        said = {"petitioner": by, "evidence": evidence}
        world.emit(self.key, "PeriodPetitioned", feed=feed, period=period, **said)

    def _order(self, now: int, sealed: str) -> int:
        order, since = self.commitments.get(sealed, (0, 0))
        if now > since + COMMITTED_FOR:
            raise SettlementError(f"{self.key}: {sealed} was not committed to in time")
        return order

    def _dispute(self, world: World, by: str, feed: str, period: int, order: int | None) -> None:
        """Makes `by` the challenger, in the place of one who committed later."""
        config, report = self.feeds[feed], self._held(feed, period)
        made = self._challenge(feed, period)
        if report.stored is Status.CHALLENGED:
            if order is not None and made.order is not None and order >= made.order:
                raise SettlementError(
                    f"{self.key}: period {period + 1} is challenged by who committed before"
                )
            self._settle(world, feed, period, config.challenge_bond)
        else:
            until = world.at + config.ruling_window
            self.reports[feed, period] = replace(report, stored=Status.CHALLENGED, final_at=until)
        self.challenges[feed, period] = Challenge(by, order, made.rewarded)
        with world.paying("challenge bond", period):
            self._take(world, by, config, config.challenge_bond)

    def rule(
        self,
        world: World,
        by: str,
        feed: str,
        period: int,
        verdict: Verdict,
        value: int,
        evidence: str,
        signatures: Sequence[Mapping[str, Any]],
    ) -> None:
        config = self.config_of(feed)
        rules.bits([each["panellist"] for each in signatures], config.panel_quorum, len(config.panel))
        self.told_ruling(world, by, feed, period, verdict, value, evidence)

    def told_ruling(
        self, world: World, by: str, feed: str, period: int, verdict: Verdict, value: int, evidence: str
    ) -> None:
        config, status = self.config_of(feed), self.report_of(feed, period, world.at).status
        if status is not Status.CHALLENGED:
            raise SettlementError(f"{self.key}: period {period + 1} is {status.words}")
        report = self.reports[feed, period]
        if verdict is Verdict.CORRECTED:
            rules.require_in_range(config, value)
            report = replace(report, value=value, evidence=evidence)
        none = verdict is Verdict.VOID or (verdict is Verdict.STANDS and not report.signers)
        report = replace(report, stored=Status.MISSING if none else Status.FINAL, final_at=world.at)
        self.reports[feed, period] = report
        said = {"verdict": int(verdict), "value": report.value, "evidence": report.evidence}
        world.emit(self.key, "ReportRuled", feed=feed, period=period, version=report.version, **said)
        credit = 0
        if verdict is Verdict.STANDS:
            self.pools[feed] = self.reward_pool(feed) + config.challenge_bond
        else:
            credit = config.challenge_bond + (self._reward(feed, period) if report.signers else 0)
        self._settle(world, feed, period, credit)

    def settle_silent_panel(self, world: World, by: str, feed: str, period: int) -> None:
        config, report = self.config_of(feed), self._held(feed, period)
        if not report.lapsed(world.at):
            raise SettlementError(f"{self.key}: nothing to settle of period {period + 1}")
        # Its time is over, so it is final; and as open to restatement as if nobody had challenged it.
        stored = Status.PENDING if report.signers else Status.MISSING
        self.reports[feed, period] = replace(report, stored=stored)
        self._settle(world, feed, period, config.challenge_bond)

    def _reward(self, feed: str, period: int) -> int:
        """Takes the reward of a period out of the pool: once, and at most an equal share for it and each one
        after it."""
        made, config, pool = self._challenge(feed, period), self.feeds[feed], self.reward_pool(feed)
        if made.rewarded:
            return 0
        self.challenges[feed, period] = made._replace(rewarded=True)
        reward = min(pool // (len(config.period_ends) - period), config.challenge_reward)
        self.pools[feed] = pool - reward
        return reward

    def _settle(self, world: World, feed: str, period: int, credit: int) -> None:
        made = self._challenge(feed, period)
        self.challenges[feed, period] = made._replace(challenger=NOBODY)
        self._credit(self.feeds[feed], made.challenger, credit)
        said = {"challenger": made.challenger, "credited": credit}
        world.emit(self.key, "ChallengeSettled", feed=feed, period=period, **said)

    # -- money

    def fund_rewards(self, world: World, by: str, feed: str, amount: int) -> None:
        config = self.config_of(feed)
        self.pools[feed] = uint256("rewards", self.reward_pool(feed) + amount)
        world.emit(self.key, "RewardsFunded", **{"feed": feed, "from": by, "amount": amount})
        with world.paying("rewards"):
            self._take(world, by, config, amount)

    def release_rewards(self, world: World, by: str, feed: str) -> int:
        config = self.config_of(feed)
        if world.at <= config.disputes_until:
            raise SettlementError(f"{self.key}: there can be disputes until {config.disputes_until}")
        amount = self.pools.pop(feed, 0)
        self._credit(config, config.sponsor, amount)
        world.emit(self.key, "RewardsReleased", feed=feed, sponsor=config.sponsor, amount=amount)
        return amount

    def withdraw(self, world: World, by: str, currency: str, account: str) -> int:
        amount = self.credits.pop((currency, account), 0)
        if amount:
            world.emit(self.key, "CreditWithdrawn", currency=currency, account=account, amount=amount)
            world.move(world.addresses[self.key], account, amount, "credit")
        return amount

    def _credit(self, config: FeedConfig, account: str, amount: int) -> None:
        owed = self.credit_of(config.bond_currency, account) + amount
        self.credits[config.bond_currency, account] = uint256("credit", owed)

    def _take(self, world: World, payer: str, config: FeedConfig, amount: int) -> None:
        if config.bond_currency != world.addresses[CURRENCY]:
            raise SettlementError(f"{self.key}: {config.bond_currency} is not this world's currency")
        world.move(payer, world.addresses[self.key], amount, "stake")
