"""The demos about better learning, in small sizes, and the page of the whole course."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import cache
from html.parser import HTMLParser
from importlib import import_module
from io import StringIO
from math import exp
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

import demos
from demos import course, hyperparameters, improve, page
from demos.__main__ import main
from nn.losses import nielsen_cross_entropy, quadratic_cost

SMALL: dict[str, dict[str, object]] = {
    "improve": {"TRAIN": 40, "TEST": 40, "EPOCHS": 6},
    "hyperparameters": {
        "TRAIN": 40, "ASIDE": 40, "QUICK": 3, "EPOCHS": 3, "ORDERS": [0.1, 1.0, 100.0],
        "FINER": [2.0], "STRENGTHS": [0.0, 0.001], "BATCHES": [5, 40], "AROUND": [2.0, 1.0],
    },
}  # fmt: skip
MORE = {"hyperparameters": ["--jobs", "2"]}
Run = Callable[..., tuple[str, Path]]


@pytest.fixture(autouse=True)
def _no_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "agg")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run a demo in a small size, once for all tests: what it prints, and its pictures' folder."""

    @cache
    def run(name: str, *more: str) -> tuple[str, Path]:
        demo, folder = import_module(f"demos.{name}"), tmp_path_factory.mktemp(name)
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as said:
            for constant, value in SMALL[name].items():
                patch.setattr(demo, constant, value)
            demo.main(["--out", str(folder), *more])
        return said.getvalue(), folder

    return run


@pytest.mark.parametrize("name", SMALL)
def test_a_demo_draws(name: str, run: Run) -> None:
    said, folder = run(name, *MORE.get(name, []))
    assert [path.name for path in sorted(folder.iterdir())] == [f"{name}.png", f"{name}.svg"]
    assert f"{folder / name}.svg and .png" in said
    assert "</svg>" in (folder / f"{name}.svg").read_text(encoding="utf-8")
    pixels = np.asarray(imread(folder / f"{name}.png"))[..., :3]
    assert min(pixels.shape[:2]) >= 400
    assert 0.01 < (pixels.min(axis=2) < 0.9).mean() < 0.99  # some of it is ink, and not all


@pytest.mark.parametrize("name", SMALL)
def test_its_docstring_is_its_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    demo = import_module(f"demos.{name}")
    with pytest.raises(SystemExit, match="0"):
        demo.main(["--help"])
    text = capsys.readouterr().out
    for word in (
        f"{name}: ",
        "?\n",
        f"Command: chainrule {name}",
        "Expect: ",
        "Source: ",
        "--seed",
    ):
        assert word in text
    path = Path(demo.__file__ or "")
    assert 40 <= len(path.read_text(encoding="utf-8").splitlines()) <= 150


# --- improve ---


@pytest.mark.parametrize("start", improve.STARTS)
@pytest.mark.parametrize("cost", [quadratic_cost, nielsen_cross_entropy])
def test_the_neuron_learns_as_the_formulas_say(cost: Any, start: tuple[float, float]) -> None:
    z, outputs = sum(start), []
    for _ in range(improve.STEPS + 1):
        a = 1 / (1 + exp(-z))
        outputs.append(a)
        z -= 2 * 0.15 * (a * a * (1 - a) if cost is quadratic_cost else a)  # of w and b alike
    assert improve.saturated(cost, *start) == pytest.approx(outputs, rel=1e-12)


def test_a_saturated_neuron_hardly_moves_with_the_quadratic_cost() -> None:
    quadratic, entropy = (improve.saturated(c, 2.0, 2.0) for c in improve.COSTS.values())
    assert quadratic[100] > 0.95 > 0.05 > entropy[100]


def test_images_are_made_smaller_by_means() -> None:
    image = np.arange(784.0)
    small = improve.smaller(image[None])
    assert small.shape == (1, 196)
    assert small[0, 15] == np.mean([image[r * 28 + c] for r in (2, 3) for c in (2, 3)])


def test_improve_has_a_row_for_every_way(run: Run) -> None:
    said, _ = run("improve")
    names = [name for ways in improve.WAYS.values() for name in ways]
    assert len(names) == len(set(names)) == 12
    rows = [line for line in said.splitlines() if line.startswith(tuple(names))]
    assert [row.split("  ")[0] for row in rows] == names
    assert all(re.search(r"\d+\.\d%  +\d+\.\d%  +(\d+|never) ", row) for row in rows)
    near_zero = {row.split("  ")[0]: int(row.split()[-1].rstrip("%")) for row in rows}
    assert near_zero["L1"] > near_zero[improve.PLAIN]


def test_every_way_reaches_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def spy(model: Any, X: Any, y: Any, optimizer: Any, **settings: Any) -> None:
        large = max(abs(w.data) for w in improve.weights(model)) > 1.5  # as those of N(0, 1)
        settings.pop("validation")
        seen.append(f"{model} {large} {X.shape} {y.shape} {optimizer.settings} {settings}")

    monkeypatch.setattr(improve, "fit", spy)
    images = np.zeros((3, 784))
    for ways in improve.WAYS.values():
        for way in ways.values():
            improve.learn((images, [0, 1, 2], (images, [0, 1, 2])), 0, **way)
    assert len(seen) == len(set(seen)) == 12


# --- hyperparameters ---


def test_one_process_and_two_come_to_the_same(run: Run) -> None:
    alone, together = (run("hyperparameters", "--jobs", n)[0].splitlines() for n in "12")
    assert alone[:-1] == together[:-1]  # all but where the picture is
    assert len(alone) > 25


def outcome(costs: list[float], right: float = 0.5, cost: float = 1.0) -> Any:
    return hyperparameters.Outcome(costs, right, cost, 0.5)


def test_every_value_has_its_own_outcome() -> None:
    trial = hyperparameters.Trial(0.5, 4, (20, 20), 0)

    def attempts(trials: list[Any]) -> list[Any]:
        assert all(each._replace(l2=0.0) == trial for each in trials)
        return [outcome([each.l2]) for each in trials]

    found = hyperparameters.vary(attempts, trial, "l2", [3.0, 1.0, 2.0])
    assert found == {value: outcome([value]) for value in (3.0, 1.0, 2.0)}


def test_the_largest_learning_rate_at_which_the_cost_falls_is_found() -> None:
    rates = {0.1: [3, 2, 1], 10.0: [3, 1, 2], 1.0: [3, 2, 1.5], 5.0: [1, 1, 1]}
    found = {lr: outcome([float(cost) for cost in costs]) for lr, costs in rates.items()}
    assert hyperparameters.largest(found) == 1.0
    assert hyperparameters.largest({3.0: outcome([1.0, 2.0]), 0.5: outcome([1.0, 2.0])}) == 0.5


def test_of_settings_that_are_right_as_often_the_cheaper_is_chosen() -> None:
    found = {1: outcome([], 0.8, 0.1), 2: outcome([], 0.9, 0.5), 3: outcome([], 0.9, 0.4)}
    assert hyperparameters.best(found) == 3


def test_a_trial_that_diverges_is_the_worst() -> None:
    trial = hyperparameters.Trial(1e308, 4, (20, 20), 0, l2=1e3)
    assert hyperparameters.attempt(trial) == ([np.inf] * 4, 0.0, np.inf, 0.0)


def test_digits_that_decide_are_not_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def spy(model: Any, X: Any, y: Any, **settings: Any) -> Any:
        seen.update(learnt=X, aside=settings["validation"][0], batch=settings["batch_size"])
        return real(model, X, y, **settings)

    real = hyperparameters.fit
    monkeypatch.setattr(hyperparameters, "fit", spy)
    hyperparameters.attempt(hyperparameters.Trial(1.0, 1, (30, 50), 0, batch_size=7))
    assert (len(seen["learnt"]), len(seen["aside"]), seen["batch"]) == (30, 50, 7)
    assert not {row.tobytes() for row in seen["learnt"]} & {row.tobytes() for row in seen["aside"]}


# --- the page of the course ---


class Reader(HTMLParser):
    """What a page holds; every element is closed that must be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.images: list[str] = []
        self.cells: list[list[str]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)
        if "id" in given:
            self.ids.append(str(given["id"]))
        if tag == "a":
            self.links.append(str(given["href"]))
        if tag == "img":
            assert given["alt"]
            self.images.append(str(given["src"]))
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1][-1] += data


def read(folder: Path) -> Reader:
    text = (folder / "index.html").read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="(?!data:|#)|url\(|@import|<script|<link', text)
    reader = Reader(text)
    assert not reader.open
    return reader


def test_the_course_is_one_page_with_all_that_was_said_and_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["course", "lecture", "perceptron", "--out", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert f"page: {tmp_path / 'index.html'}" in said
    reader = read(tmp_path)
    assert reader.ids == ["perceptron", "lecture"]  # in the order of the course
    assert reader.links == ["#perceptron", "#lecture"]
    drawn = {path.read_bytes() for path in tmp_path.glob("*.svg")}
    assert {b64decode(image.partition("base64,")[2]) for image in reader.images} == drawn
    assert len(drawn) == len(reader.images) == 3
    assert ["df/dx", "-4", "-4", "+0.0e+00"] in reader.cells
    assert "How does backpropagation compute the derivatives of f(x, y, z) = (x + y) z?" in (
        reader.text
    )
    assert "chainrule lecture" in reader.text
    assert "F. Rosenblatt, The Perceptron, 1958" in reader.text
    assert "picture:" not in reader.text
    style = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "prefers-color-scheme: dark" in style
    assert 'name="viewport"' in style
    assert 'class="failed"' not in style


@pytest.mark.parametrize("error", [ValueError("so <sad>"), SystemExit(2)])
def test_a_demo_that_fails_is_shown_and_the_others_run(
    error: BaseException,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(argv: object) -> None:
        print("as far as this")
        raise error

    monkeypatch.setattr("demos.perceptron.main", fails)
    assert main(["course", "perceptron", "lecture", "--out", str(tmp_path)]) == 1
    assert "failed: perceptron" in capsys.readouterr().err
    reader = read(tmp_path)
    assert "1 of 2 failed." in reader.text
    assert "as far as this" in reader.text
    assert repr(error).partition("(")[0] in reader.text
    assert ["df/dx", "-4", "-4", "+0.0e+00"] in reader.cells


def test_a_demo_that_cannot_be_imported_fails_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str) -> ModuleType:
        raise ModuleNotFoundError(f"no matplotlib for {name}")

    monkeypatch.setattr(course, "import_module", broken)
    assert course.main(["lecture", "--out", str(tmp_path)]) == 1
    assert "no matplotlib for demos.lecture" in read(tmp_path).text


def test_an_unknown_demo_is_refused_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["course", "lecture", "lectrue", "--out", str(tmp_path / "new")])
    assert "no demo called 'lectrue'" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_what_is_said_becomes_tables_prose_and_lines(tmp_path: Path) -> None:
    (tmp_path / "p.svg").write_text("<svg/>")
    said = f"""One sentence, which does not come to an end in this line, that
goes on. x < y
Another:
n = 1
name   a b
----  ----
one     -1
two<

  step 1   loss 2

picture: {tmp_path / "p"}.svg and .png
"""
    prose, table, lines, picture = page.blocks(said)
    long = "One sentence, which does not come to an end in this line"
    assert prose == f"<p>{long}, that goes on. x &lt; y<br>Another:<br>n = 1</p>\n"
    assert "<tr><th>name</th><th>a b</th></tr>\n<tr><td>one</td><td>-1</td></tr>\n" in table
    assert "<tr><td>two&lt;</td><td></td></tr>" in table
    assert lines == "<pre>  step 1   loss 2</pre>\n"
    assert "data:image/svg+xml;base64,PHN2Zy8+" in picture


def test_a_large_drawing_goes_in_as_png(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "p.svg").write_text("<svg/>")
    (tmp_path / "p.png").write_bytes(b"\x89PNG")
    monkeypatch.setattr(page, "LIMIT", 5)
    assert "data:image/png;base64,iVBORw==" in page.image(tmp_path / "p")


def test_the_course_has_every_demo_once() -> None:
    assert len(demos.COURSE) == len(set(demos.COURSE))
    for name in demos.COURSE:
        doc = import_module(f"demos.{name}").__doc__ or ""
        assert doc.startswith(f"{name}: ")
        assert page.question(doc).endswith("?")
