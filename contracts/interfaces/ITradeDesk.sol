// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Trade desk
/// @notice Secondary market of a claim token, delivery versus payment: whoever takes a signed quote moves units and money in
/// one transaction, or nothing. Quotes are made and shown elsewhere; the desk keeps what was filled or cancelled of them,
/// and never holds units or money. Both sides allow it to take theirs (the seller of the token, the buyer of the currency)
/// and nothing moves but by the signature of the one and the transaction of the other.
/// @dev A price is what is paid for one unit, accrued interest included, for what a unit had earned when it was signed
/// (the token's `earnedPerUnit`). Once more is paid on units the price is for something else: the quote is void, or, if its
/// maker said that it holds, costs so much less. So it never matters to either side whether a payment or a fill comes
/// first, and nobody can end a quote that holds by a payment of a minor unit.
/// Who may hold, what is frozen, a pause and the token's end are the token's to say. A quote of a maker whose holding is in
/// recovery is refused: whoever signed may have the lost key, and money sent to a wallet without a key is gone.
/// A maker with code answers for its signatures itself (ERC-1271).
/// Python twin: finance/settlement/trade_desk.py.
interface ITradeDesk {
    /// @param minimum least units of a fill, unless it takes all that is left of a quote
    /// @param currency the token's
    /// @param longest life of a quote, seconds, at most 90 days: the notice of a recovery
    struct Terms {
        address token;
        address currency;
        uint64 minimum;
        uint32 longest;
    }

    /// @dev What the maker does.
    enum Side {
        Sells,
        Buys
    }

    /// @param taker who may fill it; zero: anyone
    /// @param units of all its fills together
    /// @param least units of a fill, unless it takes all that is left; as many as `units`: all or none
    /// @param price of one unit, minor units of the currency
    /// @param earned by one unit when it was signed: the token's `earnedPerUnit`
    /// @param holds after units have earned more, for so much less; false: void then
    /// @param opens, expires when it can be filled, unix seconds (expires exclusive)
    /// @param nonce of the maker's choice: the same quote with another is another; see {cancelBelow}
    struct Quote {
        address maker;
        address taker;
        Side side;
        uint64 units;
        uint64 least;
        uint128 price;
        uint96 earned;
        bool holds;
        uint64 opens;
        uint64 expires;
        uint64 nonce;
    }

    /// @param hash of the quote
    /// @param paid for the units, by the buyer to the seller
    event QuoteFilled(
        bytes32 indexed hash, address indexed maker, address indexed taker, Quote quote, uint256 units, uint256 paid
    );
    event QuoteCancelled(address indexed maker, bytes32 indexed hash);
    event QuotesCancelledBelow(address indexed maker, uint64 nonce);

    error TradeDesk_InvalidTerms(string what);
    error TradeDesk_NotTaker(address caller);
    error TradeDesk_NotOpen(uint64 opens, uint64 expires);
    error TradeDesk_LivesTooLong(uint64 seconds_, uint32 longest);
    /// @param nonce least that the maker's quotes may have
    error TradeDesk_NonceBelow(uint64 nonce);
    error TradeDesk_Cancelled(bytes32 hash);
    error TradeDesk_UnitsNotLeft(uint256 units, uint256 left);
    error TradeDesk_TooFewUnits(uint256 units, uint256 least);
    /// @param earned by one unit now, which is not what the quote was made for, or leaves nothing of its price
    error TradeDesk_PaidSince(uint256 earned);
    error TradeDesk_MakerInRecovery(address maker);
    error TradeDesk_NotSigned(address maker);
    /// @param received by the seller, who was to get `due`: the currency keeps some back
    error TradeDesk_NotExact(uint256 received, uint256 due);

    /// @notice Set once, by the factory, in the transaction that creates the clone.
    function initialize(Terms calldata terms_) external;

    /// @notice Take `units` of a quote: the caller buys what its maker sells, or sells what its maker buys.
    /// @param signature of the maker over the quote (EIP-712, 65 bytes), or what its contract takes for one
    /// @return paid by the buyer to the seller
    function fill(Quote calldata quote, bytes calldata signature, uint256 units) external returns (uint256 paid);

    /// @notice For a maker: nobody fills the quote of that hash any more.
    function cancel(bytes32 hash) external;

    /// @notice For a maker: nobody fills any of its quotes with a smaller nonce any more. It only rises.
    function cancelBelow(uint64 nonce) external;

    /// @notice What a unit of a quote costs now. Reverts where it is void for what was paid since.
    function priceNow(Quote calldata quote) external view returns (uint256);

    /// @notice Units of a quote that are not filled; none of one that is cancelled.
    function leftOf(Quote calldata quote) external view returns (uint256);

    /// @notice The EIP-712 hash of the struct, by which a quote is known here.
    function hashOf(Quote calldata quote) external pure returns (bytes32);

    /// @notice The least nonce that a maker's quotes may have.
    function nonceOf(address maker) external view returns (uint64);

    function terms() external view returns (Terms memory);
}
