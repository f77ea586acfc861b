"""What all demos share: numbers, words and axes."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from demos.parts import report


def test_numbers_and_words_of_reports() -> None:
    assert report.rounded([-0.00001, 2.5], 2) == ["0.00", "2.50"]
    figure = report.canvas(3, 2)
    axes = report.plain(figure.subplots(), "title", xlabel="x")
    report.note(axes, "C = -1, slow-going", (0.5, 0.5), color="red")
    report.logarithmic(axes, [0.5, 1])
    assert axes.texts[0].get_text() == "C = −1, slow-going"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0.5", "1"]
    assert report.shades()(0.5)[:3] == pytest.approx((1, 1, 1), abs=0.01)
    plt.close(figure)


def test_names_of_curves_are_apart_and_in_their_order() -> None:
    figure = report.canvas(6, 4)
    axes = figure.subplots()
    levels = {
        "high": (0.9, "red"),
        "near": (0.51, "red"),
        "low": (0.5, "blue"),
        "as low": (0.5, "k"),
    }
    axes.set(xlim=(0, 1), ylim=(0, 1))
    report.name_curves(axes, 0.5, levels)
    figure.draw_without_rendering()
    heights = {
        text.get_text(): text.get_window_extent().y0 * 72 / figure.dpi for text in axes.texts
    }
    assert sorted(heights, key=heights.__getitem__) == ["low", "as low", "near", "high"]
    gaps = np.diff(sorted(heights.values()))
    assert gaps[:2] == pytest.approx(report.LINE, abs=3)  # but for what hangs below the line
    assert {text.get_text(): text.get_color() for text in axes.texts} == {
        words: colour for words, (_, colour) in levels.items()
    }
    plt.close(figure)
