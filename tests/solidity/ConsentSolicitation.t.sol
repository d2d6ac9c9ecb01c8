// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IConsentSolicitation} from "../../contracts/interfaces/IConsentSolicitation.sol";
import {ConsentSolicitation} from "../../contracts/market/ConsentSolicitation.sol";
import {DealFixture} from "./utils/DealFixture.sol";

/// @notice Every branch of ConsentSolicitation.tree, and what issuer, holder, agent and stranger would gain.
contract ConsentSolicitationTest is DealFixture {
    uint32 private constant NOTICE = 14 days;
    uint32 private constant HELD = 7 days;
    uint32 private constant WINDOW = 30 days;
    uint32 private constant LONGEST = 180 days;
    bytes32 private constant LETTER = keccak256("letter to holders");

    ConsentSolicitation private asked;
    uint64 private third;

    function setUp() external {
        deployRooms();
        deployDeal(dealTerms());
        asked = ConsentSolicitation(Clones.clone(address(new ConsentSolicitation())));
        asked.initialize(terms());
        vm.warp(OPENS);
        third = HARD_CAP / 3;
        buy(ALICE, third);
        buy(BOB, third);
        buy(CAROL, third);
        vm.warp(CLOSES);
        vm.roll(block.number + 1);
        offering.settle();
        verify(ISSUER);
    }

    function terms() private view returns (IConsentSolicitation.Terms memory t) {
        (t.token, t.issuer, t.affiliates) = (address(token), ISSUER, new address[](1));
        t.affiliates[0] = ISSUER;
        (t.numerator, t.denominator) = (2, 3);
        (t.longest, t.notice, t.held, t.window) = (LONGEST, NOTICE, HELD, WINDOW);
    }

    function proposed() private returns (uint256 waiver) {
        vm.prank(ISSUER);
        waiver = asked.propose(0, 90 days, LETTER);
    }

    function consents(address holder, uint64 units) private {
        vm.prank(holder);
        asked.consent(0, units);
    }

    function list(address one, address other) private pure returns (address[] memory all) {
        all = new address[](2);
        (all[0], all[1]) = one < other ? (one, other) : (other, one);
    }

    function each(uint64 one, uint64 other) private pure returns (uint64[] memory all) {
        all = new uint64[](2);
        (all[0], all[1]) = (one, other);
    }

    function counts(address one, address other, uint64 units) private {
        asked.count(0, list(one, other), each(units, units));
    }

    function is_(bytes4 why, address holder, uint256 units, uint256 most) private pure returns (bytes memory) {
        return abi.encodeWithSelector(why, holder, units, most);
    }

    function refusesUnits(address holder, uint256 units, uint256 most) private {
        refuses(is_(IConsentSolicitation.ConsentSolicitation_UnitsNotHeld.selector, holder, units, most));
    }

    function test_initialize_onlyValidTerms() external {
        string[8] memory why = [
            "majority not above a half",
            "majority not above a half",
            "standstill not up to three years",
            "held not up to the notice",
            "held not up to the notice",
            "window zero",
            "issuer no affiliate",
            "standstill not up to three years"
        ];
        for (uint256 i = 0; i < 8; ++i) {
            IConsentSolicitation.Terms memory t = terms();
            if (i == 0) (t.numerator, t.denominator) = (1, 2);
            if (i == 1) (t.numerator, t.denominator) = (4, 3);
            if (i == 2) t.longest = 3 * 365 days + 1;
            if (i == 3) t.held = NOTICE + 1;
            if (i == 4) t.held = 0;
            if (i == 5) t.window = 0;
            if (i == 6) t.affiliates[0] = ALICE;
            if (i == 7) t.longest = 0;
            ConsentSolicitation made = ConsentSolicitation(Clones.clone(address(new ConsentSolicitation())));
            refuses(abi.encodeWithSelector(IConsentSolicitation.ConsentSolicitation_InvalidTerms.selector, why[i]));
            made.initialize(t);
        }
    }

    function test_propose_onlyTheIssuerAndNoLongerThanTheTerms() external {
        refuses(abi.encodeWithSelector(IConsentSolicitation.ConsentSolicitation_NotIssuer.selector, address(this)));
        asked.propose(0, 1, LETTER);
        vm.prank(ISSUER);
        refuses(
            abi.encodeWithSelector(
                IConsentSolicitation.ConsentSolicitation_InvalidStandstill.selector, LONGEST + 1, LONGEST
            )
        );
        asked.propose(0, LONGEST + 1, LETTER);
    }

    function test_count_passesForGoodWithTheMajorityOnly() external {
        proposed();
        consents(ALICE, third);
        consents(BOB, third);
        vm.warp(CLOSES + NOTICE - 1);
        refuses(
            abi.encodeWithSelector(
                IConsentSolicitation.ConsentSolicitation_NoticeRuns.selector, uint64(CLOSES) + NOTICE
            )
        );
        counts(ALICE, BOB, third);
        vm.warp(CLOSES + NOTICE);
        refuses(
            abi.encodeWithSelector(
                IConsentSolicitation.ConsentSolicitation_BelowMajority.selector,
                2 * uint256(third) - 2,
                token.totalSupply()
            )
        );
        counts(ALICE, BOB, third - 1);
        counts(ALICE, BOB, third);
        eq(asked.standstillOf(0), 90 days, "standstill");
        eq(asked.standstillOf(1), 0, "of another payment"); // what was consented to for one payment says nothing of another
        vm.prank(ALICE);
        refuses(abi.encodeWithSelector(IConsentSolicitation.ConsentSolicitation_Passed.selector, 0));
        asked.revoke(0);
    }

    function test_count_noUnitTwice() external {
        proposed();
        consents(ALICE, third);
        consents(BOB, third);
        vm.warp(CLOSES + NOTICE);
        // The same holder twice.
        address[] memory twice = new address[](2);
        (twice[0], twice[1]) = (ALICE, ALICE);
        refuses(abi.encodeWithSelector(IConsentSolicitation.ConsentSolicitation_NotAscending.selector, ALICE));
        asked.count(0, twice, each(third, third));
        // The same units with two holders: sold, they are the buyer's, who has consented with as many and no more.
        vm.prank(ALICE);
        require(token.transfer(BOB, third));
        refusesUnits(ALICE, third, 0);
        counts(ALICE, BOB, third);
        address[] memory one = new address[](1);
        one[0] = BOB;
        uint64[] memory both = new uint64[](1);
        both[0] = 2 * third;
        refusesUnits(BOB, 2 * third, third);
        asked.count(0, one, both);
    }

    /// @dev Units borrowed or bought for the count alone: they were not consented with long enough before.
    function test_count_unitsHeldForAMomentOnlyCountForNothing() external {
        proposed();
        consents(ALICE, third);
        vm.warp(CLOSES + NOTICE);
        vm.prank(CAROL);
        require(token.transfer(BOB, third));
        consents(BOB, 2 * third);
        refuses(abi.encodeWithSelector(IConsentSolicitation.ConsentSolicitation_NotConsenting.selector, BOB));
        counts(ALICE, BOB, third);
        vm.prank(BOB);
        require(token.transfer(CAROL, third));
        vm.warp(block.timestamp + HELD);
        refusesUnits(BOB, third + 1, third); // given back, they do not count either
        asked.count(0, list(ALICE, BOB), ALICE < BOB ? each(third, third + 1) : each(third + 1, third));
    }

    function test_lodge_onceAndNeverAfterARevocation() external {
        (address dan, uint256 key) = (vm.addr(0xDA4), 0xDA4);
        verify(dan);
        vm.prank(ALICE);
        require(token.transfer(dan, third));
        proposed();
        bytes memory signature = signed(key, dan, third);
        refuses(abi.encodeWithSelector(IConsentSolicitation.ConsentSolicitation_NotSigned.selector, dan));
        asked.lodge(0, dan, third - 1, signature);
        refuses(abi.encodeWithSelector(IConsentSolicitation.ConsentSolicitation_NotSigned.selector, BOB));
        asked.lodge(0, BOB, third, signature);
        asked.lodge(0, dan, third, signature);
        bytes memory spoken = abi.encodeWithSelector(IConsentSolicitation.ConsentSolicitation_HasSpoken.selector, dan);
        refuses(spoken);
        asked.lodge(0, dan, third, signature); // nobody sets back since when it is held
        vm.prank(dan);
        asked.revoke(0);
        refuses(spoken);
        asked.lodge(0, dan, third, signature);
        eq(asked.consentOf(0, dan).units, 0, "revoked");
        vm.prank(ISSUER); // another waiver is another signature
        asked.propose(0, 90 days, LETTER);
        refuses(abi.encodeWithSelector(IConsentSolicitation.ConsentSolicitation_NotSigned.selector, dan));
        asked.lodge(1, dan, third, signature);
    }

    function signed(uint256 key, address holder, uint64 units) private view returns (bytes memory) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Penstock ConsentSolicitation"),
                keccak256("1"),
                block.chainid,
                address(asked)
            )
        );
        bytes32 consent =
            keccak256(abi.encode(keccak256("Consent(uint256 waiver,address holder,uint64 units)"), 0, holder, units));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(abi.encodePacked("\x19\x01", domain, consent)));
        return abi.encodePacked(r, s, v);
    }

    /// @dev An agent who freezes those that do not consent would gain if their units left the base.
    function test_count_whoFreezesBringsNothingAbout() external {
        proposed();
        consents(ALICE, third);
        consents(BOB, third);
        vm.prank(AGENT);
        token.setFrozenTokens(CAROL, third);
        vm.prank(AGENT);
        token.setFrozenTokens(BOB, 1);
        vm.warp(CLOSES + NOTICE);
        refusesUnits(BOB, third, third - 1);
        counts(ALICE, BOB, third);
        vm.prank(AGENT);
        token.setFrozenTokens(BOB, 0);
        vm.prank(AGENT);
        token.announceRecovery(BOB, CAROL);
        refusesUnits(BOB, third, 0); // whoever signed may have the lost key
        counts(ALICE, BOB, third);
    }

    function test_count_theIssuersUnitsNeitherConsentNorCountInTheBase() external {
        vm.prank(CAROL);
        require(token.transfer(ISSUER, third));
        proposed();
        vm.prank(ISSUER);
        refuses(abi.encodeWithSelector(IConsentSolicitation.ConsentSolicitation_Affiliate.selector, ISSUER));
        asked.consent(0, third);
        consents(ALICE, third);
        vm.warp(CLOSES + NOTICE);
        bool first = ALICE < ISSUER;
        // A half of what others hold, and what is more than the issuer holds leaves the base by nobody's word.
        refusesUnits(ISSUER, third + 1, third);
        asked.count(0, list(ALICE, ISSUER), first ? each(third, third + 1) : each(third + 1, third));
        refuses(
            abi.encodeWithSelector(IConsentSolicitation.ConsentSolicitation_BelowMajority.selector, third, 2 * third)
        );
        counts(ALICE, ISSUER, third);
        vm.prank(BOB);
        require(token.transfer(ALICE, third));
        consents(ALICE, 2 * third);
        vm.warp(block.timestamp + HELD);
        asked.count(0, list(ALICE, ISSUER), first ? each(2 * third, third) : each(third, 2 * third));
        isTrue(asked.waiverOf(0).passed, "passed");
    }

    function test_count_notAfterTheWindowNorOfNobody() external {
        proposed();
        vm.warp(CLOSES + NOTICE);
        refuses(abi.encodeWithSelector(IConsentSolicitation.ConsentSolicitation_BelowMajority.selector, 0, 3 * third));
        asked.count(0, new address[](0), new uint64[](0));
        vm.warp(CLOSES + NOTICE + WINDOW);
        bytes memory closed = abi.encodeWithSelector(
            IConsentSolicitation.ConsentSolicitation_Closed.selector, uint64(CLOSES) + NOTICE + WINDOW
        );
        refuses(closed);
        asked.count(0, new address[](0), new uint64[](0));
        refuses(closed);
        consents(ALICE, third);
        refuses(abi.encodeWithSelector(IConsentSolicitation.ConsentSolicitation_NoSuchWaiver.selector, 1));
        asked.count(1, new address[](0), new uint64[](0));
    }
}
