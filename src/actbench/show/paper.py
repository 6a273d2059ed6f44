"""The example paper, compiled with the figures, the table and the numbers of one config."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from actbench.analysis.numbers import FAMILIES, macro
from actbench.analysis.tables import RESULTS
from actbench.plan.atomic_file import replacing
from actbench.plan.checksums import refuse_damaged
from actbench.plan.config import Config
from actbench.plan.errors import ConfigError
from actbench.plan.typesetting import NEEDED, typesetting_commands
from actbench.show.latex import FILES, latex_folder

PAPER, FIGURES = Path("paper"), Path("figures")
DOCUMENT = "paper"
SHOWN_AS = "default"  # the config whose folders the source of the paper names
FROM_NUMBERS = re.compile(rf"\\((?:{'|'.join(map(macro, FAMILIES))})[A-Z][A-Za-z]*)")
DRAWN = re.compile(r"\\includegraphics\{\\figures/(\w+)\}")
SECONDS = 300


def write_paper(
    config: Config, paper: Path = PAPER, results: Path = RESULTS, figures: Path = FIGURES
) -> tuple[Path, list[str]]:
    """Compile paper/paper.tex for a config to results/<name>/paper.pdf; the same results give the same bytes.

    A macro that the config has no number for prints as `??`, as LaTeX does with a reference that it cannot resolve.

    Returns:
        The path, and the macros without a number.

    Raises:
        ConfigError: no LaTeX here, a file is missing, or LaTeX stops.
    """
    commands = typesetting_commands(DOCUMENT)
    if not commands:
        raise ConfigError("paper", f"no LaTeX here; install {NEEDED}")
    path = results / config.name / f"{DOCUMENT}.pdf"
    with tempfile.TemporaryDirectory() as folder:
        missing = _lay_out(Path(folder), config.name, paper, results, figures)
        for command in commands:
            _run(command, Path(folder) / "paper")
        with replacing(path) as (partial,):
            shutil.copyfile(Path(folder) / "paper" / f"{DOCUMENT}.pdf", partial)
    return path, missing


def _lay_out(folder: Path, name: str, paper: Path, results: Path, figures: Path) -> list[str]:
    """Put source, numbers and figures where the source expects them; return the macros without a number."""
    source = paper / f"{DOCUMENT}.tex"
    latex = folder / "results" / SHOWN_AS / "latex"
    drawn = [figures / name / f"{figure}.pdf" for figure in DRAWN.findall(_text(source))]
    _copy([latex_folder(name, results) / file for file in FILES], latex, "run `actbench latex` with this config")
    _copy(drawn, folder / "figures" / SHOWN_AS, "run `actbench figure` with this config")
    (folder / "paper").mkdir()
    shutil.copy(source, folder / "paper")
    missing = macros_without_number(_text(source), _text(latex / "numbers.tex"))
    with (latex / "numbers.tex").open("a", encoding="utf-8") as numbers:
        numbers.writelines(f"\\newcommand{{\\{name}}}{{\\textbf{{??}}}}\n" for name in missing)
    return missing


def macros_without_number(source: str, numbers: str) -> list[str]:
    """Return the macros of the text that `numbers.tex` does not define, sorted."""
    defined = set(re.findall(r"\\newcommand\{\\(\w+)\}", numbers))
    return sorted(set(FROM_NUMBERS.findall(source)) - defined)


def _copy(files: list[Path], folder: Path, remedy: str) -> None:
    """Copy products, each as it was written."""
    refuse_damaged(*files, remedy=remedy)
    folder.mkdir(parents=True)
    for file in files:
        try:
            shutil.copy(file, folder)
        except FileNotFoundError:
            raise ConfigError(str(file), f"no such file; {remedy}") from None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(str(file), "no such file; start from the root of the project, or give --paper") from None
    except UnicodeDecodeError:
        raise ConfigError(str(file), "not a text in UTF-8; save it so") from None


def _run(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ConfigError("paper", f"{command[0]} took more than {SECONDS} s") from None
    if done.returncode:
        errors = [line for line in done.stdout.decode(errors="replace").splitlines() if line.startswith("!")]
        raise ConfigError("paper", f"{command[0]} stopped: {' '.join(errors[:1]) or f'exit code {done.returncode}'}")
