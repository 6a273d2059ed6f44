"""The manifest: what it lists, that it is the same twice, and what the check finds."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from actbench.analysis import manifest as manifest_module
from actbench.analysis.fingerprint import config_digest
from actbench.analysis.manifest import check_manifest, manifest_path, write_manifest
from actbench.analysis.statistics import write_statistics
from actbench.analysis.stats_schema import STATS
from actbench.plan.errors import ConfigError
from actbench.plan.numerics import NUMERICS
from actbench.plan.schema import TABLES
from synthetic import make_config, write_results

CONFIG = make_config(seed=(0, 1))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make tables, statistics, a report and a figure once."""
    root = tmp_path_factory.mktemp("made")
    write_results(CONFIG, root / "results", steps_recorded=1)
    write_statistics(CONFIG, root / "results")
    (root / "results" / CONFIG.name / "report.html").write_text("<p>report</p>")
    figure = root / "figures" / CONFIG.name / "ranking.svg"
    figure.parent.mkdir(parents=True)
    figure.write_text("<svg/>")
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """Return a project root of its own for each test."""
    return shutil.copytree(made, tmp_path / "root")


def _check(root: Path) -> list[str]:
    return check_manifest(CONFIG, root / "results", root / "figures")


def _write(root: Path) -> dict[str, object]:
    return write_manifest(CONFIG, root / "results", root / "figures")


def test_it_lists_every_product_with_its_hash(root: Path) -> None:
    """Tables, statistics, report and figures stand there with bytes and sha256; shards do not."""
    _write(root)
    found = json.loads(manifest_path(CONFIG.name, root / "results").read_text())
    folders = [root / "results" / CONFIG.name, root / "figures" / CONFIG.name]
    files = [path for folder in folders for path in folder.rglob("[!.]*") if path.is_file()]
    wanted = {str(path.relative_to(root)): path.read_bytes() for path in files if path.name != "manifest.json"}
    wanted = {label: content for label, content in wanted.items() if "/shards/" not in label}
    assert len(wanted) == len(TABLES) + len(STATS) + 1 + 1
    assert found["products"] == {
        label: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for label, content in wanted.items()
    }


def test_it_says_what_made_the_results(root: Path) -> None:
    """Config, digest, NUMERICS, counts by status, libraries and the origin of the runs are there."""
    found = _write(root)
    assert found["config_sha256"] == config_digest(CONFIG)
    assert found["numerics"] == NUMERICS
    assert found["runs"] == {"total": 48, "ok": 42, "diverged": 6, "error": 0}
    assert found["origin"]["torch"] == ["2.13.0"]  # type: ignore[index]
    assert {"python", "numpy", "scipy", "pandas"} <= found["versions"].keys()  # type: ignore[attr-defined]


def test_writing_it_twice_gives_the_same_bytes(root: Path) -> None:
    """There is no time and no path of the machine in it."""
    _write(root)
    path = manifest_path(CONFIG.name, root / "results")
    first = path.read_bytes()
    _write(root)
    assert path.read_bytes() == first
    assert str(root) not in first.decode()


def test_the_check_finds_each_kind_of_mismatch(root: Path) -> None:
    """Nothing at first; then a changed, a missing and an unlisted product are one line each."""
    _write(root)
    assert _check(root) == []
    results, figures = root / "results" / CONFIG.name, root / "figures" / CONFIG.name
    (results / "report.html").write_text("<p>Report</p>")
    (results / "stats" / "ranking.csv").unlink()
    (figures / "new.png").write_bytes(b"x")
    lines = _check(root)
    assert len(lines) == 3
    assert lines[0] == "figures/synthetic/new.png: not in the manifest"
    assert lines[1].startswith("results/synthetic/report.html: changed, sha256 ")
    assert lines[2] == "results/synthetic/stats/ranking.csv: missing"


def test_the_check_compares_config_and_numerics(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results of another config or of another version of the numbers are mismatches."""
    _write(root)
    other = make_config(seed=(0, 1, 2))
    lines = check_manifest(other, root / "results", root / "figures")
    assert [line.split(": ")[1] for line in lines] == ["made from another config than the one given"]
    monkeypatch.setattr(manifest_module, "NUMERICS", 10**6)
    assert any(f"made under NUMERICS {NUMERICS}, not 1000000" in line for line in _check(root))


@pytest.mark.parametrize("content", [None, "{", "[]", "{}"])
def test_an_absent_or_damaged_manifest_is_named(root: Path, content: str | None) -> None:
    """The check stops with one line and the remedy."""
    if content is not None:
        manifest_path(CONFIG.name, root / "results").write_text(content)
    with pytest.raises(ConfigError, match=r"manifest.json: .* write it with `actbench manifest`"):
        _check(root)
