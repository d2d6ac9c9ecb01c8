// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {IKpiOracle} from "../interfaces/IKpiOracle.sol";
import {IKpiPayment} from "../interfaces/IKpiPayment.sol";
import {ISale} from "../interfaces/ISale.sol";
import {IRevenueTreasury} from "../interfaces/IRevenueTreasury.sol";
import {ISecurityToken} from "../interfaces/ISecurityToken.sol";
import {IServicer} from "../interfaces/IServicer.sol";
import {ProRata} from "../settlement/ProRata.sol";
import {Waterfall} from "../settlement/Waterfall.sol";
import {TreasuryChecks} from "./TreasuryChecks.sol";

/// @title Revenue treasury
/// @notice See {IRevenueTreasury}.
/// @dev What can be spent is read from the balance, which is wrong while a payment is on its way out: so whatever moves
/// money cannot be entered while another does.
contract RevenueTreasury is IRevenueTreasury, Initializable, ReentrancyGuard {
    using SafeERC20 for IERC20;

    /// @dev By {Party}, minor units. All periods together need less than 2^104.
    struct Amounts {
        uint128 operator;
        uint128 lender;
    }

    IKpiPayment.Side private constant PROJECT = IKpiPayment.Side.Payee;
    IKpiPayment.Side private constant PROVIDER = IKpiPayment.Side.Payer;

    Terms private _terms;
    State private _state;
    uint8 private _periodsPaid; // at most 240
    uint64 private _units;
    Amounts private _arrears;
    Amounts private _credits;

    constructor() {
        _disableInitializers();
    }

    modifier begun() {
        if (_state == State.Offered) revert RevenueTreasury_WrongState(State.Offered);
        _;
    }

    /// @inheritdoc IRevenueTreasury
    function initialize(Terms calldata terms_) external initializer {
        TreasuryChecks.validate(terms_);
        _terms = terms_;
        emit TreasuryInitialized(terms_.token, terms_.swap);
        // Both take only what this contract sends them.
        IERC20(terms_.currency).forceApprove(terms_.token, type(uint256).max);
        if (terms_.swap != address(0)) IERC20(terms_.currency).forceApprove(terms_.swap, type(uint256).max);
    }

    /// @inheritdoc IServicer
    function activate() external {
        if (msg.sender != _terms.offering) revert RevenueTreasury_NotOffering(msg.sender);
        if (_state != State.Offered) revert RevenueTreasury_WrongState(_state);
        uint256 units = ISecurityToken(_terms.token).totalSupply();
        _state = State.Active;
        _units = uint64(units); // as many as a claim token can have
        emit TreasuryActivated(units);
        // Without the provider's collateral it reverts, and the issue cannot be settled.
        if (_terms.swap != address(0)) IKpiPayment(_terms.swap).activate();
    }

    // ---------------------------------------------------------------- money

    /// @inheritdoc IRevenueTreasury
    function receiveRevenue(bytes32 line, uint256 amount) external begun nonReentrant {
        emit RevenueReceived(line, msg.sender, amount);
        IERC20 currency = IERC20(_terms.currency);
        uint256 before = currency.balanceOf(address(this));
        currency.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = currency.balanceOf(address(this)) - before;
        if (received != amount) revert RevenueTreasury_UnsupportedCurrency(address(currency), amount, received);
    }

    /// @inheritdoc IRevenueTreasury
    function pay() external begun nonReentrant returns (uint256) {
        uint256 i = _periodsPaid;
        if (i == _terms.periods.length) revert RevenueTreasury_AllPaid(i);
        Period memory period = _terms.periods[i];
        if (block.timestamp < period.payDate) revert RevenueTreasury_NotDue(period.payDate);
        _periodsPaid = uint8(i + 1);
        Amounts memory arrears = _arrears;
        _arrears = Amounts(arrears.operator + period.operatingCost, arrears.lender + period.debtService);
        // The guard keeps all out; and a settlement or close-out that did anything ends in a revert.
        // slither-disable-next-line reentrancy-no-eth
        _awaitSwap(i);
        return _spend(i, false);
    }

    /// @inheritdoc IRevenueTreasury
    function payRest() external begun nonReentrant returns (uint256) {
        (uint256 paid, uint256 total) = (_periodsPaid, _terms.periods.length);
        bool between = paid != total;
        if (between && !_isCalled()) revert RevenueTreasury_PeriodsOutstanding(paid, total);
        return _spend(total, between);
    }

    /// @inheritdoc IRevenueTreasury
    function withdraw(Party party) external nonReentrant returns (uint256 paid) {
        address to = party == Party.Operator ? _terms.operator : _terms.lender;
        paid = creditOf(party);
        // Nothing to pay is not an error; a credit comes from needs, and no donation can make it something else.
        // slither-disable-next-line incorrect-equality
        if (paid == 0) return 0;
        if (party == Party.Operator) _credits.operator = 0;
        else _credits.lender = 0;
        emit Withdrawn(party, to, paid);
        IERC20(_terms.currency).safeTransfer(to, paid);
    }

    /// @inheritdoc IRevenueTreasury
    function returnMoney() external nonReentrant returns (uint256 returned) {
        ISale offering = ISale(_terms.offering);
        bool failed = _state == State.Offered && offering.state() == ISale.State.Failed;
        if (!failed) revert RevenueTreasury_IssueNotFailed();
        uint256 collected = _terms.swap == address(0) ? 0 : IKpiPayment(_terms.swap).withdraw(PROJECT);
        address issuer = offering.terms().issuer;
        returned = available();
        emit MoneyReturned(issuer, collected, returned);
        IERC20(_terms.currency).safeTransfer(issuer, returned);
    }

    // ---------------------------------------------------------------- the waterfall

    /// @dev Senior before junior: operator, lender, what is held back for them, the swap, and the holders what is left;
    /// nothing between periods, when the next one's needs are held back too.
    function _spend(uint256 period, bool between) private returns (uint256 distributed) {
        IKpiPayment swap = IKpiPayment(_terms.swap);
        bool hasSwap = address(swap) != address(0);
        uint256 collected = hasSwap ? swap.withdraw(PROJECT) : 0;
        Amounts memory arrears = _arrears;
        uint256[] memory needs = new uint256[](4);
        (needs[0], needs[1]) = (arrears.operator, arrears.lender);
        needs[2] = _dueAsWell(between);
        needs[3] = hasSwap ? swap.owed(PROJECT) : 0;
        (uint256[] memory paid, uint256 left) = Waterfall.allocate(available(), needs);
        _credit(arrears, paid[0], paid[1]);
        // `distribute` takes exactly this, a whole multiple of the units.
        // slither-disable-next-line unused-return
        if (!between) (, distributed) = ProRata.perUnit(left, _units);
        emit PeriodPaid(period, collected, paid[0], paid[1], paid[3], distributed);
        bool closes = _state == State.Active && _isOver(swap);
        if (closes) {
            _state = State.Closed;
            emit TreasuryClosed();
        }

        if (paid[3] != 0) swap.fund(PROJECT, paid[3]);
        ISecurityToken token = ISecurityToken(_terms.token);
        // slither-disable-next-line unused-return
        if (distributed != 0) token.distribute(distributed);
        if (closes) token.close();
    }

    /// @dev Not more than the arrears, so all within their width.
    function _credit(Amounts memory arrears, uint256 toOperator, uint256 toLender) private {
        _arrears = Amounts(uint128(arrears.operator - toOperator), uint128(arrears.lender - toLender));
        Amounts memory credits = _credits;
        _credits = Amounts(credits.operator + uint128(toOperator), credits.lender + uint128(toLender));
    }

    /// @dev Cost and debt of periods that are not paid yet, though their pay date has passed or the swap's money for them is
    /// here already; and of the next one after them.
    function _dueAsWell(bool andNext) private view returns (uint256 sum) {
        uint256 settled = _terms.swap == address(0) ? 0 : IKpiPayment(_terms.swap).periodsSettled();
        for (uint256 i = _periodsPaid; i < _terms.periods.length; ++i) {
            Period memory period = _terms.periods[i];
            bool due = period.payDate <= block.timestamp || i < settled;
            if (due || andNext) sum += uint256(period.operatingCost) + period.debtService;
            if (!due) break;
        }
    }

    /// @dev Whether the swap has called the project, of full recourse, for what it owes: it may pay between its dates then.
    function _isCalled() private view returns (bool) {
        IKpiPayment swap = IKpiPayment(_terms.swap);
        if (address(swap) == address(0)) return false;
        IKpiPayment.Account memory account = swap.accountOf(PROJECT);
        return account.deadline != 0 && account.principal + account.interest != 0;
    }

    /// @dev What the swap brings is there before a period is paid, or whoever gains by its being late, or in another order,
    /// would call first. So what can be settled or closed out is first, and the provider's debt is waited for until it is
    /// paid or in default: a cure period after a margin call, or after the last settlement could be made.
    function _awaitSwap(uint256 period) private {
        IKpiPayment swap = IKpiPayment(_terms.swap);
        if (address(swap) == address(0)) return;
        IKpiPayment.State stands = swap.state();
        if (stands <= IKpiPayment.State.Defaulted) {
            if (swap.periodsSettled() <= period) revert RevenueTreasury_SwapNotSettled(period);
            // What these calls do is undone with all the rest. Out of gas they say nothing, which is no answer.
            // slither-disable-start unused-return
            try swap.settle() returns (int256) {
                revert RevenueTreasury_SwapNotSettled(period + 1);
            } catch (bytes memory why) {
                if (why.length == 0) revert RevenueTreasury_SwapNotSettled(period + 1);
            }
            if (stands == IKpiPayment.State.Defaulted) {
                try swap.closeOut() returns (int256) {
                    revert RevenueTreasury_SwapNotClosedOut();
                } catch (bytes memory why) {
                    if (why.length == 0) revert RevenueTreasury_SwapNotClosedOut();
                }
                return;
            }
            // slither-disable-end unused-return
        }
        uint256 owed = swap.owed(PROVIDER);
        if (owed != 0 && _mayStillPay(swap, stands)) revert RevenueTreasury_ProviderOwes(owed);
    }

    /// @dev Whether the provider, which owes, is not in default.
    function _mayStillPay(IKpiPayment swap, IKpiPayment.State stands) private view returns (bool) {
        if (stands == IKpiPayment.State.Active) return true;
        if (stands != IKpiPayment.State.Matured || swap.defaultedAt() != 0) return false;
        IKpiPayment.Terms memory terms_ = swap.terms();
        uint256 last = terms_.periods.length - 1;
        uint64 due = terms_.periods[last].payDate;
        uint64 known = IKpiOracle(terms_.oracle).reportOf(terms_.feed, uint32(last)).finalAt; // at most 240 periods
        return block.timestamp <= (known > due ? known : due) + terms_.curePeriod;
    }

    /// @dev Nothing more is due to come in. With all periods paid the swap has ended, see {TreasuryChecks}.
    function _isOver(IKpiPayment swap) private view returns (bool) {
        if (_periodsPaid != _terms.periods.length) return false;
        return address(swap) == address(0) || swap.owed(PROVIDER) == 0;
    }

    // ---------------------------------------------------------------- views

    /// @inheritdoc IRevenueTreasury
    function terms() external view returns (Terms memory) {
        return _terms;
    }

    /// @inheritdoc IRevenueTreasury
    function state() external view returns (State) {
        return _state;
    }

    /// @inheritdoc IRevenueTreasury
    function periodsPaid() external view returns (uint256) {
        return _periodsPaid;
    }

    /// @inheritdoc IRevenueTreasury
    function arrearsOf(Party party) external view returns (uint256) {
        return party == Party.Operator ? _arrears.operator : _arrears.lender;
    }

    /// @inheritdoc IRevenueTreasury
    function creditOf(Party party) public view returns (uint256) {
        return party == Party.Operator ? _credits.operator : _credits.lender;
    }

    /// @inheritdoc IRevenueTreasury
    function available() public view returns (uint256) {
        Amounts memory credits = _credits;
        return IERC20(_terms.currency).balanceOf(address(this)) - credits.operator - credits.lender;
    }
}
