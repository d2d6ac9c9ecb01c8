"""A round of the relay by the service: it asks the nodes and makes a report of their answers, and somebody
else sends it, for the service has no key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from eth_account.signers.local import LocalAccount

from api.jobs import Job, JobCancelledError, Progress
from api.models.oracle import LeftOut, ObservationView, RoundView
from api.problems import bad_input, conflict
from api.views.cases import case_of, slot_of
from api.views.files import folder_of
from chain.bindings import contract
from finance.terms import InputError
from oracle.node_config import KeySource, load_key
from oracle.relay import RelayError, prepare_report, save_report

if TYPE_CHECKING:
    from api.services import Services

KIND = "relay-round"
TIMEOUT_SECONDS = 60
IDENTITY = "relay.json"
"""In a deployment's folder: {"file": KEY}, or {"keystore": FILE, "password_file": FILE}."""


def begin(services: Services, id: str, kpi: str, period: int, restate: bool = False) -> Job:
    """A job that asks the nodes of a feed about a period; its result is a RoundView.

    Raises ProblemError: 404 for a period that is none, 409 when its time is not come, or is over, or it is
    reported already (and `restate` is false, or the report is used or ruled on), 422 where no node is
    known."""
    case = case_of(services, id)
    slot = slot_of(case, kpi, period)
    urls = services.nodes.urls(id, kpi)
    if not urls:
        raise bad_input(f"{id}: where the nodes of {kpi} listen is not known; PUT /v1/deployments/{id}/nodes")
    key = _identity(services.settings.data / id / IDENTITY)
    if slot.now < slot.end:
        raise conflict(f"period {period} ends at {slot.end}; the chain is at {slot.now}", "too-early")
    until = slot.report_until if slot.status != "challenged" else slot.missing_at - 1
    if slot.now > until:
        raise conflict(f"reports of period {period} were taken until {until}", "too-late")
    if slot.ruling is not None or (slot.last is not None and (not restate or slot.uses)):
        raise conflict(f"period {period} is {slot.status} already", "reported")
    oracle, feed, out = case.record.addresses["oracle"], slot.feed_id, folder_of(services, case, kpi)

    def work(progress: Progress, cancelled: Any) -> RoundView:
        progress(0.1, f"asks {len(urls)} nodes")
        try:
            ready = services.chain.call(
                lambda w3: prepare_report(
                    w3,
                    oracle,
                    feed,
                    period,
                    urls,
                    out,
                    key=key,
                    timeout_seconds=TIMEOUT_SECONDS,
                    restate=restate,
                )
            )
        except RelayError as error:
            raise InputError(str(error)) from None
        if cancelled.is_set():
            raise JobCancelledError
        # Another round may be sent instead of this one, so neither may take the other's name.
        save_report(ready.record, out, f"-{ready.record['evidence'][2:18]}")
        data = services.chain.call(
            lambda w3: contract(w3, "IKpiOracle", oracle).encode_abi("submit", args=list(ready.arguments))
        )
        return _view(id, ready.record, data)

    return services.jobs.submit(KIND, work)


def _identity(file: Path) -> LocalAccount:
    """The key by which nodes know the service. Raises ProblemError."""
    try:
        return load_key(KeySource.model_validate_json(file.read_bytes()))
    except OSError:
        raise bad_input(
            f"{file}: nodes answer listed relays only, and this service has no relay key"
        ) from None
    except ValueError as error:
        raise bad_input(f"{file}: {error}") from None


def _view(id: str, record: dict[str, Any], data: str) -> RoundView:
    scale = 10 ** record["decimals"]
    return RoundView(
        deployment=id,
        kpi=record["kpi"],
        period=record["period"],
        version=record["version"],
        value=int(record["value"]) / scale,
        raw=record["value"],
        evidence=record["evidence"],
        observations=[
            ObservationView(
                signer=item["signer"],
                signer_index=item["signer_index"],
                url=item["url"],
                value=int(item["value"]) / scale,
                raw=str(item["value"]),
                observed_at=item["observed_at"],
                evidence=item["evidence"],
            )
            for item in record["observations"]
        ],
        left_out=[
            LeftOut(
                signer=item["signer"],
                signer_index=item["signer_index"],
                url=item["url"],
                reason="too far off",
            )
            for item in record["left_out"]
        ]
        + [LeftOut(url=item["url"], reason=item["reason"]) for item in record["failures"]],
        chain_id=record["chain_id"],
        to=record["contract"],
        data=data,
    )
