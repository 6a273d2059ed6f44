"""results/<name>/manifest.json: what was made, from what, by what, with the sha256 of every product."""

import hashlib
import json
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from actbench import __version__
from actbench.analysis.fingerprint import config_digest, config_text
from actbench.analysis.row_groups import count_runs
from actbench.analysis.tables import RESULTS
from actbench.plan.atomic_file import replacing
from actbench.plan.checksums import refuse_damaged
from actbench.plan.config import Config
from actbench.plan.errors import ConfigError
from actbench.plan.numerics import NUMERICS
from actbench.plan.schema import STATUSES

FIGURES = Path("figures")
# Products under results/<name>. Shards are not among them: the tables hold all that they hold.
PRODUCTS = ("tables/*.parquet", "stats/*.csv", "claims.csv", "latex/*", "report.html")
PACKAGES = ("numpy", "pandas", "pyarrow", "scipy", "statsmodels", "matplotlib", "seaborn")
ORIGIN = ("version", "commit", "torch", "device")


def manifest_path(name: str, results: Path = RESULTS) -> Path:
    """Return results/<name>/manifest.json."""
    return results / name / "manifest.json"


def make_manifest(config: Config, results: Path = RESULTS, figures: Path = FIGURES) -> dict[str, Any]:
    """Describe the products of a config; the same products give the same manifest.

    Returns:
        name, numerics, config (canonical text) and its sha256, counts of runs by status, versions of the libraries
        that made tables and statistics, origin (what trained the runs), and products: path -> bytes and sha256.

    Raises:
        ConfigError: the tables are absent or were made from another config.
    """
    runs = count_runs(config, ["status", *ORIGIN], results=results)
    statuses = runs.groupby("status")["n_runs"].sum().to_dict()
    return {
        "name": config.name,
        "numerics": NUMERICS,
        "config": json.loads(config_text(config)),
        "config_sha256": config_digest(config),
        "runs": {"total": int(runs["n_runs"].sum())} | {name: int(statuses.get(name, 0)) for name in STATUSES},
        "versions": {"actbench": __version__, "python": platform.python_version()} | _versions(),
        "origin": {column: sorted(str(word) for word in runs[column].unique()) for column in ORIGIN},
        "products": {label: _describe(path) for label, path in product_files(config.name, results, figures).items()},
    }


def write_manifest(config: Config, results: Path = RESULTS, figures: Path = FIGURES) -> dict[str, Any]:
    """Write results/<name>/manifest.json and return what it holds."""
    manifest = make_manifest(config, results, figures)
    with replacing(manifest_path(config.name, results)) as (partial,):
        partial.write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", encoding="utf-8", newline="\n")
    return manifest


def check_manifest(config: Config, results: Path = RESULTS, figures: Path = FIGURES) -> list[str]:
    """Compare the products with the manifest and return one line for each mismatch.

    Raises:
        ConfigError: there is no readable manifest.
    """
    path = manifest_path(config.name, results)
    recorded = read_manifest(path)
    found = []
    if recorded["config_sha256"] != config_digest(config):
        found.append(f"{path}: made from another config than the one given")
    if recorded["numerics"] != NUMERICS:
        found.append(f"{path}: made under NUMERICS {recorded['numerics']}, not {NUMERICS}")
    present = product_files(config.name, results, figures)
    for label in sorted(recorded["products"].keys() | present.keys()):
        found += _compare(label, recorded["products"].get(label), present.get(label))
    return found


def _compare(label: str, recorded: dict[str, Any] | None, path: Path | None) -> list[str]:
    if path is None:
        return [f"{label}: missing"]
    if recorded is None:
        return [f"{label}: not in the manifest"]
    present = _describe(path)
    if present == recorded:
        return []
    return [f"{label}: changed, sha256 {present['sha256'][:16]}… where the manifest has {recorded['sha256'][:16]}…"]


def read_manifest(path: Path) -> dict[str, Any]:
    """Read a manifest; raise ConfigError when there is none, or it is damaged or lacks what is compared."""
    remedy = "write it with `actbench manifest`"
    refuse_damaged(path, remedy=remedy)
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if not {"config_sha256", "numerics", "origin", "products", "runs"} <= manifest.keys():
            raise ValueError("keys are missing")
        return dict(manifest)
    except FileNotFoundError:
        raise ConfigError(str(path), f"no such manifest; {remedy}") from None
    except (OSError, ValueError, AttributeError) as error:
        raise ConfigError(str(path), f"not a readable manifest ({error}); {remedy}") from None


def product_files(name: str, results: Path, figures: Path) -> dict[str, Path]:
    """Find the products: label (`results/…` or `figures/…`, whatever the folders are called) -> file."""
    files = {}
    for pattern in PRODUCTS:
        for path in (results / name).glob(pattern):
            files[f"results/{name}/{path.relative_to(results / name).as_posix()}"] = path
    for path in (figures / name).rglob("*"):
        files[f"figures/{name}/{path.relative_to(figures / name).as_posix()}"] = path
    wanted = {label: path for label, path in sorted(files.items()) if path.is_file()}
    return {label: path for label, path in wanted.items() if not path.name.startswith(".")}


def _describe(path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": digest}


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # tables and statistics need no drawing library
            continue
    return found
