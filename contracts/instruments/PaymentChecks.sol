// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IKpiOracle} from "../interfaces/IKpiOracle.sol";
import {IKpiPayment} from "../interfaces/IKpiPayment.sol";
import {FeedStore} from "../oracle/FeedStore.sol";
import {Accrual} from "../settlement/Accrual.sol";
import {PayoffCurve} from "../settlement/PayoffCurve.sol";
import {PaymentTerms} from "./PaymentTerms.sol";

/// @title Payment checks
/// @notice What the terms of a KPI payment must satisfy, among it that silence never pays.
/// @dev A contract of its own, so that a payment's code is not half checks that run once.
contract PaymentChecks {
    using FeedStore for bytes;
    using PaymentTerms for bytes;

    uint256 internal constant MAX_PERIODS = 240; // so that the terms fit the code of one contract
    int256 private constant MAX_AMOUNT = PaymentTerms.MAX_AMOUNT;

    /// @notice Revert with KpiPayment_InvalidTerms naming what is wrong with the terms of the calling payment.
    /// @param terms as {PaymentTerms} reads them
    function validate(bytes memory terms) external view {
        address payer = terms.party(IKpiPayment.Side.Payer);
        address payee = terms.party(IKpiPayment.Side.Payee);
        _require(terms.currency() != address(0) && terms.oracle() != address(0), "currency or oracle zero");
        _require(payer != address(0) && payee != address(0) && payer != payee, "payer or payee zero or the same");

        _require(terms.curePeriod() != 0, "cure period zero");
        _require(terms.lateRate() <= Accrual.RATE_ONE, "late rate above 100 %");
        bool small = terms.required(IKpiPayment.Side.Payer) <= uint256(MAX_AMOUNT)
            && terms.required(IKpiPayment.Side.Payee) <= uint256(MAX_AMOUNT);
        _require(small, "collateral too large");
        _checkPeriods(terms);
        _checkAmounts(terms);
        _checkFeeds(terms);
    }

    function _checkPeriods(bytes memory terms) private pure {
        uint256 count = terms.periodCount();
        _require(count != 0 && count <= MAX_PERIODS, "periods not 1-240");
        for (uint256 i = 1; i < count; ++i) {
            _require(terms.payDate(i) > terms.payDate(i - 1), "pay dates not ascending");
        }
        _require(terms.payDate(count - 1) <= type(uint40).max, "last pay date too far away");
    }

    function _checkAmounts(bytes memory terms) private pure {
        PayoffCurve.Curve memory curve = terms.curve();
        int256 lowest = PayoffCurve.minimum(curve);
        int256 highest = PayoffCurve.maximum(curve);
        int256 missing = terms.missingPayoff();
        _require(_isAdverse(terms, missing, lowest, highest), "silence would pay the data controller");
        // One of the two is the extreme already.
        if (missing < lowest) lowest = missing;
        if (missing > highest) highest = missing;
        for (uint256 i = 0; i < terms.periodCount(); ++i) {
            int256 fixedAmount = terms.fixedAmount(i);
            _require(fixedAmount + lowest >= -MAX_AMOUNT && fixedAmount + highest <= MAX_AMOUNT, "amount too large");
        }
    }

    function _checkFeeds(bytes memory terms) private view {
        bytes32 feed = terms.feed();
        bytes32 valueFeed = terms.valueFeed();
        int256 missing = terms.missingValue();
        // The bounds of the KPI do not matter: the curve is flat beyond its ends.
        bytes memory kpi = _checkFeed(terms, feed);
        _require(terms.startBy() < kpi.item(FeedStore.PERIOD_ENDS, 0), "starts after a period has ended");
        if (terms.closeOutRule() != IKpiPayment.CloseOutRule.ModelValue) {
            _require(valueFeed == 0 && missing == 0, "model value without its rule");
            return;
        }
        _require(valueFeed != feed, "value feed is the KPI feed");
        bytes memory model = _checkFeed(terms, valueFeed);
        for (uint256 i = 1; i < terms.periodCount(); ++i) {
            bool late = model.item(FeedStore.PERIOD_ENDS, i) >= kpi.item(FeedStore.PERIOD_ENDS, i - 1);
            _require(late, "valued before it is measured");
        }
        (int256 lowest, int256 highest) =
            (int256(model.word(FeedStore.MIN_VALUE)), int256(model.word(FeedStore.MAX_VALUE)));
        _require(_isAdverse(terms, missing, lowest, highest), "silent value pays the controller");
        bool small = lowest >= -MAX_AMOUNT && highest <= MAX_AMOUNT && missing >= -MAX_AMOUNT && missing <= MAX_AMOUNT;
        _require(small, "model value too large");
    }

    /// @dev A feed without a period for each payment, or that does not let this contract use its reports, could never be
    /// settled on. Reverts with the oracle's error when there is no such feed.
    /// @return config as {FeedStore} reads it: decoding the whole of it would double the size of these checks
    function _checkFeed(bytes memory terms, bytes32 feed) private view returns (bytes memory config) {
        config = Address.functionStaticCall(terms.oracle(), abi.encodeCall(IKpiOracle.configOf, (feed)));
        uint256 count = terms.periodCount();
        _require(config.count(FeedStore.PERIOD_ENDS) >= count, "feed has too few periods");
        for (uint256 i = 0; i < count; ++i) {
            _require(config.item(FeedStore.PERIOD_ENDS, i) <= terms.payDate(i), "period ends after its pay date");
        }
        bool consumer = false;
        for (uint256 i = 0; i < config.count(FeedStore.CONSUMERS); ++i) {
            consumer = consumer || config.item(FeedStore.CONSUMERS, i) == uint160(msg.sender);
        }
        _require(consumer, "not a consumer of the feed");
    }

    /// @dev Whether no value from lowest to highest is worse for the data controller than `missing`.
    function _isAdverse(bytes memory terms, int256 missing, int256 lowest, int256 highest) private pure returns (bool) {
        return terms.dataController() == IKpiPayment.Side.Payer ? missing >= highest : missing <= lowest;
    }

    function _require(bool ok, string memory what) private pure {
        if (!ok) revert IKpiPayment.KpiPayment_InvalidTerms(what);
    }
}
