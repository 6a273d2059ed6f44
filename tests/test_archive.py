"""An archive holds a whole result, gives the same bytes twice, and unpacks to what it was."""

import io
import re
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from actbench.analysis.archive import unpack_archive, write_archive
from actbench.analysis.manifest import check_manifest, write_manifest
from actbench.plan.config import load_config
from actbench.plan.errors import ConfigError
from actbench.show import downloads, report
from actbench.show.contract import declaration
from actbench.show.figure_file import write_figure
from actbench.show.latex import write_latex
from drawn import draw_from
from once import made_once

# The ledger behind the verdicts, and what the keys and the columns mean.
EXPLAINING = ("config/claims.yaml", "config/README.md", "results/README.md")
FIGURE = "accuracy_by_depth"
LINK = re.compile(r"""\]\(([^)\s]+)\)|(?:href|src)="([^"]+)\"""")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a small project with results, one figure, tables for papers and a manifest."""
    shutil.copytree(made_once("archived", make_project), tmp_path, dirs_exist_ok=True)
    return tmp_path


def make_project(folder: Path) -> None:
    """Make all that an archive holds."""
    config = load_config(draw_from(folder))
    write_figure(FIGURE, config, folder / "results", folder / "figures")
    write_latex(config, folder / "results")
    write_manifest(config, folder / "results", folder / "figures")
    (folder / "CITATION.cff").write_text("cff-version: 1.2.0\n")
    (folder / "README.md").write_text("![of the project](figures/reference/default/trainable_share.png)\n")
    (folder / "config").mkdir()
    for name in EXPLAINING:
        (folder / name).write_text(f"words of {name}\n")


def links(file: Path) -> Iterator[str]:
    """Yield what a Markdown or HTML file links to or shows, other than parts of itself and what it holds."""
    text = re.sub(r"<script.*?</script>", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
    for markdown, html in LINK.findall(text):
        if not (markdown or html).startswith(("data:", "#")):
            yield markdown or html


def pack(root: Path, name: str = "drawn.tar.gz") -> Path:
    """Pack the project's result."""
    write_archive(root / "drawn.yaml", root / name, root / "results", root / "figures", root)
    return root / name


def test_the_same_result_gives_the_same_bytes(root: Path) -> None:
    """No time, owner or order of a folder stands in the archive."""
    assert pack(root).read_bytes() == pack(root, "again.tar.gz").read_bytes()


def test_redrawing_from_an_unpacked_archive_gives_the_same_bytes(root: Path, tmp_path: Path) -> None:
    """Unpacked elsewhere, every product is there with its bytes, and a figure drawn anew equals the packed one."""
    elsewhere = tmp_path / "else where"
    names = unpack_archive(pack(root), elsewhere)
    assert {"config/drawn.yaml", "CITATION.cff", "results/drawn/manifest.json"} <= set(names)
    assert {"results/drawn/tables/runs.parquet", "results/drawn/latex/numbers.tex"} <= set(names)
    assert all((elsewhere / name).read_text() == f"words of {name}\n" for name in EXPLAINING)
    packed = {path.name: path.read_bytes() for path in (elsewhere / "figures" / "drawn").glob("[!.]*")}
    config = load_config(elsewhere / "config" / "drawn.yaml")
    assert check_manifest(config, elsewhere / "results", elsewhere / "figures") == []
    drawn = write_figure(FIGURE, config, elsewhere / "results", elsewhere / "new")
    assert {path.name: path.read_bytes() for path in drawn} == packed


def test_every_link_of_an_unpacked_archive_leads_to_a_file_of_it(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that Markdown files and the page link to or show is packed too, also where the page embeds nothing."""
    monkeypatch.setattr(report, "declarations", lambda: {FIGURE: declaration(FIGURE)})
    monkeypatch.setattr(downloads, "LARGEST_EMBEDDED", 10)
    report.write_report(root / "drawn.yaml", root / "results", root / "figures")
    write_manifest(load_config(root / "drawn.yaml"), root / "results", root / "figures")
    elsewhere = tmp_path / "else where"
    unpack_archive(pack(root), elsewhere)
    texts = [file for file in elsewhere.rglob("*") if file.suffix in (".md", ".html")]
    found = [(file, urlsplit(link)) for file in texts for link in links(file)]
    lost = [(file.name, link.path) for file, link in found if not (file.parent / unquote(link.path)).exists()]
    assert lost == []
    assert all(not link.scheme and not link.netloc for _, link in found)
    assert {"README.md", "report.html"} <= {file.name for file, _ in found}


def test_the_readme_says_what_was_packed(root: Path, tmp_path: Path) -> None:
    """It shows a figure, links to the config and the tables, and names counts, commit and how to check and redraw."""
    unpack_archive(pack(root), tmp_path / "new")
    text = (tmp_path / "new" / "README.md").read_text()
    for words in (
        f"](figures/drawn/{FIGURE}.png)", "](config/drawn.yaml)", "](results/drawn/tables/)", "](CITATION.cff)",
        "72 trained networks", "at commit 000000000000", "manifest config/drawn.yaml --check",
        "figure config/drawn.yaml",
    ):  # fmt: skip
        assert words in text, words
    assert "LICENSE" not in text, "it is not packed here"


def test_a_changed_product_is_not_packed(root: Path) -> None:
    """What differs from the manifest is named and nothing is written."""
    (root / "results" / "drawn" / "latex" / "main.md").write_text("edited")
    with pytest.raises(ConfigError, match=r"main.md: changed.*run snakemake again"):
        pack(root)
    assert not (root / "drawn.tar.gz").exists()


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside"])  # noqa: S108
def test_nothing_is_unpacked_outside_its_folder(tmp_path: Path, name: str) -> None:
    """A name that leads out of the folder is an error before anything is written."""
    archive = tmp_path / "bad.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        entry = tarfile.TarInfo(name)
        tar.addfile(entry, io.BytesIO(b""))
    with pytest.raises(ConfigError, match="no plain file inside the archive"):
        unpack_archive(archive, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_links_and_rubbish_are_refused(tmp_path: Path) -> None:
    """A link, a file that is no archive, and a folder that is in use are errors in one line."""
    archive = tmp_path / "link.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        entry = tarfile.TarInfo("link")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(entry)
    with pytest.raises(ConfigError, match="no plain file"):
        unpack_archive(archive, tmp_path / "new")
    archive.write_bytes(b"rubbish")
    with pytest.raises(ConfigError, match="not a readable archive"):
        unpack_archive(archive, tmp_path / "new")
    with pytest.raises(ConfigError, match="not empty"):
        unpack_archive(archive, tmp_path)
