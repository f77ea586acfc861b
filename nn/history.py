"""What a training run was like, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, overload

from engine.wording import count
from nn import plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN: Final = 20  # a table of more epochs leaves out those in the middle
FORMATS: Final = {
    "loss": "{:.4g}",
    "accuracy": "{:.1%}",
    "validation_loss": "{:.4g}",
    "validation_accuracy": "{:.1%}",
    "lr": "{:.3g}",
    "seconds": "{:.2f}",
}


class History:
    """The numbers of a training run, one row per epoch that was completed.

    The columns are "loss" and "accuracy", which are means over the epoch as each batch was met,
    before the step that it led to; "validation_loss" and "validation_accuracy", measured after the
    epoch; "lr", the learning rate; "seconds". Accuracies are from 0 to 1, and only there where the
    labels are classes. The loss is what was minimised, penalties included; that of the validation
    data is the bare loss.

    Args:
        settings: what the run was made with: "loss", "optimizer", "batch_size", "seed" and so on.

    >>> history = History({"loss": "hinge", "optimizer": "Adam(lr=0.01)", "batch_size": 32})
    >>> history.append({"loss": 0.9, "accuracy": 0.75, "lr": 0.01, "seconds": 1.5})
    >>> history
    History of 1 epoch: hinge, Adam(lr=0.01), batches of 32; loss 0.9, accuracy 75.0%
    >>> print(history)
    epoch  loss  accuracy    lr  seconds
        1   0.9     75.0%  0.01     1.50
    >>> history["loss"], history[-1]["accuracy"]
    ([0.9], 0.75)
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)
        self.rows: list[dict[str, float]] = []
        self.interrupted = False  # whether Ctrl-C ended it
        self.note = ""  # why it ended before its time, and which weights the model has
        self.unrecorded = ""  # why it was trained node by node, if it was not asked for
        self.best_epoch: int | None = None  # from 1; known with early stopping

    def append(self, row: Mapping[str, float]) -> None:
        """Add the numbers of an epoch, all at once."""
        names = self.rows[0] if self.rows else row
        if set(row) != set(names):
            raise ValueError(f"the columns are {', '.join(names)}, but got {', '.join(row)}")
        self.rows.append({name: float(row[name]) for name in names})

    @property
    def columns(self) -> dict[str, list[float]]:
        """What was measured, by name: a number per epoch."""
        return {name: [row[name] for row in self.rows] for name in (self.rows or [{}])[0]}

    @columns.setter
    def columns(self, columns: Mapping[str, list[float]]) -> None:
        rows = zip(*columns.values(), strict=True)
        self.rows = [dict(zip(columns, map(float, row), strict=True)) for row in rows]

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, key: str) -> list[float]: ...
    @overload
    def __getitem__(self, key: int) -> dict[str, float]: ...
    @overload
    def __getitem__(self, key: slice) -> list[dict[str, float]]: ...
    def __getitem__(
        self, key: str | int | slice
    ) -> list[float] | dict[str, float] | list[dict[str, float]]:
        """A column by its name, the row of an epoch by its place, from 0, or rows by a slice."""
        if isinstance(key, str):
            columns = self.to_dict()
            if key not in columns:
                raise KeyError(f"{key!r} was not measured: there are {', '.join(columns)}")
            return columns[key]
        if isinstance(key, slice):
            return [self[k] for k in range(len(self))[key]]
        place = range(len(self))[key]
        return {"epoch": place + 1, **self.rows[place]}

    def __iter__(self) -> Iterator[dict[str, float]]:
        return (self[k] for k in range(len(self)))

    def to_dict(self) -> dict[str, list[float]]:
        """All columns by name, the number of the epoch, from 1, among them: as pandas takes it."""
        epochs: list[float] = list(range(1, len(self) + 1))
        return {"epoch": epochs, **self.columns}

    def plot(self) -> Figure:
        """Draw loss and accuracy over the epochs; it needs `pip install 'chainrule[plot]'`.

        Raises:
            ModuleNotFoundError: if matplotlib is not installed.
            ValueError: if no epoch was completed.
        """
        if not len(self):
            raise ValueError("no epoch was completed, so there is nothing to plot")
        return plots.curves(self.to_dict(), self.used())

    def used(self) -> str:
        """What it was made with, in a line."""
        words = {"loss": "{}", "optimizer": "{}", "schedule": "{}", "batch_size": "batches of {}"}
        words |= {"l1": "l1 {:g}", "l2": "l2 {:g}", "seed": "seed {}"}
        given = {name: x for name, x in self.settings.items() if x or (name == "seed" and x == 0)}
        return ", ".join(words[name].format(x) for name, x in given.items() if name in words)

    def __repr__(self) -> str:
        last = f"; {summary(self[-1])}" if len(self) else ""
        note = f"; {self.note}" if self.note else ""
        return f"History of {count(len(self), 'epoch')}: {self.used()}{last}{note}"

    def __str__(self) -> str:
        """A table; of many epochs the first and the last."""
        columns = self.columns
        names = ["epoch", *(name.replace("_", " ") for name in columns)]
        hidden = range(SHOWN // 2, len(self) - SHOWN // 2) if len(self) > SHOWN else range(0)
        lines = [names]
        for k in range(len(self)):
            if k not in hidden:
                row = [FORMATS.get(n, "{:.4g}").format(x[k]) for n, x in columns.items()]
                lines.append([str(k + 1), *row])
            elif k == hidden[0]:
                lines.append(["..."] * len(names))
        widths = [max(len(line[k]) for line in lines) for k in range(len(names))]
        table = ["  ".join(map(str.rjust, line, widths)) for line in lines]
        return "\n".join([*table, *[self.note] * bool(self.note)])


def summary(row: Mapping[str, float]) -> str:
    """The losses and accuracies of an epoch in a line.

    >>> summary({"loss": 0.25, "accuracy": 0.5, "lr": 0.01})
    'loss 0.25, accuracy 50.0%'
    """
    return ", ".join(
        f"{name.replace('_', ' ')} {FORMATS[name].format(row[name])}"
        for name in row
        if name.endswith(("loss", "accuracy"))
    )
