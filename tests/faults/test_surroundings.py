"""Unfriendly surroundings: the work is done with the same bytes, or stops in one line, and nothing is lost."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import kills
from tiny import TINY

ROOT = Path(__file__).resolve().parents[2]
SHARD = "mnist1d-mlp-relu"
HARSH = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}  # neither UTF-8 nor a HOME
EARLIER = "import time\nnow = time.time\ntime.time = lambda: now() - 3e8\n"  # the clock set back by ten years

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mounts, locales and limits of Linux"),
]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small or read-only file system")


def actbench(folder: Path, *words: str, before: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder, with nothing in its environment but what is given."""
    given = {"PATH": os.defpath, "PYTHONPATH": str(ROOT / "src"), "MPLBACKEND": "agg", **environment}
    command = [*before.split(), sys.executable, "-m", "actbench", *words]
    return subprocess.run(
        command, cwd=folder, env=given, capture_output=True, text=True, errors="replace", timeout=300, check=False
    )


def furnish(folder: Path) -> Path:
    """Put the tiny config, a data set and the compiled loops into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiny.yaml").write_text(TINY, encoding="utf-8")
    kills.COMPILED.mkdir(parents=True, exist_ok=True)
    (folder / "cache").mkdir()
    (folder / "cache" / "compiled").symlink_to(kills.COMPILED, target_is_directory=True)
    return folder


def is_one_line(done: subprocess.CompletedProcess[str], *said: str) -> bool:
    """Tell whether a call stopped with exit code 2 and one line that holds some words."""
    lines = done.stderr.splitlines()
    assert done.returncode == 2, done.stderr
    assert len(lines) == 1, done.stderr
    return all(word in lines[0] for word in said)


def shard_content(folder: Path) -> bytes:
    """Return a shard without the column that two trainings may give differently."""
    import pyarrow.parquet as pq

    rows = pq.read_table(folder / "results" / "tiny" / "shards" / f"{SHARD}.parquet").drop_columns(kills.UNSTEADY)
    return b"".join(batch.serialize() for batch in rows.to_batches())


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """Mount a file system in memory."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("this container may not mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train one shard in ordinary surroundings."""
    folder = furnish(tmp_path_factory.mktemp("calm"))
    done = actbench(folder, "train", "tiny.yaml", "--shard", SHARD)
    assert done.returncode == 0, done.stderr
    return folder


def test_odd_names_no_home_a_c_locale_one_core_no_network_and_an_early_clock(calm: Path, tmp_path: Path) -> None:
    """All at once they change no byte: a folder with a space and letters beyond ASCII, no HOME, no UTF-8, one core."""
    folder = furnish(tmp_path / "mit Leerzeichen" / "é ü 神経 $HOME 'x'")
    (folder / "clock").mkdir()
    (folder / "clock" / "sitecustomize.py").write_text(EARLIER, encoding="utf-8")
    path = os.pathsep.join([str(folder / "clock"), str(ROOT / "src")])
    nowhere = {"https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9", "PYTHONPATH": path}
    core = f"taskset -c {min(os.sched_getaffinity(0))}" if shutil.which("taskset") else ""
    done = actbench(folder, "train", "tiny.yaml", "--shard", SHARD, before=core, **HARSH, **nowhere)
    assert done.returncode == 0, done.stderr
    assert "4 / 8 runs" in done.stdout
    assert shard_content(folder) == shard_content(calm)


def test_the_steps_after_training_need_no_friendly_surroundings(tmp_path: Path) -> None:
    """Tables, a figure and the manifest are made in a C locale, without HOME, in a folder with an odd name."""
    from synthetic import make_config, write_results

    folder = furnish(tmp_path / "é ü")
    text = "name: tiny\nstudies: {main: {activation: [relu, tanh], depth: [2], seed: [0, 1]}}\n"
    (folder / "tiny.yaml").write_text(text, encoding="utf-8")
    write_results(
        make_config("tiny", activation=("relu", "tanh"), depth=(2,), init=("he_normal",), lr=(0.05,), seed=(0, 1)),
        folder / "results",
    )
    for words in (["stats"], ["figure", "learning_curves"], ["manifest"]):
        done = actbench(folder, words[0], "tiny.yaml", *words[1:], **HARSH)
        assert done.returncode == 0, done.stderr
    assert (folder / "figures" / "tiny" / "learning_curves.svg").stat().st_size > 1000


@as_root
def test_a_full_disk_stops_in_one_line_and_loses_nothing(calm: Path, tmp_path: Path) -> None:
    """With no room for the next chunk the shard stops in a line; with room again it ends in the same bytes."""
    with mounted(tmp_path / "small", "size=600k") as folder:
        furnish(folder)
        shutil.copytree(calm / "data", tmp_path / "data")
        filler = folder / "filler"
        with filler.open("wb", buffering=0) as stream:
            try:
                while stream.write(bytes(4096)) == 4096:
                    pass
            except OSError:
                pass
        done = actbench(folder, "train", "tiny.yaml", "--shard", SHARD, "--data", str(tmp_path / "data"))
        assert is_one_line(done, "No space left on device", "finished work is kept")
        assert not list((folder / "cache").glob("numerics*/**/*.parquet"))
        filler.unlink()
        done = actbench(folder, "train", "tiny.yaml", "--shard", SHARD, "--data", str(tmp_path / "data"))
        assert done.returncode == 0, done.stderr
        assert shard_content(folder) == shard_content(calm)


@as_root
@pytest.mark.parametrize("place", ["cache/numerics", "results", "data"])
def test_a_read_only_folder_stops_in_one_line(calm: Path, tmp_path: Path, place: str) -> None:
    """A cache, results or data folder that takes no files is named in one line."""
    folder = furnish(tmp_path / "project")
    if place != "data":
        shutil.copytree(calm / "data", folder / "data")
    target = folder / place
    if place.startswith("cache"):
        (kind,) = (path for path in (calm / "cache").iterdir() if path.name.startswith("numerics"))
        target = folder / "cache" / kind.name
    with mounted(target, "ro,size=100k"):
        done = actbench(folder, "train", "tiny.yaml", "--shard", SHARD)
        assert is_one_line(done, "Read-only file system", str(target.relative_to(folder)))


@pytest.mark.parametrize("megabytes", [300, 1500])
def test_little_memory_stops_in_one_line_or_works(calm: Path, tmp_path: Path, megabytes: int) -> None:
    """With too little room for its libraries or its arrays, the process ends with a line or with the result."""
    folder = furnish(tmp_path / "project")
    shutil.copytree(calm / "data", folder / "data")
    limit = f"prlimit --as={megabytes << 20}"
    if not shutil.which("prlimit"):
        pytest.skip("needs prlimit of util-linux")
    done = actbench(folder, "train", "tiny.yaml", "--shard", SHARD, before=limit)
    if done.returncode == 0:
        assert shard_content(folder) == shard_content(calm)
    else:
        assert "Traceback" not in done.stderr, done.stderr
        assert not (folder / "results" / "tiny" / "shards" / f"{SHARD}.parquet").exists()
