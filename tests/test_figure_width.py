"""One setting, in the config or on the command line, lays figures out for a column, a journal's text or a slide."""

import re
from pathlib import Path

import pytest
from PIL import Image

from actbench.plan.config import WIDTHS, load_config
from actbench.plan.errors import ConfigError
from actbench.shell.cli import main
from actbench.show.page import PAGES
from drawn import draw_from

NAME = "accuracy_by_depth"
DOTS = 300 / 25.4  # in a millimetre


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make results of ten activations, whose panels fill every page."""
    folder = tmp_path_factory.mktemp("widths")
    names = ("identity", "sigmoid", "tanh", "relu", "leaky_relu", "prelu", "elu", "selu", "gelu", "silu")
    draw_from(folder, activation=names, lr=(0.1,))
    return folder


def draw(folder: Path, *words: str, config: str = "drawn.yaml") -> dict[str, bytes]:
    """Draw one figure by the verb and return the content of its files by suffix."""
    places = ["--results", str(folder / "results"), "--figures", str(folder / "figures")]
    assert main(["figure", str(folder / config), NAME, *places, *words]) == 0
    return {path.suffix[1:]: path.read_bytes() for path in (folder / "figures" / "drawn").glob(f"{NAME}.*")}


def width_mm(folder: Path) -> float:
    """Return the width of the PNG file, which has 300 dots per inch."""
    with Image.open(folder / "figures" / "drawn" / f"{NAME}.png") as image:
        return image.width / DOTS


def test_every_width_has_its_page() -> None:
    """The words that a config may say are those that have a page."""
    assert set(PAGES) == set(WIDTHS)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_figure_fills_the_page_that_is_asked_for(folder: Path, width: str) -> None:
    """--width decides the size alone: the numbers drawn and the caption stay what they are."""
    usual, asked = draw(folder), draw(folder, "--width", width)
    assert width_mm(folder) == pytest.approx(PAGES[width].width_mm, abs=0.1)
    assert (asked["csv"], asked["md"]) == (usual["csv"], usual["md"])
    assert (asked["png"] == usual["png"]) is (width == "double")


@pytest.mark.parametrize("width", WIDTHS)
def test_the_pdf_has_the_width_in_points(folder: Path, width: str) -> None:
    """The page of the PDF file and the canvas of the SVG file are as wide as asked for, at 72 points an inch."""
    content = draw(folder, "--width", width)
    points = PAGES[width].width_mm / 25.4 * 72
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) [\d.]+ \]", content["pdf"])
    canvas = re.search(rb'<svg[^>]* width="([\d.]+)pt"', content["svg"])
    assert box
    assert canvas
    assert float(box[1]) == pytest.approx(points, abs=0.01)
    assert float(canvas[1]) == pytest.approx(points, abs=0.01)


def test_the_config_decides_where_the_command_line_says_nothing(folder: Path) -> None:
    """`figure_width` in a config changes no result, so that the same tables are read, and is overruled by --width."""
    config = folder / "narrow.yaml"
    config.write_text((folder / "drawn.yaml").read_text() + "figure_width: single\n")
    by_config = draw(folder, config=config.name)
    assert width_mm(folder) == pytest.approx(85, abs=0.1)
    assert by_config == draw(folder, "--width", "single")
    draw(folder, "--width", "double", config=config.name)
    assert width_mm(folder) == pytest.approx(175, abs=0.1)


def test_an_unknown_width_is_refused(folder: Path) -> None:
    """A misspelt width is answered with the nearest one."""
    config = folder / "misspelt.yaml"
    config.write_text((folder / "drawn.yaml").read_text() + "figure_width: slides\n")
    with pytest.raises(ConfigError, match=r"figure_width: unknown 'slides'; did you mean slide"):
        load_config(config)
