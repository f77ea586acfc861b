"""Recorded functions, replayed for a batch, against the eager engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from engine import Recorded, Value, record

Function = Callable[..., Any]


def eager(
    f: Function, parameters: list[Value], rows: list[Any], share: float
) -> tuple[list[Any], list[float], list[Any]]:
    """Values, the gradient in the parameters, and those in the inputs, graph by graph."""
    for each in parameters:
        each.zero_grad()
    values, of_inputs = [], []
    for row in rows:
        inputs = [Value(x) for x in row]
        y = f(*inputs)
        if y.op or y.has_grad or not y.is_constant:
            y.backward(share)
        values.append(y.data)
        of_inputs.append([x.grad for x in inputs])
    return values, [p.grad for p in parameters], of_inputs


def same(mine: Any, theirs: Any, scale: float = 1.0) -> None:
    """Equal up to the order of additions."""
    np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-12 * scale)


def twice(recorded: Recorded, *given: Any, **options: Any) -> tuple[Any, Any]:
    """What a first call says, and a later one, which goes a shorter way: they are equal."""
    first = recorded.value_and_gradient(*given, **options)
    later = recorded.value_and_gradient(*given, **options)
    require_identical(first, later)
    return later


def require_identical(first: Any, later: Any) -> None:
    """The same numbers to the last bit, of the same types, in the same structure."""
    assert type(first) is type(later)
    if isinstance(first, dict):
        assert [*first] == [*later]
        first, later = [*first.values()], [*later.values()]
    if isinstance(first, list | tuple):
        for one, other in zip(first, later, strict=True):
            require_identical(one, other)
    elif isinstance(first, np.ndarray):
        assert (first.dtype, first.shape) == (later.dtype, later.shape)
        assert first.tobytes() == later.tobytes()
    else:
        assert repr(first) == repr(later)


def is_at_a_kink(f: Function, parameters: list[Value], X: Any) -> bool:
    """Whether there is an example whose gradient depends on the last digits."""
    found = eager(f, parameters, X.tolist(), 1.0)[1:]
    for step in (1e-12, -1e-12):
        near = eager(f, parameters, (X + step).tolist(), 1.0)[1:]
        for mine, theirs in zip(found, near, strict=True):
            if not np.allclose(mine, theirs, rtol=1e-6, atol=1e-6):
                return True
    return False


def compare(f: Function, parameters: list[Value], X: Any, replay: Any) -> None:
    """A batch by a replay, and graph by graph."""
    try:
        require_equal(f, parameters, X, replay)
    except AssertionError:
        if not is_at_a_kink(f, parameters, X):
            raise


def require_equal(f: Function, parameters: list[Value], X: Any, replay: Any) -> None:
    """The same, kinks included: there rounding may take a replay to the other side."""
    values, of_parameters, of_inputs = eager(f, parameters, X.tolist(), 1 / max(1, len(X)))
    recorded = record(f, parameters, replay=replay)
    same(recorded(*X.T), values)
    wrt = "both" if parameters else "inputs"
    mean, found = twice(recorded, *X.T, wrt=wrt, reduce="mean")
    if len(X):
        same(mean, np.mean(values), np.max(np.abs(values)))
        same(twice(recorded, *X[0].tolist(), wrt=wrt)[0], values[0])
    scale = float(np.max(np.abs(of_inputs), initial=1.0))
    own = found[0] if parameters else found
    own = own if X.shape[1] > 1 else (own,)
    if len(X):
        same(np.array(own).T.reshape(len(X), -1), of_inputs, scale)
    if parameters:
        same(found[1], of_parameters, scale * max(1, np.max(np.abs(of_parameters))))
