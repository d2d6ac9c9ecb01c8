"""A client of the API for Python. It reads the service's own description, so it can do what that says.

>>> from api.client import Client
>>> with Client("http://127.0.0.1:8600") as penstock:  # doctest: +SKIP
...     for deal in penstock.items("list_deals"):
...         print(deal["id"], deal["title"])
...     holders = penstock.table("list_holders", id=deployment)      # pandas
...     for event in penstock.events(topic="kpi"):                   # server-sent, resumed when cut off
...         print(event.id, event.data)
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx
import pandas as pd

PARQUET = "application/vnd.apache.parquet"
METHODS = ("get", "post", "put", "patch", "delete")
POLL_SECONDS = 0.25


class ApiError(Exception):
    """The service's problem details (RFC 9457): `status`, `name` (end of its type), `detail`, `errors`."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.name = str(problem.get("type", "about:blank")).rsplit("/", 1)[-1]
        self.detail = str(problem.get("detail", "no detail"))
        self.errors = list(problem.get("errors", []))
        super().__init__(f"{status} {self.name}: {self.detail}")


@dataclass(frozen=True)
class Operation:
    """One operation of the description: how to call it, and what it takes."""

    id: str
    method: str
    path: str
    summary: str
    places: Mapping[str, str]
    required: frozenset[str]
    takes_body: bool


@dataclass(frozen=True)
class ServerEvent:
    """A server-sent event; `id` is what `Client.events(after=...)` resumes behind."""

    id: str
    topic: str
    data: Any


class Client:
    """A connection to a service at `url`; `token` is an API key or that of a session, if one is needed.

    Every operation of the description is a method by its id: `client.get_deal(deal="dc-water-eib-2016")`.
    Not thread-safe.
    """

    def __init__(self, url: str, *, token: str | None = None, timeout: float = 30.0) -> None:
        headers = {"Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout, trust_env=False)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # -- the description

    @cached_property
    def description(self) -> dict[str, Any]:
        """The service's OpenAPI document."""
        found: dict[str, Any] = self._answer(self._http.get("/v1/openapi.json")).json()
        return found

    @cached_property
    def operations(self) -> dict[str, Operation]:
        """Everything that can be called, by operation id."""
        found = {}
        for path, item in self.description["paths"].items():
            for method in METHODS:
                if method in item:
                    operation = _operation(path, method, item)
                    found[operation.id] = operation
        return found

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.operations:
            raise AttributeError(f"the service has no operation {name}")
        return partial(self.call, name)

    # -- calls

    def call(self, operation: str, body: Any = None, **parameters: Any) -> Any:
        """The answer of an operation: JSON as Python values, other text as str, None for no content.

        Raises TypeError for parameters that the description does not know or that are missing, ApiError for
        what the service refuses.
        """
        answer = self._answer(self._http.request(**self._request(operation, body, parameters)))
        if not answer.content:
            return None
        kind = answer.headers.get("content-type", "")
        return (
            answer.json() if "json" in kind else answer.text if kind.startswith("text/") else answer.content
        )

    def items(self, operation: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Every item of a list, its parts fetched as they are needed."""
        page = self.call(operation, **parameters)
        yield from page["items"]
        while page.get("next"):
            page = self.call(operation, **{**parameters, "cursor": page["next"]})
            yield from page["items"]

    def table(self, operation: str, **parameters: Any) -> pd.DataFrame:
        """A whole list as a table, fetched as Parquet."""
        parts, cursor = [], None
        while True:
            given = parameters if cursor is None else {**parameters, "cursor": cursor}
            request = self._request(operation, None, given)
            answer = self._answer(self._http.request(**request, headers={"Accept": PARQUET}))
            parts.append(pd.read_parquet(io.BytesIO(answer.content)))
            following = answer.links.get("next", {}).get("url")
            if following is None:
                return pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
            cursor = httpx.URL(following).params["cursor"]

    def result(self, job: Mapping[str, Any], timeout: float = 600.0) -> Any:
        """Wait for a job that an operation answered with; its result. Raises ApiError when it failed or was
        cancelled, TimeoutError when it takes longer."""
        deadline = time.monotonic() + timeout
        while True:
            state = self.call("get_job", id=job["id"])
            if state["state"] in ("done", "failed", "cancelled"):
                return self.call("get_job_result", id=job["id"])
            if time.monotonic() > deadline:
                raise TimeoutError(f"job {job['id']}: {state['state']} after {timeout:g} s")
            time.sleep(POLL_SECONDS)

    def events(
        self, *, after: str | None = None, retries: int = 5, **parameters: Any
    ) -> Iterator[ServerEvent]:
        """Server-sent events, those behind `after` first; cut off, it resumes where it was, up to `retries`
        times in a row. Filters as parameters: deployment, topic. Ends when the service closes for good."""
        failures = 0
        while True:
            headers = {"Accept": "text/event-stream", **({"Last-Event-ID": after} if after else {})}
            try:
                with self._http.stream(
                    "GET",
                    "/v1/stream",
                    params=parameters,
                    headers=headers,
                    timeout=httpx.Timeout(30, read=90),
                ) as answer:
                    if answer.status_code != 200:
                        answer.read()
                        self._answer(answer)
                    for event in _events(answer.iter_lines()):
                        failures = 0
                        if event.topic != "hello":
                            after = event.id or after
                            yield event
            except httpx.TransportError:
                if failures >= retries:
                    raise
            failures += 1
            if failures > retries:
                return
            time.sleep(min(0.25 * 2**failures, 5.0))

    def _request(self, name: str, body: Any, parameters: Mapping[str, Any]) -> dict[str, Any]:
        operation = self.operations.get(name)
        if operation is None:
            raise TypeError(f"the service has no operation {name}")
        unknown = parameters.keys() - operation.places.keys()
        missing = operation.required - parameters.keys()
        if unknown or missing:
            known = ", ".join(sorted(operation.places)) or "none"
            what = f"unknown {sorted(unknown)}" if unknown else f"missing {sorted(missing)}"
            raise TypeError(f"{name}: {what}; parameters: {known}")
        if body is not None and not operation.takes_body:
            raise TypeError(f"{name}: takes no body")
        path, query, headers = operation.path, {}, {}
        for key, value in parameters.items():
            place = operation.places[key]
            if place == "path":
                path = path.replace(f"{{{key}}}", quote(str(value), safe=""))
            elif place == "header":
                headers[key] = str(value)
            elif value is not None:
                query[key] = value
        request: dict[str, Any] = {"method": operation.method, "url": path, "params": query}
        if headers:
            request["headers"] = headers
        if isinstance(body, str):
            request["content"] = body
        elif body is not None:
            request["json"] = body
        return request

    @staticmethod
    def _answer(answer: httpx.Response) -> httpx.Response:
        if answer.is_success:
            return answer
        try:
            problem = answer.json()
        except ValueError:
            problem = {"detail": answer.text[:300] or answer.reason_phrase}
        raise ApiError(answer.status_code, problem if isinstance(problem, dict) else {"detail": str(problem)})


def _operation(path: str, method: str, item: Mapping[str, Any]) -> Operation:
    given = item[method]
    parameters = [*item.get("parameters", []), *given.get("parameters", [])]
    return Operation(
        id=given["operationId"],
        method=method.upper(),
        path=path,
        summary=given.get("summary", ""),
        places={each["name"]: each["in"] for each in parameters if each["in"] != "cookie"},
        required=frozenset(each["name"] for each in parameters if each.get("required")),
        takes_body="requestBody" in given,
    )


def _events(lines: Iterator[str]) -> Iterator[ServerEvent]:
    """Events of a stream's lines; comments, which keep the connection, are passed over."""
    id_, topic, data = "", "message", list[str]()
    for line in lines:
        if not line:
            if data:
                text = "\n".join(data)
                try:
                    yield ServerEvent(id_, topic, json.loads(text))
                except ValueError:
                    yield ServerEvent(id_, topic, text)
            topic, data = "message", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id":
            id_ = value
        elif name == "event":
            topic = value
        elif name == "data":
            data.append(value)
