// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IPutRight} from "../interfaces/IPutRight.sol";
import {ISecurityToken} from "../interfaces/ISecurityToken.sol";

/// @title Put
/// @notice See {IPutRight}.
contract PutRight is IPutRight, Initializable {
    using SafeERC20 for IERC20;

    uint256 public constant MAX_DATES = 64;

    Terms private _terms;
    mapping(uint256 date => Standing) private _standings;
    mapping(uint256 date => mapping(address holder => Notice)) private _notices;

    constructor() {
        _disableInitializers();
    }

    /// @inheritdoc IPutRight
    function initialize(Terms calldata terms_) external initializer {
        uint256 count = terms_.dates.length;
        if (count == 0 || count > MAX_DATES) revert PutRight_InvalidTerms("number of dates");
        if (terms_.writer == address(0)) revert PutRight_InvalidTerms("no writer");
        bool same = ISecurityToken(terms_.token).anchors().currency == terms_.currency;
        if (!same) revert PutRight_InvalidTerms("not the token's currency");
        for (uint256 i = 0; i < count; ++i) {
            Date calldata d = terms_.dates[i];
            bool ordered = d.opens < d.closes && d.closes <= d.settles && d.settles < d.ends;
            if (!ordered) revert PutRight_InvalidTerms("order of times");
            if (d.price == 0 && d.earned == 0) revert PutRight_InvalidTerms("price zero");
            _standings[i].ends = d.ends;
        }
        _terms = terms_;
    }

    // ---------------------------------------------------------------- acts

    /// @inheritdoc IPutRight
    function giveNotice(uint256 date, uint256 units) external {
        (Date memory d, Standing storage s) = _at(date);
        _requireBetween(d.opens, d.closes);
        if (msg.sender == _terms.writer) revert PutRight_IsWriter(msg.sender); // its own money would be its own again
        uint256 held = _token().balanceOf(msg.sender);
        if (units > held) revert PutRight_UnitsHeld(units, held);
        if (!s.isOpen) (s.isOpen, s.from) = (true, uint96(_token().earnedPerUnit())); // the token's index, a uint96
        _setNotice(s, _notices[date][msg.sender], units);
        emit NoticeGiven(msg.sender, date, units);
    }

    /// @inheritdoc IPutRight
    function lapse(uint256 date, address holder, uint256 units) external {
        (Date memory d, Standing storage s) = _at(date);
        _requireBetween(d.opens, d.settles);
        Notice storage notice = _notices[date][holder];
        if (units >= notice.units) revert PutRight_NothingLapses(units, notice.units);
        uint256 held = _token().balanceOf(holder);
        if (held > units) revert PutRight_UnitsHeld(units, held);
        _setNotice(s, notice, units);
        emit NoticeLapsed(holder, date, units);
    }

    /// @inheritdoc IPutRight
    function fund(uint256 date, uint256 amount) external {
        // The times of a date do not matter here but for its end, which may be another.
        // slither-disable-next-line unused-return
        (, Standing storage s) = _at(date);
        _requireBetween(0, s.ends);
        if (amount > type(uint128).max - s.money) revert PutRight_NotExact(0, amount);
        s.money += uint128(amount);
        emit PutFunded(msg.sender, date, amount);
        _pay(msg.sender, address(this), amount);
    }

    /// @inheritdoc IPutRight
    function exercise(uint256 date, uint256 units) external returns (uint256 paid) {
        (Date memory d, Standing storage s) = _at(date);
        _requireBetween(d.settles, s.ends);
        uint256 price = _price(d, s);
        Notice storage notice = _notices[date][msg.sender];
        uint256 left = _left(s, notice, price);
        if (units == 0 || units > left || price == 0) revert PutRight_UnitsNotLeft(units, left);
        paid = units * price; // 64 and 97 bits, and not above the money: see {_covered}
        notice.sold += uint64(units);
        s.sold += uint64(units);
        s.money -= uint128(paid);
        emit PutExercised(msg.sender, date, units, paid);
        // Units first, as at the trade desk: a currency that calls the holder back must not find what is paid for with it.
        IERC20(_terms.token).safeTransferFrom(msg.sender, _terms.writer, units);
        _pay(address(this), msg.sender, paid);
    }

    /// @inheritdoc IPutRight
    function dishonour(uint256 date) external returns (uint256 units) {
        (Date memory d, Standing storage s) = _at(date);
        _requireBetween(_terms.ahead ? d.opens : d.settles, s.ends);
        bool isAhead = _terms.ahead && block.timestamp < d.settles;
        // The writer's own units too: it may sell them on.
        units = isAhead ? _token().totalSupply() : s.noticed;
        uint256 covered = _covered(s, _price(d, s));
        if (s.dishonoured || covered >= units || _token().closed()) revert PutRight_NotShort(date);
        units -= covered;
        s.dishonoured = true;
        emit PutDishonoured(date, units);
    }

    /// @inheritdoc IPutRight
    function prolong(uint256 date) external {
        (Date memory d, Standing storage s) = _at(date);
        _requireBetween(d.settles, s.ends);
        ISecurityToken token = _token();
        uint256 ends = block.timestamp + (d.ends - d.settles);
        bool hindered = token.paused() || !token.canReceive(_terms.writer);
        if (!hindered || token.closed() || s.sold == s.noticed || ends < uint256(s.ends) + 1 days) {
            revert PutRight_NotHindered(date);
        }
        s.ends = uint40(ends); // some time after now
        emit PutProlonged(date, ends);
    }

    /// @inheritdoc IPutRight
    function returnMoney(uint256 date) external returns (uint256 amount) {
        (Date memory d, Standing storage s) = _at(date);
        _requireBetween(d.closes, type(uint256).max);
        bool isOver = block.timestamp >= s.ends || _token().closed();
        uint256 kept = isOver ? 0 : (s.noticed - s.sold) * _price(d, s);
        if (s.money <= kept) return 0;
        amount = s.money - kept;
        s.money = uint128(kept); // below what it was
        emit PutMoneyReturned(date, amount);
        IERC20(_terms.currency).safeTransfer(_terms.writer, amount);
    }

    // ---------------------------------------------------------------- within

    function _at(uint256 date) private view returns (Date memory d, Standing storage s) {
        if (date >= _terms.dates.length) revert PutRight_NoSuchDate(date);
        return (_terms.dates[date], _standings[date]);
    }

    function _requireBetween(uint256 from, uint256 until) private view {
        if (block.timestamp < from || block.timestamp >= until) revert PutRight_NotNow(from, until);
    }

    function _token() private view returns (ISecurityToken) {
        return ISecurityToken(_terms.token);
    }

    /// @param units not above a balance, a uint64
    function _setNotice(Standing storage s, Notice storage notice, uint256 units) private {
        s.noticed = uint64(s.noticed - notice.units + units);
        notice.units = uint64(units);
    }

    /// @dev What is missing of what a unit should have earned only falls, and the price with it.
    function _price(Date memory d, Standing storage s) private view returns (uint256) {
        uint256 earned = _token().earnedPerUnit();
        uint256 missing = earned < d.earned ? d.earned - earned : 0;
        uint256 since = s.isOpen ? earned - s.from : 0;
        uint256 unpaid = since < d.due ? d.due - since : 0;
        return uint256(d.price) + (missing > unpaid ? missing : unpaid);
    }

    /// @dev Units sold and those for which there is money. A sale changes nothing of it, and it only rises, as the price
    /// only falls, unless money is returned that no notice needs; so what all holders can still sell is never more than the
    /// money buys.
    function _covered(Standing storage s, uint256 price) private view returns (uint256) {
        return price == 0 ? s.noticed : s.sold + s.money / price;
    }

    function _left(Standing storage s, Notice storage notice, uint256 price) private view returns (uint256) {
        uint256 covered = _covered(s, price);
        uint256 part = covered < s.noticed ? notice.units * covered / s.noticed : notice.units;
        return part > notice.sold ? part - notice.sold : 0; // once it is over, money may have been returned
    }

    /// @dev Exactly, whatever a currency keeps back of what it moves.
    function _pay(address from, address to, uint256 amount) private {
        IERC20 currency = IERC20(_terms.currency);
        uint256 before = currency.balanceOf(to);
        if (from == address(this)) currency.safeTransfer(to, amount);
        else currency.safeTransferFrom(from, to, amount);
        uint256 received = currency.balanceOf(to) - before;
        if (received != amount) revert PutRight_NotExact(received, amount);
    }

    // ---------------------------------------------------------------- views

    /// @inheritdoc IPutRight
    function terms() external view returns (Terms memory) {
        return _terms;
    }

    /// @inheritdoc IPutRight
    function standingOf(uint256 date) external view returns (Standing memory) {
        return _standings[date];
    }

    /// @inheritdoc IPutRight
    function noticeOf(uint256 date, address holder) external view returns (Notice memory) {
        return _notices[date][holder];
    }

    /// @inheritdoc IPutRight
    function priceOf(uint256 date) external view returns (uint256) {
        (Date memory d, Standing storage s) = _at(date);
        return _price(d, s);
    }

    /// @inheritdoc IPutRight
    function leftOf(uint256 date, address holder) external view returns (uint256) {
        (Date memory d, Standing storage s) = _at(date);
        return _left(s, _notices[date][holder], _price(d, s));
    }
}
