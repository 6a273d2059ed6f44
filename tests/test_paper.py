"""The example paper uses what the pipeline writes, compiles where LaTeX is, and is left out with a word elsewhere."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from actbench.plan.config import load_config
from actbench.plan.errors import ConfigError
from actbench.plan.sources import figure_names
from actbench.plan.typesetting import PDFLATEX, typesetting_commands
from actbench.shell.cli import main
from actbench.show.figure_file import write_figure
from actbench.show.latex import FILES, write_latex
from actbench.show.paper import DRAWN, macros_without_number, write_paper
from drawn import draw_from
from source_tree import ROOT
from tiny import write_config

PAPER = ROOT / "paper"
SOURCE = (PAPER / "paper.tex").read_text(encoding="utf-8")
TEX = {"latexmk", "pdflatex", "bibtex"}
needs_latex = pytest.mark.skipif(
    not typesetting_commands("paper"), reason="needs LaTeX; Debian: latexmk texlive-latex-…"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write all that a paper takes from made-up results."""
    folder = tmp_path_factory.mktemp("paper")
    config = load_config(draw_from(folder))
    write_latex(config, folder / "results")
    for name in DRAWN.findall(SOURCE):
        write_figure(name, config, folder / "results", folder / "figures")
    return folder


def compile_there(folder: Path) -> tuple[Path, list[str]]:
    """Compile the paper of the made-up results."""
    return write_paper(load_config(folder / "drawn.yaml"), PAPER, folder / "results", folder / "figures")


def path_without_latex(folder: Path) -> str:
    """Return a PATH of links to every program but those of LaTeX."""
    links = folder / "programs"
    links.mkdir()
    for place in os.environ["PATH"].split(os.pathsep):
        for program in Path(place).iterdir() if Path(place).is_dir() else ():
            if program.name not in TEX and not (links / program.name).is_symlink():
                (links / program.name).symlink_to(program.absolute())
    return str(links)


def test_every_number_of_the_paper_is_in_the_reference(tmp_path: Path) -> None:
    """The macros of the text, at least ten, are all in the numbers.tex of the reference result."""
    results = tmp_path / "results"
    shutil.copytree(ROOT / "results" / "reference", results)
    write_latex(load_config(ROOT / "config" / "config.yaml"), results)
    numbers = (results / "default" / "latex" / "numbers.tex").read_text(encoding="utf-8")
    assert macros_without_number(SOURCE, numbers) == []
    assert len(macros_without_number(SOURCE, "")) >= 10


def test_every_file_of_the_paper_is_made() -> None:
    """The figures, the inputs and the bibliography are products of the pipeline, by their names."""
    drawn, inputs = DRAWN.findall(SOURCE), re.findall(r"\\input\{\\results/(.+?)\}", SOURCE)
    assert 2 <= len(drawn) == SOURCE.count("\\includegraphics")
    assert set(drawn) <= set(figure_names())
    assert set(inputs) == {"numbers.tex", "main.tex"} <= set(FILES)
    assert re.findall(r"\\bibliography\{\\results/(\w+)\}", SOURCE) == ["actbench"]
    assert "actbench.bib" in FILES


def test_the_bibliography_is_what_cite_prints(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """actbench.bib holds the BibTeX entry of `actbench cite`, under the key that the paper cites."""
    words = ["cite", "rank/main/relu", "--config", str(folder / "drawn.yaml"), "--results", str(folder / "results")]
    assert main([*words, "--json"]) == 0
    written = (folder / "results" / "drawn" / "latex" / "actbench.bib").read_text(encoding="utf-8")
    assert written.strip() == json.loads(capsys.readouterr().out)["bibtex"]
    assert written.startswith("@software{actbench,")
    assert "\\cite{actbench}" in SOURCE


@pytest.mark.parametrize(
    ("installed", "programs"),
    [
        ({"pdflatex", "bibtex", "latexmk"}, ["latexmk"]),
        ({"pdflatex", "bibtex"}, ["pdflatex", "bibtex", "pdflatex", "pdflatex"]),
        ({"pdflatex"}, []),
        ({"latexmk", "bibtex"}, []),
        (set(), []),
    ],
)
def test_what_compiles(installed: set[str], programs: list[str]) -> None:
    """Latexmk is taken where it is, else pdflatex and bibtex in turn, else nothing."""
    commands = typesetting_commands("paper", lambda name: name if name in installed else None)
    assert [command[0] for command in commands] == programs


@needs_latex
def test_the_paper_compiles_to_the_same_bytes(folder: Path) -> None:
    """Two compilations give one PDF, which names neither the day nor a folder; a number that is missing is told."""
    path, missing = compile_there(folder)
    first = path.read_bytes()
    assert first.startswith(b"%PDF")
    assert "DifferenceMainGelu" in missing, "the made-up results have no gelu"
    assert "RankMainRelu" not in missing
    assert compile_there(folder)[0].read_bytes() == first
    assert b"CreationDate" not in first
    assert str(folder).encode() not in first


@needs_latex
def test_pdflatex_and_bibtex_do_without_latexmk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands one after the other give the PDF that latexmk gives."""
    first = compile_there(folder)[0].read_bytes()
    alone = [PDFLATEX, ["bibtex"], PDFLATEX, PDFLATEX]
    monkeypatch.setattr("actbench.show.paper.typesetting_commands", lambda name: [[*words, name] for words in alone])
    assert compile_there(folder)[0].read_bytes() == first


@needs_latex
def test_an_error_of_latex_is_one_line(folder: Path, tmp_path: Path) -> None:
    """A mistake in the source is told with LaTeX's own first line on it, and no PDF is left."""
    (tmp_path / "paper.tex").write_text(SOURCE.replace("\\maketitle", "\\maketitel"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"paper: latexmk stopped: ! Undefined control sequence"):
        write_paper(load_config(folder / "drawn.yaml"), tmp_path, folder / "results", folder / "figures")


@needs_latex
def test_a_paper_in_another_encoding_is_one_line(folder: Path, tmp_path: Path) -> None:
    """A source in Latin-1 is named, not a traceback."""
    (tmp_path / "paper.tex").write_bytes("naïve".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"paper.tex: not a text in UTF-8"):
        write_paper(load_config(folder / "drawn.yaml"), tmp_path, folder / "results", folder / "figures")


def test_without_latex_the_verb_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and one line."""
    monkeypatch.setenv("PATH", str(folder))
    assert main(["paper", str(folder / "drawn.yaml")]) == 2
    assert "no LaTeX here; install latexmk" in capsys.readouterr().err


@pytest.mark.slow
def test_without_latex_the_workflow_leaves_the_paper_out(tmp_path: Path) -> None:
    """The same workflow wants a paper.pdf where LaTeX is, and without it none, and says so at its end."""
    config = write_config(tmp_path)
    command = [str(Path(sys.executable).parent / "snakemake"), "--snakefile", str(ROOT / "workflow" / "Snakefile")]
    command += ["--configfile", str(config), "--cores", "1"]
    bare = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PATH": path_without_latex(tmp_path)}
    fake = tmp_path / "fake"
    fake.mkdir()
    for program in TEX:
        (fake / program).write_text("#!/bin/sh\n")
        (fake / program).chmod(0o755)
    dressed = bare | {"PATH": f"{fake}{os.pathsep}{bare['PATH']}"}
    for environment, expected in ((bare, False), (dressed, True)):
        done = subprocess.run(
            [*command, "--dry-run"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        assert ("Compile the example paper" in done.stdout + done.stderr) is expected
    done = subprocess.run(
        [*command, "data/mnist1d.npz"], cwd=tmp_path, env=bare, capture_output=True, text=True, check=True
    )
    assert "No LaTeX here, so results/tiny/paper.pdf is left out: install latexmk" in done.stdout + done.stderr
