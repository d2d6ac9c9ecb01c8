// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IOffice} from "../../contracts/interfaces/IOffice.sol";
import {ISecurityToken} from "../../contracts/interfaces/ISecurityToken.sol";
import {Office} from "../../contracts/identity/Office.sol";
import {TestCurrency} from "../../contracts/testing/TestCurrency.sol";
import {DealFixture, DealTerms} from "./utils/DealFixture.sol";

/// @notice Every branch of Office.tree, and what a keeper, a thief of its key, appointers and a stranger would gain.
contract OfficeTest is DealFixture {
    uint40 private constant NOTICE = 30 days;
    uint256 private constant WINDOW = 30 days;
    address private constant KEEPER = address(0x8EE9);
    address private constant HEIR = address(0x4E12);
    address private constant OTHER = address(0x07E2);

    Office private code;
    Office private office;
    address[3] private appointers = [address(0xA1), address(0xB2), address(0xC3)];

    function setUp() external {
        vm.warp(START);
        currency = new TestCurrency("Test", "TST", 6);
        code = new Office();
        office = fresh(termsOf());
    }

    function fresh(IOffice.Terms memory terms) private returns (Office made) {
        made = Office(Clones.clone(address(code)));
        made.initialize(terms);
    }

    function termsOf() private view returns (IOffice.Terms memory t) {
        (t.keeper, t.currency, t.noticeSeconds, t.quorum) = (KEEPER, address(currency), NOTICE, 2);
        t.appointers = new address[](3);
        for (uint256 i = 0; i < 3; ++i) {
            t.appointers[i] = appointers[i];
        }
    }

    function backs(uint256 appointer, address candidate) private {
        vm.prank(appointers[appointer]);
        office.support(candidate);
    }

    function withdraws(uint256 appointer, address candidate) private {
        vm.prank(appointers[appointer]);
        office.withdrawSupport(candidate);
    }

    function objects(address candidate) private {
        vm.prank(office.keeper());
        office.object(candidate);
    }

    function cannotObject(address candidate) private {
        vm.prank(office.keeper());
        refuses(abi.encodeWithSelector(IOffice.Office_CannotObject.selector, candidate));
        office.object(candidate);
    }

    function handsOn(address to) private {
        vm.prank(office.keeper());
        office.handOn(to);
    }

    function takes(address who) private {
        vm.prank(who);
        office.take();
    }

    function cannotTake(address who, uint256 from) private {
        refuses(abi.encodeWithSelector(IOffice.Office_NotYours.selector, who, from));
        takes(who);
    }

    // ---------------------------------------------------------------- terms

    function refusedTerms(IOffice.Terms memory terms, string memory why) private {
        Office made = Office(Clones.clone(address(code)));
        refuses(abi.encodeWithSelector(IOffice.Office_InvalidTerms.selector, why));
        made.initialize(terms);
    }

    function test_initialize_refusesTermsThatAreNone() external {
        IOffice.Terms memory t = termsOf();
        t.keeper = address(0);
        refusedTerms(t, "keeper zero");
        t = termsOf();
        t.noticeSeconds = 0;
        refusedTerms(t, "notice");
        t.noticeSeconds = 3_650 days + 1;
        refusedTerms(t, "notice");
        for (uint8 quorum = 0; quorum < 6; ++quorum) {
            t = termsOf();
            t.quorum = quorum;
            if (quorum == 2 || quorum == 3) fresh(t);
            else refusedTerms(t, "quorum");
        }
        t = termsOf();
        t.appointers[1] = KEEPER;
        refusedTerms(t, "appointer");
        t.appointers[1] = address(0);
        refusedTerms(t, "appointer");
        t.appointers[1] = t.appointers[0];
        refusedTerms(t, "appointer twice");
        t.appointers = new address[](17);
        for (uint160 i = 0; i < 17; ++i) {
            t.appointers[i] = address(i + 1);
        }
        refusedTerms(t, "quorum");
        refuses(abi.encodeWithSignature("InvalidInitialization()"));
        office.initialize(termsOf());
        refuses(abi.encodeWithSignature("InvalidInitialization()"));
        code.initialize(termsOf());
    }

    // ---------------------------------------------------------------- in its name

    function test_execute_callsAsTheOffice() external {
        currency.mint(address(office), 70);
        vm.prank(KEEPER);
        bytes memory said = office.execute(address(currency), abi.encodeCall(currency.transfer, (OTHER, 30)));
        isTrue(abi.decode(said, (bool)), "what it returns is passed on");
        eq(currency.balanceOf(OTHER), 30, "moved");
        vm.prank(KEEPER);
        refuses(
            abi.encodeWithSignature(
                "ERC20InsufficientBalance(address,uint256,uint256)", address(office), uint256(40), uint256(41)
            )
        );
        office.execute(address(currency), abi.encodeCall(currency.transfer, (OTHER, 41)));
    }

    function test_execute_byTheKeeperOnly() external {
        bytes memory call = abi.encodeCall(currency.approve, (OTHER, 1));
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(appointers[i]);
            refuses(abi.encodeWithSelector(IOffice.Office_NotKeeper.selector, appointers[i]));
            office.execute(address(currency), call);
        }
    }

    /// @dev Else a thief could lock the office up in itself.
    function test_execute_notOnItself() external {
        vm.prank(KEEPER);
        refuses(abi.encodeWithSelector(IOffice.Office_NotThroughItself.selector));
        office.execute(address(office), abi.encodeCall(office.take, ()));
    }

    function test_execute_anAgentsPowersGoWithTheOffice() external {
        deployRooms();
        DealTerms memory terms = dealTerms();
        terms.agent = address(office);
        deployDeal(terms);
        bytes memory call = abi.encodeCall(ISecurityToken.setPaused, (true));
        vm.prank(KEEPER);
        refuses(abi.encodeWithSelector(ISecurityToken.SecurityToken_NotAgent.selector, KEEPER));
        token.setPaused(true);
        vm.prank(KEEPER);
        office.execute(address(token), call);
        isTrue(token.paused(), "paused by the office");
        handsOn(HEIR);
        vm.warp(block.timestamp + NOTICE);
        takes(HEIR);
        vm.prank(KEEPER);
        refuses(abi.encodeWithSelector(IOffice.Office_NotKeeper.selector, KEEPER));
        office.execute(address(token), abi.encodeCall(ISecurityToken.setPaused, (false)));
        vm.prank(HEIR);
        office.execute(address(token), abi.encodeCall(ISecurityToken.setPaused, (false)));
        isFalse(token.paused(), "by the heir");
    }

    // ---------------------------------------------------------------- handed on

    function test_handOn_withNoticeForThirtyDays() external {
        handsOn(HEIR);
        vm.warp(START + NOTICE - 1);
        cannotTake(HEIR, 0);
        vm.warp(START + NOTICE + WINDOW + 1);
        cannotTake(HEIR, 0);
        vm.warp(START + NOTICE + WINDOW);
        cannotTake(OTHER, 0);
        takes(HEIR);
        eqAddress(office.keeper(), HEIR, "keeper");
        refuses(abi.encodeWithSelector(IOffice.Office_NoCandidate.selector, HEIR));
        takes(HEIR);
        cannotTake(KEEPER, 0);
    }

    function test_handOn_theLastWordCounts() external {
        handsOn(HEIR);
        vm.warp(START + NOTICE);
        handsOn(OTHER);
        cannotTake(HEIR, 0);
        cannotTake(OTHER, 0);
        handsOn(address(0));
        vm.warp(START + 2 * NOTICE);
        cannotTake(OTHER, 0);
    }

    function test_handOn_refusesWhoCannotHaveIt() external {
        address[3] memory none = [address(office), KEEPER, appointers[2]];
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(KEEPER);
            refuses(abi.encodeWithSelector(IOffice.Office_NoCandidate.selector, none[i]));
            office.handOn(none[i]);
        }
        vm.prank(HEIR);
        refuses(abi.encodeWithSelector(IOffice.Office_NotKeeper.selector, HEIR));
        office.handOn(HEIR);
    }

    // ---------------------------------------------------------------- given

    function test_support_aLostKeyEndsNoRole() external {
        backs(0, HEIR);
        vm.warp(START + 400 days);
        cannotTake(HEIR, 0);
        backs(2, HEIR);
        uint256 since = block.timestamp;
        vm.warp(since + NOTICE - 1);
        backs(1, HEIR); // prolongs nothing
        cannotTake(HEIR, since + NOTICE);
        vm.warp(since + NOTICE);
        takes(HEIR);
        eqAddress(office.keeper(), HEIR, "keeper");
    }

    function test_support_refusesWhoCannotHaveIt() external {
        address[4] memory none = [address(0), address(office), KEEPER, appointers[2]];
        for (uint256 i = 0; i < 4; ++i) {
            refuses(abi.encodeWithSelector(IOffice.Office_NoCandidate.selector, none[i]));
            backs(0, none[i]);
        }
        vm.prank(KEEPER);
        refuses(abi.encodeWithSelector(IOffice.Office_NotAppointer.selector, KEEPER));
        office.support(HEIR);
        backs(0, HEIR);
        refuses(abi.encodeWithSelector(IOffice.Office_NothingChanges.selector, HEIR));
        backs(0, HEIR);
    }

    /// @dev Support of years ago gives nobody an office today.
    function test_support_lapses() external {
        backs(0, HEIR);
        backs(1, HEIR);
        vm.warp(START + NOTICE + WINDOW + 1);
        cannotTake(HEIR, START + NOTICE);
        backs(2, HEIR);
        vm.warp(block.timestamp + NOTICE);
        cannotTake(HEIR, 0); // one is not enough
        backs(0, HEIR);
        vm.warp(block.timestamp + NOTICE);
        takes(HEIR);
    }

    function test_withdrawSupport_endsIt() external {
        refuses(abi.encodeWithSelector(IOffice.Office_NothingChanges.selector, HEIR));
        withdraws(0, HEIR);
        backs(0, HEIR);
        backs(1, HEIR);
        backs(2, HEIR);
        withdraws(0, HEIR);
        vm.warp(START + NOTICE);
        withdraws(1, HEIR);
        cannotTake(HEIR, 0);
        backs(1, HEIR);
        cannotTake(HEIR, START + 2 * uint256(NOTICE));
    }

    /// @dev Two of three cannot take a role from who is there.
    function test_object_aKeeperWhoIsThereKeepsIt() external {
        backs(0, HEIR);
        backs(1, HEIR);
        vm.warp(START + NOTICE);
        objects(HEIR);
        cannotTake(HEIR, 0);
        withdraws(0, HEIR);
        backs(0, HEIR);
        vm.warp(START + 10 * NOTICE);
        cannotTake(HEIR, 0);
    }

    /// @dev A thief of the key objects, and all appointers take the office from it.
    function test_object_notAgainstAll() external {
        backs(0, HEIR);
        backs(1, HEIR);
        objects(HEIR);
        cannotObject(HEIR);
        backs(2, HEIR);
        cannotObject(HEIR);
        vm.warp(START + NOTICE);
        takes(HEIR);
    }

    function test_object_byTheKeeperAndAgainstSomebody() external {
        cannotObject(HEIR);
        backs(0, HEIR);
        vm.prank(appointers[1]);
        refuses(abi.encodeWithSelector(IOffice.Office_NotKeeper.selector, appointers[1]));
        office.object(HEIR);
    }

    // ---------------------------------------------------------------- attacks

    /// @dev Whoever has the key of the keeper passes the office from one wallet of its own to the next, as fast as it can,
    /// and objects from each.
    function test_take_aThiefCannotRunAwayFromAll() external {
        handsOn(address(0x1)); // before anybody knows
        vm.warp(START + 1);
        backs(0, HEIR);
        backs(1, HEIR);
        objects(HEIR);
        backs(2, HEIR);
        uint256 end = block.timestamp + NOTICE;
        vm.warp(START + NOTICE);
        takes(address(0x1));
        handsOn(address(0x2));
        cannotObject(HEIR);
        vm.warp(end);
        takes(HEIR);
        eqAddress(office.keeper(), HEIR, "keeper");
        (address to,) = office.announced();
        eqAddress(to, address(0), "what the thief has announced is void");
        vm.warp(end + 10 * NOTICE);
        cannotTake(address(0x2), 0);
    }

    /// @dev Neither an objection nor support is lost when the keeper hands the office on; an appointment ends all.
    function test_take_whatStaysAndWhatEnds() external {
        backs(0, OTHER);
        objects(OTHER);
        backs(1, OTHER);
        handsOn(HEIR);
        vm.warp(START + NOTICE);
        takes(HEIR);
        isTrue(office.candidacyOf(OTHER).objected, "still");
        cannotTake(OTHER, 0);
        backs(0, KEEPER);
        backs(1, KEEPER);
        vm.warp(block.timestamp + NOTICE);
        takes(KEEPER);
        isFalse(office.candidacyOf(OTHER).objected, "all begins anew");
        eq(office.candidacyOf(OTHER).votes, 0, "all begins anew");
    }

    // ---------------------------------------------------------------- money

    function test_collect_toTheKeeper() external {
        eq(office.collect(), 0, "nothing");
        currency.mint(address(office), 5);
        vm.prank(STRANGER);
        eq(office.collect(), 5, "collected");
        eq(currency.balanceOf(KEEPER), 5, "to the keeper");
        currency.mint(address(office), 6);
        backs(0, HEIR);
        backs(1, HEIR);
        vm.warp(START + NOTICE);
        takes(HEIR);
        office.collect();
        eq(currency.balanceOf(HEIR), 6, "of a lost key to the heir");
    }

    /// @dev Whatever is done, nobody has the office who was not announced for the whole notice by a keeper, or by a quorum.
    function testFuzz_take_neverWithoutNotice(uint8[24] calldata acts, uint32[24] calldata waits) external {
        address[3] memory who = [HEIR, OTHER, KEEPER];
        for (uint256 i = 0; i < acts.length; ++i) {
            vm.warp(block.timestamp + waits[i] % (NOTICE + WINDOW));
            address one = who[acts[i] % 3];
            uint256 kind = acts[i] / 3 % 5;
            address before = office.keeper();
            IOffice.Candidacy memory stands = office.candidacyOf(one);
            (address to, uint40 at) = office.announced();
            if (kind == 4) vm.prank(one);
            else if (kind > 1) vm.prank(before);
            else vm.prank(appointers[acts[i] / 15 % 3]);
            bool done;
            if (kind == 0) (done,) = address(office).call(abi.encodeCall(office.support, (one)));
            else if (kind == 1) (done,) = address(office).call(abi.encodeCall(office.withdrawSupport, (one)));
            else if (kind == 2) (done,) = address(office).call(abi.encodeCall(office.object, (one)));
            else if (kind == 3) (done,) = address(office).call(abi.encodeCall(office.handOn, (one)));
            else (done,) = address(office).call(abi.encodeCall(office.take, ()));
            if (office.keeper() == before) continue;
            eqAddress(office.keeper(), one, "who took it");
            bool announced = to == one && block.timestamp >= at + NOTICE;
            bool given = stands.since != 0 && block.timestamp >= stands.since + NOTICE;
            isTrue(announced || given, "without notice");
        }
    }
}
