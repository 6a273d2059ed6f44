"""Which source files stand behind a step of the workflow, read from the imports without importing anything.

A step that is cheap to repeat lists them as inputs, so an edit of the library repeats exactly that step. Training
does not: a trained number changes only with NUMERICS.
"""

import ast
import hashlib
import re
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
SHOW = PACKAGE / "show"
FIGURES = SHOW / "figures"
STATISTICS = PACKAGE / "analysis" / "stats_schema.py"
METRICS = PACKAGE / "analysis" / "metrics.py"
IMPORT = re.compile(r"^[ \t]*(?:from ([\w.]+) )?import (\([^)]*\)|.*)", re.MULTILINE)
KINDS = ("scores", "layers")  # of statistics; each is a step of the workflow


def figure_names() -> list[str]:
    """Return every figure: one file each, by its stem."""
    return sorted(file.stem for file in FIGURES.glob("[!_]*.py"))


def statistic_names() -> list[str]:
    """Return every statistic: the keys of the dict literal STATS."""
    return _keys(STATISTICS, "STATS")


def layer_statistic_names() -> list[str]:
    """Return the statistics that rest on the records of layers: the literal OF_LAYERS."""
    literal = _assigned(_tree(STATISTICS), "OF_LAYERS")
    assert literal is not None, "OF_LAYERS is one tuple literal"
    return list(ast.literal_eval(literal))


def metric_names() -> list[str]:
    """Return every metric of a run: the keys of the dict literal METRICS."""
    return _keys(METRICS, "METRICS")


def check_names(rule: str) -> list[str]:
    """Return what a claim of a rule may check: the keys of CHECKS for `exact`, of LAWS for `law`, else none."""
    places = {"exact": ("levels/calculus.py", "CHECKS"), "law": ("analysis/claim_laws.py", "LAWS")}
    return _keys(PACKAGE / places[rule][0], places[rule][1]) if rule in places else []


def _keys(file: Path, name: str) -> list[str]:
    literal = _assigned(_tree(file), name)
    assert isinstance(literal, ast.Dict), f"{name} is one dict literal"
    return [ast.literal_eval(key) for key in literal.keys if key is not None]


def figure_needs(name: str, kind: str) -> tuple[str, ...]:
    """Return what a figure declares to read, e.g. `figure_needs("ranking", "STATS")`.

    A figure's module says `TABLES = ("runs", "layers")` and `STATS = ("ranking",)` as literals; without them it
    reads the runs.
    """
    default = {"TABLES": ("runs",), "STATS": ()}[kind]
    value = _assigned(_tree(FIGURES / f"{name}.py"), kind)
    return default if value is None else tuple(ast.literal_eval(value))


def page_files() -> list[Path]:
    """Return the template, the styles and the scripts of the report page."""
    return sorted(file for end in ("j2", "css", "js") for file in SHOW.glob(f"*.{end}"))


def sources(*modules: str) -> list[Path]:
    """Return the files of modules and of all that they import from this package, sorted."""
    found: set[Path] = set()
    waiting = [file for module in modules for file in _files(module)]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += _imported(file)
    return sorted(found)


def content_digest(*modules: str) -> str:
    """Hash what stands in the files of modules and of all that they import from this package, 16 hex digits."""
    digest = hashlib.sha256()
    for file in sources(*modules):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


@cache
def _files(module: str) -> list[Path]:
    words = module.split(".")
    if words[0] != PACKAGE.name:
        return []
    stem = PACKAGE.joinpath(*words[1:])
    return [file for file in (stem.with_suffix(".py"), stem / "__init__.py") if file.is_file()]


@cache
def _imported(file: Path) -> list[Path]:
    names = imports(file.read_text(encoding="utf-8"))
    return list(dict.fromkeys(each for name in names for each in _files(name)))


def imports(text: str) -> list[str]:
    """Return the modules that a source file imports, and what it imports of them, by their full names.

    Found line by line: to parse every file of the package takes most of a second, in each call of Snakemake, of which
    a job on a cluster has two.
    """
    names = []
    for module, imported in IMPORT.findall(text):
        words = re.findall(r"([\w.]+)(?: as \w+)?", re.sub("#.*", "", imported))
        names += [module, *(f"{module}.{word}" for word in words)] if module else words
    return names


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


def _assigned(tree: ast.Module, name: str) -> ast.expr | None:
    """Return the value that a module assigns to a name, with or without an annotation."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                return node.value
    return None
