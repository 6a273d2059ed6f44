"""Products of small matrices for the compiled engine.

At the sizes of one layer of one model a call of BLAS spends up to half its time on what large matrices need. Here the
right factor is copied, panel by panel, to where a tile reads it in one sweep (Goto & van de Geijn 2008), and each tile
of the result stays in registers. Every number is one chain of fused multiply-adds in the order of the inner index: the
same bits on every CPU, whatever the size of its registers.
"""

from typing import Any

import numba
import numpy as np

from actbench.levels.apart import apart
from actbench.levels.tiles import address, after, copy, factor, stay_apart, tile, transpose

compiled: Any = numba.njit(error_model="numpy")
compiled_apart: Any = apart(error_model="numpy")
Array = np.ndarray[Any, Any]
Pointer = Any
carray: Any = numba.carray

config: Any = numba.config
LONG = config.CPU_NAME == "x86-64-v4"  # 32 registers of 16 numbers instead of 16 of 8
LANES, TALL = (16, 8) if LONG else (8, 6)  # a tall tile of two vectors a row fills the registers
WIDE, SLIM, TALL_SLIM = 2 * LANES, 8, 12  # columns of a panel; slim ones are for what wide ones leave
TERMS = 128  # of one sweep: a panel of that many rows stays in the nearest cache

_copy, _transpose = copy(SLIM), transpose(SLIM)


def _sweep_by(tall: int, vectors: int, lanes: int) -> Any:
    """Compile the filling of a panel's columns, tile under tile: tall ones while the rows suffice, then of 4, 2, 1."""
    tallest, four, two, one = (tile(rows, vectors, lanes) for rows in (tall, 4, 2, 1))

    @compiled
    def sweep(
        a: Pointer, down: int, along: int, panel: Pointer, out: Pointer, step: int, rows: int, terms: int,
        start: Pointer, start_step: int, started: bool,
    ) -> None:  # fmt: skip
        stay_apart()
        i = 0
        while i < rows:
            left = rows - i
            source, target, begun = after(a, i * down), after(out, i * step), after(start, i * start_step)
            if left >= tall:
                tallest(source, down, along, panel, target, step, terms, begun, start_step, started)
                i += tall
            elif left >= 4:
                four(source, down, along, panel, target, step, terms, begun, start_step, started)
                i += 4
            elif left >= 2:
                two(source, down, along, panel, target, step, terms, begun, start_step, started)
                i += 2
            else:
                one(source, down, along, panel, target, step, terms, begun, start_step, started)
                i += 1

    return sweep


_sweep_wide, _sweep_slim = _sweep_by(TALL, 2, LANES), _sweep_by(TALL_SLIM, 1, SLIM)


@compiled
def multiply(a_MK: Array, b_KN: Array, out_MN: Array) -> None:
    """Out ← a·b. Either factor may be a transposed view; out is contiguous and shares memory with neither."""
    a, down, along = factor(a_MK)
    b, b_down, b_along = factor(b_KN)
    out = address(out_MN, 0)
    _product(a, down, along, b, b_down, b_along, out, False, out, a_MK.shape[0], a_MK.shape[1], b_KN.shape[1])


@compiled
def multiply_onto(a_MK: Array, b_KN: Array, row_N: Array, out_MN: Array) -> None:
    """Out ← row + a·b, where an empty row counts as zeros; otherwise as `multiply`."""
    a, down, along = factor(a_MK)
    b, b_down, b_along = factor(b_KN)
    row, out, started = address(row_N, 0), address(out_MN, 0), row_N.size > 0
    _product(a, down, along, b, b_down, b_along, row, started, out, a_MK.shape[0], a_MK.shape[1], b_KN.shape[1])


@compiled_apart
def _product(
    a: Pointer, down: int, along: int, b: Pointer, b_down: int, b_along: int, row: Pointer, started: bool,
    out: Pointer, rows: int, inner: int, columns: int,
) -> None:  # fmt: skip
    if columns >= SLIM:
        _panels(a, down, along, b, b_down, b_along, row, started, out, columns, rows, inner, columns)
        return
    # Fewer columns than the narrowest tile has are made beside others that are thrown away.
    slim_MS, slim_S = np.empty((rows, SLIM), np.float32), np.zeros(SLIM, np.float32)
    row_N, out_MN = carray(row, (columns,)), carray(out, (rows, columns))
    for column in range(columns if started else 0):
        slim_S[column] = row_N[column]
    start, target = address(slim_S, 0), address(slim_MS, 0)
    _panels(a, down, along, b, b_down, b_along, start, started, target, slim_S.size, rows, inner, columns)
    for i in range(rows):
        for column in range(columns):
            out_MN[i, column] = slim_MS[i, column]


@compiled
def _panels(
    a: Pointer, down: int, along: int, b: Pointer, b_down: int, b_along: int, row: Pointer, started: bool,
    out: Pointer, step: int, rows: int, inner: int, columns: int,
) -> None:  # fmt: skip
    """Make the product, panel by panel of its columns, sweep by sweep of the inner index."""
    stay_apart()
    panel = np.empty(TERMS * WIDE, np.float32)
    parts, j = address(panel, 0), 0
    while j < columns:
        wide = columns - j >= WIDE
        width = WIDE if wide else SLIM
        if width > columns - j and j > 0:
            j = columns - width  # the last panel makes some columns again rather than fewer
        taken, target = min(width, columns - j), after(out, j)
        for k in range(0, inner, TERMS):
            source, terms, onto = after(a, k * along), min(TERMS, inner - k), k > 0
            start, start_step, begun = target if onto else after(row, j), step if onto else 0, onto or started
            _pack(after(b, k * b_down + j * b_along), b_down, b_along, terms, taken, width, panel)
            if wide:
                _sweep_wide(source, down, along, parts, target, step, rows, terms, start, start_step, begun)
            else:
                _sweep_slim(source, down, along, parts, target, step, rows, terms, start, start_step, begun)
        j += width


@compiled
def _pack(b: Pointer, down: int, along: int, terms: int, columns: int, width: int, panel: Array) -> None:
    """Copy terms x columns numbers of b to the panel, zeros after each row."""
    block = (1 if along == 1 else SLIM) if columns == width else 2 * TERMS
    first = 0
    while first + block <= terms:
        for side in range(0, width, SLIM):
            source, target = after(b, first * down + side * along), address(panel, first * width + side)
            if block == 1:
                _copy(source, target)
            else:
                _transpose(source, along, target, width)
        first += block
    numbers = carray(b, (terms * down + columns * along,))
    for row in range(first, terms):
        for column in range(width):
            panel[row * width + column] = numbers[row * down + column * along] if column < columns else np.float32(0)
