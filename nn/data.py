"""Data to learn from: points in the plane, gates, small digits, names; batches, validation rows.

A data set is a pair of NumPy arrays: X, float64, one row per example, and y, its classes as
integers from 0; the names are a list. What is drawn by chance is drawn from
`numpy.random.RandomState(seed)`, whose stream NumPy keeps the same for ever: a seed means the same
points everywhere. Without a seed NumPy's global state decides, so that `numpy.random.seed(1337)` is
heard as in older scripts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nn.choice import require_whole

Points: TypeAlias = tuple[NDArray[np.float64], NDArray[np.int64]]
Pair: TypeAlias = tuple[NDArray[Any], NDArray[Any]]
Seed: TypeAlias = int | Sequence[int] | None

DATASETS = Path(__file__).with_name("datasets")  # the bundled files; their README has the sources


def moons(count: int = 100, noise: float = 0.1, seed: int | None = None) -> Points:
    """Two half circles that reach into each other: no straight line separates them.

    The same points in the same order as scikit-learn's `make_moons(count, noise=noise,
    random_state=seed)`; micrograd's notebook uses `moons(100, noise=0.1, seed=1337)`.

    Args:
        count: How many points in all; class 0, the upper moon, has one fewer if it is odd.
        noise: Standard deviation of what is added to each coordinate; 0 leaves them on the arcs.
        seed: Fixes the order and the noise.

    Returns:
        X of shape (count, 2), and y with classes 0 and 1.

    Raises:
        ValueError: for fewer than two points, or noise that is negative or not finite.

    >>> X, y = moons(100, noise=0.1, seed=1337)
    >>> X[0].round(6).tolist(), int(y[0])
    ([1.122115, 0.081477], 0)
    """
    count = require_whole("count", count, least=2)
    upper = np.linspace(0, np.pi, count // 2)
    lower = np.linspace(0, np.pi, count - count // 2)
    arcs = [
        np.column_stack([np.cos(upper), np.sin(upper)]),
        np.column_stack([1 - np.cos(lower), 1 - np.sin(lower) - 0.5]),
    ]
    return scatter(arcs, noise, seed)


def circles(
    count: int = 100, noise: float = 0.1, factor: float = 0.5, seed: int | None = None
) -> Points:
    """A circle inside another: no straight line separates them, the distance from 0 does.

    The same points in the same order as scikit-learn's `make_circles` with these arguments (whose
    own default is factor=0.8).

    Args:
        count: How many points in all; class 0, the outer circle, has one fewer if it is odd.
        noise: Standard deviation of what is added to each coordinate.
        factor: Radius of the inner circle, class 1, at least 0 and below 1; the outer has 1.
        seed: Fixes the order and the noise.

    Raises:
        ValueError: for a count, noise or factor that is out of range.

    >>> X, y = circles(4, noise=0.0, seed=0)
    >>> sorted((X**2).sum(axis=1).round(6).tolist())  # squares of the radii
    [0.25, 0.25, 1.0, 1.0]
    """
    count = require_whole("count", count, least=2)
    if not 0 <= factor < 1:
        raise ValueError(
            f"factor is the radius of the inner circle, and {factor!r} is not inside the outer one "
            "of radius 1: choose at least 0 and below 1, for example 0.5"
        )
    outer = np.linspace(0, 2 * np.pi, count // 2, endpoint=False)
    inner = np.linspace(0, 2 * np.pi, count - count // 2, endpoint=False)
    rings = [
        np.column_stack([np.cos(outer), np.sin(outer)]),
        np.column_stack([np.cos(inner) * factor, np.sin(inner) * factor]),
    ]
    return scatter(rings, noise, seed)


def spirals(
    count: int = 100,
    noise: float = 0.03,
    arms: int = 2,
    turns: float = 1.0,
    seed: int | None = None,
) -> Points:
    """Arms that wind around each other, one class each: hard for a small network.

    Arm k leaves the middle in the direction k / arms of a full turn, and its radius grows
    evenly from 0.1 to 1 while it turns counter-clockwise.

    Args:
        count: How many points in all, shared evenly among the arms, the first ones taking the rest.
        noise: Standard deviation of what is added to each coordinate.
        arms: How many classes.
        turns: How often each arm goes around.
        seed: Fixes the order and the noise.

    Raises:
        ValueError: for fewer points than arms, or an argument that is out of range.

    >>> X, y = spirals(300, arms=3, seed=0)
    >>> X.shape, [int((y == k).sum()) for k in range(3)]
    ((300, 2), [100, 100, 100])
    """
    arms = require_whole("arms", arms, least=1)
    count = require_whole("count", count, least=arms)
    if not math.isfinite(turns):
        raise ValueError(f"turns must be a finite number, for example 1.5, and not {turns!r}")
    curves = []
    for k in range(arms):
        along = np.linspace(0, 1, count // arms + (k < count % arms))
        radius, angle = 0.1 + 0.9 * along, 2 * np.pi * (turns * along + k / arms)
        curves.append(np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]))
    return scatter(curves, noise, seed)


def xor() -> Points:
    """The gate that is 1 where its inputs differ: one neuron cannot learn it, two layers can.

    >>> X, y = xor()
    >>> X.tolist(), y.tolist()
    ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])
    """
    return gate(0, 1, 1, 0)


def and_() -> Points:
    """The gate that is 1 where both inputs are: one neuron learns it.

    >>> and_()[1].tolist()
    [0, 0, 0, 1]
    """
    return gate(0, 0, 0, 1)


def or_() -> Points:
    """The gate that is 1 where an input is: one neuron learns it.

    >>> or_()[1].tolist()
    [0, 1, 1, 1]
    """
    return gate(0, 1, 1, 1)


def digits() -> Points:
    """1,797 handwritten digits of 8 x 8 pixels, bundled: no network is needed.

    E. Alpaydin and C. Kaynak, 1998 (UCI, test part), in the order of scikit-learn's `load_digits`.
    Pixels are integers from 0 to 16, divided by 16: from 0 (paper) to 1 (ink), row by row.

    >>> X, y = digits()
    >>> X.shape, y[:10].tolist(), float(X.max())
    ((1797, 64), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 1.0)
    """
    table = np.loadtxt(DATASETS / "digits_8x8.csv.gz", delimiter=",", dtype=np.int64)
    return table[:, :-1] / 16, table[:, -1].copy()


def names() -> list[str]:
    """4,000 first names of the United States in 2018, bundled: a to z, the most frequent first.

    >>> names()[:5], max(map(len, names()))
    (['emma', 'liam', 'olivia', 'noah', 'ava'], 11)
    """
    lines: list[str] = np.loadtxt(DATASETS / "names.txt.gz", dtype=str).tolist()
    return lines


def batches(
    X: ArrayLike, y: ArrayLike, size: int = 32, *, shuffle: bool = True, seed: Seed = None
) -> Iterator[Pair]:
    """One pass over the data in mini-batches, the last of which may be short.

    Args:
        X: The examples, one per row.
        y: Their labels.
        size: Rows per batch; more than there are means all of them in one.
        shuffle: Whether the rows come in random order, or as they stand.
        seed: Fixes the order. `seed=(seed, epoch)` gives each epoch an order of its own that does
            not depend on the epochs before it, so that a resumed run goes on as if uninterrupted.

    Raises:
        ValueError: at once, not at the first batch: for empty data, lengths that differ, size < 1.

    >>> X, y = xor()
    >>> [labels.tolist() for _, labels in batches(X, y, size=3, shuffle=False)]
    [[0, 1, 1], [0]]
    """
    X, y = paired(X, y)
    size = require_whole("size", size, least=1)
    order = chance(seed).permutation(len(X)) if shuffle else np.arange(len(X))
    starts = range(0, len(X), size)
    return ((X[order[i : i + size]], y[order[i : i + size]]) for i in starts)


def split(
    X: ArrayLike, y: ArrayLike, validation: float = 0.1, *, seed: int | None = None
) -> tuple[Pair, Pair]:
    """Set some rows aside at random, to see how a network does on what it was not trained on.

    Classes play no part in the draw: in small data their shares may differ on the two sides.

    Args:
        X: The examples, one per row.
        y: Their labels.
        validation: An int is how many rows are set aside, a float what part of them.
        seed: Fixes which.

    Returns:
        Two pairs, (X, y) to train on and (X, y) to validate with, both in random order.

    Raises:
        ValueError: if one of the two would be empty, or the data are, or their lengths differ.

    >>> X, y = moons(100, seed=0)
    >>> (X_train, y_train), (X_validation, y_validation) = split(X, y, validation=0.2, seed=0)
    >>> len(y_train), len(y_validation)
    (80, 20)
    """
    X, y = paired(X, y)
    rows = len(X)
    if isinstance(validation, float | np.floating):
        aside = max(1, round(validation * rows)) if 0 < validation < 1 else 0
    else:
        aside = require_whole("validation", validation, least=1)
    if not 0 < aside < rows:
        raise ValueError(
            f"validation={validation!r} of {rows} rows does not leave both sides some: give a part "
            "between 0 and 1 such as 0.1, or a number of rows, fewer than there are"
        )
    order = chance(seed).permutation(rows)
    held, kept = order[:aside], order[aside:]
    return (X[kept], y[kept]), (X[held], y[held])


def scatter(groups: list[NDArray[np.float64]], noise: float, seed: int | None) -> Points:
    """Points, group by group, as classes in random order, with noise."""
    if not 0 <= noise < math.inf:
        raise ValueError(
            f"noise is a standard deviation, a finite number >= 0 such as 0.1, and not {noise!r}"
        )
    X = np.concatenate(groups)
    y = np.repeat(np.arange(len(groups), dtype=np.int64), [len(group) for group in groups])
    random = chance(seed)
    order = np.arange(len(X))
    random.shuffle(order)  # before the noise is drawn, as scikit-learn does
    return X[order] + random.normal(scale=noise, size=X.shape), y[order]


def gate(*outputs: int) -> Points:
    """A logical function of two inputs: its output for 00, 01, 10, 11."""
    return np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array(outputs, np.int64)


def chance(seed: Seed) -> np.random.RandomState:
    """A source of random numbers: by the seed, or NumPy's global one."""
    if seed is None:
        return cast(np.random.RandomState, np.random)  # a module with the same functions
    parts = list(seed) if isinstance(seed, Sequence) else [seed]
    checked = [require_whole("seed", part, least=0) for part in parts]
    if not checked or max(checked) >= 2**32:
        raise ValueError(f"seed must be an integer below 2**32, or several, and not {seed!r}")
    return np.random.RandomState(checked if isinstance(seed, Sequence) else checked[0])


def paired(X: ArrayLike, y: ArrayLike, names: tuple[str, str] = ("X", "y")) -> Pair:
    """Examples and labels as arrays, once it is sure that each has the other."""
    X, y = np.asarray(X), np.asarray(y)
    first, second = names
    if X.ndim == 0 or y.ndim == 0:
        raise ValueError(f"{first} and {second} must have a row per example, and not be one number")
    if len(X) != len(y):
        raise ValueError(
            f"{first} has {len(X)} rows and {second} has {len(y)}: every row needs its label"
        )
    if len(X) == 0:
        raise ValueError(f"{first} and {second} are empty: there is nothing to learn from")
    return X, y
