"""A wrong name or setting is refused with the right ones."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest

from nn.choice import choose, require, require_whole

KNOWN = {"adam": 1, "sgd": 2, "rmsprop": 3}


def test_a_known_name_gives_its_entry() -> None:
    assert [choose("an optimiser", name, KNOWN) for name in KNOWN] == [1, 2, 3]


@pytest.mark.parametrize(
    ("given", "nearest"), [("Adam", "adam"), ("rms-prop", "rmsprop"), ("sdg", "sgd")]
)
def test_the_error_names_the_nearest_and_all_that_are_known(given: str, nearest: str) -> None:
    with pytest.raises(ValueError) as caught:
        choose("an optimiser", given, KNOWN)
    assert str(caught.value) == (
        f"{given!r} is not the name of an optimiser: did you mean {nearest!r}? "
        "Known are adam, sgd, rmsprop"
    )


def test_nothing_is_suggested_where_nothing_is_near() -> None:
    with pytest.raises(ValueError, match=r"'zzz' is not the name of an optimiser: Known are adam"):
        choose("an optimiser", "zzz", KNOWN)


@pytest.mark.parametrize("given", [None, 3, ["adam"]])
def test_what_is_no_name_is_a_type_error(given: object) -> None:
    with pytest.raises(TypeError, match=r"an optimiser is chosen by name.*write one of adam"):
        choose("an optimiser", given, KNOWN)


def test_a_setting_in_its_range_is_a_float() -> None:
    found = require("f(x)", 1, lambda x: x > 0, "above 0")
    assert (found, type(found)) == (1.0, float)


@pytest.mark.parametrize("given", [0, -1.0, nan])
def test_a_setting_out_of_its_range_is_refused_and_nan_always(given: float) -> None:
    with pytest.raises(ValueError, match=r"f\(x\) must be above 0, but got"):
        require("f(x)", given, lambda x: not x <= 0, "above 0")


def test_a_setting_that_is_no_number_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"f\(x\) takes a real number, but got '1'"):
        require("f(x)", "1", lambda x: True, "anything")


@pytest.mark.parametrize("given", [3, np.int64(3), np.uint8(3)])
def test_whole_numbers(given: object) -> None:
    found = require_whole("f(n)", given)
    assert (found, type(found)) == (3, int)
    assert require_whole("f(n)", 0, least=0) == 0


@pytest.mark.parametrize(("given", "least"), [(0, 1), (-2, 0), (2, 3)])
def test_whole_numbers_that_are_too_small(given: int, least: int) -> None:
    words = rf"f\(n\) must be a whole number, {least} at least, but got {given}$"
    with pytest.raises(ValueError, match=words):
        require_whole("f(n)", given, least)


@pytest.mark.parametrize("given", [True, np.True_, 2.0, 1.5, nan, inf, "3", None, np.float64(2)])
def test_what_is_no_whole_number_is_a_type_error(given: object) -> None:
    with pytest.raises(TypeError, match=r"f\(n\) must be a whole number, .* write it as an int"):
        require_whole("f(n)", given)


@pytest.mark.parametrize("given", ["momentum", "Mo-mentum", "MOMENTUM"])
def test_names_that_others_use_are_answered_with_the_known_one(given: str) -> None:
    elsewhere = {"momentum": "sgd", "mo_mentum": "sgd"}
    with pytest.raises(ValueError, match=f"'{given}' is not .* did you mean 'sgd'"):
        choose("an optimiser", given, KNOWN, elsewhere)
