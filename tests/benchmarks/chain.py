"""A chain of ten million operations: what a node costs to build, differentiate and free.

It is compared with a chain of ten thousand, which fits the processor's caches. A ratio near 1 says
that the cost per node does not grow: no recursion, no collector that walks the graph again and
again. Each length is measured in a fresh process, for memory that was used before is not like new
memory.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import process_time

from measure import Effort, Row, Skipped, bar, compared, in_process

import engine
from engine import Value

PHASES = ("build", "differentiate", "free", "all three")
SHORT, LONG = 10_000, 10_000_000 if engine.compiled else 1_000_000


def build(count: int, start: Value, step: Value) -> Value:
    """A chain of so many additions."""
    node = start
    for _ in range(count):
        node = node + step
    return node


def phases(count: int) -> list[float]:
    """The nanoseconds per node of each phase, and their sum, for one chain."""
    start, step = Value(1.0), Value(1e-9)
    clock = [process_time()]
    node = build(count, start, step)
    clock.append(process_time())
    node.backward()
    clock.append(process_time())
    del node
    clock.append(process_time())
    assert (start.grad, step.grad) == (1.0, count), "a wrong gradient is not worth timing"
    costs = [1e9 * (after - before) / count for before, after in pairwise(clock)]
    return [*costs, sum(costs)]


def typical_phases(count: int, repetitions: int) -> list[float]:
    """The median of each phase over several chains, one after the other."""
    measured = [phases(count) for _ in range(repetitions)]
    return [median(phase) for phase in zip(*measured, strict=True)]


def resident_bytes(count: int) -> float:
    """By how much a chain raises the memory that this process holds, per node.

    Raises:
        FileNotFoundError: on systems that do not tell in /proc.
    """
    before = resident_pages()
    chain = build(count, Value(1.0), Value(1e-9))
    after = resident_pages()
    del chain
    return os.sysconf("SC_PAGESIZE") * (after - before) / count


def resident_pages() -> int:
    """The second number in statm; the peak of getrusage may be that of the parent process."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])


def rows(effort: Effort) -> Iterator[Row | Skipped]:
    """The phases, then the memory."""
    short, long = (max(10, int(count * effort.scale)) for count in (SHORT, LONG))
    of_short, of_long = [], []
    for _ in range(1 + effort.pairs // 2):
        of_short.append(in_process(f"chain.typical_phases({short}, {20 * effort.pairs})", "chain"))
        of_long.append(in_process(f"chain.phases({long})", "chain"))
    growth = bar("<=", compiled=3)
    for k, phase in enumerate(PHASES):
        mine, other = ([costs[k] for costs in measured] for measured in (of_long, of_short))
        ratios = [a / b for a, b in zip(mine, other, strict=True)]
        question = f"chain of {long:,}: {phase}, per node"
        yield compared(question, mine, f"chain of {short:,}", other, "ns", ratios, growth)
    yield size_row("sys.getsizeof(Value)", sys.getsizeof(Value(1.0)))
    if Path("/proc/self/statm").exists():
        resident = in_process(f"chain.resident_bytes({long})", "chain")
        yield size_row("memory per node of the chain", resident)
    else:
        yield Skipped("the memory of a process is read from /proc, which this system does not have")


def size_row(question: str, size: float) -> Row:
    """A line that has no other side."""
    limit = bar("<=", compiled=112)
    met = ("yes" if limit.met(size) else "NO") if limit else ""
    return Row(question, f"{size:.1f} bytes", "", "", "", "<= 112 bytes" if limit else "", met)
