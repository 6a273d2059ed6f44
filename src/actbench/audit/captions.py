"""Every number of a caption against the numbers drawn, which stand in the CSV file beside it."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from actbench.audit.caption_facts import BLANKS, FACTS, NUMBER
from actbench.audit.raw_rows import read_printed
from actbench.audit.summary_table import parse

ANY = re.compile(rf"(?<![\w.]){NUMBER}")
NOTHING = "no runs for this figure in this config"


def audit_caption(path: Path) -> tuple[int, list[str]]:
    """Check a caption: each number in it follows from the numbers drawn or is part of the wording, and none is gone.

    Where nothing is drawn it says so, and nowhere else.
    """
    text, drawn = path.read_text(encoding="utf-8"), read_printed(path.with_suffix(".csv"))
    if drawn.empty:
        return 1, [] if NOTHING in text else [f"{path.name}: does not say that there are {NOTHING}"]
    for word in sorted(_words(drawn), key=len, reverse=True):
        text = text.replace(word, "…")  # a level may have digits in its name
    found = 0
    lines: list[str] = []
    for phrase, fact in FACTS[path.stem]:
        match = re.search(phrase, text)
        shown = [group for group in match.groups() if group] if match else []
        expected = np.atleast_1d(fact(drawn)).tolist()
        found += len(expected)
        lines += _compared(path.name, phrase.replace(NUMBER, "N"), shown, expected)
        text = text.replace(match[0], "…", 1) if match else text
    left, wording = sorted(ANY.findall(text)), sorted(BLANKS.get(path.stem, ()))
    unknown = [number for number in left if left.count(number) != wording.count(number)]
    return found + len(left), [*lines, *(f"{path.name}: {number} follows from nothing drawn" for number in unknown)]


def _words(drawn: pd.DataFrame) -> set[str]:
    texts = drawn.select_dtypes(exclude="number")
    return {word for column in texts for word in set(texts[column].astype(str)) if re.search(r"[a-z].*\d", word)}


def _compared(name: str, phrase: str, shown: list[str], expected: list[float]) -> Iterator[str]:
    if len(shown) != len(expected):
        yield f"{name}: `{phrase}` has {len(shown)} numbers, the numbers drawn give {len(expected)}"
    for word, value in zip(shown, expected, strict=False):
        number = parse(word.replace(",", "").lstrip("+"), name)
        if number is None or abs(number - value) > number.half * (1 + 1e-9):
            yield f"{name}: `{phrase}` is {word}, the numbers drawn give {value:.10g}"
