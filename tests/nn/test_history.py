"""The history of a run: table, columns, picture; and how a run shows where it is."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from nn import progress
from nn.history import History

SETTINGS = {"loss": "hinge", "optimizer": "SGD(lr=0.1)", "batch_size": 4, "l2": 0.5, "seed": 0}


def history(epochs: int, note: str = "") -> History:
    made = History(SETTINGS)
    for k in range(epochs):
        row = {"loss": 1 / (k + 1), "accuracy": k / epochs, "validation_loss": 2.0, "lr": 0.1}
        made.append(row | {"seconds": 0.25})
    made.note = note
    return made


def test_columns_and_rows() -> None:
    found = history(4)
    assert len(found) == 4
    assert found["loss"] == [1, 1 / 2, 1 / 3, 1 / 4]
    assert found["epoch"] == [1, 2, 3, 4]
    assert found[-1] == {**found[3]} == [*found][3]
    assert found[3]["loss"] == 1 / 4
    assert found[0:2] == [found[0], found[1]]
    assert [row["epoch"] for row in found[::-2]] == [4, 2]
    assert found[9:] == []
    assert list(found.to_dict()) == [
        "epoch", "loss", "accuracy", "validation_loss", "lr", "seconds",
    ]  # fmt: skip
    found["loss"].clear()
    found.to_dict()["loss"].clear()
    assert len(found) == 4, "the columns that are handed out are copies"
    with pytest.raises(KeyError, match="'validation_accuracy' was not measured: there are epoch"):
        found["validation_accuracy"]
    with pytest.raises(IndexError):
        found[4]
    with pytest.raises(ValueError, match="the columns are"):
        found.append({"loss": 1.0})


def test_columns_are_set_as_they_are_given_out() -> None:
    """As a run does that goes on from a checkpoint."""
    found, again = history(3), History(SETTINGS)
    again.columns = found.columns
    assert (str(again), again.to_dict()) == (str(found), found.to_dict())
    again.append(dict.fromkeys(found.columns, 7.0))
    assert (len(found), len(again), again["loss"][-1]) == (3, 4, 7.0)


def test_to_append_copies_no_columns() -> None:
    found = history(1)
    rows = found.rows
    first = rows[0]
    found.append(dict(first))
    assert found.rows is rows
    assert rows[0] is first


def test_it_prints_as_an_aligned_table() -> None:
    lines = str(history(3, note="stopped early")).splitlines()
    assert len({len(line) for line in lines[:-1]}) == 1
    assert lines[0].split() == [
        "epoch", "loss", "accuracy", "validation", "loss", "lr", "seconds",
    ]  # fmt: skip
    assert lines[2].split() == ["2", "0.5", "33.3%", "2", "0.1", "0.25"]
    assert lines[-1] == "stopped early"


def test_a_long_one_is_abridged_in_the_middle() -> None:
    lines = str(history(100)).splitlines()
    assert len(lines) == 22
    numbers = [line.split()[0] for line in lines[1:]]
    assert numbers == [*map(str, range(1, 11)), "...", *map(str, range(91, 101))]
    assert len(str(history(20)).splitlines()) == 21


def test_its_text_says_what_was_used() -> None:
    assert repr(history(2, note="interrupted")) == (
        "History of 2 epochs: hinge, SGD(lr=0.1), batches of 4, l2 0.5, seed 0; "
        "loss 0.5, accuracy 50.0%, validation loss 2; interrupted"
    )
    assert repr(History({})) == "History of 0 epochs: "


def test_it_can_be_plotted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    figure = history(5).plot()
    losses, accuracies = figure.axes
    assert [line.get_label() for line in losses.lines] == ["training", "validation"]
    assert list(losses.lines[0].get_xdata()) == [1, 2, 3, 4, 5]
    assert list(losses.lines[0].get_ydata()) == history(5)["loss"]
    assert [line.get_label() for line in accuracies.lines] == ["training"]
    assert losses.get_legend() is not None
    assert accuracies.get_legend() is None, "a single line needs none"
    assert {line.get_marker() for line in losses.lines} == {"None"}
    figure.savefig(tmp_path / "loss.png")
    matplotlib.pyplot.close(figure)
    with pytest.raises(ValueError, match="nothing to plot"):
        History({}).plot()
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'chainrule\[plot\]'"):
        history(2).plot()


def test_a_single_epoch_is_seen() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    figure = history(1).plot()
    assert {line.get_marker() for axis in figure.axes for line in axis.lines} == {"o"}
    matplotlib.pyplot.close(figure)


@pytest.mark.parametrize("accuracy", [{}, {"accuracy": 0.5}])
def test_a_long_title_is_not_cut_off(accuracy: dict[str, float]) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    made = History(SETTINGS | {"optimizer": f"AdamW({'lr=0.01, ' * 20})"})
    made.append({"loss": 1.0} | accuracy)
    figure = made.plot()
    figure.canvas.draw()
    title, panel = figure._suptitle.get_window_extent(), figure.axes[0].get_window_extent()
    assert title.x0 >= 0
    assert title.x1 <= figure.bbox.width
    assert panel.y1 <= title.y0
    assert title.y1 <= figure.bbox.height
    matplotlib.pyplot.close(figure)


# --- progress ---


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, wanted: bool | None) -> str:
    """What a run of 40 epochs writes."""
    monkeypatch.setattr(sys, "stderr", stream)
    row = {"loss": 0.5, "accuracy": 0.75}
    reporter = progress.progress_for(wanted, 40)
    for epoch in range(40):
        reporter.batch(epoch, 0.5)
        reporter.batch(epoch, 1.0)
        reporter.epoch(epoch, row)
    reporter.close("40 epochs in 1.0 s")
    return stream.getvalue()


def test_a_terminal_gets_a_bar_and_a_report(monkeypatch: pytest.MonkeyPatch) -> None:
    written = shown(monkeypatch, Terminal(), None)
    assert "epoch 40/40 100%" in written
    assert "loss 0.5, 75.0%" in written
    assert written.endswith("\n40 epochs in 1.0 s\n")


def test_a_file_gets_a_few_plain_lines_if_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(monkeypatch, io.StringIO(), True).split("\n")
    assert lines[0] == "epoch 4/40: loss 0.5, accuracy 75.0%"
    assert lines[8] == "epoch 36/40: loss 0.5, accuracy 75.0%"
    assert lines[9:] == ["40 epochs in 1.0 s", ""]


def test_elsewhere_it_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, io.StringIO(), None) == ""
    assert shown(monkeypatch, Terminal(), False) == ""
