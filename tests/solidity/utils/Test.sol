// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice The cheatcodes of forge that our tests use. forge-std is left out: its console is too large for solc-js.
interface Vm {
    function warp(uint256 timestamp) external;
    function roll(uint256 number) external;
    function chainId(uint256 id) external;
    function prank(address sender) external;
    function startPrank(address sender) external;
    function stopPrank() external;
    function assume(bool condition) external pure;
    function expectRevert(bytes calldata data) external;
    function expectEmit(address emitter) external;
    function addr(uint256 key) external pure returns (address);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function signCompact(uint256 key, bytes32 digest) external pure returns (bytes32 r, bytes32 vs);
    function mockCall(address callee, bytes calldata data, bytes calldata returnData) external;
    function mockCallRevert(address callee, bytes calldata data, bytes calldata revertData) external;
    function clearMockedCalls() external;
    function cool(address target) external;
    function snapshotState() external returns (uint256 id);
    function revertToState(uint256 id) external returns (bool);
}

/// @notice Base of every test and handler: the cheatcodes, assertions that say what they compared, and the few lines
/// that tell forge's invariant runner whom to call.
abstract contract Test {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    address[] private _targets;
    FuzzSelector[] private _selectors;

    error Expected(string what);
    error NotEqual(string what, uint256 got, uint256 want);
    error NotEqualSigned(string what, int256 got, int256 want);
    error NotEqualAddress(string what, address got, address want);
    error NotBelowOrEqual(string what, uint256 smaller, uint256 larger);

    /// @dev Called by forge before an invariant campaign.
    function targetContracts() external view returns (address[] memory) {
        return _targets;
    }

    /// @dev Called by forge before an invariant campaign.
    function targetSelectors() external view returns (FuzzSelector[] memory) {
        return _selectors;
    }

    /// @dev Let forge call exactly these functions of `target`.
    function target(address target_, bytes4[] memory selectors) internal {
        _targets.push(target_);
        _selectors.push(FuzzSelector(target_, selectors));
    }

    /// @dev `x` moved into [low, high] without throwing any input away.
    function bound(uint256 x, uint256 low, uint256 high) internal pure returns (uint256) {
        if (x >= low && x <= high) return x;
        uint256 size = high - low + 1; // zero when the range is all of uint256, which the line above took
        return low + x % size;
    }

    function bound(int256 x, int256 low, int256 high) internal pure returns (int256) {
        if (x >= low && x <= high) return x;
        uint256 size = uint256(high - low) + 1;
        return low + int256(uint256(x) % size);
    }

    /// @dev An even spread of bits: forge likes small and extreme inputs, which make poor dice.
    function mix(uint256 seed) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed)));
    }

    function isTrue(bool ok, string memory what) internal pure {
        if (!ok) revert Expected(what);
    }

    function isFalse(bool ok, string memory what) internal pure {
        if (ok) revert Expected(string.concat("not: ", what));
    }

    function eq(uint256 got, uint256 want, string memory what) internal pure {
        if (got != want) revert NotEqual(what, got, want);
    }

    function eqInt(int256 got, int256 want, string memory what) internal pure {
        if (got != want) revert NotEqualSigned(what, got, want);
    }

    function eqAddress(address got, address want, string memory what) internal pure {
        if (got != want) revert NotEqualAddress(what, got, want);
    }

    function atMost(uint256 smaller, uint256 larger, string memory what) internal pure {
        if (smaller > larger) revert NotBelowOrEqual(what, smaller, larger);
    }

    /// @dev The next call must revert with this error, arguments included.
    function refuses(bytes memory expected) internal {
        vm.expectRevert(expected);
    }
}
