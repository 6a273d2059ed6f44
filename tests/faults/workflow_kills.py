"""Kill the whole workflow with SIGKILL at a random moment, unlock it, call it again, compare with an undisturbed one.

python tests/faults/workflow_kills.py --rounds 5 --seed 1     # one line of JSON a round
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import kills

ROOT = Path(__file__).resolve().parents[2]
SNAKEFILE = ROOT / "workflow" / "Snakefile"
TABLES = [f"results/kills/tables/{name}.parquet" for name in ("runs", "curves", "layers", "studies")]
MARK = "ACTBENCH_FAULTS_ROUND"  # in the environment of every process of a round


def workflow(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    """Start Snakemake in a folder, up to the tables."""
    environment = os.environ | {
        "ACTBENCH_CACHE": str(folder / "cache"), "PYTHONPATH": str(ROOT / "src"), MARK: str(folder),
    }  # fmt: skip
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--snakefile", str(SNAKEFILE)]
    command += [*words, "--configfile", "kills.yaml"]
    with (folder / "said").open("ab") as said:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=said, start_new_session=True)


def finish(folder: Path, *words: str) -> None:
    """Let a call of Snakemake come to its end; it must succeed."""
    if code := workflow(folder, *words).wait():
        raise SystemExit(f"{folder}: exit code {code}: {(folder / 'said').read_text(encoding='utf-8')[-2000:]}")


def processes(folder: Path) -> list[int]:
    """Return the numbers of all processes of a round, however they are related."""
    mark, found = f"{MARK}={folder}".encode(), []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (place / "environ").read_bytes().split(b"\0"):
                found.append(int(place.name))
        except OSError:  # it has ended, or is not ours
            continue
    return found


def kill_all(leader: subprocess.Popen[bytes], folder: Path) -> int:
    """Send SIGKILL to every process of a round until none is left, and return how many there were."""
    count = 0
    while found := processes(folder):
        for number in found:
            try:
                os.kill(number, signal.SIGKILL)
                count += 1
            except ProcessLookupError:
                continue
        leader.poll()
        time.sleep(0.05)
    leader.wait()
    return count


def furnish(folder: Path) -> Path:
    """Put the config and the compiled loops into a new folder."""
    (folder / "cache").mkdir(parents=True)
    (folder / "kills.yaml").write_text(kills.CONFIG, encoding="utf-8")
    kills.COMPILED.mkdir(parents=True, exist_ok=True)
    (folder / "cache" / "compiled").symlink_to(kills.COMPILED, target_is_directory=True)
    return folder


def rounds(count: int, seed: int) -> Iterator[dict]:
    """Yield what each round found."""
    with tempfile.TemporaryDirectory(prefix="workflows-") as name:
        root = Path(name)
        calm = furnish(root / "undisturbed")
        finish(calm, *TABLES)
        began = time.monotonic()
        finish(furnish(root / "timed"), *TABLES)
        most = time.monotonic() - began
        for index in range(count):
            folder, chance = furnish(root / f"round-{index}"), random.Random(f"{seed} {index}")
            moment = chance.uniform(0.1, 0.9) * most
            leader = workflow(folder, *TABLES)
            time.sleep(moment)
            killed, saved = kill_all(leader, folder), kills.chunks(folder)
            finish(folder, "--unlock")
            finish(folder, *TABLES)
            yield {
                "round": index,
                "seed": seed,
                "moments": [round(moment, 2)],
                "killed": killed,
                "stacks_saved_before": saved,
                "finished_stacks_trained_again": kills.chunks(folder) - kills.STACKS,
                "same_bytes": kills.contents(folder) == kills.contents(calm),
                "sound": kills.sound(folder),
            }
            shutil.rmtree(folder)


def main() -> int:
    """Print a line of JSON for each round; return 1 when one of them found something."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    bad = 0
    for found in rounds(arguments.rounds, arguments.seed):
        print(json.dumps(found), flush=True)
        bad += not (found["same_bytes"] and found["sound"] and not found["finished_stacks_trained_again"])
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
