// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Waterfall} from "settlement/Waterfall.sol";
import {WaterfallChecks} from "settlement/WaterfallChecks.sol";
import {Proof} from "./Proof.sol";

/// @notice One step of a waterfall, from any valid state, leads to a valid state and moves what it should. A state is valid
/// when no register is below zero or above MOST and no claim on a loan is owed more than the loan's balance.
/// @dev The step has a program of its own: two pots, the claims it lists, and one claim more on a loan, which it leaves
/// alone. A limit is an input of any size, because a figure is never more to a step than a number within MOST either way.
/// @custom:halmos --array-lengths x=40 --panic-error-codes * --solver-timeout-branching 20ms
contract WaterfallStepProof is Proof {
    uint256 private constant SOURCE = 0;
    uint256 private constant TARGET = 1;
    uint256 private constant POTS = 2;

    /// @param p program of the one step
    /// @param op what it does
    /// @param x registers, which it changes
    /// @param old registers before the step
    /// @param budget what it may spend
    /// @param paid what claims were paid
    /// @param spent by it
    /// @param needed by its claims
    /// @param met whether the claims looked at have all they need
    /// @param ok whether all so far is as it should be
    struct Books {
        Waterfall.Program p;
        Waterfall.Op op;
        int256[] x;
        uint256[] old;
        uint256 budget;
        uint256[] paid;
        uint256 spent;
        uint256 needed;
        bool met;
        bool ok;
    }

    // ---------------------------------------------------------------- steps that pay

    function check_payInSequence(int256[] memory x, uint256 size, bool limited) external view {
        _pays(Waterfall.Op.Pay, x, size, limited);
    }

    function check_prepay(int256[] memory x, uint256 size, bool limited) external view {
        _pays(Waterfall.Op.Prepay, x, size, limited);
    }

    function check_rest(int256[] memory x, uint256 size, bool limited) external view {
        _pays(Waterfall.Op.Rest, x, size, limited);
    }

    /// @dev What a step spends of its pot: all it may, unless all needs are met; in sequence, of a later
    /// claim only once the earlier ones have all they need.
    function _pays(Waterfall.Op op, int256[] memory x, uint256 wanted, bool limited) private view {
        uint256 size = wanted == 1 ? 1 : 2;
        Books memory b = _ran(op, size, x, limited);
        b.budget = _least(b.budget, b.old[SOURCE]);
        for (uint256 i = 0; i <= size; ++i) {
            _paysClaim(b, i, uint8(b.p.claims[i] >> 8));
        }
        unchecked {
            b.ok = both(b.ok, both(uint256(x[SOURCE]) == b.old[SOURCE] - b.spent, uint256(x[TARGET]) == b.old[TARGET]));
        }
        assert(both(both(b.ok, isLeast(b.spent, b.budget, b.needed)), _isValid(b.p, x)));
    }

    function _paysClaim(Books memory b, uint256 i, uint256 loan) private pure {
        unchecked {
            uint256 got = b.paid[i];
            uint256 need = b.op == Waterfall.Op.Pay ? b.old[POTS + i] : b.budget;
            if (loan != Waterfall.NONE) {
                uint256 at = POTS + b.paid.length + loan;
                if (b.op == Waterfall.Op.Prepay) need = b.old[at] - b.old[POTS + i];
                b.ok = both(b.ok, uint256(b.x[at]) == b.old[at] - got);
                b.ok = both(b.ok, uint256(b.x[at + b.p.loans]) == b.old[at + b.p.loans]);
            }
            if (i + 1 == b.paid.length) need = 0; // not of this step
            uint256 left = b.old[POTS + i] - (b.op == Waterfall.Op.Pay ? got : 0);
            b.ok = both(b.ok, both(got <= need, uint256(b.x[POTS + i]) == left));
            b.ok = both(b.ok, either(b.met, got == 0));
            b.met = both(b.met, got == need);
            (b.spent, b.needed) = (b.spent + got, b.needed + need);
        }
    }

    // ---------------------------------------------------------------- steps that move

    function check_move(int256[] memory x, bool limited) external view {
        _moves(Waterfall.Op.Move, x, limited);
    }

    function check_draw(int256[] memory x, bool limited) external view {
        _moves(Waterfall.Op.Draw, x, limited);
    }

    function check_repay(int256[] memory x, bool limited) external view {
        _moves(Waterfall.Op.Repay, x, limited);
    }

    /// @dev What leaves one pot is in the other, as much as may be; a loan grows by what is drawn and shrinks by what is
    /// repaid.
    function _moves(Waterfall.Op op, int256[] memory x, bool limited) private view {
        uint256 size = op == Waterfall.Op.Move ? 0 : 1;
        Books memory b = _ran(op, size, x, limited);
        unchecked {
            uint256 moved = b.old[SOURCE] - uint256(x[SOURCE]);
            uint256 room = Waterfall.MOST - b.old[TARGET];
            uint256 balance = b.old[POTS + b.paid.length];
            if (op == Waterfall.Op.Draw) balance = Waterfall.MOST - balance;
            if (op == Waterfall.Op.Move) balance = room;
            b.ok = either(either(moved == b.budget, moved == b.old[SOURCE]), either(moved == room, moved == balance));
            b.ok = both(b.ok, both(both(moved <= b.budget, moved <= b.old[SOURCE]), moved <= balance));
            b.ok = both(b.ok, uint256(x[TARGET]) == b.old[TARGET] + moved);
            b.spent = op == Waterfall.Op.Draw ? moved : 0 - moved;
        }
        for (uint256 i = 0; i <= size; ++i) {
            if (i == size) b.spent = 0; // not of this step
            _movesClaim(b, i, POTS + size + 1 + i);
        }
        assert(both(b.ok, _isValid(b.p, x)));
    }

    function _movesClaim(Books memory b, uint256 i, uint256 at) private pure {
        unchecked {
            uint256 balance = uint256(b.x[at]);
            b.ok = both(b.ok, both(b.paid[i] == 0, balance == b.old[at] + b.spent));
            b.ok = both(b.ok, uint256(b.x[at + b.paid.length]) == b.old[at + b.paid.length]);
            b.ok = both(b.ok, isLeast(uint256(b.x[POTS + i]), b.old[POTS + i], balance));
        }
    }

    /// @dev After a run of one step from a valid state. Its budget is what its limit allows.
    function _ran(Waterfall.Op op, uint256 size, int256[] memory x, bool limited)
        private
        view
        returns (Books memory b)
    {
        b.p = _program(op, size, limited);
        (b.op, b.x, b.ok, b.met) = (op, x, true, true);
        (b.old, b.budget) = _begin(b.p, x, limited);
        b.paid = Waterfall.run(b.p, x, new uint256[](0), 0, false).paid;
    }

    // ---------------------------------------------------------------- the rest of a run

    /// @dev What falls due makes any state valid: a claim is owed what it was, if it carries that on, and what falls due.
    function check_fallDue(int256[] memory x, bool carries, bool late, bool isOver) external view {
        Waterfall.Program memory p = _program(Waterfall.Op.Move, 0, false);
        delete p.steps;
        p.claims[0] = (POTS + 4) | (carries ? 1 << 16 : 0) | (late ? 1 << 17 : 0); // of loan 0, by the first input
        uint256 old = uint256(x[POTS]);
        uint256 due = _amountOf(x[POTS + 4]);
        for (uint256 i = 0; i < POTS + 3; ++i) {
            given(uint256(x[i]) <= Waterfall.MOST);
        }
        int256[] memory before = new int256[](POTS + 3);
        for (uint256 i = 0; i < before.length; ++i) {
            before[i] = x[i];
        }
        Waterfall.run(p, x, new uint256[](0), 0, isOver);
        unchecked {
            uint256 most = (carries ? old : 0) + (isOver && !late ? 0 : due);
            bool ok = both(uint256(x[POTS]) <= most, _isValid(p, x));
            ok = both(ok, either(uint256(x[POTS]) == most, x[POTS] == before[POTS + 1]));
            for (uint256 i = 0; i < before.length; ++i) {
                if (i != POTS) ok = both(ok, x[i] == before[i]);
            }
            assert(ok);
        }
    }

    /// @dev A test of a trigger moves nothing.
    function check_test(int256[] memory x, uint40 since, uint8 passes, uint40 due) external view {
        Waterfall.Program memory p = _program(Waterfall.Op.Move, 0, false);
        (uint256[] memory old,) = _begin(p, x, false);
        p.steps[0] = uint256(uint8(Waterfall.Op.Test));
        p.triggers = new uint256[](1);
        p.triggers[0] = SOURCE | (TARGET << 8) | (POTS << 16) | (2 << 32) | (30 days << 40);
        uint256[] memory tripped = new uint256[](1);
        tripped[0] = since | (uint256(passes) << 40);
        Waterfall.run(p, x, tripped, due, false);
        bool ok = true;
        for (uint256 i = 0; i < POTS + 3; ++i) {
            ok = both(ok, uint256(x[i]) == old[i]);
        }
        assert(ok);
    }

    // ---------------------------------------------------------------- programs and states

    /// @dev Claims of a step on loans are those of every second claim if it pays, of every one if it changes loans.
    function _program(Waterfall.Op op, uint256 size, bool limited) private pure returns (Waterfall.Program memory p) {
        p.pots = POTS;
        p.inputs = 1;
        p.claims = new uint256[](size + 1);
        for (uint256 i = 0; i <= size; ++i) {
            bool ofLoan = i == size || (op == Waterfall.Op.Pay && i % 2 == 0)
                || (op != Waterfall.Op.Pay && op != Waterfall.Op.Rest);
            p.claims[i] = Waterfall.NONE | ((ofLoan ? p.loans++ : Waterfall.NONE) << 8) | (1 << 16);
        }
        uint256 inputs = POTS + 2 * p.claims.length + 2 * p.loans;
        uint256 step = uint256(uint8(op)) | (SOURCE << 8) | (size << 48);
        step |= (limited ? inputs : Waterfall.NONE) << 24 | Waterfall.NONE << 40;
        if (Waterfall.isMove(op)) step |= TARGET << 32;
        for (uint256 i = 0; i < size; ++i) {
            step |= i << (Waterfall.STEP_LIST + 8 * i);
        }
        p.steps = new uint256[](1);
        p.steps[0] = step;
    }

    /// @dev Of a sound program and a valid state; the limit, which is all there may be when there is none.
    function _begin(Waterfall.Program memory p, int256[] memory x, bool limited)
        private
        view
        returns (uint256[] memory old, uint256 limit)
    {
        unchecked {
            (bool sound,) = address(this).staticcall(abi.encodeCall(this.validate, (p)));
            assert(sound);
            uint256 inputs = POTS + 2 * p.claims.length + 2 * p.loans;
            old = new uint256[](inputs);
            for (uint256 i = 0; i < inputs - p.claims.length; ++i) {
                old[i] = uint256(x[i]);
                given(old[i] <= Waterfall.MOST);
            }
            for (uint256 i = 0; i < p.claims.length; ++i) {
                uint256 loan = uint8(p.claims[i] >> 8);
                if (loan != Waterfall.NONE) given(old[POTS + i] <= old[POTS + p.claims.length + loan]);
            }
            for (uint256 i = inputs; i < inputs + p.inputs; ++i) {
                given(uint256(x[i]) + Waterfall.MOST <= 2 * Waterfall.MOST);
            }
            limit = limited ? _amountOf(x[inputs]) : type(uint256).max;
        }
    }

    /// @dev Not private, so that a proof sees that it does not revert.
    function validate(Waterfall.Program memory p) external pure {
        WaterfallChecks.validate(p);
    }

    function _isValid(Waterfall.Program memory p, int256[] memory x) private pure returns (bool ok) {
        ok = true;
        for (uint256 i = 0; i < POTS + p.claims.length + 2 * p.loans; ++i) {
            ok = both(ok, uint256(x[i]) <= Waterfall.MOST);
        }
        for (uint256 i = 0; i < p.claims.length; ++i) {
            uint256 loan = uint8(p.claims[i] >> 8);
            if (loan != Waterfall.NONE) ok = both(ok, x[POTS + i] <= x[POTS + p.claims.length + loan]);
        }
    }

    function _amountOf(int256 value) private pure returns (uint256) {
        return value > 0 ? uint256(value) : 0;
    }

    function _least(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
