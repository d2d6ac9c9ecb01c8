// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IKpiOracle} from "../interfaces/IKpiOracle.sol";
import {ILiquidityBuffer} from "../interfaces/ILiquidityBuffer.sol";
import {ISecurityToken} from "../interfaces/ISecurityToken.sol";
import {ITradeDesk} from "../interfaces/ITradeDesk.sol";

/// @title Liquidity buffer
/// @notice See {ILiquidityBuffer}.
contract LiquidityBuffer is ILiquidityBuffer, Initializable {
    using SafeERC20 for IERC20;

    uint256 private constant ONE = 1e18;
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant DESK_NAME = keccak256("Penstock TradeDesk");
    bytes32 private constant DESK_VERSION = keccak256("1");

    Terms private _terms;
    Mark private _mark;
    uint32 private _marked;
    uint32 private _periods;
    address private _token;
    address private _currency;

    constructor() {
        _disableInitializers();
    }

    /// @inheritdoc ILiquidityBuffer
    function initialize(Terms calldata terms_) external initializer {
        if (terms_.discount >= ONE) revert LiquidityBuffer_InvalidTerms("discount of all");
        if (terms_.longest == 0) revert LiquidityBuffer_InvalidTerms("longest zero");
        if (terms_.most == 0) revert LiquidityBuffer_InvalidTerms("most zero");
        if (terms_.sponsor == address(0)) revert LiquidityBuffer_InvalidTerms("sponsor zero");
        if (terms_.until <= block.timestamp) revert LiquidityBuffer_InvalidTerms("until past");
        _terms = terms_;
        _periods = uint32(IKpiOracle(terms_.oracle).configOf(terms_.feed).periodEnds.length);
        ITradeDesk.Terms memory desk = ITradeDesk(terms_.desk).terms();
        (_token, _currency) = (desk.token, desk.currency);
        // The desk takes of it what it signs for by the rule, and nothing else: it is never who fills a quote.
        IERC20(desk.currency).forceApprove(terms_.desk, type(uint256).max);
    }

    /// @inheritdoc ILiquidityBuffer
    function fund(uint256 amount) external {
        if (msg.sender != _terms.sponsor) revert LiquidityBuffer_NotSponsor(msg.sender);
        if (_isOver()) revert LiquidityBuffer_Over(_terms.until);
        emit Funded(amount);
        IERC20 currency = IERC20(_currency);
        uint256 before = currency.balanceOf(address(this));
        currency.safeTransferFrom(msg.sender, address(this), amount);
        uint256 received = currency.balanceOf(address(this)) - before;
        if (received != amount) revert LiquidityBuffer_NotExact(received, amount);
    }

    /// @inheritdoc ILiquidityBuffer
    function mark() external {
        (IKpiOracle oracle, bytes32 feed, uint32 period) = (IKpiOracle(_terms.oracle), _terms.feed, _marked);
        _marked = period + 1;
        // Used, a report is not restated any more: what is bought at it was bought at the value that stays.
        (int128 reported, bool missing) = oracle.consume(feed, period);
        uint128 value = missing || reported <= 0 ? 0 : uint128(reported);
        uint64 time = oracle.periodEndOf(feed, period);
        uint64 closes = time + _terms.longest;
        if (closes > _terms.until) closes = _terms.until;
        if (period + 1 < _periods) {
            uint64 next = oracle.periodEndOf(feed, period + 1);
            if (closes > next) closes = next;
        }
        uint256 limit = IERC20(_token).balanceOf(address(this)) + _terms.most;
        bytes32 evidence = oracle.reportOf(feed, period).evidence;
        _mark = Mark(value, time, closes, limit > type(uint64).max ? type(uint64).max : uint64(limit), evidence);
        emit Marked(period, value, evidence);
    }

    /// @inheritdoc ILiquidityBuffer
    function collect() external returns (uint256 amount) {
        amount = ISecurityToken(_token).claim(address(this));
    }

    /// @inheritdoc ILiquidityBuffer
    function release() external returns (uint256 amount) {
        if (!_isOver()) revert LiquidityBuffer_StillOffered(_terms.until);
        amount = IERC20(_currency).balanceOf(address(this));
        emit Released(amount);
        IERC20(_currency).safeTransfer(_terms.sponsor, amount);
    }

    // ---------------------------------------------------------------- views

    /// @inheritdoc IERC1271
    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        ITradeDesk.Quote memory quote = abi.decode(signature, (ITradeDesk.Quote));
        ITradeDesk desk = ITradeDesk(_terms.desk);
        bytes32 domain = keccak256(abi.encode(DOMAIN_TYPEHASH, DESK_NAME, DESK_VERSION, block.chainid, address(desk)));
        bool signs = MessageHashUtils.toTypedDataHash(domain, desk.hashOf(quote)) == digest
            && quote.maker == address(this) && quote.side == ITradeDesk.Side.Buys && quote.units <= room()
            && desk.priceNow(quote) <= bid();
        return signs ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }

    /// @inheritdoc ILiquidityBuffer
    function bid() public view returns (uint256) {
        Mark memory m = _mark;
        uint256 earned = ISecurityToken(_token).earnedPerUnit();
        if (block.timestamp >= m.closes || m.value <= earned || _isOver()) return 0;
        return (m.value - earned) * (ONE - _terms.discount) / ONE;
    }

    /// @inheritdoc ILiquidityBuffer
    function room() public view returns (uint256) {
        uint256 held = IERC20(_token).balanceOf(address(this));
        return held < _mark.limit ? _mark.limit - held : 0;
    }

    /// @inheritdoc ILiquidityBuffer
    function markNow() external view returns (Mark memory) {
        return _mark;
    }

    /// @inheritdoc ILiquidityBuffer
    function marked() external view returns (uint32) {
        return _marked;
    }

    /// @inheritdoc ILiquidityBuffer
    function terms() external view returns (Terms memory) {
        return _terms;
    }

    function _isOver() private view returns (bool) {
        return block.timestamp >= _terms.until || ISecurityToken(_token).closed();
    }
}
