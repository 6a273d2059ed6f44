"""The report page in a real browser: what it draws, against pandas; sorting, links, keyboard, phone and dark mode."""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from actbench.analysis.metrics import CONDITION
from actbench.plan.config import load_config
from actbench.show.contract import declarations
from actbench.show.explorer import embed
from actbench.show.figure_file import write_figure
from actbench.show.report import write_report
from browser import DESKTOP, PHONE, chromium, complaints, screenshot, seconds_busy, show
from drawn import draw_from
from pace import slowness

ARROWS = {"ascending": "↑", "descending": "↓"}
UNTOLD = ["sigmoid", "layernorm"]  # of which theory has no prediction
NOTE = "said of few seeds, and of fewer still " * 9
QUESTION = 'Which </script><script>document.title = "broken"</script> & <!-- one -->?'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make results with two norms, every figure and the page."""
    folder = tmp_path_factory.mktemp("page")
    config = load_config(draw_from(folder, QUESTION, norm=("none", "layernorm")))
    theory = folder / "results" / "drawn" / "stats" / "theory.csv"
    told = pd.read_csv(theory, keep_default_na=False, na_values=[""])
    told[~told[["activation", "norm"]].eq(UNTOLD).all(axis=1)].to_csv(theory, index=False)
    for name in declarations():
        write_figure(name, config, folder / "results", folder / "figures")
    write_claims(folder / "results" / "drawn" / "claims.csv")
    write_report(folder / "drawn.yaml", folder / "results", folder / "figures")
    return folder


def write_claims(path: Path) -> None:
    """Make up a ledger of three claims: with short lists of cases, a list of thirty, and none."""
    claims = pd.DataFrame({"id": ["short", "long", "none"], "statement": "Networks are deep. " * 6, "source": "A B"})
    claims = claims.assign(kind="measured", verdict="conditional", effect=[0.2, 0.1, 0.3], low=0.0, high=0.4)
    claims = claims.assign(unit="fraction", p_adjusted=0.01, family="claims", n_runs=72, n_seeds=3, figure="clipping")
    cases = " | ".join(f"against sigmoid: depth {depth}" for depth in range(30))
    claims.assign(holds_under=["depth 2 | depth 8", cases, ""], fails_under=["", cases, "depth 2"], note=NOTE).to_csv(
        path, index=False
    )


@pytest.fixture(scope="module")
def started() -> Iterator[webdriver.Chrome]:
    """Start one browser for all tests."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def browser(started: webdriver.Chrome, folder: Path) -> webdriver.Chrome:
    """Open the page afresh."""
    show(started, folder / "results" / "drawn" / "report.html")
    return started


@pytest.fixture(scope="module")
def tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Read the tables; runs have the score that a failed run has."""
    made = folder / "results" / "drawn" / "tables"
    runs, curves, layers = (pd.read_parquet(made / f"{name}.parquet") for name in ("runs", "curves", "layers"))
    score = runs["best_test_accuracy"].where(runs["status"] == "ok", 0.0)
    return {"runs": runs.assign(score=score), "curves": curves, "layers": layers}


def traces(browser: webdriver.Chrome, chart: str) -> dict[str, dict[Any, float]]:
    """Return the measured lines that a chart draws: name of the line -> x -> y."""
    lines = every_trace(browser, chart)
    return {name: line for name, line in lines.items() if not name.endswith("theory")}


def every_trace(browser: webdriver.Chrome, chart: str) -> dict[str, dict[Any, float]]:
    """Return what a chart draws, predictions too."""
    script = "return document.getElementById('chart-' + arguments[0]).data.map(t => [t.name, t.x, t.y])"
    return {name: dict(zip(x, y, strict=True)) for name, x, y in browser.execute_script(script, chart)}


def predictions(browser: webdriver.Chrome) -> dict[str, dict[Any, float]]:
    """Return the lines of theory beside the layer profiles, by activation."""
    lines = every_trace(browser, "layers")
    return {name.removesuffix(", theory"): line for name, line in lines.items() if name.endswith(", theory")}


def ranking(browser: webdriver.Chrome) -> dict[str, float]:
    """Return the mean score of each activation as drawn."""
    script = "const t = document.getElementById('chart-ranking').data[0]; return [t.y, t.x]"
    return dict(zip(*browser.execute_script(script), strict=True))


def numbers(browser: webdriver.Chrome, chart: str) -> list[list[str]]:
    """Return the cells of the table under a chart."""
    script = "return [...document.querySelectorAll('#numbers-' + arguments[0] + ' tbody tr')]"
    return browser.execute_script(script + ".map(row => [...row.cells].map(cell => cell.textContent))", chart)


def toggle(browser: webdriver.Chrome, factor: str, level: str) -> None:
    """Click the box of one level."""
    browser.find_element(By.CSS_SELECTOR, f"[data-factor='{factor}'] [data-level='{level}']").click()


def choose(browser: webdriver.Chrome, picker: str, word: str) -> None:
    """Choose an entry of a picker by its text."""
    Select(browser.find_element(By.ID, f"pick-{picker}")).select_by_visible_text(word)


def status(browser: webdriver.Chrome) -> str:
    """Return what the explorer says about the choice."""
    return browser.find_element(By.ID, "explorer-status").text


def at_chosen_rates(runs: pd.DataFrame) -> pd.DataFrame:
    """Keep the runs of each condition at the rate with the highest mean validation accuracy, in plain pandas."""
    value = runs["best_val_accuracy"].where(runs["status"] == "ok", 0.0)
    means = value.groupby([runs[name] for name in [*CONDITION, "lr"]]).mean()
    best = means.groupby(level=CONDITION).idxmax().map(lambda key: key[-1])
    return runs[runs.set_index(CONDITION).index.map(best) == runs["lr"]]


def close(drawn: dict[Any, float], expected: pd.Series) -> None:
    """Compare drawn numbers, which have four digits, with those of pandas."""
    assert {str(key) for key in drawn} == {str(key) for key in expected.index}
    by_word = {str(key): value for key, value in drawn.items()}
    np.testing.assert_allclose([by_word[str(key)] for key in expected.index], expected, rtol=6e-4)


def test_the_page_loads_without_complaint_and_in_time(browser: webdriver.Chrome) -> None:
    """Nothing is written on the console or fetched; all is drawn within three usual seconds of processor time."""
    assert complaints(browser) == []
    assert browser.title == "drawn: report of actbench"
    assert 0 < seconds_busy(browser) < 3 * slowness()
    assert browser.execute_script("return performance.getEntriesByType('resource').map(r => r.name)") == []
    assert browser.execute_script("return document.querySelectorAll('.chart .main-svg').length") >= 4
    assert QUESTION in browser.find_element(By.ID, "explorer-view").text


def test_everything_chosen_is_the_ranking_of_the_statistics(browser: webdriver.Chrome, folder: Path) -> None:
    """Mean score and mean rank of all conditions are those of stats/ranking.csv."""
    expected = pd.read_csv(folder / "results" / "drawn" / "stats" / "ranking.csv").set_index("activation")
    close(ranking(browser), expected["score"])
    rows = {row[0]: row for row in numbers(browser, "ranking")}
    for name, row in expected.iterrows():
        assert float(rows[str(name)][4]) == pytest.approx(row["rank"], abs=6e-4)
        assert int(rows[str(name)][6].replace(",", "")) == row["n_runs"]


def test_choosing_levels_changes_what_is_drawn(browser: webdriver.Chrome, tables: dict[str, pd.DataFrame]) -> None:
    """After leaving out a norm, a depth and an activation, scores, ranges, curves and profiles follow."""
    before = ranking(browser)
    for factor, level in (("norm", "layernorm"), ("depth", "2"), ("activation", "tanh")):
        toggle(browser, factor, level)
    runs = at_chosen_rates(tables["runs"]).query("norm == 'none' and depth == 8 and activation != 'tanh'")
    scores = runs.groupby("activation")["score"].mean()
    close(ranking(browser), scores)
    assert ranking(browser) != before
    per_seed = runs.groupby(["activation", "seed"])["score"].mean().groupby("activation").agg(["min", "max"])
    rows = {row[0]: row for row in numbers(browser, "ranking")}
    for name, row in per_seed.iterrows():
        assert [float(cell) for cell in rows[str(name)][2:4]] == pytest.approx([row["min"], row["max"]], abs=6e-4)
    curves = tables["curves"].merge(runs[["run_key", "activation"]], on="run_key").query("split == 'val'")
    layers = tables["layers"].merge(runs[["run_key", "activation", "init"]], on="run_key")
    layers = layers.query("diagnostic == 'gradient_norm' and step == 0 and layer > 0")
    for name, drawn in traces(browser, "curves").items():
        own = curves[curves["activation"] == name].groupby("step")["accuracy"].mean()
        close({step - 1: value for step, value in drawn.items()}, own)
    for name, drawn in traces(browser, "layers").items():
        cells = layers[layers["activation"] == name].groupby(["layer", "init"])["value"].median()
        close(drawn, cells.groupby("layer").median())
    assert status(browser).startswith("4 conditions, 12 runs, ")


def test_a_learning_rate_can_be_chosen(browser: webdriver.Chrome, tables: dict[str, pd.DataFrame]) -> None:
    """At one rate, and at all, failed runs count as 0 and are counted; curves fall to 0 where runs failed."""
    failed = tables["runs"]["status"] != "ok"
    assert failed.any()
    for word, runs in (("0.1", tables["runs"].query("lr == 0.1")), ("all rates", tables["runs"])):
        choose(browser, "lr", word)
        close(ranking(browser), runs.groupby("activation")["score"].mean())
        assert f"{len(runs)} runs, {failed.sum()} failed" in status(browser)
    choose(browser, "by", "init")
    for name, drawn in traces(browser, "factor").items():
        own = tables["runs"][tables["runs"]["activation"] == name]
        close(drawn, own.groupby("init")["score"].mean())
    last = tables["curves"].query("split == 'train'").groupby("run_key")["accuracy"].last()
    at_end = tables["runs"].assign(last=tables["runs"]["run_key"].map(last).where(~failed, 0.0))
    choose(browser, "split", "training")
    for name, drawn in traces(browser, "curves").items():
        expected = at_end.loc[at_end["activation"] == name, "last"].mean()
        assert drawn[max(drawn)] == pytest.approx(expected, rel=6e-4)


def test_theory_follows_the_choice(browser: webdriver.Chrome, folder: Path, tables: dict[str, pd.DataFrame]) -> None:
    """Beside each profile at initialisation stands the median prediction of the chosen cells, where each has one."""
    theory = pd.read_csv(folder / "results" / "drawn" / "stats" / "theory.csv", keep_default_na=False)
    assert set(predictions(browser)) == {"relu", "tanh"}, "theory has nothing for one norm of the third"
    toggle(browser, "norm", "layernorm")
    toggle(browser, "init", "xavier_normal")
    assert set(predictions(browser)) == {"relu", "tanh", "sigmoid"}
    runs = at_chosen_rates(tables["runs"]).query("norm == 'none' and depth == 8 and init == 'he_normal'")
    layers = tables["layers"].merge(runs[["run_key", "activation"]], on="run_key")
    layers = layers.query("diagnostic == 'gradient_norm' and step == 0 and layer == 8")
    for name, drawn in predictions(browser).items():
        told = theory.query("activation == @name and norm == 'none' and depth == 8 and init == 'he_normal'")
        told = told.set_index("layer")["weight_gradient"]
        close(drawn, told / told[8] * layers.loc[layers["activation"] == name, "value"].median())
    cells = {(row[0], row[1]): row[3] for row in numbers(browser, "layers")}
    assert float(cells["relu", "2"]) == pytest.approx(predictions(browser)["relu"][2], rel=6e-4)
    assert cells["relu", "9"] == "", "theory says nothing of the output layer"
    choose(browser, "moment", "after the last update")
    assert predictions(browser) == {}
    assert complaints(browser) == []


def test_profiles_follow_their_pickers(browser: webdriver.Chrome, tables: dict[str, pd.DataFrame]) -> None:
    """Diagnostic, moment and depth choose the profile; the table beneath has the numbers drawn."""
    choose(browser, "diagnostic", "zero fraction")
    choose(browser, "moment", "after the last update")
    choose(browser, "depth", "2")
    drawn = traces(browser, "layers")
    assert set(drawn) == {"relu", "tanh", "sigmoid"}
    close(drawn["relu"], pd.Series({1: 0.5, 2: 0.5}))
    assert [row[:3] for row in numbers(browser, "layers") if row[0] == "relu"] == [
        ["relu", "1", "0.5"], ["relu", "2", "0.5"],
    ]  # fmt: skip


def test_nothing_chosen_says_so(browser: webdriver.Chrome) -> None:
    """Without a level of a factor there is nothing to draw, a sentence says so, and nothing breaks."""
    for level in ("none", "layernorm"):
        toggle(browser, "norm", level)
    assert status(browser).startswith("Nothing matches")
    assert all(not chart.is_displayed() for chart in browser.find_elements(By.CLASS_NAME, "chart"))
    toggle(browser, "norm", "none")
    assert all(chart.is_displayed() for chart in browser.find_elements(By.CLASS_NAME, "chart"))
    assert complaints(browser) == []


def test_tables_can_be_sorted(browser: webdriver.Chrome) -> None:
    """A heading sorts by the exact numbers, up and then down, and says so to a screen reader."""
    table = browser.find_element(By.XPATH, "//h3[@id='table-comparisons']/following::table[1]")
    heads = [head.text for head in table.find_elements(By.TAG_NAME, "th")]
    place = next(place for place, head in enumerate(heads) if head.startswith("share better"))
    head = table.find_elements(By.TAG_NAME, "th")[place]
    script = "return [...arguments[0].tBodies[0].rows].map(row => Number(row.cells[arguments[1]].dataset.order))"
    values = browser.execute_script(script, table, place)
    for direction, expected in (("ascending", sorted(values)), ("descending", sorted(values, reverse=True))):
        head.find_element(By.TAG_NAME, "button").click()
        assert head.get_attribute("aria-sort") == direction
        arrow = browser.execute_script("return getComputedStyle(arguments[0].firstChild, '::after').content", head)
        assert arrow == f'"\xa0{ARROWS[direction]}"'
        assert browser.execute_script(script, table, place) == expected
    assert len(values) > 1


CLAIMS_TABLE = "//h2[@id='claims']/following::table[1]"


@pytest.mark.parametrize(("size", "scheme"), [((1280, 900), "light"), (PHONE, "light"), (PHONE, "dark")])
def test_claims_are_rows_of_few_lines(
    started: webdriver.Chrome, folder: Path, size: tuple[int, int], scheme: str
) -> None:
    """A list of thirty cases takes one line until it is asked for, by keyboard too; then all of it can be read."""
    show(started, folder / "results" / "drawn" / "report.html", size, scheme)
    table = started.find_element(By.XPATH, CLAIMS_TABLE)
    rows = table.find_elements(By.CSS_SELECTOR, "tbody tr")
    assert max(row.size["height"] for row in rows) < 110
    summary = rows[1].find_element(By.TAG_NAME, "summary")
    assert summary.text == "30 cases"
    last = rows[1].find_elements(By.TAG_NAME, "li")[29]
    assert not last.is_displayed()
    summary.send_keys(Keys.ENTER)
    assert last.is_displayed()
    assert last.text == "against sigmoid: depth 29"
    colours = "const style = getComputedStyle(arguments[0]); return style.color"
    assert started.execute_script(colours, last) == ("rgb(236, 236, 236)" if scheme == "dark" else "rgb(27, 27, 27)")
    assert rows[1].find_elements(By.TAG_NAME, "li")[59].is_displayed() is False, "the other list stays folded"


def test_folded_lists_are_sorted_by_their_words(browser: webdriver.Chrome) -> None:
    """A folded cell stands among the others by its first case, and what is empty stands last."""
    table = browser.find_element(By.XPATH, CLAIMS_TABLE)
    place = [head.text for head in table.find_elements(By.TAG_NAME, "th")].index("holds under")
    table.find_elements(By.TAG_NAME, "th")[place].find_element(By.TAG_NAME, "button").click()
    assert [row.find_element(By.TAG_NAME, "td").text for row in table.find_elements(By.CSS_SELECTOR, "tbody tr")] == [
        "long", "short", "none",
    ]  # fmt: skip


def test_paper_has_what_is_folded(browser: webdriver.Chrome) -> None:
    """While the page is printed every cell is unfolded, and afterwards it is as it was."""
    count = "document.querySelectorAll('td details:not([open])').length"
    assert browser.execute_script(f"return {count}") == 5
    browser.execute_script(f"addEventListener('beforeprint', () => {{ window.folded = {count}; }})")
    browser.execute_cdp_cmd("Page.printToPDF", {"pageRanges": "1"})
    assert browser.execute_script(f"return [window.folded, {count}]") == [0, 5]


def test_links_lead_somewhere_and_downloads_are_the_files(browser: webdriver.Chrome, folder: Path) -> None:
    """Each entry of the contents scrolls to its heading; each download holds the bytes of its file."""
    for link in browser.find_elements(By.CSS_SELECTOR, "nav a"):
        link.click()
        target = browser.execute_script("return document.querySelector(':target')?.getBoundingClientRect().top")
        assert target is not None
        assert -1 <= target < 900
        browser.execute_script("scrollTo(0, 0)")
    places = (folder / "figures" / "drawn", folder / "results" / "drawn" / "stats")
    made = {(path.name, path.read_bytes()) for place in places for path in place.iterdir()}
    made |= {("claims.csv", (folder / "results" / "drawn" / "claims.csv").read_bytes())}
    links = browser.execute_script(
        "return [...document.querySelectorAll('a[download]')].map(a => [a.download, a.href])"
    )
    assert len(links) > 4 * len(declarations())
    for name, link in links:
        assert (name, base64.b64decode(link.split(";base64,")[1])) in made, name


def test_the_explorer_works_by_keyboard(browser: webdriver.Chrome) -> None:
    """Tab reaches the boxes, the focus is seen, the space bar toggles a box, the arrows choose in a picker."""
    browser.find_element(By.ID, "pick-study").send_keys(Keys.TAB)
    box = browser.switch_to.active_element
    assert box.get_attribute("data-level") == "relu"
    assert browser.execute_script("return getComputedStyle(arguments[0]).outlineStyle", box) == "solid"
    before = status(browser)
    box.send_keys(Keys.SPACE)
    assert status(browser) != before
    assert "relu" not in ranking(browser)
    browser.find_element(By.ID, "pick-split").send_keys(Keys.DOWN)
    title = "return document.getElementById('chart-curves').layout.yaxis.title.text"
    assert browser.execute_script(title) == "training accuracy"


@pytest.mark.parametrize(("size", "scheme"), [((1200, 900), "light"), (PHONE, "light"), (PHONE, "dark")])
def test_every_screen_is_filled_and_nothing_sticks_out(
    started: webdriver.Chrome, folder: Path, tmp_path: Path, size: tuple[int, int], scheme: str
) -> None:
    """The page is no wider than the screen; the screenshot is dark or light as wished, with charts redrawn for it."""
    show(started, folder / "results" / "drawn" / "report.html", size, scheme)
    assert started.execute_script("return document.documentElement.scrollWidth") <= size[0]
    screenshot(started, tmp_path / "page.png")
    picture = imread(tmp_path / "page.png")[..., :3]
    assert picture.shape[1] == size[0]
    assert (np.median(picture) < 0.2) == (scheme == "dark")
    fill = "return getComputedStyle(document.querySelector('#chart-curves .xtitle')).fill"
    assert started.execute_script(fill) == ("rgb(236, 236, 236)" if scheme == "dark" else "rgb(27, 27, 27)")
    assert complaints(started) == []


@pytest.fixture(scope="module")
def crowded(folder: Path) -> Path:
    """Make a copy of the page in which every fourth cell of an activation has an activation of its own."""
    whole = (folder / "results" / "drawn" / "report.html").read_text(encoding="utf-8")
    before, data, after = re.split(r'(?<=id="explorer-data">)(.*?)(?=</script>)', whole, maxsplit=1, flags=re.DOTALL)
    packed = json.loads(data)
    packed["looks"] = {f"{name}{k}": look for name, look in packed["looks"].items() for k in range(4)}
    for study in packed["studies"]:
        study["factors"]["activation"] = [f"{name}{k}" for name in study["factors"]["activation"] for k in range(4)]
        own = study["cells"]["activation"]
        study["cells"]["activation"] = [4 * activation + cell % 4 for cell, activation in enumerate(own)]
    path = folder / "results" / "drawn" / "crowded.html"
    path.write_text(before + embed(packed) + after, encoding="utf-8")
    return path


# Chart -> the boxes of the title of its axis, its legend and itself, and the entries of the legend that are in view.
LEGEND = """
const chart = document.getElementById("chart-" + arguments[0]);
const box = (part) => chart.querySelector(part).getBoundingClientRect();
const whole = chart.getBoundingClientRect(), legend = box(".legend .bg");
const rows = [...chart.querySelectorAll(".legend .traces")].map((row) => row.getBoundingClientRect());
const seen = rows.filter((row) => row.top >= legend.top - 1 && row.bottom <= legend.bottom + 1);
return [box(".xtitle"), legend, whole, rows.length, seen.length];
"""


@pytest.mark.parametrize("size", [DESKTOP, PHONE, (320, 640)])
def test_legends_hide_nothing(started: webdriver.Chrome, crowded: Path, size: tuple[int, int]) -> None:
    """A legend of nine lines and more stands whole under the title of the axis, on a phone too."""
    show(started, crowded, size)
    for chart in ("factor", "curves", "layers"):
        title, legend, whole, entries, seen = started.execute_script(LEGEND, chart)
        assert entries > 8
        assert seen == entries, "none has to be scrolled to"
        assert title["bottom"] <= legend["top"] + 1
        assert legend["bottom"] <= whole["bottom"] + 1


def test_charts_follow_a_change_of_the_scheme(browser: webdriver.Chrome) -> None:
    """When the reader turns the lights off, the lines take colours that can be seen on the dark page."""
    script = "return document.getElementById('chart-curves').data.map(trace => trace.line.color)"
    light = browser.execute_script(script)
    features = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    WebDriverWait(browser, 10).until(lambda page: set(page.execute_script(script)).isdisjoint(light))
