"""The workflow itself: what it would run, when, and what it says when it cannot."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from actbench.plan.shards import make_shards
from actbench.plan.sources import figure_names, figure_needs
from actbench.plan.typesetting import typesetting_commands
from actbench.shell.cli import VERBS
from pace import slowness
from tiny import TINY, link_compiled, tiny_design, write_config

ROOT = Path(__file__).resolve().parent.parent
SNAKEMAKE = str(Path(sys.executable).parent / "snakemake")
TABLES = "results/tiny/tables/runs.parquet"
PARTS = ("tables", "figures", "report")  # of the rules, from the tables on

pytestmark = pytest.mark.slow


def snakemake(folder: Path, *words: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """Run Snakemake in a folder of its own, with a cache of its own; `before` is searched first for modules."""
    searched = os.pathsep.join([*filter(None, [before]), str(ROOT / "src")])
    environment = os.environ | {"ACTBENCH_CACHE": str(folder / "cache"), "PYTHONPATH": searched}
    command = [SNAKEMAKE, "--snakefile", str(ROOT / "workflow" / "Snakefile"), "--cores", "2", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


# Imported by each Python that finds it: whoever looks up a host or connects to anything but a local socket is refused.
OFFLINE = """
import socket
connect = socket.socket.connect
def refused(*words, **more):
    raise OSError("this test has no network")
def local(self, address):
    return connect(self, address) if self.family == socket.AF_UNIX else refused()
socket.socket.connect = local
socket.getaddrinfo = socket.create_connection = refused
"""


@dataclass(frozen=True)
class DryRun:
    """What a dry run says it would do."""

    jobs: Counter[str]
    shards: set[str]
    text: str


def dry_run(folder: Path, config: Path | None, *words: str) -> DryRun:
    """Ask what Snakemake would run."""
    options = ["--configfile", str(config)] if config else []
    done = snakemake(folder, *words, "--dry-run", "--quiet", "host", *options)
    assert done.returncode == 0, done.stderr
    text = done.stdout + done.stderr
    table = text.split("-------\n", 1)[1].split("total", 1)[0] if "Job stats" in text else ""
    jobs = {rule: int(count) for rule, count in map(str.split, table.splitlines())}
    return DryRun(Counter(jobs), set(re.findall(r"Train shard (\S+)", text)), text)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train the eight runs of the tiny config for real, up to the tables, and return the folder."""
    folder = tmp_path_factory.mktemp("finished")
    link_compiled(folder)
    done = snakemake(folder, TABLES, "--configfile", str(write_config(folder)))
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^8 / 8 runs · [\d.]+ networks/s · \d+ s left$", done.stdout, re.MULTILINE)
    return folder


def changed(folder: Path, old: str, new: str) -> Path:
    """Write the tiny config with one thing changed to another file and return it."""
    assert old in TINY
    path = folder / "changed.yaml"
    path.write_text(TINY.replace(old, new))
    return path


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> DryRun:
    """Ask once what would run from nothing."""
    folder = tmp_path_factory.mktemp("planned")
    return dry_run(folder, write_config(folder))


def test_whole_path(planned: DryRun) -> None:
    """From nothing, every step runs: a job a data set, a shard and a figure, and one of each other step."""
    once = {
        "all",
        "tables",
        "stats",
        "layer_stats",
        "activations",
        "boundaries",
        "theory",
        "probe",
        "exact",
        "cost",
        "claims",
    }
    once |= {"latex", "report", "manifest", *(["paper"] if typesetting_commands("paper") else [])}
    assert planned.jobs == Counter(dict.fromkeys(once, 1)) + Counter(data=1, train=2, figure=len(figure_names()))


def jobs_of(text: str) -> dict[str, tuple[set[str], set[str]]]:
    """Return what each job makes and what it waits for, by what is said of it."""
    found = re.findall(
        r"^Job \d+: (.+)\nReason: Missing output files: ([^;\n]*)(?:; Input.*?: (.*))?$", text, re.MULTILINE
    )
    return {said: (set(made.split(", ")), set(filter(None, awaited.split(", ")))) for said, made, awaited in found}


def test_a_figure_waits_for_what_it_declares(planned: DryRun) -> None:
    """Each figure is redrawn when a table or statistic that it reads changes, or the runs, and for nothing else."""
    jobs = jobs_of(planned.text)
    for name in figure_names():
        stats = {f"results/tiny/stats/{statistic}.csv" for statistic in figure_needs(name, "STATS")}
        tables = {f"results/tiny/tables/{table}.parquet" for table in {"runs", *figure_needs(name, "TABLES")}}
        assert jobs[f"Draw {name}"][1] == stats | tables, name


def test_a_step_waits_for_what_it_reads(planned: DryRun) -> None:
    """Tables for shards, statistics for tables, claims for what is exact and timed; report and manifest for all."""
    jobs = jobs_of(planned.text)
    tables, scores, layers = (jobs[said][0] for said in (
        "Gather the shards into tables", "Compute statistics", "Compute statistics of layers"))  # fmt: skip
    cost, exact = (jobs[said][0] for said in ("Time the activations", "Check what calculus settles"))
    papers = jobs["Write tables and numbers for papers"]
    assert {file.split("/")[-2] for file in jobs["Gather the shards into tables"][1]} == {"shards"}
    assert jobs["Compute statistics"][1] == tables | cost
    assert jobs["Compute statistics of layers"][1] == tables
    assert jobs["Judge the ledger of claims"][1] == tables | cost | exact
    assert papers[1] == tables | scores | layers
    for said in ("Tabulate what theory predicts", "Tabulate decision boundaries"):
        assert "data/mnist1d.npz" in jobs[said][1]
    every = set[str]().union(*(made for made, _ in jobs.values()))
    page, manifest, paper = (jobs.get(said, (set(), set())) for said in (
        "Write the report page", "Write the manifest", "Compile the example paper"))  # fmt: skip
    data = {file for file in every if file.startswith("data/")}
    assert manifest[1] == every - manifest[0] - paper[0] - data
    assert page[1] == manifest[1] - page[0] - papers[0] - {file for file in every if "/shards/" in file}


def test_default_config(tmp_path: Path) -> None:
    """Without --configfile the default grid runs; its dry run takes at most five usual seconds of processor time."""
    before = os.times()
    found = dry_run(tmp_path, None)
    after = os.times()
    assert sum(found.jobs.values()) <= 500
    assert any("results/default/manifest.json" in line for line in found.text.splitlines())
    assert after.children_user + after.children_system - before.children_user - before.children_system < 5 * slowness()


def test_paper_config(tmp_path: Path) -> None:
    """The dry run of the full grid takes at most twenty usual seconds of processor time, and at most 500 jobs train."""
    before = os.times()
    found = dry_run(tmp_path, ROOT / "config" / "paper.yaml")
    after = os.times()
    assert 100 < found.jobs["train"] <= 500
    assert after.children_user + after.children_system - before.children_user - before.children_system < 20 * slowness()


def test_a_given_config_stands_alone(tmp_path: Path) -> None:
    """--configfile is not mixed with the default config: no shard and no name of it appears."""
    found = dry_run(tmp_path, write_config(tmp_path))
    assert found.shards == {shard.id for shard in make_shards(tiny_design(tmp_path).runs, 300)}
    assert "results/default" not in found.text


def test_second_call_does_nothing(finished: Path) -> None:
    """When all is there, there is nothing to do."""
    assert "Nothing to be done" in dry_run(finished, finished / "tiny.yaml", TABLES).text


def test_another_activation_trains_its_own_shard(finished: Path) -> None:
    """Adding an activation schedules its shard and what follows, no other training."""
    found = dry_run(finished, changed(finished, "[relu, tanh]", "[gelu, relu, tanh]"), TABLES)
    assert found.shards == {"mnist1d-mlp-gelu"}
    assert found.jobs == Counter(train=1, tables=1)


def test_a_removed_activation_trains_nothing(finished: Path) -> None:
    """Taking an activation out repeats only the tables."""
    found = dry_run(finished, changed(finished, "[relu, tanh]", "[tanh]"), TABLES)
    assert found.jobs == Counter(tables=1)


def test_another_seed_trains_every_shard(finished: Path) -> None:
    """A change of a shard's runs is seen, though the names of all files stay the same."""
    found = dry_run(finished, changed(finished, "[0, 1]", "[1, 2]"), TABLES)
    assert found.jobs == Counter(train=2, tables=1)


def test_renaming_and_rewording_trains_nothing(finished: Path) -> None:
    """Another file name, another question or another order of the same levels repeats only the tables."""
    reworded = "question: Does this work?\n    activation: [tanh, relu]"
    found = dry_run(
        finished, changed(finished, "question: Does it work?\n    activation: [relu, tanh]", reworded), TABLES
    )
    assert found.jobs == Counter(tables=1)


def test_new_time_stamps_train_nothing(finished: Path, tmp_path: Path) -> None:
    """Data newer than the shards do not retrain them."""
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)  # copying the files makes the data as new as the rest
    os.utime(folder / "data" / "mnist1d.npz", (time.time() + 100, time.time() + 100))
    assert "Nothing to be done" in dry_run(folder, folder / "tiny.yaml", TABLES).text


def test_a_lost_shard_comes_back_alone(finished: Path, tmp_path: Path) -> None:
    """A deleted shard file is made again, from the cache and without the others."""
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    (folder / "results" / "tiny" / "shards" / "mnist1d-mlp-relu.parquet").unlink()
    found = dry_run(folder, folder / "tiny.yaml", "results/tiny/shards/mnist1d-mlp-relu.parquet")
    assert found.jobs == Counter(train=1)
    assert found.shards == {"mnist1d-mlp-relu"}


def test_renamed_clone_and_other_folder(finished: Path) -> None:
    """Shard and table names hold no path of the machine: `--directory` alone decides where results lie."""
    found = dry_run(finished.parent, finished / "tiny.yaml", TABLES, "--directory", str(finished))
    assert "Nothing to be done" in found.text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "name: x\nstudies: {a: {activation: reluu}}",
            "studies.a.activation: unknown activation 'reluu'",
        ),
        ("name: ../x\nstudies: {a: {}}", "name: '../x' is not a word"),
        ("name: x\nstudies: {a: {depth: []}}", "studies.a.depth: an empty list"),
        ("name: x\nname: y\nstudies: {a: {}}", "line 2: key 'name' stands here twice"),
    ],
)
def test_bad_config_stops_before_any_job(tmp_path: Path, text: str, problem: str) -> None:
    """A bad config is one line on standard error and exit code 2, with no traceback and nothing written."""
    path = write_config(tmp_path, text)
    done = snakemake(tmp_path, "--configfile", str(path))
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if not line.startswith("Using workflow specific profile")]
    assert len(lines) == 1
    assert lines[0].startswith("tiny.yaml: ")
    assert problem in lines[0]
    assert {file.name for file in tmp_path.iterdir()} <= {"tiny.yaml", ".snakemake"}


def test_a_bad_ledger_stops_before_any_job(tmp_path: Path) -> None:
    """Claims are judged last, but a ledger that cannot be is refused first, in one line, with nothing written."""
    for name in ("workflow", "config"):
        shutil.copytree(ROOT / name, tmp_path / "project" / name)
    with (tmp_path / "project" / "config" / "claims.yaml").open("a") as ledger:
        ledger.write("\nno_claim: 1\n")
    folder = tmp_path / "work"
    folder.mkdir()
    words = ["--configfile", str(write_config(folder)), "--snakefile", str(tmp_path / "project/workflow/Snakefile")]
    done = snakemake(folder, *words)
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if not line.startswith("Using workflow specific profile")]
    assert len(lines) == 1
    assert "claims.yaml: " in lines[0]
    assert "no_claim" in lines[0]
    assert {file.name for file in folder.iterdir()} <= {"tiny.yaml", ".snakemake"}


def test_settings_have_one_place(tmp_path: Path) -> None:
    """--config and a second --configfile are refused: results must follow from one file."""
    path = str(write_config(tmp_path))
    for words in (["--config", "name=other"], ["--configfile", path, path]):
        done = snakemake(tmp_path, "--dry-run", *words)
        assert done.returncode == 2
        assert "give one --configfile and no --config" in done.stderr


def test_a_failed_job_shows_its_log(finished: Path, tmp_path: Path) -> None:
    """A job that fails ends in a non-zero exit, its own message is seen, and no output is left."""
    folder = tmp_path / "copy"
    shutil.copytree(finished, folder)
    shard = folder / "results" / "tiny" / "shards" / "mnist1d-mlp-relu.parquet"
    shard.write_bytes(b"not a table")
    (folder / TABLES).unlink()
    done = snakemake(folder, TABLES, "--configfile", "tiny.yaml")
    assert done.returncode == 1
    assert "mnist1d-mlp-relu.parquet" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not (folder / TABLES).exists()


def test_the_report_of_snakemake_needs_no_network(finished: Path, tmp_path: Path) -> None:
    """`snakemake --report` writes, offline, one page with figures and statistics, which loads nothing else."""
    folder, drawn = tmp_path / "copy", "figures/tiny/activation_ranking.svg"
    shutil.copytree(finished, folder)
    (tmp_path / "offline").mkdir()
    (tmp_path / "offline" / "sitecustomize.py").write_text(OFFLINE)
    tried = "import socket; socket.create_connection(('localhost', 9))"
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "offline")}
    refused = subprocess.run(
        [sys.executable, "-c", tried], env=environment, capture_output=True, text=True, check=False
    )
    assert "this test has no network" in refused.stderr
    for words in ([drawn], [drawn, "--report", "page.html"]):
        done = snakemake(folder, *words, "--configfile", "tiny.yaml", before=str(tmp_path / "offline"))
        assert done.returncode == 0, done.stdout + done.stderr
    page = (folder / "page.html").read_text(encoding="utf-8")
    assert all(name in page for name in ("activation_ranking.svg", "ranking.csv", "by_depth.csv", "data:image/svg"))
    assert re.findall(r"""<(?:script|link|img|iframe)[^>]+(?:src|href)=["'](?!data:)[^"']+""", page) == []


def test_slurm_profile_is_whole(tmp_path: Path) -> None:
    """The profile for SLURM is read with the default one, and wants the same jobs, without a cluster at hand."""
    profile = ROOT / "workflow" / "profiles" / "slurm"
    found = dry_run(tmp_path, write_config(tmp_path), TABLES, "--profile", str(profile), "--executor", "local")
    assert found.jobs == Counter(data=1, train=2, tables=1)
    settings = yaml.safe_load((profile / "config.yaml").read_text())
    assert settings["executor"] == "slurm"
    rules = re.findall(
        r"^rule (\w+):", "".join(file.read_text() for file in ROOT.glob("workflow/rules/*.smk")), re.MULTILINE
    )
    assert set(settings["set-resources"]) <= set(rules)


def test_lint_is_clean(tmp_path: Path) -> None:
    """Snakemake's own linter finds nothing."""
    done = snakemake(ROOT, "--lint")
    assert done.returncode == 0
    assert "your workflow is in a good condition" in done.stdout + done.stderr


def test_every_rule_is_one_call_with_a_log(project_root: Path) -> None:
    """Each rule with outputs calls one verb in `shell:` and has a log; each rule file opens with inputs and outputs."""
    for file in (project_root / "workflow" / "rules").glob("*.smk"):
        text = file.read_text()
        assert re.match(r"# .+\n# Inputs: .+\n(#  .*\n)*# Outputs: ", text), file.name
        for rule in re.split(r"^rule ", text, flags=re.MULTILINE)[1:]:
            if "output:" in rule:
                (verb,) = re.findall(r"python -m actbench (\w+)", rule)
                assert verb in VERBS
                assert "    message:\n" in rule
                assert "    log:\n" in rule
                assert "{log}" in rule
        assert not re.search(r"^    (run|script|notebook):", text, re.MULTILINE)


def test_a_step_repeats_when_its_code_its_config_or_its_ledger_changes(project_root: Path) -> None:
    """Each rule from the tables on has the sources of its verb among its inputs, and what its command line names."""
    rules = "".join((project_root / "workflow" / "rules" / f"{name}.smk").read_text() for name in PARTS)
    for rule in re.split(r"^rule ", rules, flags=re.MULTILINE)[1:]:
        for verb in re.findall(r"python -m actbench (\w+)", rule):
            inputs = rule.partition("    output:")[0]
            assert "code=code_of_figure," in inputs if verb == "figure" else f'code_of("shell.{verb}")' in inputs
            through_tables = re.search(r"rules\.tables\.|tables_of_figure|runs\.parquet|figures=rules\.figures", inputs)
            assert "{CONFIG}" not in rule or "config=CONFIG_FILE" in inputs or through_tables, verb
            assert "{LEDGER}" not in rule or "ledger=LEDGER_FILE" in inputs, verb


def test_environment_of_jobs_is_the_lock(project_root: Path) -> None:
    """The packages for `--sdm conda` have the versions of requirements.lock."""
    environment = yaml.safe_load((project_root / "workflow" / "envs" / "actbench.yaml").read_text())
    packages = environment["dependencies"][-1]["pip"]
    assert len(packages) > 5
    assert set(packages) <= set((project_root / "requirements.lock").read_text().splitlines())


def test_a_missing_gpu_stops_the_workflow_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`device: cuda` without a driver is one line that names it, with exit code 2; what trains nothing goes on."""
    driver = tmp_path / "bin" / "nvidia-smi"
    driver.parent.mkdir()
    driver.write_text("#!/bin/sh\nexit 9\n")
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", f"{driver.parent}{os.pathsep}{os.environ['PATH']}")
    config = write_config(tmp_path, TINY.replace("name: tiny", "name: tiny\ndevice: cuda"))
    done = snakemake(tmp_path, "--configfile", str(config))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("device: 'cuda' cannot be had: no NVIDIA driver")
    assert not (tmp_path / "data").exists()
    assert snakemake(tmp_path, "data/mnist1d.npz", "--configfile", str(config)).returncode == 0
    assert (tmp_path / "data" / "mnist1d.npz").exists()


# Each job counts those that have begun and not ended.
ON_ONE_CARD = """
rule all:
    input: "a", "b"

rule train:
    output: "{name,[ab]}"
    resources: gpu=1
    shell: "touch {output}.begun; sleep 1; ls *.begun | wc -l > {output}; rm {output}.begun"
"""


def test_jobs_take_turns_on_a_gpu(tmp_path: Path, project_root: Path) -> None:
    """Under the profile that every local call reads, one of the jobs that ask for a GPU runs at a time."""
    (tmp_path / "Snakefile").write_text(ON_ONE_CARD)
    profile = str(project_root / "workflow" / "profiles" / "default")
    command = [SNAKEMAKE, "--cores", "2", "--workflow-profile", profile]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, timeout=60)
    assert [(tmp_path / name).read_text().strip() for name in "ab"] == ["1", "1"]
