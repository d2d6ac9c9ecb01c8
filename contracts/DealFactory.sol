// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IDealFactory} from "./interfaces/IDealFactory.sol";

/// @title Deal factory
/// @notice See {IDealFactory}.
contract DealFactory is IDealFactory {
    mapping(address deployer => mapping(bytes32 termsHash => uint256)) private _blocks;
    mapping(address deployer => mapping(bytes32 termsHash => mapping(bytes32 key => address))) private _parts;

    /// @inheritdoc IDealFactory
    function deploy(bytes32 termsHash, Call[] calldata calls, Part[] calldata parts)
        external
        returns (Made[] memory made)
    {
        if (termsHash == 0) revert DealFactory_ZeroTermsHash();
        if (parts.length == 0) revert DealFactory_NoParts();
        if (_blocks[msg.sender][termsHash] != 0) revert DealFactory_AlreadyDeployed(msg.sender, termsHash);
        _blocks[msg.sender][termsHash] = block.number;
        made = new Made[](parts.length);
        for (uint256 i = 0; i < parts.length; ++i) {
            made[i] = _clone(termsHash, parts[i]);
        }
        emit DealDeployed(msg.sender, termsHash, made);
        // Everything is written by now; whoever is called finds a deal that is deployed, and the factory is nobody to it.
        for (uint256 i = 0; i < calls.length; ++i) {
            // slither-disable-next-line unused-return
            Address.functionCall(calls[i].to, calls[i].data);
        }
        for (uint256 i = 0; i < parts.length; ++i) {
            // slither-disable-next-line unused-return
            Address.functionCall(made[i].at, parts[i].data);
        }
    }

    /// @inheritdoc IDealFactory
    function deployedIn(address deployer, bytes32 termsHash) external view returns (uint256) {
        return _blocks[deployer][termsHash];
    }

    /// @inheritdoc IDealFactory
    function partOf(address deployer, bytes32 termsHash, bytes32 key) external view returns (address) {
        return _parts[deployer][termsHash][key];
    }

    /// @inheritdoc IDealFactory
    function addressOf(
        address deployer,
        bytes32 termsHash,
        bytes32 key,
        address implementation,
        bytes calldata immutables
    ) external view returns (address) {
        return Clones.predictDeterministicAddressWithImmutableArgs(
            implementation, immutables, _salt(deployer, termsHash, key)
        );
    }

    function _clone(bytes32 termsHash, Part calldata part) private returns (Made memory) {
        bytes32 key = part.key;
        if (_parts[msg.sender][termsHash][key] != address(0)) revert DealFactory_KeyTwice(key);
        address at = Clones.cloneDeterministicWithImmutableArgs(
            part.implementation, part.immutables, _salt(msg.sender, termsHash, key)
        );
        _parts[msg.sender][termsHash][key] = at;
        return Made(key, part.implementation, at);
    }

    function _salt(address deployer, bytes32 termsHash, bytes32 key) private pure returns (bytes32) {
        return keccak256(abi.encode(deployer, termsHash, key));
    }
}
