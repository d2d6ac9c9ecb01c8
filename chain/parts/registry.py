"""IdentityRegistry, whose log is not read."""

from __future__ import annotations

from chain.parts.base import PartKind

KIND = PartKind("IdentityRegistry", {}, cloned=False)
