"""AVX2 and AVX-512 give nearly the same numbers, and the AVX2 mode uses nothing wider on a processor that has it."""

import json
import os
import re
import subprocess
import sys

import pytest

from golden import ROOT, changed_numbers
from instructions import KINDS, TOLERANCE, fresh_numbers, largest_difference, missing_instructions, numbers_under

# What a process says of itself that was prepared as a job's: the kernels of torch and BLAS, oneDNN's log of a GELU, the
# machine code of compiled loops.
SELF_REPORT = """
import ctypes, json, sys
from pathlib import Path
from actbench.training.process import prepare_process
prepare_process(Path(sys.argv[1]))
import scipy.linalg.cython_blas, torch
from actbench.levels import kernels
from actbench.levels.activations import ACTIVATIONS
from actbench.levels.normalizations import NORMALIZATIONS
libraries = {line.split()[-1] for line in open("/proc/self/maps") if "openblas" in line}
cores = []
for library in libraries:
    core = getattr(ctypes.CDLL(library), "scipy_openblas_get_corename", None)
    if core is not None:
        core.restype = ctypes.c_char_p
        cores.append(core().decode())
gelu = torch.nn.functional.gelu(torch.ones(64, 64))
pairs = [kernels.activation_kernels(ACTIVATIONS[name].compiled, bool(ACTIVATIONS[name].learned)) for name in
         ("tanh", "prelu")] + [kernels.norm_kernels(NORMALIZATIONS["batchnorm"].compiled)]
code = "".join(kernel._library.get_asm_str() for pair in pairs for kernel in pair)
print(json.dumps({"torch": torch.backends.cpu.get_cpu_capability(), "cores": cores, "code": code}))
"""


def needs(kind: str) -> None:
    """Skip, with the reason, where this processor cannot train as a kind of device."""
    if reason := missing_instructions(kind):
        pytest.skip(reason)


def test_avx2_and_avx512_agree_after_short_training() -> None:
    """Final losses after 20 to 40 updates agree within the stated tolerance, and the same run diverges at one step."""
    for kind in KINDS:
        needs(kind)
    name, difference = largest_difference(*(fresh_numbers(kind) for kind in KINDS))
    assert difference <= TOLERANCE, name
    assert changed_numbers(*(fresh_numbers(kind) for kind in KINDS)), "two kinds of device, or one cache would do"


def test_the_environment_cannot_change_the_numbers() -> None:
    """Settings of the libraries that a user's shell exports are overruled."""
    kind = KINDS[0]
    needs(kind)
    exported = {"MKL_CBWR": "AUTO", "ONEDNN_MAX_CPU_ISA": "SSE41", "ATEN_CPU_CAPABILITY": "default"}
    assert changed_numbers(fresh_numbers(kind), numbers_under(kind, **exported)) == []


@pytest.mark.parametrize(("kind", "core", "wide"), [("cpu-avx2", "Haswell", False), ("cpu-avx512", "SkylakeX", True)])
def test_every_library_keeps_to_the_instructions(kind: str, core: str, wide: bool, tmp_path: object) -> None:
    """Torch, OpenBLAS, oneDNN and compiled loops use 512-bit registers under avx512 only."""
    needs(kind)
    environment = {**os.environ, "ACTBENCH_INSTRUCTIONS": kind.removeprefix("cpu-"), "ONEDNN_VERBOSE": "1"}
    environment["PYTHONPATH"] = str(ROOT / "src")
    command = [sys.executable, "-c", SELF_REPORT, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    *log, last = done.stdout.splitlines()
    told = json.loads(last)
    assert told["torch"].lower() == kind.removeprefix("cpu-")
    assert set(told["cores"]) == {core}
    assert ("zmm" in told["code"]) is wide
    assert "ymm" in told["code"] or wide
    jitted = set(re.findall(r"jit:(avx\w+)", "\n".join(line for line in log if ",exec," in line)))
    assert jitted == {"avx512_core" if wide else "avx2"}
