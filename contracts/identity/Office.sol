// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IOffice} from "../interfaces/IOffice.sol";

/// @title Office
/// @notice See {IOffice}.
contract Office is IOffice, Initializable {
    using SafeERC20 for IERC20;

    uint256 public constant MAX_APPOINTERS = 16;
    uint256 public constant MAX_NOTICE = 3_650 days;
    /// @notice After the notice, an office that nobody takes in this time stays where it is.
    uint256 public constant WINDOW = 30 days;

    Terms private _terms;
    address private _keeper;
    address private _announced;
    uint40 private _announcedAt;
    /// @dev Counts appointments: each ends all candidacies.
    uint32 private _term;
    mapping(uint32 term => mapping(address candidate => Candidacy)) private _candidacies;

    constructor() {
        _disableInitializers();
    }

    /// @inheritdoc IOffice
    function initialize(Terms calldata terms_) external initializer {
        uint256 count = terms_.appointers.length;
        if (terms_.keeper == address(0)) revert Office_InvalidTerms("keeper zero");
        if (terms_.noticeSeconds == 0 || terms_.noticeSeconds > MAX_NOTICE) revert Office_InvalidTerms("notice");
        if (terms_.quorum < 2 || terms_.quorum > count || count > MAX_APPOINTERS) {
            revert Office_InvalidTerms("quorum");
        }
        for (uint256 i = 0; i < count; ++i) {
            address each = terms_.appointers[i];
            // A keeper among them could stand in the way of all the others.
            if (each == address(0) || each == terms_.keeper) revert Office_InvalidTerms("appointer");
            for (uint256 j = 0; j < i; ++j) {
                if (each == terms_.appointers[j]) revert Office_InvalidTerms("appointer twice");
            }
        }
        _terms = terms_;
        _keeper = terms_.keeper;
    }

    modifier onlyKeeper() {
        if (msg.sender != _keeper) revert Office_NotKeeper(msg.sender);
        _;
    }

    /// @inheritdoc IOffice
    function execute(address target, bytes calldata data) external onlyKeeper returns (bytes memory) {
        if (target == address(this)) revert Office_NotThroughItself();
        return Address.functionCall(target, data);
    }

    // ---------------------------------------------------------------- who is to have it

    /// @inheritdoc IOffice
    function handOn(address to) external onlyKeeper {
        if (to != address(0)) _requireCandidate(to);
        _announced = to;
        _announcedAt = uint40(block.timestamp);
        emit HandoverAnnounced(to, block.timestamp + _terms.noticeSeconds);
    }

    /// @inheritdoc IOffice
    function support(address candidate) external {
        _requireCandidate(candidate);
        uint16 bit = _bitOf(msg.sender);
        Candidacy memory found = _candidacies[_term][candidate];
        if (found.since != 0 && block.timestamp > found.since + _terms.noticeSeconds + WINDOW) {
            delete found;
        }
        if (found.votes & bit != 0) revert Office_NothingChanges(candidate);
        found.votes |= bit;
        uint256 votes = _count(found.votes);
        // Who comes to enough that are there already prolongs nothing, unless enough begins with it.
        if (found.since == 0 && votes >= _needed(found)) found.since = uint40(block.timestamp);
        _candidacies[_term][candidate] = found;
        emit CandidateSupported(msg.sender, candidate, votes, _from(found.since));
    }

    /// @inheritdoc IOffice
    function withdrawSupport(address candidate) external {
        uint16 bit = _bitOf(msg.sender);
        Candidacy storage found = _candidacies[_term][candidate];
        if (found.votes & bit == 0) revert Office_NothingChanges(candidate);
        found.votes ^= bit;
        uint256 votes = _count(found.votes);
        if (votes < _needed(found)) found.since = 0;
        emit SupportWithdrawn(msg.sender, candidate, votes);
    }

    /// @inheritdoc IOffice
    function object(address candidate) external onlyKeeper {
        Candidacy storage found = _candidacies[_term][candidate];
        if (found.votes == 0 || found.objected || _count(found.votes) == _terms.appointers.length) {
            revert Office_CannotObject(candidate);
        }
        found.objected = true;
        found.since = 0;
        emit CandidateRejected(candidate);
    }

    /// @inheritdoc IOffice
    function take() external {
        address was = _keeper;
        if (msg.sender == was) revert Office_NoCandidate(was);
        bool handed = msg.sender == _announced && _isOpen(_announcedAt);
        if (!handed) {
            uint40 since = _candidacies[_term][msg.sender].since;
            if (!_isOpen(since)) revert Office_NotYours(msg.sender, _from(since));
            ++_term;
        }
        _announced = address(0);
        _keeper = msg.sender;
        emit OfficeTaken(was, msg.sender, !handed);
    }

    /// @inheritdoc IOffice
    function collect() external returns (uint256 amount) {
        IERC20 currency = IERC20(_terms.currency);
        amount = currency.balanceOf(address(this));
        if (amount > 0) {
            emit OfficeMoneyCollected(_keeper, amount);
            currency.safeTransfer(_keeper, amount);
        }
    }

    // ---------------------------------------------------------------- within

    function _requireCandidate(address candidate) private view {
        // An appointer who has the office could not be outvoted.
        bool none = candidate == address(0) || candidate == address(this) || candidate == _keeper;
        if (none || _placeOf(candidate) < MAX_APPOINTERS) revert Office_NoCandidate(candidate);
    }

    /// @dev Among the appointers, from 0; {MAX_APPOINTERS} of who is none.
    function _placeOf(address account) private view returns (uint256) {
        address[] storage appointers = _terms.appointers;
        uint256 count = appointers.length;
        for (uint256 i = 0; i < count; ++i) {
            if (appointers[i] == account) return i;
        }
        return MAX_APPOINTERS;
    }

    function _bitOf(address appointer) private view returns (uint16) {
        uint256 place = _placeOf(appointer);
        if (place == MAX_APPOINTERS) revert Office_NotAppointer(appointer);
        return uint16(1 << place);
    }

    function _count(uint16 votes) private pure returns (uint256 count) {
        for (; votes != 0; votes &= votes - 1) {
            ++count;
        }
    }

    function _needed(Candidacy memory found) private view returns (uint256) {
        return found.objected ? _terms.appointers.length : _terms.quorum;
    }

    function _from(uint40 since) private view returns (uint256) {
        return since > 0 ? since + _terms.noticeSeconds : 0;
    }

    /// @dev Whether the notice from then is over, and the time to take the office is not.
    function _isOpen(uint40 since) private view returns (bool) {
        uint256 from = _from(since);
        return from != 0 && block.timestamp >= from && block.timestamp <= from + WINDOW;
    }

    // ---------------------------------------------------------------- views

    /// @inheritdoc IOffice
    function terms() external view returns (Terms memory) {
        return _terms;
    }

    /// @inheritdoc IOffice
    function keeper() external view returns (address) {
        return _keeper;
    }

    /// @inheritdoc IOffice
    function announced() external view returns (address to, uint40 since) {
        return (_announced, _announcedAt);
    }

    /// @inheritdoc IOffice
    function candidacyOf(address candidate) external view returns (Candidacy memory) {
        return _candidacies[_term][candidate];
    }
}
