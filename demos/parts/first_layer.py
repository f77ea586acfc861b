"""Do the hidden neurons detect edges? How well a straight edge explains what a neuron looks for.

The weights of a neuron of the first layer are an image: what it would like to see, and what not. If
it was an edge detector, there would be an edge or a line in it. So each image is compared with all
straight edges and lines, and so are noise, and noise that was blurred until it is as smooth.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demos.parts.report import table

SIDE, MARGIN = 28, 4  # of the images, and of their rim, where hardly any digit has ink
WIDTHS = (1.5, 2.5, 3.5)  # of lines, from the middle to the side

Images = NDArray[np.float64]


def weights(model: Any) -> Images:
    """The weights of each neuron of the first layer of an MLP, as an image."""
    neurons = model.layers[0].neurons
    numbers = [[w.data for w in neuron.weights] for neuron in neurons]
    return np.array(numbers).reshape(-1, SIDE, SIDE)


def edges(layers: dict[str, Images], seed: int) -> str:
    """The table: networks by their names, and beside them noise and an edge."""
    noise = np.random.default_rng(seed).normal(size=(16, SIDE, SIDE))
    place = np.arange(SIDE) - SIDE / 2
    tilted = np.sign(place[:, None] + 1.7 * place + 0.1)[None]
    rows = layers | {"noise": noise, "noise, blurred": blurred(noise), "an edge": tilted}
    return table(
        ["", "mean", "most"],
        [
            [name, *(f"{of(explained(images)):.0%}" for of in (np.mean, np.max))]
            for name, images in rows.items()
        ],
    )


def explained(images: Images) -> NDArray[np.float64]:
    """The part of each image that the most similar edge or line explains: a correlation squared.

    >>> explained(np.add.outer(np.zeros(SIDE), np.sign(np.arange(SIDE) - 13.5))[None]).round(6)
    array([1.])
    """
    similar = normalised(images[:, MARGIN:-MARGIN, MARGIN:-MARGIN]) @ straight().T
    found: NDArray[np.float64] = (similar**2).max(axis=1)
    return found


@cache
def straight() -> NDArray[np.float64]:
    """Edges and lines at all angles and places, a row for each."""
    place = np.arange(SIDE - 2 * MARGIN) - (SIDE - 2 * MARGIN - 1) / 2
    found = []
    for angle in np.linspace(0, np.pi, 24, endpoint=False):
        across = np.cos(angle) * place + np.sin(angle) * place[:, None]
        for offset in range(-8, 9):
            found.append(np.sign(across - offset + 1e-9))
            found += [1.0 * (abs(across - offset) < width) for width in WIDTHS]
    return normalised(np.array(found))


def normalised(images: Images) -> NDArray[np.float64]:
    """As rows of mean 0 and length 1."""
    rows = images.reshape(len(images), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    found: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return found


def blurred(images: Images, times: int = 3) -> Images:
    """Every pixel shared with those around it, again and again."""
    for axis in (1, 2):
        for _ in range(times):
            around = np.roll(images, 1, axis) + np.roll(images, -1, axis)
            images = images / 2 + around / 4
    return images
