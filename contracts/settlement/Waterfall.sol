// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Accrual} from "./Accrual.sol";

/// @title Waterfall
/// @notice The ordered steps that spend a treasury's money, as data: pots of money, claims on it, loans, triggers, figures
/// made of all these, and steps. {run} spends a period's money, and nothing but what it is given decides how, so that
/// nobody gains by calling it early or late. After the last period, steps that are taken then spend what still comes. A sound
/// program never reverts: no amount is beyond MOST either way, so that
/// products of two fit, and nothing needs checking on the way.
/// @dev Python twin: finance/settlement/waterfall.py, whose words say what each part means. Registers, in order: pots,
/// what each claim is owed, balances of loans, their losses, for how long each trigger is on, what each claim was owed
/// before the first step, inputs. References from FIRST_FIGURE on are figures. Everything is packed in words, lowest bits first:
/// claim: due 8, loan 8, carries 1, late 1;
/// trigger: value 8, divisor 8, threshold 8, below 8, cures 8, within 40;
/// figure: rule 8, count 8, size 8, references 8 each;
/// step: op 8, source 8, order 8, limit 8, target 8, weights 8, size 8, on 16, off 16, claims 8 each, from bit 216 when 8;
/// state of a trigger: since 40, passes 8; move: step 8, to 8, amount.
library Waterfall {
    enum Op {
        Pay,
        Prepay,
        Rest,
        Move,
        Draw,
        Repay,
        WriteDown,
        Test
    }

    enum Order {
        Sequence,
        ProRata,
        Weights
    }

    enum When {
        Periods,
        Always,
        After
    }

    enum Rule {
        Sum,
        Product,
        Interest,
        Least,
        Most,
        Table,
        Either
    }

    struct Program {
        uint256 pots;
        uint256 loans;
        uint256 inputs;
        uint256[] claims;
        uint256[] triggers;
        uint256[] figures;
        uint256[] steps;
    }

    /// @param x registers, which {run} changes
    /// @param tripped states of the triggers, which {run} changes
    /// @param due when the period is due
    /// @param isOver whether all periods have been run
    /// @param paid what each claim is paid
    /// @param moves what each step paid or moved, if anything, in order
    /// @param tests of each trigger tested, in order: its number, value, divisor, threshold, and 1 if it is on since
    struct Run {
        int256[] x;
        uint256[] tripped;
        uint256 due;
        bool isOver;
        uint256[] paid;
        uint256[] moves;
        int256[] tests;
        uint256 owed;
        uint256 balances;
        uint256 losses;
        uint256 ages;
        uint256 dues;
        uint256 moved;
        uint256 tested;
    }

    uint256 internal constant ONE = 1e18;
    uint256 internal constant FIRST_FIGURE = 192;
    uint256 internal constant NONE = 255;
    uint256 internal constant MOST = uint256(uint128(type(int128).max));
    uint256 internal constant MOST_RATE = type(uint64).max;
    uint256 internal constant MOST_DAYS = type(uint32).max;
    uint256 internal constant MAX_STEPS = 32;
    uint256 internal constant MAX_TRIGGERS = 16;
    uint256 internal constant MAX_LISTED = 16;
    uint256 internal constant FOR_GOOD = 255;
    uint256 internal constant MAX_WORK = 2_000; // a period of so much work takes about 700,000 gas

    /// @dev From which bit lists and times are, in words of figures and steps.
    uint256 internal constant FIGURE_LIST = 24;
    uint256 internal constant STEP_LIST = 88;
    uint256 internal constant STEP_WHEN = 216;
    uint256 private constant TEST_WORDS = 5;

    /// @notice Spends what is available on needs in order: a later need gets nothing before an earlier one is met.
    /// @return paid what each need gets; sum(paid) + left = available
    /// @return left what remains after all needs are met
    function allocate(uint256 available, uint256[] memory needs)
        internal
        pure
        returns (uint256[] memory paid, uint256 left)
    {
        paid = new uint256[](needs.length);
        left = available;
        for (uint256 i = 0; i < needs.length; ++i) {
            paid[i] = needs[i] < left ? needs[i] : left;
            left -= paid[i];
        }
    }

    /// @notice Shares a budget among needs: never more than a need, and all of it unless all needs are met.
    /// @dev What rounding keeps from one goes to those after it.
    function allot(uint256 budget, uint256[] memory needs, Order order, uint256[] memory weights)
        internal
        pure
        returns (uint256[] memory paid)
    {
        unchecked {
            uint256 count = needs.length;
            paid = new uint256[](count);
            uint256 left = budget;
            if (order != Order.Sequence) {
                uint256[] memory parts = order == Order.ProRata ? needs : weights;
                uint256 rest = 0;
                for (uint256 i = 0; i < count; ++i) {
                    rest += parts[i];
                }
                for (uint256 i = 0; i < count; ++i) {
                    if (parts[i] == 0) continue;
                    uint256 share = left * parts[i] / rest;
                    paid[i] = share < needs[i] ? share : needs[i];
                    left -= paid[i];
                    rest -= parts[i];
                }
            }
            for (uint256 i = 0; i < count; ++i) {
                uint256 more = needs[i] - paid[i];
                if (more > left) more = left;
                paid[i] += more;
                left -= more;
            }
        }
    }

    /// @notice Runs a period of a sound program.
    /// @param x pots, owed, balances, losses; room for the triggers' ages and the claims' dues; inputs. All fit int128.
    /// @param tripped states of the triggers
    /// @param due when the period is due, unix seconds
    /// @param isOver whether all periods have been run, and what has come since is spent, as of the last one's date
    function run(Program memory program, int256[] memory x, uint256[] memory tripped, uint256 due, bool isOver)
        internal
        pure
        returns (Run memory r)
    {
        (r.x, r.tripped, r.due, r.isOver) = (x, tripped, due, isOver);
        r.owed = program.pots;
        r.balances = r.owed + program.claims.length;
        r.losses = r.balances + program.loans;
        r.ages = r.losses + program.loans;
        r.dues = r.ages + tripped.length;
        r.paid = new uint256[](program.claims.length);
        for (uint256 i = 0; i < tripped.length; ++i) {
            x[r.ages + i] = _age(tripped[i], due);
        }
        for (uint256 i = 0; i < program.claims.length; ++i) {
            _fallDue(program, r, i);
        }
        _take(program, r);
    }

    function _age(uint256 tripped, uint256 due) private pure returns (int256) {
        uint256 since = uint40(tripped);
        return since == 0 || since > due ? int256(0) : int256(due - since);
    }

    function _fallDue(Program memory program, Run memory r, uint256 i) private pure {
        unchecked {
            uint256 claim = program.claims[i];
            uint256 due = claim >> 16 & 1 == 0 ? 0 : uint256(r.x[r.owed + i]);
            bool falls = uint8(claim) != NONE && (!r.isOver || claim >> 17 & 1 != 0);
            if (falls) due += _amount(program, r, uint8(claim));
            if (due > MOST) due = MOST;
            uint256 loan = uint8(claim >> 8);
            if (loan != NONE) {
                uint256 balance = uint256(r.x[r.balances + loan]);
                if (due > balance) due = balance;
            }
            r.x[r.owed + i] = r.x[r.dues + i] = int256(due);
        }
    }

    // ---------------------------------------------------------------- steps

    function _take(Program memory program, Run memory r) private pure {
        unchecked {
            uint256[] memory steps = program.steps;
            (r.moves, r.tests) = _room(steps);
            uint256 on;
            for (uint256 i = 0; i < r.tripped.length; ++i) {
                if (uint40(r.tripped[i]) != 0) on |= 1 << i;
            }
            for (uint256 i = 0; i < steps.length; ++i) {
                uint256 step = steps[i];
                if (When(uint8(step >> STEP_WHEN)) == (r.isOver ? When.Periods : When.After)) continue;
                (uint256 wanted, uint256 unwanted) = (uint16(step >> 56), uint16(step >> 72));
                if (on & wanted != wanted || on & unwanted != 0) continue;
                if (Op(uint8(step)) == Op.Test) {
                    uint256 bit = 1 << uint8(step >> 32);
                    on = _test(program, r, uint8(step >> 32)) ? on | bit : on & ~bit;
                } else {
                    _spend(program, r, step, i);
                }
            }
            // Only as long as what was written.
            (uint256[] memory moves, int256[] memory tests) = (r.moves, r.tests);
            (uint256 moved, uint256 tested) = (r.moved, r.tested);
            assembly ("memory-safe") {
                mstore(moves, moved)
                mstore(tests, tested)
            }
        }
    }

    /// @dev As much as all steps can write.
    function _room(uint256[] memory steps) private pure returns (uint256[] memory moves, int256[] memory tests) {
        unchecked {
            uint256 toMove = 0;
            uint256 toTest = 0;
            for (uint256 i = 0; i < steps.length; ++i) {
                Op op = Op(uint8(steps[i]));
                if (op == Op.Test) toTest += TEST_WORDS;
                else toMove += isMove(op) ? 1 : uint8(steps[i] >> 48);
            }
            (moves, tests) = (new uint256[](toMove), new int256[](toTest));
        }
    }

    function _spend(Program memory program, Run memory r, uint256 step, uint256 number) private pure {
        unchecked {
            Op op = Op(uint8(step));
            uint256 limit = uint8(step >> 24);
            limit = limit == NONE ? type(uint256).max : _amount(program, r, limit);
            uint256 budget = uint256(r.x[uint8(step >> 8)]);
            if (isMove(op)) {
                _move(program, r, step, number, limit < budget ? limit : budget);
                return;
            }
            if (op == Op.WriteDown) budget = MOST; // needs no money
            if (limit < budget) budget = limit;
            uint256[] memory needs = _needs(program, r, step, budget);
            Order order = Order(uint8(step >> 16));
            uint256[] memory weights = _weights(r, uint8(step >> 40), order == Order.Weights ? needs.length : 0);
            uint256[] memory amounts = allot(budget, needs, order, weights);
            for (uint256 i = 0; i < amounts.length; ++i) {
                if (amounts[i] != 0) _pay(program, r, step, number, uint8(step >> (STEP_LIST + 8 * i)), amounts[i]);
            }
        }
    }

    function _needs(Program memory program, Run memory r, uint256 step, uint256 budget)
        private
        pure
        returns (uint256[] memory needs)
    {
        unchecked {
            Op op = Op(uint8(step));
            uint256 size = uint8(step >> 48);
            needs = new uint256[](size);
            for (uint256 i = 0; i < size; ++i) {
                uint256 claim = uint8(step >> (STEP_LIST + 8 * i));
                if (op == Op.Rest) {
                    needs[i] = budget;
                } else if (op == Op.Pay) {
                    needs[i] = uint256(r.x[r.owed + claim]);
                } else {
                    uint256 loan = uint8(program.claims[claim] >> 8);
                    needs[i] = uint256(r.x[r.balances + loan]);
                    if (op == Op.Prepay) {
                        needs[i] -= uint256(r.x[r.owed + claim]);
                    } else {
                        uint256 room = MOST - uint256(r.x[r.losses + loan]);
                        if (needs[i] > room) needs[i] = room;
                    }
                }
            }
        }
    }

    function _weights(Run memory r, uint256 first, uint256 count) private pure returns (uint256[] memory weights) {
        unchecked {
            weights = new uint256[](count);
            for (uint256 i = 0; i < count; ++i) {
                int256 weight = r.x[first + i];
                if (weight > 0) weights[i] = uint256(weight);
            }
        }
    }

    function _pay(Program memory program, Run memory r, uint256 step, uint256 number, uint256 claim, uint256 amount)
        private
        pure
    {
        unchecked {
            Op op = Op(uint8(step));
            uint256 owed = r.owed + claim;
            uint256 loan = uint8(program.claims[claim] >> 8);
            int256 change = int256(amount);
            if (op == Op.WriteDown) {
                int256 balance = r.x[r.balances + loan] - change;
                r.x[r.balances + loan] = balance;
                r.x[r.losses + loan] += change;
                if (r.x[owed] > balance) r.x[owed] = balance;
            } else {
                r.x[uint8(step >> 8)] -= change;
                r.paid[claim] += amount;
                if (op == Op.Pay) r.x[owed] -= change;
                if (loan != NONE) r.x[r.balances + loan] -= change;
            }
            _note(r, number, claim, amount);
        }
    }

    function _move(Program memory program, Run memory r, uint256 step, uint256 number, uint256 amount) private pure {
        unchecked {
            Op op = Op(uint8(step));
            uint256 target = uint8(step >> 32);
            uint256 room = MOST - uint256(r.x[target]);
            if (amount > room) amount = room;
            if (op != Op.Move) amount = _owe(program, r, op, uint8(step >> STEP_LIST), amount);
            if (amount == 0) return;
            r.x[uint8(step >> 8)] -= int256(amount);
            r.x[target] += int256(amount);
            _note(r, number, target, amount);
        }
    }

    /// @dev Changes a claim's loan by a drawing or repayment, of as much as it has room or a balance for.
    function _owe(Program memory program, Run memory r, Op op, uint256 claim, uint256 amount)
        private
        pure
        returns (uint256)
    {
        unchecked {
            uint256 loan = r.balances + uint8(program.claims[claim] >> 8);
            uint256 balance = uint256(r.x[loan]);
            uint256 room = op == Op.Draw ? MOST - balance : balance;
            if (amount > room) amount = room;
            int256 left = int256(op == Op.Draw ? balance + amount : balance - amount);
            r.x[loan] = left;
            if (r.x[r.owed + claim] > left) r.x[r.owed + claim] = left;
            return amount;
        }
    }

    /// @notice Whether a step moves money from pot to pot.
    function isMove(Op op) internal pure returns (bool) {
        return op == Op.Move || op == Op.Draw || op == Op.Repay;
    }

    function _note(Run memory r, uint256 step, uint256 to, uint256 amount) private pure {
        unchecked {
            r.moves[r.moved++] = step | to << 8 | amount << 16;
        }
    }

    function _test(Program memory program, Run memory r, uint256 number) private pure returns (bool on) {
        unchecked {
            uint256 trigger = program.triggers[number];
            int256 value = _value(program, r, uint8(trigger));
            int256 divisor = uint8(trigger >> 8) == NONE ? int256(ONE) : _value(program, r, uint8(trigger >> 8));
            int256 threshold = _value(program, r, uint8(trigger >> 16));
            (int256 ratio, int256 bar) = (value * int256(ONE), divisor * threshold);
            on = _trip(r, trigger, number, uint8(trigger >> 24) != 0 ? ratio < bar : ratio > bar);
            uint256 next = r.tested;
            r.tested = next + TEST_WORDS;
            int256[] memory tests = r.tests;
            (tests[next], tests[next + 1], tests[next + 2]) = (int256(number), value, divisor);
            (tests[next + 3], tests[next + 4]) = (threshold, on ? int256(1) : int256(0));
        }
    }

    /// @dev The trigger's state after a test that it fails or passes; whether it is on.
    function _trip(Run memory r, uint256 trigger, uint256 number, bool fails) private pure returns (bool on) {
        unchecked {
            uint256 since = uint40(r.tripped[number]);
            uint256 passes = 0;
            if (fails) {
                if (since == 0) since = r.due;
            } else if (since != 0) {
                passes = uint8(r.tripped[number] >> 40) + 1;
                if (passes == FOR_GOOD) --passes;
                uint256 within = uint40(trigger >> 40);
                bool late = within != 0 && uint256(_age(since, r.due)) > within;
                if (passes >= uint8(trigger >> 32) && !late) (since, passes) = (0, 0);
            }
            on = since != 0;
            r.tripped[number] = since | passes << 40;
            r.x[r.ages + number] = _age(since, r.due);
        }
    }

    // ---------------------------------------------------------------- figures

    function _amount(Program memory program, Run memory r, uint256 ref) private pure returns (uint256) {
        int256 value = _value(program, r, ref);
        return value > 0 ? uint256(value) : 0;
    }

    function _value(Program memory program, Run memory r, uint256 ref) private pure returns (int256) {
        if (ref < FIRST_FIGURE) return r.x[ref];
        return _within(_workedOut(program, r, program.figures[ref - FIRST_FIGURE]));
    }

    function _workedOut(Program memory program, Run memory r, uint256 figure) private pure returns (int256) {
        unchecked {
            Rule rule = Rule(uint8(figure));
            if (rule == Rule.Sum) return _sum(program, r, figure);
            if (rule == Rule.Product) {
                return int256(_amount(program, r, _at(figure, 0)) * _amount(program, r, _at(figure, 1)) / ONE);
            }
            if (rule == Rule.Interest) return _interest(program, r, figure);
            if (rule == Rule.Table) return _tabled(program, r, figure);
            if (rule == Rule.Either) {
                bool on = uint40(r.tripped[uint8(figure >> 8)]) != 0;
                return _value(program, r, _at(figure, on ? 0 : 1));
            }
            return _extreme(program, r, figure, rule == Rule.Least);
        }
    }

    function _at(uint256 figure, uint256 i) private pure returns (uint256) {
        unchecked {
            return uint8(figure >> (FIGURE_LIST + 8 * i));
        }
    }

    function _sum(Program memory program, Run memory r, uint256 figure) private pure returns (int256 total) {
        unchecked {
            (uint256 added, uint256 size) = (uint8(figure >> 8), uint8(figure >> 16));
            for (uint256 i = 0; i < size; ++i) {
                int256 value = _value(program, r, _at(figure, i));
                if (i < added) total += value;
                else total -= value;
            }
        }
    }

    function _interest(Program memory program, Run memory r, uint256 figure) private pure returns (int256) {
        unchecked {
            uint256 size = uint8(figure >> 16);
            uint256 rate = _amount(program, r, _at(figure, 0));
            uint256 numerator = _amount(program, r, _at(figure, 1));
            uint256 denominator = _amount(program, r, _at(figure, 2));
            uint256 principal = 0;
            for (uint256 i = 3; i < size; ++i) {
                principal += _amount(program, r, _at(figure, i));
            }
            if (denominator == 0) return 0;
            if (principal > MOST) principal = MOST;
            if (rate > MOST_RATE) rate = MOST_RATE;
            if (numerator > MOST_DAYS) numerator = MOST_DAYS;
            return int256(Accrual.interest(principal, rate, numerator, denominator));
        }
    }

    function _tabled(Program memory program, Run memory r, uint256 figure) private pure returns (int256 found) {
        unchecked {
            int256 value = _value(program, r, _at(figure, 0)) * int256(ONE);
            uint256 ref = _at(figure, 1);
            int256 divisor = ref == NONE ? int256(ONE) : _value(program, r, ref);
            uint256 first = _at(figure, 2);
            uint256 end = first + 2 * uint8(figure >> 8);
            for (; first < end; first += 2) {
                if (value < divisor * r.x[first]) break;
                found = r.x[first + 1];
            }
        }
    }

    function _extreme(Program memory program, Run memory r, uint256 figure, bool least)
        private
        pure
        returns (int256 found)
    {
        unchecked {
            uint256 size = uint8(figure >> 16);
            found = _value(program, r, _at(figure, 0));
            for (uint256 i = 1; i < size; ++i) {
                int256 value = _value(program, r, _at(figure, i));
                if (least ? value < found : value > found) found = value;
            }
        }
    }

    function _within(int256 amount) private pure returns (int256) {
        if (amount > int256(MOST)) return int256(MOST);
        return amount < -int256(MOST) ? -int256(MOST) : amount;
    }
}
