"""actbench.plan.config: a config is read whole and strictly, or not at all."""

import time
from pathlib import Path

import pytest

from actbench.plan.config import MOST_RUNS, load_config
from actbench.plan.cost import job_seconds, run_seconds
from actbench.plan.design import expand
from actbench.plan.errors import ConfigError
from actbench.plan.factors import FACTORS
from actbench.plan.shards import MOST_SHARDS, make_shards
from actbench.shell.check import read_design
from tiny import tiny_config, write_config

SHIPPED = ("config", "smoke", "paper")


def study(levels: str) -> str:
    """Return a config of one study `a`."""
    return f"name: x\nstudies: {{a: {{{levels}}}}}"


def test_tiny_config(tmp_path: Path) -> None:
    """A config is its name, its studies, and for every factor the study's levels, the defaults' or the factor's own."""
    config = tiny_config(tmp_path)
    assert (config.name, config.description, config.shard_minutes) == ("tiny", "", 5)
    (study,) = config.studies
    assert (study.name, study.question, study.exclude) == ("main", "Does it work?", ())
    assert set(study.levels) == set(FACTORS)
    assert study.levels["activation"] == ("relu", "tanh")
    assert study.levels["steps"] == (4,)
    assert study.levels["lr"] == (0.05,)


def test_one_level_needs_no_list(tmp_path: Path) -> None:
    """`depth: 3` and `depth: [3]` are the same."""
    single = tiny_config(tmp_path, study("depth: 3, lr: 1"))
    listed = tiny_config(tmp_path, study("depth: [3], lr: [1.0]"))
    assert single == listed


def test_exclusions_are_read_in_canonical_form(tmp_path: Path) -> None:
    """An exclusion names levels as the study does, in any spelling."""
    text = study("clip: [none, norm(1)], exclude: [{clip: norm(1.00), depth: 4}]")
    assert tiny_config(tmp_path, text).studies[0].exclude == ({"clip": ("norm(1.0)",), "depth": (4,)},)


BAD: dict[str, tuple[str, str]] = {
    "empty file": ("", ": is empty; expected keys and values"),
    "a word": ("relu", ": expected keys and values, found 'relu'"),
    "a list": ("[1, 2]", ": expected keys and values, found [1, 2]"),
    "no name": ("studies: {a: {}}", ": key 'name' is missing"),
    "no studies": ("name: x", ": key 'studies' is missing"),
    "nothing under studies": ("name: x\nstudies:", ": key 'studies' is empty (named sub-designs"),
    "nothing under defaults": ("name: x\ndefaults:\nstudies: {a: {}}", ": key 'defaults' is empty (levels of every"),
    "empty studies": ("name: x\nstudies: {}", ": studies: empty; name at least one study"),
    "studies are a list": ("name: x\nstudies: [a]", ": studies: expected keys and values, found ['a']"),
    "study is nothing": ("name: x\nstudies: {a: }", ": studies.a: is empty; expected keys and values"),
    "unknown key": ("nmae: x\nstudies: {a: {}}", ": unknown key 'nmae'; did you mean name?"),
    "unknown key of a study": (study("dept: 2"), ": studies.a: unknown key 'dept'; did you mean depth"),
    "unknown default": ("name: x\ndefaults: {learning: 1}\nstudies: {a: {}}", ": defaults: unknown key 'learning'"),
    "question in defaults": ("name: x\ndefaults: {question: a}\nstudies: {a: {}}", "unknown key 'question'"),
    "unknown level": (
        study("activation: [tanh, geluu]"), ": studies.a.activation: unknown activation 'geluu'; did you mean gelu",
    ),
    "unknown default level": ("name: x\ndefaults: {norm: batch}\nstudies: {a: {}}", "unknown norm 'batch'"),
    "name is a number": ("name: 3\nstudies: {a: {}}", ": name: expected text, found 3"),
    "shard size is a word": ("name: x\nshard_minutes: many\nstudies: {a: {}}", "a number, found 'many'"),
    "shard size is yes": ("name: x\nshard_minutes: yes\nstudies: {a: {}}", "expected a number, found True"),
    "shard size is 0": ("name: x\nshard_minutes: 0\nstudies: {a: {}}", ": shard_minutes: 0 is not above 0 and at most"),
    "shard size is nan": ("name: x\nshard_minutes: .nan\nstudies: {a: {}}", ": shard_minutes: "),
    "shard size is huge": ("name: x\nshard_minutes: 601\nstudies: {a: {}}", ": shard_minutes: 601 is not above 0 and"),
    "shard size of old": ("name: x\nruns_per_shard: 9\nstudies: {a: {}}", ": unknown key 'runs_per_shard'"),
    "empty list": (study("depth: []"), ": studies.a.depth: an empty list; give at least one level"),
    "duplicate level": (study("depth: [2, 4, 2]"), ": studies.a.depth: level 2 stands here twice"),
    "duplicate number": (study("lr: [1, 1.0]"), ": studies.a.lr: level 1.0 stands here twice"),
    "duplicate spelling": (study("optimizer: [sgd, sgd(0.9)]"), "level 'sgd(0.9)' stands here twice"),
    "duplicate key": ("name: x\nname: y\nstudies: {a: {}}", "line 2: key 'name' stands here twice"),
    "duplicate study": ("name: x\nstudies:\n  a: {}\n  a: {}", "line 4: key 'a' stands here twice"),
    "nested list": (study("depth: [[2]]"), ": studies.a.depth: expected a whole number of layers, found [2]"),
    "negative depth": (study("depth: -4"), ": studies.a.depth: -4 is outside 1 … 1000"),
    "width 0": (study("width: 0"), ": studies.a.width: 0 is outside 1 … 65536"),
    "nan": (study("lr: .nan"), ": studies.a.lr: nan is outside"),
    "1e999": (study("lr: 1e999"), ": studies.a.lr: inf is outside"),
    "octal": (study("depth: 010"), "expected a whole number of layers, found '010'"),
    "a date": (study("seed: 2020-01-01"), "expected a whole number"),
    "exclude is a map": (study("exclude: {depth: 4}"), ": studies.a.exclude: expected a list"),
    "exclude is empty": (study("exclude: [{}]"), ": studies.a.exclude[0]: an empty exclusion"),
    "exclude is a word": (study("exclude: [relu]"), ": studies.a.exclude[0]: expected keys and values"),
    "exclude unknown factor": (study("exclude: [{dpth: 4}]"), ": studies.a.exclude[0]: unknown key 'dpth'"),
    "exclude absent level": (study("exclude: [{depth: 5}]"), ": studies.a.exclude[0].depth: 5 is not among"),
    "exclude everything": (study("exclude: [{depth: 4}]"), ": studies.a: no run is left after the exclusions"),
    "impossible": (
        study("bias_offset: [0.0, -1.0], norm: [none, batchnorm]"),
        ": studies.a: bias_offset -1.0 has no effect under norm batchnorm, which subtracts the mean; exclude",
    ),
    "large batch": (
        study("batch_size: [3200, 3232]"),
        ": studies.a: batch_size 3232 is more than the 3200 training examples of mnist1d; take a smaller one",
    ),
    "10^9 runs": (
        study(f"seed: {list(range(1000))}, steps: {list(range(1, 1001))}, depth: {list(range(1, 1001))}"),
        ": studies: 1,000,000,000 runs before exclusions; a config holds at most 1,000,000",
    ),
    "too many jobs": (
        f"shard_minutes: 1e-6\n{study(f'seed: {list(range(501))}')}",
        ": shard_minutes: 501 jobs, more than 500; raise shard_minutes",
    ),
    "long word": (study("activation: " + "relu" * 20_000), "unknown activation"),
}  # fmt: skip
NAMES = (
    "../x", "/etc/x", "a/b", "a\\b", "..", "~", "A", "", "-x", "x y", "x;rm", "$HOME", "{x}", "x" * 41, "ü", "x\\n",
)  # fmt: skip
for number, word in enumerate(NAMES):
    quoted = '"' + word.replace("a\\", "a\\\\") + '"'
    BAD[f"name {number}"] = (f"name: {quoted}\nstudies: {{a: {{}}}}", "is not a word of a-z")
    BAD[f"study {number}"] = (f"name: x\nstudies: {{{quoted}: {{}}}}", "is not a word of a-z")


@pytest.mark.parametrize(("text", "problem"), BAD.values(), ids=BAD)
def test_bad_configs(tmp_path: Path, text: str, problem: str) -> None:
    """Every fault is one short printable line with the file, the path of the key, the value and the remedy, at once."""
    start = time.process_time()
    path = write_config(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        read_design(str(path))
    message = str(caught.value)
    assert message.startswith(str(path))
    assert problem in message
    assert message.isprintable()
    assert len(message) < 600
    assert time.process_time() - start < 2


def test_escapes_do_not_reach_the_terminal(tmp_path: Path) -> None:
    """Control characters of a config are not printed."""
    with pytest.raises(ConfigError) as caught:
        tiny_config(tmp_path, 'name: x\nstudies: {"\\e[31mred\\n": {}}')
    assert str(caught.value).isprintable()


def test_largest_config_is_counted_without_expanding(tmp_path: Path) -> None:
    """The limit is one on arithmetic: a config just below it loads in no time."""
    seeds = ", ".join(map(str, range(MOST_RUNS // 1000)))
    steps = ", ".join(map(str, range(1, 1001)))
    start = time.process_time()
    config = tiny_config(tmp_path, f"name: x\nstudies: {{a: {{seed: [{seeds}], steps: [{steps}]}}}}")
    assert len(config.studies[0].levels["seed"]) == 1000
    assert time.process_time() - start < 2


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_configs_hold_what_they_promise(project_root: Path, name: str) -> None:
    """Each shipped config loads, fits the number of jobs, asks a question in each study and keeps to its shard size."""
    path = project_root / "config" / f"{name}.yaml"
    config = load_config(path)
    shards = make_shards(expand(config).runs, config.shard_minutes)
    assert config.name == {"config": "default"}.get(name, name)
    assert all(study.question.endswith("?") for study in config.studies)
    assert config.description
    assert len(shards) <= MOST_SHARDS
    longest = max(sum(map(run_seconds, shard.runs)) for shard in shards)
    assert longest <= 60 * config.shard_minutes
    if name == "config":
        assert 15 <= len(shards) <= 60


def test_default_grid(project_root: Path) -> None:
    """The default grid crosses what it must, adds small studies, and trains in at most 15 minutes of two cores."""
    design = expand(load_config(project_root / "config" / "config.yaml"))
    main = {study.name: study for study in design.config.studies}["main"]
    least = {"activation": 10, "depth": 4, "init": 2, "norm": 3, "residual": 2, "lr": 2, "seed": 5}
    assert all(len(main.levels[factor]) >= count for factor, count in least.items())
    assert len(design.members["main"]) >= 4800
    assert len(design.runs) - len(design.members["main"]) <= 2500
    assert (
        sum(job_seconds(shard.runs) for shard in make_shards(design.runs, design.config.shard_minutes)) <= 2 * 15 * 60
    )
    assert min(run.steps for run in design.runs) >= 500
    assert {"spirals", "mnist1d"} == {run.dataset for run in design.runs}


def test_paper_grid(project_root: Path) -> None:
    """The full grid holds every activation, depth 64, five seeds and four learning rates: at least 100,000 networks."""
    design = expand(load_config(project_root / "config" / "paper.yaml"))
    main = {study.name: study for study in design.config.studies}["main"]
    assert len(design.runs) >= 100_000
    assert len(main.levels["activation"]) >= 15
    assert max(main.levels["depth"]) == 64
    assert len(main.levels["seed"]) >= 5
    assert len(main.levels["lr"]) >= 4
