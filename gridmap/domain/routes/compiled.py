"""How the number kernels of this room are compiled: once, kept on disk, without Python inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a function of arrays and numbers; the machine code is kept beside its source file.

    It runs without Python's lock, so that other threads of a server go on answering meanwhile. numba looks only at the
    file of the function itself for changes: ``warm`` throws all kept code of this room away when any file has changed.
    """
    return cast("F", numba.njit(cache=True, nogil=True)(function))
