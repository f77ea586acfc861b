"""How a run of training may fail. What it has learned until then is not lost."""

from __future__ import annotations

from typing import Any, Self

from nn.history import History


class Diverged(FloatingPointError):  # noqa: N818 - says what training has done
    """Training has come to NaN or infinity. The model has the weights of the last good step.

    A step is good if the next loss and gradient, where it has led to, are finite. With early
    stopping the model has the weights of the best epoch, if there was one. The message names the
    epoch, the batch, both from 1, and the first bad node; `history` holds the epochs that were
    completed.
    """

    def __init__(self, message: str, history: History) -> None:
        super().__init__(message)
        self.history = history

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (*self.args, self.history), vars(self)


class NotWritten(OSError):  # noqa: N818 - says what is the matter
    """A checkpoint could not be written in the middle of a run, which ends there.

    `history` holds the epochs that were completed, the last one included.
    """

    history: History

    @classmethod
    def in_place_of(cls, error: OSError, has: str, history: History) -> Self:
        """The error that says what the model has, too."""
        failure = cls(error.errno, f"{error.strerror}; {has}", error.filename)
        failure.history = history
        return failure
