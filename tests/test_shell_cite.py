"""`actbench cite`: a number's way back to its raw rows."""

import json
from pathlib import Path

import pandas as pd
import pytest

from actbench.shell.cli import main
from drawn import draw_from


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """Make results and return the options that name them."""
    return ["--config", str(draw_from(tmp_path)), "--results", str(tmp_path / "results")]


def test_a_number_is_recomputed_from_the_rows_it_names(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The mean over the named raw rows, at the learning rate best on validation data, is the number."""
    assert main(["cite", "accuracy/main/tanh/2", *words, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    runs = pd.read_parquet(facts["table"]).set_index("run_key").loc[facts["run_keys"]]
    assert len(runs) == facts["table_rows"] == 2 * 2 * 3
    assert set(runs["activation"]) == {"tanh"}
    assert set(runs["depth"]) == {2}
    runs = runs.assign(val=runs["best_val_accuracy"].where(runs["status"] == "ok", 0.0))
    best = runs.groupby(["init", "lr"])["val"].mean().groupby("init").idxmax()
    kept = runs[[(row.init, row.lr) in set(best) for row in runs.itertuples()]]
    assert facts["value"] == pytest.approx(kept["best_test_accuracy"].where(kept["status"] == "ok", 0.0).mean())
    assert facts["n_runs"] == len(kept)


@pytest.mark.parametrize(
    ("name", "activations"),
    [
        ("score/main/tanh", {"tanh"}),
        ("difference/main/tanh", {"tanh", "relu"}),
        ("rank/main/tanh", {"tanh", "relu", "sigmoid"}),
        ("runs/main", {"tanh", "relu", "sigmoid"}),
    ],
)
def test_the_rows_are_all_that_the_number_rests_on(
    name: str, activations: set[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A difference names the runs of the reference too, a rank those of every activation that it is a rank among."""
    assert main(["cite", name, *words, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    runs = pd.read_parquet(facts["table"]).set_index("run_key").loc[facts["run_keys"]]
    assert set(runs["activation"]) == activations
    assert len(runs) == 24 * len(activations)


def test_every_number_has_all_that_a_text_may_ask_for(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Each name gives a value, seeds, rows, config, commit and an entry; whatever is an estimate has an interval."""
    assert main(["cite", *words, "--json"]) == 0
    for name in json.loads(capsys.readouterr().out)["numbers"]:
        assert main(["cite", name, *words, "--json"]) == 0
        facts = json.loads(capsys.readouterr().out)
        assert facts["value"] is not None, name
        assert facts["n_seeds"] == 3, name
        assert facts["n_runs"] or facts["n_blocks"], name
        assert facts["table_rows"] == len(facts["run_keys"]) > 0, name
        assert facts["commit"] == ["0" * 40], name
        assert facts["bibtex"].startswith("@software"), name
        counted = name.split("/")[0] in ("runs", "diverged")
        assert (facts["low"] is None and facts["high"] is None) == counted, name
        assert counted or facts["low"] <= facts["value"] <= facts["high"], name


def test_the_text_says_where_it_came_from(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Value, interval, counts, statistic, rows, figure, config, commit and a BibTeX entry are printed."""
    assert main(["cite", "RankMainRelu", *words]) == 0
    text = capsys.readouterr().out
    for word in ("rank/main/relu", "runs", "seeds", "stats/ranking.csv", "runs.parquet", "activation_ranking.pdf",
                 "latex/main.tex", "at all rates",
                 "drawn.yaml", "0" * 40, "@software{actbench"):  # fmt: skip
        assert word in text


def test_all_names_are_listed(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Without a name, every number is listed; an unknown one is an error with exit code 2."""
    assert main(["cite", *words]) == 0
    assert "difference/main/tanh" in capsys.readouterr().out.splitlines()
    assert main(["cite", "rank/main/tan", *words]) == 2
    assert "did you mean" in capsys.readouterr().err
