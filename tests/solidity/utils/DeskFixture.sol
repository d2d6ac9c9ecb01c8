// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IdentityRegistry} from "../../../contracts/identity/IdentityRegistry.sol";
import {HoldingPolicy, IIdentityRegistry} from "../../../contracts/interfaces/IIdentityRegistry.sol";
import {ISecurityToken} from "../../../contracts/interfaces/ISecurityToken.sol";
import {ITradeDesk} from "../../../contracts/interfaces/ITradeDesk.sol";
import {TradeDesk} from "../../../contracts/market/TradeDesk.sol";
import {TestCurrency} from "../../../contracts/testing/TestCurrency.sol";
import {SecurityToken} from "../../../contracts/token/SecurityToken.sol";
import {Test} from "./Test.sol";

/// @notice A claim token and its desk. This contract is the token's minter and servicer; people have keys, by which they
/// sign quotes.
abstract contract DeskFixture is Test {
    uint256 internal constant START = 1_700_000_000;
    uint64 internal constant MINIMUM = 5;
    uint32 internal constant LONGEST = 30 days;
    uint128 internal constant PRICE = 1_003;
    address internal constant AGENT = address(0xA6E27);
    uint256 internal constant ADA_KEY = 0xADA;
    uint256 internal constant BEN_KEY = 0xBE2;
    uint256 internal constant CLEO_KEY = 0xC1E0;

    bytes32 private constant DOMAIN =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant QUOTE = keccak256(
        "Quote(address maker,address taker,uint8 side,uint64 units,uint64 least,uint128 price,uint96 earned,bool holds,uint64 opens,uint64 expires,uint64 nonce)"
    );

    TestCurrency internal currency;
    IdentityRegistry internal registry;
    SecurityToken internal token;
    TradeDesk internal deskCode;
    TradeDesk internal desk;
    address internal ada = vm.addr(ADA_KEY);
    address internal ben = vm.addr(BEN_KEY);
    address internal cleo = vm.addr(CLEO_KEY);

    /// @dev Ada and Ben may hold and allow the desk everything; who holds what, a test says.
    function deploy(TestCurrency currency_) internal {
        vm.warp(START);
        (currency, registry) = (currency_, new IdentityRegistry(address(this)));
        HoldingPolicy policy = HoldingPolicy.wrap(bytes32(uint256(1 << 1)));
        ISecurityToken.Anchors memory anchors =
            ISecurityToken.Anchors(address(registry), policy, address(currency), AGENT, keccak256("terms"));
        token = SecurityToken(Clones.cloneWithImmutableArgs(address(new SecurityToken()), abi.encode(anchors)));
        token.initialize("Claim", "CLM", address(this), address(this));
        currency.approve(address(token), type(uint256).max);
        deskCode = new TradeDesk();
        desk = newDesk();
        admit(ada);
        admit(ben);
        allow(ada);
        allow(ben);
        allow(cleo);
    }

    function newDesk() internal returns (TradeDesk made) {
        made = TradeDesk(Clones.clone(address(deskCode)));
        made.initialize(ITradeDesk.Terms(address(token), address(currency), MINIMUM, LONGEST));
    }

    function admit(address who) internal {
        registry.setIdentity(who, IIdentityRegistry.Identity(type(uint64).max, 840, 1));
    }

    function allow(address who) internal {
        vm.startPrank(who);
        token.approve(address(desk), type(uint256).max);
        currency.approve(address(desk), type(uint256).max);
        vm.stopPrank();
    }

    function distribute(uint256 perUnit) internal {
        uint256 amount = perUnit * token.totalSupply();
        currency.mint(address(this), amount);
        token.distribute(amount);
    }

    /// @dev Of Ada, who sells 100 units to anyone for a week.
    function sale() internal view returns (ITradeDesk.Quote memory quote) {
        quote.maker = ada;
        (quote.units, quote.least, quote.price) = (100, 1, PRICE);
        quote.earned = uint96(token.earnedPerUnit());
        (quote.opens, quote.expires) = (uint64(block.timestamp), uint64(block.timestamp + 7 days));
    }

    function hashOf(ITradeDesk.Quote memory quote) internal pure returns (bytes32) {
        return keccak256(abi.encode(QUOTE, quote));
    }

    function digestOf(address desk_, ITradeDesk.Quote memory quote) internal view returns (bytes32) {
        bytes32 domain =
            keccak256(abi.encode(DOMAIN, keccak256("Penstock TradeDesk"), keccak256("1"), block.chainid, desk_));
        return keccak256(abi.encodePacked(hex"1901", domain, hashOf(quote)));
    }

    function sign(uint256 key, ITradeDesk.Quote memory quote) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digestOf(address(desk), quote));
        return abi.encodePacked(r, s, v);
    }
}
