"""What-if valuations of a deployment: its terms, on the chain's day, by the reports settled there."""

from __future__ import annotations

from api.problems import bad_input
from api.services import Services
from api.views.cases import case_of
from api.views.kpis import realised, today
from api.views.valuation_models import ValuationRequest, ValuationView
from api.views.valuations import closed_value


def deployed_value(asked: ValuationRequest, services: Services) -> ValuationView:
    """The value in closed form of what is still to come. Raises ProblemError (404, 422, 503)."""
    assert asked.deployment is not None
    if asked.method == "full":
        raise bad_input("method: full is of a deal at its start; name the deal instead of the deployment")
    case = case_of(services, asked.deployment)
    dated = asked if asked.as_of is not None else asked.model_copy(update={"as_of": today(case)})
    # What is owed now says nothing of another day.
    owes = case.instrument.owed(case) if dated.as_of == today(case) else None
    return closed_value(case.deal, dated, services.jobs, realised(case), owes)
