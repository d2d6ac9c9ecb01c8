// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IKpiOracle} from "../../contracts/interfaces/IKpiOracle.sol";
import {ILiquidityBuffer} from "../../contracts/interfaces/ILiquidityBuffer.sol";
import {ITradeDesk} from "../../contracts/interfaces/ITradeDesk.sol";
import {LiquidityBuffer} from "../../contracts/market/LiquidityBuffer.sol";
import {TradeDesk} from "../../contracts/market/TradeDesk.sol";
import {DealFixture} from "./utils/DealFixture.sol";

/// @notice Every branch of LiquidityBuffer.tree, on a real bond, oracle and desk.
contract LiquidityBufferTest is DealFixture {
    address private constant SPONSOR = address(0x5B0);
    uint64 private constant DISCOUNT = 0.02e18;
    uint64 private constant MOST = 50;
    uint64 private constant UNTIL = PERIOD_END + 3 * HALF_YEAR;
    int128 private constant WORTH = 1_000;

    LiquidityBuffer private bufferCode;
    LiquidityBuffer private buffer;
    TradeDesk private desk;
    bytes32 private marks;

    function setUp() external {
        deployRooms();
        deployDeal(dealTerms());
        vm.warp(OPENS);
        buy(ALICE, 600);
        buy(BOB, 400);
        vm.warp(CLOSES);
        offering.settle();
        desk = TradeDesk(Clones.clone(address(new TradeDesk())));
        desk.initialize(ITradeDesk.Terms(address(token), address(currency), 1, 30 days));
        bufferCode = new LiquidityBuffer();
        address place = Clones.predictDeterministicAddress(address(bufferCode), "buffer");
        IKpiOracle.FeedConfig memory c = feedConfig();
        c.kpi = "unit-value";
        (c.minValue, c.maxValue, c.maxSpread) = (0, 10_000, 10);
        c.consumers = new address[](1);
        c.consumers[0] = place;
        marks = oracle.createFeed(c);
        buffer = LiquidityBuffer(Clones.cloneDeterministic(address(bufferCode), "buffer"));
        buffer.initialize(terms());
        verify(address(buffer));
        currency.mint(SPONSOR, 100_000);
        vm.startPrank(SPONSOR);
        currency.approve(address(buffer), type(uint256).max);
        buffer.fund(100_000);
        vm.stopPrank();
        vm.prank(ALICE);
        token.approve(address(desk), type(uint256).max);
    }

    function terms() private view returns (ILiquidityBuffer.Terms memory) {
        return ILiquidityBuffer.Terms(address(desk), address(oracle), marks, SPONSOR, DISCOUNT, 200 days, MOST, UNTIL);
    }

    function report(uint32 period, int128 value) private {
        vm.warp(PERIOD_END + period * HALF_YEAR + 1 days);
        oracle.submit(marks, period, 1, unanimous(marks, period, 1, QUORUM, value));
        vm.warp(block.timestamp + DISPUTE + 1);
    }

    function marked() private {
        report(0, WORTH);
        buffer.mark();
    }

    function offer(uint64 units) private view returns (ITradeDesk.Quote memory q) {
        (q.maker, q.side, q.units, q.least) = (address(buffer), ITradeDesk.Side.Buys, units, 1);
        (q.price, q.earned, q.holds) = (uint128(buffer.bid()), uint96(token.earnedPerUnit()), true);
        (q.opens, q.expires) = (uint64(block.timestamp), uint64(block.timestamp + 1 days));
        q.nonce = uint64(block.timestamp);
    }

    function sells(ITradeDesk.Quote memory quote) private returns (uint256) {
        vm.prank(ALICE);
        return desk.fill(quote, abi.encode(quote), quote.units);
    }

    function refused(ITradeDesk.Quote memory quote) private {
        refuses(abi.encodeWithSelector(ITradeDesk.TradeDesk_NotSigned.selector, address(buffer)));
        sells(quote);
    }

    function pays(uint256 perUnit) private {
        currency.mint(address(this), perUnit * 1000);
        currency.approve(address(token), perUnit * 1000);
        token.distribute(perUnit * 1000);
    }

    function test_initialize_onceAndOnlyValidTerms() external {
        ILiquidityBuffer.Terms memory t = terms();
        refuses(abi.encodeWithSelector(Initializable.InvalidInitialization.selector));
        buffer.initialize(t);
        refuses(abi.encodeWithSelector(Initializable.InvalidInitialization.selector));
        bufferCode.initialize(t);
        t.discount = 1e18;
        invalid(t, "discount of all");
        (t.discount, t.longest) = (0, 0);
        invalid(t, "longest zero");
        (t.longest, t.most) = (1, 0);
        invalid(t, "most zero");
        (t.most, t.sponsor) = (1, address(0));
        invalid(t, "sponsor zero");
        (t.sponsor, t.until) = (SPONSOR, uint64(block.timestamp));
        invalid(t, "until past");
    }

    function invalid(ILiquidityBuffer.Terms memory t, string memory what) private {
        LiquidityBuffer fresh = LiquidityBuffer(Clones.clone(address(bufferCode)));
        refuses(abi.encodeWithSelector(ILiquidityBuffer.LiquidityBuffer_InvalidTerms.selector, what));
        fresh.initialize(t);
    }

    function test_fund_theSponsorAlone() external {
        refuses(abi.encodeWithSelector(ILiquidityBuffer.LiquidityBuffer_NotSponsor.selector, address(this)));
        buffer.fund(1);
        vm.warp(UNTIL);
        vm.prank(SPONSOR);
        refuses(abi.encodeWithSelector(ILiquidityBuffer.LiquidityBuffer_Over.selector, UNTIL));
        buffer.fund(1);
    }

    function test_fund_allOfItOrNothing() external {
        bytes memory moves = abi.encodeWithSelector(currency.transferFrom.selector);
        vm.mockCall(address(currency), moves, abi.encode(true)); // and keeps all of it
        vm.expectRevert(abi.encodeWithSelector(ILiquidityBuffer.LiquidityBuffer_NotExact.selector, 0, 7));
        vm.prank(SPONSOR);
        buffer.fund(7);
        vm.clearMockedCalls();
    }

    function test_sale_atTheMarkLessTheDiscountAndEarned() external {
        eq(buffer.bid(), 0, "no mark");
        marked();
        eq(buffer.bid(), 980, "1000 less 2 %");
        pays(100);
        eq(buffer.bid(), 882, "900 less 2 %");
        eq(sells(offer(10)), 8_820, "paid");
        eq(token.balanceOf(address(buffer)), 10, "units");
        eq(currency.balanceOf(address(buffer)), 100_000 - 8_820, "money");
    }

    function test_sale_notAboveTheBidNorTheUnits() external {
        marked();
        ITradeDesk.Quote memory quote = offer(10);
        quote.price += 1;
        refused(quote);
        (quote.price, quote.side) = (quote.price - 1, ITradeDesk.Side.Sells);
        refused(quote);
        refused(offer(MOST + 1));
        sells(offer(MOST));
        quote = offer(1);
        quote.nonce = 1;
        refused(quote);
        eq(buffer.room(), 0, "room");
    }

    function test_sale_notWithAnothersQuoteAsSignature() external {
        marked();
        ITradeDesk.Quote memory dear = offer(10);
        ITradeDesk.Quote memory cheap = offer(10);
        dear.price *= 2;
        vm.prank(ALICE);
        refuses(abi.encodeWithSelector(ITradeDesk.TradeDesk_NotSigned.selector, address(buffer)));
        desk.fill(dear, abi.encode(cheap), 10);
    }

    function test_sale_notFromTheEndOfAPeriodUntilItIsMarked() external {
        marked();
        vm.warp(PERIOD_END + HALF_YEAR - 1);
        ITradeDesk.Quote memory quote = offer(1);
        sells(quote);
        quote.nonce = 1;
        vm.warp(PERIOD_END + HALF_YEAR);
        eq(buffer.bid(), 0, "closed");
        refused(quote);
        report(1, WORTH / 2);
        eq(buffer.bid(), 0, "final but not marked");
        buffer.mark();
        eq(buffer.bid(), 490, "new");
        quote = offer(1);
        quote.price = 491;
        refused(quote);
    }

    function test_sale_notAtAStaleMark() external {
        marked();
        report(1, WORTH);
        buffer.mark();
        vm.warp(PERIOD_END + HALF_YEAR + 200 days - 1);
        eq(buffer.bid(), 980, "last second");
        vm.warp(block.timestamp + 1);
        eq(buffer.bid(), 0, "stale");
    }

    function test_mark_missingIsNoMark() external {
        vm.warp(PERIOD_END + MISSING);
        refuses(
            abi.encodeWithSelector(IKpiOracle.KpiOracle_NotFinal.selector, marks, uint32(0), IKpiOracle.Status.None)
        );
        buffer.mark();
        vm.warp(PERIOD_END + MISSING + 1);
        buffer.mark();
        eq(buffer.bid(), 0, "closed");
        eq(buffer.marked(), 1, "marked");
    }

    function test_release_allAfterAndNothingBefore() external {
        marked();
        sells(offer(20));
        uint256 cash = 100_000 - 20 * 980;
        vm.warp(UNTIL - 1);
        vm.prank(SPONSOR);
        refuses(abi.encodeWithSelector(ILiquidityBuffer.LiquidityBuffer_StillOffered.selector, UNTIL));
        buffer.release();
        vm.warp(UNTIL);
        pays(7);
        eq(buffer.collect(), 140, "earned");
        vm.prank(STRANGER);
        eq(buffer.release(), cash + 140, "all");
        eq(currency.balanceOf(SPONSOR), cash + 140, "the sponsor's");
        pays(3);
        buffer.collect();
        eq(buffer.release(), 60, "and what its units go on earning");
    }

    function test_collect_objectsToARecovery() external {
        marked();
        sells(offer(20));
        vm.prank(AGENT);
        token.announceRecovery(address(buffer), BOB);
        vm.prank(STRANGER);
        buffer.collect();
        eq(token.recoveryOf(address(buffer)).from, 0, "off");
    }
}
