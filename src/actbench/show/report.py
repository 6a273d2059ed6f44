"""The report: one HTML page that needs no other file and no network."""

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from plotly.offline import get_plotlyjs

from actbench import __version__
from actbench.analysis.row_groups import count_runs
from actbench.analysis.tables import RESULTS
from actbench.plan.atomic_file import write_text
from actbench.plan.config import Config, load_config
from actbench.show.contract import Declaration, declarations
from actbench.show.downloads import KINDS, MOST_BYTES, Page, data_uri, largest_that_fits, read
from actbench.show.explorer import embed, explorer_data
from actbench.show.figure_file import FIGURES
from actbench.show.inputs import read_csv
from actbench.show.sheet import CHOICES, CLAIM_TESTS, CLAIMS, STUDIES, Choice, Sheet, frame_sheet, make_sheet

LARGEST_DRAWING = 1_000_000  # bytes; the page shows a larger svg as png
NARROW = 300.0  # points; a figure of one column
ORIGIN = ["numerics", "version", "commit", "torch", "device"]
METHOD = (
    "A run is one trained network: a condition (one level of every factor) and a seed. Every run of the design has one"
    " row in the tables, whatever became of it.",
    "The learning rate of each condition is the one with the highest mean validation accuracy over seeds. Test data"
    " have no part in the choice; reported scores are test accuracies at the best validation step.",
    "A run fails when its loss stops being finite or when it cannot be trained. It counts as the worst"
    " possible: accuracy 0 and the last rank. Failure rates stand beside every estimate.",
    "The seed is the unit of replication: scores are averaged over conditions within a seed, and intervals, all at"
    " 95 %, come from resamples of the seeds. With few seeds they are rough. Shares carry Wilson's intervals.",
    "The choice of learning rates is inside every interval over seeds: a resample draws seeds, in common for all"
    " conditions, and each condition takes the rate that the drawn seeds choose on validation data, by the same rule,"
    " failed runs counting as the worst. With the rate taken as given, intervals are too short wherever several rates"
    " are nearly as good. Intervals of means are Student's with the standard error of these resamples, which where all"
    " choose alike is that of the seeds. Wilson's intervals and tests over blocks are at the rates that all seeds"
    " choose: they speak of the recipe that one would follow.",
    "Seed 7 has the same data order and the same weight noise under every condition, so comparisons are paired. Their"
    " p-values come from the Wilcoxon signed-rank test over blocks, corrected by Holm's method within a study.",
    "Conditions without the activation are the blocks of Friedman's test, of the ranks and of all pairs of activations."
    " Effects and their intervals stand beside every p-value.",
    "Each correction names its family: all pairs of a study, or all terms of one response. Two activations are called"
    " equivalent, never merely not different, when two one-sided tests over seeds place their mean difference within"
    " one point of accuracy; what is neither different nor equivalent is undecided.",
    "Importance of factors: type II sums of squares over all runs of a study, learning rate among the factors; the"
    " error of each term is its interaction with the seeds.",
    "Trainability: a logistic model of the same terms with a weak ridge; shares of its deviance, with a jackknife over"
    " seeds.",
    "A claim of the ledger has its study, contrast, margin and rule fixed in a file. Its effect is one number a seed,"
    " with Student's 95 % interval over seeds, the choice of learning rates in its error. An interval wholly beyond"
    " the margin on the claimed side supports the"
    " claim, one wholly short of it contradicts it, any other decides nothing. A claim that there is no difference"
    " needs the interval within ±margin (two one-sided tests). p is for an effect of just the margin, corrected by"
    " Holm's method within the family of claims that is named; a claim of several tests has the p of its weakest. What"
    " no longer holds after the correction is noted.",
    "Early warnings: the area under the ROC curve says how well a diagnostic of the first updates tells the runs that"
    " do not train. Thresholds are chosen on all seeds but the one on which they are tried.",
    "What an update costs is timed apart from all runs, with each activation in turn on one machine; a claim about the"
    " time to a loss takes the time of the runs, on which the load of the machine bears too.",
    "Figures and tables show rows of the tables and statistics; none of their numbers was computed while drawing. The"
    " explorer alone takes averages, of the rows that are chosen there, and says which.",
)


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
    path, folder = results / config.name / "report.html", figures / config.name
    overview = _overview(config, results)  # which refuses the tables of another config
    scripts = [Script.of(text) for text in (get_plotlyjs(), _source("tables.js"), _source("explorer.js"))]
    explorer = embed(explorer_data(config, path.parent / "stats"))
    drawn = [_figure(item, folder) for item in declarations().values()]
    files = {item.name: [folder / f"{item.name}.{suffix}" for suffix in KINDS] for item in declarations().values()}
    offered = [file for own in files.values() for file in own] + list((path.parent / "stats").glob("*.csv"))
    fixed = sum(map(len, [explorer, *(script.text for script in scripts), *(figure["image"] for figure in drawn)]))
    page = Page(path, largest_that_fits((file.stat().st_size for file in offered if file.exists()), MOST_BYTES - fixed))
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
        figures=[{**figure, "files": list(map(page.offer, files[figure["name"]]))} for figure in drawn],
        css=_source("report.css"),
        scripts=scripts,
        explorer=explorer,
        studies=_statistic(STUDIES, config, page),
        tables=[_statistic(choice, config, page) for choice in CHOICES],
        **overview,
        **_claims(page),
    )
    write_text(path, text)
    return path


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


def _claims(page: Page) -> dict[str, Any]:
    """Show results/<name>/claims.csv when it is there: a row a claim, and how many have which verdict."""
    path = page.path.parent / "claims.csv"
    if not path.exists():
        return {"claims": None, "claim_tests": None, "verdicts": []}
    rows = read_csv(path)
    shown = rows[[column for column in CLAIMS if column in rows]]
    note = (
        "Studies, contrasts, margins and rules stand in config/claims.yaml; each verdict follows from them alone."
        " Sources: A, an introductory article; B, an illustrated article; C, a textbook section on saturation and"
        " gradient flow."
    )
    sheet = frame_sheet("claims", "Claims and verdicts", note, shown, len(rows))
    verdicts = rows["verdict"].value_counts() if "verdict" in rows else pd.Series(dtype="int64")
    return {
        "claims": {**vars(sheet), "file": page.offer(path)},
        "claim_tests": _claim_tests(page),
        "verdicts": [(str(verdict), int(count)) for verdict, count in verdicts.items()],
    }


def _claim_tests(page: Page) -> dict[str, Any] | None:
    """Show the tests over all runs of stats/claim_tests.csv when it is there, each with its margin."""
    path = page.path.parent / "stats" / "claim_tests.csv"
    if not path.exists():
        return None
    rows = read_csv(path)
    shown = rows.loc[rows["stratum"].isna(), list(CLAIM_TESTS)]
    note = (
        "Where the claim places the effect: beyond the margin in the direction named, of a mean, an area or a share"
        " beyond the margin itself, of an equivalence within ±margin. The file has the tests of single strata too."
    )
    sheet = frame_sheet("claim_tests", "Tests of the claims and their margins", note, shown, len(rows))
    return {**vars(sheet), "file": page.offer(path)}


def _source(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _figure(declared: Declaration, folder: Path) -> dict[str, Any]:
    caption = read(folder / f"{declared.name}.md").decode().strip()
    svg = read(folder / f"{declared.name}.svg")
    shown = "svg" if len(svg) <= LARGEST_DRAWING else "png"
    width, height = _size_in_points(svg)
    return {
        "name": declared.name,
        "title": declared.title,
        "question": declared.question,
        "caption": caption.removeprefix(declared.question).strip(),
        "image": data_uri(KINDS[shown][0], read(folder / f"{declared.name}.{shown}")),
        "width": round(width * 4 / 3),
        "height": round(height * 4 / 3),
        "shape": "narrow" if width < NARROW else "wide",
        "alt": f"{declared.title}. The caption says what is shown; the numbers are in {declared.name}.csv.",
    }


def _size_in_points(svg: bytes) -> tuple[float, float]:
    box = re.search(rb'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    assert box, "matplotlib writes the size of an svg in points"
    return float(box[1]), float(box[2])


def _statistic(choice: Choice, config: Config, page: Page) -> dict[str, Any]:
    path = page.path.parent / "stats" / f"{choice.statistic}.csv"
    sheet: Sheet = make_sheet(choice, read_csv(path), [study.name for study in config.studies])
    return {**vars(sheet), "file": page.offer(path)}
