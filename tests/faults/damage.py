"""Damage to every kind of file that the project keeps, and how each kind is used and made again.

A damaged file must be named and set aside, and what is used in the end must be what was written: `suffer` does one such
trial and returns what was wrong, if anything.

PYTHONPATH=tests python tests/faults/damage.py --times 20     # one line of JSON for each kind of file and of damage
"""

import argparse
import contextlib
import io
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from actbench.analysis.manifest import check_manifest, write_manifest
from actbench.analysis.statistic_file import read_statistic
from actbench.analysis.statistics import write_statistics
from actbench.analysis.tables import read_table, write_tables
from actbench.levels.datasets import spirals
from actbench.levels.machine_code import CodeFiles
from actbench.plan.design import expand
from actbench.plan.errors import ConfigError
from actbench.plan.places import stack_place
from actbench.show.downloads import read
from actbench.show.figure_file import SUFFIXES, write_figure
from actbench.show.inputs import read_csv
from actbench.training.cache import RunCache
from actbench.training.chunks import write_chunk
from actbench.training.rows import error_row
from injuries import DAMAGES
from synthetic import make_config, write_results

CONFIG = make_config(activation=("relu", "tanh"), depth=(2,), seed=(0, 1))
RUNS = expand(CONFIG).runs
CHECKSUM = "ab" * 32
FIGURES = ("activation_ranking", "critical_difference")


@dataclass(frozen=True)
class Artifact:
    """A kind of file: two of them, how they are used, and what makes them again after a refusal."""

    files: Callable[[Path], tuple[Path, Path]]
    use: Callable[[Path], object]
    again: Callable[[Path], object]


def build(folder: Path) -> None:
    """Make at least two of each kind of file in a folder, without training."""
    write_results(CONFIG, folder / "results", steps_recorded=1)
    write_statistics(CONFIG, folder / "results")
    draw_again(folder)
    write_manifest(CONFIG, folder / "results", folder / "figures")
    use_chunks(folder)
    (folder / "compiled").mkdir()
    use_code(folder)
    spirals.load(folder / "data")
    shutil.copyfile(folder / "data" / "spirals.npz", folder / "data" / "other.npz")


def chunks(folder: Path) -> tuple[Path, Path]:
    """Return the two chunks of the cache."""
    one, two = sorted((folder / "cache").rglob("[!.]*.parquet"))
    return one, two


def use_chunks(folder: Path) -> object:
    """Return the rows of the runs, as training does: found in the cache, or trained and saved."""
    cache = RunCache(folder / "cache", CHECKSUM)
    found = cache.load(RUNS)
    for run in RUNS[:2]:
        if run.key not in found["run_key"].to_pylist():
            write_chunk(error_row(run), cache.folder / stack_place(run, CHECKSUM))
    return cache.load(RUNS[:2]).sort_by("run_key").to_pylist()


def shards(folder: Path) -> tuple[Path, Path]:
    """Return two shard files."""
    one, two = sorted((folder / "results" / CONFIG.name / "shards").glob("*.parquet"))
    return one, two


def use_shards(folder: Path) -> object:
    """Gather the shards and return a table of them, read without a check."""
    write_tables(expand(CONFIG), folder / "results")
    return tables(folder)[0].read_bytes(), tables(folder)[1].read_bytes()


def train_again(folder: Path) -> object:
    """Write the shard files that are missing, as training does."""
    from synthetic import fake_frames, write_shards

    kept = {path: path.read_bytes() for path in shards_present(folder)}
    write_shards(expand(CONFIG), fake_frames(expand(CONFIG), steps_recorded=1), folder / "results")
    assert all(path.read_bytes() == content for path, content in kept.items())
    return None


def shards_present(folder: Path) -> list[Path]:
    """Return the shard files that are there."""
    return list((folder / "results" / CONFIG.name / "shards").glob("*.parquet"))


def tables(folder: Path) -> tuple[Path, Path]:
    """Return the tables that statistics read most of."""
    place = folder / "results" / CONFIG.name / "tables"
    return place / "runs.parquet", place / "layers.parquet"


def use_tables(folder: Path) -> object:
    """Read the two tables."""
    frames = (read_table(CONFIG, name, results=folder / "results") for name in ("runs", "layers"))
    return [frame.to_csv() for frame in frames]


def gather_again(folder: Path) -> object:
    """Make the tables from the shards."""
    return write_tables(expand(CONFIG), folder / "results")


def stats(folder: Path) -> tuple[Path, Path]:
    """Return two statistics."""
    place = folder / "results" / CONFIG.name / "stats"
    return place / "ranking.csv", place / "trainable.csv"


def use_stats(folder: Path) -> object:
    """Read the statistics, as they are read for analysis and for drawing."""
    frames = [read_csv(path) for path in stats(folder)]
    frames += [read_statistic(CONFIG, name, folder / "results") for name in ("ranking", "trainable")]
    return [frame.to_csv() for frame in frames]


def compute_again(folder: Path) -> object:
    """Make the statistics from the tables."""
    return write_statistics(CONFIG, folder / "results")


def manifests(folder: Path) -> tuple[Path, Path]:
    """Return the manifest, and another JSON file of the same build."""
    path = folder / "results" / CONFIG.name / "manifest.json"
    other = folder / "other.json"
    if not other.exists():
        other.write_text(path.read_text(encoding="utf-8").replace("ok", "OK"), encoding="utf-8")
    return path, other


def use_manifest(folder: Path) -> object:
    """Compare the products with the manifest."""
    return check_manifest(CONFIG, folder / "results", folder / "figures")


def record_again(folder: Path) -> object:
    """Write the manifest."""
    return write_manifest(CONFIG, folder / "results", folder / "figures")


def data(folder: Path) -> tuple[Path, Path]:
    """Return a data set, and the same bytes with other inputs."""
    return folder / "data" / "spirals.npz", foreign_data(folder)


def foreign_data(folder: Path) -> Path:
    """Return a sound .npz file of other data."""
    import numpy as np

    path = folder / "data" / "other.npz"
    arrays = dict(spirals.generate())
    arrays["x_train"] = np.ascontiguousarray(arrays["x_train"][::-1])
    np.savez(path, **arrays)
    return path


def use_data(folder: Path) -> object:
    """Load the data set."""
    dataset = spirals.load(folder / "data")
    return dataset.checksum, dataset.x_train.tobytes(), dataset.y_test.tobytes()


def figures(suffix: str, folder: Path) -> tuple[Path, Path]:
    """Return the same file of two figures: one of the drawings, the numbers drawn, or the caption."""
    one, two = (folder / "figures" / CONFIG.name / f"{name}.{suffix}" for name in FIGURES)
    return one, two


def use_figures(folder: Path) -> object:
    """Read all files of the figures, as the report page does."""
    return [read(path) for suffix in SUFFIXES for path in figures(suffix, folder)]


def draw_again(folder: Path) -> object:
    """Draw the figures of which a file is missing, as Snakemake does."""
    missing = {path.stem for suffix in SUFFIXES for path in figures(suffix, folder) if not path.exists()}
    return [write_figure(name, CONFIG, folder / "results", folder / "figures") for name in sorted(missing)]


def code(folder: Path) -> tuple[Path, Path]:
    """Return the files of two signatures of a loop."""
    files = CodeFiles(folder / "compiled", "loop", "source")
    return files.path("one"), files.path("two")


def use_code(folder: Path) -> object:
    """Return what was compiled, as numba does: loaded, or made anew and saved."""
    files, found = CodeFiles(folder / "compiled", "loop", "source"), []
    for key in ("one", "two"):
        if (loaded := files.load(key)) is None:
            files.save(key, loaded := [key] * 1000)
        found.append(loaded)
    return found


def nothing(folder: Path) -> object:
    """Do nothing: the use itself made the file again."""
    return None


ARTIFACTS: dict[str, Artifact] = {
    "cache chunk": Artifact(chunks, use_chunks, nothing),
    "shard": Artifact(shards, use_shards, train_again),
    "table": Artifact(tables, use_tables, gather_again),
    "statistic": Artifact(stats, use_stats, compute_again),
    "manifest": Artifact(manifests, use_manifest, record_again),
    "data": Artifact(data, use_data, nothing),
    "machine code": Artifact(code, use_code, nothing),
    **{f"figure, {suffix}": Artifact(partial(figures, suffix), use_figures, draw_again) for suffix in SUFFIXES},
}


def suffer(kind: str, damage: str, folder: Path, chance: random.Random) -> str:
    """Damage one file of a sound folder, use it, and return what was wrong; empty when all was as it should be.

    A refusal is followed by what makes the file again; twice at most, for swapping damages two files.
    """
    artifact = ARTIFACTS[kind]
    expected, (file, other) = artifact.use(folder), artifact.files(folder)
    before = file.read_bytes()
    DAMAGES[damage](file, other, chance)
    if file.read_bytes() == before:
        return "not damaged at all"
    found, said = use_until_sound(artifact, folder)
    aside = [path for path in file.parent.iterdir() if path.name.endswith(".damaged")]
    checks = {
        "used other content in silence": found == expected,
        f"did not name {file.name} but said {said!r}": file.name in said,
        "did not set it aside": any(path.name.startswith(file.stem) for path in aside),
    }
    return "; ".join(problem for problem, holds in checks.items() if not holds)


def use_until_sound(artifact: Artifact, folder: Path) -> tuple[object, str]:
    """Use files, make them again after each refusal, and return what was used in the end and all that was said."""
    said = io.StringIO()
    for _ in range(3):
        try:
            with contextlib.redirect_stderr(said):
                return artifact.use(folder), said.getvalue()
        except ConfigError as refusal:
            said.write(f"{refusal}\n")
        artifact.again(folder)
    return None, said.getvalue()


def main() -> int:
    """Print a line of JSON for each kind of file and of damage; return 1 when something was wrong."""
    parser = argparse.ArgumentParser(description="Damage every kind of file in every way, many times.")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory(prefix="damage-") as name:
        sound, folder = Path(name) / "sound", Path(name) / "copy"
        build(sound)
        for kind in ARTIFACTS:
            for damage in DAMAGES:
                wrong = []
                for index in range(arguments.times):
                    shutil.copytree(sound, folder)
                    wrong.append(suffer(kind, damage, folder, random.Random(f"{arguments.seed} {index}")))
                    shutil.rmtree(folder)
                found = sorted(set(filter(None, wrong)))
                facts = {"kind": kind, "damage": damage, "seed": arguments.seed, "times": arguments.times}
                print(json.dumps({**facts, "wrong": sum(map(bool, wrong)), "problems": found}), flush=True)
                bad += bool(found)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
