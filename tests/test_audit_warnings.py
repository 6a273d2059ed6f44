"""The second derivation of early warnings against the first, on small samples full of ties and of lonely runs."""

import numpy as np
import pytest
from scipy import stats

from actbench.analysis.early_calibration import Signal, calibrate
from actbench.audit.printed_trainability import _tails
from actbench.audit.printed_warnings import measured
from actbench.audit.resampled import seed_ends

SAME = ("n_runs", "n_untrained", "n_seeds", "direction", "threshold", "held_out_auc", "sensitivity", "specificity",
        "brier", "brier_base")  # fmt: skip


def drawn(case: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw a number, an outcome and a seed for each of a few runs; in every third case just one run failed."""
    draws = np.random.default_rng(case)
    n = int(draws.integers(4, 14))
    bad = draws.random(n) < 0.4 if case % 3 else np.arange(n) == 0
    return draws.integers(0, 4, n) / 2, bad, draws.integers(0, 3, n)


def signal(x: np.ndarray, bad: np.ndarray, seed: np.ndarray) -> Signal:
    """Count runs by outcome, seed and value."""
    values, code = np.unique(x, return_inverse=True)
    counts = np.zeros((2, 3, len(values)))
    np.add.at(counts, (bad.astype(int), seed, code), 1.0)
    return Signal(values, counts)


@pytest.mark.parametrize("case", range(60))
def test_both_derivations_agree(case: int) -> None:
    """Counts, direction, threshold and all that is forecast from other seeds, ties and single failures among them."""
    x, bad, seed = drawn(case)
    first, second = calibrate(signal(x, bad, seed)), measured(x, bad, seed)
    for name in SAME:
        if isinstance(second[name], str):
            assert second[name] == first[name]
        else:
            assert second[name] == pytest.approx(first.get(name, np.nan), nan_ok=True), name


def test_an_interval_that_some_resamples_lack_is_missing() -> None:
    """A statistic that a third of the resamples do not have has no interval; a number in its place is found."""
    ends = seed_ends(lambda counts: np.where(counts[:, 0] > 0, counts[:, 1], np.nan)[None, :], 5)[0]
    for end in ends:
        assert end.hold(np.nan, "")
        assert not end.hold(np.nan, "bca")
        assert not end.kinds


@pytest.mark.parametrize("deviance", [0.0, 1e-9, 3.0, 60.0])
def test_a_p_is_held_to_what_its_deviance_is_known_to(deviance: float) -> None:
    """Near 0 rounding moves p by the root of itself; elsewhere a p that is off in its fifth digit is found."""
    low, high = _tails(deviance, 1)
    assert low <= stats.chi2.sf(deviance, 1) <= high
    assert low > 0.999 or high / low < 1.00001
