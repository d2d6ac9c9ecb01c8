// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {HoldingPolicy} from "./IIdentityRegistry.sol";
import {IKpiOracle} from "./IKpiOracle.sol";
import {IKpiPayment} from "./IKpiPayment.sol";
import {IRevenueTreasury} from "./IRevenueTreasury.sol";

/// @title Swap factory
/// @notice Deploys a whole swap deal from its terms in one transaction, as immutable clones with their feeds, and records
/// the hash of the terms: a swap between two parties, or a project whose treasury has a swap and whose revenue is sold as a
/// claim token. The factory has no owner and no power over what it made.
/// @dev A deal is keyed by who deployed it and the terms hash, so nobody can occupy another's place.
interface ISwapFactory {
    /// @param payment the swap's terms; `oracle`, `feed`, `valueFeed` and `payeeStarts` are filled in by the factory, and for a
    /// project `payee`
    /// @param kpiPolicy the KPI feed's configuration; `deal` and `consumers` are filled in by the factory
    /// @param valuePolicy the same for the model value; not used unless the close-out rule is ModelValue
    struct SwapTerms {
        bytes32 termsHash;
        IKpiPayment.Terms payment;
        IKpiOracle.FeedConfig kpiPolicy;
        IKpiOracle.FeedConfig valuePolicy;
    }

    /// @notice The project's side: its claim token, sold for the swap's currency, and its treasury.
    struct ProjectTerms {
        string name;
        string symbol;
        address registry;
        address agent;
        HoldingPolicy policy;
        address issuer;
        uint128 unitPrice;
        uint64 softCap;
        uint64 hardCap;
        uint64 opens;
        uint64 closes;
        address operator;
        address lender;
        IRevenueTreasury.Period[] periods;
    }

    /// @dev Token, treasury and offering are zero for a swap between two parties; the value feed is unless it has one.
    struct Deal {
        address token;
        address treasury;
        address offering;
        address swap;
        bytes32 feed;
        bytes32 valueFeed;
    }

    event SwapDealDeployed(
        address indexed deployer,
        bytes32 indexed termsHash,
        address token,
        address treasury,
        address offering,
        address swap,
        bytes32 feed,
        bytes32 valueFeed
    );

    error SwapFactory_AlreadyDeployed(address deployer, bytes32 termsHash);
    error SwapFactory_ZeroTermsHash();

    /// @notice Deploy a swap between two parties.
    function deploySwap(SwapTerms calldata terms) external returns (Deal memory deal);

    /// @notice Deploy a project: its swap, of which its treasury is the payee, its claim token and the offering of that.
    function deployProject(SwapTerms calldata terms, ProjectTerms calldata project) external returns (Deal memory deal);

    function dealOf(address deployer, bytes32 termsHash) external view returns (Deal memory);
}
