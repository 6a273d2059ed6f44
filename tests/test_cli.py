"""actbench.shell.cli: verbs, help, errors and exit codes."""

import ast
import importlib
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from actbench import __version__
from actbench.plan.errors import LONGEST, ConfigError, nearest
from actbench.shell import cli
from actbench.shell.cli import VERBS, main
from tiny import write_config

# Verbs that read no config.
WITHOUT_CONFIG = {
    "cache",
    "compare",
    "cost",
    "data",
    "probe",
    "diff",
    "validate",
}


def run(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user does."""
    command = [sys.executable, "-m", "actbench", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60)


def test_overview_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a word, and with --help, every verb is listed with what it does."""
    for words in ([], ["--help"], ["-h"]):
        assert main(words) == 0
        out = capsys.readouterr().out
        assert all(verb in out and text in out for verb, text in VERBS.items())


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """--version prints name and version."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"actbench {__version__}\n"


def test_every_module_is_a_verb(project_root: Path) -> None:
    """A module of the shell that has a `run` is a verb, and every verb has its module."""
    found = set()
    for file in (project_root / "src" / "actbench" / "shell").glob("*.py"):
        functions = {node.name for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)}
        if {"configure", "run"} <= functions:
            found.add(file.stem)
    assert found == set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every verb's --help exits with 0 and shows an example that calls that verb."""
    with pytest.raises(SystemExit) as stopped:
        main([verb, "--help"])
    assert stopped.value.code == 0
    out = capsys.readouterr().out
    assert "example: actbench" in out
    assert importlib.import_module(f"actbench.shell.{verb}").EXAMPLE.startswith(f"actbench {verb}")


def words_of(verb: str) -> list[str]:
    """Return the words of a verb's example, behind `actbench VERB`."""
    return shlex.split(importlib.import_module(f"actbench.shell.{verb}").EXAMPLE)[2:]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_answers_in_json(verb: str) -> None:
    """Each verb takes --json, and its example is one that it accepts."""
    parser = cli._Parser(prog=verb)
    importlib.import_module(f"actbench.shell.{verb}").configure(parser)
    assert parser.parse_args([*words_of(verb), *([] if "--json" in words_of(verb) else ["--json"])]).json


@pytest.mark.parametrize("verb", VERBS)
def test_an_example_works_where_it_is_pasted(verb: str, project_root: Path) -> None:
    """A file that an example reads is in the project, or is a product of a config: results/<name>/…"""
    products = ("results/default", "results/smoke/")
    files = [word for word in words_of(verb) if "/" in word and not word.startswith((*products, "rank/"))]
    assert [file for file in files if not (project_root / file).exists()] == []


@pytest.mark.parametrize(
    "words",
    ["reproduce --sample 2", "audit", "archive", "claims", "claims some-claim", "cite x", "explain x", "diagnose x"],
)
def test_results_are_those_of_the_default_grid(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is asked of results without naming a config is asked of config/config.yaml."""
    monkeypatch.chdir(tmp_path)
    assert main(words.split()) == 2
    assert capsys.readouterr().err == "config/config.yaml: no such file; the shipped ones are in config/\n"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("audit a.yaml --summary b.csv", "actbench audit: give a CONFIG or --summary TABLE.csv, not both"),
        ("audit a.yaml --whole", "--whole: is said of a table"),
        ("archive --unpack here", "--unpack: name the archive too"),
        ("cost CONFIG --activation relu", "--activation: a config has its own activations"),
        ("cost --activation relu relu", "--activation: a level stands there twice"),
        ("cost --activation reluu", "--activation: unknown activation 'reluu'; did you mean relu"),
        ("diff a b --tolerance inf", "--tolerance: inf is no number from 0 on"),
        ("diff a b --tolerance nan", "--tolerance: nan is no number from 0 on"),
        ("reproduce CONFIG --sample 1 --tolerance inf", "--tolerance: inf is no number from 0 on"),
        ("plan CONFIG --cluster --nodes 0", "--nodes: 0 is not above 0"),
        ("plan CONFIG --cluster --gpu-cores nan", "--gpu-cores: nan is not above 0"),
    ],
)
def test_words_that_do_not_fit_are_one_line(
    words: str, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Words that contradict each other, and numbers that are none, end with exit code 2 before anything is done."""
    assert main(words.replace("CONFIG", str(write_config(tmp_path))).split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(problem)
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize("verb", VERBS)
def test_an_unknown_option_is_one_line(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What the parser itself refuses ends with exit code 2 and one line that says where help is."""
    assert main([verb, "--no-such-option"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith(f"actbench {verb}")
    assert captured.err.endswith("--help\n")


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in WITHOUT_CONFIG])
def test_bad_config_is_one_line_for_every_verb(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every verb that reads a config refuses a bad one in one line on standard error, with exit code 2."""
    path = write_config(tmp_path, "name: x\nstudies: {a: {activation: reluu}}")
    more = {"figure": ["learning_curves"], "train": ["--shard", "a", "--output", str(tmp_path / "a.parquet")]}
    more["reproduce"] = ["--sample", "1"]
    more["explain"] = more["diagnose"] = more["cite"] = ["--config", str(path)]
    assert main([verb, str(path), *more.get(verb, [])]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith(f"{path}: studies.a.activation: unknown activation 'reluu'; did you mean relu")


def test_unknown_verb(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown verb is one line with the nearest one."""
    assert main(["chekc", "x"]) == 2
    assert capsys.readouterr().err == "actbench: unknown verb 'chekc'; did you mean check or cache or archive?\n"


def test_process_exits_with_the_code(tmp_path: Path) -> None:
    """`python -m actbench` hands the exit code on, and prints no traceback."""
    path = write_config(tmp_path)
    assert run("check", str(path)).returncode == 0
    bad = run("check", str(tmp_path / "absent.yaml"))
    assert bad.returncode == 2
    assert bad.stderr.count("\n") == 1
    assert "Traceback" not in bad.stderr
    assert run("check").returncode == 2


def redirected(words: str, redirection: str, buffered: bool) -> subprocess.CompletedProcess[str]:
    """Run a line of bash that ends in the exit code of the command line."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    environment |= {} if buffered else {"PYTHONUNBUFFERED": "1"}
    line = f"'{sys.executable}' -m actbench {words} {redirection}; echo ${{PIPESTATUS[0]}}"
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, env=environment)


with_and_without_buffer = pytest.mark.parametrize("buffered", [True, False])


@with_and_without_buffer
@pytest.mark.parametrize("words", ["--help", "--version", "check --help", "check CONFIG", "plan CONFIG --shards"])
def test_a_reader_that_has_left_is_no_error(words: str, buffered: bool, tmp_path: Path) -> None:
    """`actbench … | true` ends quietly with 0, whatever is printed and however much of it at once."""
    done = redirected(words.replace("CONFIG", f"'{write_config(tmp_path)}'"), "| true", buffered)
    assert (done.stdout, done.stderr) == ("0\n", "")


@with_and_without_buffer
@pytest.mark.parametrize("redirection", ["2>&1 >/dev/null | true", "2>/dev/full", "2>&-"])
def test_an_error_that_nobody_reads_keeps_its_code(redirection: str, buffered: bool) -> None:
    """Where standard error leads nowhere, bad input still ends with 2, and says nothing elsewhere."""
    done = redirected("check absent.yaml", redirection, buffered)
    assert (done.stdout, done.stderr) == ("2\n", "")


@with_and_without_buffer
@pytest.mark.parametrize("words", ["check --help", "check CONFIG"])
def test_an_answer_that_cannot_be_written_is_no_success(words: str, buffered: bool, tmp_path: Path) -> None:
    """A full disk under standard output is one line and exit code 2; a closed one is what the user asked for."""
    command = words.replace("CONFIG", f"'{write_config(tmp_path)}'")
    full = redirected(command, ">/dev/full", buffered)
    assert full.stdout == "2\n"
    assert full.stderr.startswith("actbench: No space left on device")
    assert full.stderr.count("\n") == 1
    assert redirected(command, ">&-", buffered).stdout == "0\n"


def test_interrupt_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C says that finished work is kept and exits as a process killed by that signal does."""

    def interrupted(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.importlib, "import_module", interrupted)
    assert main(["check", "x"]) == 130
    assert capsys.readouterr().err == "stopped; finished work is kept\n"


@pytest.mark.parametrize("verb", ["check", "plan"])
def test_planning_needs_no_torch(verb: str, project_root: Path) -> None:
    """Neither check nor plan imports anything that costs seconds."""
    code = "import sys; from actbench.shell.cli import main; main(sys.argv[1:]);"
    code += "print(sorted({'torch', 'pandas', 'numpy', 'pyarrow'} & set(sys.modules)), file=sys.stderr)"
    command = [
        sys.executable,
        "-c",
        code,
        verb,
        "config/smoke.yaml",
        "--json",
        "--results",
        "absent",
        "--cache",
        "absent",
    ]
    command = command if verb == "plan" else command[:-4]
    done = subprocess.run(command, cwd=project_root, capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout)["name"] == "smoke"
    assert done.stderr == "[]\n"


def test_errors_are_one_printable_line() -> None:
    """Whatever is in an error, it prints as one line of bounded length that keeps the place and the remedy."""
    error = str(ConfigError("file\n: key", "found '" + "x" * 10_000 + "\x1b[31m'; do\tthis"))
    assert error.startswith("file : key: found 'x")
    assert error.endswith("?[31m'; do this")
    assert len(error) <= LONGEST + 3
    assert error.isprintable()


def test_nearest_names() -> None:
    """Near names are offered, nearest first; where none is near, or there are few, all are listed."""
    assert nearest("gelo", ["relu", "gelu", "tanh"]).startswith("did you mean gelu")
    assert nearest("TANH", ["relu", "tanh", "gelu", "silu"]) == "did you mean tanh?"
    assert nearest("gpu", ["auto", "cpu", "cuda"]) == "did you mean cpu? known: auto, cpu, cuda"
    assert nearest("zzz", ["b", "a"]) == "known: a, b"
    assert nearest("mian", ["main", "main"]) == "did you mean main? known: main"
