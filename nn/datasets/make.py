"""Make the bundled files anew: python -m nn.datasets.make MNIST_FOLDER DIGITS_CSV NAMES.

MNIST_FOLDER has the four IDX files of the whole MNIST. DIGITS_CSV is the 8 x 8 digits, 64 pixels
and the label per line, as scikit-learn ships them in sklearn/datasets/data/digits.csv.gz. NAMES is
the list of first names of 2018, a to z, one per line: the girls', then the boys', by frequency.

600 + 100 images of each digit are drawn, since the first images of the test part are easier than
the others, and they stay in MNIST's order. Nothing depends on the day or the machine: the same
pixels come out, though another zlib may pack them into other bytes.
"""

from __future__ import annotations

import gzip
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn.data import DATASETS
from nn.download import unpacked
from nn.idx import FILES, from_folder

SEED = 0
PER_DIGIT = {"train": 600, "t10k": 100}
GIRLS, NAMES = 18_148, 4_000  # lines of the list before the first boy; names that are bundled


def balanced(labels: NDArray[Any], each: int) -> NDArray[np.intp]:
    """Which rows: as many of every digit, drawn by the seed, in the order of the data."""
    random = np.random.RandomState(SEED)
    rows = [random.permutation(np.flatnonzero(labels == digit))[:each] for digit in range(10)]
    return np.sort(np.concatenate(rows))


def idx(array: NDArray[np.uint8]) -> bytes:
    """An array of bytes as an IDX file."""
    header = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.tobytes()


def write(path: Path, content: bytes) -> None:
    """Pack without the time of day in the header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, compresslevel=9, mtime=0))


def make(mnist_folder: Path, digits: Path, target: Path = DATASETS) -> None:
    """Write the five files of digits into a folder."""
    arrays = dict(zip(FILES, from_folder(mnist_folder), strict=True))
    for part, each in PER_DIGIT.items():
        rows = balanced(arrays[f"{part}-labels-idx1-ubyte"], each)
        for name, array in arrays.items():
            if name.startswith(part):
                write(target / "mnist" / f"{name}.gz", idx(array[rows]))
    write(target / "digits_8x8.csv.gz", unpacked(digits.read_bytes()))


def make_names(source: Path, target: Path = DATASETS) -> None:
    """Write the most frequent names, a girl's and a boy's in turn, each once."""
    everybody = unpacked(source.read_bytes()).decode("ascii").split()
    pairs = zip(everybody[:GIRLS], everybody[GIRLS:], strict=False)
    names = list(dict.fromkeys(name for pair in pairs for name in pair))[:NAMES]
    write(target / "names.txt.gz", "".join(f"{name}\n" for name in names).encode("ascii"))


if __name__ == "__main__":
    *originals, names = map(Path, sys.argv[1:])
    make(*originals)
    make_names(names)
