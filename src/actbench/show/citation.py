"""How to cite actbench at the commits that trained a result."""

from collections.abc import Iterable

from actbench import __version__


def bibtex(commits: Iterable[str]) -> str:
    """Return a BibTeX entry of the software at the commits that trained the runs."""
    note = f"version {__version__}, commit {', '.join(commits)}"
    return (
        "@software{actbench,\n"
        "  author = {{The actbench authors}},\n"
        "  title = {actbench: how activation, depth, initialisation, normalisation, skips and clipping act together on"
        " training},\n"
        f"  note = {{{note}}}\n"
        "}"
    )
