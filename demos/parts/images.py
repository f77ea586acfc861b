"""The images of `chainrule digits`, and what a network says to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nn import mnist, outputs
from nn.download import cache_folder


class Images(NamedTuple):
    """Pixels from 0 to 1, and what they show; those to learn from, and others."""

    X: Any
    y: Any
    X_test: Any
    y_test: Any


def load(folder: Path | None, most: int | None) -> Images:
    """All of MNIST, if it is in the folder or was downloaded; what is bundled, if not.

    Args:
        folder: where its four files are; None for the place of downloads.
        most: how many images to learn from, and of the others; None for all.
    """
    try:
        data = mnist(folder or cache_folder() / "mnist")
    except FileNotFoundError:
        if folder:
            raise
        data = mnist(subset=True)
    return Images(
        data.train_pixels[:most] / 255, data.train_labels[:most],
        data.test_pixels[:most] / 255, data.test_labels[:most],
    )  # fmt: skip


def certainty(model: Any, X: Any) -> Any:
    """What it says to each image: its outputs after sigmoids, or what softmax makes of them."""
    found = outputs(model, X)
    if model.output_activation == "sigmoid":
        return found
    powers = np.exp(found - found.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
