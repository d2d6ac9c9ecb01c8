"""What happens, as it happens: server-sent events."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query
from fastapi.sse import EventSourceResponse

from api.problems import documented
from api.services import Parts

router = APIRouter(tags=["stream"])

Topic = Literal["chain", "kpi", "deployment", "reorganisation"]
MOST_ID = 2**63 - 1
_EXAMPLE = (
    "event: kpi\n"
    "id: 1042\n"
    'data: {"deployment": "dc-water-eib-2016-1a2b3c4d", "block": 702, "log": 0, "time": 1610236800, '
    '"tx": "0x5f...", "source": "oracle", "name": "ReportSubmitted", "kpi": "runoff-reduction", '
    '"arguments": {"value": "210000", ...}}\n\n'
)


@router.get(
    "/stream",
    response_class=EventSourceResponse,
    responses={
        200: {
            "description": "Server-sent events.",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
        },
        **documented(422),
    },
)
async def stream(
    parts: Parts,
    topic: Annotated[list[Topic] | None, Query(max_length=4, description="Only these topics.")] = None,
    deployment: Annotated[
        list[str] | None, Query(max_length=50, description="Only these deployments.")
    ] = None,
    last_event_id: Annotated[
        int | None,
        Header(
            ge=0, le=MOST_ID, description="Id of the last event that was received; what followed comes first."
        ),
    ] = None,
    after: Annotated[
        int | None, Query(ge=0, le=MOST_ID, description="As Last-Event-ID, for those who cannot set headers.")
    ] = None,
) -> EventSourceResponse:
    """Events as they are indexed.

    `chain`: every event of a deployment; `kpi`: reports, challenges, rulings, fixings and swap periods;
    `deployment`: one is registered, or has caught up with the chain; `reorganisation`: what was told above
    block `fork` is void, and is told again as the chain now has it. `hello` comes first; `resync` means that
    too much was missed, so that everything should be read again.
    """
    client = parts.stream.subscribe(topic or (), deployment or ())
    last = last_event_id if last_event_id is not None else after
    return EventSourceResponse(
        parts.stream.listen(client, last),
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
