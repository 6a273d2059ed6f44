"""What compiles a paper on this machine: latexmk, else pdflatex and bibtex in turn."""

import shutil
from collections.abc import Callable

NEEDED = "latexmk, or pdflatex and bibtex (Debian: texlive-latex-recommended texlive-fonts-recommended latexmk)"
PDFLATEX = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error"]

Find = Callable[[str], str | None]


def typesetting_commands(document: str, find: Find = shutil.which) -> list[list[str]]:
    """Return the commands, one after the other, that make `document`.pdf in the folder of its source.

    Args:
        document: file name without `.tex`.
        find: tells where a program is, or None.

    Returns:
        No command where LaTeX is not installed.
    """
    if not find("pdflatex"):
        return []
    if find("latexmk"):
        return [["latexmk", "-pdf", *PDFLATEX[1:], document]]
    if find("bibtex"):
        return [[*PDFLATEX, document], ["bibtex", document], [*PDFLATEX, document], [*PDFLATEX, document]]
    return []
