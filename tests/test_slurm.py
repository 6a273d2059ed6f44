"""The workflow on a real SLURM: the same tables as on one machine, whatever happens to its jobs.

Each of six shards meets an accident of its own in one workflow, after the first of its two stacks is saved.
"""

import re
import shutil
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from actbench.plan.config import load_config
from actbench.plan.sources import figure_names
from actbench.show.figure_file import write_figure
from tiny import link_compiled, write_config
from virtual_cluster import (
    PROFILE,
    ROOT,
    Training,
    finish,
    jobs_of,
    restarts,
    run_workflow,
    running_cluster,
    slurm,
    started_workflow,
    training_of,
    wait_for,
    why_not,
)

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(why_not()), reason=why_not())]

TABLES = ("runs", "curves", "layers", "studies")
TARGET = "results/tiny/tables/runs.parquet"
ACCIDENTS = ("cancelled", "killed", "late", "large", "lost", "preempted")
# One shard for each accident, told apart by its clipping; two stacks in a shard.
RUNS = 34
GRID = f"""
name: tiny
shard_minutes: 0.04
defaults: {{steps: 6000, width: 32, batch_size: 32, depth: 2, activation: relu}}
studies:
  main:
    question: Does every accident end well?
    clip: [{", ".join(f"norm({number}.0)" for number in range(1, 7))}]
    seed: [{", ".join(map(str, range(RUNS)))}]
"""
SHARD = {accident: f"mnist1d-mlp-relu-norm_{number}.0" for number, accident in enumerate(ACCIDENTS, 1)}
# The first attempts of two shards get too little of what SLURM watches.
TOO_LITTLE = (
    f"train:runtime=1 if '{SHARD['late']}' in wildcards.shard and attempt < 2 else 10 * attempt",
    f"train:mem_mb=450 if '{SHARD['large']}' in wildcards.shard and attempt < 2 else 2000 * attempt",
)
RULES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))
LOCAL = {"data", "figures", "paper"}  # rules that the Snakefile keeps off the cluster
TRAINED_THERE, DRAWN_THERE = "mnist1d-mlp-relu", "activation_ranking"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Start four virtual nodes of one core each."""
    with running_cluster(tmp_path_factory.mktemp("slurm")):
        yield


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train the grid on this machine, undisturbed, and return the folder."""
    folder = new_folder(tmp_path_factory.mktemp("here"))
    run_workflow(folder, folder / "tiny.yaml", TARGET, "--cores", "2")
    return folder


@pytest.fixture(scope="module")
def accidents(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Training]]:
    """Train the grid on the cluster while an accident happens to each shard; return the folder and what was hit."""
    folder = new_folder(tmp_path_factory.mktemp("accidents"))
    hit: dict[str, Training] = {}
    with started_workflow(folder, folder / "tiny.yaml", TARGET, *PROFILE, "--set-resources", *TOO_LITTLE) as workflow:
        while workflow.poll() is None and len(hit) < len(HAPPENS):
            for accident in HAPPENS.keys() - hit:
                if training := halfway(folder, SHARD[accident]):
                    hit[accident] = training
                    HAPPENS[accident](training)
            time.sleep(0.02)
        wait_for(partial(restarts, hit["lost"].job), "the job of the lost node to be put back into the queue")
        slurm("scontrol", "update", f"NodeName={hit['lost'].node}", "State=RESUME")
        hit["lost"].send(signal.SIGCONT)  # what ran there works on, unknown to SLURM
        finish(folder, workflow)
    return folder, hit


def cancel(training: Training) -> None:
    """Cancel the job, as its owner may."""
    slurm("scancel", training.job)


def kill_step(training: Training) -> None:
    """Kill the job step, all processes of it."""
    slurm("scancel", "--signal=KILL", f"{training.job}.0")


def freeze(training: Training) -> None:
    """Let the process stand still, so that the time limit of its job finds it unfinished."""
    training.send(signal.SIGSTOP)


def lose_node(training: Training) -> None:
    """Declare the node down while it works."""
    training.send(signal.SIGSTOP)
    slurm("scontrol", "update", f"NodeName={training.node}", "State=DOWN", "Reason=test")


def preempt(training: Training) -> None:
    """Submit a job that goes before the one on this node."""
    slurm("sbatch", "--partition=urgent", f"--nodelist={training.node}", "--output=/dev/null", "--wrap=sleep 1")


HAPPENS = {"cancelled": cancel, "killed": kill_step, "late": freeze, "lost": lose_node, "preempted": preempt}


def new_folder(folder: Path) -> Path:
    """Give a folder the config, and the compiled loops of the tests, but no runs."""
    link_compiled(folder)
    write_config(folder, GRID)
    return folder.resolve()


def copy_shards(source: Path, target: Path, name: str, left_out: set[str]) -> None:
    """Give a folder the shards of another, and their checksums, but for some."""
    shards = Path("results", name, "shards")
    (target / shards).mkdir(parents=True)
    for file in (source / shards).iterdir():
        if not any(f"{shard}.parquet" in file.name for shard in left_out):
            shutil.copy2(file, target / shards)


def halfway(folder: Path, shard: str) -> Training | None:
    """Return the process of a shard once the first of its two stacks is saved, and before the second is."""
    chunks = list(folder.glob(f"cache/numerics*/*/*-{shard.rsplit('-', 1)[1]}-*/*.parquet"))
    return training_of(folder, shard) if len(chunks) == 1 else None


def same_tables(one: Path, other: Path, name: str = "tiny") -> None:
    """Compare all tables of two folders to the last bit; of the runs only the time that they took may differ."""
    for table in TABLES:
        a, b = (folder / "results" / name / "tables" / f"{table}.parquet" for folder in (one, other))
        if table == "runs":
            assert without_seconds(a) == without_seconds(b)
        else:
            assert a.read_bytes() == b.read_bytes(), table


def without_seconds(file: Path) -> bytes:
    """Return the bytes of a table of runs, all columns but one."""
    table = pq.read_table(file).drop_columns(["seconds"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table.combine_chunks())
    return sink.getvalue().to_pybytes()


def cached(folder: Path) -> list[str]:
    """Return the keys of all rows in the cache of a folder."""
    chunks = folder.glob("cache/numerics*/**/*.parquet")
    return [
        key for chunk in chunks for key in pq.read_table(chunk, columns=["run_key"], partitioning=None)[0].to_pylist()
    ]


Accidents = tuple[Path, dict[str, Training]]


def test_tables_after_accidents(here: Path, accidents: Accidents) -> None:
    """A workflow whose jobs were cancelled, killed, late, too large, lost and preempted leaves the same tables."""
    folder, hit = accidents
    assert set(hit) == set(HAPPENS)
    same_tables(here, folder)


def test_finished_runs_are_not_trained_again(accidents: Accidents) -> None:
    """No run is saved twice but for one stack: the lost node, unknown to SLURM, works on."""
    keys = cached(accidents[0])
    assert len(set(keys)) == len(SHARD) * RUNS
    assert len(keys) <= len(SHARD) * RUNS + RUNS // 2


def test_a_cancelled_job_is_submitted_again(accidents: Accidents) -> None:
    """Cancelling one job costs one attempt."""
    first, *others = jobs_of(SHARD["cancelled"])
    assert first.state == "CANCELLED"
    assert [job.state for job in others] == ["COMPLETED"]


def test_a_killed_step_is_submitted_again(accidents: Accidents) -> None:
    """A job whose step is killed has failed, and its second attempt succeeds."""
    assert [job.state for job in jobs_of(SHARD["killed"])] == ["FAILED", "COMPLETED"]


def test_a_late_job_gets_more_time(accidents: Accidents) -> None:
    """A job over its time limit is submitted again with more."""
    first, second = jobs_of(SHARD["late"])
    assert (first.state, first.limit) == ("TIMEOUT", "1:00")
    assert (second.state, second.limit) == ("COMPLETED", "20:00")


def test_a_large_job_gets_more_memory(accidents: Accidents) -> None:
    """A job over its memory is killed and submitted again with more."""
    first, second = jobs_of(SHARD["large"])
    assert (first.state, first.memory) in {("FAILED", "450M"), ("OUT_OF_MEMORY", "450M")}
    assert (second.state, second.memory) == ("COMPLETED", "4000M")


@pytest.mark.parametrize("accident", ["lost", "preempted"])
def test_slurm_puts_a_job_back(accidents: Accidents, accident: str) -> None:
    """A job that loses its node, or must give way, is put back into the queue by SLURM and costs no attempt."""
    (job,) = jobs_of(SHARD[accident])
    assert (job.state, job.restarts) == ("COMPLETED", 1)


def test_every_job_has_its_log(accidents: Accidents) -> None:
    """Each job's log lies under its shard's name."""
    for shard in SHARD.values():
        files = {file.stem for file in (accidents[0] / "logs" / "slurm" / "rule_train" / shard).iterdir()}
        assert files == {job.id for job in jobs_of(shard)}


def test_the_smoke_workflow(cluster: None, tmp_path: Path) -> None:
    """Every step from training to the manifest runs as a job, and leaves the tables of a run on this machine.

    One shard and one figure are jobs of the cluster; the others are there before or drawn here in between: in each job
    of the cluster two processes of Snakemake begin, which takes twice as long as to draw.
    """
    smoke, folders = ROOT / "config" / "smoke.yaml", (tmp_path / "here", tmp_path / "there")
    for folder in folders:
        folder.mkdir()
        new_folder(folder)
    run_workflow(folders[0], smoke, "results/smoke/tables/runs.parquet", "--cores", "2")
    shutil.copytree(folders[0] / "data", folders[1] / "data")  # made anew, they would make all shards anew
    copy_shards(*folders, "smoke", {TRAINED_THERE})
    said = run_workflow(folders[1], smoke, "--omit-from", "figure", *PROFILE)
    assert set(re.findall(r"Train shard (\S+)", said)) == {TRAINED_THERE}
    for name in [name for name in figure_names() if name != DRAWN_THERE]:
        write_figure(name, load_config(smoke), folders[1] / "results", folders[1] / "figures")
    run_workflow(folders[1], smoke, *PROFILE)
    assert (folders[1] / "results" / "smoke" / "manifest.json").exists()
    same_tables(*folders, "smoke")
    logs = folders[1] / "logs" / "slurm"
    rules = re.findall(r"^rule (\w+):", "".join(file.read_text() for file in RULES), re.MULTILINE)
    assert {f"rule_{rule}" for rule in rules if rule not in LOCAL} == {folder.name for folder in logs.iterdir()}
    assert [folder.name for folder in (logs / "rule_figure").iterdir()] == [DRAWN_THERE]


def test_the_controller_may_be_killed(cluster: None, here: Path, tmp_path: Path) -> None:
    """After a kill -9 of Snakemake its jobs go on; unlocked and called again beside them, it makes the same tables.

    Four of the six shards are there before.
    """
    folder, (shard, other, *_) = new_folder(tmp_path), SHARD.values()
    copy_shards(here, folder, "tiny", {shard, other})
    with started_workflow(folder, folder / "tiny.yaml", f"results/tiny/shards/{shard}.parquet", *PROFILE) as workflow:
        training = wait_for(partial(training_of, folder, shard), "a job that trains")
        training.send(signal.SIGSTOP)
        workflow.kill()
        workflow.wait()
    run_workflow(folder, folder / "tiny.yaml", "--unlock", "--cores", "1")
    training.send(signal.SIGCONT)
    said = run_workflow(folder, folder / "tiny.yaml", TARGET, *PROFILE)
    assert set(re.findall(r"Train shard (\S+)", said)) == {shard, other}
    same_tables(here, folder)
