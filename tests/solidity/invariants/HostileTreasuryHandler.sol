// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {KpiPayment} from "../../../contracts/instruments/KpiPayment.sol";
import {IKpiPayment} from "../../../contracts/interfaces/IKpiPayment.sol";
import {IRevenueTreasury} from "../../../contracts/interfaces/IRevenueTreasury.sol";
import {Offering} from "../../../contracts/market/Offering.sol";
import {RevenueTreasury} from "../../../contracts/spv/RevenueTreasury.sol";
import {SecurityToken} from "../../../contracts/token/SecurityToken.sol";
import {ProjectTerms, SwapTerms, TreasuryFixture} from "../utils/TreasuryFixture.sol";

/// @notice A project lives twice, with the same weather and revenue. In the one life somebody calls first whatever anyone
/// may call, on treasury, swap and token, at any time; a hostile provider besides tops up or not, and defaults. In its
/// mirror everybody keeps the terms.
/// @dev What is due is done at the end of every moment in both. Closed out by replacement cost; what had not begun at a
/// default brings nothing, as in {HostileHandler}. Revenue is there when its quarter ends, before its pay date, as the
/// treasury asks.
contract HostileTreasuryHandler is TreasuryFixture {
    struct Project {
        RevenueTreasury treasury;
        KpiPayment swap;
        SecurityToken token;
        Offering offering;
        bytes32 feed;
    }

    uint256 internal constant LIFE = 0;
    uint256 internal constant MIRROR = 1;

    bool private immutable HOSTILE_PROVIDER;
    Project[2] private _projects;
    int256[2] private _providersFlow;
    uint256 private _seen; // quarters that are over
    int128[PERIODS] private _revenue;
    uint256 private _seed;

    constructor(bool hostileProvider) {
        HOSTILE_PROVIDER = hostileProvider;
        deployTreasuryRooms();
        for (uint256 w = 0; w < 2; ++w) {
            SwapTerms memory s = swapTerms();
            s.termsHash = keccak256(abi.encode("hostile", w));
            s.payment = closedOutBy(IKpiPayment.CloseOutRule.ReplacementCost, s.payment);
            s.payment.curePeriod = 10 days;
            // What a project of limited recourse owes bears interest for longer once its swap has ended: pay for time, in
            // which wealth is not counted here.
            s.payment.lateRate = 0;
            ProjectTerms memory p = projectTerms();
            p.registry = address(registry);
            deployProject(s, p);
            _projects[w] = Project(treasury, payment, token, offering, feed);
            _fund(w, PAYER_MARGIN);
        }
        vm.warp(OPENS);
        for (uint256 w = 0; w < 2; ++w) {
            offering = _projects[w].offering;
            buy(ALICE, 300);
            buy(BOB, 313);
        }
        vm.warp(CLOSES);
        _projects[LIFE].offering.settle();
        _projects[MIRROR].offering.settle();
    }

    // ---------------------------------------------------------------- what anyone may call

    /// @dev What is due is done now; then time passes, and what is measured and earned is there.
    function wait(uint256 seed) external {
        _keep();
        uint256 dice = mix(seed);
        uint256 i = _projects[LIFE].treasury.periodsPaid();
        uint256 edge = payDateOf(i < QUARTERS ? i : QUARTERS - 1);
        if (dice % 4 == 0) edge = payDay(i < PERIODS ? i : PERIODS - 1);
        if (dice % 4 == 1) edge = _projects[LIFE].swap.accountOf(PAYER).deadline;
        edge += (dice >> 128) % 3;
        bool near = edge > block.timestamp + 1 && edge < block.timestamp + 20 days; // or a report would come too late
        _pass(near ? edge - 1 : block.timestamp + 1 hours + (dice >> 192) % 19 days);
    }

    function weather(uint256 seed) external {
        if (_seen == 0) _seed = mix(seed);
    }

    function settle() external {
        try _projects[LIFE].swap.settle() {} catch {}
    }

    function pay() external {
        try _projects[LIFE].treasury.pay() {} catch {}
    }

    function payRest() external {
        try _projects[LIFE].treasury.payRest() {} catch {}
    }

    function withdraw(uint256 who) external {
        _projects[LIFE].treasury.withdraw(IRevenueTreasury.Party(who % 2));
    }

    /// @dev The swap's money for the treasury, by a stranger: never.
    function collect() external {
        try _projects[LIFE].swap.withdraw(PAYEE) {
            isTrue(false, "a stranger collects for the treasury");
        } catch {}
    }

    function claim(uint256 who) external {
        _projects[LIFE].token.claim(mix(who) % 2 == 0 ? ALICE : BOB);
    }

    function callMargin(uint256 who) external {
        try _projects[LIFE].swap.callMargin(mix(who) % 2 == 0 ? PAYER : PAYEE) {} catch {}
    }

    function closeOut() external {
        try _projects[LIFE].swap.closeOut() {} catch {}
    }

    function returnMoney() external {
        try _projects[LIFE].treasury.returnMoney() {
            revert Expected("the issue has not failed");
        } catch {}
    }

    function providerWithdraws() external {
        if (HOSTILE_PROVIDER) _withdraw(LIFE);
    }

    function providerPays(uint256 seed) external {
        uint256 dice = mix(seed);
        if (!HOSTILE_PROVIDER || dice % 3 == 0) return;
        _fund(LIFE, dice % 3 == 1 ? _lacking(LIFE) : (dice >> 8) % 9_000);
    }

    // ---------------------------------------------------------------- the end

    function finish() external {
        uint256 end = payDateOf(QUARTERS - 1) + 60 days;
        while (block.timestamp < end) {
            _keep();
            _pass(block.timestamp + 7 days);
        }
        _keep();
        for (uint256 w = 0; w < 2; ++w) {
            _projects[w].treasury.payRest();
            _withdraw(w);
            eq(_projects[w].treasury.periodsPaid(), QUARTERS, "all is paid");
        }
        isTrue(_projects[MIRROR].swap.state() == IKpiPayment.State.Matured, "nobody defaults who keeps the terms");
    }

    /// @dev What the provider has had, owes and is owed. In full, though a project of limited recourse may never pay it: what
    /// the provider itself owes is set off against that in full as well.
    function providersWealth(uint256 w) external view returns (int256) {
        KpiPayment swap = _projects[w].swap;
        return _providersFlow[w] + int256(swap.owed(PAYEE)) - int256(swap.owed(PAYER));
    }

    /// @dev What holders (0), operator (1) and lender (2) have had or can have.
    function wealth(uint256 w, uint256 who) external view returns (uint256) {
        Project memory p = _projects[w];
        if (who == 0) return p.token.earnedPerUnit() * UNITS;
        IRevenueTreasury.Party party = IRevenueTreasury.Party(who - 1);
        uint256 due = 0;
        for (uint256 i = 0; i < QUARTERS; ++i) {
            due += who == 1 ? costOf(i) : debtOf(i);
        }
        return due - p.treasury.arrearsOf(party);
    }

    // ---------------------------------------------------------------- who keeps the terms

    function _keep() private {
        for (uint256 w = 0; w < 2; ++w) {
            bool more = true;
            while (more) more = _settle(w);
            try _projects[w].swap.callMargin(PAYER) {} catch {}
            try _projects[w].swap.closeOut() {} catch {}
            more = true;
            while (more) more = _pay(w);
        }
    }

    function _settle(uint256 w) private returns (bool done) {
        try _projects[w].swap.settle() {
            done = true;
        } catch {}
        if (w == MIRROR || !HOSTILE_PROVIDER) _fund(w, _lacking(w));
    }

    function _pay(uint256 w) private returns (bool done) {
        try _projects[w].treasury.pay() {
            done = true;
        } catch {}
    }

    function _pass(uint256 to) private {
        vm.warp(to);
        for (; _seen < QUARTERS && block.timestamp >= periodEnd(_seen); ++_seen) {
            if (_seen < PERIODS) _measure(_seen);
            uint256 earned = mix(_seed + _seen + 500) % 16_000;
            for (uint256 w = 0; w < 2; ++w) {
                if (_seen < PERIODS) {
                    bytes32 which = _projects[w].feed;
                    oracle.submit(which, uint32(_seen), 0, unanimous(which, uint32(_seen), 0, QUORUM, _revenue[_seen]));
                }
                currency.mint(address(this), earned);
                _projects[w].treasury.receiveRevenue("power", earned);
            }
        }
    }

    function _measure(uint256 i) private {
        _revenue[i] = int128(int256(mix(_seed + i) % 20_001));
        uint64 default_ = _projects[LIFE].swap.defaultedAt();
        if (i != 0 && default_ != 0 && periodEnd(i - 1) >= default_) _revenue[i] = FIXED + int128(int256(i));
    }

    // ---------------------------------------------------------------- money of the provider

    function _fund(uint256 w, uint256 amount) private {
        if (amount == 0) return;
        currency.mint(address(this), amount);
        _projects[w].swap.fund(PAYER, amount);
        _providersFlow[w] -= int256(amount);
    }

    function _withdraw(uint256 w) private {
        vm.prank(HEDGER);
        uint256 paid = _projects[w].swap.withdraw(PAYER);
        _providersFlow[w] += int256(paid);
    }

    function _lacking(uint256 w) private view returns (uint256) {
        KpiPayment swap = _projects[w].swap;
        if (swap.state() > IKpiPayment.State.Defaulted) return 0;
        uint256 balance = swap.accountOf(PAYER).balance;
        return swap.owed(PAYER) + (balance < PAYER_MARGIN ? PAYER_MARGIN - balance : 0);
    }
}
