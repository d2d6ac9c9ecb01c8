// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IdentityRegistry} from "../../../contracts/identity/IdentityRegistry.sol";
import {KpiPayment} from "../../../contracts/instruments/KpiPayment.sol";
import {HoldingPolicy, IIdentityRegistry} from "../../../contracts/interfaces/IIdentityRegistry.sol";
import {IKpiOracle} from "../../../contracts/interfaces/IKpiOracle.sol";
import {IKpiPayment} from "../../../contracts/interfaces/IKpiPayment.sol";
import {IRevenueTreasury} from "../../../contracts/interfaces/IRevenueTreasury.sol";
import {ISecurityToken} from "../../../contracts/interfaces/ISecurityToken.sol";
import {RevenueTreasury} from "../../../contracts/spv/RevenueTreasury.sol";
import {TestCurrency} from "../../../contracts/testing/TestCurrency.sol";
import {SecurityToken} from "../../../contracts/token/SecurityToken.sol";

/// @notice A real claim token, treasury and swap, with this contract as their offering, hedge provider, oracle and only
/// holder; one call per event, so that tests/settlement can move the clock between events.
contract TreasuryReplay {
    struct Books {
        uint256 held;
        uint256[2] arrears;
        uint256[2] credits;
        uint256[2] withdrawn;
        uint256 periodsPaid;
        uint256 state;
        uint256 earnedPerUnit;
        bool tokenClosed;
        uint256 swapState;
        uint256 periodsSettled;
        uint256[2] balances;
        uint256[2] swapCredits;
        uint256[2] principals;
        uint256[2] owed;
        uint256[2] deadlines;
    }

    struct Report {
        int128 value;
        bool missing;
    }

    address private constant OPERATOR = address(0x09E4A704);
    address private constant LENDER = address(0x1E4DE4);
    bytes32 private constant FEED = "kpi";
    bytes32 private constant VALUE_FEED = "value";

    address private immutable TOKEN;
    address private immutable TREASURY;
    address private immutable PAYMENT;
    IdentityRegistry private immutable REGISTRY;

    TestCurrency private _currency;
    SecurityToken private _token;
    RevenueTreasury private _treasury;
    KpiPayment private _swap;
    uint64[] private _ends; // of the swap's periods
    int128 private _missingValue;
    mapping(address swap => mapping(bytes32 feed => mapping(uint256 period => Report))) private _reports;

    /// @param token, treasury, payment implementations to clone
    constructor(address token, address treasury, address payment) {
        TOKEN = token;
        TREASURY = treasury;
        PAYMENT = payment;
        REGISTRY = new IdentityRegistry(address(this));
        REGISTRY.setIdentity(address(this), IIdentityRegistry.Identity(type(uint64).max, 840, 1));
    }

    /// @param swapTerms without addresses and feeds; with no periods: no swap. What it requires of the provider is posted
    /// @param ends of the swap's periods
    function start(
        uint64 units,
        IRevenueTreasury.Period[] calldata periods,
        IKpiPayment.Terms calldata swapTerms,
        uint64[] calldata ends
    ) external {
        _currency = new TestCurrency("Test dollar", "TUSD", 6);
        _treasury = RevenueTreasury(Clones.clone(TREASURY));
        _swap = KpiPayment(address(0));
        _ends = ends;
        if (swapTerms.periods.length != 0) _startSwap(swapTerms);
        ISecurityToken.Anchors memory anchors = ISecurityToken.Anchors({
            currency: address(_currency),
            registry: address(REGISTRY),
            agent: address(1),
            policy: HoldingPolicy.wrap(bytes32(uint256(1 << 1))),
            termsHash: "replay"
        });
        _token = SecurityToken(Clones.cloneWithImmutableArgs(TOKEN, abi.encode(anchors)));
        _token.initialize("Replay", "RPL", address(this), address(_treasury));
        _treasury.initialize(
            IRevenueTreasury.Terms(
                address(_token), address(_currency), address(this), address(_swap), OPERATOR, LENDER, periods
            )
        );
        _token.mint(address(this), units);
        _currency.mint(address(this), type(uint128).max);
        _currency.approve(address(_treasury), type(uint256).max);
        if (address(_swap) != address(0)) {
            _currency.approve(address(_swap), type(uint256).max);
            _swap.fund(IKpiPayment.Side.Payer, swapTerms.requiredCollateral[0]);
        }
        _treasury.activate();
    }

    function _startSwap(IKpiPayment.Terms calldata swapTerms) private {
        _swap = KpiPayment(Clones.clone(PAYMENT));
        IKpiPayment.Terms memory t = swapTerms;
        t.currency = address(_currency);
        (t.payer, t.payee, t.oracle) = (address(this), address(_treasury), address(this));
        t.feed = FEED;
        t.valueFeed = t.closeOutRule == IKpiPayment.CloseOutRule.ModelValue ? VALUE_FEED : bytes32(0);
        t.payeeStarts = true;
        _missingValue = t.missingValue;
        _swap.initialize(t);
    }

    // ---------------------------------------------------------------- events

    function revenue(uint256 amount) external {
        _treasury.receiveRevenue("power", amount);
    }

    function pay() external {
        _treasury.pay();
    }

    function payRest() external {
        _treasury.payRest();
    }

    function withdraw(IRevenueTreasury.Party party) external {
        _treasury.withdraw(party);
    }

    function settle(int128 kpi, bool missing) external {
        _reports[address(_swap)][FEED][_swap.periodsSettled()] = Report(kpi, missing);
        _swap.settle();
    }

    function fund(IKpiPayment.Side side, uint256 amount) external {
        _swap.fund(side, amount);
    }

    /// @dev For the provider by itself, for the treasury as a stranger.
    function withdrawFromSwap(IKpiPayment.Side side) external {
        _swap.withdraw(side);
    }

    function callMargin(IKpiPayment.Side side) external {
        _swap.callMargin(side);
    }

    function closeOut(int128 value, bool missing) external {
        _reports[address(_swap)][VALUE_FEED][_swap.periodsSettled()] = Report(value, missing);
        _swap.closeOut();
    }

    // ---------------------------------------------------------------- views

    function books() external view returns (Books memory b) {
        b.held = _currency.balanceOf(address(_treasury));
        b.withdrawn = [_currency.balanceOf(OPERATOR), _currency.balanceOf(LENDER)];
        for (uint256 i = 0; i < 2; ++i) {
            b.arrears[i] = _treasury.arrearsOf(IRevenueTreasury.Party(i));
            b.credits[i] = _treasury.creditOf(IRevenueTreasury.Party(i));
        }
        (b.periodsPaid, b.state) = (_treasury.periodsPaid(), uint256(_treasury.state()));
        (b.earnedPerUnit, b.tokenClosed) = (_token.earnedPerUnit(), _token.closed());
        if (address(_swap) == address(0)) return b;
        (b.swapState, b.periodsSettled) = (uint256(_swap.state()), _swap.periodsSettled());
        for (uint256 i = 0; i < 2; ++i) {
            IKpiPayment.Account memory account = _swap.accountOf(IKpiPayment.Side(i));
            b.balances[i] = account.balance;
            b.swapCredits[i] = account.credit;
            b.principals[i] = account.principal;
            b.owed[i] = _swap.owed(IKpiPayment.Side(i));
            b.deadlines[i] = account.deadline;
        }
    }

    // ---------------------------------------------------------------- as the oracle

    /// @dev Bounds that the swap accepts beside its missing value; here they bind nothing.
    function configOf(bytes32) external view returns (IKpiOracle.FeedConfig memory config) {
        config.periodEnds = _ends;
        config.consumers = new address[](1);
        config.consumers[0] = address(_swap);
        (config.minValue, config.maxValue) = (_missingValue, _missingValue);
    }

    /// @dev Settled before its pay date.
    function reportOf(bytes32, uint32) external pure returns (IKpiOracle.Report memory r) {}

    function periodEndOf(bytes32, uint32 period) external view returns (uint64) {
        return _ends[period];
    }

    function consume(bytes32 feed, uint32 period) external view returns (int128, bool) {
        Report memory report = _reports[msg.sender][feed][period];
        return (report.value, report.missing);
    }
}
