// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IKpiOracle} from "../interfaces/IKpiOracle.sol";
import {ITreasury} from "../interfaces/ITreasury.sol";
import {FeedStore} from "../oracle/FeedStore.sol";
import {CodeStore} from "../settlement/CodeStore.sol";
import {Waterfall} from "../settlement/Waterfall.sol";
import {WaterfallChecks} from "../settlement/WaterfallChecks.sol";
import {TreasuryTerms} from "./TreasuryTerms.sol";

/// @title Waterfall terms
/// @notice What a treasury's terms must satisfy, and keeping them as {TreasuryTerms} reads them.
/// @dev A contract of its own, so that the treasury does not carry this code.
contract WaterfallTerms {
    using FeedStore for bytes;

    uint256 public constant MAX_PERIODS = 480;
    uint256 public constant MAX_LINES = 16; // bounds the loops over them
    uint256 public constant MAX_FACTS = 16;
    uint256 public constant MAX_PAYEES = 32;
    uint256 public constant MAX_OFFERINGS = 8;
    uint256 public constant MAX_SWAPS = 8;
    uint256 public constant MAX_WORDS = 767; // of the largest contract, less the leading STOP

    /// @notice Check terms of the caller and keep them as code. Anyone may: what nobody points to is of no meaning.
    function keep(ITreasury.Terms calldata terms) external returns (address head, address rows) {
        uint256[] memory w = _words(terms);
        WaterfallChecks.validate(_program(w));
        _checkRest(terms);
        _checkEnd(terms);
        _require(w.length <= MAX_WORDS, "too many terms");
        bytes memory data;
        assembly ("memory-safe") {
            mstore(w, shl(5, mload(w))) // as many bytes
            data := w
        }
        (head, rows) = (CodeStore.write(data), CodeStore.write(_rows(terms)));
    }

    /// @notice The terms kept at `head` and `rows`, of a treasury in a currency.
    function kept(address currency, address head, address rows) external view returns (ITreasury.Terms memory terms) {
        TreasuryTerms.Kept memory k = TreasuryTerms.read(head);
        terms.currency = currency;
        _readParties(k, terms);
        _readRows(k, CodeStore.read(rows), terms);
        _readProgram(TreasuryTerms.program(k), k, terms);
    }

    // ---------------------------------------------------------------- checks

    function _checkRest(ITreasury.Terms calldata terms) private view {
        _require(terms.currency != address(0), "currency zero");
        _require(terms.offerings.length != 0 && terms.offerings.length <= MAX_OFFERINGS, "offerings not 1-8");
        _require(terms.lines.length <= MAX_LINES, "more than 16 lines");
        _require(terms.facts.length <= MAX_FACTS, "more than 16 facts");
        _require(terms.payees.length <= MAX_PAYEES, "more than 32 payees");
        uint64[] calldata due = terms.due;
        _require(due.length != 0 && due.length <= MAX_PERIODS, "periods not 1-480");
        _require(due[0] != 0 && due[due.length - 1] <= type(uint40).max, "due dates");
        for (uint256 i = 1; i < due.length; ++i) {
            _require(due[i] > due[i - 1], "due dates not ascending");
        }
        for (uint256 i = 0; i < terms.lines.length; ++i) {
            for (uint256 j = 0; j < i; ++j) {
                _require(terms.lines[i].name != terms.lines[j].name, "line twice");
            }
        }
        for (uint256 i = 0; i < terms.numbers.length; ++i) {
            _require(terms.numbers[i].length != 0, "number of no period");
        }
        for (uint256 i = 0; i < terms.loans.length; ++i) {
            _require(terms.loans[i] <= Waterfall.MOST, "loan too large");
        }
        for (uint256 i = 0; i < terms.pots.length; ++i) {
            _require(terms.pots[i].opening <= Waterfall.MOST, "pot too large");
            _require(terms.pots[i].opening == 0 || terms.pots[i].funder != address(0), "pot without funder");
        }
        for (uint256 i = 0; i < terms.payees.length; ++i) {
            _require(terms.payees[i].to != address(0) && terms.payees[i].to != msg.sender, "payee zero or itself");
            for (uint256 j = 0; j < i; ++j) {
                _require(terms.payees[i].to != terms.payees[j].to, "payee twice");
            }
        }
        for (uint256 i = 0; i < terms.offerings.length; ++i) {
            for (uint256 j = 0; j < i; ++j) {
                _require(terms.offerings[i] != terms.offerings[j], "offering twice");
            }
        }
        for (uint256 i = 0; i < terms.facts.length; ++i) {
            _checkFeed(terms.facts[i], due);
        }
        for (uint256 i = 0; i < terms.claims.length; ++i) {
            _require(terms.claims[i].payee < terms.payees.length, "no such payee");
        }
        _require(terms.swaps.length <= MAX_SWAPS, "more than 8 swaps");
        for (uint256 i = 0; i < terms.swaps.length; ++i) {
            ITreasury.Swap calldata each = terms.swaps[i];
            bool known = each.line < terms.lines.length && terms.payees[each.payee].units == 0;
            _require(known, "no such leg");
            // Nobody else pays in its line; and so no line has two.
            _require(terms.lines[each.line].payer == terms.payees[each.payee].to, "swap is not the line's payer");
        }
    }

    /// @dev After the last period every pot is emptied, whatever stands failed then, and the cash to claims: no money stays.
    function _checkEnd(ITreasury.Terms calldata terms) private pure {
        uint256 emptied = 0;
        for (uint256 i = 0; i < terms.steps.length; ++i) {
            ITreasury.Step calldata step = terms.steps[i];
            bool last = step.op == Waterfall.Op.Rest || (step.op == Waterfall.Op.Move && step.target == 0);
            bool always = step.limit == Waterfall.NONE && step.on | step.off == 0;
            if (step.when != Waterfall.When.Periods && last && always) emptied |= 1 << step.source;
        }
        _require(emptied == (1 << terms.pots.length + 1) - 1, "a pot is not emptied in the end");
    }

    /// @dev A feed without a period for each of the treasury's, measured by its date, or that does not let the treasury use
    /// its reports, would hold up a period for ever. Reverts with the oracle's error when there is no such feed.
    function _checkFeed(ITreasury.Fact calldata fact, uint64[] calldata due) private view {
        bytes memory config = Address.functionStaticCall(fact.oracle, abi.encodeCall(IKpiOracle.configOf, (fact.feed)));
        _require(config.count(FeedStore.PERIOD_ENDS) >= due.length, "feed has too few periods");
        for (uint256 i = 0; i < due.length; ++i) {
            _require(config.item(FeedStore.PERIOD_ENDS, i) <= due[i], "KPI period ends after the treasury's");
        }
        bool consumer = false;
        for (uint256 i = 0; i < config.count(FeedStore.CONSUMERS); ++i) {
            consumer = consumer || config.item(FeedStore.CONSUMERS, i) == uint160(msg.sender);
        }
        _require(consumer, "not a consumer of the feed");
    }

    // ---------------------------------------------------------------- writing

    function _words(ITreasury.Terms calldata terms) private pure returns (uint256[] memory w) {
        uint256[12] memory counts = [
            terms.offerings.length,
            terms.lines.length,
            terms.facts.length,
            terms.pots.length,
            terms.payees.length,
            terms.loans.length,
            terms.numbers.length,
            terms.claims.length,
            terms.triggers.length,
            terms.figures.length,
            terms.steps.length,
            terms.swaps.length
        ];
        uint256 size = 1;
        uint256 head = terms.due.length << 16 * TreasuryTerms.SECTIONS;
        for (uint256 i = 0; i < TreasuryTerms.SECTIONS; ++i) {
            _require(counts[i] < 256, "too many");
            head |= counts[i] << 16 * i;
            size += counts[i] * (TreasuryTerms.WIDTHS >> 4 * i & 15);
        }
        _require(terms.due.length <= MAX_PERIODS, "periods not 1-480");
        w = new uint256[](size);
        w[0] = head;
        _writeRest(terms, w, _writeParties(terms, w, 1));
    }

    function _writeParties(ITreasury.Terms calldata terms, uint256[] memory w, uint256 next)
        private
        pure
        returns (uint256)
    {
        for (uint256 i = 0; i < terms.offerings.length; ++i) {
            w[next++] = uint160(terms.offerings[i]);
        }
        for (uint256 i = 0; i < terms.lines.length; ++i) {
            (w[next], w[next + 1]) = (uint256(terms.lines[i].name), uint160(terms.lines[i].payer));
            next += 2;
        }
        for (uint256 i = 0; i < terms.facts.length; ++i) {
            ITreasury.Fact calldata fact = terms.facts[i];
            (w[next], w[next + 1]) = (uint160(fact.oracle), uint256(fact.feed));
            w[next + 2] = uint256(int256(fact.missing));
            next += 3;
        }
        for (uint256 i = 0; i < terms.pots.length; ++i) {
            (w[next], w[next + 1]) = (terms.pots[i].opening, uint160(terms.pots[i].funder));
            next += 2;
        }
        for (uint256 i = 0; i < terms.payees.length; ++i) {
            w[next++] = uint160(terms.payees[i].to) | uint256(terms.payees[i].units) << 160;
        }
        for (uint256 i = 0; i < terms.swaps.length; ++i) {
            uint256 payee = terms.swaps[i].payee;
            _require(payee < terms.payees.length, "no such payee");
            w[next - terms.payees.length + payee] |= TreasuryTerms.IS_SWAP;
        }
        return next;
    }

    function _writeRest(ITreasury.Terms calldata terms, uint256[] memory w, uint256 next) private pure {
        for (uint256 i = 0; i < terms.loans.length; ++i) {
            w[next++] = terms.loans[i];
        }
        for (uint256 i = 0; i < terms.numbers.length; ++i) {
            w[next++] = terms.numbers[i].length;
        }
        for (uint256 i = 0; i < terms.claims.length; ++i) {
            ITreasury.Claim calldata claim = terms.claims[i];
            w[next++] = claim.due | uint256(claim.loan) << 8 | (claim.carries ? 1 << 16 : 0)
                | (claim.late ? 1 << 17 : 0) | uint256(claim.payee) << 24;
        }
        for (uint256 i = 0; i < terms.triggers.length; ++i) {
            ITreasury.Trigger calldata each = terms.triggers[i];
            w[next++] = each.value | uint256(each.divisor) << 8 | uint256(each.threshold) << 16
                | (each.below ? 1 << 24 : 0) | uint256(each.cures) << 32 | uint256(each.within) << 40;
        }
        for (uint256 i = 0; i < terms.figures.length; ++i) {
            ITreasury.Figure calldata each = terms.figures[i];
            w[next++] = uint8(each.rule) | uint256(each.count) << 8 | each.refs.length << 16 | _listed(each.refs)
                << Waterfall.FIGURE_LIST;
        }
        for (uint256 i = 0; i < terms.steps.length; ++i) {
            ITreasury.Step calldata each = terms.steps[i];
            uint256 word = uint8(each.op) | uint256(each.source) << 8 | uint256(uint8(each.order)) << 16
                | uint256(each.limit) << 24 | uint256(each.target) << 32 | uint256(each.weights) << 40;
            word |= each.claims.length << 48 | uint256(each.on) << 56 | uint256(each.off) << 72;
            w[next++] =
                word | _listed(each.claims) << Waterfall.STEP_LIST | uint256(uint8(each.when)) << Waterfall.STEP_WHEN;
        }
        for (uint256 i = 0; i < terms.swaps.length; ++i) {
            w[next++] = terms.swaps[i].line | uint256(terms.swaps[i].payee) << 8;
        }
    }

    function _listed(uint8[] calldata items) private pure returns (uint256 word) {
        _require(items.length <= Waterfall.MAX_LISTED, "more than 16 listed");
        for (uint256 i = 0; i < items.length; ++i) {
            word |= uint256(items[i]) << 8 * i;
        }
    }

    /// @dev Of the words alone, as the treasury reads it.
    function _program(uint256[] memory w) private pure returns (Waterfall.Program memory) {
        TreasuryTerms.Kept memory k = TreasuryTerms.parsed(w);
        return TreasuryTerms.program(k);
    }

    function _rows(ITreasury.Terms calldata terms) private pure returns (bytes memory data) {
        uint256 size = 8 * terms.due.length;
        for (uint256 i = 0; i < terms.numbers.length; ++i) {
            size += 16 * terms.numbers[i].length;
        }
        _require(size <= 32 * MAX_WORDS, "too many numbers");
        data = new bytes(size + 24); // each is written as a whole word
        uint256 position;
        for (uint256 i = 0; i < terms.due.length; ++i) {
            _write(data, position, uint256(terms.due[i]) << 192);
            position += 8;
        }
        for (uint256 i = 0; i < terms.numbers.length; ++i) {
            for (uint256 j = 0; j < terms.numbers[i].length; ++j) {
                _write(data, position, uint256(uint128(terms.numbers[i][j])) << 128);
                position += 16;
            }
        }
        assembly ("memory-safe") {
            mstore(data, size)
        }
    }

    function _write(bytes memory data, uint256 position, uint256 word) private pure {
        assembly ("memory-safe") {
            mstore(add(add(data, 32), position), word)
        }
    }

    // ---------------------------------------------------------------- reading

    function _readParties(TreasuryTerms.Kept memory k, ITreasury.Terms memory terms) private pure {
        uint256[] memory w = k.w;
        terms.offerings = new address[](TreasuryTerms.count(w, TreasuryTerms.OFFERINGS));
        for (uint256 i = 0; i < terms.offerings.length; ++i) {
            terms.offerings[i] = address(uint160(TreasuryTerms.word(k, TreasuryTerms.OFFERINGS, i, 0)));
        }
        terms.lines = new ITreasury.Line[](TreasuryTerms.count(w, TreasuryTerms.LINES));
        for (uint256 i = 0; i < terms.lines.length; ++i) {
            terms.lines[i] = ITreasury.Line(
                bytes32(TreasuryTerms.word(k, TreasuryTerms.LINES, i, 0)),
                address(uint160(TreasuryTerms.word(k, TreasuryTerms.LINES, i, 1)))
            );
        }
        terms.facts = new ITreasury.Fact[](TreasuryTerms.count(w, TreasuryTerms.FACTS));
        for (uint256 i = 0; i < terms.facts.length; ++i) {
            terms.facts[i] = TreasuryTerms.fact(k, i);
        }
        terms.pots = new ITreasury.Pot[](TreasuryTerms.count(w, TreasuryTerms.POTS));
        for (uint256 i = 0; i < terms.pots.length; ++i) {
            terms.pots[i] = TreasuryTerms.pot(k, i);
        }
        terms.payees = new ITreasury.Payee[](TreasuryTerms.count(w, TreasuryTerms.PAYEES));
        for (uint256 i = 0; i < terms.payees.length; ++i) {
            terms.payees[i] = TreasuryTerms.payee(k, i);
        }
        terms.loans = new uint128[](TreasuryTerms.count(w, TreasuryTerms.LOANS));
        for (uint256 i = 0; i < terms.loans.length; ++i) {
            terms.loans[i] = uint128(TreasuryTerms.word(k, TreasuryTerms.LOANS, i, 0));
        }
        terms.swaps = new ITreasury.Swap[](TreasuryTerms.count(w, TreasuryTerms.SWAPS));
        for (uint256 i = 0; i < terms.swaps.length; ++i) {
            uint256 word = TreasuryTerms.word(k, TreasuryTerms.SWAPS, i, 0);
            terms.swaps[i] = ITreasury.Swap(uint8(word), uint8(word >> 8));
        }
    }

    function _readRows(TreasuryTerms.Kept memory k, bytes memory rows, ITreasury.Terms memory terms) private pure {
        terms.due = new uint64[](TreasuryTerms.periods(k.w));
        terms.numbers = new int128[][](TreasuryTerms.count(k.w, TreasuryTerms.NUMBERS));
        for (uint256 i = 0; i < terms.numbers.length; ++i) {
            terms.numbers[i] = new int128[](TreasuryTerms.word(k, TreasuryTerms.NUMBERS, i, 0));
        }
        uint256 longest = 0;
        for (uint256 i = 0; i < terms.due.length; ++i) {
            terms.due[i] = TreasuryTerms.dueOf(rows, i);
        }
        for (uint256 i = 0; i < terms.numbers.length; ++i) {
            if (terms.numbers[i].length > longest) longest = terms.numbers[i].length;
        }
        int256[] memory x = new int256[](terms.numbers.length);
        for (uint256 j = 0; j < longest; ++j) {
            TreasuryTerms.numbersOf(k, rows, j, x, 0);
            for (uint256 i = 0; i < x.length; ++i) {
                if (j < terms.numbers[i].length) terms.numbers[i][j] = int128(x[i]);
            }
        }
    }

    function _readProgram(Waterfall.Program memory p, TreasuryTerms.Kept memory k, ITreasury.Terms memory terms)
        private
        pure
    {
        terms.claims = new ITreasury.Claim[](p.claims.length);
        for (uint256 i = 0; i < p.claims.length; ++i) {
            uint256 word = TreasuryTerms.word(k, TreasuryTerms.CLAIMS, i, 0);
            terms.claims[i] = ITreasury.Claim(
                uint8(word), uint8(word >> 8), word >> 16 & 1 != 0, word >> 17 & 1 != 0, uint8(word >> 24)
            );
        }
        terms.triggers = new ITreasury.Trigger[](p.triggers.length);
        for (uint256 i = 0; i < p.triggers.length; ++i) {
            uint256 word = p.triggers[i];
            terms.triggers[i] = ITreasury.Trigger(
                uint8(word),
                uint8(word >> 8),
                uint8(word >> 16),
                uint8(word >> 24) != 0,
                uint8(word >> 32),
                uint40(word >> 40)
            );
        }
        terms.figures = new ITreasury.Figure[](p.figures.length);
        for (uint256 i = 0; i < p.figures.length; ++i) {
            uint256 word = p.figures[i];
            terms.figures[i] = ITreasury.Figure(
                Waterfall.Rule(uint8(word)),
                uint8(word >> 8),
                _unlisted(word >> Waterfall.FIGURE_LIST, uint8(word >> 16))
            );
        }
        terms.steps = new ITreasury.Step[](p.steps.length);
        for (uint256 i = 0; i < p.steps.length; ++i) {
            terms.steps[i] = _step(p.steps[i]);
        }
    }

    function _step(uint256 word) private pure returns (ITreasury.Step memory step) {
        (step.op, step.source) = (Waterfall.Op(uint8(word)), uint8(word >> 8));
        (step.order, step.limit) = (Waterfall.Order(uint8(word >> 16)), uint8(word >> 24));
        (step.target, step.weights) = (uint8(word >> 32), uint8(word >> 40));
        (step.on, step.off) = (uint16(word >> 56), uint16(word >> 72));
        step.when = Waterfall.When(uint8(word >> Waterfall.STEP_WHEN));
        step.claims = _unlisted(word >> Waterfall.STEP_LIST, uint8(word >> 48));
    }

    function _unlisted(uint256 word, uint256 size) private pure returns (uint8[] memory items) {
        items = new uint8[](size);
        for (uint256 i = 0; i < size; ++i) {
            items[i] = uint8(word >> 8 * i);
        }
    }

    function _require(bool ok, string memory what) private pure {
        if (!ok) revert ITreasury.Treasury_InvalidTerms(what);
    }
}
