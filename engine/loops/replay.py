"""Generated from the table by `python -m engine.native.loops`: change the rows, or the loops there.

The two loops over a flat tape. The slots of `data` are constants, parameters and inputs, `first` of
them, and then the nodes in topological order. Node i has the primitive codes[i], an index into the
table or a code of schedule.py, and its operands are the slots args[starts[i]:starts[i + 1]].
Compiled like node.py; then no index is checked, which would take longer than the arithmetic.
"""

from __future__ import annotations

import math

from librt.vecs import vec
from mypy_extensions import i32, i64, u8

from engine.loops.slots import hand_back, operands
from engine.node import COMPILED
from engine.value import evaluate

if not COMPILED:  # interpreted, the conversions would take longer than all the rest
    globals()["i64"] = int


def forward(
    codes: vec[i32], starts: vec[i32], args: vec[i32], data: vec[float], first: i64, strict: bool
) -> None:
    """Compute the nodes of a tape: fill data[first:].

    Args:
        codes: the primitive of each node.
        starts: where the operands of each node begin in args, and at last where args end.
        args: the slots of the operands. Those of dot are w1..wn, x1..xn, and the bias if any.
        data: the slots. The first are given.
        first: how many are given.
        strict: whether a value that does not exist is an error; else it is inf or NaN.

    Raises:
        ArithmeticError, ValueError: if strict, what the eager engine raises.
        IndexError: if there are not as many starts and slots. The args are not looked at.
    """
    count: i64 = len(codes)
    if len(starts) <= count or len(data) < first + count:
        raise IndexError("a tape needs a slot for every node")
    i: i64 = 0
    k: i64
    last = 0.0
    while i < count:
        try:
            while i < count:
                code, start, slot = codes[i], i64(starts[i]), first + i
                while code < 0:  # what is in front of it is the last result, still at hand
                    if code == -3:
                        last *= data[i64(args[start])]
                    elif code == -1:
                        last += data[i64(args[start])]
                    else:
                        last -= data[i64(args[start])]
                    data[slot] = last
                    i += 1
                    if i == count:
                        return
                    code, start, slot = codes[i], start + 1, slot + 1
                if code == 2:
                    last = data[i64(args[start])] * data[i64(args[start + 1])]
                elif code == 0:
                    last = data[i64(args[start])] + data[i64(args[start + 1])]
                elif code == 1:
                    last = data[i64(args[start])] - data[i64(args[start + 1])]
                elif code == 8:
                    stop = i64(starts[i + 1])
                    half = (stop - start) >> 1
                    # -0.0 is what can be added without a trace
                    last = -0.0 if half > 0 else 0.0
                    if stop - start > 2 * half:
                        last = data[i64(args[stop - 1])]
                    for k in range(start, start + half):
                        last += data[i64(args[k])] * data[i64(args[k + half])]
                elif code == 28:
                    x0 = data[i64(args[start])]
                    last = 0.0 if x0 < 0.0 else x0
                elif code == 4:
                    last = -data[i64(args[start])]
                elif code == 7:
                    stop = i64(starts[i + 1])
                    last = data[i64(args[start])] if stop > start else 0.0
                    for k in range(start + 1, stop):
                        last += data[i64(args[k])]
                elif code == 40 and i64(starts[i + 1]) > start:
                    stop = i64(starts[i + 1])
                    top = data[i64(args[start])]
                    for k in range(start + 1, stop):
                        x0 = data[i64(args[k])]
                        top = top if top >= x0 or top != top else x0
                    shift = 0.0 if abs(top) == math.inf else top
                    last = 0.0
                    for k in range(start, stop):
                        x0 = data[i64(args[k])] - shift
                        last += math.exp(x0 if x0 <= 0.0 or x0 != x0 else 0.0)
                    last = top + math.log(last if last >= 1.0 or last != last else 1.0)
                else:
                    if code < 23:
                        if code < 14:
                            if code < 10:
                                if code < 6:
                                    if code == 3:  # div
                                        x0 = data[i64(args[start])]
                                        x1 = data[i64(args[start + 1])]
                                        t0 = x0 / x1
                                        last = t0
                                    elif code == 5:  # pow
                                        x0 = data[i64(args[start])]
                                        x1 = data[i64(args[start + 1])]
                                        t0 = x0 if x1 == 1.0 else x0 * x0 if x1 == 2.0 and abs(x0) < 1e150 else math.pow(x0, x1)
                                        last = t0
                                    else:
                                        break
                                else:
                                    if code == 6:  # abs
                                        x0 = data[i64(args[start])]
                                        t0 = abs(x0)
                                        last = t0
                                    elif code == 9:  # sign
                                        x0 = data[i64(args[start])]
                                        t0 = 1.0 if x0 > 0.0 else -1.0 if x0 < 0.0 else 0.0 if x0 == 0.0 else x0
                                        last = t0
                                    else:
                                        break
                            else:
                                if code < 12:
                                    if code == 10:  # step
                                        x0 = data[i64(args[start])]
                                        t0 = x0 if x0 != x0 else 1.0 if x0 >= 0.0 else 0.0
                                        last = t0
                                    elif code == 11:  # exp
                                        x0 = data[i64(args[start])]
                                        t0 = math.exp(x0)
                                        last = t0
                                    else:
                                        break
                                else:
                                    if code == 12:  # expm1
                                        x0 = data[i64(args[start])]
                                        t0 = math.expm1(x0)
                                        if t0 - t0 != 0.0:
                                            break
                                        last = t0
                                    elif code == 13:  # log
                                        x0 = data[i64(args[start])]
                                        t0 = math.log(x0)
                                        last = t0
                                    else:
                                        break
                        else:
                            if code < 18:
                                if code < 16:
                                    if code == 14:  # log1p
                                        x0 = data[i64(args[start])]
                                        t0 = math.log1p(x0)
                                        if t0 - t0 != 0.0:
                                            break
                                        last = t0
                                    elif code == 15:  # sqrt
                                        x0 = data[i64(args[start])]
                                        t0 = math.sqrt(x0)
                                        last = t0
                                    else:
                                        break
                                else:
                                    if code == 16:  # sin
                                        x0 = data[i64(args[start])]
                                        t0 = math.sin(x0)
                                        last = t0
                                    elif code == 17:  # cos
                                        x0 = data[i64(args[start])]
                                        t0 = math.cos(x0)
                                        last = t0
                                    else:
                                        break
                            else:
                                if code < 20:
                                    if code == 18:  # tan
                                        x0 = data[i64(args[start])]
                                        t0 = math.tan(x0)
                                        last = t0
                                    elif code == 19:  # asin
                                        x0 = data[i64(args[start])]
                                        t0 = math.asin(x0)
                                        if t0 - t0 != 0.0:
                                            break
                                        last = t0
                                    else:
                                        break
                                else:
                                    if code < 21:
                                        if code == 20:  # acos
                                            x0 = data[i64(args[start])]
                                            t0 = math.acos(x0)
                                            if t0 - t0 != 0.0:
                                                break
                                            last = t0
                                        else:
                                            break
                                    else:
                                        if code == 21:  # atan
                                            x0 = data[i64(args[start])]
                                            t0 = math.atan(x0)
                                            last = t0
                                        elif code == 22:  # atan2
                                            x0 = data[i64(args[start])]
                                            x1 = data[i64(args[start + 1])]
                                            t0 = math.atan2(x0, x1)
                                            last = t0
                                        else:
                                            break
                    else:
                        if code < 32:
                            if code < 27:
                                if code < 25:
                                    if code == 23:  # sinh
                                        x0 = data[i64(args[start])]
                                        t0 = math.sinh(x0)
                                        if t0 - t0 != 0.0:
                                            break
                                        last = t0
                                    elif code == 24:  # cosh
                                        x0 = data[i64(args[start])]
                                        t0 = math.cosh(x0)
                                        if t0 - t0 != 0.0:
                                            break
                                        last = t0
                                    else:
                                        break
                                else:
                                    if code == 25:  # tanh
                                        x0 = data[i64(args[start])]
                                        t0 = math.tanh(x0)
                                        last = t0
                                    elif code == 26:  # sigmoid
                                        x0 = data[i64(args[start])]
                                        t0 = x0 if x0 <= 0.0 or x0 != x0 else 0.0
                                        t1 = math.exp(t0)
                                        t2 = abs(x0)
                                        t3 = -t2
                                        t4 = math.exp(t3)
                                        t5 = 1.0 + t4
                                        t6 = t1 / t5
                                        last = t6
                                    else:
                                        break
                            else:
                                if code < 30:
                                    if code == 27:  # softplus
                                        x0 = data[i64(args[start])]
                                        t0 = x0 if x0 >= 0.0 or x0 != x0 else 0.0
                                        t1 = abs(x0)
                                        t2 = -t1
                                        t3 = math.exp(t2)
                                        t4 = math.log1p(t3)
                                        if t4 - t4 != 0.0:
                                            break
                                        t5 = t0 + t4
                                        last = t5
                                    elif code == 29:  # leaky_relu
                                        x0 = data[i64(args[start])]
                                        x1 = data[i64(args[start + 1])]
                                        t0 = 1.0 if 0.0 < x0 else 0.0
                                        t1 = x1 * x0
                                        t2 = x0 if t0 != 0.0 else t1
                                        last = t2
                                    else:
                                        break
                                else:
                                    if code == 30:  # gelu
                                        x0 = data[i64(args[start])]
                                        t0 = x0 if x0 >= -40.0 or x0 != x0 else -40.0
                                        t1 = 0.5 * t0
                                        t2 = -x0
                                        t3 = t2 / 1.4142135623730951
                                        t4 = math.erfc(t3)
                                        t5 = t1 * t4
                                        last = t5
                                    elif code == 31:  # erf
                                        x0 = data[i64(args[start])]
                                        t0 = math.erf(x0)
                                        last = t0
                                    else:
                                        break
                        else:
                            if code < 36:
                                if code < 34:
                                    if code == 32:  # erfc
                                        x0 = data[i64(args[start])]
                                        t0 = math.erfc(x0)
                                        last = t0
                                    elif code == 33:  # hypot
                                        x0 = data[i64(args[start])]
                                        x1 = data[i64(args[start + 1])]
                                        t0 = math.hypot(x0, x1)
                                        if t0 - t0 != 0.0:
                                            break
                                        last = t0
                                    else:
                                        break
                                else:
                                    if code == 34:  # maximum
                                        x0 = data[i64(args[start])]
                                        x1 = data[i64(args[start + 1])]
                                        t0 = x0 if x0 >= x1 or x0 != x0 else x1
                                        last = t0
                                    elif code == 35:  # minimum
                                        x0 = data[i64(args[start])]
                                        x1 = data[i64(args[start + 1])]
                                        t0 = x0 if x0 <= x1 or x0 != x0 else x1
                                        last = t0
                                    else:
                                        break
                            else:
                                if code < 38:
                                    if code == 36:  # where
                                        x0 = data[i64(args[start])]
                                        x1 = data[i64(args[start + 1])]
                                        x2 = data[i64(args[start + 2])]
                                        t0 = x1 if x0 != 0.0 else x2
                                        last = t0
                                    elif code == 37:  # less
                                        x0 = data[i64(args[start])]
                                        x1 = data[i64(args[start + 1])]
                                        t0 = 1.0 if x0 < x1 else 0.0
                                        last = t0
                                    else:
                                        break
                                else:
                                    if code < 39:
                                        if code == 38:  # less_equal
                                            x0 = data[i64(args[start])]
                                            x1 = data[i64(args[start + 1])]
                                            t0 = 1.0 if x0 <= x1 else 0.0
                                            last = t0
                                        else:
                                            break
                                    else:
                                        if code == 39:  # equal
                                            x0 = data[i64(args[start])]
                                            x1 = data[i64(args[start + 1])]
                                            t0 = 1.0 if x0 == x1 else 0.0
                                            last = t0
                                        elif code == 41:  # stop_gradient
                                            x0 = data[i64(args[start])]
                                            last = x0
                                        else:
                                            break
                data[slot] = last
                i += 1
        except (ArithmeticError, ValueError):
            pass
        if i < count:
            last = evaluate(codes[i], operands(i, starts, args, data), strict)
            data[first + i] = last
            i += 1


def backward(
    codes: vec[i32],
    starts: vec[i32],
    args: vec[i32],
    data: vec[float],
    grad: vec[float],
    handed: vec[u8],
    first: i64,
    outputs: vec[i32],
    seeds: vec[float],
    constants: i64 = 0,
) -> None:
    """The chain rule, from the outputs to the given slots, with the values of the forward loop.

    Args:
        codes: as in `forward`, and so are starts, args, data and first.
        grad: where the gradient of each given slot is put. That of a node is 0 before and after:
            it hands on all that it was handed.
        handed: as long; tells which nodes were handed something, none before and after. A node that
            was handed nothing hands on nothing.
        outputs: the slots to begin with.
        seeds: a gradient for each of them.
        constants: how many of the given slots, from the first on, are constants: nobody reads
            their gradient, so that not all of their partials are evaluated.

    Raises:
        IndexError: as `forward`.
    """
    count: i64 = len(codes)
    size = first + count
    if len(starts) <= count or len(data) < size or len(grad) < size or len(handed) < size:
        raise IndexError("a tape needs a slot for every node")
    i: i64
    k: i64
    for i in range(first):
        grad[i] = 0.0
    for i in range(len(outputs)):
        slot = i64(outputs[i])
        grad[slot] += seeds[i]
        handed[slot] = 1
    g = 0.0
    i = count - 1
    while i >= 0:
        try:
            while i >= 0:
                slot = first + i
                if handed[slot] == 0:
                    i -= 1
                    continue
                code, stop, g = codes[i], i64(starts[i + 1]), grad[slot]
                handed[slot] = 0
                grad[slot] = 0.0
                while code < 0:  # what it hands to the node in front stays at hand
                    stop -= 1
                    a1 = i64(args[stop])
                    handed[a1] = 1
                    i -= 1
                    slot -= 1
                    if code == -3:
                        grad[a1] += g * data[slot]
                        g *= data[a1]
                    elif code == -1:
                        grad[a1] += g
                    else:
                        grad[a1] -= g
                    if handed[slot] == 1:  # by others too
                        g += grad[slot]
                        handed[slot] = 0
                        grad[slot] = 0.0
                    code = codes[i]
                start = i64(starts[i])
                if code == 2:
                    a0, a1 = i64(args[start]), i64(args[start + 1])
                    grad[a0] += g * data[a1]
                    grad[a1] += g * data[a0]
                    handed[a0] = 1
                    handed[a1] = 1
                elif code == 0:
                    a0, a1 = i64(args[start]), i64(args[start + 1])
                    grad[a0] += g
                    grad[a1] += g
                    handed[a0] = 1
                    handed[a1] = 1
                elif code == 1:
                    a0, a1 = i64(args[start]), i64(args[start + 1])
                    grad[a0] += g
                    grad[a1] -= g
                    handed[a0] = 1
                    handed[a1] = 1
                elif code == 8:
                    half = (stop - start) >> 1
                    for k in range(start, start + half):
                        a0, a1 = i64(args[k]), i64(args[k + half])
                        grad[a0] += g * data[a1]
                        grad[a1] += g * data[a0]
                        handed[a0] = 1
                        handed[a1] = 1
                    if stop - start > 2 * half:
                        a0 = i64(args[stop - 1])
                        grad[a0] += g
                        handed[a0] = 1
                elif code == 28:
                    y = data[slot]
                    if y != 0.0:
                        a0 = i64(args[start])
                        grad[a0] += g if y > 0.0 else y  # NaN stays NaN
                        handed[a0] = 1
                elif code == 4:
                    a0 = i64(args[start])
                    grad[a0] -= g
                    handed[a0] = 1
                elif code == 7:
                    for k in range(start, stop):
                        a0 = i64(args[k])
                        grad[a0] += g
                        handed[a0] = 1
                elif code == 40:
                    y = data[slot]
                    for k in range(start, stop):
                        a0 = i64(args[k])
                        grad[a0] += g * math.exp(data[a0] - y)
                        handed[a0] = 1
                else:
                    if code < 23:
                        if code < 14:
                            if code < 10:
                                if code < 6:
                                    if code == 3:  # div
                                        a0 = i64(args[start])
                                        a1 = i64(args[start + 1])
                                        x1 = data[a1]
                                        y = data[slot]
                                        p0 = 0.0
                                        if a0 >= constants:
                                            t0 = 1.0 / x1
                                            p0 = t0
                                        p1 = 0.0
                                        if a1 >= constants:
                                            t0 = -y
                                            t1 = t0 / x1
                                            p1 = t1
                                        grad[a0] += g * p0
                                        handed[a0] = 1
                                        grad[a1] += g * p1
                                        handed[a1] = 1
                                    elif code == 5:  # pow
                                        a0 = i64(args[start])
                                        a1 = i64(args[start + 1])
                                        x0 = data[a0]
                                        x1 = data[a1]
                                        y = data[slot]
                                        p0 = 0.0
                                        if a0 >= constants:
                                            t0 = 1.0 if x1 == 0.0 else 0.0
                                            t1 = abs(x0)
                                            t2 = 1.0 if t1 < 1e-30 else 0.0
                                            t3 = t0 * t2
                                            t4 = x1 - 1.0
                                            t5 = 1.0 if t3 != 0.0 else t4
                                            t6 = x0 if t5 == 1.0 else x0 * x0 if t5 == 2.0 and abs(x0) < 1e150 else math.pow(x0, t5)
                                            t7 = x1 * t6
                                            p0 = t7
                                        p1 = 0.0
                                        if a1 >= constants:
                                            t0 = 1.0 if x0 == 0.0 else 0.0
                                            t1 = 1.0 if t0 != 0.0 else x0
                                            t2 = math.log(t1)
                                            t3 = y * t2
                                            p1 = t3
                                        grad[a0] += g * p0
                                        handed[a0] = 1
                                        grad[a1] += g * p1
                                        handed[a1] = 1
                                    else:
                                        break
                                else:
                                    if code == 6:  # abs
                                        a0 = i64(args[start])
                                        x0 = data[a0]
                                        t0 = 1.0 if x0 > 0.0 else -1.0 if x0 < 0.0 else 0.0 if x0 == 0.0 else x0
                                        grad[a0] += g * t0
                                        handed[a0] = 1
                                    elif code == 9:  # sign
                                        pass
                                    else:
                                        break
                            else:
                                if code < 12:
                                    if code == 10:  # step
                                        pass
                                    elif code == 11:  # exp
                                        a0 = i64(args[start])
                                        y = data[slot]
                                        grad[a0] += g * y
                                        handed[a0] = 1
                                    else:
                                        break
                                else:
                                    if code == 12:  # expm1
                                        a0 = i64(args[start])
                                        x0 = data[a0]
                                        t0 = math.exp(x0)
                                        grad[a0] += g * t0
                                        handed[a0] = 1
                                    elif code == 13:  # log
                                        a0 = i64(args[start])
                                        x0 = data[a0]
                                        t0 = 1.0 / x0
                                        grad[a0] += g * t0
                                        handed[a0] = 1
                                    else:
                                        break
                        else:
                            if code < 18:
                                if code < 16:
                                    if code == 14:  # log1p
                                        a0 = i64(args[start])
                                        x0 = data[a0]
                                        t0 = 1.0 + x0
                                        t1 = 1.0 / t0
                                        grad[a0] += g * t1
                                        handed[a0] = 1
                                    elif code == 15:  # sqrt
                                        a0 = i64(args[start])
                                        y = data[slot]
                                        t0 = 0.5 / y
                                        grad[a0] += g * t0
                                        handed[a0] = 1
                                    else:
                                        break
                                else:
                                    if code == 16:  # sin
                                        a0 = i64(args[start])
                                        x0 = data[a0]
                                        t0 = math.cos(x0)
                                        grad[a0] += g * t0
                                        handed[a0] = 1
                                    elif code == 17:  # cos
                                        a0 = i64(args[start])
                                        x0 = data[a0]
                                        t0 = math.sin(x0)
                                        t1 = -t0
                                        grad[a0] += g * t1
                                        handed[a0] = 1
                                    else:
                                        break
                            else:
                                if code < 20:
                                    if code == 18:  # tan
                                        a0 = i64(args[start])
                                        y = data[slot]
                                        t0 = y * y
                                        t1 = 1.0 + t0
                                        grad[a0] += g * t1
                                        handed[a0] = 1
                                    elif code == 19:  # asin
                                        a0 = i64(args[start])
                                        x0 = data[a0]
                                        t0 = 1.0 - x0
                                        t1 = 1.0 + x0
                                        t2 = t0 * t1
                                        t3 = math.sqrt(t2)
                                        t4 = 1.0 / t3
                                        grad[a0] += g * t4
                                        handed[a0] = 1
                                    else:
                                        break
                                else:
                                    if code < 21:
                                        if code == 20:  # acos
                                            a0 = i64(args[start])
                                            x0 = data[a0]
                                            t0 = 1.0 - x0
                                            t1 = 1.0 + x0
                                            t2 = t0 * t1
                                            t3 = math.sqrt(t2)
                                            t4 = -1.0 / t3
                                            grad[a0] += g * t4
                                            handed[a0] = 1
                                        else:
                                            break
                                    else:
                                        if code == 21:  # atan
                                            a0 = i64(args[start])
                                            x0 = data[a0]
                                            t0 = x0 * x0
                                            t1 = 1.0 + t0
                                            t2 = 1.0 / t1
                                            grad[a0] += g * t2
                                            handed[a0] = 1
                                        elif code == 22:  # atan2
                                            a0 = i64(args[start])
                                            a1 = i64(args[start + 1])
                                            x0 = data[a0]
                                            x1 = data[a1]
                                            p0 = 0.0
                                            if a0 >= constants:
                                                t0 = math.hypot(x0, x1)
                                                if t0 - t0 != 0.0:
                                                    break
                                                t1 = 1.0 if t0 == 0.0 else 0.0
                                                t2 = 1.0 if t1 != 0.0 else t0
                                                t3 = x1 / t2
                                                t4 = t3 / t2
                                                p0 = t4
                                            p1 = 0.0
                                            if a1 >= constants:
                                                t0 = -x0
                                                t1 = math.hypot(x0, x1)
                                                if t1 - t1 != 0.0:
                                                    break
                                                t2 = 1.0 if t1 == 0.0 else 0.0
                                                t3 = 1.0 if t2 != 0.0 else t1
                                                t4 = t0 / t3
                                                t5 = t4 / t3
                                                p1 = t5
                                            grad[a0] += g * p0
                                            handed[a0] = 1
                                            grad[a1] += g * p1
                                            handed[a1] = 1
                                        else:
                                            break
                    else:
                        if code < 32:
                            if code < 27:
                                if code < 25:
                                    if code == 23:  # sinh
                                        a0 = i64(args[start])
                                        x0 = data[a0]
                                        t0 = math.cosh(x0)
                                        if t0 - t0 != 0.0:
                                            break
                                        grad[a0] += g * t0
                                        handed[a0] = 1
                                    elif code == 24:  # cosh
                                        a0 = i64(args[start])
                                        x0 = data[a0]
                                        t0 = math.sinh(x0)
                                        if t0 - t0 != 0.0:
                                            break
                                        grad[a0] += g * t0
                                        handed[a0] = 1
                                    else:
                                        break
                                else:
                                    if code == 25:  # tanh
                                        a0 = i64(args[start])
                                        y = data[slot]
                                        t0 = y * y
                                        t1 = 1.0 - t0
                                        grad[a0] += g * t1
                                        handed[a0] = 1
                                    elif code == 26:  # sigmoid
                                        a0 = i64(args[start])
                                        y = data[slot]
                                        t0 = 1.0 - y
                                        t1 = y * t0
                                        grad[a0] += g * t1
                                        handed[a0] = 1
                                    else:
                                        break
                            else:
                                if code < 30:
                                    if code == 27:  # softplus
                                        a0 = i64(args[start])
                                        x0 = data[a0]
                                        t0 = x0 if x0 <= 0.0 or x0 != x0 else 0.0
                                        t1 = math.exp(t0)
                                        t2 = abs(x0)
                                        t3 = -t2
                                        t4 = math.exp(t3)
                                        t5 = 1.0 + t4
                                        t6 = t1 / t5
                                        grad[a0] += g * t6
                                        handed[a0] = 1
                                    elif code == 29:  # leaky_relu
                                        a0 = i64(args[start])
                                        a1 = i64(args[start + 1])
                                        x0 = data[a0]
                                        x1 = data[a1]
                                        t0 = 1.0 if 0.0 < x0 else 0.0
                                        t1 = 1.0 if t0 != 0.0 else x1
                                        t2 = x0 if x0 <= 0.0 or x0 != x0 else 0.0
                                        if t1 != 0.0:
                                            grad[a0] += g * t1
                                            handed[a0] = 1
                                        if t2 != 0.0:
                                            grad[a1] += g * t2
                                            handed[a1] = 1
                                    else:
                                        break
                                else:
                                    if code == 30:  # gelu
                                        a0 = i64(args[start])
                                        x0 = data[a0]
                                        t0 = -x0
                                        t1 = t0 / 1.4142135623730951
                                        t2 = math.erfc(t1)
                                        t3 = 0.5 * t2
                                        t4 = x0 if x0 >= -40.0 or x0 != x0 else -40.0
                                        t5 = t4 if t4 <= 40.0 or t4 != t4 else 40.0
                                        t6 = t5 * 0.3989422804014327
                                        t7 = -0.5 * x0
                                        t8 = t7 * x0
                                        t9 = math.exp(t8)
                                        t10 = t6 * t9
                                        t11 = t3 + t10
                                        grad[a0] += g * t11
                                        handed[a0] = 1
                                    elif code == 31:  # erf
                                        a0 = i64(args[start])
                                        x0 = data[a0]
                                        t0 = -x0
                                        t1 = t0 * x0
                                        t2 = math.exp(t1)
                                        t3 = 1.1283791670955128 * t2
                                        grad[a0] += g * t3
                                        handed[a0] = 1
                                    else:
                                        break
                        else:
                            if code < 36:
                                if code < 34:
                                    if code == 32:  # erfc
                                        a0 = i64(args[start])
                                        x0 = data[a0]
                                        t0 = -x0
                                        t1 = t0 * x0
                                        t2 = math.exp(t1)
                                        t3 = -1.1283791670955128 * t2
                                        grad[a0] += g * t3
                                        handed[a0] = 1
                                    elif code == 33:  # hypot
                                        a0 = i64(args[start])
                                        a1 = i64(args[start + 1])
                                        x0 = data[a0]
                                        x1 = data[a1]
                                        y = data[slot]
                                        p0 = 0.0
                                        if a0 >= constants:
                                            t0 = 1.0 if y == 0.0 else 0.0
                                            t1 = 1.0 if t0 != 0.0 else y
                                            t2 = x0 / t1
                                            p0 = t2
                                        p1 = 0.0
                                        if a1 >= constants:
                                            t0 = 1.0 if y == 0.0 else 0.0
                                            t1 = 1.0 if t0 != 0.0 else y
                                            t2 = x1 / t1
                                            p1 = t2
                                        grad[a0] += g * p0
                                        handed[a0] = 1
                                        grad[a1] += g * p1
                                        handed[a1] = 1
                                    else:
                                        break
                                else:
                                    if code == 34:  # maximum
                                        a0 = i64(args[start])
                                        a1 = i64(args[start + 1])
                                        x0 = data[a0]
                                        x1 = data[a1]
                                        t0 = 1.0 if x1 < x0 else 0.0
                                        t1 = 1.0 + t0
                                        t2 = 1.0 if x0 < x1 else 0.0
                                        t3 = t1 - t2
                                        t4 = 0.5 * t3
                                        t5 = 1.0 + t2
                                        t6 = t5 - t0
                                        t7 = 0.5 * t6
                                        if t4 != 0.0:
                                            grad[a0] += g * t4
                                            handed[a0] = 1
                                        if t7 != 0.0:
                                            grad[a1] += g * t7
                                            handed[a1] = 1
                                    elif code == 35:  # minimum
                                        a0 = i64(args[start])
                                        a1 = i64(args[start + 1])
                                        x0 = data[a0]
                                        x1 = data[a1]
                                        t0 = 1.0 if x0 < x1 else 0.0
                                        t1 = 1.0 + t0
                                        t2 = 1.0 if x1 < x0 else 0.0
                                        t3 = t1 - t2
                                        t4 = 0.5 * t3
                                        t5 = 1.0 + t2
                                        t6 = t5 - t0
                                        t7 = 0.5 * t6
                                        if t4 != 0.0:
                                            grad[a0] += g * t4
                                            handed[a0] = 1
                                        if t7 != 0.0:
                                            grad[a1] += g * t7
                                            handed[a1] = 1
                                    else:
                                        break
                            else:
                                if code < 38:
                                    if code == 36:  # where
                                        a0 = i64(args[start])
                                        a1 = i64(args[start + 1])
                                        a2 = i64(args[start + 2])
                                        x0 = data[a0]
                                        t0 = 1.0 if x0 != 0.0 else 0.0
                                        t1 = 0.0 if x0 != 0.0 else 1.0
                                        if t0 != 0.0:
                                            grad[a1] += g * t0
                                            handed[a1] = 1
                                        if t1 != 0.0:
                                            grad[a2] += g * t1
                                            handed[a2] = 1
                                    elif code == 37:  # less
                                        pass
                                    else:
                                        break
                                else:
                                    if code < 39:
                                        if code == 38:  # less_equal
                                            pass
                                        else:
                                            break
                                    else:
                                        if code == 39:  # equal
                                            pass
                                        elif code == 41:  # stop_gradient
                                            pass
                                        else:
                                            break
                i -= 1
        except (ArithmeticError, ValueError):
            pass
        if i >= 0:
            hand_back(i, g, codes, starts, args, data, grad, handed, first, constants)
            i -= 1
