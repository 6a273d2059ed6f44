"""The time that a batch system leaves to the job that this process is part of."""

import os
import re
import subprocess
import time

ANSWER = re.compile(r"(?:(?P<days>\d+)-)?(?:(?P<hours>\d+):)?(?P<minutes>\d+):(?P<seconds>\d+)")
PATIENCE = 20.0  # seconds to wait for the answer of a busy controller


def seconds_to_limit() -> float | None:
    """Return the seconds until SLURM ends this job; None outside of one, without a limit, or without an answer.

    Newer versions of SLURM tell a job its end; the others are asked, once a job.
    """
    job = os.environ.get("SLURM_JOB_ID")
    if job is None:
        return None
    if end := os.environ.get("SLURM_JOB_END_TIME"):
        return float(end) - time.time()
    command = ["squeue", "--noheader", f"--jobs={job}", "--format=%L"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_time_left(done.stdout)


def parse_time_left(text: str) -> float | None:
    """Read a time as SLURM prints it, `[[days-]hours:]minutes:seconds`; None for a word as `UNLIMITED`."""
    found = ANSWER.fullmatch(text.strip())
    if found is None:
        return None
    parts = {name: int(value or 0) for name, value in found.groupdict().items()}
    return float(((parts["days"] * 24 + parts["hours"]) * 60 + parts["minutes"]) * 60 + parts["seconds"])
