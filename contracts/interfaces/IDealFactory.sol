// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HoldingPolicy} from "./IIdentityRegistry.sol";
import {IKpiBond} from "./IKpiBond.sol";
import {IKpiOracle} from "./IKpiOracle.sol";
import {PayoffCurve} from "../settlement/PayoffCurve.sol";

/// @title Deal factory
/// @notice Deploys a whole deal from its terms in one transaction: claim token, bond and offering as immutable clones, and
/// the KPI feed; and records the hash of the terms. The factory has no owner and no power over what it made.
/// @dev A deal is keyed by who deployed it and the terms hash, so nobody can occupy another's place.
interface IDealFactory {
    /// @param oraclePolicy the feed's configuration; `deal` and `consumers` are filled in by the factory
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
        uint32 gracePeriod;
        uint32 curePeriod;
        uint32 kpiPeriod;
        IKpiBond.DataController dataController;
        int128 missingOutcome;
        IKpiBond.Period[] periods;
        PayoffCurve.Curve outcome;
        IKpiOracle.FeedConfig oraclePolicy;
    }

    struct Deal {
        address token;
        address bond;
        address offering;
        bytes32 feed;
    }

    event DealDeployed(
        address indexed deployer, bytes32 indexed termsHash, address token, address bond, address offering, bytes32 feed
    );

    error DealFactory_AlreadyDeployed(address deployer, bytes32 termsHash);
    error DealFactory_ZeroTermsHash();

    function deploy(DealTerms calldata terms) external returns (Deal memory deal);

    function dealOf(address deployer, bytes32 termsHash) external view returns (Deal memory);
}
