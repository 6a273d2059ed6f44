"""Products of small matrices: the same bits as a chain of fused multiply-adds, whatever the tiles and registers."""

import ctypes
import os
import subprocess
import sys

import numba
import numpy as np
import pytest

from actbench.levels import products
from actbench.levels.products import LANES, SLIM, TALL, TERMS, WIDE, multiply, multiply_onto
from actbench.levels.tiles import tile

fused = ctypes.CDLL(None).fmaf
fused.argtypes, fused.restype = [ctypes.c_float] * 3, ctypes.c_float

# (M, K, N) around every edge: tiles, panels, sweeps.
SHAPES = [
    (1, 1, 1), (2, 3, SLIM - 1), (3, 2, SLIM), (4, 5, SLIM + 1), (TALL + 1, 9, WIDE - 1), (13, SLIM, WIDE),
    (7, 2 * SLIM + 1, WIDE + 1), (2 * TALL + 3, 33, WIDE + SLIM + 3), (5, TERMS, 10), (3, TERMS + 1, WIDE + 2),
    (6, 2 * TERMS + 5, 5),
]  # fmt: skip


def matrices(shape: tuple[int, int, int], turned: tuple[bool, bool]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return factors of a product, as transposed views where asked, and a row."""
    rows, inner, columns = shape
    noise = np.random.default_rng(sum(shape))
    a, b = ((inner, rows) if turned[0] else (rows, inner)), ((columns, inner) if turned[1] else (inner, columns))
    a_MK, b_KN = noise.standard_normal(a).astype(np.float32), noise.standard_normal(b).astype(np.float32)
    row_N = noise.standard_normal(columns).astype(np.float32)
    return a_MK.T if turned[0] else a_MK, b_KN.T if turned[1] else b_KN, row_N


def chain(a_MK: np.ndarray, b_KN: np.ndarray, row_N: np.ndarray) -> np.ndarray:
    """Return row + a·b, number by number, each sum in the order of the inner index."""
    out_MN = np.empty((a_MK.shape[0], b_KN.shape[1]), np.float32)
    for i, j in np.ndindex(*out_MN.shape):
        total = float(row_N[j]) if row_N.size else 0.0
        for k in range(a_MK.shape[1]):
            total = fused(float(a_MK[i, k]), float(b_KN[k, j]), total)
        out_MN[i, j] = total
    return out_MN


@pytest.mark.parametrize("turned", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_number_is_one_chain(shape: tuple[int, int, int], turned: tuple[bool, bool]) -> None:
    """Both products have the bits of the plain chain, and write every number of the output and no other."""
    a_MK, b_KN, row_N = matrices(shape, turned)
    frame_MN = np.full((shape[0] + 2, shape[2]), np.nan, np.float32)
    multiply(a_MK, b_KN, frame_MN[1:-1])
    assert frame_MN[1:-1].tobytes() == chain(a_MK, b_KN, row_N[:0]).tobytes()
    assert np.isnan(frame_MN[0]).all()
    assert np.isnan(frame_MN[-1]).all()
    multiply_onto(a_MK, b_KN, row_N, frame_MN[1:-1])
    assert frame_MN[1:-1].tobytes() == chain(a_MK, b_KN, row_N).tobytes()


def test_it_is_the_matrix_product() -> None:
    """A large product agrees with numpy's in double precision."""
    a_MK, b_KN, row_N = matrices((64, 300, 70), (False, True))
    out_MN = np.empty((64, 70), np.float32)
    multiply_onto(a_MK, b_KN, row_N, out_MN)
    np.testing.assert_allclose(out_MN, a_MK.astype(np.float64) @ b_KN + row_N, rtol=0, atol=2e-4)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_what_is_not_finite_stays_in_its_row_and_column(number: float) -> None:
    """A NaN or infinity of one factor reaches exactly the numbers that it belongs to."""
    a_MK, b_KN, _ = matrices((9, 20, 21), (False, False))
    a_MK[4, 7] = number
    out_MN = np.empty((9, 21), np.float32)
    multiply(a_MK, b_KN, out_MN)
    assert (~np.isfinite(out_MN)).tolist() == [[i == 4] * 21 for i in range(9)]


def test_the_length_of_a_vector_changes_no_bit() -> None:
    """Tiles of 4, 8, 16 and 32 lanes give the same sums."""
    a_MK, b_KN, _ = matrices((8, 50, 32), (False, False))
    found = {_by_tile(lanes, a_MK, b_KN).tobytes() for lanes in (4, 8, 16, 32)}
    assert found == {chain(a_MK, b_KN, b_KN[0, :0]).tobytes()}


def _by_tile(lanes: int, a_MK: np.ndarray, b_KN: np.ndarray) -> np.ndarray:
    code, address = tile(8, 32 // lanes, lanes), products.address

    @numba.njit
    def fill(a, b, out):  # type: ignore[no-untyped-def]
        start = address(out, 0)
        code(address(a, 0), a.shape[1], 1, address(b, 0), start, 32, a.shape[1], start, 0, False)

    out_MN = np.empty((8, 32), np.float32)
    fill(a_MK, b_KN, out_MN)
    return out_MN


def test_the_widest_registers_give_the_same_bits() -> None:
    """The code for processors with AVX-512, run here on whatever registers there are, makes the same numbers."""
    a_MK, b_KN, row_N = matrices((37, 150, 75), (False, False))
    script = (
        "import numba, sys, numpy as np\n"
        "numba.njit(lambda: 0)()\n"  # from here on numba compiles for the processor that there is
        "numba.config.CPU_NAME = 'x86-64-v4'\n"
        "from actbench.levels.products import LANES, multiply_onto\n"
        "assert LANES == 16\n"
        "parts = np.frombuffer(sys.stdin.buffer.read(), np.float32)\n"
        "a, b, row = parts[:5550].reshape(37, 150), parts[5550:16800].reshape(150, 75), parts[16800:]\n"
        "out = np.empty((37, 75), np.float32)\n"
        "multiply_onto(a, b, row, out)\n"
        "sys.stdout.buffer.write(out.tobytes())\n"
    )
    given = a_MK.tobytes() + b_KN.tobytes() + row_N.tobytes()
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CPU_NAME"}
    done = subprocess.run([sys.executable, "-c", script], input=given, env=environment, capture_output=True, check=True)
    out_MN = np.empty((37, 75), np.float32)
    multiply_onto(a_MK, b_KN, row_N, out_MN)
    assert done.stdout == out_MN.tobytes()
    assert LANES in (8, 16)
