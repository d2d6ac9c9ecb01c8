"""Compiled kernels that are kept, where anything can be kept.

numba keeps a kernel beside its module, or where that cannot be written in the user's cache folder, or in
NUMBA_CACHE_DIR if it is set. Where none of them can be written (a read-only container without a home) it
would refuse to load the module; here the kernel is then compiled anew in each process, which takes half a
minute.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(**options: Any) -> Callable[[Function], Function]:
    """numba.njit with `options`, kept from one process to the next if that is possible."""

    def compiled(function: Function) -> Function:
        try:
            found: Function = njit(cache=True, **options)(function)
        except RuntimeError:  # numba's own words: no locator available
            found = njit(**options)(function)
        return found

    return compiled
