"""The report page: complete, self-contained, safe, and the same on every redraw."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from plotly.offline import get_plotlyjs

from actbench.plan.errors import ConfigError
from actbench.show import downloads, report
from actbench.show.contract import declarations
from actbench.show.report import write_report
from actbench.show.sheet import CHOICES, Cell, make_sheet, write_cell
from drawn import draw_all

CASES = tuple(f"depth {n}, init he_normal" for n in range(4))
LISTED, LONG_NOTE = " | ".join(CASES), "a b " * 30
Tag = tuple[str, dict[str, str | None]]


class Page(HTMLParser):
    """Every tag of a page with its attributes, and its visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[Tag] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep an element and its attributes."""
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Check that elements are closed in order."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep the text of the page."""
        if not {"style", "script"} & set(self.open):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of every element of a kind."""
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make results and every figure."""
    return draw_all(tmp_path_factory.mktemp("report")).parent


@pytest.fixture(scope="module")
def written(folder: Path) -> Path:
    """Write the page."""
    return write_report(folder / "drawn.yaml", folder / "results", folder / "figures")


@pytest.fixture(scope="module")
def page(written: Path) -> Page:
    """Parse the page."""
    return Page(written.read_text(encoding="utf-8"))


def test_the_page_is_the_same_on_every_redraw(folder: Path, written: Path) -> None:
    """Writing the page again gives the same bytes, below 15 MB."""
    first = written.read_bytes()
    assert write_report(folder / "drawn.yaml", folder / "results", folder / "figures").read_bytes() == first
    assert len(first) < 15_000_000


def test_the_page_needs_no_other_file_and_no_network(page: Page) -> None:
    """Images are embedded, links point into the page or hold the file, and the browser is told to load nothing else."""
    assert not page.open, "every element is closed"
    assert page.all("link") == page.all("iframe") == []
    assert all("src" not in script for script in page.all("script"))
    assert all((image["src"] or "").startswith("data:image/") for image in page.all("img"))
    assert all((link["href"] or "").startswith(("#", "data:")) for link in page.all("a"))
    policy = next(meta["content"] for meta in page.all("meta") if "http-equiv" in meta)
    assert (policy or "").startswith("default-src 'none'")


def test_only_the_scripts_of_the_page_may_run(written: Path, page: Page) -> None:
    """The page's policy names each of its scripts by the hash of its text, and no other source of scripts."""
    scripts = re.findall(r"<script>(.*?)</script>", written.read_text(encoding="utf-8"), re.DOTALL)
    hashes = {base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts}
    policy = next(meta["content"] for meta in page.all("meta") if "http-equiv" in meta) or ""
    assert len(hashes) == 3
    assert set(policy.split("script-src ")[1].split()) == {f"'sha256-{digest}'" for digest in hashes}


def test_claims_stand_first_when_there_are_any(folder: Path, page: Page) -> None:
    """Without claims.csv the page has no such section; with it, each verdict stands with its claim, escaped."""
    assert not any(attributes.get("id") == "claims" for _, attributes in page.tags)
    results = folder / "results"
    claims = results / "drawn" / "claims.csv"
    claims.write_text(
        "id,statement,source,kind,verdict,effect,low,high,p_adjusted,n_runs,n_seeds,holds_under,fails_under,figure,note\n"
        "tanh-slow,Tanh is <i>slower</i>.,A,measured,supported,0.02,0.01,0.03,0.00001,72,3,,,learning_curves,\n"
        "relu-dies,ReLU dies.,B,measured,conditional,,,,,72,3,depth 8,depth 2,,weak\n"
    )
    tests = results / "drawn" / "stats" / "claim_tests.csv"
    kept = tests.read_bytes() if tests.exists() else None
    tests.write_text(
        "id,test,stratum,study,rule,quantity,direction,margin,effect,low,high,unit,p,n_runs,n_seeds,verdict,note\n"
        "tanh-slow,the same speed,,main,equivalence,score,higher,0.0123,0.001,0,0.002,fraction,0.01,72,3,supported,\n"
        "tanh-slow,the same speed,depth 2,main,equivalence,score,higher,0.0456,0,0,0,fraction,,36,3,supported,\n"
    )
    try:
        shown = Page(write_report(folder / "drawn.yaml", results, folder / "figures").read_text(encoding="utf-8"))
    finally:
        claims.unlink()
        tests.unlink()
        if kept is not None:
            tests.write_bytes(kept)
    assert any(attributes.get("id") == "claims" for _, attributes in shown.tags)
    assert shown.text.index("Claims and verdicts") < shown.text.index("Choose a study")
    for words in ("Tanh is <i>slower</i>.", "supported", "< 0.0001", "depth 8", "claims.csv"):
        assert words in shown.text, words
    assert "the same speed" in shown.text
    assert "0.012" in shown.text
    assert "stratum" not in shown.text, "strata stay in the file"
    assert "claims.csv" in {link.get("download") for link in shown.all("a")}
    assert "claim_tests.csv" in {link.get("download") for link in shown.all("a")}


def test_the_protocol_is_written(page: Page) -> None:
    """The page says how rates are chosen, what the unit is, how failures count and p are corrected."""
    for words in (
        "highest mean validation accuracy", "reported scores are test accuracies", "seed is the unit of replication",
        "worst possible", "Wilson", "blocks", "Holm", "two one-sided tests", "±margin",
        "choice of learning rates is inside",
    ):  # fmt: skip
        assert words in page.text, words


def test_the_page_names_no_address(written: Path) -> None:
    """Outside the embedded files no address of the network stands in the page."""
    own = written.read_text(encoding="utf-8").replace(get_plotlyjs(), "")  # names its makers; may load nothing
    text = re.sub(r'"data:[^"]*"', '""', own)
    assert "http" not in text.replace("http-equiv", "")
    assert "url(" not in text


def test_links_within_the_page_lead_somewhere(page: Page) -> None:
    """Every link to a part of the page has its target, and no id stands twice."""
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {(link["href"] or "")[1:] for link in page.all("a") if (link["href"] or "").startswith("#")}
    assert targets <= set(ids)
    described = {value for _, attributes in page.tags if (value := attributes.get("aria-labelledby"))}
    assert described <= set(ids)


def test_every_figure_stands_with_caption_and_files(page: Page, folder: Path) -> None:
    """Each figure has its question, caption, alternative text and the four files to keep."""
    downloads = {link["download"] for link in page.all("a") if "download" in link}
    for name, declared in declarations().items():
        caption = (folder / "figures" / "drawn" / f"{name}.md").read_text(encoding="utf-8").strip()
        assert declared.question in page.text
        assert caption.removeprefix(declared.question).strip() in page.text
        assert {f"{name}.{end}" for end in ("pdf", "svg", "png", "csv")} <= downloads
    assert len(page.all("img")) == len(declarations())
    assert all(image["alt"] and image["width"] and image["height"] for image in page.all("img"))


def test_the_page_can_be_used_by_keyboard_and_on_a_phone(page: Page) -> None:
    """What scrolls can be reached by keyboard and has a name; the page fits the width of the device."""
    scrolling = [attributes for _, attributes in page.tags if "scroll" in (attributes.get("class") or "").split()]
    assert len(scrolling) > 5
    assert all(item.get("tabindex") == "0" and item.get("aria-label") for item in scrolling)
    assert any(meta.get("name") == "viewport" for meta in page.all("meta"))
    assert page.all("html")[0]["lang"] == "en"
    assert len(page.all("h1")) == len(page.all("main")) == 1


def test_text_from_the_config_is_escaped(page: Page, written: Path) -> None:
    """Markup in a description is shown as text."""
    assert "made-up <b>results</b> & no training" in page.text
    assert "<b>results</b>" not in written.read_text(encoding="utf-8")


def test_the_page_says_what_was_run_and_how(page: Page, folder: Path) -> None:
    """Counts, statuses, studies, method and provenance stand in the page, and the config word for word."""
    for words in ("Of 72 runs", "diverged", "Which?", "highest mean validation", "Holm", "cpu-avx512", "2.13.0"):
        assert words in page.text, words
    assert (folder / "drawn.yaml").read_text(encoding="utf-8").strip() in page.text


def test_a_large_file_is_linked_beside_the_page(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files above the limit are linked relative to the page, and those paths exist."""
    monkeypatch.setattr(downloads, "LARGEST_EMBEDDED", 10)
    path = write_report(folder / "drawn.yaml", folder / "results", folder / "figures")
    links = [link["href"] or "" for link in Page(path.read_text(encoding="utf-8")).all("a") if "download" in link]
    assert "../../figures/drawn/learning_curves.pdf" in links
    assert "stats/ranking.csv" in links
    assert all((path.parent / link).is_file() for link in links)


def test_a_large_drawing_is_shown_as_pixels(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An svg above the limit is shown as png."""
    monkeypatch.setattr(report, "LARGEST_DRAWING", 10)
    path = write_report(folder / "drawn.yaml", folder / "results", folder / "figures")
    images = Page(path.read_text(encoding="utf-8")).all("img")
    assert all((image["src"] or "").startswith("data:image/png;base64,") for image in images)


def test_a_missing_figure_is_refused(folder: Path, tmp_path: Path) -> None:
    """Without figures there is no page, and one line says which file is missing."""
    with pytest.raises(ConfigError, match=r"activation_functions.md: no such file; run snakemake"):
        write_report(folder / "drawn.yaml", folder / "results", tmp_path)


@pytest.mark.parametrize(
    ("column", "value", "cell"),
    [
        ("score", 0.61234, Cell("0.612", "number", "0.61234")),
        ("n_runs", 8640, Cell("8,640", "number", "8640")),
        ("n_runs", 12.0, Cell("12", "number", "12")),
        ("p_holm", 0.00001, Cell("< 0.0001", "number", "1e-05")),
        ("p_holm", 0.04321, Cell("0.0432", "number", "0.04321")),
        ("difference", -0.05, Cell("-0.050", "number", "-0.05")),
        ("rank", 1.0, Cell("1.000", "number", "1")),
        ("score", float("nan"), Cell("")),
        ("note", "n too small", Cell("n too small")),
        ("note", "n too small; " * 4, Cell("n too small; " * 4, "long")),
        ("holds_under", "depth 2 | depth 4", Cell("depth 2 | depth 4")),
        ("holds_under", "against a sigmoid: depth 2", Cell("against a sigmoid: depth 2", "cases")),
        ("fails_under", LISTED, Cell(LISTED, "cases", LISTED, "4 cases", CASES)),
        ("note", LONG_NOTE, Cell(LONG_NOTE, "cases", LONG_NOTE, "a b a b a b a b a b a b a b a b a b a …")),
        ("fails_under", "a" * 99, Cell("a" * 99, "cases")),
        ("activation", "relu", Cell("relu")),
        ("verdict", "supported", Cell("supported", "verdict supported")),
    ],
)
def test_cells(column: str, value: object, cell: Cell) -> None:
    """Numbers have three decimals or separators, small p-values are bounds, long lists are folded, none is empty."""
    assert write_cell(column, value) == cell


def test_rows_stand_in_the_order_of_the_studies() -> None:
    """A ranking lists the studies as the config does, each from its best activation on."""
    ranking = next(choice for choice in CHOICES if choice.statistic == "ranking")
    rows = pd.DataFrame({column: [1.0, 2.0, 3.0] for column in ranking.columns}).astype({"study": "str"})
    rows = rows.assign(study=["adam", "main", "main"], activation=["a", "b", "c"], rank=[1.0, 2.5, 1.5])
    sheet = make_sheet(ranking, rows, ["main", "adam"])
    assert [[row[0].text, row[1].text] for row in sheet.rows] == [["main", "c"], ["main", "b"], ["adam", "a"]]


def test_failure_rates_show_failures_only() -> None:
    """The table of failure rates leaves out rows without failures and starts with the highest rate."""
    choice = next(choice for choice in CHOICES if choice.statistic == "by_depth")
    rows = pd.DataFrame({column: [1.0, 2.0, 3.0] for column in choice.columns})
    rows = rows.assign(activation=["a", "b", "c"], n_failed=[1, 0, 2], failure_rate=[0.1, 0.0, 0.2])
    assert [row[1].text for row in make_sheet(choice, rows, []).rows] == ["c", "a"]
