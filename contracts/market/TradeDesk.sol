// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {ISecurityToken} from "../interfaces/ISecurityToken.sol";
import {ITradeDesk} from "../interfaces/ITradeDesk.sol";
import {Signatures} from "./Signatures.sol";

/// @title Trade desk
/// @notice See {ITradeDesk}.
contract TradeDesk is ITradeDesk, EIP712, Initializable {
    using SafeERC20 for IERC20;

    bytes32 private constant QUOTE_TYPEHASH = keccak256(
        "Quote(address maker,address taker,uint8 side,uint64 units,uint64 least,uint128 price,uint96 earned,bool holds,uint64 opens,uint64 expires,uint64 nonce)"
    );

    /// @notice No quote lives longer: as long as the notice of a recovery.
    uint32 public constant MAX_LIFE = 90 days;

    /// @dev One slot: what became of a quote.
    struct Fate {
        uint64 filled;
        bool cancelled;
    }

    Terms private _terms;
    mapping(address maker => mapping(bytes32 hash => Fate)) private _fates;
    mapping(address maker => uint64) private _nonces;

    constructor() EIP712("Penstock TradeDesk", "1") {
        _disableInitializers();
    }

    /// @inheritdoc ITradeDesk
    function initialize(Terms calldata terms_) external initializer {
        if (terms_.minimum == 0) revert TradeDesk_InvalidTerms("minimum zero");
        if (terms_.longest == 0) revert TradeDesk_InvalidTerms("longest zero");
        // Or quotes that a lost key has signed would live again when its holding has been recovered.
        if (terms_.longest > MAX_LIFE) revert TradeDesk_InvalidTerms("longest above 90 days");
        bool same = ISecurityToken(terms_.token).anchors().currency == terms_.currency;
        if (!same) revert TradeDesk_InvalidTerms("not the token's currency");
        _terms = terms_;
    }

    /// @inheritdoc ITradeDesk
    function fill(Quote calldata quote, bytes calldata signature, uint256 units) external returns (uint256 paid) {
        bytes32 hash = hashOf(quote);
        _requireLive(quote, hash);
        _take(quote, hash, units);
        paid = units * priceNow(quote); // 64 and 128 bits
        if (!Signatures.isSigned(quote.maker, _hashTypedDataV4(hash), signature)) {
            revert TradeDesk_NotSigned(quote.maker);
        }
        emit QuoteFilled(hash, quote.maker, msg.sender, quote, units, paid);
        (address seller, address buyer) =
            quote.side == Side.Sells ? (quote.maker, msg.sender) : (msg.sender, quote.maker);
        // Units first: a currency that calls the seller back must not find units paid for that it can still move.
        IERC20(_terms.token).safeTransferFrom(seller, buyer, units);
        _pay(buyer, seller, paid);
    }

    /// @inheritdoc ITradeDesk
    function cancel(bytes32 hash) external {
        Fate storage fate = _fates[msg.sender][hash];
        if (fate.cancelled) revert TradeDesk_Cancelled(hash);
        fate.cancelled = true;
        emit QuoteCancelled(msg.sender, hash);
    }

    /// @inheritdoc ITradeDesk
    function cancelBelow(uint64 nonce) external {
        if (nonce <= _nonces[msg.sender]) revert TradeDesk_NonceBelow(_nonces[msg.sender]);
        _nonces[msg.sender] = nonce;
        emit QuotesCancelledBelow(msg.sender, nonce);
    }

    // ---------------------------------------------------------------- within

    /// @dev Whether the caller may take some of a quote now, apart from how much and what its signature is worth.
    function _requireLive(Quote calldata quote, bytes32 hash) private view {
        address maker = quote.maker;
        bool other = quote.taker != address(0) && quote.taker != msg.sender;
        if (other || maker == msg.sender) revert TradeDesk_NotTaker(msg.sender);
        if (block.timestamp < quote.opens || block.timestamp >= quote.expires) {
            revert TradeDesk_NotOpen(quote.opens, quote.expires);
        }
        uint64 life = quote.expires - quote.opens;
        if (life > _terms.longest) revert TradeDesk_LivesTooLong(life, _terms.longest);
        if (quote.nonce < _nonces[maker]) revert TradeDesk_NonceBelow(_nonces[maker]);
        if (_fates[maker][hash].cancelled) revert TradeDesk_Cancelled(hash);
        if (ISecurityToken(_terms.token).recoveryOf(maker).from != 0) revert TradeDesk_MakerInRecovery(maker);
    }

    function _take(Quote calldata quote, bytes32 hash, uint256 units) private {
        Fate storage fate = _fates[quote.maker][hash];
        uint256 filled = fate.filled;
        uint256 left = quote.units - filled;
        if (units == 0 || units > left) revert TradeDesk_UnitsNotLeft(units, left);
        uint256 least = quote.least > _terms.minimum ? quote.least : _terms.minimum;
        if (units < least && units != left) revert TradeDesk_TooFewUnits(units, least);
        fate.filled = uint64(filled + units); // not above the quote's units, a uint64
    }

    /// @dev Exactly, whatever a currency keeps back of what it moves.
    function _pay(address buyer, address seller, uint256 amount) private {
        IERC20 currency = IERC20(_terms.currency);
        uint256 before = currency.balanceOf(seller);
        currency.safeTransferFrom(buyer, seller, amount);
        uint256 received = currency.balanceOf(seller) - before;
        if (received != amount) revert TradeDesk_NotExact(received, amount);
    }

    // ---------------------------------------------------------------- views

    /// @inheritdoc ITradeDesk
    function priceNow(Quote calldata quote) public view returns (uint256) {
        uint256 earned = ISecurityToken(_terms.token).earnedPerUnit();
        bool same = earned == quote.earned;
        bool less = quote.holds && earned > quote.earned;
        if ((!same && !less) || earned - quote.earned >= quote.price) revert TradeDesk_PaidSince(earned);
        return quote.price - (earned - quote.earned);
    }

    /// @inheritdoc ITradeDesk
    function leftOf(Quote calldata quote) external view returns (uint256) {
        Fate memory fate = _fates[quote.maker][hashOf(quote)];
        return fate.cancelled || quote.nonce < _nonces[quote.maker] ? 0 : quote.units - fate.filled;
    }

    /// @inheritdoc ITradeDesk
    function hashOf(Quote calldata quote) public pure returns (bytes32) {
        return keccak256(abi.encode(QUOTE_TYPEHASH, quote));
    }

    /// @inheritdoc ITradeDesk
    function nonceOf(address maker) external view returns (uint64) {
        return _nonces[maker];
    }

    /// @inheritdoc ITradeDesk
    function terms() external view returns (Terms memory) {
        return _terms;
    }
}
