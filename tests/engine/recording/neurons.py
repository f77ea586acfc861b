"""Three neurons of scalars, and what they are given."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine import Value

X = np.random.default_rng(0).normal(size=(64, 4))
P = [Value(x) for x in np.random.default_rng(1).normal(size=16)]


def net(x: Any) -> Any:
    """Three neurons; all inputs and parameters count."""
    hidden = [sum(w * a for w, a in zip(P[4 * k : 4 * k + 4], x, strict=True)) for k in range(3)]
    return sum(each.tanh() * w for each, w in zip(hidden, P[12:], strict=False)) + P[15] * x[0]
