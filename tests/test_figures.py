"""Figures: what each declares, that it draws exactly its numbers, and that all of it can be read."""

import io
import itertools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.axis import Axis
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator
from matplotlib.transforms import Bbox

from actbench.analysis.stats_schema import STATS
from actbench.plan.config import load_config
from actbench.plan.errors import ConfigError
from actbench.plan.ledger import RULES
from actbench.plan.registry import known_levels
from actbench.plan.schema import TABLES
from actbench.show.contract import declaration, declarations
from actbench.show.figure_file import SUFFIXES, load_source, render, write_figure
from actbench.show.figure_metadata import BLANK, figure_origin, metadata_of
from actbench.show.inputs import Inputs, read_csv
from actbench.show.layer_lines import LOWEST
from actbench.show.page import PAGES, page_settings
from actbench.show.panels import NOTHING
from actbench.show.study import main_study, plainest
from actbench.show.style import MM, SETTINGS, SINGLE_MM
from drawn import draw_from, inputs_of
from marks import cut_marks

NAMES = list(declarations())
# which need several levels
COMPARING = {
    "early_warning",
    "critical_difference",
    "win_tie_loss",
    "factor_importance",
    "interaction_grid",
    "claim_forest",
}
TESTED = re.compile(r"no test\b|tests? (of \w+ )?in |too few blocks for a test", re.IGNORECASE)
DRAWN_FOR_FIGURES = {"activations", "boundaries", "claim_tests", "depth_scales", "probe", "theory"}


@pytest.fixture(scope="module")
def config_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make results of three activations."""
    return draw_from(tmp_path_factory.mktemp("few"))


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make results of two activations with nine initialisations and depths to 64."""
    return draw_from(
        tmp_path_factory.mktemp("deep"),
        activation=("relu", "leaky_relu(0.2)"),
        depth=(2, 4, 8, 16, 32, 64),
        init=(*(name for name in known_levels("init") if name != "normal"), "normal(0.05)"),
        lr=(0.02,),
        seed=(0,),
    )


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make results of every registered activation, four depths and long names."""
    return draw_from(
        tmp_path_factory.mktemp("many"),
        activation=tuple(known_levels("activation")),
        depth=(2, 4, 8, 16),
        init=("he_normal", "variance_preserving", "xavier_normal"),
        lr=(0.02,),
        seed=(0, 1),
    )


def numbers(name: str, path: Path) -> pd.DataFrame:
    """Return the numbers of one figure."""
    declared = declaration(name)
    return load_source(name).data(inputs_of(path, declared.tables, declared.stats))


def drawing(name: str, data: pd.DataFrame, width: str = "double") -> Figure:
    """Draw one figure in the project's style for a page of some width."""
    with mpl.rc_context(cast(Any, SETTINGS | page_settings(width))):
        figure = load_source(name).draw(data)
        figure.draw_without_rendering()
        return figure


def test_all_figures_are_there() -> None:
    """The report shows the seven first figures, each with its own place."""
    assert set(NAMES) >= {
        "activation_functions", "learning_curves", "accuracy_by_depth", "gradient_by_layer", "trainable_share",
        "decision_boundaries", "activation_ranking",
    }  # fmt: skip
    assert len({declared.order for declared in declarations().values()}) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_declares_a_question_and_known_inputs(name: str) -> None:
    """A figure asks a question and reads tables and statistics that exist."""
    declared = declaration(name)
    assert declared.question.endswith("?")
    assert set(declared.tables) <= set(TABLES)
    assert set(declared.stats) <= set(STATS) | DRAWN_FOR_FIGURES


def test_an_unknown_figure_is_refused_with_the_nearest_names() -> None:
    """A misspelt name is answered in one line with what was probably meant."""
    with pytest.raises(ConfigError, match=r"unknown figure 'learning_curve'; did you mean learning_curves") as raised:
        load_source("learning_curve")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", NAMES)
def test_the_files_of_a_figure(name: str, config_path: Path, tmp_path: Path) -> None:
    """Three formats, the numbers and the caption are written; the CSV file alone gives the same bytes again."""
    config, results = load_config(config_path), config_path.parent / "results"
    paths = write_figure(name, config, results, tmp_path)
    names = sorted(path.name for path in (tmp_path / "drawn").glob("[!.]*"))
    assert names == sorted(f"{name}.{end}" for end in SUFFIXES)
    content = {path.suffix: path.read_bytes() for path in paths}
    assert content[".pdf"].startswith(b"%PDF")
    assert content[".png"].startswith(b"\x89PNG")
    assert b"<svg" in content[".svg"]
    assert b"CreationDate" not in content[".pdf"]
    assert b"<dc:date>" not in content[".svg"]
    expected = numbers(name, config_path).to_csv(index=False, lineterminator="\n").encode()
    assert content[".csv"] == expected
    declared, origin = declaration(name), figure_origin(name, config, results, content[".csv"])
    said = metadata_of(origin, declared.title, declared.question)
    again = render(load_source(name), read_csv(tmp_path / "drawn" / f"{name}.csv"), said)
    assert {end: content[f".{end}"] for end in again} == again


@pytest.mark.parametrize("name", ["accuracy_by_depth", "interaction_grid"])
def test_the_bytes_are_those_of_savefig(name: str, config_path: Path) -> None:
    """Each format, whichever was written before it, is what matplotlib saves of the same drawing."""
    data = numbers(name, config_path)
    with mpl.rc_context(cast(Any, SETTINGS | page_settings("double"))):
        figure = load_source(name).draw(data)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        for suffix, content in render(load_source(name), data).items():
            figure.savefig(saved := io.BytesIO(), format=suffix, metadata=cast(Any, BLANK[suffix]))
            assert content == saved.getvalue(), suffix


def test_another_process_gives_the_same_bytes(config_path: Path, tmp_path: Path) -> None:
    """A new process with another hash seed, another home and a matplotlibrc of its own writes the same files."""
    results = config_path.parent / "results"
    here = write_figure("accuracy_by_depth", load_config(config_path), results, tmp_path / "here")
    (tmp_path / "matplotlibrc").write_text("font.size: 20\nlines.linewidth: 9\naxes.facecolor: red\n")
    code = "import sys; from pathlib import Path; from actbench.plan.config import load_config as load\n"
    code += "from actbench.show.figure_file import write_figure as write\n"
    code += "write('accuracy_by_depth', load(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))"
    source = Path(sys.modules["actbench"].__file__ or "").parent.parent
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(source), "MATPLOTLIBRC": str(tmp_path)}
    words = [sys.executable, "-c", code, str(config_path), str(results), str(tmp_path / "there")]
    subprocess.run(words, check=True, env=environment)
    for path in here:
        assert (tmp_path / "there" / "drawn" / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.parametrize("name", NAMES)
def test_nothing_to_draw_is_said_in_words(name: str, config_path: Path, tmp_path: Path) -> None:
    """Statistics without rows give a figure that holds a sentence, and the caption says the same."""
    results = tmp_path / "results"
    source = config_path.parent / "results" / "drawn" / "stats"
    for statistic in declaration(name).stats:
        header = (source / f"{statistic}.csv").read_text().splitlines()[0]
        target = results / "drawn" / "stats" / f"{statistic}.csv"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(header + "\n")
    shutil.copytree(source.parent / "tables", results / "drawn" / "tables")
    paths = {path.suffix: path for path in write_figure(name, load_config(config_path), results, tmp_path)}
    assert NOTHING in paths[".md"].read_text()
    assert len(read_csv(paths[".csv"])) == 0
    assert paths[".png"].stat().st_size > 1000


def test_a_missing_statistic_is_refused(config_path: Path, tmp_path: Path) -> None:
    """Without its statistics a figure is refused in one line that names the file and the remedy."""
    with pytest.raises(ConfigError, match=r"ranking.csv: no such file; run snakemake"):
        write_figure("activation_ranking", load_config(config_path), tmp_path, tmp_path / "figures")


@pytest.mark.parametrize(
    ("fixture", "width"),
    [
        ("config_path", "double"),
        ("crowded", "single"),
        ("crowded", "double"),
        ("crowded", "slide"),
        ("deep", "single"),
        ("deep", "double"),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_everything_fits_and_can_be_read(name: str, fixture: str, width: str, request: pytest.FixtureRequest) -> None:
    """Few or many panels, levels and layers: no text or marker is cut off, no text hits another, all fits its page."""
    figure, whole = drawing(name, numbers(name, request.getfixturevalue(fixture)), width), PAGES[width]
    columns = {SINGLE_MM, whole.width_mm} if width == "double" else {whole.width_mm}
    assert round(figure.get_figwidth() / MM, 2) in columns
    assert figure.get_figheight() / MM <= whole.height_mm + 0.01
    boxes = [(word, box.padded(-1)) for word, box in words_in(figure)]
    assert words_off_page(figure) == []
    overlapping = [
        (word, other)
        for place, (word, box) in enumerate(boxes)
        for other, beside in boxes[place + 1 :]
        if box.overlaps(beside)
    ]
    assert overlapping == []
    assert cut_marks(figure) == []


def words_in(figure: Figure) -> list[tuple[str, Bbox]]:
    """Return every text that is drawn, with its box."""
    hidden = out_of_view(figure)
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text) and id(text) not in hidden]
    return [(text.get_text(), text.get_window_extent()) for text in texts if text.get_visible() and text.get_text()]


def words_off_page(figure: Figure) -> list[str]:
    """Return the texts that the edge of the page cuts."""
    page = figure.bbox.padded(0.5)
    return [
        word
        for word, box in words_in(figure)
        if not (page.x0 <= box.x0 <= box.x1 <= page.x1 and page.y0 <= box.y0 <= box.y1 <= page.y1)
    ]


def out_of_view(figure: Figure) -> set[int]:
    """Return the tick labels that are not drawn because their tick lies outside the axis or the panel is unused."""
    found = set()
    for panel in figure.axes:
        for axis in (panel.xaxis, panel.yaxis):
            low, high = sorted(axis.get_view_interval())
            slack = 1e-9 * (high - low)
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                if not panel.axison or not low - slack <= tick.get_loc() <= high + slack:
                    found |= {id(tick.label1), id(tick.label2)}
    return found


def test_a_test_of_any_rule_can_be_drawn(config_path: Path) -> None:
    """Whatever the rule of a claim, its row in the forest says where the claim places the effect."""
    data = numbers("claim_forest", config_path)
    for rule in RULES:
        axis = drawing("claim_forest", data.assign(rule=rule, direction="not higher")).axes[0]
        places = {label.get_text().rsplit("(")[-1] for label in axis.get_yticklabels()}
        assert places == {"±1)" if rule == "equivalence" else "< 1)"}


@pytest.mark.parametrize("width", PAGES)
def test_a_forest_of_sixty_tests_fits_every_page(width: str, config_path: Path) -> None:
    """However many claims a ledger has, the forest is no higher than its page and each label names its test."""
    row = numbers("claim_forest", config_path).iloc[:1].assign(id="a-claim-with-a-long-name")
    data = pd.concat([row.assign(test=f"test {place} of many") for place in range(60)], ignore_index=True)
    figure = drawing("claim_forest", data, width)
    labels = [label for axis in figure.axes for label in axis.get_yticklabels()]
    heights = [label.get_window_extent() for label in labels]
    assert figure.get_figheight() / MM <= PAGES[width].height_mm + 0.01
    assert len({label.get_text() for label in labels}) == 60
    assert words_off_page(figure) == []
    assert not any(one.overlaps(other) for one, other in itertools.pairwise(heights))


def test_interactions_can_be_read_in_grey(config_path: Path) -> None:
    """Every cell below 0, and no other, has a dash: the two ends of the colours are one grey."""
    data = numbers("interaction_grid", config_path)
    dashes = drawing("interaction_grid", data).axes[0].lines
    assert 0 < len(dashes) == (data["interaction"] < 0).sum() < len(data)


def test_learning_rates_say_what_bars_and_pale_lines_are(config_path: Path) -> None:
    """The legend names both, and a bar is paler than a line before it."""
    figure = drawing("learning_rate_sensitivity", numbers("learning_rate_sensitivity", config_path))
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["share of conditions where the rate is best", "the other activations"]
    bar, line = figure.axes[0].patches[0].get_facecolor(), to_rgb(figure.axes[0].lines[0].get_color())
    assert bar[0] - line[0] > 0.2


def test_profiles_at_none_and_at_all_are_drawn_whole(config_path: Path) -> None:
    """Shares of 0 and 1 lie off the edges of the panel."""
    axis = drawing("performance_profiles", numbers("performance_profiles", config_path)).axes[0]
    low, high = axis.get_ylim()
    assert low < 0
    assert high > 1


@pytest.mark.parametrize("name", NAMES)
def test_axes_carry_units(name: str, config_path: Path) -> None:
    """Every axis label names its unit in brackets."""
    figure = drawing(name, numbers(name, config_path))
    whole = [label.get_text() for label in (figure._supxlabel, figure._supylabel) if label is not None]  # type: ignore[attr-defined]
    each = [label for axis in figure.axes for label in (axis.get_xlabel(), axis.get_ylabel()) if label]
    labels = [*whole, *each]
    assert labels
    assert all("(" in label for label in labels), labels


@pytest.mark.parametrize("name", NAMES)
def test_captions_say_what_stands_behind(name: str, config_path: Path) -> None:
    """A caption starts with the question and states runs, seeds, interval, test and unit, or that there are none."""
    caption = load_source(name).caption(numbers(name, config_path))
    assert caption.startswith(declaration(name).question)
    assert "nan" not in caption
    if "No runs" not in caption:
        assert "run" in caption
        assert "seed" in caption
        assert "interval" in caption or "lowest to the highest" in caption
        assert "fraction" in caption or "no unit" in caption
    assert TESTED.search(caption)


def test_drawn_points_are_the_numbers(config_path: Path) -> None:
    """The line of each activation goes through its rows of by_depth.csv, and the bars are its failure rates."""
    data = numbers("accuracy_by_depth", config_path)
    for axis in drawing("accuracy_by_depth", data).axes:
        rows = data[data["activation"] == axis.get_title()].sort_values("depth")
        assert list(axis.lines[-1].get_ydata()) == list(rows["score"])
        assert [patch.get_height() for patch in axis.patches] == list(rows["failure_rate"])  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "critical_difference"])
def test_nothing_is_drawn_that_is_not_in_the_numbers(name: str, config_path: Path) -> None:
    """Every point of a line and every bar lies at numbers of the CSV file, or beside the name of a level."""
    data = numbers(name, config_path)
    known = {f"{float(value):.9g}" for column in data.select_dtypes("number") for value in data[column].dropna()}
    if name == "gradient_by_layer":
        known |= {f"{LOWEST:.9g}"}
    for panel in drawing(name, data).axes:
        for line in panel.lines:
            if line.get_transform() == panel.transData:
                x, y = line.get_data()
                assert loose(x, panel.xaxis, known) == loose(y, panel.yaxis, known) == set(), line.get_label()
        bars = [bar for bar in panel.patches if isinstance(bar, Rectangle)]
        lengths = [bar.get_height() if bar.get_y() == 0 else bar.get_width() for bar in bars]
        assert {f"{length:.9g}" for length in lengths} <= known


def loose(values: Any, axis: Axis, known: set[str]) -> set[str]:
    """Return the values that are no numbers of the file and stand beside no name along the axis."""
    ticks = list(axis.get_majorticklocs()) if isinstance(axis.get_major_locator(), FixedLocator) else []
    words = axis.get_major_formatter().format_ticks(ticks)
    named = [place for place, word in zip(ticks, words, strict=True) if word != f"{place:g}"]
    found = [float(v) for v in values if np.isfinite(v) and not any(abs(v - place) < 0.5 for place in named)]
    return {f"{v:.9g}" for v in found} - known


def test_failures_are_visible(config_path: Path) -> None:
    """Failed runs of the made-up results stand in the numbers of the figure by depth."""
    data = numbers("accuracy_by_depth", config_path)
    assert data["n_runs"].sum() == 36
    assert data["failure_rate"].between(0, 1).all()


def test_one_level_of_everything_is_enough(tmp_path: Path) -> None:
    """One activation, depth, init and seed can be drawn too, where one is enough for the question."""
    path = draw_from(tmp_path, activation=("relu",), depth=(1,), init=("he_normal",), lr=(0.02,), seed=(0,))
    for name in NAMES:
        shown = numbers(name, path)
        assert drawing(name, shown).axes if len(shown) else name in COMPARING, name


def test_the_main_study_is_the_largest() -> None:
    """A figure draws the study with the most runs that has rows; the first in the config if two are equal."""
    studies = pd.DataFrame({"study": ["small", "first", "second", "absent"], "n_runs": [1, 5, 5, 9]})
    rows = pd.DataFrame({"study": ["small", "second", "first"], "value": [1, 2, 3]})
    assert list(main_study(studies, rows)["value"]) == [3]
    assert main_study(studies, rows.iloc[:0]).empty


def test_plain_networks_are_preferred() -> None:
    """Level none is drawn where the study has it, and otherwise the first level by name."""
    assert list(plainest(pd.DataFrame({"norm": ["batchnorm", "none"]}), "norm")["norm"]) == ["none"]
    assert list(plainest(pd.DataFrame({"norm": ["layernorm", "batchnorm"]}), "norm")["norm"]) == ["batchnorm"]


def test_norms_that_vanish_are_drawn_at_the_lowest(config_path: Path) -> None:
    """A gradient norm of exactly zero has no logarithm; it is drawn above the lower edge and stays 0 in the numbers."""
    data = numbers("gradient_by_layer", config_path)
    data[["gradient_norm", "low", "high", "theory"]] = 0.0
    figure = drawing("gradient_by_layer", data)
    assert figure.axes[0].get_ylim()[0] < LOWEST
    assert {float(y) for line in figure.axes[0].lines for y in line.get_ydata()} == {LOWEST}


def test_more_levels_than_colours_are_told_apart(config_path: Path) -> None:
    """Twenty initialisations, more than there are colours, are drawn, each with a colour and marker of its own."""
    data = numbers("gradient_by_layer", config_path)
    many = pd.concat([data[data["init"] == data["init"].iloc[0]].assign(init=f"normal({n / 100})") for n in range(20)])
    legend = drawing("gradient_by_layer", many).legends[0]
    strokes = {(line.get_color(), line.get_marker()) for line in legend.get_lines() if line.get_marker() != "None"}
    assert len(strokes) == 20


def test_theory_is_dotted_through_the_last_hidden_layer(config_path: Path) -> None:
    """Each initialisation has a dotted line at the start, and none where theory has no prediction."""
    data = numbers("gradient_by_layer", config_path)
    dotted = [line for line in drawing("gradient_by_layer", data).axes[0].lines if line.get_linewidth() == 1.6]
    own = data[(data["activation"] == "sigmoid") & (data["moment"] == "start") & (data["layer"] == data["depth"])]
    assert sorted(line.get_ydata()[-1] for line in dotted) == pytest.approx(sorted(own["gradient_norm"]))
    first = data[(data["activation"] == "sigmoid") & (data["moment"] == "start") & (data["layer"] == 1)]
    shrunk = first.set_index("init")["weight_gradient"] / own.set_index("init")["weight_gradient"]
    drawn = [line.get_ydata()[0] / line.get_ydata()[-1] for line in dotted]
    assert sorted(drawn) == pytest.approx(sorted(shrunk))
    assert len(set(shrunk.round(6))) > 1
    lacking = data.assign(theory=data["theory"].where(data["activation"] != "sigmoid"))
    assert all(line.get_linewidth() != 1.6 for line in drawing("gradient_by_layer", lacking).axes[0].lines)
    assert "there is none for sigmoid" in load_source("gradient_by_layer").caption(lacking)


def test_drawing_needs_neither_torch_nor_scipy() -> None:
    """Importing every figure and the report brings no torch, scipy or statsmodels."""
    modules = ["actbench.show.report", *(f"actbench.show.figures.{name}" for name in NAMES)]
    code = f"import sys, {', '.join(modules)}; print({{'torch', 'scipy', 'statsmodels'}} & set(sys.modules))"
    source = Path(sys.modules["actbench"].__file__ or "").parent.parent
    answer = subprocess.run([sys.executable, "-c", code], cwd=source, check=True, capture_output=True, text=True)
    assert answer.stdout.strip() == "set()"


def test_inputs_hold_nothing_undeclared(config_path: Path) -> None:
    """A figure cannot read a table that it does not declare."""
    inputs = inputs_of(config_path, ("studies",), ("ranking",))
    assert isinstance(inputs, Inputs)
    assert (set(inputs.tables), set(inputs.stats)) == ({"studies"}, {"ranking"})
