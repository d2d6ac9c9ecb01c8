// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiPayment} from "../interfaces/IKpiPayment.sol";
import {ITreasury} from "../interfaces/ITreasury.sol";
import {CodeStore} from "../settlement/CodeStore.sol";
import {Waterfall} from "../settlement/Waterfall.sol";

/// @title Treasury terms
/// @notice How a treasury reads its terms, which are kept as code: words in sections, and the rows of the periods.
/// @dev Word 0: how many items each section has, 16 bits each, then the number of periods. An item takes as many words as
/// WIDTHS says: an offering's address; a line's name and payer; a fact's oracle, feed and value if missing; a pot's opening
/// and funder; a payee's address and (from bit 160) units, or bit 224 for a swap; a loan; how many values a number has; a
/// claim as {Waterfall} has it, with (from bit 24) its payee; a trigger, figure, step as {Waterfall} has them; a swap's line
/// and (from bit 8) payee.
/// Rows: the dates of the periods (8 bytes each), then the values of each number (16 bytes each).
library TreasuryTerms {
    uint256 internal constant OFFERINGS = 0;
    uint256 internal constant LINES = 1;
    uint256 internal constant FACTS = 2;
    uint256 internal constant POTS = 3;
    uint256 internal constant PAYEES = 4;
    uint256 internal constant LOANS = 5;
    uint256 internal constant NUMBERS = 6;
    uint256 internal constant CLAIMS = 7;
    uint256 internal constant TRIGGERS = 8;
    uint256 internal constant FIGURES = 9;
    uint256 internal constant STEPS = 10;
    uint256 internal constant SWAPS = 11;
    uint256 internal constant SECTIONS = 12;
    uint256 internal constant IS_SWAP = 1 << 224;
    /// @dev Words of an item, a hexadecimal digit for each section, the first one last.
    uint256 internal constant WIDTHS = 0x111111112321;

    /// @param w the words
    /// @param starts where each section begins
    struct Kept {
        uint256[] w;
        uint256[] starts;
    }

    function read(address head) internal view returns (Kept memory kept) {
        bytes memory data = CodeStore.read(head);
        uint256[] memory w;
        assembly ("memory-safe") {
            mstore(data, shr(5, mload(data))) // as many words
            w := data
        }
        return parsed(w);
    }

    /// @notice Words with where their sections begin.
    function parsed(uint256[] memory w) internal pure returns (Kept memory kept) {
        kept.w = w;
        kept.starts = new uint256[](SECTIONS);
        uint256 next = 1;
        for (uint256 i = 0; i < SECTIONS; ++i) {
            kept.starts[i] = next;
            next += count(w, i) * (WIDTHS >> 4 * i & 15);
        }
    }

    function count(uint256[] memory w, uint256 section) internal pure returns (uint256) {
        return uint16(w[0] >> 16 * section);
    }

    /// @notice How many numbers a period brings: revenue of lines, facts, what swaps are owed, and what the terms say.
    function inputs(uint256[] memory w) internal pure returns (uint256) {
        return count(w, LINES) + count(w, FACTS) + count(w, SWAPS) + count(w, NUMBERS);
    }

    function periods(uint256[] memory w) internal pure returns (uint256) {
        return uint16(w[0] >> 16 * SECTIONS);
    }

    /// @notice The number of periods, alone.
    function periodsOf(address head) internal view returns (uint256) {
        return uint16(uint256(bytes32(CodeStore.readPart(head, 0, 32))) >> 16 * SECTIONS);
    }

    /// @notice A word of an item.
    function word(Kept memory kept, uint256 section, uint256 item, uint256 part) internal pure returns (uint256) {
        return kept.w[kept.starts[section] + item * (WIDTHS >> 4 * section & 15) + part];
    }

    function fact(Kept memory kept, uint256 i) internal pure returns (ITreasury.Fact memory) {
        uint256 first = kept.starts[FACTS] + 3 * i;
        address oracle = address(uint160(kept.w[first]));
        return ITreasury.Fact(oracle, bytes32(kept.w[first + 1]), int128(int256(kept.w[first + 2])));
    }

    function pot(Kept memory kept, uint256 i) internal pure returns (ITreasury.Pot memory) {
        uint256 first = kept.starts[POTS] + 2 * i;
        return ITreasury.Pot(uint128(kept.w[first]), address(uint160(kept.w[first + 1])));
    }

    function payee(Kept memory kept, uint256 i) internal pure returns (ITreasury.Payee memory) {
        uint256 w = kept.w[kept.starts[PAYEES] + i];
        return ITreasury.Payee(address(uint160(w)), uint64(w >> 160));
    }

    function isSwap(Kept memory kept, uint256 payee_) internal pure returns (bool) {
        return kept.w[kept.starts[PAYEES] + payee_] & IS_SWAP != 0;
    }

    function swap(Kept memory kept, uint256 i) internal pure returns (IKpiPayment) {
        return IKpiPayment(address(uint160(word(kept, PAYEES, uint8(word(kept, SWAPS, i, 0) >> 8), 0))));
    }

    /// @notice The number of the line that a swap pays into.
    function lineOf(Kept memory kept, uint256 swap_) internal pure returns (uint256) {
        return uint8(word(kept, SWAPS, swap_, 0));
    }

    /// @notice The waterfall. Of a claim, only what it is to the waterfall.
    function program(Kept memory kept) internal pure returns (Waterfall.Program memory) {
        uint256[] memory w = kept.w;
        uint256[] memory claims = _section(kept, CLAIMS);
        for (uint256 i = 0; i < claims.length; ++i) {
            claims[i] = uint24(claims[i]);
        }
        return Waterfall.Program(
            count(w, POTS) + 1,
            count(w, LOANS),
            inputs(w),
            claims,
            _section(kept, TRIGGERS),
            _section(kept, FIGURES),
            _section(kept, STEPS)
        );
    }

    function _section(Kept memory kept, uint256 section) private pure returns (uint256[] memory items) {
        items = new uint256[](count(kept.w, section));
        uint256 first = kept.starts[section];
        for (uint256 i = 0; i < items.length; ++i) {
            items[i] = kept.w[first + i];
        }
    }

    /// @notice When a period is due, by rows of which the dates may be all there is.
    function dueOf(bytes memory rows, uint256 period) internal pure returns (uint64) {
        return uint64(_word(rows, 8 * period) >> 192);
    }

    /// @notice Put the numbers of a period into registers, from `first` on.
    function numbersOf(Kept memory kept, bytes memory rows, uint256 period, int256[] memory x, uint256 first)
        internal
        pure
    {
        uint256 position = 8 * periods(kept.w);
        uint256 start = kept.starts[NUMBERS];
        uint256 numbers = count(kept.w, NUMBERS);
        for (uint256 i = 0; i < numbers; ++i) {
            uint256 length = kept.w[start + i];
            x[first + i] = int128(uint128(_word(rows, position + 16 * (period % length)) >> 128));
            position += 16 * length;
        }
    }

    function _word(bytes memory data, uint256 position) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(add(data, 32), position))
        }
    }
}
