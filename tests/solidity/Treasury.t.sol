// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {ISale} from "../../contracts/interfaces/ISale.sol";
import {ITreasury} from "../../contracts/interfaces/ITreasury.sol";
import {WaterfallChecks} from "../../contracts/settlement/WaterfallChecks.sol";
import {Treasury} from "../../contracts/spv/Treasury.sol";
import {WaterfallTerms} from "../../contracts/spv/WaterfallTerms.sol";
import {SpvFixture} from "./utils/SpvFixture.sol";

/// @notice Treasury.tree.
contract TreasuryTest is SpvFixture {
    function setUp() external {
        deploySpv(tenSteps());
    }

    function _refuses(bytes memory refusal) private {
        vm.expectRevert(refusal);
    }

    // ---------------------------------------------------------------- beginning

    function test_activate_byAnyOfTheSales() external {
        uint256 start = vm.snapshotState();
        for (uint256 first = 0; first < 3; ++first) {
            begin(first);
            isTrue(treasury.state() == ITreasury.State.Active, "active");
            for (uint256 i = 0; i < 3; ++i) {
                isTrue(sales[i].state() == ISale.State.Settled, "settled");
            }
            uint256 proceeds = uint256(SENIOR) + MEZZANINE + 97 * 1_009;
            eq(currency.balanceOf(ISSUER), proceeds, "proceeds");
            isTrue(vm.revertToState(start), "again");
        }
    }

    function test_activate_allSalesOrNone() external {
        treasury.deposit(1, RESERVE);
        sell(0, ALICE);
        sell(1, BOB);
        vm.warp(CLOSES);
        vm.roll(block.number + 1);
        _refuses(abi.encodeWithSelector(ISale.Offering_WrongState.selector, ISale.State.Failed));
        sales[0].settle();
        isTrue(sales[0].state() == ISale.State.Succeeded, "still to settle");
        currency.mint(address(treasury), 777);
        eq(treasury.returnMoney(1), RESERVE, "the reserve");
        eq(currency.balanceOf(OPERATOR), RESERVE, "to its funder");
        eq(treasury.returnMoney(0), 777, "what was sent");
        eq(currency.balanceOf(ISSUER), 777, "to the issuer");
        eq(treasury.returnMoney(1), 0, "once");
        vm.warp(CLOSES + 31 days);
        vm.startPrank(ALICE);
        sales[0].refund(SENIOR_UNITS);
        vm.stopPrank();
        eq(currency.balanceOf(ALICE), SENIOR, "refunded");
    }

    function test_activate_notWithoutTheReserve() external {
        treasury.deposit(1, RESERVE - 1);
        sell(0, ALICE);
        sell(1, BOB);
        sell(2, CAROL);
        vm.warp(CLOSES);
        vm.roll(block.number + 1);
        _refuses(abi.encodeWithSelector(ITreasury.Treasury_PotNotFilled.selector, 1, RESERVE - 1, RESERVE));
        sales[1].settle();
        treasury.deposit(1, 1);
        sales[1].settle();
        isTrue(treasury.state() == ITreasury.State.Active, "active");
    }

    function test_activate_onlyASale() external {
        _refuses(abi.encodeWithSelector(ITreasury.Treasury_NotOffering.selector, address(this)));
        treasury.activate();
        begin(0);
        vm.prank(address(sales[0]));
        _refuses(abi.encodeWithSelector(ITreasury.Treasury_WrongState.selector, ITreasury.State.Active));
        treasury.activate();
        _refuses(abi.encodeWithSelector(ITreasury.Treasury_IssueNotFailed.selector));
        treasury.returnMoney(1);
    }

    function test_deposit_noMoreThanTheOpening() external {
        _refuses(abi.encodeWithSelector(ITreasury.Treasury_TooMuch.selector, uint256(RESERVE) + 1, RESERVE));
        treasury.deposit(1, RESERVE + 1);
        _refuses(abi.encodeWithSelector(ITreasury.Treasury_NoSuchPot.selector, 0));
        treasury.deposit(0, 1);
        _refuses(abi.encodeWithSelector(ITreasury.Treasury_NoSuchPot.selector, 2));
        treasury.deposit(2, 1);
        _refuses(abi.encodeWithSelector(ITreasury.Treasury_NoSuchPayee.selector, 5));
        treasury.withdraw(5);
    }

    // ---------------------------------------------------------------- periods

    /// @dev By hand: 6 134 291 at 6 % for a quarter is 92 014 (.365); 700 001 falls due. 1 055 633 at 10 % is 26 390 (.825).
    function test_pay_aFullQuarter() external {
        begin(0);
        collect(1_000_000, 200_000);
        vm.warp(dueOf(0));
        treasury.pay();
        eq(treasury.creditOf(0), 1_003, "fee");
        eq(treasury.creditOf(1), 20_011, "cost");
        // 1 200 000 - 21 014 - 92 014 - 700 001 = 386 971; the reserve is to hold 792 015 and lacks 692 015
        int256[] memory x = treasury.registers();
        eqInt(x[0], 0, "cash");
        eqInt(x[1], 100_000 + 386_971, "reserve");
        eqInt(x[9], int256(uint256(SENIOR)) - 700_001, "senior");
        eqInt(x[6], 26_390, "the mezzanine waits for its interest");
        eq(senior.earnedPerUnit(), 792_015 / uint256(613), "a unit");
        eq(treasury.creditOf(2), 792_015 % uint256(613), "dust waits");
        for (uint256 i = 0; i < 7; ++i) {
            (uint40 since, uint8 passes) = treasury.triggerOf(i);
            eq(since + passes, 0, "a cover of 1.48, and covenants never tested");
        }
    }

    function test_pay_aShortQuarter() external {
        begin(0);
        collect(500_000, 0);
        vm.warp(dueOf(0));
        treasury.pay();
        int256[] memory x = treasury.registers();
        // 500 000 - 21 014 - 92 014 = 386 972 of 700 001; the reserve gives its 100 000
        eqInt(x[5], 700_001 - 386_972 - 100_000, "principal is short");
        eqInt(x[1], 0, "reserve");
        (uint40 since,) = treasury.triggerOf(LOCK_UP);
        eq(since, dueOf(0), "locked up");
        eq(equity.earnedPerUnit(), 0, "equity");
        collect(3_000_000, 0);
        vm.warp(dueOf(1));
        treasury.pay();
        x = treasury.registers();
        eqInt(x[5], 0, "made good");
        (since,) = treasury.triggerOf(LOCK_UP);
        eq(since, 0, "cured");
        isTrue(equity.earnedPerUnit() > 0 && mezzanine.earnedPerUnit() > 0, "all are paid");
    }

    function test_pay_onlyWhatIsDue() external {
        _refuses(abi.encodeWithSelector(ITreasury.Treasury_WrongState.selector, ITreasury.State.Offered));
        treasury.pay();
        begin(0);
        _refuses(abi.encodeWithSelector(ITreasury.Treasury_NotDue.selector, dueOf(0)));
        treasury.pay();
        vm.warp(dueOf(0));
        treasury.pay();
        _refuses(abi.encodeWithSelector(ITreasury.Treasury_NotDue.selector, dueOf(1)));
        treasury.pay();
    }

    /// @dev Law 5: whoever runs two quarters, at once or years later, with whatever came in since, comes to the same.
    function testFuzz_pay_whenDoesNotMatter(uint256 a, uint256 b, uint256 later, uint256 since) external {
        begin(0);
        (a, b, since) = (bound(a, 0, 3e6), bound(b, 0, 3e6), bound(since, 1, 1e9));
        later = bound(later, dueOf(1), dueOf(1) + 90 days);
        collect(a, 1);
        uint256 start = vm.snapshotState();
        vm.warp(dueOf(0));
        treasury.pay();
        collect(b, 1);
        vm.warp(dueOf(1));
        treasury.pay();
        bytes memory early = _all();
        isTrue(vm.revertToState(start), "again");
        vm.warp(dueOf(0));
        collect(b, 1);
        vm.warp(later);
        collect(since, 5);
        treasury.pay();
        treasury.pay();
        isTrue(keccak256(_all()) == keccak256(early), "the same");
        eq(treasury.incomeOf(2, 0), since, "what came later waits");
    }

    function _all() private view returns (bytes memory) {
        uint256[5] memory credits;
        for (uint256 i = 0; i < 5; ++i) {
            credits[i] = treasury.creditOf(i);
        }
        (uint40 since, uint8 passes) = treasury.triggerOf(LOCK_UP);
        uint256[3] memory earned = [senior.earnedPerUnit(), mezzanine.earnedPerUnit(), equity.earnedPerUnit()];
        return abi.encode(treasury.registers(), credits, since, passes, earned);
    }

    /// @dev What is left goes out, once; what comes later pays what is owed, loans and then equity, whatever stands failed.
    function test_pay_afterTheLastPeriod() external {
        begin(0);
        _liveOn(830_000);
        isTrue(treasury.state() == ITreasury.State.Closed, "closed");
        isTrue(senior.closed() && equity.closed(), "tokens");
        int256[] memory before = treasury.registers();
        isTrue(before[0] + before[1] > 0, "trapped, or in reserve");
        (uint40 since,) = treasury.triggerOf(LOCK_UP);
        isTrue(since != 0, "locked up");
        treasury.pay();
        int256[] memory x = treasury.registers();
        eqInt(x[0] + x[1], 0, "nothing stays");
        isTrue(x[2] <= before[2] && x[3] <= before[3] && x[4] <= before[4], "nothing more falls due");
        isTrue(x[9] < before[9] && x[9] > 0, "the reserve repays the senior loan");
        eq(equity.earnedPerUnit(), 0, "before equity");
        _refuses(abi.encodeWithSelector(ITreasury.Treasury_NothingToSpend.selector));
        treasury.pay();
        collect(3_000_000, 0);
        treasury.pay();
        eqInt(treasury.registers()[0], 0, "spent");
        isTrue(equity.earnedPerUnit() > 0, "and then equity");
        eq(treasury.incomeOf(QUARTERS, 0), 0, "counted once");
        (uint40 still,) = treasury.triggerOf(LOCK_UP);
        eq(still, since, "not tested any more");
    }

    function _liveOn(uint256 tolls) private {
        for (uint256 i = 0; i < QUARTERS; ++i) {
            collect(tolls, 3);
            vm.warp(dueOf(i));
            treasury.pay();
        }
    }

    // ---------------------------------------------------------------- money

    /// @dev Whatever comes in, and whatever is sent, is held, owed to somebody, or was paid; and nothing is paid twice.
    function testFuzz_pay_moneyIsConserved(uint256[QUARTERS] memory tolls, uint256 gift) external {
        begin(0);
        gift = bound(gift, 0, 1e9);
        uint256 came = RESERVE;
        for (uint256 i = 0; i < QUARTERS; ++i) {
            uint256 amount = bound(tolls[i], 0, 4e6);
            collect(amount, i);
            if (i == 3) currency.mint(address(treasury), gift);
            came += amount + i + (i == 3 ? gift : 0);
            vm.warp(dueOf(i));
            treasury.pay();
            int256[] memory x = treasury.registers();
            uint256 held = uint256(x[0] + x[1]);
            for (uint256 j = 0; j < 5; ++j) {
                held += treasury.creditOf(j);
            }
            eq(currency.balanceOf(address(treasury)), held, "held is accounted for");
            uint256 given = senior.earnedPerUnit() * SENIOR_UNITS + mezzanine.earnedPerUnit() * MEZZANINE_UNITS
                + equity.earnedPerUnit() * EQUITY_UNITS;
            eq(held + given, came, "in = out + held");
            eqInt(x[9] + x[11], int256(uint256(SENIOR)) - _principal(0), "the senior loan");
        }
        treasury.withdraw(0);
        treasury.withdraw(1);
        eq(currency.balanceOf(TRUSTEE), 8 * 1_003 - uint256(treasury.registers()[2]), "the fee, and no more");
        eq(treasury.withdraw(0), 0, "once");
        eq(treasury.withdraw(2), 0, "a token's is its own");
    }

    /// @dev What the senior token was given beyond its interest of all quarters.
    function _principal(uint256) private view returns (int256) {
        int256[] memory x = treasury.registers();
        return int256(uint256(SENIOR)) - x[9] - x[11];
    }

    function test_receiveRevenue_ofALineByItsPayer() external {
        _refuses(abi.encodeWithSelector(ITreasury.Treasury_WrongState.selector, ITreasury.State.Offered));
        treasury.receiveRevenue(RENTS, 1);
        begin(0);
        _refuses(abi.encodeWithSelector(ITreasury.Treasury_NotPayer.selector, address(this), COLLECTOR));
        treasury.receiveRevenue(TOLLS, 1);
        _refuses(abi.encodeWithSelector(ITreasury.Treasury_NoSuchLine.selector, bytes32("gifts")));
        treasury.receiveRevenue("gifts", 1);
        vm.warp(dueOf(0) - 1);
        treasury.receiveRevenue(RENTS, 5);
        vm.warp(dueOf(0));
        treasury.receiveRevenue(RENTS, 7);
        eq(treasury.incomeOf(0, 1), 5, "before the date");
        eq(treasury.incomeOf(1, 1), 7, "on the date it is the next period's");
    }

    /// @dev A currency that anybody can mint: what is sent is no revenue, and stops nobody.
    function test_pay_cannotBeStoppedByMoney() external {
        begin(0);
        currency.mint(address(treasury), type(uint256).max - currency.totalSupply());
        vm.warp(dueOf(0));
        treasury.pay();
        vm.warp(dueOf(1));
        treasury.pay();
        eq(treasury.periodsPaid(), 2, "paid");
        (uint40 since,) = treasury.triggerOf(LOCK_UP);
        eq(since, dueOf(0), "and cures no cover");
    }

    /// @dev Nobody mends a period that has gone badly by a gift, whose money would come back to it in the same call.
    function test_pay_whatIsSentIsThereForTheNextPeriod() external {
        begin(0);
        collect(500_000, 0);
        vm.warp(dueOf(0));
        uint256 start = vm.snapshotState();
        treasury.pay();
        int256[] memory without = treasury.registers();
        isTrue(vm.revertToState(start), "again");
        currency.mint(address(treasury), 400_000);
        treasury.pay();
        int256[] memory x = treasury.registers();
        eqInt(x[0], without[0] + 400_000, "kept for the next period");
        x[0] = without[0];
        isTrue(keccak256(abi.encode(x)) == keccak256(abi.encode(without)), "the same but for that");
    }

    /// @dev An offering that begins something else: the treasury never does, and the pots are free.
    function test_returnMoney_whenASaleSettledForSomethingElse() external {
        foreign = true;
        deploySpv(tenSteps());
        treasury.deposit(1, RESERVE);
        sell(1, BOB);
        vm.warp(CLOSES);
        vm.roll(block.number + 1);
        sales[1].settle();
        isTrue(treasury.state() == ITreasury.State.Offered, "not begun");
        eq(treasury.returnMoney(1), RESERVE, "free");
    }

    function test_withdraw_byAStrangerGoesToThePayee() external {
        begin(0);
        collect(1_000_000, 0);
        vm.warp(dueOf(0));
        treasury.pay();
        vm.prank(STRANGER);
        eq(treasury.withdraw(1), 20_011, "cost");
        eq(currency.balanceOf(OPERATOR), 20_011, "to the operator");
    }

    // ---------------------------------------------------------------- terms and gas

    function test_initialize_onceAndNotTheImplementation() external {
        ITreasury.Terms memory t = termsOf(tenSteps());
        _refuses(abi.encodeWithSelector(Initializable.InvalidInitialization.selector));
        treasury.initialize(t);
        Treasury implementation = new Treasury(treasury.CHECKS(), treasury.ENGINE(), treasury.LEGS());
        _refuses(abi.encodeWithSelector(Initializable.InvalidInitialization.selector));
        implementation.initialize(t);
    }

    function test_initialize_refusesWhatIsNotValid() external {
        ITreasury.Terms memory t = termsOf(tenSteps());
        WaterfallTerms checks = treasury.CHECKS();
        checks.keep(t);
        t.due[3] = t.due[2];
        _invalid(checks, t, "due dates not ascending");
        (t.due[3], t.claims[2].payee) = (dueOf(3), 5);
        _invalid(checks, t, "no such payee");
        (t.claims[2].payee, t.lines[1].name) = (2, TOLLS);
        _invalid(checks, t, "line twice");
        (t.lines[1].name, t.pots[0].funder) = (RENTS, address(0));
        _invalid(checks, t, "pot without funder");
        (t.pots[0].funder, t.payees[1].to) = (OPERATOR, address(0));
        _invalid(checks, t, "payee zero or itself");
        t.payees[1].to = TRUSTEE;
        _invalid(checks, t, "payee twice");
        t.payees[1].to = address(this);
        _invalid(checks, t, "payee zero or itself");
        (t.payees[1].to, t.offerings[2]) = (OPERATOR, t.offerings[0]);
        _invalid(checks, t, "offering twice");
        (t.offerings[2], t.steps[10].limit) = (address(sales[2]), 29);
        _invalid(checks, t, "a pot is not emptied in the end");
        t.steps[10].limit = NONE;
        (t.payees[1].to, t.loans[0]) = (OPERATOR, type(uint128).max);
        _invalid(checks, t, "loan too large");
        (t.loans[0], t.numbers[4]) = (SENIOR, new int128[](0));
        _invalid(checks, t, "number of no period");
        t = termsOf(tenSteps());
        (t.currency, t.offerings) = (address(0), new address[](0));
        _invalid(checks, t, "currency zero");
        t.currency = address(currency);
        _invalid(checks, t, "offerings not 1-8");
        t = termsOf(tenSteps());
        t.steps[4].claims[0] = 7;
        _refuses(abi.encodeWithSelector(WaterfallChecks.Waterfall_Unsound.selector, "step", 4));
        checks.keep(t);
    }

    function _invalid(WaterfallTerms checks, ITreasury.Terms memory t, string memory what) private {
        _refuses(abi.encodeWithSelector(ITreasury.Treasury_InvalidTerms.selector, what));
        checks.keep(t);
    }

    function test_terms_areThoseGiven() external view {
        bytes32 given = keccak256(abi.encode(termsOf(tenSteps())));
        isTrue(keccak256(abi.encode(treasury.terms())) == given, "terms");
    }

    /// @dev Whole transactions that pay three tokens and two people; the first writes what was never written before.
    function test_pay_gasOfTenSteps() external {
        (uint256 first, uint256 later) = _gas(10);
        atMost(first, 400_000, "the first");
        atMost(later, 400_000, "the others");
    }

    function test_pay_gasOfTwentySteps() external {
        ITreasury.Step[] memory ten = tenSteps();
        ITreasury.Step[] memory steps = new ITreasury.Step[](23);
        for (uint256 i = 0; i < 23; ++i) {
            steps[i] = ten[i < 20 ? i / 2 : i - 10];
        }
        deploySpv(steps);
        (uint256 first, uint256 later) = _gas(20);
        atMost(first, 700_000, "the first");
        atMost(later, 700_000, "the others");
    }

    event Gas(uint256 steps, uint256 first, uint256 later);

    function _gas(uint256 steps) private returns (uint256 first, uint256 later) {
        begin(0);
        first = _gasOf(0);
        later = _gasOf(1);
        isTrue(equity.earnedPerUnit() > 0 && mezzanine.earnedPerUnit() > 0, "all are paid");
        emit Gas(steps, first, later);
    }

    /// @dev Storage and accounts are as a transaction of its own finds them.
    function _gasOf(uint256 quarter) private returns (uint256) {
        collect(3_000_000, 200_000);
        vm.warp(dueOf(quarter));
        address[8] memory touched = [
            address(treasury),
            address(treasury.CHECKS()),
            address(treasury.ENGINE()),
            address(senior),
            address(mezzanine),
            address(equity),
            address(currency),
            tokenCode
        ];
        for (uint256 i = 0; i < touched.length; ++i) {
            vm.cool(touched[i]);
        }
        uint256 before = gasleft();
        treasury.pay();
        return before - gasleft() + 21_064; // with the base of a transaction and its selector
    }
}

/// @notice What the reader of deal files would not let pass: a treasury that could never pay its tokens never begins.
contract ForeignTokenTest is SpvFixture {
    bool private _serviced;

    function servicer(uint256 i) internal view override returns (address) {
        return i == 1 && _serviced ? address(this) : address(treasury);
    }

    function known() internal view override returns (uint256) {
        return _serviced ? 3 : 2;
    }

    function test_activate_notWithATokenThatAnotherServices() external {
        _serviced = true;
        _refusesToBegin(1);
    }

    function test_activate_notWithATokenThatAnotherSells() external {
        _refusesToBegin(2);
    }

    function _refusesToBegin(uint256 token) private {
        deploySpv(tenSteps());
        treasury.deposit(1, RESERVE);
        sell(0, ALICE);
        sell(1, BOB);
        sell(2, CAROL);
        vm.warp(CLOSES);
        vm.roll(block.number + 1);
        address foreign = token == 1 ? address(mezzanine) : address(equity);
        vm.expectRevert(abi.encodeWithSelector(ITreasury.Treasury_ForeignToken.selector, foreign));
        sales[0].settle();
    }
}
