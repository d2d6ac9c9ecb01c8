// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IOffering} from "../interfaces/IOffering.sol";
import {ISecurityToken} from "../interfaces/ISecurityToken.sol";
import {IServicer} from "../interfaces/IServicer.sol";

/// @title Offering
/// @notice See {IOffering}.
contract Offering is IOffering, Initializable {
    using SafeERC20 for IERC20;

    /// @notice A successful issue that nobody could settle within this time (say, because the currency blocks the
    /// issuer) counts as failed, so that investors' money is never stuck.
    uint256 public constant SETTLEMENT_PERIOD = 30 days;

    /// @dev Bounds the loop over parties that every subscription makes.
    uint256 public constant MAX_PARTIES = 16;

    Terms private _terms;
    /// @dev One slot.
    uint64 private _sold;
    uint64 private _soldToParties;
    uint64 private _lastSale; // its block's number
    bool private _settled;

    constructor() {
        _disableInitializers();
    }

    /// @inheritdoc IOffering
    function initialize(Terms calldata terms_) external initializer {
        if (terms_.unitPrice == 0) revert Offering_InvalidTerms("price zero");
        if (terms_.softCap == 0 || terms_.softCap > terms_.hardCap) revert Offering_InvalidTerms("caps");
        if (terms_.opens >= terms_.closes || terms_.closes > type(uint48).max) revert Offering_InvalidTerms("window");
        if (terms_.parties.length > MAX_PARTIES) revert Offering_InvalidTerms("parties");
        _terms = terms_;
    }

    /// @inheritdoc IOffering
    function subscribe(uint256 units) external returns (uint256 paid) {
        _requireState(State.Open);
        if (units == 0) revert Offering_ZeroUnits();
        uint256 available = _terms.hardCap - _sold;
        if (units > available) revert Offering_CapExceeded(units, available);
        if (_isParty(msg.sender)) {
            uint256 open = _terms.hardCap - _terms.softCap - _soldToParties;
            if (units > open) revert Offering_PartyCapExceeded(units, open);
            _soldToParties += uint64(units); // as below
        }
        _sold += uint64(units); // not above the hard cap, a uint64
        _lastSale = uint64(block.number);
        paid = units * _terms.unitPrice;
        emit Subscribed(msg.sender, units, paid);
        // Units first: a currency that calls the buyer back must not find units sold that do not exist yet.
        ISecurityToken(_terms.token).mint(msg.sender, units);
        IERC20(_terms.currency).safeTransferFrom(msg.sender, address(this), paid);
    }

    /// @inheritdoc IOffering
    function settle() external {
        _requireState(State.Succeeded);
        if (block.number <= _lastSale) revert Offering_SoldInThisBlock(_lastSale);
        _settled = true;
        uint256 proceeds = uint256(_sold) * _terms.unitPrice;
        emit OfferingSettled(_sold, proceeds);
        IServicer(_terms.servicer).activate();
        IERC20(_terms.currency).safeTransfer(_terms.issuer, proceeds);
    }

    /// @inheritdoc IOffering
    function refund(uint256 units) external returns (uint256 amount) {
        _requireState(State.Failed);
        if (units == 0) revert Offering_ZeroUnits();
        amount = units * _terms.unitPrice;
        emit Refunded(msg.sender, units, amount);
        ISecurityToken(_terms.token).burn(msg.sender, units);
        IERC20(_terms.currency).safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IOffering
    function state() public view returns (State) {
        if (_settled) return State.Settled;
        if (block.timestamp < _terms.opens) return State.NotOpen;
        if (block.timestamp < _terms.closes && _sold < _terms.hardCap) return State.Open;
        bool lapsed = block.timestamp > _terms.closes + SETTLEMENT_PERIOD;
        return _sold - _soldToParties >= _terms.softCap && !lapsed ? State.Succeeded : State.Failed;
    }

    /// @inheritdoc IOffering
    function sold() external view returns (uint256) {
        return _sold;
    }

    /// @inheritdoc IOffering
    function soldToParties() external view returns (uint256) {
        return _soldToParties;
    }

    /// @inheritdoc IOffering
    function terms() external view returns (Terms memory) {
        return _terms;
    }

    function _isParty(address account) private view returns (bool) {
        for (uint256 i = 0; i < _terms.parties.length; ++i) {
            if (_terms.parties[i] == account) return true;
        }
        return false;
    }

    function _requireState(State expected) private view {
        State current = state();
        if (current != expected) revert Offering_WrongState(current);
    }
}
