"""What a network learns within a minute: 28x28 digits, eagerly, node by node."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

from measure import Effort, Row, bar

from nn import MLP, accuracy, fit, mnist


def rows(effort: Effort) -> Iterator[Row]:
    """The network of the lectures on the bundled part of MNIST, and its 1,000 test images."""
    X, y, X_test, y_test = mnist(subset=True)
    count, tested = (max(10, int(n * effort.scale)) for n in (len(X), len(X_test)))
    model = MLP(784, [16, 16, 10], activation="tanh", init="xavier_normal", seed=0)
    start = perf_counter()
    fit(model, X[:count], y[:count], epochs=2, lr=0.005, seed=0, progress=False)
    seconds = perf_counter() - start
    right = 100 * accuracy(model, X_test[:tested], y_test[:tested])
    limit = bar(">=", compiled=85)
    yield Row(
        f"MNIST, {count:,} images, 784-16-16-10, 2 epochs",
        f"{right:.1f} % after {seconds:.1f} s",
        "",
        "",
        "",
        f"{limit.relation} {limit.required:g} %, 60 s" if limit else "",
        ("yes" if limit.met(right) and seconds <= 60 else "NO") if limit else "",
    )
