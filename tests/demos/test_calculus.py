"""The demos of derivatives: Newton's method, gradient checking, topological order."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest

from demos import gradient_check, newton, why_order
from engine import Value
from engine.rules import TABLE

from .checks import Run

# --- newton ---


def test_newton_doubles_the_digits_and_is_far_quicker(run: Run) -> None:
    said, _ = run("newton")
    counts = re.search(
        r"^To within 0\.000001 of the bottom: (\d+) steps beside ([\d,]+)$", said, re.M
    )
    assert counts is not None
    start = [float(x) for x in re.findall(r"^0 +(\S+) +(\S+)", said, re.M)[0]]
    walks = {}
    for step, shown in zip((newton.newton_step, newton.descent_step), counts.groups(), strict=True):
        path = walks[step] = newton.walk(newton.valley, step, start)
        far = [newton.distance(at) for at in path]
        assert f"{len(path) - 1:,}" == shown
        assert far[-1] <= newton.CLOSE < far[-2]  # both stop at the same distance
    quick = [newton.distance(at) for at in walks[newton.newton_step]]
    assert len(quick) < 10 < 2000 < len(walks[newton.descent_step])
    for before, after in pairwise(quick[3:]):
        assert after < 2 * before**1.5  # before ** 2 but for a factor
    steps = re.findall(r"^(\d+) .* bowl$", said, re.M)
    assert [*map(int, steps)] == [*range(len(quick))]


def test_newtons_counts_are_told_right(run: Run) -> None:
    quick, slow = re.findall(r"(\S+) steps beside (\S+)$", run("newton")[0], re.M)[0]
    doc = " ".join(str(newton.__doc__).split())
    assert f"{quick} steps of Newton's" in doc
    assert f"and {slow} of gradient descent" in doc
    readme = Path(__file__).resolve().parents[2] / "README.md"
    told = f"{quick} steps where gradient descent takes {slow} |"
    assert told in readme.read_text(encoding="utf-8")


@pytest.mark.parametrize("seed", ["1", "2"])
def test_another_seed_is_another_start(seed: str, run: Run) -> None:
    first, other = (
        said.partition("\n")[0] for said, _ in (run("newton"), run("newton", "--seed", seed))
    )
    assert first != other


def test_newtons_first_step_by_hand() -> None:
    x, y = start = [-0.5, -1.0]
    slope = np.array([-2 * (1 - x) - 40 * x * (y - x**2), 20 * (y - x**2)])
    curve = np.array([[2 - 40 * y + 120 * x**2, -40 * x], [-40 * x, 20]])
    step = newton.newton_step(newton.valley, start)
    assert curve @ step == pytest.approx(-slope)
    down = newton.descent_step(newton.valley, start)
    assert down == pytest.approx(-newton.RATE * slope)


def test_newton_is_content_with_a_saddle(run: Run) -> None:
    said, _ = run("newton")
    assert re.search(r"^Newton's method +-?0\.0000 +-?0\.0000 +0\.0000$", said, re.M)
    assert re.search(r"^gradient descent +0\.7071 +0\.0000 +-0\.2500$", said, re.M)


# --- gradient_check ---


def test_the_planted_slip_is_named_and_nothing_else(run: Run) -> None:
    said, _ = run("gradient_check")
    assert said.count("the primitive swish is wrong") == 2
    assert said.count("is wrong: at") == 2
    right, wrong = map(float, re.findall(r"^relative norm .* = (\S+)$", said, re.M)[1:])
    assert right < 1e-8
    assert 1e-2 < wrong < 1
    assert "swish" not in TABLE


def test_the_network_agrees_with_differences_and_with_numpy(run: Run) -> None:
    rows = re.findall(r"^dloss/d(W\d\S*) +(\S+) +(\S+)$", run("gradient_check")[0], re.M)
    assert len(rows) == 9
    with gradient_check.registered(gradient_check.row(slip=False)) as swish:
        network = gradient_check.Network(swish, Random(1))
    first = np.array([[w.data for w in ws] for ws in network.hidden])
    last = np.array([w.data for w in network.last])
    z = np.array(gradient_check.X) @ first.T
    s = 1 / (1 + np.exp(-z))
    error = (z * s) @ last - gradient_check.Y
    slope = s + z * s * (1 - s)
    by_hand = np.append(
        (error[:, None] * last * slope).T @ np.array(gradient_check.X) / 3, error @ (z * s) / 3
    )
    assert [float(row[1]) for row in rows] == pytest.approx(by_hand, rel=1e-8)
    assert [float(row[2]) for row in rows] == pytest.approx(by_hand, rel=1e-8)


def test_each_quotient_has_its_best_step() -> None:
    best = [gradient_check.STEPS[error.argmin()] for error in gradient_check.errors().values()]
    least = [error.min() for error in gradient_check.errors().values()]
    assert 1e-9 < best[0] < 1e-6 < best[1] < 1e-4 < best[2] < 1e-1
    assert least[0] > least[1] > least[2]


# --- why_order ---


def test_only_haste_is_wrong_and_only_the_order_is_fast() -> None:
    for depth in range(1, 9):
        node = leaf = Value(1.0)
        for _ in range(depth):
            node = node + node
        steps: dict[str, list[why_order.Step]] = {name: [] for name in why_order.WAYS}
        found = {name: way(node, steps[name])[id(leaf)] for name, way in why_order.WAYS.items()}
        node.backward()
        assert found["every path"] == found["in order"] == leaf.grad == 2**depth
        assert (found["hurried"] == 2**depth) == (depth == 1)
        assert len(steps["in order"]) == 2 * depth
        assert len(steps["every path"]) == len(steps["hurried"]) == 2 ** (depth + 1) - 2


def test_the_ways_through_the_small_graph(run: Run) -> None:
    said, folder = run("why_order")
    for line in ("hurried: dc/da = 6", "every path: dc/da = 4", "in order: dc/da = 4"):
        assert line in said
    words = re.findall(r">([^<>\n]+)</text>", (folder / "why_order_graph.svg").read_text("utf-8"))
    assert {"a", "b", "c", "= 2 + 2", "= 1 + 1"} <= {word.strip() for word in words}
