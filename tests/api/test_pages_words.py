"""Everything a page says has Korean words, with the same fields; texts are found in the sources."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po

from api.i18n import LOCALE, Translator, accepted, texts
from api.instruments import words_of
from api.instruments.words import TIER_WORDS
from api.pages.format import Format
from api.pages.term_sheet import term_sheet
from finance.terms.bond import KpiBond
from finance.terms.spv import Spv
from tests.book import groups
from tests.finance.deal_variants import enel_stepping_up

ROOT = Path(__file__).parents[2]
API = ROOT / "api"
TOLD_ELSEWHERE = ROOT / "finance" / "report" / "waterfall_words.py"
"""Its sentences are templates, which pages say in their language."""
KEYWORDS = {"_": None, "N_": None, "say": None, "n_": (1, 2), "plural": (1, 2)}
SCRIPT_SAY = re.compile(r"""\bsay\(\s*(["'`])((?:\\.|(?!\1).)*)\1""", re.DOTALL)
FIELD = re.compile(r"\{(\w+)\}")
RULINGS = {
    "kpi_payment": lambda deal: 1,
    "kpi_bond": lambda deal: len(deal.only(KpiBond).kpi_rules),
    "spv": lambda deal: sum(str(test.value) in deal.kpis for test in deal.only(Spv).covenants.values()),
}
"""How many measurements decide something in a deal of each kind."""
DEALS = sorted((ROOT / "deals").glob("*.yaml"))


def said() -> Iterator[tuple[str, str]]:
    """(file, text) of everything that is translated."""
    for path in sorted(API.rglob("*")):
        name = str(path.relative_to(ROOT))
        if path.suffix == ".py":
            with path.open("rb") as file:
                for _, found, _, _ in extract("python", file, keywords=KEYWORDS):
                    yield from ((name, each) for each in _flat(found))
        elif path.name.endswith(".j2"):
            with path.open("rb") as file:
                options = {"trim_blocks": "true", "lstrip_blocks": "true", "extensions": "jinja2.ext.do"}
                for _, found, _, _ in extract(
                    "jinja2.ext:babel_extract", file, keywords=KEYWORDS, options=options
                ):
                    yield from ((name, each) for each in _flat(found))
        elif path.suffix == ".js" and "static" in path.parts:
            for match in SCRIPT_SAY.finditer(path.read_text()):
                yield name, match[2].replace('\\"', '"').replace("\\'", "'")
    with TOLD_ELSEWHERE.open("rb") as file:
        for _, found, _, _ in extract("python", file, keywords=KEYWORDS):
            yield from ((TOLD_ELSEWHERE.name, each) for each in _flat(found))
    yield from (("api/instruments/words.py", words) for words in TIER_WORDS)


def _flat(found: str | tuple[str, ...]) -> list[str]:
    # Of a plural the first form is the key.
    return [found] if isinstance(found, str) else [found[0]]


def test_everything_said_has_korean_words() -> None:
    korean = texts("ko")
    missing = sorted({f"{name}: {text}" for name, text in said() if text and text not in korean})
    assert not missing, f"{len(missing)} texts without Korean:\n" + "\n".join(missing)


def test_a_translation_has_the_fields_of_its_text() -> None:
    for text, translated in texts("ko").items():
        wanted = set(FIELD.findall(text)) - {"count"}
        assert set(FIELD.findall(translated)) - {"count"} == wanted, text


def test_no_text_is_translated_twice_in_two_ways() -> None:
    found: dict[str, str] = {}
    for path in sorted((LOCALE / "ko").glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale="ko"):
                key = message.id if isinstance(message.id, str) else message.id[0]
                text = message.string if isinstance(message.string, str) else message.string[0]
                if key and text:
                    assert found.setdefault(key, text) == text, f"{path.name}: {key}"


def test_korean_is_written_in_hangul() -> None:
    """A text with words in it that was left in English would slip through the other tests."""
    plain = [
        text for text, ko in texts("ko").items() if re.search(r"[a-z]{4}", FIELD.sub("", text)) and text == ko
    ]
    assert not plain


def test_a_text_is_translated_whole_by_number_or_in_parts_and_else_marked() -> None:
    say = Translator("ko")
    assert say.deal("Transfer agent") == "명의개서 대리인"
    assert say.deal("Coupon 9 is paid") == "9회 이자 지급"
    assert say.deal("Coupon 9 is paid, and the bond is redeemed") == "9회 이자 지급, 그리고 채권 상환"
    assert say.deal("The nodes report: Proxy revenue, period 3") == "노드 보고: 대리 수익, 3기"
    unknown = say.deal("Acme & Sons <b>")
    assert str(unknown) == '<span lang="en">Acme &amp; Sons &lt;b&gt;</span>'
    assert say("Issuer: {who}", who=unknown) == 'Issuer: <span lang="en">Acme &amp; Sons &lt;b&gt;</span>'
    assert (
        say("{who} was verified as a holder.", who="<i>") == "<i>: 보유자로 확인되었습니다."
    )  # escaped by templates
    assert Translator("en").deal("Acme & Sons <b>") == "Acme & Sons <b>"


@pytest.mark.parametrize("name", groups())
@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_deal_of_the_book_is_told(name: str, language: str) -> None:
    deal, say, write = groups()[name], Translator(language), Format(language)
    words = words_of(deal, say, write)
    told = [words.what, *words.gets, *words.loses]
    assert all(told)
    assert len(words.rulings) == RULINGS[deal.kind](deal)
    assert not any("{" in str(line) for line in told)
    sheet = term_sheet(deal, say, write)
    stated = [(kind, text) for _, _, kind, text in deal.numbers()]
    shown = [line for group in sheet.groups for line in group.lines]
    # Every input stands in the sheet with its origin, a schedule of periods in one line, and so do parties.
    assert len(shown) == len(stated) + len(deal.parties)
    assert all(line.words for line in shown)


@pytest.mark.parametrize(
    ("language", "then", "interest", "label"),
    [
        (
            "en",
            "From 10 Sep 2022 to 10 Sep 2024 the interest is 3% a year.",
            "2.65% → 3% a year",
            "Coupon · Later rate 1 · Rate",
        ),
        (
            "ko",
            "2022년 9월 10일부터 2024년 9월 10일까지 이자는 연 3%입니다.",
            "연 2.65% → 3%",
            "쿠폰 · 이후 이율 1 · 이율",
        ),
    ],
)
def test_a_coupon_that_steps_by_its_terms_is_told(
    language: str, then: str, interest: str, label: str
) -> None:
    deal, say, write = enel_stepping_up(), Translator(language), Format(language)
    words = words_of(deal, say, write)
    assert "2022" in words.gets[0]
    assert "2024" not in words.gets[0]
    assert words.gets[1] == then
    assert interest in {text for _, text in words.facts}
    sheet = term_sheet(deal, say, write)
    assert label in {line.label for group in sheet.groups for line in group.lines}


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("ko-KR,ko;q=0.9,en;q=0.8", "ko"),
        ("en-GB,en;q=0.9,ko;q=0.8", "en"),
        ("fr,ko;q=0.5", "ko"),
        ("de", "en"),
        ("", "en"),
        ("ko;q=0", "en"),
        ("ko;q=x, en", "en"),
        ("*" * 5_000, "en"),
    ],
)
def test_the_language_is_the_first_that_is_there(header: str, language: str) -> None:
    assert accepted(header) == language
