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

/// @notice A whole bond's life in one call, for tests/settlement: a real token and a real bond, with this contract as
/// their offering, issuer, oracle and only holder. All dates lie in the past, so everything is due at once.
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
        ISecurityToken.Anchors memory anchors = ISecurityToken.Anchors({
            currency: address(CURRENCY),
            registry: address(REGISTRY),
            agent: address(1),
            policy: HoldingPolicy.wrap(bytes32(uint256(1 << 1))),
            termsHash: "replay"
        });
        SecurityToken token = SecurityToken(Clones.cloneWithImmutableArgs(TOKEN, abi.encode(anchors)));
        KpiBond bond = KpiBond(Clones.clone(BOND));
        token.initialize("Replay", "RPL", address(this), address(bond));
        bond.initialize(_terms(c, address(token)));
        token.mint(address(this), c.units);
        bond.activate();
        CURRENCY.mint(address(bond), type(uint128).max);
        (_missing, _kpis) = (c.missing, c.kpis);
        for (uint256 i = 0; i < c.fixings.length; ++i) {
            bond.fix(i);
        }
        _live(bond, life, c.periods.length);
        life.claimed = token.claim(address(this));
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

    /// @dev As an oracle: every report is there from the start.
    function statusOf(bytes32, uint32) external pure returns (IKpiOracle.Status) {
        return IKpiOracle.Status.Final;
    }

    function consume(bytes32, uint32 period) external view returns (int128, bool) {
        return (_kpis[period], _missing[period]);
    }

    function _terms(Case calldata c, address token) private view returns (IKpiBond.Terms memory t) {
        t.token = token;
        t.currency = address(CURRENCY);
        t.issuer = t.offering = t.oracle = address(this);
        t.dataController = c.dataController;
        t.unitPrincipal = c.unitPrincipal;
        t.authorisedUnits = c.authorisedUnits;
        t.rate = c.rate;
        t.periods = c.periods;
        t.fixings = c.fixings;
    }
}
