// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDealFactory} from "../../../contracts/interfaces/IDealFactory.sol";
import {HoldingPolicy} from "../../../contracts/interfaces/IIdentityRegistry.sol";
import {ISale} from "../../../contracts/interfaces/ISale.sol";
import {ISecurityToken} from "../../../contracts/interfaces/ISecurityToken.sol";
import {ITreasury} from "../../../contracts/interfaces/ITreasury.sol";
import {Offering} from "../../../contracts/market/Offering.sol";
import {Waterfall} from "../../../contracts/settlement/Waterfall.sol";
import {SwapLegs} from "../../../contracts/spv/SwapLegs.sol";
import {Treasury} from "../../../contracts/spv/Treasury.sol";
import {WaterfallEngine} from "../../../contracts/spv/WaterfallEngine.sol";
import {WaterfallTerms} from "../../../contracts/spv/WaterfallTerms.sol";
import {SecurityToken} from "../../../contracts/token/SecurityToken.sol";
import {DealFixture} from "./DealFixture.sol";

/// @notice Something else that an offering may begin.
contract Begins {
    function activate() external {}
}

/// @notice A vehicle of three claim tokens, senior, mezzanine and equity, each sold by an offering of its own: 613 units at
/// 10,007, 211 at 5,003 and 97 at 1,009. Tolls, which only their collector pays in, and rents; eight quarters of an agent's
/// fee, operating cost, interest of 1.5 and 2.5 % a quarter, instalments, and a reserve of one quarter's senior debt service. A
/// cover below 1.2 stops the mezzanine and equity.
/// Registers: 0 cash, 1 reserve; 2 fee, 3 cost, 4 and 5 senior interest and principal, 6 and 7 of the mezzanine, 8 equity;
/// 9, 10 balances, 11, 12 losses; 13 the lock-up's age, 14 to 19 those of covenants never tested; 20 to 26 dues; 27 tolls, 28
/// rents, then numbers: 29 fee, 30 cost, 31 and 32 rates, 33 and 34 a quarter of a year, 35 instalment, 36 cover, 37 share
/// swept.
abstract contract SpvFixture is DealFixture {
    uint256 internal constant QUARTERS = 8;
    uint64 internal constant SENIOR_UNITS = 613;
    uint64 internal constant MEZZANINE_UNITS = 211;
    uint64 internal constant EQUITY_UNITS = 97;
    uint128 internal constant SENIOR = 613 * 10_007;
    uint128 internal constant MEZZANINE = 211 * 5_003;
    uint128 internal constant RESERVE = 100_000;
    int128 internal constant FEE = 1_003;
    int128 internal constant COST = 20_011;
    int128 internal constant INSTALMENT = 700_001;
    bytes32 internal constant TOLLS = "tolls";
    bytes32 internal constant RENTS = "rents";
    address internal constant COLLECTOR = address(0xC0113C);
    address internal constant OPERATOR = address(0x09E4A704);
    address internal constant TRUSTEE = address(0x720573);
    uint8 internal constant FIGURE = 192;
    uint8 internal constant NONE = 255;
    uint256 internal constant LOCK_UP = 0;

    Treasury internal treasury;
    SecurityToken internal senior;
    SecurityToken internal mezzanine;
    SecurityToken internal equity;
    Offering[3] internal sales;
    bool internal foreign; // whether the mezzanine's sale begins something else

    function deploySpv(ITreasury.Step[] memory steps) internal {
        deployRooms();
        address code = address(new Treasury(new WaterfallTerms(), new WaterfallEngine(), new SwapLegs()));
        bytes32 deal = keccak256("vehicle of awkward numbers");
        bytes memory anchors =
            anchorsOf(address(registry), HoldingPolicy.wrap(bytes32(uint256(1 << 1))), address(currency), AGENT, deal);
        treasury = Treasury(placeOf(address(this), deal, "treasury", code, ""));
        bytes32[3] memory names = [bytes32("senior"), "mezzanine", "equity"];
        bytes32[3] memory sold = [bytes32("senior sale"), "mezzanine sale", "equity sale"];
        IDealFactory.Part[] memory parts = new IDealFactory.Part[](7);
        address[3] memory tokens;
        for (uint256 i = 0; i < 3; ++i) {
            tokens[i] = placeOf(address(this), deal, names[i], tokenCode, anchors);
            sales[i] = Offering(placeOf(address(this), deal, sold[i], offeringCode, ""));
            bytes memory first =
                abi.encodeCall(ISecurityToken.initialize, ("Vehicle", "SPV", address(sales[i]), servicer(i)));
            parts[2 * i] = IDealFactory.Part(names[i], tokenCode, anchors, first);
            bytes memory sale = abi.encodeCall(Offering.initialize, (saleOf(i, tokens[i])));
            parts[2 * i + 1] = IDealFactory.Part(sold[i], offeringCode, "", sale);
        }
        (senior, mezzanine, equity) = (SecurityToken(tokens[0]), SecurityToken(tokens[1]), SecurityToken(tokens[2]));
        bytes memory terms = abi.encodeCall(Treasury.initialize, (termsOf(steps)));
        parts[6] = IDealFactory.Part("treasury", code, "", terms);
        factory.deploy(deal, new IDealFactory.Call[](0), parts);
        currency.mint(COLLECTOR, 1e12);
        currency.mint(address(this), 1e12);
        currency.approve(address(treasury), type(uint256).max);
        vm.prank(COLLECTOR);
        currency.approve(address(treasury), type(uint256).max);
    }

    /// @dev Of a token; a test may have another.
    function servicer(uint256) internal view virtual returns (address) {
        return address(treasury);
    }

    /// @dev How many of the sales the treasury knows; a test may have fewer.
    function known() internal view virtual returns (uint256) {
        return 3;
    }

    function unitsOf(uint256 i) internal pure returns (uint64) {
        return [SENIOR_UNITS, MEZZANINE_UNITS, EQUITY_UNITS][i];
    }

    function saleOf(uint256 i, address token_) private returns (ISale.Terms memory o) {
        address begins = foreign && i == 1 ? address(new Begins()) : address(treasury);
        (o.token, o.servicer, o.currency, o.issuer) = (token_, begins, address(currency), ISSUER);
        o.unitPrice = [uint128(10_007), 5_003, 1_009][i];
        (o.softCap, o.hardCap, o.opens, o.closes) = (unitsOf(i), unitsOf(i), OPENS, CLOSES);
        o.parties = new address[](1);
        o.parties[0] = ISSUER;
    }

    /// @dev All units to one holder each, the reserve filled, and all settled by the sale given.
    function begin(uint256 first) internal {
        treasury.deposit(1, RESERVE);
        sell(0, ALICE);
        sell(1, BOB);
        sell(2, CAROL);
        vm.warp(CLOSES);
        vm.roll(block.number + 1);
        sales[first].settle();
    }

    function sell(uint256 i, address investor) internal {
        vm.warp(OPENS);
        uint256 cost = unitsOf(i) * sales[i].terms().unitPrice;
        currency.mint(investor, cost);
        vm.startPrank(investor);
        currency.approve(address(sales[i]), cost);
        sales[i].subscribe(unitsOf(i));
        vm.stopPrank();
    }

    function dueOf(uint256 i) internal pure returns (uint64) {
        return CLOSES + uint64(i + 1) * 91 days;
    }

    function collect(uint256 tolls, uint256 rents) internal {
        vm.prank(COLLECTOR);
        treasury.receiveRevenue(TOLLS, tolls);
        treasury.receiveRevenue(RENTS, rents);
    }

    // ---------------------------------------------------------------- terms

    function termsOf(ITreasury.Step[] memory steps) internal view returns (ITreasury.Terms memory t) {
        t.currency = address(currency);
        t.offerings = new address[](known());
        t.payees = new ITreasury.Payee[](5);
        (t.payees[0], t.payees[1]) = (ITreasury.Payee(TRUSTEE, 0), ITreasury.Payee(OPERATOR, 0));
        for (uint256 i = 0; i < 3; ++i) {
            if (i < known()) t.offerings[i] = address(sales[i]);
            t.payees[i + 2] = ITreasury.Payee([address(senior), address(mezzanine), address(equity)][i], unitsOf(i));
        }
        t.due = new uint64[](QUARTERS);
        for (uint256 i = 0; i < QUARTERS; ++i) {
            t.due[i] = dueOf(i);
        }
        t.lines = new ITreasury.Line[](2);
        (t.lines[0], t.lines[1]) = (ITreasury.Line(TOLLS, COLLECTOR), ITreasury.Line(RENTS, address(0)));
        t.pots = new ITreasury.Pot[](1);
        t.pots[0] = ITreasury.Pot(RESERVE, OPERATOR);
        t.loans = new uint128[](2);
        (t.loans[0], t.loans[1]) = (SENIOR, MEZZANINE);
        t.numbers = numbers();
        t.claims = claims();
        t.triggers = new ITreasury.Trigger[](7); // more than a slot holds
        for (uint256 i = 1; i < 7; ++i) {
            t.triggers[i] = ITreasury.Trigger(1, NONE, 29, true, NONE, 1 days);
        }
        t.triggers[0] = ITreasury.Trigger(FIGURE + 5, FIGURE + 2, 36, true, 1, 0);
        t.figures = figures();
        t.steps = steps;
    }

    function numbers() private pure returns (int128[][] memory n) {
        n = new int128[][](9);
        int128[9] memory values = [FEE, COST, 0.06e18, 0.1e18, 1, 4, INSTALMENT, 1.2e18, 0.25e18];
        for (uint256 i = 0; i < values.length; ++i) {
            n[i] = new int128[](i == 1 ? QUARTERS : 1);
            for (uint256 j = 0; j < n[i].length; ++j) {
                n[i][j] = values[i] + int128(int256(j)); // one more each quarter
            }
        }
    }

    function claims() private pure returns (ITreasury.Claim[] memory c) {
        c = new ITreasury.Claim[](7);
        c[0] = ITreasury.Claim(29, NONE, true, false, 0);
        c[1] = ITreasury.Claim(30, NONE, true, false, 1);
        c[2] = ITreasury.Claim(FIGURE, NONE, true, false, 2);
        c[3] = ITreasury.Claim(35, 0, true, false, 2);
        c[4] = ITreasury.Claim(FIGURE + 1, NONE, true, false, 3);
        c[5] = ITreasury.Claim(NONE, 1, true, false, 3);
        c[6] = ITreasury.Claim(NONE, NONE, true, false, 4);
    }

    /// @dev Interest of the senior, of the mezzanine and its unpaid interest; senior debt service; what the reserve lacks; what
    /// is swept; revenue after fee and cost.
    function figures() private pure returns (ITreasury.Figure[] memory f) {
        f = new ITreasury.Figure[](6);
        f[0] = figure(Waterfall.Rule.Interest, 0, hex"1f212209");
        f[1] = figure(Waterfall.Rule.Interest, 0, hex"2021220a06");
        f[2] = figure(Waterfall.Rule.Sum, 2, hex"1617");
        f[3] = figure(Waterfall.Rule.Sum, 1, hex"c201");
        f[4] = figure(Waterfall.Rule.Product, 0, hex"0025");
        f[5] = figure(Waterfall.Rule.Sum, 2, hex"1b1c1415");
    }

    function figure(Waterfall.Rule rule, uint8 count, bytes memory refs)
        internal
        pure
        returns (ITreasury.Figure memory f)
    {
        (f.rule, f.count, f.refs) = (rule, count, listed(refs));
    }

    function step(Waterfall.Op op, uint8 source, bytes memory of_, uint8 limit, uint8 target, uint16 off)
        internal
        pure
        returns (ITreasury.Step memory s)
    {
        (s.op, s.source, s.limit, s.target, s.off) = (op, source, limit, target, off);
        (s.weights, s.claims) = (NONE, listed(of_));
    }

    /// @dev The waterfall of ten steps, and three that empty it in the end: what is left of loans is repaid before equity.
    function tenSteps() internal pure returns (ITreasury.Step[] memory s) {
        s = new ITreasury.Step[](13);
        s[10] = step(Waterfall.Op.Move, 1, "", NONE, 0, 0);
        s[11] = step(Waterfall.Op.Prepay, 0, hex"0305", NONE, 0, 0);
        s[12] = step(Waterfall.Op.Rest, 0, hex"06", NONE, 0, 0);
        s[10].when = s[11].when = s[12].when = Waterfall.When.After;
        s[0] = step(Waterfall.Op.Test, 0, "", NONE, 0, 0);
        s[1] = step(Waterfall.Op.Pay, 0, hex"00", NONE, 0, 0);
        s[2] = step(Waterfall.Op.Pay, 0, hex"01", NONE, 0, 0);
        s[3] = step(Waterfall.Op.Pay, 0, hex"02", NONE, 0, 0);
        s[4] = step(Waterfall.Op.Pay, 0, hex"03", NONE, 0, 0);
        s[5] = step(Waterfall.Op.Pay, 1, hex"0203", NONE, 0, 0);
        s[6] = step(Waterfall.Op.Move, 0, "", FIGURE + 3, 1, 0);
        s[7] = step(Waterfall.Op.Pay, 0, hex"04", NONE, 0, 1);
        s[8] = step(Waterfall.Op.Prepay, 0, hex"0305", FIGURE + 4, 0, 1);
        s[9] = step(Waterfall.Op.Rest, 0, hex"06", NONE, 0, 1);
        for (uint256 i = 1; i < 5; ++i) {
            s[i].when = Waterfall.When.Always;
        }
    }

    function listed(bytes memory refs) private pure returns (uint8[] memory items) {
        items = new uint8[](refs.length);
        for (uint256 i = 0; i < refs.length; ++i) {
            items[i] = uint8(refs[i]);
        }
    }
}
