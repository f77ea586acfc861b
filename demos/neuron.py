"""neuron: which way, and how far, should each number move to make one output better?

One neuron of the last layer: w, a_prev and b give z, z gives a, and a with y the cost C0. The
local derivatives of this chain, drawn and multiplied, beside the formulas. Then the three ways to
raise an activation, with their proportions. Then what each of ten outputs wishes of the layer
before; the wishes are added up, and averaged over ten digits. The slips of notes that circulate
stand beside what is right.

Command: chainrule neuron
Expect: no difference between formulas and graph. A weight matters as its input is bright, an input
as its weight is large. Ten examples that disagree leave a small average.
Source: 3Blue1Brown, Neural networks, 2017, chapters 3 and 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from demos.parts import report
from demos.parts.report import BLUE, INK, PALE, RED, note, plain, rounded, table
from engine import Value, dot, draw, sigmoid
from nn import MLP, digits

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INPUTS, WEIGHTS, BIAS = [0.9, 0.1, 0.6, 0.3], [0.7, -1.6, 0.4, 1.2], -0.5
DIGIT = 2  # whose wishes are shown


def main(argv: Sequence[str] | None = None) -> None:
    """The chain, the three ways, the wishes, the slips."""
    chosen = report.options(__doc__, argv, seed=0)
    w, a_prev, b, y = Value(1.5), Value(0.4), Value(-0.2), Value(1.0)
    z, a, C0 = chain(w, a_prev, b, y)  # noqa: N806 - the lecture's name, and the drawing's
    C0.backward()
    s, error = exp(-z.data) / (1 + exp(-z.data)) ** 2, 2 * (a.data - y.data)
    formulas = [
        ("dC0/dw = a_prev s 2(a - y)", a_prev.data * s * error, w.grad),
        ("dC0/db = s 2(a - y)", s * error, b.grad),
        ("dC0/da_prev = w s 2(a - y)", w.data * s * error, a_prev.grad),
    ]
    print("The chain w, a_prev, b -> z -> a -> C0, with s = sigmoid'(z)\n")
    beside = [(name, rule, graph, f"{graph - rule:+.1e}") for name, rule, graph in formulas]
    print(table(["", "formula", "graph", "difference"], beside))
    report.save(draw(C0), chosen.out, "neuron")

    weights, inputs, bias = raised()
    print(f"\nThree ways to raise a neuron's activation. Its bias: da/db = {bias.grad:.4f}.")
    print("Its weights, in proportion to the inputs; the inputs, in proportion to the weights\n")
    pairs = [[w.grad, x.data, x.grad, w.data] for w, x in zip(weights, inputs, strict=True)]
    rows = [rounded([dw, x, dw / x, dx, w, dx / w]) for dw, x, dx, w in pairs]
    print(table(["da/dw", "input", "ratio", "da/dinput", "weight", "ratio"], rows))
    report.save_figure(three_ways(pairs, bias.grad), chosen.out, "neuron_ways")

    X, labels = digits()  # of which the first ten are 0 to 9
    model = MLP(64, [16, 10], "sigmoid", "sigmoid", init="nielsen", seed=chosen.seed)
    moves = np.array([nudges(model, X[k], labels[k]) for k in range(10)])
    shown = picture(X[DIGIT], wishes(model, X[DIGIT], DIGIT), moves)
    report.save_figure(shown, chosen.out, "neuron_wishes")

    biases = -moves[:, -1]
    steps = [[w.data + h * w.grad, a_prev.data, b.data + h * b.grad, 1.0] for h in (0.5, -0.5)]
    slips = [
        ("sigmoid(z) = 1/(1 + e^z): that is of -z", 1 / (1 + exp(z.data)), a.data),
        ("dC0/dw = 2(a - y): that is dC0/da", error, w.grad),
        ("mean of ten dC_k/db, k from 1: without 0", biases[1:].sum() / 10, biases.mean()),
        (f"C0 of {C0.data:.4f} a step along the gradient", *(chain(*at)[2] for at in steps)),
    ]
    print("\nSlips of notes that circulate\n")
    print(table(["", "slip", "right"], [[name, *rounded(numbers)] for name, *numbers in slips]))


def chain(w: Any, a_prev: Any, b: Any, y: Any) -> tuple[Any, Any, Any]:
    """The weighted sum z, the activation a and the cost C0 of a neuron with one input."""
    z = w * a_prev + b
    a = sigmoid(z)
    return z, a, (a - y) ** 2


def raised() -> tuple[list[Value], list[Value], Value]:
    """Weights, inputs and bias of a neuron, with the gradients of its activation."""
    weights, inputs = [Value(each) for each in WEIGHTS], [Value(each) for each in INPUTS]
    bias = Value(BIAS)
    dot(weights, inputs, bias).sigmoid().backward()
    return weights, inputs, bias


def wishes(model: MLP, image: Any, digit: int) -> NDArray[np.float64]:
    """How each output wants each hidden activation to move: a row of - dC/da for each output."""
    first, last = model.layers
    hidden = first(image)
    rows = []
    for k, a in enumerate(last(hidden)):
        ((a - float(k == digit)) ** 2).backward()  # for this output alone
        rows.append([-each.grad for each in hidden])
    return np.array(rows)


def nudges(model: MLP, image: Any, digit: int) -> list[float]:
    """How an example wants weights and bias of the output DIGIT to move: - dC/dw and - dC/db."""
    (z,) = (output := model(image)[DIGIT]).inputs
    ((output - float(digit == DIGIT)) ** 2).backward()
    return [-z.grad * local for local in (*z.local_derivatives[:16], 1.0)]


def three_ways(pairs: Sequence[Sequence[float]], slope: float) -> Figure:
    """All derivatives of the activation over what they are in proportion to: one line."""
    figure = report.canvas(8, 4.8)
    axes = plain(figure.subplots(), "three ways to raise an activation a, and how much each helps")
    axes.plot([-1.8, 1.5], [-1.8 * slope, 1.5 * slope], color=PALE, lw=6, zorder=0)
    for k, (dw, x, dx, w) in enumerate(pairs, start=1):
        axes.plot(x, dw, "o", color=RED, ms=8)
        axes.plot(w, dx, "s", color=BLUE, ms=8)
        note(axes, f"w{k}", (x, dw), (-4, 9), color=RED, ha="right")
        note(axes, f"input {k}", (w, dx), (7, -11), color=BLUE)
    axes.plot(1, slope, "D", color=INK, ms=8)
    note(axes, "bias", (1, slope), (7, -11))
    axes.set(xlabel="the input of a weight · the weight of an input · 1 for the bias")
    axes.set_ylabel("derivative of a")
    return figure


def picture(image: Any, wanted: Any, moves: Any) -> Figure:
    """The wishes for the layer before, added up; those for the last layer's weights, averaged."""
    figure = report.canvas(12, 5)
    left, middle, right = figure.subplots(1, 3, width_ratios=[1, 3.4, 2.4])
    left.imshow(image.reshape(8, 8), cmap="Greys")
    plain(left, f"for this {DIGIT}").set_axis_off()
    wishes = np.insert(np.vstack([wanted, wanted.sum(axis=0)]), 10, np.nan, axis=0)
    plain(middle, "each output wishes hidden activations up (red) or down (blue)")
    middle.set(xticks=[], xlabel="16 hidden neurons", yticks=[*range(10), 11])
    middle.set(yticklabels=[*map(str, range(10)), "added up"])
    means = np.insert(np.column_stack([moves.T, moves.mean(axis=0)]), 10, np.nan, axis=1)
    plain(right, f"each digit's wish for output {DIGIT}", yticks=[], ylabel="bias, 16 weights")
    right.set(xticks=[*range(10), 11], xticklabels=[*map(str, range(10)), "mean"])
    for axes, grid in ((middle, wishes), (right, means)):
        limit = np.nanmax(np.abs(grid))
        axes.imshow(grid, cmap=report.shades(), vmin=-limit, vmax=limit, aspect="auto")
        axes.spines[:].set_visible(False)
    return figure


if __name__ == "__main__":
    main()
