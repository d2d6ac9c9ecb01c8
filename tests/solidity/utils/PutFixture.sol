// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IdentityRegistry} from "../../../contracts/identity/IdentityRegistry.sol";
import {HoldingPolicy, IIdentityRegistry} from "../../../contracts/interfaces/IIdentityRegistry.sol";
import {IPutRight} from "../../../contracts/interfaces/IPutRight.sol";
import {ISecurityToken} from "../../../contracts/interfaces/ISecurityToken.sol";
import {PutRight} from "../../../contracts/market/PutRight.sol";
import {TestCurrency} from "../../../contracts/testing/TestCurrency.sol";
import {SecurityToken} from "../../../contracts/token/SecurityToken.sol";
import {Test} from "./Test.sol";

/// @notice A claim token and its put, of two dates. This contract is the token's minter and servicer.
abstract contract PutFixture is Test {
    uint40 internal constant START = 1_700_000_000;
    uint40 internal constant OPENS = START + 100 days;
    uint40 internal constant CLOSES = OPENS + 20 days;
    uint40 internal constant SETTLES = CLOSES + 10 days;
    uint40 internal constant ENDS = SETTLES + 5 days;
    /// @dev A unit has earned two coupons by the first date, of which one falls due on it.
    uint96 internal constant COUPON = 30;
    uint96 internal constant PRICE = 1_000;
    address internal constant AGENT = address(0xA6E27);
    address internal constant WRITER = address(0x3217E2);
    address internal constant ADA = address(0xADA);
    address internal constant BEN = address(0xBE2);
    address internal constant CLEO = address(0xC1E0);

    TestCurrency internal currency;
    IdentityRegistry internal registry;
    SecurityToken internal token;
    PutRight internal code;
    PutRight internal put;

    function deploy(TestCurrency currency_, bool ahead) internal {
        vm.warp(START);
        (currency, registry) = (currency_, new IdentityRegistry(address(this)));
        HoldingPolicy policy = HoldingPolicy.wrap(bytes32(uint256(1 << 1)));
        ISecurityToken.Anchors memory anchors =
            ISecurityToken.Anchors(address(registry), policy, address(currency), AGENT, keccak256("terms"));
        token = SecurityToken(Clones.cloneWithImmutableArgs(address(new SecurityToken()), abi.encode(anchors)));
        token.initialize("Claim", "CLM", address(this), address(this));
        currency.approve(address(token), type(uint256).max);
        code = new PutRight();
        put = fresh();
        put.initialize(termsOf(ahead));
        allow(WRITER);
        allow(ADA);
        allow(BEN);
        allow(CLEO);
        currency.mint(WRITER, 1e9);
    }

    function fresh() internal returns (PutRight) {
        return PutRight(Clones.clone(address(code)));
    }

    function termsOf(bool ahead) internal view returns (IPutRight.Terms memory t) {
        (t.token, t.currency, t.writer, t.ahead) = (address(token), address(currency), WRITER, ahead);
        t.dates = new IPutRight.Date[](2);
        t.dates[0] = IPutRight.Date(OPENS, CLOSES, SETTLES, ENDS, COUPON, PRICE, 2 * COUPON);
        uint40 year = 365 days;
        t.dates[1] =
            IPutRight.Date(OPENS + year, CLOSES + year, SETTLES + year, ENDS + year, COUPON, PRICE + 5, 4 * COUPON);
    }

    /// @dev May hold, and allows the put everything.
    function allow(address who) internal {
        admit(who);
        vm.startPrank(who);
        token.approve(address(put), type(uint256).max);
        currency.approve(address(put), type(uint256).max);
        vm.stopPrank();
    }

    function admit(address who) internal {
        registry.setIdentity(who, IIdentityRegistry.Identity(type(uint64).max, 840, 1));
    }

    function distribute(uint256 perUnit) internal {
        uint256 amount = perUnit * token.totalSupply();
        currency.mint(address(this), amount);
        token.distribute(amount);
    }

    function giveNotice(address who, uint256 units) internal {
        vm.prank(who);
        put.giveNotice(0, units);
    }

    function fund(uint256 amount) internal {
        vm.prank(WRITER);
        put.fund(0, amount);
    }

    function exercise(address who, uint256 units) internal returns (uint256) {
        vm.prank(who);
        return put.exercise(0, units);
    }
}
