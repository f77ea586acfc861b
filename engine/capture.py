"""What happens to Values while a function is being recorded.

The function is called once, on Values that stand for its inputs. What would bake the numbers of
this example into the program is refused, with a word on what to write instead; comparisons become
rows of the graph, and numbers that do not exist are inf or NaN: other examples may have them.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from engine.backward import topological_order
from engine.frames import warn
from engine.node import ENGINE
from engine.value import Value
from engine.wording import count


class Recording:
    """A function that is being recorded.

    Args:
        name: what it is called, for errors.
        leaves: the Values that stand for what changes between runs: parameters and inputs.

    Attributes:
        drawn: further inputs, of which each run draws the numbers; see `drawn`.
    """

    def __init__(self, name: str, leaves: Sequence[Value]) -> None:
        self.name = name
        self.leaves = {id(leaf): leaf for leaf in leaves}
        self.drawn: list[tuple[Value, Callable[[], float]]] = []

    def depends(self, value: Any) -> bool:
        """Whether a Value changes between runs."""
        return any(id(node) in self.leaves for node in topological_order(value))

    def refuse(self, value: Any, what: str, error: type[Exception] = RuntimeError) -> None:
        """Refuse to look at the number of a Value that changes between runs."""
        if self.depends(value):
            raise error(
                f"{what} deals with the number of a Value while {self.name} is being recorded: all "
                "later runs would have the number, or take the branch, of this one example. Use "
                "where(a < b, x, y) for a choice, maximum, minimum, abs or relu where they fit, "
                "v.exp() for math.exp(v), logsumexp or softmax for a stable sum of exponentials, "
                "v.detach() for a value without gradient; or record what comes before and after"
            )


@contextmanager
def recording(name: str, leaves: Sequence[Value]) -> Iterator[Recording]:
    """Record what this thread computes.

    A no_grad() around the call does not reach into it. The cyclic garbage collector pauses: it
    would cost more than the recording, and there is nothing for it to find.

    Raises:
        RuntimeError: if another function is being recorded.
    """
    if ENGINE.recording() is not None:
        raise RuntimeError(
            f"{name} cannot be recorded while {ENGINE.recording().name} is: inside a recorded "
            "function call the function itself, without record()"
        )
    thread, collecting = ENGINE.thread, gc.isenabled()
    pauses = getattr(thread, "pauses", 0)
    found = Recording(name, leaves)
    ENGINE.recordings.append(None)
    try:
        thread.recording, thread.pauses = found, 0
        gc.disable()
        yield found
    finally:
        if collecting:
            gc.enable()
        thread.recording, thread.pauses = None, pauses
        ENGINE.recordings.pop()


def drawn(draw: Callable[[], float]) -> Value | float:
    """A random number, of which a recorded function gets a new one for every example.

    Args:
        draw: gives the number; a recorded function keeps it.

    Returns:
        The number; while a function is recorded, a Value that stands for it.

    >>> drawn(lambda: 4.0)  # chosen by a fair throw of dice
    4.0
    """
    here: Recording | None = ENGINE.recording()
    if here is None:
        return draw()
    value = Value(1.0)  # nothing is drawn for an example that is not one of the run
    here.leaves[id(value)] = value
    here.drawn.append((value, draw))
    return value


def mention_forgotten(name: str, others: list[Any]) -> None:
    """Say which leaves keep the number that they have now, for they may have been forgotten."""
    if others:
        shown = ", ".join(repr(each) for each in others[:3])
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        warn(
            f"{name} uses {count(len(others), 'Value')} beside its arguments and parameters: "
            f"{shown}{more}. What they hold now stays in it; if they are to be learnt, write "
            "record(f, parameters=[...]), and if not, v.detach() says so"
        )
