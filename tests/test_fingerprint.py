"""The text that decides what a config trains."""

import json
from dataclasses import replace

from actbench.analysis.fingerprint import config_digest, config_text, table_metadata
from actbench.plan.config import Config
from actbench.plan.numerics import NUMERICS
from synthetic import make_config, make_study


def test_the_text_holds_the_levels_of_every_study() -> None:
    """The canonical text is JSON from which the levels can be read back."""
    text = json.loads(config_text(make_config(depth=(8, 2))))
    assert text["name"] == "synthetic"
    assert text["studies"]["main"]["levels"]["depth"] == [2, 8]


def test_words_and_order_do_not_change_the_digest() -> None:
    """The description, shard size, questions and the order of levels and studies change no row, so no digest."""
    one, two = make_study("one", depth=(2, 4)), make_study("two")
    config = Config("x", "", 60, (one, two))
    other = Config("x", "other words", 7, (two, make_study("one", "Another question?", depth=(4, 2))))
    assert config_digest(config) == config_digest(other)


def test_a_level_or_an_exclusion_changes_the_digest() -> None:
    """Whatever changes the set of rows changes the digest."""
    config = make_config()
    excluding = replace(config, studies=(replace(config.studies[0], exclude=({"depth": (8,)},)),))
    digests = {config_digest(c) for c in (config, excluding, make_config(depth=(2,)), make_config(name="other"))}
    assert len(digests) == 4


def test_the_metadata_names_config_digest_and_numerics() -> None:
    """Every table carries the text, its hash and the version of the numbers."""
    config = make_config()
    assert table_metadata(config) == {
        b"actbench.config": config_text(config).encode(),
        b"actbench.config_sha256": config_digest(config).encode(),
        b"actbench.numerics": str(NUMERICS).encode(),
    }
