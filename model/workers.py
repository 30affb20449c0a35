"""Worker processes that share the cores."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from typing import TypeVar

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def each(
    function: Callable[[_In], _Out], items: Sequence[_In], processes: int = 2
) -> Iterator[_Out]:
    """Call a picklable function on every item in worker processes; yield the results in order.

    One process, or one item, is worked on in the calling process. Workers are spawned, because a
    fork would copy the threads of TensorFlow where it is loaded.
    """
    if processes <= 1 or len(items) <= 1:
        yield from map(function, items)
        return
    with _pool(min(processes, len(items))) as pool:
        try:
            yield from pool.map(function, items)
        finally:
            pool.shutdown(cancel_futures=True)


def ahead(
    function: Callable[[_In], _Out], items: Iterable[_In], processes: int, waiting: int
) -> Iterator[_Out]:
    """Call a picklable function on items, a few before they are asked for; keep their order.

    Args:
        function: what to call.
        items: may be endless.
        processes: how many work at a time; 0 works in the calling process.
        waiting: items that are worked on or kept before they are asked for.
    """
    if processes == 0:
        yield from map(function, items)
        return
    started: deque[Future[_Out]] = deque()
    with _pool(processes) as pool:
        try:
            for item in items:
                started.append(pool.submit(function, item))
                if len(started) >= waiting:
                    yield started.popleft().result()
            while started:
                yield started.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _pool(processes: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(processes, get_context("spawn"), initializer=_prepare)


def _prepare() -> None:
    """Keep this process's numerical libraries to one thread, and its life to its parent's."""
    from threadpoolctl import threadpool_limits

    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = "1"  # for libraries that are loaded later
    threadpool_limits(limits=1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End when the parent is gone: after a kill -9 nobody else would tell this process."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
