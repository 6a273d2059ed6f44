"""Paired comparisons: pairing, tests against enumeration, Holm by hand, planted effects, thin designs."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp

from actbench.analysis import comparisons
from actbench.analysis.comparisons import BLOCK
from actbench.analysis.metrics import scores_by_study
from actbench.analysis.rate_choice import rate_grid
from actbench.plan.config import Config, Study
from actbench.plan.design import expand
from synthetic import EFFECTS, fake_frames, make_config, make_study

CONFIG = make_config(activation=("relu", "gelu", "tanh", "sigmoid"), norm=("none", "layernorm"), residual=("a", "b"))


def _scores(config: Config = CONFIG, **options: object) -> pd.DataFrame:
    frames = fake_frames(expand(config), steps_recorded=1, **options)  # type: ignore[arg-type]
    return scores_by_study(frames["runs"], frames["studies"])


def compare(scores: pd.DataFrame, *reference: str) -> pd.DataFrame:
    """Compare where every condition has been tried at one rate."""
    return comparisons.compare(scores, rate_grid(scores), *reference)


def _sign_flip_p(differences: np.ndarray) -> float:
    """Enumerate all signs: the share of rank sums at least as far from the middle as the observed one."""
    ranks = np.argsort(np.argsort(np.abs(differences))) + 1
    sums = np.array([np.dot(signs, ranks) for signs in itertools.product((0, 1), repeat=len(ranks))])
    middle = ranks.sum() / 2
    return float(np.mean(np.abs(sums - middle) >= abs(ranks[differences > 0].sum() - middle)))


def test_differences_and_p_are_those_of_a_plain_loop() -> None:
    """Blocks are paired by hand, averaged by hand, and tested by enumerating every sign."""
    scores = _scores(noise=0.05)
    found = compare(scores).query("scope == 'by_depth' and depth == 2 and activation == 'tanh'").iloc[0]
    table = scores.query("depth == 2").pivot_table(index=BLOCK, columns=["activation", "seed"], values="score")
    differences = table["tanh"] - table["relu"]
    assert found["n_blocks"] == len(differences) == 8
    assert found["difference"] == pytest.approx(differences.to_numpy().mean())
    interval = ttest_1samp(differences.mean(axis=0), 0).confidence_interval()
    assert (found["low"], found["high"]) == pytest.approx(interval)
    per_block = differences.mean(axis=1).to_numpy()
    assert found["p"] == pytest.approx(_sign_flip_p(per_block))
    assert found["share_better"] == np.mean(per_block > 0)


def test_holm_is_taken_within_the_family() -> None:
    """The adjusted p are those of the step-down procedure, computed by hand, for each scope of a study."""
    found = compare(_scores(noise=0.08))
    assert set(found["family"]) == {"main/overall", "main/by_depth"}
    for _, family in found.groupby("family"):
        ordered = family.sort_values("p")
        stepped = np.maximum.accumulate([p * (len(ordered) - i) for i, p in enumerate(ordered["p"])])
        np.testing.assert_allclose(ordered["p_holm"], np.minimum(stepped, 1))
    assert (found["p_holm"] > found["p"]).any()


def test_planted_effects_are_found_with_their_sign_and_size() -> None:
    """GELU above, tanh and sigmoid below ReLU, each by what was planted, with a small p."""
    found = compare(_scores(diverge=lambda runs: runs["depth"] < 0)).query("scope == 'overall'")
    planted = found["activation"].map(EFFECTS) - EFFECTS["relu"]
    np.testing.assert_allclose(found["difference"], planted, atol=0.006)
    assert (found["p_holm"] < 0.01).all()
    assert found["share_better"].tolist() == [1.0, 0.0, 0.0]


def test_without_an_effect_nothing_is_significant() -> None:
    """Activations that differ by noise alone give no small adjusted p."""
    found = compare(_scores(effects={}, noise=0.03, diverge=lambda runs: runs["depth"] < 0))
    assert found["p_holm"].min() > 0.05


def test_a_failure_counts_against_its_activation() -> None:
    """When ReLU alone diverges, others gain its whole score in these blocks and its failure rate stands beside."""
    found = compare(_scores(diverge=lambda runs: (runs["activation"] == "relu") & (runs["depth"] == 8)))
    deep = found.query("scope == 'by_depth' and depth == 8")
    assert (deep["difference"] > 0.3).all()
    assert (deep["reference_failure_rate"] == 1).all()
    assert (deep["failure_rate"] == 0).all()


@pytest.mark.parametrize("shift", [-0.2, 0.05, 0.1])
def test_a_shift_common_to_all_changes_nothing(shift: float) -> None:
    """Paired differences do not see what all activations share, to the rounding of the sum."""
    scores = _scores(make_config(init=("he_normal",)), diverge=lambda runs: runs["depth"] < 0)
    columns = ["difference", "low", "high", "p", "p_holm"]
    moved = compare(scores.assign(score=scores["score"] + shift))
    np.testing.assert_allclose(moved[columns], compare(scores)[columns], atol=1e-9)


def test_few_blocks_and_equal_scores_are_noted() -> None:
    """Two blocks cannot reach 0.05; equal activations have difference 0 and no p."""
    few = compare(_scores(make_config()))
    assert few["note"].str.contains("fewer than 6 blocks differ").all()
    scores = _scores()
    equal = compare(scores.assign(score=0.5))
    assert (equal["difference"] == 0).all()
    assert equal[["p", "p_holm"]].isna().all(axis=None)
    assert (equal["note"] == "constant values; all differences are zero").all()
    assert (equal["share_better"] == 0.5).all()


def test_a_study_without_the_reference_says_so() -> None:
    """Each activation has one row with a note and no numbers; another study is compared all the same."""
    without = make_study("without", activation=("tanh", "gelu"), seed=(0, 1))
    config = Config("x", "", 60, (CONFIG.studies[0], without))
    found = compare(_scores(config))
    rows = found[found["study"] == "without"]
    assert rows["activation"].tolist() == ["gelu", "tanh"]
    assert (rows["note"] == "relu is not in this study").all()
    assert rows[["difference", "low", "p", "p_holm"]].isna().all(axis=None)
    assert (rows["n_blocks"] == 0).all()
    assert found.loc[found["study"] == "main", "difference"].notna().all()


def test_activations_that_share_no_block_are_noted() -> None:
    """When exclusions leave no common block, the row says so."""
    levels = make_study(activation=("relu", "tanh"), depth=(2, 8), seed=(0, 1)).levels
    exclude = ({"activation": ("relu",), "depth": (2,)}, {"activation": ("tanh",), "depth": (8,)})
    found = compare(_scores(Config("x", "", 60, (Study("main", "", levels, exclude),))))
    assert found["note"].tolist() == ["no block in common with relu"]


@pytest.mark.parametrize("activations", [("relu",), ("tanh",)])
def test_a_study_of_one_activation_does_not_crash(activations: tuple[str, ...]) -> None:
    """Nothing, or one row with a note, is compared."""
    found = compare(_scores(make_config(activation=activations)))
    assert len(found) == (0 if activations == ("relu",) else 1)


def test_another_reference_turns_the_sign() -> None:
    """Against tanh, ReLU differs by the opposite of tanh against ReLU."""
    scores = _scores()
    one = compare(scores).query("scope == 'overall' and activation == 'tanh'")["difference"].item()
    other = compare(scores, "tanh").query("scope == 'overall' and activation == 'relu'")["difference"].item()
    assert one == pytest.approx(-other)
