"""Parameters in nested lists, shaped like arrays: scalars, vectors, matrices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from typing import Any, TypeAlias, TypeGuard

from engine import Value

Tensor: TypeAlias = "Value | list[Tensor]"


def is_parameter(given: object) -> TypeGuard[Value]:
    """Whether it is a leaf that gets a gradient: not a constant, and not computed."""
    return isinstance(given, Value) and not given.is_constant and not given.op


def plain(given: Any) -> Any:
    """An array of Values as nested lists, anything else as it is."""
    return given.tolist() if getattr(given, "dtype", "") == "O" else given


def parts(given: object) -> Iterable[Any]:
    """What a dict, a list or a tuple contains; anything else contains nothing."""
    if isinstance(given, Mapping):
        return given.values()
    return given if isinstance(given, list | tuple) else ()


def named_parts(given: object) -> Iterable[tuple[str, Any]]:
    """The same with the key or the place of each."""
    names: Iterable[Any] = given if isinstance(given, Mapping) else count()
    return ((str(name), each) for name, each in zip(names, parts(given), strict=False))


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


def in_matrix(neurons: Iterable[Any]) -> dict[str, Tensor]:
    """The weights of neurons, one row each, and their biases, under PyTorch's names."""
    return {"weight": [n.weights for n in neurons], "bias": [n.bias for n in neurons]}
