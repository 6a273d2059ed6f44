"""actbench.plan.cluster: the simulated queue, and what `plan --cluster` prints of it."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from actbench.plan import cluster
from actbench.plan.cluster import cluster_load, gpu_load, simulate
from actbench.plan.cost import STACK
from actbench.plan.shards import make_shards
from actbench.shell.cli import main
from actbench.training.capacity import MOST_ON_GPU
from tiny import TINY, tiny_design, write_config

lengths = st.lists(st.floats(1, 5000), min_size=1, max_size=300)


def test_one_job() -> None:
    """A job of 100 s is seen to have ended at the third look, 40, 50 and 60 s after another."""
    load = simulate([100.0], 4)
    assert (load.seconds, load.most_running, load.most_waiting, load.looks) == (150.0, 1, 0, 3)


def test_jobs_wait_for_cores() -> None:
    """Ten jobs on four cores: four run, six wait, three rounds are needed."""
    load = simulate([400.0] * 10, 4)
    assert (load.most_running, load.most_waiting) == (4, 6)
    assert 1200 <= load.seconds <= 1200 + cluster.LONGEST_PAUSE + 1


@given(lengths, st.integers(1, 400))
def test_no_schedule_is_better_than_possible(lengths: list[float], cores: int) -> None:
    """The end is later than the longest job and than all work shared evenly, and the queue holds at most JOBS."""
    load = simulate(lengths, cores)
    assert load.seconds >= max([*lengths, sum(lengths) / min(cores, cluster.JOBS)])
    assert load.seconds <= 2 * cluster.LONGEST_PAUSE * len(lengths) + sum(lengths)
    assert load.most_running <= min(cores, cluster.JOBS, len(lengths))
    assert load.most_running + load.most_waiting <= cluster.JOBS


@given(lengths)
def test_more_cores_never_queue_more(lengths: list[float]) -> None:
    """With as many cores as jobs in the queue, none waits."""
    assert simulate(lengths, cluster.JOBS).most_waiting == 0


def test_the_profile_is_simulated(project_root: Path) -> None:
    """The simulated limits are those of the profile, and the stacks those of the training."""
    profile = yaml.safe_load((project_root / "workflow" / "profiles" / "slurm" / "config.yaml").read_text())
    assert profile["jobs"] == cluster.JOBS
    assert profile["max-jobs-per-timespan"] == f"{cluster.SUBMITTED_EACH_SECOND}/1s"
    assert cluster.GPU_STACK == MOST_ON_GPU


def test_files_are_counted(tmp_path: Path) -> None:
    """Two shards of two depths make four stacks, whether of a core or of a GPU."""
    shards = make_shards(tiny_design(tmp_path).runs, 300)
    for load in (cluster_load(shards, 2, 1), gpu_load(shards, 10.0)):
        assert load["jobs"] == 2
        assert load["files"] == 2 * cluster.FILES + 4 * cluster.FILES_STACK


def test_large_stacks_are_split(tmp_path: Path) -> None:
    """More runs of one program than a core's stack holds are several stacks, but one of a GPU."""
    seeds = ", ".join(map(str, range(STACK + 1)))
    text = TINY.replace("depth: [1, 2]", "depth: 1").replace("[relu, tanh]", "relu").replace("[0, 1]", f"[{seeds}]")
    shards = make_shards(tiny_design(tmp_path, text).runs, 300)
    assert cluster_load(shards, 1, 1)["files"] == gpu_load(shards, 1.0)["files"] + 1


def test_a_slower_machine_takes_longer(tmp_path: Path) -> None:
    """The measured factor of the machine lengthens the jobs."""
    shards = make_shards(tiny_design(tmp_path, TINY.replace("steps: 4", "steps: 9000000")).runs, 300)
    slow, fast = cluster_load(shards, 1, 1, factor=3.0), cluster_load(shards, 1, 1)
    assert slow["job_hours"] == pytest.approx(3 * fast["job_hours"], rel=0.05)


def test_plan_prints_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`plan --cluster` adds both loads, beside what they assume, as numbers or as lines."""
    words = [
        "plan",
        str(write_config(tmp_path)),
        "--cluster",
        "--nodes",
        "3",
        "--results",
        "absent",
        "--cache",
        "absent",
    ]
    assert main([*words, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["cluster"]["nodes"], facts["cluster"]["cores_per_node"], facts["cluster"]["jobs"]) == (3, 1, 2)
    assert facts["one_gpu"]["most_running"] == 1
    assert all(isinstance(value, int | float) for part in ("cluster", "one_gpu") for value in facts[part].values())
    assert main(words) == 0
    assert [line.split() for line in capsys.readouterr().out.splitlines() if "nodes" in line] == [
        ["cluster", "3", "nodes"]
    ]


@pytest.mark.parametrize("words", [["--nodes", "0"], ["--cores-per-node", "-1"], ["--gpu-cores", "nan"]])
def test_nonsense_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    """No nodes, no cores and no number are one line and exit code 2."""
    assert main(["plan", str(write_config(tmp_path)), "--cluster", *words]) == 2
    assert capsys.readouterr().err.startswith(f"{words[0]}: {float(words[1]):g} is not above 0")
