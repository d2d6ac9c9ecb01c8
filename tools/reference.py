"""Writes docs/finance-reference.md: what the packages of `finance` offer, out of their docstrings.

`python tools/reference.py` writes it; tests/house/test_reference.py holds that the page is what this makes,
and that docstrings say enough (the rule stands in CONTRIBUTING.md).
"""

from __future__ import annotations

import enum
import importlib
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "finance-reference.md"
PACKAGES = (
    "finance",
    "finance.terms",
    "finance.pricing",
    "finance.pricing.processes",
    "finance.swaps",
    "finance.securitisation",
    "finance.generation",
    "finance.actus",
    "finance.waterfalls",
)
WIDTH = 110
HEAD = """# Reference of finance

What the packages of `finance` offer. Made from their docstrings by `python tools/reference.py`: change those,
not this page. Terms, symbols and units: [nomenclature](nomenclature.md).
"""


class Entry(NamedTuple):
    """Something offered: a function, a class, or a member of a class, by its name in the package."""

    name: str
    what: Any
    owner: type | None = None

    @property
    def text(self) -> str:
        """The docstring; of a member that only answers a protocol, none."""
        what = self.what.func if isinstance(self.what, cached_property) else self.what
        return inspect.cleandoc(getattr(what, "__doc__", None) or "")

    @property
    def function(self) -> Any:
        """What is called, or read, as a plain function; None for classes and constants."""
        if isinstance(self.what, cached_property):
            return self.what.func
        if isinstance(self.what, property):
            return self.what.fget
        if isinstance(self.what, classmethod | staticmethod):
            return self.what.__func__
        return self.what if inspect.isfunction(self.what) else None

    @property
    def read(self) -> bool:
        """Whether it is read like a field."""
        return isinstance(self.what, property | cached_property)

    @property
    def parameters(self) -> list[inspect.Parameter]:
        """What it takes, besides the object or class itself; of a class with fields, its fields."""
        if self.read or not callable(self.function or self.what) or not has_signature(self.what):
            return []
        found = list(inspect.signature(self.function or self.what).parameters.values())
        bound = self.owner is not None and not isinstance(self.what, staticmethod)
        return found[1:] if bound else found


def has_signature(what: Any) -> bool:
    """Whether people make it by calling it with what its signature says."""
    if not inspect.isclass(what):
        return True
    made_otherwise = issubclass(what, enum.Enum | Exception) or getattr(what, "_is_protocol", False)
    return not (made_otherwise or hasattr(what, "model_fields"))


def offered() -> Iterator[tuple[str, list[Entry]]]:
    """Each package and what it offers that no package before it does."""
    seen: set[int] = set()
    for package in PACKAGES:
        module = importlib.import_module(package)
        entries = [Entry(name, getattr(module, name)) for name in sorted(module.__all__)]
        yield package, [entry for entry in entries if id(entry.what) not in seen]
        seen |= {id(entry.what) for entry in entries}


def members(entry: Entry) -> Iterator[Entry]:
    """Public methods and properties of a class, those of its bases in finance included."""
    if not inspect.isclass(entry.what):
        return
    found: dict[str, Any] = {}
    for each in reversed(entry.what.__mro__):
        if each.__module__.startswith("finance."):
            found |= {name: what for name, what in vars(each).items() if _is_member(name, what)}
    for name, what in found.items():
        yield Entry(f"{entry.name}.{name}", what, entry.what)


def _is_member(name: str, what: Any) -> bool:
    kinds = property | cached_property | classmethod | staticmethod
    public = name == "__call__" or not name.startswith("_")
    own = not inspect.isfunction(what) or what.__module__.startswith("finance.")  # pydantic adds some
    return public and own and (inspect.isfunction(what) or isinstance(what, kinds))


def signature(entry: Entry) -> str:
    """How it is called, and what it gives."""
    if entry.function is None and not (inspect.isclass(entry.what) and has_signature(entry.what)):
        return entry.name
    gives = inspect.signature(entry.function).return_annotation if entry.function else inspect.Signature.empty
    arrow = "" if gives is inspect.Signature.empty else f" -> {_type(gives)}"
    if entry.read:
        return f"{entry.name}{arrow}"
    taken, star = [], False
    for each in entry.parameters:
        if each.kind is inspect.Parameter.KEYWORD_ONLY and not star:
            taken.append("*")
            star = True
        plain = f"{'*' if each.kind is inspect.Parameter.VAR_POSITIONAL else ''}{each.name}"
        typed = plain if each.annotation is inspect.Parameter.empty else f"{plain}: {_type(each.annotation)}"
        taken.append(
            typed if each.default is inspect.Parameter.empty else f"{typed} = {_default(each.default)}"
        )
    name = entry.name.removesuffix(".__call__")
    line = f"{name}({', '.join(taken)}){arrow}"
    if len(line) <= WIDTH:
        return line
    return f"{name}(\n" + "".join(f"    {each},\n" for each in taken) + f"){arrow}"


def _type(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _default(value: Any) -> str:
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    shown = repr(value)
    return "..." if shown.startswith("<") else shown


def prose(text: str) -> str:
    """A docstring as Markdown: examples fenced, and what Markdown would read as its own marked as text."""
    lines, fenced = [], False
    for line in text.splitlines():
        if line.startswith(">>>") and not fenced:
            lines.append("```python")
            fenced = True
        elif fenced and not line:
            lines.append("```")
            fenced = False
        lines.append(line if fenced or line.startswith("    ") else _plain(line))
    return "\n".join([*lines, "```"] if fenced else lines)


def _plain(line: str) -> str:
    parts = re.split(r"(`[^`]*`)", line)
    return "".join(part if part.startswith("`") else re.sub(r"([*_<])", r"\\\1", part) for part in parts)


def page() -> str:
    """The whole page."""
    blocks = [HEAD.rstrip()]
    for package, entries in offered():
        about = inspect.cleandoc(importlib.import_module(package).__doc__ or "").split("\n\n")[0]
        blocks += [f"## {package}", _plain(about)]
        for entry in entries:
            blocks += list(_entry(entry))
    return "\n\n".join(blocks) + "\n"


def _entry(entry: Entry) -> Iterator[str]:
    yield f"### {entry.name}"
    if not callable(entry.what):
        yield (
            f"Keys: {', '.join(map(str, entry.what))}."
            if isinstance(entry.what, Mapping)
            else repr(entry.what)
        )
        return
    yield f"`{entry.what.__module__}`\n\n```python\n{signature(entry)}\n```"
    yield prose(entry.text)
    if inspect.isclass(entry.what) and issubclass(entry.what, enum.Enum):
        yield "\n".join(f"- `{entry.name}.{each.name}`" for each in entry.what)
    elif hasattr(entry.what, "model_fields"):
        fields = ", ".join(f"`{field.alias or name}`" for name, field in entry.what.model_fields.items())
        yield f"Fields: {fields}; what they mean: [the deal file](deal-file.md)."
    items = [_member(each) for each in members(entry) if each.text]
    if items:
        yield "\n".join(items)


def _member(entry: Entry) -> str:
    """One item of a list: how it is called, and its words without examples."""
    words = " ".join(line.strip() for line in entry.text.split(">>>")[0].splitlines() if line.strip())
    called = " ".join(signature(entry).split()).replace("( ", "(").replace(", )", ")")
    return f"- `{called}`: {_plain(words)}"


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE.relative_to(ROOT))
