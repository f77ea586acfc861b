"""What the lecture of `chainrule backprop_by_hand` prints, beside what the graph holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine import Value

if TYPE_CHECKING:
    from demos.backprop_by_hand import Pass

Figure = tuple[str, str, float]  # its name, as printed, as computed

UPDATED = ["0.149780716", "0.19956143", "0.24975114", "0.29950229",
           "0.35891648", "0.408666186", "0.511301270", "0.561370121"]  # fmt: skip


def forward(step: Pass) -> list[Figure]:
    """What the lecture prints of the forward pass."""
    return [
        ("net_h1", "0.3775", step.net_h[0].data),
        ("out_h1", "0.593269992", step.out_h[0].data),
        ("out_h2", "0.596884378", step.out_h[1].data),
        ("net_o1", "1.105905967", step.net_o[0].data),
        ("out_o1", "0.75136507", step.out_o[0].data),
        ("out_o2", "0.772928465", step.out_o[1].data),
        ("E_o1", "0.274811083", step.errors[0].data),
        ("E_o2", "0.023560026", step.errors[1].data),
        ("E", "0.298371109", step.error.data),
    ]


def backward(step: Pass, weights: Sequence[Value]) -> list[Figure]:
    """What it prints of the backward pass: local derivatives and gradients, read off the graph."""
    w1, w5, w7 = weights[0], weights[4], weights[6]
    (h1, _), (o1, o2) = step.out_h, step.net_o
    through_o1, through_o2 = o1.grad * w5.data, o2.grad * w7.data
    return [
        ("dE/dout_o1", "0.74136507", step.out_o[0].grad),
        ("dout_o1/dnet_o1", "0.186815602", step.out_o[0].local_derivatives[0]),
        ("dnet_o1/dw5", "0.593269992", o1.local_derivatives[0]),
        ("dE/dw5", "0.082167041", w5.grad),
        ("dE_o1/dnet_o1", "0.138498562", o1.grad),
        ("dnet_o1/dout_h1", "0.40", o1.local_derivatives[2]),
        ("dE_o1/dout_h1", "0.055399425", through_o1),
        ("dE_o2/dout_h1", "-0.019049119", through_o2),
        ("dE/dout_h1", "0.036350306", h1.grad),
        ("dout_h1/dnet_h1", "0.241300709", h1.local_derivatives[0]),
        ("dnet_h1/dw1", "0.05", step.net_h[0].local_derivatives[0]),
        ("dE/dw1", "0.000438568", w1.grad),
    ]


def updated(weights: Sequence[Value]) -> list[Figure]:
    """What it prints of the weights after a step."""
    return [
        (f"w{k}+", printed, weight.data)
        for k, (weight, printed) in enumerate(zip(weights, UPDATED, strict=True), start=1)
    ]
