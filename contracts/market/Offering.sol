// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IOffering} from "../interfaces/IOffering.sol";
import {ISale} from "../interfaces/ISale.sol";
import {ISecurityToken} from "../interfaces/ISecurityToken.sol";
import {Sale} from "./Sale.sol";

/// @title Offering
/// @notice See {IOffering}.
contract Offering is IOffering, Sale {
    using SafeERC20 for IERC20;

    /// @inheritdoc IOffering
    function initialize(Terms calldata terms_) external initializer {
        _keep(terms_);
    }

    /// @inheritdoc IOffering
    function subscribe(uint256 units) external returns (uint256 paid) {
        _requireState(State.Open);
        if (units == 0) revert Offering_ZeroUnits();
        uint256 available = _terms.hardCap - _sold;
        if (units > available) revert Offering_CapExceeded(units, available);
        if (_isParty(msg.sender)) {
            _requirePartyCap(units, _soldToParties);
            _soldToParties += uint64(units); // as below
        }
        _sold += uint64(units); // not above the hard cap, a uint64
        _lastSale = uint64(block.number);
        paid = units * _price();
        emit Subscribed(msg.sender, units, paid);
        // Units first: a currency that calls the buyer back must not find units sold that do not exist yet.
        ISecurityToken(_terms.token).mint(msg.sender, units);
        IERC20(_terms.currency).safeTransferFrom(msg.sender, address(this), paid);
    }

    /// @inheritdoc ISale
    function settle() external {
        _requireState(State.Succeeded);
        if (block.number <= _lastSale) revert Offering_SoldInThisBlock(_lastSale);
        _pay();
    }

    /// @inheritdoc ISale
    function state() public view override(ISale, Sale) returns (State) {
        if (_settled) return State.Settled;
        if (block.timestamp < _terms.opens) return State.NotOpen;
        if (block.timestamp < _terms.closes && _sold < _terms.hardCap) return State.Open;
        bool lapsed = block.timestamp > _terms.closes + SETTLEMENT_PERIOD;
        return _meets(_sold, _soldToParties) && !lapsed ? State.Succeeded : State.Failed;
    }
}
