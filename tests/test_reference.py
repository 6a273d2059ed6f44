"""actbench.plan.reference: config/README.md is made from the declarations."""

import subprocess
import sys
from pathlib import Path

from actbench.plan.config import KEYS, STUDY_KEYS
from actbench.plan.factors import FACTORS
from actbench.plan.reference import reference
from actbench.plan.registry import FILES, known_levels


def test_file_is_in_step(project_root: Path) -> None:
    """The file holds what the declarations say; `python -m actbench.plan.reference > config/README.md` writes it."""
    assert (project_root / "config" / "README.md").read_text(encoding="utf-8") == reference()


def test_module_prints_the_text() -> None:
    """Run as a program, the module prints the whole text."""
    done = subprocess.run([sys.executable, "-m", "actbench.plan.reference"], capture_output=True, check=True)
    assert done.stdout.decode() == reference()


def test_nothing_is_left_out() -> None:
    """Every key, factor and level has its row, with a meaning."""
    rows = [line.split(" | ") for line in reference().splitlines() if line.startswith("| `")]
    first = {row[0].strip("| `").split("(")[0] for row in rows}
    levels = {name for kind in ("dataset", "model", *(set(FILES) & set(FACTORS))) for name in known_levels(kind)}
    assert {*KEYS, *STUDY_KEYS, *FACTORS, *levels} <= first
    assert all(row[1].strip(" |") for row in rows)


def test_tables_are_whole() -> None:
    """Every row of a table has as many cells as its head, so no cell holds a bar."""
    widths = []
    for line in reference().splitlines():
        if not line.startswith("|"):
            widths.clear()
            continue
        widths.append(line.count("|"))
        assert widths[-1] == widths[0], line


def test_shipped_configs_are_listed(project_root: Path) -> None:
    """Every config file beside the text is named in it."""
    for file in (project_root / "config").glob("*.yaml"):
        assert f"`{file.name}`" in reference()
