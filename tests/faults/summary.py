"""Put the figures of the long fault suite into words: one line of JSON a trial in, Markdown out.

python tests/faults/summary.py build/faults > tests/faults/results.md
"""

import json
import platform
import sys
from collections import Counter
from pathlib import Path

HEAD = """# What the fault suite found

<!-- made by `make faults`; every figure is counted from the lines of JSON that the command above it prints -->

Python {python} on {machine}, {system}. The moment of a kill in round *i* is drawn from `random.Random("SEED i")`, as a
share of the time that the work takes undisturbed on the machine at hand. Bytes are compared of every product; of shards
and runs, when they were trained again, without the column `seconds`, which no two trainings share.
"""


def lines(file: Path) -> list[dict]:
    """Read lines of JSON."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def kills(rounds: list[dict]) -> str:
    """Describe the kill rounds of training and of what follows it."""
    trained = [each for each in rounds if each["kind"] == "train"]
    lost = Counter(each["most_lost_by_one_kill"] for each in trained)
    rows = [
        ("rounds, seed", f"{len(rounds)}, {rounds[0]['seed']}"),
        ("rounds in which a kill met work going on", sum(each["killed"] > 0 for each in rounds)),
        ("kills that met work going on", sum(each["killed"] for each in rounds)),
        ("rounds of training two shards of 4 stacks at once, of the steps from tables to manifest",
         f"{len(trained)}, {len(rounds) - len(trained)}"),
        ("rounds that end in other bytes than undisturbed", sum(not each["same_bytes"] for each in rounds)),
        ("rounds with an unsound cache or product after the rerun", sum(not each["sound"] for each in rounds)),
        ("finished stacks trained again", sum(each["finished_stacks_trained_again"] for each in trained)),
        ("stacks lost in flight, in all", sum(each["stacks_lost"] for each in trained)),
        ("most stacks lost by one kill (two processes, one stack each in flight)", max(lost)),
        ("rounds by most stacks lost by one kill", ", ".join(f"{key}: {lost[key]}" for key in sorted(lost))),
    ]  # fmt: skip
    return table(("", "figure"), rows)


def workflow_kills(rounds: list[dict]) -> str:
    """Describe the kill rounds of the whole workflow."""
    rows = [
        ("rounds, seed", f"{len(rounds)}, {rounds[0]['seed']}"),
        ("rounds in which the workflow was at work", sum(each["killed"] > 0 for each in rounds)),
        ("processes killed", sum(each["killed"] for each in rounds)),
        ("stacks saved before the kill, by round", ", ".join(str(each["stacks_saved_before"]) for each in rounds)),
        ("rounds that end in other bytes than undisturbed", sum(not each["same_bytes"] for each in rounds)),
        ("finished stacks trained again", sum(each["finished_stacks_trained_again"] for each in rounds)),
    ]
    return table(("", "figure"), rows)


def sharing(times: list[dict]) -> str:
    """Describe the processes that share a cache."""
    stacks = times[0]["stacks"]
    rows = [
        ("times, processes at once", f"{len(times)}, {times[0]['processes']}"),
        ("stacks that each user wants; trained in all, each time",
         f"{stacks}; {', '.join(str(each['stacks_trained']) for each in times)}"),
        ("times that somebody got other bytes", sum(not each["same_bytes"] for each in times)),
        ("times with an unsound cache", sum(not each["sound"] for each in times)),
        ("files left over", sum(each["left_over"] for each in times)),
    ]  # fmt: skip
    return table(("", "figure"), rows)


def damage(trials: list[dict]) -> str:
    """Describe the damage matrix: for each kind of file and damage, trials and those that went wrong."""
    damages = list(dict.fromkeys(each["damage"] for each in trials))
    found = {(each["kind"], each["damage"]): f"{each['wrong']} of {each['times']}" for each in trials}
    kinds = dict.fromkeys(each["kind"] for each in trials)
    text = table(("wrong of trials", *damages), [(kind, *(found[kind, each] for each in damages)) for kind in kinds])
    return "\n".join([text, *(f"- {each['kind']}: {problem}" for each in trials for problem in each["problems"])])


def surroundings(report: str) -> str:
    """Quote the last line of pytest."""
    return f"`{report.strip().splitlines()[-1].strip('= ')}`"


def table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    """Write a table in Markdown."""
    written = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in written)


SECTIONS = (
    ("SIGKILL of all processes", "python tests/faults/kills.py --rounds 200 --seed 1", "kills.jsonl", kills),
    ("SIGKILL of the whole workflow", "python tests/faults/workflow_kills.py --rounds 5 --seed 1",
     "workflow_kills.jsonl", workflow_kills),
    ("Processes that share a cache", "python tests/faults/sharing.py --users 4 --times 5", "sharing.jsonl", sharing),
    ("Damage", "PYTHONPATH=tests python tests/faults/damage.py --times 20 --seed 1", "damage.jsonl", damage),
)  # fmt: skip
TESTS = "pytest tests/faults"


def main() -> int:
    """Print the page."""
    folder = Path(sys.argv[1])
    facts = {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()}
    print(HEAD.format(**facts))
    for title, command, file, describe in SECTIONS:
        print(f"## {title}\n\n    {command}\n\n{describe(lines(folder / file))}\n")
    said = surroundings((folder / "pytest.txt").read_text(encoding="utf-8"))
    print(
        f"## Surroundings, bad configs, given tables, trust, and a short version of all above\n\n    {TESTS}\n\n{said}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
