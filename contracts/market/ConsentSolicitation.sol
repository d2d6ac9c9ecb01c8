// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IConsentSolicitation} from "../interfaces/IConsentSolicitation.sol";
import {ISecurityToken} from "../interfaces/ISecurityToken.sol";
import {Signatures} from "./Signatures.sol";

/// @title Consent solicitation
/// @notice See {IConsentSolicitation}.
contract ConsentSolicitation is IConsentSolicitation, EIP712, Initializable {
    bytes32 private constant CONSENT_TYPEHASH = keccak256("Consent(uint256 waiver,address holder,uint64 units)");

    /// @notice As long as holders may put off interest by a majority: 15 U.S.C. 77ppp(a)(2).
    uint32 public constant MAX_STANDSTILL = 3 * 365 days;
    uint256 public constant MAX_AFFILIATES = 16;

    Terms private _terms;
    Waiver[] private _waivers;
    mapping(uint256 waiver => mapping(address holder => Consent)) private _consents;
    mapping(uint256 payment => uint32) private _standstills;

    constructor() EIP712("Penstock ConsentSolicitation", "1") {
        _disableInitializers();
    }

    /// @inheritdoc IConsentSolicitation
    function initialize(Terms calldata terms_) external initializer {
        bool majority = terms_.numerator <= terms_.denominator && 2 * uint256(terms_.numerator) > terms_.denominator;
        _require(majority, "majority not above a half");
        _require(terms_.longest != 0 && terms_.longest <= MAX_STANDSTILL, "standstill not up to three years");
        _require(terms_.held != 0 && terms_.held <= terms_.notice, "held not up to the notice");
        _require(terms_.window != 0, "window zero");
        _require(terms_.affiliates.length <= MAX_AFFILIATES, "affiliates more than 16");
        bool issuer = false;
        for (uint256 i = 0; i < terms_.affiliates.length; ++i) {
            _require(i == 0 || terms_.affiliates[i] > terms_.affiliates[i - 1], "affiliates not ascending");
            issuer = issuer || terms_.affiliates[i] == terms_.issuer;
        }
        _require(issuer, "issuer no affiliate");
        _terms = terms_;
    }

    function _require(bool ok, string memory what) private pure {
        if (!ok) revert ConsentSolicitation_InvalidTerms(what);
    }

    /// @inheritdoc IConsentSolicitation
    function propose(uint16 payment, uint32 standstill, bytes32 document) external returns (uint256 waiver) {
        if (msg.sender != _terms.issuer) revert ConsentSolicitation_NotIssuer(msg.sender);
        if (standstill == 0 || standstill > _terms.longest) {
            revert ConsentSolicitation_InvalidStandstill(standstill, _terms.longest);
        }
        waiver = _waivers.length;
        _waivers.push(Waiver(uint64(block.timestamp), standstill, payment, false, document));
        emit WaiverProposed(waiver, payment, standstill, document);
    }

    /// @inheritdoc IConsentSolicitation
    function consent(uint256 waiver, uint64 units) external {
        _consent(waiver, msg.sender, units, false);
    }

    /// @inheritdoc IConsentSolicitation
    function lodge(uint256 waiver, address holder, uint64 units, bytes calldata signature) external {
        if (_consents[waiver][holder].spoke) revert ConsentSolicitation_HasSpoken(holder);
        bytes32 hash = keccak256(abi.encode(CONSENT_TYPEHASH, waiver, holder, units));
        if (!Signatures.isSigned(holder, _hashTypedDataV4(hash), signature)) {
            revert ConsentSolicitation_NotSigned(holder);
        }
        _consent(waiver, holder, units, true);
    }

    /// @inheritdoc IConsentSolicitation
    function revoke(uint256 waiver) external {
        // Called for its revert.
        // slither-disable-next-line unused-return
        _open(waiver);
        _consents[waiver][msg.sender] = Consent(0, 0, true);
        emit ConsentRevoked(waiver, msg.sender);
    }

    /// @inheritdoc IConsentSolicitation
    function count(uint256 waiver, address[] calldata holders, uint64[] calldata units) external {
        Waiver storage asked = _open(waiver);
        uint64 until = asked.proposedAt + _terms.notice;
        if (block.timestamp < until) revert ConsentSolicitation_NoticeRuns(until);
        (uint256 consents, uint256 base) = _tally(waiver, holders, units);
        // The sums are below 2^64 and a majority below 2^32.
        bool passes = consents != 0 && consents * _terms.denominator >= base * _terms.numerator;
        if (!passes) revert ConsentSolicitation_BelowMajority(consents, base);
        asked.passed = true;
        (uint32 longer, uint256 payment) = (asked.standstill, asked.payment);
        if (longer > _standstills[payment]) _standstills[payment] = longer;
        emit WaiverPassed(waiver, holders, units, consents, base);
    }

    // ---------------------------------------------------------------- within

    /// @dev One that may still pass.
    function _open(uint256 waiver) private view returns (Waiver storage asked) {
        if (waiver >= _waivers.length) revert ConsentSolicitation_NoSuchWaiver(waiver);
        asked = _waivers[waiver];
        if (asked.passed) revert ConsentSolicitation_Passed(waiver);
        uint64 closed = asked.proposedAt + _terms.notice + _terms.window;
        if (block.timestamp >= closed) revert ConsentSolicitation_Closed(closed);
    }

    function _consent(uint256 waiver, address holder, uint64 units, bool signed) private {
        // Called for its revert.
        // slither-disable-next-line unused-return
        _open(waiver);
        address[] memory affiliates = _terms.affiliates;
        for (uint256 i = 0; i < affiliates.length; ++i) {
            if (affiliates[i] == holder) revert ConsentSolicitation_Affiliate(holder);
        }
        _requireAtMost(holder, units, _free(ISecurityToken(_terms.token), holder));
        _consents[waiver][holder] = Consent(units, uint64(block.timestamp), true);
        emit Consented(waiver, holder, units, signed);
    }

    /// @dev In one walk, because holders and affiliates ascend alike.
    function _tally(uint256 waiver, address[] calldata holders, uint64[] calldata units)
        private
        view
        returns (uint256 consents, uint256 base)
    {
        ISecurityToken token = ISecurityToken(_terms.token);
        address[] memory affiliates = _terms.affiliates;
        mapping(address => Consent) storage given = _consents[waiver];
        uint256 latest = block.timestamp - _terms.held;
        base = token.totalSupply();
        address last = address(0);
        uint256 next = 0; // of the affiliates
        for (uint256 i = 0; i < holders.length; ++i) {
            (address holder, uint256 stated) = (holders[i], units[i]);
            if (holder <= last) revert ConsentSolicitation_NotAscending(holder);
            last = holder;
            while (next < affiliates.length && affiliates[next] < holder) ++next;
            if (next < affiliates.length && affiliates[next] == holder) {
                _requireAtMost(holder, stated, token.balanceOf(holder));
                base -= stated;
                continue;
            }
            Consent memory its = given[holder];
            if (its.units == 0 || its.since > latest) revert ConsentSolicitation_NotConsenting(holder);
            uint256 most = _free(token, holder);
            _requireAtMost(holder, stated, most < its.units ? most : its.units);
            consents += stated;
        }
    }

    function _requireAtMost(address holder, uint256 units, uint256 most) private pure {
        if (units == 0 || units > most) revert ConsentSolicitation_UnitsNotHeld(holder, units, most);
    }

    function _free(ISecurityToken token, address holder) private view returns (uint256) {
        if (token.recoveryOf(holder).from != 0) return 0;
        (uint256 held, uint256 frozen) = (token.balanceOf(holder), token.getFrozenTokens(holder));
        return held > frozen ? held - frozen : 0;
    }

    // ---------------------------------------------------------------- views

    /// @inheritdoc IConsentSolicitation
    function standstillOf(uint256 payment) external view returns (uint32) {
        return _standstills[payment];
    }

    /// @inheritdoc IConsentSolicitation
    function waiverCount() external view returns (uint256) {
        return _waivers.length;
    }

    /// @inheritdoc IConsentSolicitation
    function waiverOf(uint256 waiver) external view returns (Waiver memory) {
        if (waiver >= _waivers.length) revert ConsentSolicitation_NoSuchWaiver(waiver);
        return _waivers[waiver];
    }

    /// @inheritdoc IConsentSolicitation
    function consentOf(uint256 waiver, address holder) external view returns (Consent memory) {
        return _consents[waiver][holder];
    }

    /// @inheritdoc IConsentSolicitation
    function freeUnits(address holder) external view returns (uint256) {
        return _free(ISecurityToken(_terms.token), holder);
    }

    /// @inheritdoc IConsentSolicitation
    function terms() external view returns (Terms memory) {
        return _terms;
    }
}
