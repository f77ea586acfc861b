"""Activations: what a layer makes of the weighted sums of its neurons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import engine
from engine import Value
from nn.choice import choose


@dataclass(frozen=True)
class Activation:
    """A function from the weighted sums of a layer to its outputs, as many as there are sums.

    Most act on each sum by itself; softmax needs them all.

    Args:
        name: what it is called in a network's text and in a saved file.
        function: takes one Value and gives one; the list of all of them if `whole_layer`.
        whole_layer: whether the function takes the list of all sums, and gives a list.

    >>> relu = resolve("relu")
    >>> relu([Value(-2.0), Value(3.0)])
    [Value(0.0), Value(3.0)]
    """

    name: str
    function: Callable[..., Any]
    whole_layer: bool = False

    def __call__(self, sums: list[Value]) -> list[Value]:
        """The outputs of a layer with these weighted sums.

        Raises:
            TypeError: if the function does not give Values, so that gradients would end here.
        """
        outputs = self.function(sums) if self.whole_layer else [self.function(z) for z in sums]
        for output in outputs:
            if not isinstance(output, Value):
                raise TypeError(
                    f"the activation {self.name} returned {output!r} of type "
                    f"{type(output).__name__}, where the gradient ends: compute it from the "
                    "Value that it is given, as in lambda z: z * z.sigmoid()"
                )
        return outputs

    def __str__(self) -> str:
        return self.name

    def saved(self) -> str:
        """The name under which `resolve` finds it again.

        Raises:
            TypeError: if it is a function of the user's own.
        """
        if ACTIVATIONS.get(self.name) != self:
            raise TypeError(
                f"a file holds the names of activations, and {self.name} is a function of your "
                "own: use one with a name, or add yours with nn.activations.ACTIVATIONS['mine'] "
                "= Activation('mine', function) here and where it is loaded, or save the numbers "
                "of model.state_dict() alone"
            )
        return self.name


def linear(z: Value) -> Value:
    """The weighted sum as it is."""
    return z


ACTIVATIONS: Final[dict[str, Activation]] = {
    activation.name: activation
    for activation in (
        Activation("linear", linear),
        Activation("step", engine.step),  # the perceptron's; its derivative is 0: it cannot learn
        Activation("sigmoid", engine.sigmoid),
        Activation("tanh", engine.tanh),
        Activation("relu", engine.relu),
        Activation("leaky_relu", engine.leaky_relu),
        Activation("softplus", engine.softplus),
        Activation("gelu", engine.gelu),
        Activation("softmax", engine.softmax, whole_layer=True),
    )
}


def resolve(given: object) -> Activation:
    """The activation that is meant by a name or by a function.

    Args:
        given: a name in `ACTIVATIONS`, an Activation, or a function that takes a Value and gives
            one. The engine's own functions are found under their names.

    Raises:
        TypeError: if it is none of these, or a module.
        ValueError: if the name is not known.

    >>> resolve("tanh") is resolve(engine.tanh)
    True
    >>> swish = resolve(lambda z: z * z.sigmoid())
    >>> swish([Value(0.0)])
    [Value(0.0)]
    """
    if isinstance(given, str):
        return choose("an activation", given, ACTIVATIONS)
    if isinstance(given, Activation):
        return given
    if not callable(given) or isinstance(given, type):
        raise TypeError(
            f"an activation is a name ({', '.join(ACTIVATIONS)}) or a function that takes a Value "
            f"and gives one, but got {given!r} of type {type(given).__name__}"
        )
    if hasattr(getattr(given, "__self__", given), "parameters"):
        raise TypeError(
            f"an activation is a function without parameters, for those of {given!r} would not be "
            "trained: put the module after the layer, Sequential(Layer(2, 3), module)"
        )
    for activation in ACTIVATIONS.values():
        if activation.function is given:
            return activation
    return Activation(getattr(given, "__name__", type(given).__name__), given)
