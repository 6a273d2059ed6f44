"""From a figure's file to the files of the figure: pdf, svg, png, the numbers drawn and the caption."""

import importlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import matplotlib as mpl
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from actbench.analysis.tables import RESULTS, table_path
from actbench.plan.atomic_file import replacing
from actbench.plan.checksums import made_from
from actbench.plan.config import Config
from actbench.show.contract import Declaration, declaration
from actbench.show.figure_metadata import BLANK, Metadata, figure_origin, metadata_of
from actbench.show.inputs import Inputs, parse_csv, read_inputs
from actbench.show.page import page_settings
from actbench.show.panels import NOTHING, sentence_figure
from actbench.show.style import SETTINGS

FIGURES = Path("figures")
CANVASES = {"pdf": FigureCanvasPdf, "svg": FigureCanvasSVG, "png": FigureCanvasAgg}
SUFFIXES = (*BLANK, "csv", "md")


@dataclass(frozen=True)
class FigureSource:
    """The three functions of a figure's file."""

    data: Callable[[Inputs], pd.DataFrame]
    draw: Callable[[pd.DataFrame], Figure]
    caption: Callable[[pd.DataFrame], str]


def load_source(name: str) -> FigureSource:
    """Import a figure's file; raise ConfigError with the nearest names when there is none."""
    module = cast(Any, importlib.import_module(f"actbench.show.figures.{declaration(name).name}"))
    return FigureSource(module.data, module.draw, module.caption)


def write_figure(
    name: str, config: Config, results: Path = RESULTS, figures: Path = FIGURES, width: str | None = None
) -> list[Path]:
    """Write figures/<config>/<figure>.{csv,md,pdf,svg,png} from results/<config>; return the paths.

    The figure is drawn from the CSV file as it was written, so that the file holds exactly the numbers drawn, and for
    a page of the given width, `single`, `double` or `slide`, else of the config's.
    """
    declared, source = declaration(name), load_source(name)
    numbers = source.data(read_inputs(config, declared.tables, declared.stats, results))
    paths = [figures / config.name / f"{name}.{suffix}" for suffix in SUFFIXES]
    with replacing(*paths, rename=made_from(table_path(config.name, "runs", results))) as partial:
        files = dict(zip(SUFFIXES, partial, strict=True))
        numbers.to_csv(files["csv"], index=False, lineterminator="\n")
        drawn = parse_csv(files["csv"])
        files["md"].write_text(describe(declared, source, drawn) + "\n", encoding="utf-8", newline="\n")
        origin = figure_origin(name, config, results, files["csv"].read_bytes())
        said = metadata_of(origin, declared.title, declared.question)
        for suffix, content in render(source, drawn, said, width or config.figure_width).items():
            files[suffix].write_bytes(content)
    return paths


def describe(declared: Declaration, source: FigureSource, drawn: pd.DataFrame) -> str:
    """Return the caption, or the sentence that takes its place when there is nothing to draw."""
    return source.caption(drawn) if len(drawn) else f"{declared.question} There are {NOTHING}."


def render(
    source: FigureSource, drawn: pd.DataFrame, metadata: Metadata = BLANK, width: str = "double"
) -> dict[str, bytes]:
    """Draw the numbers and return the bytes of each format with its metadata."""
    with mpl.rc_context():
        mpl.rcdefaults()  # a matplotlibrc of the user's changes nothing
        mpl.rcParams.update(cast(Any, SETTINGS | page_settings(width)))
        figure = source.draw(drawn) if len(drawn) else sentence_figure()
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # one layout for all formats, solved once
        return {suffix: _save(figure, suffix, said) for suffix, said in metadata.items()}


def _save(figure: Figure, suffix: str, metadata: dict[str, Any]) -> bytes:
    """Return the bytes of a format: those of `figure.savefig`, which draws everything once more, for the layout."""
    buffer = io.BytesIO()
    figure.set_dpi(mpl.rcParams["savefig.dpi"])  # the format before this one may have changed it
    getattr(CANVASES[suffix](figure), f"print_{suffix}")(buffer, metadata=metadata)
    return buffer.getvalue()
