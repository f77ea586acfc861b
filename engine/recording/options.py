"""How a recorded function is replayed, and in what it is differentiated."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, get_args

from engine.node import number
from engine.structures import leaves, leaves_like

Replay = Literal["auto", "tape", "program"]
Wrt = Literal["parameters", "inputs", "both"]
Reduce = Literal["mean", "sum", "none"]


class Options(NamedTuple):
    """How a recorded function is replayed, as `record` explains it."""

    check: bool = False
    wrt: Wrt | None = None
    reduce: Reduce | None = None
    dtype: Any = None
    replay: Replay = "auto"

    def derivative(
        self, wrt: Wrt | None, reduce: Reduce | None, parameters: bool, batch: bool, name: str
    ) -> tuple[Wrt, Reduce]:
        """In what the derivatives are taken, and of what.

        Args:
            wrt: as it was asked for.
            reduce: the same.
            parameters: whether there are parameters.
            batch: whether it is more than one point.
            name: what the function is called.

        Raises:
            ValueError: if it makes no sense.
        """
        wrt = wrt or self.wrt or ("parameters" if parameters else "inputs")
        reduce = reduce or self.reduce or ("none" if wrt == "inputs" else "mean")
        require_one_of("wrt", wrt, Wrt)
        require_one_of("reduce", reduce, Reduce)
        if wrt != "inputs" and not parameters:
            raise ValueError(
                f'wrt="{wrt}" asks for the gradient of parameters, but {name} was recorded '
                "without: write record(f, parameters=[...])"
            )
        if wrt != "inputs" and reduce == "none" and batch:
            raise ValueError(
                f'wrt="{wrt}", reduce="none" would be a gradient of all parameters for each '
                "example: give the examples one by one, or make the parameters arguments"
            )
        return wrt, reduce


def output_weights(seeds: Any, result: Any, name: str) -> list[float]:
    """What each output counts in the number that is differentiated.

    Args:
        seeds: a number for each, structured like the result; None for the only one.
        result: the result, or anything of its structure.
        name: what the function is called.

    Raises:
        TypeError: if there are several outputs and no seeds, or if these are no numbers.
        ValueError: if they do not fit the result; it names the place.
    """
    if seeds is None:
        count = len(leaves(result))
        if count == 1:
            return [1.0]
        raise TypeError(
            f"{name} has {count} outputs, of which only a weighted sum can be "
            "differentiated at a time: write seeds= with a number for each, structured like "
            "the result"
        )
    found = leaves_like(seeds, result, "seeds", f"the result of {name}")
    return [number(each, "seeds") for each in found]


def require_one_of(name: str, given: Any, known: Any) -> None:
    """Check an option that is one of a few words."""
    if given not in get_args(known):
        words = ", ".join(f'"{each}"' for each in get_args(known))
        raise ValueError(f"{name} is one of {words}, but got {given!r}")
