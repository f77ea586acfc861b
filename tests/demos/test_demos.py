"""The demos run, show the lectures' numbers, and draw."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import engine
from demos import backprop_by_hand
from demos.__main__ import COURSE, main

from .checks import PICTURES, Run, check_pictures

ROOT = Path(__file__).resolve().parents[2]

CERTAIN = ["lecture", "backprop_by_hand", "why_order"]  # nothing is left to chance
PRINTED = {  # how many numbers a source prints
    "lecture": 11, "backprop_by_hand": 29, "moons": 3, "perceptron": 4, "cost": 12, "improve": 3,
    "digits": 3,
}  # fmt: skip


@pytest.mark.parametrize("name", COURSE)
def test_a_demo_runs_and_draws(name: str, run: Run) -> None:
    said, folder = run(name)
    assert bool(re.search(r"printed +computed +difference\n", said)) == (name in PRINTED)
    check_pictures(said, folder, *PICTURES[name])


@pytest.mark.parametrize("name", COURSE)
def test_its_docstring_is_its_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])
    text = capsys.readouterr().out
    for word in (f"{name}: ", "?\n", f"Command: chainrule {name}", "Expect: ", "--out", "--seed"):
        assert word in text
    assert ("Source: " in text) == (name != "speed")  # which is our own
    assert ("there is no chance in it" in text) == (name in CERTAIN)


@pytest.mark.parametrize("name", COURSE)
def test_it_can_be_read_aloud(name: str) -> None:
    lines = (ROOT / "demos" / f"{name}.py").read_text(encoding="utf-8").splitlines()
    assert 40 <= len(lines) <= 150


@pytest.mark.parametrize("name", CERTAIN)
def test_a_seed_changes_nothing_where_there_is_no_chance(name: str, run: Run) -> None:
    (usual, there), (other, elsewhere) = run(name), run(name, "--seed", "5")
    assert other == usual.replace(str(there), str(elsewhere))


@pytest.mark.parametrize("name", PRINTED)
def test_every_printed_number_is_the_computed_one(name: str, run: Run) -> None:
    """To four in the last printed digit: the lecture rounds on the way. Whole numbers exactly."""
    number = r"(-?[\d.]+(?:e-\d+)?)"
    rows = re.findall(rf"^\S.*?  +{number}  +{number}  +[+-]\d\.\de\S+$", run(name)[0], re.M)
    assert len(rows) == PRINTED[name]
    for printed, computed in rows:
        digits = min(len(printed.partition(".")[2]), 10)  # of which ten are shown
        assert abs(float(printed) - float(computed)) <= (4 * 10.0**-digits if digits else 0)


def test_xor_is_learnt_from_every_seed_but_not_by_one_neuron(run: Run) -> None:
    text, _ = run("xor")
    assert "200 steps" in text  # as the axis of the picture says
    assert "epoch" not in text
    assert "below 0.01: 10 of 10 networks; the neuron stays at 0.2500" in text
    last = [float(line.split()[-1]) for line in text.splitlines() if line.startswith("2-4-1")]
    assert len(last) == 10
    assert max(last) < 0.01


def test_moons_gives_the_numbers_of_the_notebook_to_the_last_digits(run: Run) -> None:
    text, _ = run("moons")
    assert "100 of 100 right" in text
    loss = re.search(r"last step +0.010978370135492717 +0.01097837014 +([+-]\S+)", text)
    assert loss is not None
    assert abs(float(loss[1])) < 1e-9


def test_layer_by_layer_is_not_gradient_descent() -> None:
    lines = [line.split() for line in backprop_by_hand.updates().splitlines()[2:]]
    by_layer, descent = zip(*[map(float, line[-2:]) for line in lines], strict=True)
    printed = (0.291027924, 0.0000350848, 0.015912196, 0.984065734)
    exact = (0.291027774, 0.0000351019, 0.015913620, 0.984064274)
    assert by_layer == pytest.approx(printed, rel=0, abs=1e-9)
    assert descent == pytest.approx(exact, rel=0, abs=1e-9)


def test_the_command_lists_and_explains(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == COURSE
    assert main([]) == 0
    assert "usage: chainrule" in capsys.readouterr().out
    assert main(["lectur"]) == 2
    assert "did you mean lecture?" in capsys.readouterr().err


def test_the_version_is_that_of_the_sources(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = "compiled" if engine.compiled else "interpreted"

    def version() -> str:
        assert main(["--version"]) == 0
        return capsys.readouterr().out

    monkeypatch.setattr("demos.__main__.metadata.version", lambda name: f"1.2.3 of {name}")
    beside = tmp_path / "pyproject.toml"
    monkeypatch.setattr("demos.__main__.PYPROJECT", beside)
    assert version() == f"chainrule 1.2.3 of chainrule, {kind} engine\n"
    beside.write_text('[project]\nname = "other"\nversion = "4.5"\n')  # left there by another
    assert version() == f"chainrule 1.2.3 of chainrule, {kind} engine\n"
    monkeypatch.delattr("demos.__main__.metadata.version")  # a clone may be not installed
    beside.write_text('[project]\nname = "chainrule"\nversion = "4.5"\n')
    assert version() == f"chainrule 4.5 in a clone, {kind} engine\n"


def test_every_demo_is_in_the_course() -> None:
    """Each of which is run above. What is no demo is in demos/parts."""
    files = {path.stem for path in (ROOT / "demos").glob("*.py")}
    assert files == {*COURSE, "__init__", "__main__", "course"}


def test_pictures_in_the_repository_are_those_that_the_demos_draw(run: Run) -> None:
    """README shows them. Only their words: fonts and layout depend on the Graphviz at hand."""
    for name in ("lecture", "backprop_by_hand"):
        drawn, kept = (
            sorted(re.findall(r">([^<>\n]+)</text>", (folder / f"{name}.svg").read_text("utf-8")))
            for folder in (run(name)[1], ROOT / "demos" / "pictures")
        )
        assert drawn == kept
