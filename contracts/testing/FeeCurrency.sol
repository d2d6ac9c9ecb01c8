// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TestCurrency} from "./TestCurrency.sol";

/// @title Fee currency
/// @notice Takes 1 % of every transfer, as some tokens do. Contracts that book what they asked for, not what came in,
/// lose money with it. For tests only.
contract FeeCurrency is TestCurrency {
    constructor(uint8 decimals_) TestCurrency("Fee dollar", "FEE", decimals_) {}

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (from != address(0) && to != address(0)) super._update(to, address(0), value / 100);
    }
}
