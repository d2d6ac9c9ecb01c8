// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Deal factory
/// @notice Deploys a whole deal in one transaction, whatever its parts: immutable clones that begin with the calls given for
/// them, and what contracts that deals share must be told of it, such as a feed to create; and records under which terms. The
/// factory has no owner and no power over what it made, and vouches for nothing: what a part is and says is read from its code
/// and its terms.
/// @dev A deal is keyed by who deployed it and the terms hash, so nobody can occupy another's place. Addresses are known before
/// ({addressOf}), so that the terms of a part can name the others.
interface IDealFactory {
    /// @param key the part's name in its deal, left-aligned, once in a deal
    /// @param implementation what is cloned
    /// @param immutables kept with the clone's code; the address hangs on them, so they name no other part
    /// @param data the call by which the part takes its terms
    struct Part {
        bytes32 key;
        address implementation;
        bytes immutables;
        bytes data;
    }

    /// @notice What a shared contract is told of the deal before its parts begin.
    struct Call {
        address to;
        bytes data;
    }

    /// @notice A part as it was made.
    struct Made {
        bytes32 key;
        address implementation;
        address at;
    }

    /// @param parts in the order in which they began
    event DealDeployed(address indexed deployer, bytes32 indexed termsHash, Made[] parts);

    error DealFactory_AlreadyDeployed(address deployer, bytes32 termsHash);
    error DealFactory_ZeroTermsHash();
    error DealFactory_NoParts();
    error DealFactory_KeyTwice(bytes32 key);

    /// @notice Clone every part, make the calls, then let the parts begin, each in the order given. All of it or nothing: what a
    /// part refuses is the factory's own error.
    function deploy(bytes32 termsHash, Call[] calldata calls, Part[] calldata parts)
        external
        returns (Made[] memory made);

    /// @return the block of a deal's deployment, zero for one that is not deployed
    function deployedIn(address deployer, bytes32 termsHash) external view returns (uint256);

    /// @return where a part is, zero for one that is not there
    function partOf(address deployer, bytes32 termsHash, bytes32 key) external view returns (address);

    /// @return where a part will be, or is
    function addressOf(
        address deployer,
        bytes32 termsHash,
        bytes32 key,
        address implementation,
        bytes calldata immutables
    ) external view returns (address);
}
