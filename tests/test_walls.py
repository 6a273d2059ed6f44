"""The walls of the house: which package may import what, how long a file may be, and where a level may be named."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from actbench.plan.factors import FACTORS
from actbench.plan.registry import FILES as REGISTRIES
from actbench.plan.registry import FOLDERS, known_levels
from actbench.plan.schema import TABLES
from pace import slowness
from source_tree import FILES, ROOT, SRC, foreign, imports, reached_at_once, spelled, tree

# package -> (other packages of the library, packages from elsewhere) that it may import, at the top or inside.
WALLS: dict[str, tuple[set[str], set[str]]] = {
    "plan": (set(), {"yaml"}),
    "theory": ({"plan"}, {"numpy", "scipy"}),
    "levels": ({"plan", "theory"}, {"llvmlite", "numba", "numpy", "torch"}),
    "training": ({"plan", "levels"}, {"numba", "numpy", "pyarrow", "torch"}),
    "analysis": ({"plan", "theory"}, {"numpy", "pandas", "pyarrow", "scipy", "scikit_posthocs", "statsmodels"}),
    "validation": ({"plan", "levels", "theory", "training"}, {"numpy", "torch"}),
    "audit": ({"plan"}, {"numpy", "pandas"}),
    "show": ({"plan", "analysis"}, {"jinja2", "matplotlib", "numpy", "pandas", "plotly", "seaborn"}),
}
SLOW = {
    "torch",
    "numba",
    "pandas",
    "scipy",
    "statsmodels",
    "scikit_posthocs",
    "pyarrow",
    "matplotlib",
    "plotly",
    "seaborn",
    "snakemake",
}
VAGUE = {"utils", "util", "helpers", "helper", "common", "base", "misc", "core"}
LONGEST_FILE, LONGEST_FUNCTION = 300, 60  # lines

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def files_in(package: str) -> list[Path]:
    """Return the files of one package of the library."""
    return sorted((SRC / "actbench" / package).rglob("*.py"))


def definitions(node: ast.AST) -> Iterator[Definition]:
    """Yield the public functions, classes and methods below a node; what stands inside a function is private."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Definition) and not child.name.startswith("_"):
            yield child
            if isinstance(child, ast.ClassDef):
                yield from definitions(child)


def words(node: ast.AST) -> Iterator[str]:
    """Yield every identifier and every text of a syntax tree, but for torch's `reduction="none"`."""
    if isinstance(node, ast.keyword) and node.arg == "reduction":
        return
    for _, value in ast.iter_fields(node):
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str):
                yield item
            elif isinstance(item, ast.AST):
                yield from words(item)


def level_names() -> set[str]:
    """Return the names of all levels, less those that are words of the design or of the tables themselves."""
    known = {name for kind in (*REGISTRIES, *FOLDERS) for name in known_levels(kind)}
    return known - set(FACTORS) - {column.name for columns in TABLES.values() for column in columns}


def run_python(code: str) -> str:
    """Return what a fresh Python prints that finds the library and nothing of this process."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=SRC, check=True, capture_output=True, text=True).stdout


def test_every_package_has_its_wall() -> None:
    """The table of walls names each package of the library; the shell has a wall of its own kind."""
    packages = {file.parent.name for file in SRC.glob("actbench/*/__init__.py")}
    assert packages <= {*WALLS, "shell"}


@pytest.mark.parametrize("package", WALLS)
def test_imports_stay_within_the_walls(package: str) -> None:
    """A package imports the standard library, itself and what the table of walls allows."""
    inside, outside = WALLS[package]
    for file in files_in(package):
        assert foreign(imports(file)) - outside - sys.stdlib_module_names == set(), spelled(file)
        own = {name.split(".")[1] for name in imports(file) if name.startswith("actbench.")}
        assert own - inside - {package, "__version__"} == set(), spelled(file)


def test_data_sets_need_no_torch() -> None:
    """Making a data set imports numpy alone."""
    for file in files_in("levels/datasets"):
        assert reached_at_once(file) - {"numpy"} - sys.stdlib_module_names == set(), spelled(file)


def test_verbs_import_late() -> None:
    """Importing a verb is fast: what costs seconds is imported inside its functions."""
    for file in files_in("shell"):
        assert reached_at_once(file) & SLOW == set(), spelled(file)


def test_reach_sees_through_modules() -> None:
    """The walker itself follows the library's own imports: the training loop brings torch, the plan only YAML."""
    assert "torch" in reached_at_once(SRC / "actbench" / "training" / "loop.py")
    assert reached_at_once(SRC / "actbench" / "plan" / "design.py") - sys.stdlib_module_names == {"yaml"}


def test_training_names_no_level() -> None:
    """A level is data: neither an identifier nor a text of the training code is the name of a level."""
    known = level_names()
    assert {"relu", "he_normal", "layernorm", "mnist1d", "mlp"} <= known
    for file in files_in("training"):
        assert known & set(words(tree(file))) == set(), spelled(file)


def test_plan_imports_fast() -> None:
    """All of the plan imports in 0.3 s of processor time (best of three) and brings no numeric package."""
    modules = ", ".join(f"actbench.plan.{file.stem}" for file in files_in("plan") if file.stem != "__init__")
    code = f"import time; start = time.process_time(); import {modules}; end = time.process_time(); import sys\n"
    code += f"print(end - start, *({SLOW | {'numpy'}} & set(sys.modules)))"
    answers = [run_python(code).split() for _ in range(3)]
    assert all(len(answer) == 1 for answer in answers), answers
    assert min(float(answer[0]) for answer in answers) < 0.3 * slowness()


def test_workflow_imports_only_the_plan() -> None:
    """Snakemake reads the workflow again in every job, so it imports the plan, itself and the standard library."""
    for file in (ROOT / "workflow" / "Snakefile", *(ROOT / "workflow").rglob("*.smk")):
        found = re.findall(r"^\s*(?:from|import) ([\w.]+)", file.read_text(), re.MULTILINE)
        other = {name for name in found if not name.startswith(("actbench.plan.", "snakemake."))}
        assert other - sys.stdlib_module_names == set(), spelled(file)


def test_rules_hold_no_lambda() -> None:
    """Input functions have names."""
    for file in (ROOT / "workflow").rglob("*.smk"):
        assert not re.search(r"\blambda\b", file.read_text()), spelled(file)


@pytest.mark.parametrize("file", FILES, ids=spelled)
def test_files_and_functions_are_short(file: Path) -> None:
    """A file has at most 300 lines and a function at most 60."""
    assert len(file.read_text().splitlines()) <= LONGEST_FILE
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < LONGEST_FUNCTION, node.name


def test_files_are_named_for_what_is_in_them() -> None:
    """No module or folder of the library has a name under which anything could stand."""
    for file in FILES:
        assert VAGUE & {*file.relative_to(SRC).parent.parts, file.stem} == set(), spelled(file)


@pytest.mark.parametrize("file", FILES, ids=spelled)
def test_public_things_are_described(file: Path) -> None:
    """Every module and every public function, class and method has a docstring."""
    assert ast.get_docstring(tree(file))
    for definition in definitions(tree(file)):
        assert ast.get_docstring(definition), definition.name
