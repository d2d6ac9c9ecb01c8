"""What the pages say, against the contracts' own view and published figures; and what is never on a page."""

from __future__ import annotations

import re
from decimal import Decimal
from html import unescape
from pathlib import Path

import pytest
import yaml
from starlette.testclient import TestClient

from api.app import build
from api.i18n import Translator
from api.instruments import words_of
from api.listing import table
from api.models import Currency, Resource
from api.pages.format import Format
from api.settings import Limits, Settings
from chain.bindings import read
from finance.terms import load_deal
from tests.api.world import ORIGIN, Service

ROOT = Path(__file__).parents[2]
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
TAG = re.compile(r"<[^>]+>")


def test_the_largest_figures_of_a_chain_are_written() -> None:
    """Whoever gives a part 2^255 of a free currency, or an offer until 2^64 - 1, takes no page away."""
    write, usd = Format("en"), Currency(code="USD", decimals=6)
    assert write.money(2**255, usd).startswith("USD 57,896,044,618,")
    assert write.money(-(2**255), usd).endswith(".82")
    assert write.percent(Decimal(2**255)).endswith("%")
    assert write.short_money(2**255, usd).endswith("trillion")
    assert write.kpi_scaled(-(2**127), 6, "fraction").startswith("−17,014,118,346,")
    assert write.day_text(2**64 - 1) == "31 Dec 9999"


class _Offer(Resource):
    expiry: int


def test_a_table_holds_the_largest_time() -> None:
    rows = [_Offer(expiry=2**64 - 1), _Offer(expiry=5)]
    assert table(rows, _Offer).to_csv(index=False) == "expiry\n18446744073709551615\n5\n"


def text_of(html: str) -> str:
    return " ".join(unescape(TAG.sub(" ", html)).split())


def section(html: str, id: str) -> str:
    """The part of a page with that id, up to the next section."""
    start = html.index(f'id="{id}"')
    return html[start : html.index("</section>", start)]


def rows(html: str) -> list[list[str]]:
    """Every row of the tables in it, as texts of cells."""
    found = []
    for row in re.findall(r'<tr role="row">(.*?)</tr>', html, re.DOTALL):
        cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
        found.append([text_of(cell) for cell in cells])
    return found


def money(value: int, decimals: int = 6) -> str:
    amount = Decimal(value).scaleb(-decimals).quantize(Decimal("0.01"))
    return f"USD {amount:,.2f}"


def page(service: Service, path: str, **headers: str) -> str:
    service.client.cookies.clear()
    answer = service.get(path, headers={**BROWSER, **headers})
    assert answer.status_code == 200, answer.text[:500]
    return str(answer.text)


def test_holders_are_as_the_token_says(redeemed: Service) -> None:
    html = section(page(redeemed, "/deals/dc-water-eib-2016"), "holders")
    token = redeemed.world.life.token
    shown = re.findall(r'class="address" title="(0x\w+)"', html)
    cells = rows(html)[1:]
    assert len(cells) == len(shown) > 0
    for address, row in zip(shown, cells, strict=True):
        assert row[1] == f"{read(token.balanceOf(address)):,}"
        assert row[3] == money(read(token.claimable(address)))


def test_payments_are_the_logs_of_the_token(redeemed: Service) -> None:
    html = section(page(redeemed, "/deals/dc-water-eib-2016"), "payments")
    token = redeemed.world.life.w3.eth.contract(
        address=redeemed.world.record.addresses["token"], abi=redeemed.world.life.token.abi
    )
    logs = token.events.Distributed().get_logs(from_block=0)
    behind = html[html.index("<details") : html.index("</details>")]
    paid = {(money(log.args.paid), log.transactionHash.hex().removeprefix("0x")) for log in logs}
    amounts = [row[2].split(" Transaction")[0] for row in rows(behind)[1:]]
    traces = re.findall(r'/transactions/0x([0-9a-f]{64})"', behind)
    assert set(zip(amounts, traces, strict=True)) == paid
    assert len(paid) == 10  # nine coupons and the redemption


def test_the_page_says_what_was_published_of_dc_water() -> None:
    """25,000 units of 1,000 dollars at 3.43 %, and 3.3 million either way (Urban Institute)."""
    words = words_of(load_deal(ROOT / "deals/dc-water-eib-2016.yaml"), Translator("en"), Format("en"))
    told = " ".join([*words.gets, *words.loses])
    each, back = Decimal(3_300_000) / 25_000, Decimal(1000) * Decimal("0.0343") / 2
    assert f"USD {back:.2f} interest twice a year" in told
    assert each == 132
    assert "up to USD 132 for each unit" in told
    assert f"USD {1000 + 9 * back - each:,.2f} in all, instead of USD {1000 + 9 * back:,.2f}" in told
    (ruling,) = words.rulings
    assert [outcome.tone for outcome in ruling.outcomes] == ["loss", "even", "gain"]
    assert [outcome.when for outcome in ruling.outcomes] == ["below 18.6%", "18.6% to 41.3%", "above 41.3%"]


def test_enel_pays_25_basis_points_more_when_it_misses_and_never_less() -> None:
    words = words_of(load_deal(ROOT / "deals/enel-slb-2019.yaml"), Translator("en"), Format("en"))
    assert "No measurement can make you get less" in " ".join(words.loses)
    miss, met = words.rulings[0].outcomes
    assert "25 basis points a year higher" in miss.then
    assert met.tone == "even"
    # 25 bp on 1,000 for the two years that are left, in half years.
    assert Decimal(1000) * Decimal("0.0025") * 2 == 5
    assert miss.per_unit == "+USD 5"


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_transaction_of_a_life_has_a_page(redeemed: Service, wind: Service, language: str) -> None:
    for service in (redeemed, wind):
        traces = {event.tx for event in service.services.index.events(service.world.id)}
        assert len(traces) > 20
        for tx in sorted(traces):
            html = page(service, f"/transactions/{tx}?lang={language}")
            told = re.search(r'<ul class="told">(.*?)</ul>', html, re.DOTALL)
            assert told is not None, f"{tx}: nothing is said of it: {rows(html)}"
            assert "{" not in text_of(told[1])


def test_a_deal_file_cannot_bring_markup(tmp_path: Path, redeemed: Service) -> None:
    tree = yaml.safe_load((ROOT / "deals/atlanta-eib-2019.yaml").read_text())
    tree["title"] = "<script>alert(1)</script> & 'quoted' {braces}"
    tree["summary"] = '"><img src=x onerror=alert(1)>'
    tree["parties"]["issuer"]["name"] = "</script><b>Issuer</b> {0} %s"
    for source in tree["sources"].values():
        source["url"] = "javascript:alert(1)"
    (tmp_path / "odd.yaml").write_text(yaml.safe_dump(tree, default_flow_style=False, allow_unicode=True))
    settings = redeemed.world.settings(deals=tmp_path, database=f"sqlite:///{tmp_path / 'x.sqlite'}")
    with TestClient(build(settings), base_url=ORIGIN, raise_server_exceptions=False) as client:
        for path in ("/", f"/deals/{tree['id']}"):
            for language in ("en", "ko"):
                answer = client.get(f"{path}?lang={language}", headers=BROWSER)
                assert answer.status_code == 200, text_of(answer.text)[:500]
                assert "<script>alert" not in answer.text
                assert "<img src=x" not in answer.text
                assert "<b>Issuer</b>" not in answer.text
                assert 'href="javascript:' not in answer.text


def test_terms_can_be_read_while_the_database_is_down(tmp_path: Path, redeemed: Service) -> None:
    settings = Settings(
        network=redeemed.world.chain.url,
        database=f"sqlite:///{tmp_path / 'no' / 'such' / 'folder' / 'x.sqlite'}",
        data=tmp_path,
        origin=ORIGIN,
        limits=Limits(per_second=0),
    )
    with TestClient(build(settings), base_url=ORIGIN, raise_server_exceptions=False) as client:
        portfolio = client.get("/", headers=BROWSER)
        assert portfolio.status_code == 200
        assert "only the terms of deals are shown" in portfolio.text
        deal = client.get("/deals/enel-slb-2019", headers=BROWSER)
        assert deal.status_code == 200
        assert "When you would lose" in deal.text


def test_a_browser_gets_a_page_for_an_error_and_a_program_a_problem(redeemed: Service) -> None:
    redeemed.client.cookies.clear()
    asked = redeemed.get("/deals/none-such", headers=BROWSER)
    assert asked.status_code == 404
    assert asked.headers["content-type"].startswith("text/html")
    assert "There is no such page, deal or transaction here." in asked.text
    program = redeemed.get("/deals/none-such", headers={"accept": "application/json"})
    assert program.status_code == 404
    assert program.headers["content-type"] == "application/problem+json"
    assert (
        redeemed.get("/v1/deals/none-such", headers=BROWSER).headers["content-type"]
        == "application/problem+json"
    )


@pytest.mark.parametrize(
    "path",
    [
        "/deals/dc-water-eib-2016?deployment=another",
        "/transactions/0x12",
        "/transactions/" + "0x" + "zz" * 32,
        "/transactions/" + "0x" + "00" * 32,
        "/static/vendor/x/package.json",
        "/static/vendor/x/..%2f..%2fpackage.json",
        "/words/xx.json",
        "/no/such/page",
    ],
)
def test_what_is_not_there_is_not_found(redeemed: Service, path: str) -> None:
    assert redeemed.get(path, headers=BROWSER).status_code == 404


def test_the_reader_chooses_the_language(redeemed: Service) -> None:
    asked = redeemed.get("/", headers={**BROWSER, "accept-language": "ko-KR,ko;q=0.9"})
    assert asked.headers["content-language"] == "ko"
    assert '<html lang="ko">' in asked.text
    chosen = redeemed.get("/?lang=en", headers={**BROWSER, "accept-language": "ko"})
    assert chosen.headers["content-language"] == "en"
    assert "lang=en" in chosen.headers["set-cookie"]
    redeemed.client.cookies.clear()
    odd = redeemed.get("/?lang=../../etc", headers=BROWSER)
    assert odd.headers["content-language"] == "en"


def test_pages_bring_no_script_in_line_and_nothing_from_elsewhere(redeemed: Service, wind: Service) -> None:
    for service, path in (
        (redeemed, "/"),
        (redeemed, "/deals/dc-water-eib-2016"),
        (wind, "/deals/bloom-wind-prs"),
    ):
        html = page(service, path)
        for tag in re.findall(r"<script\b[^>]*>", html):
            assert "src=" in tag or 'type="application/json"' in tag
        assert not re.search(r"\son\w+=", html)
        assert not re.findall(r'(?:src|<link[^>]*href)="(?:https?:)?//', html)


def test_marks_of_language_are_never_shown_as_text(redeemed: Service, wind: Service) -> None:
    for service, path in (
        (redeemed, "/"),
        (redeemed, "/deals/dc-water-eib-2016"),
        (redeemed, "/deals/water-utility-rainfall-swap"),
        (wind, "/deals/bloom-wind-prs"),
    ):
        html = page(service, f"{path}?lang=ko")
        assert 'lang="en">' in html  # there are texts that no catalogue has
        assert "&lt;span" not in html
        assert "\\u003cspan" not in html  # nor in the data of charts


def test_libraries_may_be_kept_for_good(redeemed: Service) -> None:
    html = page(redeemed, "/deals/dc-water-eib-2016")
    addresses = re.findall(r'src="(/static/vendor/[^"]+)"', html)
    assert len(addresses) == 3
    for address in addresses:
        answer = redeemed.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
