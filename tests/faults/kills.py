"""Kill a tree of processes with SIGKILL at a random moment, start it again, compare with what it leaves undisturbed.

python tests/faults/kills.py --rounds 200 --seed 1     # one line of JSON a round

What is killed is the command line itself, `actbench train` of two shards at once, or the steps from tables to
manifest. Each process is a fork of this one, in which torch is imported and all loops are compiled already, so that a
round takes about a second.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

CONFIG = """
name: kills
defaults: {width: 64, batch_size: 64, steps: 120}
studies:
  main:
    activation: [relu, tanh]
    depth: [2, 4]
    norm: [none, layernorm]
    seed: [0, 1, 2, 3]
"""
SHARDS = ("mnist1d-mlp-relu", "mnist1d-mlp-tanh")
PRODUCTS = (
    ("tables",),
    ("stats",),
    ("activations",),
    ("boundaries",),
    ("figure", "learning_curves"),
    ("manifest",),
)
COMPILED = Path(__file__).resolve().parents[2] / ".pytest_cache" / "compiled"  # kept between calls
UNSTEADY = "seconds"  # the one column that two trainings of a run may give differently
STACKS = 8  # depth and norm of each shard


def prepare(folder: Path) -> None:
    """Set this process up as one that trains, then train everything once in `folder`, undisturbed."""
    os.environ["ACTBENCH_CACHE"] = "cache"
    from actbench.training.process import prepare_process

    prepare_process(COMPILED.parent)
    COMPILED.mkdir(parents=True, exist_ok=True)
    (folder / "cache").mkdir()
    (folder / "cache" / "compiled").symlink_to(COMPILED, target_is_directory=True)
    os.environ["MPLBACKEND"] = "agg"
    note_stacks()
    (folder / "kills.yaml").write_text(CONFIG, encoding="utf-8")
    here = Path.cwd()
    os.chdir(folder)
    for shard in SHARDS:
        assert call("train", "--shard", shard) == 0
    for words in PRODUCTS:
        assert call(*words) == 0
    os.chdir(here)


def note_stacks() -> None:
    """Write a line to `begun` whenever the training of a stack begins, so that lost ones can be counted."""
    from actbench.training import shard

    plain = shard.train_stack

    def noting(stack: Sequence[object], data: object) -> object:
        with Path("begun").open("a", encoding="utf-8") as stream:
            stream.write(f"{len(stack)}\n")
        return plain(stack, data)

    shard.train_stack = noting  # type: ignore[assignment]


def call(verb: str, *words: str) -> int:
    """Run one verb in this process, its words kept in the file `said`."""
    from actbench.shell.cli import main

    with Path("said").open("a", encoding="utf-8") as stream:
        out, sys.stdout, error, sys.stderr = sys.stdout, stream, sys.stderr, stream
        try:
            return main([verb, "kills.yaml", *words])
        finally:
            sys.stdout, sys.stderr = out, error


def train_both() -> None:
    """Train the two shards at once, each in a process of its own, as two jobs of a workflow do."""
    children = [fork(train_one, shard) for shard in SHARDS]
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    if any(codes):
        raise SystemExit(max(codes))


def train_one(shard: str) -> None:
    """Train one shard and end with its exit code."""
    raise SystemExit(call("train", "--shard", shard))


def make_products() -> None:
    """Make tables, statistics, a figure and the manifest."""
    for words in PRODUCTS:
        if code := call(*words):
            raise SystemExit(code)


def fork(work: Callable[..., None], *words: str) -> int:
    """Do work in a forked process, which ends with it, and return its number."""
    child = os.fork()
    if child:
        return child
    code = 99
    try:
        work(*words)
        code = 0
    except SystemExit as stopped:
        code = int(stopped.code or 0)
    finally:
        os._exit(code)


@contextmanager
def tree(work: Callable[[], None], folder: Path) -> Iterator[int]:
    """Start work in a new session of processes in a folder; whatever is left of it at the end is killed."""

    def lead() -> None:
        os.setsid()
        os.chdir(folder)
        work()

    leader = fork(lead)
    try:
        yield leader
    finally:
        kill_tree(leader)


def kill_tree(leader: int) -> None:
    """Send SIGKILL to every process of a session at once, and wait for the leader."""
    try:
        os.killpg(leader, signal.SIGKILL)
        os.waitpid(leader, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


def run(work: Callable[[], None], folder: Path) -> float:
    """Do work to its end and return the seconds it took; it must succeed."""
    began = time.monotonic()
    with tree(work, folder) as leader:
        _, status = os.waitpid(leader, 0)
    if code := os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{folder}: exit code {code}: {(folder / 'said').read_text(encoding='utf-8')[-500:]}")
    return time.monotonic() - began


def kill(work: Callable[[], None], folder: Path, after: float) -> bool:
    """Begin work and kill it after some seconds; tell whether it was still at work."""
    with tree(work, folder) as leader:
        deadline = time.monotonic() + after
        while time.monotonic() < deadline and not os.waitid(os.P_PID, leader, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            time.sleep(0.002)
        return not os.waitid(os.P_PID, leader, os.WEXITED | os.WNOHANG | os.WNOWAIT)


def lines(folder: Path) -> int:
    """Count the stacks whose training has begun in a folder."""
    begun = folder / "begun"
    return len(begun.read_text(encoding="utf-8").split()) if begun.exists() else 0


def chunks(folder: Path) -> int:
    """Count the stacks that the cache of a folder holds."""
    return len(list((folder / "cache").rglob("[!.]*.parquet")))


def contents(folder: Path) -> dict[str, bytes]:
    """Return the content of every product of a folder; of shards and runs without the column that is unsteady."""
    import pyarrow.parquet as pq

    found = {}
    for path in sorted(folder.glob("results/kills/**/[!.]*")) + sorted(folder.glob("figures/**/[!.]*")):
        if path.suffix == ".parquet":
            rows = pq.read_table(path, partitioning=None)
            rows = rows.drop_columns(UNSTEADY) if UNSTEADY in rows.column_names else rows
            found[str(path.relative_to(folder))] = b"".join(batch.serialize() for batch in rows.to_batches())
        elif path.is_file() and path.name != "progress.jsonl":
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


def training_round(expected: dict[str, bytes], folder: Path, source: Path, chance: random.Random, most: float) -> dict:
    """Kill the training of two shards one to three times, let it end, and compare shards and cache."""
    shutil.copy(source / "kills.yaml", folder)
    shutil.copytree(source / "data", folder / "data")
    moments = [chance.uniform(0, most) for _ in range(chance.choice((1, 1, 2, 3)))]
    lost, in_flight, killed = 0, 0, 0
    for moment in moments:
        killed += kill(train_both, folder, moment)
        unsaved = lines(folder) - lost - chunks(folder)  # begun after the last kill and not saved
        lost, in_flight = lost + unsaved, max(in_flight, unsaved)
    run(train_both, folder)
    shards = {name: content for name, content in expected.items() if "/shards/" in name}
    return {
        "moments": [round(moment, 3) for moment in moments],
        "killed": killed,
        "stacks_lost": lost,
        "most_lost_by_one_kill": in_flight,
        "finished_stacks_trained_again": lines(folder) - lost - STACKS,
        "same_bytes": contents(folder) == shards,
        "sound": sound(folder),
    }


def products_round(expected: dict[str, bytes], folder: Path, source: Path, chance: random.Random, most: float) -> dict:
    """Kill the steps from tables to manifest, let them end, and compare every byte of every product."""
    for name in ("results", "data", "cache"):
        shutil.copytree(source / name, folder / name, symlinks=True)
    shutil.copy(source / "kills.yaml", folder)
    if chance.random() < 0.5:  # half of the rounds begin without products, half replace those that are there
        for name in ("tables", "stats"):
            shutil.rmtree(folder / "results" / "kills" / name)
    moment = chance.uniform(0, most)
    killed = kill(make_products, folder, moment)
    run(make_products, folder)
    return {
        "moments": [round(moment, 3)],
        "killed": int(killed),
        "same_bytes": exact(folder) == exact(source),
        "sound": sound(folder),
    }


def exact(folder: Path) -> dict[str, bytes]:
    """Return every byte of every product; a manifest and its checksum too."""
    paths = [*folder.glob("results/kills/**/*"), *folder.glob("figures/**/*")]
    kept = [path for path in paths if path.is_file() and path.suffix not in (".tmp", ".partial", ".jsonl")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept}


def sound(folder: Path) -> bool:
    """Tell whether the cache verifies, and whether every product has its checksum."""
    from actbench.analysis.shard_file import shard_schema
    from actbench.plan.checksums import refuse_damaged
    from actbench.plan.errors import ConfigError
    from actbench.training.upkeep import verify

    try:
        refuse_damaged(*(path for path in folder.glob("results/kills/*/[!.]*") if path.is_file()))
    except ConfigError:
        return False
    return not verify(folder / "cache", shard_schema())[1]


KINDS = {"train": training_round, "products": products_round}


def rounds(count: int, seed: int) -> Iterator[dict]:
    """Yield what each round found; of five rounds four kill training and one what follows it."""
    with tempfile.TemporaryDirectory(prefix="kills-") as name:
        root = Path(name)
        (root / "undisturbed").mkdir()
        prepare(root / "undisturbed")
        expected = contents(root / "undisturbed")
        (root / "timed").mkdir()
        most = {"train": time_training(root), "products": time_products(root)}
        for index in range(count):
            kind = "products" if index % 5 == 4 else "train"
            folder = root / f"round-{index}"
            folder.mkdir()
            chance = random.Random(f"{seed} {index}")
            found = KINDS[kind](expected, folder, root / "undisturbed", chance, 1.05 * most[kind])
            yield {"round": index, "seed": seed, "kind": kind, **found}
            shutil.rmtree(folder)


def time_training(root: Path) -> float:
    """Return the seconds that the training takes undisturbed."""
    shutil.copytree(root / "undisturbed" / "data", root / "timed" / "data")
    shutil.copy(root / "undisturbed" / "kills.yaml", root / "timed")
    return run(train_both, root / "timed")


def time_products(root: Path) -> float:
    """Return the seconds that the steps after training take undisturbed."""
    return run(make_products, root / "timed")


def main() -> int:
    """Print a line of JSON for each round; return 1 when one of them found something."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    bad = 0
    for found in rounds(arguments.rounds, arguments.seed):
        print(json.dumps(found), flush=True)
        bad += not (found["same_bytes"] and found["sound"] and not found.get("finished_stacks_trained_again"))
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
