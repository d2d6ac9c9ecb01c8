"""The languages of the pages. English is written in the templates; a language's catalogues translate it when
the page is made (locale/LANGUAGE/*.po, one for each part), without a compile step."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel.messages.pofile import read_po
from markupsafe import Markup, escape
from starlette.requests import HTTPConnection

LOCALE = Path(__file__).parent / "locale"
LANGUAGES: Mapping[str, str] = {"en": "English", "ko": "한국어"}
DEFAULT = "en"
COOKIE = "lang"
MOST_PARTS = 4
_JOINTS = (": ", "; ", ", ")
_FIELD = re.compile(r"\{(\w+)\}")
_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)*")


def N_(message: str) -> str:
    """Marks a text that is translated later, where the language is known."""
    return message


def language_of(connection: HTTPConnection) -> str:
    """The reader's language: ?lang, else the cookie, else the first of Accept-Language that we have."""
    for wish in (connection.query_params.get("lang"), connection.cookies.get(COOKIE)):
        if wish in LANGUAGES:
            return str(wish)
    return accepted(connection.headers.get("accept-language", ""))


@lru_cache(maxsize=256)
def accepted(header: str) -> str:
    """The best of our languages for an Accept-Language header."""
    ranked = []
    for place, part in enumerate(header[:200].split(",")):
        name, _, weight = part.partition(";")
        try:
            quality = float(weight.partition("=")[2] or 1)
        except ValueError:
            quality = 0.0
        language = name.strip().lower().partition("-")[0]
        if language in LANGUAGES and quality > 0:
            ranked.append((-quality, place, language))
    return min(ranked)[2] if ranked else DEFAULT


class Translator:
    """Says a text in one language: `say("{count} reports", count=3)`. Fields are filled in after translation;
    if one of them is markup the whole is, and everything else in it is escaped."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._texts = texts(language)

    def __call__(self, message: str, /, **values: Any) -> str:
        return _filled(self._texts.get(message, message), values)

    def plural(self, one: str, many: str, count: int, /, **values: Any) -> str:
        """`one` or `many` as `count` asks; {count} is a field of both."""
        text = self._texts.get(one) if self.language != DEFAULT else None
        return _filled(text or (one if count == 1 else many), {"count": count, **values})

    def knows(self, message: str) -> bool:
        """Whether the text is there in this language."""
        return self.language == DEFAULT or message in self._texts

    def deal(self, text: str) -> str:
        """A text of a deal file, which is English: translated where a catalogue has it, else marked as
        English."""
        text = " ".join(text.split())
        if self.language == DEFAULT:
            return text
        found = self._pieces(text)
        return Markup('<span lang="en">{}</span>').format(text) if found is None else found

    def _pieces(self, text: str) -> str | None:
        """A text by its own entry, by one with its numbers as fields ("Coupon {0} is paid"), or by entries
        for the parts it is put together from."""
        if text in self._texts:
            return self._texts[text]
        numbers: list[str] = []

        def field(match: re.Match[str]) -> str:
            numbers.append(match[0])
            return f"{{{len(numbers) - 1}}}"

        pattern = self._texts.get(_NUMBER.sub(field, text))
        if pattern is not None:
            return pattern.format(*numbers)
        for joint in _JOINTS:
            parts = text.split(joint)
            if 1 < len(parts) <= MOST_PARTS:
                found = [self._pieces(part) for part in parts]
                if None not in found:
                    return joint.join(each for each in found if each is not None)
        return None


def _filled(text: str, values: Mapping[str, Any]) -> str:
    if not values:
        return text
    if any(hasattr(value, "__html__") for value in values.values()):
        return Markup(escape(text)).format(**values)
    return text.format(**values)


def filled(text: str, fields: Mapping[str, Any]) -> str:
    """A translated text with those of the fields that it has. Other braces stay: what another package says
    need not be a template, and is never formatted."""
    return _FIELD.sub(lambda found: str(fields.get(found[1], found[0])), text)


def texts(language: str) -> Mapping[str, str]:
    """Every text of a language by its English; empty for English itself."""
    files = sorted((LOCALE / language).glob("*.po")) if language != DEFAULT else []
    return _read(language, tuple((path, path.stat().st_mtime_ns) for path in files))


@lru_cache(maxsize=8)
def _read(language: str, files: tuple[tuple[Path, int], ...]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for path, _ in files:
        with path.open("rb") as file:
            for message in read_po(file, locale=language):
                key, text = _first(message.id), _first(message.string)
                if key and text:
                    found[key] = text
    return found


def _first(form: str | Sequence[str] | None) -> str:
    """The only form of a text, or the first of a plural."""
    return form if isinstance(form, str) else form[0] if form else ""


def plain(text: str) -> str:
    """A text without the mark-up that `Translator.deal` may have given it, for what is no HTML."""
    return Markup(text).striptags() if hasattr(text, "__html__") else text
