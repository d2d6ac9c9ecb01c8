// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IKpiOracle} from "../interfaces/IKpiOracle.sol";
import {Median} from "../settlement/Median.sol";
import {FeedChecks} from "./FeedChecks.sol";
import {FeedStore} from "./FeedStore.sol";

/// @title KPI oracle
/// @notice See {IKpiOracle}.
contract KpiOracle is IKpiOracle, EIP712 {
    using SafeERC20 for IERC20;
    using FeedStore for bytes;

    bytes32 private constant OBSERVATION_TYPEHASH = keccak256(
        "Observation(bytes32 feed,uint32 period,uint32 version,int128 value,uint64 observedAt,bytes32 evidence)"
    );
    bytes32 private constant RULING_TYPEHASH =
        keccak256("Ruling(bytes32 feed,uint32 period,uint32 version,uint8 verdict,int128 value,bytes32 evidence)");

    /// @dev One slot and the evidence.
    /// @param finalAt Pending: end of the dispute window. Challenged: end of the ruling window.
    /// @param stored Pending and Challenged turn Final by the clock; see {_status}
    /// @param signers bit i: signer i is in the report
    struct StoredReport {
        int128 value;
        uint48 finalAt;
        uint32 version;
        uint32 signers;
        Status stored;
        bool used;
        bytes32 evidence;
    }

    mapping(bytes32 feed => address store) private _stores;
    mapping(bytes32 feed => mapping(uint32 period => StoredReport)) private _reports;
    mapping(bytes32 feed => mapping(uint32 period => address)) private _challengers;
    mapping(bytes32 feed => uint256) private _rewardPools;
    mapping(address currency => mapping(address account => uint256)) private _credits;

    constructor() EIP712("Penstock KpiOracle", "1") {}

    // ---------------------------------------------------------------- feeds

    /// @inheritdoc IKpiOracle
    function createFeed(FeedConfig calldata config) external returns (bytes32 feed) {
        FeedChecks.validate(config);
        bytes memory encoded = abi.encode(config);
        feed = keccak256(encoded);
        if (_stores[feed] != address(0)) return feed; // the same configuration, whoever created it
        _stores[feed] = FeedStore.write(encoded);
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
        StoredReport memory report = _reports[feed][period];
        bool fuller = _admit(config, subject, report);

        (bytes32 supersedes, uint32 before) = (report.evidence, report.signers);
        uint256 order = _checkObservations(config, subject, observations, report);
        if (fuller && (before == report.signers || before & ~report.signers != 0)) {
            revert KpiOracle_NotFuller(before, report.signers);
        }
        report.finalAt = uint48(block.timestamp + config.word(FeedStore.DISPUTE_WINDOW));
        _store(subject, report, order, supersedes);
    }

    function _store(Subject memory subject, StoredReport memory report, uint256 order, bytes32 supersedes) private {
        StoredReport storage slot = _reports[subject.feed][subject.period];
        (slot.value, slot.finalAt, slot.version, slot.signers, slot.stored) =
            (report.value, report.finalAt, subject.version, report.signers, Status.Pending);
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
    function _admit(bytes memory config, Subject memory subject, StoredReport memory report)
        private
        view
        returns (bool fuller)
    {
        if (block.timestamp < subject.periodEnd) revert KpiOracle_PeriodNotEnded(subject.periodEnd);
        fuller = report.stored == Status.Pending && subject.version == report.version;
        if (fuller) {
            // Until it is final, not until the deadline: nobody leaves an observation out in the last second.
            if (block.timestamp >= report.finalAt) revert KpiOracle_WrongStatus(Status.Final);
            return true;
        }
        uint64 deadline = subject.periodEnd + uint64(config.word(FeedStore.REPORTING_WINDOW));
        if (block.timestamp > deadline) revert KpiOracle_DeadlinePassed(deadline);
        if (report.stored == Status.None) return false;
        if (report.stored != Status.Pending) revert KpiOracle_WrongStatus(report.stored);
        if (report.used) revert KpiOracle_AlreadyUsed(subject.feed, subject.period);
        if (subject.version < report.version) revert KpiOracle_WrongVersion(subject.version, report.version);
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
            order |= (uint256(o.signer) + 1) << (8 * i);
            _checkObservation(config, subject, o);
            values[i] = o.value;
            roots[i] = o.evidence;
        }
        report.value = Median.median(values);
        _checkRange(config, values[0], values[count - 1]);
        report.evidence = keccak256(abi.encodePacked(roots));
        report.signers = uint32(seen); // an index is below 32
    }

    function _checkObservation(bytes memory config, Subject memory subject, Observation memory o)
        private
        view
    {
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
        if (spread > config.word(FeedStore.MAX_SPREAD)) revert KpiOracle_SpreadTooWide(spread, config.word(FeedStore.MAX_SPREAD));
    }

    /// @inheritdoc IKpiOracle
    function consume(bytes32 feed, uint32 period) external returns (int128 value, bool missing) {
        bytes memory config = _feed(feed);
        if (!_isConsumer(config, msg.sender)) revert KpiOracle_NotConsumer(msg.sender);
        StoredReport storage report = _reports[feed][period];
        Status status = _status(report, _periodEnd(config, feed, period) + uint64(config.word(FeedStore.REPORTING_WINDOW)));
        if (status != Status.Final && status != Status.Missing) revert KpiOracle_NotFinal(feed, period, status);
        report.used = true;
        emit ReportUsed(feed, period, report.version, msg.sender);
        return status == Status.Missing ? (int128(0), true) : (report.value, false);
    }

    // ---------------------------------------------------------------- disputes

    /// @inheritdoc IKpiOracle
    function challenge(bytes32 feed, uint32 period, uint32 version, bytes32 evidence) external {
        bytes memory config = _feed(feed);
        StoredReport storage report = _reports[feed][period];
        Status status = _status(report, _periodEnd(config, feed, period) + uint64(config.word(FeedStore.REPORTING_WINDOW)));
        if (status != Status.Pending) revert KpiOracle_WrongStatus(status);
        if (version != report.version) revert KpiOracle_WrongVersion(version, report.version);
        report.stored = Status.Challenged;
        report.finalAt = uint48(block.timestamp + config.word(FeedStore.RULING_WINDOW));
        _challengers[feed][period] = msg.sender;
        emit ReportChallenged(feed, period, version, msg.sender, evidence);
        _take(_bondCurrency(config), config.word(FeedStore.CHALLENGE_BOND));
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
        Status status = _status(report, _periodEnd(config, feed, period) + uint64(config.word(FeedStore.REPORTING_WINDOW)));
        if (status != Status.Challenged) revert KpiOracle_WrongStatus(status);
        _checkPanel(config, rulingDigest(feed, period, report.version, verdict, value, evidence), signatures);

        if (verdict == Verdict.Corrected) {
            if (value < int128(int256(config.word(FeedStore.MIN_VALUE))) || value > int128(int256(config.word(FeedStore.MAX_VALUE)))) revert KpiOracle_ValueOutOfBounds(value);
            report.value = value;
            report.evidence = evidence;
        }
        report.stored = verdict == Verdict.Void ? Status.Missing : Status.Final;
        report.finalAt = uint48(block.timestamp);
        emit ReportRuled(feed, period, report.version, verdict, report.value, report.evidence);

        uint256 reward = 0;
        if (verdict != Verdict.Stands) {
            uint256 pool = _rewardPools[feed];
            reward = config.word(FeedStore.CHALLENGE_REWARD) < pool ? config.word(FeedStore.CHALLENGE_REWARD) : pool;
            _rewardPools[feed] = pool - reward;
        } else {
            _rewardPools[feed] += config.word(FeedStore.CHALLENGE_BOND);
        }
        _settleChallenge(config, feed, period, verdict == Verdict.Stands ? 0 : config.word(FeedStore.CHALLENGE_BOND) + reward);
    }

    /// @inheritdoc IKpiOracle
    function settleSilentPanel(bytes32 feed, uint32 period) external {
        bytes memory config = _feed(feed);
        StoredReport storage report = _reports[feed][period];
        bool lapsed = report.stored == Status.Challenged && block.timestamp >= report.finalAt;
        if (!lapsed) revert KpiOracle_NothingToSettle(feed, period);
        report.stored = Status.Final;
        _settleChallenge(config, feed, period, config.word(FeedStore.CHALLENGE_BOND));
    }

    function _settleChallenge(bytes memory config, bytes32 feed, uint32 period, uint256 credit) private {
        address challenger = _challengers[feed][period];
        delete _challengers[feed][period];
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
        return FeedStore.read(store);
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
    function _status(StoredReport storage report, uint64 deadline) private view returns (Status stored) {
        stored = report.stored;
        if (stored == Status.None) return block.timestamp > deadline ? Status.Missing : Status.None;
        bool open = stored == Status.Pending || stored == Status.Challenged;
        if (open && block.timestamp >= report.finalAt) return Status.Final;
    }

    // ---------------------------------------------------------------- views

    /// @inheritdoc IKpiOracle
    function statusOf(bytes32 feed, uint32 period) public view returns (Status) {
        bytes memory config = _feed(feed);
        return _status(_reports[feed][period], _periodEnd(config, feed, period) + uint64(config.word(FeedStore.REPORTING_WINDOW)));
    }

    /// @inheritdoc IKpiOracle
    function reportOf(bytes32 feed, uint32 period) external view returns (Report memory) {
        bytes memory config = _feed(feed);
        StoredReport storage r = _reports[feed][period];
        uint64 deadline = _periodEnd(config, feed, period) + uint64(config.word(FeedStore.REPORTING_WINDOW));
        uint64 finalAt = r.stored == Status.None ? deadline + 1 : r.finalAt;
        return Report(_status(r, deadline), r.value, r.evidence, finalAt, r.version, r.used);
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
        return _challengers[feed][period];
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
        Verdict verdict,
        int128 value,
        bytes32 evidence
    ) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(RULING_TYPEHASH, feed, period, version, verdict, value, evidence)));
    }
}
