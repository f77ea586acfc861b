"""More training images than there are: the same ones shifted and turned a little.

M. Nielsen, Neural Networks and Deep Learning, chapter 3, "Artificially expanding the training
data": a digit that is moved by one pixel is the same digit, but not to a network of dense layers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nn.choice import require_whole
from nn.data import Pair, paired

AT_ONCE = 1000  # images that are turned together: the working memory stays small
DIRECTIONS = [(-1, 0), (1, 0), (0, -1), (0, 1)]  # up, down, left, right: rows, columns


def expand(
    images: ArrayLike, labels: ArrayLike, *, shift: int = 1, angles: Sequence[float] = ()
) -> Pair:
    """The images, then all of them shifted up, down, left and right, then turned by each angle.

    Without more words that is Nielsen's expansion: five times as many images as before. What
    leaves the picture is lost, and what comes in is 0. Split off the validation rows first and
    expand only what is trained on: else its pictures are in both. Bytes stay bytes (turned ones
    are rounded), which takes an eighth of the memory of float64.

    Args:
        images: Shape (n, height, width), or (n, pixels) for square pictures.
        labels: One per image; they are repeated with it.
        shift: By how many pixels; 0 for none.
        angles: In degrees, counter-clockwise, such as (-10, 10).

    Returns:
        Images of the shape they came in, n * (1 + 4 + len(angles)) of them, and their labels.

    Raises:
        ValueError: for empty data, lengths that differ, flat images that are not square, a shift
            out of the picture, an angle that is not finite.

    >>> images, labels = expand([[0, 1, 0, 0]], [7])
    >>> images.reshape(-1, 2, 2).tolist()
    [[[0, 1], [0, 0]], [[0, 0], [0, 0]], [[0, 0], [0, 1]], [[1, 0], [0, 0]], [[0, 0], [0, 0]]]
    >>> labels.tolist()
    [7, 7, 7, 7, 7]
    """
    pixels, labels = paired(images, labels, ("images", "labels"))
    pictures = pixels.reshape(len(pixels), *picture_shape(pixels))
    shift = require_whole("shift", shift, least=0)
    if shift >= min(pictures.shape[1:]):
        raise ValueError(
            f"shift={shift} moves a picture of {pictures.shape[1]} x {pictures.shape[2]} out of "
            "sight: one pixel is usual"
        )
    if not all(map(math.isfinite, angles)):
        raise ValueError(f"angles must be finite numbers of degrees, and not {angles!r}")
    steps = [(shift * down, shift * right) for down, right in DIRECTIONS] if shift else []
    copies = 1 + len(steps) + len(angles)
    expanded = np.empty((copies, *pictures.shape), pictures.dtype)
    expanded[0] = pictures
    for k, (down, right) in enumerate(steps, 1):
        expanded[k] = shifted(pictures, down, right)
    for k, degrees in enumerate(angles, 1 + len(steps)):
        expanded[k] = rotated(pictures, degrees)
    return expanded.reshape(-1, *pixels.shape[1:]), np.concatenate([labels] * copies)


def shifted(pictures: NDArray[Any], down: int, right: int) -> NDArray[Any]:
    """Pictures (n, height, width), moved by whole pixels; negative is up and left.

    >>> shifted(np.array([[[1, 2], [3, 4]]]), down=1, right=0).tolist()
    [[[0, 0], [1, 2]]]
    """
    height, width = pictures.shape[1:]
    moved = np.zeros_like(pictures)
    rows, columns = slice(max(down, 0), height + down), slice(max(right, 0), width + right)
    before = slice(max(-down, 0), height - down), slice(max(-right, 0), width - right)
    moved[:, rows, columns] = pictures[:, *before]
    return moved


def rotated(pictures: NDArray[Any], degrees: float) -> NDArray[Any]:
    """Pictures (n, height, width), turned counter-clockwise about their middle.

    Each new pixel looks up where it came from, and mixes the four pixels around that place by
    their distances (bilinear interpolation); outside the picture is 0.

    >>> rotated(np.array([[[1.0, 2.0], [3.0, 4.0]]]), 90).round(9).tolist()
    [[[2.0, 4.0], [1.0, 3.0]]]
    """
    height, width = pictures.shape[1:]
    corners = bilinear(height, width, math.radians(degrees))
    turned = np.empty_like(pictures)
    for start in range(0, len(pictures), AT_ONCE):
        flat = pictures[start : start + AT_ONCE].reshape(-1, height * width)
        mixed = sum(weights * flat[:, places] for places, weights in corners)
        if np.issubdtype(pictures.dtype, np.integer):
            mixed = np.rint(mixed)
        turned[start : start + AT_ONCE] = np.reshape(mixed, (-1, height, width))
    return turned


def bilinear(
    height: int, width: int, angle: float
) -> list[tuple[NDArray[np.intp], NDArray[np.float64]]]:
    """For each of the four neighbours of every pixel's origin: where it is, and its weight."""
    row, column = np.mgrid[:height, :width].reshape(2, -1)
    down, right = row - (height - 1) / 2, column - (width - 1) / 2
    from_row = (height - 1) / 2 + math.cos(angle) * down + math.sin(angle) * right
    from_column = (width - 1) / 2 - math.sin(angle) * down + math.cos(angle) * right
    above, left = np.floor(from_row).astype(np.intp), np.floor(from_column).astype(np.intp)
    corners = []
    for i, j in ((above, left), (above, left + 1), (above + 1, left), (above + 1, left + 1)):
        inside = (i >= 0) & (i < height) & (j >= 0) & (j < width)
        weights = (1 - abs(from_row - i)) * (1 - abs(from_column - j)) * inside
        corners.append((np.where(inside, i * width + j, 0), weights))
    return corners


def picture_shape(pixels: NDArray[Any]) -> tuple[int, int]:
    """Height and width of the images in an array, whose flat ones must be square."""
    if pixels.ndim == 3 and pixels.size:
        return pixels.shape[1], pixels.shape[2]
    side = math.isqrt(pixels.shape[1]) if pixels.ndim == 2 else 0
    if pixels.ndim != 2 or not side or side * side != pixels.shape[1]:
        raise ValueError(
            f"images has the shape {pixels.shape}: give (n, height, width), or (n, pixels) for "
            "square pictures, such as 784 for 28 x 28"
        )
    return side, side
