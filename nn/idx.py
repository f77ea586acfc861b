"""MNIST: 60,000 + 10,000 handwritten digits of 28 x 28 pixels, and a part of it that is bundled.

Y. LeCun, C. Cortes, C. J. C. Burges, http://yann.lecun.com/exdb/mnist/ (CC BY-SA 3.0). Pixels are
kept as bytes, for 60,000 images are 47 MB that way and 376 MB as float64; `train_images` and
`test_images` are computed when they are asked for. The file is called after the format of theirs,
for a submodule `mnist` would hide the function `nn.mnist`.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn.data import DATASETS, paired
from nn.download import cache_folder, fetch, unpacked

MIRRORS = [
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
]
FILES = {  # md5 of the unpacked content
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
UNSIGNED_BYTES = b"\x00\x00\x08"  # how an IDX file of bytes begins; its number of axes follows


@dataclass(frozen=True, eq=False, repr=False)
class MNIST:
    """Images to train with and to test with, and the digits that they show.

    It unpacks as a tuple of four: `X, y, X_test, y_test = mnist()`.

    Attributes:
        train_pixels: Bytes from 0 (paper) to 255 (ink), shape (n, 784), row by row of the picture.
        train_labels: The digits, integers from 0 to 9, shape (n,).
        test_pixels: The same for testing.
        test_labels: The same for testing.
    """

    train_pixels: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test_pixels: NDArray[np.uint8]
    test_labels: NDArray[np.int64]

    @cached_property
    def train_images(self) -> NDArray[np.float64]:
        """The pixels divided by 255, float64, computed once: 6 kB per image, 376 MB for 60,000.

        For a few of them write `train_pixels[:1000] / 255`.
        """
        return self.train_pixels / 255

    @cached_property
    def test_images(self) -> NDArray[np.float64]:
        """The pixels divided by 255, float64, computed once: 63 MB for 10,000."""
        return self.test_pixels / 255

    def __iter__(self) -> Iterator[NDArray[Any]]:
        yield self.train_images
        yield self.train_labels
        yield self.test_images
        yield self.test_labels

    def __repr__(self) -> str:
        count, pixels = self.train_pixels.shape
        return f"MNIST: {count:,} + {len(self.test_pixels):,} images of {pixels} pixels"


def mnist(folder: str | os.PathLike[str] | None = None, *, subset: bool = False) -> MNIST:
    """MNIST from a folder, from the network, or the part of it that is bundled.

    Without a folder the four files come from the cache (see `nn.download.cache_folder`; the
    environment variable CHAINRULE_CACHE names another). What is not there is downloaded, 11 MB in
    all, and verified. An interrupted download goes on where it was.

    Args:
        folder: Where the four IDX files are, packed with gzip or not. Other data in the same
            format, such as Fashion-MNIST, are read as well.
        subset: The bundled 600 + 100 images of each digit, which need no network, instead of all.

    Raises:
        FileNotFoundError: if a file is not in the folder.
        ValueError: if a file is damaged, or the files do not belong together.
        ConnectionError: if a download does not succeed; the message says what to do instead.

    >>> data = mnist(subset=True)
    >>> data
    MNIST: 6,000 + 1,000 images of 784 pixels
    >>> data.train_images.shape, data.train_labels[:5].tolist()
    ((6000, 784), [4, 1, 0, 3, 8])
    """
    if subset:
        if folder is not None:
            raise ValueError(
                "subset=True is the bundled part of MNIST and comes from no folder: write "
                "mnist(subset=True), or mnist(folder) for what is there"
            )
        folder = DATASETS / "mnist"
    return assembled(from_network() if folder is None else from_folder(Path(folder).expanduser()))


def from_network() -> list[NDArray[np.uint8]]:
    """The four arrays from the cache, after what is missing there was downloaded."""
    folder = cache_folder() / "mnist"
    try:
        contents = [fetch(f"{name}.gz", md5, folder, MIRRORS) for name, md5 in FILES.items()]
    except ConnectionError as error:
        raise ConnectionError(
            f"MNIST could not be downloaded: {error}. What has come so far is kept in {folder}, "
            "and the next call goes on from there. Without a network write mnist(subset=True) for "
            "the 6,000 + 1,000 images that are bundled, or mnist(folder) if you have the four files"
        ) from error
    return [parse_idx(content) for content in contents]


def from_folder(folder: Path) -> list[NDArray[np.uint8]]:
    """The four arrays from files in a folder."""
    paths = {name: spelling(folder, name) for name in FILES}
    missing = [name for name, path in paths.items() if path is None]
    if missing:
        raise FileNotFoundError(
            f"{folder} has no {' and no '.join(missing)} (with or without .gz): give the folder "
            "with the four files of MNIST, or write mnist() to download them, or "
            "mnist(subset=True) for the 6,000 + 1,000 images that are bundled"
        )
    return [read_idx(path) for path in paths.values() if path is not None]


def spelling(folder: Path, name: str) -> Path | None:
    """The file under one of the names that it has in the wild; some tools put a dot for a dash."""
    names = [name, name.replace("-idx", ".idx")]
    paths = [folder / f"{name}{ending}" for name in names for ending in ("", ".gz")]
    return next((path for path in paths if path.is_file()), None)


def assembled(arrays: Sequence[NDArray[np.uint8]]) -> MNIST:
    """The four arrays as a data set, if they belong together.

    Raises:
        ValueError: if images and labels differ in number, or the two parts in their size.
    """
    train, train_labels, test, test_labels = arrays
    for part, images, labels in (("train", train, train_labels), ("t10k", test, test_labels)):
        paired(images, labels, (f"{part}-images", f"{part}-labels"))
        if images.ndim != 3 or labels.ndim != 1:
            raise ValueError(
                f"{part}-images has the shape {images.shape} and {part}-labels {labels.shape}, "
                "where (n, height, width) and (n,) are wanted: are the files mixed up?"
            )
    if train.shape[1:] != test.shape[1:]:
        raise ValueError(
            f"the images to train with are {train.shape[1]} x {train.shape[2]} and those to test "
            f"with {test.shape[1]} x {test.shape[2]}: the files are of different data sets"
        )
    return MNIST(
        train.reshape(len(train), -1),
        train_labels.astype(np.int64),
        test.reshape(len(test), -1),
        test_labels.astype(np.int64),
    )


def read_idx(path: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """The array in an IDX file, packed with gzip or not (its content tells, not its name).

    Raises:
        ValueError: if the file is damaged, cut short, or something else.

    >>> read_idx(DATASETS / "mnist" / "t10k-images-idx3-ubyte.gz").shape
    (1000, 28, 28)
    """
    try:
        return parse_idx(unpacked(Path(path).read_bytes()))
    except ValueError as error:
        advice = "get this file anew, or write mnist() to download MNIST"
        raise ValueError(f"{path} is {error}; {advice}") from None


def parse_idx(content: bytes) -> NDArray[np.uint8]:
    """The array of an IDX file: a magic number, the length of each axis, and then the bytes.

    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 3, 5, 0, 4])).tolist()
    [5, 0, 4]
    """
    if content[:3] != UNSIGNED_BYTES or len(content) < 4:
        raise ValueError(
            f"no IDX file of bytes: it begins with {content[:4].hex(' ') or 'nothing'}, where "
            "00 00 08 and the number of axes are wanted"
        )
    axes = content[3]
    header = 4 + 4 * axes
    shape = struct.unpack(f">{axes}I", content[4:header]) if len(content) >= header else ()
    wanted = header + (math.prod(shape) if shape else 0)
    if len(content) != wanted or not shape:
        raise ValueError(
            f"damaged or cut short: it has {len(content):,} bytes, where its header promises "
            f"{wanted:,}{'' if shape else ' or more'}"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape).copy()
