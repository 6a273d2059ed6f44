"""What a design asks of a cluster: a simulation of its jobs on nodes, its load on queue and file system, and one GPU.

The jobs are those of workflow/profiles/slurm: one shard and one core each, the longest first, at most JOBS in the
queue at once. Snakemake looks at them from time to time only, so with more shards than JOBS a core may wait for work.
"""

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from actbench.plan.cost import JOB_SECONDS, STACK, disk_bytes, job_seconds
from actbench.plan.places import stack_place
from actbench.plan.shards import Shard

# As in workflow/profiles/slurm/config.yaml; a test holds them together.
JOBS = 100
SUBMITTED_EACH_SECOND = 10
# Snakemake's looks at the queue: seconds before the first, how many more after each in vain, and at most.
PAUSE, LONGER, LONGEST_PAUSE = 40.0, 10.0, 180.0
# Snakemake starts twice in a job and reads the config each time: seconds without runs, and for each run of the design.
START_SECONDS, READ_SECONDS = 5.0, 6e-5

# Calls that name a file (open, stat, rename and the like): of a job, 60,553 counted with strace in one of two stacks,
# nearly all of them imports; of a stack, by reading the code.
FILE_CALLS, FILE_CALLS_STACK = 60_500, 25
FILES, FILES_STACK = 7, 1  # left by a job: shard and checksum, three logs, two of Snakemake's; by a stack: in the cache
LOG_BYTES = 10_000  # of a job
GPU_STACK = 8192  # models that a GPU trains at once


@dataclass(frozen=True)
class Load:
    """What becomes of the jobs: seconds until Snakemake has seen the last one end, jobs at once, looks at the queue."""

    seconds: float
    most_running: int
    most_waiting: int
    looks: int


def simulate(lengths: Sequence[float], cores: int) -> Load:
    """Run jobs of these lengths, in seconds, on so many cores, the longest first.

    Snakemake fills the queue up to JOBS, waits, looks which jobs have ended, and fills it again.
    """
    left = sorted(lengths)
    free = [0.0] * min(cores, len(left))  # when each core is free
    ends: list[float] = []  # of submitted jobs that have not been seen to end
    now, pause, looks, most_running, most_waiting = 0.0, PAUSE, 0, 0, 0
    while left or ends:
        for number in range(min(len(left), JOBS - len(ends))):
            end = max(now + number / SUBMITTED_EACH_SECOND, heapq.heappop(free)) + left.pop()
            heapq.heappush(free, end)
            heapq.heappush(ends, end)
        most_running = max(most_running, min(len(ends), len(free)))
        most_waiting = max(most_waiting, len(ends) - len(free))
        now, looks, before = now + pause, looks + 1, len(ends)
        while ends and ends[0] <= now:
            heapq.heappop(ends)
        pause = PAUSE if len(ends) < before else min(pause + LONGER, LONGEST_PAUSE)
    return Load(now, most_running, most_waiting, looks)


def cluster_load(shards: Sequence[Shard], nodes: int, cores_each: int, factor: float = 1.0) -> dict[str, float]:
    """Return what training all shards takes on nodes with so many free cores each, and what it asks of the cluster.

    Args:
        shards: the jobs.
        nodes: nodes.
        cores_each: cores of each that are free for this workflow.
        factor: how much longer a core takes than that of the reference machine.
    """
    start = START_SECONDS + READ_SECONDS * sum(len(shard.runs) for shard in shards)
    lengths = [start + job_seconds(shard.runs, factor) for shard in shards]
    return _described(simulate(lengths, nodes * cores_each), lengths) | _files(shards, STACK)


def gpu_load(shards: Sequence[Shard], worth: float) -> dict[str, float]:
    """Return the same for one GPU that trains the shards one after the other, `worth` so many reference cores."""
    start = START_SECONDS + READ_SECONDS * sum(len(shard.runs) for shard in shards) + JOB_SECONDS
    lengths = [start + (job_seconds(shard.runs) - JOB_SECONDS) / worth for shard in shards]
    return _described(simulate(lengths, 1), lengths) | _files(shards, GPU_STACK)


def _described(load: Load, lengths: Sequence[float]) -> dict[str, float]:
    return {
        "minutes": round(load.seconds / 60, 1),
        "job_hours": round(sum(lengths) / 3600, 4),
        "longest_job_minutes": round(max(lengths) / 60, 1),
        "jobs": len(lengths),
        "most_running": load.most_running,
        "most_waiting": load.most_waiting,
        "queue_queries": load.looks,
    }


def _files(shards: Sequence[Shard], largest: int) -> dict[str, float]:
    stacks = sum(_stacks(shard, largest) for shard in shards)
    return {
        "file_calls": FILE_CALLS * len(shards) + FILE_CALLS_STACK * stacks,
        "files": FILES * len(shards) + FILES_STACK * stacks,
        "disk_bytes": sum(disk_bytes(shard.runs) for shard in shards) + LOG_BYTES * len(shards),
    }


def _stacks(shard: Shard, largest: int) -> int:
    programs = Counter(stack_place(run, "") for run in shard.runs)
    return sum(-(-count // largest) for count in programs.values())
