"""A recorded function: what record() gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import RLock
from typing import Any, Final

from numpy.typing import ArrayLike, NDArray

from engine.batching.plan import Result
from engine.capture import mention_forgotten, recording
from engine.errors import not_a_number
from engine.loops.flatten import linearise
from engine.program import Program, Wanted
from engine.quiet import quietly
from engine.recording.arguments import Arguments, labels, names_of, numbers_of
from engine.recording.calls import Call, Captured, GradientCall
from engine.recording.options import Options, Reduce, Wrt
from engine.recording.plain import key_of
from engine.recording.replays import Replays
from engine.recording.verification import Asked, compare
from engine.structures import leaves, restore
from engine.tape import Tape
from engine.value import Value, as_value
from engine.wording import count as words

Array = NDArray[Any]


KEPT_CALLS: Final = 64


class Recorded:
    """A function that was recorded: called with numbers or arrays, it is replayed.

    `record` makes it, and says what its arguments are. It may be called from several threads at
    once. Where the engine is compiled, it computes long arrays in several threads itself: one for
    each processor, or as many as the environment variable OMP_NUM_THREADS says.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        parameters: Sequence[Value],
        name: str,
        names: Sequence[str] | None,
        options: Options,
    ) -> None:
        self.function, self.parameters, self.name = function, list(parameters), name
        self.names, self.options = names, options
        self.called: dict[int, list[str]] = {}  # names of so many arguments
        self.captured: dict[Any, Captured] = {}
        self.calls: dict[Any, Call] = {}  # by types and shapes, which takes less time
        self.lock = RLock()
        self.last: Captured | None = None

    # --- recording ---

    def capture(self, arguments: Arguments, names: Sequence[str]) -> Captured:
        """What the function is for arguments of such shapes; recorded if it is the first time."""
        found = self.captured.get(arguments.signature)
        if found is None:
            with self.lock:
                found = self.captured.get(arguments.signature)
                if found is None:
                    found = self.captured[arguments.signature] = self.trace(arguments, names)
        self.last = found
        return found

    def trace(self, arguments: Arguments, names: Sequence[str]) -> Captured:
        """Call the function once, on Values, and keep the graph."""
        if self.names is not None:
            raise TypeError(
                f"the inputs of the graph are single numbers: {', '.join(self.names)}; give a "
                "number or an array of shape (batch,) for each"
            )
        inputs = [Value(x) for x in arguments.example()]
        with recording(self.name, [*inputs, *self.parameters]) as here:
            result = self.function(*arguments.stand_ins(inputs))
            outputs = self.outputs(result)
            drawn = [value for value, _ in here.drawn]
            flat, _, others = linearise(outputs, [*inputs, *drawn], self.parameters)
        mention_forgotten(self.name, others)
        called = labels(names, arguments.given) + [f"drawn[{k}]" for k in range(len(drawn))]
        tape = Tape(flat, self.parameters, called)
        skeleton = restore(result, iter(range(len(outputs))))
        return Captured(Replays(tape, [draw for _, draw in here.drawn]), skeleton)

    def keep(self, tape: Tape, result: Any) -> None:
        """Take a graph that is there already, whose inputs are single numbers."""
        signature = Arguments([0.0] * len(tape.inputs), tape.inputs).signature
        self.last = self.captured[signature] = Captured(Replays(tape), result)

    def outputs(self, result: Any) -> list[Any]:
        """The Values that the function has returned."""
        found: list[Any] = leaves(result)
        if not any(isinstance(each, Value) for each in found):
            if any(hasattr(each, "dtype") for each in found):
                raise not_a_number(result, f"what {self.name} returns")
            raise TypeError(
                f"{self.name} returned {result!r:.80} of type {type(result).__name__}: a function "
                "that is recorded returns a Value, or a list, tuple or dict of them, computed from "
                "its arguments"
            )
        return [as_value(each, f"what {self.name} returns") for each in found]

    def argument_names(self, count: int) -> Sequence[str]:
        """What the arguments are called in the function."""
        if self.names is not None:
            got = f"but got {words(count, 'argument')}"
            if not self.names and count:
                raise TypeError(
                    f"{self.name} was recorded without inputs, {got}: name the leaves that they "
                    "stand for, as in record(loss, inputs=[x, y])"
                )
            if len(self.names) != count:
                raise TypeError(
                    f"{self.name} was recorded with {words(len(self.names), 'input')}, {got}: "
                    f"give a number or an array for each of {', '.join(self.names)}"
                )
            return self.names
        if count not in self.called:
            self.called[count] = names_of(self.function, count)
        return self.called[count]

    # --- replaying ---

    def __call__(self, *given: Any, at: ArrayLike | None = None) -> Any:
        """The value: a float for numbers, an array with a number per example for arrays.

        Args:
            given: the arguments.
            at: numbers for the parameters in place of those that they have.

        Returns:
            Several outputs are structured as the function returns them.

        Raises:
            TypeError, ValueError: if an argument is no number and no array of numbers, or arrays
                differ in length, or the function cannot be recorded.
            ArithmeticError, ValueError: where a value does not exist, for one point. In a batch it
                is NaN or inf, and the other examples are right.
        """
        return self.ask(Call, (), given, at)

    def value_and_gradient(
        self,
        *given: Any,
        wrt: Wrt | None = None,
        reduce: Reduce | None = None,
        seeds: Any = None,
        at: ArrayLike | None = None,
    ) -> tuple[Any, Any]:
        """The value and its derivatives.

        Args:
            given: the arguments.
            wrt: "parameters", "inputs" or "both"; if left out, the parameters if there are some.
            reduce: whether the derivatives are of the "mean" over the examples, of their "sum", or
                of each for itself ("none"). Left out it is the mean if the parameters are among
                them, else none.
            seeds: for a function of several outputs, what each counts in the number that is
                differentiated, structured like the result.
            at: numbers for the parameters in place of those that they have: so that a loop of
                training can keep them in one array.

        Returns:
            The value, reduced; and the gradient. That in the parameters is one flat array in their
            order; that in the inputs has the structure of the arguments, without a tuple around it
            if there is one argument. For "both" it is the pair (inputs, parameters).

        Raises:
            TypeError, ValueError: as for a call, and if the options make no sense.
        """
        also = wrt, reduce, seeds, self.name
        return self.ask(GradientCall, also, given, at)  # type: ignore[no-any-return]

    def gradient(self, *given: Any, **options: Any) -> Any:
        """The derivatives alone; the options are those of `value_and_gradient`."""
        return self.value_and_gradient(*given, **options)[1]

    def ask(
        self, kind: type[Call], also: tuple[Any, ...], given: Sequence[Any], at: ArrayLike | None
    ) -> Any:
        """Answer a call: the first of its kind in full, later ones on the shortest way.

        Args:
            kind: what is asked for.
            also: what its constructor takes besides arguments, captured graph and options.
            given: the arguments.
            at: numbers for the parameters.
        """
        numbers = None if at is None else numbers_of(at, len(self.parameters))
        key = key_of(given)
        try:
            known = self.calls.get((key, also)) if key is not None else None
        except TypeError:  # seeds in a list, or an option that is no word: see below
            key = known = None
        if known is None:
            arguments, captured = self.prepare(given)
            known = kind(arguments, captured, self.options, *also)
            if key is not None:
                with self.lock:
                    while len(self.calls) >= KEPT_CALLS:
                        del self.calls[next(iter(self.calls))]
                    self.calls[key, also] = known
        else:
            self.last = known.captured
            if known.is_point:
                return known.at_point(given, numbers)
            if known.is_batch:
                return known.at_batch(given, numbers)
            arguments = known.arguments.again(given)
        found = self.run(arguments, known.captured, known.wanted, known.seeds, numbers)
        self.verify(arguments, known.captured, found, known.wanted, known.seeds, numbers)
        return quietly(known.answer, found)

    def prepare(self, given: Sequence[Any]) -> tuple[Arguments, Captured]:
        """The arguments, checked, and what the function is for them."""
        names = self.argument_names(len(given))
        arguments = Arguments(given, names)
        return arguments, self.capture(arguments, names)

    def run(
        self,
        arguments: Arguments,
        captured: Captured,
        wanted: Wanted,
        seeds: Sequence[float],
        numbers: Array | None,
    ) -> Result:
        """Replay."""
        dtype = arguments.dtype(self.options.dtype)
        return captured.replays.run(
            quietly(arguments.arrays, dtype), dtype, wanted, seeds,
            arguments.batch is None, self.options.replay, numbers,
        )  # fmt: skip

    def verify(
        self,
        arguments: Arguments,
        captured: Captured,
        found: Result,
        wanted: Wanted,
        seeds: Sequence[float],
        numbers: Array | None,
    ) -> None:
        """Compare with the function itself, if that is asked for and it uses the same numbers."""
        if self.options.check and numbers is None and not captured.replays.draws:
            what = self.function, self.parameters, arguments, wanted, seeds
            compare(Asked(*what, len(found.outputs), self.name), found)

    # --- looking at it ---

    @property
    def tape(self) -> Tape:
        """The graph that was recorded last."""
        return self.latest().replays.tape

    @property
    def program(self) -> Program:
        """The array instructions for what was recorded last."""
        return self.latest().replays.program

    def report(self, *given: Any) -> str:
        """Which replay runs for such arguments, or for one point if there are none, and why."""
        if given:
            arguments, captured = self.prepare(given)
            batch = arguments.batch
        else:
            batch, captured = None, self.latest()
        if self.options.replay != "auto":
            guess, asked = captured.replays.program.choice.faster(batch), self.options.replay
            link = "as" if asked == guess else "but"
            report = captured.replays.program.report(batch)
            return f'{report}; {link} replay="{asked}" was asked for'
        return captured.replays.program.report(batch)

    def latest(self) -> Captured:
        """What was recorded last."""
        if self.last is None:
            raise RuntimeError(
                f"{self.name} has not been recorded yet: that happens at the first call, or at "
                "once with record(f, example=(...))"
            )
        return self.last

    def __repr__(self) -> str:
        shapes = "not recorded yet" if self.last is None else repr(self.tape)
        return f"<recorded {self.name}: {shapes}>"

    def __str__(self) -> str:
        return repr(self) if self.last is None else str(self.program)

    def __getstate__(self) -> dict[str, Any]:
        return {key: each for key, each in vars(self).items() if key not in ("lock", "calls")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, calls={}, lock=RLock())
