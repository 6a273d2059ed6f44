"""Which device trains: a CPU core, or a GPU. Imports the standard library only, so that a plan can ask.

A GPU counts when its driver answers and the installed torch was built for it.
"""

import importlib.util
import os
import re
import subprocess
from functools import cache
from pathlib import Path

from actbench.plan.config import DEVICES
from actbench.plan.errors import ConfigError, nearest

CHOSEN = "ACTBENCH_DEVICE"  # what `auto` means; set for the process and its children by `use_device`
TF32 = "ACTBENCH_TF32"  # 1: matrix products of a GPU may round to 10 bits of mantissa


def use_device(asked: str) -> str:
    """Decide for this process whether `auto`, `cpu` or `cuda` means `cpu` or `cuda`, and return that.

    Raises:
        ConfigError: `cuda` is asked for where there is none; the message says what is missing.
    """
    os.environ[CHOSEN] = resolve(asked)
    return os.environ[CHOSEN]


def resolve(asked: str) -> str:
    """Return `cpu` or `cuda` for one of DEVICES; `auto` is what $ACTBENCH_DEVICE says, if anything."""
    key, asked = (CHOSEN, os.environ[CHOSEN]) if asked == "auto" and CHOSEN in os.environ else ("device", asked)
    if asked not in DEVICES:
        raise ConfigError(key, f"unknown {asked!r}; {nearest(asked, list(DEVICES))}")
    missing = "" if asked == "cpu" else missing_for_cuda()
    if asked == "cuda" and missing:
        raise ConfigError(key, f"'cuda' cannot be had: {missing}; write `device: auto` or `device: cpu`")
    return "cpu" if asked == "cpu" or missing else "cuda"


def chosen_device() -> str:
    """Return what `use_device` decided; before, what $ACTBENCH_DEVICE says, else `cpu`."""
    decided = os.environ.get(CHOSEN, "cpu")
    return decided if decided in ("cpu", "cuda") else resolve("auto")


def missing_for_cuda() -> str:
    """Say what is missing for training on a GPU, or return the empty text."""
    if not compute_capability():
        return "no NVIDIA driver answers (nvidia-smi)"
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0") in ("", "-1"):  # which nvidia-smi does not look at
        return "$CUDA_VISIBLE_DEVICES hides every GPU"
    return "" if torch_has_cuda() else "the installed torch is built for CPUs only"


def cuda_kind() -> str:
    """Name the GPU's architecture, which rounds in its own way, e.g. `cuda-sm90`; `-tf32` when that is allowed."""
    return f"cuda-sm{compute_capability().replace('.', '')}" + ("-tf32" if tf32_allowed() else "")


def tf32_allowed() -> bool:
    """Tell whether $ACTBENCH_TF32 asks for the faster, coarser matrix products; raise ConfigError on another word."""
    asked = os.environ.get(TF32, "0")
    if asked not in ("0", "1"):
        raise ConfigError(TF32, f"{asked!r} is neither 0 nor 1")
    return asked == "1"


@cache
def compute_capability() -> str:
    """Return the compute capability of the first GPU, e.g. `9.0`, or the empty text where no driver answers."""
    command = ["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader", "--id=0"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    word = done.stdout.strip()
    return word if done.returncode == 0 and re.fullmatch(r"\d+\.\d+", word) else ""


def torch_has_cuda() -> bool:
    """Read from torch's version file whether it was built for GPUs; importing torch would cost seconds."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return False
    text = (Path(found.origin).parent / "version.py").read_text(encoding="utf-8")
    return bool(re.search(r"^cuda\b.*=\s*['\"]", text, re.MULTILINE))
