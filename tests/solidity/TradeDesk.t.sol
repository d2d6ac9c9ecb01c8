// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IERC7943Fungible} from "../../contracts/interfaces/IERC7943Fungible.sol";
import {ISecurityToken} from "../../contracts/interfaces/ISecurityToken.sol";
import {ITradeDesk} from "../../contracts/interfaces/ITradeDesk.sol";
import {TradeDesk} from "../../contracts/market/TradeDesk.sol";
import {FeeCurrency} from "../../contracts/testing/FeeCurrency.sol";
import {ReentrantCurrency} from "../../contracts/testing/ReentrantCurrency.sol";
import {TestCurrency} from "../../contracts/testing/TestCurrency.sol";
import {DeskFixture} from "./utils/DeskFixture.sol";

/// @notice A wallet that is a contract, and answers for signatures as it is told to.
contract Wallet is IERC1271 {
    enum Answer {
        Yes,
        No,
        Short,
        Revert,
        Burn
    }

    Answer public answers;

    function tell(Answer answer) external {
        answers = answer;
    }

    function run(address target, bytes calldata data) external {
        (bool done,) = target.call(data);
        require(done, "run");
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        if (answers == Answer.Revert) revert("no");
        if (answers == Answer.Burn) while (true) {}
        if (answers == Answer.Short) {
            assembly {
                mstore(0, shl(224, 0x1626ba7e))
                return(0, 4)
            }
        }
        return answers == Answer.Yes ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// @notice Every branch of TradeDesk.tree.
contract TradeDeskTest is DeskFixture {
    event QuoteFilled(
        bytes32 indexed hash,
        address indexed maker,
        address indexed taker,
        ITradeDesk.Quote quote,
        uint256 units,
        uint256 paid
    );

    uint256 private constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    function setUp() external {
        begin(new TestCurrency("Test dollar", "TUSD", 6));
    }

    /// @dev Ada has 100 units and Ben money for them.
    function begin(TestCurrency currency_) private {
        deploy(currency_);
        token.mint(ada, 100);
        currency.mint(ben, 100 * PRICE);
    }

    function fillAs(address taker, ITradeDesk.Quote memory quote, uint256 units) private returns (uint256) {
        bytes memory signature = sign(ADA_KEY, quote);
        vm.prank(taker);
        return desk.fill(quote, signature, units);
    }

    function refused(address taker, ITradeDesk.Quote memory quote, uint256 units, bytes memory why) private {
        bytes memory signature = sign(ADA_KEY, quote);
        vm.prank(taker);
        refuses(why);
        desk.fill(quote, signature, units);
    }

    function with(bytes4 error) private pure returns (bytes memory) {
        return abi.encodeWithSelector(error);
    }

    function with(bytes4 error, uint256 a) private pure returns (bytes memory) {
        return abi.encodeWithSelector(error, a);
    }

    function with(bytes4 error, uint256 a, uint256 b) private pure returns (bytes memory) {
        return abi.encodeWithSelector(error, a, b);
    }

    function with(bytes4 error, address a) private pure returns (bytes memory) {
        return abi.encodeWithSelector(error, a);
    }

    function holds(address who, uint256 units, uint256 money) private view {
        eq(token.balanceOf(who), units, "units");
        eq(currency.balanceOf(who), money, "money");
    }

    // ---------------------------------------------------------------- initialize

    function test_initialize_onceAndOnlyValidTerms() external {
        ITradeDesk.Terms memory t = desk.terms();
        refuses(with(Initializable.InvalidInitialization.selector));
        desk.initialize(t);
        refuses(with(Initializable.InvalidInitialization.selector));
        deskCode.initialize(t);
        t.minimum = 0;
        invalid(t, "minimum zero");
        t = desk.terms();
        t.longest = 0;
        invalid(t, "longest zero");
        t.longest = 90 days + 1;
        invalid(t, "longest above 90 days");
        (t.longest, t.currency) = (90 days, address(registry));
        invalid(t, "not the token's currency");
    }

    function invalid(ITradeDesk.Terms memory terms, string memory what) private {
        TradeDesk fresh = TradeDesk(Clones.clone(address(deskCode)));
        refuses(abi.encodeWithSelector(ITradeDesk.TradeDesk_InvalidTerms.selector, what));
        fresh.initialize(terms);
    }

    // ---------------------------------------------------------------- fill

    function test_fill_ofASale() external {
        ITradeDesk.Quote memory quote = sale();
        bytes memory signature = sign(ADA_KEY, quote);
        vm.expectEmit(address(desk));
        emit QuoteFilled(hashOf(quote), ada, ben, quote, 40, 40 * uint256(PRICE));
        vm.prank(ben);
        eq(desk.fill(quote, signature, 40), 40 * PRICE, "paid");
        holds(ada, 60, 40 * PRICE);
        holds(ben, 40, 60 * PRICE);
        holds(address(desk), 0, 0);
        eq(desk.leftOf(quote), 60, "left");
        fillAs(ben, quote, 60);
        holds(ben, 100, 0);
        eq(desk.leftOf(quote), 0, "left");
    }

    function test_fill_ofABid() external {
        ITradeDesk.Quote memory quote = sale();
        (quote.maker, quote.side) = (ben, ITradeDesk.Side.Buys);
        bytes memory signature = sign(BEN_KEY, quote);
        vm.prank(ada);
        desk.fill(quote, signature, 7);
        holds(ada, 93, 7 * PRICE);
        holds(ben, 7, 93 * PRICE);
    }

    function testFuzz_fill_movesWhatIsSaidAndNothingElse(uint64 units, uint64 part, uint128 price, bool sells)
        external
    {
        units = uint64(bound(units, 1, 1e18));
        part = uint64(bound(part, units < MINIMUM ? units : MINIMUM, units));
        price = uint128(bound(price, 1, type(uint128).max));
        ITradeDesk.Quote memory quote = sale();
        (address seller, address buyer) = (ada, ben);
        if (!sells) (seller, buyer) = (ben, ada);
        quote.side = sells ? ITradeDesk.Side.Sells : ITradeDesk.Side.Buys;
        (quote.units, quote.price) = (units, price);
        (uint256 unitsBefore, uint256 moneyBefore) = (token.balanceOf(buyer), currency.balanceOf(seller));
        token.mint(seller, units);
        currency.mint(buyer, uint256(part) * price);
        uint256 paid = fillAs(ben, quote, part);
        eq(paid, uint256(part) * price, "paid");
        eq(token.balanceOf(buyer) - unitsBefore, part, "units");
        eq(currency.balanceOf(seller) - moneyBefore, paid, "money");
        holds(address(desk), 0, 0);
    }

    function test_fill_byTheTakerThatIsNamedAndNeverByTheMaker() external {
        ITradeDesk.Quote memory quote = sale();
        refused(ada, quote, 5, with(ITradeDesk.TradeDesk_NotTaker.selector, ada));
        quote.taker = ada;
        refused(ada, quote, 5, with(ITradeDesk.TradeDesk_NotTaker.selector, ada));
        quote.taker = cleo;
        refused(ben, quote, 5, with(ITradeDesk.TradeDesk_NotTaker.selector, ben));
        quote.taker = ben;
        fillAs(ben, quote, 5);
    }

    function test_fill_whileOpen() external {
        ITradeDesk.Quote memory quote = sale();
        (quote.opens, quote.expires) = (uint64(START + 1), uint64(START + 3));
        bytes memory closed = abi.encodeWithSelector(ITradeDesk.TradeDesk_NotOpen.selector, START + 1, START + 3);
        refused(ben, quote, 5, closed);
        vm.warp(START + 1);
        fillAs(ben, quote, 5);
        vm.warp(START + 2);
        fillAs(ben, quote, 5);
        vm.warp(START + 3);
        refused(ben, quote, 5, closed);
    }

    function test_fill_noLongerThanTheDeskAllows() external {
        ITradeDesk.Quote memory quote = sale();
        quote.expires = quote.opens + LONGEST + 1;
        refused(ben, quote, 5, with(ITradeDesk.TradeDesk_LivesTooLong.selector, LONGEST + 1, LONGEST));
        --quote.expires;
        fillAs(ben, quote, 5);
        quote.expires = quote.opens;
        refused(ben, quote, 5, with(ITradeDesk.TradeDesk_NotOpen.selector, quote.opens, quote.expires));
        quote.expires = quote.opens - 1;
        refused(ben, quote, 5, with(ITradeDesk.TradeDesk_NotOpen.selector, quote.opens, quote.expires));
    }

    function test_fill_noUnitsOrMoreThanLeft() external {
        ITradeDesk.Quote memory quote = sale();
        refused(ben, quote, 0, with(ITradeDesk.TradeDesk_UnitsNotLeft.selector, 0, 100));
        refused(ben, quote, 101, with(ITradeDesk.TradeDesk_UnitsNotLeft.selector, 101, 100));
        refused(ben, quote, type(uint256).max, with(ITradeDesk.TradeDesk_UnitsNotLeft.selector, type(uint256).max, 100));
        fillAs(ben, quote, 30);
        refused(ben, quote, 71, with(ITradeDesk.TradeDesk_UnitsNotLeft.selector, 71, 70));
        fillAs(ben, quote, 70);
        refused(ben, quote, 0, with(ITradeDesk.TradeDesk_UnitsNotLeft.selector, 0, 0));
        refused(ben, quote, 1, with(ITradeDesk.TradeDesk_UnitsNotLeft.selector, 1, 0));
    }

    function test_fill_fewUnitsOnlyIfTheyAreTheRest() external {
        ITradeDesk.Quote memory quote = sale();
        refused(ben, quote, MINIMUM - 1, with(ITradeDesk.TradeDesk_TooFewUnits.selector, MINIMUM - 1, MINIMUM));
        quote.least = 20;
        refused(ben, quote, 19, with(ITradeDesk.TradeDesk_TooFewUnits.selector, 19, 20));
        fillAs(ben, quote, 20);
        fillAs(ben, quote, 77);
        refused(ben, quote, 2, with(ITradeDesk.TradeDesk_TooFewUnits.selector, 2, 20));
        fillAs(ben, quote, 3);
    }

    function test_fill_allOrNone() external {
        ITradeDesk.Quote memory quote = sale();
        quote.least = quote.units;
        refused(ben, quote, 99, with(ITradeDesk.TradeDesk_TooFewUnits.selector, 99, 100));
        fillAs(ben, quote, 100);
    }

    // ---------------------------------------------------------------- what was paid since

    function test_fill_neverAPriceThatIsForAnotherState() external {
        ITradeDesk.Quote memory quote = sale();
        distribute(1);
        refused(ben, quote, 5, with(ITradeDesk.TradeDesk_PaidSince.selector, 1));
        quote.earned = 2;
        refused(ben, quote, 5, with(ITradeDesk.TradeDesk_PaidSince.selector, 1));
        quote.holds = true; // not for what is yet to come
        refused(ben, quote, 5, with(ITradeDesk.TradeDesk_PaidSince.selector, 1));
        quote.earned = 1;
        quote.price = 0;
        refused(ben, quote, 5, with(ITradeDesk.TradeDesk_PaidSince.selector, 1));
    }

    function test_fill_whatHoldsCostsSoMuchLess() external {
        ITradeDesk.Quote memory quote = sale();
        quote.holds = true;
        fillAs(ben, quote, 10);
        distribute(34);
        eq(fillAs(ben, quote, 20), 20 * (PRICE - 34), "without the coupon");
        distribute(PRICE - 34 - 1);
        eq(desk.priceNow(quote), 1, "price");
        distribute(1);
        refused(ben, quote, 5, with(ITradeDesk.TradeDesk_PaidSince.selector, PRICE));
    }

    /// @dev Wealth of both sides, at any division of units: the fill first, or the payment.
    function testFuzz_fill_thatHoldsIsWorthTheSameBeforeAndAfterAPayment(uint64 units, uint128 coupon, uint128 price)
        external
    {
        units = uint64(bound(units, MINIMUM, 100));
        price = uint128(bound(price, 2, type(uint64).max));
        coupon = uint128(bound(coupon, 1, price - 1));
        currency.mint(ben, uint256(units) * price);
        ITradeDesk.Quote memory quote = sale();
        (quote.price, quote.holds) = (price, true);
        uint256 snapshot = vm.snapshotState();
        fillAs(ben, quote, units);
        distribute(coupon);
        (uint256 seller, uint256 buyer) = (wealth(ada), wealth(ben));
        vm.revertToState(snapshot);
        distribute(coupon);
        fillAs(ben, quote, units);
        eq(wealth(ada), seller, "the seller");
        eq(wealth(ben), buyer, "the buyer");
    }

    function wealth(address who) private view returns (uint256) {
        return currency.balanceOf(who) + token.claimable(who);
    }

    // ---------------------------------------------------------------- signatures

    function unsigned(ITradeDesk.Quote memory quote, bytes memory signature) private {
        vm.prank(ben);
        refuses(with(ITradeDesk.TradeDesk_NotSigned.selector, quote.maker));
        desk.fill(quote, signature, 5);
    }

    function test_fill_onlyWithTheMakersSignature() external {
        ITradeDesk.Quote memory quote = sale();
        unsigned(quote, sign(BEN_KEY, quote));
        bytes memory good = sign(ADA_KEY, quote);
        --quote.price;
        unsigned(quote, good);
        ++quote.price;
        unsigned(quote, "");
        unsigned(quote, abi.encodePacked(good, uint8(0)));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(ADA_KEY, digestOf(address(desk), quote));
        unsigned(quote, abi.encodePacked(r, s)); // no v
        unsigned(quote, abi.encodePacked(r, bytes32(uint256(s) | uint256(v - 27) << 255))); // compact, EIP-2098
        unsigned(quote, abi.encodePacked(r, bytes32(ORDER - uint256(s)), v == 27 ? uint8(28) : uint8(27)));
        unsigned(quote, abi.encodePacked(r, s, uint8(0)));
        quote.maker = address(0); // whom a failed recovery would give
        unsigned(quote, new bytes(65));
        quote.maker = ada;
        vm.prank(ben);
        desk.fill(quote, good, 5);
    }

    function test_fill_notOnAnotherDeskOrChain() external {
        ITradeDesk.Quote memory quote = sale();
        bytes memory signature = sign(ADA_KEY, quote);
        (TradeDesk first, TradeDesk second) = (desk, newDesk());
        desk = second;
        allow(ada);
        allow(ben);
        unsigned(quote, signature);
        desk = first;
        uint256 chain = block.chainid;
        vm.chainId(chain + 1);
        unsigned(quote, signature);
        vm.chainId(chain);
        vm.prank(ben);
        desk.fill(quote, signature, 5);
    }

    function wallet() private returns (Wallet made, ITradeDesk.Quote memory quote) {
        made = new Wallet();
        admit(address(made));
        token.mint(address(made), 50);
        made.run(address(token), abi.encodeCall(token.approve, (address(desk), 50)));
        quote = sale();
        quote.maker = address(made);
    }

    function test_fill_ofAWalletThatIsAContract() external {
        (Wallet made, ITradeDesk.Quote memory quote) = wallet();
        vm.prank(ben);
        desk.fill(quote, "whatever it takes", 50);
        holds(address(made), 0, 50 * PRICE);
        holds(ada, 100, 0);
        vm.prank(ben);
        refuses(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(desk), 0, 5));
        desk.fill(quote, "", 5);
    }

    function test_fill_ofAContractThatDoesNotSayYes() external {
        (Wallet made, ITradeDesk.Quote memory quote) = wallet();
        made.tell(Wallet.Answer.No);
        unsigned(quote, "");
        for (uint256 answer = uint256(Wallet.Answer.Short); answer <= uint256(Wallet.Answer.Burn); ++answer) {
            made.tell(Wallet.Answer(answer));
            vm.prank(ben);
            try desk.fill{gas: 1_000_000}(quote, "", 5) {
                revert Expected("a signature");
            } catch {}
        }
        quote.maker = address(registry); // a contract that signs nothing
        vm.prank(ben);
        try desk.fill(quote, "", 5) {
            revert Expected("a signature");
        } catch {}
        eq(token.balanceOf(address(made)), 50, "units");
    }

    // ---------------------------------------------------------------- cancelled

    function test_cancel_oneQuoteOfOnesOwn() external {
        ITradeDesk.Quote memory quote = sale();
        bytes32 hash = desk.hashOf(quote);
        eq(uint256(hash), uint256(hashOf(quote)), "the EIP-712 hash of the struct");
        vm.prank(ben);
        desk.cancel(hash); // of Ben's own, which there is not
        fillAs(ben, quote, 10);
        vm.prank(ada);
        desk.cancel(hash);
        eq(desk.leftOf(quote), 0, "left");
        refused(ben, quote, 10, with(ITradeDesk.TradeDesk_Cancelled.selector, uint256(hash)));
        vm.prank(ada);
        refuses(with(ITradeDesk.TradeDesk_Cancelled.selector, uint256(hash)));
        desk.cancel(hash);
        quote.nonce = 1;
        fillAs(ben, quote, 10);
    }

    function test_cancelBelow_smallerNonces() external {
        ITradeDesk.Quote memory quote = sale();
        quote.nonce = 6;
        vm.startPrank(ada);
        refuses(with(ITradeDesk.TradeDesk_NonceBelow.selector, 0));
        desk.cancelBelow(0);
        desk.cancelBelow(7);
        refuses(with(ITradeDesk.TradeDesk_NonceBelow.selector, 7));
        desk.cancelBelow(7);
        vm.stopPrank();
        refused(ben, quote, 10, with(ITradeDesk.TradeDesk_NonceBelow.selector, 7));
        eq(desk.leftOf(quote), 0, "left");
        quote.nonce = 7;
        fillAs(ben, quote, 10);
        eq(desk.nonceOf(ada), 7, "nonce");
        eq(desk.nonceOf(ben), 0, "of others");
    }

    // ---------------------------------------------------------------- compliance

    function test_fill_byTheTokensRules() external {
        ITradeDesk.Quote memory quote = sale();
        currency.mint(cleo, 5 * PRICE);
        refused(cleo, quote, 5, with(IERC7943Fungible.ERC7943CannotReceive.selector, cleo));
        registry.revoke(ada);
        refused(ben, quote, 5, with(IERC7943Fungible.ERC7943CannotSend.selector, ada));
        admit(ada);
        vm.startPrank(AGENT);
        token.setFrozenTokens(ada, 96);
        vm.stopPrank();
        bytes4 frozen = IERC7943Fungible.ERC7943InsufficientUnfrozenBalance.selector;
        refused(ben, quote, 5, abi.encodeWithSelector(frozen, ada, 5, 4));
        vm.startPrank(AGENT);
        token.setFrozenTokens(ada, 0);
        token.setPaused(true);
        vm.stopPrank();
        refused(ben, quote, 5, with(ISecurityToken.SecurityToken_Paused.selector));
        vm.prank(AGENT);
        token.setPaused(false);
        fillAs(ben, quote, 5);
        token.close();
        refused(ben, quote, 5, with(ISecurityToken.SecurityToken_Closed.selector));
    }

    function test_fill_notOfAMakerWhoseHoldingIsInRecovery() external {
        ITradeDesk.Quote memory quote = sale();
        (quote.expires, quote.holds) = (quote.opens + LONGEST, true);
        admit(cleo);
        vm.prank(AGENT);
        token.announceRecovery(ada, cleo);
        refused(ben, quote, 5, with(ITradeDesk.TradeDesk_MakerInRecovery.selector, ada));
        vm.prank(ada);
        token.objectToRecovery();
        fillAs(ben, quote, 5);
        vm.prank(AGENT);
        token.announceRecovery(ada, cleo);
        vm.warp(block.timestamp + 90 days);
        token.recoverHolding(ada);
        (quote.opens, quote.expires) = (uint64(block.timestamp), uint64(block.timestamp + 1));
        refused(ben, quote, 5, abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, ada, 0, 5));
    }

    // ---------------------------------------------------------------- wholly or not at all

    function test_fill_whollyOrNotAtAll() external {
        ITradeDesk.Quote memory quote = sale();
        vm.prank(ben);
        currency.approve(address(desk), 5 * PRICE - 1);
        bytes4 allowance = IERC20Errors.ERC20InsufficientAllowance.selector;
        refused(ben, quote, 5, abi.encodeWithSelector(allowance, address(desk), 5 * PRICE - 1, 5 * PRICE));
        vm.startPrank(ben);
        currency.approve(address(desk), type(uint256).max);
        currency.transfer(cleo, 95 * PRICE + 1);
        vm.stopPrank();
        bytes4 balance = IERC20Errors.ERC20InsufficientBalance.selector;
        refused(ben, quote, 5, abi.encodeWithSelector(balance, ben, 5 * PRICE - 1, 5 * PRICE));
        eq(token.balanceOf(ada), 100, "units stay");
        eq(desk.leftOf(quote), 100, "and the quote");
        vm.prank(ada);
        token.approve(address(desk), 3);
        refused(ben, quote, 5, abi.encodeWithSelector(allowance, address(desk), 3, 5));
        vm.startPrank(ada);
        token.approve(address(desk), 5);
        token.transfer(ben, 96);
        vm.stopPrank();
        refused(ben, quote, 5, abi.encodeWithSelector(balance, ada, 4, 5));
    }

    function test_fill_notWithACurrencyThatKeepsSomeBack() external {
        begin(new FeeCurrency(6));
        refused(ben, sale(), 10, with(ITradeDesk.TradeDesk_NotExact.selector, 10 * PRICE - 100, 10 * PRICE));
        eq(token.balanceOf(ada), 100, "units stay");
    }

    function test_fill_reentered() external {
        for (uint256 moment = 1; moment <= 2; ++moment) {
            ReentrantCurrency loop = new ReentrantCurrency(6);
            begin(loop);
            currency.mint(address(loop), 1_000 * PRICE);
            admit(address(loop));
            vm.startPrank(address(loop));
            loop.approve(address(desk), type(uint256).max);
            vm.stopPrank();
            ITradeDesk.Quote memory quote = sale();
            bytes memory again = abi.encodeCall(desk.fill, (quote, sign(ADA_KEY, quote), 41));
            loop.arm(ReentrantCurrency.Moment(moment), address(desk), again);
            fillAs(ben, quote, 60);
            isTrue(loop.attacked(), "it was tried");
            isFalse(loop.succeeded(), "and no more than the quote was filled");
            eq(
                uint256(keccak256(loop.answer())),
                uint256(keccak256(with(ITradeDesk.TradeDesk_UnitsNotLeft.selector, 41, 40))),
                "left"
            );
            holds(ada, 40, 60 * PRICE);
            // Not even what is left, in the middle: the maker would not see which of the two paid.
            again = abi.encodeCall(desk.fill, (quote, sign(ADA_KEY, quote), 30));
            loop.arm(ReentrantCurrency.Moment(moment), address(desk), again);
            refused(ben, quote, 10, with(ITradeDesk.TradeDesk_NotExact.selector, 40 * PRICE, 10 * PRICE));
            holds(ada, 40, 60 * PRICE);
        }
    }

    function test_permit_ofAStrangerMovesNothing() external {
        vm.prank(ada);
        token.approve(address(desk), 0);
        bytes32 permit = keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 digest = keccak256(
            abi.encodePacked(
                hex"1901",
                token.DOMAIN_SEPARATOR(),
                keccak256(abi.encode(permit, ada, address(desk), 100, token.nonces(ada), START))
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(ADA_KEY, digest);
        vm.prank(cleo);
        token.permit(ada, address(desk), 100, START, v, r, s);
        ITradeDesk.Quote memory quote = sale();
        unsigned(quote, sign(CLEO_KEY, quote));
        fillAs(ben, quote, 5);
    }
}
