"""The text that decides what a config trains, its hash, and the metadata that every table carries."""

import hashlib
import json

from actbench.plan.config import Config, Levels
from actbench.plan.numerics import NUMERICS

CONFIG_KEY, DIGEST_KEY, NUMERICS_KEY = b"actbench.config", b"actbench.config_sha256", b"actbench.numerics"


def config_text(config: Config) -> str:
    """Write a config as canonical JSON: its name and, for each study, levels and exclusions.

    The order of studies and levels, questions, the description and the size of shards change no row, so they are
    not part of the text.
    """
    studies = {
        study.name: {
            "levels": _sorted(study.levels),
            "exclude": sorted((_sorted(item) for item in study.exclude), key=json.dumps),
        }
        for study in config.studies
    }
    return json.dumps({"name": config.name, "studies": studies}, sort_keys=True, ensure_ascii=True)


def _sorted(levels: Levels) -> dict[str, list[str | int | float]]:
    return {factor: sorted(levels[factor]) for factor in sorted(levels)}


def config_digest(config: Config) -> str:
    """Return the sha256 of `config_text`, 64 hexadecimal digits."""
    return hashlib.sha256(config_text(config).encode()).hexdigest()


def table_metadata(config: Config) -> dict[bytes, bytes]:
    """Return the key-value metadata of a table made from this config: its text, its sha256 and NUMERICS."""
    return {
        CONFIG_KEY: config_text(config).encode(),
        DIGEST_KEY: config_digest(config).encode(),
        NUMERICS_KEY: str(NUMERICS).encode(),
    }
