"""Work that several threads share, while none of them needs the interpreter's lock for long."""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import Thread

from engine.quiet import quietly


def most() -> int:
    """How many threads may work at once: one for each processor, or OMP_NUM_THREADS if it is set.

    That variable is heeded by most libraries for numbers, and is looked up anew each time.
    """
    asked, _, _ = os.environ.get("OMP_NUM_THREADS", "").partition(",")  # "4,2": 4, and 2 within
    return (int(asked) if asked.isdecimal() else 0) or processors()


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not everywhere
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def together(work: Callable[[int], None], count: int) -> None:
    """Call work(0) here, and at the same time work(1) to work(count - 1) in other threads.

    It returns when all have; NumPy does not warn. If a thread cannot be started, it does without.

    Raises:
        Exception: the one that any of them has raised.
    """
    failures: list[BaseException] = []

    def attempt(k: int) -> None:
        try:
            quietly(work, k)
        except BaseException as error:
            failures.append(error)

    threads: list[Thread] = []
    try:
        for k in range(1, count):
            thread = Thread(target=attempt, args=(k,))
            thread.start()
            threads.append(thread)
    except RuntimeError:  # the system gives no more, or knows none
        pass
    try:
        quietly(work, 0)
    finally:
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]
