// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TestCurrency} from "./TestCurrency.sol";

/// @title Wary currency
/// @notice Changes an allowance only from or to zero, as the oldest large stablecoin does. For tests only.
contract WaryCurrency is TestCurrency {
    error WaryCurrency_NotFromZero(address spender);

    constructor(uint8 decimals_) TestCurrency("Wary dollar", "WARY", decimals_) {}

    function approve(address spender, uint256 value) public override returns (bool) {
        if (value != 0 && allowance(msg.sender, spender) != 0) revert WaryCurrency_NotFromZero(spender);
        return super.approve(spender, value);
    }
}
