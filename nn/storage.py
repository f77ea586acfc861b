"""The file of a model: safetensors, with the architecture as JSON in its metadata.

A safetensors file is a header and the bare numbers, so reading one cannot run code, and PyTorch,
JAX and others read it too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from engine.files import write_whole

if TYPE_CHECKING:
    import numpy as np

KEY: Final = "chainrule"  # under which the metadata holds the architecture
FORMAT: Final = 1  # of the architecture; a reader refuses a later one than it knows


def write(
    path: str | PathLike[str],
    tensors: Mapping[str, np.ndarray],
    architecture: dict[str, Any],
    what: str = "the model cannot be saved",
) -> None:
    """Write tensors and architecture, so that nobody ever finds half a file.

    Args:
        path: where to.
        tensors: the numbers, by name.
        architecture: what else there is to know, as JSON.
        what: how an error begins.

    Raises:
        OSError: if it cannot be written.
    """
    from safetensors.numpy import save

    content = save(dict(tensors), {KEY: json.dumps({"format": FORMAT, **architecture})})
    write_whole(path, content, what)


def read(path: str | PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any] | None]:
    """The tensors of a safetensors file, and the architecture; None if the file is not ours.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is no safetensors file, not a whole one, or from a later version.
    """
    from safetensors import SafetensorError, safe_open

    content = Path(path)
    with open(content, "rb"):  # for the usual errors, if it is missing or a folder
        pass
    try:
        with safe_open(content, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} is no safetensors file of plain numbers, or not a whole one: {error}"
        ) from None
    return tensors, parse(metadata[KEY], path) if KEY in metadata else None


def parse(text: str, path: str | PathLike[str]) -> dict[str, Any]:
    """The architecture in the metadata."""
    try:
        architecture: dict[str, Any] = dict(json.loads(text))
        version = int(architecture.pop("format"))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise ValueError(f"{path} does not say how its model is built: {error!r}") from None
    if version > FORMAT:
        raise ValueError(
            f"{path} was written by a later chainrule (format {version}, this one reads up to "
            f"{FORMAT}): update with pip install --upgrade chainrule"
        )
    return architecture


def linear_layers(
    tensors: Mapping[str, np.ndarray], places: int
) -> tuple[list[int], dict[str, np.ndarray]]:
    """What is needed to build a network from the state of PyTorch's nn.Sequential of nn.Linear.

    Args:
        tensors: that state: 0.weight, 0.bias, 2.weight and so on. Gaps, where other modules
            without parameters stood, may be of any width.
        places: how many places a hidden layer takes with us: 2 with its activation, else 1.

    Returns:
        All sizes, that of the input first, and the tensors under our numbers.

    Raises:
        ValueError: if it is not the state of such a network.

    >>> import numpy as np
    >>> linear_layers({"3.weight": np.zeros((1, 4)), "0.weight": np.zeros((4, 2))}, 2)[0]
    [2, 4, 1]
    """
    parsed: dict[tuple[int, str], np.ndarray] = {}
    for name, tensor in tensors.items():
        number, _, kind = name.partition(".")
        if not number.isdecimal() or kind not in ("weight", "bias"):
            raise ValueError(f"{name} is no weight or bias of a layer: 0.weight, 0.bias would be")
        parsed[int(number), kind] = tensor
    order = sorted({place for place, _ in parsed})
    shapes: list[tuple[int, ...]] = []
    for place in order:
        matrix = parsed.get((place, "weight"))
        if matrix is None or matrix.ndim != 2 or 0 in matrix.shape:
            given = "missing" if matrix is None else f"of shape {matrix.shape}"
            raise ValueError(f"{place}.weight is {given}, where outputs x inputs are wanted")
        shapes.append(matrix.shape)
    if not shapes:
        raise ValueError("it is empty")
    for (before, a), (after, b) in pairwise(zip(order, shapes, strict=True)):
        if a[0] != b[1]:
            raise ValueError(
                f"{after}.weight takes {b[1]} inputs, but {before}.weight gives {a[0]}"
            )
        if after - before < places:
            raise ValueError(
                f"layers {before} and {after} have no activation between them: write "
                "activation='linear', if that is meant"
            )
    sizes = [shapes[0][1], *(shape[0] for shape in shapes)]
    ours = {place: places * k for k, place in enumerate(order)}
    return sizes, {f"{ours[place]}.{kind}": tensor for (place, kind), tensor in parsed.items()}
