"""The kinds of parts that a deal file can hold: one module each, listed here; others by entry points.

A module of another package adds its kind by an entry point of the group `penstock.parts` that names the
model, a subclass of `finance.terms.part.Part`; it comes after ours and can take no name of theirs.
"""

from __future__ import annotations

from functools import reduce
from importlib.metadata import entry_points
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args

from pydantic import Field

from finance.terms.bond import KpiBond
from finance.terms.claim_token import ClaimToken
from finance.terms.offering import Offering
from finance.terms.part import Part
from finance.terms.swap import KpiPayment
from finance.terms.treasury import Treasury

GROUP: Final = "penstock.parts"
OURS: Final[tuple[type[Part], ...]] = (KpiBond, KpiPayment, Treasury, ClaimToken, Offering)


def kind_name(model: type[Part]) -> str:
    """The `kind` by which a deal file calls for a model."""
    (name,) = get_args(model.model_fields["kind"].annotation)
    return str(name)


def _all_kinds() -> dict[str, type[Part]]:
    found = {kind_name(model): model for model in OURS}
    for point in entry_points(group=GROUP):
        model: type[Part] = point.load()
        found.setdefault(kind_name(model), model)
    return found


KINDS: Final = _all_kinds()
"""The model of every kind, by its name."""

if TYPE_CHECKING:
    AnyPart = KpiBond | KpiPayment | Treasury | ClaimToken | Offering
else:
    # A union of the models themselves: a field typed as their base would drop what is theirs from the hash.
    _models: Any = reduce(or_, KINDS.values())
    AnyPart = Annotated[_models, Field(discriminator="kind")]
