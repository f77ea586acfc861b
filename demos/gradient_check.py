"""gradient_check: how would you notice that a derivative is wrong?

Nudge the input, and see how far the output moves: the slope by differences, which knows nothing of
rules. A slip is planted in a primitive; the check finds that the gradient is wrong, looks at each
node by itself, and names the one that is to blame. Then the whole network of Welch Labs, with
the relative norm by which they judge. The picture shows why the step must be chosen well.

Command: chainrule gradient_check
Expect: the report names `swish`, not the rows around it; for the network a norm below 1e-8 where
all is right, and one of some per cent with the slip; a best step near 1e-5 for central quotients.
Source: Welch Labs, Neural Networks Demystified, part 5: Numerical Gradient Checking, 2014
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import cos, exp, sin
from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np

from demos.parts import report
from demos.parts.report import BLUE, FAINT, INK, RED, note, plain, table
from engine import Primitive, Value, dot, register, tanh
from engine.check import gradcheck
from engine.functions import withdraw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

X = [[0.3, 1.0], [0.5, 0.2], [1.0, 0.4]]  # hours of sleep and of study, each over the largest
Y = [0.75, 0.82, 0.93]  # the score in the test, over 100
AT, STEPS = 1.0, 10.0 ** np.arange(-15, 0.01, 0.25)


def row(slip: bool) -> Primitive:
    """x sigmoid(x), whose derivative is sigmoid(x) + y (1 - sigmoid(x)), unless a slip is made."""

    def partial(xp: Any, y: Any, x: Any) -> Any:
        return xp.sigmoid(x) if slip else xp.sigmoid(x) + y * (1 - xp.sigmoid(x))

    return Primitive(
        "swish", "swish", r"#1\,\sigma(#1)", [(-5, 5)], "x sigmoid(x)",
        lambda xp, x: x * xp.sigmoid(x), partial,
    )  # fmt: skip


@contextmanager
def registered(primitive: Primitive) -> Iterator[Callable[..., Any]]:
    """A primitive of one's own, as long as the demo lasts."""
    try:
        yield register(primitive)
    finally:
        withdraw(primitive)


class Network:
    """Two inputs, three hidden neurons, one output: a network is whatever has parameters."""

    def __init__(self, activation: Callable[..., Any], chance: Random) -> None:
        self.activation = activation
        gauss = chance.gauss
        self.hidden = [[Value(gauss(0, 1), f"W1[{j}][{k}]") for k in range(2)] for j in range(3)]
        self.last = [Value(gauss(0, 1), f"W2[{j}]") for j in range(3)]

    def parameters(self) -> list[Value]:
        """The weights, layer by layer."""
        return [w for weights in (*self.hidden, self.last) for w in weights]

    def __call__(self, x: Sequence[float]) -> Any:
        """The score that it expects after so much sleep and study."""
        return dot(self.last, [self.activation(dot(w, x)) for w in self.hidden])


def main(argv: Sequence[str] | None = None) -> None:
    """A function with a planted slip, then a network without and with it, then the steps."""
    chosen = report.options(__doc__, argv, seed=1)
    with registered(row(slip=True)) as swish:
        print("f(x, y) = tanh(swish(x) y) + y^2, where swish has a slip in its derivative:\n")
        print(gradcheck(lambda x, y: tanh(swish(x) * y) + y**2, 0.5, 1.5))

    norms = []
    for slip in (False, True):
        with registered(row(slip)) as swish:
            words = "with the slip" if slip else "with the derivative as it should be"
            print(f"\nA network of 2-3-1 neurons on the hours of sleep and study, {words}:")
            network = Network(swish, Random(chosen.seed))
            found = gradcheck(network, X, Y, lambda output, y: 0.5 * (y - output) ** 2)
            norms.append(found.relative_norm)
            if slip:
                print(*map(str, found.suspects), sep="\n")
            else:
                print(table(["weight", "by the chain rule", "by differences"], [
                    [each.name, each.got, each.expected] for each in found.findings
                ]))  # fmt: skip
    print(f"\nBelow 1e-8 all is well, say Welch Labs: {norms[0]:.0e}, and {norms[1]:.0e}.")
    report.save_figure(picture(), chosen.out, "gradient_check")


def f(x: Any) -> Any:
    """A smooth function, and by hand its derivative: e^sin(x)."""
    return np.exp(np.sin(x))


def errors() -> dict[str, Any]:
    """How far difference quotients are from the derivative, for every step."""
    right = cos(AT) * exp(sin(AT))
    central = (f(AT + STEPS) - f(AT - STEPS)) / (2 * STEPS)
    half = (f(AT + STEPS / 2) - f(AT - STEPS / 2)) / STEPS
    found = {
        "one side: (f(x + h) - f(x)) / h": (f(AT + STEPS) - f(AT)) / STEPS,
        "central: (f(x + h) - f(x - h)) / 2h": central,
        "two central ones, extrapolated": half + (half - central) / 3,
    }
    return {name: np.abs(slope / right - 1) + 1e-17 for name, slope in found.items()}


def picture() -> Figure:
    """The error over the step: rounding to the left, the curve of the function to the right."""
    figure = report.canvas(11, 5.6)
    axes = plain(
        figure.subplots(), "how wrong is a slope by differences?", xscale="log", yscale="log"
    )
    for (name, error), colour in zip(errors().items(), (BLUE, INK, RED), strict=True):
        axes.plot(STEPS, error, "o-", color=colour, lw=1.5, ms=4, label=name)
    axes.axhline(1e-2, color=FAINT, ls="--")
    words = "a derivative that is wrong by 1 % is so for every step"
    note(axes, words, (1e-8, 1e-2), (0, 7), size=12, ha="center")
    note(axes, "rounding", (1e-13, 1e-4), (-30, -40), size=13, color=FAINT)
    note(axes, "the function's curve", (1e-2, 1e-13), (-10, -20), size=13, color=FAINT)
    axes.set_xlabel("step h", fontsize=13)
    axes.set_ylabel("relative error", fontsize=13)
    axes.legend(frameon=False, fontsize=12, loc="lower left")
    axes.set_ylim(1e-17, 30)
    return figure


if __name__ == "__main__":
    main()
