"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from finance.terms.problems import InputError

if TYPE_CHECKING:
    import pandas as pd


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """A path to write to, which takes the place of `path` when the block ends well; else `path` stays as it
    was.

    The temporary file lies beside `path`, so that taking its place is one step for the file system. Raises
    InputError when `path` cannot be written.
    """
    path = Path(path)
    target = path.resolve()  # a link keeps pointing to the file that is replaced
    part = target.with_name(f".{target.stem}.{os.getpid()}.part{target.suffix}")
    try:
        check_writable(path)
        part.touch()
        yield part
        part.replace(target)
    except OSError as error:
        if error.filename is not None and Path(error.filename).name not in (part.name, target.name):
            raise
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Raise InputError when it is plain beforehand that `path` cannot be written."""
    if path.is_dir():
        raise InputError(f"{path}: is a folder: give the name of a file")
    if not path.parent.is_dir():
        raise InputError(f"{path}: no folder {path.parent}")
    held = path if path.exists() else path.parent
    if not os.access(held, os.W_OK):
        raise InputError(f"{path}: cannot be written: no permission")


def save_csv(frame: pd.DataFrame, path: str | Path, index: bool = False) -> Path:
    """Write a table as CSV, whole or not at all."""
    path = Path(path)
    with whole(path) as part:
        frame.to_csv(part, index=index)
    return path
