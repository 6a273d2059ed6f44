"""results/README.md is what the schemas say."""

from pathlib import Path

from actbench.analysis.dictionary import results_readme
from actbench.analysis.intervals import RESAMPLES
from actbench.analysis.metrics import METRICS
from actbench.analysis.stats_schema import STATS
from actbench.plan.registry import declared_text, known_levels
from actbench.plan.schema import TABLES


def test_the_file_is_in_step_with_the_schemas(project_root: Path) -> None:
    """results/README.md is the generated text; `python -m actbench.analysis.dictionary` makes it so."""
    assert (project_root / "results" / "README.md").read_text(encoding="utf-8") == results_readme()


def test_every_column_and_metric_is_explained() -> None:
    """Each column stands in the section of its table, with its meaning."""
    sections = {part.split("\n")[0].strip("` "): part for part in results_readme().split("\n## ")}
    files = {f"tables/{name}.parquet": columns for name, columns in TABLES.items()}
    files |= {f"stats/{name}.csv": columns for name, columns in STATS.items()}
    for file, columns in files.items():
        for column in columns:
            assert column.meaning, column
            assert f"| `{column.name}` | {column.dtype}" in sections[file]
            assert column.meaning.replace("|", "\\|") in sections[file]
    assert all(f"| `{name}` |" in sections["Metrics"] for name in METRICS)


def test_every_diagnostic_is_explained() -> None:
    """Each diagnostic has its row, with formula and meaning."""
    (section,) = (part for part in results_readme().split("\n## ") if part.startswith("Diagnostics"))
    for name in known_levels("diagnostic"):
        (row,) = (line for line in section.split("\n") if line.startswith(f"| `{name}` |"))
        assert declared_text("diagnostic", name, "meaning").replace("|", "\\|") in row


def test_the_methods_state_the_number_of_draws() -> None:
    """The text and the code agree on the bootstrap."""
    assert f"{RESAMPLES:,} draws" in results_readme()
