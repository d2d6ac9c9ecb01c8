// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Who may hold a claim token, packed in one word so that a token can keep it in its code.
/// @dev Lowest byte: bitmap of allowed investor classes (bit c for class c). Above it, up to fifteen
/// ISO 3166-1 numeric country codes (16 bits each, lowest first, ended by a zero) that may not hold.
type HoldingPolicy is bytes32;

/// @title Identity registry
/// @notice Says which wallets are verified, as what class of investor, from where and until when. One registry
/// serves many deals. It holds no personal data: a class, a country code and an expiry per wallet.
/// @dev Assumes that verifiers check people off chain. A verifier can stop a wallet from receiving or sending
/// tokens; it can never touch money that a wallet has earned.
interface IIdentityRegistry {
    /// @param expiry Unix time after which the wallet no longer counts as verified
    /// @param country ISO 3166-1 numeric code
    /// @param investorClass 1 retail, 2 professional, 3 institutional (0 means: not registered)
    struct Identity {
        uint64 expiry;
        uint16 country;
        uint8 investorClass;
    }

    /// @dev Which end of a transfer may not hold; Sender if both.
    enum Ineligible {
        Neither,
        Sender,
        Receiver
    }

    event IdentitySet(address indexed account, uint8 investorClass, uint16 country, uint64 expiry);
    event IdentityRevoked(address indexed account);

    error IdentityRegistry_ZeroAddress();
    error IdentityRegistry_InvalidClass(uint8 investorClass);
    error IdentityRegistry_Expired(address account, uint64 expiry);
    error IdentityRegistry_NotRegistered(address account);
    error IdentityRegistry_LengthMismatch(uint256 accounts, uint256 identities);

    /// @notice Register or renew a wallet. Only a verifier.
    function setIdentity(address account, Identity calldata identity) external;

    /// @notice Register many wallets at once. Only a verifier.
    function setIdentities(address[] calldata accounts, Identity[] calldata identities) external;

    /// @notice Forget a wallet. Only a verifier.
    function revoke(address account) external;

    function identityOf(address account) external view returns (Identity memory);

    /// @notice True when the wallet is registered, not expired, of an allowed class and not of a blocked country.
    function isEligible(address account, HoldingPolicy policy) external view returns (bool);

    /// @notice {isEligible} for both ends of a transfer in one call, because the call costs more than the check.
    function whoIsIneligible(address from, address to, HoldingPolicy policy) external view returns (Ineligible);
}
