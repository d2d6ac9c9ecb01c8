"""Deal files of the earlier form, penstock/deal/1, written anew: its `claims` and its one `offering` become
parts that name each other, and the values that the asset reported its KPI's.

The text is edited line by line, so that comments and spelling stay, and read again: it must hold exactly what
the deal's fields come to. Where it does not (a section in braces, say), the file is written from the fields.
Either way the comments before and after are counted, and those that are lost are named.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import yaml

from finance.terms.deal import SCHEMA
from finance.terms.load import EARLIER, show
from finance.terms.problems import DealFileError, Problem
from finance.terms.reader import load_yaml, read_deal_text
from finance.terms.values import TOO_LONG, is_carried

_HOLDING = ("eligible_classes", "blocked_countries")
_SOLD = ("kpi_bond", "revenue_share")
_REPORTED = "reported_values"
_COMMENT = re.compile(r"(?<!\S)#[^\n]*")


def migrated(data: bytes, file: str = "deal") -> tuple[str, list[str]] | None:
    """The text of a deal file in today's form, and the comments that are lost, each after the number of its
    line; None for a file that has it already. Not checked: loading it does that. Raises DealFileError for
    what is no deal file."""
    tree = read_deal_text(data, file)
    if tree.get("schema") == SCHEMA:
        return None
    if tree.get("schema") != EARLIER:
        given = str(tree.get("schema", "(missing)"))
        raise DealFileError([Problem(file, "schema", given, f"must be {EARLIER} or {SCHEMA}")])
    if not isinstance(tree.get("claims"), Mapping):
        raise DealFileError(
            [Problem(file, "claims", _shown(tree.get("claims")), "must be a mapping of claims")]
        )
    for name in ("claims", "kpis"):
        found = tree.get(name)
        for key, each in found.items() if isinstance(found, Mapping) else ():
            if not isinstance(each, Mapping):
                raise DealFileError([Problem(file, f"{name}.{key}", _shown(each), "must be a mapping")])
    if found := [Problem(file, place, show(number), TOO_LONG) for place, number in _too_long(tree)]:
        raise DealFileError(found)
    wanted = _fields(tree)
    before = data.decode()
    text = _edited(before, tree)
    try:
        kept = load_yaml(text) == wanted
    except (yaml.YAMLError, ValueError):
        kept = False
    text = text if kept else _written(wanted)
    left = Counter(comment for _, comment in _comments(text))
    lost = []
    for line, comment in _comments(before):
        left[comment] -= 1
        if left[comment] < 0:
            lost.append(f"{line}: {comment}")
    return text, lost


def _comments(text: str) -> Iterator[tuple[int, str]]:
    """Every comment, with the number of its line: what follows a # outside of all texts and numbers."""
    begins, gaps = 0, []
    for token in yaml.scan(text, Loader=yaml.CSafeLoader):
        if isinstance(token, yaml.ScalarToken):
            gaps.append((begins, token.start_mark.index))
            begins = token.end_mark.index
    for begin, end in [*gaps, (begins, len(text))]:
        for found in _COMMENT.finditer(text, begin, end):
            yield text.count("\n", 0, found.start()) + 1, found[0].strip()


def _shown(value: Any) -> str:
    return "null" if value is None else str(value)[:60]


def _keys(claims: Mapping[str, Any]) -> tuple[str, str]:
    """What token and offering are called: so, unless a claim is."""
    token, offering = (
        next(key for key in (name, *(f"{name}-{n}" for n in range(2, len(claims) + 2))) if key not in claims)
        for name in ("token", "offering")
    )
    return token, offering


def _too_long(item: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every number that no deal can carry, with its place: written in full it would fill the memory."""
    inside = item.items() if isinstance(item, Mapping) else enumerate(item) if isinstance(item, list) else ()
    for key, each in inside:
        yield from _too_long(each, (*path, str(key)))
    if isinstance(item, int | Decimal) and not is_carried(Decimal(item)):
        yield ".".join(path), item


def _fields(tree: Mapping[str, Any]) -> dict[str, Any]:
    claims, offering = tree["claims"], tree.get("offering")
    token, sale = _keys(claims)
    swap = next((key for key, claim in claims.items() if claim.get("kind") == "kpi_payment"), None)
    parts: dict[str, Any] = {}
    symbol = None
    for key, claim in claims.items():
        part = dict(claim)
        if claim.get("kind") in _SOLD:
            symbol = part.pop("symbol", None)
            part["token"] = token
            if claim["kind"] == "revenue_share":
                part |= {"kind": "treasury", "swap": swap}
        parts[key] = part
    if isinstance(offering, Mapping):
        held = {name: offering[name] for name in _HOLDING if name in offering}
        parts[token] = {"kind": "claim_token", "symbol": symbol, **held}
        rest = {name: value for name, value in offering.items() if name not in _HOLDING}
        parts[sale] = {"kind": "offering", "sells": token, **rest}
    kept = {name: value for name, value in tree.items() if name not in ("claims", "offering")}
    return {**kept, **_reported(tree), "schema": SCHEMA, "parts": parts}


def _reported(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Asset and KPIs, which every KPI's nodes read of."""
    asset, kpis = tree.get("asset"), tree.get("kpis")
    facts = asset.get("parameters") if isinstance(asset, Mapping) else None
    if not isinstance(facts, Mapping) or _REPORTED not in facts or not isinstance(kpis, Mapping):
        return {}
    left = {name: value for name, value in facts.items() if name != _REPORTED}
    rest = {name: value for name, value in tree["asset"].items() if name != "parameters"}
    return {
        "asset": {**rest, **({"parameters": left} if left else {})},
        "kpis": {key: {**kpi, _REPORTED: facts[_REPORTED]} for key, kpi in kpis.items()},
    }


def _edited(text: str, tree: Mapping[str, Any]) -> str:
    """The same lines with the sections moved; for a file in the usual layout."""
    token, sale = _keys(tree["claims"])
    lines = re.sub(rf"(?m)^(schema:\s*[\"']?){EARLIER}", rf"\g<1>{SCHEMA}", text, count=1).split("\n")
    _move_reported(lines)
    sold = _cut(lines, "offering")
    begin, end = _section(lines, "claims")
    swap = next((key for key, claim in tree["claims"].items() if claim.get("kind") == "kpi_payment"), None)
    made, symbol, kind = [line.replace("claims:", "parts:", 1) for line in lines[begin : begin + 1]], "", ""
    for line in lines[begin + 1 : end]:
        if found := re.match(r"    kind:\s*(\w+)(.*)", line):
            kind = found[1]
            line = f"    kind: treasury{found[2]}" if kind == "revenue_share" else line
        if re.match(r"    symbol:", line) and kind in _SOLD:
            symbol = line
            made += [f"    token: {token}", *([f"    swap: {swap}"] if kind == "revenue_share" else [])]
            continue
        made.append(line)
    if sold:
        held = [line for line in sold[1:] if line.strip().startswith(_HOLDING)]
        made += [f"  {token}:", "    kind: claim_token", symbol, *(f"  {line}" for line in held)]
        rest = [line for line in sold[1:] if line not in held]
        made += [f"  {sold[0].replace('offering', sale, 1)}", "    kind: offering", f"    sells: {token}"]
        made += [f"  {line}" if line.strip() else line for line in rest]
    lines[begin:end] = made
    return "\n".join(lines)


def _move_reported(lines: list[str]) -> None:
    """What the asset reported, to the end of each KPI."""
    begin, end = _section(lines, "asset")
    at = next((n for n in range(begin, end) if lines[n].startswith(f"    {_REPORTED}:")), None)
    if at is None:
        return
    moved = lines.pop(at)
    if lines[at - 1].startswith("  parameters:") and not lines[at].startswith("    "):
        at -= 1
        lines[at : at + 1] = [f"  {comment[0]}" for comment in _COMMENT.finditer(lines[at])]
    begin, end = _section(lines, "kpis")
    keys = [n for n in range(begin + 1, end) if re.match(r"  [^\s#]", lines[n])]
    for n in reversed([*keys[1:], end]):
        while re.match(r"\s*(#|$)", lines[n - 1]):  # what stands above the next one is that one's
            n -= 1
        lines.insert(n, moved)


def _section(lines: list[str], name: str) -> tuple[int, int]:
    """Where a section of the file begins and ends, without the blank lines and comments after it; nowhere for
    none."""
    begin = next((index for index, line in enumerate(lines) if line.startswith(f"{name}:")), len(lines))
    end = min(begin + 1, len(lines))
    while end < len(lines) and (not lines[end] or lines[end][0] in " #"):
        end += 1
    while end > begin + 1 and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1
    return begin, end


def _cut(lines: list[str], name: str) -> list[str]:
    """Take a section out, with the blank lines after it."""
    begin, end = _section(lines, name)
    found = lines[begin:end]
    while end < len(lines) and not lines[end].strip():
        end += 1
    del lines[begin:end]
    return found


class _Writer(yaml.SafeDumper):
    """Numbers as plain digits, and what stands twice written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Writer.add_representer(
    Decimal,
    lambda writer, number: writer.represent_scalar(
        f"tag:yaml.org,2002:{'float' if '.' in f'{number:f}' else 'int'}", f"{number:f}"
    ),
)


def _written(tree: Mapping[str, Any]) -> str:
    ordered = {"schema": tree["schema"], **tree}
    return yaml.dump(ordered, Dumper=_Writer, sort_keys=False, allow_unicode=True, width=120)
