// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IdentityRegistry} from "../../../contracts/identity/IdentityRegistry.sol";
import {KpiBond} from "../../../contracts/instruments/KpiBond.sol";
import {HoldingPolicy, IIdentityRegistry} from "../../../contracts/interfaces/IIdentityRegistry.sol";
import {IKpiBond} from "../../../contracts/interfaces/IKpiBond.sol";
import {IKpiOracle} from "../../../contracts/interfaces/IKpiOracle.sol";
import {ISecurityToken} from "../../../contracts/interfaces/ISecurityToken.sol";
import {PayoffCurve} from "../../../contracts/settlement/PayoffCurve.sol";
import {TestCurrency} from "../../../contracts/testing/TestCurrency.sol";
import {SecurityToken} from "../../../contracts/token/SecurityToken.sol";

/// @notice Bonds' lives for tests/settlement: a real token and a real bond, with this contract as their offering, issuer,
/// oracle and only holder. `run` lives a whole life in one call, on one day; `begin` and `act` one act at a time.
contract BondReplay {
    /// @param fixings whose `kpiPeriod` is their own index, so that each has a report of its own
    /// @param missing, kpis the reports, one for each fixing
    struct Case {
        uint128 unitPrincipal;
        uint64 authorisedUnits;
        uint64 units;
        uint64 rate;
        IKpiBond.Period[] periods;
        IKpiBond.Fixing[] fixings;
        IKpiBond.DataController dataController;
        bool[] missing;
        int128[] kpis;
        uint32 noticePeriod;
        IKpiBond.Call[] calls;
    }

    /// @param paid by each payment, the redemption last
    /// @param rates of each period
    /// @param outcomes of each payment
    /// @param claimed what the only holder received in all
    struct Life {
        uint256[] paid;
        uint256[] rates;
        int256[] outcomes;
        uint256 claimed;
    }

    address private immutable TOKEN;
    address private immutable BOND;
    TestCurrency private immutable CURRENCY;
    IdentityRegistry private immutable REGISTRY;

    /// @dev What `act` leaves: state, coupons paid, money held, shared out, owed after an acceleration.
    struct Books {
        uint256 state;
        uint256 couponsPaid;
        uint256 held;
        uint256 distributed;
        uint256 interestOwed;
        uint256 principalOwed;
        uint256 lateOwed;
    }

    KpiBond private _bond;
    address private _token;
    uint64[] private _ends; // of what the reports measure
    mapping(uint256 report => uint64) private _settledAt;
    bool[] private _missing;
    int128[] private _kpis;

    /// @param token, bond implementations to clone
    constructor(address token, address bond) {
        TOKEN = token;
        BOND = bond;
        CURRENCY = new TestCurrency("Test dollar", "TUSD", 6);
        REGISTRY = new IdentityRegistry(address(this));
        REGISTRY.setIdentity(address(this), IIdentityRegistry.Identity(type(uint64).max, 840, 1));
    }

    function run(Case calldata c) external returns (Life memory life) {
        (_missing, _kpis) = (c.missing, c.kpis);
        (SecurityToken token, KpiBond bond) = _deploy(_terms(c), c.units);
        CURRENCY.mint(address(bond), type(uint128).max);
        for (uint256 i = 0; i < c.fixings.length; ++i) {
            _settledAt[i] = 1;
            bond.fix(i);
        }
        _live(bond, life, c.periods.length);
        life.claimed = token.claim(address(this));
    }

    /// @notice A bond to act on; nothing is reported yet.
    /// @param ends when the measurement of each report ends
    function begin(Case calldata c, uint64 lateRate, uint32 grace, uint32 cure, uint64[] calldata ends) external {
        (_ends, _missing, _kpis) = (ends, c.missing, c.kpis);
        IKpiBond.Terms memory t = _terms(c);
        (t.lateRate, t.gracePeriod, t.curePeriod) = (lateRate, grace, cure);
        (SecurityToken token, KpiBond bond) = _deploy(t, c.units);
        (_token, _bond) = (address(token), bond);
        for (uint256 i = 0; i < ends.length; ++i) {
            _settledAt[i] = 0;
        }
        CURRENCY.approve(address(bond), type(uint256).max);
    }

    /// @notice The report of a fixing is settled as the case has it since `time`.
    function settle(uint256 fixing, uint64 time) external {
        _settledAt[fixing] = time;
    }

    /// @notice Act `kind` of: transfer, fund, fix, announceCall, payCoupon, redeem, declareDefault, cure, accelerate,
    /// recover, returnSurplus; the first four with an argument.
    function act(uint256 kind, uint256 argument) external returns (bool done, Books memory b) {
        if (kind <= 1) CURRENCY.mint(kind == 0 ? address(_bond) : address(this), argument);
        bytes[10] memory calls = [
            abi.encodeCall(IKpiBond.fund, (argument)),
            abi.encodeCall(IKpiBond.fix, (argument)),
            abi.encodeCall(IKpiBond.announceCall, (argument)),
            abi.encodeCall(IKpiBond.payCoupon, ()),
            abi.encodeCall(IKpiBond.redeem, ()),
            abi.encodeCall(IKpiBond.declareDefault, ()),
            abi.encodeCall(IKpiBond.cure, ()),
            abi.encodeCall(IKpiBond.accelerate, ()),
            abi.encodeCall(IKpiBond.recover, ()),
            abi.encodeCall(IKpiBond.returnSurplus, ())
        ];
        done = true;
        if (kind > 0) (done,) = address(_bond).call(calls[kind - 1]);
        b.state = uint256(_bond.state());
        b.couponsPaid = _bond.couponsPaid();
        b.held = CURRENCY.balanceOf(address(_bond));
        b.distributed = CURRENCY.balanceOf(_token);
        (b.interestOwed, b.principalOwed, b.lateOwed) = _bond.owedAfterAcceleration();
    }

    function _deploy(IKpiBond.Terms memory t, uint256 units) private returns (SecurityToken token, KpiBond bond) {
        ISecurityToken.Anchors memory anchors = ISecurityToken.Anchors({
            currency: address(CURRENCY),
            registry: address(REGISTRY),
            agent: address(1),
            policy: HoldingPolicy.wrap(bytes32(uint256(1 << 1))),
            termsHash: "replay"
        });
        token = SecurityToken(Clones.cloneWithImmutableArgs(TOKEN, abi.encode(anchors)));
        bond = KpiBond(Clones.clone(BOND));
        token.initialize("Replay", "RPL", address(this), address(bond));
        t.token = address(token);
        bond.initialize(t);
        token.mint(address(this), units);
        bond.activate();
    }

    function _live(KpiBond bond, Life memory life, uint256 periods) private {
        life.paid = new uint256[](periods + 1);
        life.outcomes = new int256[](periods + 1);
        life.rates = new uint256[](periods);
        for (uint256 i = 0; i <= periods; ++i) {
            life.outcomes[i] = bond.outcomeOf(i);
            if (i < periods) life.rates[i] = bond.rateOf(i);
            life.paid[i] = i < periods ? bond.payCoupon() : bond.redeem();
        }
    }

    // As an oracle.

    function statusOf(bytes32, uint32 period) public view returns (IKpiOracle.Status) {
        bool settled = _settledAt[period] != 0 && _settledAt[period] <= block.timestamp;
        if (!settled) return IKpiOracle.Status.None;
        return _missing[period] ? IKpiOracle.Status.Missing : IKpiOracle.Status.Final;
    }

    function reportOf(bytes32, uint32 period) external view returns (IKpiOracle.Report memory r) {
        (r.status, r.finalAt) = (statusOf("", period), _settledAt[period]);
    }

    function periodEndOf(bytes32, uint32 period) external view returns (uint64) {
        return _ends[period];
    }

    function consume(bytes32, uint32 period) external view returns (int128, bool) {
        require(statusOf("", period) != IKpiOracle.Status.None, "not settled");
        return (_kpis[period], _missing[period]);
    }

    function _terms(Case calldata c) private view returns (IKpiBond.Terms memory t) {
        t.currency = address(CURRENCY);
        t.issuer = t.offering = t.oracle = address(this);
        t.dataController = c.dataController;
        t.unitPrincipal = c.unitPrincipal;
        t.authorisedUnits = c.authorisedUnits;
        t.rate = c.rate;
        t.lateRate = type(uint64).max; // never below the coupon's
        t.periods = c.periods;
        t.fixings = c.fixings;
        (t.noticePeriod, t.calls) = (c.noticePeriod, c.calls);
    }
}
