"""Optimisers: how the parameters move, given the gradient.

The formulas are PyTorch's. w are the parameters and g is the gradient, as flat vectors; what the
rules remember starts from 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from engine import Value
from nn.optimizer import Optimizer as Optimizer

try:
    from engine.batching.bundle import descend
except ImportError:  # installed as plain Python
    descend = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from nn.optimizer import State, Vector


class SGD(Optimizer):
    """Gradient descent, stochastic if the gradient is that of a mini-batch.

    v <- momentum v + g;  w <- w - lr v, or w - lr (g + momentum v) with Nesterov's look ahead.

    Args:
        parameters: the Values to train: leaves, each once.
        lr: the learning rate, 0 or more.
        momentum: the share of the velocity v that is kept, from 0 to below 1.
        nesterov: whether to look ahead; it needs a momentum.
        weight_decay: adds weight_decay * w to the gradient, as `l2` with that strength does.

    Raises:
        TypeError, ValueError: as for every Optimizer; or if nesterov is asked without momentum.

    >>> w = Value(3.0)
    >>> optimizer = SGD([w], lr=0.1, momentum=0.9)
    >>> for _ in range(100):
    ...     optimizer.zero_grad()
    ...     (w * w).backward()
    ...     optimizer.step()
    >>> abs(w.data) < 0.1
    True

    Source: I. Sutskever et al., On the importance of initialization and momentum in deep learning,
    2013. There, and in Nielsen's book, lr is part of the velocity; PyTorch has it outside: the
    same as long as lr stays.
    """

    vectors = ("velocity",)

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float = 0.01,
        *,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            parameters, lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay
        )
        if nesterov and not momentum:
            raise ValueError("SGD(nesterov=True) looks ahead along a momentum: give momentum=0.9")

    def rule(self, w: Vector, g: Vector) -> tuple[Vector, State]:
        """Downhill, with the momentum of the way so far."""
        lr, momentum, nesterov, weight_decay = self.settings.values()
        if weight_decay:
            g = g + weight_decay * w
        if not momentum:
            new = -lr * g  # in two steps, which takes one array less
            new += w
            return new, self.state
        v = momentum * self.state["velocity"]
        v += g
        v = swept(v, self.steps)
        return w - lr * (g + momentum * v if nesterov else v), {"velocity": v}

    def at_once(self, data: Vector, gradient: Any, copy: Any) -> Vector | None:
        """Without momentum and weight decay, in C."""
        lr, momentum, _, weight_decay = self.settings.values()
        if descend is None or momentum or weight_decay or type(self).rule is not DOWNHILL:
            return None
        import numpy as np

        new = np.empty(len(data))
        if not isfinite(descend(data, gradient, lr, new, copy)):
            return None
        self.steps += 1
        return new


DOWNHILL: Final = SGD.rule  # another one may take its place at any time


class RMSprop(Optimizer):
    """Steps divided by the root of a running mean of the squared gradient.

    s <- alpha s + (1 - alpha) g^2;  v <- momentum v + g / (sqrt(s) + eps);  w <- w - lr v.

    Args:
        parameters: the Values to train: leaves, each once.
        lr: the learning rate, 0 or more.
        alpha: the share of the old mean square s that is kept, from 0 to below 1.
        eps: keeps a division by 0 away.
        momentum: the share of the velocity v that is kept, from 0 to below 1.
        weight_decay: adds weight_decay * w to the gradient, as `l2` with that strength does.

    Raises:
        TypeError, ValueError: as for every Optimizer.

    >>> w = Value(3.0)
    >>> (w * w).backward()
    >>> RMSprop([w], lr=0.01).step()
    >>> round(w.data, 6)
    2.9

    Source: T. Tieleman, G. Hinton, Lecture 6.5 of Neural Networks for Machine Learning, 2012.
    """

    vectors = ("square", "velocity")

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float = 0.01,
        *,
        alpha: float = 0.99,
        eps: float = 1e-8,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            parameters, lr=lr, alpha=alpha, eps=eps, momentum=momentum, weight_decay=weight_decay
        )

    def rule(self, w: Vector, g: Vector) -> tuple[Vector, State]:
        """As far as lr in every direction, whatever the size of the gradient."""
        lr, alpha, eps, momentum, weight_decay = self.settings.values()
        if weight_decay:
            g = g + weight_decay * w
        s, v = alpha * self.state["square"], momentum * self.state["velocity"]
        squared = (1 - alpha) * g  # in place, which takes fewer arrays
        squared *= g
        s += squared
        root = s**0.5
        root += eps
        v += g / root
        v = swept(v, self.steps)
        return w - lr * v, {"square": s, "velocity": v}


class Adam(Optimizer):
    """Momentum and RMSprop together, corrected for their start from 0.

    m <- beta1 m + (1 - beta1) g;  s <- beta2 s + (1 - beta2) g^2;  after step t
    w <- w - lr (m / (1 - beta1^t)) / (sqrt(s / (1 - beta2^t)) + eps).

    Args:
        parameters: the Values to train: leaves, each once.
        lr: the learning rate, 0 or more.
        betas: the shares of the old means m and s that are kept, from 0 to below 1.
        eps: keeps a division by 0 away.
        weight_decay: adds weight_decay * w to the gradient, as `l2` with that strength does.

    Raises:
        TypeError, ValueError: as for every Optimizer.

    >>> w = Value(3.0)
    >>> (w * w).backward()
    >>> Adam([w], lr=0.01).step()
    >>> round(w.data, 6)
    2.99

    Source: D. Kingma, J. Ba, Adam: A Method for Stochastic Optimization, 2015.
    """

    vectors = ("mean", "square")

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float = 0.01,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        beta1, beta2 = pair(betas, type(self).__name__)
        super().__init__(
            parameters, lr=lr, beta1=beta1, beta2=beta2, eps=eps, weight_decay=weight_decay
        )

    def rule(self, w: Vector, g: Vector) -> tuple[Vector, State]:
        """Weight decay through the gradient."""
        weight_decay = self.settings["weight_decay"]
        return self._moments(w, g + weight_decay * w if weight_decay else g)

    def _moments(self, w: Vector, g: Vector) -> tuple[Vector, State]:
        import numpy as np

        lr, beta1, beta2, eps, _ = self.settings.values()
        t = self.steps + 1
        m, s = beta1 * self.state["mean"], beta2 * self.state["square"]
        work = (1 - beta1) * g  # all else goes on in this array, since new ones take time
        m += work
        m = swept(m, self.steps)
        np.multiply(g, 1 - beta2, out=work)
        work *= g
        s += work
        # Both corrections together: m / (sqrt(s) / c + eps) is c m / (sqrt(s) + c eps).
        c = (1 - beta2**t) ** 0.5
        np.sqrt(s, out=work)
        work += c * eps
        np.divide(m, work, out=work)
        work *= c * lr / (1 - beta1**t)
        np.subtract(w, work, out=work)
        return work, {"mean": m, "square": s}


class AdamW(Adam):
    """Adam with the weight decay apart from the gradient: first w <- w - lr weight_decay w.

    So the pull towards 0 is the same for every weight, whatever the size of its gradients.

    Args, Raises: as for Adam; weight_decay is 0.01 if left out.

    >>> w = Value(3.0)
    >>> w.grad = 0.0
    >>> AdamW([w], lr=0.1, weight_decay=0.5).step()
    >>> round(w.data, 6)
    2.85

    Source: I. Loshchilov, F. Hutter, Decoupled Weight Decay Regularization, 2019.
    """

    def __init__(
        self,
        parameters: Iterable[Value],
        lr: float = 0.01,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(parameters, lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def rule(self, w: Vector, g: Vector) -> tuple[Vector, State]:
        """Weight decay beside the gradient."""
        return self._moments(w - self.lr * self.settings["weight_decay"] * w, g)


OPTIMIZERS: Final[dict[str, type[Optimizer]]] = {
    "sgd": SGD,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
}


def swept(memory: Vector, steps: int) -> Vector:
    """What is remembered, now and then without what is too small to matter.

    Where no gradient comes any more it would shrink below 1e-308, and there a processor is a
    hundred times slower.
    """
    if steps % 256 == 255:
        memory[abs(memory) < 1e-280] = 0.0
    return memory


def pair(betas: object, who: str) -> tuple[Any, Any]:
    """The two betas; whether they are in range is checked with the other settings."""
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise TypeError(f"{who}(betas) takes two numbers such as (0.9, 0.999), but got {betas!r}")
    return betas[0], betas[1]
