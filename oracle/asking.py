"""How the relay asks nodes: all at once, each within a time, and what makes an answer usable.

A node may be down, slow or hostile: it may send a byte a second, or headers for ever. So the whole of a
node's answer has a deadline, not each read; and once a quorum has answered, the rest are waited for only as
long again as that took (at least GRACE_SECONDS). Not less, because every further signature makes the median
harder to move; not more, because a report must not wait for one that may never come: it can be completed
later, under the same version.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
from eth_account.signers.local import LocalAccount
from pydantic import ValidationError

from oracle import evidence
from oracle.access import sign_request
from oracle.feed import Feed
from oracle.method import MethodError, bundle_method, method_hash, suspicions_of
from oracle.observation import SignatureError, recover
from oracle.wire import ObservationRequest, SignedObservation, one_line

MAX_ANSWER_BYTES = 65_536
GRACE_SECONDS = 10.0
CONFLICT = 409

T = TypeVar("T")


class AnswerError(ValueError):
    """One node's answer cannot be used; the message says why. signed: what it has signed all the same;
    status: of its HTTP answer."""

    def __init__(self, reason: str, signed: SignedObservation | None = None, status: int = 200) -> None:
        super().__init__(reason)
        self.signed, self.status = signed, status


@dataclass(frozen=True)
class Collected:
    """A usable answer of a node, with the evidence behind it and what is unlikely about that."""

    url: str
    signer_index: int
    signed: SignedObservation
    bundle: evidence.Bundle
    suspicions: Sequence[str] = ()


@dataclass(frozen=True)
class Failure:
    """A node that could not be used, and why. `conflict`: it has signed something else for the version, or
    the version is not one that it signs now."""

    url: str
    reason: str
    conflict: bool = False


@dataclass(frozen=True)
class Round:
    """What one round brought: usable answers, ascending by value and signer index; the nodes that gave none;
    and everything signed that was seen, usable or not."""

    answers: list[Collected]
    failures: list[Failure]
    signed: list[SignedObservation] = field(default_factory=list)


def check_signature(
    signed: SignedObservation, chain_id: int, oracle: str, feed_id: str, signers: Sequence[str]
) -> int:
    """Index of the signer in `signers`. Raises AnswerError if it is not one, or the signature is not for that
    feed of that contract on that chain."""
    meant = (chain_id, oracle.lower(), feed_id)
    if (signed.chain_id, signed.contract.lower(), signed.feed) != meant:
        raise AnswerError("signed for another feed, contract or chain")
    try:
        address = recover(signed.observation.message(signed.domain), signed.signature)
    except SignatureError as error:
        raise AnswerError(str(error)) from None
    if address.lower() != signed.signer.lower():
        raise AnswerError(f"signature is that of {address}, not of {signed.signer}")
    known = [signer.lower() for signer in signers]
    if address.lower() not in known:
        raise AnswerError(f"{address} is not a signer of the feed")
    return known.index(address.lower())


def check_bundle(signed: SignedObservation, bundle: evidence.Bundle, feed: Feed) -> list[str]:
    """What is unlikely about the bundle's raw data. Raises AnswerError if it is not evidence of exactly this
    observation by the feed's method."""
    try:
        context, method = bundle.context, bundle_method(bundle)
        suspicions = suspicions_of(bundle)
    except (MethodError, evidence.EvidenceError) as error:
        raise AnswerError(f"evidence: {error}") from None
    if bundle.root != signed.evidence:
        raise AnswerError(f"evidence: its files hash to {bundle.root}, not to the signed {signed.evidence}")
    expected: dict[str, Any] = {
        "feed": signed.feed,
        "period": signed.period,
        "version": signed.version,
        "value": signed.value,
        "kpi": feed.kpi,
        "decimals": feed.decimals,
        "period_end": feed.period_ends[signed.period],
    }
    for name, value in expected.items():
        has = getattr(context, name)
        if has != value:
            said = (
                f"period {has + 1}, not {value + 1}" if name == "period" else f"{name} = {has}, not {value}"
            )
            raise AnswerError(f"evidence: {said}")
    if method_hash(method.id) != feed.method_hash:
        raise AnswerError(f"evidence: method {method.id} is not the feed's")
    return suspicions


def ask(
    url: str, request: ObservationRequest, feed: Feed, key: LocalAccount, timeout_seconds: float
) -> Collected:
    """Ask one node for its observation and evidence, and check both. `key`: the relay's. Raises
    AnswerError."""
    return _now(_ask(url, request, feed, key, timeout_seconds))


def collect(
    urls: Sequence[str],
    request: ObservationRequest,
    feed: Feed,
    key: LocalAccount,
    timeout_seconds: float = 30,
    enough: Callable[[Sequence[Collected]], bool] = lambda _answers: False,
) -> Round:
    """Ask all nodes at once, each within `timeout_seconds` for the whole of its answer. When `enough` says so
    of the answers that are there, the rest are waited for only as long again. A signer that answers at two
    addresses counts once.
    """
    return _now(_collect(urls, request, feed, key, timeout_seconds, enough))


def fetch_bundle(url: str, root: str, timeout_seconds: float) -> evidence.Bundle:
    """The evidence bundle `root` from a node. Raises AnswerError."""

    async def fetch() -> evidence.Bundle:
        async with _client() as client:
            return await _bundle(client, url, root)

    return _now(_within(fetch(), timeout_seconds))


def _now(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end. In a thread of its own, because a notebook's has a loop that runs already."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def _within(work: Coroutine[Any, Any, T], seconds: float) -> T:
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        raise AnswerError(f"no whole answer within {seconds:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        if isinstance(error, AnswerError):
            raise
        raise AnswerError(f"down: {error}") from None


async def _collect(
    urls: Sequence[str],
    request: ObservationRequest,
    feed: Feed,
    key: LocalAccount,
    timeout_seconds: float,
    enough: Callable[[Sequence[Collected]], bool],
) -> Round:
    begun = time.monotonic()
    good: dict[int, Collected] = {}
    failures: dict[str, Failure] = {}
    signed: list[SignedObservation] = []
    waiting = {
        asyncio.create_task(_ask(url, request, feed, key, timeout_seconds)): url
        for url in dict.fromkeys(urls)
    }
    until: float | None = None
    while waiting:
        left = None if until is None else max(0.0, until - time.monotonic())
        done, _ = await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            break
        for task in done:
            url = waiting.pop(task)
            try:
                answer = task.result()
            except AnswerError as error:
                failures[url] = Failure(url, str(error), error.status == CONFLICT)
                signed += [error.signed] if error.signed is not None else []
                continue
            signed.append(answer.signed)
            if good.setdefault(answer.signer_index, answer) is not answer:
                failures[url] = Failure(url, f"signer {answer.signer_index} has answered already")
        if until is None and enough(list(good.values())):
            until = time.monotonic() + max(GRACE_SECONDS, time.monotonic() - begun)
    for task, url in waiting.items():
        task.cancel()
        failures[url] = Failure(
            url, f"late: no answer after {time.monotonic() - begun:.0f} s, and enough have"
        )
    await asyncio.gather(*waiting, return_exceptions=True)
    listed = [failures[url] for url in dict.fromkeys(urls) if url in failures]
    return Round(
        sorted(good.values(), key=lambda item: (item.signed.value, item.signer_index)), listed, signed
    )


async def _ask(
    url: str, request: ObservationRequest, feed: Feed, key: LocalAccount, timeout_seconds: float
) -> Collected:
    seen: list[SignedObservation] = []
    try:
        return await _within(_answer(url, request, feed, key, seen), timeout_seconds)
    except AnswerError as error:
        if error.signed is None and seen:
            error.signed = seen[0]
        raise


async def _answer(
    url: str,
    request: ObservationRequest,
    feed: Feed,
    key: LocalAccount,
    seen: list[SignedObservation],
) -> Collected:
    """`seen` takes what the node has signed, even if the rest cannot be used."""
    base = url.rstrip("/")
    async with _client() as client:
        body = sign_request(request, key).model_dump(mode="json")
        answer = await _fetch(client, "POST", f"{base}/v1/observation", MAX_ANSWER_BYTES, json=body)
        try:
            signed = SignedObservation.model_validate_json(answer)
        except ValidationError as error:
            raise AnswerError(f"answer: {one_line(error)}") from None
        for name, wanted in request.model_dump().items():
            given = getattr(signed, name)
            if str(given).lower() != str(wanted).lower():
                raise AnswerError(f"answer: {name} = {given}, asked for {wanted}")
        index = check_signature(signed, feed.chain_id, feed.contract, feed.id, feed.signers)
        seen.append(signed)
        if not feed.minimum <= signed.value <= feed.maximum:
            raise AnswerError(f"value {signed.value} is out of the feed's bounds")
        bundle = await _bundle(client, base, signed.evidence)
    return Collected(url, index, signed, bundle, check_bundle(signed, bundle, feed))


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=None, follow_redirects=False, trust_env=False)  # noqa: S113 - _within


async def _bundle(client: httpx.AsyncClient, base: str, root: str) -> evidence.Bundle:
    link = f"{base.rstrip('/')}/v1/evidence/{root}"
    files = await _fetch(client, "GET", link, 2 * evidence.MAX_BYTES)
    try:
        return evidence.Bundle.from_wire(json.loads(files), root)
    except (evidence.EvidenceError, ValueError, RecursionError) as error:
        raise AnswerError(f"evidence: {error}") from None


async def _fetch(client: httpx.AsyncClient, method: str, url: str, limit: int, **arguments: Any) -> bytes:
    async with client.stream(method, url, **arguments) as response:
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > limit:
                raise AnswerError(f"answer: larger than {limit} bytes")
    if response.status_code != 200:
        try:
            reason = str(json.loads(bytes(content))["error"])[:300]
        except (ValueError, KeyError, TypeError):
            reason = "no reason given"
        raise AnswerError(f"HTTP {response.status_code}: {reason}", status=response.status_code)
    return bytes(content)
