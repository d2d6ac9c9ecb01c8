// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiOracle} from "../../../contracts/interfaces/IKpiOracle.sol";
import {KpiOracle} from "../../../contracts/oracle/KpiOracle.sol";
import {DealFixture} from "../utils/DealFixture.sol";

/// @notice Reports, forges, challenges, rules and consumes in any order, and keeps its own books of every period.
/// @dev As in {TokenHandler}, each action is predicted from the books first and must turn out as predicted. The handler is
/// the feed's consumer. A second feed and a second oracle with the same nodes exist so that their signatures can be
/// replayed here.
contract OracleHandler is DealFixture {
    uint32 public constant PERIODS = 3;
    uint256 private constant FORGERIES = 18;
    uint256 private constant RIVALS = 2; // who may challenge and petition

    /// @param stored as of the last action; the clock turns None to Missing, and Pending and Challenged to Final or Missing
    /// @param until end of the window that is running
    /// @param stake of the rival who challenges or petitions
    /// @param order of the rival's commitment
    /// @param before evidence of the report that was replaced last; zero where none was
    /// @param settled the value (or its absence) a consumer has relied on
    struct Book {
        IKpiOracle.Status stored;
        int128 value;
        uint64 until;
        uint32 version;
        uint256 signers;
        uint256 stake;
        uint256 rival;
        uint256 order;
        bytes32 before;
        bool rewarded;
        bool used;
        bool settledMissing;
        int128 settledValue;
    }

    /// @dev A rival's latest commitment; of a petition where there was no report.
    struct Commitment {
        uint32 period;
        bool petition;
        int128 value;
        uint256 order;
        uint256 time;
    }

    mapping(uint32 period => Book) private _books;
    mapping(uint256 rival => Commitment) private _commitments;
    uint256 private _count;
    uint256 public moneyIn;
    uint256 public moneyOut;
    uint256 public pool;
    mapping(uint256 rival => uint256) private _credits;
    uint256 public sponsorCredit;
    uint256 public rewards; // paid for challenges, in all
    bytes32 public theFeed;
    bytes32 private _otherFeed;
    KpiOracle private _otherOracle;
    uint64[] private _ends;

    constructor() {
        deployRooms();
        _otherOracle = new KpiOracle();
        IKpiOracle.FeedConfig memory config = feedConfig();
        config.consumers = new address[](1);
        config.consumers[0] = address(this);
        config.periodEnds = new uint64[](PERIODS);
        for (uint32 i = 0; i < PERIODS; ++i) {
            config.periodEnds[i] = uint64(START + (i + 1) * 20 days);
        }
        _ends = config.periodEnds;
        theFeed = feed = oracle.createFeed(config);
        config.kpi = "another";
        _otherFeed = oracle.createFeed(config);
        currency.approve(address(oracle), type(uint256).max);
        for (uint256 i = 0; i < RIVALS; ++i) {
            vm.prank(_rival(i));
            currency.approve(address(oracle), type(uint256).max);
        }
    }

    function _rival(uint256 i) private pure returns (address) {
        return address(uint160(0xC4A11 + i));
    }

    // ---------------------------------------------------------------- actions

    /// @dev Often to the very second a window ends, or one beside it.
    function wait(uint256 seed) external {
        uint256 dice = mix(seed);
        uint32 period = uint32((dice >> 192) % PERIODS);
        uint256 edge = _books[period].until;
        if (dice % 4 == 0) edge = _ends[period];
        if (dice % 4 == 1) edge = _ends[period] + (dice % 8 == 1 ? REPORTING : MISSING);
        if (edge != 0) edge = edge + (dice >> 128) % 3 - 1;
        if ((dice >> 64) % 3 != 0 && edge > block.timestamp && edge < block.timestamp + 15 days) vm.warp(edge);
        else vm.warp(block.timestamp + 1 hours + (dice >> 192) % 4 days);
    }

    /// @dev The last version again, some above it, or one below it.
    function report(uint256 which, uint256 seed, bool everybody) external {
        uint32 period = uint32(which % PERIODS);
        int128 lowest = int128(bound(int256(seed), KPI_MIN, KPI_MAX - int128(MAX_SPREAD)));
        int128[] memory values = _ascending(lowest, seed, everybody ? 4 : 3);
        Book storage book = _books[period];
        uint32 version = book.version + uint32(mix(seed) % 3);
        if (version != 0 && mix(seed) % 16 == 0) --version;
        IKpiOracle.Observation[] memory list = _observations(period, version, values, seed);
        uint256 signers;
        for (uint256 i = 0; i < list.length; ++i) {
            signers |= 1 << list[i].signer;
        }
        bool fuller = book.signers != 0 && version == book.version;
        bool same = book.signers != 0 && values[1] == book.value;
        bool expected = _maySubmit(period, version, same);
        if (fuller && (signers == book.signers || signers | book.signers != signers)) expected = false;
        bytes32 before = oracle.reportOf(feed, period).evidence;
        try oracle.submit(feed, period, version, list) {
            isTrue(expected, "submit should have failed");
            bool answers = book.stored == IKpiOracle.Status.Challenged;
            if (answers && !same) _close(period, book.stake + (fuller || book.signers == 0 ? 0 : _reward(period)));
            if (!fuller || !same) {
                book.stored = IKpiOracle.Status.Pending;
                book.until = uint64(block.timestamp) + DISPUTE;
            }
            book.value = values[1]; // the middle of three, the lower middle of four
            (book.version, book.signers, book.before) = (version, signers, before);
        } catch {
            isFalse(expected, "submit should have succeeded");
        }
    }

    /// @dev Whether its time and version are right. `same`: it has the value of the report there is.
    function _maySubmit(uint32 period, uint32 version, bool same) private view returns (bool) {
        Book storage book = _books[period];
        bool late = block.timestamp > _ends[period] + REPORTING;
        if (block.timestamp < _ends[period] || block.timestamp > _ends[period] + MISSING || book.used) return false;
        if (book.stored == IKpiOracle.Status.None) return !late;
        if (book.stored == IKpiOracle.Status.Final || book.stored == IKpiOracle.Status.Missing) return false;
        bool runs = block.timestamp < book.until;
        if (book.signers != 0 && version == book.version) return runs;
        if (book.signers != 0 && version < book.version) return false;
        bool challenged = book.stored == IKpiOracle.Status.Challenged;
        return !(challenged && same) && (!late || (challenged && runs));
    }

    function _reward(uint32 period) private returns (uint256 reward) {
        if (_books[period].rewarded) return 0;
        _books[period].rewarded = true;
        uint256 share = pool / (PERIODS - period);
        reward = share < CHALLENGE_REWARD ? share : CHALLENGE_REWARD;
        pool -= reward;
        rewards += reward;
    }

    function _close(uint32 period, uint256 amount) private {
        _credits[_books[period].rival] += amount;
        _books[period].stake = 0;
    }

    /// @dev A report that is right but for one flaw never gets in, whatever the state.
    function forgeReport(uint256 which, uint256 seed, uint256 flaw) external {
        flaw %= FORGERIES;
        uint32 period = uint32(which % PERIODS);
        if (block.timestamp < _ends[period]) return; // let the flaw be the only reason
        uint32 version = _status(period) == IKpiOracle.Status.None ? 0 : _books[period].version + 1;
        int128 lowest = int128(bound(int256(seed), KPI_MIN, KPI_MAX - int128(MAX_SPREAD)));
        int128[] memory values = _ascending(lowest, seed, 3);
        if (flaw == 0) values = _ascending(lowest, seed, 2); // below quorum
        if (flaw == 1) (values[0], values[2]) = (KPI_MAX - 1, KPI_MAX + 1); // out of bounds above
        if (flaw == 1) values[1] = KPI_MAX;
        if (flaw == 2) (values[0], values[1], values[2]) = (KPI_MIN - 1, KPI_MIN, KPI_MIN); // out of bounds below
        if (flaw == 3) values[2] = values[0] + int128(MAX_SPREAD) + 1; // too wide a spread
        if (flaw == 4) (values[0], values[1], values[2]) = (lowest + 2, lowest + 1, lowest + 3); // not ascending
        IKpiOracle.Observation[] memory list = _observations(period, version, values, 0);
        uint256 last = list.length - 1;
        if (flaw == 5) list[last] = list[0]; // one node twice
        if (flaw == 6) list[last].signer = NODES; // a node that is not there
        if (flaw == 7) list[last].signer = list[last].signer == 3 ? 2 : 3; // another node's signature
        if (flaw == 8) list[last].value += 1; // value changed after signing
        if (flaw == 9) list[last].evidence = keccak256("other evidence"); // evidence changed after signing
        if (flaw == 10) (list[last].r, list[last].vs) = (0, 0); // no signature at all
        if (flaw == 11) _sign(list[last], oracle, _otherFeed, period, version); // another feed
        if (flaw == 12) _sign(list[last], oracle, feed, (period + 1) % PERIODS, version); // another period
        if (flaw == 13) _sign(list[last], oracle, feed, period, version + 1); // another version
        if (flaw == 14) _sign(list[last], _otherOracle, feed, period, version); // another contract
        if (flaw == 15) {
            uint256 here = block.chainid;
            vm.chainId(here + 1); // another chain
            _sign(list[last], oracle, feed, period, version);
            vm.chainId(here);
        }
        if (flaw == 16) {
            list[last].observedAt = _ends[period] - 1; // measured before the period was over
            _sign(list[last], oracle, feed, period, version);
        }
        if (flaw == 17) {
            list[last].observedAt = uint64(block.timestamp) + 1; // measured in the future
            _sign(list[last], oracle, feed, period, version);
        }
        try oracle.submit(feed, period, version, list) {
            revert Expected("a forged report should have failed");
        } catch {}
    }

    /// @dev To a challenge of the report there is, or else to a petition.
    function commit(uint256 which, uint256 rival) external {
        rival %= RIVALS;
        uint32 period = uint32(which % PERIODS);
        Book storage book = _books[period];
        _commitments[rival] = Commitment(period, book.signers == 0, book.value, ++_count, block.timestamp);
        oracle.commitChallenge(_sealed(rival));
        oracle.commitChallenge(_sealed(rival)); // once more: nothing
    }

    function _sealed(uint256 rival) private view returns (bytes32) {
        Commitment storage c = _commitments[rival];
        bytes32 salt = bytes32(c.order);
        if (c.petition) return keccak256(abi.encode(_rival(rival), feed, c.period, bytes32("why"), salt));
        return keccak256(abi.encode(_rival(rival), feed, c.period, c.value, bytes32("why"), salt));
    }

    /// @dev A rival opens what it has committed to, or (`unsealed`) something else.
    function open(uint256 rival, bool unsealed) external {
        rival %= RIVALS;
        Commitment storage c = _commitments[rival];
        if (c.order == 0) return;
        Book storage book = _books[c.period];
        IKpiOracle.Status status = _status(c.period);
        bool waits = status == (c.petition ? IKpiOracle.Status.None : IKpiOracle.Status.Pending);
        bool takes = status == IKpiOracle.Status.Challenged && c.order < book.order;
        bool expected = (waits || takes) && block.timestamp <= c.time + 1 hours && !unsealed;
        expected = expected && (book.signers == 0) == c.petition;
        if (c.petition) expected = expected && block.timestamp > _ends[c.period] + REPORTING;
        else expected = expected && c.value == book.value;
        currency.mint(_rival(rival), CHALLENGE_BOND);
        bytes32 salt = unsealed ? bytes32(0) : bytes32(c.order);
        try this.opened(c.period, c.petition, c.value, salt, _rival(rival)) {
            isTrue(expected, "open should have failed");
            if (takes) {
                _close(c.period, book.stake);
            } else {
                book.stored = IKpiOracle.Status.Challenged;
                book.until = uint64(block.timestamp) + RULING;
            }
            (book.stake, book.rival, book.order) = (CHALLENGE_BOND, rival, c.order);
            moneyIn += CHALLENGE_BOND;
        } catch {
            isFalse(expected, "open should have succeeded");
        }
    }

    /// @dev One call, so that one `try` holds for both.
    function opened(uint32 period, bool asks, int128 value, bytes32 salt, address who) external {
        vm.prank(who);
        if (asks) oracle.petition(feed, period, "why", salt);
        else oracle.challenge(feed, period, value, "why", salt);
    }

    function releaseRewards() external {
        bool expected = block.timestamp > _ends[PERIODS - 1] + MISSING + DISPUTE + RULING;
        try oracle.releaseRewards(feed) returns (uint256 amount) {
            isTrue(expected, "releaseRewards should have failed");
            eq(amount, pool, "all that is left");
            sponsorCredit += pool;
            pool = 0;
        } catch {
            isFalse(expected, "releaseRewards should have succeeded");
        }
    }

    function rule(uint256 which, uint8 dice, int256 seed, bool enough) external {
        uint32 period = uint32(which % PERIODS);
        IKpiOracle.Verdict verdict = IKpiOracle.Verdict(dice % 3);
        int128 value = int128(bound(seed, KPI_MIN - 1, KPI_MAX + 1));
        bool inBounds = verdict != IKpiOracle.Verdict.Corrected || (value >= KPI_MIN && value <= KPI_MAX);
        bool expected = _status(period) == IKpiOracle.Status.Challenged && inBounds && enough;
        Book storage book = _books[period];
        IKpiOracle.PanelSignature[] memory signatures =
            panelSignatures(period, book.version, verdict, value, "panel", enough ? PANEL_QUORUM : PANEL_QUORUM - 1);
        try oracle.rule(feed, period, verdict, value, "panel", signatures) {
            isTrue(expected, "rule should have failed");
            bool asked = book.signers == 0;
            bool none = verdict == IKpiOracle.Verdict.Void || (asked && verdict == IKpiOracle.Verdict.Stands);
            book.stored = none ? IKpiOracle.Status.Missing : IKpiOracle.Status.Final;
            book.until = uint64(block.timestamp);
            if (verdict == IKpiOracle.Verdict.Corrected) book.value = value;
            if (verdict == IKpiOracle.Verdict.Stands) pool += book.stake;
            _close(period, verdict == IKpiOracle.Verdict.Stands ? 0 : book.stake + (asked ? 0 : _reward(period)));
        } catch {
            isFalse(expected, "rule should have succeeded");
        }
    }

    /// @dev Signed for the report that this one replaced, or for a petition that it answered, in this one's version: it
    /// decides nothing.
    function ruleOnAnother(uint256 which, uint8 dice) external {
        uint32 period = uint32(which % PERIODS);
        Book storage book = _books[period];
        if (book.signers == 0) return;
        // The same observations under a higher version are no other report.
        if (book.before == oracle.reportOf(feed, period).evidence) return;
        IKpiOracle.Verdict verdict = IKpiOracle.Verdict(dice % 3);
        bytes32 digest = oracle.rulingDigest(feed, period, book.version, book.before, verdict, book.value, "panel");
        try oracle.rule(feed, period, verdict, book.value, "panel", panelSigns(digest, PANEL_QUORUM)) {
            revert Expected("the panel has ruled on another report");
        } catch {}
    }

    function settleSilentPanel(uint256 which) external {
        uint32 period = uint32(which % PERIODS);
        Book storage book = _books[period];
        bool expected = book.stake != 0 && block.timestamp >= book.until;
        try oracle.settleSilentPanel(feed, period) {
            isTrue(expected, "settleSilentPanel should have failed");
            _close(period, book.stake);
            book.stored = book.signers == 0 ? IKpiOracle.Status.Missing : IKpiOracle.Status.Pending;
        } catch {
            isFalse(expected, "settleSilentPanel should have succeeded");
        }
    }

    function consume(uint256 which) external {
        uint32 period = uint32(which % PERIODS);
        Book storage book = _books[period];
        IKpiOracle.Status status = _status(period);
        bool expected = status == IKpiOracle.Status.Final || status == IKpiOracle.Status.Missing;
        try oracle.consume(feed, period) returns (int128 value, bool missing) {
            isTrue(expected, "consume should have failed");
            isTrue(missing == (status == IKpiOracle.Status.Missing), "missing just when the books say so");
            if (!missing) eqInt(value, book.value, "consumed value");
            book.used = true;
            (book.settledMissing, book.settledValue) = (missing, value);
        } catch {
            isFalse(expected, "consume should have succeeded");
        }
    }

    function trespass(uint256 which) external {
        vm.prank(STRANGER);
        try oracle.consume(feed, uint32(which % PERIODS)) {
            revert Expected("only a consumer of the feed uses its reports");
        } catch {}
        try oracle.submit(feed, PERIODS, 0, unanimous(feed, PERIODS, 0, QUORUM, 0)) {
            revert Expected("there is no such period");
        } catch {}
    }

    function fundRewards(uint256 amount) external {
        amount = bound(amount, 0, CHALLENGE_REWARD * 2);
        currency.mint(address(this), amount);
        oracle.fundRewards(feed, amount);
        pool += amount;
        moneyIn += amount;
    }

    function withdraw(uint256 rival) external {
        rival %= RIVALS;
        uint256 before = currency.balanceOf(_rival(rival));
        uint256 paid = oracle.withdraw(address(currency), _rival(rival));
        eq(paid, _credits[rival], "withdrawn is what was credited");
        eq(currency.balanceOf(_rival(rival)) - before, paid, "it went to the rival");
        moneyOut += paid;
        _credits[rival] = 0;
        moneyOut += oracle.withdraw(address(currency), ISSUER);
        sponsorCredit = 0;
    }

    // ---------------------------------------------------------------- views for the invariants

    function theOracle() external view returns (KpiOracle) {
        return oracle;
    }

    function held() external view returns (uint256) {
        return currency.balanceOf(address(oracle));
    }

    function bookOf(uint32 period) external view returns (Book memory book, IKpiOracle.Status status) {
        return (_books[period], _status(period));
    }

    function credit() external view returns (uint256 sum) {
        for (uint256 i = 0; i < RIVALS; ++i) {
            sum += _credits[i];
        }
        sum += sponsorCredit;
    }

    /// @dev No more than one reward a period, whatever was paid in.
    function mostRewards() external pure returns (uint256) {
        return PERIODS * CHALLENGE_REWARD;
    }

    /// @dev When, at the latest, a period is final or missing, whatever anybody does.
    function settledBy(uint32 period) external view returns (uint256) {
        return _ends[period] + MISSING + DISPUTE + RULING;
    }

    function stakes() external view returns (uint256 sum) {
        for (uint32 i = 0; i < PERIODS; ++i) {
            sum += _books[i].stake;
        }
    }

    // ---------------------------------------------------------------- the books' rules

    function _status(uint32 period) private view returns (IKpiOracle.Status stored) {
        stored = _books[period].stored;
        if (stored == IKpiOracle.Status.None) {
            if (block.timestamp > _ends[period] + MISSING) return IKpiOracle.Status.Missing;
        } else if (stored != IKpiOracle.Status.Missing && block.timestamp >= _books[period].until) {
            bool none = stored == IKpiOracle.Status.Challenged && _books[period].signers == 0;
            return none ? IKpiOracle.Status.Missing : IKpiOracle.Status.Final;
        }
    }

    /// @dev Values that ascend, are in bounds and not too far apart; sometimes equal, sometimes just at the limit.
    function _ascending(int128 lowest, uint256 seed, uint256 count) private pure returns (int128[] memory values) {
        values = new int128[](count);
        uint256 span = seed % 5 == 0 ? 0 : MAX_SPREAD;
        for (uint256 i = 0; i < count; ++i) {
            values[i] = lowest + int128(int256(span * i / (count - 1)));
        }
    }

    /// @dev Observations of distinct nodes, in an order of nodes that `seed` rotates.
    function _observations(uint32 period, uint32 version, int128[] memory values, uint256 seed)
        private
        view
        returns (IKpiOracle.Observation[] memory list)
    {
        list = new IKpiOracle.Observation[](values.length);
        for (uint256 i = 0; i < values.length; ++i) {
            uint8 signer = uint8((i + seed % NODES) % NODES);
            list[i] = observe(feed, period, version, signer, values[i]);
        }
    }

    function _sign(IKpiOracle.Observation memory o, KpiOracle where, bytes32 feed_, uint32 period, uint32 version)
        private
        view
    {
        bytes32 digest = where.observationDigest(feed_, period, version, o.value, o.observedAt, o.evidence);
        (o.r, o.vs) = vm.signCompact(nodeKeys[o.signer], digest);
    }
}
