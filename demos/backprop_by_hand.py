"""backprop_by_hand: what does one step of gradient descent do to a 2-2-2 network, number by number?

The step-by-step example: two inputs, two hidden and two output neurons with sigmoids, half the
squared error. Every figure that the lecture prints stands beside the computed one. Then the
lecture's slip: after the first step it goes on layer by layer, with output weights that are
already changed when the hidden gradients are computed. That is not a step along the gradient, and
it ends at other numbers. Both are run for 10,000 steps.

Command: chainrule backprop_by_hand
Expect: an error of 0.298371, and of 0.291028 after the step. After 10,000 it is 0.0000350848 layer
by layer, and 0.0000351019 along the gradient.
Source: M. Mazur, A Step by Step Backpropagation Example, 2015, as the lecture's slides use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from demos.parts import printed_by_hand
from demos.parts.report import compare, options, save, table
from engine import Drawing, Value, dot, draw, no_grad

INPUTS, TARGETS, RATE = (0.05, 0.10), (0.01, 0.99), 0.5
WEIGHTS = (0.15, 0.20, 0.25, 0.30, 0.40, 0.45, 0.50, 0.55)
B1, B2 = 0.35, 0.60  # the example does not train its biases
STEPS = 10_000


class Pass(NamedTuple):
    """The nodes of one forward pass: weighted sums (net), activations (out), and the errors."""

    net_h: list[Value]
    out_h: list[Value]
    net_o: list[Value]
    out_o: list[Value]
    errors: list[Value]
    error: Value


def network(weights: Sequence[Value]) -> Pass:
    """h1 takes w1 and w2, h2 takes w3 and w4, o1 takes w5 and w6, o2 takes w7 and w8."""
    w1, w2, w3, w4, w5, w6, w7, w8 = weights
    net_h = [dot([w1, w2], INPUTS, B1), dot([w3, w4], INPUTS, B1)]
    out_h = [net.sigmoid() for net in net_h]
    net_o = [dot([w5, w6], out_h, B2), dot([w7, w8], out_h, B2)]
    out_o = [net.sigmoid() for net in net_o]
    errors = [(target - out) ** 2 / 2 for target, out in zip(TARGETS, out_o, strict=True)]
    return Pass(net_h, out_h, net_o, out_o, errors, errors[0] + errors[1])


def gradient_descent(weights: Sequence[Value]) -> None:
    """One step: all gradients first, then all weights."""
    for weight in weights:
        weight.zero_grad()
    network(weights).error.backward()
    for weight in weights:
        weight.data -= RATE * weight.grad


def layer_by_layer(weights: Sequence[Value]) -> None:
    """What the lecture does: its hidden gradients come through output weights already changed."""
    hidden, output = weights[:4], weights[4:]
    for weight in weights:
        weight.zero_grad()
    before = network(weights)
    before.error.backward()
    for weight in output:
        weight.data -= RATE * weight.grad
    for weight in hidden:
        weight.zero_grad()
    changed = network(weights)
    for net, old in zip(changed.net_o, before.net_o, strict=True):
        net.backward(old.grad)  # the old errors, sent back through the new weights
    for weight in hidden:
        weight.data -= RATE * weight.grad


def main(argv: Sequence[str] | None = None) -> None:
    """Compare the printed step, draw the network, and run both ways to update."""
    chosen = options(__doc__, argv)
    weights = [Value(weight, f"w{k}") for k, weight in enumerate(WEIGHTS, start=1)]
    first = network(weights)
    first.error.backward()
    print("One step, number by number\n")
    print(compare(printed_by_hand.forward(first) + printed_by_hand.backward(first, weights)))
    save(picture(first), chosen.out, "backprop_by_hand")
    gradient_descent(weights)
    print("\nThe weights after it: each w - 0.5 dE/dw, with all gradients at the old weights\n")
    print(compare(printed_by_hand.updated(weights)))
    print(f"\nWhat came after: layer by layer, as printed, is not gradient descent\n\n{updates()}")
    print(
        "\nLayer by layer, hidden gradients come through output weights that have moved already;\n"
        "they are derivatives of no function at one point. All gradients first, then all updates,\n"
        "is a step along the gradient. (The lecture prints the error after 10,000 steps as\n"
        "0.0000351085, a digit too many; and one slide labels the outputs' bias b1: it is b2.)"
    )


def picture(step: Pass) -> Drawing:
    """The whole graph with its gradients, the nodes called as in the lecture."""
    for name, nodes in zip(("net_h", "out_h", "net_o", "out_o", "E_o"), step[:5], strict=True):
        for k, node in enumerate(nodes, start=1):
            node.label = f"{name}{k}"
    step.error.label = "E"
    return draw(step.error)


def updates() -> str:
    """The error and the outputs after one step and after 10,000, in both ways of working."""
    printed = ["0.291027924", "0.0000351085", "0.015912196", "0.984065734"]
    columns = []
    for update in (layer_by_layer, gradient_descent):
        weights = [Value(weight) for weight in WEIGHTS]
        update(weights)
        with no_grad():
            after_one = network(weights).error.data
        for _ in range(STEPS - 1):
            update(weights)
        with no_grad():
            end = network(weights)
        columns.append([after_one, end.error.data, end.out_o[0].data, end.out_o[1].data])
    names = ["E after 1 step", "E after 10,000 steps", "out_o1 after 10,000", "out_o2 after 10,000"]
    headers = ["", "printed", "layer by layer", "gradient descent"]
    digits = [[f"{number:.10f}" for number in column] for column in columns]
    return table(headers, list(zip(names, printed, *digits, strict=True)))


if __name__ == "__main__":
    main()
