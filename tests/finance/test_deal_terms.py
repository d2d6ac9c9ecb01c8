"""The good deal: what it says, where each number comes from, its hash and its JSON Schema."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from finance.pricing.value import price
from finance.terms import Deal, load_deal, parse_deal
from finance.terms.canonical import canonical_json, plain
from finance.terms.json_schema import deal_schema
from finance.terms.reader import load_yaml, read_deal_yaml
from finance.terms.values import scaled, shortest
from tests.seeds import usual

GOOD = Path(__file__).resolve().parents[2] / "deals" / "dc-water-eib-2016.yaml"
SEED = usual(20160929)


def test_facts_of_the_dc_water_bond(deal: Deal) -> None:
    """FIELD.md part 2, DC Water EIB: 25M at 3.43 %, tiers at 18.6 % and 41.3 %, 3.3M either way."""
    bond = deal.parts["bond"]
    assert bond.principal.value == 25_000_000
    assert bond.coupon.rate.value == Decimal("0.0343")
    assert (bond.issue_date.value, bond.maturity.value) == (date(2016, 9, 29), date(2021, 4, 1))
    assert bond.final_maturity is not None
    assert bond.final_maturity.value == date(2046, 10, 1)
    low, middle, high = bond.outcome_payment.tiers
    assert [tier.amount.value for tier in (low, middle, high)] == [-3_300_000, 0, 3_300_000]
    assert low.below is not None
    assert middle.from_ is not None
    assert middle.to is not None
    assert high.above is not None
    bounds = [low.below.value, middle.from_.value, middle.to.value, high.above.value]
    assert bounds == [Decimal("0.186"), Decimal("0.186"), Decimal("0.413"), Decimal("0.413")]
    assert (low.inclusive, middle.inclusive, high.inclusive) == (False, "both", False)
    assert all(tier.amount.is_sourced for tier in (low, middle, high))


def test_numbers_lists_every_stated_value_of_the_file(deal: Deal) -> None:
    """Each `value:` of the file is one row, and so is a KPI's schedule; none is lost, none invented."""
    listed = deal.numbers()
    in_file = GOOD.read_text(encoding="utf-8").count("{value: ")
    assert len(listed) == in_file + len(deal.kpis)
    assert len({path for path, *_ in listed}) == len(listed)
    assert {kind for _, _, kind, _ in listed} == {"sourced", "assumed"}
    by_path = {path: (value, kind, text) for path, value, kind, text in listed}
    value, kind, text = by_path["parts.bond.principal"]
    assert (value, kind) == (25_000_000, "sourced")
    assert text.startswith("Urban Institute")
    assert by_path["parts.bond.outcome_payment.tiers.1.from"][0] == Decimal("0.186")
    assert by_path["kpis.runoff-reduction.process.probability"][1] == "assumed"


def test_deal_is_immutable(deal: Deal) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        deal.title = "another"  # type: ignore[misc]


def test_no_float_gets_in(tree: dict[str, Any]) -> None:
    def leaves(item: Any) -> Iterator[Any]:
        for child in item.values() if isinstance(item, dict) else item if isinstance(item, list) else ():
            yield child
            yield from leaves(child)

    assert not [leaf for leaf in leaves(tree) if isinstance(leaf, float)]
    tree["parts"]["bond"]["coupon"]["rate"]["value"] = 0.0343
    with pytest.raises(ValueError, match="must be a number"):
        parse_deal(tree)


def test_words_that_older_yaml_mangles() -> None:
    """In YAML 1.1 the country code NO is false, 1e3 is text, 010 is eight and 1:30 is ninety."""
    text = "{a: NO, b: on, c: 1e3, d: 010, e: '1', f: 1:30, g: true, h: ~, i: 1_000, j: .5, k: 2021-04-01}"
    assert load_yaml(text) == {
        "a": "NO", "b": "on", "c": Decimal(1000), "d": 10, "e": "1", "f": "1:30", "g": True, "h": None,
        "i": "1_000", "j": Decimal("0.5"), "k": date(2021, 4, 1),
    }  # fmt: skip


# --- the hash


def test_hash_is_sha256_of_the_canonical_json(deal: Deal) -> None:
    text = deal.canonical_json
    assert deal.terms_hash == "0x" + sha256(text.encode()).hexdigest()
    content = json.loads(text)
    assert json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False) == text
    assert content["parts"]["bond"]["coupon"]["rate"] == {"source": "ri", "value": "0.0343"}
    assert content["parts"]["bond"]["maturity"]["value"] == "2021-04-01"


def test_hash_is_taken_once_and_by_every_copy_anew(good_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A valuation asks for it again and again; a changed copy is another deal."""
    taken: list[int] = []

    def counted(text: str) -> str:
        taken.append(len(text))
        return "0x" + sha256(text.encode()).hexdigest()

    monkeypatch.setattr("finance.terms.deal.sha256_hex", counted)
    one = load_deal(good_path)
    price(one).to_dict()
    assert len(taken) == 1
    other = one.model_copy(update={"title": "Another"})
    assert other.terms_hash == parse_deal({**read_deal_yaml(good_path), "title": "Another"}).terms_hash
    assert other != one
    assert one.model_copy() == one == one.model_copy(deep=True)


def test_canonical_json_reads_back_as_the_same_deal(deal: Deal) -> None:
    assert parse_deal(json.loads(deal.canonical_json)) == deal


def test_canonical_json_refuses_floats() -> None:
    with pytest.raises(TypeError, match="float"):
        canonical_json({"a": [1, {"b": 0.1}]})


def shuffled(item: Any, rng: random.Random) -> Any:
    if isinstance(item, dict):
        keys = list(item)
        rng.shuffle(keys)
        return {key: shuffled(item[key], rng) for key in keys}
    return [shuffled(child, rng) for child in item] if isinstance(item, list) else item


def test_hash_does_not_depend_on_the_order_of_keys(tree: dict[str, Any], deal: Deal) -> None:
    print("seed", SEED)
    rng = random.Random(SEED)
    for _ in range(20):
        assert parse_deal(shuffled(tree, rng)).terms_hash == deal.terms_hash


def test_hash_does_not_depend_on_layout_or_comments(deal: Deal, edited: Callable[..., Path]) -> None:
    flow = "currency: {code: USD, minor_units: 2, token_decimals: 6}"
    block = '# a comment\ncurrency:\n  token_decimals: 6\n  code: "USD"\n\n  minor_units: 2'
    path = edited((flow, block))
    assert load_deal(path) == deal
    assert hash(load_deal(path)) == hash(deal)


SPELLINGS = ["0.0343", "3.430e-2", "0.03430", "+0.0343", "343e-4", "3.43E-02", ".0343", "'0.0343'"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_hash_does_not_depend_on_spelling(spelling: str, deal: Deal, edited: Callable[..., Path]) -> None:
    assert load_deal(edited(("value: 0.0343", f"value: {spelling}"))).terms_hash == deal.terms_hash


def leaf_paths(item: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    children = item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ()
    for key, child in children:
        if isinstance(child, dict | list):
            yield from leaf_paths(child, (*path, key))
        else:
            yield (*path, key)


ALL_LEAVES = sorted(leaf_paths(read_deal_yaml(GOOD)), key=str)


def other(value: Any) -> list[Any]:
    """Values that differ from `value`; the first that is well-formed in its place is used."""
    if isinstance(value, bool):
        return [not value, "both"]
    if isinstance(value, int | Decimal):
        return [value + 1, value - 1]
    if isinstance(value, date):
        return [value.replace(year=value.year + 1)]
    classes = ["retail", "professional", "institutional"]
    if value in classes:
        return classes
    words = ["fixed", "holder", "agent", "annual", "lower_is_better", "higher_is_better", "neither", "amount"]
    return [f"{value}x", f"{value}1", "EUR", *words]


@pytest.mark.parametrize("path", ALL_LEAVES, ids=lambda path: ".".join(map(str, path)))
def test_hash_changes_with_every_value(path: tuple[Any, ...], deal: Deal) -> None:
    """One leaf changed, whatever it is, gives another hash, unless the schema allows no other value."""
    tree = deepcopy(read_deal_yaml(GOOD))
    holder = tree
    for step in path[:-1]:
        holder = holder[step]
    original = holder[path[-1]]
    for value in other(original):
        if value == original:
            continue
        holder[path[-1]] = value
        try:
            changed = Deal.model_validate(tree)
        except ValidationError:
            continue
        assert changed.terms_hash != deal.terms_hash
        assert changed != deal
        return
    assert path[-1] in ("schema", "kind", "pays"), f"no other value is possible for {path}"


@st.composite
def spelled(draw: Any) -> tuple[Decimal, str]:
    """A number and one of its spellings."""
    digits = draw(st.integers(min_value=0, max_value=10**20))
    exponent = draw(st.integers(min_value=-12, max_value=6))
    sign = draw(st.sampled_from(["", "-", "+"]))
    shift = draw(st.integers(min_value=-8, max_value=8))
    number = Decimal(f"{'-' if sign == '-' else ''}{digits}e{exponent}")
    form = draw(st.sampled_from(["plain", "exponent", "zeros"]))
    if form == "exponent":
        return number, f"{sign}{format(Decimal(digits).scaleb(exponent - shift), 'f')}e{shift}"
    text = format(abs(number), "f")
    if form == "zeros":
        text += "000" if "." in text else ".00"
    return number, sign + text


@settings(max_examples=300, deadline=None)
@given(spelled())
def test_spellings_of_a_number_read_as_one(pair: tuple[Decimal, str]) -> None:
    number, text = pair
    value = load_yaml(text)
    assert isinstance(value, int | Decimal)
    assert Decimal(value) == number
    assert plain(Decimal(value)) == plain(number)


@settings(max_examples=300, deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20))
def test_plain_is_short_exact_and_stable(number: Decimal) -> None:
    text = plain(number)
    assert Decimal(text) == number
    assert "e" not in text.lower()
    assert text != "-0"
    assert not (("." in text) and text.endswith("0"))
    assert plain(Decimal(text)) == text
    assert shortest(number) == number


@settings(max_examples=200, deadline=None)
@given(st.integers(min_value=-(10**15), max_value=10**15), st.integers(min_value=0, max_value=18))
def test_scaled_is_exact_or_nothing(integer: int, decimals: int) -> None:
    number = Decimal(integer).scaleb(-decimals)
    assert scaled(number, decimals) == integer
    finer = number + Decimal(1).scaleb(-decimals - 1)
    assert scaled(finer, decimals) is None


# --- JSON Schema


def as_json(item: Any) -> Any:
    if isinstance(item, dict):
        return {key: as_json(child) for key, child in item.items()}
    if isinstance(item, list):
        return [as_json(child) for child in item]
    if isinstance(item, date):
        return item.isoformat()
    return float(item) if isinstance(item, Decimal) else item


def test_json_schema_accepts_the_good_file_and_refuses_a_bad_one(tree: dict[str, Any]) -> None:
    schema = deal_schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    good = as_json(tree)
    assert list(validator.iter_errors(good)) == []
    del good["parts"]["bond"]["maturity"]
    good["parts"]["bond"]["ticker"] = "X"
    # A claim is one of several kinds, so what is wrong with it stands below that.
    errors = [(error, *(error.context or [])) for error in validator.iter_errors(good)]
    messages = " ".join(error.message for group in errors for error in group)
    assert "'maturity' is a required property" in messages
    assert "'ticker' was unexpected" in messages
