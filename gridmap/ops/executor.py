"""Where plans are solved: the processes of this machine, or a Dask cluster when one is named.

What is sent are numbers (``domain.routes.Problem``), never a name or an address.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from typing import Any, TypeVar

from gridmap.errors import SetupFault, Unavailable
from gridmap.settings import Settings

CONNECT_S = 10
Value = TypeVar("Value")


def executor(settings: Settings, *, processes: int | None = None) -> Executor:
    """Return what solves problems at the same time; leave it with ``with`` or ``shutdown``.

    Parameters
    ----------
    processes : of the pool on this machine; as many as there are cores unless given.

    Raises
    ------
    SetupFault
        When a cluster is named and its library is not installed.
    Unavailable
        When the cluster's scheduler does not answer.
    """
    if settings.dask_scheduler:
        return _Cluster(settings.dask_scheduler)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # Not fork: the parent may hold database connections and threads.
    return ProcessPoolExecutor(processes or usable, mp_context=multiprocessing.get_context("forkserver"))


class _Cluster(Executor):
    """A Dask cluster as an executor; a task whose worker dies is done again by another."""

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise SetupFault("要用 Dask 集群，请先安装：pip install 'gridmap[cluster]'") from error
        connect: Any = Client  # its library tells no types
        try:
            self._client = connect(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise Unavailable("Dask 调度器 %(address)s 没有回应", address=address) from error
        self._inner = self._client.get_executor(pure=False)

    def submit(self, fn: Callable[..., Value], /, *args: Any, **kwargs: Any) -> Future[Value]:
        """Send one call to the cluster."""
        future: Future[Value] = self._inner.submit(fn, *args, **kwargs)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Give the cluster back; what is still waiting is cancelled unless it is waited for."""
        self._inner.shutdown(wait=wait and not cancel_futures)
        self._client.close()
