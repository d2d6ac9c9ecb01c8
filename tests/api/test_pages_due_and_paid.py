"""Every figure is what its words say: due, paid or owed; interest or principal; planned or happened. Held
against the contracts' own logs and plain arithmetic."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from api.instruments.refusals import known, template
from api.routes.health import Checks
from api.views.cases import case_of
from chain.bindings import contract, read
from chain.errors import ContractError
from chain.ledger import read_ledger
from chain.network import LocalChain
from finance.terms.bond import KpiBond
from finance.terms.swap import KpiPayment
from tests.api.test_pages_figures import page, rows, section, text_of
from tests.api.world import KPI, LIARS, Service, World, bond_world, serving

SWAP, BOND = "bloom-wind-prs", "dc-water-eib-2016"


def logs(service: Service, role: str, name: str, event: str) -> list[Any]:
    """The arguments of a contract's logs, as the chain has them."""
    record = service.world.record
    bound = contract(service.world.chain.w3, name, record.addresses[role])
    return [log.args for log in bound.events[event]().get_logs(from_block=0)]


def test_a_settlement_is_paid_only_if_it_was_and_names_its_parties(wind: Service) -> None:
    amounts = logs(wind, "swap", "KpiPayment", "AmountPaid")
    shown = [each for each in wind.of("/payments?limit=500")["items"] if each["kind"] == "settlement"]
    assert len(shown) == len(amounts) > 4
    payer, payee = wind.world.deal.only(KpiPayment).payer, wind.world.deal.only(KpiPayment).payee
    assert {payer, payee} <= wind.world.deal.parties.keys()
    for row, log in zip(sorted(shown, key=lambda each: each["index"]), amounts, strict=True):
        assert int(row["amount"]) == abs(log.amount)
        assert int(row["unpaid"]) == log.unpaid
        assert row["status"] == ("owed" if log.unpaid else "paid")
        assert (row["payer"], row["payee"]) == ((payer, payee) if log.amount > 0 else (payee, payer))
    assert "owed" in {row["status"] for row in shown}


def test_a_deal_that_is_still_being_read_says_so(wind: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    words = "The chain is still being read for this deal."
    wind.catch_up()
    assert words not in page(wind, f"/deals/{SWAP}")
    head = wind.services.index.head()
    assert head is not None
    later = replace(head, block=head.block + 5, behind=1)
    monkeypatch.setattr(wind.services.index, "head", lambda: later)
    assert f"{words} What is shown is as it was at block {head.block}." in page(wind, f"/deals/{SWAP}?read=1")
    checks = Checks(wind.services)
    assert checks.now()["index"] == "1 deployments are still being read"


def test_the_swap_says_what_fell_due_and_what_was_not_paid(wind: Service) -> None:
    """3.0 and 1.6 million were due to the project once each and so on; not one of the sums due counts as
    paid because it was settled."""
    html = section(page(wind, f"/deals/{SWAP}"), "settlements")
    amounts = logs(wind, "swap", "KpiPayment", "AmountPaid")
    total, missed = sum(log.amount for log in amounts), sum(log.unpaid for log in amounts)
    assert missed > 0
    words = text_of(html)
    assert f"{sum(log.amount > 0 for log in amounts)} times an amount was due to the project" in words
    direction = "to it" if total >= 0 else "from it"
    assert re.search(rf"In all USD [\d.]+ million {direction} fell due", words)
    assert f"{missed / 10**12:.2f}".rstrip("0").rstrip(".") in words
    table = rows(html[html.index("<details") :])
    assert table[0][-2:] == ["Not paid then", "Status"]
    for row, log in zip(table[1:], amounts, strict=True):
        assert row[-1] == ("Not paid in full" if log.unpaid else "Settled")
        assert int(row[-2].removeprefix("USD ").replace(",", "")) == round(log.unpaid / 10**6)


def test_a_period_that_left_nothing_is_shown(wind: Service) -> None:
    paid = logs(wind, "treasury", "RevenueTreasury", "PeriodPaid")
    count = len(wind.world.deal.kpis[wind.world.deal.only(KpiPayment).kpi].periods)
    left = {log.period: log.holders for log in paid if log.period < count}
    assert 0 in left.values()
    shown = [each for each in wind.of("/payments?limit=500")["items"] if each["kind"] == "revenue"]
    found = {each["index"]: each for each in shown if each["index"] is not None}
    assert found.keys() == left.keys()
    for period, holders in left.items():
        assert (found[period]["status"] == "nothing") == (holders == 0)
        assert found[period]["trace"] is not None
    html = section(page(wind, f"/deals/{SWAP}"), "payments")
    names = [row[0] for row in rows(html[html.index("<details") : html.index("</details>")])]
    assert {f"Share of revenue {period + 1}" for period in left} <= set(names)


def test_what_a_project_owes_is_what_its_contracts_say(wind: Service) -> None:
    """After each payment of the treasury, the last one that is of no period too."""
    wind.catch_up()
    now, w3, record = case_of(wind.services, wind.world.id), wind.world.chain.w3, wind.world.record
    treasury = contract(w3, "RevenueTreasury", record.addresses["treasury"]).functions
    swap = contract(w3, "KpiPayment", record.addresses["swap"]).functions
    one, owing = 10**now.terms.currency_decimals, 0
    for block in sorted({event.block for event in now.events("treasury", "PeriodPaid")}):
        ledger = read_ledger(w3, record, block)
        case = replace(now, ledger=ledger, now=ledger.time, memory={})
        found = case.instrument.owed(case)
        assert found is not None
        said = [read(call, block) for call in (treasury.arrearsOf(0), treasury.arrearsOf(1), swap.owed(1))]
        assert [found.operator, found.lender, found.provider] == pytest.approx([each / one for each in said])
        assert found.paid == read(treasury.periodsPaid(), block)
        owing += any(said)
    assert owing > 1


def test_a_sale_that_is_open_plans_the_full_issue(chain: LocalChain, tmp_path: Path) -> None:
    """4 of 10 units are sold, and fewer than all may come to nothing: what is planned is for 10."""
    with serving(bond_world(chain, tmp_path, "offered")) as service:
        deal = service.world.deal
        issue = int(deal.only(KpiBond).principal.value / deal.only(KpiBond).denomination.value)
        sold = logs(service, "offering", "Offering", "Subscribed")
        assert sum(log.units for log in sold) < issue
        for row in service.of("/payments?limit=500")["items"]:
            assert row["status"] == "expected"
            if row["amount"] is not None:
                # A unit's part is the payment's, rounded down, for every unit of the full issue.
                assert 0 <= int(row["amount"]) - issue * int(row["per_unit"]) < issue


def test_interest_and_repaid_principal_are_told_apart(redeemed: Service) -> None:
    """Every unit of 1,000 has been repaid; the rest of what it was given is income."""
    deal, nominal = redeemed.world.deal, int(redeemed.world.deal.only(KpiBond).denomination.value)
    token = redeemed.world.life.token
    held = {row["holder"]: row["units"] for row in redeemed.of("/holders")["items"]}
    for holder, units in held.items():
        lines = redeemed.of(f"/holders/{holder}/statement?limit=1000")["items"]
        principal = sum(int(line["principal"]) for line in lines)
        assert principal == units * nominal * 10**6
        position = redeemed.of(f"/holders/{holder}")
        given = int(position["earned"])
        assert given == read(token.claimable(holder)) + int(position["claimed"])
        html = page(redeemed, f"/investor?address={holder}")
        figures = dict(re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", html))
        assert figures["Principal repaid"] == f"{deal.currency.code} {units * nominal:,}.00"
        income = (given - principal) / 10**6
        assert figures["Interest and revenue in all"] == f"{deal.currency.code} {income:,.2f}"


def test_only_what_is_deployed_says_it_is_on_chain(active: Service) -> None:
    on_chain = "written on chain:"
    assert on_chain in page(active, f"/deals/{BOND}")
    for deal in active.services.deals.all():
        if deal.id != BOND:
            assert on_chain not in page(active, f"/deals/{deal.id}")


def test_prices_say_whether_they_have_accrued_interest(active: Service) -> None:
    for path, least in ((f"/deals/{BOND}", 3), ("/", 1), (f"/deals/{BOND}/what-if", 1)):
        assert len(re.findall("with(?:out)? accrued interest", page(active, path))) >= least, path


@pytest.mark.parametrize("name", sorted(known()))
def test_amounts_in_refusals_are_amounts_of_the_currency(name: str) -> None:
    refusal = known()[name]
    assert "smallest unit" not in refusal.words
    fields = re.findall(r"\{(\w+)\}", refusal.words)
    arguments = dict.fromkeys(fields, 1234560000)
    error = ContractError(name, arguments)
    words, given = template(error, lambda minor: f"USD {minor / 10**6:,.2f}")
    said = words.format(**given)
    assert all(given[field] == "USD 1,234.56" for field in refusal.money)
    if refusal.money:
        assert "USD 1,234.56" in said
        assert "1234560000" not in said
        assert template(error) == (refusal.plain, {})


@pytest.mark.parametrize("path", ["/v1/valuations", "/v1/transactions/prepare", "/v1/transactions"])
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/yaml"])
def test_a_body_of_another_kind_is_415(active: Service, path: str, kind: str) -> None:
    answer = active.post(path, content=b'{"deal": "dc-water-eib-2016"}', headers={"content-type": kind})
    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/unsupported-media-type")
    assert active.post(path, content=b"{}", headers={"content-type": "application/json"}).status_code == 422


def test_the_documentation_has_no_raw_markup(active: Service) -> None:
    html = page(active, "/docs")
    outside = re.sub(r"<(code|pre)[^>]*>.*?</\1>", "", html, flags=re.DOTALL)
    assert "`" not in unescape(outside)
    assert "<code>cancelled</code>" in html


def test_evidence_of_a_proven_lie_says_so(captured: World) -> None:
    with serving(captured) as service:
        report = service.of("/reports")["items"][0]
        lie = next(each for each in report["observations"] if each["signer_index"] == LIARS[0])
        path = f"/oracle/evidence/{captured.id}/{KPI}/0/{lie['evidence']}"
        before = page(service, path)
        assert "just compared" not in before
        assert "found out by recomputing" in before
        job = service.post(f"/v1/deployments/{captured.id}/reports/{KPI}/0/recompute").json()["id"]
        assert service.services.jobs.get(job).ended.wait(120)
        assert "does not follow from these files" in page(service, path)
