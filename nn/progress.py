"""How training tells where it is: a bar where somebody watches, plain lines in a file, or nothing.

All of it goes to standard error, so that what a script prints stays its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, Final

from engine.wording import count
from nn.history import summary

FORMAT: Final = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
LINES: Final = 10  # how many there are in a file, the report included, at most


class Progress:
    """What is told how a run goes; this one keeps it to itself."""

    def batch(self, epoch: int, part: float) -> None:
        """Told after each step: the epoch, from 0, and the part of it that is done."""

    def epoch(self, epoch: int, row: Mapping[str, float]) -> None:
        """Told after each epoch: its number, from 0, and its numbers."""

    def close(self, report: str = "") -> None:
        """Told at the end, however it came: a line to leave behind."""


class Lines(Progress):
    """A plain line every tenth of the way, for a log file.

    Args:
        epochs: how many there will be.
    """

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def epoch(self, epoch: int, row: Mapping[str, float]) -> None:
        """A line, if another tenth is done; at the end there is the report."""
        if epoch * LINES // self.epochs < (epoch + 1) * LINES // self.epochs < LINES:
            say(f"epoch {epoch + 1}/{self.epochs}: {summary(row)}")

    def close(self, report: str = "") -> None:
        """The report."""
        if report:
            say(report)


class Bar(Lines):
    """A bar over all epochs, which moves with every batch.

    Args:
        epochs: how many there will be.
        done: how many there were before, if a run is resumed.
    """

    def __init__(self, epochs: int, done: int = 0) -> None:
        from tqdm.auto import tqdm

        super().__init__(epochs)
        self.bar: Any = tqdm(
            total=epochs,
            initial=done,
            bar_format=FORMAT,
            **width(),
            desc=f"epoch {min(done + 1, epochs)}/{epochs}",
        )

    def batch(self, epoch: int, part: float) -> None:
        """Move on; tqdm draws a few times per second only."""
        self.bar.set_description_str(f"epoch {epoch + 1}/{self.epochs}", refresh=False)
        self.bar.update(epoch + part - self.bar.n)

    def epoch(self, epoch: int, row: Mapping[str, float]) -> None:
        """Show how it went."""
        self.bar.set_postfix_str(short(row), refresh=epoch + 1 == self.epochs)

    def close(self, report: str = "") -> None:
        """Leave the bar where it is, and the report below."""
        self.bar.close()
        super().close(report)


def progress_for(wanted: bool | None, epochs: int, done: int = 0) -> Progress:
    """What suits the place: a bar in a terminal or a notebook, lines elsewhere if they are wanted.

    Args:
        wanted: True or False; None wants it where somebody watches.
        epochs: how many there will be.
        done: how many there were before.
    """
    watched = sys.stderr is not None and (sys.stderr.isatty() or in_notebook())
    if wanted is False or sys.stderr is None or (wanted is None and not watched):
        return Progress()
    return Bar(epochs, done) if watched else Lines(epochs)


def in_notebook() -> bool:
    """Whether this is a cell of a notebook: IPython is at work, with a kernel behind it."""
    ipython = sys.modules.get("IPython")
    return hasattr(ipython.get_ipython(), "kernel") if ipython else False


def width() -> dict[str, Any]:
    """How wide tqdm makes the bar: as the terminal, or 80 where that does not know its width."""
    try:
        known = os.get_terminal_size(sys.stderr.fileno()).columns > 0
    except (OSError, ValueError):  # no terminal, but a notebook
        known = True
    return {"dynamic_ncols": True} if known else {"ncols": 80}


def short(row: Mapping[str, float]) -> str:
    """The losses and accuracies of an epoch in few letters, to leave the bar some room.

    >>> short({"loss": 0.25, "accuracy": 0.5, "validation_loss": 0.5, "validation_accuracy": 0.4})
    'loss 0.25, 50.0%, validation 0.5, 40.0%'
    """
    words = summary(row).replace("validation accuracy ", "").replace("accuracy ", "")
    return words.replace("validation loss", "validation")


def say(line: str) -> None:
    """Write a line where it is read at once."""
    print(line, file=sys.stderr, flush=True)


def report(epochs: int, row: Mapping[str, float], seconds: float, note: str) -> str:
    """The last line of a run.

    >>> report(2, {"loss": 0.25}, 3.21, "")
    '2 epochs in 3.2 s: loss 0.25'
    """
    numbers = f": {summary(row)}" if row else ""
    return f"{count(epochs, 'epoch')} in {seconds:.1f} s{numbers}{'; ' * bool(note)}{note}"
