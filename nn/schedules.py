"""Learning-rate schedules: by what the optimiser's learning rate is multiplied in each epoch.

A schedule is called with the number of the epoch, from 0, and gives a factor. Those that look at
how training goes are told after each epoch with `observe(metric)`, and say `finished` when there
is no use in going on. A setting out of its range raises a ValueError, one of a wrong type a
TypeError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import cos, inf, pi
from typing import ClassVar, Final

from engine.node import number
from nn.choice import choose, require, require_whole


class Schedule:
    """What all schedules share: without memory, and never finished, unless they say otherwise."""

    memory: ClassVar[tuple[str, ...]] = ()  # the names of what changes while training goes on

    def __call__(self, epoch: int) -> float:
        """The factor for the learning rate in this epoch; the first is 0."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its factor is")

    @property
    def finished(self) -> bool:
        """Whether training should stop."""
        return False

    def observe(self, metric: float) -> None:
        """Take note of the validation metric after an epoch."""

    def state_dict(self) -> dict[str, float]:
        """What it remembers, to go on exactly from here."""
        return {name: float(getattr(self, name)) for name in self.memory}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Go on from what state_dict() gave.

        Raises:
            ValueError: if it is the state of another kind of schedule; nothing has changed then.
            TypeError: if there is something else than numbers in it.
        """
        expected = set(self.state_dict())
        if set(state) != expected:
            raise ValueError(
                f"the state of {self!r} has {sorted(expected)}, but got {sorted(state)}: "
                "load what state_dict() of the same kind of schedule gave"
            )
        numbers = {name: number(state[name], f"the state's {name}") for name in state}
        for name in self.memory:
            setattr(self, name, numbers[name])


@dataclass
class Constant(Schedule):
    """The learning rate as it is.

    >>> [Constant()(epoch) for epoch in range(3)]
    [1.0, 1.0, 1.0]
    """

    def __call__(self, epoch: int) -> float:
        """Always 1."""
        return 1.0


@dataclass
class Step(Schedule):
    """Times `factor` after every so many epochs: factor ** (epoch // every).

    Args:
        every: after how many epochs, 1 at least.
        factor: what the learning rate is multiplied with, above 0 and up to 1.

    >>> [Step(every=2, factor=0.5)(epoch) for epoch in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        require_whole("Step(every)", self.every)
        require("Step(factor)", self.factor, lambda x: 0 < x <= 1, "above 0 and up to 1")

    def __call__(self, epoch: int) -> float:
        """The factor as often as its time has come."""
        return float(self.factor ** (epoch // self.every))


@dataclass
class Cosine(Schedule):
    """Half a cosine from 1 down to `final`: final + (1 - final) (1 + cos(pi epoch / epochs)) / 2.

    It stays at `final` from then on.

    Args:
        epochs: how long it takes, 1 at least.
        final: the factor at the end, from 0 to 1.

    >>> [round(Cosine(epochs=4)(epoch), 6) for epoch in range(6)]
    [1.0, 0.853553, 0.5, 0.146447, 0.0, 0.0]

    Source: I. Loshchilov, F. Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts, 2017.
    """

    epochs: int
    final: float = 0.0

    def __post_init__(self) -> None:
        require_whole("Cosine(epochs)", self.epochs)
        require("Cosine(final)", self.final, lambda x: 0 <= x <= 1, "from 0 to 1")

    def __call__(self, epoch: int) -> float:
        """Slow at first, fast in the middle, slow at the end."""
        way = min(epoch / self.epochs, 1.0)
        return self.final + (1 - self.final) * (1 + cos(pi * way)) / 2


@dataclass
class InverseTime(Schedule):
    """1/t: the factor is 1 / (1 + decay * epoch).

    Small enough in the long run for stochastic steps to settle, large enough to get anywhere: the
    factors add up to infinity, their squares do not.

    Args:
        decay: how fast; at epoch 1/decay the learning rate is half of what it was. 0 or more.

    >>> [InverseTime(decay=0.5)(epoch) for epoch in (0, 2, 6)]
    [1.0, 0.5, 0.25]

    Source: H. Robbins, S. Monro, A Stochastic Approximation Method, 1951.
    """

    decay: float = 0.1

    def __post_init__(self) -> None:
        require("InverseTime(decay)", self.decay, lambda x: 0 <= x < inf, "0 or more, and finite")

    def __call__(self, epoch: int) -> float:
        """One over a straight line."""
        return 1 / (1 + self.decay * epoch)


@dataclass
class WarmUp(Schedule):
    """A straight line up to 1, and then another schedule, which starts from its own epoch 0.

    The factor is (epoch + 1) / (epochs + 1) while epoch < epochs, and then that of the other one.

    Args:
        epochs: how many epochs stay below the full learning rate, 1 at least.
        then: the schedule that follows. What it should observe, it is told once it is its turn.

    >>> [WarmUp(3, then=Step(every=1, factor=0.5))(epoch) for epoch in range(6)]
    [0.25, 0.5, 0.75, 1.0, 0.5, 0.25]

    Source: P. Goyal et al., Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour, 2017.
    """

    epochs: int
    then: Schedule = field(default_factory=Constant)
    observed: float = field(default=0.0, init=False, repr=False)
    memory: ClassVar[tuple[str, ...]] = ("observed",)

    def __post_init__(self) -> None:
        require_whole("WarmUp(epochs)", self.epochs)
        if not isinstance(self.then, Schedule):
            raise TypeError(
                f"WarmUp(then) is the schedule that follows, but got {self.then!r}: "
                "write one such as WarmUp(5, then=Cosine(95))"
            )

    def __call__(self, epoch: int) -> float:
        """Up the line, then as the other schedule says."""
        if epoch < self.epochs:
            return (epoch + 1) / (self.epochs + 1) * self.then(0)
        return self.then(epoch - self.epochs)

    @property
    def finished(self) -> bool:
        """Whether the schedule that follows is."""
        return self.then.finished

    def observe(self, metric: float) -> None:
        """Pass it on, but not what was seen while warming up."""
        if self.observed >= self.epochs:
            self.then.observe(metric)
        self.observed += 1

    def state_dict(self) -> dict[str, float]:
        """How far it is, and what the other one remembers, as "then.name"."""
        rest = self.then.state_dict()
        return super().state_dict() | {f"then.{name}": rest[name] for name in rest}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Go on from what state_dict() gave; errors as for any schedule."""
        super().load_state_dict(state)
        self.then.load_state_dict({name: state[f"then.{name}"] for name in self.then.state_dict()})


@dataclass
class HalveOnPlateau(Schedule):
    """Halve the learning rate whenever the metric has not improved for some epochs.

    And stop once it is a 128th of what it was at the start: Nielsen's "no improvement in ten".

    Args:
        patience: how many epochs in a row must fail to improve on the best; 1 at least.
        mode: "min" for a metric that should fall, as a loss; "max" for an accuracy.
        stop_at: `finished` is True once the factor is as small as this; None goes on for ever.

    >>> schedule = HalveOnPlateau(patience=2, mode="max")
    >>> for accuracy in (0.5, 0.6, 0.6, 0.6):
    ...     schedule.observe(accuracy)
    >>> schedule(4), schedule.finished
    (0.5, False)

    Source: M. Nielsen, Neural Networks and Deep Learning, 2015, chapter 3.
    """

    patience: int = 10
    mode: str = "min"
    stop_at: float | None = 1 / 128
    factor: float = field(default=1.0, init=False, repr=False)
    best: float = field(init=False, repr=False)
    without_improvement: float = field(default=0.0, init=False, repr=False)
    memory: ClassVar[tuple[str, ...]] = ("factor", "best", "without_improvement")

    def __post_init__(self) -> None:
        require_whole("HalveOnPlateau(patience)", self.patience)
        if self.stop_at is not None:
            words = "above 0 and below 1, or None to go on for ever"
            require("HalveOnPlateau(stop_at)", self.stop_at, lambda x: 0 < x < 1, words)
        self.best = choose("a mode", self.mode, {"min": inf, "max": -inf})

    def __call__(self, epoch: int) -> float:
        """What it has observed so far decides, not the epoch."""
        return self.factor

    @property
    def finished(self) -> bool:
        """Whether the learning rate has become as small as it may."""
        return self.stop_at is not None and self.factor <= self.stop_at

    def observe(self, metric: float) -> None:
        """Take note of the validation metric after an epoch.

        Raises:
            ValueError: if it is NaN, which is neither better nor worse than anything.
        """
        metric = require("observe(metric)", metric, lambda x: True, "a number other than NaN")
        if metric < self.best if self.mode == "min" else metric > self.best:
            self.best, self.without_improvement = metric, 0.0
            return
        self.without_improvement += 1
        if self.without_improvement >= self.patience:
            self.factor, self.without_improvement = self.factor / 2, 0.0


SCHEDULES: Final[dict[str, type[Schedule]]] = {
    "constant": Constant,
    "step": Step,
    "cosine": Cosine,
    "inverse_time": InverseTime,
    "warm_up": WarmUp,
    "halve_on_plateau": HalveOnPlateau,
}


def resolve(given: object, epochs: int) -> Schedule:
    """The schedule that is meant by a name, or the schedule itself; None is the constant one.

    Args:
        given: a name of SCHEDULES, a schedule, or None.
        epochs: how long the run is. "cosine" takes all of it, "step" a third for each step, and
            "warm_up" a tenth.

    Raises:
        TypeError, ValueError: if given is none of these; if the name is not known.

    >>> resolve("cosine", epochs=50)
    Cosine(epochs=50, final=0.0)
    """
    if given is None or isinstance(given, Schedule):
        return given or Constant()
    by_length: dict[type[Schedule], Callable[[], Schedule]] = {
        Step: lambda: Step(max(1, epochs // 3)),
        Cosine: lambda: Cosine(epochs),
        WarmUp: lambda: WarmUp(max(1, epochs // 10)),
    }
    kind = choose("a schedule", given, SCHEDULES)
    return by_length.get(kind, kind)()
