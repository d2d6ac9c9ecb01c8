"""Deals by kind: those that show it, and random ones like them.

Of ours they are in the deal book; another package has them beside its model.
"""

from __future__ import annotations

import re
import sys
from atexit import register
from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from finance.terms import Deal, DealFileError, load_deal, parse_deal
from finance.terms.kinds import KINDS
from finance.terms.reader import read_deal_yaml

Tree = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
LEADING = [kind for kind, model in KINDS.items() if model.leads]
MORE = {
    "enel-slb-2019": """
  desk:
    kind: trade_desk
    trades: token
    minimum: {value: 200, assumed: the lot in which such bonds are traded}
    quote_days: {value: 10, assumed: longer than anybody leaves a price open}
  put:
    kind: put
    of: token
    writer: issuer
    funded: after_notice
    notice_from_days: {value: 60, assumed: as usual for puts of bonds}
    notice_until_days: {value: 30, assumed: as usual for puts of bonds}
    exercise_days: {value: 10, assumed: as long as the grace of a payment}
    dates:
      - {coupon: 4, price: {value: 1, assumed: puts are mostly at par}}
      - {coupon: 6, price: {value: 1.005, assumed: a little above it}}
  consents:
    kind: consent_solicitation
    waives: bond
    majority:
      parts: {value: 3, assumed: the three quarters that may put off interest in many indentures}
      of: {value: 4, assumed: as above}
    standstill_days: {value: 180, assumed: long enough to sell an asset}
    notice_days: {value: 21, assumed: three weeks to read what is asked}
    held_days: {value: 10, assumed: longer than anybody lends units for a vote}
    count_days: {value: 30, assumed: a month}
  buffer:
    kind: liquidity_buffer
    on: desk
    kpi: unit-value
    sponsor: bank
    facility: {value: 15000000, assumed: a hundredth of the issue}
    discount: {value: 0.015, assumed: what a dealer of such bonds keeps}
    most_units: {value: 3000, assumed: a fifth of the facility at a mark}
    longest_age_days: {value: 200, assumed: half a year and what a report takes}
    until: {value: 2023-06-30, assumed: a year before the bond is paid}
""",
    "singapore-ebus-loan": """
  proceeds:
    kind: proceeds
    of: token
    reviewer: verifier
    uses:
      buses: {title: Electric buses, amount: {value: 45000000, assumed: three quarters of the loan}}
      depots: {title: Depots and chargers, amount: {value: 15000000, assumed: the rest}}
  register-office:
    kind: office
    of: token
    keeper: agent
    appointers: [borrower, verifier, lenders]
    quorum: {value: 2, assumed: two of three}
    notice_days: {value: 30, assumed: a month}
""",
}
"""Parts that no deal of the book has: hashes of deals that are deployed stay as they are."""
MEASURED = {
    "enel-slb-2019": {
        "\nasset:": """  bank: {name: A bank that makes a market, roles: [lender], assumed: none is named}
""",
        "\nparts:": """  unit-value:
    title: Value of a unit since issue
    unit: USD
    decimals: 6
    direction: higher_is_better
    pnl_line: none
    data_stream: the bond's closed form with the reports there are
    baseline: none
    bounds:
      minimum: {value: 0, assumed: a claim}
      maximum: {value: 2000, assumed: twice par}
    periods:
      - {start: 2019-09-10, end: 2020-03-31, assumed: by half-years}
      - {start: 2020-04-01, end: 2020-09-30, assumed: by half-years}
      - {start: 2020-10-01, end: 2021-03-31, assumed: by half-years}
      - {start: 2021-04-01, end: 2021-09-30, assumed: by half-years}
    process:
      kind: normal
      mean: {value: 1000, assumed: par}
      sd: {value: 20, assumed: two points}
""",
        "": """  unit-value:
    nodes: {value: 4, assumed: as for the share}
    quorum: {value: 3, assumed: tolerates one lying and one silent node}
    max_spread: {value: 1, assumed: a tenth of a point}
    method: unit-value/1
    reporting_days: {value: 14, assumed: the closed form is soon computed}
    late_days: {value: 14, assumed: long enough to ask the panel}
    dispute_days: {value: 7, assumed: short so that the buffer opens soon}
    ruling_days: {value: 14, assumed: none published}
    challenge_bond: {value: 10000, assumed: as for the share}
    challenge_reward: {value: 5000, assumed: as for the share}
    panel_size: {value: 3, assumed: as for the share}
    panel_quorum: {value: 2, assumed: as for the share}
    missing: {rule: worst_for_data_controller}
""",
    },
}
"""What those parts need elsewhere in the file: before a line, or at the end."""


def with_parts(name: str) -> str:
    """The text of a deal of the book with the parts of MORE."""
    text = (ROOT / "deals" / f"{name}.yaml").read_text()
    text = text.replace("\noracle:", f"{MORE[name]}\noracle:")
    for line, more in MEASURED.get(name, {}).items():
        text = text.replace(line, f"{more}{line}", 1) if line else text + more
    return text


OTHERS = {
    "siheung-efficiency-abs": (
        "kind: offering\n    sells: senior-units\n",
        """kind: offering_book
    sells: senior-units
    least_price: {value: 98000, assumed: a fiftieth below par}
    most_price: {value: 102000, assumed: a fiftieth above par}
    tick: {value: 500, assumed: as fine as such bids are made}
""",
    ),
    "atlanta-eib-2019": (
        "kind: offering\n",
        """kind: offering_book
    least_price: {value: 990, assumed: a hundredth below par}
    most_price: {value: 1010, assumed: a hundredth above par}
    tick: {value: 2.5, assumed: as fine as such bids are made}
    minimum: {value: 2, assumed: so that nobody orders dust}
""",
    ),
}
"""Parts of the book in place of which another kind stands: what the file says, and what the test's does."""
HEDGED = {
    "siheung-efficiency-abs": (
        ("id: siheung-efficiency-abs", "id: siheung-efficiency-hedged"),
        ("closes: {value: 2024-01-01,", "closes: {value: 2023-12-28,"),
        ("closes: {value: 2024-01-01,", "closes: {value: 2023-12-28,"),
        (
            "  panel: {name",
            "  insurer: {name: Insurer of savings, roles: [payer], assumed: illustrative}\n  panel: {name",
        ),
        (
            "      - {pay: [senior.interest], when: always}\n",
            "      - {pay: [cover.owed]}\n      - {pay: [senior.interest], when: always}\n",
        ),
        (
            "\noracle:",
            """
  cover:
    kind: kpi_payment
    title: Savings swap
    spv: efficiency
    payer: insurer
    payee: aggregator
    kpi: savings
    pay_lag_days: {value: 120, assumed: room for the report and a dispute}
    fixed: {value: [-20000000], assumed: the premium}
    line:                     # KRW 300 million for each hundredth that savings miss or exceed 8 %
      - {kpi: {value: 0.03, assumed: five hundredths}, amount: {value: 1500000000, assumed: five times that}}
      - {kpi: {value: 0.13, assumed: five hundredths}, amount: {value: -1500000000, assumed: five times that}}
    collateral:
      payer: {value: 500000000, assumed: a bad year}
      payee: {value: 0, assumed: the vehicle has nothing before it begins}
    cure_days: {value: 20, assumed: illustrative}
    late_rate: {value: 0.06, assumed: illustrative}
    limited_recourse: true
    close_out: {rule: replacement_cost}

oracle:""",
        ),
    ),
}
"""Vehicles of the book that are the payee of a swap."""
LEAST = re.compile(r"at least ([0-9.]+) is needed")
FEW = 4
"""Measurement periods of a random deal, where fewer will do."""


@cache
def shown(kind: str) -> tuple[Path, ...]:
    """The deal files with a part of a kind; where the book has none, those that are made for the tests; of
    vehicles those with a swap too."""
    own = Path(str(sys.modules[KINDS[kind].__module__].__file__)).parent
    files = [*sorted((ROOT / "deals").glob("*.yaml")), *sorted(own.glob("*.yaml"))]
    is_hedged = kind in ("spv", "kpi_payment")
    hedged = [file for file in made() if file.stem.endswith("-hedged")] if is_hedged else []
    return _with(kind, [*files, *hedged]) or _with(kind, [*made()])


@cache
def made_for_tests() -> list[str]:
    """The kinds that no file shows but those."""
    return [kind for kind in KINDS if set(shown(kind)) <= set(made())]


def _with(kind: str, files: list[Path]) -> tuple[Path, ...]:
    return tuple(file for file in files if any(part.kind == kind for part in load_deal(file).parts.values()))


@cache
def made() -> tuple[Path, ...]:
    """Deals of the book with one part more, or another."""
    folder = Path(mkdtemp(prefix="penstock-deals-"))
    register(rmtree, folder)
    for name in MORE:
        (folder / f"{name}.yaml").write_text(with_parts(name))
    for name, (was, stands) in OTHERS.items():
        text = (ROOT / "deals" / f"{name}.yaml").read_text()
        (folder / f"{name}.yaml").write_text(text.replace(was, stands))
    for name, changes in HEDGED.items():
        text = (ROOT / "deals" / f"{name}.yaml").read_text()
        for was, stands in changes:
            assert was in text, was
            text = text.replace(was, stands, 1)
        (folder / f"{name}-hedged.yaml").write_text(text)
    return tuple(sorted(folder.iterdir()))


@cache
def alone(kind: str) -> tuple[Path, ...]:
    """Those of them whose parts are one group: who faces whom is plain there."""
    return tuple(file for file in shown(kind) if len(load_deal(file).groups) == 1)


def whole() -> Iterator[tuple[Path, Deal]]:
    """Every deal that shows a kind, once."""
    for file in dict.fromkeys(file for kind in KINDS for file in shown(kind)):
        yield file, load_deal(file)


@cache
def short(file: Path) -> Tree:
    """A deal file with few periods, where the rest of it allows that."""
    tree = read_deal_yaml(file)
    cut = deepcopy(tree)
    for kpi in cut.get("kpis", {}).values():
        kpi["periods"] = kpi["periods"][:FEW]
        kpi.pop("reported_values", None)
    return cut if accepted(cut) else tree


def accepted(tree: Tree) -> Deal | None:
    """The deal, if it is one."""
    try:
        return parse_deal(tree)
    except DealFileError:
        return None


def leaves(tree: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where every value of a file stands."""
    if isinstance(tree, dict | list):
        for key, each in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from leaves(each, (*path, key))
    else:
        yield path


def at(tree: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        tree = tree[step]
    return tree


def random_deal(kind: str, rng: Random, changes: int = 12) -> Deal:
    """One like those that show a kind: some numbers and choices are others, as far as the reader lets them,
    and perhaps another party controls the data."""
    tree = deepcopy(short(rng.choice(alone(kind))))
    paths = [path for path in leaves(tree) if path[0] in ("parts", "oracle")]
    for path in rng.sample(paths, min(len(paths), changes)):
        was, new = at(tree, path), _another(at(tree, path), rng)
        at(tree, path[:-1])[path[-1]] = new
        if new != was and accepted(tree) is None:
            at(tree, path[:-1])[path[-1]] = was
    if rng.random() < 0.5:
        roles = {
            key: [r for r in party["roles"] if r != "data_controller"]
            for key, party in tree["parties"].items()
        }
        roles[rng.choice(list(roles))].append("data_controller")
        other = {**tree, "parties": {key: {**tree["parties"][key], "roles": roles[key]} for key in roles}}
        if all(roles.values()) and accepted(other):
            tree = other
    if rng.random() < 0.5:
        tree = _with_calls(tree, rng)
    found = accepted(tree)
    assert found is not None
    return found


def _with_calls(tree: Tree, rng: Random) -> Tree:
    """Where a part may be ended early by choice, often for exactly the least price that the reader takes."""
    deal = accepted(tree)
    assert deal is not None
    for key, part in deal.parts.items():
        callable_ = "call" in type(part).model_fields
        ends = [period.end for period in getattr(part, "schedule", ())][:-1] if callable_ else []
        if not ends:
            continue
        price = {"from": stated(rng.choice(ends)), "price": stated(Decimal(1))}
        call = {"notice_days": stated(rng.choice((1, 30, 60))), "prices": [price]}
        other = {**tree, "parts": {**tree["parts"], key: {**tree["parts"][key], "call": call}}}
        try:
            parse_deal(other)
        except DealFileError as refused:
            if (least := LEAST.search(str(refused))) is None:
                continue
            price["price"] = stated(Decimal(least[1]) + rng.choice((0, 0, Decimal("0.01"))))
        if accepted(other):
            tree = other
    return tree


def stated(value: Any) -> dict[str, Any]:
    return {"value": value, "assumed": "any"}


def _another(value: Any, rng: Random) -> Any:
    """A number of as many decimals, a flag; anything else as it is."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | Decimal):
        step = Decimal(1).scaleb(min(0, int(Decimal(value).as_tuple().exponent)))
        times = rng.choice((0, Decimal("0.1"), Decimal("0.5"), Decimal("0.9"), 1, Decimal("1.5"), 2, -1))
        new = (Decimal(value) * times).quantize(step) + step * rng.choice((0, 0, 1, -1, 7))
        return int(new) if isinstance(value, int) else new
    return value
