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
        deal.feed = _createFeed(terms, deal.bond);
        _deals[msg.sender][termsHash] = deal;
        // slither-disable-end reentrancy-no-eth
        emit DealDeployed(msg.sender, termsHash, deal.token, deal.bond, deal.offering, deal.feed);

        ISecurityToken(deal.token).initialize(terms.name, terms.symbol, deal.offering, deal.bond);
        IKpiBond(deal.bond).initialize(_bondTerms(terms, deal));
        IOffering(deal.offering).initialize(_offeringTerms(terms, deal));
    }

    /// @inheritdoc IDealFactory
    function dealOf(address deployer, bytes32 termsHash) external view returns (Deal memory) {
        return _deals[deployer][termsHash];
    }

    function _createFeed(DealTerms calldata terms, address bond) private returns (bytes32) {
        IKpiOracle.FeedConfig memory config = terms.oraclePolicy;
        config.deal = terms.termsHash;
        config.consumers = new address[](1);
        config.consumers[0] = bond;
        return IKpiOracle(ORACLE).createFeed(config);
    }

    function _anchors(DealTerms calldata terms) private pure returns (bytes memory) {
        return abi.encode(
            ISecurityToken.Anchors(terms.registry, terms.policy, terms.currency, terms.agent, terms.termsHash)
        );
    }

    function _bondTerms(DealTerms calldata terms, Deal memory deal) private view returns (IKpiBond.Terms memory b) {
        b.token = deal.token;
        b.currency = terms.currency;
        b.issuer = terms.issuer;
        b.offering = deal.offering;
        b.oracle = ORACLE;
        b.feed = deal.feed;
        b.kpiPeriod = terms.kpiPeriod;
        b.gracePeriod = terms.gracePeriod;
        b.curePeriod = terms.curePeriod;
        b.dataController = terms.dataController;
        b.unitPrincipal = terms.unitPrincipal;
        b.authorisedUnits = terms.hardCap;
        b.rate = terms.rate;
        b.missingOutcome = terms.missingOutcome;
        b.periods = terms.periods;
        b.outcome = terms.outcome;
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
    }
}
