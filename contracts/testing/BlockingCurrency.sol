// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TestCurrency} from "./TestCurrency.sol";

/// @title Blocking currency
/// @notice Has a list of accounts that can neither send nor receive, as the large stablecoins have. For tests only.
contract BlockingCurrency is TestCurrency {
    mapping(address account => bool) public isBlocked;

    error BlockingCurrency_Blocked(address account);

    constructor(uint8 decimals_) TestCurrency("Blocking dollar", "BLOCK", decimals_) {}

    function setBlocked(address account, bool blocked) external {
        isBlocked[account] = blocked;
    }

    function _update(address from, address to, uint256 value) internal override {
        if (isBlocked[from]) revert BlockingCurrency_Blocked(from);
        if (isBlocked[to]) revert BlockingCurrency_Blocked(to);
        super._update(from, to, value);
    }
}
