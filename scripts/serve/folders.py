"""The folder that the service reads deployments from, as the demonstration fills it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from chain.records import load_record
from finance.terms import Deal, InputError
from oracle.node_config import KeySource
from oracle.relay_config import load_relay_config

MARK = "demonstration.json"
"""Names a folder that a demonstration made, and so may clear."""
IDENTITY = "relay.json"
"""Names where the relay's key lies; read by api.views.relay_round."""
WORLD = "world"
"""Folder of the nodes and of the shared contracts' addresses."""


def deployment_id(deal: Deal) -> str:
    """The deal and the first digits of its terms hash, as chain.deploy.record_path names a record."""
    return f"{deal.id}-{deal.terms_hash[2:10]}"


def add_deployment(data: Path, file: Path) -> Path:
    """Serve the deployment whose record is `file`: the record goes into a folder of its own, which is
    returned. Another contract with the same terms gets a number behind its name. Raises InputError."""
    record = load_record(file)
    name, number = f"{record.deal}-{record.terms_hash[2:10]}", 1
    while True:
        folder = data / (name if number == 1 else f"{name}-{number}")
        held = folder / "deployment.json"
        there = load_record(held) if held.exists() else None
        if there is None or (there.chain_id, there.tx) == (record.chain_id, record.tx):
            folder.mkdir(parents=True, exist_ok=True)
            record.save(held)
            return folder
        number += 1


def add_relay(data: Path, file: Path) -> Path:
    """Serve the deployment of a relay's configuration, with its nodes and the reports that it writes; the
    folder. Raises InputError."""
    relay = load_relay_config(file)
    if relay.deployment is None:
        raise InputError(f"{file}: deployment: is missing; a service needs the whole record")
    record = load_record(relay.deployment)
    feed = record.feed_of(relay.kpi)
    kpi = next(name for name, held in record.feeds.items() if held == feed)
    folder = add_deployment(data, relay.deployment)
    nodes = folder / "nodes.json"
    write_nodes(folder, {**(json.loads(nodes.read_text()) if nodes.exists() else {}), kpi: relay.nodes})
    if (identity := relay.identity or relay.account.key) is not None:
        write_identity(folder, identity)
    reports = folder / kpi
    if not reports.exists():
        relay.out.mkdir(parents=True, exist_ok=True)
        reports.unlink(missing_ok=True)  # a link to a folder that is gone
        reports.symlink_to(relay.out.resolve(), target_is_directory=True)
    return folder


def fresh_folder(folder: Path, anew: bool = False) -> bool:
    """Make `folder` ready for a new demonstration; True if an earlier one was cleared away, as `anew` allows.

    Raises InputError for a folder with an earlier one otherwise, and for one with anything else in it, which
    stays as it is.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"--data = {folder}: is not a folder")
    folder.mkdir(parents=True, exist_ok=True)
    found = sorted(folder.iterdir())
    old = (folder / MARK).exists()
    strange = [path.name for path in found if not (old and _is_ours(path))]
    if strange:
        raise InputError(
            f"--data = {folder}: {strange[0]} was not made by a demonstration; it needs a folder of its own"
        )
    if old and not anew:
        raise InputError(
            f"--data = {folder}: holds a demonstration, whose chain ended with it, so that it cannot go on: "
            "give another folder, or --anew to clear it away and begin again"
        )
    for path in found:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    (folder / MARK).write_text(
        '{"about": "made by a demonstration; penstock serve --anew clears this folder"}\n'
    )
    return old


def _is_ours(path: Path) -> bool:
    """By what is in it, as a name may be anybody's; of one stopped before it wrote anything, nothing is."""
    if path.is_dir():
        held = {file.name for file in path.iterdir()}
        known = not held.isdisjoint(("deployment.json", "nodes.json"))
        return path.name == WORLD or known or held <= {"deployment.json.part"}
    return path.name == MARK or path.name.startswith("penstock.sqlite")


def write_identity(folder: Path, source: KeySource | Path) -> None:
    """Where the key lies by which a deployment's nodes know the service's relay rounds; `source` may be its
    file. The key itself stays where it is."""
    held = source if isinstance(source, KeySource) else KeySource(file=source)
    found = held.under(Path.cwd()).model_dump_json(exclude_none=True)
    (folder / IDENTITY).write_text(found + "\n")


def write_nodes(folder: Path, nodes: Mapping[str, Sequence[str]]) -> None:
    """Where a deployment's oracle nodes listen, by KPI."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({kpi: list(urls) for kpi, urls in nodes.items()}, indent=2) + "\n"
    (folder / "nodes.json").write_text(text)
