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
