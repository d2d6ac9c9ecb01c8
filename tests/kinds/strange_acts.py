"""Acts that no kind of ours has, for the contract of another package: words with braces, types and names that
mislead, books that fail, and names that our own acts and errors have."""

from __future__ import annotations

from pathlib import Path

CONTRACT = """
    event Graded(uint8 colour, string note, bytes proof, uint8 firstShare, uint8 secondShare, address amount);

    error KpiOracle_BelowQuorum(address who);
    error KpiBond_NothingToRecover();

    function grade(
        uint8 colour,
        string calldata note,
        bytes calldata proof,
        uint8 firstShare,
        uint8 secondShare,
        address amount
    ) external {
        if (amount == msg.sender) revert KpiBond_NothingToRecover();
        emit Graded(colour, note, proof, firstShare, secondShare, amount);
    }

    function breakDown() external {
        emit Graded(0, "", "", 0, 0, address(this));
    }

    function dim(bool amount) external {
        if (!amount) revert KpiOracle_BelowQuorum(msg.sender);
    }

    function withdrawCredit() external {
        revert KpiOracle_BelowQuorum(msg.sender);
    }
}
"""
ROWS = """
        Row("grade", ANYONE, "say {what} {0.__class__} {amount.real} of the works", {
            "colour": Colour, "note": "string", "proof": "bytes", "first_share": "uint8",
            "second_share": "uint8", "amount": "address",
        }),
        Row("break_down", ANYONE, "break {"),
        Row("dim", ANYONE, "dim {money", {"amount": "bool"}),
        Row("withdraw_credit", ANYONE, "take it back"),
    )
"""
BOOKS = """
    def grade(self, world: World, by: str, **given: object) -> None:
        share = 100 // given["first_share"]
        names = ("colour", "note", "proof", "firstShare", "secondShare", "amount")
        world.emit(self.key, "Graded", **dict(zip(names, given.values())))

    def break_down(self, world: World, by: str) -> None:
        raise KeyError("nothing")

    def dim(self, world: World, by: str, amount: bool) -> None:
        raise ZeroDivisionError

    def withdraw_credit(self, world: World, by: str) -> None:
        raise SettlementError("never")
"""
PLAN = """
def _graded(a: Said, _world: World) -> Rebuilt:
    names = {"firstShare": "first_share", "secondShare": "second_share"}
    yield "", "grade", {names.get(name, name): value for name, value in a.arguments.items()}


KIND ="""


def bring(home: Path) -> None:
    """Write them into a copy of the package."""
    for name, old, new in (
        ("PerformanceBond.sol", "\n}\n", "\n" + CONTRACT),
        ("books.py", "\n    )\n\n    terms", ROWS + "\n    terms"),
        ("books.py", "@dataclass\n", "class Colour(IntEnum):\n    RED, BLUE = 1, 5\n\n\n@dataclass\n"),
        ("books.py", "from typing", "from enum import IntEnum\nfrom typing"),
        ("books.py", "    def settle", BOOKS.lstrip("\n") + "\n    def settle"),
        ("plan.py", "\nKIND =", PLAN),
        ("plan.py", '"Settled": _settled}', '"Settled": _settled, "Graded": _graded}'),
    ):
        text = (home / name).read_text()
        assert text.count(old) == 1, (name, old)
        (home / name).write_text(text.replace(old, new))
