"""moons: can a small network tell two half moons apart, as in micrograd's notebook?

A 2-16-16-1 network of relu neurons learns from 100 points, in 100 steps on all of them, by the
hinge loss and a little weight decay. Points, weights and steps are those of the notebook, so that
its numbers come out to the last digit. It draws the decision boundary as it develops, beside the
loss.

Command: chainrule moons
Expect: a loss from 0.896 down to 0.011, and all 100 points on the right side after 70 steps.
Source: A. Karpathy, micrograd, demo.ipynb, 2020.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from demos.parts.report import compare, options, save_figure
from nn import MLP, SGD, hinge, l2, moons
from nn.boundaries import development, snapshot

NOTEBOOK = {
    "loss before the first step": (0, "0.8958441028683222"),
    "loss before the last step": (99, "0.010978370135492717"),
}
STEPS = 100
SNAPSHOTS = (0, 5, 20, 50)  # and after the last step


def main(argv: Sequence[str] | None = None) -> None:
    """Train by hand, compare, and draw."""
    chosen = options(__doc__, argv, seed=1337)
    random.seed(chosen.seed)
    X, y = moons(100, noise=0.1, seed=chosen.seed)
    signs = [1 if label else -1 for label in y]
    model = MLP(2, [16, 16, 1])
    optimizer = SGD(model.parameters(), lr=1.0)
    print(f"{model}, on {len(X)} points\n")

    losses, seen = [], []
    for step in range(STEPS):
        if step in SNAPSHOTS:
            seen.append(snapshot(model, X, f"before step {step + 1}"))
        outputs = [model(x) for x in X]
        loss = sum(hinge(output, sign) for output, sign in zip(outputs, signs, strict=True))
        loss = loss / len(X) + l2(model.parameters(), 2e-4)
        optimizer.zero_grad()
        loss.backward()
        optimizer.lr = 1.0 - 0.9 * step / STEPS
        optimizer.step()

        losses.append(loss.data)
        right = sum(output * sign > 0 for output, sign in zip(outputs, signs, strict=True))
        if step % 10 == 0 or step == STEPS - 1:
            print(f"  step {step:2}   loss {loss.data:.4f}   {right} of {len(X)} right")
    seen.append(snapshot(model, X, f"after step {STEPS}"))

    if chosen.seed == 1337:
        print("\nThe notebook's numbers and ours\n")
        rows = [(name, printed, losses[step]) for name, (step, printed) in NOTEBOOK.items()]
        print(compare([*rows, ("points on the right side", "100", float(right))]))
    save_figure(development(X, y, seen, {"loss": losses}), chosen.out, "moons")


if __name__ == "__main__":
    main()
