// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Waterfall} from "./Waterfall.sol";

/// @title Waterfall checks
/// @notice What the data of a waterfall must satisfy, so that it can be run whatever its amounts.
/// @dev Python twin: `validate` in finance/settlement/waterfall.py.
library WaterfallChecks {
    error Waterfall_Unsound(string what, uint256 index);

    /// @notice Revert with Waterfall_Unsound, naming what is wrong.
    function validate(Waterfall.Program memory program) internal pure {
        uint256 numbers = program.pots + 2 * program.claims.length + 2 * program.loans + program.triggers.length;
        uint256 registers = numbers + program.inputs;
        bool small = program.pots != 0 && registers <= Waterfall.FIRST_FIGURE
            && program.triggers.length <= Waterfall.MAX_TRIGGERS
            && program.figures.length <= Waterfall.NONE - Waterfall.FIRST_FIGURE
            && program.steps.length <= Waterfall.MAX_STEPS;
        if (!small) revert Waterfall_Unsound("counts", 0);
        for (uint256 i = 0; i < program.figures.length; ++i) {
            _require(_figureIsSound(program, numbers, registers, i), "figure", i);
        }
        _checkClaims(program, registers);
        for (uint256 i = 0; i < program.triggers.length; ++i) {
            _require(_triggerIsSound(program.triggers[i], registers, program.figures.length), "trigger", i);
        }
        for (uint256 i = 0; i < program.steps.length; ++i) {
            _require(_stepIsSound(program, numbers, registers, program.steps[i]), "step", i);
        }
        _require(_work(program) <= Waterfall.MAX_WORK, "work", Waterfall.MAX_WORK);
    }

    /// @dev How often a reference is looked at in a period, at most.
    function _work(Waterfall.Program memory program) private pure returns (uint256 sum) {
        uint256[] memory work = new uint256[](program.figures.length);
        for (uint256 i = 0; i < work.length; ++i) {
            uint256 figure = program.figures[i];
            bool table = Waterfall.Rule(uint8(figure)) == Waterfall.Rule.Table;
            uint256 listed = table ? 2 : uint8(figure >> 16);
            work[i] = 1 + (table ? uint8(figure >> 8) : 0);
            for (uint256 j = 0; j < listed; ++j) {
                work[i] += _workOf(work, uint8(figure >> (Waterfall.FIGURE_LIST + 8 * j)));
            }
            if (work[i] > Waterfall.MAX_WORK) work[i] = Waterfall.MAX_WORK + 1;
        }
        for (uint256 i = 0; i < program.claims.length; ++i) {
            sum += _workOf(work, uint8(program.claims[i]));
        }
        for (uint256 i = 0; i < program.steps.length; ++i) {
            uint256 step = program.steps[i];
            sum += _workOf(work, uint8(step >> 24));
            if (Waterfall.Op(uint8(step)) != Waterfall.Op.Test) continue;
            uint256 trigger = program.triggers[uint8(step >> 32)];
            sum += _workOf(work, uint8(trigger)) + _workOf(work, uint8(trigger >> 8))
            + _workOf(work, uint8(trigger >> 16));
        }
    }

    function _workOf(uint256[] memory work, uint256 ref) private pure returns (uint256) {
        if (ref == Waterfall.NONE) return 0;
        return ref < Waterfall.FIRST_FIGURE ? 1 : work[ref - Waterfall.FIRST_FIGURE];
    }

    /// @dev Each loan is paid by one claim.
    function _checkClaims(Waterfall.Program memory program, uint256 registers) private pure {
        uint256 seen = 0;
        for (uint256 i = 0; i < program.claims.length; ++i) {
            uint256 claim = program.claims[i];
            uint256 loan = uint8(claim >> 8);
            uint256 due = uint8(claim);
            bool known = due == Waterfall.NONE || _isKnown(due, registers, program.figures.length);
            _require(known && claim >> 18 == 0, "claim", i);
            if (loan == Waterfall.NONE) continue;
            _require(loan < program.loans && seen & (1 << loan) == 0, "loan", i);
            seen |= 1 << loan;
        }
        _require(seen == (1 << program.loans) - 1, "loan", program.loans);
    }

    function _isKnown(uint256 ref, uint256 registers, uint256 figures) private pure returns (bool) {
        return ref < registers || (ref >= Waterfall.FIRST_FIGURE && ref < Waterfall.FIRST_FIGURE + figures);
    }

    function _triggerIsSound(uint256 trigger, uint256 registers, uint256 figures) private pure returns (bool) {
        uint256 divisor = uint8(trigger >> 8);
        return _isKnown(uint8(trigger), registers, figures)
            && (divisor == Waterfall.NONE || _isKnown(divisor, registers, figures))
            && _isKnown(uint8(trigger >> 16), registers, figures) && uint8(trigger >> 24) <= 1
            && uint8(trigger >> 32) != 0 && trigger >> 80 == 0;
    }

    /// @dev Made of registers and of figures before it, as its rule wants them.
    function _figureIsSound(Waterfall.Program memory program, uint256 numbers, uint256 registers, uint256 number)
        private
        pure
        returns (bool)
    {
        uint256 figure = program.figures[number];
        (uint256 count, uint256 size) = (uint8(figure >> 8), uint8(figure >> 16));
        if (uint8(figure) > uint8(type(Waterfall.Rule).max)) return false;
        if (size == 0 || size > Waterfall.MAX_LISTED || figure >> (Waterfall.FIGURE_LIST + 8 * size) != 0) {
            return false;
        }
        Waterfall.Rule rule = Waterfall.Rule(uint8(figure));
        uint256 listed = size;
        if (rule == Waterfall.Rule.Table) {
            if (size != 3 || count == 0) return false;
            uint256 first = uint8(figure >> (Waterfall.FIGURE_LIST + 16));
            if (first < numbers || first + 2 * count > registers) return false;
            listed = uint8(figure >> (Waterfall.FIGURE_LIST + 8)) == Waterfall.NONE ? 1 : 2;
        }
        if (rule == Waterfall.Rule.Product && size != 2) return false;
        if (rule == Waterfall.Rule.Interest && size < 4) return false;
        if (rule == Waterfall.Rule.Either && (size != 2 || count >= program.triggers.length)) return false;
        if (rule == Waterfall.Rule.Sum && count > size) return false;
        for (uint256 i = 0; i < listed; ++i) {
            if (!_isKnown(uint8(figure >> (Waterfall.FIGURE_LIST + 8 * i)), registers, number)) return false;
        }
        return true;
    }

    function _stepIsSound(Waterfall.Program memory program, uint256 numbers, uint256 registers, uint256 step)
        private
        pure
        returns (bool)
    {
        uint256 limit = uint8(step >> 24);
        if (limit != Waterfall.NONE && !_isKnown(limit, registers, program.figures.length)) return false;
        if ((uint16(step >> 56) | uint16(step >> 72)) >> program.triggers.length != 0) return false;
        if (uint8(step) > uint8(type(Waterfall.Op).max)) return false;
        if (uint8(step >> 16) > uint8(type(Waterfall.Order).max)) return false;
        Waterfall.Op op = Waterfall.Op(uint8(step));
        uint256 size = uint8(step >> 48);
        uint256 target = uint8(step >> 32);
        uint256 when = step >> Waterfall.STEP_WHEN;
        if (when > uint256(type(Waterfall.When).max) || size > Waterfall.MAX_LISTED) return false;
        if (uint128(step >> Waterfall.STEP_LIST) >> 8 * size != 0) return false;
        if (op == Waterfall.Op.Test) return target < program.triggers.length && size == 0 && when == 0;
        uint256 source = uint8(step >> 8);
        if (source >= program.pots) return false;
        (bool distinct, uint256 ofLoans) = _listed(program, step, size);
        if (!distinct) return false;
        if (Waterfall.isMove(op)) {
            uint256 loan = op == Waterfall.Op.Move ? 0 : 1;
            return target < program.pots && target != source && size == loan && ofLoans == size;
        }
        bool loans = op == Waterfall.Op.Prepay || op == Waterfall.Op.WriteDown;
        if (size == 0 || (loans && ofLoans != size) || (op == Waterfall.Op.Rest && ofLoans != 0)) return false;
        uint256 weights = uint8(step >> 40);
        if (Waterfall.Order(uint8(step >> 16)) != Waterfall.Order.Weights) return weights == Waterfall.NONE;
        return weights >= numbers && weights + size <= registers;
    }

    /// @dev Whether a step's claims are there, each once, and how many of them are of loans.
    function _listed(Waterfall.Program memory program, uint256 step, uint256 size)
        private
        pure
        returns (bool distinct, uint256 ofLoans)
    {
        uint256 seen = 0;
        for (uint256 i = 0; i < size; ++i) {
            uint256 claim = uint8(step >> (Waterfall.STEP_LIST + 8 * i));
            if (claim >= program.claims.length || seen & (1 << claim) != 0) return (false, 0);
            seen |= 1 << claim;
            if (uint8(program.claims[claim] >> 8) != Waterfall.NONE) ++ofLoans;
        }
        return (true, ofLoans);
    }

    function _require(bool ok, string memory what, uint256 index) private pure {
        if (!ok) revert Waterfall_Unsound(what, index);
    }
}
