"""Each file of a figure says which config, commit and numbers it came from, and nothing of the place or the day."""

import hashlib
import html
import re
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from actbench.analysis.fingerprint import config_digest
from actbench.analysis.tables import table_path
from actbench.plan.config import load_config
from actbench.plan.errors import ConfigError
from actbench.plan.numerics import NUMERICS
from actbench.show.contract import declaration
from actbench.show.figure_file import write_figure
from actbench.show.figure_metadata import FigureOrigin, metadata_of
from drawn import draw_from

NAME = "activation_ranking"


@pytest.fixture(scope="module")
def config_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make results."""
    return draw_from(tmp_path_factory.mktemp("metadata"))


@pytest.fixture(scope="module")
def files(config_path: Path) -> dict[str, Path]:
    """Draw one figure."""
    paths = write_figure(NAME, load_config(config_path), config_path.parent / "results", config_path.parent / "figures")
    return {path.suffix[1:]: path for path in paths}


def expected(config_path: Path, files: dict[str, Path]) -> str:
    """Write the origin from the raw table, the config and the file of numbers."""
    config = load_config(config_path)
    runs = pd.read_parquet(table_path(config.name, "runs", config_path.parent / "results"))
    (version,), (commit,) = runs["version"].unique(), runs["commit"].unique()
    digest = hashlib.sha256(files["csv"].read_bytes()).hexdigest()
    return (
        f"figure={NAME}; numerics={NUMERICS}; version={version}; commit={commit}; config=drawn;"
        f" config_sha256={config_digest(config)}; data_sha256={digest}"
    )


def test_the_pdf_says_where_it_came_from(config_path: Path, files: dict[str, Path]) -> None:
    """Title, author, subject and keywords stand in the document's information."""
    found = dict(re.findall(rb"/(Title|Author|Subject|Keywords) \((.*?)\)", files["pdf"].read_bytes()))
    assert found[b"Keywords"].decode() == expected(config_path, files)
    assert found[b"Title"].decode() == declaration(NAME).title
    assert found[b"Subject"].decode() == declaration(NAME).question
    assert found[b"Author"].startswith(b"actbench ")


def test_the_svg_says_where_it_came_from(config_path: Path, files: dict[str, Path]) -> None:
    """The same stands in Dublin Core."""
    text = files["svg"].read_text(encoding="utf-8")
    said = re.findall(r"<dc:(\w+)>\s*(?:<cc:Agent>\s*<dc:title>)?([^<]+)<", text)
    found = {name: html.unescape(words) for name, words in said}
    assert found["source"] == expected(config_path, files)
    assert (found["title"], found["description"]) == (declaration(NAME).title, declaration(NAME).question)
    assert found["creator"].startswith("actbench ")


def test_the_png_says_where_it_came_from(config_path: Path, files: dict[str, Path]) -> None:
    """The same stands in text chunks, beside 300 dots per inch."""
    with Image.open(files["png"]) as image:
        found = dict(image.info)
    assert found["Source"] == expected(config_path, files)
    assert (found["Title"], found["Description"]) == (declaration(NAME).title, declaration(NAME).question)
    assert found["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_another_tree_draws_the_same(
    config_path: Path, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit is that of the results: a checkout at another version gives the same bytes."""
    monkeypatch.setattr("actbench.__version__", "99.0")
    folder = config_path.parent
    again = write_figure(NAME, load_config(config_path), folder / "results", folder / "again")
    assert [path.read_bytes() for path in again] == [files[path.suffix[1:]].read_bytes() for path in again]


def test_results_of_another_config_are_not_signed(config_path: Path, tmp_path: Path) -> None:
    """Runs that were made from other levels are refused: the figure would name the wrong config."""
    other = tmp_path / "other.yaml"
    other.write_text(config_path.read_text().replace("depth: [2, 8]", "depth: [2, 4]"))
    with pytest.raises(ConfigError, match="made from another config"):
        write_figure(NAME, load_config(other), config_path.parent / "results", tmp_path)


def test_results_of_an_older_version_can_be_drawn(
    config_path: Path, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later NUMERICS changes nothing in the figures of an archive: they name the one of their runs."""
    monkeypatch.setattr("actbench.analysis.fingerprint.NUMERICS", NUMERICS + 1)
    folder = config_path.parent
    again = write_figure(NAME, load_config(config_path), folder / "results", folder / "later")
    assert [path.read_bytes() for path in again] == [files[path.suffix[1:]].read_bytes() for path in again]


def test_no_format_has_a_date() -> None:
    """Whatever a library would add by itself, a date or its own version, is switched off."""
    said = metadata_of(FigureOrigin("f", "1", "1", "c", "n", "0", "1"), "title", "question?")
    assert {said["pdf"][key] for key in ("CreationDate", "Creator", "Producer")} == {None}
    assert said["svg"]["Date"] is None
    assert said["png"]["Software"] is None
