// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Consent solicitation
/// @notice Holders of a claim token may put off the acceleration of a bond in default: a standstill, of which the terms say
/// from the start the majority, and how long it lasts at most. The issuer proposes it for one payment, holders consent on
/// chain or by signature and may revoke, and once the notice is over anybody has the consents counted. Nothing else is
/// voted on: what is owed stays owed and bears late interest, the issuer may pay longer than the cure period.
/// @dev The claim token knows nothing of it, so a transfer costs what it costs without. A consent counts for as many units as
/// it names, at most, and no more than its holder could transfer when it consented and can when it is counted, at least
/// `held` seconds later: units lent for a moment count for nothing. All consents are counted in one transaction, by
/// ascending holder, so no unit counts twice; that bounds how many holders can be counted to what fits one.
/// Frozen units and holdings in recovery do not consent and stay in the base: who can freeze can stop a standstill and
/// never bring one about. Units of the issuer and its affiliates do not consent either, and are left out of the base as far
/// as whoever counts names them: an obligor's own securities are disregarded (15 U.S.C. 77ppp(a), Trust Indenture Act of
/// 1939, sec. 316(a)). Whoever counts states what counts of each holder; the contract refuses what is more than the truth.
/// Warning: an affiliate that the terms do not name is anybody. Who consented with how many units is in the log.
/// Python twin: finance/settlement/consent_solicitation.py.
interface IConsentSolicitation {
    /// @param issuer who proposes
    /// @param affiliates ascending, at most 16, the issuer among them: their units do not consent
    /// @param numerator, denominator of the outstanding units that must consent, at least: above a half, at most all
    /// @param longest standstill, seconds, at most three years
    /// @param notice seconds from a proposal to the first count
    /// @param held seconds at least from a consent to its count, at most the notice
    /// @param window seconds after the notice in which consents can be counted
    struct Terms {
        address token;
        address issuer;
        address[] affiliates;
        uint32 numerator;
        uint32 denominator;
        uint32 longest;
        uint32 notice;
        uint32 held;
        uint32 window;
    }

    /// @param payment of the bond that is or will be missed, from 0: the number of coupons paid before it
    /// @param standstill seconds by which its cure period is longer
    /// @param document hash of what holders are asked to consent to, in words
    struct Waiver {
        uint64 proposedAt;
        uint32 standstill;
        uint16 payment;
        bool passed;
        bytes32 document;
    }

    /// @param units that may count; none: revoked, or never consented
    /// @param since when
    /// @param spoke whether the holder has consented or revoked, after which no signature of it counts any more
    struct Consent {
        uint64 units;
        uint64 since;
        bool spoke;
    }

    /// @param waiver its number, from 0
    event WaiverProposed(uint256 indexed waiver, uint256 indexed payment, uint256 standstill, bytes32 document);
    /// @param signed whether by a signature that somebody lodged
    event Consented(uint256 indexed waiver, address indexed holder, uint256 units, bool signed);
    event ConsentRevoked(uint256 indexed waiver, address indexed holder);
    /// @param holders counted, ascending, affiliates among them
    /// @param units of each that count, of an affiliate those left out of the base
    /// @param consents units that consent
    /// @param base units outstanding
    event WaiverPassed(uint256 indexed waiver, address[] holders, uint64[] units, uint256 consents, uint256 base);

    error ConsentSolicitation_InvalidTerms(string what);
    error ConsentSolicitation_NotIssuer(address caller);
    /// @dev None, or longer than the terms allow.
    error ConsentSolicitation_InvalidStandstill(uint32 standstill, uint32 longest);
    error ConsentSolicitation_NoSuchWaiver(uint256 waiver);
    error ConsentSolicitation_Passed(uint256 waiver);
    error ConsentSolicitation_Closed(uint64 closed);
    error ConsentSolicitation_NoticeRuns(uint64 until);
    error ConsentSolicitation_Affiliate(address holder);
    /// @param most units of the holder that may count now
    error ConsentSolicitation_UnitsNotHeld(address holder, uint256 units, uint256 most);
    /// @dev It has consented or revoked since it may have signed.
    error ConsentSolicitation_HasSpoken(address holder);
    error ConsentSolicitation_NotSigned(address holder);
    error ConsentSolicitation_NotConsenting(address holder);
    error ConsentSolicitation_NotAscending(address holder);
    error ConsentSolicitation_BelowMajority(uint256 consents, uint256 base);

    /// @notice Set once, by the factory, in the transaction that creates the clone.
    function initialize(Terms calldata terms_) external;

    /// @notice Ask holders for a standstill on one payment. Only the issuer.
    /// @return waiver its number
    function propose(uint16 payment, uint32 standstill, bytes32 document) external returns (uint256 waiver);

    /// @notice For a holder: consent with so many of its units, in place of an earlier consent; they are held from now.
    function consent(uint256 waiver, uint64 units) external;

    /// @notice Hand in a consent that a holder has signed. Anyone; as long as the holder has neither consented nor revoked.
    /// @param signature over the EIP-712 struct Consent(waiver, holder, units), or what the holder's contract takes for one
    function lodge(uint256 waiver, address holder, uint64 units, bytes calldata signature) external;

    /// @notice For a holder: consent no more, whatever it has signed. It may consent anew, on chain.
    function revoke(uint256 waiver) external;

    /// @notice Count consents, all that shall count, after the notice: passes the waiver, for good, or reverts. Anyone.
    /// @param holders ascending: who consents, and affiliates whose units are left out of the base
    /// @param units of each: at most those it consented with and holds free now; of an affiliate at most those it holds
    function count(uint256 waiver, address[] calldata holders, uint64[] calldata units) external;

    /// @notice Seconds by which holders have made the cure period of a missed payment longer.
    function standstillOf(uint256 payment) external view returns (uint32);

    function waiverCount() external view returns (uint256);
    function waiverOf(uint256 waiver) external view returns (Waiver memory);
    function consentOf(uint256 waiver, address holder) external view returns (Consent memory);
    /// @notice Units of a holder that it may consent with now: neither frozen nor in recovery.
    function freeUnits(address holder) external view returns (uint256);
    function terms() external view returns (Terms memory);
}
