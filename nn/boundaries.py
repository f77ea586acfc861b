"""Pictures of what a network makes of the plane, and of how its decision boundary develops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nn.metrics import outputs
from nn.module import Module
from nn.plots import pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, LOW, HIGH = "#22262e", "#3f5fa8", "#c4401c"  # the colours of the engine's drawings
SHADES: Final = ("#b9c6e4", "#ffffff", "#f2c4b3")  # from one side of the boundary to the other


@dataclass(frozen=True)
class Snapshot:
    """The outputs of a network over a part of the plane, at one time of its training.

    Args:
        title: what it shows.
        horizontal: the first input along the grid, shape (columns,).
        vertical: the second input, shape (rows,).
        outputs: the network's output at each point, shape (rows, columns).
        level: the output on the boundary between the two classes.
    """

    title: str
    horizontal: NDArray[np.float64]
    vertical: NDArray[np.float64]
    outputs: NDArray[np.float64]
    level: float

    def draw(self, axes: Axes, X: ArrayLike, y: ArrayLike) -> None:
        """Both sides of the boundary in their shades, the boundary, and the points."""
        from matplotlib.colors import LinearSegmentedColormap

        above = self.outputs - self.level
        largest = float(np.quantile(np.abs(above), 0.8))  # beyond it the shade is full
        shades = LinearSegmentedColormap.from_list("sides", SHADES)
        limits: dict[str, Any] = {"vmin": -largest or -1.0, "vmax": largest or 1.0}
        axes.pcolormesh(
            self.horizontal,
            self.vertical,
            above,
            cmap=shades,
            shading="gouraud",
            rasterized=True,  # as triangles it would be 50 MB of SVG
            **limits,
        )
        if above.min() < 0 < above.max():
            axes.contour(
                self.horizontal, self.vertical, above, levels=[0.0], colors=INK, linewidths=1.2
            )
        points, labels = np.asarray(X), np.asarray(y)
        size = 22 if len(points) > 20 else 70
        for colour, marker, side in ((LOW, "o", labels <= 0), (HIGH, "s", labels > 0)):
            a, b = points[side].T
            axes.scatter(
                a, b, s=size, color=colour, marker=marker, edgecolors="white", linewidths=0.5
            )
        axes.set_title(self.title, fontsize="medium")
        axes.set(xticks=[], yticks=[], aspect="equal")


def snapshot(
    model: Module,
    X: ArrayLike,
    title: str = "",
    level: float = 0.0,
    margin: float = 0.4,
    steps: int = 50,
) -> Snapshot:
    """Ask a network of two inputs and one output about a grid of points around the data.

    Args:
        model: the network.
        X: points, shape (n, 2), around which the grid is laid.
        title: what the picture will show.
        level: the output on the boundary between the classes: 0, or 0.5 after a sigmoid.
        margin: how far the grid reaches beyond the points.
        steps: points of the grid along the longer side.

    Raises:
        ValueError: if there is no plane to show, for X has not two columns; if the network has
            several outputs.

    >>> from nn import MLP, xor
    >>> X, y = xor()
    >>> snapshot(MLP(2, [1], seed=1), X, steps=3).outputs.shape
    (3, 3)
    """
    points = np.asarray(X, dtype=float)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(
            f"a boundary is drawn in the plane: X needs two columns, but has shape {points.shape}"
        )
    low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
    counts = np.maximum(2, np.rint(steps * (high - low) / (high - low).max()).astype(int))
    horizontal, vertical = (np.linspace(*each) for each in zip(low, high, counts, strict=True))
    grid = outputs(model, [[a, b] for b in vertical for a in horizontal])
    if grid.shape[1] != 1:
        raise ValueError(
            f"a boundary is where the single output of a network is {level:g}, but {model!r} has "
            f"{grid.shape[1]} outputs"
        )
    shape = len(vertical), len(horizontal)
    return Snapshot(title, horizontal, vertical, grid.reshape(shape), level)


def development(
    X: ArrayLike,
    y: ArrayLike,
    snapshots: Sequence[Snapshot],
    losses: Mapping[str, Sequence[Any]],
) -> Figure:
    """Snapshots of a boundary in the order of training, and the losses below them.

    Args:
        X: the points, shape (n, 2).
        y: their classes: 0 or less, or more than 0.
        snapshots: one or more, made by `snapshot`.
        losses: curves by their names, a number per step, or several of one name; on a logarithmic
            scale.

    Returns:
        The figure: `.savefig("boundary.png")` writes it.
    """
    plt = pyplot()
    figure = plt.figure(figsize=(2.5 * len(snapshots), 5.2), layout="constrained")
    grid = figure.add_gridspec(2, len(snapshots), height_ratios=[1.1, 1])
    for k, each in enumerate(snapshots):
        each.draw(figure.add_subplot(grid[0, k]), X, y)
    axes = figure.add_subplot(grid[1, :])
    for (name, values), colour in zip(losses.items(), cycle((HIGH, LOW))):
        together = np.atleast_2d(values).T
        axes.plot(together, color=colour, lw=1.8 if together.shape[1] == 1 else 0.9)
        axes.lines[-1].set_label(name)
    axes.set(xlabel="step", ylabel="loss", yscale="log")
    axes.set_xlim(0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)
    return figure  # type: ignore[no-any-return]
