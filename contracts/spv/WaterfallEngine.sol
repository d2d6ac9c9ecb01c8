// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Waterfall} from "../settlement/Waterfall.sol";
import {TreasuryTerms} from "./TreasuryTerms.sol";

/// @title Waterfall engine
/// @notice Runs a period of a treasury's waterfall: {Waterfall} on the terms that the treasury keeps.
/// @dev A contract of its own, so that the treasury does not carry this code. It has no state, and its answer is made of its
/// arguments and of code that never changes.
contract WaterfallEngine {
    /// @param head where the terms are kept, see {TreasuryTerms}
    /// @param x registers: state, room for ages and dues, inputs
    /// @param tripped states of the triggers
    /// @param due when the period is due
    /// @param isOver whether all periods have been run
    /// @return registers, states of triggers, what each claim is paid, moves and tests, see {Waterfall-Run}
    function run(address head, int256[] memory x, uint256[] memory tripped, uint256 due, bool isOver)
        external
        view
        returns (int256[] memory, uint256[] memory, uint256[] memory, uint256[] memory, int256[] memory)
    {
        Waterfall.Program memory program = TreasuryTerms.program(TreasuryTerms.read(head));
        Waterfall.Run memory r = Waterfall.run(program, x, tripped, due, isOver);
        return (r.x, r.tripped, r.paid, r.moves, r.tests);
    }
}
