// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IERC7943Fungible} from "../interfaces/IERC7943Fungible.sol";
import {IIdentityRegistry} from "../interfaces/IIdentityRegistry.sol";
import {ISecurityToken} from "../interfaces/ISecurityToken.sol";
import {ProRata} from "../settlement/ProRata.sol";

/// @title Claim token
/// @notice See {ISecurityToken}.
/// @dev OpenZeppelin's ERC-20 gives allowances, permit and errors; its balance storage is not used. Balance, the
/// earned-per-unit index at which the account was last settled, and a "has frozen units" flag share one slot, so a
/// transfer writes two slots. Addresses a transfer needs live in the clone's code, which is cheaper to read than storage.
contract SecurityToken is ISecurityToken, ERC20Permit, Initializable {
    using SafeERC20 for IERC20;

    struct Account {
        uint96 balance;
        uint128 index;
        bool hasFrozen;
    }

    /// @param index money earned by one unit since issue, minor units
    struct Ledger {
        uint96 supply;
        uint128 index;
        bool paused;
        bool closed;
    }

    Ledger private _ledger;
    mapping(address account => Account) private _accounts;
    /// @dev Earned before the account last changed and not claimed yet.
    mapping(address account => uint256) private _owed;
    mapping(address account => uint256) private _frozen;
    address private _minter;
    address private _servicer;
    string private _name;
    string private _symbol;

    constructor() ERC20("", "") ERC20Permit("Penstock SecurityToken") {
        _disableInitializers();
    }

    /// @inheritdoc ISecurityToken
    function initialize(string calldata name_, string calldata symbol_, address minter_, address servicer_)
        external
        initializer
    {
        _name = name_;
        _symbol = symbol_;
        _minter = minter_;
        _servicer = servicer_;
    }

    modifier onlyAgent() {
        if (msg.sender != anchors().agent) revert SecurityToken_NotAgent(msg.sender);
        _;
    }

    modifier onlyMinter() {
        if (msg.sender != _minter) revert SecurityToken_NotMinter(msg.sender);
        _;
    }

    // ---------------------------------------------------------------- issue and end

    /// @inheritdoc ISecurityToken
    function mint(address to, uint256 units) external onlyMinter {
        if (_ledger.closed) revert SecurityToken_Closed();
        if (!canReceive(to)) revert ERC7943CannotReceive(to);
        _mint(to, units);
    }

    /// @inheritdoc ISecurityToken
    function burn(address from, uint256 units) external onlyMinter {
        _requireUnfrozen(from, units);
        _burn(from, units);
    }

    /// @inheritdoc ISecurityToken
    function close() external {
        if (msg.sender != _servicer) revert SecurityToken_NotServicer(msg.sender);
        if (_ledger.closed) revert SecurityToken_Closed();
        _ledger.closed = true;
        emit TokenClosed();
    }

    // ---------------------------------------------------------------- money

    /// @inheritdoc ISecurityToken
    function distribute(uint256 amount) external returns (uint256 paid) {
        Ledger memory ledger = _ledger;
        if (ledger.supply == 0) revert SecurityToken_NoSupply();
        uint256 each;
        (each, paid) = ProRata.perUnit(amount, ledger.supply);
        if (each == 0) revert SecurityToken_AmountBelowSupply(amount, ledger.supply);
        if (each > type(uint128).max - ledger.index) revert SecurityToken_Overflow(amount);
        _ledger.index = ledger.index + uint128(each);
        emit Distributed(msg.sender, paid, each);
        IERC20(anchors().currency).safeTransferFrom(msg.sender, address(this), paid);
    }

    /// @inheritdoc ISecurityToken
    function claim(address holder) external returns (uint256 amount) {
        Account memory account = _accounts[holder];
        uint128 index = _ledger.index;
        amount = _owed[holder];
        if (amount != 0) _owed[holder] = 0;
        if (account.index != index) {
            amount += uint256(account.balance) * (index - account.index);
            account.index = index;
            _accounts[holder] = account;
        }
        if (amount == 0) return 0;
        emit Claimed(holder, amount);
        IERC20(anchors().currency).safeTransfer(holder, amount);
    }

    /// @inheritdoc ISecurityToken
    function claimable(address holder) external view returns (uint256) {
        Account memory account = _accounts[holder];
        return _owed[holder] + uint256(account.balance) * (_ledger.index - account.index);
    }

    /// @inheritdoc ISecurityToken
    function earnedPerUnit() external view returns (uint256) {
        return _ledger.index;
    }

    // ---------------------------------------------------------------- transfers

    /// @dev Every change of a balance comes through here: from ERC20's transfer, transferFrom, _mint and _burn.
    function _update(address from, address to, uint256 value) internal override {
        Ledger memory ledger = _ledger;
        if (from == address(0)) {
            if (value > type(uint96).max - ledger.supply) revert SecurityToken_Overflow(value);
            _credit(to, value, ledger.index);
            _ledger.supply = ledger.supply + uint96(value);
        } else if (to == address(0)) {
            _debit(from, value, ledger.index);
            _ledger.supply = ledger.supply - uint96(value); // not above the balance, so not above the supply
        } else {
            if (ledger.paused) revert SecurityToken_Paused();
            if (ledger.closed) revert SecurityToken_Closed();
            _requireEligible(from, to);
            if (_debit(from, value, ledger.index)) _requireUnfrozenAfterDebit(from, value);
            _credit(to, value, ledger.index);
        }
        emit Transfer(from, to, value);
    }

    /// @return hasFrozen whether the account has a frozen amount
    function _debit(address from, uint256 value, uint128 index) private returns (bool hasFrozen) {
        Account memory account = _accounts[from];
        if (account.balance < value) revert ERC20InsufficientBalance(from, account.balance, value);
        _settle(from, account, index);
        account.balance -= uint96(value); // not above the balance, which is a uint96
        _accounts[from] = account;
        return account.hasFrozen;
    }

    function _credit(address to, uint256 value, uint128 index) private {
        Account memory account = _accounts[to];
        _settle(to, account, index);
        account.balance += uint96(value); // bounded by the supply, a uint96
        _accounts[to] = account;
    }

    /// @dev Puts aside what the balance has earned so far, so that moving units never moves money.
    function _settle(address holder, Account memory account, uint128 index) private {
        if (account.index == index) return;
        if (account.balance != 0) _owed[holder] += uint256(account.balance) * (index - account.index);
        account.index = index;
    }

    function _requireEligible(address from, address to) private view {
        Anchors memory a = anchors();
        (bool fromEligible, bool toEligible) = IIdentityRegistry(a.registry).areEligible(from, to, a.policy);
        if (!fromEligible) revert ERC7943CannotSend(from);
        if (!toEligible) revert ERC7943CannotReceive(to);
    }

    function _unfrozen(address account, uint256 balance) private view returns (uint256) {
        uint256 frozen = _frozen[account];
        return frozen < balance ? balance - frozen : 0;
    }

    function _requireUnfrozen(address account, uint256 amount) private view {
        uint256 balance = _accounts[account].balance;
        uint256 unfrozen = _unfrozen(account, balance);
        if (amount <= balance && amount > unfrozen) {
            revert ERC7943InsufficientUnfrozenBalance(account, amount, unfrozen);
        }
    }

    function _requireUnfrozenAfterDebit(address account, uint256 amount) private view {
        uint256 unfrozen = _unfrozen(account, _accounts[account].balance + amount);
        if (amount > unfrozen) revert ERC7943InsufficientUnfrozenBalance(account, amount, unfrozen);
    }

    // ---------------------------------------------------------------- compliance (ERC-7943)

    /// @inheritdoc IERC7943Fungible
    function setFrozenTokens(address account, uint256 amount) external onlyAgent returns (bool) {
        _setFrozen(account, amount);
        return true;
    }

    /// @inheritdoc IERC7943Fungible
    /// @dev Not to oneself: in three libraries that unfroze the tokens. Earned money stays with `from`.
    function forcedTransfer(address from, address to, uint256 amount) external onlyAgent returns (bool) {
        if (from == to) revert SecurityToken_ForcedTransferToSelf(from);
        Ledger memory ledger = _ledger;
        if (ledger.closed) revert SecurityToken_Closed();
        if (!canReceive(to)) revert ERC7943CannotReceive(to);
        uint256 balance = _accounts[from].balance;
        if (balance < amount) revert ERC20InsufficientBalance(from, balance, amount);
        uint256 unfrozen = _unfrozen(from, balance);
        // The units taken stop being frozen; what was frozen beyond them stays so. The event precedes the transfer's.
        if (amount > unfrozen) _setFrozen(from, _frozen[from] - (amount - unfrozen));
        _debit(from, amount, ledger.index);
        _credit(to, amount, ledger.index);
        emit Transfer(from, to, amount);
        emit ForcedTransfer(from, to, amount);
        return true;
    }

    function _setFrozen(address account, uint256 amount) private {
        _frozen[account] = amount;
        _accounts[account].hasFrozen = amount != 0;
        emit Frozen(account, amount);
    }

    /// @inheritdoc ISecurityToken
    function setPaused(bool paused_) external onlyAgent {
        _ledger.paused = paused_;
        emit TransfersPaused(paused_);
    }

    /// @inheritdoc IERC7943Fungible
    function canSend(address account) public view returns (bool) {
        Anchors memory a = anchors();
        return IIdentityRegistry(a.registry).isEligible(account, a.policy);
    }

    /// @inheritdoc IERC7943Fungible
    function canReceive(address account) public view returns (bool) {
        return canSend(account); // one rule for both: who may hold
    }

    /// @inheritdoc IERC7943Fungible
    /// @dev As the standard asks, an insufficient balance is not a reason here; only frozen units are.
    function canTransfer(address from, address to, uint256 amount) external view returns (bool) {
        if (_ledger.paused || _ledger.closed || !canSend(from) || !canReceive(to)) return false;
        Account memory account = _accounts[from];
        return !account.hasFrozen || amount <= _unfrozen(from, account.balance);
    }

    /// @inheritdoc IERC7943Fungible
    function getFrozenTokens(address account) external view returns (uint256) {
        return _frozen[account];
    }

    // ---------------------------------------------------------------- views

    /// @inheritdoc ISecurityToken
    function anchors() public view returns (Anchors memory) {
        return abi.decode(Clones.fetchCloneArgs(address(this)), (Anchors));
    }

    /// @inheritdoc ISecurityToken
    function documentHash() external view returns (bytes32) {
        return anchors().termsHash;
    }

    /// @inheritdoc ISecurityToken
    function minter() external view returns (address) {
        return _minter;
    }

    /// @inheritdoc ISecurityToken
    function servicer() external view returns (address) {
        return _servicer;
    }

    /// @inheritdoc ISecurityToken
    function paused() external view returns (bool) {
        return _ledger.paused;
    }

    /// @inheritdoc ISecurityToken
    function closed() external view returns (bool) {
        return _ledger.closed;
    }

    function name() public view override(ERC20, IERC20Metadata) returns (string memory) {
        return _name;
    }

    function symbol() public view override(ERC20, IERC20Metadata) returns (string memory) {
        return _symbol;
    }

    /// @notice Zero: a token is one unit of the denomination and cannot be split.
    function decimals() public pure override(ERC20, IERC20Metadata) returns (uint8) {
        return 0;
    }

    function totalSupply() public view override(ERC20, IERC20) returns (uint256) {
        return _ledger.supply;
    }

    function balanceOf(address account) public view override(ERC20, IERC20) returns (uint256) {
        return _accounts[account].balance;
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == type(IERC7943Fungible).interfaceId || id == type(IERC165).interfaceId
            || id == type(IERC20).interfaceId;
    }
}
