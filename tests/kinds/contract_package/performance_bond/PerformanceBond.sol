// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IKpiOracle} from "penstock/interfaces/IKpiOracle.sol";

/// @title Performance bond
/// @notice The contractor sets an amount aside before the works are measured. It has it back if the KPI is reported
/// at its target or above; otherwise it is the owner's, who also has it where nothing is reported and the
/// contractor is who measures. What the owner waives the contractor has back before.
contract PerformanceBond is Initializable {
    using SafeERC20 for IERC20;

    /// @param target least value of the KPI at which the works perform
    /// @param missingToOwner who has the amount when there is no report
    struct Terms {
        IERC20 currency;
        IKpiOracle oracle;
        bytes32 feed;
        address contractor;
        address owner;
        uint128 amount;
        int128 target;
        bool missingToOwner;
    }

    Terms private _terms;
    bool public posted;
    bool public settled;
    uint128 public waived;

    event PerformanceBondInitialized(address contractor, address owner);
    event Posted(address indexed by, uint256 amount);
    event Waived(uint128 amount);
    event Settled(address indexed to, uint256 amount, int128 kpi, bool missing);

    error PerformanceBond_TooLate(uint256 until);
    error PerformanceBond_NotNow();
    error PerformanceBond_NotOwner();
    error PerformanceBond_TooMuch(uint128 left);

    constructor() {
        _disableInitializers();
    }

    function initialize(Terms calldata terms_) external initializer {
        _terms = terms_;
        emit PerformanceBondInitialized(terms_.contractor, terms_.owner);
    }

    /// @notice Set the amount aside; by anyone, once, and not after what is measured has begun to show.
    function post() external {
        uint256 until = _terms.oracle.periodEndOf(_terms.feed, 0);
        if (block.timestamp >= until) revert PerformanceBond_TooLate(until);
        if (posted) revert PerformanceBond_NotNow();
        posted = true;
        emit Posted(msg.sender, _terms.amount);
        _terms.currency.safeTransferFrom(msg.sender, address(this), _terms.amount);
    }

    /// @notice Give the contractor some of the amount back. By the owner.
    function waive(uint128 amount) external {
        if (msg.sender != _terms.owner) revert PerformanceBond_NotOwner();
        if (!posted || settled) revert PerformanceBond_NotNow();
        if (amount > _terms.amount - waived) revert PerformanceBond_TooMuch(_terms.amount - waived);
        waived += amount;
        emit Waived(amount);
        _terms.currency.safeTransfer(_terms.contractor, amount);
    }

    /// @notice Pay the amount to whose it is by the report. By anyone.
    function settle() external returns (address to) {
        if (!posted || settled) revert PerformanceBond_NotNow();
        settled = true;
        (int128 kpi, bool missing) = _terms.oracle.consume(_terms.feed, 0);
        bool performed = missing ? !_terms.missingToOwner : kpi >= _terms.target;
        to = performed ? _terms.contractor : _terms.owner;
        emit Settled(to, _terms.amount - waived, kpi, missing);
        _terms.currency.safeTransfer(to, _terms.amount - waived);
    }

    function terms() external view returns (Terms memory) {
        return _terms;
    }
}
