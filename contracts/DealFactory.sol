// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IDealFactory} from "./interfaces/IDealFactory.sol";
import {IKpiBond} from "./interfaces/IKpiBond.sol";
import {IKpiOracle} from "./interfaces/IKpiOracle.sol";
import {IOffering} from "./interfaces/IOffering.sol";
import {ISecurityToken} from "./interfaces/ISecurityToken.sol";

/// @title Deal factory
/// @notice See {IDealFactory}.
contract DealFactory is IDealFactory {
    address public immutable TOKEN;
    address public immutable BOND;
    address public immutable OFFERING;
    address public immutable ORACLE;

    mapping(address deployer => mapping(bytes32 termsHash => Deal)) private _deals;

    /// @param token, bond, offering implementations to clone
    /// @param oracle where feeds are created
    constructor(address token, address bond, address offering, address oracle) {
        TOKEN = token;
        BOND = bond;
        OFFERING = offering;
        ORACLE = oracle;
    }

    /// @inheritdoc IDealFactory
    function deploy(DealTerms calldata terms) external returns (Deal memory deal) {
        bytes32 termsHash = terms.termsHash;
        if (termsHash == 0) revert DealFactory_ZeroTermsHash();
        if (_deals[msg.sender][termsHash].token != address(0)) {
            revert DealFactory_AlreadyDeployed(msg.sender, termsHash);
        }
        bytes32 salt = keccak256(abi.encode(msg.sender, termsHash));
        deal.token = Clones.cloneDeterministicWithImmutableArgs(TOKEN, _anchors(terms), salt);
        deal.bond = Clones.cloneDeterministic(BOND, salt);
        deal.offering = Clones.cloneDeterministic(OFFERING, salt);
        // The oracle is fixed at construction and calls nobody back.
        // slither-disable-start reentrancy-no-eth
        deal.feeds = _createFeeds(terms, deal.bond);
        _deals[msg.sender][termsHash] = deal;
        // slither-disable-end reentrancy-no-eth
        emit DealDeployed(msg.sender, termsHash, deal.token, deal.bond, deal.offering, deal.feeds);

        ISecurityToken(deal.token).initialize(terms.name, terms.symbol, deal.offering, deal.bond);
        IKpiBond(deal.bond).initialize(_bondTerms(terms, deal));
        IOffering(deal.offering).initialize(_offeringTerms(terms, deal));
    }

    /// @inheritdoc IDealFactory
    function dealOf(address deployer, bytes32 termsHash) external view returns (Deal memory) {
        return _deals[deployer][termsHash];
    }

    function _createFeeds(DealTerms calldata terms, address bond) private returns (bytes32[] memory feeds) {
        uint256 count = terms.oraclePolicies.length;
        feeds = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            IKpiOracle.FeedConfig memory config = terms.oraclePolicies[i];
            for (uint256 j = 0; j < i; ++j) {
                if (terms.oraclePolicies[j].kpi == config.kpi) revert DealFactory_KpiTwice(config.kpi);
            }
            config.deal = terms.termsHash;
            config.consumers = new address[](1);
            config.consumers[0] = bond;
            feeds[i] = IKpiOracle(ORACLE).createFeed(config);
        }
    }

    function _anchors(DealTerms calldata terms) private pure returns (bytes memory) {
        return
            abi.encode(
                ISecurityToken.Anchors(terms.registry, terms.policy, terms.currency, terms.agent, terms.termsHash)
            );
    }

    function _bondTerms(DealTerms calldata terms, Deal memory deal) private view returns (IKpiBond.Terms memory b) {
        b.token = deal.token;
        b.currency = terms.currency;
        b.issuer = terms.issuer;
        b.offering = deal.offering;
        b.oracle = ORACLE;
        b.gracePeriod = terms.gracePeriod;
        b.curePeriod = terms.curePeriod;
        b.dataController = terms.dataController;
        b.unitPrincipal = terms.unitPrincipal;
        b.authorisedUnits = terms.hardCap;
        b.rate = terms.rate;
        b.lateRate = terms.lateRate;
        b.periods = terms.periods;
        b.fixings = terms.fixings;
        for (uint256 i = 0; i < b.fixings.length; ++i) {
            b.fixings[i].feed = _feedOf(b.fixings[i].feed, terms, deal);
        }
    }

    function _feedOf(bytes32 kpi, DealTerms calldata terms, Deal memory deal) private pure returns (bytes32) {
        for (uint256 i = 0; i < deal.feeds.length; ++i) {
            if (terms.oraclePolicies[i].kpi == kpi) return deal.feeds[i];
        }
        revert DealFactory_UnknownKpi(kpi);
    }

    function _offeringTerms(DealTerms calldata terms, Deal memory deal)
        private
        pure
        returns (IOffering.Terms memory o)
    {
        o.token = deal.token;
        o.servicer = deal.bond;
        o.currency = terms.currency;
        o.issuer = terms.issuer;
        o.unitPrice = terms.unitPrice;
        o.softCap = terms.softCap;
        o.hardCap = terms.hardCap;
        o.opens = terms.opens;
        o.closes = terms.closes;
        o.parties = new address[](2);
        (o.parties[0], o.parties[1]) = (terms.issuer, terms.agent);
    }
}
