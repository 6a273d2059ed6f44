"""A copy of the project with a level added to each registry, by nothing but its entry."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from once import SHARED
from source_tree import ROOT
from tiny import link_compiled

# file -> functions before the registry, and the entry at its end
ADDED = {
    "activations.py": (
        '''def squareplus(z: Tensor, b: float) -> Tensor:
    """Return (z + √(z² + b)) / 2."""
    return (z + torch.hypot(z, z.new_tensor(math.sqrt(b)))) / 2


def _squareplus_derivative(z: Tensor, b: float) -> Tensor:
    return (1 + z / torch.hypot(z, z.new_tensor(math.sqrt(b)))) / 2
''',
        """"squareplus": Activation(
        squareplus, _squareplus_derivative, formula="(z + √(z² + b)) / 2", reference="Barron 2021, Squareplus",
        arguments={"b": 4.0}, bounds={"b": (1e-6, 1000)},
    ),""",
    ),
    "initializers.py": (
        '''def he_truncated(generator: Generator, fan_in: int, fan_out: int, phi: Phi | None) -> Tensor:
    """Draw normal weights cut at two standard deviations, rescaled to variance 2 / fan_in."""
    weight = torch.nn.init.trunc_normal_(torch.empty(fan_in, fan_out), generator=generator)
    return weight * (math.sqrt(2 / fan_in) / 0.8796256610342398)
''',
        """"he_truncated": Initializer(
        he_truncated, formula="W ~ N(0, 2 / fan_in), cut at two standard deviations and rescaled; b = 0",
        variance=he_variance, reference="He, Zhang, Ren & Sun 2015, Delving deep into rectifiers, ICCV, eq. 10",
    ),""",
    ),
    "normalizations.py": (
        '''def powernorm(z_PBD: Tensor, parameters: Tensors, statistics: Tensors, mode: str, power: float) -> Tensor:
    """Divide z by a power of its root mean square over the units."""
    return parameters["gain"] * z_PBD * (z_PBD.square().mean(WIDTH, keepdim=True) + EPSILON) ** (-power / 2)
''',
        """"powernorm": Normalization(
        powernorm, formula="gain·z / (mean(z²) + 1e-5)^(power / 2) over the units, for each example",
        reference="Zhang & Sennrich 2019, Root mean square layer normalization, NeurIPS", parameters={"gain": 1.0},
        statistics={}, arguments={"power": 1.0}, bounds={"power": (0.0, 2.0)},
    ),""",
    ),
    "residuals.py": (
        '''def weighted(h_PBD: Tensor, u_PBD: Tensor, depth: int, share: float) -> Tensor:
    """Return the weighted mean of h and u."""
    return torch.add(h_PBD * (1 - share), u_PBD, alpha=share)


def bounded(h_PBD: Tensor, u_PBD: Tensor, depth: int) -> Tensor:
    """Return h + tanh(u)."""
    return h_PBD + torch.tanh(u_PBD)
''',
        """"weighted": Residual(
        weighted, formula="(1 - share)·h + share·u", reference="Srivastava, Greff & Schmidhuber 2015, Highway networks",
        arguments={"share": 0.5}, bounds={"share": (0.0, 1.0)}, coefficients=lambda depth, share: (1 - share, share),
    ),
    "bounded": Residual(bounded, formula="h + tanh(u)", reference="He, Zhang, Ren & Sun 2016, Identity mappings"),""",
    ),
}
NAMES = ("squareplus", "he_truncated", "powernorm", "weighted", "bounded")


def extended(folder: Path) -> Path:
    """Copy the library and its tests to a folder, with the entries added; return the folder."""
    for part in ("src", "tests", "config"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "slurm", "faults"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    link_compiled(folder)  # a new level compiles its own loops only, and these have none
    (folder / ".pytest_cache").symlink_to(folder / "cache")
    for name, (functions, entry) in ADDED.items():
        file = folder / "src" / "actbench" / "levels" / name
        lines = file.read_text(encoding="utf-8").rstrip().splitlines()
        start = next(place for place, line in enumerate(lines) if line.split(":")[0].isupper() and ": dict[" in line)
        assert lines[-1] == "}", f"{name} ends with its registry"
        whole = [*lines[:start], functions, "", *lines[start:-1], f"    {entry}", "}", ""]
        file.write_text("\n".join(whole), encoding="utf-8")
    return folder


def run_there(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a module of Python with the copied library."""
    inherited = {name: value for name, value in os.environ.items() if name != SHARED}
    environment = {**inherited, "PYTHONPATH": str(folder / "src"), "ACTBENCH_CACHE": str(folder / "cache")}
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)
