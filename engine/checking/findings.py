"""What gradcheck() finds, and how it says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import hypot, inf, nan
from typing import Final

from engine.checking.suspects import Suspect
from engine.wording import count

SHOWN: Final = 10  # findings that a report lists


@dataclass(frozen=True)
class Finding:
    """One derivative, and what was found.

    Args:
        name: "df/dx", and for order 2 "d²f/dx dy".
        at: the argument, with its number.
        got: the derivative as the engine has it.
        expected: as differences have it.
        error: how far `expected` may be off.
        verdict: "right"; "wrong"; "kink": there is none, or it is another one a step away;
            "unknown": it could not be told.
        reason: what is known about it.
    """

    name: str
    at: str
    got: float
    expected: float
    error: float
    verdict: str = "right"
    reason: str = ""

    def __str__(self) -> str:
        numbers = f"{self.name} at {self.at}: got {self.got:.10g}"
        if self.verdict == "kink":
            return f"{numbers}, at a kink: {self.reason}"
        if self.verdict == "unknown":
            return f"{numbers}, which could not be checked: {self.reason}"
        return f"{numbers}, expected {self.expected:.10g} (to {max(self.error, 1e-16):.0e})"


@dataclass(frozen=True)
class Report:
    """What gradcheck() found: true if nothing is wrong, and in words if it is printed.

    Attributes:
        title: what was checked.
        findings: one for each derivative.
        suspects: the primitives whose partials are wrong.
        relative_norm: |g - g_num| / |g + g_num|, of the gradient and of what differences gave; NaN
            if nothing could be checked.
    """

    title: str
    findings: list[Finding]
    suspects: list[Suspect] = field(default_factory=list)

    @property
    def relative_norm(self) -> float:
        """How far the gradient and the differences are apart; 0 if both are 0, inf if opposite."""
        pairs = [(f.got, f.expected) for f in self.checked]
        above, below = (hypot(*(a + sign * b for a, b in pairs)) for sign in (-1, 1))
        if not pairs or not above:
            return 0.0 if pairs else nan
        return above / below if below else inf

    @property
    def checked(self) -> list[Finding]:
        """The findings with a number to compare with."""
        return [each for each in self.findings if each.verdict in ("right", "wrong")]

    def of(self, verdict: str) -> list[Finding]:
        """The findings of one verdict."""
        return [each for each in self.findings if each.verdict == verdict]

    def __bool__(self) -> bool:
        return not self.of("wrong") and not self.suspects

    def summary(self) -> str:
        """How many derivatives there are of each verdict."""
        parts = [
            f"{len(self.of(verdict))} {words}"
            for verdict, words in (
                ("wrong", "wrong"),
                ("right", "right"),
                ("kink", "at a kink"),
                ("unknown", "not to be checked"),
            )
            if self.of(verdict)
        ]
        derivatives = count(len(self.findings), "derivative")
        return f"{derivatives} of {self.title}: {', '.join(parts)}"

    def lines(self) -> Iterator[str]:
        """What it says."""
        yield self.summary()
        told = [*self.of("wrong"), *self.of("kink"), *self.of("unknown")]
        yield from (f"  {each}" for each in told[:SHOWN])
        if len(told) > SHOWN:
            yield f"  and {len(told) - SHOWN} more"
        yield from map(str, self.suspects)
        reasons = {each.reason for each in self.of("wrong")} - {""}
        yield from sorted(reasons)
        if self.checked:
            yield f"relative norm |g - g_num| / |g + g_num| = {self.relative_norm:.1e}"

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def __repr__(self) -> str:
        return f"<gradcheck: {self.summary()}{'' if self else ' (print it)'}>"
