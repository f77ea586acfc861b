"""Words that errors, reports and listings share."""

from __future__ import annotations

from collections.abc import Sequence

from engine.primitive import Primitive


def count(n: int, noun: str) -> str:
    """A number and its noun.

    >>> count(1, "input"), count(13_002, "parameter")
    ('1 input', '13,002 parameters')
    """
    return f"{n:,} {noun}{'s' * (n != 1)}"


def written(row: Primitive, primals: Sequence[float], digits: str = "") -> str:
    """A primitive on its operands, those in the middle of many left out.

    Args:
        row: the primitive.
        primals: the numbers that it takes.
        digits: their format, such as ".6g"; "" for all digits.

    >>> from engine.rules import TABLE
    >>> written(TABLE["sub"], (0.1, -1 / 3)), written(TABLE["sub"], (0.1, -1 / 3), ".3g")
    ('0.1 - (-0.3333333333333333)', '0.1 - (-0.333)')
    """
    shown = [f"({x:{digits}})" if x < 0 else f"{x:{digits}}" for x in primals]
    if len(shown) > 6:
        shown[3:-2] = [f"... {len(shown) - 5} more ..."]
    return row.call(*shown)
