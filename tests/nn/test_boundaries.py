"""Pictures of the plane: the outputs that they show, and that the network stays as it was."""

from __future__ import annotations

import numpy as np
import pytest

from engine import Value
from nn.boundaries import snapshot
from nn.layers import Dropout, Layer
from nn.module import Module
from nn.networks import MLP, Sequential

X = [[0.0, 0.0], [1.0, 2.0]]


class Product(Module):
    """The product of its inputs and a tenth of the second, so that rows and columns differ."""

    n_in, n_out = 2, 1

    def forward(self, inputs: list[Value]) -> list[Value]:
        a, b = inputs
        return [a * b + b / 10]


def test_outputs_belong_to_their_points() -> None:
    shot = snapshot(Product(), X, steps=5)
    assert shot.outputs.shape == (len(shot.vertical), len(shot.horizontal)) == (5, 3)
    expected = np.outer(shot.vertical, shot.horizontal) + shot.vertical[:, None] / 10
    assert shot.outputs == pytest.approx(expected)


def test_every_part_of_the_network_is_in_its_mode_afterwards() -> None:
    model = Sequential(Dropout(0.5), Layer(2, 1), Dropout(0.5))
    parts = list(model.modules())
    model.layers[0].eval()  # type: ignore[union-attr]
    before = [part.training for part in parts]
    assert len(set(before)) == 2
    one, two = snapshot(model, X, steps=3), snapshot(model, X, steps=3)
    assert (one.outputs == two.outputs).all(), "dropout was at work"
    assert [part.training for part in parts] == before


def test_several_outputs_have_no_boundary() -> None:
    with pytest.raises(ValueError, match=r"the single output of a network .* has 3 outputs"):
        snapshot(MLP(2, [3]), X)
