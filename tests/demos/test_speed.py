"""Speed: what is measured here, what the benchmarks have stored, and the pictures of both.

Nothing depends on how fast anything is.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import redirect_stdout
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine
from demos import speed
from demos.parts import stopwatch
from demos.parts.races import QUESTIONS, bars, grouped, times_as_long
from nn import MLP

from .checks import check_pictures

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
BATCHES = (1, 4)


@pytest.fixture(scope="module")
def races(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the benchmarks store; these need no peers, for NumPy is one."""
    path = tmp_path_factory.mktemp("races") / "speed.json"
    home = Path(str(engine.__file__)).parents[1]
    words = [str(BENCHMARKS), "rosenbrock", "moons_batch", "--quick", "--save", str(path)]
    done = subprocess.run(
        [sys.executable, "-P", *words],
        env=os.environ | {"PYTHONPATH": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Rosenbrock" in done.stdout
    return path


@pytest.fixture(scope="module")
def shown(races: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The demo in a small size: what it prints, and its pictures' folder."""
    folder, said = tmp_path_factory.mktemp("speed"), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said):
        small(patch)
        speed.main(["--out", str(folder), "--races", str(races)])
    return said.getvalue(), folder


def small(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(speed, "BATCHES", BATCHES)
    patch.setattr(speed, "LEAST", 0.0)


def race(question: str, faster: float, peer: str = "other 1.0") -> dict[str, Any]:
    return {
        "question": question, "peer": peer, "ours": 2e-6, "theirs": 2e-6 * faster, "faster": faster
    }  # fmt: skip


def stored(*races: dict[str, Any]) -> dict[str, Any]:
    where = {"date": "2001-02-03", "machine": "Abacus", "python": "Python 9", "engine": "engine x"}
    return where | {"races": list(races)}


# --- the file of the benchmarks ---


def test_races_are_stored_as_numbers(races: Path) -> None:
    found = json.loads(races.read_text("utf-8"))
    assert set(found) == {"date", "machine", "python", "engine", "races"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", found["date"])
    kind = "compiled" if engine.compiled else "interpreted"
    assert found["engine"] == f"engine {kind}"
    by_hand = [race for race in found["races"] if race["peer"] == f"by hand, {numpy_version()}"]
    assert {race["question"][:10] for race in by_hand} == {"Rosenbrock", "moons step"}
    for race in found["races"]:  # of one pair of turns in a quick run
        assert race["faster"] == pytest.approx(race["theirs"] / race["ours"])
        assert 0 < race["ours"] < 60


def numpy_version() -> str:
    return f"numpy {np.__version__}"


@pytest.mark.skipif(not speed.STORED.exists(), reason="nobody has stored the races yet")
def test_the_stored_races_answer_every_question() -> None:
    found = json.loads(speed.STORED.read_text("utf-8"))
    assert found["engine"] == "engine compiled"
    assert set(grouped(found)) == set(QUESTIONS.values())


# --- what is printed and drawn ---


def test_every_way_is_measured(shown: tuple[str, Path]) -> None:
    table = shown[0].partition("\n\n")[2].partition("\n\n")[0].splitlines()
    ways = ["a graph for each", "tape", "program"]
    if find_spec("micrograd"):
        ways.insert(0, "micrograd")
    assert re.split(r"  +", table[0]) == ["batch", *ways]
    for line, batch in zip(table[2:], BATCHES, strict=True):
        first, *cells = re.split(r"  +", line.strip())
        assert int(first) == batch
        assert len(cells) == len(ways)
        assert all(re.fullmatch(r"[\d.,]+ (s|ms|µs|ns)", cell) for cell in cells)


def test_the_races_are_told(shown: tuple[str, Path], races: Path) -> None:
    for one in json.loads(races.read_text("utf-8"))["races"]:
        cells = one["peer"], stopwatch.spoken(one["theirs"]), times_as_long(one)
        assert re.search(" +".join(map(re.escape, cells)) + "$", shown[0], re.M), one


def test_pictures(shown: tuple[str, Path]) -> None:
    check_pictures(*shown, "speed", "speed_here")


def test_without_races_it_says_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small(monkeypatch)
    monkeypatch.setattr(speed, "STORED", tmp_path / "speed.json")
    speed.main(["--out", str(tmp_path)])
    assert "python tests/benchmarks --save" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"speed_here.svg", "speed_here.png"}
    with pytest.raises(FileNotFoundError, match="nowhere"):
        speed.main(["--out", str(tmp_path), "--races", str(tmp_path / "nowhere")])


def test_bars_go_from_ours_to_theirs() -> None:
    figure = bars(
        stored(
            race("Rosenbrock, 1,000 variables", 0.5),
            race("Rosenbrock, 1,000 variables", 40.0, "slow 2"),
            race("serial chain of 100,000, per node", 3.0),
            race("import engine", 9.0),
        )
    )
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    ends = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in axes.patches]
    assert [tuple(sorted(each)) for each in ends] == [(1, 40), (0.5, 1), (1, 3)]
    words = [text.get_text() for text in axes.texts]
    assert [text for text in words if "×" in text] == [
        "slow 2  40 ×  80 µs", "other 1.0  0.50 ×  1.0 µs", "other 1.0  3.0 ×  6.0 µs"
    ]  # fmt: skip
    assert "Rosenbrock's function of 1,000 variables" in words
    assert "Abacus" in figure.get_supxlabel()


def test_questions_in_their_order_and_the_slowest_first() -> None:
    beginnings = list(QUESTIONS)
    shuffled = [race(f"{each}, and more", k + 2) for k, each in enumerate(reversed(beginnings))]
    found = grouped(stored(*shuffled, race(beginnings[0], 99)))
    assert list(found) == list(QUESTIONS.values())
    assert [one["faster"] for one in next(iter(found.values()))] == [99, len(beginnings) + 1]


# --- the stopwatch ---


def test_a_turn_lasts_long_enough_and_the_median_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    now, runs = [0.0], [0]
    monkeypatch.setattr(stopwatch, "process_time", lambda: now[0])

    def run() -> None:
        runs[0] += 1
        now[0] += 100.0 if runs[0] == 1 else 5.0 if runs[0] == 9 else 1.0

    assert stopwatch.seconds(run, 3.5) == 1.0
    assert runs[0] == 1 + 1 + 2 + 3 * 4


@pytest.mark.parametrize("way", stopwatch.WAYS)
def test_the_timed_runs_give_the_gradient(way: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same from every way, for an example and for a batch."""
    found: list[Any] = []
    monkeypatch.setattr(stopwatch, "seconds", lambda run, least: found.append(run()) or 1.0)
    model = MLP(2, [3, 2], "relu", seed=1)
    chance = np.random.default_rng(1)
    X, y = chance.normal(size=(4, 2)), chance.normal(size=(4, 2))
    gradients = []
    for x, target in zip(X, y, strict=True):
        stopwatch.node_by_node(model, x[None], target[None])
        gradients.append([p.grad for p in model.parameters()])
        found.clear()
        assert stopwatch.replayed(model, x[None], target[None], way=way) == 1.0
        assert found[0][1] == pytest.approx(gradients[-1])
    found.clear()
    assert stopwatch.replayed(model, X, y, way=way) == 0.25  # of the second for an example
    assert found[0][1] == pytest.approx(np.mean(gradients, axis=0))


def test_micrograd_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = np.ones((2, 2)), np.ones((2, 3))
    if find_spec("micrograd"):
        for outputs in (1, 3):
            seconds = stopwatch.micrograd([2, 2, outputs], X, y[:, :outputs])
            assert seconds is not None
            assert seconds > 0
    monkeypatch.setitem(sys.modules, "micrograd.nn", None)
    assert stopwatch.micrograd([2, 2, 3], X, y) is None
