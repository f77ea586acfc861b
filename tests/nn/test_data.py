"""Points, gates and digits are what they say; mini-batches and splits lose no row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nn.data import and_, batches, circles, digits, moons, or_, spirals, split, xor

# From scikit-learn's make_moons(100, noise=0.1, random_state=1337), as in micrograd's notebook.
MICROGRAD = {
    0: (1.1221146075409685, 0.08147717341718697),
    1: (-0.8188294130836691, 0.058790063907949996),
    50: (-0.9416269141193683, 0.16801857627931402),
    99: (0.12108297264758441, 1.0655522522437006),
}
MICROGRAD_CLASSES = [0, 0, 1, 0, 1, 1, 1, 1, 1, 0, 1, 0, 0, 1, 0, 0, 1, 1, 0, 0]  # the first 20
# From make_circles(50, noise=0.05, factor=0.5, random_state=3).
CIRCLES = {
    0: (-0.923626210555315, 0.10475334923804694),
    25: (0.2741806629850693, 0.9970128201893863),
    49: (-0.1610555722783467, -0.3772760418119197),
}


def test_moons_are_those_of_micrograds_notebook() -> None:
    X, y = moons(100, noise=0.1, seed=1337)
    for row, point in MICROGRAD.items():
        assert X[row] == pytest.approx(point, abs=1e-14)
    assert y[:20].tolist() == MICROGRAD_CLASSES


def test_without_a_seed_numpys_global_state_decides() -> None:
    state = np.random.get_state()
    try:
        np.random.seed(1337)
        X, _ = moons(100, noise=0.1)
    finally:
        np.random.set_state(state)
    assert np.array_equal(X, moons(100, noise=0.1, seed=1337)[0])


def test_circles_are_those_of_scikit_learn() -> None:
    X, y = circles(50, noise=0.05, seed=3)
    for row, point in CIRCLES.items():
        assert X[row] == pytest.approx(point, abs=1e-14)
    assert y[[0, 25, 49]].tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("count", "noise", "seed"), [(2, 0.0, 0), (3, 0.1, 1), (100, 0.1, 1337), (501, 0.3, 42)]
)
def test_every_point_equals_scikit_learns(count: int, noise: float, seed: int) -> None:
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    X, y = moons(count, noise, seed)
    theirs = datasets.make_moons(count, noise=noise, random_state=seed)
    assert np.array_equal(X, theirs[0])
    assert np.array_equal(y, theirs[1])
    X, y = circles(count, noise, 0.8, seed)
    theirs = datasets.make_circles(count, noise=noise, random_state=seed)
    assert np.array_equal(X, theirs[0])
    assert np.array_equal(y, theirs[1])


def test_moons_without_noise_lie_on_their_half_circles() -> None:
    X, y = moons(11, noise=0, seed=0)
    assert np.bincount(y).tolist() == [5, 6]
    middle = np.where(y == 0, 0.0, 1.0), np.where(y == 0, 0.0, 0.5)
    assert np.hypot(X[:, 0] - middle[0], X[:, 1] - middle[1]) == pytest.approx(np.ones(11))
    assert (X[y == 0, 1] >= 0).all()
    assert (X[y == 1, 1] <= 0.5).all()


def test_circles_without_noise_have_their_radii() -> None:
    X, y = circles(21, noise=0.0, factor=0.3, seed=0)
    assert np.hypot(*X.T) == pytest.approx(np.where(y == 0, 1.0, 0.3))


def test_spirals_wind_outward_and_arms_are_turned_copies() -> None:
    X, y = spirals(60, noise=0.0, arms=3, turns=1.5, seed=0)
    assert np.bincount(y).tolist() == [20, 20, 20]
    points = [X[y == k, 0] + 1j * X[y == k, 1] for k in range(3)]
    arms = [points[k][np.argsort(abs(points[k]))] for k in range(3)]
    assert abs(arms[0]) == pytest.approx(np.linspace(0.1, 1, 20))
    angles = np.unwrap(np.angle(arms[0]))
    assert angles[-1] - angles[0] == pytest.approx(1.5 * 2 * np.pi)
    assert (np.diff(angles) > 0).all()
    for k in (1, 2):
        assert arms[k] == pytest.approx(arms[0] * np.exp(2j * np.pi * k / 3))


def test_rows_that_are_left_over_go_to_the_first_arms() -> None:
    assert np.bincount(spirals(8, arms=3, seed=0)[1]).tolist() == [3, 3, 2]


@pytest.mark.parametrize("make", [moons, circles, spirals])
def test_a_seed_repeats_and_another_does_not(make: Any) -> None:
    X, y = make(50, noise=0.1, seed=5)
    assert X.dtype == np.float64
    assert y.dtype == np.int64
    assert X.shape == (50, 2)
    again, other = make(50, noise=0.1, seed=np.int64(5)), make(50, noise=0.1, seed=6)
    assert np.array_equal(X, again[0])
    assert np.array_equal(y, again[1])
    assert not np.array_equal(X, other[0])
    assert y.tolist() != sorted(y)


@pytest.mark.parametrize("make", [moons, circles, spirals])
def test_noise_has_the_deviation_that_was_asked_for(make: Any) -> None:
    exact, noisy = make(4000, noise=0.0, seed=1)[0], make(4000, noise=0.2, seed=1)[0]
    assert (noisy - exact).std() == pytest.approx(0.2, rel=0.03)
    assert (noisy - exact).mean() == pytest.approx(0.0, abs=0.01)


def test_gates() -> None:
    for gate, table in ((xor, "0110"), (and_, "0001"), (or_, "0111")):
        X, y = gate()
        assert [f"{int(a)}{int(b)}" for a, b in X] == ["00", "01", "10", "11"]
        assert "".join(map(str, y)) == table
        assert X.dtype == np.float64
        assert y.dtype == np.int64


def test_gates_are_new_arrays_every_time() -> None:
    xor()[0][0, 0] = 9.0
    assert xor()[0][0, 0] == 0.0


def test_digits() -> None:
    X, y = digits()
    assert X.shape == (1797, 64)
    assert (X.min(), X.max()) == (0.0, 1.0)
    assert (X * 16 % 1 == 0).all()
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    first = ["  5d91  ", "  dfaf5 ", " 3f2 b8 ", " 4c  88 ", " 58  98 ", " 4b 1c7 "]
    shown = ["".join(f"{int(16 * p):x}" if p else " " for p in row) for row in X[0].reshape(8, 8)]
    assert shown[:6] == first
    assert X.dtype == np.float64
    assert y.dtype == np.int64


def test_digits_are_those_of_scikit_learn() -> None:
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    X, y = digits()
    theirs = datasets.load_digits()
    assert np.array_equal(X * 16, theirs.data)
    assert np.array_equal(y, theirs.target)


@pytest.mark.parametrize(
    ("size", "lengths"), [(4, [4, 4, 2]), (5, [5, 5]), (99, [10]), (1, [1] * 10)]
)
@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_hold_each_row_once_with_its_label(
    size: int, lengths: list[int], shuffle: bool
) -> None:
    X, y = np.arange(30).reshape(10, 3), np.arange(10) * 3
    parts = list(batches(X, y, size, shuffle=shuffle, seed=3))
    assert [len(rows) for rows, _ in parts] == lengths
    for rows, labels in parts:
        assert (rows[:, 0] == labels).all()
    order = [int(label) for _, part in parts for label in part]
    assert sorted(order) == y.tolist()
    assert (order == y.tolist()) is not shuffle


def drawn(seed: Any) -> list[int]:
    rows = np.arange(100)
    return [int(row) for part, _ in batches(rows, rows, 7, seed=seed) for row in part]


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    orders = [drawn(seed) for seed in (0, 1, (0, 0), (0, 1), (1, 0), (1, 1))]
    assert len({tuple(rows) for rows in orders}) == 6
    assert drawn((1, 0)) == orders[4]
    assert drawn(1) == orders[1]


def test_batches_take_lists_and_leave_the_data_alone() -> None:
    X, y = [[1.0, 2.0], [3.0, 4.0]], ["a", "b"]
    rows, labels = next(batches(X, y, seed=0))
    rows[:] = 0
    assert sorted(labels) == ["a", "b"]
    array = np.ones((3, 2))
    for rows, _ in batches(array, [1, 2, 3], 2, shuffle=False):
        rows[:] = 0
    assert (array == 1).all()


@pytest.mark.parametrize(
    ("validation", "count"), [(0.1, 3), (0.5, 15), (7, 7), (np.int64(1), 1), (0.001, 1), (29, 29)]
)
def test_split_sets_rows_aside(validation: float, count: int) -> None:
    X, y = np.arange(60).reshape(30, 2), np.arange(30) * 2
    (X_train, y_train), (X_aside, y_aside) = split(X, y, validation, seed=0)
    assert len(X_aside) == len(y_aside) == count
    assert (X_train[:, 0] == y_train).all()
    assert (X_aside[:, 0] == y_aside).all()
    assert sorted([*y_train, *y_aside]) == y.tolist()
    again = split(X, y, validation, seed=0)
    assert np.array_equal(again[1][1], y_aside)


def test_split_is_drawn_by_the_seed() -> None:
    rows = np.arange(100)
    assert len({tuple(split(rows, rows, 10, seed=seed)[1][0]) for seed in range(5)}) == 5


BAD: list[tuple[Any, type[Exception], str]] = [
    (lambda: moons(1), ValueError, "count must be a whole number, 2 at least, but got 1"),
    (lambda: moons(-5), ValueError, "count must be a whole number, 2 at least, but got -5"),
    (lambda: moons(10.0), TypeError, "count .* but got 10.0 of type float: write it as an int"),  # type: ignore[arg-type]
    (lambda: circles(True), TypeError, "count must be a whole number, 2 at least, but got True"),
    (lambda: moons(10, noise=-0.1), ValueError, "noise is a standard deviation.* not -0.1"),
    (lambda: moons(10, noise=float("nan")), ValueError, "noise is a standard deviation.* not nan"),
    (lambda: spirals(10, noise=float("inf")), ValueError, "noise is a standard.* not inf"),
    (lambda: circles(10, factor=1.0), ValueError, "1.0 is not inside .* for example 0.5"),
    (lambda: circles(10, factor=-0.5), ValueError, "-0.5 is not inside"),
    (lambda: spirals(2, arms=3), ValueError, "count must be a whole number, 3 at least, but got 2"),
    (lambda: spirals(2, arms=0), ValueError, "arms must be a whole number, 1 at least, but got 0"),
    (lambda: spirals(9, turns=float("nan")), ValueError, "turns must be a finite number"),
    (lambda: moons(10, seed=-1), ValueError, "seed must be a whole number, 0 at least, but got -1"),
    (lambda: moons(10, seed=2**32), ValueError, r"seed must be an integer below 2\*\*32"),
    (lambda: moons(10, seed=1.5), TypeError, "seed must be a whole number"),  # type: ignore[arg-type]
    (lambda: batches([[1]], [1], seed=()), ValueError, "seed must be an integer"),
    (lambda: batches([[1]], [1], seed=(0, -1)), ValueError, "seed must be a whole number, 0 at"),
    (
        lambda: batches([[1]], [1], size=0),
        ValueError,
        "size must be a whole number, 1 at least, but got 0",
    ),
    (lambda: batches([[1], [2]], [1]), ValueError, "X has 2 rows and y has 1: every row needs"),
    (lambda: batches([], []), ValueError, "X and y are empty: there is nothing to learn from"),
    (lambda: batches(1.0, [1]), ValueError, "X and y must have a row per example"),
    (lambda: split([[1], [2]], [1]), ValueError, "X has 2 rows and y has 1"),
    (lambda: split([], []), ValueError, "X and y are empty"),
    (lambda: split([[1]], [1]), ValueError, "validation=0.1 of 1 rows does not leave both sides"),
    (lambda: split([1, 2], [1, 2], 2), ValueError, "validation=2 of 2 rows does not leave both"),
    (lambda: split([1, 2], [1, 2], 1.0), ValueError, "give a part between 0 and 1 such as 0.1"),
    (lambda: split([1, 2], [1, 2], 0.0), ValueError, "give a part between 0 and 1"),
    (
        lambda: split([1, 2], [1, 2], 0),
        ValueError,
        "validation must be a whole number, 1 at least, but got 0",
    ),
    (lambda: split([1, 2], [1, 2], -0.5), ValueError, "validation=-0.5 of 2 rows"),
    (lambda: split([1, 2], [1, 2], True), TypeError, "validation must be a whole number"),
]


@pytest.mark.parametrize(("call", "kind", "words"), BAD, ids=range(len(BAD)))
def test_bad_input_is_refused_with_advice(call: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        call()
