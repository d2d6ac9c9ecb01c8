// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {HoldingPolicy, IIdentityRegistry} from "../interfaces/IIdentityRegistry.sol";

/// @title Identity registry
/// @notice See {IIdentityRegistry}. The admin names verifiers; it has no other power.
contract IdentityRegistry is IIdentityRegistry, AccessControl {
    bytes32 public constant VERIFIER_ROLE = keccak256("VERIFIER_ROLE");
    uint8 private constant LAST_CLASS = 7; // a class is a bit of one byte

    mapping(address account => Identity) private _identities;

    constructor(address admin) {
        if (admin == address(0)) revert IdentityRegistry_ZeroAddress();
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(VERIFIER_ROLE, admin);
    }

    /// @inheritdoc IIdentityRegistry
    function setIdentity(address account, Identity calldata identity) external onlyRole(VERIFIER_ROLE) {
        _set(account, identity);
    }

    /// @inheritdoc IIdentityRegistry
    function setIdentities(address[] calldata accounts, Identity[] calldata identities)
        external
        onlyRole(VERIFIER_ROLE)
    {
        if (accounts.length != identities.length) {
            revert IdentityRegistry_LengthMismatch(accounts.length, identities.length);
        }
        for (uint256 i = 0; i < accounts.length; ++i) {
            _set(accounts[i], identities[i]);
        }
    }

    /// @inheritdoc IIdentityRegistry
    function revoke(address account) external onlyRole(VERIFIER_ROLE) {
        if (_identities[account].investorClass == 0) revert IdentityRegistry_NotRegistered(account);
        delete _identities[account];
        emit IdentityRevoked(account);
    }

    /// @inheritdoc IIdentityRegistry
    function identityOf(address account) external view returns (Identity memory) {
        return _identities[account];
    }

    /// @inheritdoc IIdentityRegistry
    function isEligible(address account, HoldingPolicy policy) external view returns (bool) {
        return _eligible(account, policy);
    }

    /// @inheritdoc IIdentityRegistry
    function whoIsIneligible(address from, address to, HoldingPolicy policy) external view returns (Ineligible) {
        if (!_eligible(from, policy)) return Ineligible.Sender;
        return _eligible(to, policy) ? Ineligible.Neither : Ineligible.Receiver;
    }

    function _set(address account, Identity calldata identity) private {
        if (account == address(0)) revert IdentityRegistry_ZeroAddress();
        if (identity.investorClass == 0 || identity.investorClass > LAST_CLASS) {
            revert IdentityRegistry_InvalidClass(identity.investorClass);
        }
        if (identity.expiry <= block.timestamp) revert IdentityRegistry_Expired(account, identity.expiry);
        _identities[account] = identity;
        emit IdentitySet(account, identity.investorClass, identity.country, identity.expiry);
    }

    function _eligible(address account, HoldingPolicy policy) private view returns (bool) {
        Identity storage identity = _identities[account];
        (uint64 expiry, uint16 country, uint8 investorClass) =
            (identity.expiry, identity.country, identity.investorClass);
        uint256 word = uint256(HoldingPolicy.unwrap(policy));
        // Who is not registered has expiry 0 and fails here too.
        if (block.timestamp >= expiry || (word >> investorClass) & 1 == 0) return false;
        word >>= 8;
        while (word != 0) {
            if (uint16(word) == country) return false;
            word >>= 16;
        }
        return true;
    }
}
