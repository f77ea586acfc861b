"""A run of training in a file, from which it goes on exactly as if it had never stopped.

The file is a safetensors file like that of a model, and runs no code either: the numbers of the
model, of the optimiser, the best weights and the history as tensors, the rest as JSON. It is
replaced as a whole, so that whatever kills the process leaves the last one or the one before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from errno import EEXIST
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np

from engine.files import require_writable
from engine.wording import count
from nn import storage

KIND: Final = "Checkpoint"  # where a model's file has the class of the model
UNWRITTEN: Final = "the checkpoint cannot be written"
ADVICE: Final = (
    "a resumed run has to be the same run: give the same arguments, or start a new one "
    "without resume="
)


@dataclass
class Checkpoint:
    """Everything that a run has to know to go on.

    Args:
        settings: what it was made with; only a run with the same ones can go on from here.
        epochs: how many are done.
        model: the state_dict of the model.
        optimizer: the state_dict of the optimiser.
        schedule: the state_dict of the schedule.
        best: the epoch, from 1, and the loss of early stopping, and how long it has waited.
        best_model: the state_dict of the model at that epoch; empty if there is none.
        columns: the history.
    """

    settings: dict[str, Any]
    epochs: int
    model: dict[str, Any]
    optimizer: dict[str, Any]
    schedule: dict[str, float]
    best: dict[str, Any] = field(default_factory=dict)
    best_model: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, list[float]] = field(default_factory=dict)

    def save(self, path: str | PathLike[str]) -> None:
        """Write it, so that nobody ever finds half a file.

        Raises:
            OSError: if it cannot be written.
        """
        parts = {"model": self.model, "best_model": self.best_model, "columns": self.columns}
        vectors = {name: x for name, x in self.optimizer.items() if isinstance(x, np.ndarray)}
        parts["optimizer"] = vectors
        tensors = {
            f"{part}/{name}": np.asarray(numbers, dtype=np.float64)
            for part, named in parts.items()
            for name, numbers in named.items()
        }
        scalars = {name: x for name, x in self.optimizer.items() if name not in vectors}
        rest = {"settings": self.settings, "epochs": self.epochs, "optimizer": scalars}
        rest |= {"schedule": self.schedule, "best": self.best}
        storage.write(path, tensors, {"class": KIND, **rest}, UNWRITTEN)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Checkpoint:
        """Read one.

        Raises:
            FileNotFoundError: if there is no such file; it says how to start.
            OSError: if it cannot be read.
            ValueError: if it is damaged, or no checkpoint.
        """
        try:
            tensors, rest = storage.read(path)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                error.errno,
                "there is no checkpoint to resume from: start with checkpoint= alone, or write "
                "resume=True beside checkpoint=, which starts if there is none",
                str(path),
            ) from None
        if rest is None or rest.pop("class", None) != KIND:
            raise ValueError(
                f"{path} holds a model and no checkpoint: load it with MLP.load(path) or "
                "model.load_weights(path), and start training without resume="
            )
        parts: dict[str, dict[str, Any]] = {}
        for name, numbers in tensors.items():
            part, _, key = name.partition("/")
            parts.setdefault(part, {})[key] = numbers
        try:
            return cls(
                model=parts["model"],
                best_model=parts.get("best_model", {}),
                columns={name: x.tolist() for name, x in parts.get("columns", {}).items()},
                optimizer=rest.pop("optimizer") | parts.get("optimizer", {}),
                **rest,
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path} is no whole checkpoint: {error!r}") from None

    def refuse_others(self, settings: Mapping[str, Any], path: object) -> None:
        """Raise a ValueError that names what differs, if it is a checkpoint of another run."""
        names = dict.fromkeys((*self.settings, *settings))
        differ = [
            f"{name} was {self.settings.get(name)} and now is {settings.get(name)}"
            for name in names
            if self.settings.get(name) != settings.get(name)
        ]
        if differ:
            raise ValueError(f"{path} is of another run: {'; '.join(differ)}: {ADVICE}")


def require_place(path: str | PathLike[str], resumed: bool) -> None:
    """Make sure that a run can write its checkpoints there, and that nothing is lost by it.

    Args:
        path: where to.
        resumed: whether the run goes on from this very file, and so may replace it.

    Raises:
        OSError: if it cannot be written; FileExistsError if there is a file already.
        ValueError: if no file can have that name.
    """
    require_writable(path, UNWRITTEN)
    if resumed or not Path(path).exists():
        return
    try:
        epochs = Checkpoint.load(path).epochs
        words = (
            f"it is that of a run already, after {count(epochs, 'epoch')}: go on with that by "
            "resume=True, choose another name, or remove it first"
        )
    except ValueError:
        words = "there is a file already that is no checkpoint: choose another name"
    raise FileExistsError(EEXIST, f"{UNWRITTEN}: {words}", str(path))


def fingerprint(*arrays: Any) -> str:
    """A few letters that tell whether data are the same.

    >>> fingerprint([1.0, 2.0]) == fingerprint([1.0, 2.0]), fingerprint([1.0]) == fingerprint([2.0])
    (True, False)
    """
    digest = sha256()
    for each in arrays:
        array = np.ascontiguousarray(each, dtype=np.float64)
        digest.update(repr(array.shape).encode())
        digest.update(array.data)
    return digest.hexdigest()[:16]
