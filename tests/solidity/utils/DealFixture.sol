// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {DealFactory} from "../../../contracts/DealFactory.sol";
import {IdentityRegistry} from "../../../contracts/identity/IdentityRegistry.sol";
import {KpiBond} from "../../../contracts/instruments/KpiBond.sol";
import {IDealFactory} from "../../../contracts/interfaces/IDealFactory.sol";
import {HoldingPolicy, IIdentityRegistry} from "../../../contracts/interfaces/IIdentityRegistry.sol";
import {IKpiBond} from "../../../contracts/interfaces/IKpiBond.sol";
import {IKpiOracle} from "../../../contracts/interfaces/IKpiOracle.sol";
import {ISale} from "../../../contracts/interfaces/ISale.sol";
import {ISecurityToken} from "../../../contracts/interfaces/ISecurityToken.sol";
import {Offering} from "../../../contracts/market/Offering.sol";
import {KpiOracle} from "../../../contracts/oracle/KpiOracle.sol";
import {PayoffCurve} from "../../../contracts/settlement/PayoffCurve.sol";
import {TestCurrency} from "../../../contracts/testing/TestCurrency.sol";
import {SecurityToken} from "../../../contracts/token/SecurityToken.sol";
import {Test} from "./Test.sol";

/// @param fixings with the KPI's id, as in its policy, in place of the feed's
/// @param oraclePolicies the configuration of each KPI's feed, without `deal` and `consumers`
struct DealTerms {
    bytes32 termsHash;
    string name;
    string symbol;
    address currency;
    address registry;
    address agent;
    HoldingPolicy policy;
    address issuer;
    uint128 unitPrice;
    uint64 softCap;
    uint64 hardCap;
    uint64 opens;
    uint64 closes;
    uint128 unitPrincipal;
    uint64 rate;
    uint64 lateRate;
    uint32 gracePeriod;
    uint32 curePeriod;
    IKpiBond.DataController dataController;
    IKpiBond.Period[] periods;
    IKpiBond.Fixing[] fixings;
    uint32 noticePeriod;
    IKpiBond.Call[] calls;
    IKpiOracle.FeedConfig[] oraclePolicies;
}

/// @notice A deal as the factory takes it, and where its parts will be.
struct Wired {
    IDealFactory.Call[] calls;
    IDealFactory.Part[] parts;
    bytes32[] feeds;
    address token;
    address bond;
    address offering;
}

/// @notice A deal of awkward numbers, so that every rounding shows: 997 minor units of principal a unit, sold at 1,003,
/// at most 1,000 units, four half-yearly coupons of 3.43 %, and a KPI that is measured over the third half-year.
abstract contract DealFixture is Test {
    uint256 internal constant START = 1_700_000_000;
    uint64 internal constant OPENS = uint64(START + 1 days);
    uint64 internal constant CLOSES = uint64(START + 15 days);
    uint64 internal constant HALF_YEAR = 182 days;
    uint64 internal constant PERIOD_END = CLOSES + 3 * HALF_YEAR;
    uint32 internal constant REPORTING = 30 days;
    uint32 internal constant LATE = 9 days;
    uint32 internal constant MISSING = REPORTING + LATE; // then it is missing
    uint32 internal constant DISPUTE = 7 days;
    uint32 internal constant RULING = 14 days;
    uint32 internal constant GRACE = 10 days;
    uint32 internal constant CURE = 30 days;
    uint128 internal constant UNIT_PRINCIPAL = 997;
    uint128 internal constant UNIT_PRICE = 1_003;
    uint64 internal constant SOFT_CAP = 400;
    uint64 internal constant HARD_CAP = 1_000;
    uint64 internal constant RATE = 0.0343e18;
    uint64 internal constant BOND_LATE_RATE = 0.2317e18;
    int128 internal constant BONUS = 131_607; // 13.2 % of the principal of the full issue
    bytes32 internal constant KPI = "runoff-reduction";
    int128 internal constant KPI_MIN = -1e6;
    int128 internal constant KPI_MAX = 1e6;
    uint128 internal constant MAX_SPREAD = 250_000;
    uint128 internal constant CHALLENGE_BOND = 10_000;
    uint128 internal constant CHALLENGE_REWARD = 5_000;
    uint8 internal constant QUORUM = 3;
    uint8 internal constant NODES = 4;
    uint8 internal constant PANEL_QUORUM = 2;
    uint8 internal constant PANELLISTS = 3;

    address internal constant ISSUER = address(0x1550E5);
    address internal constant AGENT = address(0xA6E27);
    address internal constant ALICE = address(0xA11CE);
    address internal constant BOB = address(0xB0B);
    address internal constant CAROL = address(0xCA201);
    address internal constant STRANGER = address(0x57A46E);

    TestCurrency internal currency;
    IdentityRegistry internal registry;
    KpiOracle internal oracle;
    DealFactory internal factory;
    address internal tokenCode;
    address internal bondCode;
    address internal offeringCode;
    SecurityToken internal token;
    KpiBond internal bond;
    Offering internal offering;
    bytes32 internal feed;
    uint256[] internal nodeKeys;
    uint256[] internal panelKeys;

    function deployRooms() internal {
        vm.warp(START);
        currency = new TestCurrency("Test dollar", "TUSD", 6);
        registry = new IdentityRegistry(address(this));
        oracle = new KpiOracle();
        factory = new DealFactory();
        (tokenCode, bondCode, offeringCode) =
        (address(new SecurityToken()), address(new KpiBond()), address(new Offering()));
        nodeKeys = keysByAddress(0xA0DE, NODES);
        panelKeys = keysByAddress(0xBA5E, PANELLISTS);
        verify(ALICE);
        verify(BOB);
        verify(CAROL);
    }

    function deployDeal(DealTerms memory terms) internal {
        Wired memory w = wired(terms, address(this));
        factory.deploy(terms.termsHash, w.calls, w.parts);
        token = SecurityToken(w.token);
        bond = KpiBond(w.bond);
        offering = Offering(w.offering);
        feed = w.feeds.length == 0 ? bytes32(0) : w.feeds[0];
    }

    // ---------------------------------------------------------------- wiring

    /// @dev Token, offering, then the bond, which calls the currency.
    function wired(DealTerms memory terms, address deployer) internal view returns (Wired memory w) {
        DealTerms memory t = abi.decode(abi.encode(terms), (DealTerms)); // a copy, in which feeds take the place of KPIs
        bytes memory anchors = anchorsOf(t.registry, t.policy, t.currency, t.agent, t.termsHash);
        w.token = placeOf(deployer, t.termsHash, "token", tokenCode, anchors);
        w.bond = placeOf(deployer, t.termsHash, "bond", bondCode, "");
        w.offering = placeOf(deployer, t.termsHash, "offering", offeringCode, "");
        (w.calls, w.feeds) = feedCalls(t.oraclePolicies, t.termsHash, w.bond);
        for (uint256 i = 0; i < t.fixings.length; ++i) {
            for (uint256 j = 0; j < w.feeds.length; ++j) {
                if (t.oraclePolicies[j].kpi != t.fixings[i].feed) continue;
                t.fixings[i].feed = w.feeds[j];
                break;
            }
        }
        w.parts = new IDealFactory.Part[](3);
        bytes memory begin = abi.encodeCall(ISecurityToken.initialize, (t.name, t.symbol, w.offering, w.bond));
        w.parts[0] = IDealFactory.Part("token", tokenCode, anchors, begin);
        w.parts[1] =
            IDealFactory.Part("offering", offeringCode, "", abi.encodeCall(Offering.initialize, (saleOf(t, w))));
        w.parts[2] = IDealFactory.Part("bond", bondCode, "", abi.encodeCall(KpiBond.initialize, (bondOf(t, w))));
    }

    /// @dev As {IDealFactory-addressOf}, but no call, which would be the one that a test expects to revert.
    function placeOf(address deployer, bytes32 termsHash, bytes32 key, address code, bytes memory immutables)
        internal
        view
        returns (address)
    {
        bytes32 salt = keccak256(abi.encode(deployer, termsHash, key));
        return Clones.predictDeterministicAddressWithImmutableArgs(code, immutables, salt, address(factory));
    }

    function anchorsOf(address registry_, HoldingPolicy policy, address currency_, address agent, bytes32 termsHash)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encode(ISecurityToken.Anchors(registry_, policy, currency_, agent, termsHash));
    }

    function feedCalls(IKpiOracle.FeedConfig[] memory policies, bytes32 termsHash, address consumer)
        internal
        view
        returns (IDealFactory.Call[] memory calls, bytes32[] memory feeds)
    {
        (calls, feeds) = (new IDealFactory.Call[](policies.length), new bytes32[](policies.length));
        for (uint256 i = 0; i < policies.length; ++i) {
            policies[i].deal = termsHash;
            policies[i].consumers = new address[](1);
            policies[i].consumers[0] = consumer;
            feeds[i] = keccak256(abi.encode(policies[i]));
            calls[i] = IDealFactory.Call(address(oracle), abi.encodeCall(IKpiOracle.createFeed, (policies[i])));
        }
    }

    function saleOf(DealTerms memory t, Wired memory w) internal pure returns (ISale.Terms memory o) {
        (o.token, o.servicer, o.currency, o.issuer) = (w.token, w.bond, t.currency, t.issuer);
        (o.unitPrice, o.softCap, o.hardCap, o.opens, o.closes) = (t.unitPrice, t.softCap, t.hardCap, t.opens, t.closes);
        o.parties = new address[](2);
        (o.parties[0], o.parties[1]) = (t.issuer, t.agent);
    }

    function bondOf(DealTerms memory t, Wired memory w) private view returns (IKpiBond.Terms memory b) {
        (b.token, b.offering, b.oracle) = (w.token, w.offering, address(oracle));
        (b.currency, b.issuer) = (t.currency, t.issuer);
        (b.gracePeriod, b.curePeriod, b.dataController) = (t.gracePeriod, t.curePeriod, t.dataController);
        (b.unitPrincipal, b.authorisedUnits, b.rate, b.lateRate) = (t.unitPrincipal, t.hardCap, t.rate, t.lateRate);
        (b.periods, b.fixings, b.noticePeriod, b.calls) = (t.periods, t.fixings, t.noticePeriod, t.calls);
    }

    function verify(address account) internal {
        registry.setIdentity(account, IIdentityRegistry.Identity(type(uint64).max, 840, 1));
    }

    // ---------------------------------------------------------------- terms

    function dealTerms() internal view returns (DealTerms memory t) {
        t.termsHash = keccak256("deal of awkward numbers");
        t.name = "Awkward Bond";
        t.symbol = "AWK";
        t.currency = address(currency);
        t.registry = address(registry);
        t.agent = AGENT;
        t.policy = HoldingPolicy.wrap(bytes32(uint256(1 << 1 | 1 << 2)));
        t.issuer = ISSUER;
        t.unitPrice = UNIT_PRICE;
        t.softCap = SOFT_CAP;
        t.hardCap = HARD_CAP;
        t.opens = OPENS;
        t.closes = CLOSES;
        t.unitPrincipal = UNIT_PRINCIPAL;
        t.rate = RATE;
        t.lateRate = BOND_LATE_RATE;
        t.gracePeriod = GRACE;
        t.curePeriod = CURE;
        t.dataController = IKpiBond.DataController.Issuer;
        t.periods = new IKpiBond.Period[](4);
        for (uint64 i = 0; i < 4; ++i) {
            t.periods[i] = IKpiBond.Period(CLOSES + (i + 1) * HALF_YEAR, 181 + uint24(i) % 2 * 3, 365, 0, 0);
        }
        t.periods[3].repayment = UNIT_PRINCIPAL;
        t.fixings = new IKpiBond.Fixing[](1);
        t.fixings[0] = outcomeAt(3);
        t.oraclePolicies = new IKpiOracle.FeedConfig[](1);
        t.oraclePolicies[0] = feedConfig();
    }

    /// @dev The report on the first measurement period, paid in `period`; missing, it costs the issuer the most.
    function outcomeAt(uint16 period) internal pure returns (IKpiBond.Fixing memory f) {
        f.feed = KPI;
        f.effect = IKpiBond.Effect.Amount;
        (f.first, f.last) = (period, period);
        f.missing = BONUS;
        f.curve.shape = PayoffCurve.Shape.Linear;
        f.curve.knots = new PayoffCurve.Knot[](3);
        f.curve.knots[0] = PayoffCurve.Knot(100_000, -BONUS);
        f.curve.knots[1] = PayoffCurve.Knot(300_001, 0);
        f.curve.knots[2] = PayoffCurve.Knot(500_000, BONUS);
    }

    /// @dev As a deal file gives it, without deal and consumers.
    function feedConfig() internal view returns (IKpiOracle.FeedConfig memory c) {
        c.kpi = KPI;
        c.decimals = 6;
        c.minValue = KPI_MIN;
        c.maxValue = KPI_MAX;
        c.maxSpread = MAX_SPREAD;
        c.signers = addressesOf(nodeKeys);
        c.quorum = QUORUM;
        c.methodHash = sha256("test/1");
        c.periodEnds = new uint64[](2);
        c.periodEnds[0] = PERIOD_END;
        c.periodEnds[1] = PERIOD_END + HALF_YEAR;
        c.reportingWindow = REPORTING;
        c.lateWindow = LATE;
        c.disputeWindow = DISPUTE;
        c.rulingWindow = RULING;
        c.bondCurrency = address(currency);
        c.challengeBond = CHALLENGE_BOND;
        c.challengeReward = CHALLENGE_REWARD;
        c.sponsor = ISSUER;
        c.panel = addressesOf(panelKeys);
        c.panelQuorum = PANEL_QUORUM;
    }

    // ---------------------------------------------------------------- signatures

    /// @dev `count` keys in the order of their addresses, as a feed wants its signers.
    function keysByAddress(uint256 seed, uint256 count) internal pure returns (uint256[] memory keys) {
        keys = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 key = uint256(keccak256(abi.encode(seed, i))) >> 8;
            uint256 j = i;
            for (; j > 0 && vm.addr(keys[j - 1]) > vm.addr(key); --j) {
                keys[j] = keys[j - 1];
            }
            keys[j] = key;
        }
    }

    function addressesOf(uint256[] memory keys) internal pure returns (address[] memory list) {
        list = new address[](keys.length);
        for (uint256 i = 0; i < keys.length; ++i) {
            list[i] = vm.addr(keys[i]);
        }
    }

    function observe(bytes32 feed_, uint32 period, uint32 version, uint8 signer, int128 value)
        internal
        view
        returns (IKpiOracle.Observation memory o)
    {
        o = IKpiOracle.Observation(value, uint64(block.timestamp), signer, keccak256(abi.encode(signer, value)), 0, 0);
        bytes32 digest = oracle.observationDigest(feed_, period, version, value, o.observedAt, o.evidence);
        (o.r, o.vs) = vm.signCompact(nodeKeys[signer], digest);
    }

    /// @dev A report of the first `count` nodes, who all saw the same `value`.
    function unanimous(bytes32 feed_, uint32 period, uint32 version, uint256 count, int128 value)
        internal
        view
        returns (IKpiOracle.Observation[] memory list)
    {
        list = new IKpiOracle.Observation[](count);
        for (uint8 i = 0; i < count; ++i) {
            list[i] = observe(feed_, period, version, i, value);
        }
    }

    /// @dev On the report there is now, whose version is given.
    function panelSignatures(
        uint32 period,
        uint32 version,
        IKpiOracle.Verdict verdict,
        int128 value,
        bytes32 evidence,
        uint256 count
    ) internal view returns (IKpiOracle.PanelSignature[] memory) {
        bytes32 held = oracle.reportOf(feed, period).evidence;
        return panelSigns(oracle.rulingDigest(feed, period, version, held, verdict, value, evidence), count);
    }

    function panelSigns(bytes32 digest, uint256 count) internal view returns (IKpiOracle.PanelSignature[] memory list) {
        list = new IKpiOracle.PanelSignature[](count);
        for (uint8 i = 0; i < count; ++i) {
            list[i].panellist = i;
            (list[i].r, list[i].vs) = vm.signCompact(panelKeys[i], digest);
        }
    }

    /// @dev Commits to a challenge of the present report and makes it, with a bond minted for it.
    function challengeAs(address who, bytes32 feed_, uint32 period) internal {
        int128 value = oracle.reportOf(feed_, period).value;
        oracle.commitChallenge(keccak256(abi.encode(who, feed_, period, value, bytes32("why"), bytes32("salt"))));
        currency.mint(who, CHALLENGE_BOND);
        vm.startPrank(who);
        currency.approve(address(oracle), CHALLENGE_BOND);
        oracle.challenge(feed_, period, value, "why", "salt");
        vm.stopPrank();
    }

    // ---------------------------------------------------------------- money

    /// @dev In a block of its own: no issue is settled in the block of a sale.
    function buy(address investor, uint256 units) internal {
        uint256 cost = units * UNIT_PRICE;
        currency.mint(investor, cost);
        vm.startPrank(investor);
        currency.approve(address(offering), cost);
        offering.subscribe(units);
        vm.stopPrank();
        vm.roll(block.number + 1);
    }

    function fundBond(uint256 amount) internal {
        currency.mint(address(this), amount);
        currency.approve(address(bond), amount);
        bond.fund(amount);
    }
}
