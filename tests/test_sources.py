"""What stands behind a step of the workflow."""

import pytest

from actbench.plan.sources import FIGURES, figure_names, sources


@pytest.mark.parametrize("name", figure_names())
def test_a_figure_stands_on_no_other_figure(name: str) -> None:
    """An edit of one figure's file redraws that figure only."""
    behind = sources(f"actbench.show.figures.{name}")
    assert [file for file in behind if file.parent == FIGURES and not file.stem.startswith("_")] == [
        FIGURES / f"{name}.py"
    ]
