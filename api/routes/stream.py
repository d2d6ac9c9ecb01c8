"""What happens, as it happens: server-sent events."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse
from starlette.types import Receive, Scope, Send

from api.index.stream import Client, Stream
from api.problems import documented
from api.services import ServicesDep

router = APIRouter(tags=["stream"])

Topic = Literal["chain", "kpi", "deployment", "reorganisation"]
MOST_ID = 2**63 - 1
GRACE_SECONDS = 2.0
_EXAMPLE = (
    "event: kpi\n"
    "id: 1042\n"
    'data: {"deployment": "dc-water-eib-2016-1a2b3c4d", "block": 702, "log": 0, "time": 1610236800, '
    '"tx": "0x5f...", "source": "oracle", "name": "ReportSubmitted", "kpi": "runoff-reduction", '
    '"arguments": {"value": "210000", ...}}\n\n'
)


class Listening(EventSourceResponse):
    """The event stream of one client, as bytes that are made once for all clients."""

    def __init__(self, stream: Stream, client: Client, after: int | None) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(stream.listen(client, after), headers=headers)
        self._stream, self._client = stream, client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.ensure_future(super().__call__(scope, receive, send))
        gone = asyncio.ensure_future(self._client.gone.wait())
        try:
            await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
            # One that has stopped reading would hold the connection for ever.
            await asyncio.wait({sending}, timeout=GRACE_SECONDS)
            if sending.done():
                sending.result()
        finally:
            gone.cancel()
            sending.cancel()
            self._stream.leave(self._client)


@router.get(
    "/stream",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events.",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
        },
        **documented(422),
    },
)
async def stream(
    services: ServicesDep,
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
    client = services.stream.subscribe(topic or (), deployment or ())
    last = last_event_id if last_event_id is not None else after
    return Listening(services.stream, client, last)
