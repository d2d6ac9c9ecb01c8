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
import {HoldingPolicy, IIdentityRegistry} from "../interfaces/IIdentityRegistry.sol";
import {ISecurityToken} from "../interfaces/ISecurityToken.sol";
import {ProRata} from "../settlement/ProRata.sol";
import {PackedAccount, PackedAccounts} from "./PackedAccount.sol";

/// @title Claim token
/// @notice See {ISecurityToken}.
/// @dev OpenZeppelin's ERC-20 gives allowances, permit and errors; its balance storage is not used. A holder's balance,
/// the earned-per-unit index at which it was last settled and what it has earned but not claimed share one slot, so a
/// transfer writes two slots whether or not coupons are unsettled. What a transfer must know of the deal lives in the
/// clone's code, which is cheaper to read than storage.
contract SecurityToken is ISecurityToken, ERC20Permit, Initializable {
    using SafeERC20 for IERC20;

    /// @dev A struct, so that a storage reference can be kept and the slot's hash is computed once.
    struct Holder {
        PackedAccount account;
    }

    /// @param index money earned by one unit since issue, minor units
    struct Ledger {
        uint64 supply;
        uint96 index;
        bool paused;
        bool closed;
    }

    /// @dev OpenZeppelin's clone with arguments: its code comes first, then the arguments.
    uint256 private constant CLONE_CODE_SIZE = 45;
    /// @notice From the announcement of a recovery to the first second in which it can be made: never shorter.
    uint256 public constant RECOVERY_NOTICE = 90 days;
    /// @notice After the notice, a recovery that nobody makes in this time lapses.
    uint256 public constant RECOVERY_WINDOW = 30 days;

    Ledger private _ledger;
    mapping(address account => Holder) private _holders;
    /// @dev Owed beyond what an account's slot can hold (3.1e26 minor units), so that no amount can block a transfer.
    mapping(address account => uint256) private _overflow;
    mapping(address account => uint256) private _frozen;
    mapping(address account => Recovery) private _recoveries;
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
        if (msg.sender != address(uint160(uint256(_anchor(3))))) revert SecurityToken_NotAgent(msg.sender);
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
        _release(from, units);
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
        Ledger storage ledger = _ledger;
        (uint256 supply, uint256 index) = (ledger.supply, ledger.index);
        if (supply == 0) revert SecurityToken_NoSupply();
        uint256 each;
        (each, paid) = ProRata.perUnit(amount, supply);
        if (each == 0) revert SecurityToken_AmountBelowSupply(amount, supply);
        if (each > PackedAccounts.MAX_INDEX - index) revert SecurityToken_Overflow(amount);
        ledger.index = uint96(index + each);
        emit Distributed(msg.sender, paid, each);
        _currency().safeTransferFrom(msg.sender, address(this), paid);
    }

    /// @inheritdoc ISecurityToken
    function claim(address holder) external returns (uint256 amount) {
        PackedAccount account = _holders[holder].account;
        if (account.has(PackedAccounts.IN_RECOVERY)) account = _claimInRecovery(holder, account);
        uint256 index = _ledger.index;
        amount = account.earned(index);
        if (account.has(PackedAccounts.HAS_OVERFLOW)) {
            amount += _overflow[holder];
            _overflow[holder] = 0;
            account = account.set(PackedAccounts.HAS_OVERFLOW, false);
        }
        if (amount == 0) return 0;
        _holders[holder].account = account.with(account.balance(), index, 0);
        emit Claimed(holder, amount);
        _currency().safeTransfer(holder, amount);
    }

    /// @inheritdoc ISecurityToken
    function claimable(address holder) external view returns (uint256) {
        return _holders[holder].account.earned(_ledger.index) + _overflow[holder];
    }

    /// @inheritdoc ISecurityToken
    function earnedPerUnit() external view returns (uint256) {
        return _ledger.index;
    }

    // ---------------------------------------------------------------- transfers

    /// @inheritdoc IERC20
    /// @dev Past OpenZeppelin's checks for the zero address, which the registry makes anyway.
    function transfer(address to, uint256 value) public override(ERC20, IERC20) returns (bool) {
        _move(msg.sender, to, value);
        return true;
    }

    /// @dev What ERC20's transferFrom, _mint and _burn do to balances.
    function _update(address from, address to, uint256 value) internal override {
        if (from == address(0)) {
            uint256 supply = _ledger.supply;
            if (value > PackedAccounts.MAX_UNITS - supply) revert SecurityToken_Overflow(value);
            _ledger.supply = uint64(supply + value);
            _credit(to, value, _ledger.index);
        } else if (to == address(0)) {
            _debit(from, value, _ledger.index);
            _ledger.supply -= uint64(value); // not above the balance, so neither above the supply nor a uint64
        } else {
            return _move(from, to, value);
        }
        emit Transfer(from, to, value);
    }

    function _move(address from, address to, uint256 value) private {
        Ledger storage ledger = _ledger;
        (uint256 index, bool isPaused, bool isClosed) = (ledger.index, ledger.paused, ledger.closed);
        if (isPaused) revert SecurityToken_Paused();
        if (isClosed) revert SecurityToken_Closed();
        _requireEligible(from, to); // the zero address is never eligible
        if (_debit(from, value, index)) _requireUnfrozenAfterDebit(from, value);
        _credit(to, value, index);
        emit Transfer(from, to, value);
    }

    /// @return hasFrozen whether the account has a frozen amount
    function _debit(address from, uint256 value, uint256 index) private returns (bool hasFrozen) {
        Holder storage holder = _holders[from];
        PackedAccount account = holder.account;
        uint256 balance = account.balance();
        if (balance < value) revert ERC20InsufficientBalance(from, balance, value);
        unchecked {
            holder.account =
                account.isSettledAt(index) ? account.minus(value) : _settled(from, account, balance - value, index);
        }
        return account.has(PackedAccounts.HAS_FROZEN);
    }

    function _credit(address to, uint256 value, uint256 index) private {
        Holder storage holder = _holders[to];
        PackedAccount account = holder.account;
        unchecked {
            // Bounded by the supply, which fits MAX_UNITS.
            holder.account = account.isSettledAt(index)
                ? account.plus(value)
                : account.isNew()
                    ? account.with(value, index, 0)
                    : _settled(to, account, account.balance() + value, index);
        }
    }

    /// @dev Puts aside what the old balance has earned so far, so that moving units never moves money.
    function _settled(address holder, PackedAccount account, uint256 newBalance, uint256 index)
        private
        returns (PackedAccount)
    {
        uint256 owed = account.earned(index);
        if (owed > PackedAccounts.MAX_OWED) {
            _overflow[holder] += owed;
            account = account.set(PackedAccounts.HAS_OVERFLOW, true);
            owed = 0;
        }
        return account.with(newBalance, index, owed);
    }

    /// @dev By hand, because the compiler's encoding and decoding cost as much as a third of the check itself.
    function _requireEligible(address from, address to) private view {
        (IIdentityRegistry registry, HoldingPolicy policy) = _rules();
        bytes4 selector = IIdentityRegistry.whoIsIneligible.selector;
        uint256 who;
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, selector)
            mstore(add(data, 4), from)
            mstore(add(data, 36), to)
            mstore(add(data, 68), policy)
            let ok := staticcall(gas(), registry, data, 100, 0, 32)
            // No answer (a revert, or no contract there) counts as neither of the two being eligible.
            who := 1
            if and(ok, gt(returndatasize(), 31)) { who := mload(0) }
        }
        if (who == uint256(IIdentityRegistry.Ineligible.Neither)) return;
        if (who == uint256(IIdentityRegistry.Ineligible.Sender)) revert ERC7943CannotSend(from);
        revert ERC7943CannotReceive(to);
    }

    function _unfrozen(address account, uint256 balance) private view returns (uint256) {
        uint256 frozen = _frozen[account];
        return frozen < balance ? balance - frozen : 0;
    }

    function _requireUnfrozenAfterDebit(address account, uint256 amount) private view {
        uint256 unfrozen = _unfrozen(account, _holders[account].account.balance() + amount);
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
        if (_ledger.closed) revert SecurityToken_Closed();
        if (!canReceive(to)) revert ERC7943CannotReceive(to);
        uint256 index = _ledger.index;
        _release(from, amount);
        _debit(from, amount, index);
        _credit(to, amount, index);
        emit Transfer(from, to, amount);
        emit ForcedTransfer(from, to, amount);
        return true;
    }

    /// @dev Before `amount` is taken by force or refunded: units that leave stop being frozen, what was frozen beyond
    /// them stays so. The event precedes the transfer's, as the standard asks.
    function _release(address from, uint256 amount) private {
        uint256 balance = _holders[from].account.balance();
        if (balance < amount) revert ERC20InsufficientBalance(from, balance, amount);
        uint256 unfrozen = _unfrozen(from, balance);
        if (amount > unfrozen) _setFrozen(from, _frozen[from] - (amount - unfrozen));
    }

    function _setFrozen(address account, uint256 amount) private {
        _frozen[account] = amount;
        _mark(account, PackedAccounts.HAS_FROZEN, amount != 0);
        emit Frozen(account, amount);
    }

    /// @inheritdoc ISecurityToken
    function setPaused(bool paused_) external onlyAgent {
        _ledger.paused = paused_;
        emit TransfersPaused(paused_);
    }

    /// @inheritdoc IERC7943Fungible
    function canSend(address account) public view returns (bool) {
        (IIdentityRegistry registry, HoldingPolicy policy) = _rules();
        return registry.isEligible(account, policy);
    }

    /// @inheritdoc IERC7943Fungible
    function canReceive(address account) public view returns (bool) {
        return canSend(account); // one rule for both: who may hold
    }

    /// @inheritdoc IERC7943Fungible
    /// @dev As the standard asks, an insufficient balance is not a reason here; only frozen units are.
    function canTransfer(address from, address to, uint256 amount) external view returns (bool) {
        if (_ledger.paused || _ledger.closed || !canSend(from) || !canReceive(to)) return false;
        PackedAccount account = _holders[from].account;
        return !account.has(PackedAccounts.HAS_FROZEN) || amount <= _unfrozen(from, account.balance());
    }

    /// @inheritdoc IERC7943Fungible
    function getFrozenTokens(address account) external view returns (uint256) {
        return _frozen[account];
    }

    // ---------------------------------------------------------------- a lost key

    /// @inheritdoc ISecurityToken
    function announceRecovery(address holder, address to) external onlyAgent {
        if (holder == to) revert SecurityToken_ForcedTransferToSelf(holder);
        if (!canReceive(to)) revert ERC7943CannotReceive(to);
        uint64 from = uint64(block.timestamp + RECOVERY_NOTICE);
        _recoveries[holder] = Recovery(to, from);
        _mark(holder, PackedAccounts.IN_RECOVERY, true);
        emit RecoveryAnnounced(holder, to, from);
    }

    /// @inheritdoc ISecurityToken
    function objectToRecovery() external {
        if (!_hasRecovery(msg.sender)) revert SecurityToken_NoRecovery(msg.sender);
        _endRecovery(msg.sender);
    }

    /// @inheritdoc ISecurityToken
    function recoverHolding(address holder) external returns (uint256 units, uint256 money) {
        if (!_hasRecovery(holder)) revert SecurityToken_NoRecovery(holder);
        Recovery memory recovery = _recoveries[holder];
        if (block.timestamp < recovery.from) revert SecurityToken_NoticeRuns(recovery.from);
        if (!canReceive(recovery.to)) revert ERC7943CannotReceive(recovery.to);
        delete _recoveries[holder];
        units = balanceOf(holder);
        _release(holder, units);
        uint256 index = _ledger.index;
        PackedAccount account = _holders[holder].account.set(PackedAccounts.IN_RECOVERY, false);
        money = account.earned(index) + _overflow[holder];
        _overflow[holder] = 0;
        _holders[holder].account = account.set(PackedAccounts.HAS_OVERFLOW, false).with(0, index, 0);
        _credit(recovery.to, units, index);
        if (money != 0) {
            _overflow[recovery.to] += money;
            _mark(recovery.to, PackedAccounts.HAS_OVERFLOW, true);
        }
        emit Transfer(holder, recovery.to, units);
        emit HoldingRecovered(holder, recovery.to, units, money);
    }

    /// @dev Who claims with its key has shown that it is not lost. Others wait while a recovery can still be made: money
    /// sent to a wallet without a key is gone.
    /// @return account as it is when nothing is in recovery
    function _claimInRecovery(address holder, PackedAccount account) private returns (PackedAccount) {
        if (_hasRecovery(holder)) {
            if (msg.sender != holder) revert SecurityToken_InRecovery(holder, _recoveries[holder].from);
            _endRecovery(holder);
        }
        return account.set(PackedAccounts.IN_RECOVERY, false);
    }

    function _endRecovery(address holder) private {
        delete _recoveries[holder];
        _mark(holder, PackedAccounts.IN_RECOVERY, false);
        emit RecoveryObjected(holder);
    }

    /// @dev Announced, and not lapsed.
    function _hasRecovery(address holder) private view returns (bool) {
        uint256 from = _recoveries[holder].from;
        return from != 0 && block.timestamp <= from + RECOVERY_WINDOW;
    }

    function _mark(address account, uint256 flag, bool on) private {
        _holders[account].account = _holders[account].account.set(flag, on);
    }

    /// @inheritdoc ISecurityToken
    function recoveryOf(address holder) external view returns (Recovery memory none) {
        return _hasRecovery(holder) ? _recoveries[holder] : none;
    }

    // ---------------------------------------------------------------- views

    /// @inheritdoc ISecurityToken
    function anchors() external view returns (Anchors memory) {
        return abi.decode(Clones.fetchCloneArgs(address(this)), (Anchors));
    }

    /// @dev One word of {Anchors}, without decoding the others.
    function _anchor(uint256 field) private view returns (bytes32 word) {
        assembly ("memory-safe") {
            extcodecopy(address(), 0, add(CLONE_CODE_SIZE, shl(5, field)), 32)
            word := mload(0)
        }
    }

    /// @dev The first two words of {Anchors}: every transfer pays for this.
    function _rules() private view returns (IIdentityRegistry registry, HoldingPolicy policy) {
        assembly ("memory-safe") {
            extcodecopy(address(), 0, CLONE_CODE_SIZE, 64)
            registry := mload(0)
            policy := mload(32)
        }
    }

    function _currency() private view returns (IERC20) {
        return IERC20(address(uint160(uint256(_anchor(2)))));
    }

    /// @inheritdoc ISecurityToken
    function documentHash() external view returns (bytes32) {
        return _anchor(4);
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
        return _holders[account].account.balance();
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 id) external pure returns (bool) {
        return
            id == type(IERC7943Fungible).interfaceId || id == type(IERC165).interfaceId
                || id == type(IERC20).interfaceId;
    }
}
