"""A digit drawn by hand: from an image file to 28 x 28 pixels, prepared as those of MNIST are.

There a digit is white on black, scaled to fit into 20 x 20 pixels, and laid into 28 x 28 so that
its centre of mass is in the middle: at 14 to 15 pixels from the top and from the left. A network
that has learnt from such images knows no others.
"""

from __future__ import annotations

from math import ceil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nn.plots import pyplot

SIDE, BOX = 28, 20  # pixels of the image, and of what the digit has to fit into
SLACK = 0.05  # so that a blemish does not shift what is symmetric by a pixel
FAINT = 0.3  # of the darkest: what is lighter may be dust, or the paper's grain

Pixels = NDArray[np.float64]


def read(path: Path) -> tuple[Pixels, Pixels]:
    """An image file in grey, from 0 for black to 1 for white, and the digit in it.

    Args:
        path: a PNG, or what else Pillow reads; where it is transparent it is taken for white.

    Returns:
        Shapes (height, width), and (28, 28) as `prepared` makes it.

    Raises:
        OSError: if there is no such file, or no image in it.
        ValueError: if nothing is drawn on it.
    """
    try:
        pixels = np.asarray(pyplot().imread(path))
    except SyntaxError as error:  # so Pillow calls a PNG that is none
        raise OSError(f"{path}: {error}") from None
    image = pixels / 255.0 if pixels.dtype == np.uint8 else pixels.astype(float)
    if image.ndim == 3:
        opaque = image[..., 3] if image.shape[2] == 4 else 1.0
        image = 1.0 - opaque * (1.0 - image[..., :3].mean(axis=2))
    return image, prepared(image)


def digit_on(path: Path) -> tuple[Pixels, Pixels]:
    """The same; if nothing is drawn on it, the demo ends with a word."""
    try:
        return read(path)
    except ValueError as error:
        raise SystemExit(f"{path}: {error}") from None


def prepared(image: Pixels) -> Pixels:
    """The digit on an image, as MNIST would have it.

    Args:
        image: shape (height, width), dark on light or light on dark; the frame of outermost pixels
            says which.

    Raises:
        ValueError: if nothing is drawn on it.
    """
    frame = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    paper = float(np.median(frame))
    ink = np.clip(paper - image if paper > 0.5 else image - paper, 0.0, None)
    if ink.max() < 0.1:
        raise ValueError(
            "nothing is drawn on the image: a single digit is wanted, dark on light paper or light "
            "on dark, with some margin around it"
        )
    ink /= ink.max()
    rows, columns = (np.flatnonzero(ink.max(axis=axis) > FAINT) for axis in (1, 0))
    digit = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = (max(1, round(BOX * n / max(digit.shape))) for n in digit.shape)
    small = averages(len(digit), height) @ digit @ averages(digit.shape[1], width).T
    small /= small.max()

    top, left = (
        int(np.clip(ceil(SIDE / 2 - middle - SLACK), 0, SIDE - n))
        for middle, n in zip(centre_of_mass(small), small.shape, strict=True)
    )
    found = np.zeros((SIDE, SIDE))
    found[top : top + height, left : left + width] = small
    return found


def averages(before: int, after: int) -> Pixels:
    """The matrix that makes so many pixels of a line of others, each the mean of what it covers.

    >>> averages(3, 2).round(2).tolist()
    [[0.67, 0.33, 0.0], [0.0, 0.33, 0.67]]
    """
    edges, old = np.linspace(0, before, after + 1)[:, None], np.arange(before)
    covered = np.minimum(edges[1:], old + 1) - np.maximum(edges[:-1], old)
    shares: Pixels = np.clip(covered, 0.0, None) * after / before
    return shares


def centre_of_mass(image: Pixels) -> list[float]:
    """How far it is from the top, and from the left.

    >>> centre_of_mass(np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]]))
    [1.0, 1.0]
    """
    total = image.sum()
    return [
        float(image.sum(axis=1 - axis) @ (np.arange(n) + 0.5) / total)
        for axis, n in enumerate(image.shape)
    ]
