// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IKpiOracle} from "./interfaces/IKpiOracle.sol";
import {IKpiPayment} from "./interfaces/IKpiPayment.sol";
import {IOffering} from "./interfaces/IOffering.sol";
import {IRevenueTreasury} from "./interfaces/IRevenueTreasury.sol";
import {ISecurityToken} from "./interfaces/ISecurityToken.sol";
import {ISwapFactory} from "./interfaces/ISwapFactory.sol";

/// @title Swap factory
/// @notice See {ISwapFactory}.
contract SwapFactory is ISwapFactory {
    address public immutable TOKEN;
    address public immutable TREASURY;
    address public immutable OFFERING;
    address public immutable PAYMENT;
    address public immutable ORACLE;

    mapping(address deployer => mapping(bytes32 termsHash => Deal)) private _deals;

    /// @param token, treasury, offering, payment implementations to clone
    /// @param oracle where feeds are created
    constructor(address token, address treasury, address offering, address payment, address oracle) {
        TOKEN = token;
        TREASURY = treasury;
        OFFERING = offering;
        PAYMENT = payment;
        ORACLE = oracle;
    }

    /// @inheritdoc ISwapFactory
    function deploySwap(SwapTerms calldata terms) external returns (Deal memory deal) {
        _deploySwap(deal, terms, _freeSalt(terms.termsHash));
    }

    /// @inheritdoc ISwapFactory
    function deployProject(SwapTerms calldata terms, ProjectTerms calldata project)
        external
        returns (Deal memory deal)
    {
        bytes32 salt = _freeSalt(terms.termsHash);
        deal.token = Clones.cloneDeterministicWithImmutableArgs(TOKEN, _anchors(terms, project), salt);
        deal.treasury = Clones.cloneDeterministic(TREASURY, salt);
        deal.offering = Clones.cloneDeterministic(OFFERING, salt);
        _deploySwap(deal, terms, salt);
        ISecurityToken(deal.token).initialize(project.name, project.symbol, deal.offering, deal.treasury);
        IOffering(deal.offering).initialize(_offeringTerms(deal, terms, project));
        // The only part that calls the currency, so when all others are initialised.
        IRevenueTreasury(deal.treasury).initialize(_treasuryTerms(deal, terms, project));
    }

    /// @inheritdoc ISwapFactory
    function dealOf(address deployer, bytes32 termsHash) external view returns (Deal memory) {
        return _deals[deployer][termsHash];
    }

    /// @return salt of the clones' addresses
    function _freeSalt(bytes32 termsHash) private view returns (bytes32 salt) {
        if (termsHash == 0) revert SwapFactory_ZeroTermsHash();
        if (_deals[msg.sender][termsHash].swap != address(0)) {
            revert SwapFactory_AlreadyDeployed(msg.sender, termsHash);
        }
        return keccak256(abi.encode(msg.sender, termsHash));
    }

    /// @dev Clones the swap, creates its feeds, records the deal and sets the swap's terms. The payee is the deal's treasury,
    /// if it has one.
    function _deploySwap(Deal memory deal, SwapTerms calldata terms, bytes32 salt) private {
        deal.swap = Clones.cloneDeterministic(PAYMENT, salt);
        // The oracle is fixed at construction and calls nobody back.
        // slither-disable-start reentrancy-no-eth
        deal.feed = _createFeed(terms.kpiPolicy, terms.termsHash, deal.swap);
        if (terms.payment.closeOutRule == IKpiPayment.CloseOutRule.ModelValue) {
            deal.valueFeed = _createFeed(terms.valuePolicy, terms.termsHash, deal.swap);
        }
        _deals[msg.sender][terms.termsHash] = deal;
        // slither-disable-end reentrancy-no-eth
        emit SwapDealDeployed(
            msg.sender, terms.termsHash, deal.token, deal.treasury, deal.offering, deal.swap, deal.feed, deal.valueFeed
        );
        IKpiPayment(deal.swap).initialize(_paymentTerms(deal, terms));
    }

    function _createFeed(IKpiOracle.FeedConfig memory config, bytes32 termsHash, address consumer)
        private
        returns (bytes32)
    {
        config.deal = termsHash;
        config.consumers = new address[](1);
        config.consumers[0] = consumer;
        return IKpiOracle(ORACLE).createFeed(config);
    }

    function _paymentTerms(Deal memory deal, SwapTerms calldata terms)
        private
        view
        returns (IKpiPayment.Terms memory p)
    {
        p = terms.payment;
        p.oracle = ORACLE;
        p.feed = deal.feed;
        p.valueFeed = deal.valueFeed;
        p.payeeStarts = deal.treasury != address(0);
        if (p.payeeStarts) p.payee = deal.treasury;
    }

    function _anchors(SwapTerms calldata terms, ProjectTerms calldata project) private pure returns (bytes memory) {
        return abi.encode(
            ISecurityToken.Anchors(
                project.registry, project.policy, terms.payment.currency, project.agent, terms.termsHash
            )
        );
    }

    function _treasuryTerms(Deal memory deal, SwapTerms calldata terms, ProjectTerms calldata project)
        private
        pure
        returns (IRevenueTreasury.Terms memory t)
    {
        t.token = deal.token;
        t.currency = terms.payment.currency;
        t.offering = deal.offering;
        t.swap = deal.swap;
        t.operator = project.operator;
        t.lender = project.lender;
        t.periods = project.periods;
    }

    function _offeringTerms(Deal memory deal, SwapTerms calldata terms, ProjectTerms calldata project)
        private
        pure
        returns (IOffering.Terms memory o)
    {
        o.token = deal.token;
        o.servicer = deal.treasury;
        o.currency = terms.payment.currency;
        o.issuer = project.issuer;
        o.unitPrice = project.unitPrice;
        o.softCap = project.softCap;
        o.hardCap = project.hardCap;
        o.opens = project.opens;
        o.closes = project.closes;
        o.parties = new address[](5);
        (o.parties[0], o.parties[1], o.parties[2]) = (project.issuer, project.agent, terms.payment.payer);
        (o.parties[3], o.parties[4]) = (project.operator, project.lender);
    }
}
