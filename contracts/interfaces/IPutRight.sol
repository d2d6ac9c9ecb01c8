// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Put
/// @notice On dates of the deal, holders of a claim may sell units to the writer of the put, a party of the deal, at prices
/// of the deal. For each date a holder gives notice first; the writer puts the money in, before notice or after; then each
/// holder exchanges units for money in one transaction, or does not.
/// @dev No custody: units stay with their holder until they are sold, so that distributions, freezes and the recovery of a
/// lost key stay the token's. A notice binds nobody and moves nothing; it counts only as far as its holder has the units:
/// once it has fewer, anybody cuts the notice down. So nobody has a larger part of money that is short by giving notice
/// of the same units from several wallets.
///
/// What a unit costs: the price of the date, and beside it what the unit should have earned by then and has not. That is
/// the greater of what it lacks of all that it should have earned since issue, and what it lacks of that which falls due
/// between notice and settlement, counted from the first notice. So it does not matter whether a payment or a sale comes
/// first, late interest and what KPIs add stay the holder's, and a writer who owes the payment gains nothing by not paying.
///
/// If the money is short, each holder sells the same part of its notice, rounded down, and keeps the rest; more money
/// lets it sell more. What was short can be put on record by anybody: the put is dishonoured for that date.
/// The writer takes back what no notice needs, once notice is over. While transfers are paused, or the writer may not
/// hold units, holders' time is prolonged, so that neither is a way round the put; the token's end ends it.
/// Warning: the currency must be a plain ERC-20 (no rebasing).
/// Python twin: finance/settlement/put_right.py.
interface IPutRight {
    /// @dev Unix seconds, ends exclusive; amounts of one unit in minor units.
    /// @param opens, closes when notice can be given
    /// @param settles, ends when units can be sold
    /// @param due of `earned`, what falls due between `closes` and `settles`
    /// @param price beside what is missing of `earned` or `due`
    /// @param earned by a unit since issue, at least, once all is paid that is due by `settles`
    struct Date {
        uint40 opens;
        uint40 closes;
        uint40 settles;
        uint40 ends;
        uint96 due;
        uint96 price;
        uint96 earned;
    }

    /// @param writer who buys
    /// @param ahead whether the money for all units in issue must be there when notice opens; if not, that for those of
    /// which notice was given, when units can be sold
    /// @param dates at most 64
    struct Terms {
        address token;
        address currency;
        address writer;
        bool ahead;
        Date[] dates;
    }

    /// @param money that is there for it, minor units
    /// @param noticed, sold units
    /// @param ends when it ends, later than in the terms if it was prolonged
    /// @param from what a unit had earned at the first notice
    /// @param isOpen whether there was one
    /// @param dishonoured whether it is on record that money was short
    struct Standing {
        uint128 money;
        uint64 noticed;
        uint64 sold;
        uint40 ends;
        uint96 from;
        bool isOpen;
        bool dishonoured;
    }

    /// @param units of which notice is given; @param sold of them
    struct Notice {
        uint64 units;
        uint64 sold;
    }

    /// @param units the holder's notice from now on, in all
    event NoticeGiven(address indexed holder, uint256 indexed date, uint256 units);
    /// @param units what stands of the holder's notice
    event NoticeLapsed(address indexed holder, uint256 indexed date, uint256 units);
    event PutFunded(address indexed from, uint256 indexed date, uint256 amount);
    /// @param paid for the units, by the put to the holder; the units went to the writer
    event PutExercised(address indexed holder, uint256 indexed date, uint256 units, uint256 paid);
    /// @param units for which there was no money
    event PutDishonoured(uint256 indexed date, uint256 units);
    event PutProlonged(uint256 indexed date, uint256 ends);
    event PutMoneyReturned(uint256 indexed date, uint256 amount);

    error PutRight_InvalidTerms(string what);
    error PutRight_NoSuchDate(uint256 date);
    /// @param from, until when it can be done (until exclusive)
    error PutRight_NotNow(uint256 from, uint256 until);
    error PutRight_IsWriter(address caller);
    /// @param held units of the holder
    error PutRight_UnitsHeld(uint256 units, uint256 held);
    /// @param noticed units of the holder, which are no more
    error PutRight_NothingLapses(uint256 units, uint256 noticed);
    /// @param left units that the holder can sell now
    error PutRight_UnitsNotLeft(uint256 units, uint256 left);
    error PutRight_NotShort(uint256 date);
    error PutRight_NotHindered(uint256 date);
    /// @param received of `due`: the currency keeps some back
    error PutRight_NotExact(uint256 received, uint256 due);

    /// @notice Set once, by the factory, in the transaction that creates the clone.
    function initialize(Terms calldata terms_) external;

    /// @notice For a holder, but for the writer: the units that it may want to sell on a date, in place of what it said
    /// before; none to take its notice back. Not more than it has.
    function giveNotice(uint256 date, uint256 units) external;

    /// @notice Cut a holder's notice down to `units`, where it has no more than these. Anyone, until units can be sold.
    function lapse(uint256 date, address holder, uint256 units) external;

    /// @notice Put money in for a date. Anyone, until it ends; what is left is the writer's.
    function fund(uint256 date, uint256 amount) external;

    /// @notice For a holder: sell units of its notice to the writer.
    /// @return paid to it
    function exercise(uint256 date, uint256 units) external returns (uint256 paid);

    /// @notice Put on record that money is short. Anyone, once, from when it should have been there.
    /// @return units for which there is none
    function dishonour(uint256 date) external returns (uint256 units);

    /// @notice Give holders their time anew, because transfers are paused or the writer may not hold units. Anyone, while
    /// units of notices are not sold, at most once a day.
    function prolong(uint256 date) external;

    /// @notice Give the writer what no notice needs. Anyone, once notice is over.
    function returnMoney(uint256 date) external returns (uint256 amount);

    function terms() external view returns (Terms memory);
    function standingOf(uint256 date) external view returns (Standing memory);
    function noticeOf(uint256 date, address holder) external view returns (Notice memory);
    /// @notice What a unit costs now. It only falls.
    function priceOf(uint256 date) external view returns (uint256);
    /// @notice Units that a holder could sell with the money that is there, were it the time.
    function leftOf(uint256 date, address holder) external view returns (uint256);
}
