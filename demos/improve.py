"""improve: what makes a network learn faster, and better what it has not seen?

First a saturated neuron, which should learn to answer 0: with the quadratic cost it hardly moves at
first, with cross-entropy it sets off at once. Then a network learns few digits, of 14 x 14 pixels,
many times over, each time with one thing changed: the cost, the first weights, L1, L2, dropout,
artificially expanded data, the learning rate, momentum, a schedule, early stopping.

Command: chainrule improve
Expect: the book's numbers for the neuron. For the network cost and first weights matter most, then
more data, even artificial. L1 makes weights 0. A percent more or less is chance: try other seeds.
Source: M. Nielsen, Neural Networks and Deep Learning, 2015, chapter 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from demos.parts import report
from demos.parts.improve_pictures import picture
from demos.parts.report import rounded, table
from engine import Value
from nn import SGD, Dropout, HalveOnPlateau, Layer, Sequential, accuracy, expand, fit, mnist
from nn.losses import nielsen_cross_entropy, quadratic_cost
from nn.steps import weights

if TYPE_CHECKING:
    from nn import History

TRAIN, TEST, EPOCHS = 500, 1000, 30
STARTS = [(0.6, 0.9), (2.0, 2.0)]  # w and b
COSTS = {"quadratic": quadratic_cost, "cross-entropy": nielsen_cross_entropy}
STEPS = 300
BOOK = [  # with the quadratic cost: start, step, output
    ("w = 0.6, b = 0.9: output at first", 0, 0, "0.82"),
    ("after 300 steps", 0, STEPS, "0.09"),
    ("w = b = 2: output at first", 1, 0, "0.98"),
]
QUADRATIC, OLD = {"loss": "quadratic_cost"}, {"init": "nielsen_large"}  # old: all weights N(0, 1)
PLAIN = "cross-entropy, new weights"  # N(0, 1 / sqrt(n_in))
WAYS: dict[str, dict[str, dict[str, Any]]] = {
    "cost and first weights": {
        "quadratic, old weights": QUADRATIC | OLD,
        "quadratic, new weights": QUADRATIC,
        "cross-entropy, old weights": OLD,
        PLAIN: {},
    },
    "against overfitting": {
        "L1": {"l1": 0.0005},
        "L2": {"l2": 0.001},
        "dropout": {"dropout": 0.3},
        "expanded data": {"expanded": True},
    },
    "how it steps": {
        "learning rate / 10": {"lr": 0.1},
        "the same with momentum": {"lr": 0.1, "momentum": 0.9},
        "schedule: halve it": {"schedule": HalveOnPlateau(patience=2)},
        "early stopping": {"patience": 4},
    },
}


def saturated(cost: Callable[[Any, Any], Value], w0: float, b0: float) -> list[float]:
    """The outputs of a sigmoid neuron that should learn to make 0 of 1, step by step."""
    w, b = Value(w0), Value(b0)
    optimizer, outputs = SGD([w, b], lr=0.15), []
    for _ in range(STEPS + 1):
        a = (w * 1.0 + b).sigmoid()
        optimizer.zero_grad()
        cost(a, 0.0).backward()
        optimizer.step()
        outputs.append(a.data)
    return outputs


def smaller(images: Any) -> Any:
    """Images of 14 x 14 pixels, each the mean of four."""
    return images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).reshape(len(images), -1)


def learn(
    data: Any, seed: int, init: str = "nielsen", dropout: float = 0.0, expanded: bool = False,
    lr: float = 1.0, momentum: float = 0.0, loss: str = "nielsen_cross_entropy", **others: Any,
) -> tuple[Sequential, History]:  # fmt: skip
    """Train a network in one of the ways."""
    images, labels, (X, y) = data
    if expanded:
        images, labels = expand(images, labels)  # and all of them moved by a pixel, in four ways
    hidden, last = Layer(196, 30, "sigmoid", init, seed), Layer(30, 10, "sigmoid", init, seed + 1)
    model = Sequential(hidden, *[Dropout(dropout)] * bool(dropout), last)
    history = fit(
        model, smaller(images), np.eye(10)[labels], loss=loss,
        optimizer=SGD(model.parameters(), lr=lr, momentum=momentum), epochs=EPOCHS, batch_size=10,
        validation=(X, np.eye(10)[y]), seed=seed, progress=False, **others,
    )  # fmt: skip
    return model, history


def main(argv: Sequence[str] | None = None) -> None:
    """The neuron, then the network in all the ways."""
    chosen = report.options(__doc__, argv, seed=0)
    falls = {name: [saturated(cost, *at) for at in STARTS] for name, cost in COSTS.items()}
    shown = [0, 20, 50, 100, 150, 200, STEPS]
    lines = [
        [f"{name}, {w}, {b}", *rounded(outputs[k] for k in shown)]
        for name, both in falls.items()
        for (w, b), outputs in zip(STARTS, both, strict=True)
    ]
    print("One sigmoid neuron, x = 1, should answer y = 0. Its outputs, at learning rate 0.15\n")
    print(table(["cost, w, b; after steps", *map(str, shown)], lines))
    print("\nThe book's numbers, with the quadratic cost\n")
    slow = falls["quadratic"]
    print(report.compare([(name, printed, slow[k][step]) for name, k, step, printed in BOOK]))

    digits = mnist(subset=True)
    others = smaller(digits.test_images[:TEST]), digits.test_labels[:TEST]
    data = digits.train_images[:TRAIN], digits.train_labels[:TRAIN], others
    print(f"\n{TRAIN} digits to learn, {TEST} others; {EPOCHS} epochs, learning rate 1\n")
    rows, groups = [], dict[str, dict[str, Any]]()
    for title, ways in WAYS.items():
        groups[title] = {}
        for name, way in ways.items():
            model, groups[title][name] = learn(data, chosen.seed, **way)
            rows.append([name, *results(model, groups[title][name], data)])
    columns = ["learnt", "others", "80 % in epoch", "cost of others", "lowest", "|w| < 0.01"]
    print(table(["", *columns], rows))
    report.save_figure(picture(falls, groups, PLAIN), chosen.out, "improve")


def results(model: Sequential, history: History, data: Any) -> list[str]:
    """What of the digits is right, how soon, at what cost; and how many weights are about 0."""
    images, labels, others = data
    right = [accuracy(model, smaller(images), labels), accuracy(model, *others)]
    epochs = enumerate(history["validation_accuracy"], start=1)
    soon = next((str(k) for k, share in epochs if share >= 0.8), "never")
    costs, comparable = history["validation_loss"], "quadratic" not in history.used()
    ends = (
        rounded([costs[(history.best_epoch or 0) - 1], min(costs)], 2) if comparable else ["", ""]
    )
    small = np.mean([abs(w.data) < 0.01 for w in weights(model)])
    return [*(f"{share:.1%}" for share in right), soon, *ends, f"{small:.0%}"]


if __name__ == "__main__":
    main()
