// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IKpiOracle} from "../interfaces/IKpiOracle.sol";
import {Median} from "../settlement/Median.sol";
import {FeedChecks} from "./FeedChecks.sol";
import {FeedStore} from "./FeedStore.sol";
import {CodeStore} from "../settlement/CodeStore.sol";

/// @title KPI oracle
/// @notice See {IKpiOracle}.
contract KpiOracle is IKpiOracle, EIP712 {
    using SafeERC20 for IERC20;
    using FeedStore for bytes;

    bytes32 private constant OBSERVATION_TYPEHASH = keccak256(
        "Observation(bytes32 feed,uint32 period,uint32 version,int128 value,uint64 observedAt,bytes32 evidence)"
    );
    bytes32 private constant RULING_TYPEHASH = keccak256(
        "Ruling(bytes32 feed,uint32 period,uint32 version,bytes32 report,uint8 verdict,int128 value,bytes32 evidence)"
    );

    /// @dev How long a commitment can be opened. Short, so that to commit to challenges of every report on the chance that
    /// somebody finds one wrong costs a transaction for each hour of it.
    uint256 private constant COMMITTED_FOR = 1 hours;

    FeedChecks public immutable CHECKS;

    /// @dev One slot and the evidence.
    /// @param finalAt Pending: end of the dispute window. Challenged: end of the ruling window.
    /// @param stored Pending and Challenged turn Final, or Missing, by the clock; see {_status}
    /// @param signers bit i: signer i is in the report; 0: none is, Challenged by a petition
    struct StoredReport {
        int128 value;
        uint48 finalAt;
        uint32 version;
        uint32 signers;
        Status stored;
        bool used;
        bytes32 evidence;
    }

    /// @dev Of a period, and what remains of it afterwards.
    /// @param order of the challenger's commitment among all
    /// @param rewarded whether the period has paid its reward
    struct Challenge {
        address challenger;
        uint48 order;
        bool rewarded;
    }

    mapping(bytes32 feed => address store) private _stores;
    mapping(bytes32 feed => mapping(uint32 period => StoredReport)) private _reports;
    mapping(bytes32 feed => mapping(uint32 period => Challenge)) private _challenges;
    /// @dev order << 64 | time
    mapping(bytes32 commitment => uint256) private _commitments;
    uint256 private _commitmentCount;
    mapping(bytes32 feed => uint256) private _rewardPools;
    mapping(address currency => mapping(address account => uint256)) private _credits;

    constructor() EIP712("Penstock KpiOracle", "1") {
        CHECKS = new FeedChecks();
    }

    // ---------------------------------------------------------------- feeds

    /// @inheritdoc IKpiOracle
    function createFeed(FeedConfig calldata config) external returns (bytes32 feed) {
        // The same arguments: encoding them once more would cost code.
        // slither-disable-next-line unused-return
        Address.functionStaticCall(address(CHECKS), abi.encodePacked(FeedChecks.validate.selector, msg.data[4:]));
        bytes memory encoded = abi.encode(config);
        feed = keccak256(encoded);
        if (_stores[feed] != address(0)) return feed; // the same configuration, whoever created it
        _stores[feed] = CodeStore.write(encoded);
        emit FeedCreated(feed, config.deal, config.kpi, config);
    }

    // ---------------------------------------------------------------- reports

    /// @dev What the observations of one report have in common.
    struct Subject {
        bytes32 feed;
        uint32 period;
        uint32 version;
        uint64 periodEnd;
    }

    /// @inheritdoc IKpiOracle
    function submit(bytes32 feed, uint32 period, uint32 version, Observation[] calldata observations) external {
        bytes memory config = _feed(feed);
        Subject memory subject = Subject(feed, period, version, _periodEnd(config, feed, period));
        StoredReport memory was = _reports[feed][period];
        bool fuller = _admit(config, subject, was);

        // All zero, and filled in from here on.
        // slither-disable-next-line uninitialized-local
        StoredReport memory report;
        uint256 order = _checkObservations(config, subject, observations, report);
        if (fuller && (was.signers == report.signers || was.signers & ~report.signers != 0)) {
            revert KpiOracle_NotFuller(was.signers, report.signers);
        }
        // A value that nodes signed, and no balance that anybody could set.
        // slither-disable-next-line incorrect-equality
        bool same = was.signers != 0 && report.value == was.value;
        report.stored = Status.Pending;
        report.finalAt = uint48(block.timestamp + config.word(FeedStore.DISPUTE_WINDOW));
        if (fuller && same) {
            // More nodes say what is pending or challenged already: kept back until the last second, they put nothing off.
            (report.stored, report.finalAt) = (was.stored, was.finalAt);
        } else if (was.stored == Status.Challenged) {
            if (same) revert KpiOracle_SameValue(was.value);
            // Anyone can leave a node out and challenge what comes of it, and two nodes can be silent: neither is paid for it.
            uint256 reward = fuller || was.signers == 0 ? 0 : _reward(config, feed, period);
            _settleChallenge(config, feed, period, config.word(FeedStore.CHALLENGE_BOND) + reward);
        }
        _store(subject, report, order, was.evidence);
    }

    function _store(Subject memory subject, StoredReport memory report, uint256 order, bytes32 supersedes) private {
        StoredReport storage slot = _reports[subject.feed][subject.period];
        (slot.value, slot.finalAt, slot.version, slot.signers, slot.stored) =
        (report.value, report.finalAt, subject.version, report.signers, report.stored);
        slot.evidence = report.evidence;
        emit ReportSubmitted(
            subject.feed,
            subject.period,
            subject.version,
            report.value,
            report.evidence,
            report.finalAt,
            order,
            supersedes
        );
    }

    /// @dev Whether a report may come now.
    /// @return fuller whether it must have all signers of the present one, and more
    function _admit(bytes memory config, Subject memory subject, StoredReport memory was)
        private
        view
        returns (bool fuller)
    {
        uint64 deadline = subject.periodEnd + uint64(config.word(FeedStore.REPORTING_WINDOW));
        bool late = block.timestamp > deadline;
        if (block.timestamp < subject.periodEnd) revert KpiOracle_PeriodNotEnded(subject.periodEnd);
        if (was.stored == Status.None) {
            if (late) revert KpiOracle_DeadlinePassed(deadline);
            return false;
        }
        if (was.used) revert KpiOracle_AlreadyUsed(subject.feed, subject.period);
        if (was.stored == Status.Final || was.stored == Status.Missing) revert KpiOracle_WrongStatus(was.stored);
        uint64 last = deadline + uint64(config.word(FeedStore.LATE_WINDOW));
        if (block.timestamp > last) revert KpiOracle_DeadlinePassed(last);
        bool isFinal = block.timestamp >= was.finalAt;
        if (was.signers != 0) {
            if (subject.version < was.version) revert KpiOracle_WrongVersion(subject.version, was.version);
            fuller = subject.version == was.version;
            if (fuller && isFinal) revert KpiOracle_WrongStatus(Status.Final);
        }
        // Else the last second of the reporting window would be the moment to leave a node out, and the time after it the
        // one in which an error, challenged or not, is safe from being restated.
        if (late && !fuller && (isFinal || was.stored != Status.Challenged)) revert KpiOracle_DeadlinePassed(deadline);
    }

    /// @dev Puts into `report` the median of the values, which {Median} checks to ascend, the hash of the evidence roots
    /// in the given order, and the signers.
    /// @return order indices of the signers plus one, one byte each
    function _checkObservations(
        bytes memory config,
        Subject memory subject,
        Observation[] calldata observations,
        StoredReport memory report
    ) private view returns (uint256 order) {
        uint256 count = observations.length;
        if (count < config.word(FeedStore.QUORUM)) revert KpiOracle_BelowQuorum(count, config.word(FeedStore.QUORUM));
        int128[] memory values = new int128[](count);
        bytes32[] memory roots = new bytes32[](count);
        uint256 seen = 0;
        for (uint256 i = 0; i < count; ++i) {
            Observation memory o = observations[i]; // decoded once
            seen = _markSeen(seen, o.signer);
            unchecked {
                order |= (uint256(o.signer) + 1) << (8 * i); // no more than 32 pass {_markSeen}
            }
            _checkObservation(config, subject, o);
            values[i] = o.value;
            roots[i] = o.evidence;
        }
        report.value = Median.median(values);
        _checkRange(config, values[0], values[count - 1]);
        bytes32 evidence;
        assembly ("memory-safe") {
            evidence := keccak256(add(roots, 32), shl(5, count)) // of abi.encodePacked(roots), without copying them
        }
        report.evidence = evidence;
        report.signers = uint32(seen); // an index is below 32
    }

    function _checkObservation(bytes memory config, Subject memory subject, Observation memory o) private view {
        if (o.observedAt < subject.periodEnd || o.observedAt > block.timestamp) {
            revert KpiOracle_StaleObservation(o.observedAt);
        }
        bytes32 digest =
            observationDigest(subject.feed, subject.period, subject.version, o.value, o.observedAt, o.evidence);
        _checkSignature(digest, o.r, o.vs, o.signer, config, FeedStore.SIGNERS);
    }

    function _checkRange(bytes memory config, int128 lowest, int128 highest) private pure {
        if (lowest < int128(int256(config.word(FeedStore.MIN_VALUE)))) revert KpiOracle_ValueOutOfBounds(lowest);
        if (highest > int128(int256(config.word(FeedStore.MAX_VALUE)))) revert KpiOracle_ValueOutOfBounds(highest);
        uint256 spread = uint256(int256(highest) - lowest); // ascending, so not negative
        if (spread > config.word(FeedStore.MAX_SPREAD)) {
            revert KpiOracle_SpreadTooWide(spread, config.word(FeedStore.MAX_SPREAD));
        }
    }

    /// @inheritdoc IKpiOracle
    function consume(bytes32 feed, uint32 period) external returns (int128 value, bool missing) {
        bytes memory config = _feed(feed);
        if (!_isConsumer(config, msg.sender)) revert KpiOracle_NotConsumer(msg.sender);
        StoredReport storage report = _reports[feed][period];
        Status status = _status(report, _last(config, feed, period));
        if (status != Status.Final && status != Status.Missing) revert KpiOracle_NotFinal(feed, period, status);
        report.used = true;
        emit ReportUsed(feed, period, report.version, msg.sender);
        return status == Status.Missing ? (int128(0), true) : (report.value, false);
    }

    // ---------------------------------------------------------------- disputes

    /// @inheritdoc IKpiOracle
    function commitChallenge(bytes32 commitment) external {
        if (_commitments[commitment] != 0) return; // a later one must not make it later
        _commitments[commitment] = ++_commitmentCount << 64 | block.timestamp;
        emit ChallengeCommitted(commitment);
    }

    /// @inheritdoc IKpiOracle
    function challenge(bytes32 feed, uint32 period, int128 value, bytes32 evidence, bytes32 salt) external {
        bytes memory config = _feed(feed);
        StoredReport storage report = _reports[feed][period];
        Status status = _status(report, _last(config, feed, period));
        bool open = status == Status.Pending || status == Status.Challenged;
        if (!open || report.signers == 0) revert KpiOracle_WrongStatus(status);
        if (value != report.value) revert KpiOracle_WrongValue(value, report.value);
        _dispute(config, feed, period, status, keccak256(abi.encode(msg.sender, feed, period, value, evidence, salt)));
        emit ReportChallenged(feed, period, report.version, msg.sender, evidence);
    }

    /// @inheritdoc IKpiOracle
    function petition(bytes32 feed, uint32 period, bytes32 evidence, bytes32 salt) external {
        bytes memory config = _feed(feed);
        StoredReport storage report = _reports[feed][period];
        uint64 last = _last(config, feed, period);
        Status status = _status(report, last);
        bool open = status == Status.None || status == Status.Challenged;
        if (!open || report.signers != 0) revert KpiOracle_WrongStatus(status);
        uint64 deadline = last - uint64(config.word(FeedStore.LATE_WINDOW));
        if (block.timestamp <= deadline) revert KpiOracle_StillOpen(deadline);
        _dispute(config, feed, period, status, keccak256(abi.encode(msg.sender, feed, period, evidence, salt)));
        emit PeriodPetitioned(feed, period, msg.sender, evidence);
    }

    /// @dev Makes the sender the challenger, in the place of one who committed later.
    function _dispute(bytes memory config, bytes32 feed, uint32 period, Status status, bytes32 commitment) private {
        uint256 committed = _commitments[commitment];
        if (block.timestamp > uint64(committed) + COMMITTED_FOR) revert KpiOracle_NotCommitted(commitment);
        uint48 order = uint48(committed >> 64);
        uint256 bond = config.word(FeedStore.CHALLENGE_BOND);
        if (status == Status.Challenged) {
            if (order >= _challenges[feed][period].order) revert KpiOracle_WrongStatus(status);
            _settleChallenge(config, feed, period, bond);
        } else {
            StoredReport storage report = _reports[feed][period];
            report.stored = Status.Challenged;
            report.finalAt = uint48(block.timestamp + config.word(FeedStore.RULING_WINDOW));
        }
        Challenge storage made = _challenges[feed][period];
        (made.challenger, made.order) = (msg.sender, order);
        _take(_bondCurrency(config), bond);
    }

    /// @inheritdoc IKpiOracle
    function rule(
        bytes32 feed,
        uint32 period,
        Verdict verdict,
        int128 value,
        bytes32 evidence,
        PanelSignature[] calldata signatures
    ) external {
        bytes memory config = _feed(feed);
        StoredReport storage report = _reports[feed][period];
        Status status = _status(report, _last(config, feed, period));
        if (status != Status.Challenged) revert KpiOracle_WrongStatus(status);
        // Of the report there is: signed for a less full one, or where there was none, it would decide what nobody looked at.
        _checkPanel(
            config, rulingDigest(feed, period, report.version, report.evidence, verdict, value, evidence), signatures
        );

        bool petitioned = report.signers == 0;
        if (verdict == Verdict.Corrected) {
            _checkRange(config, value, value);
            report.value = value;
            report.evidence = evidence;
        }
        bool none = verdict == Verdict.Void || petitioned && verdict == Verdict.Stands;
        report.stored = none ? Status.Missing : Status.Final;
        report.finalAt = uint48(block.timestamp);
        emit ReportRuled(feed, period, report.version, verdict, report.value, report.evidence);

        uint256 credit = 0;
        if (verdict == Verdict.Stands) _rewardPools[feed] += config.word(FeedStore.CHALLENGE_BOND);
        else credit = config.word(FeedStore.CHALLENGE_BOND) + (petitioned ? 0 : _reward(config, feed, period));
        _settleChallenge(config, feed, period, credit);
    }

    /// @inheritdoc IKpiOracle
    function settleSilentPanel(bytes32 feed, uint32 period) external {
        bytes memory config = _feed(feed);
        StoredReport storage report = _reports[feed][period];
        bool lapsed = report.stored == Status.Challenged && block.timestamp >= report.finalAt;
        if (!lapsed) revert KpiOracle_NothingToSettle(feed, period);
        // Its dispute window is over, so it is final; and as open to restatement as if nobody had challenged it.
        report.stored = report.signers == 0 ? Status.Missing : Status.Pending;
        _settleChallenge(config, feed, period, config.word(FeedStore.CHALLENGE_BOND));
    }

    /// @dev Takes the reward of a period out of the pool: once, and at most an equal share for it and each one after it.
    function _reward(bytes memory config, bytes32 feed, uint32 period) private returns (uint256 reward) {
        Challenge storage made = _challenges[feed][period];
        if (made.rewarded) return 0;
        made.rewarded = true;
        uint256 pool = _rewardPools[feed];
        reward = pool / (config.count(FeedStore.PERIOD_ENDS) - period);
        if (reward > config.word(FeedStore.CHALLENGE_REWARD)) reward = config.word(FeedStore.CHALLENGE_REWARD);
        _rewardPools[feed] = pool - reward;
    }

    function _settleChallenge(bytes memory config, bytes32 feed, uint32 period, uint256 credit) private {
        Challenge storage made = _challenges[feed][period];
        address challenger = made.challenger;
        made.challenger = address(0);
        if (credit != 0) _credits[_bondCurrency(config)][challenger] += credit;
        emit ChallengeSettled(feed, period, challenger, credit);
    }

    // ---------------------------------------------------------------- money

    /// @inheritdoc IKpiOracle
    function fundRewards(bytes32 feed, uint256 amount) external {
        bytes memory config = _feed(feed);
        _rewardPools[feed] += amount;
        emit RewardsFunded(feed, msg.sender, amount);
        _take(_bondCurrency(config), amount);
    }

    /// @inheritdoc IKpiOracle
    function releaseRewards(bytes32 feed) external returns (uint256 amount) {
        bytes memory config = _feed(feed);
        uint64 over = _last(config, feed, uint32(config.count(FeedStore.PERIOD_ENDS) - 1))
            + uint64(config.word(FeedStore.DISPUTE_WINDOW) + config.word(FeedStore.RULING_WINDOW));
        if (block.timestamp <= over) revert KpiOracle_StillOpen(over);
        amount = _rewardPools[feed];
        _rewardPools[feed] = 0;
        address sponsor = address(uint160(config.word(FeedStore.SPONSOR)));
        _credits[_bondCurrency(config)][sponsor] += amount;
        emit RewardsReleased(feed, sponsor, amount);
    }

    /// @inheritdoc IKpiOracle
    function withdraw(address currency, address account) external returns (uint256 amount) {
        amount = _credits[currency][account];
        if (amount == 0) return 0;
        _credits[currency][account] = 0;
        emit CreditWithdrawn(currency, account, amount);
        IERC20(currency).safeTransfer(account, amount);
    }

    /// @dev Feeds share this contract's balance of a currency, so what is booked must really have come in.
    function _take(address currency, uint256 amount) private {
        uint256 before = IERC20(currency).balanceOf(address(this));
        IERC20(currency).safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = IERC20(currency).balanceOf(address(this)) - before;
        if (received != amount) revert KpiOracle_UnsupportedCurrency(currency, amount, received);
    }

    // ---------------------------------------------------------------- checks

    function _feed(bytes32 feed) private view returns (bytes memory config) {
        address store = _stores[feed];
        if (store == address(0)) revert KpiOracle_UnknownFeed(feed);
        return CodeStore.read(store);
    }

    function _periodEnd(bytes memory config, bytes32 feed, uint32 period) private pure returns (uint64) {
        if (period >= config.count(FeedStore.PERIOD_ENDS)) revert KpiOracle_UnknownPeriod(feed, period);
        return uint64(config.item(FeedStore.PERIOD_ENDS, period));
    }

    function _bondCurrency(bytes memory config) private pure returns (address) {
        return address(uint160(config.word(FeedStore.BOND_CURRENCY)));
    }

    function _isConsumer(bytes memory config, address account) private pure returns (bool) {
        uint256 consumers = config.count(FeedStore.CONSUMERS);
        for (uint256 i = 0; i < consumers; ++i) {
            if (config.item(FeedStore.CONSUMERS, i) == uint160(account)) return true;
        }
        return false;
    }

    function _checkPanel(bytes memory config, bytes32 digest, PanelSignature[] calldata signatures) private pure {
        if (signatures.length < config.word(FeedStore.PANEL_QUORUM)) {
            revert KpiOracle_BelowQuorum(signatures.length, config.word(FeedStore.PANEL_QUORUM));
        }
        uint256 seen = 0;
        for (uint256 i = 0; i < signatures.length; ++i) {
            PanelSignature calldata s = signatures[i];
            seen = _markSeen(seen, s.panellist);
            _checkSignature(digest, s.r, s.vs, s.panellist, config, FeedStore.PANEL);
        }
    }

    function _markSeen(uint256 seen, uint8 index) private pure returns (uint256) {
        if (seen & (1 << index) != 0) revert KpiOracle_DuplicateSigner(index);
        return seen | (1 << index);
    }

    /// @param list of the feed's configuration in which the signer has this index
    function _checkSignature(bytes32 digest, bytes32 r, bytes32 vs, uint256 index, bytes memory config, uint256 list)
        private
        pure
    {
        if (index >= config.count(list)) revert KpiOracle_UnknownSigner(index);
        // The third value details an error that is only told apart from none here.
        // slither-disable-next-line unused-return
        (address recovered, ECDSA.RecoverError problem,) = ECDSA.tryRecover(digest, r, vs);
        bool good = problem == ECDSA.RecoverError.NoError && uint160(recovered) == config.item(list, index);
        if (!good) revert KpiOracle_BadSignature(index, recovered);
    }

    /// @dev The clock finishes what needs no transaction: an unchallenged report and one whose panel stayed silent become
    /// final, a period without a report becomes missing.
    function _status(StoredReport storage report, uint64 last) private view returns (Status stored) {
        stored = report.stored;
        if (stored == Status.None) return block.timestamp > last ? Status.Missing : Status.None;
        bool open = stored == Status.Pending || stored == Status.Challenged;
        if (open && block.timestamp >= report.finalAt) return report.signers == 0 ? Status.Missing : Status.Final;
    }

    /// @dev Last second of the late window.
    function _last(bytes memory config, bytes32 feed, uint32 period) private pure returns (uint64) {
        uint256 windows = config.word(FeedStore.REPORTING_WINDOW) + config.word(FeedStore.LATE_WINDOW);
        return _periodEnd(config, feed, period) + uint64(windows);
    }

    // ---------------------------------------------------------------- views

    /// @inheritdoc IKpiOracle
    function statusOf(bytes32 feed, uint32 period) public view returns (Status) {
        bytes memory config = _feed(feed);
        return _status(_reports[feed][period], _last(config, feed, period));
    }

    /// @inheritdoc IKpiOracle
    function reportOf(bytes32 feed, uint32 period) external view returns (Report memory) {
        uint64 last = _last(_feed(feed), feed, period);
        StoredReport storage r = _reports[feed][period];
        uint64 finalAt = r.stored == Status.None ? last + 1 : r.finalAt;
        return Report(_status(r, last), r.value, r.evidence, finalAt, r.version, r.used);
    }

    /// @inheritdoc IKpiOracle
    function periodEndOf(bytes32 feed, uint32 period) external view returns (uint64) {
        return _periodEnd(_feed(feed), feed, period);
    }

    /// @inheritdoc IKpiOracle
    function configOf(bytes32 feed) external view returns (FeedConfig memory) {
        return abi.decode(_feed(feed), (FeedConfig));
    }

    /// @inheritdoc IKpiOracle
    function rewardPool(bytes32 feed) external view returns (uint256) {
        return _rewardPools[feed];
    }

    /// @inheritdoc IKpiOracle
    function creditOf(address currency, address account) external view returns (uint256) {
        return _credits[currency][account];
    }

    /// @inheritdoc IKpiOracle
    function challengerOf(bytes32 feed, uint32 period) external view returns (address) {
        return _challenges[feed][period].challenger;
    }

    /// @inheritdoc IKpiOracle
    function observationDigest(
        bytes32 feed,
        uint32 period,
        uint32 version,
        int128 value,
        uint64 observedAt,
        bytes32 evidence
    ) public view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(abi.encode(OBSERVATION_TYPEHASH, feed, period, version, value, observedAt, evidence))
        );
    }

    /// @inheritdoc IKpiOracle
    function rulingDigest(
        bytes32 feed,
        uint32 period,
        uint32 version,
        bytes32 report,
        Verdict verdict,
        int128 value,
        bytes32 evidence
    ) public view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(abi.encode(RULING_TYPEHASH, feed, period, version, report, verdict, value, evidence))
        );
    }
}
