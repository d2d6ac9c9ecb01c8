"""ConsentSolicitation, and the consents that are signed for it."""

from __future__ import annotations

from typing import Any

from chain.parts.base import Now, PartKind, Rebuilt, Said, Standing, nobodys, said
from chain.plan import Plan, Planned, Site
from chain.reconciliation import Check
from finance.settlement.consent_solicitation import ConsentBooks, ConsentTerms
from finance.settlement.world import World
from finance.terms import Deal
from finance.terms.consent_solicitation import ConsentSolicitation
from finance.terms.deal import named_wallet

DAY = 86_400


def _proposed(a: Said, world: World) -> Rebuilt:
    issuer = world.books(a.part, ConsentBooks).terms.issuer
    yield issuer, "propose", {name: a[name] for name in ("payment", "standstill", "document")}


def _consented(a: Said, _world: World) -> Rebuilt:
    """The signature, which the books do not look at, is not said."""
    given = {"waiver": a["waiver"], "units": a["units"]}
    if a["signed"]:
        yield "", "lodge", {**given, "holder": a["holder"], "signature": "0x"}
    else:
        yield a["holder"], "consent", given


def _revoked(a: Said, _world: World) -> Rebuilt:
    yield a["holder"], "revoke", {"waiver": a["waiver"]}


def _passed(a: Said, _world: World) -> Rebuilt:
    yield "", "count", {name: list(a[name]) for name in ("holders", "units")} | {"waiver": a["waiver"]}


def _standing(now: Now) -> Standing:
    books = now.world.books(now.part, ConsentBooks)
    found = Standing(
        checks=[Check(f"{now.part}: waivers", len(books.waivers), now.read("waiverCount"))],
        notes=nobodys(now),
    )
    for number, each in books.waivers.items():
        if each.passed:
            days = each.standstill // DAY
            found.notes.append(
                f"waiver {number}: holders consented to {days} days on payment {each.payment + 1}"
            )
    return found


EVENTS = ("WaiverProposed", "Consented", "ConsentRevoked", "WaiverPassed")
WHAT = dict(zip(EVENTS, ("proposed", "consented", "revoked", "passed"), strict=True))
KIND = PartKind(
    "ConsentSolicitation",
    dict(zip(EVENTS, (_proposed, _consented, _revoked, _passed), strict=True)),
    standing=_standing,
    alone=frozenset(EVENTS),
    tables={
        "consents": said(
            *EVENTS,
            what=lambda _, event: WHAT[event.name],
            waiver="waiver",
            holder="holder",
            units=lambda _, event: event.arguments.get("consents", event.arguments.get("units")),
            base="base",
        )
    },
)


# -- as it is deployed


def plan(deal: Deal) -> Plan:
    """The solicitations of a group."""
    found = deal.having(ConsentSolicitation).items()
    return Plan(tuple(_planned(deal, key, part) for key, part in found))


def _planned(deal: Deal, key: str, part: ConsentSolicitation) -> Planned:
    token: str = getattr(deal.parts[part.waives], "token")  # noqa: B009 - of the kind that its link names
    issuer = deal.wallet_of(part.waives, "issuer")
    days = {
        "longest": part.standstill_days,
        "notice": part.notice_days,
        "held": part.held_days,
        "window": part.count_days,
    }
    figures = {"numerator": int(part.majority.parts.value), "denominator": int(part.majority.of.value)}
    figures |= {name: int(term.value) * DAY for name, term in days.items()}

    def terms(site: Site) -> ConsentTerms:
        own = {
            site.wallets[issuer],
            *(site.wallets[named_wallet("holder", each)] for each in part.affiliates),
        }
        ascending = tuple(sorted(own, key=lambda each: int(each, 16)))
        return ConsentTerms(token, site.wallets[issuer], ascending, **figures)

    def begin(site: Site) -> tuple[Any, ...]:
        its = terms(site)
        struct = {"token": site.parts[token], "issuer": its.issuer, "affiliates": list(its.affiliates)}
        return (struct | figures,)

    def books(site: Site) -> ConsentBooks:
        return ConsentBooks(terms(site), key=key)

    return Planned(key, "consent_solicitation", begin, books, lambda site: {"terms": begin(site)[0]})


# -- signatures


def typed_data(waiver: int, holder: str, units: int, chain_id: int, solicitation: str) -> dict[str, Any]:
    """EIP-712 data of a consent for the solicitation at an address, as a wallet shows and signs it."""
    types = {
        "EIP712Domain": {
            "name": "string", "version": "string", "chainId": "uint256", "verifyingContract": "address",
        },
        "Consent": {"waiver": "uint256", "holder": "address", "units": "uint64"},
    }  # fmt: skip
    return {
        "types": {
            name: [{"name": field, "type": kind} for field, kind in fields.items()]
            for name, fields in types.items()
        },
        "primaryType": "Consent",
        "domain": {
            "name": "Penstock ConsentSolicitation", "version": "1", "chainId": chain_id,
            "verifyingContract": solicitation,
        },
        # As text: a wallet written in JavaScript would round a large number.
        "message": {"waiver": str(waiver), "holder": holder, "units": str(units)},
    }  # fmt: skip
