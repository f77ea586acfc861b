"""Expanded images are the old ones, moved as they should be."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nn.expansion import expand, rotated, shifted

RANDOM = np.random.RandomState(0)
PICTURES: NDArray[np.float64] = RANDOM.uniform(0, 1, (5, 6, 8))


def test_without_more_words_five_times_as_many_as_nielsen() -> None:
    pixels = RANDOM.randint(0, 256, (3, 16)).astype(np.uint8)
    images, labels = expand(pixels, [7, 1, 2])
    assert images.shape == (15, 16)
    assert images.dtype == np.uint8
    assert labels.tolist() == [7, 1, 2] * 5
    original, up, down, left, right = images.reshape(5, 3, 4, 4)
    pictures = pixels.reshape(3, 4, 4)
    assert np.array_equal(original, pictures)
    assert np.array_equal(up[:, :-1], pictures[:, 1:])
    assert np.array_equal(down[:, 1:], pictures[:, :-1])
    assert np.array_equal(left[:, :, :-1], pictures[:, :, 1:])
    assert np.array_equal(right[:, :, 1:], pictures[:, :, :-1])
    for edge in (up[:, -1], down[:, 0], left[:, :, -1], right[:, :, 0]):
        assert not edge.any()


def test_a_shift_is_a_roll_without_what_comes_in() -> None:
    for down, right in ((2, 0), (-3, 0), (0, 4), (0, -7), (1, -2)):
        rolled = np.roll(PICTURES, (down, right), axis=(1, 2))
        rolled[:, slice(None, down) if down >= 0 else slice(down, None)] = 0
        rolled[:, :, slice(None, right) if right >= 0 else slice(right, None)] = 0
        assert np.array_equal(shifted(PICTURES, down, right), rolled)


def test_turning_by_quarters_is_exact() -> None:
    squares = PICTURES[:, :, :6]
    for quarters in range(-4, 5):
        expected = np.rot90(squares, quarters, axes=(1, 2))
        assert rotated(squares, 90 * quarters) == pytest.approx(expected, abs=1e-12)
    assert rotated(PICTURES, 180) == pytest.approx(np.rot90(PICTURES, 2, axes=(1, 2)), abs=1e-12)


def test_a_plane_stays_a_plane() -> None:
    """Bilinear interpolation is exact on a + b * row + c * column, inside the picture."""
    row, column = np.mgrid[:21, :21] - 10.0
    angle = math.radians(17)
    turned = rotated((5 + 2 * row - 3 * column)[None], 17)[0]
    from_row = math.cos(angle) * row + math.sin(angle) * column
    from_column = -math.sin(angle) * row + math.cos(angle) * column
    inside = row**2 + column**2 <= 100
    assert turned[inside] == pytest.approx((5 + 2 * from_row - 3 * from_column)[inside])


def test_what_comes_in_from_outside_is_paper() -> None:
    """A corner leaves the square when that is turned by 45 degrees, and nothing takes its place."""
    corner = np.zeros((1, 9, 9))
    corner[0, 0, 0] = 1.0
    assert not rotated(corner, 45).any()
    turned = rotated(np.ones((1, 9, 9)), 45)[0]
    assert turned[[0, 0, -1, -1], [0, -1, 0, -1]].tolist() == [0, 0, 0, 0]


def test_positive_is_counter_clockwise_as_seen() -> None:
    picture = np.zeros((1, 11, 11))
    picture[0, 5, 9] = 1.0  # to the right of the middle
    turned = rotated(picture, 30)[0]
    row, column = (np.mgrid[:11, :11] * turned).sum(axis=(1, 2)) / turned.sum()
    assert row == pytest.approx(5 - 4 * math.sin(math.radians(30)), abs=0.2)  # up on the screen
    assert column == pytest.approx(5 + 4 * math.cos(math.radians(30)), abs=0.2)


@pytest.mark.parametrize("degrees", [-33.0, 5.0, 10.0, 77.0])
def test_rotation_equals_scipys(degrees: float) -> None:
    ndimage = pytest.importorskip("scipy.ndimage", reason="SciPy is not installed")
    theirs = ndimage.rotate(
        PICTURES, degrees, axes=(1, 2), reshape=False, order=1, mode="grid-constant"
    )
    assert rotated(PICTURES, degrees) == pytest.approx(theirs, abs=1e-12)


def test_many_images_are_turned_as_one_by_one() -> None:
    pictures = RANDOM.uniform(0, 1, (2345, 3, 4))
    turned = rotated(pictures, 12)
    for k in (0, 999, 1000, 2344):
        assert np.array_equal(turned[k], rotated(pictures[k : k + 1], 12)[0])


def test_bytes_are_rounded_and_stay_bytes() -> None:
    pixels = np.full((1, 9, 9), 255, np.uint8)
    turned = rotated(pixels, 10)
    assert turned.dtype == np.uint8
    assert turned[0, 4, 4] == 255  # not 254, as cutting off 254.99999 gives, nor 0, as overflow
    assert turned[0] == pytest.approx(rotated(pixels.astype(float), 10)[0], abs=0.5)


def test_angles_come_after_shifts_and_labels_go_along() -> None:
    images, labels = expand(PICTURES, list("abcde"), shift=2, angles=(-10, 10))
    assert images.shape == (35, 6, 8)
    assert "".join(labels) == "abcde" * 7
    assert np.array_equal(images[5:10], shifted(PICTURES, -2, 0))
    assert np.array_equal(images[25:30], rotated(PICTURES, -10))
    assert np.array_equal(images[30:], rotated(PICTURES, 10))


def test_nothing_asked_nothing_added_and_never_the_same_array() -> None:
    one_hot = np.eye(5)
    images, labels = expand(PICTURES, one_hot, shift=0)
    assert np.array_equal(images, PICTURES)
    assert np.array_equal(labels, one_hot)
    assert not np.shares_memory(images, PICTURES)
    assert not np.shares_memory(labels, one_hot)
    assert expand(PICTURES, one_hot)[1].shape == (25, 5)


def test_whole_numbers_in_lists_can_be_turned() -> None:
    images, _ = expand([[0, 4, 0, 4]], [1], shift=0, angles=[180])
    assert images.tolist() == [[0, 4, 0, 4], [4, 0, 4, 0]]


BAD: list[tuple[Any, str]] = [
    (lambda: expand([], []), "images and labels are empty"),
    (lambda: expand(PICTURES, [1]), "images has 5 rows and labels has 1: every row needs its"),
    (lambda: expand([[1, 2, 3]], [0]), r"the shape \(1, 3\): give \(n, height, width\), or"),
    (lambda: expand([1, 2], [0, 1]), r"the shape \(2,\)"),
    (lambda: expand(np.ones((2, 0)), [0, 1]), r"the shape \(2, 0\)"),
    (lambda: expand(np.ones((2, 0, 3)), [0, 1]), r"the shape \(2, 0, 3\)"),
    (lambda: expand(np.ones((2, 3, 3, 3)), [0, 1]), r"the shape \(2, 3, 3, 3\)"),
    (lambda: expand(PICTURES, [1] * 5, shift=-1), "shift must be a whole number, 0 at least"),
    (lambda: expand(PICTURES, [1] * 5, shift=6), "shift=6 moves a picture of 6 x 8 out of sight"),
    (lambda: expand(PICTURES, [1] * 5, angles=[math.nan]), "angles must be finite numbers"),
]


@pytest.mark.parametrize(("call", "words"), BAD, ids=range(len(BAD)))
def test_bad_input_is_refused_with_advice(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
