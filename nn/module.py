"""The module: whatever has parameters and turns the numbers of one example into others."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

from engine import Value
from engine.value import operand
from nn import storage
from nn.tensors import Tensor, entries, is_parameter, numbers, shape

if TYPE_CHECKING:
    import numpy as np


class Module:
    """The base of everything that has parameters.

    A module of one's own writes `forward(inputs)`, from a list of Values to a list of Values, and
    keeps its parameters as attributes: leaf Values, modules, lists of these. There is nothing to
    register: they are found, in the order in which they were assigned.

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
            TypeError: if x does not consist of numbers.
            ValueError: if it has not as many as the module takes, or is a batch of examples.
        """
        outputs = self.forward(example(x, self))
        return outputs[0] if len(outputs) == 1 else outputs

    # --- parameters ---

    def parameters(self) -> list[Value]:
        """All parameters, each once: layer by layer, neuron by neuron, weights, then bias."""
        found: dict[int, Value] = {}
        collect(self, found)
        return list(found.values())

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
        """This module and those inside it, each before what it contains."""
        yield self
        for each in vars(self).values():
            yield from modules_in(each)

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

    # --- state ---

    def attributes(self) -> Mapping[str, object]:
        """What is searched for tensors, under the names that state_dict() gives them."""
        return vars(self)

    def tensors(self) -> dict[str, Tensor]:
        """The parameters in nested lists, named and shaped as in state_dict()."""
        found: dict[str, Tensor] = {}
        for name, given in self.attributes().items():
            found |= tensors_in(name, given)
        return found

    def state_dict(self) -> dict[str, np.ndarray]:
        """The numbers of all parameters as arrays of float64, named and shaped as in PyTorch."""
        import numpy as np

        tensors = self.tensors().items()
        return {name: np.array(numbers(tensor), dtype=np.float64) for name, tensor in tensors}

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """Assign all parameters from a state_dict(), ours or PyTorch's.

        Raises:
            TypeError: if it is no such state.
            ValueError: if names, shapes or kinds of number do not fit; nothing is changed then.
        """
        import numpy as np

        if not isinstance(state, Mapping):
            raise TypeError(
                "a state is a dict of arrays, as state_dict() gives it, but got "
                f"{state!r} of type {type(state).__name__}: a file is loaded by load_weights(path)"
            )
        arrays = {name: np.asarray(given) for name, given in state.items()}
        own = self.state_dict()
        wrong = [f"it lacks {name}" for name in own if name not in arrays]
        wrong += [f"{name} is not in the model" for name in arrays if name not in own]
        for name in [name for name in own if name in arrays]:
            if arrays[name].shape != own[name].shape:
                wrong.append(f"{name} has shape {arrays[name].shape}, not {own[name].shape}")
            elif arrays[name].dtype.kind not in "fiu":
                wrong.append(f"{name} holds {arrays[name].dtype}, not real numbers")
        if wrong:
            raise ValueError(f"the state does not fit {self!r}: {'; '.join(wrong)}")
        for name, tensor in self.tensors().items():
            for (_, parameter), number in zip(entries(tensor), arrays[name].flat, strict=True):
                parameter.data = float(number)

    def architecture(self) -> dict[str, Any]:
        """What to build it from, as JSON: its class, and that class's arguments."""
        return {"class": type(self).__name__}

    def save(self, path: str | PathLike[str]) -> None:
        """Write weights and architecture to a safetensors file, which PyTorch reads too.

        The file is replaced as a whole: whatever happens, the old one or the new one is there.

        Raises:
            OSError: if it cannot be written.
            TypeError: if an activation is a function of your own, which has no name to be saved by.
        """
        storage.write(path, self.state_dict(), self.architecture())

    def load_weights(self, path: str | PathLike[str]) -> None:
        """Assign all parameters from a safetensors file, ours or PyTorch's.

        Raises:
            OSError: if it cannot be read.
            ValueError: if it is damaged or does not fit; nothing is changed then.
        """
        tensors, architecture = storage.read(path)
        if architecture is not None and architecture != self.architecture():
            raise ValueError(
                f"{path} holds another model than {self!r}, it was saved from {architecture}: "
                f"load it with {architecture.get('class')}.load(path), or take the numbers alone "
                "with model.load_state_dict(nn.storage.read(path)[0])"
            )
        try:
            self.load_state_dict(tensors)
        except ValueError as error:
            raise ValueError(f"{path} cannot be loaded: {error}") from None

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
    return [operand(each, "an input") for each in row]


def count(n: int, noun: str) -> str:
    """A number and its noun: 1 input, 2 inputs."""
    return f"{n:,} {noun}{'s' * (n != 1)}"


# --- what modules are made of ---


def collect(given: object, found: dict[int, Value]) -> None:
    """Gather the parameters in a module, a Value or a list of these, by their identity."""
    if isinstance(given, Value):
        if is_parameter(given):
            found.setdefault(id(given), given)
    elif isinstance(given, Module):
        for each in vars(given).values():
            collect(each, found)
    elif isinstance(given, list | tuple):
        for each in given:
            collect(each, found)


def modules_in(given: object) -> Iterator[Module]:
    """The modules in an attribute: itself, or those in a list."""
    if isinstance(given, Module):
        yield from given.modules()
    elif isinstance(given, list | tuple):
        for each in given:
            yield from modules_in(each)


def tensors_in(name: str, given: Any) -> dict[str, Tensor]:
    """The tensors of an attribute: one, those of a module, or those of the elements of a list."""
    if shape(given) is not None:
        return {name: given}
    inner: dict[str, Tensor] = {}
    if isinstance(given, Module):
        inner = {f"{name}.{key}": tensor for key, tensor in given.tensors().items()}
    elif isinstance(given, list | tuple):
        for k, each in enumerate(given):
            inner |= tensors_in(f"{name}.{k}", each)
    return inner
