// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {ISale} from "../interfaces/ISale.sol";
import {ISecurityToken} from "../interfaces/ISecurityToken.sol";
import {IServicer} from "../interfaces/IServicer.sol";

/// @title Primary sale
/// @notice See {ISale}.
abstract contract Sale is ISale, Initializable {
    using SafeERC20 for IERC20;

    /// @notice A successful issue that nobody could settle within this time (say, because the currency blocks the
    /// issuer) counts as failed, so that investors' money is never stuck.
    uint256 public constant SETTLEMENT_PERIOD = 30 days;

    /// @dev Bounds the loop over parties that every purchase makes.
    uint256 public constant MAX_PARTIES = 16;

    Terms internal _terms;
    /// @dev One slot.
    uint64 internal _sold;
    uint64 internal _soldToParties;
    uint64 internal _lastSale; // its block's number
    bool internal _settled;

    constructor() {
        _disableInitializers();
    }

    /// @inheritdoc ISale
    function refund(uint256 units) external returns (uint256 amount) {
        _requireState(State.Failed);
        if (units == 0) revert Offering_ZeroUnits();
        amount = units * _price();
        emit Refunded(msg.sender, units, amount);
        ISecurityToken(_terms.token).burn(msg.sender, units);
        IERC20(_terms.currency).safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc ISale
    function state() public view virtual returns (State);

    /// @inheritdoc ISale
    function sold() external view returns (uint256) {
        return _sold;
    }

    /// @inheritdoc ISale
    function soldToParties() external view returns (uint256) {
        return _soldToParties;
    }

    /// @inheritdoc ISale
    function proceeds() external view returns (uint256) {
        return _settled ? _proceeds() : 0;
    }

    /// @inheritdoc ISale
    function terms() external view returns (Terms memory) {
        return _terms;
    }

    // ---------------------------------------------------------------- within

    /// @dev What a unit costs that is sold.
    function _price() internal view virtual returns (uint256) {
        return _terms.unitPrice;
    }

    function _keep(Terms calldata terms_) internal {
        if (terms_.unitPrice == 0) revert Offering_InvalidTerms("price zero");
        if (terms_.softCap == 0 || terms_.softCap > terms_.hardCap) revert Offering_InvalidTerms("caps");
        if (terms_.opens >= terms_.closes || terms_.closes > type(uint48).max) revert Offering_InvalidTerms("window");
        if (terms_.parties.length > MAX_PARTIES) revert Offering_InvalidTerms("parties");
        _terms = terms_;
    }

    function _pay() internal {
        _settled = true;
        uint256 amount = _proceeds();
        emit OfferingSettled(_sold, amount);
        IServicer(_terms.servicer).activate();
        IERC20(_terms.currency).safeTransfer(_terms.issuer, amount);
    }

    function _proceeds() private view returns (uint256) {
        return uint256(_sold) * _price();
    }

    /// @dev Parties together buy no more than what others need not, of which they have `bought` so much.
    function _requirePartyCap(uint256 units, uint256 bought) internal view {
        uint256 open = _terms.hardCap - _terms.softCap - bought;
        if (units > open) revert Offering_PartyCapExceeded(units, open);
    }

    function _isParty(address account) internal view returns (bool) {
        for (uint256 i = 0; i < _terms.parties.length; ++i) {
            if (_terms.parties[i] == account) return true;
        }
        return false;
    }

    /// @dev Whether so many units, so many of them the parties', meet the soft cap.
    function _meets(uint256 units, uint256 ofParties) internal view returns (bool) {
        return units - ofParties >= _terms.softCap;
    }

    function _requireState(State expected) internal view {
        State current = state();
        if (current != expected) revert Offering_WrongState(current);
    }
}
