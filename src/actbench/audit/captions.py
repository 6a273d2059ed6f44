"""Numbers of runs and seeds in captions, against the numbers drawn and the raw rows."""

import re
from pathlib import Path

from actbench.audit.raw_rows import Raw

N_RUNS = re.compile(r"([\d,]+) runs?\b")


def audit_captions(raw: Raw, folder: Path) -> tuple[int, list[str]]:
    """Check every caption: it counts no more runs than there are, and no other number of seeds than the raw rows."""
    compared, problems = 0, []
    total, seeds = len(raw.runs), raw.runs["seed"].nunique()
    for path in sorted(folder.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        for word in N_RUNS.findall(text):
            compared += 1
            if int(word.replace(",", "")) > total:
                problems.append(f"{path.name}: {word} runs, where the tables hold {total:,}")
        for word in re.findall(r"\b(\d+) seeds?\b", text):
            compared += 1
            if int(word) > seeds:
                problems.append(f"{path.name}: {word} seeds, where the tables hold {seeds}")
    return compared, problems
