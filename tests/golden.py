"""The golden numbers: some sixty short trainings whose every bit is kept in golden/<kind of device>.json.

Run as a script it trains them in a process set up as a job's and prints the file's content; `--write` writes the file.
ACTBENCH_INSTRUCTIONS=avx2 asks for the numbers of the narrower instructions.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path(__file__).resolve().parent / "golden"
LIBRARIES = ("llvmlite", "numba", "numpy", "scipy", "torch")  # that round
PROCESSOR = ("vendor_id", "cpu family", "model")  # of /proc/cpuinfo: the libraries choose kernels by them
CHANGED = (
    "a trained number changed: raise NUMERICS in src/actbench/plan/numerics.py, add a line to CHANGELOG.md, "
    "and write the golden numbers anew with `python tests/golden.py --write`"
)
MISSING = "golden numbers of some runs are missing: add them with `python tests/golden.py --write`"

BASE = {
    "dataset": "mnist1d", "model": "mlp", "activation": "gelu", "depth": 2, "width": 20, "init": "he_normal",
    "norm": "none", "residual": "none", "clip": "none", "optimizer": "sgd", "lr": 0.05, "batch_size": 32, "steps": 20,
    "bias_offset": 0.0, "input_scale": 1.0, "seed": 0,
}  # fmt: skip

Content = dict[str, Any]


def changes() -> Iterator[dict[str, object]]:
    """Yield what each golden run changes of BASE: every level of every registry, then mixtures and extremes."""
    from exactness import every_level, levels

    for factor, level in every_level():
        yield {factor: level}
    for norm in levels("norm"):
        for residual in levels("residual"):
            yield {"norm": norm, "residual": residual, "activation": "silu", "depth": 5, "width": 33, "seed": 1}
    for clip in levels("clip"):
        yield {"clip": clip, "optimizer": "adam", "lr": 0.01, "activation": "prelu", "norm": "layernorm"}
    yield {"activation": "leaky_relu(0.2)", "width": 64, "depth": 8, "batch_size": 64, "residual": "scaled"}
    yield {"activation": "elu(0.5)", "optimizer": "sgd(0.0)", "bias_offset": 0.3, "input_scale": 2.0}
    yield {"activation": "relu", "width": 128, "norm": "batchnorm", "steps": 40, "seed": 2}
    yield {"activation": "tanh", "depth": 16, "init": "orthogonal"}
    yield {"activation": "relu", "init": "normal(1.0)", "lr": 1e5}  # diverges


def golden_runs() -> dict[str, Any]:
    """Return label -> run, each once."""
    from actbench.plan.design import Run

    runs = {}
    for changed in changes():
        label = ", ".join(f"{name} {value}" for name, value in changed.items())
        runs[Run(**{**BASE, **changed})] = label
    return {label: run for run, label in runs.items()}


def trained() -> Content:
    """Train the golden runs and return the content of the file of this process's kind of device."""
    from actbench.levels.dataset import load_dataset
    from actbench.plan.numerics import NUMERICS
    from actbench.training.process import device_kind, one_core
    from actbench.training.stack import make_stacks
    from exactness import digest, train_in

    one_core()
    runs = golden_runs()
    numbers = train_in(make_stacks(list(runs.values())), load_dataset("mnist1d", ROOT / ".pytest_cache" / "data"))
    lines = {label: {**finals(numbers[run.key]), "digest": digest(numbers[run.key])} for label, run in runs.items()}
    libraries = {name: version(name) for name in LIBRARIES}
    made_by = {"device": device_kind(), "numerics": NUMERICS, "processor": processor(), "libraries": libraries}
    return {**made_by, "runs": lines}


def finals(numbers: Content) -> Content:
    """Return fate and final losses of a run."""
    return {name: numbers[name] for name in ("status", "diverged_step", "train_loss", "val_loss", "test_loss")}


def processor() -> dict[str, str]:
    """Return make, family and model of this processor; empty where the system does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    pairs = [line.split(":", 1) for line in lines if ":" in line]
    told = {name.strip(): value.strip() for name, value in reversed(pairs)}
    return {name: told[name] for name in PROCESSOR if name in told}


def changed_numbers(expected: Content, found: Content) -> list[str]:
    """Return the labels of the runs in both contents whose numbers differ in any bit."""
    both = expected["runs"].keys() & found["runs"].keys()
    return sorted(label for label in both if expected["runs"][label] != found["runs"][label])


def file_of(kind: str) -> Path:
    """Return the file of a kind of device."""
    return FOLDER / f"{kind}.json"


def write(content: Content) -> str | None:
    """Write the file of a kind of device, or return why not: numbers do not change under one NUMERICS."""
    path = file_of(content["device"])
    if path.exists():
        old = json.loads(path.read_text(encoding="utf-8"))
        changed = changed_numbers(old, content)
        same_processor = old["processor"] == content["processor"]
        if changed and same_processor and old["numerics"] == content["numerics"]:
            return f"{changed[0]} and {len(changed) - 1} more: {CHANGED}"
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, path)
    return None


def main() -> int:
    """Train the golden runs and print or write their numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write golden/<kind of device>.json")
    arguments = parser.parse_args()
    from actbench.training.process import prepare_process

    prepare_process(ROOT / ".pytest_cache")
    content = trained()
    if not arguments.write:
        print(json.dumps(content))
        return 0
    problem = write(content)
    if problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"{file_of(content['device'])}: {len(content['runs'])} runs")
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "src"))
    sys.exit(main())
