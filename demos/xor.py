"""xor: why does it take a hidden layer to compute "one or the other, but not both"?

A single neuron draws one straight line through the plane, and no line has (0, 1) and (1, 0) on one
side and (0, 0) and (1, 1) on the other: it is left at a loss of 0.25. With four hidden neurons it
learns, whatever the seed. It draws the decision boundary as it develops, beside the loss of ten
networks and that of the neuron.

Command: chainrule xor
Expect: a loss below 0.01 from ten seeds of ten; 0.25 for the neuron.
Source: M. Minsky, S. Papert, Perceptrons, 1969 (why not); D. Rumelhart, G. Hinton, R. Williams,
Learning representations by back-propagating errors, Nature 323, 1986 (how).
"""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from demos.parts.report import options, save_figure, table
from nn import MLP, Adam, fit, xor
from nn.boundaries import development, snapshot
from nn.optim import Optimizer

STEPS = 200  # each with all four rows, so that it is an epoch, too
RUNS = 10
SNAPSHOTS = (0, 20, 50, STEPS)


def main(argv: Sequence[str] | None = None) -> None:
    """Train one neuron and ten networks, compare, and draw."""
    chosen = options(__doc__, argv, seed=0)
    X, y = xor()
    neuron = MLP(2, [1], output="sigmoid", seed=chosen.seed)
    alone = learn(neuron, X, y, STEPS, Adam(neuron.parameters(), lr=0.1))
    networks = []
    seen = [snapshot(neuron, X, "one neuron", level=0.5)]

    for seed in range(chosen.seed, chosen.seed + RUNS):
        model = MLP(2, [4, 1], activation="tanh", output="sigmoid", seed=seed)
        optimizer = Adam(model.parameters(), lr=0.1)
        losses: list[float] = []
        for start, end in zip((0, *SNAPSHOTS), SNAPSHOTS, strict=False):
            losses += learn(model, X, y, end - start, optimizer)
            if seed == chosen.seed:
                title = f"four hidden neurons, step {end}"
                seen.append(snapshot(model, X, title, level=0.5))
        networks.append(losses)

    print(f"{neuron}, and ten times {model}; squared error, Adam, {STEPS} steps\n")
    rows = [["one neuron", alone[0], alone[-1]]]
    rows += [[f"2-4-1, seed {chosen.seed + k}", c[0], c[-1]] for k, c in enumerate(networks)]
    print(table(["", "first loss", "last loss"], rows))
    learnt = sum(losses[-1] < 0.01 for losses in networks)
    print(f"\nbelow 0.01: {learnt} of {RUNS} networks; the neuron stays at {alone[-1]:.4f}")
    curves = {"one neuron": [alone], "ten networks of four hidden neurons": networks}
    save_figure(development(X, y, seen, curves), chosen.out, "xor")


def learn(model: MLP, X: ArrayLike, y: ArrayLike, steps: int, optimizer: Optimizer) -> list[float]:
    """Train on all four rows at once; the loss of every step."""
    if steps == 0:
        return []
    history = fit(
        model,
        X,
        y,
        loss="squared_error",
        optimizer=optimizer,
        epochs=steps,
        batch_size=4,
        shuffle=False,  # all four at once: their order would only change the last digit
        progress=False,
    )
    return list(history["loss"])


if __name__ == "__main__":
    main()
