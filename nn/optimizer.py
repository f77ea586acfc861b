"""What all optimisers share: a step that is all or nothing, and a state that can be saved.

An optimiser gathers the numbers and gradients of its parameters into flat vectors, applies its
rule, and writes the numbers back. Where that would lead to NaN or infinity, nothing has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar

from engine import Value
from engine.frames import file_of, is_ours
from nn.choice import require
from nn.flat import Numbers
from nn.refusals import LIMITS, LOOK, SLOW_DOWN, refuse_unbounded, trainable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]
    State = dict[str, Vector]


class Optimizer:
    """What all optimisers share; `rule` is what makes one.

    Args:
        parameters: the Values to train: leaves, each once.
        settings: the learning rate `lr` and the others of the rule.

    Raises:
        TypeError: if parameters is not a list of Values, or a setting not a number.
        ValueError: if there are none, one is there twice or cannot be trained, or a setting is out
            of its range.
    """

    vectors: ClassVar[tuple[str, ...]] = ()  # what the rule remembers for each parameter

    def __init__(self, parameters: Iterable[Value], **settings: float) -> None:
        import numpy as np

        self.settings = {name: self._checked(name, x) for name, x in settings.items()}
        self.parameters = trainable(parameters, type(self).__name__)
        self.numbers = Numbers(self.parameters)
        self.steps = 0
        self._is_ours = all(is_ours(file_of(code)) for code in (type(self), type(self).rule))
        self.state: State = {name: np.zeros(len(self.parameters)) for name in self.vectors}

    @property
    def lr(self) -> float:
        """The learning rate; it can be assigned between steps, as a schedule does."""
        return self.settings["lr"]

    @lr.setter
    def lr(self, lr: float) -> None:
        self.settings["lr"] = self._checked("lr", lr)

    @property
    def is_foreign(self) -> bool:
        """Whether the rule is not ours: it may hide infinity, and write to its arguments."""
        return not self._is_ours or "rule" in vars(self)

    def rule(self, w: Vector, g: Vector) -> tuple[Vector, State]:
        """The parameters after one step from w with gradient g, and what to remember then.

        A pure function of these, of the settings, of `steps` and of `state`.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how parameters move")

    def update(self, data: Vector, gradient: Vector) -> Vector:
        """One step on flat vectors, without Values: what a recorded training step calls.

        Args:
            data: the parameters' numbers, shape (n,), in the order of `parameters`.
            gradient: the gradient, shape (n,).

        Returns:
            The new numbers, shape (n,), in a new array.

        Raises:
            ValueError: if a vector has another shape.
            FloatingPointError: if the gradient or a result is NaN or infinite; nothing has changed.

        >>> import numpy as np
        >>> from nn.optim import SGD
        >>> SGD([Value(1.0), Value(2.0)], lr=0.5).update(np.array([1.0, 2.0]), np.array([4.0, 0]))
        array([-1.,  2.])
        """
        import numpy as np

        shape = (len(self.parameters),)
        for name, vector in (("data", data), ("gradient", gradient)):
            if np.shape(vector) != shape:
                raise ValueError(
                    f"update({name}) takes one number per parameter, shape "
                    f"({len(self.parameters)},), but got shape {np.shape(vector)}"
                )
        data, gradient = np.asarray(data, float), np.asarray(gradient, float)
        with np.errstate(all="ignore"):
            return self.advance(data, gradient)

    def at_once(self, data: Vector, gradient: Any, copy: Any) -> Vector | None:
        """The same in one pass over the vectors, if all goes well; else None, and no step.

        Args:
            data: as for `update`.
            gradient: as for `update`, or of float32.
            copy: what gets the new numbers, too, float64 or float32; or None. With no step made,
                it may have any numbers afterwards.
        """
        return None

    def advance(self, data: Vector, gradient: Vector) -> Vector:
        """The same for vectors of floats that are known to fit; NumPy may warn."""
        rule = self._foreign if self.is_foreign else self.rule
        new, state = rule(data, gradient)
        for vector in (new,) if state is self.state else (new, *state.values()):
            if not isfinite(vector.dot(vector)):  # which is quick to see; that of 1e200 is not
                refuse_unbounded(gradient, "has a gradient of", LOOK)
                refuse_unbounded(vector, "would become", SLOW_DOWN)
        self.state, self.steps = state, self.steps + 1
        return new

    def step(self) -> None:
        """Move the parameters along the gradients that backward() has left in them.

        A parameter that no backward pass has reached counts as one with gradient 0.

        Raises:
            RuntimeError: if no parameter has a gradient.
            FloatingPointError: if a gradient or a result is NaN or infinite; nothing has changed.

        >>> from nn.optim import SGD
        >>> w = Value(3.0)
        >>> optimizer = SGD([w], lr=0.1)
        >>> (w * w).backward()
        >>> optimizer.step()
        >>> w.data
        2.4
        """
        import numpy as np

        if not any(p.has_grad for p in self.parameters):
            raise RuntimeError(
                "step() has no gradient to follow: call backward() on the loss first, and "
                "zero_grad() before that, not after"
            )
        gradient = np.array([p.grad for p in self.parameters])
        self.numbers.write(self.update(self.numbers.read(), gradient))

    def zero_grad(self) -> None:
        """Forget the gradients of the parameters: backward() adds to what is there."""
        for p in self.parameters:
            p.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """Settings as floats, `steps`, and what it remembers as arrays of shape (n,): copies."""
        arrays = {name: vector.copy() for name, vector in self.state.items()}
        return {**self.settings, "steps": float(self.steps), **arrays}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on exactly from what state_dict() gave, settings included.

        Raises:
            ValueError: if it does not fit this optimiser; nothing has changed.
            TypeError: if there is something else than numbers in it.
        """
        import numpy as np

        expected = self.state_dict()
        if set(state) != set(expected):
            raise ValueError(
                f"the state of {type(self).__name__} has {', '.join(expected)}, but got "
                f"{', '.join(state)}: load what state_dict() of the same kind of optimiser gave"
            )
        arrays = {name: np.array(state[name], dtype=np.float64) for name in self.state}
        for name, vector in arrays.items():
            if vector.shape != (len(self.parameters),) or not np.isfinite(vector).all():
                raise ValueError(
                    f"{name} of the state must be {len(self.parameters)} finite numbers, one per "
                    f"parameter, but got shape {vector.shape}: is it of another network?"
                )
        settings = {name: self._checked(name, state[name]) for name in self.settings}
        self.steps = int(self._checked("steps", state["steps"]))
        self.settings, self.state = settings, arrays

    def _foreign(self, data: Vector, gradient: Vector) -> tuple[Vector, State]:
        """What a rule that is not ours makes of copies, which it may write to."""
        refuse_unbounded(gradient, "has a gradient of", LOOK)
        return self._fitting(self.rule(data.copy(), gradient.copy()))

    def _fitting(self, found: Any) -> tuple[Vector, State]:
        """What a rule has given as vectors of floats, if that is what they are."""
        import numpy as np

        shape = (len(self.parameters),)
        words = (
            f"rule() of {type(self).__name__} must give a pair, the new numbers and a dict of what "
            f"to remember, all of them vectors of shape ({shape[0]},), but "
        )
        if not (isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], Mapping)):
            raise TypeError(f"{words}it gave a {type(found).__name__} that is no such pair")
        new, state = found
        given = {"new numbers": new, **state}
        for name, vector in given.items():
            array = np.asarray(vector)
            if array.shape != shape or array.dtype.kind not in "fiu":
                raise ValueError(f"{words}its {name} have shape {array.shape}, type {array.dtype}")
        arrays = {name: np.ascontiguousarray(vector, float) for name, vector in given.items()}
        return arrays.pop("new numbers"), state if state is self.state else arrays

    def _checked(self, name: str, given: object) -> float:
        limit, words = LIMITS[name]
        if isinstance(given, bool) and name != "nesterov":
            raise TypeError(f"{type(self).__name__}({name}) takes a number, but got {given}")
        return require(f"{type(self).__name__}({name})", given, lambda x: 0 <= x < limit, words)

    def __repr__(self) -> str:
        settings = "".join(f", {name}={x:g}" for name, x in self.settings.items())
        return f"{type(self).__name__}({len(self.parameters)} parameters{settings})"
