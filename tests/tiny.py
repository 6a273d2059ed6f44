"""Small configs for tests: YAML text written to a file, read as a user's file would be."""

import os
import textwrap
from pathlib import Path

from actbench.plan.config import Config, load_config
from actbench.plan.design import Design, expand

TINY = """
name: tiny
defaults: {steps: 4, width: 32, batch_size: 32}
studies:
  main:
    question: Does it work?
    activation: [relu, tanh]
    depth: [1, 2]
    seed: [0, 1]
"""


def write_config(folder: Path, text: str = TINY) -> Path:
    """Write a config file and return its path."""
    path = folder / "tiny.yaml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def tiny_config(folder: Path, text: str = TINY) -> Config:
    """Write a config file and read it."""
    return load_config(write_config(folder, text))


def tiny_design(folder: Path, text: str = TINY) -> Design:
    """Write a config file and expand it."""
    return expand(tiny_config(folder, text))


def link_compiled(folder: Path) -> None:
    """Give a folder's cache the compiled loops of the tests, but no runs."""
    compiled = Path(os.environ["NUMBA_CACHE_DIR"]).parents[1]
    compiled.mkdir(parents=True, exist_ok=True)  # no test may have compiled any yet
    (folder / "cache").mkdir()
    (folder / "cache" / "compiled").symlink_to(compiled)
