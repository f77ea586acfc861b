"""seeds= of recorded functions: a number for each output, at its place in the result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine import record
from engine.recording.options import output_weights

RESULT = {"a": 0, "b": [1, (2, 3)]}


def test_they_are_matched_by_keys() -> None:
    assert output_weights({"b": [2.0, [3, 4.0]], "a": 1.0}, RESULT, "f") == [1.0, 2.0, 3.0, 4.0]
    assert output_weights(5, 0, "f") == [5.0]
    assert output_weights(None, 0, "f") == [1.0]
    assert output_weights(None, [0], "f") == [1.0]


@pytest.mark.parametrize("replay", ["tape", "program"])
def test_a_recorded_function_matches_them_by_keys(replay: Any) -> None:
    recorded = record(lambda x: {"a": x, "b": [10 * x, 100 * x]}, replay=replay)
    assert recorded.gradient(1.0, seeds={"b": [1.0, 0.0], "a": 0.0}) == 10.0
    assert recorded.gradient(1.0, seeds={"a": 1.0, "b": [0.0, 2.0]}) == 201.0
    with pytest.raises(ValueError, match=r"the result of .*: seeds\['b'\] should be a list"):
        recorded.gradient(1.0, seeds={"a": 1.0, "b": 1.0})


ERRORS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (
        lambda: output_weights({"a": 1.0, "b": [1.0, 2.0]}, RESULT, "f"),
        ValueError,
        "seeds is structured like the result of f: seeds['b'][1] should be a list or tuple of 2, "
        "but got 2.0",
    ),
    (
        lambda: output_weights([1.0, 2.0, 3.0, 4.0], RESULT, "f"),
        ValueError,
        "seeds is structured like the result of f: seeds should be a dict with the keys 'a', 'b', "
        "but got [1.0, 2.0, 3.0, 4.0]",
    ),
    (
        lambda: output_weights({"a": "1", "b": [1, (1, 1)]}, RESULT, "f"),
        TypeError,
        "seeds takes a real number, but got '1' of type str: convert text with float(text) first",
    ),
    (
        lambda: output_weights(None, RESULT, "f"),
        TypeError,
        "f has 4 outputs, of which only a weighted sum can be differentiated at a time: write "
        "seeds= with a number for each, structured like the result",
    ),
]


@pytest.mark.parametrize(("call", "kind", "words"), ERRORS)
def test_errors_word_for_word(call: Callable[[], Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == words
