// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IProceedsRegister} from "../../contracts/interfaces/IProceedsRegister.sol";
import {ProceedsRegister} from "../../contracts/market/ProceedsRegister.sol";
import {DealFixture} from "./utils/DealFixture.sol";

/// @notice Every branch of ProceedsRegister.tree.
contract ProceedsRegisterTest is DealFixture {
    event Recorded(uint256 indexed entry, bytes32 indexed use, uint256 amount, bytes32 document);

    address private constant REVIEWER = address(0x2E71E3E2);
    bytes32 private constant INVOICE = keccak256("invoice");
    bytes32 private constant REPORT = keccak256("report");
    /// @dev All units sold bring these, of which sewers get four fifths at the most.
    uint128 private constant RAISED = uint128(uint256(HARD_CAP) * UNIT_PRICE);
    uint128 private constant SEWERS = RAISED / 5 * 4;

    ProceedsRegister private code;
    ProceedsRegister private register;

    function setUp() external {
        deployRooms();
        deployDeal(dealTerms());
        code = new ProceedsRegister();
        register = fresh();
        register.initialize(terms());
        vm.warp(OPENS);
    }

    function fresh() private returns (ProceedsRegister) {
        return ProceedsRegister(Clones.clone(address(code)));
    }

    function terms() private view returns (IProceedsRegister.Terms memory t) {
        t.token = address(token);
        t.reviewer = REVIEWER;
        t.uses = new IProceedsRegister.Use[](2);
        t.uses[0] = IProceedsRegister.Use("sewers", SEWERS);
        t.uses[1] = IProceedsRegister.Use("costs", RAISED);
    }

    function settled(uint64 units) private {
        buy(ALICE, units);
        vm.warp(CLOSES);
        vm.roll(block.number + 1);
        offering.settle();
    }

    function recorded(bytes32 use, uint128 amount, bytes32 document) private returns (uint256 entry) {
        vm.prank(ISSUER);
        entry = register.record(use, amount, document);
    }

    function refusesRecord(bytes memory why, bytes32 use, uint128 amount, bytes32 document) private {
        vm.prank(ISSUER);
        refuses(why);
        register.record(use, amount, document);
    }

    function invalid(IProceedsRegister.Terms memory t, string memory what) private {
        ProceedsRegister made = fresh();
        refuses(abi.encodeWithSelector(IProceedsRegister.ProceedsRegister_InvalidTerms.selector, what));
        made.initialize(t);
    }

    function test_initialize_onceAndOnlyValidTerms() external {
        refuses(abi.encodeWithSelector(Initializable.InvalidInitialization.selector));
        register.initialize(terms());
        refuses(abi.encodeWithSelector(Initializable.InvalidInitialization.selector));
        code.initialize(terms());
        IProceedsRegister.Terms memory t = terms();
        t.uses = new IProceedsRegister.Use[](0);
        invalid(t, "number of uses");
        t.uses = new IProceedsRegister.Use[](33);
        invalid(t, "number of uses");
        t = terms();
        t.uses[1].amount = 0;
        invalid(t, "amount zero");
        t = terms();
        t.uses[0].name = 0;
        invalid(t, "name empty");
        t.uses[0].name = t.uses[1].name;
        invalid(t, "name twice");
    }

    function test_record_onlyOfASettledIssue() external {
        bytes memory unsettled = abi.encodeWithSelector(IProceedsRegister.ProceedsRegister_NotSettled.selector);
        refusesRecord(unsettled, "sewers", 1, INVOICE);
        buy(ALICE, SOFT_CAP);
        vm.warp(CLOSES);
        refusesRecord(unsettled, "sewers", 1, INVOICE); // sold, and the money still in the sale
        vm.warp(CLOSES + 30 days + 1);
        refusesRecord(unsettled, "sewers", 1, INVOICE); // failed
        eq(register.raised(), 0, "raised");
    }

    function test_record_onlyTheIssuer() external {
        settled(HARD_CAP);
        refuses(abi.encodeWithSelector(IProceedsRegister.ProceedsRegister_NotIssuer.selector, address(this)));
        register.record("sewers", 1, INVOICE);
        vm.prank(REVIEWER);
        refuses(abi.encodeWithSelector(IProceedsRegister.ProceedsRegister_NotIssuer.selector, REVIEWER));
        register.record("sewers", 1, INVOICE);
    }

    function test_record_somethingForAUseWithADocument() external {
        settled(HARD_CAP);
        bytes memory nothing = abi.encodeWithSelector(IProceedsRegister.ProceedsRegister_Nothing.selector);
        refusesRecord(nothing, "sewers", 0, INVOICE);
        refusesRecord(nothing, "sewers", 1, 0);
        refusesRecord(
            abi.encodeWithSelector(IProceedsRegister.ProceedsRegister_NoSuchUse.selector, bytes32("roads")),
            "roads",
            1,
            INVOICE
        );
    }

    function test_record_noMoreThanTheUseHasOrWasRaised() external {
        settled(HARD_CAP);
        bytes4 tooMuch = IProceedsRegister.ProceedsRegister_TooMuch.selector;
        refusesRecord(abi.encodeWithSelector(tooMuch, SEWERS + 1, SEWERS), "sewers", SEWERS + 1, INVOICE);
        recorded("sewers", SEWERS - 1, INVOICE);
        refusesRecord(abi.encodeWithSelector(tooMuch, 2, 1), "sewers", 2, REPORT);
        // Costs may take all of it, of which sewers have most already.
        uint128 left = RAISED - SEWERS + 1;
        refusesRecord(abi.encodeWithSelector(tooMuch, left + 1, left), "costs", left + 1, REPORT);
        recorded("costs", left, REPORT);
        eq(register.unallocated(), 0, "unallocated");
    }

    function test_record_whatASmallerIssueHasBrought() external {
        settled(SOFT_CAP);
        uint256 raised = uint256(SOFT_CAP) * UNIT_PRICE;
        eq(register.raised(), raised, "raised");
        bytes memory why =
            abi.encodeWithSelector(IProceedsRegister.ProceedsRegister_TooMuch.selector, raised + 1, raised);
        refusesRecord(why, "costs", uint128(raised + 1), INVOICE);
        recorded("costs", uint128(raised), INVOICE);
    }

    function test_record_noDocumentTwice() external {
        settled(HARD_CAP);
        recorded("sewers", 5, REPORT);
        recorded("sewers", 5, INVOICE);
        bytes4 used = IProceedsRegister.ProceedsRegister_DocumentUsed.selector;
        refusesRecord(abi.encodeWithSelector(used, INVOICE, 1), "sewers", 5, INVOICE);
        refusesRecord(abi.encodeWithSelector(used, REPORT, 0), "costs", 7, REPORT);
    }

    function test_record_isSaidWholeAndMovesNoMoney() external {
        settled(HARD_CAP);
        uint256 before = currency.balanceOf(ISSUER);
        vm.expectEmit(address(register));
        emit Recorded(0, "costs", 12, INVOICE);
        eq(recorded("costs", 12, INVOICE), 0, "entry");
        eq(currency.balanceOf(ISSUER), before, "the issuer's money");
        eq(register.unallocated(), RAISED - 12, "unallocated");
        eq(register.allocatedTo("costs"), 12, "costs");
        eq(register.entryCount(), 1, "entries");
        IProceedsRegister.Entry memory entry = register.entryOf(0);
        eq(entry.amount, 12, "amount");
        eq(uint256(entry.document), uint256(INVOICE), "document");
        refuses(abi.encodeWithSelector(IProceedsRegister.ProceedsRegister_NoSuchEntry.selector, 1));
        register.entryOf(1);
    }

    function test_strike_theIssuerOnceAndTheDocumentCountsAnew() external {
        settled(HARD_CAP);
        recorded("sewers", 40, INVOICE);
        refuses(abi.encodeWithSelector(IProceedsRegister.ProceedsRegister_NotIssuer.selector, address(this)));
        register.strike(0, REPORT);
        vm.startPrank(ISSUER);
        bytes4 none = IProceedsRegister.ProceedsRegister_NoSuchEntry.selector;
        refuses(abi.encodeWithSelector(none, 1));
        register.strike(1, REPORT);
        register.strike(0, REPORT);
        eq(register.unallocated(), RAISED, "unallocated");
        eq(register.allocatedTo("sewers"), 0, "sewers");
        refuses(abi.encodeWithSelector(none, 0));
        register.strike(0, REPORT);
        eq(register.record("costs", 40, INVOICE), 1, "the same invoice under its right use");
        vm.stopPrank();
        isTrue(register.entryOf(0).struck, "it stays to be read");
    }

    function test_review_theReviewerAloneAndTheLastWordCounts() external {
        settled(HARD_CAP);
        recorded("sewers", 40, INVOICE);
        vm.prank(ISSUER);
        refuses(abi.encodeWithSelector(IProceedsRegister.ProceedsRegister_NotReviewer.selector, ISSUER));
        register.review(0, true, REPORT);
        vm.startPrank(REVIEWER);
        bytes4 none = IProceedsRegister.ProceedsRegister_NoSuchEntry.selector;
        refuses(abi.encodeWithSelector(none, 1));
        register.review(1, true, REPORT);
        register.review(0, false, REPORT);
        eq(uint256(register.entryOf(0).review), uint256(IProceedsRegister.Review.Objected), "objected");
        eq(register.allocatedTo("sewers"), 40, "an objection takes nothing out");
        register.review(0, true, REPORT);
        eq(uint256(register.entryOf(0).review), uint256(IProceedsRegister.Review.Accepted), "accepted");
        vm.stopPrank();
        vm.prank(ISSUER);
        register.strike(0, REPORT);
        vm.prank(REVIEWER);
        refuses(abi.encodeWithSelector(none, 0));
        register.review(0, true, REPORT);
    }

    function test_review_nobodyWhereTheDealHasNoReviewer() external {
        IProceedsRegister.Terms memory t = terms();
        t.reviewer = address(0);
        register = fresh();
        register.initialize(t);
        settled(HARD_CAP);
        recorded("sewers", 40, INVOICE);
        refuses(abi.encodeWithSelector(IProceedsRegister.ProceedsRegister_NotReviewer.selector, address(this)));
        register.review(0, true, REPORT);
    }
}
