"""How small the tests run each demo, what it draws, and what pictures owe to those who look."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from matplotlib.image import imread

from demos import speed
from demos.parts.images import Images
from nn import mnist

Run = Callable[..., tuple[str, Path]]  # of a demo's name and its options

PICTURES: Final = {  # of every demo of the course
    "perceptron": ["perceptron", "perceptron_park"],
    "cost": ["cost"],
    "descent": ["descent", "descent_rates", "descent_batches"],
    "lecture": ["lecture"],
    "backprop_by_hand": ["backprop_by_hand"],
    "why_order": ["why_order", "why_order_graph"],
    "neuron": ["neuron", "neuron_ways", "neuron_wishes"],
    "xor": ["xor"],
    "moons": ["moons"],
    "any_function": ["any_function"],
    "gradient_check": ["gradient_check"],
    "newton": ["newton"],
    "digits": ["digits", "digits_answers", "digits_weights"],
    "improve": ["improve"],
    "hyperparameters": ["hyperparameters"],
    "convolution": ["convolution", "convolution_shared"],
    "recurrent": ["recurrent", "recurrent_unrolled"],
    "untrained": ["untrained"],
    "names": ["names"],
    "speed": ["speed_here", *(["speed"] if speed.STORED.exists() else [])],
}


def few_images(train: int = 100, test: int = 100) -> Images:
    """Some of those that are bundled."""
    data = mnist(subset=True)
    return Images(
        data.train_pixels[:train] / 255,
        data.train_labels[:train],
        data.test_pixels[:test] / 255,
        data.test_labels[:test],
    )


SMALL: Final[dict[str, dict[str, Any]]] = {  # what to put in the place of a demo's own
    "perceptron": {"LINES": 300},
    "cost": {"TRAIN": 20, "TEST": 20, "EPOCHS": 7},
    "backprop_by_hand": {"STEPS": 20},
    "any_function": {"EPOCHS": 3},
    "digits": {
        "load": lambda folder, most: few_images(40, 40), "ANEW": 5, "MICROGRAD": 1, "NOISE": 30,
    },
    "improve": {"TRAIN": 40, "TEST": 40, "EPOCHS": 6},
    "hyperparameters": {
        "TRAIN": 40, "ASIDE": 40, "QUICK": 3, "EPOCHS": 3, "ORDERS": [0.1, 1.0, 100.0],
        "FINER": [2.0], "STRENGTHS": [0.0, 0.001], "BATCHES": [5, 40], "AROUND": [2.0, 1.0],
    },
    "convolution": {"TRAIN": 10, "TEST": 10, "EPOCHS": 2},
    "recurrent": {"STEPS": 60},
    "untrained": {"EPOCHS": 2, "NEURONS": (2, 3, 4), "COMPARED": 2},
    "names": {"INVENTED": 4},
    "speed": {"BATCHES": (1, 4), "LEAST": 0.0},
}  # fmt: skip
WORDS: Final = {  # options, where a test gives none
    "digits": ["--epochs", "2"],
    "hyperparameters": ["--jobs", "2"],
    "names": ["--steps", "3"],
}


def check_pictures(said: str, folder: Path, *names: str) -> None:
    """A demo has drawn these and no others, as SVG and PNG, and has said where they are.

    Each is large enough to be looked at; some of it is ink, and not all.
    """
    assert {path.stem for path in folder.glob("*.svg")} == {*names}
    for name in names:
        assert f"picture: {folder / name}.svg and .png\n" in said
        assert "</svg>" in (folder / f"{name}.svg").read_text(encoding="utf-8")
        pixels = imread(folder / f"{name}.png")[..., :3]
        assert min(pixels.shape[:2]) >= 400, name
        assert 0.005 < (pixels.min(axis=2) < 0.9).mean() < 0.9, name
