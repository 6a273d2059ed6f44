"""What a figure's files say of where they came from: config, commit, and the numbers drawn."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actbench.analysis.fingerprint import config_digest
from actbench.analysis.run_origin import made_by
from actbench.plan.config import Config

Metadata = dict[str, dict[str, Any]]

# No date and no program version: the same numbers give the same bytes.
BLANK: Metadata = {
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
}


@dataclass(frozen=True)
class FigureOrigin:
    """What made a figure: the config, versions and commits that trained its runs, and the sha256 of its CSV file."""

    figure: str
    numerics: str
    version: str
    commit: str
    config: str
    config_sha256: str
    data_sha256: str

    def spelled(self) -> str:
        """Write `figure=…; version=…; …`, to be found in the file's metadata."""
        return "; ".join(f"{key}={value}" for key, value in vars(self).items())


def figure_origin(figure: str, config: Config, results: Path, csv: bytes) -> FigureOrigin:
    """Describe a figure's origin from the rows of runs.parquet, whatever tree it is drawn in.

    Raises:
        ConfigError: the table of runs is missing or was made from another config.
    """
    made, digest = made_by(config, results), hashlib.sha256(csv).hexdigest()
    return FigureOrigin(figure, **made, config=config.name, config_sha256=config_digest(config), data_sha256=digest)


def metadata_of(origin: FigureOrigin, title: str, question: str) -> Metadata:
    """Return the metadata of each format: PDF's information, SVG's Dublin Core, PNG's text."""
    author, spelled = f"actbench {origin.version}", origin.spelled()
    return {
        "pdf": BLANK["pdf"] | {"Title": title, "Author": author, "Subject": question, "Keywords": spelled},
        "svg": BLANK["svg"] | {"Title": title, "Creator": author, "Description": question, "Source": spelled},
        "png": BLANK["png"] | {"Title": title, "Author": author, "Description": question, "Source": spelled},
    }
