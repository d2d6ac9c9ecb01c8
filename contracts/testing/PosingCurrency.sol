// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TestCurrency} from "./TestCurrency.sol";

/// @title Posing currency
/// @notice Says that it is another token, and takes nothing in a transaction that is paid for, once it is told
/// to. For tests only.
contract PosingCurrency is TestCurrency {
    TestCurrency public posedAs;
    bool public picky;

    error PosingCurrency_Picky();

    constructor(uint8 decimals_) TestCurrency("Posing dollar", "POSE", decimals_) {}

    function pose(TestCurrency as_) external {
        posedAs = as_;
    }

    function setPicky(bool picky_) external {
        picky = picky_;
    }

    function eip712Domain()
        public
        view
        override
        returns (bytes1, string memory, string memory, uint256, address, bytes32, uint256[] memory)
    {
        return address(posedAs) == address(0) ? super.eip712Domain() : posedAs.eip712Domain();
    }

    function _update(address from, address to, uint256 value) internal override {
        if (picky && tx.gasprice != 0) revert PosingCurrency_Picky();
        super._update(from, to, value);
    }
}
