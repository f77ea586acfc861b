"""The loop of training: epochs of steps, and all that may end it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any

from engine.wording import count
from nn.checkpoint import Checkpoint, fingerprint
from nn.data import batches
from nn.evaluation import Data, Evaluation, correct
from nn.failures import Diverged, NotWritten
from nn.history import FORMATS, History
from nn.metrics import in_mode
from nn.module import Module
from nn.moment import Best, Moment, all_or_nothing, chance_kept
from nn.optimizer import Optimizer
from nn.progress import Progress, progress_for, report
from nn.schedules import Constant, Schedule, WarmUp
from nn.steps import Objective, Outcome, Step


@dataclass(frozen=True)
class Options:
    """How long and in which pieces."""

    epochs: int
    batch_size: int
    shuffle: bool
    seed: int
    patience: int | None
    checkpoint: Path | None
    checkpoint_every: int


class Run:
    """One run of training.

    Everything that is random in an epoch follows from the seed and the number of the epoch, so that
    a run that goes on from a checkpoint draws what an uninterrupted one draws.
    """

    def __init__(
        self,
        model: Module,
        data: Data,
        objective: Objective,
        step: Callable[..., Outcome],
        optimizer: Optimizer,
        schedule: Schedule,
        options: Options,
    ) -> None:
        self.model, self.data, self.objective, self.step = model, data, objective, step
        self.optimizer, self.schedule = optimizer, schedule
        self.options = options
        self.history = History(self.settings())
        self.note_step()
        self.evaluation = Evaluation(model, objective.loss, data)
        self.base_lr = optimizer.lr
        self.best = Best()
        self.steps = 0
        self.place = ""  # where it is, for an error
        self.progress = Progress()

    def settings(self) -> dict[str, Any]:
        """What the run is made with: another run with the same gives the same result."""
        held, optimizer = self.data.validation, self.optimizer
        given = {name: x for name, x in optimizer.settings.items() if x or name == "lr"}
        words = ", ".join(f"{name}={x!r}" for name, x in given.items())
        return {
            "model": repr(self.model),
            "loss": self.objective.loss.name,
            "optimizer": f"{type(optimizer).__name__}({words})",
            "schedule": None if self.schedule == Constant() else text(self.schedule),
            "step": getattr(self.step, "kind", type(self.step).__name__),
            "batch_size": self.options.batch_size,
            "shuffle": self.options.shuffle,
            "l1": self.objective.l1,
            "l2": self.objective.l2,
            "patience": self.options.patience,
            "seed": self.options.seed,
            "examples": len(self.data.training[0]),
            "validation": 0 if held is None else len(held[0]),
        }

    @cached_property
    def identity(self) -> dict[str, Any]:
        """The settings, and a fingerprint of the data, which takes its time if there are many."""
        arrays = *self.data.training, *(self.data.validation or ())
        return self.history.settings | {"data": fingerprint(*arrays)}

    def go(self, progress: bool | None) -> None:
        """Train to the end, whichever it is.

        Raises:
            Diverged: if a loss, a gradient or a parameter turns NaN or infinite.
            NotWritten: if a checkpoint cannot be written.
            KeyboardInterrupt: if it comes before anything has been learned.
        """
        done, started = len(self.history), time.perf_counter()
        self.last_good = Moment(self.optimizer)  # before the last step, which may lead astray
        self.progress = progress_for(progress, self.options.epochs, done)
        last_words = ""
        try:
            with in_mode(self.model, training=True), chance_kept(self.model):
                while len(self.history) < self.options.epochs and not self.why_stop():
                    self.epoch(len(self.history))
                    self.save()
            self.conclude()
            last_words = self.report(done, started)
        except KeyboardInterrupt:
            self.optimizer.numbers.release()  # if that was about to be done
            if not self.steps and not len(self.history):
                raise
            self.history.interrupted = True
            self.history.note = (
                f"interrupted in {self.place}; the model has the weights of the last whole step"
            )
            last_words = self.report(done, started)
        except FloatingPointError as error:
            raise self.taken_back(error) from None
        finally:
            self.optimizer.lr = self.base_lr
            self.progress.close(last_words)

    def taken_back(self, error: FloatingPointError) -> Diverged:
        """The error of a run that has diverged, with the model as it says."""
        self.last_good.restore()
        has = self.keep_best() or "the model has the weights of the last good step"
        self.history.note = f"diverged in {self.place}; {has}"
        return Diverged(
            f"training diverged in {self.place}: {error}; {has}, and the usual remedy is a smaller "
            "learning rate",
            self.history,
        )

    def report(self, done: int, started: float) -> str:
        """What there is to say of it at the end."""
        row = self.history[-1] if len(self.history) else {}
        seconds = time.perf_counter() - started
        return report(len(self.history) - done, row, seconds, self.history.note)

    def epoch(self, epoch: int) -> None:
        """Go through all the data once."""
        started, options, read = time.perf_counter(), self.options, self.data.reading
        self.place = f"epoch {epoch + 1}"
        self.optimizer.lr = self.base_lr * self.schedule(epoch)
        self.model.reseed(options.seed * 2**32 + epoch)
        X, y = self.data.training
        order = (options.seed, epoch)
        steps = -(-len(X) // options.batch_size)
        loss, right, arrays = 0.0, 0, isinstance(self.step, Step) and self.step.takes_arrays
        with self.held():
            for k, (rows, labels) in enumerate(
                batches(X, y, options.batch_size, shuffle=options.shuffle, seed=order)
            ):
                self.place = f"epoch {epoch + 1}, batch {k + 1} of {steps}"
                targets = labels if arrays else labels.tolist()
                outcome = self.guarded_step(rows, targets)
                loss += outcome.loss * len(rows) / len(X)
                right += correct(read, outcome.outputs, labels)
                self.progress.batch(epoch, (k + 1) / steps)
        self.note_step()
        row = {"loss": loss}
        if read is not None:
            row["accuracy"] = right / len(X)
        if self.data.validation is not None:
            self.place = f"the validation after epoch {epoch + 1}"
            row |= self.evaluation()
        seconds = time.perf_counter() - started
        self.take_note(row | {"lr": self.optimizer.lr, "seconds": seconds})

    def note_step(self) -> None:
        """Let the history know why the step is not recorded, which may turn out in any epoch."""
        self.history.unrecorded = getattr(self.step, "unrecorded", "")

    def held(self) -> AbstractContextManager[None]:
        """Around the steps of an epoch: nobody looks at the parameters meanwhile."""
        return self.step.held() if isinstance(self.step, Step) else nullcontext()

    def guarded_step(self, X: Any, targets: Any) -> Outcome:
        """A step that is made as a whole or not at all.

        Raises:
            FloatingPointError: if its loss is NaN or infinite.
        """
        with all_or_nothing(self.optimizer) as before:
            outcome = self.step(X, targets)
            if not isfinite(outcome.loss):
                raise FloatingPointError(f"the loss of the batch is {outcome.loss}")
        self.steps, self.last_good = self.steps + 1, before
        return outcome

    def take_note(self, row: dict[str, float]) -> None:
        """Let the schedule, early stopping, the history and whoever watches know of an epoch."""
        loss = row.get("validation_loss", row["loss"])
        precise = row.get("validation_accuracy", row.get("accuracy", 0.0))
        self.schedule.observe(precise if looks_at_accuracy(self.schedule) else loss)
        if self.options.patience is not None:
            self.best.observe(loss, len(self.history) + 1, self.model)
        self.history.append(row)
        self.progress.epoch(len(self.history) - 1, row)

    def why_stop(self) -> str:
        """Why not to go on before all epochs are done; "" if there is no reason."""
        patience = self.options.patience
        if patience is not None and self.best.waited >= patience:
            return f"stopped early: no better validation loss in {count(patience, 'epoch')}"
        if self.schedule.finished:
            return f"stopped: the learning rate is as small as {self.schedule!r} lets it become"
        return ""

    def conclude(self) -> None:
        """At a regular end: with early stopping the model gets the best weights."""
        notes = self.why_stop(), self.keep_best()
        self.history.note = "; ".join(note for note in notes if note)

    def keep_best(self) -> str:
        """Give the model the best weights, if there are some, and say so."""
        if not self.best.epoch:
            return ""
        with all_or_nothing(self.optimizer):
            self.model.load_state_dict(self.best.weights)
        self.history.best_epoch = self.best.epoch
        return f"the model has the weights of epoch {self.best.epoch}, the best"

    # --- checkpoints ---

    def save(self) -> None:
        """Write a checkpoint, if it is time."""
        done, options = len(self.history), self.options
        last = done == options.epochs or self.why_stop()
        if options.checkpoint is None or not (last or done % options.checkpoint_every == 0):
            return
        try:
            self.checkpoint().save(options.checkpoint)
        except OSError as error:
            has = self.keep_best() or f"the model has the weights of epoch {done}"
            self.history.note = f"stopped, for the checkpoint could not be written; {has}"
            raise NotWritten.in_place_of(error, has, self.history) from None

    def checkpoint(self) -> Checkpoint:
        """All that has to be known to go on."""
        best = {"loss": self.best.loss, "epoch": self.best.epoch, "waited": self.best.waited}
        return Checkpoint(
            settings=self.identity,
            epochs=len(self.history),
            model=self.model.state_dict(),
            optimizer=self.optimizer.state_dict(),
            schedule=self.schedule.state_dict(),
            best=best,
            best_model=self.best.weights,
            columns=self.history.columns,
        )

    def resume(self, checkpoint: Checkpoint, path: object) -> None:
        """Go on where a run with the same settings was.

        Raises:
            ValueError: if it is another run, or longer than this one; nothing has changed then.
        """
        checkpoint.refuse_others(self.identity, path)
        if checkpoint.epochs > self.options.epochs:
            raise ValueError(
                f"{path} has {count(checkpoint.epochs, 'epoch')} behind it already, more than "
                f"epochs={self.options.epochs}, which counts from the start of the run"
            )
        with all_or_nothing(self.optimizer):
            try:
                self.best = Best(**checkpoint.best, weights=checkpoint.best_model)
                self.schedule.load_state_dict(checkpoint.schedule)
                self.optimizer.load_state_dict(checkpoint.optimizer)
                self.model.load_state_dict(checkpoint.model)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{path} is damaged: {error}") from None
        columns = checkpoint.columns
        self.history.columns = {name: columns[name] for name in FORMATS if name in columns}


def text(schedule: Schedule) -> str:
    """What it is, for comparison: of one without a text of its own its class."""
    plain = type(schedule).__repr__ is object.__repr__
    return type(schedule).__name__ if plain else repr(schedule)


def looks_at_accuracy(schedule: Schedule) -> bool:
    """Whether a schedule waits for something that should grow."""
    while isinstance(schedule, WarmUp):
        schedule = schedule.then
    return getattr(schedule, "mode", "min") == "max"
