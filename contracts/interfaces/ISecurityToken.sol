// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC7943Fungible} from "./IERC7943Fungible.sol";
import {HoldingPolicy} from "./IIdentityRegistry.sol";

/// @title Claim token
/// @notice The security token that carries a claim: ERC-20 with permit, ERC-7943 compliance, and distributions that
/// cost the payer the same for ten holders or a million.
/// @dev One token is one unit of the denomination (ERC-20 decimals 0), so the money per unit is a whole number of
/// minor units and what a holder has earned never depends on when it was settled. A distribution takes from the
/// payer only the whole multiple of the supply; the remainder (less than one minor unit per token) stays with the
/// payer, which carries it to its next distribution.
/// Powers: the minter issues and takes back unsold or refunded units; the servicer (the bond) closes the token after
/// redemption; the agent freezes, forces transfers and pauses them. Nobody can touch money that is earned:
/// `claim` works while paused, frozen, unverified or closed. A lost key is the one exception, by rule: the agent announces
/// the recovery of a holding, units and unclaimed money together, and after 90 days of notice anyone can make it, unless the
/// holder has objected or claimed with its key. It works after the end too, when a lost key would lose the principal.
/// Limits: 2^64 units; 2^96 minor units earned by one unit over its life (a distribution beyond that reverts; with 18
/// decimals that is 79 billion in currency per unit). A holder's unclaimed money has no limit.
/// Warning: the currency must be a plain ERC-20 (no fee on transfer, no rebasing).
interface ISecurityToken is IERC20Metadata, IERC7943Fungible {
    /// @param registry who is verified
    /// @param policy who may hold
    /// @param currency what distributions are paid in
    /// @param agent may freeze, force a transfer, pause transfers
    /// @param termsHash hash of the deal's canonical terms (the document a holder bought)
    struct Anchors {
        address registry;
        HoldingPolicy policy;
        address currency;
        address agent;
        bytes32 termsHash;
    }

    /// @param to verified wallet that gets the holding
    /// @param from first second in which it can be made
    struct Recovery {
        address to;
        uint64 from;
    }

    /// @param paid money taken from the payer: perUnit times supply
    /// @param perUnit money earned by each unit
    event Distributed(address payer, uint256 paid, uint256 perUnit);
    event Claimed(address indexed holder, uint256 amount);
    event TransfersPaused(bool paused);
    event TokenClosed();
    event RecoveryAnnounced(address indexed holder, address indexed to, uint64 from);
    /// @notice The holder has shown its key, so that the announced recovery is off.
    event RecoveryObjected(address indexed holder);
    /// @param money earned and unclaimed, which is `to`'s to claim now
    event HoldingRecovered(address indexed holder, address indexed to, uint256 units, uint256 money);

    error SecurityToken_NotMinter(address caller);
    error SecurityToken_NotServicer(address caller);
    error SecurityToken_NotAgent(address caller);
    error SecurityToken_Paused();
    error SecurityToken_Closed();
    error SecurityToken_NoSupply();
    error SecurityToken_AmountBelowSupply(uint256 amount, uint256 supply);
    error SecurityToken_Overflow(uint256 amount);
    error SecurityToken_ForcedTransferToSelf(address account);
    error SecurityToken_NoRecovery(address holder);
    error SecurityToken_NoticeRuns(uint64 until);
    /// @dev While a recovery is open only the holder itself claims: it may be that nobody can use the holder's wallet.
    error SecurityToken_InRecovery(address holder, uint64 from);

    /// @notice Set once, by the factory, in the transaction that creates the clone.
    function initialize(string calldata name_, string calldata symbol_, address minter_, address servicer_) external;

    /// @notice Issue units against money. Only the minter; the receiver must be able to receive.
    function mint(address to, uint256 units) external;

    /// @notice Take back units in a refund. Only the minter.
    /// @dev Frozen units too, which then stop being frozen: a refund is the holder's own money, and nobody may stop it.
    function burn(address from, uint256 units) external;

    /// @notice Share `amount` of the currency equally over all units. Anyone may pay; the caller must have approved.
    /// @return paid what was taken: the largest multiple of the supply that is not above `amount`
    function distribute(uint256 amount) external returns (uint256 paid);

    /// @notice Pay a holder all it has earned. Anyone may call; the money goes to the holder only. While a recovery of its
    /// holding is announced only the holder may, and thereby objects.
    function claim(address holder) external returns (uint256 amount);

    /// @notice What {claim} would pay now.
    function claimable(address holder) external view returns (uint256);

    /// @notice Money earned per unit since issue, in minor units.
    function earnedPerUnit() external view returns (uint256);

    /// @notice End of life after redemption: no transfer or issue any more, claims go on. Only the servicer.
    function close() external;

    /// @notice For the agent: a holder's key is lost, and its holding shall go to another verified wallet of its own. Starts
    /// the notice, anew if one was running. Lapses when nobody makes it within 30 days after the notice.
    function announceRecovery(address holder, address to) external;

    /// @notice For the holder itself: the key is not lost.
    function objectToRecovery() external;

    /// @notice After the notice: all units and unclaimed money of the holder become the other wallet's. Anyone.
    /// @dev Frozen units too, which then stop being frozen; the agent can freeze them again.
    function recoverHolding(address holder) external returns (uint256 units, uint256 money);

    /// @notice The recovery announced for a holder, all zero if there is none.
    function recoveryOf(address holder) external view returns (Recovery memory);

    function setPaused(bool paused_) external;
    function paused() external view returns (bool);
    function closed() external view returns (bool);

    function anchors() external view returns (Anchors memory);
    function minter() external view returns (address);
    function servicer() external view returns (address);

    /// @notice Hash of the canonical deal terms.
    function documentHash() external view returns (bytes32);
}
