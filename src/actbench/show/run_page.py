"""One run as a page that needs no other file: its explanation in words, tables and drawings."""

import base64
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from actbench import __version__
from actbench.analysis.explanation import Explanation
from actbench.plan.atomic_file import write_text
from actbench.show.run_drawings import drawings
from actbench.show.run_text import spell_number

PREDICTED = "At initialisation: measured beside mean-field theory"


def write_page(explanation: Explanation, path: Path) -> None:
    """Write the page of a run to `path`."""
    environment = Environment(
        loader=PackageLoader("actbench.show", "."), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    text = environment.get_template("run.html.j2").render(
        run=explanation,
        version=__version__,
        facts={"Levels": _facts(explanation.levels), "Outcome": _facts(explanation.outcome)},
        origin={"Cost": _facts(explanation.cost), "Made by": _facts(explanation.provenance)},
        tables={title: _table(frame) for title, frame in _frames(explanation).items()},
        notes={title: explanation.prediction_note if title == PREDICTED else "" for title in _frames(explanation)},
        drawings=[{**vars(item), "image": _data_uri(item.svg)} for item in drawings(explanation)],
    )
    write_text(path, text)


def _frames(explanation: Explanation) -> dict[str, pd.DataFrame]:
    return {
        "Neighbours: one factor differs, same seed": explanation.neighbours,
        "The same condition with every seed": explanation.seeds,
        PREDICTED: explanation.prediction,
        "Learning curve": explanation.curve,
        "Gradient norm over training": explanation.gradients,
        "Layer profile: first and last recorded value": explanation.profile,
    }


def _facts(facts: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name.replace("_", " "), spell_number(value)) for name, value in facts.items() if value is not None]


def _table(frame: pd.DataFrame) -> dict[str, Any]:
    """Write every cell as text; a column of numbers alone stands to the right."""
    rows = list(frame.itertuples(index=False, name=None))
    numbers = [all(not isinstance(row[place], str) for row in rows) for place in range(frame.shape[1])]
    return {
        "head": list(zip((str(name).replace("_", " ") for name in frame), numbers, strict=True)),
        "rows": [list(zip(map(spell_number, row), numbers, strict=True)) for row in rows],
    }


def _data_uri(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"
