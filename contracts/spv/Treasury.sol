// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {IKpiOracle} from "../interfaces/IKpiOracle.sol";
import {IKpiPayment} from "../interfaces/IKpiPayment.sol";
import {ISale} from "../interfaces/ISale.sol";
import {ISecurityToken} from "../interfaces/ISecurityToken.sol";
import {IServicer} from "../interfaces/IServicer.sol";
import {ITreasury} from "../interfaces/ITreasury.sol";
import {CodeStore} from "../settlement/CodeStore.sol";
import {Waterfall} from "../settlement/Waterfall.sol";
import {SwapLegs} from "./SwapLegs.sol";
import {TreasuryTerms} from "./TreasuryTerms.sol";
import {WaterfallEngine} from "./WaterfallEngine.sol";
import {WaterfallTerms} from "./WaterfallTerms.sol";

/// @title Treasury
/// @notice See {ITreasury}.
/// @dev What never changes is kept as code: who is paid, with the words of the waterfall, and the dates and numbers of the
/// periods. Registers are kept two to a slot.
contract Treasury is ITreasury, Initializable, ReentrancyGuard {
    using SafeERC20 for IERC20;

    /// @dev What a payee has earned and been paid so far: neither returns to nothing, so that changing it costs the least.
    struct Account {
        uint128 earned;
        uint128 paid;
    }

    /// @dev A line of revenue by its name; `number` from 1.
    struct Known {
        address payer;
        uint8 number;
    }

    /// @dev A period while it is run: its number of `count`, whose row of dates and numbers counts, and what it comes to.
    struct Period {
        uint256 number;
        uint256 count;
        uint256 row;
        uint256 gifts;
        uint256[] income;
        uint256[] moves;
        int256[] tests;
        uint256[] distributed;
    }

    /// @notice Checks and keeps terms.
    WaterfallTerms public immutable CHECKS;
    /// @notice Runs a period on them.
    WaterfallEngine public immutable ENGINE;
    /// @notice Checks swaps, and awaits them.
    SwapLegs public immutable LEGS;

    /// @dev Always set in a word of two registers, and in one of triggers, whose own bits these are not: writing a word that
    /// has been nothing costs seven times as much.
    uint256 private constant WRITTEN = 1 << 255 | 1 << 127;
    uint256 private constant TRIPPED_WRITTEN = 1 << 255;
    uint256 private constant TRIPPED_BITS = 48;
    uint256 private constant TRIPPED_A_SLOT = 5;

    IKpiPayment.Side private constant PROJECT = IKpiPayment.Side.Payee;

    IERC20 private _currency;
    State private _state;
    uint16 private _periodsPaid;
    uint8 private _begun; // offerings that have settled
    address private _head;
    address private _rows;
    /// @dev Pots, what payees have not been paid, and revenue of periods to come.
    uint256 private _held;
    mapping(uint256 => uint256) private _registers;
    mapping(uint256 => uint256) private _tripped;
    mapping(uint256 => Account) private _accounts;
    mapping(uint256 => mapping(uint256 => uint256)) private _income;
    mapping(bytes32 => Known) private _lines;

    /// @dev All are deployed before: together with this they would be more code than a transaction may bring.
    constructor(WaterfallTerms checks, WaterfallEngine engine, SwapLegs legs) {
        (CHECKS, ENGINE, LEGS) = (checks, engine, legs);
        _disableInitializers();
    }

    /// @inheritdoc ITreasury
    function initialize(Terms calldata terms_) external initializer {
        bytes memory kept =
            Address.functionCall(address(CHECKS), abi.encodePacked(WaterfallTerms.keep.selector, msg.data[4:]));
        (_head, _rows) = abi.decode(kept, (address, address));
        _currency = IERC20(terms_.currency);
        emit TreasuryInitialized(terms_.currency);
        uint256 first = terms_.pots.length + 1 + terms_.claims.length;
        for (uint256 i = 0; i < terms_.loans.length; ++i) {
            _setRegister(first + i, terms_.loans[i]);
        }
        for (uint256 i = 0; i < first + 2 * terms_.loans.length; i += 2) {
            _registers[i >> 1] |= WRITTEN;
        }
        for (uint256 i = 0; i < terms_.triggers.length; i += TRIPPED_A_SLOT) {
            _tripped[i / TRIPPED_A_SLOT] = TRIPPED_WRITTEN;
        }
        for (uint256 i = 0; i < terms_.lines.length; ++i) {
            _lines[terms_.lines[i].name] = Known(terms_.lines[i].payer, uint8(i + 1));
        }
        for (uint256 i = 0; i < terms_.payees.length; ++i) {
            _accounts[i] = Account(1, 1);
        }
        for (uint256 i = 0; i < terms_.swaps.length; ++i) {
            address swap = terms_.payees[terms_.swaps[i].payee].to;
            LEGS.check(swap, terms_.currency, terms_.due);
            _currency.forceApprove(swap, type(uint256).max); // takes only what this contract pays it
        }
    }

    // ---------------------------------------------------------------- beginning

    /// @inheritdoc ITreasury
    function deposit(uint256 pot, uint256 amount) external nonReentrant {
        if (_state != State.Offered) revert Treasury_WrongState(_state);
        TreasuryTerms.Kept memory kept = TreasuryTerms.read(_head);
        uint256 wanted = TreasuryTerms.pot(kept, _pot(kept, pot)).opening - _register(pot);
        if (amount > wanted) revert Treasury_TooMuch(amount, wanted);
        _setRegister(pot, _register(pot) + amount);
        emit Deposited(pot, msg.sender, amount);
        _take(amount);
    }

    /// @inheritdoc IServicer
    /// @dev The first offering that settles has all others settle too, which call again, or all of it is undone.
    function activate() external {
        if (_state != State.Offered) revert Treasury_WrongState(_state);
        TreasuryTerms.Kept memory kept = TreasuryTerms.read(_head);
        uint256 count = TreasuryTerms.count(kept.w, TreasuryTerms.OFFERINGS);
        if (!_isOffering(kept, msg.sender)) revert Treasury_NotOffering(msg.sender);
        if (++_begun != 1) return;
        // Whoever is called finds a treasury that has not begun, and offerings that are settled or cannot be.
        // slither-disable-start reentrancy-no-eth
        for (uint256 i = 0; i < count; ++i) {
            if (_offering(kept, i) != msg.sender) ISale(_offering(kept, i)).settle();
        }
        if (_begun != count) revert Treasury_ForeignOffering(); // one that begins something else
        // slither-disable-end reentrancy-no-eth
        _requireReady(kept);
        _state = State.Active;
        emit TreasuryActivated();
    }

    /// @dev It is in time, pots are filled, and tokens issued, which take only what this contract sends them.
    function _requireReady(TreasuryTerms.Kept memory kept) private {
        uint64 first = TreasuryTerms.dueOf(CodeStore.readPart(_rows, 0, 8), 0);
        if (block.timestamp >= first) revert Treasury_TooLate(first);
        for (uint256 i = 0; i < TreasuryTerms.count(kept.w, TreasuryTerms.POTS); ++i) {
            (uint256 amount, uint256 opening) = (_register(i + 1), TreasuryTerms.pot(kept, i).opening);
            if (amount != opening) revert Treasury_PotNotFilled(i + 1, amount, opening);
        }
        for (uint256 i = 0; i < TreasuryTerms.count(kept.w, TreasuryTerms.PAYEES); ++i) {
            Payee memory payee = TreasuryTerms.payee(kept, i);
            if (payee.units == 0) continue;
            ISecurityToken token = ISecurityToken(payee.to);
            uint256 units = token.totalSupply();
            if (units != payee.units) revert Treasury_NotIssued(payee.to, units, payee.units);
            // Or it could not be distributed to, or closed, and no period would be paid.
            bool ours = token.servicer() == address(this) && token.anchors().currency == address(_currency);
            if (!ours || !_isOffering(kept, token.minter())) revert Treasury_ForeignToken(payee.to);
            _currency.forceApprove(payee.to, type(uint256).max);
        }
        for (uint256 i = 0; i < TreasuryTerms.count(kept.w, TreasuryTerms.SWAPS); ++i) {
            TreasuryTerms.swap(kept, i).activate(); // reverts without the provider's collateral
        }
    }

    function _isOffering(TreasuryTerms.Kept memory kept, address who) private pure returns (bool) {
        for (uint256 i = 0; i < TreasuryTerms.count(kept.w, TreasuryTerms.OFFERINGS); ++i) {
            if (_offering(kept, i) == who) return true;
        }
        return false;
    }

    function _offering(TreasuryTerms.Kept memory kept, uint256 i) private pure returns (address) {
        return address(uint160(TreasuryTerms.word(kept, TreasuryTerms.OFFERINGS, i, 0)));
    }

    /// @inheritdoc ITreasury
    function returnMoney(uint256 pot) external nonReentrant returns (uint256 returned) {
        TreasuryTerms.Kept memory kept = TreasuryTerms.read(_head);
        if (_state != State.Offered || !_hasFailed(kept)) revert Treasury_IssueNotFailed();
        address to;
        if (pot == 0) {
            to = ISale(_offering(kept, 0)).terms().issuer;
            for (uint256 i = 0; i < TreasuryTerms.count(kept.w, TreasuryTerms.SWAPS); ++i) {
                // It is in the balance then.
                // slither-disable-next-line unused-return
                TreasuryTerms.swap(kept, i).withdraw(PROJECT);
            }
            returned = _currency.balanceOf(address(this)) - _held;
        } else {
            to = TreasuryTerms.pot(kept, _pot(kept, pot)).funder;
            returned = _register(pot);
            _setRegister(pot, 0);
            _held -= returned;
        }
        emit MoneyReturned(pot, to, returned);
        _currency.safeTransfer(to, returned);
    }

    /// @dev The number of a pot beside the cash, among them.
    function _pot(TreasuryTerms.Kept memory kept, uint256 pot) private pure returns (uint256) {
        bool known = pot != 0 && pot <= TreasuryTerms.count(kept.w, TreasuryTerms.POTS);
        if (!known) revert Treasury_NoSuchPot(pot);
        return pot - 1;
    }

    function _hasFailed(TreasuryTerms.Kept memory kept) private view returns (bool) {
        for (uint256 i = 0; i < TreasuryTerms.count(kept.w, TreasuryTerms.OFFERINGS); ++i) {
            ISale.State stands = ISale(_offering(kept, i)).state();
            // Settled without this treasury it began something else.
            if (stands == ISale.State.Failed || (stands == ISale.State.Settled && _begun == 0)) return true;
        }
        return false;
    }

    // ---------------------------------------------------------------- money

    /// @inheritdoc ITreasury
    function receiveRevenue(bytes32 line, uint256 amount) external nonReentrant {
        if (_state == State.Offered) revert Treasury_WrongState(_state);
        Known memory known = _lines[line];
        if (known.number == 0) revert Treasury_NoSuchLine(line);
        if (known.payer != address(0) && known.payer != msg.sender) {
            revert Treasury_NotPayer(msg.sender, known.payer);
        }
        uint256 period = _openPeriod();
        _income[period][known.number - 1] += amount;
        emit RevenueReceived(line, msg.sender, period, amount);
        _take(amount);
    }

    /// @inheritdoc ITreasury
    function withdraw(uint256 payee) external nonReentrant returns (uint256 paid) {
        TreasuryTerms.Kept memory kept = TreasuryTerms.read(_head);
        if (payee >= TreasuryTerms.count(kept.w, TreasuryTerms.PAYEES)) revert Treasury_NoSuchPayee(payee);
        Payee memory to = TreasuryTerms.payee(kept, payee);
        if (to.units != 0) return 0; // a token is distributed to
        paid = creditOf(payee);
        if (paid == 0) return 0;
        unchecked {
            _accounts[payee].paid += uint128(paid); // only what is between the two counts
        }
        _held -= paid;
        emit Withdrawn(payee, to.to, paid);
        _currency.safeTransfer(to.to, paid);
    }

    /// @dev No more in all than a waterfall counts, and any currency of this world has.
    function _take(uint256 amount) private {
        uint256 most = Waterfall.MOST - _held;
        if (amount > most) revert Treasury_TooMuch(amount, most);
        _held += amount;
        uint256 before = _currency.balanceOf(address(this));
        _currency.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = _currency.balanceOf(address(this)) - before;
        if (received != amount) revert Treasury_UnsupportedCurrency(address(_currency), amount, received);
    }

    // ---------------------------------------------------------------- the waterfall

    /// @inheritdoc ITreasury
    function pay() external nonReentrant {
        if (_state == State.Offered) revert Treasury_WrongState(_state);
        TreasuryTerms.Kept memory kept = TreasuryTerms.read(_head);
        bytes memory rows = CodeStore.read(_rows);
        Period memory period = _next(kept.w);
        bool last = period.row + 1 == period.count;
        uint64 due = TreasuryTerms.dueOf(rows, period.row);
        if (period.number < period.count) {
            if (block.timestamp < due) revert Treasury_NotDue(due);
            _periodsPaid = uint16(period.number + 1);
        }
        // The guard keeps all out; the oracle, if it calls anybody, only answers, and so does a swap.
        // slither-disable-start reentrancy-no-eth
        _collect(kept, rows, period, due);
        _run(kept, rows, period, due);
        // slither-disable-end reentrancy-no-eth
        _tell(period);
        bool closes = last && _state == State.Active;
        if (closes) {
            _state = State.Closed;
            emit TreasuryClosed();
        }
        for (uint256 i = 0; i < period.distributed.length; ++i) {
            Payee memory payee = TreasuryTerms.payee(kept, i);
            if (payee.units == 0) {
                // A swap's: others are credited.
                if (period.distributed[i] != 0) IKpiPayment(payee.to).fund(PROJECT, period.distributed[i]);
                continue;
            }
            ISecurityToken token = ISecurityToken(payee.to);
            // Exactly this, a whole multiple of the units.
            // slither-disable-next-line unused-return
            if (period.distributed[i] != 0) token.distribute(period.distributed[i]);
            if (closes) token.close();
        }
    }

    /// @dev The next period; after the last one its date and numbers go on counting.
    function _next(uint256[] memory w) private view returns (Period memory period) {
        (period.number, period.count) = (_periodsPaid, TreasuryTerms.periods(w));
        period.row = period.number < period.count ? period.number : period.count - 1;
    }

    /// @dev What swaps have for this treasury is revenue of their lines: of the period that is run, or, if that is late and
    /// they have settled again, of the one that this was settled for, so that nobody is paid early by the delay.
    function _collect(TreasuryTerms.Kept memory kept, bytes memory rows, Period memory period, uint64 due) private {
        // As in {pay}.
        // slither-disable-start reentrancy-no-eth
        for (uint256 i = 0; i < TreasuryTerms.count(kept.w, TreasuryTerms.SWAPS); ++i) {
            IKpiPayment swap = TreasuryTerms.swap(kept, i);
            uint256 counts = period.number;
            if (counts < period.count) {
                uint64 since = LEGS.awaitSwap(swap, due);
                while (counts < period.count && TreasuryTerms.dueOf(rows, counts) < since) ++counts;
            }
            uint256 amount = swap.withdraw(PROJECT);
            if (amount == 0) continue;
            uint256 line = TreasuryTerms.lineOf(kept, i);
            _held += amount;
            _income[counts][line] += amount;
            bytes32 name = bytes32(TreasuryTerms.word(kept, TreasuryTerms.LINES, line, 0));
            emit RevenueReceived(name, address(swap), counts, amount);
        }
        // slither-disable-end reentrancy-no-eth
    }

    /// @dev Runs the waterfall, keeps what it changes and credits payees.
    function _run(TreasuryTerms.Kept memory kept, bytes memory rows, Period memory period, uint64 due) private {
        // As in {pay}.
        // slither-disable-next-line reentrancy-no-eth
        (int256[] memory x, uint256[] memory tripped) = _load(kept, rows, period);
        bool isOver = period.number == period.count;
        uint256[] memory paid = new uint256[](0);
        (x, tripped, paid, period.moves, period.tests) = ENGINE.run(_head, x, tripped, due, isOver);
        if (!isOver) x[0] += int256(period.gifts);
        _store(_stored(kept.w), x, tripped);
        period.distributed = _credit(kept, paid);
    }

    /// @dev The registers with the period's money, facts and numbers, and the triggers.
    function _load(TreasuryTerms.Kept memory kept, bytes memory rows, Period memory period)
        private
        returns (int256[] memory x, uint256[] memory tripped)
    {
        uint256 stored = _stored(kept.w);
        tripped = new uint256[](TreasuryTerms.count(kept.w, TreasuryTerms.TRIGGERS));
        uint256 first = stored + tripped.length + TreasuryTerms.count(kept.w, TreasuryTerms.CLAIMS);
        x = new int256[](first + TreasuryTerms.inputs(kept.w));
        for (uint256 i = 0; i < stored; i += 2) {
            uint256 word = _registers[i >> 1];
            x[i] = int256(word & Waterfall.MOST);
            if (i + 1 < stored) x[i + 1] = int256(word >> 128 & Waterfall.MOST);
        }
        for (uint256 i = 0; i < tripped.length; ++i) {
            tripped[i] = _trigger(i);
        }
        _receive(kept, period, x, first);
        first += period.income.length;
        for (uint256 i = 0; i < TreasuryTerms.count(kept.w, TreasuryTerms.FACTS); ++i) {
            Fact memory fact = TreasuryTerms.fact(kept, i);
            (int128 value, bool missing) = IKpiOracle(fact.oracle).consume(fact.feed, uint32(period.row));
            x[first++] = missing ? fact.missing : value;
        }
        for (uint256 i = 0; i < TreasuryTerms.count(kept.w, TreasuryTerms.SWAPS); ++i) {
            x[first++] = int256(TreasuryTerms.swap(kept, i).owed(PROJECT)); // less than a waterfall counts
        }
        TreasuryTerms.numbersOf(kept, rows, period.row, x, first);
    }

    /// @dev Of a currency that knows no limit, so much that revenue still has room in what a waterfall counts.
    function _giftsOf(uint256 sent, uint256 held) private pure returns (uint256) {
        uint256 room = held < Waterfall.MOST / 2 ? Waterfall.MOST / 2 - held : 0;
        return sent < room ? sent : room;
    }

    /// @dev Puts the period's revenue with the cash. What was simply sent is there from the next period on, or somebody could
    /// choose how a period comes out when all else of it is known.
    function _receive(TreasuryTerms.Kept memory kept, Period memory period, int256[] memory x, uint256 first) private {
        uint256 cash = uint256(x[0]);
        uint256 held = _held;
        period.income = new uint256[](TreasuryTerms.count(kept.w, TreasuryTerms.LINES));
        for (uint256 i = 0; i < period.income.length; ++i) {
            uint256 income = _income[period.number][i];
            if (income == 0) continue;
            if (period.number == period.count) _income[period.number][i] = 0; // to be run again
            period.income[i] = income;
            x[first + i] = int256(income);
            cash += income;
        }
        period.gifts = _giftsOf(_currency.balanceOf(address(this)) - held, held);
        // No donation changes how many periods there are.
        // slither-disable-next-line incorrect-equality
        if (period.number == period.count) {
            cash += period.gifts;
            uint256 spendable = cash;
            for (uint256 i = 1; i <= TreasuryTerms.count(kept.w, TreasuryTerms.POTS); ++i) {
                spendable += uint256(x[i]);
            }
            // No donation makes it something else than what is left to spend.
            // slither-disable-next-line incorrect-equality
            if (spendable == 0) revert Treasury_NothingToSpend();
        }
        _held = held + period.gifts;
        x[0] = int256(cash);
    }

    /// @dev Keeps what has changed.
    function _store(uint256 stored, int256[] memory x, uint256[] memory tripped) private {
        for (uint256 i = 0; i < stored; i += 2) {
            uint256 word = WRITTEN | uint256(x[i]);
            if (i + 1 < stored) word |= uint256(x[i + 1]) << 128;
            if (_registers[i >> 1] != word) _registers[i >> 1] = word;
        }
        for (uint256 i = 0; i < tripped.length; i += TRIPPED_A_SLOT) {
            uint256 word = TRIPPED_WRITTEN;
            for (uint256 j = 0; j < TRIPPED_A_SLOT && i + j < tripped.length; ++j) {
                word |= tripped[i + j] << TRIPPED_BITS * j;
            }
            if (_tripped[i / TRIPPED_A_SLOT] != word) _tripped[i / TRIPPED_A_SLOT] = word;
        }
    }

    /// @dev Credits payees what their claims are paid.
    /// @return given what each is to be given now: a token whole minor units for each unit, as many as it counts; a swap all
    function _credit(TreasuryTerms.Kept memory kept, uint256[] memory paid) private returns (uint256[] memory given) {
        given = new uint256[](TreasuryTerms.count(kept.w, TreasuryTerms.PAYEES));
        for (uint256 i = 0; i < paid.length; ++i) {
            given[uint8(TreasuryTerms.word(kept, TreasuryTerms.CLAIMS, i, 0) >> 24)] += paid[i];
        }
        uint256 sum = 0;
        for (uint256 i = 0; i < given.length; ++i) {
            if (given[i] == 0) continue;
            if (!TreasuryTerms.isSwap(kept, i)) given[i] = _earn(i, TreasuryTerms.payee(kept, i), given[i]);
            sum += given[i];
        }
        if (sum != 0) _held -= sum;
    }

    function _earn(uint256 number, Payee memory payee, uint256 more) private returns (uint256 given) {
        Account memory account = _accounts[number];
        unchecked {
            account.earned += uint128(more); // as in {withdraw}
            if (payee.units != 0) {
                // Rounding down to whole shares is the purpose.
                // slither-disable-next-line divide-before-multiply
                uint256 each = uint128(account.earned - account.paid) / payee.units;
                uint256 room = type(uint96).max - ISecurityToken(payee.to).earnedPerUnit();
                given = (each < room ? each : room) * payee.units;
                account.paid += uint128(given);
            }
        }
        _accounts[number] = account;
    }

    /// @dev How many registers are kept from period to period.
    function _stored(uint256[] memory w) private pure returns (uint256) {
        uint256 others = TreasuryTerms.count(w, TreasuryTerms.CLAIMS) + 2 * TreasuryTerms.count(w, TreasuryTerms.LOANS);
        return TreasuryTerms.count(w, TreasuryTerms.POTS) + 1 + others;
    }

    function _tell(Period memory period) private {
        emit PeriodPaid(period.number, period.income, period.gifts, period.moves);
        int256[] memory tests = period.tests;
        for (uint256 i = 0; i < tests.length; i += 5) {
            (int256 value, int256 divisor) = (tests[i + 1], tests[i + 2]);
            emit CovenantTested(period.number, uint256(tests[i]), value, divisor, tests[i + 3], tests[i + 4] != 0);
        }
    }

    // ---------------------------------------------------------------- what is kept

    /// @dev The first period that is not due yet and has not been run; their number after the last one.
    function _openPeriod() private view returns (uint256 period) {
        period = _periodsPaid;
        uint256 count = TreasuryTerms.periodsOf(_head);
        bytes memory due = CodeStore.readPart(_rows, 0, 8 * count);
        while (period < count && TreasuryTerms.dueOf(due, period) <= block.timestamp) {
            ++period;
        }
    }

    function _register(uint256 number) private view returns (uint128) {
        return uint128(_registers[number >> 1] >> 128 * (number & 1) & Waterfall.MOST);
    }

    function _setRegister(uint256 number, uint256 amount) private {
        uint256 shift = 128 * (number & 1);
        uint256 kept = _registers[number >> 1] & ~(Waterfall.MOST << shift);
        _registers[number >> 1] = kept | amount << shift | WRITTEN;
    }

    function _trigger(uint256 number) private view returns (uint256) {
        uint256 shift = TRIPPED_BITS * (number % TRIPPED_A_SLOT);
        return _tripped[number / TRIPPED_A_SLOT] >> shift & (1 << TRIPPED_BITS) - 1;
    }

    // ---------------------------------------------------------------- views

    /// @inheritdoc ITreasury
    function terms() external view returns (Terms memory) {
        bytes memory call = abi.encodeCall(WaterfallTerms.kept, (address(_currency), _head, _rows));
        bytes memory encoded = Address.functionStaticCall(address(CHECKS), call);
        assembly ("memory-safe") {
            return(add(encoded, 32), mload(encoded))
        }
    }

    /// @inheritdoc ITreasury
    function state() external view returns (State) {
        return _state;
    }

    /// @inheritdoc ITreasury
    function periodsPaid() external view returns (uint256) {
        return _periodsPaid;
    }

    /// @inheritdoc ITreasury
    function registers() external view returns (int256[] memory x) {
        x = new int256[](_stored(TreasuryTerms.read(_head).w));
        for (uint256 i = 0; i < x.length; ++i) {
            x[i] = int256(uint256(_register(i)));
        }
    }

    /// @inheritdoc ITreasury
    function triggerOf(uint256 trigger) external view returns (uint40 since, uint8 passes) {
        uint256 word = _trigger(trigger);
        (since, passes) = (uint40(word), uint8(word >> 40));
    }

    /// @inheritdoc ITreasury
    function creditOf(uint256 payee) public view returns (uint256) {
        Account memory account = _accounts[payee];
        unchecked {
            return uint128(account.earned - account.paid);
        }
    }

    /// @inheritdoc ITreasury
    function incomeOf(uint256 period, uint256 line) external view returns (uint256) {
        return _income[period][line];
    }
}
