"""What configuration files of nodes, relays and methods have in common: sections, paths, one-line errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict

from finance.terms import InputError


class ConfigError(InputError):
    """A configuration that cannot be used: `FILE: FIELD = VALUE: REASON`."""


class Section(BaseModel):
    """Base: no unknown fields, nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def under(self, base: Path) -> Self:
        """The same with relative paths below `base`, also in the sections inside."""
        changes: dict[str, Any] = {}
        for name, value in self:
            if isinstance(value, Path):
                changes[name] = base / value
            elif isinstance(value, Section):
                changes[name] = value.under(base)
        return self.model_copy(update=changes)


def read_mapping(file: Path) -> dict[str, Any]:
    """A YAML or JSON file that holds a mapping. Raises ConfigError."""
    try:
        data = yaml.safe_load(file.read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{file}: not a mapping")
    return data
