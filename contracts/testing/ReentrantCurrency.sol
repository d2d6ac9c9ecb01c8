// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TestCurrency} from "./TestCurrency.sol";

/// @title Reentrant currency
/// @notice Calls anything it was armed with in the middle of the next transfer or approval, before or after it takes
/// effect: what a token with hooks, or an evil one, lets an attacker do. For tests only.
contract ReentrantCurrency is TestCurrency {
    enum Moment {
        Never,
        Before,
        After
    }

    Moment private _moment;
    address private _target;
    bytes private _data;

    /// @notice How the last call from inside a transfer ended.
    bool public attacked;
    bool public succeeded;
    bytes public answer;

    constructor(uint8 decimals_) TestCurrency("Reentrant dollar", "LOOP", decimals_) {}

    function arm(Moment moment, address target, bytes calldata data) external {
        (_moment, _target, _data) = (moment, target, data);
        (attacked, succeeded, answer) = (false, false, "");
    }

    function _update(address from, address to, uint256 value) internal override {
        if (_moment == Moment.Before) _attack();
        super._update(from, to, value);
        if (_moment == Moment.After) _attack();
    }

    function _approve(address owner, address spender, uint256 value, bool emitEvent) internal override {
        if (_moment == Moment.Before) _attack();
        super._approve(owner, spender, value, emitEvent);
        if (_moment == Moment.After) _attack();
    }

    function _attack() private {
        _moment = Moment.Never; // once
        attacked = true;
        (succeeded, answer) = _target.call(_data);
    }
}
