"""actbench.plan.sources: which files stand behind a step, read from the imports."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import source_tree
from actbench.plan import sources as module
from actbench.plan.sources import (
    FIGURES,
    PACKAGE,
    figure_names,
    figure_needs,
    imports,
    layer_statistic_names,
    page_files,
    sources,
    statistic_names,
)
from source_tree import FILES


def names(files: list[Path]) -> set[str]:
    """Spell files as seen from the package."""
    return {file.relative_to(PACKAGE).as_posix() for file in files}


def test_imports_are_followed() -> None:
    """A step's files are its module and all that it imports, at the top or inside functions."""
    found = names(sources("actbench.shell.check"))
    assert {"shell/check.py", "plan/config.py", "plan/strict_yaml.py", "plan/shards.py"} <= found
    assert not any(name.startswith(("training/", "levels/", "show/")) for name in found)


def test_a_module_of_others_has_no_files() -> None:
    """Only this package is followed."""
    assert sources("json.decoder") == []
    assert sources("actbench.nothing") == []


@pytest.mark.parametrize("verb", ["tables", "stats", "figure", "report", "manifest"])
def test_nothing_that_is_loaded_is_missed(verb: str) -> None:
    """Every file of the package that importing a step loads is among its files."""
    code = f"import sys, actbench.shell.{verb}\n"
    code += "print(*(m.__file__ for n, m in sys.modules.items() if n.startswith('actbench.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = names([Path(file) for file in done.stdout.split() if not file.endswith("__init__.py")])
    assert f"shell/{verb}.py" in loaded
    assert loaded <= names(sources(f"actbench.shell.{verb}"))


def test_imports_found_by_line_are_those_of_the_tree() -> None:
    """Of no file is an import missed, and none of this package made up from a file's text."""
    for file in FILES:
        found, wanted = set(imports(file.read_text(encoding="utf-8"))), source_tree.imports(file)
        assert wanted <= found, file
        assert not any(name.startswith(PACKAGE.name) for name in found - wanted), file


IMPORTS = """
import actbench.a, actbench.b as bee  # import no, comment
from actbench.c import (
    d,  # from actbench.no import comment
    e as f, g,
)
def late():
    from actbench.h import i, j as k
"""


def test_every_form_of_import_is_found(tmp_path: Path) -> None:
    """Modules, names, other names, several lines, comments and imports within functions."""
    (tmp_path / "file.py").write_text(IMPORTS)
    assert set(imports(IMPORTS)) == source_tree.imports(tmp_path / "file.py")
    assert {"actbench.b", "actbench.c.e", "actbench.h.j"} <= set(imports(IMPORTS))


def test_steps_from_the_tables_on_do_not_see_training() -> None:
    """Editing the training code redraws and recomputes nothing from the tables on."""
    for verb in ("tables", "stats", "figure", "report", "manifest"):
        found = names(sources(f"actbench.shell.{verb}"))
        assert not any(name.startswith("training/") for name in found), verb


def test_figures_declare_what_they_read() -> None:
    """What is read from a figure's text is what its module holds."""
    assert figure_names()
    for name in figure_names():
        figure = importlib.import_module(f"actbench.show.figures.{name}")
        assert figure_needs(name, "TABLES") == getattr(figure, "TABLES", ("runs",))
        assert figure_needs(name, "STATS") == getattr(figure, "STATS", ())


@pytest.mark.parametrize("name", figure_names())
def test_a_figure_stands_on_no_other_figure(name: str) -> None:
    """An edit of one figure's file redraws that figure only."""
    behind = {file.stem for file in sources(f"actbench.show.figures.{name}") if file.parent == FIGURES}
    assert behind - {"__init__"} == {name}


def test_figures_are_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is a figure unless its name begins with an underscore; without literals it reads the runs."""
    (tmp_path / "curve.py").write_text("STATS: tuple[str, ...] = ('ranking',)\n")
    (tmp_path / "_axes.py").write_text("")
    monkeypatch.setattr(module, "FIGURES", tmp_path)
    assert figure_names() == ["curve"]
    assert figure_needs("curve", "TABLES") == ("runs",)
    assert figure_needs("curve", "STATS") == ("ranking",)


def test_statistics_are_those_of_the_schema() -> None:
    """What is read from the schema's text is what the module holds."""
    schema = importlib.import_module("actbench.analysis.stats_schema")
    assert statistic_names() == list(schema.STATS)
    assert layer_statistic_names() == list(schema.OF_LAYERS)
    assert set(layer_statistic_names()) < set(statistic_names())


def test_the_page_is_made_of_all_that_is_no_python() -> None:
    """The template, styles and scripts of the report page are the other files of its package."""
    others = {file for file in (PACKAGE / "show").iterdir() if file.is_file() and file.suffix != ".py"}
    assert set(page_files()) == others
    assert {"report.html.j2", "report.css", "explorer.js"} <= {file.name for file in page_files()}
