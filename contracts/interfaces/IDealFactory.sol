// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HoldingPolicy} from "./IIdentityRegistry.sol";
import {IKpiBond} from "./IKpiBond.sol";
import {IKpiOracle} from "./IKpiOracle.sol";

/// @title Deal factory
/// @notice Deploys a whole deal from its terms in one transaction: claim token, bond and offering as immutable clones, and
/// a feed for each KPI of the deal; and records the hash of the terms. The factory has no owner and no power over what it made.
/// @dev A deal is keyed by who deployed it and the terms hash, so nobody can occupy another's place.
interface IDealFactory {
    /// @param fixings with the KPI's id, as in its policy, in place of the feed's
    /// @param oraclePolicies the configuration of each KPI's feed; `deal` and `consumers` are filled in by the factory
    struct DealTerms {
        bytes32 termsHash;
        string name;
        string symbol;
        address currency;
        address registry;
        address agent;
        HoldingPolicy policy;
        address issuer;
        uint128 unitPrice;
        uint64 softCap;
        uint64 hardCap;
        uint64 opens;
        uint64 closes;
        uint128 unitPrincipal;
        uint64 rate;
        uint64 lateRate;
        uint32 gracePeriod;
        uint32 curePeriod;
        IKpiBond.DataController dataController;
        IKpiBond.Period[] periods;
        IKpiBond.Fixing[] fixings;
        IKpiOracle.FeedConfig[] oraclePolicies;
    }

    /// @param feeds in the order of the oracle policies; none for a fixed bond
    struct Deal {
        address token;
        address bond;
        address offering;
        bytes32[] feeds;
    }

    event DealDeployed(
        address indexed deployer,
        bytes32 indexed termsHash,
        address token,
        address bond,
        address offering,
        bytes32[] feeds
    );

    error DealFactory_AlreadyDeployed(address deployer, bytes32 termsHash);
    error DealFactory_ZeroTermsHash();
    error DealFactory_KpiTwice(bytes32 kpi);
    error DealFactory_UnknownKpi(bytes32 kpi);

    function deploy(DealTerms calldata terms) external returns (Deal memory deal);

    function dealOf(address deployer, bytes32 termsHash) external view returns (Deal memory);
}
