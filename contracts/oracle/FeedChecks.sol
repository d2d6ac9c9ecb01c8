// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IKpiOracle} from "../interfaces/IKpiOracle.sol";

/// @title Feed checks
/// @notice What a feed's configuration must satisfy. Bounds on the list lengths bound the work of every later call.
/// @dev A contract of its own only because the code of {KpiOracle} has a limit.
contract FeedChecks {
    uint256 private constant MAX_SIGNERS = 32; // a signer index is a byte of one word
    uint256 private constant MAX_PERIODS = 512;
    uint256 private constant MAX_CONSUMERS = 8;

    /// @notice Revert with KpiOracle_InvalidConfig naming what is wrong.
    function validate(IKpiOracle.FeedConfig calldata config) external pure {
        _require(config.minValue < config.maxValue, "minValue not below maxValue");
        _require(_ascending(config.signers, MAX_SIGNERS), "signers not 1-32 ascending addresses");
        _require(_ascending(config.panel, MAX_SIGNERS), "panel not 1-32 ascending addresses");
        _require(_ascending(config.consumers, MAX_CONSUMERS), "consumers not 1-8 ascending addresses");
        _require(_isMajority(config.quorum, config.signers.length), "quorum not a majority of signers");
        _require(_bearsLiars(config.quorum, config.signers.length), "quorum too small: liars could set the value");
        _require(_isMajority(config.panelQuorum, config.panel.length), "panelQuorum not a majority of panel");
        _require(_disjoint(config.signers, config.panel), "a signer sits on the panel");
        _require(config.reportingWindow != 0, "reportingWindow zero");
        _require(config.disputeWindow != 0, "disputeWindow zero");
        _require(config.lateWindow >= config.disputeWindow, "lateWindow shorter than disputeWindow");
        _require(config.rulingWindow != 0, "rulingWindow zero");
        _require(config.bondCurrency != address(0), "bondCurrency zero");
        _require(config.challengeBond != 0, "challengeBond zero");
        _require(config.sponsor != address(0), "sponsor zero");
        uint256 periods = config.periodEnds.length;
        _require(periods != 0 && periods <= MAX_PERIODS, "periodEnds not 1-512");
        for (uint256 i = 1; i < periods; ++i) {
            _require(config.periodEnds[i] > config.periodEnds[i - 1], "periodEnds not ascending");
        }
        // Keeps every later sum of times inside uint48.
        _require(config.periodEnds[periods - 1] <= type(uint40).max, "periodEnds too far away");
    }

    function _require(bool ok, string memory what) private pure {
        if (!ok) revert IKpiOracle.KpiOracle_InvalidConfig(what);
    }

    /// @dev Strictly ascending from above zero, so neither the zero address nor a duplicate can be in it.
    function _ascending(address[] calldata list, uint256 most) private pure returns (bool) {
        if (list.length == 0 || list.length > most) return false;
        address previous = address(0);
        for (uint256 i = 0; i < list.length; ++i) {
            if (list[i] <= previous) return false;
            previous = list[i];
        }
        return true;
    }

    function _isMajority(uint256 quorum, uint256 count) private pure returns (bool) {
        return quorum <= count && 2 * quorum > count;
    }

    /// @dev With f liars, at the bottom or the top of the quorum's values, the (lower) median is still an honest value, or
    /// between two, if there are more than 2f values.
    function _bearsLiars(uint256 quorum, uint256 count) private pure returns (bool) {
        // Whole nodes, rounded down, not an amount.
        // slither-disable-next-line divide-before-multiply
        uint256 liars = count < 7 ? 1 : (count - 1) / 3;
        return quorum > 2 * liars;
    }

    function _disjoint(address[] calldata a, address[] calldata b) private pure returns (bool) {
        for (uint256 i = 0; i < a.length; ++i) {
            for (uint256 j = 0; j < b.length; ++j) {
                if (a[i] == b[j]) return false;
            }
        }
        return true;
    }
}
