"""Value.recompute(): the same graph at other numbers."""

from __future__ import annotations

from engine.calculus.renewal import renew
from engine.value import Value


def recompute(value: Value) -> Value:
    """Bring the graph below this Value up to date, after leaves were assigned.

    All numbers are then those of a graph built anew, and computed nodes have no gradient yet. What
    Python decided while it was built stays decided: an `if`, the length of a loop, or a number that
    was taken out by .data; where() is computed again.

    Returns:
        The Value itself, so that a REPL shows it.

    Raises:
        ArithmeticError, ValueError: as floats would, if there is no value now. Then nothing has
            changed.
        RuntimeError: if the thread is in the middle of another traversal.

    >>> x = Value(3.0)
    >>> f = x * x
    >>> x.data = 5.0
    >>> f.recompute()
    Value(25.0)
    """
    renew(value)
    return value


setattr(Value, "recompute", recompute)  # noqa: B010
