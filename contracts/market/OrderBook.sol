// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IIdentityRegistry} from "../interfaces/IIdentityRegistry.sol";
import {IOrderBook} from "../interfaces/IOrderBook.sol";
import {ISale} from "../interfaces/ISale.sol";
import {ISecurityToken} from "../interfaces/ISecurityToken.sol";
import {Sale} from "./Sale.sol";

/// @title Order book
/// @notice See {IOrderBook}.
contract OrderBook is IOrderBook, Sale {
    using SafeERC20 for IERC20;

    /// @dev Bounds the walk that finds the price.
    uint256 public constant MAX_LEVELS = 64;

    /// @notice What is not delivered within this time after the window lapses.
    uint256 public constant DELIVERY_PERIOD = 7 days;

    /// @dev Each of the two one slot.
    Ladder private _ladder;
    Count private _count;

    /// @dev One slot: orders by number, units ordered, and those that are bought and not delivered.
    struct Count {
        uint64 orders;
        uint64 ordered;
        uint64 byParties;
        uint64 toDeliver;
    }

    /// @dev One slot: the level of the price, and the units that are for orders at it.
    bool private _isCleared;
    uint8 private _level;
    uint64 private _atPrice;

    uint64[MAX_LEVELS] private _orderedAt;
    mapping(address investor => mapping(uint256 number => Order)) private _orders;

    /// @inheritdoc IOrderBook
    function initialize(Terms calldata terms_, Ladder calldata ladder_) external initializer {
        if (ladder_.tick == 0) revert Offering_InvalidTerms("tick zero");
        if (ladder_.levels == 0 || ladder_.levels > MAX_LEVELS) revert Offering_InvalidTerms("levels not 1-64");
        if (ladder_.minimum == 0 || ladder_.minimum > terms_.hardCap) revert Offering_InvalidTerms("minimum");
        _keep(terms_);
        _ladder = ladder_;
    }

    // ---------------------------------------------------------------- acts

    /// @inheritdoc IOrderBook
    function order(uint256 units, uint256 price_) external returns (uint256 number) {
        _requireState(State.Open);
        if (units < _ladder.minimum) revert OrderBook_TooFewUnits(_ladder.minimum);
        if (units > _terms.hardCap) revert Offering_CapExceeded(units, _terms.hardCap);
        uint8 level = _levelOf(price_);
        Count memory count = _count;
        if (_isParty(msg.sender)) {
            if (level != 0) revert OrderBook_NotTheLeastPrice(price_);
            _requirePartyCap(units, count.byParties);
            count.byParties += uint64(units); // not above the hard cap, a uint64, as all below
        }
        if (!_mayHold(msg.sender)) revert OrderBook_MayNotHold(msg.sender);
        number = ++count.orders;
        count.ordered += uint64(units);
        _count = count;
        uint64 start = _orderedAt[level];
        _orderedAt[level] = start + uint64(units);
        _orders[msg.sender][number] = Order(uint64(units), start, level, false);
        uint256 paid = units * price_;
        emit Ordered(msg.sender, number, units, price_, paid);
        IERC20(_terms.currency).safeTransferFrom(msg.sender, address(this), paid);
    }

    /// @inheritdoc IOrderBook
    function clear() external {
        _requireState(State.Succeeded);
        if (_isCleared) revert OrderBook_Cleared();
        (uint256 left, uint256 level) = (_terms.hardCap, _ladder.levels - 1);
        for (; level != 0 && _orderedAt[level] < left; --level) {
            left -= _orderedAt[level];
        }
        uint256 atPrice = _orderedAt[level] < left ? _orderedAt[level] : left;
        uint256 units = _terms.hardCap - left + atPrice;
        (_isCleared, _level, _atPrice) = (true, uint8(level), uint64(atPrice));
        _count.toDeliver = uint64(units);
        emit BookCleared(_count.ordered, units, _price(), atPrice);
    }

    /// @inheritdoc IOrderBook
    function deliver(address investor, uint256 number) external returns (uint256 units) {
        Order memory found = _existing(investor, number);
        if (!_isCleared) revert OrderBook_NotCleared();
        if (_isDeliveryOver()) revert OrderBook_TooLateToDeliver(_terms.closes + DELIVERY_PERIOD);
        units = _share(found);
        if (found.delivered || units == 0) revert OrderBook_NothingToDeliver();
        _orders[investor][number].delivered = true;
        _deliver(investor, number, found, units);
    }

    /// @inheritdoc IOrderBook
    function take(address investor, uint256 number) external returns (uint256 amount) {
        Order memory found = _existing(investor, number);
        if (!_isCleared && state() != State.Failed) revert OrderBook_NotCleared();
        delete _orders[investor][number];
        uint256 units = _isCleared ? _share(found) : 0;
        if (units != 0 && !found.delivered) {
            if (_isDeliveryOver()) units = 0;
            else _deliver(investor, number, found, units);
        }
        amount = found.units * _priceAt(found.level) - units * _price();
        emit Taken(investor, number, amount);
        IERC20(_terms.currency).safeTransfer(investor, amount);
    }

    /// @inheritdoc ISale
    function settle() external {
        _requireState(State.Succeeded);
        if (!_isCleared) revert OrderBook_NotCleared();
        uint256 units = _count.toDeliver;
        if (units != 0 && !_isDeliveryOver()) revert OrderBook_NotDelivered(units);
        _pay();
    }

    // ---------------------------------------------------------------- within

    function _deliver(address investor, uint256 number, Order memory found, uint256 units) private {
        _count.toDeliver -= uint64(units); // a share of an order, as below
        _sold += uint64(units);
        if (found.level == 0 && _isParty(investor)) _soldToParties += uint64(units);
        emit Delivered(investor, number, units);
        ISecurityToken(_terms.token).mint(investor, units);
    }

    /// @dev What an order buys at the price.
    function _share(Order memory found) private view returns (uint256) {
        if (found.level != _level) return found.level > _level ? found.units : 0;
        (uint256 all, uint256 part, uint256 start) = (_orderedAt[_level], _atPrice, found.start);
        return (start + found.units) * part / all - start * part / all;
    }

    function _existing(address investor, uint256 number) private view returns (Order memory found) {
        found = _orders[investor][number];
        if (found.units == 0) revert OrderBook_NoSuchOrder(investor, number);
    }

    /// @dev Now, and for as long as units are delivered: an identity that is known to expire before would be a way out of a
    /// firm order, and a bid that shuts others out for nothing.
    function _mayHold(address account) private view returns (bool) {
        ISecurityToken token = ISecurityToken(_terms.token);
        if (!token.canReceive(account)) return false;
        uint64 expiry = IIdentityRegistry(token.anchors().registry).identityOf(account).expiry;
        return expiry >= _terms.closes + DELIVERY_PERIOD;
    }

    function _levelOf(uint256 price_) private view returns (uint8) {
        (uint256 least, Ladder memory rungs) = (_terms.unitPrice, _ladder);
        bool isOn = price_ >= least && (price_ - least) % rungs.tick == 0;
        if (!isOn || (price_ - least) / rungs.tick >= rungs.levels) revert OrderBook_NotOnTheLadder(price_);
        return uint8((price_ - least) / rungs.tick);
    }

    function _priceAt(uint256 level) private view returns (uint256) {
        return _terms.unitPrice + level * _ladder.tick;
    }

    function _price() internal view override returns (uint256) {
        return _priceAt(_level);
    }

    function _isDeliveryOver() private view returns (bool) {
        return block.timestamp >= _terms.closes + DELIVERY_PERIOD;
    }

    // ---------------------------------------------------------------- views

    /// @inheritdoc ISale
    function state() public view override(ISale, Sale) returns (State) {
        if (_settled) return State.Settled;
        if (block.timestamp < _terms.opens) return State.NotOpen;
        if (block.timestamp < _terms.closes) return State.Open;
        if (block.timestamp > _terms.closes + SETTLEMENT_PERIOD) return State.Failed;
        bool isDone = (_isCleared && _count.toDeliver == 0) || _isDeliveryOver();
        bool met = isDone ? _meets(_sold, _soldToParties) : _isCleared || _meets(_count.ordered, _count.byParties);
        return met ? State.Succeeded : State.Failed;
    }

    /// @inheritdoc IOrderBook
    function price() external view returns (uint256) {
        if (!_isCleared) revert OrderBook_NotCleared();
        return _price();
    }

    /// @inheritdoc IOrderBook
    function allotted(address investor, uint256 number) external view returns (uint256) {
        return _isCleared ? _share(_existing(investor, number)) : 0;
    }

    /// @inheritdoc IOrderBook
    function ordered() external view returns (uint256 units, uint256 byParties) {
        return (_count.ordered, _count.byParties);
    }

    /// @inheritdoc IOrderBook
    function orderedAt(uint256 level) external view returns (uint256) {
        return _orderedAt[level];
    }

    /// @inheritdoc IOrderBook
    function toDeliver() external view returns (uint256) {
        return _count.toDeliver;
    }

    /// @inheritdoc IOrderBook
    function orderOf(address investor, uint256 number) external view returns (Order memory) {
        return _orders[investor][number];
    }

    /// @inheritdoc IOrderBook
    function ladder() external view returns (Ladder memory) {
        return _ladder;
    }
}
