// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {IProceedsRegister} from "../interfaces/IProceedsRegister.sol";
import {ISale} from "../interfaces/ISale.sol";
import {ISecurityToken} from "../interfaces/ISecurityToken.sol";

/// @title Register of proceeds
/// @notice See {IProceedsRegister}.
contract ProceedsRegister is IProceedsRegister, Initializable {
    /// @notice Most uses that a register has.
    uint256 public constant MAX_USES = 32;

    Terms private _terms;
    uint256 private _allocated;
    Entry[] private _entries;
    mapping(bytes32 use => uint256) private _planned;
    mapping(bytes32 use => uint256) private _usedFor;
    /// @dev The number of the entry that a document counts in, from 1.
    mapping(bytes32 document => uint256) private _documents;

    constructor() {
        _disableInitializers();
    }

    /// @inheritdoc IProceedsRegister
    function initialize(Terms calldata terms_) external initializer {
        uint256 count = terms_.uses.length;
        if (count == 0 || count > MAX_USES) revert ProceedsRegister_InvalidTerms("number of uses");
        for (uint256 i = 0; i < count; ++i) {
            Use calldata use = terms_.uses[i];
            if (use.amount == 0) revert ProceedsRegister_InvalidTerms("amount zero");
            if (use.name == 0) revert ProceedsRegister_InvalidTerms("name empty");
            if (_planned[use.name] != 0) revert ProceedsRegister_InvalidTerms("name twice");
            _planned[use.name] = use.amount;
        }
        _terms = terms_;
    }

    /// @inheritdoc IProceedsRegister
    function record(bytes32 use, uint128 amount, bytes32 document) external returns (uint256 entry) {
        ISale sale = _sale();
        if (msg.sender != sale.terms().issuer) revert ProceedsRegister_NotIssuer(msg.sender);
        uint256 brought = sale.proceeds();
        // Nothing is brought by a sale that is not settled, and no donation changes that.
        // slither-disable-next-line incorrect-equality
        if (brought == 0) revert ProceedsRegister_NotSettled();
        if (_planned[use] == 0) revert ProceedsRegister_NoSuchUse(use);
        if (amount == 0 || document == 0) revert ProceedsRegister_Nothing();
        uint256 known = _documents[document];
        if (known != 0) revert ProceedsRegister_DocumentUsed(document, known - 1);
        uint256 left = _left(use, brought);
        if (amount > left) revert ProceedsRegister_TooMuch(amount, left);
        _allocated += amount;
        _usedFor[use] += amount;
        entry = _entries.length;
        _entries.push(Entry(use, amount, Review.None, false, document));
        _documents[document] = entry + 1;
        emit Recorded(entry, use, amount, document);
    }

    /// @inheritdoc IProceedsRegister
    function strike(uint256 entry, bytes32 document) external {
        if (msg.sender != _sale().terms().issuer) revert ProceedsRegister_NotIssuer(msg.sender);
        Entry storage found = _standing(entry);
        found.struck = true;
        _allocated -= found.amount;
        _usedFor[found.use] -= found.amount;
        delete _documents[found.document];
        emit Struck(entry, document);
    }

    /// @inheritdoc IProceedsRegister
    function review(uint256 entry, bool accepted, bytes32 document) external {
        if (msg.sender != _terms.reviewer) revert ProceedsRegister_NotReviewer(msg.sender);
        _standing(entry).review = accepted ? Review.Accepted : Review.Objected;
        emit Reviewed(entry, accepted, document);
    }

    // ---------------------------------------------------------------- within

    /// @dev An entry that is not struck out.
    function _standing(uint256 entry) private view returns (Entry storage found) {
        if (entry >= _entries.length || _entries[entry].struck) revert ProceedsRegister_NoSuchEntry(entry);
        return _entries[entry];
    }

    function _sale() private view returns (ISale) {
        return ISale(ISecurityToken(_terms.token).minter());
    }

    /// @dev What can still be recorded for a use, of what the issue has brought.
    function _left(bytes32 use, uint256 brought) private view returns (uint256) {
        uint256 ofUse = _planned[use] - _usedFor[use];
        uint256 ofAll = brought - _allocated;
        return ofUse < ofAll ? ofUse : ofAll;
    }

    // ---------------------------------------------------------------- views

    /// @inheritdoc IProceedsRegister
    function terms() external view returns (Terms memory) {
        return _terms;
    }

    /// @inheritdoc IProceedsRegister
    function entryCount() external view returns (uint256) {
        return _entries.length;
    }

    /// @inheritdoc IProceedsRegister
    function entryOf(uint256 entry) external view returns (Entry memory) {
        if (entry >= _entries.length) revert ProceedsRegister_NoSuchEntry(entry);
        return _entries[entry];
    }

    /// @inheritdoc IProceedsRegister
    function allocatedTo(bytes32 use) external view returns (uint256) {
        return _usedFor[use];
    }

    /// @inheritdoc IProceedsRegister
    function raised() public view returns (uint256) {
        return _sale().proceeds();
    }

    /// @inheritdoc IProceedsRegister
    function unallocated() external view returns (uint256) {
        return raised() - _allocated;
    }
}
