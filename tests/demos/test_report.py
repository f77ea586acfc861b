"""What all demos share: numbers, words and axes."""

from __future__ import annotations

import matplotlib.pyplot as plt
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
