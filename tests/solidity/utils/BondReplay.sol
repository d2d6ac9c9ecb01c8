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
    struct Case {
        uint128 unitPrincipal;
        uint64 authorisedUnits;
        uint64 units;
        uint64 rate;
        uint32[] numerators;
        uint32[] denominators;
        PayoffCurve.Curve outcome;
        int128 missingOutcome;
        IKpiBond.DataController dataController;
        bool missing;
        int128 kpi;
    }

    address private immutable TOKEN;
    address private immutable BOND;
    TestCurrency private immutable CURRENCY;
    IdentityRegistry private immutable REGISTRY;

    bool private _missing;
    int128 private _kpi;

    /// @param token, bond implementations to clone
    constructor(address token, address bond) {
        TOKEN = token;
        BOND = bond;
        CURRENCY = new TestCurrency("Test dollar", "TUSD", 6);
        REGISTRY = new IdentityRegistry(address(this));
        REGISTRY.setIdentity(address(this), IIdentityRegistry.Identity(type(uint64).max, 840, 1));
    }

    /// @return coupons what each coupon paid
    /// @return outcome the fixed outcome
    /// @return redeemed what the redemption paid
    /// @return claimed what the only holder received in all
    function run(Case calldata c)
        external
        returns (uint256[] memory coupons, int256 outcome, uint256 redeemed, uint256 claimed)
    {
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
        (_missing, _kpi) = (c.missing, c.kpi);

        coupons = new uint256[](c.numerators.length);
        for (uint256 i = 0; i < coupons.length; ++i) {
            coupons[i] = bond.payCoupon();
        }
        outcome = bond.fixOutcome();
        redeemed = bond.redeem();
        claimed = token.claim(address(this));
    }

    /// @dev As an oracle: the report is there from the start.
    function statusOf(bytes32, uint32) external pure returns (IKpiOracle.Status) {
        return IKpiOracle.Status.Final;
    }

    function consume(bytes32, uint32) external view returns (int128, bool) {
        return (_kpi, _missing);
    }

    function _terms(Case calldata c, address token) private view returns (IKpiBond.Terms memory t) {
        t.token = token;
        t.currency = address(CURRENCY);
        t.issuer = t.offering = t.oracle = address(this);
        t.dataController = c.dataController;
        t.unitPrincipal = c.unitPrincipal;
        t.authorisedUnits = c.authorisedUnits;
        t.rate = c.rate;
        t.missingOutcome = c.missingOutcome;
        t.outcome = c.outcome;
        t.periods = new IKpiBond.Period[](c.numerators.length);
        for (uint64 i = 0; i < t.periods.length; ++i) {
            t.periods[i] = IKpiBond.Period(i + 1, c.numerators[i], c.denominators[i]);
        }
    }
}
