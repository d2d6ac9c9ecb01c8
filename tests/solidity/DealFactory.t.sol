// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDealFactory} from "../../contracts/interfaces/IDealFactory.sol";
import {IKpiBond} from "../../contracts/interfaces/IKpiBond.sol";
import {DealFixture} from "./utils/DealFixture.sol";

/// @notice Every branch of DealFactory.tree.
contract DealFactoryTest is DealFixture {
    function setUp() external {
        deployRooms();
    }

    function test_deploy_refusesNoHashAndTheSameDealTwice() external {
        IDealFactory.DealTerms memory terms = dealTerms();
        terms.termsHash = 0;
        refuses(abi.encodeWithSelector(IDealFactory.DealFactory_ZeroTermsHash.selector));
        factory.deploy(terms);
        terms = dealTerms();
        factory.deploy(terms);
        refuses(
            abi.encodeWithSelector(IDealFactory.DealFactory_AlreadyDeployed.selector, address(this), terms.termsHash)
        );
        factory.deploy(terms);
    }

    function test_deploy_nobodyCanTakeAnothersPlace() external {
        IDealFactory.DealTerms memory terms = dealTerms();
        vm.prank(STRANGER);
        IDealFactory.Deal memory theirs = factory.deploy(terms);
        deployDeal(terms);
        isTrue(theirs.token != address(token) && theirs.feeds[0] != feed, "two deals");
        eqAddress(factory.dealOf(address(this), terms.termsHash).bond, address(bond), "recorded");
    }

    function test_deploy_leavesNothingBehindWhenTermsAreInvalid() external {
        IDealFactory.DealTerms memory terms = dealTerms();
        terms.fixings[0].missing = 0; // silence would pay the issuer
        refuses(abi.encodeWithSelector(IKpiBond.KpiBond_InvalidTerms.selector, "silence would pay the data controller"));
        factory.deploy(terms);
        eqAddress(factory.dealOf(address(this), terms.termsHash).token, address(0), "no deal");
        factory.deploy(dealTerms()); // the place is still free
    }

    function test_deploy_partsKnowEachOther() external {
        IDealFactory.DealTerms memory terms = dealTerms();
        deployDeal(terms);
        isTrue(token.documentHash() == terms.termsHash, "what was bought is what runs");
        eqAddress(token.minter(), address(offering), "the offering issues");
        eqAddress(token.servicer(), address(bond), "the bond closes");
        eqAddress(token.anchors().currency, address(currency), "currency");
        eqAddress(token.anchors().registry, address(registry), "registry");
        eqAddress(token.anchors().agent, AGENT, "agent");
        eqAddress(bond.terms().offering, address(offering), "the offering starts the bond");
        eqAddress(bond.terms().token, address(token), "token");
        eqAddress(offering.terms().servicer, address(bond), "bond");
        eq(bond.terms().authorisedUnits, offering.terms().hardCap, "the full issue");
        isTrue(oracle.configOf(feed).deal == terms.termsHash, "the feed names the deal");
        eqAddress(oracle.configOf(feed).consumers[0], address(bond), "and the bond as its only consumer");
        eq(oracle.configOf(feed).consumers.length, 1, "consumers");
    }
}
