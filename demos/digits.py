"""digits: can 13,002 numbers read handwriting?

The network of the lecture: 28 x 28 = 784 pixels, two hidden layers of 16, ten outputs. Every
weight and every activation is a Value, one scalar; `fit` records the graph of one image and runs it
on mini-batches as a few array instructions. It is trained in two ways: with sigmoids and the
quadratic cost by gradient descent, as in the lecture, and with relu, cross-entropy, He's
initialisation and Adam. It is shown what they mix up, what their first layer looks for, and what
they make of noise, or of a digit of yours: --image FILE.

It learns from all 60,000 images of MNIST if `nn.mnist()` has downloaded them, or --mnist FOLDER has
them, and otherwise from the 6,000 that are bundled. With --eager every image gets its graph anew,
node by node, and so there are only a few hundred of them.

Command: chainrule digits
Expect: of 10,000 images that they have not seen the first network reads more than 94 %, the second
more than 95.5 %; from the bundled images they learn to read some 90 % of 1,000. Do the hidden
neurons detect edges? They do not: an edge explains them as well as it explains blurred noise. Shown
noise, is the network at a loss? The second one is nearly always certain that it sees some digit.
Source: G. Sanderson (3Blue1Brown), Neural networks, chapters 1 to 4, 2017; M. Nielsen, Neural
Networks and Deep Learning, 2015, chapters 1 and 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np

from demos.parts import digits_pictures, first_layer, handwriting, report, stopwatch
from demos.parts.images import Images, certainty, load
from demos.parts.report import compare, table
from nn import MLP, History, confusion_matrix, fit

SIZES = [784, 16, 16, 10]
LECTURE, BEST = "as in the lecture", "relu and Adam"
SIGMOID = {"activation": "sigmoid", "output": "sigmoid", "init": "nielsen"}
RELU = {"activation": "relu", "init": "he_normal"}
DESCENT = {"optimizer": "sgd", "lr": 1.5, "batch_size": 10}
ADAM = {"optimizer": "adam", "lr": 0.002, "batch_size": 32}
WAYS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    LECTURE: (SIGMOID, {"loss": "quadratic_cost"} | DESCENT),
    BEST: (RELU, {"loss": "cross_entropy"} | ADAM),
}
FEW, NOISE = 300, 1000  # images: with --eager, and of noise
ANEW, MICROGRAD = 50, 2  # images by which others are timed


def main(argv: Sequence[str] | None = None) -> None:
    """Train twice, compare, and look at what has been learnt."""
    chosen = report.options(
        __doc__,
        argv,
        seed=0,
        epochs=(10, "how often to go through the images"),
        eager=(False, f"node by node, on {FEW} images only"),
        mnist=(None, "the folder with the four files of MNIST"),
        image=(None, "an image file with a digit drawn by hand, to be read"),
    )
    drawn = chosen.image and handwriting.digit_on(chosen.image)  # if it cannot be read, say so now
    images = load(chosen.mnist, FEW if chosen.eager else None)
    models = {name: MLP(784, SIZES[1:], **how, seed=chosen.seed) for name, (how, _) in WAYS.items()}
    print(f"{len(images.X):,} images to learn from, {len(images.X_test):,} others\n")
    print(compare(parameters(models[LECTURE])))
    histories = {}
    for name, model in models.items():
        print(f"\n{name}: {model}", flush=True)
        histories[name] = learn(
            model, images.X, images.y, name, epochs=chosen.epochs, eager=chosen.eager,
            validation=(images.X_test, images.y_test), seed=chosen.seed,
        )  # fmt: skip
    curves = {name: history["validation_accuracy"] for name, history in histories.items()}
    print(f"\nOf the {len(images.X_test):,} others it reads\n\n{by_epoch(curves)}")
    print(f"\nWhat it takes\n\n{durations(histories[LECTURE], images, chosen.seed)}")
    figures = look(models, curves, images, chosen.seed)
    if drawn:
        answer = certainty(models[BEST], drawn[1].reshape(1, -1))[0]
        print(f"\n{chosen.image}: a {answer.argmax()}, it says, and is {answer.max():.0%} certain")
        figures["digits_drawn"] = digits_pictures.drawn(*drawn, answer)
    for name, figure in figures.items():
        report.save_figure(figure, chosen.out, name)


def learn(model: MLP, X: Any, y: Any, way: str, **more: Any) -> History:
    """By mini-batches, in smaller and smaller steps."""
    return fit(model, X, y, **WAYS[way][1], schedule="cosine", **more)


def parameters(model: Any) -> list[tuple[str, str, float]]:
    """The lecture's sum, and what the network has."""
    neurons = [neuron for layer in model.layers for neuron in layer.neurons]
    weights = sum(len(neuron.weights) for neuron in neurons)
    return [
        ("weights: 784·16 + 16·16 + 16·10", "12960", float(weights)),
        ("biases: 16 + 16 + 10", "42", float(len(neurons))),
        ("parameters", "13002", float(len(model.parameters()))),
    ]


def by_epoch(curves: dict[str, list[float]]) -> str:
    """The share of other images that is right."""
    rows = zip(*([f"{each:.2%}" for each in curve] for curve in curves.values()), strict=True)
    return table(["epoch", *curves], [[k, *row] for k, row in enumerate(rows, start=1)])


def durations(history: History, images: Images, seed: int) -> str:
    """What the training took, and what it would take in other ways, judging by some images."""
    X, y, epochs = images.X, images.y, len(history)
    again = MLP(784, SIZES[1:], **WAYS[LECTURE][0], seed=seed)
    anew = learn(again, X[:ANEW], y[:ANEW], LECTURE, epochs=1, eager=True, progress=False)
    theirs = stopwatch.micrograd(SIZES, X[:MICROGRAD], np.eye(10)[y[:MICROGRAD]])
    measured = {
        "this training": (len(X), median(history["seconds"]) / len(X)),
        "a graph for each image": (ANEW, anew["seconds"][0] / ANEW),
        "micrograd": (MICROGRAD, theirs),
    }
    return stopwatch.scaled(measured, len(X), epochs)


def look(models: dict[str, MLP], curves: Any, images: Images, seed: int) -> dict[str, Any]:
    """Mistakes, answers to noise, and the first layer: as tables, and as pictures."""
    confusion = confusion_matrix(models[BEST], images.X_test, images.y_test)
    print(f"\nWhat they were (rows), and what {BEST} took them for\n")
    print(table(["", *map(str, range(10))], [[k, *row] for k, row in enumerate(confusion)]))

    noise = np.random.default_rng(seed).random((NOISE, 784))
    said = {name: certainty(model, noise) for name, model in models.items()}
    rows = [
        [name, f"{(s.max(axis=1) > 0.8).mean():.0%}", np.bincount(s.argmax(axis=1)).argmax()]
        for name, s in said.items()
    ]
    print(f"\nWhat they say to {NOISE:,} images of noise\n")
    print(table(["", "more than 80 % certain", "mostly it is a"], rows))

    layers = {name: first_layer.weights(model) for name, model in models.items()}
    print("\nDo the hidden neurons detect edges? An edge or a line explains of their weights\n")
    print(first_layer.edges(layers, seed))

    answers = certainty(models[BEST], images.X_test), said[BEST]
    return {
        "digits": digits_pictures.learning(curves, confusion),
        "digits_answers": digits_pictures.answers(images.X_test, images.y_test, noise, *answers),
        "digits_weights": digits_pictures.weights(layers),
    }


if __name__ == "__main__":
    main()
