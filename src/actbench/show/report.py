"""The report: one HTML page that needs no other file and no network."""

import base64
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from actbench import __version__
from actbench.analysis.atomic_file import write_text
from actbench.analysis.row_groups import count_runs
from actbench.analysis.tables import RESULTS
from actbench.plan.checksums import refuse_damaged
from actbench.plan.config import Config, load_config
from actbench.plan.errors import ConfigError
from actbench.show.contract import Declaration, declarations
from actbench.show.explorer import embed, explorer_data
from actbench.show.figure_file import FIGURES
from actbench.show.inputs import REMEDY, read_csv
from actbench.show.sheet import CHOICES, CLAIMS, STUDIES, Choice, Sheet, frame_sheet, make_sheet

LARGEST_EMBEDDED = 1_500_000  # bytes; a larger file is linked beside the page, which stays below 15 MB
LARGEST_DRAWING = 1_000_000  # bytes; the page shows a larger svg as png
NARROW = 300.0  # points; a figure of one column
KINDS = {
    "pdf": ("application/pdf", "PDF for print"),
    "svg": ("image/svg+xml", "SVG"),
    "png": ("image/png", "PNG"),
    "csv": ("text/csv;charset=utf-8", "CSV: the numbers drawn"),
}
ORIGIN = ["numerics", "version", "commit", "torch", "device"]
METHOD = (
    "A run is one trained network: a condition (one level of every factor) and a seed. Every run of the design has one"
    " row in the tables, whatever became of it.",
    "The learning rate of each condition is the one with the highest mean validation accuracy over seeds. Test data"
    " have no part in the choice; reported scores are test accuracies at the best validation step.",
    "A run fails when its loss or its gradients stop being finite or when it cannot be trained. It counts as the worst"
    " possible: accuracy 0 and the last rank. Failure rates stand beside every estimate.",
    "The seed is the unit of replication: scores are averaged over conditions within a seed and the seeds are"
    " resampled (95 % bootstrap intervals). With few seeds the intervals are rough. Shares carry Wilson's intervals.",
    "Seed 7 has the same data order and the same weight noise under every condition, so comparisons are paired. Their"
    " p-values come from the Wilcoxon signed-rank test over blocks, corrected by Holm's method within a study.",
    "No number on this page was computed while drawing: figures and tables show rows of the tables and statistics.",
)


@dataclass(frozen=True)
class Download:
    """A file that the page offers: embedded, or beside the page where it is large."""

    name: str
    label: str
    link: str
    size: str


@dataclass(frozen=True)
class Script:
    """A script of the page and how the page's policy names it: nothing else may run there."""

    text: str
    source: str

    @classmethod
    def of(cls, text: str) -> "Script":
        """Name a script by its hash (Content Security Policy 3, section 2.3.1)."""
        assert "</script" not in text.lower(), "a script cannot hold its own end"
        return cls(text, f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'")


def write_report(config_file: Path, results: Path = RESULTS, figures: Path = FIGURES) -> Path:
    """Write results/<name>/report.html from figures, tables and statistics that exist; return its path."""
    config = load_config(config_file)
    page = results / config.name / "report.html"
    environment = Environment(
        loader=PackageLoader("actbench.show", "."), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    text = environment.get_template("report.html.j2").render(
        config=config,
        version=__version__,
        config_file=config_file.name,
        config_text=config_file.read_text(encoding="utf-8"),
        method=METHOD,
        figures=[_figure(item, figures / config.name, page) for item in declarations().values()],
        css=_source("report.css"),
        scripts=[Script.of(text) for text in (get_plotlyjs(), _source("tables.js"), _source("explorer.js"))],
        explorer=embed(explorer_data(config, page.parent / "stats")),
        studies=_statistic(STUDIES, config, page),
        tables=[_statistic(choice, config, page) for choice in CHOICES],
        **_overview(config, results),
        **_claims(page),
    )
    write_text(page, text)
    return page


def _overview(config: Config, results: Path) -> dict[str, Any]:
    runs = count_runs(config, ["status", "activation", "seed", *ORIGIN], ["seconds"], results)
    total, counted = int(runs["n_runs"].sum()), runs.groupby("status")["n_runs"].sum().to_dict()
    facts = [
        ("trained networks", f"{total:,}"),
        ("activations", f"{runs['activation'].nunique()}"),
        ("seeds", f"{runs['seed'].nunique()}"),
        ("studies", f"{len(config.studies)}"),
        ("failed", f"{total - counted.get('ok', 0):,}"),
        ("core minutes of training", f"{runs['seconds'].sum() / 60:,.1f}"),
    ]
    words = {"ok": "trained to the end", "diverged": "diverged", "error": "could not be trained"}
    statuses = ", ".join(f"{counted.get(status, 0):,} {word}" for status, word in words.items())
    origin = runs.rename(columns={"n_runs": "runs"}).groupby(ORIGIN, as_index=False)[["runs"]].sum()
    note = "What made the runs: version of the trained numbers, of actbench and of torch, commit and kind of device."
    sheet = frame_sheet("origin", "Origin of the runs", note, origin, len(origin))
    return {"facts": facts, "statuses": f"Of {total:,} runs {statuses}.", "origin": {**vars(sheet), "file": None}}


def _claims(page: Path) -> dict[str, Any]:
    """Show results/<name>/claims.csv when it is there: a row a claim, and how many have which verdict."""
    path = page.parent / "claims.csv"
    if not path.exists():
        return {"claims": None, "verdicts": []}
    rows = read_csv(path)
    shown = rows[[column for column in CLAIMS if column in rows]]
    note = "Each claim was fixed, with the rule of its verdict, before results were looked at."
    sheet = frame_sheet("claims", "Claims and verdicts", note, shown, len(rows))
    verdicts = rows["verdict"].value_counts() if "verdict" in rows else pd.Series(dtype="int64")
    return {
        "claims": {**vars(sheet), "file": _download(path, KINDS["csv"], page)},
        "verdicts": [(str(verdict), int(count)) for verdict, count in verdicts.items()],
    }


def _source(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _figure(declared: Declaration, folder: Path, page: Path) -> dict[str, Any]:
    caption = _read(folder / f"{declared.name}.md").decode().strip()
    svg = _read(folder / f"{declared.name}.svg")
    shown = "svg" if len(svg) <= LARGEST_DRAWING else "png"
    width, height = _size_in_points(svg)
    return {
        "name": declared.name,
        "title": declared.title,
        "question": declared.question,
        "caption": caption.removeprefix(declared.question).strip(),
        "image": _data_uri(KINDS[shown][0], _read(folder / f"{declared.name}.{shown}")),
        "width": round(width * 4 / 3),
        "height": round(height * 4 / 3),
        "shape": "narrow" if width < NARROW else "wide",
        "alt": f"{declared.title}. The caption says what is shown; the numbers are in {declared.name}.csv.",
        "files": [_download(folder / f"{declared.name}.{suffix}", KINDS[suffix], page) for suffix in KINDS],
    }


def _size_in_points(svg: bytes) -> tuple[float, float]:
    box = re.search(rb'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert box, "matplotlib writes the size of an svg in points"
    return float(box[1]), float(box[2])


def _statistic(choice: Choice, config: Config, page: Path) -> dict[str, Any]:
    path = page.parent / "stats" / f"{choice.statistic}.csv"
    sheet: Sheet = make_sheet(choice, read_csv(path), [study.name for study in config.studies])
    return {**vars(sheet), "file": _download(path, KINDS["csv"], page)}


def _download(path: Path, kind: tuple[str, str], page: Path) -> Download:
    content = _read(path)
    size = f"{max(1, round(len(content) / 1000)):,} kB"
    if len(content) <= LARGEST_EMBEDDED:
        return Download(path.name, kind[1], _data_uri(kind[0], content), size)
    return Download(
        path.name, kind[1], Path(os.path.relpath(path, page.parent)).as_posix(), f"{size}, beside this page"
    )


def _data_uri(media_type: str, content: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def _read(path: Path) -> bytes:
    refuse_damaged(path, remedy=REMEDY)
    try:
        return path.read_bytes()
    except OSError:
        raise ConfigError(str(path), f"no such file; {REMEDY}") from None
