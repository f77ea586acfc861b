"""The numbers of parameters as one flat vector, which is where a step is quick."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from librt.vecs import vec

from engine import Value
from engine.loops.slots import read_leaves, write_leaves

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]


class Numbers:
    """The numbers of parameters.

    They are in the Values, where everybody looks. While they are held, they are in one vector
    alone, for to read and write thousands of Values takes longer than a step of training. That
    vector is replaced, and never changed in place: to keep it is to keep a moment of the training.

    Args:
        parameters: the Values.

    >>> w = Value(1.0)
    >>> numbers = Numbers([w])
    >>> with numbers.held():
    ...     numbers.write(numbers.read() + 1)
    ...     print(w.data)
    1.0
    >>> w.data
    2.0
    """

    def __init__(self, parameters: list[Value]) -> None:
        self.parameters = parameters
        self.vector: Vector | None = None  # while they are held

    def read(self) -> Vector:
        """The numbers as they are now: a vector to look at, not to write to."""
        return from_leaves(self.parameters) if self.vector is None else self.vector

    def write(self, vector: Vector) -> None:
        """Put others in their place."""
        if self.vector is None:
            into_leaves(self.parameters, vector)
        else:
            self.vector = vector

    @contextmanager
    def held(self) -> Iterator[None]:
        """Inside, they are in the vector alone; the Values have them again afterwards."""
        self.vector = self.read()
        try:
            yield
        finally:
            self.release()

    def show(self) -> None:
        """Let the Values have them, too."""
        if self.vector is not None:
            into_leaves(self.parameters, self.vector)

    def release(self) -> None:
        """Let the Values alone have them, whether they are held or not."""
        try:
            self.show()
        finally:
            self.vector = None


def from_leaves(leaves: list[Value]) -> Vector:
    """The numbers of leaves, as a vector that cannot be written to.

    >>> from_leaves([Value(1.0), Value(2.0)])
    array([1., 2.])
    """
    import numpy as np

    if not leaves:
        return np.empty(0)
    slots: Any = vec[float](np.empty(len(leaves)))
    read_leaves(leaves, slots, 0)
    found: Vector = np.frombuffer(slots)  # a view: it keeps the slots alive
    return found


def into_leaves(leaves: list[Value], vector: Vector) -> None:
    """Write numbers into leaves: all of them, however often Ctrl-C comes between."""
    try:
        write_leaves(leaves, vec[float](vector), 0)
    except KeyboardInterrupt:
        into_leaves(leaves, vector)
        raise
