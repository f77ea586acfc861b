"""A network as a program of array instructions: recorded from one example, run on all at once.

Code that is not ours may do in Python what no graph shows: draw a number, count its calls, look at
a number and branch. Recorded it would be frozen in silence. So it is recorded from two examples,
and where the two graphs differ, or something was left behind, it is not recorded at all. A number
that it reads from a variable may be another one later: whoever keeps a recording asks now and then
whether it is `outdated`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine import Value
from engine.batching.plan import Plan, Result
from engine.capture import recording
from engine.frames import file_of, is_ours
from engine.loops.flatten import Flat, linearise
from engine.program import NOTHING, Wanted
from engine.quiet import quietly
from engine.recording.replays import Replays
from engine.tape import Tape
from nn.activations import Activation
from nn.module import Module, contents
from nn.surroundings import Surroundings

Array = NDArray[Any]
Key = tuple[int, Any, Wanted]  # batch, dtype, and which gradients
Compute = Callable[..., list[Value]]

OWN_PLANS: Final = 3  # for a batch, for the last one of an epoch, and one to spare
GOLDEN: Final = 0.6180339887498949  # its multiples, whole parts left out, are all different


class NotRecorded(Exception):  # noqa: N818 - says what has happened
    """Why a network cannot be recorded."""


class Recording:
    """What a network computes for one example, recorded, to be run on many.

    Args:
        compute: takes a list of Values for each of the columns, and gives a list of them.
        columns: how many numbers of an example each of its arguments has.
        parameters: the Values whose numbers each run is given.
        model: the network that takes part in it.
        functions: of other people, that take part too: a loss.

    Raises:
        NotRecorded: if it cannot be recorded, or not so that it is sure to be the same.
    """

    def __init__(
        self,
        compute: Compute,
        columns: Sequence[int],
        parameters: Sequence[Value],
        model: Module,
        functions: Iterable[Callable[..., Any]] = (),
    ) -> None:
        captured, self.world = captured_with_care(compute, columns, parameters, model, functions)
        self.captured, self.columns = captured, tuple(columns)
        self.flat, self.parameters = captured.flat, captured.parameters
        names = [f"{'xy'[k]}[{i}]" for k, count in enumerate(columns) for i in range(count)]
        names += [f"drawn[{k}]" for k in range(len(captured.draws))]
        self.replays = Replays(Tape(self.flat, self.parameters, names), captured.draws)
        self.plans: dict[Key, Plan | None] = {}
        self.latest: Key | None = None  # what was run last, and its plan: to compare is quicker
        self.latest_plan: Plan | None = None

    @property
    def outdated(self) -> bool:
        """Whether code that is not ours might compute something else by now."""
        return self.world is not None and bool(self.world.moved())

    def instead_of(self, earlier: Recording | None) -> Recording:
        """The earlier one, which has its plans, if it still is the same; else this one."""
        if earlier is None or not self.captured.is_like(earlier.captured):
            return self
        earlier.world = self.world
        return earlier

    @cached_property
    def reached(self) -> list[bool]:
        """Whether the first output depends on a parameter, for each of them."""
        starts, args = [int(k) for k in self.flat.starts], [int(k) for k in self.flat.args]
        first, found, todo = int(self.flat.first), set[int](), [int(self.flat.outputs[0])]
        while todo:
            slot = todo.pop()
            if slot not in found:
                found.add(slot)
                if slot >= first:
                    todo += args[starts[slot - first] : starts[slot - first + 1]]
        constants = len(self.flat.constants)
        return [constants + k in found for k in range(len(self.parameters))]

    @property
    def draws(self) -> bool:
        """Whether a run draws random numbers."""
        return bool(self.replays.draws)

    def run(
        self,
        inputs: list[Array],
        numbers: Array,
        wanted: Wanted = NOTHING,
        seeds: Sequence[float] = (),
    ) -> Result:
        """Compute a batch, in the dtype of the inputs. Not to be called by several threads at once.

        Args:
            inputs: the examples, a matrix with a row for each, for every argument.
            numbers: of all parameters.
            wanted: which gradients: none, or that in the parameters.
            seeds: for each output that is differentiated.

        Returns:
            The outputs, and the gradient, which the next run may overwrite.
        """
        key = len(inputs[0]), inputs[0].dtype, wanted
        if key != self.latest:
            self.latest, self.latest_plan = key, self.plan(key)
        plan = self.latest_plan
        if plan is not None:
            quietly(plan.run, inputs, numbers, seeds)
            if not (self.replays.program.selects and plan.has_nan()):
                gradient = plan.parameter_gradient if wanted.parameters else None
                return Result(plan.results(), gradient, None)
        return self.replays.run(inputs, key[1], wanted, seeds, strict=False, at=numbers)

    def plan(self, key: Key) -> Plan | None:
        """A plan that nobody else uses, if this is how so many examples are computed."""
        if key not in self.plans:
            while len(self.plans) >= OWN_PLANS:
                del self.plans[next(iter(self.plans))]
            batch, dtype, wanted = key
            self.plans[key] = self.replays.plan(batch, dtype, self.columns, wanted)
        return self.plans[key]


# --- recording ---


class Captured(NamedTuple):
    """What a function was for one example."""

    flat: Flat
    parameters: list[Value]
    draws: list[Callable[[], float]]
    others: list[Value]  # leaves that it uses, but that are no parameters

    def is_like(self, other: Captured) -> bool:
        """Whether it is the same graph with the same constants."""
        mine, theirs = self.flat, other.flat
        pairs = zip(self.parameters, other.parameters, strict=False)
        if len(self.parameters) != len(other.parameters) or any(a is not b for a, b in pairs):
            return False
        return len(self.draws) == len(other.draws) and all(
            np.array(a).tobytes() == np.array(b).tobytes()  # NaN and -0.0 included
            for a, b in (
                (mine.codes, theirs.codes),
                (mine.starts, theirs.starts),
                (mine.args, theirs.args),
                (mine.outputs, theirs.outputs),
                (mine.constants, theirs.constants),
            )
        )


def captured(
    compute: Compute, columns: Sequence[int], parameters: Sequence[Value], start: float
) -> Captured:
    """What a function is for an example of made-up numbers.

    Raises:
        NotRecorded: if it cannot be called on Values that stand for any number.
    """
    groups = [[Value((start + GOLDEN * k) % 1.0) for k in range(count)] for count in columns]
    inputs = [value for group in groups for value in group]
    try:
        with recording("the network", [*inputs, *parameters]) as here:
            outputs = compute(*groups)
            drawn = [value for value, _ in here.drawn]
            flat, _, others = linearise(outputs, [*inputs, *drawn], list(parameters))
    except Exception as error:
        raise NotRecorded(f"{type(error).__name__}: {error}") from error
    return Captured(flat, list(parameters), [draw for _, draw in here.drawn], others)


def captured_with_care(
    compute: Compute,
    columns: Sequence[int],
    parameters: Sequence[Value],
    model: Module,
    functions: Iterable[Callable[..., Any]],
) -> tuple[Captured, Surroundings | None]:
    """The same, from two examples if anything in it is not ours; and then what is around that.

    Leaves that are no parameters are read anew by every run, if it is not the function that makes
    them.
    """
    own = [each for each in (*taking_part(model), *functions) if not is_own(each)]
    if not own:
        return captured(compute, columns, parameters, 0.25), None
    for each in own:
        if isinstance(each, Module) and type(each).draw_seed is not Module.draw_seed:
            raise NotRecorded(f"{type(each).__name__}.draw_seed: it has a chance of its own")
    world = Surroundings(own)
    if world.opaque:
        raise NotRecorded(f"it holds a {world.opaque}, which cannot be looked into")
    try:
        first = captured(compute, columns, parameters, 0.25)
        again = captured(compute, columns, parameters, 0.625)
        lasting = [each for each in first.others if any(each is other for other in again.others)]
        if lasting:
            parameters = [*parameters, *lasting]
            first = captured(compute, columns, parameters, 0.25)
            again = captured(compute, columns, parameters, 0.625)
        changed = world.changed()
    finally:
        world.put_back()
    if changed:
        raise NotRecorded(f"it leaves something behind: {changed} has changed")
    if not first.is_like(again):
        raise NotRecorded("it computes something else from one example to the next")
    return first, world


# --- code that is not ours ---


def taking_part(model: Module) -> list[Any]:
    """All that computes in a network: modules, activations, functions that it keeps."""
    found = contents(model, {}).values()
    return [each for each in found if not isinstance(each, Value) and callable(each)]


def is_own(given: Any) -> bool:
    """Whether the code of a module or a function is ours."""
    code = type(given) if isinstance(given, Module) else given
    code = code.function if isinstance(code, Activation) else code
    return is_ours(file_of(code))
