"""How a process that trains is set up: one core, one set of instructions, compiled loops kept on disk.

Imports the plan and the standard library only, since all of it must happen before numpy, torch and numba are imported.
"""

import os
from pathlib import Path

from actbench.plan.errors import ConfigError, nearest
from actbench.plan.malloc import MMAP_THRESHOLD, TRIM_THRESHOLD, tell_malloc
from actbench.plan.sources import content_digest
from actbench.training.device import chosen_device, cuda_kind, tf32_allowed

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
# From these all sources of the compiled loops that come with the package are reached by imports.
LOOPS = ("actbench.levels.kernels", "actbench.levels.models._mlp_loops", "actbench.levels.models._mlp_probe")

# Each library is told which instructions to use. Left alone, they choose by the make of the processor: slower kernels
# on many that have AVX-512, and other last bits on each.
PINNED = {
    "avx512": {
        "OPENBLAS_CORETYPE": "SKYLAKEX",
        "NUMBA_CPU_NAME": "x86-64-v4",
        "NUMBA_CPU_FEATURES": "-prefer-256-bit",
        "ATEN_CPU_CAPABILITY": "avx512",
        "ONEDNN_MAX_CPU_ISA": "AVX512_CORE",
        "MKL_CBWR": "",  # free to choose, whatever the environment says
    },
    "avx2": {
        "OPENBLAS_CORETYPE": "HASWELL",
        "NUMBA_CPU_NAME": "x86-64-v3",
        "NUMBA_CPU_FEATURES": "",
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_CBWR": "COMPATIBLE",  # the one mode with the same kernels on every make of processor
    },
    "other": {},
}

KEPT_BYTES = 1 << 30


def cache_folder() -> Path:
    """Return $ACTBENCH_CACHE, or `cache` in the working directory."""
    return Path(os.environ.get("ACTBENCH_CACHE", "cache"))


def prepare_process(folder: Path) -> None:
    """Pin threads and instruction set, and keep compiled loops under `folder`, by the source they come from."""
    os.environ.update(dict.fromkeys(THREADS, "1"))
    os.environ.update(PINNED[instruction_set()])
    os.environ["NUMBA_CACHE_DIR"] = str(folder.absolute() / "compiled" / source_digest() / instruction_set())
    # What is freed is kept: giving pages back and faulting them in again costs more than the arithmetic.
    tell_malloc({MMAP_THRESHOLD: KEPT_BYTES, TRIM_THRESHOLD: KEPT_BYTES})


def one_core() -> None:
    """Make torch use one thread, treat denormal numbers, which vanishing gradients make and which are slow, as 0.

    A GPU's matrix products round to full float32 unless $ACTBENCH_TF32 asks for less.
    """
    import torch

    torch.backends.cuda.matmul.allow_tf32 = tf32_allowed()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def instruction_set() -> str:
    """Return `avx512`, `avx2` or `other`: the widest vectors that this processor has and all libraries use.

    $ACTBENCH_INSTRUCTIONS=avx2 asks for the narrower ones, to get the numbers of a machine that has no others.
    """
    asked = os.environ.get("ACTBENCH_INSTRUCTIONS")
    if asked is not None and asked not in PINNED:
        raise ConfigError("ACTBENCH_INSTRUCTIONS", f"unknown {asked!r}; {nearest(asked, list(PINNED))}")
    return asked or _widest_vectors()


def device_kind() -> str:
    """Name the kind of device and instructions, which rounds in its own way, e.g. `cpu-avx512` or `cuda-sm90`."""
    return cuda_kind() if chosen_device() == "cuda" else f"cpu-{instruction_set()}"


def _widest_vectors() -> str:
    try:
        flags = set(Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").split())
    except OSError:
        return "other"
    if {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= flags:
        return "avx512"
    return "avx2" if {"avx2", "fma"} <= flags else "other"


def source_digest() -> str:
    """Hash the source of the compiled loops; they lie in a folder of this name, so that others can be pruned."""
    return content_digest(*LOOPS)
