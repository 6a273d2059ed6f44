"""Compile the loops of levels to machine code behind one C signature a kind.

The compiled engine then calls any activation, norm, clipping rule or optimiser through a pointer: it is compiled once,
and a new level costs the compilation of its own loop only.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numba
from numba.extending import register_jitable

from actbench.levels import machine_code
from actbench.levels.activation_scalars import Scalar
from actbench.levels.loops import NormLoops
from actbench.levels.scalars import FAST

carray: Any = numba.carray
types: Any = numba.types
FLOATS, DOUBLES, INT = types.CPointer(types.float32), types.CPointer(types.float64), types.int64
REORDERED = FAST | {"reassoc"}  # sums over examples and units become vector sums

ACTIVATE = types.void(FLOATS, FLOATS, INT, FLOATS)
ACTIVATE_BACK = types.void(FLOATS, FLOATS, FLOATS, FLOATS, INT, FLOATS, FLOATS)
NORM = types.void(FLOATS, FLOATS, FLOATS, FLOATS, FLOATS, FLOATS, INT, INT, INT)
NORM_BACK = types.void(FLOATS, FLOATS, FLOATS, FLOATS, FLOATS, FLOATS, INT, INT)
CLIP = types.int64(FLOATS, INT, DOUBLES)
UPDATE = types.void(FLOATS, FLOATS, FLOATS, INT, types.float32, INT, DOUBLES)

MOST_ARGUMENTS = 8  # of one level, learned parameters included
MOST_ROWS = 4  # parameters, statistics or slots of one level


def _callable(function: Callable[..., Any], flags: set[str]) -> Any:
    """Let compiled code call a plain function.

    It stays a plain function of a module, whose name tells which machine code on disk belongs to it.
    """
    assert "<" not in function.__qualname__, "a lambda or an inner function has no name to be found by"
    return register_jitable(fastmath=flags, error_model="numpy", inline="always")(function)


def _compile(signature: Any, function: Callable[..., Any], flags: set[str], *own: Callable[..., Any]) -> Any:
    """Compile a function with a level's own in it, under the name of both, which its file on disk has too."""
    function.__qualname__ = f"{function.__name__}{own[0].__name__}"
    return machine_code.callback(signature, function, *own, fastmath=flags, error_model="numpy")


@cache
def activation_kernels(scalar: Scalar, learned: bool) -> tuple[Any, Any]:
    """Compile u = φ(z) and dz = du·φ′(z) over n numbers; the latter also adds up the learned parameter's gradient."""
    value, slope = _callable(scalar.value, FAST), _callable(scalar.slope, FAST)
    learned_slope = _callable(scalar.learned_slope, FAST)

    def forward(z: Any, u: Any, n: Any, a: Any) -> None:
        z_N, u_N, a_K = carray(z, (n,)), carray(u, (n,)), carray(a, (MOST_ARGUMENTS,))
        for i in range(n):
            u_N[i] = value(z_N[i], a_K)

    def backward(z: Any, u: Any, du: Any, dz: Any, n: Any, a: Any, da: Any) -> None:
        z_N, u_N, du_N, dz_N = carray(z, (n,)), carray(u, (n,)), carray(du, (n,)), carray(dz, (n,))
        a_K = carray(a, (MOST_ARGUMENTS,))
        for i in range(n):
            dz_N[i] = du_N[i] * slope(z_N[i], u_N[i], a_K)
        if learned:
            da_1, total = carray(da, (1,)), np_zero
            for i in range(n):
                total += du_N[i] * learned_slope(z_N[i])
            da_1[0] = total

    np_zero = numba.float32(0)
    flags = REORDERED if learned else FAST
    backward.__name__ = "backward_learned" if learned else "backward"
    compiled = _compile(ACTIVATE, forward, FAST, scalar.value)
    return compiled, _compile(ACTIVATE_BACK, backward, flags, scalar.value, scalar.slope, scalar.learned_slope)


@cache
def norm_kernels(loops: NormLoops) -> tuple[Any, Any]:
    """Compile forward and backward of a normalisation of one layer."""
    forward_loop, backward_loop = _callable(loops.forward, REORDERED), _callable(loops.backward, REORDERED)

    def forward(
        z: Any, x: Any, y: Any, kept: Any, parameters: Any, statistics: Any, batch: Any, width: Any, train: Any
    ) -> None:
        z_BD, x_BD, y_BD = carray(z, (batch, width)), carray(x, (batch, width)), carray(y, (batch, width))
        parameters_KD, statistics_MD = carray(parameters, (MOST_ROWS, width)), carray(statistics, (MOST_ROWS, width))
        forward_loop(z_BD, x_BD, y_BD, carray(kept, (batch + width,)), parameters_KD, statistics_MD, train != 0)

    def backward(
        g: Any, x: Any, kept: Any, parameters: Any, gradients: Any, scratch: Any, batch: Any, width: Any
    ) -> None:
        g_BD, x_BD = carray(g, (batch, width)), carray(x, (batch, width))
        parameters_KD, gradients_KD = carray(parameters, (MOST_ROWS, width)), carray(gradients, (MOST_ROWS, width))
        kept_N, scratch_3D = carray(kept, (batch + width,)), carray(scratch, (3, width))
        backward_loop(g_BD, x_BD, kept_N, parameters_KD, gradients_KD, scratch_3D)

    compiled = _compile(NORM, forward, REORDERED, loops.forward)
    return compiled, _compile(NORM_BACK, backward, REORDERED, loops.backward)


@cache
def clip_kernel(loop: Callable[..., int]) -> Any:
    """Compile a clipping rule on one model's gradient."""
    inner = _callable(loop, REORDERED)

    def clip(gradient: Any, n: Any, a: Any) -> Any:
        return inner(carray(gradient, (n,)), carray(a, (MOST_ARGUMENTS,)))

    return _compile(CLIP, clip, REORDERED, loop)


@cache
def update_kernel(loop: Callable[..., None]) -> Any:
    """Compile an optimiser's update of one model."""
    inner = _callable(loop, FAST)

    def update(parameters: Any, gradient: Any, slots: Any, n: Any, lr: Any, step: Any, a: Any) -> None:
        slots_SN = carray(slots, (MOST_ROWS, n))
        inner(carray(parameters, (n,)), carray(gradient, (n,)), slots_SN, lr, step, carray(a, (MOST_ARGUMENTS,)))

    return _compile(UPDATE, update, FAST, loop)
