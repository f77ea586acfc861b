"""no_grad(): computing without recording."""

from __future__ import annotations

from contextlib import ContextDecorator
from typing import Any

from engine.node import ENGINE


class no_grad(ContextDecorator):  # noqa: N801 - called like a function, as everybody knows it
    """Inside, operations are computed but not recorded: their results are constants.

    It holds for this thread only.

    It is a context manager and a decorator, and can be nested.

    >>> from engine import Value, no_grad
    >>> x = Value(3.0)
    >>> with no_grad():
    ...     y = x * x
    >>> y
    Value(9.0, constant)
    >>> @no_grad
    ... def square(x):
    ...     return x * x
    >>> square(x)
    Value(9.0, constant)
    """

    def __new__(cls, function: Any = None) -> Any:
        """The context, or the function decorated, if that is how it is used."""
        pause = super().__new__(cls)
        return pause if function is None else pause(function)

    def __enter__(self) -> None:
        if ENGINE.recording() is not None:
            raise RuntimeError(
                f"no_grad() while {ENGINE.recording().name} is being recorded: all later runs "
                "would have the numbers of this one example. Write v.detach() for a value through "
                "which no derivative passes"
            )
        open_block()
        ENGINE.thread.pauses = getattr(ENGINE.thread, "pauses", 0) + 1

    def __exit__(self, *exception: object) -> None:
        ENGINE.thread.pauses -= 1
        close_block()


def open_block() -> None:
    """Begin a block of this thread in which new nodes ask whether it has paused, or watches.

    The thread counts its own: after a fork they are all that is left.
    """
    ENGINE.pauses.append(None)
    ENGINE.thread.blocks = getattr(ENGINE.thread, "blocks", 0) + 1


def close_block() -> None:
    """End it."""
    ENGINE.thread.blocks -= 1
    ENGINE.pauses.pop()
