"""A SLURM cluster of virtual nodes for tests, and what happens to the jobs on it: see slurm/cluster.sh."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "tests" / "slurm" / "cluster.sh"
FOREIGN = Path("/etc/slurm/slurm.conf")
SNAKEMAKE = str(Path(sys.executable).parent / "snakemake")
# A test looks at its jobs after one second, where the profile waits for forty.
PROFILE = (
    "--profile", str(ROOT / "workflow" / "profiles" / "slurm"),
    "--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "20",
)  # fmt: skip

Found = TypeVar("Found")


def why_not() -> str:
    """Say why no cluster can be started here; empty when it can."""
    if os.getuid() != 0:
        return "SLURM is tested as root only: its daemons must start jobs"
    if missing := [name for name in ("slurmctld", "slurmd", "sbatch", "munged") if shutil.which(name) is None]:
        return f"{', '.join(missing)} not installed: tests/slurm/cluster.sh install"
    if FOREIGN.exists() or FOREIGN.is_symlink():
        return f"{FOREIGN} belongs to a cluster that runs already"
    return ""


@contextmanager
def running_cluster(state: Path) -> Iterator[None]:
    """Start the virtual nodes and stop them, whatever happens, and what SLURM has lost sight of on a lost node.

    The folders that jobs work in lie beside `state`.
    """
    environment = os.environ | {"STATE": str(state)}
    try:
        subprocess.run([SCRIPT, "start"], env=environment, check=True, timeout=120)
        yield
    finally:
        subprocess.run([SCRIPT, "stop"], env=environment, check=True, timeout=120)
        for process in at_work_below(state.parent):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def at_work_below(folder: Path) -> list[int]:
    """Return the ids of the processes whose working directory lies in a folder, this one apart."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            if (place / "cwd").readlink().is_relative_to(folder) and int(place.name) != os.getpid():
                found.append(int(place.name))
    return found


@contextmanager
def started_workflow(folder: Path, config: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Start Snakemake in a folder, with a cache of its own, what it says in snakemake.log; kill it if it is left."""
    environment = os.environ | {"ACTBENCH_CACHE": str(folder / "cache"), "PYTHONPATH": str(ROOT / "src")}
    command = [SNAKEMAKE, *words, "--snakefile", str(ROOT / "workflow" / "Snakefile"), "--configfile", str(config)]
    with (folder / "snakemake.log").open("a") as log:
        workflow = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, text=True)
    try:
        yield workflow
    finally:
        workflow.kill()
        workflow.wait()


def finish(folder: Path, workflow: subprocess.Popen[str], seconds: float = 900) -> str:
    """Wait for a workflow that must succeed and return what it said."""
    code = workflow.wait(seconds)
    said = (folder / "snakemake.log").read_text()
    assert code == 0, said[-8000:]
    return said


def run_workflow(folder: Path, config: Path, *words: str) -> str:
    """Run a workflow that must succeed and return what it said."""
    with started_workflow(folder, config, *words) as workflow:
        return finish(folder, workflow)


@dataclass(frozen=True)
class Training:
    """A process that trains a shard within a job."""

    process: int
    job: str
    node: str

    def send(self, number: signal.Signals) -> None:
        """Send the process a signal, unless it has ended."""
        if Path(f"/proc/{self.process}").exists():
            os.kill(self.process, number)


def training_of(folder: Path, shard: str) -> Training | None:
    """Return the process that trains a shard of the workflow in `folder`, once there is one."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().split(b"\0")
            if b"actbench" in words and shard.encode() in words and (place / "cwd").readlink() == folder:
                pairs = (pair.split("=", 1) for pair in (place / "environ").read_text().split("\0") if "=" in pair)
                names = dict(pairs)
                return Training(int(place.name), names["SLURM_JOB_ID"], names["SLURMD_NODENAME"])
        except (OSError, KeyError, UnicodeDecodeError):  # it has ended, or is not ready
            continue
    return None


def wait_for(find: Callable[[], Found | None], what: str, seconds: float = 180) -> Found:
    """Return the first answer that says something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := find():
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s in vain for {what}")


def slurm(*words: str) -> str:
    """Run one of SLURM's commands and return what it prints."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Job:
    """What SLURM says of a job."""

    id: str
    state: str
    limit: str
    memory: str
    restarts: int


def jobs_of(shard: str) -> list[Job]:
    """Return all jobs of a shard that SLURM remembers, oldest first."""
    form = "%i|%T|%l|%m|%k"
    lines = [line.split("|") for line in slurm("squeue", "--states=all", "--noheader", f"--format={form}").splitlines()]
    found = sorted((int(line[0]), line) for line in lines if line[-1] == f"rule_train_wildcards_{shard}")
    return [Job(line[0], line[1], line[2], line[3], restarts(line[0])) for _, line in found]


def restarts(job: str) -> int:
    """Return how often SLURM has put a job back into the queue."""
    words = slurm("scontrol", "show", "job", job).split()
    return int(next(word for word in words if word.startswith("Restarts=")).split("=")[1])
