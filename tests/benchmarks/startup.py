"""What `import engine` adds to Python's own start: processes with and without it, in turn."""

from __future__ import annotations

from collections.abc import Iterator

from measure import Effort, Row, bar, compared, in_process


def milliseconds(module: str) -> float:
    """What a process has used of the processor since its start, when it has imported a module."""
    return 1e3 * float(in_process("__import__('time').process_time()", module))


def rows(effort: Effort) -> Iterator[Row]:
    """The difference within each pair, in milliseconds."""
    milliseconds("engine")  # writes the bytecode that an installed package comes with
    mine, bare = [], []
    for _ in range(4 * effort.pairs):
        bare.append(milliseconds("time"))
        mine.append(milliseconds("engine"))
    added = [a - b for a, b in zip(mine, bare, strict=True)]
    limit = bar("<=", compiled=40, interpreted=40)
    yield compared("import engine, ms more", mine, "bare Python", bare, "ms", added, limit)
