"""The kinds of parts that a deal file can hold: one module each, listed here; others by entry points.

A module of another package adds its kind by an entry point of the group `penstock.parts`, named as the kind,
to the model, a subclass of `finance.terms.part.Part`; it comes after ours and can take no name of theirs.
"""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, get_args

from pydantic import Field

from finance.registry import Registry
from finance.terms.part import Part
from finance.terms.problems import InputError

if TYPE_CHECKING:
    from finance.terms.bond import KpiBond
    from finance.terms.claim_token import ClaimToken
    from finance.terms.consent_solicitation import ConsentSolicitation
    from finance.terms.liquidity_buffer import LiquidityBuffer
    from finance.terms.offering import Offering
    from finance.terms.offering_book import OfferingBook
    from finance.terms.office import Office
    from finance.terms.proceeds import Proceeds
    from finance.terms.put_right import Put
    from finance.terms.spv import Spv
    from finance.terms.swap import KpiPayment
    from finance.terms.trade_desk import TradeDesk
    from finance.terms.tranche import Tranche
    from finance.terms.treasury import Treasury

KINDS: Final[Registry[type[Part]]] = Registry(
    {
        "kpi_bond": "finance.terms.bond:KpiBond",
        "kpi_payment": "finance.terms.swap:KpiPayment",
        "treasury": "finance.terms.treasury:Treasury",
        "claim_token": "finance.terms.claim_token:ClaimToken",
        "offering": "finance.terms.offering:Offering",
        "offering_book": "finance.terms.offering_book:OfferingBook",
        "trade_desk": "finance.terms.trade_desk:TradeDesk",
        "proceeds": "finance.terms.proceeds:Proceeds",
        "put": "finance.terms.put_right:Put",
        "consent_solicitation": "finance.terms.consent_solicitation:ConsentSolicitation",
        "liquidity_buffer": "finance.terms.liquidity_buffer:LiquidityBuffer",
        "office": "finance.terms.office:Office",
        "spv": "finance.terms.spv:Spv",
        "tranche": "finance.terms.tranche:Tranche",
    },
    "penstock.parts",
)
"""The model of every kind, by its name."""
RULES: Final[Registry[tuple[Any, ...]]] = Registry(
    {
        "kpi_bond": "finance.terms.bond_rules:RULES",
        "kpi_payment": "finance.terms.swap_rules:RULES",
        "treasury": "finance.terms.treasury_rules:RULES",
        "claim_token": "finance.terms.token_rules:RULES",
        "offering": "finance.terms.offering_rules:RULES",
        "offering_book": "finance.terms.offering_book_rules:RULES",
        "trade_desk": "finance.terms.trade_desk_rules:RULES",
        "proceeds": "finance.terms.proceeds_rules:RULES",
        "put": "finance.terms.put_right_rules:RULES",
        "consent_solicitation": "finance.terms.consent_solicitation_rules:RULES",
        "liquidity_buffer": "finance.terms.liquidity_buffer_rules:RULES",
        "office": "finance.terms.office_rules:RULES",
        "spv": "finance.settlement.spv_terms:RULES",
        "tranche": "finance.terms.spv_rules:RULES",
    },
    "penstock.part_rules",
)
"""What holds of a deal with parts of a kind, or of a kind whose model is made of its model, beyond what each
says of itself (`Part.problems`): generators of findings (finance.terms.checks)."""


def kind_name(model: type[Part]) -> str:
    """The `kind` by which a deal file calls for a model."""
    (name,) = get_args(model.model_fields["kind"].annotation)
    return str(name)


def _models() -> list[type[Part]]:
    """Of all kinds. Raises InputError for one that is called otherwise than it is registered."""
    for name, model in KINDS.items():
        if kind_name(model) != name:
            where = f"{model.__module__}:{model.__name__}"
            raise InputError(f"{KINDS.group}: {name} = {where}: its kind is {kind_name(model)}")
    return list(KINDS.values())


if TYPE_CHECKING:
    AnyPart: TypeAlias = (
        KpiBond
        | KpiPayment
        | Treasury
        | ClaimToken
        | Offering
        | OfferingBook
        | TradeDesk
        | Proceeds
        | Put
        | ConsentSolicitation
        | LiquidityBuffer
        | Office
        | Spv
        | Tranche
    )
else:
    # A union of the models themselves: a field typed as their base would drop what is theirs from the hash.
    _union: Any = reduce(or_, _models())
    AnyPart = Annotated[_union, Field(discriminator="kind")]
