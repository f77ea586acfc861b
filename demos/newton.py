"""newton: what does the second derivative know that the first one does not?

How far to go. Gradient descent feels the slope, and takes a small step down it. Newton's method
also feels how the slope changes, by the Hessian; it fits a bowl to the surface, and goes to the
bottom of that. Both walk down one bent valley from the same place. Then a warning, on a surface
with a saddle: Newton looks for a slope of 0, and there one is.

Command: chainrule newton
Expect: to within a millionth of the bottom 6 steps of Newton's, the last of which double the digits
that are right, and 2,844 of gradient descent. From beside the saddle, one ends on it and the other
in a minimum.
Source: J. Raphson, Analysis aequationum universalis, 1690; H. H. Rosenbrock, An Automatic Method
for Finding the Greatest or Least Value of a Function, 1960: the valley, here a little wider
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from demos.parts import report
from demos.parts.report import DEPTHS, INK, RED, note, plain, rounded, table
from engine import grad, hessian

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Surface = Callable[[Any], Any]
Walk = NDArray[np.float64]  # a row for the start and for each step: x and y

BOTTOM, RATE = (1.0, 1.0), 0.012
CLOSE, MOST = 1e-6, 5000  # a walk ends so near to the bottom, or after so many steps
BESIDE = (0.3, 0.8)  # the saddle


def valley(at: Any) -> Any:
    """Deepest along y = x^2, and there at x = 1."""
    x, y = at
    return (1 - x) ** 2 + 10 * (y - x**2) ** 2


def saddle(at: Any) -> Any:
    """Two minima of -1/4, and between them a saddle of 0."""
    x, y = at
    return x**4 - x**2 + y**2


def descent_step(f: Surface, at: Sequence[float]) -> Any:
    """A small step down the slope."""
    return -RATE * np.array(grad(f)([*at]))


def newton_step(f: Surface, at: Sequence[float]) -> Any:
    """The step to where the slope would be 0, if the Hessian were the same everywhere."""
    return -np.linalg.solve(hessian(f)([*at]), grad(f)([*at]))


def walk(f: Surface, step: Callable[..., Any], start: Sequence[float], most: int = MOST) -> Walk:
    """Step after step, until the bottom of the valley is close."""
    path = [np.array(start)]
    while len(path) <= most and distance(path[-1]) > CLOSE:
        here = path[-1].tolist()
        path.append(path[-1] + step(f, here))
    return np.array(path)


def distance(at: Any) -> float:
    """How far a point is from the bottom of the valley."""
    return float(np.linalg.norm(at - np.array(BOTTOM)))


def main(argv: Sequence[str] | None = None) -> None:
    """Two walks through the valley, and two beside the saddle."""
    chosen = report.options(__doc__, argv, seed=0)
    chance = Random(chosen.seed)
    start = [round(chance.uniform(*between), 2) for between in ((-0.6, -0.3), (-1.1, -0.8))]
    newton, descent = (walk(valley, step, start) for step in (newton_step, descent_step))
    print(f"The valley (1 - x)^2 + 10 (y - x^2)^2 from {start}, by Newton's method\n")
    rows = []
    for n, at in enumerate(newton):
        (a, b), (_, d) = hessian(valley)(at.tolist())
        bowl = "bowl" if a * d - b * b > 0 < a else "saddle"
        rows.append([str(n), *rounded(at, 6), f"{valley(at):.1e}", f"{distance(at):.0e}", bowl])
    print(table(["step", "x", "y", "height", "to the bottom", "the surface fits a"], rows))
    print(f"\nBy gradient descent, with steps of -{RATE} times the slope\n")
    near = [
        [f"{n:,}", *rounded(descent[n], 6), f"{distance(descent[n]):.0e}"] for n in marks(descent)
    ]
    print(table(["step", "x", "y", "to the bottom"], near))
    counts = len(newton) - 1, len(descent) - 1
    print(f"\nTo within {CLOSE:.6f} of the bottom: {counts[0]} steps beside {counts[1]:,}")

    ends = [walk(saddle, step, BESIDE, 1000)[-1] for step in (newton_step, descent_step)]
    print(f"\nThe surface x^4 - x^2 + y^2 from {BESIDE}, where its slope is 0 in three places\n")
    names = ("Newton's method", "gradient descent")
    found = [[n, *rounded([*at, saddle(at)])] for n, at in zip(names, ends, strict=True)]
    print(table(["", "x", "y", "height"], found))
    print("\nNewton's method stays on the saddle: a slope of 0 is all that it looks for.")
    report.save_figure(picture(newton, descent), chosen.out, "newton")


def marks(path: Walk) -> list[int]:
    """Some steps to print: the powers of ten, and the last."""
    return [0, *(n for n in (1, 10, 100, 1000) if n < len(path) - 1), len(path) - 1]


def picture(newton: Walk, descent: Walk) -> Figure:
    """The map with both walks, and how fast they come to the bottom."""
    figure = report.canvas(12, 5.2)
    left, right = figure.subplots(1, 2, width_ratios=[1.35, 1])
    x, y = np.meshgrid(np.linspace(-1.1, 1.5, 161), np.linspace(-1.6, 1.7, 161))
    height = np.log10(valley((x, y)) + 0.01)
    left.contourf(x, y, height, levels=24, cmap=report.shades(*DEPTHS))
    for path, colour, size in ((descent[::10], RED, 2.5), (newton, INK, 6)):
        left.plot(*path.T, "o-", color=colour, lw=1.5, ms=size)
    note(left, "start", newton[0], (-8, -16), size=13, ha="center")
    note(left, "the bottom", BOTTOM, (-12, 8), size=13, ha="right")
    words = "gradient descent,\nevery tenth step"
    note(left, words, descent[60], (-8, 12), color=RED, size=13, ha="right")
    for n, away in enumerate([(-16, 4), (10, -10), (10, -14)], start=1):
        note(left, str(n), newton[n], away, size=14, weight="bold")
    plain(left, "a valley, and two ways down", xlabel="x", ylabel="y")
    for path, style, colour in ((descent, "-", RED), (newton, "o-", INK)):
        far = [distance(at) for at in path]
        right.plot(range(len(path)), far, style, color=colour, lw=1.8, ms=6)
    last = len(newton) - 2
    note(right, "Newton's method", (last, distance(newton[last])), (12, -4), size=13)
    middle = 300, distance(descent[300])
    note(right, "gradient descent", middle, (-10, -18), color=RED, size=13, ha="right")
    right.set_xscale("symlog", linthresh=1, linscale=0.3)  # so that there is a place for 0
    right.set(yscale="log", ylim=(1e-13, 8), xlim=(-0.2, 1.2 * len(descent)))
    plain(right, "distance to the bottom", xlabel="step")
    return figure


if __name__ == "__main__":
    main()
