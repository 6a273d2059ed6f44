"""What the page embeds: packed statistics, JSON that no text can break out of, colours for dark pages."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from actbench.plan.atomic_file import write_text
from actbench.plan.checksums import checksum_path
from actbench.plan.config import load_config
from actbench.show import explorer, inputs
from actbench.show.explorer import DARK_PAPER, contrast, embed, explorer_data, on_dark
from actbench.show.style import LOOKS
from drawn import draw_from


@pytest.fixture(scope="module")
def config_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make results."""
    return draw_from(tmp_path_factory.mktemp("explorer"))


def test_every_number_of_the_statistics_is_packed(config_path: Path) -> None:
    """Unpacking gives the rows of the three files again."""
    config, stats = load_config(config_path), config_path.parent / "results" / "drawn" / "stats"
    packed = explorer_data(config, stats)
    (study,) = packed["studies"]
    runs, curves, layers = (pd.read_csv(stats / f"{name}.csv") for name in explorer.STATS)
    assert study["runs"]["score"] == runs["score"].tolist()
    for row in runs.itertuples():
        for factor in ("activation", "depth", "init", "lr"):
            assert study["factors"][factor][study["cells"][factor][row.cell]] == getattr(row, factor)
        assert study["chosen"][row.cell] == row.chosen
    for row in curves.itertuples():
        steps = study["curves"]["steps"][study["curves"]["schedule"][row.cell]]
        assert study["curves"][row.split][row.cell][steps.index(row.step)] == row.accuracy
    for row in layers.itertuples():
        values = study["layers"][row.moment]["gradient_norm"][row.cell]
        assert values[row.layer - 1] == row.gradient_norm
    assert "backward_norm" not in study["layers"]["start"]
    assert study["fixed"]["norm"] == "none"
    assert packed["note"] == ""


def test_a_number_out_of_range_is_left_out(config_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A spread that left the range of float32 is null on the page: JSON has no infinity."""
    config, stats = load_config(config_path), config_path.parent / "results" / "drawn" / "stats"
    overflown = explorer.read_csv(stats / "explorer_layers.csv").assign(gradient_norm=float("inf"))
    monkeypatch.setattr(explorer, "iterate_csv", lambda path: iter([overflown]))
    packed = explorer_data(config, stats)
    embed(packed)
    assert {value for values in packed["studies"][0]["layers"]["start"]["gradient_norm"] for value in values} == {None}


def test_a_grid_without_predictions_has_none(config_path: Path, tmp_path: Path) -> None:
    """Where theory predicts nothing, as with a bias offset, its file has no rows, and the page none of it."""
    config, stats = load_config(config_path), config_path.parent / "results" / "drawn" / "stats"
    bare = shutil.copytree(stats, tmp_path / "stats")
    write_text(bare / "theory.csv", (stats / "theory.csv").read_text().splitlines()[0] + "\n")
    checksum_path(bare / "theory.csv").unlink(missing_ok=True)
    packed = explorer_data(config, bare)
    assert packed["predictions"] == []
    assert set(packed["studies"][0]["prediction"]) == {None}


def test_a_large_grid_leaves_profiles_out_and_says_so(config_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit the profiles at the chosen rates stay, then none; a sentence says which."""
    config, stats = load_config(config_path), config_path.parent / "results" / "drawn" / "stats"
    rows = len(pd.read_csv(stats / "explorer_layers.csv"))
    for limit, words, kept in ((rows - 1, "at the learning rates chosen", True), (1, "too many for a page", False)):
        monkeypatch.setattr(explorer, "MOST_PROFILE_ROWS", limit)
        packed = explorer_data(config, stats)
        assert words in packed["note"]
        (study,) = packed["studies"]
        profiles = study["layers"]["start"].get("gradient_norm", [None] * len(study["chosen"]))
        assert [values is not None for values in profiles] == [bool(chosen and kept) for chosen in study["chosen"]]


def test_profiles_read_a_few_at_a_time_are_the_same(config_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether all rows fit the page, those at the chosen rates or none, parts of seven rows give what one gives."""
    config, stats = load_config(config_path), config_path.parent / "results" / "drawn" / "stats"
    rows, notes = len(pd.read_csv(stats / "explorer_layers.csv")), set()
    for limit in (rows, rows - 1, 1):
        monkeypatch.setattr(explorer, "MOST_PROFILE_ROWS", limit)
        monkeypatch.setattr(inputs, "ROWS_AT_ONCE", rows)
        whole = explorer_data(config, stats)
        monkeypatch.setattr(inputs, "ROWS_AT_ONCE", 7)
        assert explorer_data(config, stats) == whole
        notes.add(whole["note"])
    assert len(notes) == 3


def test_embedded_json_cannot_end_its_element() -> None:
    """Whatever a text holds, no markup stands in the JSON, and it is read back as it was."""
    nasty = {"a": "</script><script>alert(1)</script>", "b": "<!-- \u2028 & ]]>", "c": ["é", 1.5, None]}
    text = embed(nasty)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == nasty
    with pytest.raises(ValueError, match="not JSON compliant"):
        embed(float("nan"))


@pytest.mark.parametrize("name", LOOKS)
def test_colours_can_be_read_on_a_dark_page(name: str) -> None:
    """Every colour is lightened to a contrast of 4.5 and no more than needed."""
    dark = on_dark(LOOKS[name].colour)
    assert 4.5 <= contrast(dark, DARK_PAPER) < 5 or dark == LOOKS[name].colour


def test_contrast_is_that_of_the_guidelines() -> None:
    """Black on white is 21 to 1, #767676 on white 4.54 to 1 (WCAG 2.1)."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
