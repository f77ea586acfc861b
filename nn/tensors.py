"""Parameters in nested lists, shaped like arrays: scalars, vectors, matrices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from engine import Value

Tensor: TypeAlias = "Value | list[Tensor]"


def is_parameter(given: object) -> bool:
    """Whether it is a leaf that gets a gradient: not a constant, and not computed."""
    return isinstance(given, Value) and not given.is_constant and not given.op


def shape(given: object) -> tuple[int, ...] | None:
    """The shape of parameters in regular nested lists; None if it is anything else."""
    if not isinstance(given, list | tuple):
        return () if is_parameter(given) else None
    inner = {shape(each) for each in given}
    first = inner.pop() if len(inner) == 1 else None
    return None if first is None else (len(given), *first)


def entries(tensor: Tensor, place: str = "") -> Iterator[tuple[str, Value]]:
    """Each parameter of a tensor, row by row, with its place, such as `[3][1]`."""
    if isinstance(tensor, Value):
        yield place, tensor
    else:
        for k, each in enumerate(tensor):
            yield from entries(each, f"{place}[{k}]")


def numbers(tensor: Tensor) -> Any:
    """The same with the numbers."""
    return tensor.data if isinstance(tensor, Value) else [numbers(each) for each in tensor]
