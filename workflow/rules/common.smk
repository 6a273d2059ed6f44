# What every step shares: the config, its shards, and the input functions.
# Inputs:  one config file (--configfile, else config/config.yaml).
# Outputs: NAME, DEVICE, WIDTH, CONFIG, LEDGER, SHARDS, FIGURES, PAPERS and the functions below; no files.
import os
import shlex
import sys
import time
from functools import cache
from pathlib import Path

from actbench.plan.config import load_config
from actbench.plan.cost import job_seconds, memory_bytes
from actbench.plan.design import expand as expand_design
from actbench.plan.errors import ConfigError
from actbench.plan.ledger import load_ledger
from actbench.plan.numerics import NUMERICS
from actbench.plan.shards import make_shards
from actbench.plan.sources import (
    PACKAGE,
    figure_names,
    figure_needs,
    layer_statistic_names,
    page_files,
    sources,
    statistic_names,
)
from actbench.plan.typesetting import NEEDED, typesetting_commands


@cache
def near(path):
    """Spell a path as seen from the working directory: moving the clone then repeats nothing."""
    return os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else str(path)


def config_path():
    """Return the one config file. Snakemake is not told of the default: it would merge it with --configfile."""
    given = workflow.overwrite_configfiles
    if workflow.config_settings.config or len(given) > 1:
        raise ConfigError(
            "snakemake",
            "give one --configfile and no --config; all settings stand in that file",
        )
    if any(set("{}") & set(path) for path in map(str, given)):
        raise ConfigError(str(given[0]), "rename it: braces are wildcards to Snakemake")
    return near(
        given[0] if given else Path(workflow.basedir).parent / "config" / "config.yaml"
    )


def read_plan(path):
    """Return the config's name, its device, the width of its figures and its shards by id."""
    config = load_config(path)
    if workflow.is_main_process:  # not again in each job on a cluster
        load_ledger(LEDGER_FILE, [study.name for study in config.studies])
    shards = make_shards(expand_design(config, path).runs, config.shard_minutes, path)
    by_id = {shard.id: shard for shard in shards}
    return config.name, config.device, config.figure_width, by_id


LEDGER_FILE = near(Path(workflow.basedir).parent / "config" / "claims.yaml")
PAPER = near(Path(workflow.basedir).parent / "paper")
try:
    CONFIG_FILE = config_path()
    NAME, DEVICE, WIDTH, SHARDS = read_plan(CONFIG_FILE)
except ConfigError as error:
    print(error, file=sys.stderr)
    raise SystemExit(2)

# As words of a shell command. They stand in no `params:`, because renaming a config file must not retrain.
CONFIG = shlex.quote(CONFIG_FILE).replace("{", "{{").replace("}", "}}")
LEDGER = shlex.quote(LEDGER_FILE).replace("{", "{{").replace("}", "}}")
PAPER_FOLDER = shlex.quote(PAPER).replace("{", "{{").replace("}", "}}")
FIGURES = figure_names()
PAGE = [near(file) for file in page_files()]
PAPERS = [f"results/{NAME}/paper.pdf"] if typesetting_commands("paper") else []
LAYER_STATISTICS = layer_statistic_names()
STATISTICS = [name for name in statistic_names() if name not in LAYER_STATISTICS]
GPUS = int(DEVICE == "cuda")  # for each job that trains
SNAKEMAKE_MB = 800  # two processes of Snakemake in each job on a cluster
DATASETS = sorted({shard.runs[0].dataset for shard in SHARDS.values()})

# Jobs use the Python that runs Snakemake and the library that made the plan, and know when the workflow began.
os.environ.update(
    PATH=os.pathsep.join(
        [os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)]
    ),
    PYTHONPATH=os.pathsep.join(
        [str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    ),
)
os.environ.setdefault("ACTBENCH_STARTED", str(time.time()))


wildcard_constraints:
    shard="[a-z0-9._+-]+",
    dataset="[a-z0-9_]+",
    figure="[a-z0-9_]+",


def trains_now():
    """Tell whether any network is to be trained by this call of Snakemake."""
    return any(job.rule.name == "train" for job in workflow.dag.needrun_jobs())


def data_of_shard(wildcards):
    return f"data/{SHARDS[wildcards.shard].runs[0].dataset}.npz"


def digest_of_shard(wildcards):
    return SHARDS[wildcards.shard].digest


def priority_of_shard(wildcards):
    """Start the longest jobs first, so that no core idles at the end."""
    return round(1000 * job_seconds(SHARDS[wildcards.shard].runs))


def minutes_of_shard(wildcards, attempt):
    """Limit a job on a cluster to four times what it is expected to need, for slower machines, and ten minutes.

    This and the memory are estimates of the plan, so they stand with the rule; all else that a scheduler is asked for
    stands in a profile, whose `set-resources` goes before them.
    """
    return attempt * (10 + round(4 * job_seconds(SHARDS[wildcards.shard].runs) / 60))


def megabytes_of_shard(wildcards, attempt):
    """Ask for the expected memory of the training, half of it again, and what Snakemake takes within a job."""
    expected = memory_bytes(SHARDS[wildcards.shard].runs) / 10**6
    return attempt * (SNAKEMAKE_MB + round(1.5 * expected))


def code_of(module):
    """List the source files of a step as its inputs: an edit repeats the step."""
    return [near(file) for file in sources(f"actbench.{module}")]


def code_of_figure(wildcards):
    return sorted(
        {*code_of("shell.figure"), *code_of(f"show.figures.{wildcards.figure}")}
    )


def tables_of_figure(wildcards):
    """List the tables that a figure reads, and the runs: its files say which commit trained them."""
    needed = {"runs", *figure_needs(wildcards.figure, "TABLES")}
    return [f"results/{NAME}/tables/{table}.parquet" for table in sorted(needed)]


def stats_of_figure(wildcards):
    return [
        f"results/{NAME}/stats/{statistic}.csv"
        for statistic in figure_needs(wildcards.figure, "STATS")
    ]
