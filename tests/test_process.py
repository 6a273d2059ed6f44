"""A process that trains is pinned to one core and one set of instructions."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from actbench.training import process


def test_everything_is_pinned_before_numpy_is_imported(tmp_path: Path) -> None:
    """After `prepare_process` a fresh Python has one thread everywhere and its BLAS uses the named kernels."""
    code = (
        "import sys; from pathlib import Path; from actbench.training import process\n"
        f"process.prepare_process(Path({str(tmp_path)!r})); early = {{'numpy', 'torch', 'numba'}} & set(sys.modules)\n"
        "process.one_core(); import os, torch; print(early, torch.get_num_threads(), os.environ['NUMBA_CACHE_DIR'])"
    )
    environment = {**os.environ, "PYTHONPATH": "src"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split()[:2] == ["set()", "1"]
    assert done.stdout.split()[2].startswith(str(tmp_path))


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("avx2 fma avx512f avx512bw avx512dq avx512vl", "avx512"), ("avx2 fma avx512f", "avx2"), ("sse2", "other")],
)
def test_the_instruction_set_is_the_widest_that_all_libraries_use(
    monkeypatch: pytest.MonkeyPatch, flags: str, expected: str
) -> None:
    """AVX-512 counts only when all of its parts are there."""
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: f"flags : {flags}\n")
    assert process.instruction_set() == expected


def test_instructions_can_be_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment may ask for narrower vectors; a word that is not known is an error with the known ones."""
    monkeypatch.setenv("ACTBENCH_INSTRUCTIONS", "avx2")
    assert process.device_kind() == "cpu-avx2"
    monkeypatch.setenv("ACTBENCH_INSTRUCTIONS", "avx")
    with pytest.raises(ValueError, match=r"ACTBENCH_INSTRUCTIONS: unknown 'avx'; did you mean avx2"):
        process.device_kind()
