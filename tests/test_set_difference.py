"""Two result sets: what is found where something was planted, and nothing where only seeds differ."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_ind

from actbench.analysis.set_difference import CELL, compare_conditions, compare_sets, open_set
from actbench.plan.design import expand
from actbench.plan.errors import ConfigError
from actbench.shell.cli import main
from actbench.shell.diff import EXAMPLE
from synthetic import EFFECTS, fake_frames, make_config, write_results

SEEDS = tuple(range(8))
CONFIG = make_config(seed=SEEDS)


def write(folder: Path, name: str, **options: object) -> Path:
    """Write the tables of a made-up grid and return its folder."""
    config = make_config(name, **{"seed": SEEDS, **options.pop("levels", {})})  # type: ignore[dict-item]
    write_results(config, folder, steps_recorded=1, **options)
    return folder / name


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write one set."""
    return write(tmp_path_factory.mktemp("sets"), "reference")


def test_a_set_reproduces_itself(reference: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every run is bit-equal, nothing differs, exit code 0; a folder of tables does as well."""
    assert main(["diff", str(reference), str(reference / "tables"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["reproduced"] is True
    assert facts["n_bit_equal"] == facts["n_runs_a"] == facts["n_runs_both"] > 0
    assert facts["n_conditions_differing"] == facts["n_different"] == 0
    assert facts["largest_deviation"] == facts["shift"] == 0
    assert facts["differing"] == facts["reasons"] == []


def test_other_seeds_reproduce(reference: Path, tmp_path: Path) -> None:
    """With other seeds no run is shared, and no condition differs beyond seed noise."""
    other = write(tmp_path, "other", levels={"seed": tuple(range(100, 108))})
    facts = compare_sets(reference, other).facts
    assert facts["n_runs_both"] == 0
    assert facts["n_conditions_tested"] == facts["n_conditions_both"] == facts["n_conditions"]
    assert facts["n_conditions_differing"] == 0


def test_a_planted_difference_is_found(reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """When tanh is ten points better its conditions differ, but for the one that always fails, and no others."""
    other = write(tmp_path, "other", effects={**EFFECTS, "tanh": 0.1})
    found = compare_sets(reference, other)
    differing = found.conditions[found.conditions["p_holm"] < 0.05]
    planted = found.conditions.query("activation == 'tanh' and score_a > 0")
    assert list(differing.index) == list(planted.index)
    assert len(planted) == 7
    assert differing["difference"].to_numpy() == pytest.approx(0.1, abs=1e-9)
    assert main(["diff", str(reference), str(other)]) == 1
    assert capsys.readouterr().out.startswith("not reproduced: 7 conditions differ beyond seed noise")


def test_a_small_shift_of_everything_is_found(reference: Path, tmp_path: Path) -> None:
    """One point less everywhere is below the noise of each condition, and is seen in all of them together."""
    other = write(tmp_path, "other", effects={name: effect - 0.01 for name, effect in EFFECTS.items()})
    facts = compare_sets(reference, other).facts
    assert facts["n_conditions_differing"] == 0
    assert facts["shift"] == pytest.approx(-0.01, abs=1e-3)
    assert facts["reasons"] == [f"scores have shifted by {facts['shift']:+.4f} as a whole"]


def test_missing_conditions_and_one_seed(reference: Path, tmp_path: Path) -> None:
    """A smaller set does not reproduce; with one seed there is no test, and the count of tests says so."""
    fewer = write(tmp_path, "fewer", levels={"activation": ("relu", "tanh")})
    facts = compare_sets(reference, fewer).facts
    assert facts["reasons"][0] == "8 of 24 conditions stand in one set only"
    single = write(tmp_path, "single", levels={"seed": (0,)})
    facts = compare_sets(reference, single).facts
    assert facts["n_conditions_tested"] == 0
    assert "too few seeds" not in " ".join(facts["reasons"]), "the runs that both hold are equal"


def test_what_seeds_are_too_few_to_tell_is_not_reproduced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With one seed no test can differ: then runs that do, or none in common, are enough not to be reproduced."""
    levels = {"activation": ("relu",), "depth": (2,), "init": ("he_normal",), "lr": (0.02,)}
    one = write(tmp_path, "one", levels=levels | {"seed": (0,)})
    worse = write(tmp_path, "worse", levels=levels | {"seed": (0,)}, effects={"relu": -0.4})
    other = write(tmp_path, "other", levels=levels | {"seed": (1,)})
    assert main(["diff", str(one), str(worse)]) == 1
    assert capsys.readouterr().out.startswith(
        "not reproduced: 1 of 1 runs in both are different, and 1 conditions have too few seeds for a test\n"
    )
    assert main(["diff", str(one), str(other)]) == 1
    assert "1 conditions cannot be compared" in capsys.readouterr().out
    assert main(["diff", str(one), str(one)]) == 0


def test_the_example_of_the_verb_names_the_reference(project_root: Path) -> None:
    """The first result set of the example that --help shows can be opened in a clone."""
    assert open_set(project_root / EXAMPLE.split()[2]).tables


def test_welch_is_that_of_scipy_on_the_raw_scores() -> None:
    """P is scipy's own on the scores of single seeds; conditions without any spread have 0 or 1."""
    runs = fake_frames(expand(CONFIG), steps_recorded=0)["runs"]
    other = fake_frames(expand(CONFIG), {"relu": 0.06}, noise=0.03, steps_recorded=0)["runs"]
    found = compare_conditions(runs, other)
    for row in found.itertuples():
        sides = []
        for side in (runs, other):
            own = side[np.logical_and.reduce([side[name] == getattr(row, name) for name in CELL])]
            sides.append(own["best_test_accuracy"].where(own["status"] == "ok", 0.0))
        if sides[0].std() > 0:
            assert row.p == pytest.approx(ttest_ind(*sides, equal_var=False).pvalue)
        else:
            assert row.p == 1.0
    assert (found["p"] == 1.0).any()
    lost = other.assign(status="diverged")
    dead = compare_conditions(runs[runs["status"] != "ok"].assign(status="ok", best_test_accuracy=0.5), lost)
    assert (dead["p"].dropna() == 0.0).all()
    assert dead["p"].notna().any()


def test_changed_verdicts_are_listed(reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A claim with another verdict, or that one side lacks, stands in the list; equal ones and timed ones do not."""
    other = write(tmp_path, "other")
    try:
        (reference / "claims.csv").write_text(
            "id,kind,verdict\na,exact,supported\nb,,conditional\nc,,supported\nt,cost,supported\n"
        )
        (other / "claims.csv").write_text("id,kind,verdict\na,exact,supported\nb,,contradicted\nt,cost,contradicted\n")
        assert main(["diff", str(reference), str(other), "--json"]) == 1
        facts = json.loads(capsys.readouterr().out)
        (other / "claims.csv").write_text("id,verdict\na,supported\na,contradicted\n")
        with pytest.raises(ConfigError, match=r"claims.csv: no table of claims \(an id stands twice\)"):
            compare_sets(reference, other)
    finally:
        (reference / "claims.csv").unlink()
    assert facts["verdicts_changed"] == [
        {"id": "b", "a": "conditional", "b": "contradicted"}, {"id": "c", "a": "supported", "b": "missing"},
    ]  # fmt: skip
    assert facts["n_claims"] == 3


def test_bad_folders_are_one_line(reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No such folder, no tables, a table that is none: exit code 2 and a remedy."""
    (tmp_path / "runs.parquet").write_text("no table")
    for folder, words in ((tmp_path / "absent", "no such folder"), (tmp_path, "not a readable table")):
        assert main(["diff", str(reference), str(folder)]) == 2
        assert words in capsys.readouterr().err
    assert main(["diff", str(reference), str(reference), "--tolerance", "-1"]) == 2
