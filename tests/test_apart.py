"""Loops that are compiled apart are compiled once, and their callers hold no copy of them."""

import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

from actbench.levels.apart import apart
from actbench.levels.diagnostic_loops import effective_rank, spectral_norm

# Two loops that make products, what they return, and how often each loop was compiled or loaded.
SCRIPT = """
import sys
import numpy as np
from pathlib import Path
from actbench.training.process import prepare_process
prepare_process(Path(sys.argv[1]))
from actbench.levels.diagnostic_loops import effective_rank, spectral_norm
from actbench.levels.products import _product
x = np.random.default_rng(0).standard_normal((20, 12)).astype(np.float32)
found = [spectral_norm(x), effective_rank(x, np.empty_like(x), np.empty((12, 12), np.float32))]
print(*found, *(sum(counts.values()) for loop in (spectral_norm, effective_rank, _product)
                for counts in (loop.stats.cache_misses, loop.stats.cache_hits)))
"""


def run(folder: Path) -> list[str]:
    """Run the script in a fresh process."""
    command = [sys.executable, "-c", SCRIPT, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ), check=True)
    return done.stdout.split()


def test_a_loop_is_compiled_once_for_all_that_call_it() -> None:
    """Both callers name the product by one symbol, and neither defines it."""
    x_IO = np.random.default_rng(0).standard_normal((9, 5)).astype(np.float32)
    spectral_norm(x_IO)
    effective_rank(x_IO, np.empty_like(x_IO), np.empty((5, 5), np.float32))
    named = []
    for loop in (spectral_norm, effective_rank):
        (compiled,) = loop.overloads.values()
        module = compiled.library._get_module_for_linking()  # of a loaded loop, too
        functions = {function.name: function.is_declaration for function in module.functions}
        assert not [name for name, declared in functions.items() if "product" in name and not declared]
        named.append([name for name, declared in functions.items() if "product" in name and declared])
    assert named[0] == named[1]
    assert len(named[0]) == 1


def test_what_a_loaded_loop_calls_is_loaded_or_compiled_before_it(tmp_path: Path) -> None:
    """A second process loads all; a third, where a called loop's file is gone, compiles that one only."""
    first = run(tmp_path)
    assert first[2:] == ["1", "0", "1", "0", "1", "0"]
    second = run(tmp_path)
    assert second == [*first[:2], "0", "1", "0", "1", "0", "1"]
    (lost,) = tmp_path.rglob("products._product-*.code")
    lost.unlink()
    assert run(tmp_path) == [*first[:2], "0", "1", "0", "1", "1", "0"]


def test_a_constant_makes_no_loop_of_its_own() -> None:
    """A loop called with the constants 0 and 1 is compiled once, for whole numbers."""

    @numba.njit
    def both(x: float) -> float:
        return twice(x, 0) + twice(x, 1)

    assert both(1.5) == 1.5 + 3.0
    assert len(twice.overloads) == 1


def test_an_error_passes_through_its_callers() -> None:
    """What a loop raises that is compiled apart, its caller raises."""

    @numba.njit
    def caller(x: float) -> float:
        return twice(x, 2)

    with pytest.raises(ValueError, match="times"):
        caller(1.5)


@apart(error_model="numpy")
def twice(x: float, times: int) -> float:
    """Return x or 2x."""
    if times > 1:
        raise ValueError("times")
    return x * 2 if times == 1 else x
