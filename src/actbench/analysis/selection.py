"""Pick a run by its key, the beginning of its key, or a selector: `activation=relu,depth=16,seed=0`."""

import re
from collections.abc import Iterable
from typing import Any

import pandas as pd

from actbench.analysis.metrics import add_metrics
from actbench.analysis.recorded import factors_of
from actbench.plan.errors import ConfigError, nearest
from actbench.plan.factors import FACTORS, check_value

KEY = re.compile(r"[0-9a-f]{1,16}")
OUTSIDE = re.compile(r",(?![^()]*\))")  # a comma that is not between the arguments of a level
SHOWN = 4  # candidates and levels named in an error

Levels = dict[str, str | int | float]


def select_run(runs: pd.DataFrame, text: str) -> "pd.Series[Any]":
    """Return the one run that a key or a selector names.

    Args:
        runs: the table `runs`.
        text: a run key, a beginning of one that no other key shares, or `factor=level,…`.

    Raises:
        ConfigError: no run, or several; the line names the factors that still differ and the candidates.
    """
    found = select_runs(runs, text)
    if len(found) > 1:
        raise ConfigError(f"run {text!r}", _several(found))
    return found.iloc[0]


def select_runs(runs: pd.DataFrame, text: str) -> pd.DataFrame:
    """Return all runs that a key or a selector names, at least one; raise ConfigError when there is none."""
    if "=" in text:
        return _by_levels(runs, text)
    if text in set(runs["run_key"]):
        return runs[runs["run_key"] == text]
    found = runs[runs["run_key"].str.startswith(text)] if text else runs.iloc[:0]
    if found.empty:
        hint = "no key begins so" if KEY.fullmatch(text) else "not a run key (16 hexadecimal digits)"
        raise ConfigError(f"run {text!r}", f"{hint}; give a run_key of runs.parquet, or levels such as depth=4,seed=0")
    return found


def select_group(runs: pd.DataFrame, text: str) -> pd.DataFrame:
    """Return all runs with the levels of a selector, or the one run of a key; raise ConfigError when there is none."""
    return select_runs(runs, text) if "=" in text else runs[runs["run_key"] == select_run(runs, text)["run_key"]]


def with_status(runs: pd.DataFrame, status: str) -> pd.DataFrame:
    """Return the runs of a status of the table, or those that `failed`, ended `untrained`, or `all`."""
    ok = runs["status"] == "ok"
    wanted = {"failed": ~ok, "untrained": ok & ~add_metrics(runs)["trained"], "all": ok | ~ok}
    return runs[wanted.get(status, runs["status"] == status)]


def _by_levels(runs: pd.DataFrame, text: str) -> pd.DataFrame:
    levels = parse_selector(runs, text)
    matches = {name: runs[name] == level for name, level in levels.items()}
    found = runs[pd.DataFrame(matches).all(axis=1)]
    if found.empty:
        raise ConfigError(f"run {text!r}", f"no run has all of these levels; {_without_one(matches, levels)}")
    return found


def parse_selector(runs: pd.DataFrame, text: str) -> Levels:
    """Read `factor=level,…` into levels in canonical spelling, each of which some run of the table has."""
    known = factors_of(runs)
    levels: Levels = {}
    for part in OUTSIDE.split(text):
        name, equals, word = (piece.strip() for piece in part.partition("="))
        if not equals or not word:
            raise ConfigError(f"run {text!r}", f"{part!r} is not factor=level")
        if name not in known:
            raise ConfigError(f"run {text!r}", f"unknown factor {name!r}; {nearest(name, known)}")
        if name in levels:
            raise ConfigError(f"run {text!r}", f"factor {name!r} stands there twice")
        levels[name] = _level(runs, name, word)
    return levels


def _level(runs: pd.DataFrame, name: str, word: str) -> str | int | float:
    recorded = list(runs[name].dropna().unique())
    if word in recorded:
        return word
    level = check_value(name, _number(name, word), name)
    if level not in recorded:
        raise ConfigError(name, f"no run has level {word!r}; {nearest(word, [str(item) for item in recorded])}")
    return level


def _number(name: str, word: str) -> str | int | float:
    if FACTORS[name].kind == "level":
        return word
    try:
        return int(word) if FACTORS[name].kind == "int" else float(word)
    except ValueError:
        return word  # check_value says what is expected


def _without_one(matches: "dict[str, pd.Series[bool]]", levels: Levels) -> str:
    frame = pd.DataFrame(matches)
    counts = {name: int(frame.drop(columns=name).all(axis=1).sum()) for name in matches}
    near = [f"{count} without {name}={levels[name]}" for name, count in counts.items() if count]
    return f"there are {', '.join(near)}" if near else "not even without one of them"


def _several(found: pd.DataFrame) -> str:
    differing = [name for name in factors_of(found) if found[name].nunique(dropna=False) > 1]
    spread = [f"{name} ({_shortened(sorted(found[name].unique()))})" for name in differing]
    candidates = [" ".join(map(str, row)) for row in found[["run_key", *differing]].head(SHOWN).itertuples(index=False)]
    more = "; …" if len(found) > SHOWN else ""
    return (
        f"{len(found)} runs; name a level of each of {', '.join(spread) or 'no factor'}, or a key:"
        f" {'; '.join(candidates)}{more}"
    )


def _shortened(items: Iterable[Any]) -> str:
    words = [str(item) for item in items]
    return ", ".join(words[:SHOWN]) + (", …" if len(words) > SHOWN else "")
