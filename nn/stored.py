"""What a file holds of a model: its numbers under PyTorch's names, and what it is built from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from os import PathLike
from typing import TYPE_CHECKING, Any, Final, Self

from nn import storage
from nn.activations import Activation
from nn.tensors import Tensor, entries, named_parts, numbers, plain, shape

if TYPE_CHECKING:
    import numpy as np


BUILDERS: Final[dict[str, Callable[..., Any]]] = {}  # all that a file may name: see nn.networks


class Stored:
    """The part of a Module that has to do with names and files."""

    arguments: tuple[str, ...] = ()  # of its class, kept as attributes: what it is built from

    # --- numbers ---

    def attributes(self) -> Mapping[str, object]:
        """What is searched for tensors, under the names that state_dict() gives them."""
        return vars(self)

    def tensors(self) -> dict[str, Tensor]:
        """The parameters in nested lists, named and shaped as in state_dict().

        Raises:
            ValueError: if two have the same name.
        """
        found: dict[str, Tensor] = {}
        for name, tensor in tensors_in("", self):
            if name in found:
                raise ValueError(
                    f"{type(self).__name__} has two parameters named {name!r}, of which a file can "
                    "hold only one: give the keys of its dicts other names"
                )
            found[name] = tensor
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
            ValueError: if names or shapes do not fit, or something in it is no finite number;
                nothing is changed then.
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
            elif not (finite := np.isfinite(arrays[name])).all():
                wrong.append(f"{name} holds {arrays[name][~finite][0]}, which nothing follows from")
        if wrong:
            raise ValueError(f"the state does not fit {self!r}: {'; '.join(wrong)}")
        for name, tensor in self.tensors().items():
            for (_, parameter), number in zip(entries(tensor), arrays[name].flat, strict=True):
                parameter.data = float(number)

    # --- files ---

    def architecture(self) -> dict[str, Any]:
        """What to build it from, as JSON: its class, and that class's arguments."""
        given = {name: getattr(self, name) for name in self.arguments}
        saved = {k: x.saved() if isinstance(x, Activation) else x for k, x in given.items()}
        return {"class": type(self).__name__} | saved

    def save(self, path: str | PathLike[str]) -> None:
        """Write weights and architecture to a safetensors file, which PyTorch reads too.

        The file is replaced as a whole: whatever happens, the old one or the new one is there.

        Raises:
            OSError: if it cannot be written.
            TypeError: if an activation is a function of your own, which has no name to be saved by.
            ValueError: if a Sequential holds a layer twice, which a file cannot say.
        """
        storage.write(path, self.state_dict(), self.architecture())

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """The model that was saved to a file, as it was: `Layer.load`, `Sequential.load`.

        Raises:
            OSError: if the file cannot be read.
            ValueError: if it is damaged, or does not hold such a model.
        """
        tensors, architecture = read(path)
        if architecture is None:
            raise ValueError(
                f"{path} does not say how its model is built: write MLP.load(path, activation=..., "
                "output=...), or build the model yourself and call model.load_weights(path)"
            )
        return cls.built(path, architecture, tensors)

    @classmethod
    def built(cls, path: object, architecture: dict[str, Any], tensors: Mapping[str, Any]) -> Self:
        """The model of this architecture with these tensors."""
        try:
            if not weights_of(architecture) <= sum(x.size for x in tensors.values()):  # or NaN
                raise ValueError(f"its numbers do not suffice for its {architecture['class']}")
            model = build(architecture)
            if not isinstance(model, cls):
                kind = type(model).__name__
                raise ValueError(f"it holds no {cls.__name__}: write {kind}.load(path)")
            model.load_state_dict(tensors)
        except (KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
            raise ValueError(f"{path} does not say how its model is built: {error!r}") from None
        except ValueError as error:
            raise ValueError(f"{path} cannot be loaded: {error}") from None
        return model

    def load_weights(self, path: str | PathLike[str]) -> None:
        """Assign all parameters from a safetensors file, ours or PyTorch's.

        Raises:
            OSError: if it cannot be read.
            ValueError: if it is damaged or does not fit; nothing is changed then.
        """
        tensors, architecture = read(path)
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


# --- what is built from a file ---


def build(architecture: dict[str, Any]) -> Any:
    """What an architecture() describes. Names are looked up in what is known here: no code runs.

    Raises:
        KeyError, TypeError, ValueError, OverflowError: if nothing can be built from it.
    """
    arguments = dict(architecture)
    kind = arguments.pop("class")
    if kind not in BUILDERS:
        raise ValueError(
            f"only its own code can build a {kind}: build it, then call model.load_weights(path)"
        )
    return BUILDERS[kind](**arguments)


def weights_of(architecture: dict[str, Any]) -> float:
    """How many weights there are in what an architecture() describes, whatever it says."""
    if "layers" in architecture:
        return sum(weights_of(each) for each in architecture["layers"])
    last = [architecture.get("n_out", 1)]
    sizes = [architecture.get("n_in", 0), *architecture.get("sizes", last)]
    return sum(abs(float(a) * float(b)) for a, b in pairwise(sizes))


# --- what is found in a model, and in a file ---


def tensors_in(
    name: str, given: Any, above: frozenset[int] = frozenset()
) -> Iterator[tuple[str, Tensor]]:
    """The tensors in an attribute, a model or a container, with their names.

    Args:
        name: that of `given`; empty for the model that is asked.
        given: what is searched.
        above: the identities of what it is inside of, to which it may refer back.
    """
    given = plain(given)
    if shape(given) is not None:
        yield name, given
    elif id(given) not in above:
        inner = given.attributes() if isinstance(given, Stored) else given
        for key, each in named_parts(inner):
            yield from tensors_in(f"{name}.{key}" if name else key, each, above | {id(given)})


def read(path: str | PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any] | None]:
    """The tensors in the file of a model, and its architecture; None if the file is not ours.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is damaged, or a checkpoint.
    """
    tensors, architecture = storage.read(path)
    if architecture is not None and architecture.get("class") == "Checkpoint":
        raise ValueError(
            f"{path} is a checkpoint of fit, a run that has not come to its end: go on with "
            "fit(model, X, y, ..., resume=path), or take its weights with "
            "model.load_state_dict(nn.checkpoint.Checkpoint.load(path).model)"
        )
    return tensors, architecture
