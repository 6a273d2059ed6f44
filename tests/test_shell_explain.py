"""`actbench explain`: the text, the page, the JSON and the exit codes."""

import base64
import json
import re
from pathlib import Path

import pandas as pd
import pytest

from actbench.analysis.explanation import explain
from actbench.analysis.recorded import recorded_in
from actbench.plan.config import load_config
from actbench.shell.cli import main
from actbench.show.run_page import write_page
from actbench.show.run_text import MOST_LAYERS, explanation_text, sparkline
from drawn import write_config
from illness_cases import case, record
from synthetic import write_results

RUN = "activation=relu,depth=8,init=he_normal,lr=0.02,seed=1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a config and made-up results beside it."""
    folder = tmp_path_factory.mktemp("verb")
    write_results(load_config(write_config(folder)), folder / "results")
    return folder


@pytest.fixture(autouse=True)
def _there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go where the config is."""
    monkeypatch.chdir(folder)


def test_the_text_has_all_sections(capsys: pytest.CaptureFixture[str]) -> None:
    """Levels, outcome, curve, layers, seeds, neighbours, cost and origin stand there, in lines that fit a terminal."""
    assert main(["explain", RUN, "--config", "drawn.yaml"]) == 0
    out = capsys.readouterr().out
    for word in (
        "outcome",
        "curve",
        "gradient norm over training",
        "layers",
        "the same condition, 3 seeds",
        "neighbours",
        "at initialisation",
        "cost",
        "made by",
    ):
        assert f"\n{word}" in out
    assert re.search(r"depth +2 +[0-9a-f]{16} +ok", out)
    assert max(map(len, out.splitlines())) <= 120


def test_json_has_the_same_facts(capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints one object with numbers under snake-case keys."""
    assert main(["explain", RUN, "--config", "drawn.yaml", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["levels"]["depth"] == 8
    assert {row["factor"] for row in facts["neighbours"]} == {"activation", "depth", "init", "lr"}
    assert all(re.fullmatch(r"[a-z_]+", key) for key in facts)


def test_the_page_needs_no_other_file(capsys: pytest.CaptureFixture[str]) -> None:
    """--html writes one page under the results with its drawings embedded, and says where."""
    assert main(["explain", RUN, "--config", "drawn.yaml", "--html", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    page = Path(facts["page"])
    assert page.as_posix() == f"results/drawn/explain/{facts['run_key']}.html"
    text = page.read_text(encoding="utf-8")
    images = re.findall(r'src="([^"]*)"', text)
    assert len(images) == 4
    assert "<h2>Gradient norm over training</h2>" in text
    assert all(b"<svg" in base64.b64decode(image.split(",")[1]) for image in images)
    assert not re.search(r'(?:href|src)="(?!data:)', text)
    assert list(page.parent.iterdir()) == [page]


def test_the_page_goes_where_it_is_told_and_is_the_same_each_time(tmp_path: Path) -> None:
    """--html PATH writes there, twice the same bytes."""
    for name in ("a.html", "b.html"):
        assert main(["explain", RUN, "--config", "drawn.yaml", "--html", str(tmp_path / name)]) == 0
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_what_stands_in_foreign_tables_is_escaped(tmp_path: Path) -> None:
    """A level from somebody else's table cannot become part of the page, and unrecorded sections say so."""
    scores = {"val_accuracy": [0.5, 0.6], "test_accuracy": [0.5, 0.6]}
    foreign = {"run_key": ["a", "b"], "status": ["ok", "ok"], "classes": [10, 10], **scores}
    pd.DataFrame({**foreign, "activation": ["<script>x</script>", "relu"]}).to_parquet(tmp_path / "runs.parquet")
    found = explain(recorded_in(tmp_path), "a")
    write_page(found, tmp_path / "a.html")
    text = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "<script>" not in text
    assert "&lt;script&gt;x" in text
    assert "curve\n  not recorded" in explanation_text(found)
    assert main(["explain", "a", "--tables", str(tmp_path)]) == 0


def test_a_trained_run_is_predicted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In tables of the real loop, theory meets the measured variances of a wide network within a tenth."""
    run = case(depth=5, width=256, steps=2, init="he_normal")
    record(tmp_path, [run])
    assert main(["explain", run.key, "--tables", str(tmp_path), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["prediction"]
    assert len(rows) == 5
    for row in rows:
        assert row["predicted_forward_variance"] == pytest.approx(row["forward_variance"], rel=0.1)
        assert row["predicted_backward_norm"] == pytest.approx(row["backward_norm"], rel=0.15)
    assert main(["explain", run.key, "--tables", str(tmp_path)]) == 0
    assert re.search(r"layer +forward variance +predicted forward variance", capsys.readouterr().out)
    assert main(["explain", run.key, "--tables", str(tmp_path), "--html", str(tmp_path / "run.html")]) == 0
    page = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert "<h2>Measured beside mean-field theory</h2>" in page
    assert page.index("<h2>Learning curve</h2>") < page.index("<h2>Made by</h2>")


def test_a_table_without_a_factor_is_not_predicted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the table does not say what theory must know, the note names it."""
    run = case(depth=3, width=32)
    record(tmp_path, [run])
    runs = pd.read_parquet(tmp_path / "runs.parquet").drop(columns=["residual", "input_scale"])
    runs.to_parquet(tmp_path / "runs.parquet")
    assert main(["explain", run.key, "--tables", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["prediction_note"] == "the table does not record residual, input_scale, which theory must know"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([RUN, "--config", "absent.yaml"], "absent.yaml"),
        (["activation=relu", "--config", "drawn.yaml"], "name a level of each of depth (2, 8)"),
        (["zzz", "--config", "drawn.yaml"], "not a run key"),
        ([RUN, "--config", "drawn.yaml", "--results", "elsewhere"], "no such table"),
        ([RUN, "--tables", "elsewhere"], "holds no runs.parquet"),
    ],
)
def test_bad_input_is_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be found is one line on standard error and exit code 2."""
    assert main(["explain", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert said in captured.err


def test_a_deep_network_shows_some_layers_from_first_to_last(folder: Path) -> None:
    """A profile of 65 layers shrinks to the most that are shown, both ends among them."""
    found = explain(recorded_in(folder / "results" / "drawn" / "tables"), RUN)
    rows = [(layer, "gradient_norm", 0, 1.0, 9, 2.0) for layer in range(1, 66)]
    deep = pd.DataFrame(rows, columns=list(found.profile))
    text = explanation_text(type(found)(**{**vars(found), "profile": deep}))
    shown = re.findall(r"^ +(\d+)  1 → 2$", text, re.MULTILINE)
    assert len(shown) == MOST_LAYERS
    assert (shown[0], shown[-1]) == ("1", "65")


def test_sparklines() -> None:
    """The least value is the lowest bar and the greatest the highest; what is not finite is a blank."""
    assert sparkline([0, 1, 2]) == "▁▅█"
    assert sparkline([3, 3]) == "▁▁"
    assert sparkline([0, float("nan"), float("inf"), 7]) == "▁  █"
    assert sparkline([]) == ""
