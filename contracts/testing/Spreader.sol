// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title Spreader
/// @notice Sends units of the caller to many holders in one transaction, by ordinary transfers. For tests that need many
/// holders.
contract Spreader {
    function spread(IERC20 token, address[] calldata holders, uint256 units) external {
        for (uint256 i = 0; i < holders.length; ++i) {
            // A token that answers false instead of reverting would go unnoticed otherwise.
            require(token.transferFrom(msg.sender, holders[i], units), "transfer refused");
        }
    }
}
