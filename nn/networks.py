"""Networks: layers one after the other, numbered, saved and loaded as PyTorch does it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from itertools import pairwise
from os import PathLike
from typing import Any, Self

from engine import Value
from engine.wording import count
from nn import storage, stored
from nn.activations import ACTIVATIONS, Activation, resolve
from nn.choice import require_whole
from nn.init import initialiser, source
from nn.layers import Act, Dropout, Init, Layer, Neuron, Seed, activation_for
from nn.module import Module
from nn.stored import BUILDERS, build
from nn.tensors import entries


class Sequential(Module):
    """Layers one after the other: what one gives, the next one takes.

    The tensors are numbered as in PyTorch's nn.Sequential, where activations are modules and
    count: a layer takes two places, or one if its activation is linear, which PyTorch leaves out.

    Args:
        *layers: layers, other modules, and activations by name or function.

    Raises:
        TypeError, ValueError: if they are none of these, or their sizes do not fit.

    >>> model = Sequential(Layer(2, 16), "tanh", Dropout(0.2), Layer(16, 1, "sigmoid"))
    >>> model
    Sequential 2 → 16 linear → tanh → dropout 0.2 → 1 sigmoid, 65 parameters
    >>> list(model.state_dict())
    ['0.weight', '0.bias', '3.weight', '3.bias']
    """

    def __init__(self, *layers: Module | Act) -> None:
        if not layers or isinstance(layers[0], list | tuple):
            raise TypeError("Sequential takes one layer or more: write Sequential(*layers)")
        self.layers: list[Module | Activation] = []
        sized: list[Module] = []
        for each in layers:
            n = sized[-1].n_out if sized else None  # how many outputs there are by now, if known
            self.layers.append(each if isinstance(each, Module) else activation_for(n, each))
            if isinstance(each, Module) and not isinstance(each, Dropout):
                if n is not None and each.n_in not in (None, n):
                    takes = count(each.n_in, "input")
                    raise ValueError(f"{each!r} cannot follow {sized[-1]!r}: it takes {takes}")
                sized.append(each)
        if sized:
            self.n_in, self.n_out = sized[0].n_in, sized[-1].n_out
        working = [each for each in self.layers if not isinstance(each, Dropout)]
        if working:
            self.output_activation = getattr(working[-1], "output_activation", str(working[-1]))

    def forward(self, inputs: list[Value]) -> list[Value]:
        """The outputs of the last layer."""
        for layer in self.layers:
            inputs = layer.compute(inputs) if isinstance(layer, Module) else layer(inputs)
        return inputs

    def attributes(self) -> Mapping[str, object]:
        """Its layers under PyTorch's numbers."""
        numbered: dict[str, object] = {}
        place = 0
        for layer in self.layers:
            numbered[str(place)] = layer
            place += places(layer.activation) if isinstance(layer, Neuron | Layer) else 1
        return numbered | vars(self) | {"layers": None}

    def architecture(self) -> dict[str, Any]:
        """Its class and what each layer is built from."""
        layers = [
            layer.architecture()
            if isinstance(layer, Module)
            else {"class": "Activation", "name": layer.saved()}
            for layer in self.layers
        ]
        return super().architecture() | {"layers": layers}

    def save(self, path: str | PathLike[str]) -> None:
        """Write it as every Module is written, unless a layer is in it twice."""
        held = [id(each) for tensor in self.tensors().values() for _, each in entries(tensor)]
        if len(set(held)) < len(held):
            raise ValueError(
                f"{self!r} holds the same parameters in several places, and the file would hold "
                "them as several: write a Module with a forward that calls the layer twice, or "
                "keep model.state_dict() and load it into a model of the same making"
            )
        super().save(path)

    def _text(self) -> str:
        return " → ".join(
            each._text() if isinstance(each, Module) else str(each) for each in self.layers
        )


class MLP(Sequential):
    """A multilayer perceptron: layers, each fully connected to the next.

    `MLP(2, [16, 16, 1])` is micrograd's network: relu, a linear output, and after the same
    `random.seed` the same weights. Networks of relu as small as 2-4-1 can die on XOR, their neurons
    silent for every example: take tanh there.

    Args:
        n_in: the number of inputs.
        sizes: the number of neurons of each layer; the last is the number of outputs.
        activation: of all layers but the last: a name in `nn.activations.ACTIVATIONS`, or a
            function from a Value to a Value.
        output: the activation of the last layer.
        init: how the weights are drawn: a name in `nn.init.INITIALISERS`, or a function.
        seed: a whole number; without one they come from Python's global `random`.

    Raises:
        TypeError, ValueError: if an argument makes no sense; nothing has been drawn then.

    >>> MLP(2, [16, 16, 1], activation="tanh")
    MLP 2 → 16 tanh → 16 tanh → 1 linear, 337 parameters
    >>> MLP(2, [3, 1], init="zeros")([1.0, -2.0])
    Value(0.0)
    """

    arguments = ("n_in", "sizes", "activation", "output")

    def __init__(
        self,
        n_in: int,
        sizes: Iterable[int],
        activation: Act = "relu",
        output: Act = "linear",
        init: Init = "uniform",
        seed: Seed = None,
    ) -> None:
        sizes = several(sizes)
        self.n_in, hidden = require_whole("n_in", n_in), resolve(activation)
        kinds = [activation_for(size, hidden) for size in sizes[:-1]]
        kinds.append(activation_for(sizes[-1], output))
        draw, chance = initialiser(init), source(seed)
        widths = pairwise([self.n_in, *sizes])
        layers = [
            Layer(*width, kind, draw, chance) for width, kind in zip(widths, kinds, strict=True)
        ]
        super().__init__(*layers)
        self.sizes, self.activation, self.output = sizes, hidden, kinds[-1]

    def architecture(self) -> dict[str, Any]:
        """Its class and the arguments of that, from which its layers follow."""
        return Module.architecture(self)

    @classmethod
    def load(
        cls, path: str | PathLike[str], activation: Act | None = None, output: Act | None = None
    ) -> Self:
        """The network that was saved to a file, by us or by PyTorch.

        Args:
            path: a safetensors file.
            activation: as for an MLP, and so is `output`. They are to be given for the state of a
                PyTorch nn.Sequential of nn.Linear, which does not hold them; our own files do.
            output: the activation of the last layer.

        Raises:
            OSError: if the file cannot be read.
            ValueError: if it is damaged, does not hold such a network, or they must be given.
        """
        tensors, architecture = stored.read(path)
        given = {"activation": activation, "output": output}
        if architecture is not None:
            for what, named in given.items():
                saved = architecture.get(what)
                if None not in (named, saved) and resolve(named).name != saved:
                    raise ValueError(
                        f"{path} was saved with {what}={saved!r}, but "
                        f"{what}={resolve(named).name!r} was given: leave it out"
                    )
            return cls.built(path, architecture, tensors)
        missing = [f"{what}=..." for what, named in given.items() if named is None]
        if missing:
            raise ValueError(
                f"{path} was not saved by us and does not name its activations: "
                f"write {cls.__name__}.load(path, {', '.join(missing)})"
            )
        try:
            (n_in, *sizes), tensors = storage.linear_layers(tensors, places(resolve(activation)))
        except ValueError as error:
            raise ValueError(
                f"{path} is not the state of an nn.Sequential of nn.Linear: {error}"
            ) from None
        return cls.built(path, {"class": "MLP", "n_in": n_in, "sizes": sizes, **given}, tensors)


def several(sizes: Iterable[int]) -> list[int]:
    """The sizes of the layers of an MLP, checked."""
    if isinstance(sizes, str) or not isinstance(sizes, Iterable):
        raise TypeError(
            f"sizes is a list, one number of neurons per layer, but got {sizes!r} of type "
            f"{type(sizes).__name__}: write MLP(2, [16, 16, 1])"
        )
    checked = [require_whole(f"sizes[{k}]", size) for k, size in enumerate(sizes)]
    if not checked:
        raise ValueError("an MLP has one layer at least, but sizes is empty: write MLP(2, [1])")
    return checked


def places(activation: Activation) -> int:
    """How many modules a layer is in PyTorch: one, and its activation, if it has any."""
    return 1 if activation == ACTIVATIONS["linear"] else 2


# The weights follow from the file, so none are drawn.
BUILDERS.update(
    Neuron=partial(Neuron, init="zeros"),
    Layer=partial(Layer, init="zeros"),
    MLP=partial(MLP, init="zeros"),
    Sequential=lambda layers: Sequential(*map(build, layers)),
    Dropout=Dropout,
    Activation=lambda name: resolve(name),
)
