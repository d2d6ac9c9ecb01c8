"""Evidence bundles: everything that led to a KPI value, addressed by a root that the node signs.

A bundle is a flat set of UTF-8 files. Its root is

    leaf(file) = keccak256(utf8(name) || 0x00 || keccak256(content))
    root       = keccak256(leaf_1 || ... || leaf_n)          leaves in order of file name

so one changed byte, name, added or missing file changes the root. It is stored as DIR/<root>/ with its files
and a manifest.json (sizes, sha256 and keccak256 of each file). Every bundle has COMMON_FILES; which files of
raw data stand beside them is the method's affair (oracle.methods). Bundles hold data, parameters and results,
and the name of an instrument; no personal data and no address of the node, which the signature gives.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from eth_utils import keccak

SCHEMA = "penstock/evidence/1"
MANIFEST = "manifest.json"
OBSERVATION_FILE = "observation.json"
METHOD_FILE = "method.json"
PARAMETERS_FILE = "parameters.json"
RESULTS_FILE = "results.json"
COMMON_FILES = (METHOD_FILE, OBSERVATION_FILE, PARAMETERS_FILE, RESULTS_FILE)
MAX_FILES = 32
MAX_BYTES = 8_000_000
"""Largest bundle that is read from a stranger: a year of one-minute rain fits."""

_ROOT = re.compile(r"0x[0-9a-f]{64}")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,60}\.(csv|inp|json|txt)")


class EvidenceError(ValueError):
    """A bundle that is damaged, incomplete or not the one asked for; the message names the file."""


@dataclass(frozen=True)
class Context:
    """What a bundle is evidence of. value: the KPI x 10^decimals; times in unix seconds, end exclusive;
    gauge: name of the node's instrument or data copy."""

    feed: str
    period: int
    version: int
    kpi: str
    decimals: int
    value: int
    period_start: int
    period_end: int
    gauge: str


@dataclass(frozen=True)
class Bundle:
    """An evidence bundle in memory: file name -> content."""

    files: Mapping[str, bytes]

    def __post_init__(self) -> None:
        absent = [name for name in COMMON_FILES if name not in self.files]
        if absent:
            raise EvidenceError(f"bundle: missing files: {', '.join(absent)}")
        unfit = [name for name in self.files if not _NAME.fullmatch(name) or name == MANIFEST]
        if unfit or len(self.files) > MAX_FILES:
            raise EvidenceError(f"bundle: unfit file names, or more than {MAX_FILES}: {unfit[:3]}")
        if sum(map(len, self.files.values())) > MAX_BYTES:
            raise EvidenceError(f"bundle: larger than {MAX_BYTES} bytes")

    @classmethod
    def build(
        cls, context: Context, *, texts: Mapping[str, str], documents: Mapping[str, Mapping[str, Any]]
    ) -> Bundle:
        """Bundle of text files and JSON documents about `context`. Raises EvidenceError if one is missing."""
        files = {name: text.encode() for name, text in texts.items()}
        files |= {name: canonical(document) for name, document in documents.items()}
        # An int128 is beyond the integers that JSON readers agree on.
        observation = {"schema": SCHEMA, **asdict(context), "value": str(context.value)}
        files[OBSERVATION_FILE] = canonical(observation)
        return cls(files)

    @cached_property
    def root(self) -> str:
        """0x and 64 hex digits; the address of the bundle."""
        leaves = (keccak(name.encode() + b"\0" + keccak(self.files[name])) for name in sorted(self.files))
        return "0x" + keccak(b"".join(leaves)).hex()

    @cached_property
    def context(self) -> Context:
        """What it is evidence of. Raises EvidenceError if observation.json is not as build() writes it."""
        data = self.document(OBSERVATION_FILE)
        try:
            if data.pop("schema") != SCHEMA:
                raise ValueError("unknown schema")
            context = Context(**{**data, "value": int(data["value"])})
            for name in ("period", "version", "decimals", "period_start", "period_end"):
                if type(getattr(context, name)) is not int:
                    raise ValueError(f"{name} is not an integer")
            for name in ("feed", "kpi", "gauge"):
                if not isinstance(getattr(context, name), str):
                    raise ValueError(f"{name} is not a text")
            if not 0 <= context.decimals <= 18:
                raise ValueError("decimals out of range")
        except (KeyError, TypeError, ValueError) as error:
            raise EvidenceError(f"{OBSERVATION_FILE}: {error}") from None
        return context

    def text(self, name: str) -> str:
        """Content of a file. Raises EvidenceError if it is not UTF-8."""
        try:
            return self.files[name].decode()
        except UnicodeDecodeError:
            raise EvidenceError(f"{name}: not UTF-8 text") from None

    def document(self, name: str) -> dict[str, Any]:
        """Content of a JSON file. Raises EvidenceError if it is not a JSON object."""
        try:
            data = json.loads(self.text(name))
        except (ValueError, RecursionError):
            raise EvidenceError(f"{name}: not JSON") from None
        if not isinstance(data, dict):
            raise EvidenceError(f"{name}: not a JSON object")
        return data

    def manifest(self) -> dict[str, Any]:
        """Root, and size and hashes of every file."""
        return {
            "schema": SCHEMA,
            "root": self.root,
            "files": {
                name: {
                    "bytes": len(content),
                    "sha256": "0x" + hashlib.sha256(content).hexdigest(),
                    "keccak256": "0x" + keccak(content).hex(),
                }
                for name, content in sorted(self.files.items())
            },
        }

    def save(self, directory: str | Path) -> Path:
        """Write to DIR/<root>/, whole or not at all and on the disk when this returns; that folder. An intact
        copy is left as it is, a damaged one replaced."""
        parent = Path(directory)
        target = parent / self.root
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent, prefix=".part-") as part:
            if target.exists():
                try:
                    load(target)
                    return target
                except EvidenceError:
                    os.replace(target, Path(part) / "damaged")
            folder = Path(part) / "bundle"
            folder.mkdir()
            files = {**self.files, MANIFEST: canonical(self.manifest())}
            for name, content in files.items():
                (folder / name).write_bytes(content)
            # Side by side the disk writes them in one go: eight, one after the other, take 30 ms.
            with ThreadPoolExecutor(len(files) + 1) as pool:
                list(pool.map(sync, [*(folder / name for name in files), folder]))
            try:
                os.replace(folder, target)
            except OSError:  # another process has just written the same bundle
                load(target)
            sync(parent)
        return target

    def to_wire(self) -> dict[str, Any]:
        """JSON for HTTP: root and the files as text."""
        return {
            "schema": SCHEMA,
            "root": self.root,
            "files": {name: self.text(name) for name in sorted(self.files)},
        }

    @classmethod
    def from_wire(cls, data: Any, root: str) -> Bundle:
        """Read to_wire's JSON and check that it is the bundle `root`. Raises EvidenceError."""
        files = data.get("files") if isinstance(data, dict) else None
        if not isinstance(files, dict) or not all(isinstance(text, str) for text in files.values()):
            raise EvidenceError("bundle: files missing or not text")
        try:
            bundle = cls({str(name): text.encode() for name, text in files.items()})
        except UnicodeEncodeError:
            raise EvidenceError("bundle: not UTF-8 text") from None
        if bundle.root != root:
            raise EvidenceError(f"bundle: its files hash to {bundle.root}, not to {root}")
        return bundle


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk before going on."""
    if os.name != "posix":  # Windows syncs no handle that only reads, and opens no folders
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_whole(path: Path, text: str) -> None:
    """Write a text file, whole or not at all, and on the disk when this returns."""
    part = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        part.write_text(text)
        sync(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    sync(path.parent)


def canonical(document: Mapping[str, Any]) -> bytes:
    """JSON bytes of a document: sorted keys, no spaces, shortest floats, one newline at the end."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def is_root(text: str) -> bool:
    """Whether `text` has the form of a root: 0x and 64 lower-case hex digits."""
    return _ROOT.fullmatch(text) is not None


def load(folder: str | Path) -> Bundle:
    """Read DIR/<root>/ and check every byte against the folder's name and the manifest.

    Raises EvidenceError naming the first file that is wrong.
    """
    path = Path(folder)
    try:
        names = sorted(item.name for item in path.iterdir())
        manifest = json.loads((path / MANIFEST).read_bytes())
        listed = manifest["files"]
        if names != sorted((*listed, MANIFEST)):
            wrong = sorted(set(names) ^ {*listed, MANIFEST})
            raise EvidenceError(f"{path}: missing or unknown files: {', '.join(wrong)}")
        files = {}
        for name in sorted(listed):
            content = (path / name).read_bytes()
            if listed[name]["sha256"] != "0x" + hashlib.sha256(content).hexdigest():
                raise EvidenceError(f"{path / name}: changed: its sha256 is not the manifest's")
            files[name] = content
    except (OSError, KeyError, TypeError, AttributeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise EvidenceError(f"{path}: not a bundle: {error}") from None
    bundle = Bundle(files)
    if manifest != bundle.manifest():
        raise EvidenceError(f"{path / MANIFEST}: does not match the files")
    if bundle.root != path.name:
        raise EvidenceError(f"{path}: its files hash to {bundle.root}")
    return bundle
