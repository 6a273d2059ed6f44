"""pyproject.toml, requirements.lock, environment.yml and the installed packages say the same; so do the versions."""

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import actbench
from actbench.plan.numerics import NUMERICS
from source_tree import FILES, foreign, imports

GPU = re.compile(r"(nvidia|cuda)-.*|triton")  # brought and pinned by a GPU build of torch


@pytest.fixture(scope="session")
def project(project_root: Path) -> dict:
    """Return the `project` table of pyproject.toml."""
    return tomllib.loads((project_root / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="session")
def pins(project_root: Path) -> list[str]:
    """Return the lines of the lock that are no comments."""
    lines = (project_root / "requirements.lock").read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


@pytest.fixture(scope="session")
def locked(pins: list[str]) -> dict[str, str]:
    """Return package -> locked version."""
    return {canonicalize_name(name): version for name, version in (pin.split("==") for pin in pins)}


def declared(project: dict) -> list[Requirement]:
    """Return everything that pyproject.toml asks for, the tools of development included."""
    return [Requirement(text) for text in project["dependencies"] + project["optional-dependencies"]["dev"]]


def needs(package: str, extras: set[str]) -> list[Requirement]:
    """Return what an installed package needs on this machine."""
    requirements = [Requirement(text) for text in metadata.requires(package) or []]
    environments = [{"extra": extra} for extra in extras or {""}]
    return [r for r in requirements if r.marker is None or any(r.marker.evaluate(e) for e in environments)]


def closure(requirements: list[Requirement]) -> set[str]:
    """Return the names of all packages that the requirements bring on this machine, themselves included."""
    reached: set[tuple[str, frozenset[str]]] = set()
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        if key not in reached and not GPU.fullmatch(key[0]):
            reached.add(key)
            waiting += needs(requirement.name, requirement.extras)
    return {name for name, _ in reached}


def test_every_line_pins_one_public_version(pins: list[str]) -> None:
    """Each package stands once, in order, with an exact version that does not depend on the kind of machine."""
    for pin in pins:
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9a-z.]*", pin), pin
    assert pins == sorted(set(pins), key=str.upper)


def test_lock_obeys_the_declared_ranges(project: dict, locked: dict[str, str]) -> None:
    """Every package that pyproject.toml asks for is locked at a version that it allows."""
    for requirement in declared(project):
        assert Version(locked[canonicalize_name(requirement.name)]) in requirement.specifier, requirement


def test_torch_is_exact(project: dict, locked: dict[str, str]) -> None:
    """Trained numbers belong to one torch: pyproject.toml and the lock name the same single version."""
    assert f"torch=={locked['torch']}" in project["dependencies"]


def test_lock_is_the_whole_closure(project: dict, locked: dict[str, str]) -> None:
    """The lock holds all that the declared packages need, the means to build the project, and nothing else."""
    assert closure([*declared(project), Requirement("setuptools")]) == set(locked)


def test_installed_packages_are_the_locked_ones(locked: dict[str, str]) -> None:
    """The tests run on the pinned versions, whatever the build of torch."""
    installed = {name: Version(metadata.version(name)).public for name in locked}
    assert installed == {name: str(Version(version)) for name, version in locked.items()}


def test_conda_environment_has_the_same_pins(project_root: Path, project: dict, pins: list[str]) -> None:
    """environment.yml lists the lock's lines under pip and a Python that the project supports."""
    environment = yaml.safe_load((project_root / "environment.yml").read_text())
    python, pip, packages = environment["dependencies"]
    assert environment["name"] == project["name"]
    assert Version(python.removeprefix("python=")) in Requirement(f"python{project['requires-python']}").specifier
    assert pip == "pip"
    assert packages == {"pip": pins}


def test_every_import_is_declared(project_root: Path, project: dict) -> None:
    """Each package that the library or the workflow imports is a dependency in its own right."""
    rules = "\n".join(file.read_text() for file in project_root.glob("workflow/**/*.smk"))
    imported = {name for file in FILES for name in foreign(imports(file))}
    imported |= set(re.findall(r"^(?:import|from) (\w+)", rules, re.MULTILINE))
    imported -= {"actbench", *sys.stdlib_module_names}
    owners = metadata.packages_distributions()
    dependencies = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}
    assert {canonicalize_name(owner) for name in imported for owner in owners.get(name, [name])} <= dependencies


def test_versions_agree(project_root: Path) -> None:
    """The package, CITATION.cff and the newest entry of the changelog name one version."""
    citation = yaml.safe_load((project_root / "CITATION.cff").read_text())
    changelog = (project_root / "CHANGELOG.md").read_text()
    newest = re.search(r"^## ([0-9][^ \n]*)", changelog, re.MULTILINE)
    assert newest is not None
    assert citation["version"] == newest[1] == actbench.__version__


def test_changelog_explains_the_numerics(project_root: Path) -> None:
    """Every version of the trained numbers up to the present one has its line, in order."""
    section = (project_root / "CHANGELOG.md").read_text().split("## NUMERICS")[1].split("\n## ")[0]
    numbers = [int(number) for number in re.findall(r"^- (\d+): \S", section, re.MULTILINE)]
    assert numbers == list(range(NUMERICS, 0, -1))
