"""Losses: how far the outputs for one example are from what they should be.

Every loss is a function `loss(output, target)` of one example that gives a Value. It is summed over
the outputs; the mean over the examples is taken by whoever trains, as in C = 1/n sum_x C_x.
In the formulas a_k are the outputs of the network, or z_k if they are logits: weighted sums that
have gone through no activation. y_k is the target of output k. Where the target is the number k of
a class, y is 1 at k and 0 elsewhere. The output is a Value or a list of them, the target a number,
a list of numbers, or a class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf
from typing import Any, Final

import engine
from engine import Value, dot, logsumexp, softplus
from engine.value import is_recorded
from nn.activations import ACTIVATIONS
from nn.choice import require
from nn.labels import checked, distribution, numbers, probabilities, signs, values
from nn.readings import LOGIT, PROBABILITY, SIGN, Reading


def squared_error(output: Any, target: Any) -> Value:
    """The sum of the squared differences: sum_k (a_k - y_k)^2.

    >>> a = Value(0.3)
    >>> squared_error(a, 1.0).backward()
    >>> a.grad
    -1.4

    Source: the cost of 3Blue1Brown, Neural networks, 2017, chapter 2.
    """
    errors = differences(output, target)
    return errors[0] * errors[0] if len(errors) == 1 else dot(errors, errors)


def half_squared_error(output: Any, target: Any) -> Value:
    """Half the sum of the squared differences, whose derivative in a_k is a_k - y_k.

    Nielsen's quadratic cost C = 1/(2n) sum_x |y(x) - a|^2 is the mean of this over n examples;
    `quadratic_cost` is another name of this function.

    >>> a = Value(0.75)
    >>> half_squared_error(a, 1.0).backward()
    >>> a.grad
    -0.25

    Source: M. Nielsen, Neural Networks and Deep Learning, 2015, chapter 1, (6).
    """
    return squared_error(output, target) / 2


quadratic_cost = half_squared_error


def absolute_error(output: Any, target: Any) -> Value:
    """The sum of the absolute differences: sum_k |a_k - y_k|; its derivative at 0 is 0.

    >>> absolute_error([Value(0.5), Value(3.0)], [1.0, 1.0]).data
    2.5

    Source: R. Boscovich's criterion of least absolute deviations, 1757.
    """
    return total([abs(error) for error in differences(output, target)])


def hinge(output: Any, target: Any) -> Value:
    """max(0, 1 - y a) for a target y of -1 or 1 and one output: 0 once it is beyond the margin.

    >>> hinge(Value(0.25), 1).data, hinge(Value(0.25), -1).data, hinge(Value(2.0), 1).data
    (0.75, 1.25, 0.0)

    Source: C. Cortes, V. Vapnik, Support-Vector Networks, 1995.
    """
    outputs = values(output)
    (y,) = signs(target, len(outputs), "the target")
    loss: Value = (1 - outputs[0] * y).relu()
    return loss


def binary_cross_entropy(output: Any, target: Any) -> Value:
    """-sum_k y_k ln p_k + (1 - y_k) ln(1 - p_k) with p = sigmoid(z), from the logits z.

    Computed as y softplus(-z) + (1 - y) softplus(z), which is exact where p rounds to 0 or 1. Its
    derivative in z_k is p_k - y_k. Targets are 0, 1, or a probability in between.

    >>> z = Value(1000.0)
    >>> loss = binary_cross_entropy(z, 0)
    >>> loss.backward()
    >>> loss.data, z.grad
    (1000.0, 1.0)

    Source: D. Cox, The Regression Analysis of Binary Sequences, 1958.
    """
    logits = values(output)
    targets = probabilities(target, len(logits), "the target")
    return expected(targets, [surprisal(z) for z in logits])


def nielsen_cross_entropy(output: Any, target: Any) -> Value:
    """-sum_k y_k ln a_k + (1 - y_k) ln(1 - a_k), from the activations a of sigmoid neurons.

    The derivative in the weighted sum z_k is a_k - y_k: the sigmoid's own, which makes saturated
    neurons learn slowly, cancels. So where a_k is a sigmoid of z_k the loss is computed from z_k,
    as `binary_cross_entropy` does, and stays exact where a_k rounds to 0 or 1. Such a rounded
    number without history, as in no_grad(), counts as the float next to it. Activations that are no
    sigmoid's must be above 0 and below 1.

    >>> z = Value(-40.0)
    >>> nielsen_cross_entropy(z.sigmoid(), 1).backward()
    >>> z.grad
    -1.0

    Source: M. Nielsen, Neural Networks and Deep Learning, 2015, chapter 3, (57) and (63).
    """
    activations = values(output)
    targets = probabilities(target, len(activations), "the target")
    return expected(targets, [surprisal_of_activation(a) for a in activations])


def cross_entropy(output: Any, target: Any) -> Value:
    """-sum_k y_k ln p_k with p = softmax(z), from two or more logits z.

    Computed as logsumexp(z) - sum_k y_k z_k. Its derivative in z_k is p_k - y_k. The target is a
    class, from 0, or a probability for each.

    >>> logits = [Value(0.0), Value(0.0)]
    >>> cross_entropy(logits, 1).backward()
    >>> [z.grad for z in logits]
    [0.5, -0.5]

    Source: J. Bridle, Probabilistic Interpretation of Feedforward Classification Network Outputs,
    1990.
    """
    logits = values(output)
    y = distribution(target, len(logits), "the target")
    loss: Value = logsumexp(logits) - (logits[y] if isinstance(y, int) else dot(y, logits))
    return loss


# --- penalties: added once to the mean loss of a batch ---


def l1(parameters: Iterable[Value], strength: float) -> Value:
    """strength * sum |w|, strength >= 0: pulls every weight to 0 with the same force.

    Nielsen's lambda/n sum |w| has the strength lambda/n. Biases are customarily left out: give
    `nn.steps.weights(model)`.

    >>> w = [Value(3.0), Value(-0.5)]
    >>> l1(w, 0.1).backward()
    >>> [each.grad for each in w]
    [0.1, -0.1]

    Source: R. Tibshirani, Regression Shrinkage and Selection via the Lasso, 1996.
    """
    strength, weights = penalised("l1", parameters, strength)
    return strength * total([abs(w) for w in weights])


def l2(parameters: Iterable[Value], strength: float) -> Value:
    """strength / 2 * sum w^2: pulls every weight towards 0 in proportion to it: weight decay.

    Its derivative in w is strength * w. Nielsen's lambda/(2n) sum w^2 has the strength lambda/n.
    Which parameters to give is as for `l1`.

    >>> w = [Value(3.0), Value(-0.5)]
    >>> l2(w, 0.1).backward()
    >>> [round(each.grad, 6) for each in w]
    [0.3, -0.05]

    Source: A. Krogh, J. Hertz, A Simple Weight Decay Can Improve Generalization, 1992.
    """
    strength, weights = penalised("l2", parameters, strength)
    penalty: Value = strength / 2 * dot(weights, weights)
    return penalty


def differences(output: Any, target: Any) -> list[Value]:
    """a_k - y_k of every output."""
    found = values(output)
    targets = numbers(target, len(found), "the target")
    return [a - y for a, y in zip(found, targets, strict=True)]


def total(terms: list[Value]) -> Value:
    """The sum as one node; a single term is its own sum."""
    found: Value = terms[0] if len(terms) == 1 else engine.sum(terms)
    return found


def expected(targets: list[Any], costs: list[tuple[Value, Value]]) -> Value:
    """sum_k y_k (cost of a 1) + (1 - y_k) (cost of a 0)."""
    shares = [share for y in targets for share in (y, 1 - y)]
    found: Value = dot(shares, [cost for pair in costs for cost in pair])
    return found


def surprisal(z: Value) -> tuple[Value, Value]:
    """-ln p and -ln(1 - p) of p = sigmoid(z)."""
    return softplus(-z), softplus(z)


def surprisal_of_activation(a: Value) -> tuple[Value, Value]:
    """-ln a and -ln(1 - a)."""
    if a.op == "sigmoid":
        return surprisal(a.inputs[0])
    number = 0.5 if is_recorded() else a.data  # recorded, the logarithms are NaN out of range
    if a.is_constant and number in (0.0, 1.0):
        a = Value(5e-324 if number == 0.0 else 1 - 2**-53).detach()
    elif not 0 < number < 1:
        raise ValueError(
            f"nielsen_cross_entropy takes activations above 0 and below 1, as sigmoid neurons "
            f"give them, but got {number!r}: for logits use binary_cross_entropy"
        )
    return -a.log(), -(-a).log1p()


def penalised(name: str, parameters: Iterable[Value], strength: float) -> tuple[float, list[Value]]:
    """Strength and parameters of a penalty, if they can be that."""
    strength = require(f"{name}(strength)", strength, lambda x: 0 <= x < inf, "0 or more, finite")
    found = list(parameters)
    if not found or not all(isinstance(w, Value) for w in found):
        raise (TypeError if found else ValueError)(
            f"{name}(parameters) takes a list of Values with at least one, but got {found!r:.80}"
        )
    return strength, found


LINEAR: Final = 'make it with output="linear"'
NEVER_NEGATIVE: Final = ("sigmoid", "softmax", "step", "relu", "softplus")
NO_SIGMOID: Final = tuple(name for name in ACTIVATIONS if name != "sigmoid")


@dataclass(frozen=True)
class Loss:
    """A loss as it is known by name, and what it asks of a network and of labels.

    Args:
        name: what it is called.
        function: the loss of one example.
        targets: the kind of its labels: "numbers", "signs", "binary" or "classes".
        readings: how a single output may be read as a class; labels decide, the first if they fit.
        refuses: activations that a network for this loss cannot end in.
        instead: why, and what to do about it.

    >>> LOSSES["hinge"](Value(0.5), 1)
    Value(0.5)
    """

    name: str
    function: Callable[[Any, Any], Value]
    targets: str
    readings: tuple[Reading, ...] = (PROBABILITY, SIGN)
    refuses: tuple[str, ...] = ()
    instead: str = ""

    @property
    def doc(self) -> str:
        """Its formula, in a line."""
        return (self.function.__doc__ or "").partition("\n")[0]

    def __call__(self, output: Any, target: Any) -> Value:
        """The loss of one example."""
        return self.function(output, target)

    def check(self, y: Any, outputs: int, ends_in: str = "linear", where: str = "y") -> list[Any]:
        """All labels of a data set, converted as by `checked`, with the same errors.

        Raises:
            ValueError: also if the network ends in an activation that the loss refuses.
        """
        if ends_in in self.refuses:
            raise ValueError(
                f'loss="{self.name}" does not go with a network that ends in '
                f"{ends_in}: {self.instead}"
            )
        return checked(self.targets, y, outputs, where)


LOSSES: Final[dict[str, Loss]] = {
    loss.name: loss
    for loss in (
        Loss("squared_error", squared_error, "numbers"),
        Loss("half_squared_error", half_squared_error, "numbers"),
        Loss("quadratic_cost", quadratic_cost, "numbers"),
        Loss("absolute_error", absolute_error, "numbers"),
        Loss("hinge", hinge, "signs", (SIGN,), NEVER_NEGATIVE, f'{LINEAR} or "tanh"'),
        Loss("binary_cross_entropy", binary_cross_entropy, "binary", (LOGIT,),
             (*NEVER_NEGATIVE, "tanh"), f"it applies the sigmoid itself, to any number; {LINEAR}"),
        Loss("cross_entropy", cross_entropy, "classes", (LOGIT,), ("sigmoid", "softmax", "step"),
             f"it applies the softmax itself, to any numbers; {LINEAR}"),
        Loss("nielsen_cross_entropy", nielsen_cross_entropy, "binary", (PROBABILITY,), NO_SIGMOID,
             'make it with output="sigmoid", or use loss="binary_cross_entropy" for logits'),
    )
}  # fmt: skip
