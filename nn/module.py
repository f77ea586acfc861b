"""The module: whatever has parameters and turns the numbers of one example into others."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Self

from engine import Value, as_value
from engine.wording import count
from nn.stored import Stored
from nn.tensors import entries, is_parameter, parts, plain

if TYPE_CHECKING:
    from nn.readings import Reading


class Module(Stored):
    """The base of everything that has parameters.

    A module of one's own writes `forward(inputs)`, from a list of Values to a list of Values, and
    keeps its parameters as attributes: leaf Values, modules, lists and dicts of these. There is
    nothing to register: they are found, in the order in which they were assigned.

    >>> class Scale(Module):
    ...     def __init__(self) -> None:
    ...         self.factor = Value(3.0)
    ...     def forward(self, inputs: list[Value]) -> list[Value]:
    ...         return [self.factor * x for x in inputs]
    >>> scale = Scale()
    >>> scale([2.0, 4.0])
    [Value(6.0), Value(12.0)]
    >>> list(scale.named_parameters())
    [('factor', Value(3.0))]
    """

    training = True  # whether Dropout and its like are at work
    n_in: int | None = None  # how many inputs it takes; None: any number
    n_out: int | None = None  # how many outputs it gives; None: not known before
    output_activation = ""  # the name of what its outputs come from; "": not known
    reading: Reading | None = None  # how outputs are read as classes: fit leaves it here

    def forward(self, inputs: list[Value]) -> list[Value]:
        """The outputs for one example, given as Values."""
        raise NotImplementedError(
            f"{type(self).__name__} does not say what it computes: write its "
            "forward(self, inputs), from a list of Values to a list of Values"
        )

    def __call__(self, x: object) -> Any:
        """Compute the outputs for one example.

        Args:
            x: the numbers of one example: a list, a tuple, a row of an array, numbers or Values.

        Returns:
            A Value if there is one output, else the list of them.

        Raises:
            TypeError: if x does not consist of numbers, or what forward returns not of Values.
            ValueError: if it has not as many as the module takes, or is a batch of examples.
        """
        outputs = self.compute(example(x, self))
        return outputs[0] if len(outputs) == 1 else outputs

    def compute(self, inputs: list[Value]) -> list[Value]:
        """What forward returns, as a list: it may be a single Value, or a tuple.

        Raises:
            TypeError: if it is none of these.
        """
        given: Any = self.forward(inputs)
        outputs = [given] if isinstance(given, Value) else given
        if not isinstance(outputs, list | tuple):
            found = f"{given!r} of type {type(given).__name__}"
        elif others := [each for each in outputs if not isinstance(each, Value)]:
            found = f"one that holds {others[0]!r} of type {type(others[0]).__name__}"
        else:
            return list(outputs)
        raise TypeError(
            f"{type(self).__name__}.forward must return a list of Values, through which gradients "
            f"go back, but got {found}: end it with return [...], computed from its inputs"
        )

    # --- parameters ---

    def parameters(self) -> list[Value]:
        """All parameters, each once: layer by layer, neuron by neuron, weights, then bias."""
        return [each for each in contents(self, {}).values() if is_parameter(each)]

    def named_parameters(self) -> Iterator[tuple[str, Value]]:
        """Each parameter with its name, such as `0.weight[3][1]`, in the order of parameters()."""
        names: dict[int, str] = {}
        for name, tensor in self.tensors().items():
            for place, parameter in entries(tensor):
                names.setdefault(id(parameter), name + place)
        for parameter in self.parameters():
            yield names[id(parameter)], parameter

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.zero_grad()

    # --- training or not ---

    def modules(self) -> Iterator[Module]:
        """This module and those inside it, each once and before what it contains."""
        return (each for each in contents(self, {}).values() if isinstance(each, Module))

    def train(self, mode: bool = True) -> Self:
        """Set it, and what is inside, to training: dropout drops. Returns the module itself."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Set it, and what is inside, to being used: nothing is left to chance."""
        return self.train(False)

    def reseed(self, seed: int) -> None:
        """Let all chance inside it depend on this seed alone; every Dropout gets its own part."""
        chance = random.Random(seed)
        for module in self.modules():
            module.draw_seed(chance)

    def draw_seed(self, chance: random.Random) -> None:
        """Begin anew with a seed drawn from this source; most modules need none."""

    def __repr__(self) -> str:
        start = "" if self.n_in is None else f"{type(self).__name__} {self.n_in} → "
        return f"{start}{self._text()}, {count(len(self.parameters()), 'parameter')}"

    def _text(self) -> str:
        """What it is, in a word or two, for the text of a network."""
        return type(self).__name__


# --- one example ---


def example(x: object, module: Module) -> list[Value]:
    """The numbers of one example as nodes: each is made a node once, not once for every neuron."""
    if isinstance(x, str | bytes | dict | set) or x is None:
        raise TypeError(
            f"{module!r} takes the numbers of one example, but got {x!r} of type "
            f"{type(x).__name__}: write them as a list, model([1.0, -2.0])"
        )
    if hasattr(x, "tolist"):
        x = x.tolist()  # of Python's floats, which are quicker than an array's
    row = list(x) if isinstance(x, Iterable) and not isinstance(x, Value) else [x]
    if row and hasattr(row[0], "__len__") and not isinstance(row[0], str | bytes):
        raise ValueError(
            f"{module!r} takes one example at a time, but got {len(row)} rows: "
            "write [model(x) for x in X] for a batch, or model(x.ravel()) for one image"
        )
    if module.n_in is not None and len(row) != module.n_in:
        raise ValueError(f"{module!r} takes {count(module.n_in, 'input')}, but got {len(row)}")
    return [as_value(each, "an input") for each in row]


# --- what modules are made of ---


def contents(given: object, found: dict[int, object]) -> dict[int, object]:
    """All that is in a module or a container, each once and before what it contains itself.

    Args:
        given: a module, a dict, a list, an array of Values, or anything else.
        found: what has been found by now, by identity: a part may refer back to the whole.
    """
    given = plain(given)
    if id(given) in found:
        return found
    found[id(given)] = given
    for each in parts(vars(given) if isinstance(given, Module) else given):
        if isinstance(each, Value):
            found[id(each)] = each  # most are Values, and there are many: no further questions
        else:
            contents(each, found)
    return found
