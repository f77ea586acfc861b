"""The digits: what is printed, drawn and learnt, and how an image file becomes one of MNIST."""

from __future__ import annotations

import gzip
import re
import shutil
import struct
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imsave
from matplotlib.pyplot import close

from demos import digits
from demos.parts import digits_pictures, first_layer, handwriting, stopwatch
from demos.parts.images import certainty, load
from nn import MLP, accuracy, mnist, outputs

from .checks import PICTURES, check_pictures, few_images

TEST, EPOCHS = 100, 2
DATA = mnist(subset=True)


def on_paper(pixels: Any, folder: Path, name: str = "digit.png") -> Path:
    """A digit of MNIST, black on a white sheet, somewhere, ten times as large."""
    sheet = np.zeros((400, 600))
    sheet[60:340, 250:530] = np.kron(pixels.reshape(28, 28) / 255, np.ones((10, 10)))
    path = folder / name
    imsave(path, 1 - sheet, cmap="gray", vmin=0, vmax=1)
    return path


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The demo in a small size: what it prints, and its pictures' folder."""
    folder, said = tmp_path_factory.mktemp("digits"), StringIO()
    image = on_paper(DATA.test_pixels[3], folder)
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said):
        patch.setattr(digits, "load", lambda folder, most: few_images())
        patch.setattr(stopwatch, "micrograd", lambda *arguments: 0.5)
        for constant, number in {"ANEW": 10, "NOISE": 30}.items():
            patch.setattr(digits, constant, number)
        words = f"--out {folder} --seed 1 --epochs {EPOCHS} --image {image}"
        digits.main(words.split())
    return said.getvalue(), folder


def lines(text: str, title: str) -> list[list[str]]:
    """The cells of the table that follows a title."""
    body = text.partition(title)[2].lstrip("\n").split("\n\n")[0].splitlines()
    return [re.split(r"  +", line.strip()) for line in body[2:]]


# --- what is printed and drawn ---


def test_the_lectures_numbers(shown: tuple[str, Path]) -> None:
    for number in ("12960", "42", "13002"):
        assert re.search(rf" {number} +{number} +\+0\.0e\+00$", shown[0], re.M), number


def test_accuracy_epoch_by_epoch(shown: tuple[str, Path]) -> None:
    rows = lines(shown[0], f"Of the {TEST} others it reads")
    assert [row[0] for row in rows] == ["1", "2"]
    shares = [float(cell.rstrip("%")) for row in rows for cell in row[1:]]
    assert len(shares) == 2 * EPOCHS
    assert all(0 <= share <= 100 for share in shares)


def test_what_micrograd_would_take_is_scaled(shown: tuple[str, Path]) -> None:
    rows = {row[0]: row[1:] for row in lines(shown[0], "What it takes")}
    assert rows["micrograd"] == ["2", "500 ms", "50 s", "100 s"]  # 100 images, twice
    assert rows["this training"][0] == "100"
    assert rows["a graph for each image"][0] == "10"


def test_the_confusion_matrix_has_every_image(shown: tuple[str, Path]) -> None:
    rows = lines(shown[0], "took them for")
    counts = np.array([[int(cell) for cell in row[1:]] for row in rows])
    assert counts.sum(axis=1).tolist() == np.bincount(few_images().y_test, minlength=10).tolist()
    (right,) = {row[2] for row in lines(shown[0], "it reads") if row[0] == str(EPOCHS)}
    assert f"{counts.trace() / TEST:.2%}" == right


def test_noise_edges_and_the_drawn_digit_are_spoken_of(shown: tuple[str, Path]) -> None:
    assert "30 images of noise" in shown[0]
    edges = {row[0]: row[1:] for row in lines(shown[0], "explains of their weights")}
    assert [*edges] == [*digits.WAYS, "noise", "noise, blurred", "an edge"]
    assert re.search(r"digit\.png: a \d, it says, and is \d+% certain", shown[0])


def test_pictures(shown: tuple[str, Path]) -> None:
    check_pictures(*shown, *PICTURES["digits"], "digits_drawn")


def test_a_picture_when_nothing_is_wrong_or_right() -> None:
    X, y, said = np.zeros((3, 784)), np.array([1, 1, 1]), np.eye(10)[[1, 1, 1]]
    for truth in (y, y + 1):
        figure = digits_pictures.answers(X, truth, X, said, said)
        assert sum(bool(axes.images) for axes in figure.axes) == 6
        close(figure)
    figure = digits_pictures.learning({"one": [0.5], "two": [0.7]}, np.eye(10, dtype=int))
    assert "0 of 10 are taken" in figure.axes[1].get_title()
    close(figure)


def test_without_micrograd_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopwatch, "micrograd", lambda *arguments: None)
    monkeypatch.setattr(digits, "ANEW", 10)
    images = few_images(20, 10)
    model = MLP(784, digits.SIZES[1:], **digits.WAYS[digits.BEST][0], seed=1)
    history = digits.learn(model, images.X, images.y, digits.BEST, epochs=1, seed=1)
    text = digits.durations(history, images, seed=1)
    assert "pip install micrograd" in text
    assert len(lines("T\n" + text, "T")) == 2


# --- what is learnt ---


@pytest.mark.parametrize("way", digits.WAYS)
def test_it_learns(way: str) -> None:
    images = few_images(2000, 400)
    model = MLP(784, digits.SIZES[1:], **digits.WAYS[way][0], seed=0)
    history = digits.learn(model, images.X, images.y, way, epochs=10, seed=0)
    assert not history.unrecorded
    assert accuracy(model, images.X_test, images.y_test) > 0.8


@pytest.mark.parametrize("way", digits.WAYS)
def test_node_by_node_it_learns_the_same(way: str) -> None:
    images, found = few_images(40, 10), []
    for eager in (False, True):
        model = MLP(784, digits.SIZES[1:], **digits.WAYS[way][0], seed=0)
        digits.learn(model, images.X, images.y, way, epochs=2, seed=0, eager=eager)
        found.append([p.data for p in model.parameters()])
    assert found[0] == pytest.approx(found[1], rel=0, abs=1e-10)


def test_certainty_is_a_share(monkeypatch: pytest.MonkeyPatch) -> None:
    X = few_images().X_test[:40]
    sigmoid, relu = (MLP(784, digits.SIZES[1:], **how, seed=0) for how, _ in digits.WAYS.values())
    assert (certainty(sigmoid, X) == outputs(sigmoid, X)).all()
    shares, logits = certainty(relu, X), outputs(relu, X)
    assert shares.sum(axis=1) == pytest.approx(1)
    assert np.log(shares[:, 3] / shares[:, 5]) == pytest.approx(logits[:, 3] - logits[:, 5])
    monkeypatch.setattr("demos.parts.images.outputs", lambda model, X: np.array([[1000.0, 0.0]]))
    assert certainty(relu, X).tolist() == [[1.0, 0.0]]


# --- where the images come from ---


def idx(array: Any) -> bytes:
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(header + array.astype(np.uint8).tobytes())


def written(folder: Path, count: int) -> Path:
    folder.mkdir(parents=True)
    for part in ("train", "t10k"):
        images, labels = np.zeros((count, 28, 28)), np.arange(count) % 10
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(idx(images))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx(labels))
    return folder


def test_all_images_where_they_are_and_else_the_bundled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path))
    assert len(load(None, None).X) == 6000
    written(tmp_path / "mnist", 7)
    assert len(load(None, None).X) == 7
    assert len(load(written(tmp_path / "other", 8), None).X) == 8
    with pytest.raises(FileNotFoundError, match="nowhere has no train-images"):
        load(tmp_path / "nowhere", None)
    shutil.rmtree(tmp_path / "mnist")
    assert [len(each) for each in load(None, 300)] == [300] * 4


@pytest.mark.parametrize(("words", "most"), [([], None), (["--eager"], digits.FEW)])
def test_node_by_node_there_are_a_few(
    words: list[str], most: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(folder: Path | None, asked_for: int | None) -> None:
        raise SystemExit(f"of {folder} {asked_for}")

    monkeypatch.setattr(digits, "load", asked)
    with pytest.raises(SystemExit, match=f"of None {most}$"):
        digits.main(["--out", str(tmp_path), *words])


# --- an image file ---


def test_a_digit_on_paper_becomes_what_it_was(tmp_path: Path) -> None:
    """Where it was, too, but for a pixel now and then: its centre of mass is near a boundary."""
    where = []
    for pixels in DATA.test_pixels[:20]:
        before = pixels.reshape(28, 28) / 255
        _, after = handwriting.read(on_paper(pixels, tmp_path))
        shifts = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        where += [s for s in shifts if np.abs(np.roll(after, s, (0, 1)) - before).mean() < 0.005]
    assert len(where) == 20
    assert where.count((0, 0)) >= 15


@pytest.mark.parametrize("turned", [False, True], ids=["dark on light", "light on dark"])
def test_either_way_round(turned: bool) -> None:
    image = np.full((90, 60), 0.9)
    image[20:70, 28:33] = 0.2
    found = handwriting.prepared(1 - image if turned else image)
    assert found.shape == (28, 28)
    assert found.max() == 1
    rows, columns = (np.flatnonzero(found.max(axis=k)) for k in (1, 0))
    assert (rows[0], rows[-1], columns.tolist()) == (4, 23, [13, 14])


def test_the_centre_of_mass_is_in_the_middle() -> None:
    image = np.zeros((100, 100))
    image[10:60, 10:20] = image[50:60, 10:50] = 1.0  # an L
    centre = handwriting.centre_of_mass(handwriting.prepared(image))
    assert centre == pytest.approx([14.5, 14.5], abs=0.501)


@pytest.mark.parametrize("turn", range(4))
def test_a_digit_with_its_weight_at_one_side_is_not_cut(turn: int) -> None:
    image = np.zeros((60, 60))
    image[5:50, 8:12] = 1.0
    image[48:50, 8:53] = 1.0
    found = handwriting.prepared(np.rot90(image, turn))
    for axis in (0, 1):
        assert len(np.flatnonzero(found.max(axis=axis))) == 20


def test_transparent_and_grey_files(tmp_path: Path) -> None:
    rgba = np.zeros((50, 50, 4))
    rgba[10:40, 22:28, 3] = 1.0  # black, on nothing
    imsave(tmp_path / "clear.png", rgba)
    image, found = handwriting.read(tmp_path / "clear.png")
    assert (image[0, 0], image[20, 25]) == (1.0, 0.0)
    assert found[14, 14] == 1
    photo = np.where(rgba[..., 3] > 0, 30, 220).astype(np.uint8)
    imsave(tmp_path / "photo.jpg", np.dstack([photo] * 3))
    assert np.abs(handwriting.read(tmp_path / "photo.jpg")[1] - found).max() < 0.2


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing is drawn on the image"):
        handwriting.prepared(np.full((20, 20), 0.97))
    with pytest.raises(FileNotFoundError):
        handwriting.read(tmp_path / "nothing.png")
    with pytest.raises(FileNotFoundError):  # before anything is trained
        digits.main(["--out", str(tmp_path), "--image", str(tmp_path / "nothing.png")])
    imsave(tmp_path / "blank.png", np.full((20, 20, 3), 1.0))
    with pytest.raises(SystemExit, match=r"blank\.png: nothing is drawn"):
        digits.main(["--out", str(tmp_path), "--image", str(tmp_path / "blank.png")])
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(OSError, match=r"text\.png: not a PNG file"):
        handwriting.read(tmp_path / "text.png")


# --- edges ---


def test_the_first_layer_is_read_as_images() -> None:
    model = MLP(784, [3, 2], seed=0)
    images = first_layer.weights(model)
    assert images.shape == (3, 28, 28)
    assert images[1, 2, 5] == model.layers[0].neurons[1].weights[2 * 28 + 5].data  # type: ignore[union-attr]


def test_edges_and_lines_are_told_from_noise() -> None:
    place = np.arange(28) - 13.5
    tilted = place[:, None] + 2 * place
    straight = np.array([np.sign(tilted), -np.sign(place[:, None] + 0 * place), abs(tilted) < 5])
    assert (first_layer.explained(straight * 1.0) > 0.8).all()
    assert (first_layer.explained(3 * straight - 7.0) > 0.8).all()
    noise = np.random.default_rng(0).normal(size=(50, 28, 28))
    assert first_layer.explained(noise).max() < 0.1
    assert first_layer.explained(first_layer.blurred(noise)).max() < 0.6
