// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice A holder's account in one word: balance (bits 0-63, units), index (64-159, money earned by one unit when the
/// account was last settled), owed (160-247, earned and not claimed, minor units), flags (248-255).
/// @dev One word because a transfer then reads and writes two slots, coupons unsettled or not.
type PackedAccount is uint256;

using PackedAccounts for PackedAccount global;

/// @title Packed accounts
/// @notice Pure arithmetic on {PackedAccount}.
library PackedAccounts {
    uint256 internal constant MAX_UNITS = type(uint64).max;
    uint256 internal constant MAX_INDEX = type(uint96).max;
    uint256 internal constant MAX_OWED = type(uint88).max;
    /// @dev The account has a frozen amount (kept elsewhere).
    uint256 internal constant HAS_FROZEN = 1 << 248;
    /// @dev The account is owed more than fits; the rest is kept elsewhere.
    uint256 internal constant HAS_OVERFLOW = 1 << 249;
    /// @dev A recovery of the account has been announced (kept elsewhere; it may have been withdrawn by the clock).
    uint256 internal constant IN_RECOVERY = 1 << 250;
    uint256 private constant FLAGS = uint256(0xff) << 248;

    function balance(PackedAccount account) internal pure returns (uint256) {
        return PackedAccount.unwrap(account) & MAX_UNITS;
    }

    function owed(PackedAccount account) internal pure returns (uint256) {
        return (PackedAccount.unwrap(account) >> 160) & MAX_OWED;
    }

    function has(PackedAccount account, uint256 flag) internal pure returns (bool) {
        return PackedAccount.unwrap(account) & flag != 0;
    }

    function set(PackedAccount account, uint256 flag, bool on) internal pure returns (PackedAccount) {
        uint256 word = PackedAccount.unwrap(account);
        return PackedAccount.wrap(on ? word | flag : word & ~flag);
    }

    /// @notice Money in the word when the index stands at `index_`: owed before plus earned since. It never overflows:
    /// 64 bits times 96 bits plus 88 bits.
    function earned(PackedAccount account, uint256 index_) internal pure returns (uint256) {
        unchecked {
            uint256 word = PackedAccount.unwrap(account);
            uint256 since = index_ - ((word >> 64) & MAX_INDEX); // the index only grows
            return (word & MAX_UNITS) * since + ((word >> 160) & MAX_OWED);
        }
    }

    function isSettledAt(PackedAccount account, uint256 index_) internal pure returns (bool) {
        return (PackedAccount.unwrap(account) >> 64) & MAX_INDEX == index_;
    }

    function isNew(PackedAccount account) internal pure returns (bool) {
        return PackedAccount.unwrap(account) == 0;
    }

    /// @dev The caller keeps the balance within 0 and MAX_UNITS.
    function plus(PackedAccount account, uint256 units) internal pure returns (PackedAccount) {
        unchecked {
            return PackedAccount.wrap(PackedAccount.unwrap(account) + units);
        }
    }

    /// @dev The caller keeps the balance within 0 and MAX_UNITS.
    function minus(PackedAccount account, uint256 units) internal pure returns (PackedAccount) {
        unchecked {
            return PackedAccount.wrap(PackedAccount.unwrap(account) - units);
        }
    }

    /// @notice The same flags with another balance, index and owed amount.
    /// @dev The caller keeps them within MAX_UNITS, MAX_INDEX and MAX_OWED.
    function with(PackedAccount account, uint256 balance_, uint256 index_, uint256 owed_)
        internal
        pure
        returns (PackedAccount)
    {
        uint256 flags = PackedAccount.unwrap(account) & FLAGS;
        return PackedAccount.wrap(flags | (owed_ << 160) | (index_ << 64) | balance_);
    }
}
