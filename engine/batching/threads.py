"""Work that several threads share, while none of them needs the interpreter's lock for long."""

from __future__ import annotations

import os
import re
import sys
from collections import deque
from collections.abc import Callable, Iterable
from threading import Event, Thread
from typing import TypeVar

from engine.quiet import quietly

T = TypeVar("T")


def most() -> int:
    """How many threads may work at once: one for each processor, or OMP_NUM_THREADS if it is set.

    That variable is heeded by most libraries for numbers, and is looked up anew each time.
    """
    if sys.is_finalizing():  # a thread that begins by now never gets the interpreter's lock
        return 1
    found = re.match(r"\s*(\d{1,6})\s*(,|$)", os.environ.get("OMP_NUM_THREADS", ""))
    return (int(found[1]) if found else 0) or processors()  # "4,2" means 4, and 2 within each


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not everywhere
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share(items: Iterable[T], work: Callable[[T, int], None], count: int) -> None:
    """Call work(item, worker) for every item, by several workers at the same time.

    Each takes the next item as soon as it has finished one; after an error nobody takes another,
    and the error is raised when all have stopped. NumPy does not warn. Where no more threads can
    be started, those that there are do it all.

    Args:
        items: what there is to do.
        work: what does it, in any order.
        count: how many workers there are; number 0 is the thread that calls.
    """
    waiting = deque(items)
    failures: list[BaseException] = []
    begun: list[Event] = []

    def take(worker: int) -> None:
        try:
            while True:
                try:
                    item = waiting.popleft()
                except IndexError:
                    return
                quietly(work, item, worker)
        except BaseException as error:
            waiting.clear()
            failures.append(error)

    def assist(worker: int) -> None:
        finished = Event()
        begun.append(finished)
        try:
            take(worker)
        finally:
            finished.set()

    try:
        for k in range(1, count):
            Thread(target=assist, args=(k,)).start()
    except RuntimeError:  # the system gives no more, or knows none
        pass
    except BaseException as error:  # Ctrl-C
        waiting.clear()
        failures.append(error)
    take(0)
    for each in begun:  # who begins only now finds nothing to do
        wait_for(each, failures)
    if failures:
        raise failures[0]


def wait_for(event: Event, interruptions: list[BaseException]) -> None:
    """Wait, however often Ctrl-C comes between (which would confuse Thread.join), and note it."""
    while not event.is_set():
        try:
            event.wait()
        except KeyboardInterrupt as error:
            interruptions.append(error)
