"""Proof that a node signed two things for one version of a report, which no honest node does.

The proof is a file with both signed observations. Anyone can check it, with no chain and no evidence: both
signatures recover to the same address, over the same feed, period, version, contract and chain, and differ in
value or evidence. What can be done with it: the panel can rule on the report; the parties can replace the
node by the deal's rule for handing a node on; everybody can stop asking it. The contract itself takes no
collateral from nodes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from finance.terms import InputError
from oracle.evidence import write_whole
from oracle.observation import SignatureError, recover
from oracle.wire import Message, SignedObservation, one_line

SCHEMA: Literal["penstock/equivocation/1"] = "penstock/equivocation/1"


class EquivocationError(InputError):
    """A file that is no such proof; the message says why."""


class Equivocation(Message):
    """Two observations of one signer that cannot both be honest."""

    schema_id: Literal["penstock/equivocation/1"] = Field(SCHEMA, alias="schema")
    first: SignedObservation
    second: SignedObservation

    def check(self) -> str:
        """What the two differ in, in words. Raises EquivocationError when they prove nothing."""
        for name in ("feed", "period", "version", "chain_id", "contract", "signer"):
            one, other = (str(getattr(each, name)).lower() for each in (self.first, self.second))
            if one != other:
                raise EquivocationError(f"{name} = {one} and {other}: not about the same report and node")
        for each in (self.first, self.second):
            try:
                found = recover(each.observation.message(each.domain), each.signature)
            except SignatureError as error:
                raise EquivocationError(str(error)) from None
            if found.lower() != each.signer.lower():
                raise EquivocationError(f"signer = {each.signer}: the signature is that of {found}")
        for name in ("value", "evidence"):
            one, other = getattr(self.first, name), getattr(self.second, name)
            if one != other:
                return f"{name} {one} and {name} {other}"
        raise EquivocationError("both say the same")


def load_equivocation(path: str | Path) -> Equivocation:
    """Read a proof; `check` judges it. Raises EquivocationError."""
    file = Path(path)
    try:
        return Equivocation.model_validate_json(file.read_bytes())
    except OSError as error:
        raise EquivocationError(f"{file}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        raise EquivocationError(f"{file}: {one_line(error)}") from None


def is_equivocation(path: str | Path) -> bool:
    """Whether a file says that it is such a proof."""
    try:
        return bool(json.loads(Path(path).read_bytes())["schema"] == SCHEMA)
    except (OSError, ValueError, KeyError, TypeError):
        return False


class Memory:
    """What signers were seen to sign, in FOLDER/signed, the first of each kept; and in FOLDER the proofs
    against those who then signed something else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self, seen: Sequence[SignedObservation]) -> list[Path]:
        """Remember signed observations, whose signatures are checked already; the proofs they complete."""
        proofs = []
        for signed in seen:
            about = f"{signed.feed[2:10]}-{signed.period}-{signed.version}-{signed.signer[2:].lower()}"
            held = self._folder / "signed" / f"{about}.json"
            first = _read(held)
            if first is None:
                held.parent.mkdir(parents=True, exist_ok=True)
                write_whole(held, signed.model_dump_json(indent=2) + "\n")
                continue
            proof = Equivocation(schema=SCHEMA, first=first, second=signed)
            try:
                proof.check()
            except EquivocationError:
                continue
            path = self._folder / f"equivocation-{about}.json"
            if not path.exists():
                write_whole(path, proof.model_dump_json(indent=2, by_alias=True) + "\n")
            proofs.append(path)
        return proofs


def _read(path: Path) -> SignedObservation | None:
    try:
        return SignedObservation.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
