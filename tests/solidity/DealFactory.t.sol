// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDealFactory} from "../../contracts/interfaces/IDealFactory.sol";
import {IKpiBond} from "../../contracts/interfaces/IKpiBond.sol";
import {DealFixture, DealTerms, Wired} from "./utils/DealFixture.sol";

/// @notice Every branch of DealFactory.tree.
contract DealFactoryTest is DealFixture {
    function setUp() external {
        deployRooms();
    }

    function _deploy(DealTerms memory terms) private {
        _deployAs(address(this), terms);
    }

    function _deployAs(address who, DealTerms memory terms) private {
        Wired memory w = wired(terms, who);
        vm.prank(who);
        factory.deploy(terms.termsHash, w.calls, w.parts);
    }

    function test_deploy_refusesNoHashNoPartsAndTheSameDealTwice() external {
        DealTerms memory terms = dealTerms();
        Wired memory w = wired(terms, address(this));
        refuses(abi.encodeWithSelector(IDealFactory.DealFactory_ZeroTermsHash.selector));
        factory.deploy(0, w.calls, w.parts);
        refuses(abi.encodeWithSelector(IDealFactory.DealFactory_NoParts.selector));
        factory.deploy(terms.termsHash, w.calls, new IDealFactory.Part[](0));
        factory.deploy(terms.termsHash, w.calls, w.parts);
        refuses(
            abi.encodeWithSelector(IDealFactory.DealFactory_AlreadyDeployed.selector, address(this), terms.termsHash)
        );
        factory.deploy(terms.termsHash, w.calls, w.parts);
    }

    function test_deploy_refusesTwoPartsOfOneName() external {
        DealTerms memory terms = dealTerms();
        Wired memory w = wired(terms, address(this));
        w.parts[1].key = "token";
        refuses(abi.encodeWithSelector(IDealFactory.DealFactory_KeyTwice.selector, bytes32("token")));
        factory.deploy(terms.termsHash, w.calls, w.parts);
    }

    function test_deploy_nobodyCanTakeAnothersPlace() external {
        DealTerms memory terms = dealTerms();
        _deployAs(STRANGER, terms);
        deployDeal(terms);
        Wired memory theirs = wired(terms, STRANGER);
        isTrue(theirs.token != address(token) && theirs.feeds[0] != feed, "two deals");
        eqAddress(factory.partOf(address(this), terms.termsHash, "bond"), address(bond), "recorded");
        eqAddress(factory.partOf(STRANGER, terms.termsHash, "bond"), theirs.bond, "and theirs");
    }

    function test_deploy_leavesNothingBehindWhenTermsAreInvalid() external {
        DealTerms memory terms = dealTerms();
        terms.fixings[0].missing = 0; // silence would pay the issuer
        Wired memory w = wired(terms, address(this));
        refuses(abi.encodeWithSelector(IKpiBond.KpiBond_InvalidTerms.selector, "silence would pay the data controller"));
        factory.deploy(terms.termsHash, w.calls, w.parts);
        eqAddress(factory.partOf(address(this), terms.termsHash, "token"), address(0), "no deal");
        eq(factory.deployedIn(address(this), terms.termsHash), 0, "no block");
        _deploy(dealTerms()); // the place is still free
        eq(factory.deployedIn(address(this), terms.termsHash), block.number, "the block");
    }

    /// @dev Addresses are known before, whatever the parts and what is kept with their code.
    function testFuzz_addressOf(address deployer, bytes32 termsHash, bytes32 key, bytes calldata immutables) external {
        vm.assume(termsHash != 0 && deployer != address(vm) && immutables.length < 20_000);
        IDealFactory.Part[] memory parts = new IDealFactory.Part[](1);
        parts[0] = IDealFactory.Part(key, address(new Anything()), immutables, hex"00");
        address place = factory.addressOf(deployer, termsHash, key, parts[0].implementation, immutables);
        eqAddress(place, placeOf(deployer, termsHash, key, parts[0].implementation, immutables), "the fixture's");
        vm.prank(deployer);
        IDealFactory.Made[] memory made = factory.deploy(termsHash, new IDealFactory.Call[](0), parts);
        eqAddress(made[0].at, place, "as foretold");
        eqAddress(factory.partOf(deployer, termsHash, key), place, "recorded");
        isTrue(place.code.length == 45 + immutables.length, "a clone and what is kept with it");
    }

    function test_deploy_partsKnowEachOther() external {
        DealTerms memory terms = dealTerms();
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

/// @notice A contract that takes any call.
contract Anything {
    fallback() external {}
}
