"""The schedules against PyTorch's where they are equal by definition, and by stored values."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from math import cos, inf, nan, pi
from typing import Any

import pytest

from nn.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    HalveOnPlateau,
    InverseTime,
    Schedule,
    Step,
    WarmUp,
    resolve,
)


def factors(schedule: Schedule, epochs: int) -> list[float]:
    return [schedule(epoch) for epoch in range(epochs)]


def torch_factors(make: Callable[[Any, Any], Any], epochs: int) -> list[float]:
    """The learning rates that a PyTorch scheduler gives to an SGD with lr 1."""
    torch = pytest.importorskip("torch", reason="torch is not installed: it is the oracle")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = make(torch.optim.lr_scheduler, optimizer)
    found = []
    for _ in range(epochs):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SequentialLR passes an epoch on, and is warned
            schedule.step()
    return found


SAME: list[tuple[Schedule, int, Callable[[Any, Any], Any]]] = [
    (Constant(), 5, lambda s, o: s.ConstantLR(o, factor=1.0)),
    (Step(3, 0.3), 20, lambda s, o: s.StepLR(o, 3, gamma=0.3)),
    (Cosine(10), 11, lambda s, o: s.CosineAnnealingLR(o, 10)),
    (Cosine(7, final=0.1), 8, lambda s, o: s.CosineAnnealingLR(o, 7, eta_min=0.1)),
    (InverseTime(0.3), 20, lambda s, o: s.LambdaLR(o, lambda e: 1 / (1 + 0.3 * e))),
    (WarmUp(4), 9, lambda s, o: s.LinearLR(o, start_factor=1 / 5, total_iters=4)),
    (
        WarmUp(4, then=Step(2, 0.5)),
        12,
        lambda s, o: s.SequentialLR(
            o, [s.LinearLR(o, start_factor=1 / 5, total_iters=4), s.StepLR(o, 2, gamma=0.5)], [4]
        ),
    ),
]


@pytest.mark.parametrize(("schedule", "epochs", "make"), SAME, ids=[str(row[0]) for row in SAME])
def test_as_in_pytorch(schedule: Schedule, epochs: int, make: Callable[[Any, Any], Any]) -> None:
    expected = torch_factors(make, epochs)
    assert factors(schedule, epochs) == pytest.approx(expected, rel=1e-12, abs=1e-15)


STORED = [
    (Constant(), [1, 1, 1, 1]),
    (Step(2, 0.1), [1, 1, 0.1, 0.1, 0.01]),
    (Cosine(4), [1, (1 + cos(pi / 4)) / 2, 0.5, (1 - cos(pi / 4)) / 2, 0, 0, 0]),
    (Cosine(2, final=0.5), [1, 0.75, 0.5, 0.5]),
    (InverseTime(1), [1, 1 / 2, 1 / 3, 1 / 4]),
    (InverseTime(0), [1, 1]),
    (WarmUp(1), [0.5, 1, 1]),
    (WarmUp(3, then=Cosine(2)), [0.25, 0.5, 0.75, 1, 0.5, 0, 0]),
    (WarmUp(1, then=WarmUp(1)), [0.25, 0.5, 1]),
]


@pytest.mark.parametrize(("schedule", "expected"), STORED, ids=[str(row[0]) for row in STORED])
def test_stored_values(schedule: Schedule, expected: list[float]) -> None:
    assert factors(schedule, len(expected)) == pytest.approx(expected, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("patience", [1, 2, 3])
@pytest.mark.parametrize("mode", ["min", "max"])
def test_halving_as_in_pytorch(patience: int, mode: str) -> None:
    """PyTorch reduces when there were *more* than its patience of bad epochs, we when as many."""
    torch = pytest.importorskip("torch", reason="torch is not installed: it is the oracle")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode=mode, factor=0.5, patience=patience - 1, threshold=0.0, eps=0.0
    )
    ours = HalveOnPlateau(patience, mode, stop_at=None)
    for k in range(60):
        metric = (k * 7919 % 23) / 23 + (0.5 if mode == "min" else -0.5) / (k + 1)
        ours.observe(metric)
        theirs.step(metric)
        assert ours(k) == optimizer.param_groups[0]["lr"], k
    assert ours(60) < 1


def test_nielsens_rule_halves_seven_times_and_stops() -> None:
    schedule = HalveOnPlateau(patience=2, mode="max")
    schedule.observe(0.9)
    seen: list[float] = []
    while not schedule.finished:
        schedule.observe(0.9)  # equal is no improvement
        seen.append(schedule(len(seen)))
    assert seen == [2.0 ** -(k // 2) for k in range(1, 15)]
    assert schedule(99) == 1 / 128


def test_an_improvement_starts_the_count_anew() -> None:
    schedule = HalveOnPlateau(patience=2)
    for loss in (1.0, 1.5, 0.9, 1.0, 0.8, 0.9):
        schedule.observe(loss)
    assert schedule(6) == 1.0
    schedule.observe(0.8)
    assert schedule(7) == 0.5


def test_without_a_limit_it_never_finishes() -> None:
    schedule = HalveOnPlateau(patience=1, stop_at=None)
    for _ in range(100):
        schedule.observe(1.0)
    assert not schedule.finished
    assert schedule(100) == 0.5**99


def test_what_is_seen_while_warming_up_does_not_count() -> None:
    schedule = WarmUp(3, then=HalveOnPlateau(patience=1, stop_at=0.5))
    for _ in range(3):
        schedule.observe(1.0)
    schedule.observe(2.0)  # the first that counts
    assert factors(schedule, 4) == [0.25, 0.5, 0.75, 1.0]
    assert not schedule.finished
    schedule.observe(2.0)
    assert schedule(4) == 0.5
    assert schedule.finished


MAKERS: list[Callable[[], Schedule]] = [
    Constant,
    lambda: HalveOnPlateau(2, "max"),
    lambda: HalveOnPlateau(2),
    lambda: WarmUp(5, then=HalveOnPlateau(1)),
    lambda: WarmUp(2, then=WarmUp(2, then=HalveOnPlateau(1))),
]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("stop", [0, 3, 9])
def test_a_saved_state_goes_on_exactly(make: Callable[[], Schedule], stop: int) -> None:
    metrics = [(k * 7919 % 23) / 23 for k in range(20)]
    whole, first, second = make(), make(), make()
    for metric in metrics:
        whole.observe(metric)
    for metric in metrics[:stop]:
        first.observe(metric)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    for metric in metrics[stop:]:
        second.observe(metric)
    assert second.state_dict() == whole.state_dict()
    assert factors(second, 30) == factors(whole, 30)


def test_a_foreign_state_is_refused_and_changes_nothing() -> None:
    schedule = WarmUp(1, then=HalveOnPlateau(1))
    before = schedule.state_dict()
    with pytest.raises(ValueError, match=r"has \['observed', 'then.best'.* but got \[\]"):
        schedule.load_state_dict({})
    with pytest.raises(ValueError, match="the same kind of schedule"):
        Constant().load_state_dict({"factor": 1.0})
    with pytest.raises(TypeError, match=r"the state's then\.best takes a real number"):
        schedule.load_state_dict({**before, "observed": 5.0, "then.best": "x"})  # type: ignore[dict-item]
    assert schedule.state_dict() == before


BAD: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: Step(0), ValueError, r"Step\(every\) must be a whole number, 1 at least, but got 0"),
    (lambda: Step(1.5), TypeError, r"Step\(every\)"),  # type: ignore[arg-type]
    (lambda: Step(1, 0.0), ValueError, r"Step\(factor\) must be above 0 and up to 1"),
    (lambda: Step(1, 1.5), ValueError, r"Step\(factor\)"),
    (lambda: Step("a"), TypeError, r"Step\(every\) must be a whole number"),  # type: ignore[arg-type]
    (lambda: Cosine(0), ValueError, r"Cosine\(epochs\)"),
    (lambda: Cosine(5, final=-0.1), ValueError, r"Cosine\(final\) must be from 0 to 1"),
    (lambda: InverseTime(-1.0), ValueError, r"InverseTime\(decay\) must be 0 or more"),
    (lambda: InverseTime(nan), ValueError, r"InverseTime\(decay\)"),
    (lambda: InverseTime(inf), ValueError, r"InverseTime\(decay\)"),
    (lambda: WarmUp(0), ValueError, r"WarmUp\(epochs\)"),
    (lambda: WarmUp(3, "cosine"), TypeError, r"WarmUp\(then\) is the schedule that follows"),  # type: ignore[arg-type]
    (lambda: HalveOnPlateau(0), ValueError, r"HalveOnPlateau\(patience\)"),
    (lambda: HalveOnPlateau(mode="maxi"), ValueError, r"did you mean 'max'\? Known are min, max"),
    (lambda: HalveOnPlateau(stop_at=1.0), ValueError, r"HalveOnPlateau\(stop_at\)"),
    (lambda: HalveOnPlateau().observe(nan), ValueError, r"observe\(metric\).*other than NaN"),
]


@pytest.mark.parametrize(("make", "error", "words"), BAD)
def test_bad_settings(make: Callable[[], object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()


def test_by_name() -> None:
    named = {name: resolve(name, epochs=30) for name in SCHEDULES}
    assert all(type(named[name]) is SCHEDULES[name] for name in SCHEDULES)
    assert named["cosine"] == Cosine(30)
    assert named["step"] == Step(10)
    assert named["warm_up"] == WarmUp(3)
    assert resolve(None, epochs=5) == Constant()
    assert all(resolve(name, epochs=1)(0) > 0 for name in SCHEDULES)
    own = Step(7)
    assert resolve(own, epochs=5) is own
    with pytest.raises(ValueError, match=r"not the name of a schedule: did you mean 'cosine'\?"):
        resolve("cosin", epochs=5)
    with pytest.raises(TypeError, match="a schedule is chosen by name"):
        resolve(Cosine, epochs=5)
